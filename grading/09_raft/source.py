# %% part=election

# %% [markdown]
# # Lab 09: Raft, part one: the election
# > Five nodes, no boss, a network that loses letters. Who decides, and how do the others know?
#
# | | |
# |---|---|
# | Time | about 6 hours in seven parts; this part 60 min (15 reading, 30 code, 15 thinking) |
# | You need | Lab 08, or the idea of a majority; from lab 01, what a crash takes and what it leaves |
# | You will be able to | write the vote rule from memory; say from a trace why an election failed; name the line that keeps term 5 from having two leaders |
# | Read first | Ongaro & Ousterhout 2014, sections 5.1 and 5.2 (4 pages) |

# %% setup
from labkit import check, exercise, hint, panel, predict, replay, show_source, simulate, spacetime, start_cluster
from given import *

# %% [markdown]
# ## 1. Two bosses
# Three nodes keep the accounts of a small shop.
# The link to n1, which leads, stalls for half a second.
# n2 and n3 hear nothing, wait a little, and n2 declares itself leader.
# Then the link recovers, and n1 has never been told that it was replaced.
# Both write down the next sale.
#
# Below is a cluster that elects like this: whoever misses the leader for 200 ms *is* the leader.

# %% predict
predict("9.1", "How many leaders will this run have at its end?", options=["one", "two", "three"])

# %% run
run = simulate(NaiveElection, nodes=3, seed=11, partition_ms=(300, 800), until_ms=1_000)
spacetime(run, title="Whoever misses the leader, leads")

# %% run
{id: run.observe(id)["role"].value for id in ("n1", "n2", "n3")}

# %% [markdown]
# Follow n1's line across the grey band, the time when its links were cut.
# It never learns anything, because nobody who was elected *asked* anyone.
# Then look at n2 and n3 in the middle of the band: n3 had lost patience as well, before it could hear from n2.
# Two bosses were expected, and there are three.
#
# Raft's answer is to make a leader ask, and to let each node answer **once per term**.
# A **term** is a number that only grows; each node keeps the highest it has seen, and each message carries its sender's.
# Whoever has the votes of a **majority**, more than half of all nodes, leads the term.
# Any two majorities share a node, and that node has only one vote to give: this is why a term cannot have two leaders.
#
# Everything in this lab hangs on that sentence, so keep asking which line of code makes it true.

# %% [markdown]
# ## 2. One vote
# Here is the class that you will complete.
# Its attributes are those of the paper's figure 2, and four of its methods are missing.

# %% run
show_source(Raft)

# %% [markdown]
# Find `on_request_vote`, which is given.
# When a node votes, the vote is on the disk before the answer leaves: lab 01 taught why, and section 7 will show what happens otherwise.
# Whether it votes is yours to say.

# %% predict
predict("9.1", "n2 asks for a vote, gets it, and asks again. What should the voter say?", options=["yes, again", "no, the vote is spent"])

# %% [markdown]
# ### Exercise 9.1: may I have your vote?

# %% exercise=9.1
@exercise("9.1", into=Raft)                     # about 3 lines
def grants_vote(self, request: RequestVote) -> bool:
    """May this node vote for `request.candidate_id` in its current term?

    Not if the request is of an older term than `self.current_term` (section 5.1). A node
    votes for at most one candidate per term, first come, first served, and may repeat a
    vote that it already gave (section 5.2): `self.voted_for` is whom it voted for in its
    current term, or None. The candidate's log must be at least as up to date as this
    node's (section 5.4.1): `self.up_to_date(request)` is given. This method only answers;
    it changes nothing. Requests of newer terms never get here: the node has moved to
    that term before.
    """
    # STUB: use request.term, self.voted_for and self.up_to_date
    # BEGIN SOLUTION
    current = request.term == self.current_term
    free = self.voted_for in (None, request.candidate_id)
    return current and free and self.up_to_date(request)
    # END SOLUTION

# %% check=9.1
check("9.1")

# %% hints=9.1
# - Three things can be wrong with a request: its term, the vote that was given before, the candidate's log.
# - `self.voted_for` may have two values that leave the vote free for this candidate. Which?
# - `self.voted_for in (None, request.candidate_id)`; and the other two conditions, with `and` between them.

# %% [markdown]
# ## 3. Somebody has to begin
# A follower that hears from no leader for an **election timeout** assumes that there is none, and stands for election.
# It does not have to be right about that.
# A follower behind a slow link will stand against a living leader, and Raft must survive it.
#
# The timeout is drawn anew each time, between 150 and 300 ms.

