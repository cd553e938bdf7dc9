# %% part=membership

# %% [markdown]
# # Lab 09: Raft, part six: membership
# > Two old nodes are to go, and two new ones to come. The shop is open. In which order?
#
# | | |
# |---|---|
# | Time | this part 60 min (15 reading, 25 code, 20 thinking) |
# | You need | Part three: a Raft whose log is on the disk |
# | You will be able to | change the members of a running cluster; draw the two majorities that do not meet; tell the bug that lay in a published algorithm for a year, and its mending in one line |
# | Read first | Ongaro's dissertation (2014), sections 4.1 and 4.2 (8 pages) |

# %% setup
from labkit import check, exercise, hint, panel, predict, replay, show_source, simulate, spacetime, start_cluster, use_answers
from labkit.figures.charts import availability, log_table, sweep
from given import *

use_answers("9.1", "9.2", "9.3", "9.4", "9.5", "9.6", "9.7", "9.8", "9.9", "9.10", "9.11")

# %% [markdown]
# ## 1. A new list on every wall
# Three nodes run the shop, n1 to n3, and two spares stand in the cupboard, s1 and s2.
# They are to be members, too.
# So the owner goes from node to node and hands each a new list of five names: first to s1, s2 and n3, then to n2 and n1.
# Each node takes its list at once.
#
# Between the third and the fourth, the power fails, and when it is back the cable between the two rooms is torn: n1 and n2 here, the others there.

# %% predict
predict("9.17", "How many leaders can there be in one term, in all?", options=["one", "two", "three"])

# %% run
def torn(run):
    cut = lambda: [run.network.cut("owner", id) for id in ("n1", "n2")]
    run.at(0, cut).at(700, run.partition, ("n1", "n2", "till1"), ("n3", "s1", "s2", "till2"))
    for id in run.system.node_ids:
        run.at(700, run.crash, id).at(701, run.restart, id)

five = ("n1", "n2", "n3", "s1", "s2")
work = {"owner": [("submit", id, ("members", *five)) for id in ("s1", "s2", "n3", "n2", "n1")]}
work |= {till: [("submit", None, f"{till} {n}") for n in range(9)] for till in ("till1", "till2")}
tries = [simulate(NaiveMembers, nodes=five, client=ShopClient, workload=work, seed=seed, script=torn, until_ms=3_000) for seed in range(10)]
[run.violation.what if run.violation else "no rule broke" for run in tries]

# %% [markdown]
# n1 and n2 are two of three, by the old list.
# n3, s1 and s2 are three of five, by the new one.
# Each side has a majority of what it takes for the members, and so each elects a leader, and sells.
#
# A majority is safe since any two of them have a node in common, that will not vote twice.
# But that holds for majorities *of one list*.
# And no owner can hand a new list to five nodes in the same instant.

# %% [markdown]
# ## 2. What is given
# The list goes where all that must be agreed on goes: into the log.
# A **configuration entry** holds all names, as an ordinary command `("members", "n1", ...)`, and from there each node knows who counts.

# %% run
show_source(MemberRaft)

# %% [markdown]
# `peers` are the *other members* now, so your methods of parts one to three speak to members only; you need not touch them.
# `committable` is written anew, since what a majority is depends on the list, and `become_leader` writes one entry of the new term at once.
# A removed node that does not know it yet may stand for election again and again: look at what `on_message` does with its requests.

# %% [markdown]
# ## 3. Which list is in force?
# The natural answer: the last one that is *committed*.
# The right answer: the last one in the log, committed or not.
#
# Whoever commits the entry has to count somebody, and a node does not learn in time what is committed.
# A leader that has put the entry into its log knows of it, and so it counts by it.

# %% predict
predict("9.17", "A follower has a new configuration entry; then another leader overwrites it. Which list does the follower use?", options=["the new one", "the one before", "the first one"])

# %% [markdown]
# So this is the one place in Raft where a node acts on something that may still vanish; it must be ready to fall back.
# The simplest way to be ready is to keep nothing: ask the log each time.

# %% [markdown]
# ### Exercise 9.17: the members in force

# %% exercise=9.17
@exercise("9.17", into=MemberRaft)                     # about 5 lines
def configuration(self) -> tuple[NodeId, ...]:
    """The members in force: those of the last configuration entry in this log (section 4.1).

    Whether that entry is committed does not matter. If the log has none, they are
    `self.first_members`. The log may have changed in any way since the last call: entries come,
    are dropped and replaced. `members_in(entry)` has the members by an entry, or None if it is no
    configuration entry. This method is asked often, and changes nothing.
    """
    # STUB: begin at the end of self.log
    # BEGIN SOLUTION
    for entry in reversed(self.log):
        members = members_in(entry)
        if members is not None:
            return members
    return self.first_members
    # END SOLUTION

