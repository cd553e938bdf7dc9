# %% part=abd

# %% [markdown]
# # Lab 05: The atomic register
# > Ana reads that the train has moved to platform 4. She tells Ben. Ben looks, and reads platform 9.
#
# | | |
# |---|---|
# | Time | about 2 hours (30 min reading, 70 min code, 20 min thinking) |
# | You need | lab 01: time-outs, retries, "unknown", and what must be on the disk before a reply leaves |
# | You will be able to | say why a read has to write; choose tags that no two writes share; point, in a history, at the operation that cannot be placed; build a register that stands while a majority stands |
# | Read first | nothing; afterwards Attiya, Bar-Noy & Dolev 1995, sections 1 to 3 (8 pages) |

# %% setup
from labkit import check, check_linearizable, exercise, hint, predict, replay, show_source, simulate, spacetime, start_cluster
from given import *

# %% [markdown]
# ## 1. Platform 4
# A station announces platforms on three computers, n1, n2 and n3, so that one of them may fail.
# The signal box writes to all three and goes on when two have confirmed.
# Whoever wants to know asks all three and waits for two answers; of two different ones, the newer counts.
# Two and two are more than three, so each reader meets at least one computer that has the last confirmed announcement.
#
# Tonight the night train moves from platform 9 to platform 4, and two of the cables are slow.
# The announcement reaches n1 at once; n2 and n3 will have it in 250 ms.
# Ana is near n1 and n2, Ben is near n2 and n3, and Ben looks more than once.

# %% predict
predict("5.9", "Ana has read platform 4. After that Ben asks. What may he read?",
        options=["only 4", "9 or 4", "nothing"])

# %% run
run = simulate(NaiveReplica, client=NaiveClient, workload=STATION, script=slow_cables(6), delay_ms=(2, 2))
spacetime(run, title="The announcement is under way to n2 and n3")

# %% [markdown]
# Find the arrow from box to n1 that arrives early, and the two long ones to n2 and n3.
# Ana's query reaches n1 after the first; all that Ben asks reaches n2 and n3 before the others.
# Each of them did what we said: two answers, the newer one counts.
#
# That was what the machines did.
# The next picture shows only what their users saw: a bar for each **operation**, from the moment it was asked for to the moment it was answered.

# %% run
from labkit.figures import history_figure
from labkit.models import Register

history_figure(run, check_linearizable(run.history, Register()))

# %% [markdown]
# A register is **atomic** (the same as **linearizable**) if every operation seems to happen at one moment within its bar.
# Try it with a pencil: one dot in each bar, such that reading the dots from left to right each read gives the last written value.
# Ana's dot must come after that of `write platform 4`, and Ben's last bar begins after Ana's has ended.
# So his dot comes after hers, and there is no place where he could read platform 9.
# This is called a **new-old inversion**: nobody lied, and still the past came back.
#
# Two quorums that overlap are not enough.
# A write that is under way is on some replicas and not on others, and one reader meets them and the next one does not.
# The cure is from 1990 and takes one more trip: a reader who is going to say "4" first makes sure that a majority has 4.

# %% [markdown]
# ## 2. A replica
# Each value travels with a **tag**, which says how new it is: a number, and the id of its writer.
# Python compares tuples from the left, so `(4, "c2") > (4, "c1") > (3, "c9")`, and any two different tags are ordered.
#
# The replicas are as simple as can be: they answer two kinds of request, and never talk to each other.

# %% run
show_source(Replica)

# %% [markdown]
# ### Exercise 5.6: keep the newest

# %% exercise=5.6
@exercise("5.6", into=Replica)                  # about 4 lines
def on_update(self, source: NodeId, update: Update) -> None:
    """Keep `update.tag` and `update.value` if the tag is higher than `self.tag`; answer `source`.

    Every update is answered by one UpdateReply with its phase, an outdated one too: "I have
    that, or something newer". What a reply promises survives a crash: `tag` and `value` are
    saved under these names, together in one save, before the reply leaves.
    """
    # STUB: compare whole tags; save, then send
    # BEGIN SOLUTION
    if update.tag > self.tag:
        self.tag, self.value = update.tag, update.value
        self.storage.save(tag=self.tag, value=self.value)
    self.send(source, UpdateReply(update.phase))
    # END SOLUTION

# %% check=5.6
check("5.6")

# %% hints=5.6
# - Two questions, and they are independent: do I keep this, and what do I answer?
# - Only a higher tag changes anything; the reply is sent in every case, after the save.
# - `if update.tag > self.tag:` set both attributes and `self.storage.save(tag=self.tag, value=self.value)`; then, outside the `if`, `self.send(source, UpdateReply(update.phase))`.

