# %% part=tunable

# %% [markdown]
# # Lab 07: Per call
# > Kim changes the price of tea and looks at her screen: the old price. She changes it again. The store was never wrong, by its own rules. Whose rules should count, and for which call?
#
# | | |
# |---|---|
# | Time | about 90 min (20 min reading, 45 min code, 25 min thinking) |
# | You need | lab 05, parts a and b: quorums, tags, the write-back |
# | You will be able to | give each call the level it needs; say of each refused operation whether it happened; keep two session guarantees on top of a store that keeps none |
# | Read first | nothing; afterwards Terry and others 1994, and Lakshman & Malik 2010 |

# %% setup
from labkit import check, check_linearizable, exercise, hint, history_figure, predict, show_source, simulate
from labkit.consistency import check_bounded_staleness, check_sessions
from labkit.figures import charts
from labkit.models import Register
from given import *

# %% [markdown]
# ## 1. One store, four levels
# In part a each store had made its choice for all calls.
# But a bank balance and a "customers also bought" do not need the same.
# Cassandra lets the client choose in every call how many replicas it waits for:
#
# | level | waits for | gives |
# |---|---|---|
# | ONE | the first answer | speed, and an answer while any replica is near |
# | QUORUM | a majority | no stale read, if writes are at QUORUM, too |
# | ALL | every replica | no stale read after it, even at ONE |
# | LINEARIZABLE | a majority, and once more | what lab 05's part b gave: reads that never go back |
#
# The replica is given: it keeps the newest of each key, and tells its peers now and then.
# Every operation begins by asking all replicas what they have; a write then sends them something newer.
# Read the client from `on_invoke` on; your methods are the three at its top, and those under "to be called" are there for you.

# %% run
show_source(TunableClient)

# %% [markdown]
# ### Exercise 7.4: how many answers?

# %% exercise=7.4
@exercise("7.4", into=TunableClient)            # about 3 lines
def needed(self, level: str, count: int) -> int:
    """How many of `count` replicas must have answered before a phase at this level is over.

    ONE needs one; QUORUM and LINEARIZABLE need a majority, so that any two of them share a
    replica; ALL needs all. `majority(count)` is given.
    """
    # STUB: a dict will do
    # BEGIN SOLUTION
    return {"ONE": 1, "ALL": count}.get(level, majority(count))
    # END SOLUTION

# %% check=7.4
check("7.4")

# %% hints=7.4
# - Two of the four levels need the same number.
# - A dict from level to number, and `[level]` at its end.
# - `return {"ONE": 1, "QUORUM": majority(count), "LINEARIZABLE": majority(count), "ALL": count}[level]`.

# %% [markdown]
# ## 2. What comes after the answers
# `on_enough` is called when a phase has its answers.
# What then?
# For a read at ONE, QUORUM or ALL that is all; a read at LINEARIZABLE has to make sure that the next reader finds nothing older.

# %% predict
predict("7.5", "A write waits for QUORUM and is half done: two of five replicas have it. Ana and then Ben read at QUORUM. May Ben see the older value?",
        options=["no, quorums meet", "yes", "only in a partition"])

# %% [markdown]
# ### Exercise 7.5: go on, or end

# %% exercise=7.5
@exercise("7.5", into=TunableClient)            # about 9 lines
def on_enough(self) -> None:
    """Enough replicas have answered `self.request`: go on with the pending operation, or end it.

    When the request was a Look, a write begins to keep `self.pending.value` under a new tag. A read
    has found `self.newest()`: at LINEARIZABLE it begins to keep that tag and value, unchanged; at
    other levels it ends with them. When the request was a Keep, the operation ends with the tag
    and the value of that request. Call `self.keep(tag, value)` and `self.end(tag, value)`.
    """
    # STUB: was it a Keep? is it a write? and what level has the read?
    # BEGIN SOLUTION
    if isinstance(self.request, Keep):
        self.end(self.request.tag, self.request.value)
    elif not self.is_read:
        self.keep(self.new_tag(), self.pending.value)
    elif self.level == "LINEARIZABLE":
        self.keep(self.newest().tag, self.newest().value)
    else:
        self.end(self.newest().tag, self.newest().value)
    # END SOLUTION

# %% check=7.5
check("7.5")

# %% hints=7.5
# - Four cases: a Keep is confirmed; a write has looked; a LINEARIZABLE read has looked; any other read has looked.
# - Ask `isinstance(self.request, Keep)` first: then the operation is over, whatever it is.
# - For a write `self.keep(self.new_tag(), self.pending.value)`; for a read `newest = self.newest()`, and then `self.keep(newest.tag, newest.value)` or `self.end(newest.tag, newest.value)`.

