# %% part=prevote

# %% [markdown]
# # Lab 09: Raft, part five: pre-vote
# > A node was cut off for two seconds, and comes back. Why does everybody else stop working?
#
# | | |
# |---|---|
# | Time | this part 35 min (10 reading, 10 code, 15 thinking) |
# | You need | Part one: terms, votes, timeouts |
# | You will be able to | find a disruptive node in a trace; write the question that a node asks before it stands; name a fault against which the question does not help |
# | Read first | Ongaro's dissertation (2014), section 9.6 (one page); Ongaro & Ousterhout 2014, the last paragraph of section 6 |

# %% setup
from labkit import check, exercise, hint, panel, predict, replay, show_source, simulate, spacetime, start_cluster, use_answers
from labkit.figures.charts import sweep
from given import *

use_answers("9.1", "9.2", "9.3", "9.4")

# %% [markdown]
# ## 1. The one who comes back
# Five nodes follow n1 or whoever won, and all is well.
# Then somebody trips over the cable of n5, and puts it back two seconds later.
# n5 could hear nobody, so it stood for election, lost, stood again, each time in a new term.
# It won nothing and did no harm, alone as it was.

# %% predict
predict("9.15", "The cable is back. n5's log is like everybody else's. What happens to the leader?", options=["nothing", "it has to step down", "n5 takes its place at once"])

# %% run
def cable(run):
    run.at(500, run.isolate, "n5").at(2_500, run.heal)

run = simulate(Raft, nodes=5, seed=3, script=cable, until_ms=3_200)
[str(event) for event in run.trace.of_kind("fact")]

# %% run
{id: run.observe(id)["current_term"] for id in ("n1", "n5")}

# %% [markdown]
# Each line is an election that was won.
# The first leader was alive, had a majority, and lost it to a message of a much higher term: whoever hears of one follows.
# That rule is what keeps Raft safe, so we cannot take it away.
# But n5 had no business to raise its term, since it could not win: it should have *asked* whether it could, before.

# %% [markdown]
# ## 2. Would you vote for me?
# In a **pre-vote** a node asks all others whether they would vote for it, if it stood.
# It does not stand yet: no term grows, no vote is given, nothing is written to a disk.
# Only if a majority is willing does it become a candidate, as in part one.

# %% run
show_source(PreVoteRaft)

# %% [markdown]
# The request carries a term that nobody is in, and so it is called `next_term`: no node moves to it.
# When the election timer fires, `ask_first` is called, and when a majority is willing, your `stand_for_election`.

# %% predict
predict("9.15", "A node asks again and again, for an hour. In which term is it then?", options=["in the same as before", "one higher", "thousands higher"])

# %% [markdown]
# ### Exercise 9.15: ask first

# %% exercise=9.15
@exercise("9.15", into=PreVoteRaft)                     # about 4 lines
def ask_first(self) -> None:
    """The election timeout has passed without a leader: ask who would vote for this node (section 9.6).

    `self.willing` begins anew as the set of this one node. Every peer is asked with a PreVote: its
    `next_term` is the one after the current term, and it says how far this log goes, like a
    RequestVote. The election timer starts anew, with a new random timeout: if too few are willing,
    the node asks again. Nothing else changes: neither the term nor the vote nor the role, and
    nothing is saved.
    """
    # STUB: like stand_for_election, without the standing
    # BEGIN SOLUTION
    self.willing = {self.id}
    self.restart_election_timer()
    self.broadcast(PreVote(self.current_term + 1, self.id, self.last_log_index, self.last_log_term))
    # END SOLUTION

# %% check=9.15
check("9.15")

# %% hints=9.15
# - Compare with exercise 9.2: which of its lines promise something? Those go.
# - One set, one timer, one message to all.
# - `self.willing = {self.id}`, `self.restart_election_timer()`, `self.broadcast(PreVote(self.current_term + 1, ...))`.

# %% [markdown]
# ## 3. Who is willing?
# n5 is back, and asks n2, whose log is no better than n5's.
# By the vote rule of part one n2 would say yes.
# Yet it heard the leader 30 ms ago: there is nothing to elect.
# So two conditions come together: the one of the vote rule, and *I miss the leader, too*.

# %% predict
predict("9.16", "n2 said to n4 that it is willing. Now n5 asks as well. What may n2 say?", options=["yes, it has promised nothing", "no, once is enough", "yes, if n5's log is better"])

# %% [markdown]
# ### Exercise 9.16: may it try?

