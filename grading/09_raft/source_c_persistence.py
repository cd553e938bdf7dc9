# %% part=persistence

# %% [markdown]
# # Lab 09: Raft, part three: persistence
# > A node is switched off in the middle of a sentence, and on again. What must it still know?
#
# | | |
# |---|---|
# | Time | this part 45 min (10 reading, 15 code, 20 thinking) |
# | You need | Parts one and two; from lab 01, what a crash takes and what it leaves |
# | You will be able to | say of each variable of figure 2 why it is on the disk, or why not; find, for each message, what must be written before it leaves |
# | Read first | Ongaro & Ousterhout 2014, figure 2, the box "State"; Ongaro's dissertation, section 3.8 (1 page) |

# %% setup
from labkit import check, exercise, hint, predict, replay, show_source, simulate, spacetime, start_cluster, use_answers
from labkit.figures.charts import availability, log_table, sweep
from given import *

use_answers("9.1", "9.2", "9.3", "9.4", "9.5", "9.6", "9.7", "9.8", "9.9")

# %% [markdown]
# ## 1. The cleaner pulls the plug
# Three nodes, one till, no message lost.
# The till has sold some tea when the cleaner pulls the plug of the rack, and puts it back 100 ms later.
# Your nodes of part two come up again, with their terms and their votes, which you saved in part one.

# %% predict
predict("9.10", "The till sells on. Which place in the book does the next tea get?", options=["1", "the next one", "none"])

# %% run
def plug(run):
    for id in run.system.node_ids:
        run.at(400, run.crash, id).at(500, run.restart, id)

tea = {"till": [("submit", None, f"tea {n}") for n in range(1, 13)]}
run = simulate(LogRaft, nodes=3, client=ShopClient, workload=tea, seed=4, script=plug, until_ms=3_000)
print(run.violation.what if run.violation else "no rule broke")
[(op.value, op.result) for op in run.history if op.outcome == "ok"]

# %% [markdown]
# Two sales have one place, and both were answered.
# Each node was honest, the votes were right, and a majority agreed: about a log that nobody had any more.
#
# One node that forgets is enough, by the way.
# A search through all orders finds a short way; n2 is the one that crashes.

# %% run
run = find_loss(LogRaft, one_crash)
spacetime(run, title="n2 had tea, and was asked again")

# %% [markdown]
# Look for the crash of n2, and for the vote that it gives afterwards.
# It had told n1 that it has `tea`; n1 told the till.
# A crash may take what a node *thinks*, and must not take what it has *said*.

# %% [markdown]
# ## 2. What comes back
# So let us begin at the end: with the boot.
# Which of the twelve attributes must come from the disk?
# Not all that a node knows is a promise to somebody.
# What is committed, for instance, the next leader will say, and until then nothing is lost by not knowing it.

# %% predict
predict("9.10", "commit_index was 7 before the crash, and starts at 0. What happens to the state machine?", options=["it is wrong for a while", "it is rebuilt, entry by entry", "entries are applied twice"])

# %% [markdown]
# The book is in memory too, so it begins empty and is written again from the log.
# If it were on the disk, `last_applied` would have to be on the disk beside it, in one save: dissertation, section 3.8.

# %% [markdown]
# ### Exercise 9.10: boot
# `DurableRaft` is `LogRaft` with two methods missing: this one, and the next.

# %% exercise=9.10
@exercise("9.10", into=DurableRaft)                     # about 2 lines, or about 10
def on_start(self) -> None:
    """The node boots: for the first time, or after a crash (figure 2, state).

    What it has promised to others comes back from `self.storage`: `current_term` (0 if it was
    never saved), `voted_for` (None) and `log` (the empty tuple), under these names. All else
    begins as at the first boot, since it can be learnt again: the node is a follower (`role`),
    `leader_id` is None, `votes` is an empty set, `commit_index` and `last_applied` are 0,
    `book` is an empty list, and `next_index`, `match_index` and `waiting` are empty dicts. The
    timer `"election"` is set (`self.restart_election_timer()`), and no other. Nothing is sent.
    """
    # STUB: what LogRaft.on_start does is nearly right, and may be called
    # BEGIN SOLUTION
    LogRaft.on_start(self)  # the term and the vote, and all that begins anew
    self.log = self.storage.get("log", ())
    # END SOLUTION

# %% check=9.10
check("9.10")

# %% hints=9.10
# - Three attributes come from the disk. For each of the others, ask: what breaks if the node forgets it?
# - `LogRaft.on_start(self)` sets all of them as at the first boot; two of the three come back, and one is forgotten.
# - `LogRaft.on_start(self)`, and then `self.log = self.storage.get("log", ())`.

# %% [markdown]
# ## 3. Before a message leaves
# Now the other end: who writes the log, and when?
# A log changes in two places, at a leader and at a follower, and parts four to seven add more.
# But a change that nobody has heard of may be lost without harm.
# It becomes a promise when a message leaves.

