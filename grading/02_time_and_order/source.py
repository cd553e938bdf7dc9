# %% part=clocks

# %% [markdown]
# # Lab 02: Clocks
# > The log says that the parcel was delivered before it was ordered. What is a log worth whose clocks disagree?
#
# | | |
# |---|---|
# | Time | about 75 min (25 reading, 35 code, 15 thinking) |
# | You need | lab 01, or the idea of a node that gets messages and sends some |
# | You will be able to | say what "happened before" means without a clock; write the three clocks that databases use; tell from two stamps whether one event could have known of the other; say how wrong a hybrid clock can be |
# | Read first | nothing; afterwards Lamport 1978, the first four pages |

# %% setup
from labkit import check, exercise, hint, predict, replay, show_source, simulate, spacetime, start_cluster
from given import *

# %% [markdown]
# ## 1. Delivered before it was ordered
# A shop has three computers.
# n1 takes an order and tells n2; n2 packs the parcel and tells n3; n3 delivers it.
# Each writes a line into a log, with the time on its own clock.
# One day a parcel goes missing, somebody puts the three logs together, and sorts the lines by time.
#
# All three clocks are set by the same server.
# That of n1 is 40 ms fast, which no human would notice.

# %% predict
predict("2.1", "A message takes 5 to 10 ms. What does the sorted log say?",
        options=["order, pack, deliver", "pack, deliver, order", "it depends on the run"])

# %% run
fast = lambda run: run.set_clock("n1", skew_ms=40)
run = simulate(NaiveShop, seed=2, delay_ms=(5, 10), script=fast)
print_by_time(run)
spacetime(run, title="What happened")

# %% [markdown]
# The picture has the truth, since the simulator knows it: order, arrow, pack, arrow, deliver.
# The log has the same three lines in an order that is impossible.
# Better clocks make this rarer and never impossible: two machines in one room differ by a fraction of a millisecond, and a message between them takes less.
#
# So look at the picture once more, and forget the axis.
# What remains is lines and arrows, and they are enough to say which event could have been the cause of which.
# Event a **happened before** event b if you can go from a to b along lines and arrows, always forwards.
# If you can go neither way, the two are **concurrent**: neither could have known of the other.
# This is Lamport's definition of 1978, and no clock occurs in it.

# %% [markdown]
# ## 2. One number
# Instead of a clock that tells the time, each node keeps a number that tells the order.
# It has to keep one promise, the **clock condition**: if a happened before b, the number of a is smaller.
#
# Our nodes are clerks.
# A clerk works, writes letters and gets letters; each of these is an event, and goes into its log.
# For every event it asks its clock for a stamp, and every letter carries the stamp of its sending.

# %% run
show_source(Clerk)

# %% [markdown]
# ### Exercise 2.1: Lamport's clock

# %% exercise=2.1
@exercise("2.1", into=LamportClerk)             # about 2 lines
def next_time(self, received: int | None) -> int:
    """Advance `self.time` for an event that happens now, and return it: the event's time.

    `received` is the time in the letter if the event is the receipt of one, else None. The
    new time is one more than the later of `self.time` and `received` (Lamport 1978, IR1, IR2).
    """
    # STUB: set self.time, and return it
    # BEGIN SOLUTION
    self.time = max(self.time, received or 0) + 1
    return self.time
    # END SOLUTION

# %% check=2.1
check("2.1")

# %% hints=2.1
# - An event comes after the last one here. A receipt comes after something else, too.
# - The later of two numbers is their `max`; without a letter there is only one number.
# - `self.time = max(self.time, received or 0) + 1`, and `return self.time`. `None or 0` is 0.

# %% [markdown]
# Two events on different nodes may have the same number; whoever wants one list for all of them sorts by (number, node).
# That list never has an effect before its cause.
# It says too much, though.

# %% predict
predict("2.3", "An event of n1 has time 3, one of n2 has time 7. Did the first happen before the second?",
        options=["yes", "no", "nobody can tell"])

# %% [markdown]
# ## 3. One number for each
# Nobody can tell: n2 may have been busy alone, counting to 7, while n1 was at 3.
# The clock condition holds in one direction only, because one number has no room for *who* knew *what*.
#
# A **vector clock** makes room: it has a number for each node.
# Number k says how many events of node k could have been known of here: those that happened before, and, in one's own place, this event itself.
# Fidge and Mattern found it independently in 1988.
#
# The vectors are tuples, their places in the order of `self.members`.