# %% [markdown]
# ## 3. When too few answer
# Behind a partition a call at QUORUM waits in vain.
# After `PATIENCE_MS` the client must say something, and it has two words: *failed* means that it certainly did not happen and never will; *unknown* means that nobody knows.
# "Failed" is worth much more to the caller, who may try elsewhere without doing it twice.
# It must be true, though.

# %% predict
predict("7.6", "A write has looked, and sent its value to five replicas; one has confirmed, and time is up. Failed or unknown?",
        options=["failed", "unknown", "done"])

# %% [markdown]
# ### Exercise 7.6: refuse, or admit it

# %% exercise=7.6
@exercise("7.6", into=TunableClient)            # about 5 lines
def on_timer(self, name: str) -> None:
    """Too few replicas have answered in time: end the pending operation honestly.

    A read changes nothing, so it has failed (`self.fail`), in either phase. A write whose value has
    not been sent to anybody, because it is still looking, has failed as well. A write whose value is
    on its way is unknown (`self.give_up`). Afterwards `self.pending` is None.
    """
    # STUB: which of the two phases is it in?
    # BEGIN SOLUTION
    if self.is_read or isinstance(self.request, Look):
        self.fail(self.pending)
    else:
        self.give_up(self.pending)
    self.pending = None
    # END SOLUTION

# %% check=7.6
check("7.6")

# %% hints=7.6
# - What could any replica have of a write that is still looking? And what could it have afterwards?
# - `self.request` tells the phase: a Look, or a Keep.
# - `if self.is_read or isinstance(self.request, Look): self.fail(self.pending)`, else `self.give_up(self.pending)`; and then `self.pending = None`.

# %% [markdown]
# Your store, through the partition of part a, at three levels.

# %% run
workload = reads_and_writes(5, 60, keys=KEYS)
for read, write in (("ONE", "ONE"), ("QUORUM", "QUORUM"), ("ONE", "ALL"), ("LINEARIZABLE", "LINEARIZABLE")):
    run = play(TUNABLE, at_level(workload, read, write))
    verdict = check_linearizable(plain_history(run.history), Register()).verdict
    print(f"read {read:12} write {write:12} answered {answered_in(run.history, CUT_MS)}  median {latency_of(run.history)} ms  linearizable: {verdict}")

# %% [markdown]
# At ONE both sides are answered in no time.
# With writes at ALL nobody can write during the partition, on either side, and reads at ONE go on: a phone book would be happy with that.
# "ok" for QUORUM may be luck, as you predicted above.
#
# ### Break it
# A colleague finds the second trip of a LINEARIZABLE read too slow, and answers from the first reply; the level is still called LINEARIZABLE.

# %% predict
predict("7.5", "Which picture will show it?", options=["the one in peace", "the one with a partition", "both", "neither"])

# %% run
class Claims(TunableClient):
    def needed(self, level, count):
        return 1 if self.is_read else majority(count)

    def on_enough(self):
        if self.is_read:
            self.end(self.newest().tag, self.newest().value)
        else:
            super().on_enough()

day = {"c1": [("write", "tea", "€1")], "c2": [("read", "tea")] * 8, "c4": [("read", "tea")] * 8}
run = play(Made(five(TunableReplica), Claims), at_level(day, "LINEARIZABLE", "LINEARIZABLE"), cut_ms=None, until_ms=800)
history_figure(run, check_linearizable(plain_history(run.history), Register()), title="ONE that claims to be LINEARIZABLE")

# %% [markdown]
# No partition was needed.
# The new price reaches the replica in the United States before the one in Japan: c2 reads it, and after that c4 reads what was before.
# In a partition it would be worse: the smaller side goes on reading old prices that were overwritten and confirmed long ago.
# A name promises nothing; histories tell.

# %% [markdown]
# ## 4. A customer with a memory
# Kim travels from Tokyo to Amsterdam.
# In Tokyo she changed the price of tea; in Amsterdam she looks at it, and sees what it was before.
# At ONE, that is allowed.

# %% run
kim = dict(client=TunableClient, workload=shopper(), delay_ms=(80, 80), until_ms=900)
trip = lambda run: travels(run, "c4", [(0, "n4"), (30, "n1")])
run = simulate(TunableReplica, 5, script=trip, **kim)
history_figure(run, check_sessions(plain_history(run.history), ("RYW", "MR")), title="Kim changes a price and travels")