# %% check=9.17
check("9.17")

# %% hints=9.17
# - You look for the *last* entry of a kind: from which end do you search?
# - Do not remember the answer in an attribute: the entry may be dropped.
# - `for entry in reversed(self.log):`, return `members_in(entry)` if it is not None; after the loop `self.first_members`.

# %% [markdown]
# ## 4. Who counts
# A leader may be removed as well.
# It puts the entry without its own name into its log, and leads on, until that is committed: somebody has to do it.
# But from that moment it leads a cluster to which it does not belong.

# %% predict
predict("9.18", "n1 leads n1 to n4 and removes itself. How many of n2, n3, n4 must have the entry until it is committed?", options=["one, with n1 that is two of three", "two", "three"])

# %% [markdown]
# ### Exercise 9.18: a majority of whom?

# %% exercise=9.18
@exercise("9.18", into=MemberRaft)                     # about 2 lines
def is_majority(self, nodes: set[NodeId]) -> bool:
    """Are more than half of the members in force among `nodes`?  (Sections 4.1 and 4.2.2.)

    `nodes` are those that voted for this node, or that have an entry of its log, itself included.
    Only members count. Others may be among `nodes`: a node that is no member yet, one that is no
    member any more, and perhaps this node itself. A cluster of one member is a majority when it
    is among `nodes`. This method only answers.
    """
    # STUB: how many of the members are in `nodes`, and how many members are there?
    # BEGIN SOLUTION
    members = set(self.configuration())
    return 2 * len(members & set(nodes)) > len(members)
    # END SOLUTION

# %% check=9.18
check("9.18")

# %% hints=9.18
# - Two numbers: the members that are in `nodes`, and all members.
# - This node has no special part in it: it counts if it is a member, like all others.
# - `members = set(self.configuration())`, then `2 * len(members & nodes) > len(members)`.

# %% [markdown]
# ## 5. When may the list change?
# Go back to section 1: from three names to five, two majorities need not meet.
# From three to four, they must: two of the old three, three of the new four, and the four places have no room for both.
# It is so for any two lists that differ in **one** name.
#
# So change one at a time, and begin the next change only when the last one is committed.
# Ongaro published this rule in 2014, with a proof sketch.
# In 2015 he wrote to the mailing list that it was not enough.

# %% predict
predict("9.19", "How many elections does the shortest history need in which one-at-a-time goes wrong?", options=["two", "three or four", "more than ten"])

# %% [markdown]
# | | n1 | n2 | n3 | n4 |
# |---|---|---|---|---|
# | n1 leads term 1, removes n4, is cut off | without n4 | | | |
# | n2 leads term 2, removes n1; n4 has it, too | without n4 | without n1 | | without n1 |
#
# In term 1 n1 changed one name, and in term 2 n2 changed one name, but of the *old* list, as it had never heard of n1's.
# Now the two lists in force differ in two names.
# n1 and n3 are a majority of n1, n2, n3; n2 and n4 are a majority of n2, n3, n4; no node is in both.
#
# The mending: before a leader changes anything, an entry of **its own term** must be committed.
# A majority has that entry then, and so n1's lonely list can never win an election again.

# %% [markdown]
# ### Exercise 9.19: when a change may begin

# %% exercise=9.19
@exercise("9.19", into=MemberRaft)                     # about 4 lines
def may_change(self, members: tuple[NodeId, ...]) -> bool:
    """May this leader now put a configuration entry with these members into its log?  All of:

    - an entry of the current term is committed (Ongaro, raft-dev, 2015);
    - all configuration entries of its log are committed: `self.changes_pending()` says if not;
    - exactly one node is in one of `members` and `self.configuration()`, and not in the other;
      the order of the names does not matter (section 4.1).

    This method only answers. `on_submit` makes the entry, or sends the office away.
    """
    # STUB: three conditions; terms of committed entries never fall, so which one do you look at?
    # BEGIN SOLUTION
    has_own = self.term_at(self.commit_index) == self.current_term
    differing = set(members) ^ set(self.configuration())
    return has_own and not self.changes_pending() and len(differing) == 1
    # END SOLUTION

# %% check=9.19
check("9.19")

# %% hints=9.19
# - One line for each condition, joined by `and`.
# - The last committed entry has the highest term of all committed ones: `self.term_at(self.commit_index)`.
# - What is in one set and not in the other is `set(a) ^ set(b)`.

# %% [markdown]
# ### The same owner again
# Now the owner asks the leader, and for one change after the other; in the end n1 is to go.