# %% [markdown]
# ## 3. Waiting for a majority
# A client works in **phases**.
# In each it sends one request to all replicas, and goes on when a majority has answered.
# It never waits for a certain replica, since that one may be dead; and never for all of them.
# The phases are numbered, and each reply repeats the number of what it answers.
#
# Read the class below from `on_start` on; `query`, `update` and `end` are there for you to call.

# %% run
show_source(QuorumClient)

# %% [markdown]
# The first client that we build on it is the one of the paper's first algorithm: a single writer, which needs no one else to know what is newest.

# %% run
show_source(SingleWriter)

# %% predict
predict("5.7", "A client with 5 replicas has 3 replies. Is that a majority?",
        options=["yes", "no", "that depends on which"])

# %% [markdown]
# ### Exercise 5.7: whose answers count?
# The network may deliver a reply twice, or so late that its phase is long over.

# %% exercise=5.7
@exercise("5.7", into=QuorumClient)             # about 5 lines
def on_reply(self, source: NodeId, reply: QueryReply | UpdateReply) -> None:
    """Note that `source` has answered; at a majority of the replicas, call `self.on_majority()`.

    Keep the reply in `self.replies[source]`, so that a replica counts once, however often it
    answers. A reply to another phase than `self.phase` counts for nothing, nor does one that
    comes when no operation is pending. `self.on_majority()` is called once in a phase, at the
    moment when a majority is there. The replicas are `self.peers`; `majority(n)` is given.
    """
    # STUB: first say which replies do not count
    # BEGIN SOLUTION
    if self.pending is None or reply.phase != self.phase:
        return  # an answer to a phase that is over
    self.replies[source] = reply
    if len(self.replies) == majority(len(self.peers)):
        self.on_majority()
    # END SOLUTION

# %% check=5.7
check("5.7")

# %% hints=5.7
# - Three things may be wrong with a reply: nobody waits, it answers an earlier phase, or its replica has answered before.
# - Guard against the first two and return; a dict takes care of the third, since its length counts replicas.
# - `if self.pending is None or reply.phase != self.phase: return`, then `self.replies[source] = reply`, then compare `len(self.replies)` with `majority(len(self.peers))`. After `on_majority` either a new phase has begun or nothing is pending, so the guard keeps later replies away.

# %% [markdown]
# ### Exercise 5.8: ask again, or admit it
# A message is lost, or three of five replicas are away.
# The first is cured by asking again; the second cannot be cured from here.

# %% exercise=5.8
@exercise("5.8", into=QuorumClient)             # about 8 lines
def on_timer(self, name: str) -> None:
    """A time-out: ask again those that have not answered, or after TRIES_MAX tries give up.

    Asking again means `self.request`, unchanged, to each replica that is not in
    `self.replies`, and to no other; then a new timer for RETRY_MS. The first try of a phase is
    counted already: `self.tries` is 1 then. After the last one the operation is unknown
    (`self.give_up`), `self.pending` is None, and no timer is set.
    """
    # STUB: compare self.tries with TRIES_MAX
    # BEGIN SOLUTION
    if self.tries == TRIES_MAX:
        self.give_up(self.pending)
        self.pending = None
        return
    self.tries += 1
    for peer in self.peers:
        if peer not in self.replies:
            self.send(peer, self.request)
    self.set_timer("retry", RETRY_MS)
    # END SOLUTION

# %% check=5.8
check("5.8")

# %% hints=5.8
# - Who has answered already, and does it help to ask them again? What must not be forgotten when you do ask?
# - Two branches, as in exercise 1.5; in the one that asks again, go through `self.peers` and leave out those in `self.replies`.
# - `for peer in self.peers: if peer not in self.replies: self.send(peer, self.request)`, then `self.set_timer("retry", RETRY_MS)`. The replies so far stay: they are answers to the same phase.

# %% [markdown]
# ## 4. Reading means writing
# Now the client that reads and writes beside others.
# Every operation begins with a query, and every operation ends with an update.
# Between the two stands one decision, and it is yours: `read_newest` for a read, `write_newer` for a write.

# %% run
show_source(RegisterClient)

# %% [markdown]
# ### Exercise 5.9: read the newest, and write it back

# %% exercise=5.9
@exercise("5.9", into=RegisterClient)           # about 2 lines
def read_newest(self) -> None:
    """A majority has answered the query of a read: write back the newest pair with `self.update`.

    The newest is the one with the highest tag in `self.replies`, a dict from replica to
    QueryReply. It is written back to all, tag and value unchanged: the same write, once more,
    and no new one. `on_majority` ends the read when a majority has confirmed, and not before.
    """
    # STUB: use max with a key, and self.update
    # BEGIN SOLUTION
    newest = max(self.replies.values(), key=lambda reply: reply.tag)
    self.update(newest.tag, newest.value)
    # END SOLUTION

# %% check=5.9
check("5.9")

