# %% part=membership

# %% [markdown]
# # Lab 03: Membership
# > A tower does not answer. Has it burnt down, or is its keeper only slow to come to the telephone?
#
# | | |
# |---|---|
# | Time | about 2 hours (35 min reading, 60 min code, 25 min thinking) |
# | You need | the first notebook of this lab; a little statistics: mean, standard deviation |
# | You will be able to | say why no detector is both quick and right; turn silence into a number; ask a third party before burying anybody; let the buried come back |
# | Read first | Das, Gupta & Motivala 2002, sections 3 and 4 (4 pages) |

# %% setup
from labkit import check, exercise, hint, predict, replay, show_source, simulate, spacetime, start_cluster
from given import *

# %% [markdown]
# ## 1. The slow tower
# Somebody must know which towers are staffed, or the fire engines drive to an empty hill.
# So n1 rings every tower ten times a second and strikes off the list whoever has not answered before the next ring.
#
# Tower n3 is an old one: its line needs 60 ms each way since a storm.
# Tower n4 burns down at 250 ms.

# %% predict
predict("3.6", "Whom does n1 have on its list after half a second?", options=["n2 and n3", "only n2", "n2, n3 and n4"])

# %% run
def storm(run):
    run.slow("n3", (60, 60))
    run.at(250, run.crash, "n4")

run = simulate(NaiveWatch, nodes=4, script=storm, until_ms=500, delay_ms=(5, 15))
print(run.observe("n1")["members"])
spacetime(run, title="n1 rings; n3 answers late, n4 not any more")

# %% [markdown]
# n4 is off the list, and so it should be.
# But n3 is off too, although its answer arrived, 120 ms after the ring.
# Nothing in what n1 saw by then tells the two apart: a slow node and a dead one look the same until the answer comes.
#
# So every detector is a bet.
# A short time-out finds the dead quickly and buries the living; a long one is kind and late.
# Two questions measure a detector: how long until a crash is found, and how often is somebody suspected who is alive?
# And there is a third one, that n1 gets wrong altogether: what happens when it was a mistake?

# %% [markdown]
# ## 2. Heartbeats
# First the simplest: each tower says "I am here" to all others, every 100 ms, and is suspected after `limit_ms` of silence.
# A **suspicion** is an opinion and may change; nobody is struck off.

# %% run
show_source(Heartbeats)

# %% [markdown]
# ### Exercise 3.6: who is silent?

# %% exercise=3.6
@exercise("3.6", into=Heartbeats)               # about 2 lines
def look(self) -> None:
    """Set `self.suspected` to the set of those peers that have been silent for too long.

    Too long is more than `self.limit_ms` since the peer was last heard (`self.heard_ms`, and
    `self.now_ms` is the time). A peer that has been heard since is suspected no more.
    """
    # STUB: self.now_ms - self.heard_ms[peer] is how long a peer has been silent
    # BEGIN SOLUTION
    self.suspected = {
        peer for peer in self.peers if self.now_ms - self.heard_ms[peer] > self.limit_ms
    }
    # END SOLUTION

# %% check=3.6
check("3.6")

# %% hints=3.6
# - What must be in the set, each time anew? Who must leave it?
# - Build the whole set from `self.peers`, instead of adding to the old one: then whoever was heard again is out by itself.
# - `self.suspected = {peer for peer in self.peers if self.now_ms - self.heard_ms[peer] > self.limit_ms}`

# %% [markdown]
# ## 3. How suspicious is silence?
# 350 ms are long on a line where heartbeats come like clockwork, and short on one that stutters.
# The **phi accrual** detector (Hayashibara and others, 2004) measures each line, and gives a number instead of a yes or no.
#
# It keeps the last intervals between heartbeats, with their mean and standard deviation.
# From these follows how likely it is that a heartbeat comes even later than this: `chance_of_later`.
# φ counts the zeros of that chance: φ = 1 is one in ten, φ = 3 one in a thousand, φ = 8 one in a hundred million.

# %% run
show_source(PhiDetector)