# %% predict
predict("9.2", "All timeouts are exactly 200 ms, and all nodes boot together. Who wins term 1?", options=["the fastest", "nobody", "two of them"])

# %% [markdown]
# If all nodes stand at once, each has spent its vote on itself before it is asked: a **split vote**, and a term without a leader.
# Nothing is broken then, but nothing is won either, and with equal timeouts the next term ends in the same way.
# Chance is what makes one of them wake up alone.
#
# The name of the timer is `"election"`, and `self.restart_election_timer()` sets it.

# %% [markdown]
# ### Exercise 9.2: stand for election

# %% exercise=9.2
@exercise("9.2", into=Raft)                     # about 7 lines
def stand_for_election(self) -> None:
    """The election timeout has passed without a leader: become a candidate (section 5.2).

    The node goes to the next term and votes for itself there: `self.current_term`,
    `self.voted_for`, `self.role` (Role.CANDIDATE), and `self.votes`, which begins as the
    set of this one node. Nobody leads that term yet, so `self.leader_id` is None.
    `current_term` and `voted_for` are saved, under these names, before any message leaves.
    Every peer is asked with a RequestVote that says how far this node's log goes
    (`self.last_log_index`, `self.last_log_term`). The election timer starts anew, with a
    new random timeout: if nobody wins this election, there will be another.
    """
    # STUB: change the state, save, set the timer, ask everyone
    # BEGIN SOLUTION
    self.current_term += 1
    self.voted_for, self.votes = self.id, {self.id}
    self.role, self.leader_id = Role.CANDIDATE, None
    self.storage.save(current_term=self.current_term, voted_for=self.voted_for)
    self.restart_election_timer()
    self.broadcast(RequestVote(self.current_term, self.id, self.last_log_index, self.last_log_term))
    # END SOLUTION

# %% check=9.2
check("9.2")

# %% hints=9.2
# - Go through the docstring and tick off: four attributes of this election, one of the last, one save, one timer, one message to all.
# - What would a node that crashed right after asking have to remember, so as not to vote for somebody else in that term?
# - `self.storage.save(current_term=self.current_term, voted_for=self.voted_for)`, and after it `self.broadcast(RequestVote(...))` with four values.

# %% [markdown]
# ## 4. Counting
# The answers come in any order, some twice, some late, some never.
# An answer that was sent in term 3 may arrive in term 5, when this node is a candidate again, and wants votes badly.

# %% predict
predict("9.3", "How many votes win in a cluster of four nodes?", options=["two", "three", "four"])

# %% [markdown]
# ### Exercise 9.3: count the votes
# `self.peers` are the other nodes, without this one.

# %% exercise=9.3
@exercise("9.3", into=Raft)                     # about 4 lines
def on_request_vote_reply(self, source: NodeId, reply: RequestVoteReply) -> None:
    """Count the vote of `source`; with the votes of a majority, become leader (section 5.2).

    A vote counts if it was granted, in the term that this node is a candidate of, and each
    node counts once, however often its answer comes. A majority is more than half of *all*
    nodes, this one included. `self.become_leader()` is given, and happens once per election.
    Any other answer changes nothing: a refusal, an answer of an older term, or one that comes
    when this node is not a candidate, or is no longer one.
    """
    # STUB: which answers count, and when are they enough?
    # BEGIN SOLUTION
    if self.role is not Role.CANDIDATE or reply.term != self.current_term or not reply.vote_granted:
        return  # a refusal, or an answer to an election that is over
    self.votes.add(source)
    if 2 * len(self.votes) > len(self.peers) + 1:
        self.become_leader()
    # END SOLUTION

# %% check=9.3
check("9.3")

# %% hints=9.3
# - Begin with a guard: three reasons to return at once are in the last sentence of the docstring.
# - `self.votes` is a set and holds this node already; the cluster has `len(self.peers) + 1` nodes.
# - `self.votes.add(source)`, then `if 2 * len(self.votes) > len(self.peers) + 1: self.become_leader()`.

# %% [markdown]
# ## 5. Giving way
# One thing is missing, and without it n1 of our first picture would still not know that it was replaced.
# Whoever sees a higher term than its own has missed an election: it moves to that term, and follows.
# In `on_message` you can see that this happens before anything else is done with a message.
#
# The same method serves a second purpose.
# A heartbeat of the leader tells a candidate that somebody else has won, and tells a follower to go on waiting.
# So `become_follower` is called in a *new* term, and again and again in the *same* one; the difference is the most interesting line of this part.

