# %% part=nrw

# %% [markdown]
# # Lab 05: N, R, W
# > The box office in Amsterdam says: on sale. In Tokyo Kim looks, and there is nothing. She looks again, and there is nothing.
#
# | | |
# |---|---|
# | Time | about 90 min (25 min reading, 45 min code, 20 min thinking) |
# | You need | lab 01: time-outs, and "unknown" as an honest answer |
# | You will be able to | choose R and W for demands on freshness, survival and speed, and say which demands exclude each other; write a quorum client with read repair; find a stale read in a history |
# | Read first | nothing; afterwards Gifford 1979, sections 1 to 3, and DeCandia and others 2007, sections 4.5 and 5 |

# %% setup
from labkit import check, check_linearizable, exercise, hint, predict, show_source, simulate, spacetime
from labkit.figures import history_figure
from labkit.models import Register
from given import *

# %% [markdown]
# ## 1. On sale
# A ticket shop keeps its offers on three replicas: n1 in Amsterdam, n2 on the east coast of the United States, n3 in Tokyo.
# Whoever writes sends to all three, whoever reads asks all three, and each of them goes on with the first answer.
# The box office is in Amsterdam, and Kim is in Tokyo, so the first answer comes within a millisecond.
#
# The links are as long as real ones: half of a measured round trip between these regions (`datasets/region_round_trips`).
# At nine o'clock the box office opens the sale.

# %% predict
predict("5.2", "The box office has been told: done. After that Kim reads. What may she see?",
        options=["on sale", "nothing", "either"])

# %% run
places = {**REGIONS, "box": "West Europe", "kim": "Japan East"}
three = dict(nodes=3, script=across(places), delay_ms=(0.5, 0.5), seed=5)
run = simulate(Shelf, client=FirstAnswer, workload=SALE, until_ms=127, **three)
spacetime(run, title="The first answer is fast, and knows nothing")

# %% [markdown]
# Find the two long arrows from box: they reach n2 after 45 ms and n3 after 125 ms.
# Both of Kim's reads are answered by n3 long before that.
# Below is what the two of them saw: a bar for each **operation**, from the moment when it was asked for to the moment when it was answered.

# %% run
history_figure(run, check_linearizable(run.history, Register()))

# %% [markdown]
# Kim's second read began after the write had ended, and does not know of it.
# Such a read is called **stale**.
# If Kim could wait until she has heard two replicas, and the box office until two have confirmed, they would have one replica in common.
#
# That is the whole idea (Gifford 1979), and it has three numbers:
#
# - **N** replicas have a copy;
# - a write is confirmed when **W** of them have confirmed it;
# - a read is answered when **R** of them have answered, with the newest of what they said.
#
# Each group that suffices is a **quorum**.
# If R + W > N, every read quorum shares a replica with every write quorum.

# %% [markdown]
# ## 2. Waiting for W, waiting for R
# Each value travels with a **tag** that says how new it is: a number, and its writer's id.
# A replica keeps what has the highest tag; `Shelf` does that, and is given.
# Your part is the client.
# Read the class below from `on_start` on; `go_on` and `end` are there for you to call.

# %% run
show_source(QuorumStore)

# %% [markdown]
# Answers to earlier phases never come as far as your methods, `on_message` has seen to that.
# But the network may deliver one answer twice.
#
# ### Exercise 5.1: a write waits for W

# %% exercise=5.1
@exercise("5.1", into=QuorumStore)              # about 3 lines
def on_confirmed(self, source: NodeId, reply: UpdateReply) -> None:
    """Replica `source` has confirmed the pending write; when W replicas have, call `self.end()`.

    W is `self.w`. Keep the reply in `self.replies[source]`, so that a replica counts once, however
    often it answers. After `self.end()` this method is not called again for this write.
    """
    # STUB: keep the reply, then count replicas
    # BEGIN SOLUTION
    self.replies[source] = reply
    if len(self.replies) == self.w:
        self.end()
    # END SOLUTION

# %% check=5.1
check("5.1")

# %% hints=5.1
# - What has to be counted: messages, or replicas?
# - A dict has each key once, so its length is the number of replicas that have answered.
# - `self.replies[source] = reply`, then `if len(self.replies) == self.w: self.end()`.

# %% [markdown]
# ### Exercise 5.2: a read waits for R
# Of R answers that differ, the newest counts: the one with the highest tag.
# Python compares tuples from the left, so `(4, "c2") > (4, "c1") > (3, "c9")`.