# %% [markdown]
# Kim does not need a store that is linearizable for all.
# She needs two promises about *herself*:
#
# - **read your writes** (RYW): a read sees nothing older than what its session wrote to the key;
# - **monotonic reads** (MR): a read sees nothing older than what its session has read of the key.
#
# Terry and others (1994) noticed that the store need not change for that.
# The client remembers the tag of what it has written and seen, and does not accept an older one.
#
# ### Exercise 7.7: remember

# %% exercise=7.7
@exercise("7.7", into=Remembering)              # about 1 line
def note(self, key: str, tag: Tag) -> None:
    """The session has written or read `tag` under `key`: remember in `self.seen` the newest tag of each key.

    `self.seen` is a dict from key to tag. An older tag than the one remembered changes nothing, and
    what happens to one key says nothing about another. Called at the end of each operation that
    was answered, by `end`, which is given.
    """
    # STUB: the newer of the two
    # BEGIN SOLUTION
    self.seen[key] = max(tag, self.seen.get(key, NO_TAG))
    # END SOLUTION

# %% check=7.7
check("7.7")

# %% hints=7.7
# - What if the session has seen (8, "c1") and now hears (7, "c2")?
# - `self.seen.get(key, NO_TAG)` is what is remembered of this key; keep the larger of two tags.
# - `self.seen[key] = max(tag, self.seen.get(key, NO_TAG))`.

# %% [markdown]
# ### Exercise 7.8: do not accept an older answer
# `on_message` calls `on_enough` when the level has its answers, and again with each further answer to the same phase, as long as the phase is not over.
# So a client that does not like what it has may wait: all replicas were asked, and the next answer may come from one that knows more.
# If none does before the time is up, `on_timer` refuses: exercise 7.6 has seen to that.

# %% exercise=7.8
@exercise("7.8", into=SessionClient)            # about 4 lines
def on_enough(self) -> None:
    """Enough for the level have answered; go on with `self.go_on()`, but never with too old an answer.

    Only the Look of a read can be too old: if `self.newest()` is older than what the session
    remembers of this key (`self.seen`, `self.pending.key`), do nothing, and wait for more answers.
    The same tag is not older. Everything else goes on at once, writes too.
    """
    # STUB: when is there nothing to do yet?
    # BEGIN SOLUTION
    looks = self.is_read and isinstance(self.request, Look)
    if looks and self.newest().tag < self.seen.get(self.pending.key, NO_TAG):
        return  # wait for a replica that knows more, or for the end of our patience
    self.go_on()
    # END SOLUTION

# %% check=7.8
check("7.8")

# %% hints=7.8
# - Which of the four cases of 7.5 hands a value to the customer that the session could already know better?
# - One guard with two conditions, and then `self.go_on()`. In a Keep phase `self.newest()` would make no sense: the answers have no tags.
# - `if self.is_read and isinstance(self.request, Look) and self.newest().tag < self.seen.get(self.pending.key, NO_TAG): return`.

# %% [markdown]
# Kim once more, with your session.

# %% run
run = simulate(TunableReplica, 5, script=trip, **{**kim, "client": SessionClient})
history_figure(run, check_sessions(plain_history(run.history), ("RYW", "MR")), title="The same journey, with a memory")

# %% [markdown]
# One of Kim's reads is longer than the others: Amsterdam's answer was too old, and the client waited for one from further away.
#
# ### All together: levels and sessions through partitions
# The next check plays your store with near and far replicas, travellers, partitions and crashes.
# What claims to be LINEARIZABLE must be; QUORUM must never be stale; ONE must be answered on both sides; a session's promises must hold, or the read be refused.

# %% check=7.T
check("7.T")

# %% [markdown]
# ## 5. Measure: how long is the partition?
# Now only the head office, c1, writes prices, and everybody reads them.
# Sweep over the length of the partition, for three pairs of levels, three times each.
# The first chart asks how many of the operations of the east side were answered, the second one how old the oldest answer was.

# %% run
PAIRS = [("ONE", "ONE"), ("QUORUM", "QUORUM"), ("ONE", "ALL")]

def one(read, write, length_ms, seed):
    work = at_level(head_office(60), read, write)
    cut_ms = (300 + 40 * seed, 300 + 40 * seed + length_ms)
    run = play(TUNABLE, work, cut_ms=cut_ms, until_ms=20_000, seed=seed)
    east = answered_in(run.history, (300, 2_500))["east"]
    oldest = max((row["staleness_ms"] for row in stale_rows(run)), default=0)
    return {"levels": f"{read}/{write}", "length_ms": length_ms, "answered": east, "oldest_ms": oldest}

rows = each_of(one, [(*pair, length, seed) for pair in PAIRS for length in range(0, 2_001, 400) for seed in range(3)])

