# %% part=reads

# %% [markdown]
# # Lab 10: Replicated key-value store, part two: reads
# > Nine of ten calls are reads. Must each of them be written down, on five disks?
#
# | | |
# |---|---|
# | Time | this part 70 min (20 reading, 30 code, 20 thinking) |
# | You need | Part one; from lab 09, what is committed and when |
# | You will be able to | read from a leader without the log, and say why it is safe; compute a lease from a send time and a clock bound; show the stale read that a bad clock makes |
# | Read first | Ongaro's dissertation, section 6.4 (4 pages) |

# %% setup
from labkit import check, check_linearizable, exercise, hint, history_figure, predict, replay, show_source, simulate, spacetime, start_cluster, use_answers
from labkit.figures.charts import sweep
from labkit.models import KeyValue
from given import *

use_answers("10.1", "10.2", "10.3")

# %% [markdown]
# ## 1. The code of the door
# Somebody changes the code of a door every few minutes, and somebody asks for it.
# In part one a read is a command like any other: it goes into the log, to a majority, and is answered when it is applied.
# That is right, and it looks like waste: the leader has all the data.
#
# So let the leader answer at once, from its own memory.
# In this run the leader is cut off from the other nodes and from the writer, though not from the reader.

# %% predict
predict("10.5", "The leader was elected by a majority, and answers from what it has applied. Is every answer the newest code?", options=["yes, a term has one leader", "no, it may lead no longer", "only if no message is lost"])

# %% run
run, judgement = find_stale_read(BlindStore, Clerk)
history_figure(run, judgement, title="An old leader answers")

# %% [markdown]
# The marked read began after a newer code was confirmed, and answered an older one.
# The others had elected a new leader long since, and nobody could tell the old one.
# It *thinks* that it leads; so does every leader that does not any more.

# %% [markdown]
# ## 2. Two things to know
# A leader that wants to answer a read needs to know two things: what is committed, and that nobody else leads.
#
# **What is committed.** A new leader has every committed entry in its log, yet does not know up to where they are committed: `commit_index` may be behind.
# It learns it when an entry of its own term is committed (figure 8 of lab 09 is why).
# If nobody writes, that may never happen; so it writes one itself, that does nothing: a **no-op**.
#
# **That nobody else leads.** It asks: `start_round` sends a `Ping` to all peers, and those that still follow confirm its round.
# If a majority confirms a round that began *after* the read arrived, then at some moment after the read began nobody else led.

# %% run
show_source(IndexStore)

# %% [markdown]
# ## 3. A first entry
# ### Exercise 10.4: the new leader's no-op

# %% exercise=10.4
@exercise("10.4", into=IndexStore)                     # about 2 lines
def become_leader(self) -> None:
    """This node has just been elected (section 8: "a blank no-op entry into the log at the start of its term").

    All that `Store` does then is done: `Store.become_leader(self)`. And the log has one more
    entry, the command NOOP in the current term, at its end; no client waits for it. It has been
    sent to each peer when this method returns. `self.take(command)` appends and sends.
    """
    # STUB: Store.become_leader(self) first: it says what to send to whom
    # BEGIN SOLUTION
    Store.become_leader(self)
    self.take(NOOP)
    # END SOLUTION

# %% check=10.4
check("10.4")

# %% hints=10.4
# - Two lines. Look at what `take` needs: the role, and `next_index` of each peer.
# - `take` sends to whom `next_index` says that the new entry is the next one; that is set by `Store.become_leader`.
# - `Store.become_leader(self)`, then `self.take(NOOP)`.

# %% [markdown]
# ## 4. What to remember
# A read arrives.
# The leader writes down two numbers, and goes on with other work: the commit index as it is now, and a round that begins now.

# %% predict
predict("10.5", "A round of pings is under way when a read arrives. May the read use this round, and save one?", options=["yes", "no, it began before the read", "only if it is confirmed quickly"])

