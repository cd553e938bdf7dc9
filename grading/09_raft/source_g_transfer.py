# %% part=transfer

# %% [markdown]
# # Lab 09: Raft, part seven: leadership transfer
# > Tonight n1 gets a new disk. It leads. Must the shop hold its breath?
#
# | | |
# |---|---|
# | Time | this part 45 min (10 reading, 20 code, 15 thinking) |
# | You need | Part three: a Raft whose log is on the disk |
# | You will be able to | move the leader to a node of your choice; say what the shop notices of it, in milliseconds; say why a node that is told to lead still has to be elected |
# | Read first | Ongaro's dissertation (2014), section 3.10 (1 page) |

# %% setup
from labkit import check, exercise, hint, predict, replay, show_source, simulate, spacetime, start_cluster, use_answers
from labkit.figures.charts import availability, sweep
from given import *

use_answers("9.1", "9.2", "9.3", "9.4", "9.5", "9.6", "9.7", "9.8", "9.9", "9.10", "9.11")

# %% [markdown]
# ## 1. Pull the plug, or say goodbye?
# A leader has to go now and then: for a new disk, a new kernel, or because another node is nearer to the tills.
# The simplest way is to switch it off.
# Raft was made for this, and no sale is lost.
#
# In the run below four tills sell without a break, and the leader is switched off at 800 ms.

# %% predict
predict("9.20", "For how long will no till get an answer?", options=["under 50 ms", "150 to 700 ms", "some seconds"])

# %% run
def switch_off(run):
    leads = lambda: next((id for id in run.system.node_ids if run.is_up(id) and run.observe(id)["role"] is Role.LEADER), "n1")
    run.at(800, lambda: run.crash(leads()))

tills = {f"till{t}": [("submit", None, f"{t}.{n}") for n in range(400)] for t in range(1, 5)}
gaps = [longest_gap(simulate(DurableRaft, nodes=5, client=ShopClient, workload=tills, seed=seed, script=switch_off), 600) for seed in range(5)]
[round(gap) for gap in gaps]

# %% [markdown]
# So long, in milliseconds, in five runs.
# Nobody knew that the leader would go: the others had to miss it first, and the first of them to lose its patience had waited for up to 300 ms.
# Then the tills had to find out whom to ask.
#
# But we knew.
# The leader knew, too, or could have been told.
# Instead of waiting to be missed, it can pick a successor, and say: *now*.

# %% [markdown]
# ## 2. What is given
# An **office** sends `TransferLeadership` to all nodes, and the leader acts on it.
# `TransferClient` is a till and an office in one.

# %% run
show_source(TransferRaft)

# %% [markdown]
# Look at `on_submit`, and at the two places that call `hand_over`.
# While a transfer is under way, the leader takes no commands; the till is sent to the one who will lead.
# Three methods are missing: two for the old leader, one for the new one.

# %% [markdown]
# ## 3. One at a time
# The leader notes whom it hands over to, and sets a timer.
# If the chosen one is dead, the shop must not stay closed for ever; after an election timeout the leader goes on as before.

# %% predict
predict("9.20", "n2 is dead. An impatient office asks for n2 every 200 ms, and each request sets the timer to 300 ms anew. How often does the shop open?", options=["every 300 ms", "never", "every 500 ms"])

# %% [markdown]
# Hence a rule that looks pedantic: who asks again for the same node changes nothing, not even the clock.

# %% [markdown]
# ### Exercise 9.20: begin a transfer

# %% exercise=9.20
@exercise("9.20", into=TransferRaft)                     # about 7 lines
def start_transfer(self, target: NodeId) -> None:
    """An office wants `target` to lead; this node leads now (dissertation, section 3.10).

    If `target` is one of `self.peers`, and not the one that this node is handing over to already:
    `self.transfer_to` becomes `target`, in place of any other, and the timer `transfer` is set to
    `ELECTION_MS[1]` milliseconds, anew if it was set.
    If `target` is `self.transfer_to` already, nothing changes; the timer runs on.
    If `target` is this node itself, a transfer under way is called off: `self.transfer_to` is None,
    and the timer `transfer` is not needed any more. This node goes on leading.
    If `target` is nobody of these, nothing changes. Nothing is sent here.
    """
    # STUB: four cases; which of them change self.transfer_to?
    # BEGIN SOLUTION
    if target == self.id:
        self.transfer_to = None
        self.cancel_timer("transfer")
    elif target in self.peers and target != self.transfer_to:
        self.transfer_to = target
        self.set_timer("transfer", ELECTION_MS[1])
    # END SOLUTION