# %% run
lists = [("n1", "n2", "n3", "s1"), five, five[1:]]
work = {"owner": [("submit", None, ("members", *names)) for names in lists], "till": [("submit", None, f"tea {n}") for n in range(4)]}
run = simulate(MemberRaft, nodes=five, client=ShopClient, workload=work, seed=2)
log_table({id: run.observe(id) for id in five}, title="Who has which entry?")

# %% run
[(op.value, op.result) for op in run.history]

# %% [markdown]
# n1's log ends where it was removed, or before it: nobody sends it anything any more, and it may never learn that the last entry was committed.

# %% [markdown]
# ## 6. All together
# The scenarios bear the names of TinyKV's tests.
# Spares come, members go, leaders remove themselves, and all the while nodes crash and tills sell.

# %% check=9.M
check("9.M")

# %% [markdown]
# ## 7. Break it
# Two classes, each without one of the three conditions.

# %% run
class TwoAtOnce(MemberRaft):
    """Changes any number of names in one entry."""

    def may_change(self, members):
        return self.term_at(self.commit_index) == self.current_term and not self.changes_pending()

class Rash(MemberRaft):
    """Does not wait for an entry of its own term."""

    def may_change(self, members):
        return len(set(members) ^ set(self.configuration())) == 1 and not self.changes_pending()

# %% [markdown]
# Random runs hardly ever find what is wrong with `Rash`, just as its author and its readers did not, for a year.
# We search from stage to stage, as for figure 8, and the first story is that of section 1, with a log.

# %% run
run = find_loss(TwoAtOnce, two_at_once)
print(run.violation.what)
spacetime(run, title="Two of three, and three of five")

# %% predict
predict("9.19", "And Rash, in the story of section 5: what breaks first?", options=["two leaders in one term", "a sale is lost", "nobody can be elected"])

# %% run
run = find_loss(Rash, two_leaders_change)
print(run.violation.what)
spacetime(run, title="The bug of 2015")

# %% [markdown]
# Find the two configuration entries, and for each leader of the last term the nodes that voted for it.
# Your own class does not even get so far: the search gives up where the change should begin, since it never does.

# %% [markdown]
# ## 8. Five processes
# Now for real: three members and two spares, two tills, and an owner who replaces n1 and n2 by s1 and s2, one step after the other.
# In the end n1 and n2 are killed.

# %% predict
predict("9.M", "n1 and n2, two of the first three nodes, are killed in the end. Does the shop go on?", options=["yes", "no, only one of three is left", "only if n3 leads"])

# %% cluster recorded=new_members
steps = [("n1", "n2", "n3", "s1"), five, ("n2", "n3", "s1", "s2"), ("n3", "s1", "s2")]
work = {till: [("submit", None, f"{till} {n}") for n in range(1, 61)] for till in ("tea", "jam")}
work |= {"owner": [("submit", None, ("members", *names)) for names in steps]}
roles = {id: "MemberRaft" for id in five}
cluster = start_cluster(MemberRaft, nodes=roles, client=ShopClient, workload=work, gap_ms=40, delay_ms=(1, 10), recorded="new_members")
answered = lambda who: [op for op in cluster.history if op.outcome == "ok" and (op.client == "owner") == (who == "owner")]
await cluster.until(lambda: len(answered("owner")) == len(steps) and len(answered("tills")) >= 60, timeout_s=30)
cluster.crash("n1")
cluster.crash("n2")
await cluster.until(lambda: cluster.finished, timeout_s=30)
cluster.close()

# %% [markdown]
# When were the four changes done, and how many sales were answered in all?

# %% run
print([(op.value[1:], round(op.returned_us / 1000)) for op in answered("owner")])
print(len(answered("tills")), "sales were answered")
availability(cluster, within_ms=100)

# %% [markdown]
# All that was sold is on n3, s1 and s2, two of which had been empty a moment before.
# If there is a dip, it is where the leader had to go: it was n1 or n2 in most runs.

# %% [markdown]
# ## 9. Measure
# What does a new member cost, if it has to be given a long log first?
# A change is committed when a majority of the new members has it.
# With three nodes up of three, the new one is not needed for that; with one of the old ones down, three of four are needed, and it is.