# %% [markdown]
# A peer may have confirmed that round before the read began, and may have voted for somebody else since.
# Between the two a write could have been confirmed elsewhere.

# %% [markdown]
# ### Exercise 10.5: begin a read

# %% exercise=10.5
@exercise("10.5", into=IndexStore)                     # about 5 lines
def begin_read(self, client: NodeId, request: Request) -> None:
    """A get of `client` has come to this node, which leads (dissertation, section 6.4, steps 1 to 3).

    If no entry of the current term is committed yet, this node cannot know what is committed: the
    client is told to ask again, by `self.refuse(client, request.number)`, and nothing else is
    done. Otherwise a new round is begun: `self.start_round()`, whose answer is its number; and a
    Read with the client, the call's number and key, `self.commit_index` as it is now, and the
    number of that round, is appended to the list `self.reads`. It is not answered here.
    """
    # STUB: which term has the entry at self.commit_index?
    # BEGIN SOLUTION
    if self.term_at(self.commit_index) != self.current_term:
        self.refuse(client, request.number)
        return
    index, number = self.commit_index, self.start_round()
    self.reads.append(Read(client, request.number, request.key, index, number))
    # END SOLUTION

# %% check=10.5
check("10.5")

# %% hints=10.5
# - `self.term_at(index)` tells the term of an entry. Terms never fall along the log, so one look is enough.
# - The Read has five values: client, number, key, index, round. Two come from the request.
# - `self.reads.append(Read(client, request.number, request.key, self.commit_index, self.start_round()))`, after the guard.

# %% [markdown]
# ## 5. When to answer
# `on_pong` notes who has confirmed what, and `learn_commit` applies; after either, `serve_reads` looks what can be answered.

# %% predict
predict("10.6", "The round is confirmed, but the leader has applied less than the read's index. What if it answers now?", options=["the read may be stale", "nothing, the entry is committed", "it fails"])

# %% [markdown]
# ### Exercise 10.6: answer the reads

# %% exercise=10.6
@exercise("10.6", into=IndexStore)                     # about 6 lines
def serve_reads(self) -> None:
    """Answer each read in `self.reads` that can be answered now (dissertation, section 6.4, steps 3 to 5).

    That is each one whose round is confirmed: `self.confirmed_round()` is at least its `round`;
    and for which all is applied: `self.last_applied` is at least its `index`. Its client is sent
    a Reply that it is done, with what `self.data` has for the key now, or None; its `leader_id`
    is `self.id`. An answered read is in `self.reads` no longer; all others stay.
    """
    # STUB: take care not to change a list while you walk through it
    # BEGIN SOLUTION
    confirmed, later = self.confirmed_round(), []
    for read in self.reads:
        if read.round <= confirmed and read.index <= self.last_applied:
            self.send(read.client, Reply(read.number, True, self.data.get(read.key), self.id))
        else:
            later.append(read)
    self.reads = later
    # END SOLUTION

# %% check=10.6
check("10.6")

# %% hints=10.6
# - Two conditions, and both must hold. What becomes of a read for which one does not?
# - Build a new list of those that stay, and answer the others.
# - `if read.round <= confirmed and read.index <= self.last_applied:` send a Reply; else `later.append(read)`; at the end `self.reads = later`.

# %% [markdown]
# The old leader again, with your store.

# %% run
print(find_stale_read(IndexStore, Clerk, seeds=20))

# %% [markdown]
# ## 6. A lease
# A round costs no disk, but it costs two messages for each peer and a round trip.
# Can the leader answer without asking anybody?
# It can if the others promise something: whoever gets a ping votes for nobody for 150 ms.
# Then, for a while after a confirmed round, no other leader can exist: the leader holds a **lease**.

# %% run
show_source(LeaseStore)

# %% [markdown]
# How long is that while?
# The promise of a peer begins when the ping *arrives*.
# The leader does not know when that was; it knows when it sent the ping and when the answer came.
# And 150 ms of a peer's clock may be less on the leader's, if the peer's clock runs faster.

