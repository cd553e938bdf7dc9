# %% part=compaction

# %% [markdown]
# # Lab 09: Raft, part four: compaction
# > A shop sells three articles, and its log has a million entries. Which of them does anybody still need?
#
# | | |
# |---|---|
# | Time | this part 60 min (15 reading, 25 code, 20 thinking) |
# | You need | Part three, or the difference between what a crash takes and what it leaves |
# | You will be able to | cut a log so that no crash can tear it; say when a leader has to send a snapshot, and what a follower may keep; name the message that leaves a follower behind for ever |
# | Read first | Ongaro & Ousterhout 2014, section 7, with figures 12 and 13 (2 pages) |

# %% setup
from labkit import check, exercise, hint, panel, predict, replay, show_source, simulate, spacetime, start_cluster, use_answers
from labkit.figures.charts import log_table, sweep
from given import *

use_answers("9.1", "9.2", "9.3", "9.4", "9.5", "9.6", "9.7", "9.8", "9.9", "9.10", "9.11")

# %% [markdown]
# ## 1. Carried forward
# A shopkeeper of old wrote every sale into a book.
# At the foot of a full page she added it up, wrote *carried forward* and the sums on top of the next page, and put the old one into the cellar.
# Nobody ever looked at it again, as long as the sums were right.
#
# Our log has no last line yet: each sale of the day is in it, in memory and on the disk of each node.
# From now on the book has one line for each article and says how many were sold; this is all that the shop wants to know.
#
# So let each node throw away what is in its book already.
# In the run below n3 is cut off for a second, while one till makes 30 sales; then n3 is back.

# %% predict
predict("9.12", "n3 is back for more than a second. What does its book say in the end?", options=["the same as the others'", "what it said when it was cut off", "only the newest sales"])

# %% run
def cable(run):
    run.at(500, run.isolate, "n3").at(1_500, run.heal)

till = {"till": sales(30)}
run = simulate(NaiveCutting, nodes=3, client=ShopClient, workload=till, seed=4, delay_ms=(5, 15), script=cable, until_ms=3_000)
log_table({id: pages(run.observe(id)) for id in ("n1", "n2", "n3")}, title="n3 asks for what nobody has")

# %% run
{id: dict(run.observe(id).get("book", ())) for id in ("n1", "n2", "n3")}

# %% [markdown]
# The grey part of the picture is the part that n3 needs, and nobody has it.
# The leader offers what it has left; n3 lacks what comes before, refuses, and will do so for ever.
# And n1 and n2 are no better off: their books are in memory, and after a crash nothing could write them anew.
#
# What is missing is the line *carried forward*: a **snapshot** of the book, that stands for all entries up to some index.
# It must be on the disk before the entries are gone, and it must be sent to whoever needs them.

# %% [markdown]
# ## 2. What is given

# %% run
show_source(CompactingRaft)

# %% [markdown]
# `self.log` is only what comes after the snapshot now, but indexes go on as before: entry 6 stays entry 6.
# The last group of methods knows where each entry is.
# Should an exercise of yours from parts two or three say `len(self.log)` or `self.log[index - 1]`, it breaks here: go back, and use `last_log_index`, `term_at`, `entries_from` and `replace_from`.
#
# Three methods are missing: one cuts the log, one is for the leader, one for the follower.

# %% [markdown]
# ## 3. Cut
# The log keeps one thing of what is cut: the index and the term of the last entry that the snapshot stands for.
# The next AppendEntries will ask whether the logs agree right there.

# %% predict
predict("9.12", "A node saves the shorter log, then the snapshot, and crashes in between. What is lost?", options=["nothing, a leader sends it again", "the cut entries, for ever", "the snapshot, but not the entries"])

# %% [markdown]
# On the disk there are the new log, which begins at entry 9, and the old snapshot, which ends at entry 0.
# The node boots, and takes entry 9 for entry 1.
# The other order is no better: with a new snapshot and an old log it takes entry 1 for entry 9.
# Each half is right, and together they are a lie.