# %% exercise=5.2
@exercise("5.2", into=QuorumStore)              # about 4 lines
def on_answer(self, source: NodeId, reply: QueryReply) -> None:
    """Replica `source` has answered the query; when R have, call `self.go_on(newest)`.

    R is `self.r`, and `newest` is the one of the R replies with the highest tag. Keep each reply in
    `self.replies[source]`: a replica counts once. `self.go_on` is called once for a query.
    """
    # STUB: like 5.1; then max with a key
    # BEGIN SOLUTION
    self.replies[source] = reply
    if len(self.replies) == self.r:
        self.go_on(max(self.replies.values(), key=lambda reply: reply.tag))
    # END SOLUTION

# %% check=5.2
check("5.2")

# %% hints=5.2
# - It is 5.1 with another number, and with one more question at the end: which of the replies?
# - `max(..., key=...)` over `self.replies.values()` finds the reply with the highest tag.
# - `self.go_on(max(self.replies.values(), key=lambda reply: reply.tag))`, when `len(self.replies) == self.r`.

# %% [markdown]
# Kim again, with R = 2 and W = 2.
# `OneR2W2` is your class with these numbers; there is one for each pair up to five.

# %% run
run = simulate(Shelf, client=OneR2W2, workload=SALE, until_ms=900, **three)
history_figure(run, check_linearizable(run.history, Register()))

# %% [markdown]
# (If an exercise above is not written yet, there is little to see.)
# Look at the times below the bars: nobody is answered before an ocean has been crossed.
# And no read that begins after the write has ended misses it, wherever it is asked.

# %% [markdown]
# ## 3. Two who write
# One writer counts by itself: 1, 2, 3.
# Two writers who both count by themselves would write under the numbers of each other.
# So in `SharedStore` a write first asks, as a read does, and then chooses a tag that is higher than all it was told.
#
# Two writers may be told the same at the same moment.
# If both choose 8, one replica may keep the one and another replica the other, each with the same right.
# The writer's id in the tag decides this tie: it does not matter how, only that all decide alike.

# %% predict
predict("5.3", "c1 and c2 write at once and both choose the number 8. Which value stays?",
        options=["c1's", "c2's", "it depends on the replica"])

# %% [markdown]
# ### Exercise 5.3: a tag for a write

# %% exercise=5.3
@exercise("5.3", into=SharedStore)              # about 2 lines
def choose_tag(self, known: list[Tag]) -> Tag:
    """A tag for a new write: (number, self.id), with a number that is higher than all in `known`.

    `known` holds the tags that R replicas told, and the last one that this client used itself,
    which may be of a write that nobody confirmed. It is never empty.
    """
    # STUB: the highest number, and one more
    # BEGIN SOLUTION
    return max(number for number, _ in known) + 1, self.id
    # END SOLUTION

# %% check=5.3
check("5.3")

# %% hints=5.3
# - A tag has two halves. Which half says when, and which half says who?
# - The number: the highest of all first halves, and one more. The id: your own.
# - `return max(number for number, _ in known) + 1, self.id`.

# %% [markdown]
# ## 4. Read repair
# A replica that missed a write stays behind until somebody tells it.
# Whoever reads sees that it is behind, and has the newest value in the hand: Dynamo's clients send it back.
# The reader does not wait for this; it has been answered already.

# %% run
show_source(RepairingStore)

# %% [markdown]
# ### Exercise 5.4: repair what lags behind

# %% exercise=5.4
@exercise("5.4", into=RepairingStore)           # about 4 lines
def repair(self) -> None:
    """Send the newest pair in `self.replies` to every replica there that answered an older tag.

    Called when a read has ended, and again after each late reply to it; `self.replies` holds all
    replies so far, replica to QueryReply. The message is Update(REPAIR, tag, value) with tag and
    value unchanged; nobody waits for its answer. To send it twice does no harm; to a replica that
    has answered the newest tag, it is not sent.
    """
    # STUB: find the newest, then go through self.replies.items()
    # BEGIN SOLUTION
    newest = max(self.replies.values(), key=lambda reply: reply.tag)
    for replica, reply in self.replies.items():
        if reply.tag < newest.tag:
            self.send(replica, Update(REPAIR, newest.tag, newest.value))
    # END SOLUTION

# %% check=5.4
check("5.4")

# %% hints=5.4
# - Two steps: what is the newest that anybody answered, and who answered something older?
# - `max` as in 5.2; then a loop over `self.replies.items()` that compares `reply.tag` with the newest tag.
# - In the loop: `if reply.tag < newest.tag: self.send(replica, Update(REPAIR, newest.tag, newest.value))`. A late reply that is the newest needs no case of its own.

# %% [markdown]
# ## 5. Which R, which W?
# Replicas fail, and whoever waits for all of them waits for the one that is down.
# A read ends while R replicas live, a write while W do.
#
# ### Exercise 5.5: quorums for given demands