# %% predict
predict("10.7", "From which moment must the leader count?", options=["when it sent the ping", "when a majority's answers had come", "the middle of both"])

# %% [markdown]
# ### Exercise 10.7: how long the lease lasts

# %% exercise=10.7
@exercise("10.7", into=LeaseStore)                     # about 3 lines
def lease_end(self) -> float:
    """Until when, on this node's clock, nobody else can have been elected (dissertation, section 6.4.1).

    Each peer that confirmed a round votes for nobody during ELECTION_MS[0] of its own clock, from
    when the ping arrived, which may be as soon as it was sent: `self.sent_ms[number]` is when the
    pings of round `number` were sent, by this node's clock. A peer's clock may run CLOCK_RATIO
    times as fast as this one, so its promise may last only ELECTION_MS[0] / CLOCK_RATIO here.
    The answer counts from the latest round that a majority has confirmed: `self.confirmed_round()`.
    If no round of this term is confirmed yet (it is 0, or not in `self.sent_ms`), the answer is 0.
    """
    # STUB: which round counts, when was it sent, and how long is the promise here?
    # BEGIN SOLUTION
    sent_ms = self.sent_ms.get(self.confirmed_round())
    return 0 if sent_ms is None else sent_ms + ELECTION_MS[0] / CLOCK_RATIO
    # END SOLUTION

# %% check=10.7
check("10.7")

# %% hints=10.7
# - One number plus another: when, and how long.
# - `self.sent_ms.get(self.confirmed_round())` is None where nothing is confirmed.
# - `sent_ms + ELECTION_MS[0] / CLOCK_RATIO`, or 0.

# %% [markdown]
# ### Exercise 10.8: read on the lease

# %% exercise=10.8
@exercise("10.8", into=LeaseStore)                     # about 6 lines
def begin_read(self, client: NodeId, request: Request) -> None:
    """A get of `client` has come to this node, which leads (dissertation, section 6.4.1).

    If its clock, `self.now_ms`, is before `self.lease_end()`, and an entry of the current term is
    committed, the client is sent at once a Reply that it is done, with what `self.data` has for
    the key, or None; its `leader_id` is `self.id`. Nothing else is sent, and nothing is added to
    `self.reads`: all that is committed here has been applied. Otherwise the read is begun as in
    `IndexStore`: `IndexStore.begin_read(self, client, request)`.
    """
    # STUB: two conditions; if one of them does not hold, as in IndexStore
    # BEGIN SOLUTION
    holds = self.now_ms < self.lease_end()
    if holds and self.term_at(self.commit_index) == self.current_term:
        self.send(client, Reply(request.number, True, self.data.get(request.key), self.id))
    else:
        IndexStore.begin_read(self, client, request)
    # END SOLUTION

# %% check=10.8
check("10.8")

# %% hints=10.8
# - The lease says that nobody else leads. What else had a leader to know, in exercise 10.5?
# - Without a lease, there is a slower way that is right: that of `IndexStore`.
# - `if self.now_ms < self.lease_end() and self.term_at(self.commit_index) == self.current_term:` answer; else `IndexStore.begin_read(self, client, request)`.

# %% [markdown]
# ## 7. Three ways, judged
# The next check plays all three stores under partitions, crashes and lossy links, the lease with clocks as bad as CLOCK_RATIO allows, and counts what a read costs.

# %% check=10.R
check("10.R")

# %% [markdown]
# ## 8. Break it
# Now break the assumption, not the code: a clock that runs much too slowly.
# `slow_ppm=800_000` slows the old leader's clock down to a fifth; its lease lasts five times as long as the promises of its peers.

# %% predict
predict("10.7", "The old leader is cut off, and its clock is slow. What will the reader see?", options=["no answer", "old codes, for a while", "old codes, for ever"])

