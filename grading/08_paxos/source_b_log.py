# %% part=log

# %% [markdown]
# # Lab 08: Paxos, part two: a log
# > Seat 12 is sold. Now there is a whole train, and nobody wants to ask three desks twice for every seat.
#
# | | |
# |---|---|
# | Time | about 2 hours (25 min reading, 65 min code, 30 min thinking) |
# | You need | part one: promises, ballots, and why the highest accepted value is proposed again |
# | You will be able to | write the first thing that a new leader does; say what a no-op is for; name two quorum sizes that are safe although neither is a majority; say when a slot may be forgotten |
# | Read first | Lamport 2001, *Paxos Made Simple*, section 3 (2 pages) |

# %% setup
from labkit import check, check_linearizable, exercise, history_figure, hint, predict, replay, show_source, simulate, spacetime, start_cluster
from labkit.figures import charts
from labkit.models import KeyValue
from given import *

# %% [markdown]
# ## 1. The sale that vanished
# The offices now share a **log**: slot 1, slot 2, and so on, one sale in each, the same on three nodes.
# n1 leads.
# It puts each sale into the first free slot, tells the others, and answers when one of them has it: with its own, that makes two copies of three.
# If n1 is silent for 200 ms, n2 leads, and goes on at the first slot that is free in *its* log.
#
# Nothing passes from n1 to n2 during the third sale.
# n3 has it, so Cem gets his ticket; then n1 loses power.

# %% predict
predict("8.6", "Ana, Ben, Cem and Dee have all got their tickets. What is in slot 3 of n3 at the end?",
        options=["Cem", "Dee", "nothing"])

# %% run
run = simulate(NaiveLog, client=LogClient, workload=SALES, script=loses_its_leader(48, 74), delay_ms=(5, 5), until_ms=600)
charts.log_table({id: run.observe(id) for id in ("n2", "n3")}, title="Four tickets were sold")

# %% [markdown]
# Cem is gone: n2 had never heard of him, and wrote Dee over him.
# The answer stood on two disks, and one of the two is alive and in reach.
# n2 had only to *ask* before it wrote, and that is phase 1.
#
# We could run part one's algorithm once for each slot.
# It would be safe, and it would cost two round trips and perhaps a duel for each sale.
# But a promise need not be about one slot.
# A leader asks **once**, for all slots from some number on: *will you accept nothing below my ballot, in any of them, and what have you accepted there?*
# From then on each command costs one round trip, as long as nobody prepares a higher ballot.
# This is **Multi-Paxos**.

# %% [markdown]
# ## 2. A replica
# Each node is now acceptor, proposer and learner in one, a **replica**, and part one's acceptor is in it: with a slot in each message, and nothing else changed.
# It is a long class, so read it by its headings.
# Five methods are missing.

# %% run
show_source(Replica)

# %% [markdown]
# Two things are worth a second look.
# `promised` plays a double part: it is what the acceptor has promised, and the ballot that a leader leads.
# And `tell` lets a replica answer itself at once, so a leader counts its own vote without a message.

# %% predict
predict("8.6", "A new leader's promises tell of votes in slots 4 and 6, and of none in slot 5. Can something be chosen in slot 5 already?",
        options=["yes", "no", "nobody can know"])

# %% [markdown]
# If a command had been chosen in slot 5, a majority would have voted for it, and one of them would be among those who promised.
# So nothing has been chosen there, and after those promises nothing can be, in any lower ballot.
# But slot 6 may be chosen, and nothing is applied before slot 5 is.
# The leader fills the hole with a command that does nothing.

# %% [markdown]
# ### Exercise 8.6: what may be chosen already
# The commands go out through `self.propose(slot, command)`, which is given.