# %% check=9.20
check("9.20")

# %% hints=9.20
# - Sort the cases by what they change: two change something, two do not.
# - The names of clients and of nodes that are not there arrive here as well: ask `target in self.peers`.
# - `if target == self.id:` None and `cancel_timer`; `elif target in self.peers and target != self.transfer_to:` note it, and `self.set_timer("transfer", ELECTION_MS[1])`.

# %% [markdown]
# ## 4. Complete, then now
# Why not say *now* at once?
# The target might lack an entry.
# Nothing would be lost, since the others refuse their votes to a candidate that is behind; but nobody would lead, and the shop would wait for the next election timer.
# So the leader first brings the target up to date, by the messages of part two, and only then tells it to stand.
# This is also why it takes no commands meanwhile: the target would have to catch up with a log that grows.

# %% predict
predict("9.21", "Which of the leader's numbers tells it that n2's log is complete?", options=["next_index of n2", "match_index of n2", "commit_index"])

# %% [markdown]
# `next_index` is a guess, and right after an election a very kind one.
# `commit_index` tells what *some* majority has.

# %% [markdown]
# ### Exercise 9.21: hand over

# %% exercise=9.21
@exercise("9.21", into=TransferRaft)                     # about 3 lines
def hand_over(self) -> None:
    """Tell `self.transfer_to` to stand, if its log is known to be complete (dissertation, section 3.10).

    If it is known to have all entries of this log, up to the last, it is sent a TimeoutNow of the
    current term, by this leader; if not, nothing is sent here: entries are on their way, by
    `send_heartbeats` and `on_append_entries_reply`. Nobody else is told.
    Nothing else changes. In particular this node goes on leading, and the transfer goes on, since
    the message may be lost: this method is called again with every heartbeat and every answer of
    the target, and sends again. It is only called while `self.transfer_to` is not None.
    """
    # STUB: compare what is known of the target with the end of this log
    # BEGIN SOLUTION
    if self.match_index[self.transfer_to] == self.last_log_index:
        self.send(self.transfer_to, TimeoutNow(self.current_term, self.id))
    # END SOLUTION

# %% check=9.21
check("9.21")

# %% hints=9.21
# - One condition, one message.
# - What does `match_index` hold for the target, right after an election, and when does it rise?
# - `if self.match_index[self.transfer_to] == self.last_log_index:`, then `self.send(self.transfer_to, TimeoutNow(self.current_term, self.id))`.

# %% [markdown]
# ## 5. Elected, not appointed
# The chosen one is told to lead, by the leader itself, and its log is complete.
# Could it not simply lead, in the next term?

# %% predict
predict("9.22", "Nodes that are told to stand call themselves leader of the next term at once. What can go wrong?", options=["nothing, its log is complete", "two leaders in one term", "a term without a leader"])

# %% [markdown]
# Any node may stand in the next term at the same moment, its timer having fired, and win it with a majority's votes.
# A term belongs to whoever has the votes.
# *TimeoutNow* means just what it says: your election timer is over.

# %% [markdown]
# ### Exercise 9.22: stand at once

# %% exercise=9.22
@exercise("9.22", into=TransferRaft)                     # about 2 lines
def on_timeout_now(self, request: TimeoutNow) -> None:
    """The leader of `request.term` tells this node to stand for election now (section 3.10).

    If `request.term` is the current term, this node does what it does when its election timer fires,
    at once. A request of an older term came late, and changes nothing. (That of a newer term you do
    not meet: the given code has taken over the term before it calls this method.)
    """
    # STUB: first the term, then what on_timer("election") would do
    # BEGIN SOLUTION
    if request.term == self.current_term:
        self.stand_for_election()
    # END SOLUTION

# %% check=9.22
check("9.22")

# %% hints=9.22
# - It is your exercise 9.2 that does the work.
# - A TimeoutNow that was sent twice arrives a second time when its target leads, in a higher term.
# - `if request.term == self.current_term: self.stand_for_election()`.

# %% [markdown]
# ### The goodbye, step by step
# The office's line is dead until 600 ms, and it asks once a second; nothing is sold just now.