# %% run
print("good clocks:", find_stale_read(LeaseStore, Clerk, seeds=20))
found = find_stale_read(LeaseStore, Clerk, slow_ppm=800_000)
history_figure(*found, title="A lease on a slow clock: not linearizable") if found else "nothing found: is the lease written?"

# %% [markdown]
# The core of the proof is marked: the read began after the new code was confirmed, and answered the old one.
# Nothing crashed, and the code is right.
# All that was wrong is a clock, and the clients of a bank would never learn why.
#
# How bad must a clock be?

# %% run
{ppm: find_stale_read(LeaseStore, Clerk, slow_ppm=ppm, seeds=25) is not None for ppm in (0, 90_000, 300_000, 600_000, 800_000)}

# %% [markdown]
# Up to CLOCK_RATIO the lease is safe by proof.
# Beyond it there is some luck left: an election takes longer than the shortest timeout, and the writer needs 300 ms to lose its patience, which hides the error, until the day it does not.

# %% [markdown]
# ## 9. Five processes
# For real: five processes, one writer, two readers, and the leader cut off with one of the readers.
# The clocks of these processes are good, being one machine's.

# %% predict
predict("10.R", "The reader that is cut off with the old leader: what does it get?", options=["old codes at first, then nothing", "nothing, then the newest", "new codes all the time"])

# %% cluster recorded=leased
calls = {WRITER: [("put", "door", f"code {n}") for n in range(1, 31)], READER: [("get", "door")] * 30, "guard": [("get", "door")] * 30}
cluster = start_cluster(LeaseStore, nodes=5, client=Clerk, workload=calls, gap_ms=60, delay_ms=(1, 10), recorded="leased")
seen = lambda: {id: cluster.observe(id) for id in cluster.system.node_ids}
leaders = lambda: [id for id, one in seen().items() if one and one["role"].name == "LEADER"]
await cluster.until(lambda: leaders() and len(cluster.observe(leaders()[0])["log"]) > 8)
old = leaders()[0] if leaders() else "n1"
cluster.partition((old, READER), [id for id in (*cluster.system.node_ids, WRITER, "guard") if id != old])
await cluster.run(cluster.now_ms + 1_500)
cluster.heal()
await cluster.until(lambda: cluster.finished, timeout_s=30)
cluster.close()

# %% run
judgement = check_linearizable(cluster.history, KeyValue())
history_figure(cluster, judgement, title=f"Leases on good clocks: {judgement.verdict}")

# %% [markdown]
# For up to 136 ms after the cut, the old leader may still answer, and rightly: nobody else can lead so soon.
# Then it falls back to a round that nobody confirms.

# %% [markdown]
# ## 10. Measure
# What does a read cost, in time and in messages, at five nodes with links of 5 to 15 ms?
# Heartbeats are not counted: they are there without reads, too.

# %% chart
KINDS = {"log": Store, "round": IndexStore, "lease": LeaseStore}