# %% predict
predict("9.4", "A follower voted for n2 in term 4. Now n2's heartbeat of term 4 arrives. Whom may the follower still vote for in term 4?", options=["n2 only", "anyone", "nobody"])

# %% [markdown]
# ### Exercise 9.4: become a follower

# %% exercise=9.4
@exercise("9.4", into=Raft)                     # about 6 lines
def become_follower(self, term: int, leader_id: NodeId | None = None) -> None:
    """Follow in `term`, which is the node's own term or a higher one (sections 5.1, 5.2).

    A higher term becomes the node's own. It has given no vote there yet: `self.voted_for`
    is None. Both are saved in one save, under these names, before this method returns. In
    its own term a node's vote stays as it is.
    In any case `self.role` is Role.FOLLOWER, and `self.leader_id` becomes `leader_id`: who
    leads `term`, or None where that is not known. A follower sends no heartbeats: the timer
    `"heartbeat"` is not set when this method returns. It waits for some: the timer
    `"election"` is set, and starts anew if `leader_id` is given.
    """
    # STUB: what is new in a higher term, and what is always so?
    # BEGIN SOLUTION
    if term > self.current_term:
        self.current_term, self.voted_for = term, None
        self.storage.save(current_term=self.current_term, voted_for=self.voted_for)
    self.role, self.leader_id = Role.FOLLOWER, leader_id
    self.cancel_timer("heartbeat")
    self.restart_election_timer()
    # END SOLUTION

# %% check=9.4
check("9.4")

# %% hints=9.4
# - Sort the docstring's sentences into two heaps: what happens only in a higher term, and what happens every time.
# - The vote is set to None together with the term, in the same `if`, and in the same save. Why would it be wrong outside?
# - `if term > self.current_term:` set both and save both; after it the role, the leader, `self.cancel_timer("heartbeat")` and `self.restart_election_timer()`.

# %% [markdown]
# ### The same morning again
# Your nodes, with the stalled link of section 1.
# Three things are worth finding in the picture: the first request for votes, the moment when n1 is cut off and does not know that it leads nobody, and the message that tells it.

# %% predict
predict("9.E", "In which term will the three nodes be at the end?", options=["1", "2", "3", "higher"])

# %% run
run = simulate(Raft, nodes=3, seed=2, partition_ms=(300, 800), until_ms=1_000)
spacetime(run, title="Two leaders at once, and no harm done")

# %% run
for id in ("n1", "n2", "n3"):
    seen = run.observe(id)
    print(id, seen.get("role"), seen.get("current_term"), seen.get("voted_for"))

# %% [markdown]
# If an exercise above is still unwritten, the run ends there and the nodes have nothing to show.
#
# Did you notice that in the grey band there *were* two leaders, each speaking to whoever could hear?
# Raft does not forbid that.
# It forbids two leaders of one *term*, and gives everyone who hears both a way to tell the old one from the new.
# In part two this is what keeps the old leader from committing a sale.

# %% [markdown]
# ## 6. Every order of events
# Ten quiet runs prove little.
# The next check takes your nodes through hundreds of orders in which any message may come next, late, twice or never, and any node may crash between any two lines, losing all but its disk.
# Then it tries *all* orders of three nodes up to term 2, with one crash: about 75,000 states, and no luck needed.
# It does not ask your nodes what they are; it reads their messages, and holds them to them.

# %% check=9.E
check("9.E")

# %% [markdown]
# Safety is only half of it: nodes that never elect anybody pass every check above.
# So after all faults have ended, a leader must be found within 20 election timeouts.

# %% check=9.L
check("9.L")

# %% [markdown]
# ## 7. Break it
# Which line of all this keeps term 1 from having two leaders?
# Let us take one away that you did not write: in `on_request_vote`, the vote is saved.
# In the class below it is not.

# %% run
class Forgetful(Raft):
    """Votes, and keeps it to itself."""

    def on_request_vote(self, source, request):
        granted = self.grants_vote(request)
        if granted:
            self.voted_for = request.candidate_id
            self.restart_election_timer()
        self.send(source, RequestVoteReply(self.current_term, granted))