# %% exercise=5.5
@exercise("5.5")                                # about 4 lines
def choose_quorums(n: int, reads_survive: int, writes_survive: int) -> tuple[int, int] | None:
    """Numbers (r, w) for n replicas that never give a stale read, or None if there are none.

    Reads must end while any `reads_survive` replicas are away, writes while any `writes_survive`
    are. (A writer that need not ask first: a write needs w replicas and no r.) Both r and w lie
    between 1 and n. If several pairs do, return any of them. Both demands lie between 0 and n - 1.
    """
    # STUB: as large as the demands allow; then see whether that is enough
    # BEGIN SOLUTION
    r, w = n - reads_survive, n - writes_survive
    return (r, w) if r + w > n else None
    # END SOLUTION

# %% check=5.5
check("5.5")

# %% hints=5.5
# - How large may r be at most, if reads have to survive that many?
# - Take the largest r and the largest w that the demands allow. If even these do not meet, no others do.
# - `r, w = n - reads_survive, n - writes_survive`, and then `(r, w) if r + w > n else None`.

# %% [markdown]
# So a store of five whose reads survive four and whose writes survive one does not exist: R = 1 needs W = 5.
#
# ### All together: what quorums give
# The next check plays your client with several N, R and W.
# A register is **regular** (Lamport 1986) if every read, taken alone, gives the last confirmed value or one that is being written.
# With R + W > N yours must be that; with less it must be seen to fail, since a client that waits for more than it has to is no answer either.

# %% check=5.Q
check("5.Q")

# %% [markdown]
# ## 6. What R + W > N does not give
# Every read taken alone: those words were chosen with care.
# Box moves the sale to another price; its links to n2 and n3 are slow just now.
# Ana is near to n1 and n2, Ben to n2 and n3, and Ana looks first.

# %% predict
predict("5.2", "R = 2, W = 2, N = 3. Ana has read the new price. Then Ben reads. What may he see?",
        options=["the new price", "the old price", "either"])

# %% run
prices = {"box": [("write", None, "€40"), ("write", None, "€60")], "ana": [("read",)] * 3, "ben": [("read",)] * 4}
run = simulate(Shelf, client=OneR2W2, workload=prices, script=slow_cables(6), delay_ms=(2, 2))
history_figure(run, check_linearizable(run.history, Register()))

# %% [markdown]
# Look for a read of Ana's that has €60, and for one of Ben's that begins after it has ended and has €40.
# Ben's read is not stale: the write is not confirmed yet, and he may see either.
# Only together with Ana's it makes no sense; the checker finds no place for it.
# This is a **new-old inversion**.
# Does read repair help?
# Ana's client sends €60 to n2 as soon as she has been answered; today her link to n2 is slow as well.

# %% run
def far_from_n2(run):
    slow_cables(16)(run)
    run.network.set_link("ana", "n2", delay_ms=(60, 60))

run = simulate(Shelf, client=R2W2, workload=prices, script=far_from_n2, delay_ms=(2, 2))
history_figure(run, check_linearizable(run.history, Register()))

# %% [markdown]
# The repair is under way, and Ben's question is faster.
# It would have to arrive *before* Ana is answered; that is the one trip that part b adds.

# %% [markdown]
# ### Break it
# Let the client give its first answer, even if that is not the newest of the R.
# It waits as long as before, and reads as often; which promise falls?
# The way from Amsterdam to Tokyo is jammed today and takes 400 ms.

# %% run
class Careless(OneR2W2):
    def on_answer(self, source, reply):
        self.replies[source] = reply
        if len(self.replies) == self.r:
            self.go_on(next(iter(self.replies.values())))

def jammed(run):
    across(places)(run)
    run.network.set_link("box", "n3", delay_ms=(400, 400))

run = simulate(Shelf, client=Careless, workload=SALE, script=jammed, delay_ms=(0.5, 0.5), until_ms=900)
history_figure(run, check_linearizable(run.history, Register()))

# %% [markdown]
# Kim's nearest replica is always the first to answer, and it is the last to know.
# Quorums that meet are worth nothing to a reader who does not compare.

# %% [markdown]
# ## 7. Measure: the grid
# Nine stores, for R and W from 1 to 3, on three continents.
# One client in each region; the one in Amsterdam writes, the others read all the time.
# Each store runs twice: once in peace, for staleness and latency, and once while Tokyo is away, for availability.

# %% run
home = {**REGIONS, "c1": "West Europe", "c2": "East US", "c3": "Japan East"}
turns = {"c1": [("write", None, f"price {n}") for n in range(25)], "c2": [("read",)] * 40, "c3": [("read",)] * 40}

def measure(r, w, script):
    client = globals()[f"OneR{r}W{w}"]
    run = simulate(Shelf, client=client, workload=turns, script=script, delay_ms=(0.5, 0.5), until_ms=60_000)
    return run.history