# %% predict
predict("3.7", "Heartbeats come every 100 ms, give or take 10. What is φ after a silence of 120 ms?", options=["about 0.3", "about 1.6", "about 8"])

# %% [markdown]
# ### Exercise 3.7: phi

# %% exercise=3.7
@exercise("3.7", into=PhiDetector)              # about 6 lines
def phi(self, peer: NodeId) -> float:
    """How much `peer` is suspected just now: -log10(chance of a heartbeat even later than this).

    `chance_of_later(silence, mean, sigma)` is given. The silence is since `self.heard_ms[peer]`;
    mean and sigma are the average and the (population) standard deviation of
    `self.intervals[peer]`, and sigma is never taken below SIGMA_MIN_MS, since no line is
    perfect. φ is never above PHI_MAX, and where the chance is too small for a float (0.0), φ
    is PHI_MAX.
    """
    # STUB: mean, sigma, silence, chance; then math.log10
    # BEGIN SOLUTION
    intervals = self.intervals[peer]
    mean = sum(intervals) / len(intervals)
    variance = sum((interval - mean) ** 2 for interval in intervals) / len(intervals)
    sigma = max(SIGMA_MIN_MS, math.sqrt(variance))
    chance = chance_of_later(self.now_ms - self.heard_ms[peer], mean, sigma)
    return min(PHI_MAX, -math.log10(chance)) if chance > 0 else PHI_MAX
    # END SOLUTION

# %% check=3.7
check("3.7")

# %% hints=3.7
# - Four numbers, one after the other: the mean, the standard deviation, the silence, the chance.
# - The deviation is the root of the mean square distance from the mean, and at least SIGMA_MIN_MS. Look at the chance before you take its logarithm.
# - `sigma = max(SIGMA_MIN_MS, math.sqrt(sum((i - mean) ** 2 for i in intervals) / len(intervals)))`; `chance = chance_of_later(self.now_ms - self.heard_ms[peer], mean, sigma)`; `return min(PHI_MAX, -math.log10(chance)) if chance > 0 else PHI_MAX`.

# %% [markdown]
# What does the mathematics buy?
# n1 watches six peers whose lines are sometimes slow, for 40 seconds, and then they crash.
# Each point is one setting of a detector: how quickly it found the crashes, and how often it cried wolf before.

# %% chart
rows = []
for limit in (150, 200, 250, 300, 350, 450):
    fixed = type("Fixed", (Heartbeats,), {"limit_ms": limit})
    rows.append({"detector": "time-out in ms", "limit": limit, **measured(fixed)})
for limit in (1, 2, 3, 5, 8):
    accrual = type("Accrual", (PhiDetector,), {"limit": limit})
    rows.append({"detector": "phi", "limit": limit, **measured(accrual)})
detection_figure(rows)

# %% [markdown]
# Down and left is better, and neither curve gets there: quick *and* right is not for sale.
# On lines that are all alike, a well chosen time-out is as good as φ.
# But somebody must choose it, for each line, and again when the weather changes; a φ of 8 means the same on every line.
#
# Both have a flaw that no setting mends.
# With n towers, n (n - 1) heartbeats fly in each interval: 600 for 25 towers, nine million for 3,000.
# And if just the line between *you and me* is down, I bury you, whatever the 23 others say.

# %% [markdown]
# ## 4. Ask somebody else
# **SWIM** (Das, Gupta and Motivala, 2002) sends a constant number of messages for each member, however many there are.
# In each period of 200 ms a member pings *one* other.
# If there is no reply within 60 ms, it asks a few others to try: perhaps the line is at fault, and not the member.
# Only if nobody gets a reply until the period ends is the target **suspect**.
#
# Whatever is learnt travels on the pings and replies that fly anyway, as a list of `updates`.
# Read `on_message` and `begin_period`; three methods are missing.

# %% run
show_source(Swim)

# %% predict
predict("3.8", "25 members, all well. How many messages does one member send in a second?", options=["about 10", "about 120", "about 240"])