# %% exercise=8.6
@exercise("8.6", into=Replica)                  # about 9 lines
def recover(self) -> None:
    """A majority has promised for all slots after `self.applied`: propose what may be chosen there.

    `self.promises` has the PromiseAll of each of them, whose votes are each acceptor's last.
    In every slot from self.applied + 1 to the highest slot with a vote, propose, in the order
    of slots and once each: the command of the vote with the highest ballot in that slot, or
    NO_OP where there is no vote (Lamport 2001, section 3). Votes in slots up to `self.applied`
    may be there, and propose nothing. `self.next_slot` becomes the first slot after all of
    these: the first that is free for new commands. Set it before you propose.
    """
    # STUB: the best vote of each slot; next_slot; then propose slot by slot
    # BEGIN SOLUTION
    best: dict[int, Vote] = {}
    for promise in self.promises.values():
        for vote in promise.votes:
            if vote.slot not in best or vote.ballot > best[vote.slot].ballot:
                best[vote.slot] = vote
    first = self.applied + 1
    self.next_slot = max([self.applied, *best]) + 1
    for slot in range(first, self.next_slot):
        self.propose(slot, best[slot].command if slot in best else NO_OP)
    # END SOLUTION

# %% check=8.6
check("8.6")

# %% hints=8.6
# - It is exercise 8.3 for many slots. What is the same, and what is new about a slot without any vote?
# - Make a dict from slot to the best vote: go through all votes of all promises, and compare ballots. Then go through the slots in order, holes too.
# - `self.next_slot = max([self.applied, *best]) + 1`, and `for slot in range(self.applied + 1, self.next_slot): self.propose(slot, best[slot].command if slot in best else NO_OP)`; compute the first slot before the loop, since a replica that is alone applies at once.

# %% [markdown]
# ## 3. In order, without gaps
# Slots are chosen in any order: the messages of slot 7 overtake those of slot 6.
# But the map that they are applied to must go through the same states on every replica.

# %% predict
predict("8.7", "Slots 1 to 4 are applied. Chosen messages come for 7, 5, 5 and 6. How far is the log applied then?",
        options=["4", "5", "6", "7"])

# %% [markdown]
# ### Exercise 8.7: apply
# `self.execute(command)` is given: it applies a command to the map, saves, and answers the client where this replica leads.
# It does a client's command only once, even if it was chosen in two slots, because a client that asks again gives its command the same number (lab 01).

# %% exercise=8.7
@exercise("8.7", into=Replica)                  # about 5 lines
def on_chosen(self, slot: int, command: Command) -> None:
    """`command` is chosen in `slot`: remember it, and apply all that can be applied now.

    A slot up to `self.applied` has been applied, and changes nothing. Otherwise keep the
    command in `self.chosen[slot]`. Then, as long as the slot after `self.applied` is chosen,
    add one to `self.applied` and call `self.execute` with that slot's command: every slot
    once, in order, without a gap. Commands stay in `self.chosen` after that.
    """
    # STUB: a while loop
    # BEGIN SOLUTION
    if slot <= self.applied:
        return  # a copy
    self.chosen[slot] = command
    while self.applied + 1 in self.chosen:
        self.applied += 1
        self.execute(self.chosen[self.applied])
    # END SOLUTION

# %% check=8.7
check("8.7")

# %% hints=8.7
# - One message may make several slots applicable, or none. What kind of loop is that?
# - Keep the command, whatever its slot; then go on while the very next slot is there.
# - `while self.applied + 1 in self.chosen: self.applied += 1; self.execute(self.chosen[self.applied])`, on lines of their own.

# %% [markdown]
# ## 4. One leads, the others pass on
# A client does not know who leads, and asks anyone.
# A follower passes its request on to the leader that it knows, and the leader answers the client.
#
# There is a trap when two followers each take the other for the leader.
# A request would go to and fro between them for ever, and with every client that asks again there would be one more.

# %% [markdown]
# ### Exercise 8.8: a request

# %% exercise=8.8
@exercise("8.8", into=Replica)                  # about 7 lines
def on_request(self, source: NodeId, request: Request) -> None:
    """A client's command has come, from the client itself or passed on by a peer.

    If it has been executed before, `self.answer_again(request.command)` answers it and says
    True, and that is all. A leader (Role.LEADER) proposes it in `self.next_slot`, which goes
    up by one; set it before you propose. A replica that does not lead sends the request,
    unchanged, to `self.leader_id`, if it knows one and the request came from a client: what
    a peer passed on is not passed on again. In all other cases nothing is sent: the client
    will ask again.
    """
    # STUB: answered before? leading? know who leads?
    # BEGIN SOLUTION
    if self.answer_again(request.command):
        return
    if self.role is Role.LEADER:
        self.next_slot += 1
        self.propose(self.next_slot - 1, request.command)
    elif self.leader_id is not None and source not in self.peers:
        self.send(self.leader_id, request)
    # END SOLUTION