def without_tokyo(run):
    across(home)(run)
    run.at(0, run.isolate, "n3")

# %% [markdown]
# `staleness` says of each read by how many confirmed writes it was behind, at least.

# %% run
from labkit.consistency import staleness

def cell(r, w):
    peace, cut = measure(r, w, across(home)), measure(r, w, without_tokyo)
    frame = peace.to_frame()
    waits = (frame.returned_ms - frame.invoked_ms).groupby(frame.f).median().fillna(0)
    stale = [read.versions > 0 for read in staleness(peace)] or [False]
    answered = (cut.to_frame().outcome == "ok").mean()
    return {"r": r, "w": w, "stale %": 100 * sum(stale) / len(stale),
            "answered without Tokyo %": 100 * answered, "read ms": waits["read"], "write ms": waits["write"]}

# %% chart
from labkit.figures.charts import quorum_grid

cells = [cell(r, w) for r in (1, 2, 3) for w in (1, 2, 3)]
stale = quorum_grid(cells, "stale %", title="Stale reads")
answered = quorum_grid(cells, "answered without Tokyo %", title="Answered")
(stale | answered).resolve_scale(color="independent")

# %% chart
reads = quorum_grid(cells, "read ms", title="Median read, ms")
writes = quorum_grid(cells, "write ms", title="Median write, ms")
(reads | writes).resolve_scale(color="independent")

# %% [markdown]
# Read the four pictures cell by cell; the framed cells have R + W > N.
# In them nothing is stale, and every one of them pays: with R for each read, or with W for each write.
# R = 2 with W = 1 shows no stale read either: in these places a write is faster than a question, and that is luck.
# With Tokyo away whatever needs three of three stands still, so R = W = 2 is the only framed cell where all is answered.
# To have freshness, survival and speed at once, there is no cell.

# %% [markdown]
# ## 8. What you know now
# N replicas, W confirmations, R answers: each pair of quorums meets if R + W > N, and then the newest of R answers is never older than the last confirmed write.
# R and W are also the prices of a read and of a write, in milliseconds and in replicas that must live.
# Tags order the writes, and the writer's id makes every tie end the same way everywhere.
# Read repair brings replicas together that have missed something, and promises nothing.
# Two reads may still disagree about what is newest.
#
# | word | meaning |
# |---|---|
# | quorum | as many replicas as suffice; read and write quorums meet if R + W > N |
# | stale read | a read that misses a write which was confirmed before it began |
# | regular | no read is stale, and none makes anything up |
# | tag | how new a value is: a number, then its writer's id |
# | read repair | a reader sends the newest to the replicas that lag behind |
# | new-old inversion | one reader sees the new value, a later one the old |

# %% [markdown]
# ### Questions
# 1. N = 3, R = 1, W = 3 gives fresh reads that are fast. Why does hardly anybody run it?
# 2. With R + W > N and two writers, why does a write have to ask R replicas, and not one?
# 3. Somebody sets N = 5, R = 2, W = 3 and sees no stale read in a month. What has he shown?
# 4. Does read repair make R = W = 1 regular, if everybody reads often enough?
# 5. A replica loses its memory and comes back. Which sum is not true any more?
#
# <details><summary>Answers</summary>
#
# 1. One replica that is down stops every write, and with N replicas it is N times as likely that one is down.
# 2. It has to hear of the last confirmed write, or its own tag may be lower, and a confirmed write would be kept by nobody. Asking is a read.
# 3. That links were short against the time between a write and a read. The first slow link shows it.
# 4. No. There is always a moment between a confirmation and the repair, and a reader may come in it.
# 5. R + W > N counts replicas that *still have* what they confirmed. One that forgot counts for nothing, so in part b they write to the disk first.
#
# </details>
#
# ### In production
# Cassandra lets each request choose (ONE, QUORUM, ALL), and repairs on read; its tags are clock times. Riak has `r`, `w` and `n_val` for a bucket. DynamoDB offers "eventually consistent" reads at half the price of consistent ones: R is on the bill.
#
# ### Going further
# - 15 min: put the replicas elsewhere (`datasets/region_round_trips/README.md` has 24 regions) and find places in which R = W = 2 costs no reader over 30 ms.
# - 1 h: give replicas weights, as Gifford did, so that a strong one counts for two. What replaces R + W > N?
# - An evening: let R and W change while the store works. What must a client know before it may use the new numbers?
#
# Reading: Gifford, *Weighted Voting for Replicated Data* (1979), sections 1 to 3; DeCandia and others, *Dynamo* (2007), sections 4.5 and 5; Lamport, *On Interprocess Communication* (1986), for "regular"; Bailis and others, *Probabilistically Bounded Staleness* (2012), for how stale R + W <= N really is.
#
# In part b two readers compare what they saw.