# %% hints=5.9
# - Which of the replies is the newest, and who must have it before this read may be answered?
# - `max(..., key=...)` over `self.replies.values()` finds the reply with the highest tag; the rest is one call.
# - `newest = max(self.replies.values(), key=lambda reply: reply.tag)`, then `self.update(newest.tag, newest.value)`.

# %% [markdown]
# ## 5. Writing something newer
# A writer that is not alone must first learn what is newest; that was the query.
# Then it chooses a tag that beats it, and that nobody else chooses: not at the same moment, and not in its own past.
#
# Its own past is where the trap is.
# A client writes "platform 4" under (8, "c1"), reaches one replica, and gives up: unknown.
# It goes on with "platform 5", and a majority without that replica tells it that 7 is the highest number.

# %% predict
predict("5.10", "What happens if it writes platform 5 under (8, 'c1') too?",
        options=["nothing bad", "replicas may differ for ever", "the write fails"])

# %% [markdown]
# ### Exercise 5.10: a tag of one's own

# %% exercise=5.10
@exercise("5.10", into=RegisterClient)          # about 3 lines
def write_newer(self) -> None:
    """A majority has answered the query of a write: begin the update with a tag of its own.

    The tag is (number, self.id). Its number is higher than every number in `self.replies`,
    and higher than every number that this client has used before, even for a write that it
    gave up: keep the last one in `self.number`. The value is `self.pending.value`.
    """
    # STUB: the highest number you know of, and one more
    # BEGIN SOLUTION
    highest = max(reply.tag[0] for reply in self.replies.values())
    self.number = max(highest, self.number) + 1
    self.update((self.number, self.id), self.pending.value)
    # END SOLUTION

# %% check=5.10
check("5.10")

# %% hints=5.10
# - Two sources know numbers that are taken: the replies, and you.
# - Take the highest number of both, add one, remember it in `self.number`, and put your id beside it.
# - `self.number = max(self.number, *(reply.tag[0] for reply in self.replies.values())) + 1`, then `self.update((self.number, self.id), self.pending.value)`.

# %% [markdown]
# ### All together: is it atomic?
# The next check plays your replicas and clients in hundreds of orders, with copies, crashes between any two effects, partitions, one-way cuts, and replicas that are near to one client and too far for another.
# After each run it looks only at what the clients saw, and asks whether a dot can be put into every bar.

# %% check=5.A
check("5.A")

# %% [markdown]
# ## 6. The station again
# Your register, with the same slow cables (a little later, since a write takes two trips now).
# Look at Ana's read: her bar is longer than it was, and it ends only when a second computer knows what she is going to say.

# %% run
station = dict(workload=STATION, script=slow_cables(15), delay_ms=(2, 2))
run = simulate(Replica, client=RegisterClient, **station)
history_figure(run, check_linearizable(run.history, Register()))

# %% [markdown]
# If an exercise above is not written yet, the run stops there, and there is little to see.
# Otherwise each bar holds a numbered dot: that is one order that explains all answers, found by the checker.
#
# ### Break it
# It is tempting to save the reader's second trip: the value is there, why not answer?
# The class below is yours without the write-back.

# %% predict
predict("5.9", "Without write-back, which property falls?",
        options=["a read returns what was written", "reads never go back", "every operation ends"])

# %% run
class Hasty(RegisterClient):
    def read_newest(self):
        self.end(max(self.replies.values(), key=lambda reply: reply.tag).value)

run = simulate(Replica, client=Hasty, **station)
history_figure(run, check_linearizable(run.history, Register()))

# %% [markdown]
# Each read alone is right: it returns the last confirmed value, or one that is being written.
# Such a register is called **regular** (Lamport 1986), and for many uses that is enough.
# What it lacks shows only when two readers compare what they saw.

# %% [markdown]
# ## 7. On real processes
# Five replicas and three clients, each a process of its own.
# While they work, one replica is killed with SIGKILL and another is cut off; then the dead one comes back, on the disk that it left.

# %% cluster recorded=register
turns = {f"c{c}": [("write", None, f"c{c}.{n}") if n % 2 else ("read",) for n in range(1, 41)] for c in (1, 2, 3)}
cluster = start_cluster(Replica, nodes=5, client=RegisterClient, workload=turns, delay_ms=(5, 15), recorded="register")
begin_ms = cluster.now_ms
cluster.at(begin_ms + 300, cluster.crash, "n1").at(begin_ms + 600, cluster.isolate, "n4")
cluster.at(begin_ms + 1_500, cluster.restart, "n1")
await cluster.until(lambda: cluster.finished, timeout_s=60)
cluster.close()
history_figure(cluster, check_linearizable(cluster.history, Register()))