# %% predict
predict("9.11", "A leader sends a sale to its followers, and writes it to its own disk while they answer. Is that safe?", options=["yes, if it does not count itself before", "no, never", "yes, always"])

# %% [markdown]
# It is safe, and real systems do it to save time; the leader then must not count itself in the commit rule before its own write is done.
# Ours is simpler: there is one door through which every message leaves, `send`, and at the door stands the disk.
# `broadcast` goes through the same door, once for each peer.

# %% [markdown]
# ### Exercise 9.11: the door

# %% exercise=9.11
@exercise("9.11", into=DurableRaft)                     # about 4 lines
def send(self, peer: NodeId, message: Any) -> None:
    """Send `message` to `peer`, once; and before it leaves, put on the disk what it may promise.

    When the message leaves, the disk has this node's `current_term`, `voted_for` and `log`, under
    these names (figure 2: "Updated on stable storage before responding to RPCs"). If any of the
    three has changed since it was saved, all are saved, in one save. If none has, nothing is
    saved: a disk is slower than a network, and most messages are heartbeats.
    """
    # STUB: compare with self.storage.get(name); in the end LogRaft.send(self, peer, message)
    # BEGIN SOLUTION
    promised = {"current_term": self.current_term, "voted_for": self.voted_for, "log": self.log}
    if any(self.storage.get(name) != value for name, value in promised.items()):
        self.storage.save(**promised)
    LogRaft.send(self, peer, message)
    # END SOLUTION

# %% check=9.11
check("9.11")

# %% hints=9.11
# - What might a reply, a vote or an AppendEntries promise? Three attributes of figure 2.
# - `self.storage.get("log")` is what the disk has; compare it with what you have in memory, and save before you send.
# - A dict of the three; `if any(self.storage.get(name) != value for name, value in promised.items()): self.storage.save(**promised)`; then `LogRaft.send(self, peer, message)`.

# %% [markdown]
# ### The same evening again

# %% run
run = simulate(DurableRaft, nodes=3, client=ShopClient, workload=tea, seed=4, script=plug, until_ms=3_000)
log_table({id: run.observe(id) for id in ("n1", "n2", "n3")}, title="Twelve teas, one outage, and nothing is lost")

# %% [markdown]
# The colours are terms: where they change, the plug was out.
# A sale may stand there twice, if its till got no answer before the outage and asked again.

# %% [markdown]
# ## 4. Crashes anywhere
# The next check crashes your nodes: all at once, in turn, a leader right after a sale, in the middle of a handler between a save and a message.
# The scenarios have the names that they have in the Go labs; the last two try orders of events instead.

# %% check=9.P
check("9.P")

# %% [markdown]
# ## 5. Break it
# A leader writes everything to its disk before it sends it.
# So why should its followers write it too?

# %% run
class Frugal(DurableRaft):
    """Only the leader writes its log; votes and terms are saved where part one saved them."""

    def send(self, peer, message):
        whose = DurableRaft if self.role is Role.LEADER else LogRaft
        whose.send(self, peer, message)

# %% predict
predict("9.11", "How many crashes does it take until Frugal loses a sale that was answered?", options=["one", "two", "a majority of all nodes"])

# %% run
run = find_loss(Frugal, one_crash)
print(run.violation.what)
spacetime(run, title="The leader has it, and its follower has forgotten it")

# %% [markdown]
# Who crashed, and what did it say before?
# The leader's disk is of no use to the next leader.
# Then break your own: move `LogRaft.send` of exercise 9.11 to the first line, run the cell, and run `check("9.11")`.

# %% [markdown]
# ## 6. Five processes
# Now with SIGKILL: no handler runs, no file is closed.
# Three tills sell at five nodes, the leader is killed in the midst of it, and comes back a second later.

# %% predict
predict("9.P", "For how long will no till get an answer?", options=["not at all", "about as long as an election takes", "until the old leader is back"])

# %% cluster recorded=killed_while_selling
sales = {f"till{t}": [("submit", None, f"{t}.{n}") for n in range(1, 13)] for t in (1, 2, 3)}
cluster = start_cluster(DurableRaft, nodes=5, client=ShopClient, workload=sales, gap_ms=80, delay_ms=(1, 10), recorded="killed_while_selling")
seen = lambda: {id: cluster.observe(id) for id in cluster.system.node_ids}
leaders = lambda: [id for id, one in seen().items() if one and one["role"].value == "leader"]
await cluster.until(lambda: leaders() and len(cluster.observe(leaders()[0])["book"]) > 8, timeout_s=60)
old = leaders()[0] if leaders() else "n1"
cluster.crash(old)
await cluster.run(cluster.now_ms + 1_000)
cluster.restart(old)
await cluster.until(lambda: cluster.finished, timeout_s=90)
await cluster.until(lambda: len({len(one.get("book", ())) for one in seen().values()}) == 1)
cluster.close()