# %% run
def office_opens(run):
    cut = lambda: [run.network.cut("office", id) for id in run.system.node_ids]
    run.at(0, cut).at(600, run.heal)

run = simulate(TransferRaft, nodes=3, client=TransferClient, workload={"office": [("transfer", None, "n2")]}, seed=3, script=office_opens, until_ms=1_500)
moment = [e for e in run.trace if e.kind == "send" and isinstance(e.data, (TransferLeadership, TimeoutNow, RequestVote, RequestVoteReply, TransferDone)) and e.time_us > 600_000]
for event in moment:
    print(f"{event.time_us / 1000:7.1f} ms  {event.node} to {event.peer}: {event.data}")

# %% [markdown]
# Three messages lie between *now* and the new leader: TimeoutNow, a request for a vote, and the vote.
# If n2 happened to lead already, the office was told so, and you see nothing else; take another seed then.

# %% [markdown]
# ## 6. All together
# The scenarios bear the names of TinyKV's tests.
# Targets are quick, slow, dead, unknown, or the leader itself; offices change their minds; and all the while tills sell.

# %% check=9.T
check("9.T")

# %% [markdown]
# ## 7. Break it
# Is it needed that the leader takes no commands meanwhile?
# `Greedy` goes on selling.

# %% run
class Greedy(TransferRaft):
    """Takes commands while it hands over."""

    on_submit = DurableRaft.on_submit

# %% [markdown]
# It cannot be unsafe: `Greedy` is elected and votes as before.
# So we measure: from the opening of the office until it hears that the target leads, with four busy tills, on links of 10 to 20 ms.

# %% predict
predict("9.T", "Greedy hands over, too. How long does it take, compared with yours?", options=["about as long", "longer, or it never comes about", "shorter"])

# %% run
def until_handed_over(node, seed, target="n2"):
    """From the office's opening to its answer, in milliseconds; None if there was none in four seconds."""
    busy = {f"till{t}": [("submit", None, f"{t}.{n}") for n in range(900)] for t in range(4)} | {"office": [("transfer", None, target)]}
    run = simulate(node, nodes=5, client=TransferClient, workload=busy, seed=seed, script=office_opens, delay_ms=(10, 20), until_ms=4_600)
    (done,) = [op for op in run.history if op.f == "transfer"]
    return round(done.returned_us / 1000 - 600) if done.outcome == "ok" else None

{node.__name__: [until_handed_over(node, seed) for seed in range(5)] for node in (TransferRaft, Greedy)}

# %% [markdown]
# The office asks once a second, and hears of its success at the next question, so each number has some waiting in it.
# (A number below 500 means that n2 led already.)
# With yours, the first question was enough; `Greedy` gives up again and again, since n2 is always one sale behind.
# It runs into the wall that you know from part two: the last entry is under way, always.
# (How often it gets through in a pause is luck; a busier shop gives it less.)

# %% [markdown]
# ## 8. Five processes
# Now with real processes: four tills, and two offices, one of which wants n2 to lead and the other n4.
# Nobody is killed.

# %% predict
predict("9.T", "Leadership moves at least twice. Will you see it in the picture of availability below?", options=["no", "as a small dip", "as a hole of 300 ms"])

# %% cluster recorded=handed_over
work = {f"till{t}": [("submit", None, f"{t}.{n}") for n in range(1, 41)] for t in (1, 2, 3, 4)}
work |= {"office1": [("transfer", None, "n2")], "office2": [("transfer", None, "n4")]}
cluster = start_cluster(TransferRaft, nodes=5, client=TransferClient, workload=work, gap_ms=40, delay_ms=(1, 10), recorded="handed_over")
cluster.partition(("office1", "office2"), (*cluster.system.node_ids, "till1", "till2", "till3", "till4"))
sold = lambda: [op for op in cluster.history if op.f == "submit" and op.outcome == "ok"]
for office, count in (("office1", 40), ("office2", 90)):
    await cluster.until(lambda: len(sold()) >= count)
    cluster.heal(office)
await cluster.until(lambda: cluster.finished, timeout_s=30)
cluster.close()

# %% [markdown]
# Who told whom, and how long was the longest time without an answer?

# %% run
for event in cluster.trace.of_kind("send"):
    if isinstance(event.data, (TimeoutNow, TransferDone)):
        print(f"{event.time_us / 1000:7.1f} ms  {event.node} to {event.peer}: {event.data}")