# %% check=8.8
check("8.8")

# %% hints=8.8
# - Three cases, and the first that fits ends it: executed before; leading; following somebody.
# - A request comes from a peer exactly if `source in self.peers`. A candidate knows no leader.
# - In the middle case: `self.next_slot += 1`, then `self.propose(self.next_slot - 1, request.command)`.

# %% [markdown]
# ## 5. Giving way
# A leader stays as long as it is heard and nobody prepares a higher ballot.
# When it sees one, in whatever message, its time is over: acceptors refuse its ballot from now on.
# Its open proposals are no loss.
# What is chosen, or may be, the next leader will find in the promises.

# %% predict
predict("8.9", "n1 leads ballot (3, 'n1'), is cut off, and does not notice. What can it do to the others' log?",
        options=["append to it", "overwrite it", "nothing"])

# %% [markdown]
# ### Exercise 8.9: step down
# `on_message` calls this for any message that carries a higher ballot than `self.promised`, before anything else is done with it.

# %% exercise=8.9
@exercise("8.9", into=Replica)                  # about 6 lines
def step_down(self, ballot: Ballot) -> None:
    """A ballot higher than `self.promised` is about: its owner leads now, or is trying to.

    `self.promised` becomes `ballot`, and is saved under that name before this method returns:
    whatever this replica says next counts as said in that ballot. `self.role` is
    Role.FOLLOWER, and `self.leader_id` the owner of the ballot. Nothing of an earlier ballot
    goes on: `self.proposals` is empty, the timer "heartbeat" is not set. The timer
    "election" starts anew, at random within ELECTION_MS. Nothing is sent.
    """
    # STUB: three attributes, one save, the proposals, two timers
    # BEGIN SOLUTION
    self.promised = ballot
    self.storage.save(promised=ballot)
    self.role, self.leader_id = Role.FOLLOWER, ballot[1]
    self.proposals = {}
    self.cancel_timer("heartbeat")
    self.set_timer("election", *ELECTION_MS)
    # END SOLUTION

# %% check=8.9
check("8.9")

# %% hints=8.9
# - Tick off the docstring: what is kept on the disk, what the node is now, what it stops, what it waits for.
# - A ballot is a number and its proposer's id: that is whom to follow.
# - `self.promised = ballot`, save it, `self.role, self.leader_id = Role.FOLLOWER, ballot[1]`, `self.proposals = {}`, `self.cancel_timer("heartbeat")`, `self.set_timer("election", *ELECTION_MS)`.

# %% [markdown]
# ## 6. Forgetting
# A log that only grows fills every disk.
# Votes and chosen commands are kept for others: for a leader that asks what may be chosen, for a replica that has missed something.
# So a slot may be forgotten as soon as nobody will ever ask for it.

# %% predict
predict("8.10", "Four of five replicas have applied slot 7, and one is down. May slot 7 be forgotten?",
        options=["yes, a majority has it", "no", "only by the leader"])

# %% [markdown]
# Suppose that the four forget, and the fifth comes back and campaigns.
# It asks for all votes from slot 7 on, hears of none, and fills slot 7 with a no-op.
# So the leader waits until **all** replicas have said that they have applied a slot; you can find the minimum in `send_heartbeats`.
# Each heartbeat carries it, and then each replica may forget.

# %% [markdown]
# ### Exercise 8.10: forget