# %% run
availability(cluster, within_ms=100)

# %% [markdown]
# The dip is the election: whoever asked the dead leader waited until its patience was over.
# Was anything lost?
# The last line compares what the tills were told with the books of all nodes, that of the killed one too.

# %% run
told = {op.result: op.value for op in cluster.history if op.outcome == "ok"}
books = {id: dict(enumerate(one["book"], 1)) for id, one in seen().items() if one}
{id: sum(book.get(place) == sale for place, sale in told.items()) for id, book in books.items()}, len(told)

# %% [markdown]
# ## 7. Measure
# The price is paid in writes.
# How many does a sale cost, at all five nodes together?
# The next cell counts them for your nodes, and for nodes that write at every message, to be safe.

# %% chart
class Anxious(DurableRaft):
    """Writes at every message, whether anything has changed or not."""

    def send(self, peer, message):
        self.storage.save(current_term=self.current_term, voted_for=self.voted_for, log=self.log)
        LogRaft.send(self, peer, message)

def writes_per_sale(node, tills, seed):
    """Saves of all five nodes, per sale, with so many tills."""
    work = {f"till{t:02}": [("submit", None, f"{t}.{n}") for n in range(96 // tills)] for t in range(tills)}
    run = simulate(node, nodes=5, client=ShopClient, workload=work, seed=seed)
    return {"tills": tills, "writes": len(run.trace.of_kind("save")) / 96, "who": node.__name__}

# %% chart
records = [writes_per_sale(node, tills, seed) for node in (DurableRaft, Anxious) for tills in (1, 4, 16, 32) for seed in range(4)]
sweep(records, "tills", "writes", by="who", title="What a sale costs in writes")

# %% chart
import pandas as pd

pd.DataFrame(records).pivot_table(index="tills", columns="who", values="writes", aggfunc="median")

# %% [markdown]
# With one till a sale costs nearly four writes at five nodes: one each, but for followers that get two sales at once.
# With 32 tills it is little more than one, since sales share a message and so a write.
# Databases call this *group commit*; a busy store can pay less per sale than a quiet one.

# %% [markdown]
# ## 8. What you know now
# On the disk is what a node has promised: its term, its vote in it, its log.
# It is there before a message leaves that may depend on it, and it need not be there sooner.
# All else is learnt again: what is committed, who leads, what the others have.
#
# | word | meaning |
# |---|---|
# | persistent | comes back after a crash |
# | volatile | begins anew at each boot |
# | stable storage | what a crash does not take |
# | group commit | several sales in one write |
#
# ### Questions
# 1. Look at your first prediction. All three nodes had kept their votes; what did that help?
# 2. Figure 2 calls `commit_index` volatile. What would be gained by saving it, and what would not be wrong?
# 3. A node saves its vote, and its log, in two saves; it crashes between them. In which order is that safe?
# 4. The disk of a node is replaced by an empty one. Why must it not come back under its old name?
# 5. The disk says that it has written, and has not: it has a cache. Which exercise of this lab is wrong now?
#
# <details><summary>Answers</summary>
#
# 1. Nothing: the votes kept the terms apart, and each term had one leader. But the vote rule asks whose log is newer, and all logs were empty.
# 2. After a crash the node could apply at once what it knew to be committed, rather than wait for a leader. It would have to be saved no later than the entries that it speaks of.
# 3. In either order here, as no message leaves between them: a promise is made at the door.
# 4. It has forgotten its vote and its entries; a majority may have counted it for both, so two leaders or a lost sale are possible. It must come as a new member, in part six.
# 5. 9.11, and both saves of part one: they are done when the disk has synchronised (`self.storage.sync()`), not when it has been asked.
#
# </details>
#
# ### In production
# etcd writes term, vote and commit index in one record with the new entries to a write-ahead log, and calls fsync once a round; its most watched metric is how long that takes.
# In 2018 PostgreSQL's developers learnt that after a failed fsync the operating system may drop the pages, and report success the next time: for twenty years "written" had not always meant written.
# TigerBeetle treats a disk that lies as a fault like any other, and repairs an entry from the other replicas.
#
# ### Going further
# - 15 min: save `commit_index` as well. Which check complains, and is it right?
# - 1 h: let the leader send before it writes, and count itself only afterwards. How much sooner are tills answered, if a write takes 10 ms?
# - An evening: save only the entries that are new, under names of their own. What must a boot do with the old ones behind the end?
#
# Reading: Ongaro's dissertation (2014), section 3.8, for what is persistent and why; Pillai et al., *All File Systems Are Not Created Equal* (2014), for what a crash really leaves; Rebello et al., *Can Applications Recover from fsync Failures?* (2020), for what databases do then; Alagappan et al., *Protocol-Aware Recovery for Consensus-Based Storage* (2018), for disks that lose single entries.
#
# Nothing is lost now, and nothing is ever thrown away: in part four, the log gets too long.