# %% exercise=9.16
@exercise("9.16", into=PreVoteRaft)                     # about 4 lines
def is_willing(self, request: PreVote) -> bool:
    """Would this node vote for the sender, if it stood in `request.next_term` (section 9.6)?

    Not while there is a leader: not if `self.hears_leader`, which says whether one spoke within the
    shortest election timeout, and not if this node leads. Not if this node's current term is
    `next_term` already, or higher. And not if the sender's log is less up to date than this one:
    `self.up_to_date(request)` is given, since a PreVote has the fields that it needs. In any other
    case, yes: to whomever asks, whatever this node has voted in its current term, and whether it
    is a follower or a candidate. This method only answers; it changes nothing, and promises nothing.
    """
    # STUB: three reasons to say no
    # BEGIN SOLUTION
    if self.hears_leader or self.role is Role.LEADER:
        return False
    return request.next_term > self.current_term and self.up_to_date(request)
    # END SOLUTION

# %% check=9.16
check("9.16")

# %% hints=9.16
# - What would the vote rule say about next_term? And which of its conditions has no meaning for a term that nobody is in?
# - `self.voted_for` is about the current term, and the question is about the next one. `self.hears_leader` is never set on the leader itself.
# - No if `self.hears_leader` or `self.role is Role.LEADER`; otherwise `request.next_term > self.current_term and self.up_to_date(request)`.

# %% [markdown]
# ### The same morning again

# %% run
run = simulate(PreVoteRaft, nodes=5, seed=3, script=cable, until_ms=3_200)
[str(event) for event in run.trace.of_kind("fact")], {id: run.observe(id)["current_term"] for id in ("n1", "n5")}

# %% run
run = simulate(PreVoteRaft, nodes=3, seed=1, script=lambda run: run.at(300, run.isolate, "n3").at(600, run.heal), until_ms=800)
spacetime(run, title="n3 asks, and nobody can hear it; then it is back")

# %% [markdown]
# One election, one leader, before and after.
# If an exercise is still unwritten, the run ends there.
# In the picture, n3's questions end at the grey band, and after it the next heartbeat makes n3 a follower as if nothing had happened.

# %% [markdown]
# ## 4. All together
# The check looks at two things.
# Nothing of part one may break: at most one leader per term, and a leader in time when the old one is gone.
# And a node that cannot win must never raise a term: not one that comes back, not one that is deaf, not one that reaches some nodes and not others.

# %% check=9.V
check("9.V")

# %% [markdown]
# ## 5. Break it
# You might say: why ask about the leader at all?
# A node that was cut off misses sales, so its log is behind, and nobody is willing.
# Let us take the condition away, in a shop where nothing was sold meanwhile.

# %% run
class LogsDecide(PreVoteRaft):
    """Willing to vote for any node whose log is as good."""

    def is_willing(self, request):
        return request.next_term > self.current_term and self.up_to_date(request)

# %% predict
predict("9.V", "The cable between the leader and n5 breaks; each still reaches the three others. How many leaders are there in the next 10 seconds?", options=["one", "two or three", "more than ten"])

# %% run
def one_cable(run):
    run.at(1_000, run.cut, "n1", "n5").at(1_000, run.cut, "n5", "n1")

for node in (Raft, LogsDecide, PreVoteRaft):
    run = simulate(node, nodes=5, seed=3, script=one_cable, until_ms=11_000)
    print(f"{node.__name__:12} {len(run.facts):3} leaders, and the last term is {run.observe('n2')['current_term']}")

# %% [markdown]
# n5 misses its leader, and n2, n3 and n4 do not: in `LogsDecide` they are willing all the same, since n5's log is as good.
# Then n5 leads, n1 misses *its* leader, and so on: with half of the pre-vote, one bad cable does as much harm as without any.
# A sale now and then would save the shop, since n5 misses it; an idle night would not.
# The question has to be *both*: could you win, and is there anything to win?

# %% [markdown]
# ## 6. Five processes
# The same cable, on real processes.

# %% cluster recorded=cable
def leaders():
    """The elections that were won, as the nodes say themselves."""
    return [event.node for event in cluster.trace.of_kind("fact")]

cluster = start_cluster(PreVoteRaft, nodes=5, delay_ms=(1, 10), recorded="cable")
await cluster.until(lambda: leaders())
away = next(id for id in cluster.system.node_ids if id not in leaders()[:1])
cluster.isolate(away)
await cluster.run(cluster.now_ms + 2_500)
cluster.heal()

# %% run
await cluster.run(cluster.now_ms + 1_000)
cluster.close()
len(leaders()), {id: cluster.observe(id).get("current_term") for id in cluster.system.node_ids}