def cost_of_reads(kind, readers, seed):
    """Latency, reads a second, and messages per read, with so many readers for two seconds."""
    quiet, busy = (measure(KINDS[kind], count, seed) for count in (0, readers))
    reads = [op for op in busy.history if op.f == "get" and op.outcome == "ok" and op.invoked_us >= 1_000_000]
    sent = [sum(e.time_us >= 1_000_000 for e in run.trace.of_kind("send")) for run in (quiet, busy)]
    ms = sorted((op.returned_us - op.invoked_us) / 1000 for op in reads)[len(reads) // 2]
    return {"reads": kind, "readers": readers, "ms": ms, "per second": len(reads), "messages": (sent[1] - sent[0]) / len(reads)}

def measure(store, readers, seed):
    """Two seconds of a store; whoever asks begins after one, when somebody leads."""
    work = {WRITER: [("put", "door", "code 0")]} | {f"r{n}": [("get", "door")] * 400 for n in range(readers)}
    return simulate(store, nodes=5, client=Clerk, workload=work, seed=seed, delay_ms=(5, 15), until_ms=2_000)

# %% [markdown]
# Three stores, one to eight readers, three seeds each: how many reads a second, and how long does one take?

# %% chart
try:
    records = [cost_of_reads(kind, readers, seed) for kind in KINDS for readers in (1, 2, 4, 8) for seed in range(3)]
except IndexError:  # an exercise is not written yet
    records = []
sweep(records, "readers", "per second", by="reads", title="Reads a second, of all readers together") if records else "nothing to draw yet"

# %% chart
sweep(records, "readers", "ms", by="reads", title="How long a read takes, in ms") if records else "nothing to draw yet"

# %% chart
import pandas as pd

pd.DataFrame(records).groupby(["reads", "readers"])[["ms", "per second", "messages"]].median().round(1) if records else "nothing to draw yet"

# %% [markdown]
# The log and the round take two round trips: one of the client, one to a majority.
# The lease takes one, and two messages, the client's own.
# A round costs about ten messages, however many read: four pings, four pongs, the client's two.
# The log costs more the more read at once: a late answer makes the leader send once more what is on its way already.
# And each read through the log is written on five disks, which are free of charge here and nowhere else.

# %% [markdown]
# ## 11. What you know now
# A read is right if at some moment while it lasts, the answer was the newest.
# Through the log, that moment is a place in the log.
# With a round, a majority has said after the read began that nobody else led.
# With a lease, the majority has promised it in advance, and a clock says how long that holds.
#
# | word | meaning |
# |---|---|
# | no-op | a first entry of a term, so that the leader knows what is committed |
# | read index | what was committed when the read began |
# | round | pings to all, and the answers of a majority |
# | lease | a time in which nobody else can be elected |
# | drift | two clocks that do not run equally fast |
# | skew | two clocks that show different times; a lease does not care |

# %% [markdown]
# ### Questions
# 1. Why may `begin_read` take the commit index before the round is confirmed, and not after?
# 2. A follower wants to answer reads. What does it have to ask the leader, and what has it to wait for?
# 3. Two clocks differ by an hour, and run equally fast. Is the lease safe?
# 4. Virtual machines are sometimes stopped for a second, and go on as if nothing had happened. Which of the three ways survives that?
# 5. A node of `LeaseStore` makes its promise at each boot. What could happen without it?
#
# <details><summary>Answers</summary>
#
# 1. It may take either; the earlier one is enough, since only what was confirmed to somebody before the read began must be seen. A later index would make the read wait longer.
# 2. It asks for a read index, which the leader gives after a round; then it waits until it has applied that much, and answers from its own data.
# 3. Yes: only lengths of time are compared, each measured on one clock.
# 4. The log and the round: neither uses a clock. With a lease, a node that is stopped between looking at its clock and sending the answer may send an old one.
# 5. It may have confirmed a round just before the crash, and would vote for another leader right after it.
#
# </details>
#
# ### In production
# etcd reads by rounds, and by a lease if asked to (`ReadOnlyLeaseBased`), with a warning about clocks in its documentation.
# TiKV and CockroachDB use leases, CockroachDB with a bound on clock offsets at which a node stops itself.
# Spanner waits until its clock's uncertainty is over before it confirms a write.
# In 2014 Kingsbury's Jepsen found that etcd and Consul answered reads from whoever thought that it led, as our `BlindStore` does.
#
# ### Going further
# - 15 min: let reads that arrive while a round is under way share the next one. Which chart changes?
# - 1 h: reads at followers, by read index.
# - An evening: batch reads and writes, and find where the log is as cheap as the round.
#
# Reading: Ongaro's dissertation (2014), section 6.4; Gray & Cheriton, *Leases* (1989), where the idea is from; Kingsbury, *Jepsen: etcd and Consul* (2014), for the stale reads; Moraru et al., *Paxos Quorum Leases* (2014), for leases of more nodes than one.
#
# The store is complete, but for its log, which grows and grows; lab 09, part four, has what it needs.