# %% [markdown]
# ### Exercise 9.12: take a snapshot

# %% exercise=9.12
@exercise("9.12", into=CompactingRaft)                     # about 6 lines
def take_snapshot(self) -> None:
    """Let a snapshot stand for all entries that have been applied, and cut them off the log (section 7).

    `self.snapshot` becomes a Snapshot: its `last_included_index` is `self.last_applied`, its
    `last_included_term` the term of the entry there, and its `book` a tuple of the (article, pieces)
    pairs of `self.book`, in any order. `self.log` keeps the entries after `self.last_applied`, and
    no other. Both are saved in one save, under the names `snapshot` and `log`, so that a crash finds
    the old ones or the new ones on the disk, and never one of each. The book, `commit_index` and
    `last_applied` stay as they are.
    """
    # STUB: find out the term and the rest of the log before you change self.snapshot
    # BEGIN SOLUTION
    index = self.last_applied
    rest = self.entries_from(index + 1)
    self.snapshot = Snapshot(index, self.term_at(index), tuple(self.book.items()))
    self.log = rest
    self.storage.save(snapshot=self.snapshot, log=self.log)
    # END SOLUTION

# %% check=9.12
check("9.12")

# %% hints=9.12
# - Three steps: make the snapshot, shorten the log, save both. `term_at` and `entries_from` count from `self.snapshot`: when may that change?
# - `self.book.items()` gives the pairs. `self.entries_from(index + 1)` is the rest of the log, as long as the old snapshot is in place.
# - `rest = self.entries_from(self.last_applied + 1)`, then `Snapshot(self.last_applied, self.term_at(self.last_applied), tuple(self.book.items()))`, then `self.storage.save(snapshot=..., log=...)`.

# %% [markdown]
# ## 4. When entries are not enough
# Most of the time a leader has what a follower needs, and sends entries: they are smaller, and they come one by one.
# Only when the *next* entry for a follower is gone does it have to send the snapshot instead.

# %% predict
predict("9.13", "The leader's snapshot stands for entries up to 8. For which of these values of next_index can it still send entries?", options=["8 and 9", "9, not 8", "neither"])

# %% [markdown]
# Entry 9 is there, and the question that goes with it, *do we agree at 8?*, can be asked: the snapshot kept the term.

# %% [markdown]
# ### Exercise 9.13: entries, or the snapshot?

# %% exercise=9.13
@exercise("9.13", into=CompactingRaft)                     # about 3 lines
def news_for(self, peer: NodeId) -> AppendEntries | InstallSnapshot:
    """What this leader has to tell `peer`: entries if it has the next one for it, else the snapshot.

    If the entry at `self.next_index[peer]` is one of those that the snapshot stands for, it is an
    InstallSnapshot of the current term, by this leader, with `self.snapshot`. In any other case it is
    the AppendEntries of exercise 9.6: `LogRaft.news_for(self, peer)` is your own answer.
    This method only answers; it changes nothing, since the message may be lost.
    """
    # STUB: compare self.next_index[peer] with self.snapshot.last_included_index
    # BEGIN SOLUTION
    if self.next_index[peer] <= self.snapshot.last_included_index:
        return InstallSnapshot(self.current_term, self.id, self.snapshot)
    return LogRaft.news_for(self, peer)
    # END SOLUTION

# %% check=9.13
check("9.13")

# %% hints=9.13
# - One comparison, two messages.
# - The snapshot stands for `last_included_index` as well. Is the entry there in the log?
# - `if self.next_index[peer] <= self.snapshot.last_included_index: return InstallSnapshot(self.current_term, self.id, self.snapshot)`.

# %% [markdown]
# ## 5. What the follower keeps
# A snapshot arrives.
# It may be an old one that was on its way for long, while this node went on by itself.
# It may be the newest, and yet this node may have entries that come after it, which it has already told the leader about.
# Or its entries may be those of a leader that nobody remembers.

# %% predict
predict("9.14", "A follower has entries 1 to 9 of term 3, of which 5 are applied. A snapshot up to 8, of term 3, arrives. What is left of its log?", options=["nothing", "entry 9", "entries 6 to 9"])