# %% run
show_source(VectorClerk)

# %% [markdown]
# ### Exercise 2.2: a vector for an event

# %% exercise=2.2
@exercise("2.2", into=VectorClerk)              # about 5 lines
def next_vector(self, received: tuple[int, ...] | None) -> tuple[int, ...]:
    """Advance `self.vector` for an event that happens now, and return it: the event's vector.

    `received` is the vector in the letter if the event is the receipt of one, else None. The
    new vector has in each place the larger of `self.vector` and `received`; then the event
    itself is counted, one more in `self.place`. It is a tuple.
    """
    # STUB: take over what the letter knew, then count yourself
    # BEGIN SOLUTION
    known = list(self.vector if received is None else map(max, self.vector, received))
    known[self.place] += 1
    self.vector = tuple(known)
    return self.vector
    # END SOLUTION

# %% check=2.2
check("2.2")

# %% hints=2.2
# - After a receipt this clerk knows what it knew, and all that the writer knew.
# - A tuple cannot be changed: make a list, change it, and make a tuple of it. `map(max, a, b)` gives the larger, place by place.
# - `known = list(map(max, self.vector, received or self.vector))`, `known[self.place] += 1`, `self.vector = tuple(known)`, return it.

# %% [markdown]
# ### Exercise 2.3: before, after, or neither
# Now the order of events can be read from their vectors.

# %% exercise=2.3
@exercise("2.3")                                # about 8 lines
def compare(left: tuple[int, ...], right: tuple[int, ...]) -> Order:
    """How do the event with vector `left` and the event with vector `right` lie to each other?

    Order.SAME        the vectors are equal, so it is one event
    Order.BEFORE      no place of `left` is larger than that of `right`, and they differ
    Order.AFTER       the other way round
    Order.CONCURRENT  each has a place that is larger than that of the other
    """
    # STUB: is anything in left larger? is anything in right?
    # BEGIN SOLUTION
    ahead = any(a > b for a, b in zip(left, right))
    behind = any(a < b for a, b in zip(left, right))
    match ahead, behind:
        case False, False:
            return Order.SAME
        case False, True:
            return Order.BEFORE
        case True, False:
            return Order.AFTER
    return Order.CONCURRENT
    # END SOLUTION

# %% check=2.3
check("2.3")

# %% hints=2.3
# - Two questions decide it: does `left` know something that `right` does not, and the reverse?
# - `any(a > b for a, b in zip(left, right))` answers the first. Two answers, four cases.
# - Neither: SAME. Only right is larger somewhere: BEFORE. Only left: AFTER. Both: CONCURRENT. Comparing the tuples with `<` would look at the first difference only.

# %% [markdown]
# ### What could it have known of?
# Four clerks at work, drawn by your two functions.
# One event is chosen, the black diamond; your `compare` colours all others by how they lie to it.
# Green circles are its past: lines lead from there to here, always to the right.
# Blue squares are its future, and grey is concurrent.
# Above each event stands its vector.

# %% run
run = simulate(VectorClerk, nodes=4, seed=3, delay_ms=(4, 25))
past_figure(run, 20, compare)

# %% [markdown]
# A grey event may stand far to the left of the diamond: earlier by the sun, and still nothing that the diamond could have known.
# Choose others by changing the 20, which is the event's number below.
# The whole truth of a run is in its arrows, so the next picture can do the same without any vector: click an event in it, and its past and future light up.

# %% run
spacetime(run, title="The same run: click an event")

# %% [markdown]
# ## 4. Near the time of day
# Vectors are exact, and as long as the system is large.
# Lamport's numbers are short, and mean nothing to people: nobody asks a database for its state "as of 48,731".
# What one would like is a stamp that keeps the clock condition *and* is close to the time of day, though walls are wrong.
#
# A **hybrid logical clock** (Kulkarni and others, 2014) is a pair `(l, c)`.
# `l` is the latest wall time that this event can know of: its own, or one that a letter brought.
# `c` counts events for as long as `l` does not move.
# Python compares pairs from the left, as it should be here: `(100, 7) < (101, 0)`.