# %% exercise=8.10
@exercise("8.10", into=Replica)                 # about 4 lines
def forget(self, slot: int) -> None:
    """Every replica has applied the slots up to `slot`, this one too: drop what is kept for them.

    The votes in `self.accepted` and the commands in `self.chosen` of these slots go, and no
    others. What is left is saved in one save: `accepted` as `self.votes_from(0)`, `chosen` as a
    tuple of (slot, command) pairs in the order of slots. Where nothing is dropped, nothing
    need be saved. The map, the answers and `self.applied` stay as they are.
    """
    # STUB: keep the slots above; save both
    # BEGIN SOLUTION
    self.accepted = {at: vote for at, vote in self.accepted.items() if at > slot}
    self.chosen = {at: command for at, command in self.chosen.items() if at > slot}
    self.storage.save(accepted=self.votes_from(0), chosen=tuple(sorted(self.chosen.items())))
    # END SOLUTION

# %% check=8.10
check("8.10")

# %% hints=8.10
# - Two dicts lose the same slots. Which ones stay?
# - Build each dict anew from the slots above `slot`; then save both together, in the forms that `on_start` reads.
# - `self.chosen = {at: command for at, command in self.chosen.items() if at > slot}`, likewise `self.accepted`, then `self.storage.save(accepted=self.votes_from(0), chosen=tuple(sorted(self.chosen.items())))`.

# %% [markdown]
# ## 7. Quorums that are no majorities
# Where did we use that a majority promises, and a majority accepts?
# Only here: whoever promises meets whoever has accepted.
# Two quorums of phase 2 need not meet each other at all, nor two of phase 1.
# Howard, Malkhi and Spiegelman noticed it in 2016, eighteen years after the paper.
#
# So a log that changes its leader once a week may ask few in phase 2, and many in phase 1.
# `Flexible` does that: its commands are on two disks of however many, so one disk may be lost.

# %% run
show_source(Flexible)

# %% predict
predict("8.11", "Of six acceptors, three make a phase 2. How many promises does a leader need?",
        options=["3", "4", "5", "6"])

# %% [markdown]
# ### Exercise 8.11: is this pair safe?

# %% exercise=8.11
@exercise("8.11", into=Flexible)                # about 1 line
def is_safe(self, phase1: int, phase2: int) -> bool:
    """Does every group of `phase1` replicas share a member with every group of `phase2` replicas?

    Both are sizes from 1 to the number of replicas, `len(self.everyone)`. That is all that
    Paxos needs of its quorums (Howard, Malkhi & Spiegelman 2016).
    """
    # STUB: how large can two groups be that share nobody?
    # BEGIN SOLUTION
    return phase1 + phase2 > len(self.everyone)
    # END SOLUTION

# %% check=8.11
check("8.11")

# %% hints=8.11
# - Two groups that share nobody fit beside each other. What does that say of their sizes?
# - If the two sizes together are more than there are replicas, they must overlap; otherwise they need not.
# - `return phase1 + phase2 > len(self.everyone)`.

# %% [markdown]
# ## 8. All together
# The next check takes the replicas through walks, a search from goal to goal, leaders that die again and again, partitions that change, a lost message in the middle of the log, and a disk that must not fill up.
# It looks at what the clients saw, and at what was said to be chosen.

# %% check=8.L
check("8.L")

# %% [markdown]
# ### The train again
# Thirty tickets, and a leader that crashes; who leads at the start is a matter of chance now.

# %% run
def leader(run):
    """The replica that leads just now, or n1 if none does."""
    roles = {id: run.observe(id).get("role") for id in run.system.node_ids}
    return next((id for id, role in roles.items() if role and role.value == "leader"), "n1")

def power_cut(run):
    run.run(400)  # somebody leads by now
    first = leader(run)
    run.at(450, run.crash, first).at(1_200, run.restart, first)

work = {"c1": [("get", "sold") if n % 4 == 0 else ("append", "sold", f"{n} ") for n in range(1, 41)]}
run = simulate(Replica, client=LogClient, workload=work, script=power_cut, seed=4, delay_ms=(5, 5), until_ms=2_500)
history_figure(run, check_linearizable(run.history, KeyValue()))

# %% [markdown]
# The figure draws long and short waits alike, so read the numbers below it.
# The first operation waited for the first leader, and the one at 440 ms met the crash: the others had to miss the leader, one of them had to get its promises, and the client had to ask again.
# All thirty sales are there, each once (every fourth operation only looks); ask any replica:

# %% run
{id: run.observe(id).get("data") for id in ("n1", "n2", "n3")}

# %% [markdown]
# ## 9. Break it
# Which line keeps Cem's ticket?
# Below is a leader that asks for promises, and does not read them: it goes on after what it has applied itself.

# %% run
class Hasty(Replica):
    """Takes the promises, and does not look into them."""

    def recover(self):
        self.next_slot = self.applied + 1

def deaf_heir(run):
    run.run(400)
    old = leader(run)
    heir = next(id for id in run.system.node_ids if id != old)
    run.cut(old, heir)
    run.at(500, run.crash, old)

# %% [markdown]
# It is the story of section 1: one replica stops hearing the leader, misses some sales, and loses patience first when the leader crashes.

# %% predict
predict("8.L", "The client appends, and looks after every third append. Will it notice?",
        options=["no, the numbers are all there", "yes, numbers are missing", "nothing is answered any more"])

# %% run
run = simulate(Hasty, client=LogClient, workload=work, script=deaf_heir, seed=1, delay_ms=(5, 5), until_ms=2_500)
history_figure(run, check_linearizable(run.history, KeyValue()))

# %% run
{id: run.observe(id).get("data") for id in ("n1", "n2", "n3")}

# %% [markdown]
# Numbers that were answered are missing, and not the same ones everywhere: two replicas that live and agree with each other on every ballot have different maps.
# The new leader wrote over slots that had been chosen, and whoever had applied them before kept what it had.
# Without the `get` operations no client would have noticed, since appends answer nothing; so the course's checks look at each slot as well, and not only at answers.

# %% [markdown]
# ## 10. On real processes
# Five replicas and two clients, each a process of its own.
# Somebody is elected; then that process is killed with SIGKILL, and later comes back on the disk that it left.

# %% cluster recorded=log
work = {c: [("append", "sold", f"{c}.{n} ") if n % 3 else ("get", "sold") for n in range(1, 25)] for c in ("c1", "c2")}
cluster = start_cluster(Replica, nodes=5, client=LogClient, workload=work, gap_ms=50, delay_ms=(2, 6), recorded="log")
await cluster.until(lambda: cluster.observe(leader(cluster)).get("leader_id"), timeout_s=30)
first = leader(cluster)
killed_ms = cluster.now_ms + 500
cluster.at(killed_ms, cluster.crash, first).at(killed_ms + 1_000, cluster.restart, first)
await cluster.until(lambda: cluster.finished, timeout_s=60)
cluster.close()
history_figure(cluster, check_linearizable(cluster.history, KeyValue()))

# %% [markdown]
# Every bar is closed, and the checker has found one order that explains all answers.
# The wait where the grey band begins is the election: up to 300 ms of silence, a round of promises, and the clients' patience.

# %% [markdown]
# ## 11. Measure
# What do small quorums of phase 2 save?
# Five replicas, of which the leader's peers are moved away one after the other, to 60 to 80 ms; first with majorities, then with `Flexible`, which has two in phase 2.

# %% predict
predict("8.11", "Three of the leader's four peers are far away. Who waits for a far one?",
        options=["both", "only majorities", "only Flexible", "neither"])

# %% chart
puts = {"c1": [("put", "seat", f"{n}") for n in range(60)]}