# %% [markdown]
# ### Exercise 3.8: a second opinion
# `on_timer` calls this when the ping of this period has not been answered within PING_MS.

# %% exercise=3.8
@exercise("3.8", into=Swim)                     # about 3 lines
def ask_others(self) -> None:
    """Ask HELPERS random members to ping `self.target`: a PingRequest to each of them.

    The request carries the number of this probe (`self.probe`), the target, and
    `self.updates_for(...)` the member that is asked. The helpers are different from each
    other and chosen by `self.random` anew each time, among the peers that are not DEAD in
    `self.table`, and without the target itself. If there are fewer than HELPERS, all are
    asked.
    """
    # STUB: who can help? then self.random.sample
    # BEGIN SOLUTION
    able = [p for p in self.peers if p != self.target and self.table[p].status is not Status.DEAD]
    for helper in self.random.sample(able, min(HELPERS, len(able))):
        self.send(helper, PingRequest(self.probe, self.target, self.updates_for(helper)))
    # END SOLUTION

# %% check=3.8
check("3.8")

# %% hints=3.8
# - Who could be asked, and who cannot help: the target, the dead, you?
# - Make the list of peers that are not the target and not dead; `self.random.sample(able, k)` gives k different ones, but raises if there are fewer.
# - `able = [p for p in self.peers if p != self.target and self.table[p].status is not Status.DEAD]`; for each of `self.random.sample(able, min(HELPERS, len(able)))` send `PingRequest(self.probe, self.target, self.updates_for(helper))`.

# %% [markdown]
# ## 5. I am not dead
# A suspect is not struck off at once.
# The suspicion spreads, and the suspect, who hears of it like everybody, has three seconds to object.
#
# How do the others know which came later, "n3 is suspect" or "n3 is alive"?
# Their clocks do not agree, and messages overtake each other.
# So each member numbers its lives: an **incarnation**, which *only the member itself* raises.
# "n3 is alive, incarnation 1" was said by n3 after "n3 is suspect, incarnation 0", since it is an answer to that.

# %% [markdown]
# ### Exercise 3.9: refute

# %% exercise=3.9
@exercise("3.9", into=Swim)                     # about 4 lines
def refute(self, update: Update) -> None:
    """Somebody says `update` of *this* member. If it is suspect or dead, object.

    An objection is due if the update is not ALIVE and is about the current incarnation or a
    later one (an earlier one has been answered long ago). Then `self.incarnation` becomes one
    more than the update's, is saved under the name "incarnation" (after a crash nobody may
    find it lower), and is spread: `self.spread(self.id)`. Otherwise nothing happens.
    """
    # STUB: compare update.incarnation with self.incarnation
    # BEGIN SOLUTION
    if update.status is not Status.ALIVE and update.incarnation >= self.incarnation:
        self.incarnation = update.incarnation + 1
        self.storage.save(incarnation=self.incarnation)
        self.spread(self.id)
    # END SOLUTION

# %% check=3.9
check("3.9")

# %% hints=3.9
# - Which updates about yourself need an answer? Not the good ones, and not the old ones.
# - A status that is not ALIVE, and an incarnation that is not below your own. The new one must beat what was said, so count from the update's.
# - `if update.status is not Status.ALIVE and update.incarnation >= self.incarnation:` then set, `self.storage.save(incarnation=self.incarnation)`, `self.spread(self.id)`.

# %% [markdown]
# ## 6. Which of two is newer?
# Updates about others arrive in any order, several times, from anybody.
# All members must come to the same belief in the end, whatever the order; that is once more a maximum, and you know since the counter why.

# %% predict
predict("3.10", "Known: n3 is dead, incarnation 2. Now comes: n3 is suspect, incarnation 3. Believe it?", options=["yes", "no, dead is dead", "no, suspect is weaker"])

# %% [markdown]
# ### Exercise 3.10: believe the newer, and pass it on