# %% predict
predict("2.4", "One wall of five runs 40 ms fast. How far can an l be from the true time?",
        options=["up to 40 ms", "more with every letter", "without bound"])

# %% run
show_source(HybridClerk)

# %% [markdown]
# ### Exercise 2.4: the hybrid clock

# %% exercise=2.4
@exercise("2.4", into=HybridClerk)              # about 4 lines
def next_hybrid(self, received: tuple[int, int] | None) -> tuple[int, int]:
    """Advance `(self.l, self.c)` for an event that happens now, and return it: the event's stamp.

    `received` is the pair in the letter if the event is the receipt of one, else None. The
    new l is the latest of `self.l`, the received l, and the wall, `self.wall_ms()`. The new c:
    where the wall is later than both, 0; else one more than the highest c of those (one's own,
    the received one) whose l is the new l. The wall may be set back; the clock never goes back.
    """
    # STUB: which of the three is the latest, and what is counted then?
    # BEGIN SOLUTION
    wall = self.wall_ms()
    l, c = max((self.l, self.c), received or (0, 0))
    self.l, self.c = (wall, 0) if wall > l else (l, c + 1)
    return self.l, self.c
    # END SOLUTION

# %% check=2.4
check("2.4")

# %% hints=2.4
# - It is Lamport's clock once more, with pairs for numbers; only the wall is new.
# - Pairs are compared from the left, so `max` of two pairs takes the later l, and of equal ones the higher c.
# - `l, c = max((self.l, self.c), received or (0, 0))`. If the wall is later than `l`, the pair is `(wall, 0)`, else `(l, c + 1)`. Keep it in `self.l, self.c`, and return it.

# %% [markdown]
# ### All together
# The next check lets your clerks write to each other in hundreds of orders, with letters that come twice and overtake each other.
# The hybrid ones get walls that are skewed, drift, and are set back while they run.
# What happened before what is taken from the letters, never from your stamps.

# %% check=2.C
check("2.C")

# %% [markdown]
# ## 5. Break it
# Suppose that a clerk has good walls, and therefore does not care what letters say.
# The class below is yours, deaf: it asks your clock for a stamp as if nothing had come.
# `backwards` counts letters whose receipt has a smaller stamp than their sending, or the same.

# %% predict
predict("2.4", "Two of five walls are 15 and 30 ms fast. What share of the deaf clerks' letters goes backwards?",
        options=["none", "some", "most"])

# %% run
class Deaf(HybridClerk):
    def stamp(self, received):
        return self.next_hybrid(None)

def two_fast(run):
    run.set_clock("n2", skew_ms=15)
    run.set_clock("n4", skew_ms=30)

for clerk in (Deaf, HybridClerk):
    print(clerk.__name__, backwards(simulate(clerk, nodes=5, delay_ms=(1, 10), script=two_fast)))

# %% [markdown]
# Whoever compares stamps in order to find the newest version, or the cause of a fault, is lied to by each letter that goes backwards.
# The clock that listens has none of them, on the same walls.
# The word for it is *causality*, and the price is one `max`.

# %% [markdown]
# ## 6. On real processes
# Five clerks, each a process of its own, with two walls made wrong.
# While they work, n5 is killed; a clock needs nobody's answer, so the others do not even notice.

# %% cluster recorded=wrong_walls
cluster = start_cluster(LongHybridClerk, nodes=5, delay_ms=(1, 15), recorded="wrong_walls")
cluster.set_clock("n2", skew_ms=40)
cluster.set_clock("n3", skew_ms=-25)
cluster.at(cluster.now_ms + 900, cluster.crash, "n5")
alive = cluster.system.node_ids[:4]
await cluster.until(lambda: all(cluster.observe(id).get("own") == 40 for id in alive), timeout_s=20)
cluster.close()
print(backwards(cluster))

# %% [markdown]
# The letters that went backwards by the wall are those from a fast clerk to a slow one.
# By the stamp there is none, though these are real machines' clocks plus our meddling, and nobody has compared clocks with anybody.

# %% [markdown]
# ## 7. Measure
# What does it cost to be never backwards?
# Five walls, the first right, the fifth wrong by the full skew; the chart shows how far stamps are from the true time, on average.
# The lines printed above it say how many of a hundred letters went backwards.

# %% chart
import pandas
from labkit.figures import charts