# %% [markdown]
# Now be the nemesis.
# The links between n2 and n3 are cut from the start, so both have only n1 to ask.
# The one whose timer fires first gets n1's vote, and leads; and then n1 crashes, and boots 15 ms later.

# %% predict
predict("9.E", "n1 restarts in term 1, and the other candidate of term 1 asks it. What does the first leader do about it?", options=["nothing, it is not asked", "it refuses", "it steps down"])

# %% run
def power_cut(run):
    run.at(0, run.partition, ("n2",), ("n3",))
    run.at(170, run.crash, "n1").at(185, run.restart, "n1")

run = simulate(Forgetful, nodes=3, seed=0, script=power_cut, until_ms=400)
spacetime(run, title="One node, one term, two votes")

# %% run
print(run.violation.what if run.violation else "no rule broke")

# %% [markdown]
# The run stops at the moment when the second leader of term 1 says so: two nodes have stated the *fact* "leader of term 1", with different values.
# Nobody lost a message, and nobody lied.
# One node had forgotten one word.
#
# Try the other seeds if you like: most of them elect a single leader, and a test that tried ten of them would be content.
# That is why check 9.E does not wait for bad luck, but looks for it.
#
# Then break it in your own code.
# Put `self.voted_for = None` of exercise 9.4 *outside* its `if`, run the cell, and run `check("9.E")`.
# Read the numbered steps until you can tell the story in one sentence; then mend it.

# %% [markdown]
# ## 8. Five processes
# So far the network was a simulation and so was death.
# The next cell starts five real processes, waits until one of them leads, and kills it with SIGKILL: no handler runs, no file is closed.
# Before you run it: about how long will the other four be without a leader?

# %% predict
predict("9.L", "The leader is killed. When has the next one been elected?", options=["within 50 ms", "150 to 400 ms later", "after about a second"])

# %% cluster recorded=leader_killed
def leader():
    """The highest term that anybody leads, and who does: as the nodes say themselves."""
    seen = {id: cluster.observe(id) for id in cluster.system.node_ids}
    leading = [(s["current_term"], id) for id, s in seen.items() if s and s["role"].value == "leader"]
    return max(leading, default=(0, "n1"))

cluster = start_cluster(Raft, nodes=5, delay_ms=(1, 10), recorded="leader_killed")
await cluster.until(lambda: leader()[0])
panel(cluster)

# %% [markdown]
# Five circles; the one with the thick rim leads.
# Keep an eye on the terms while the next cell kills it.

# %% run
first = leader()
cluster.crash(first[1])
await cluster.until(lambda: leader() > first)
[str(event) for event in cluster.trace.of_kind("fact", "crash")]

# %% [markdown]
# Each line is an election that was won, or a death; the difference of the last two is what you guessed.
# Now the dead node comes back, in a new process, on the old disk.

# %% run
cluster.restart(first[1])
await cluster.until(lambda: cluster.observe(first[1]).get("leader_id") == leader()[1])
cluster.close()
spacetime(cluster, title="A leader is killed, and comes back as a follower")

# %% [markdown]
# The killed node came back with its term and its vote, because they were on its disk, and with nothing else.
# In the picture, find its last heartbeat, and the first request for votes of a follower that missed the next.
# What lies between is the price of a timeout: shorter ones find a dead leader sooner, and a slow one dead more often.

# %% [markdown]
# ## 9. Measure
# How much sooner?
# The next cell cuts off the leader in fifty runs each, for five ranges of timeouts, over links that take 1 to 10 ms, and measures the time without a leader.

# %% chart
def gap_ms(range_ms, seed):
    """How long nobody leads a higher term after the first leader was cut off at one second."""
    class Impatient(Raft):
        def restart_election_timer(self):
            self.set_timer("election", *range_ms)

    run = simulate(Impatient, nodes=5, seed=seed, until_ms=1_000)
    terms = [term for (what, term), _ in run.facts.items()]
    run.isolate(run.facts.value(("leader of term", terms[-1])) if terms else "n1")
    run.run_until(lambda: len(run.facts) > len(terms), 6_000)
    return run.now_ms - 1_000

# %% chart
RANGES = ((12, 24), (50, 100), (150, 300), (150, 160), (600, 1_200))
for range_ms in RANGES:
    gaps = sorted(gap_ms(range_ms, seed) for seed in range(50))
    print(f"{range_ms[0]:>5} to {range_ms[1]:>5} ms: median {gaps[25]:>6.0f} ms, worst {gaps[-1]:>6.0f} ms")