# %% [markdown]
# No bar is open to the right, although two of the five replicas were away: the three others were a majority at every moment.
# To see the other side, change the cell so that n5 is isolated as well.
# The operations of that time end as unknown, and none of them lies.

# %% [markdown]
# ## 8. Measure
# What does the second trip cost, and what does a slow replica cost?
# The cell sends 200 reads and writes through the hasty register and through yours: first with five replicas that are all near, then with one, two and three of them far away (80 ms).

# %% chart
work = {"c1": [("write", None, f"value {n}") if n % 2 else ("read",) for n in range(200)]}

def median_ms(client, far):
    def cables(run):
        for sign in ("n1", "n2", "n3")[:far]:
            run.slow(sign, (80, 80))
    run = simulate(Replica, nodes=5, client=client, workload=work, until_ms=90_000, delay_ms=(2, 6), script=cables)
    frame = run.history.to_frame()
    return (frame.returned_ms - frame.invoked_ms).groupby(frame.f).median().round(1).to_dict()

for far in range(4):
    print(f"{far} of 5 far away   without write-back {median_ms(Hasty, far)}   yours {median_ms(RegisterClient, far)}")

# %% [markdown]
# As long as a majority is near, the far ones cost nothing: nobody waits for them.
# With the third far one the majority is gone, and each trip takes as long as the nearest of the far.
# A read of yours costs two trips and a hasty one costs one; that is the price of Ana's and Ben's peace.

# %% [markdown]
# ## 9. What you know now
# Replicas that keep the highest tag, and clients that wait for a majority in each phase, make one register out of many.
# Overlapping quorums give each reader the last confirmed value; only the write-back keeps the next reader from an older one.
# No clock and no leader is needed, and no time-out decides what is true: time-outs only decide when to ask again.
# Without a majority nothing can be promised, and the client says so: unknown.
#
# | word | meaning |
# |---|---|
# | quorum | enough replicas to go on; any two quorums share one |
# | tag | how new a value is: a number, then its writer's id |
# | phase | one request to all, answered by a majority |
# | write-back | a reader stores what it is about to answer |
# | atomic, linearizable | each operation seems to happen at one moment within its bar |
# | regular | a read gives the last confirmed value or one under way |

# %% [markdown]
# ### Questions
# 1. Two readers and no writer: can they see an inversion without write-back?
# 2. Why must a replica answer an update that it does not keep?
# 3. Your client reports unknown in both phases. In one of them "failed" would be true. In which, and for which operation?
# 4. What breaks if a replica forgets its tag in a crash, although a majority never crashed at the same time?
# 5. With this register, can two clients increment a counter together, by reading it and writing one more?
#
# <details><summary>Answers</summary>
#
# 1. Yes, if an earlier write was never finished: its value is on a minority, one reader meets it and the next does not.
# 2. Its client waits for a majority to have that value *or something newer*. Without the reply, a slow writer would wait for ever.
# 3. In the query phase of a write no replica has been given the value, and none will be: it certainly did not happen. (A read changes nothing in either phase.)
# 4. Say n1 and n2 confirmed a value, and n1 forgets it. Then n1 and n3 are a majority that does not know it.
# 5. No. Both may read 7 and write 8: each operation is atomic, but the pair of them is not. No algorithm can do it with registers alone, if clients may crash; this needs consensus (Herlihy 1991), which is part 3 of the course.
#
# </details>
#
# ### In production
# Cassandra's reads at QUORUM repair what they find outdated *before* they answer ("blocking read repair"): a write-back. Its tags are clock times, so a clock that runs ahead wins; lab 06 shows what that loses.
# Riak and the Dynamo paper's store answer first and repair later: regular at best, and with sloppy quorums not even that.
# etcd and ZooKeeper do not use this register: they order all commands by a leader, since they also need compare-and-set.
#
# ### Going further
# - 15 min: if all replies to a read carry one tag, its second trip can be skipped. Why? Change `read_newest`; the checks accept it.
# - 1 h: let the write skip its query by using a clock as the number. Find the history in which a wrong clock loses a confirmed write.
# - An evening: one trip for every read *and* every write, with one writer, two readers and three replicas. You will not succeed; say where each attempt breaks. (Dutta and others, *How Fast Can a Distributed Atomic Read Be?*, 2004, say how many readers are too many.)
#
# Reading: Attiya, Bar-Noy & Dolev, *Sharing Memory Robustly in Message-Passing Systems* (1995), sections 1 to 3, for the algorithm and its proof; Lynch & Shvartsman, *Robust Emulation of Shared Memory Using Dynamic Quorum-Acknowledged Broadcasts* (1997), for several writers; Herlihy & Wing, *Linearizability* (1990), section 1, for the dots in the bars.
#
# A register stands while a majority stands, and nobody leads. In lab 08 the nodes must agree on one value for ever, and that is harder by much more than a line.