# %% [markdown]
# The entry at 8 is of term 3 here as well, so both logs agree up to 8, by log matching; entry 9 comes after it, and the leader may already have counted it.
# To drop it would be to break a promise.
# If the term at 8 were another one, 9 would be built on sand, and would have to go.

# %% [markdown]
# ### Exercise 9.14: install a snapshot

# %% exercise=9.14
@exercise("9.14", into=CompactingRaft)                     # about 8 lines
def install(self, snapshot: Snapshot) -> None:
    """Take over the leader's snapshot, if it reaches further than what is committed here (figure 13, 5 to 8).

    If its `last_included_index` is not above `self.commit_index`, it is an old one: all of it is in
    the book here, and nothing changes. Otherwise, if this log has an entry at `last_included_index`
    and that is of `last_included_term`, the entries after it stay, and all up to it go; if not, the
    whole log goes. `self.snapshot` becomes `snapshot`. Snapshot and log are saved in one save, under
    the names `snapshot` and `log`. The book is then what the snapshot says, and `commit_index` and
    `last_applied` are its last index: `self.open_book()` does this. The reply is sent for you. Tills
    that wait for an entry in the snapshot need not be answered: they will ask again.
    """
    # STUB: first the old ones; then find out what stays, before self.snapshot changes
    # BEGIN SOLUTION
    index = snapshot.last_included_index
    if index <= self.commit_index:
        return  # late: the book here has all of it
    agrees = self.term_at(index) == snapshot.last_included_term
    self.log = self.entries_from(index + 1) if agrees else ()
    self.snapshot = snapshot
    self.storage.save(snapshot=self.snapshot, log=self.log)
    self.open_book()
    # END SOLUTION

# %% check=9.14
check("9.14")

# %% hints=9.14
# - Three cases: an old snapshot, one whose last entry this log has, and any other.
# - `self.term_at(index)` is None where there is no entry. Ask it, and `self.entries_from(index + 1)`, while the old snapshot is in place.
# - `self.log = self.entries_from(index + 1) if self.term_at(index) == snapshot.last_included_term else ()`, then the snapshot, then one save, then `self.open_book()`.

# %% [markdown]
# ### The same morning again
# n3 is cut off as before, and comes back.

# %% run
run = simulate(CompactingRaft, nodes=3, client=ShopClient, workload=till, seed=4, delay_ms=(5, 15), script=cable, until_ms=3_000)
log_table({id: pages(run.observe(id)) for id in ("n1", "n2", "n3")}, title="Carried forward, on all three nodes")

# %% run
for event in run.trace.of_kind("deliver"):
    if isinstance(event.data, InstallSnapshot):
        print(event)

# %% [markdown]
# Two or three messages do what twenty entries did before, however long n3 was away.
# If an exercise is still unwritten, the run ends there.
#
# There is a trap here that is closed for you.
# A follower takes entries, its answer is lost, and it cuts its log; the leader sends the same entries again, and says that they come after an index that the follower can no longer look up.
# If it refused, the leader would send them again, for ever.
# Find the given method that prevents this, and why it may claim that the logs agree.

# %% [markdown]
# ## 6. All together
# The scenarios of part four bear the names of the Go labs' tests: nodes are cut off or crash, on good links and bad ones, and come back to a leader that has cut its log.
# After every event, any two nodes that have applied as many entries must have the same book.

# %% check=9.C
check("9.C")

# %% [markdown]
# ## 7. Break it
# Which line keeps the book right in a crash?
# The class below is yours, but writes log and snapshot one after the other.

# %% run
class TwoWrites(CompactingRaft):
    """First the log, then the snapshot."""

    def take_snapshot(self):
        index, term = self.last_applied, self.term_at(self.last_applied)
        self.log = self.entries_from(index + 1)
        self.storage.save(log=self.log)
        self.snapshot = Snapshot(index, term, tuple(self.book.items()))
        self.storage.save(snapshot=self.snapshot)