# %% chart
answered = charts.sweep(rows, "length_ms", "answered", by="levels", title="East, answered in two seconds, %")
line = [{"length_ms": ms, "oldest_ms": ms} for ms in (0, 2_000)]
oldest = charts.sweep(rows, "length_ms", "oldest_ms", by="levels", theory=line, title="Oldest answer, ms")
answered.properties(width=300) | oldest.properties(width=300)

# %% [markdown]
# The dashed line on the right is theory: an answer at ONE can be as old as the partition is long, and a little older.
# QUORUM is not on the way up at all; what it loses is on the left, in proportion to the length.
# ONE with ALL loses nothing in either picture, and pays elsewhere: during the partition head office cannot write.
#
# And the choice of R and W, with one partition of 1.2 seconds; five replicas, so R + W > 5 is framed.

# %% chart
def cell(r, w):
    made = Made(five(TunableReplica), type(f"R{r}W{w}", (TunableClient,), {"needed": lambda self, level, count: r if self.is_read else w}))
    run = play(made, at_level(workload, "ONE", "ONE"), until_ms=12_000)
    stale = [row["staleness_ms"] > 0 for row in stale_rows(run)] or [False]
    return {"r": r, "w": w, "n": 5, "stale %": 100 * sum(stale) / len(stale), "east %": answered_in(run.history, CUT_MS)["east"]}

cells = [cell(r, w) for r in (1, 2, 3, 4) for w in (1, 2, 3, 4)]
(charts.quorum_grid(cells, "stale %", title="Stale reads, %") | charts.quorum_grid(cells, "east %", title="East answered, %")).resolve_scale(color="independent")

# %% [markdown]
# East has two replicas: with R and W up to 2 all its calls are answered; with more, its reads, its writes or both are not.
# No framed cell is answered in full.
# R = W = 2 shows no stale read either, because here each side writes all the time; the frame promises, and a history does not.
# That is the CAP theorem, in a table that your own store has filled in.

# %% [markdown]
# ## 6. What you know now
# A level is a number of answers to wait for; LINEARIZABLE is a majority and a second trip for reads.
# The choice belongs to the call, since the call knows what it can bear.
# "Failed" is a promise, and only what was sent to nobody can give it.
# Session guarantees are kept by the client: it remembers tags, and waits or refuses rather than go back.
#
# | word | meaning |
# |---|---|
# | tunable | each call says how many replicas it waits for |
# | session | the operations of one client, in its own order |
# | read your writes | nothing older than what the session wrote |
# | monotonic reads | nothing older than what the session has read |
# | refuse | to fail before anything was sent that could take effect |

# %% [markdown]
# ### Questions
# 1. Writes at ALL, reads at ONE: why is a read not stale? And why is the pair not linearizable?
# 2. A session has read the price at (9, "c2"), and its till is cut off with a replica that has (7, "c1"). What does it get, and what would a customer without memory get?
# 3. Why does a session's client compare tags, and not values or clock times?
# 4. What becomes of Kim's session if her till is replaced by another one?
#
# <details><summary>Answers</summary>
#
# 1. A confirmed write is on every replica, so whichever answers knows it. While the write is under way one replica has it and another has not, so a first reader may see it and a second one not: an inversion.
# 2. The read is refused after `PATIENCE_MS`. Without a memory it is answered at once, with the older price.
# 3. Tags order the writes of a key; values do not, and clock times of several machines do not either (lab 02).
# 4. The memory is gone, and with it the guarantee. Real systems hand the session's tags on, as a cookie or a "session token".
#
# </details>
#
# ### In production
# Cassandra has ONE, QUORUM, ALL and, for lightweight transactions, SERIAL, which runs Paxos (lab 08) and not a write-back, since it also compares and sets.
# Azure Cosmos DB sells five levels, and its default is "session": it hands out session tokens. MongoDB's causally consistent sessions do the same with cluster times.
#
# ### Going further
# - 15 min: which of the other two guarantees, monotonic writes and writes follow reads, does your client keep already? Ask `check_sessions`, and find the line in `new_tag` that is to blame.
# - 1 h: let a refused session read ask again once, before it fails. Does the availability of travellers rise?
# - An evening: let the store choose the level by itself, from a bound on staleness that the call gives (Terry and others, *Consistency-Based Service Level Agreements*, 2013).
#
# Reading: Terry and others, *Session Guarantees for Weakly Consistent Replicated Data* (1994), for the four guarantees and who keeps them; Lakshman & Malik, *Cassandra* (2010), section 5; Bailis and others, *Probabilistically Bounded Staleness* (2012), for how stale ONE is in practice.
#
# No level in this lab lets two clients agree on who was first. In part 3 of the course the nodes begin to agree.