# %% chart
def time_to_add(down, count, seed):
    """From the owner's question to the answer, in milliseconds; so many sales are in the log before."""
    work = {f"till{t}": [("submit", None, f"{t}.{n}") for n in range(count // 4)] for t in range(4)}
    work |= {"owner": [("submit", None, ("members", "n1", "n2", "n3", "s1"))]}

    def script(run):
        run.at(0, lambda: [run.network.cut("owner", id) for id in run.system.node_ids])
        follower = lambda: next(id for id in ("n1", "n2", "n3") if run.observe(id)["role"] is not Role.LEADER)
        run.at(3_990, lambda: down and run.crash(follower())).at(4_000, run.heal)

    run = simulate(MemberRaft, nodes=("n1", "n2", "n3", "s1"), client=ShopClient, workload=work, seed=seed, script=script, delay_ms=(5, 10), until_ms=5_600)
    (done,) = [op for op in run.history if op.client == "owner"]
    return {"sales before": count, "old members down": down, "ms": done.returned_us / 1000 - 4_000}

# %% chart
try:
    records = [time_to_add(down, count, seed) for down in (0, 1) for count in (40, 120, 240) for seed in range(3)]
except TypeError:  # an exercise is not written yet
    records = []
sweep(records, "sales before", "ms", by="old members down", title="How long it takes to add a member") if records else "nothing to draw yet"

# %% chart
import pandas as pd

pd.DataFrame(records).pivot_table(index="sales before", columns="old members down", values="ms", aggfunc="median").round() if records else "nothing to draw yet"

# %% [markdown]
# The owner asks every 300 ms here, so some waiting is in each number.
# What differs is what the shop can do meanwhile: in the second column nothing is committed until the new node has the whole log, 64 entries a message.
# With gigabytes instead of 240 sales, that would be an outage.
# So real systems let a new node catch up *before* it becomes a member, as a **learner** that is sent everything and counts for nothing (section 4.2.1).

# %% [markdown]
# ## 10. What you know now
# The list of members is an entry of the log, and in force as soon as it is there; if the entry goes, the list before it is in force again.
# Two lists that differ in one name have no two majorities that miss each other.
# For that to hold between any two lists in force, a change waits until the last one is committed, and an entry of the leader's own term.
# Who counts is a question to the list, also for the leader itself.
#
# | word | meaning |
# |---|---|
# | configuration | the list of members; an entry of the log |
# | in force | used for counting: the last one in the log |
# | spare, learner | gets entries, or could, and does not count |
# | joint consensus | the other way: majorities of both lists at once |

# %% [markdown]
# ### Questions
# 1. Show that majorities of two lists that differ in one name always meet, for four names and five.
# 2. Why is it not safe to use the last *committed* list, if all change one name at a time?
# 3. A node was removed while it was cut off. It comes back, and stands for election in a high term. Which line of the given code keeps the shop quiet?
# 4. Two of three nodes have burnt. Can the owner add two new ones, and go on?
# 5. The owner wants to replace n3 by s1, in a shop of three. Which comes first, the adding or the removing?
#
# <details><summary>Answers</summary>
#
# 1. A majority of four has three names, one of five has three. Both are within the five names, and 3 + 3 is more than 5. In general: more than n/2 and more than (n+1)/2 are together more than n + 1.
# 2. Nodes learn at different times what is committed, so two lists that are two changes apart may be used at once: one node counts by the first list, another by the third.
# 3. Members ignore requests for votes of nodes that are not in their list: the first case of `on_message`. etcd and the dissertation have another way: members that hear from a leader ignore all such requests (section 4.2.3).
# 4. No. To commit the new list, a majority of it is needed, and the leader needs an entry of its own term committed by the old one first. That is why etcd has a command to force a new cluster from one node's data, and a page of warnings about it.
# 5. Adding: with four members, one may fail. With n3 removed first, there are two, and none may fail until s1 is there.
#
# </details>
#
# ### In production
# etcd changes one member at a time, too, and its newer library can do joint consensus: an entry that needs majorities of both lists, by which any number of names may change.
# In etcd's library a list is in force when it is *applied*, not when it is appended, which is another rule and needs its own care.
# CockroachDB adds a learner, sends it a snapshot, and then swaps it for an old replica in one joint step, so that no moment has a fragile list; TiKV does likewise.
# The bug of 2015 was found by people who tried to prove the rule in TLA+ and by others who read closely; in many implementations the empty entry at the start of a term had hidden it.
#
# ### Going further
# - 15 min: take `NEW_LEADER` out of `become_leader`. Which checks fail, and which would still be safe?
# - 1 h: learners. Let an office name nodes that get entries and do not count; make them members when they have nearly everything.
# - An evening: joint consensus (section 4.3), with `is_majority` over two lists.
#
# Reading: Ongaro's dissertation (2014), chapter 4; Ongaro, *bug in single-server membership changes* (raft-dev mailing list, 10 July 2015), one page, with the history above; Lamport, Malkhi & Zhou, *Reconfiguring a State Machine* (2010), for the ways there are; Schultz, Dardik & Tripakis, *Design and Analysis of a Logless Dynamic Reconfiguration Protocol* (2021), for MongoDB's, which keeps the list out of the log.
#
# Members come and go. But when a leader goes, the shop still holds its breath: in part seven, it says goodbye first.