def skewed(run, skew_ms):
    for number, id in enumerate(run.system.node_ids):
        run.set_clock(id, skew_ms=skew_ms * number / 4)

rows, lost = [], []
for skew_ms in (0, 10, 20, 40, 80, 160):
    for seed in range(5):
        script = lambda run: skewed(run, skew_ms)
        run = simulate(HybridClerk, nodes=5, seed=seed, delay_ms=(1, 20), script=script)
        events, letters = events_of(run), backwards(run)
        for clock, reads in (("wall", lambda e: e.wall), ("hybrid", lambda e: e.stamp[0])):
            errors = [reads(entry) - at for at, _, entry in events] or [0]
            rows.append({"skew_ms": skew_ms, "clock": clock, "ahead_ms": sum(errors) / len(errors)})
        lost.append({"skew_ms": skew_ms, **letters})
table = pandas.DataFrame(lost).groupby("skew_ms").sum()
print((100 * table.div(table.letters.clip(lower=1), axis=0)).round(1).drop(columns="letters").T)
charts.sweep(rows, "skew_ms", "ahead_ms", by="clock", title="How far ahead of the true time is a stamp?")

# %% [markdown]
# A hybrid stamp is further from the truth than the wall beside it: whoever hears from a fast wall goes along with it.
# But it is never further than the fastest wall, however many letters are sent.
# For that, none of the letters goes backwards.

# %% [markdown]
# ## 8. What you know now
# Happened-before is a matter of lines and arrows; any clock is an attempt to write it down.
# Lamport's number never contradicts it, and cannot tell before from concurrent.
# A vector can, at the price of a number for each node.
# A hybrid clock is Lamport's with the time of day in it, and as wrong as the fastest wall at most.
#
# | word | meaning |
# |---|---|
# | happened before | a way leads from the one event to the other, along lines and arrows |
# | concurrent | no way leads from either to the other |
# | clock condition | what happened before has the smaller stamp |
# | vector clock | how many events of each node could have been known of |
# | hybrid logical clock | the latest wall time known of, and a count |
# | skew, drift | how wrong a wall is; how fast it gets worse |

# %% [markdown]
# ### Questions
# 1. Two events have Lamport times 4 and 4. What do you know of them?
# 2. Can a letter be lost, doubled or overtaken without harm to these clocks?
# 3. A clerk crashes, and starts again with its vector at zero. What goes wrong?
# 4. Someone sets a wall 10 years ahead for a second, and a letter leaves. What happens to all hybrid clocks, and what would you do about it?
#
# <details><summary>Answers</summary>
#
# 1. They are concurrent: had one happened before the other, its number would be smaller. (Or they are the same event.)
# 2. Yes. A stamp says something about events that did happen; a letter that never came is no event.
# 3. New events get vectors that old ones had already: two events look the same, or a later one looks like the past. Either save the vector before a letter leaves, or take a new name at each boot, as in exercise 1.2.
# 4. Each clock that hears of it jumps 10 years and stays there; only the count moves until walls catch up. Real systems refuse letters that are too far ahead (CockroachDB: half a second by default) and report the node.
#
# </details>
#
# ### In production
# CockroachDB, YugabyteDB and MongoDB stamp with hybrid clocks. Spanner has walls with a known error and waits it out, which lab 12 builds.
# Version vectors in Riak and in the first Dynamo are vector clocks that count writes instead of events: lab 06.
# The trace of every run of this course on real processes is merged by a hybrid clock.
#
# ### Going further
# - 15 min: change `compare` so that it takes only *one* place of each vector. Which places, and why is that enough? (Mattern, section 5.)
# - 1 h: give `HybridClerk` a guard against walls that are far ahead. What must it do with the letter?
# - An evening: clerks that come and go. What do the vectors look like, and when may a place be forgotten? (Almeida and others, *Interval Tree Clocks*, 2008.)
#
# Reading: Lamport, *Time, Clocks, and the Ordering of Events in a Distributed System* (1978), for the definition on its second page; Mattern, *Virtual Time and Global States of Distributed Systems* (1989), for the cone of light; Kulkarni and others, *Logical Physical Clocks* (2014), section 3, for figure 5, which you have written.
#
# A clock says in which order things should be read. The next notebook makes nodes wait until they may.