# %% [markdown]
# Two rows deserve a second look.
# From 12 to 24 ms, a heartbeat every 50 ms comes too late by design: followers stand against living leaders all the time, and the gap says little.
# From 150 to 160 ms one would expect the shortest wait of the last three rows, but five nodes wake up almost together and split their votes: its median is nearly twice that of 150 to 300 ms, and its worst case more than two seconds.
# The paper draws the same curves in its figure 16, for the same reason.

# %% [markdown]
# ## 10. What you know now
# A term is Raft's clock: it only grows, and whoever sees a higher one follows it.
# A node has one vote per term, and keeps it over crashes; two majorities share a voter, so a term has one leader at most.
# Two nodes may *believe* that they lead, in different terms, and the higher one wins wherever both are heard.
# Safety hangs on votes and disks, never on time; time decides only how soon somebody is elected.
#
# | word | meaning |
# |---|---|
# | term | a number that only grows; at most one leader each |
# | majority | more than half of all nodes; any two share one |
# | candidate | asks for votes, having voted for itself |
# | split vote | a term in which nobody gets a majority |
# | election timeout | silence after which a follower stands; drawn at random |
# | heartbeat | an AppendEntries without entries: the leader lives |

# %% [markdown]
# ### Questions
# 1. Look at your first prediction. Which rule of Raft would have told n1 that it was replaced, and which would have stopped n3?
# 2. Four nodes instead of three: how many may fail, and what did the fourth buy?
# 3. A candidate saves `current_term` but not `voted_for`. Tell the crash that gives its term two leaders.
# 4. Why may a node believe that it leads, for seconds, while another leads as well, and why is this not a bug?
# 5. A follower can send but hears nothing. What does it do to the others, and for how long?
# 6. Which of your lines could go if nodes never crashed? Which if messages never came late?
#
# <details><summary>Answers</summary>
#
# 1. A higher term in any message makes n1 follow. n3 would have needed a vote from n2 or n1: n2 had spent its own, and n1 could not be reached.
# 2. One may fail, as with three: a majority of four is three. The fourth costs messages and buys nothing.
# 3. It wins term 1 with its own vote and n3's, crashes, boots in term 1 with no vote on its disk, and gives one to n2, which asks late: n2 leads term 1 as well.
# 4. It is cut off, and no message can tell it. It leads an older term, so whoever knows the newer one refuses it; without a majority it can do nothing that counts.
# 5. It stands again and again, in ever higher terms, and makes the leader step down each time it is heard. For ever, in plain Raft: part `prevote` mends this.
# 6. Without crashes: both saves. Without late messages: the comparison of terms in exercise 9.3, and that in 9.1.
#
# </details>
#
# ### In production
# etcd, and with it Kubernetes, elects like this: its timeouts are counted in ticks, by default a heartbeat of 100 ms and an election timeout of 1,000 ms, for clusters whose disks may stall.
# It also has *pre-vote* and *check quorum* switched on, which you meet in part six: a node asks whether it could win before it raises its term, and a leader that hears from no majority resigns.
# CockroachDB and TiKV run tens of thousands of such groups on one machine, and let idle ones sleep, since heartbeats of all of them would be all that the network carries.
# In 2020 a switch at Cloudflare failed halfway for six minutes: one of three etcd nodes could reach a second but not the leader, stood for election again and again, and nobody could win.
# The cluster refused writes meanwhile, and mending what followed took over six hours.
#
# ### Going further
# - 15 min: let `restart_election_timer` give n1 always the shortest timeout. What is gained, and what is lost when n1 is slow rather than dead?
# - 1 h: let a leader that has heard from no majority for an election timeout step down. Which check above still passes without it, and whom does it help?
# - An evening: elections by priority, without losing a check: a node whose log is as good as the others' but which sits in the better data centre should win more often.
#
# Reading: Ongaro & Ousterhout, *In Search of an Understandable Consensus Algorithm* (2014), section 9.3, for the measurements behind the timeouts; Ongaro's dissertation (2014), chapter 9, for more of them; Howard & Mortier, *Paxos vs Raft* (2020), section 3, on how little the two differ once a leader must have the longest log; Lianza & Snook, *A Byzantine failure in the real world* (Cloudflare, 2020), for that night.
#
# The shop has one leader now, and not a single sale in its book: in part two, the log.