# %% exercise=3.10
@exercise("3.10", into=Swim)                    # about 6 lines
def apply(self, update: Update) -> None:
    """Believe `update` about another member if it beats what is in `self.table`, and spread it.

    It beats what is known if its incarnation is higher; or if that is equal and its status is
    worse: DEAD beats SUSPECT, SUSPECT beats ALIVE. Then it takes the place in
    `self.table[update.member]` and is passed on (`self.spread(update.member)`); and if it says
    SUSPECT, the timer ("suspect", member) is set to SUSPECT_MS (given code buries the member
    if it is still suspect then). An update that does not beat what is known changes nothing,
    and sets no timer.
    """
    # STUB: compare (incarnation, status.value)
    # BEGIN SOLUTION
    known = self.table[update.member]
    if (update.incarnation, update.status.value) > (known.incarnation, known.status.value):
        self.table[update.member] = update
        self.spread(update.member)
        if update.status is Status.SUSPECT:
            self.set_timer(("suspect", update.member), SUSPECT_MS)
    # END SOLUTION

# %% check=3.10
check("3.10")

# %% hints=3.10
# - Two things decide, and one of them first. How does Python compare pairs?
# - Compare `(incarnation, status.value)` of the update with that of what is known; only if it is higher, do the three things.
# - `if (update.incarnation, update.status.value) > (known.incarnation, known.status.value):` put it into the table, `self.spread(update.member)`, and for SUSPECT `self.set_timer(("suspect", update.member), SUSPECT_MS)`.

# %% [markdown]
# The paper lets no dead member return; it must join under a new name.
# Ours may return: its objection has a higher incarnation than its death.
# That is what most systems do today, and the price is that the dead are pinged now and then, to see.
#
# ### All together
# The check crashes members, cuts and slows their lines in one direction or both, pairs that cannot hear each other, partitions, newcomers, leavers; and asks each member for its list.

# %% check=3.M
check("3.M")

# %% [markdown]
# ## 7. Watch it
# Six members; n6 is slow, n5 crashes at 2 s and is back at 9 s.
# Each line of the output is what n1 believes.

# %% run
def weather(run):
    run.slow("n6", (60, 250))
    run.at(2_000, run.crash, "n5").at(9_000, run.restart, "n5")
    for at_ms in (1_900, 3_500, 8_900, 11_000):
        run.at(at_ms, lambda at_ms=at_ms: print(at_ms, "ms", run.observe("n1")))

run = simulate(Swim, nodes=6, script=weather, seed=3, until_ms=12_000)

# %% [markdown]
# n6 is suspected again and again, and it refutes each time: look at its incarnation (`run.observe("n6")`).
# n5 is suspect, then gone, then a member again.
# Even n1 had to object: n6 gets its replies late, blames all others, and they refute it.
#
# ### Break it
# Is the waiting needed?
# The class below buries at once what it would have suspected.

# %% predict
predict("3.9", "Without suspicion, how often is n6 missing from some list?", options=["never", "a few times", "all the time"])

# %% run
class Hasty(Swim):
    def apply(self, update):
        status = Status.DEAD if update.status is Status.SUSPECT else update.status
        Swim.apply(self, Update(update.member, status, update.incarnation))

def lists(run, found):
    run.slow("n6", (60, 250))
    for at_ms in range(1_000, 12_000, 100):
        run.at(at_ms, lambda: found.extend(
            id for id in run.system.node_ids if "n6" not in run.observe(id)["members"]
        ))

for member in (Hasty, Swim):
    found = []
    simulate(member, nodes=6, script=lambda run: lists(run, found), seed=3, until_ms=12_000)
    print(f"{member.__name__}: in {len(found)} of 660 looks, n6 was not on the list")

# %% [markdown]
# Hasty members bury n6, hear its objection, and bury it again.
# Each burial may start repairs, move data, elect leaders: an alarm costs more than the message that it came in.

# %% [markdown]
# ## 8. On real processes
# Seven members, each a process of its own.
# One is killed with SIGKILL, one is stopped for a second (as by a long garbage collection) and goes on; then the dead one comes back.