# %% [markdown]
# Six tills sell at once, and the power is bad: it fails at whoever leads and is about to cut its log, within one of its next handlers, after up to eight effects, and is back 6 ms later.
# It takes a moment right between two writes to see anything.

# %% predict
predict("9.C", "In how many of 20 such runs will a rule break?", options=["none", "one or two", "all"])

# %% run
tills = {f"till{n}": sales(100, first=n) for n in range(1, 7)}

def bad_power(node, number):
    def strike(run, time_ms):
        for id in ("n1", "n2", "n3"):
            run.restart(id)
            seen = run.observe(id)
            due = seen["last_applied"] - seen["snapshot"].last_included_index >= SNAPSHOT_EVERY - 1
            if due and seen["role"] is Role.LEADER:
                run.crash_within(id, 1 + (5 * time_ms + number) % 8)

    def script(run):
        for time_ms in range(200, 6_000, 6):
            run.at(time_ms, strike, run, time_ms)

    return simulate(node, nodes=3, client=ShopClient, workload=tills, seed=number, script=script, until_ms=7_000)

broken = [run.violation.what for run in (bad_power(TwoWrites, number) for number in range(20)) if run.violation]
print(len(broken), *broken[:1])

# %% [markdown]
# Each run had about twenty power cuts, and perhaps one in four hundred breaks a rule: the tests of a hurried afternoon would not see it.
# A log that lost its page numbers does not look broken: it has terms, entries and an end, and only its neighbours could tell that it lies.
# The step check of exercise 9.12 needs no luck, since it boots a node from the disk after *each* save.

# %% [markdown]
# ## 8. Three processes
# Now for real: three processes, a till, and SIGKILL for n3.
# While it is dead the till sells on; then n3 boots, from the disk that it left.

# %% predict
predict("9.C", "n3 was dead for 60 sales. What does the leader send it?", options=["60 entries", "a snapshot, and the entries after it", "nothing, n3 has its disk"])

# %% cluster recorded=carried_forward
cluster = start_cluster(CompactingRaft, nodes=3, client=ShopClient, workload={"till": sales(100)}, gap_ms=20, delay_ms=(1, 10), recorded="carried_forward")
await cluster.until(lambda: len([op for op in cluster.history if op.outcome == "ok"]) >= 20)
cluster.crash("n3")
await cluster.until(lambda: len([op for op in cluster.history if op.outcome == "ok"]) >= 80)
cluster.restart("n3")
panel(cluster)

# %% [markdown]
# A few of n3's sales are in its log, the others in its snapshot, and it will be told of the rest.
# Wait until it has been, and look at what all three have then.

# %% run
await cluster.until(lambda: cluster.finished and cluster.observe("n3").get("last_applied", 0) >= 100)
cluster.close()
log_table({id: pages(cluster.observe(id)) for id in ("n1", "n2", "n3")}, title="A hundred sales, three short logs")

# %% run
boot_us = max(e.time_us for e in cluster.trace.of_kind("start") if e.node == "n3")
after = [e.data for e in cluster.trace.of_kind("deliver") if e.node == "n3" and e.time_us >= boot_us]
print("snapshots", sum(hasattr(m, "snapshot") for m in after), "  entries", sum(len(getattr(m, "entries", ())) for m in after))

# %% [markdown]
# n3 came back with what was on its disk, was given one page *carried forward*, and then the few sales that were made since.
# The same happens to a new node with an empty disk: it never learns the history of the shop, only its state.

# %% [markdown]
# ## 9. Measure
# What does a node keep on its disk, after 20 sales, after 40, ... with the log of part three, and with yours?

# %% chart
def disk(node, count, seed):
    run = simulate(node, nodes=3, client=ShopClient, workload={"till": sales(count)}, seed=seed, until_ms=400 + 40 * count)
    return max(bytes_kept(run.observe(id)) for id in ("n1", "n2", "n3"))