# %% [markdown]
# One election and one term, if the machine was not too busy to send a heartbeat in time.
# If yours shows more: look in `cluster.trace` for who asked, and who was willing.

# %% [markdown]
# ## 7. Measure
# How fast does the term of a node grow that is cut off, and what does asking first cost when a leader really dies?

# %% chart
def term_after(node, seconds, seed):
    run = simulate(node, nodes=5, seed=seed, until_ms=500)
    run.isolate("n5")
    run.run(500 + 1_000 * seconds)
    return run.observe("n5")["current_term"]

rows = [
    {"seconds cut off": s, "term of n5": term_after(node, s, seed), "node": node.__name__}
    for node in (Raft, PreVoteRaft) for s in range(0, 11, 2) for seed in range(5)
]
sweep(rows, "seconds cut off", "term of n5", by="node", title="Terms that nobody needed")

# %% chart
import pandas as pd

def gap_ms(node, seed):
    run = simulate(node, nodes=5, seed=seed, until_ms=1_000, delay_ms=(1, 10))
    known = len(run.facts)
    run.crash(list(run.facts.items())[-1][1] if known else "n1")
    run.run_until(lambda: len(run.facts) > known, 6_000)
    return run.now_ms - 1_000

pd.DataFrame([{"node": node.__name__, "gap_ms": gap_ms(node, seed)} for node in (Raft, PreVoteRaft) for seed in range(40)]).groupby("node").gap_ms.describe().round()

# %% [markdown]
# The price is one more round trip, and a little more: the first to miss the leader may ask nodes that do not miss it yet.
# In return the others split their votes less often, because most of them have asked before they stand.

# %% [markdown]
# ## 8. What you know now
# A term must grow only when somebody could win it, since every node has to follow the highest.
# A node asks first, and the asked say yes if they would vote for it and miss the leader, too.
# The question binds nobody: no vote is spent, nothing is saved, and safety still hangs on the votes alone.
#
# | word | meaning |
# |---|---|
# | disruptive node | cannot win, and makes others stop by its higher term |
# | pre-vote | would you vote for me? asked before the term grows |
# | willing | has no leader, and a log that is no better |
# | check quorum | a leader that hears from no majority steps down |

# %% [markdown]
# ### Questions
# 1. Take your `is_willing` and let it always say yes. Which check of part one fails?
# 2. A leader is deaf: its heartbeats reach all, and it hears nobody. What does plain Raft do, and what does yours?
# 3. Why does the reply to a PreVote carry the voter's own term?
# 4. Why may a node be willing twice in one term, though it may vote only once?
#
# <details><summary>Answers</summary>
#
# 1. None. Safety does not depend on the pre-vote at all; only the peace does.
# 2. In both, the followers hear the leader and wait for ever, and nothing can be committed. Plain Raft is mended by the first follower that happens to stand; yours refuses to. This is why a pre-vote needs **check quorum** as its companion: a leader that has not heard from a majority for an election timeout steps down.
# 3. The asker may have been away while terms went on. It has to learn the term, or its next_term would be refused for ever.
# 4. A vote is a promise, and two of them would elect two leaders. To be willing is a guess about the future, and those who believe it still have to be voted for.
#
# </details>
#
# ### In production
# etcd has pre-vote switched on by default since 3.5, and check quorum since its early days; before 3.4, a node with a bad network card could make a whole Kubernetes control plane change its leader every few seconds.
# In Cloudflare's night of 2020 (part one) a node that reached one of two others stood again and again. With pre-vote it would not have, as long as somebody heard the leader.
# TiKV and CockroachDB use it for each of their thousands of groups; CockroachDB found that a node which has just restarted has heard no leader yet, and is willing too easily.
#
# ### Going further
# - 15 min: let a node that has just booted be unwilling for one election timeout. Which of the checks gets better, and what does it cost when all nodes boot at once?
# - 1 h: add check quorum: the leader notes who answered its heartbeats, and steps down if in one election timeout it was fewer than half. Run the deaf leader again.
# - An evening: find a network of five nodes, with some links cut in one direction, in which nodes with pre-vote *and* check quorum elect nobody although a majority is connected. (Howard & Abraham, *Raft does not guarantee liveness in the face of network faults*, 2020, shows one.)
#
# Reading: Ongaro's dissertation (2014), sections 4.2.3 and 9.6, on disruptive servers; Howard & Abraham (2020), for what is left; Lianza & Snook, *A Byzantine failure in the real world* (Cloudflare, 2020).
#
# The nodes keep the peace now, as long as they are the same five. In part six, a sixth comes, and the first one goes.