# %% cluster recorded=membership
cluster = start_cluster(Swim, nodes=7, delay_ms=(5, 15), recorded="membership")
begin_ms = cluster.now_ms
cluster.at(begin_ms + 1_000, cluster.crash, "n7")
cluster.at(begin_ms + 2_000, cluster.pause, "n6").at(begin_ms + 3_000, cluster.resume, "n6")
await cluster.until(lambda: "n7" not in cluster.observe("n1").get("members", "n7"), timeout_s=60)
cluster.restart("n7")
await cluster.until(lambda: "n7" in cluster.observe("n1").get("members", ()), timeout_s=60)
print(first_said(cluster, "n7"))
cluster.close()

# %% [markdown]
# The milliseconds are those at which n7 started and crashed, and at which somebody first said each thing of it.
# Between "SUSPECT" and "DEAD" lie three seconds: they are the price of n6, which was silent for one second and never struck off.

# %% [markdown]
# ## 9. What you know now
# A silent node and a dead one look alike, so a detector trades delay for false alarms; φ makes the trade the same on every line.
# Indirect pings tell a broken line from a broken node.
# Suspicion gives the accused time, and incarnations let the accused, and nobody else, prove the rumour old.
# Beliefs merged by a maximum agree in the end, in whatever order they came.
# None of this is agreement: at any moment two members may have different lists, and both do nothing wrong.
#
# | word | meaning |
# |---|---|
# | failure detector | gives, at each moment, an opinion on who has crashed |
# | complete, accurate | every crash is found; nobody alive is suspected |
# | accrual | a level of suspicion instead of yes or no |
# | indirect ping | somebody else tries, for me |
# | suspicion | a delay between doubt and burial |
# | incarnation | a number that only its owner raises, to outdo what is said of it |
# | piggyback | to travel on messages that are sent anyway |

# %% [markdown]
# ### Questions
# 1. Why does only the member itself raise its incarnation?
# 2. A member can send, but receives nothing. What does it believe, and what do the others?
# 3. Why must the incarnation be on the disk?
# 4. Two halves of a partition each list only themselves. Which of them is right?
# 5. Could a leader be chosen from this list, "the first on it"?
#
# <details><summary>Answers</summary>
#
# 1. If others could, a late suspicion could be made newer than the objection to it, and the two would chase each other for ever.
# 2. It hears no replies and thinks all others dead; they get no replies from it and bury it, although they hear its pings. Its own gossip about the "dead" is refuted by those.
# 3. After a crash it would begin at 0, and "alive, 0" beats neither "dead, 4" nor anything else that was said of it.
# 4. Both: each lists whom it can reach. What should *happen* in each half is another question, and needs a majority (lab 08).
# 5. Not safely: two members may have different lists at one moment, and then there are two first ones. That is the story lab 09 begins with.
#
# </details>
#
# ### In production
# HashiCorp's memberlist (in Consul and Nomad) is SWIM with suspicion, plus a full exchange of tables now and then, and Lifeguard: a member that gets no replies from *anybody* suspects itself first.
# Cassandra and Akka use φ over gossiped heartbeats, with limits of 8 and up; on cloud machines that pause, 10 to 12 are usual.
# Kubernetes uses plain time-outs (40 s), and a store that agrees on them.
#
# ### Going further
# - 15 min: set PING_MS to 20 in your head. What happens to the messages in a second, and what to the suspicions?
# - 1 h: Lifeguard. Let a member whose last pings all went unanswered wait longer before it suspects. How many false suspicions does a slow member cause now?
# - An evening: joining. Let a member start with the name of one other only, and fetch the list from it. What if that one has just crashed?
#
# Reading: Das, Gupta & Motivala, *SWIM* (2002), sections 3 and 4, for the protocol; Hayashibara and others, *The φ Accrual Failure Detector* (2004), section 4; Chandra & Toueg, *Unreliable Failure Detectors* (1996), section 1, for what such an opinion is good for; Dadgar and others, *Lifeguard* (2018), for five years of running it.
#
# Towers now spread news and know each other. What they cannot do is agree: lab 04 puts one of them in charge.