def median_ms(replica, far, seed):
    def move_away(run):
        run.run(400)
        first = leader(run)
        for id in [id for id in run.system.node_ids if id != first][:far]:
            run.slow(id, (60, 80))
    run = simulate(replica, 5, client=LogClient, workload=puts, script=move_away, seed=seed, delay_ms=(2, 4), until_ms=5_000)
    waits = sorted(op.returned_us - op.invoked_us for op in run.history if op.outcome == "ok") or [0]
    return {"far": far, "quorums": replica.__name__, "ms": waits[len(waits) // 2] / 1000}

rows = [median_ms(replica, far, seed) for replica in (Replica, Flexible) for far in range(5) for seed in range(4)]
charts.sweep(rows, "far", "ms", by="quorums", title="Median time of a command, with so many peers far away")

# %% run
import pandas as pd

pd.DataFrame(rows).groupby(["far", "quorums"]).ms.median().unstack()

# %% [markdown]
# As long as its quorum is near, a leader does not notice who is far: majorities stand two far peers, `Flexible` stands three.
# Who pays is the next leader.
# `Flexible` needs four promises of five, so with two replicas down nobody can be elected, although a living leader goes on with three down.
#
# And what does a command cost in messages, when nothing happens?

# %% run
calm = simulate(Replica, 5, client=LogClient, workload=puts, seed=1, delay_ms=(2, 4), until_ms=1_300)
charts.message_counts(calm, title="Messages per command while one leader is stable")

# %% [markdown]
# Accepts, their answers and the announcements are the price of a command: four of each with five replicas, which makes one round trip before the answer.
# The heartbeats come on top, whether anybody buys a ticket or not.

# %% [markdown]
# ## 12. What you know now
# One phase 1 is enough for all slots, and for as long as its leader is not outbid.
# A new leader proposes again whatever may be chosen, and fills the holes, before it takes a new command.
# Commands are applied in the order of slots, so all replicas go through the same states.
# A slot may go when all have applied it.
# Only a quorum of phase 1 and one of phase 2 must meet; their sizes are free otherwise.
#
# | word | meaning |
# |---|---|
# | slot | a place in the log; one instance of Paxos |
# | replica | acceptor, proposer and learner in one, with a copy of the map |
# | stable leader | its ballot is not outbid, so phase 1 is done once |
# | no-op | fills a slot where nothing was chosen, so that later ones can be applied |
# | flexible quorums | phase 1 and phase 2 of different sizes, which together are more than all |

# %% [markdown]
# ### Questions
# 1. A leader has proposed slots 8 and 9; 9 is chosen, 8 is not, and it crashes. What may end up in slot 8?
# 2. Why may an old leader's `get` not be answered from its own map?
# 3. A client's command was chosen in slot 5, and, since the client asked again, in slot 8 too. Why is that no harm?
# 4. With ten replicas and a phase 2 of three, how many may be down without stopping a stable leader, and how many without stopping an election?
# 5. What does Raft do with the votes of exercise 8.6?
#
# <details><summary>Answers</summary>
#
# 1. The proposed command, if one who voted for it is among the promises; otherwise a no-op. Never a new command that is older in nobody's log: the new leader fills it before it takes requests.
# 2. Another leader may have had later commands chosen; it would be a stale read. Here reads go through the log; lab 10 shows cheaper ways.
# 3. Each replica executes a client's number once, and does so in the same slot, as they all see the same log.
# 4. Seven for the leader, itself being one of the three that are left; two for an election, which needs eight promises.
# 5. It does not need them: only a node whose log has all committed entries can win the election, so nothing has to be collected. The price is that not everybody can lead.
#
# </details>
#
# ### In production
# Chubby's authors wrote down what was between the paper and the product, and it is most of the work: disks that lie, snapshots, members that change (Chandra, Griesemer & Redstone 2007).
# Spanner keeps one such log for each shard of the data, with leaders that stay by leases.
# Flexible quorums are an option in several replicated logs, among them LogDevice of Facebook, which reads from many to write to few.
#
# ### Going further
# - 15 min: in section 11 let n4 and n5 crash at 3 s for good, then the leader. What does each of the two classes do?
# - 1 h: a request that is passed on costs a hop. Let the client learn who leads from a follower's answer. What must it do when that was wrong?
# - An evening: pipelining and batches. Let the leader put all requests of 5 ms into one slot, and measure messages and latency.
#
# Reading: Lamport, *Paxos Made Simple* (2001), section 3, for all slots at once; van Renesse & Altinbuken, *Paxos Made Moderately Complex* (2015), for the whole machine in code; Howard, Malkhi & Spiegelman, *Flexible Paxos: Quorum Intersection Revisited* (2016), sections 1 to 3; Chandra, Griesemer & Redstone, *Paxos Made Live* (2007), for everything else.
#
# Paxos leaves the leader free and reads the past out of promises. In lab 09, Raft chooses its leaders so that there is nothing to read.