print(f"{len(sold())} sales were answered; the longest time without an answer: {longest_gap(cluster, sold()[0].returned_us / 1000):.0f} ms")

# %% run
availability(cluster, within_ms=100)

# %% [markdown]
# A till that is refused asks the new leader 20 ms later.
# Sales that were under way when the leaders changed are answered by the old one as soon as it hears, as a follower, that they are committed.

# %% [markdown]
# ## 9. Measure
# How long does the shop stand still, at worst, when the leader is switched off, and when it says goodbye first?
# We let messages take longer and longer.

# %% chart
def gap(how, delay_ms, seed):
    """The longest time without an answered sale, from 600 ms on, in milliseconds."""
    wish = {"office": [("transfer", None, "n2" if seed % 2 else "n3")]} if how == "goodbye" else {}
    script = office_opens if how == "goodbye" else switch_off
    run = simulate(TransferRaft, nodes=5, client=TransferClient, workload=tills | wish, seed=seed, script=script, delay_ms=(1, delay_ms), until_ms=1_900)
    return {"how": how, "longest delay (ms)": delay_ms, "standstill (ms)": longest_gap(run, 650)}

# %% chart
records = [gap(how, delay, seed) for how in ("goodbye", "switched off") for delay in (5, 10, 20, 40) for seed in range(4)]
sweep(records, "longest delay (ms)", "standstill (ms)", by="how", title="What a change of leader costs")

# %% chart
import pandas as pd

pd.DataFrame(records).pivot_table(index="longest delay (ms)", columns="how", values="standstill (ms)", aggfunc="median").round()

# %% [markdown]
# A goodbye costs some message delays, so it grows with them.
# A switch that is pulled costs an election timeout and a till's patience, and these do not depend on how fast the network is.
# Operators of large stores move leaders away before each restart of a node, dozens of times a day.

# %% [markdown]
# ## 10. What you know now
# A leader can go without being missed: it brings one follower up to date, takes no commands meanwhile, and tells it to stand.
# The rest is an ordinary election, so a transfer cannot break what an election keeps.
# It may fail, and then, after an election timeout, the old leader goes on.
#
# | word | meaning |
# |---|---|
# | leadership transfer | a planned change of leader |
# | target | whom the leader hands over to |
# | TimeoutNow | "your election timer has just fired" |
#
# ### Questions
# 1. The leader tells n2 to stand, and its own messages to n3 are late. n3's timer fires in the same moment. What are the possible ends?
# 2. Why does the old leader not step down as soon as it has sent TimeoutNow?
# 3. With the pre-vote of part five, followers refuse candidates while they hear from a leader. What must be done about transfers?
# 4. The leader gives up after an election timeout, and takes commands again. Then its TimeoutNow, which was very late, arrives. What happens?
#
# <details><summary>Answers</summary>
#
# 1. n2 or n3 wins the next term, if its log is complete, or the votes are split and somebody wins the term after; two leaders in one term are impossible, as ever.
# 2. The message may be lost, and then nobody would lead. It steps down when it hears of the next term, like any leader.
# 3. The target must stand without asking first, and its requests for votes must say that the leader wishes it, so that followers vote although they hear a leader (dissertation, section 4.2.3; etcd calls this a campaign of type transfer).
# 4. n2 stands, and wins if it still has all that others have; otherwise its term costs the shop one more election. Unpleasant, but safe.
#
# </details>
#
# ### In production
# etcd has `move-leader`, and a server that is shut down in order hands over by itself.
# CockroachDB and TiKV move leaders all the time, to spread the load and to bring a leader near its users; TiKV's scheduler has a job called *evict-leader* for machines about to be repaired.
# In MongoDB the command is `replSetStepDown`: it waits for a secondary to catch up, for ten seconds by default, and tells it to stand.
#
# ### Going further
# - 15 min: let a leader choose the target itself, when the office names nobody. Whom?
# - 1 h: let the leader hand over when its machine is asked to stop (a SIGTERM), in the real cluster.
# - An evening: begin the transfer while sales go on, and close the shop only when the target is nearly complete. How short can the standstill be?
#
# Reading: Ongaro's dissertation (2014), section 3.10, and section 4.2.3 for what disturbs an election; section 9 there for how long elections take; TiKV's and etcd's documentation of their commands.
#
# This was Raft. In lab 10 the book becomes a store that strangers may use.