rows = [
    {"sales": count, "node": node.__name__, "bytes on disk": disk(node, count, seed)}
    for node in (DurableRaft, CompactingRaft) for count in range(20, 161, 20) for seed in range(3)
]
sweep(rows, "sales", "bytes on disk", by="node", title="A log that does not grow")

# %% chart
import pandas as pd

pd.DataFrame(rows).groupby(["node", "sales"])["bytes on disk"].median().unstack().round()

# %% [markdown]
# One line rises with the shop's age, the other with the number of its articles.
# A snapshot is not free, though: our three lines of book are written anew every eight sales, and a real store has gigabytes.
# `SNAPSHOT_EVERY` is the price: a small value writes snapshots all the time, a large one keeps a long log, and makes a node that boots apply it all again.
# Ongaro's dissertation (section 5.1.2) suggests to compare sizes: take a snapshot when the log is some times larger than the last one.

# %% [markdown]
# ## 10. What you know now
# What is applied by a node can be replaced by the state that it led to, together with the index and term where the log goes on.
# Each node does this on its own, without asking: nobody votes about a snapshot, since what it stands for is committed and cannot change.
# The leader sends a snapshot only where the next entry is gone; the follower ignores what is old, keeps what agrees, and drops the rest.
# Log and snapshot belong together, in memory, on the disk, and in a crash.
#
# | word | meaning |
# |---|---|
# | snapshot | the state after some entry; stands for it and all before |
# | last included index, term | where the snapshot ends and the log goes on |
# | compaction | to cut off what a snapshot stands for |
# | carried forward | a bookkeeper's word for a snapshot |

# %% [markdown]
# ### Questions
# 1. Why may a follower take a snapshot without asking its leader, though in Raft everything else comes from the leader?
# 2. A snapshot up to 8 arrives at a node that has applied 11 entries. What would break if it were installed? What if only the log were kept?
# 3. `last_included_term` is never used by the state machine. Who needs it?
# 4. Should a leader send its snapshot to every follower now and then, to save them the work?
#
# <details><summary>Answers</summary>
#
# 1. A snapshot decides nothing. It holds committed entries only, which are the same everywhere and for ever; how a node stores them is its own business.
# 2. The book would go back by three sales, and `commit_index` with it; a node that told somebody about entry 11 would have it no longer in its book. With the log kept, they are applied again later, and until then the node knows less than it said.
# 3. The next AppendEntries: its first entry comes right after the snapshot, and the question whether the logs agree there needs a term. The vote rule needs it as well, when the log after the snapshot is empty.
# 4. No: it would send gigabytes over the network that each follower can make from what it has (section 7 gives this reason and one more: the leader would get more complex).
#
# </details>
#
# ### In production
# etcd takes a snapshot every 10,000 entries by default (100,000 in older versions), and keeps 5,000 entries before it, so that a follower which is a little behind can still be sent entries.
# A snapshot of gigabytes does not fit into one message: figure 13 sends it in pieces with an offset, and ours does not.
# To write it without stopping the shop, Redis and LogCabin fork the process and let the copy write; CockroachDB and TiKV let their storage engine, a tree of files that are never changed, keep an old state for as long as it is read.
# A log can be compacted without snapshots, too: Kafka keeps the last entry for each key, and drops the others.
#
# ### Going further
# - 15 min: let `take_snapshot` keep the last four entries that it could cut. For whom is that good? Which of your three methods has to change?
# - 1 h: send the snapshot in pieces, as in figure 13, one line of the book each. What if the leader changes halfway?
# - An evening: two states in one. While a snapshot is being written, which takes a second, sales go on: let the book be a chain of layers, so that the one being written never changes.
#
# Reading: Ongaro & Ousterhout, *In Search of an Understandable Consensus Algorithm* (2014), section 7; Ongaro's dissertation (2014), chapter 5, which weighs when to take a snapshot and how; Chandra, Griesemer & Redstone, *Paxos Made Live* (2007), section 5.5, on what a snapshot costs those who run it.
#
# The log is short, and the shop runs for weeks. Then somebody trips over a cable twice a minute: in part five, a node that comes back and does harm.
