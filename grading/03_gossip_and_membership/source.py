# %% part=gossip

# %% [markdown]
# # Lab 03: Gossip
# > Twenty-five fire towers, and one of them sees smoke. How do all others learn of it, if nobody is in charge of telling them?
#
# | | |
# |---|---|
# | Time | about 2 hours (30 min reading, 70 min code, 20 min thinking) |
# | You need | lab 01: messages get lost, come twice, come late |
# | You will be able to | flood a network without drowning it; repair two copies by comparing digests; choose a fan-out and say when a rumour should die; say what a batch buys and what it costs |
# | Read first | nothing; afterwards Demers and others 1987, sections 1.1 to 1.4 (6 pages) |

# %% setup
from labkit import check, exercise, hint, predict, replay, show_source, simulate, spacetime, start_cluster
from given import *

# %% [markdown]
# ## 1. Smoke in the north
# Five fire towers stand on five hills, and each has a telephone.
# At n3 the keeper sees smoke, writes it into the book, and telephones the four others, once each.
# Tonight the line to n1 is down for half a second.
#
# Each of the calls takes a few milliseconds; a line that is down swallows what is said into it.

# %% predict
predict("3.1", "The line to n1 is repaired at 500 ms. When will n1 know of the smoke?", options=["at 500 ms", "a little later", "never"])

# %% run
run = simulate(NaiveTower, nodes=5, client=Watcher, workload=SMOKE, seed=1, until_ms=700, partition_ms=(0, 500))
spacetime(run, title="n1 is cut off while n3 tells the others")

# %% [markdown]
# Look at the arrow towards n1: it ends in a cross, and no other follows.
# When the grey band ends, four towers know what n1 does not, and none of them ever speaks of it again.
# The keeper of n3 did her duty, and she has no reason to do it twice.
#
# Two things are missing.
# Whoever hears something new should **pass it on**, so that it does not depend on one caller.
# And towers should now and then **compare** what they know, since a call that nobody got leaves no trace anywhere.
# Both together are called **gossip**, and we build them one after the other.

# %% [markdown]
# ## 2. Flooding
# A tower knows some others, its **neighbours**; `self.neighbours` is their list.
# Here all towers stand in a square, and each telephones the next one in the north, west, east and south.
# The given class has a book, writes it to its disk, and answers the keepers.

# %% run
show_source(Tower)

# %% predict
predict("3.1", "25 towers in a square have 40 lines. How many calls does one sighting need, at least?", options=["24", "40", "80"])

# %% [markdown]
# ### Exercise 3.1: pass on what is new
# `News` is one call: who telephones may tell several sightings at once.

# %% exercise=3.1
@exercise("3.1", into=Tower)                    # about 5 lines
def on_news(self, source: NodeId, news: News) -> None:
    """Keep what is new of `news.sightings`, and pass it on to all neighbours but `source`.

    New is what is not in `self.book`; `self.keep(...)` writes it into the book and onto the
    disk. What is new goes to each of `self.neighbours` in one News, except to `source`, who
    has it already (`source` is a client if a keeper saw something: then all neighbours get
    it). It is kept before it is passed on. What was known is not passed on. If nothing is
    new, nothing is sent.
    """
    # STUB: what of news.sightings is not in self.book?
    # BEGIN SOLUTION
    fresh = tuple(sighting for sighting in news.sightings if sighting not in self.book)
    if fresh:
        self.keep(fresh)
        for neighbour in self.neighbours:
            if neighbour != source:
                self.send(neighbour, News(fresh))
    # END SOLUTION

# %% check=3.1
check("3.1")

# %% hints=3.1
# - Three questions: what is new to me, whom do I tell, and what exactly do I tell them?
# - Make a tuple of the sightings that are not in `self.book`. If it is empty, do nothing; a flood ends because everybody tells a thing once.
# - `fresh = tuple(s for s in news.sightings if s not in self.book)`; `if fresh:` keep them, then `self.send(neighbour, News(fresh))` for each neighbour that is not `source`.

# %% [markdown]
# The flood needs no list of who knows what: the book is enough.
# It finds a way round broken lines, as long as there is one.
# If there is none, or if the last line to a tower loses the call, that tower is as ignorant as n1 was.

# %% [markdown]
# ## 3. Comparing books
# Once a second each tower rings a random other one, neighbour or not, and they compare books.
# Reading out the whole book would take the night.
# Sightings are numbered at their tower, so a **digest** says it in few words: "of n1 I have all up to 3, of n4 all up to 1".
#
# `have()` makes such a digest.
# It stops at the first gap: whoever has 1, 2 and 4 of a tower says 2, and is told 4 again.

# %% run
show_source(AntiEntropy)

# %% [markdown]
# ### Exercise 3.2: the answer to a digest
# One message is enough if both books are equal; otherwise what is missing goes both ways: **push and pull**.

# %% exercise=3.2
@exercise("3.2", into=AntiEntropy)              # about 7 lines
def on_digest(self, source: NodeId, digest: Digest) -> None:
    """Send `source` what its digest lacks, and ask it for what this book lacks.

    Push: all sightings in `self.book` with a number higher than `digest.have` says for their
    tower (0 for a tower that it does not name) go to `source`, in one News, if there are any.
    Pull: if `digest.have` says more of some tower than `self.have()` does, send `source` the
    Digest of this book, marked `is_answer=True`; but never as the answer to an answer.
    Nothing else is sent, so towers with equal books exchange one message and no more.
    """
    # STUB: dict(digest.have).get(origin, 0) is how far they are
    # BEGIN SOLUTION
    theirs, ours = dict(digest.have), dict(self.have())
    lacking = tuple(s for s in sorted(self.book) if s[1] > theirs.get(s[0], 0))
    if lacking:
        self.send(source, News(lacking))
    behind = any(number > ours.get(origin, 0) for origin, number in digest.have)
    if behind and not digest.is_answer:
        self.send(source, Digest(self.have(), is_answer=True))
    # END SOLUTION

# %% check=3.2
check("3.2")

# %% hints=3.2
# - Two independent questions: what do they lack, and what do I lack? Each may cause one message.
# - Make dicts of both digests. They lack each sighting whose number is above theirs for its tower; I lack something if one of their numbers is above mine.
# - `lacking = tuple(s for s in sorted(self.book) if s[1] > theirs.get(s[0], 0))` for the push; `any(number > ours.get(origin, 0) for origin, number in digest.have)` and `not digest.is_answer` for the pull.

# %% [markdown]
# This is **anti-entropy** (Demers and others, 1987): left alone, copies drift apart, and comparing undoes it.
# It does not care why something is missing: a lost call, a partition of a week, a tower that was not built yet.
# What it learns goes through your `on_news`, so one tower that compares wakes up a whole half of the country.
#
# Try the opening night again: more towers, a longer partition, and two sides that each see something.

# %% run
north_and_south = {"c1": [("post", "n1", "smoke in the north")], "c2": [("post", "n9", "sparks in the south")]}
south = ["n4", "n5", "n6", "n7", "n8", "n9", "c2"]

def fog(run):
    run.at(0, run.partition, ["n1", "n2", "n3", "c1"], south).at(3_000, run.heal)

run = simulate(AntiEntropy, nodes=9, client=Watcher, workload=north_and_south, script=fog, seed=2, until_ms=6_000)
{id: f"{times.get('n1', 0):.0f} to {max(times.values()):.0f} ms" for id, times in heard_at(run).items()}

# %% [markdown]
# For each sighting: when n1 had it, and when the last tower had it.
# Both sides know their own after milliseconds, and the other's soon after 3,000 ms, when the first tower has picked one of the other side to compare with.

# %% [markdown]
# ## 4. Rumours
# Twenty-five towers can be a grid that somebody drew.
# Ten thousand cannot, and who would keep the drawing up to date?
# People need no drawing: whoever knows a rumour tells a few others, at random, until it gets boring.
#
# A rumour is **hot** while a tower spreads it.
# In each round of 100 ms it goes to `fanout` random peers; whoever knew it says so (`Known`), and the teller counts that.
# After so many useless tellings that it is `tired`, the rumour is old news, to this tower.

# %% run
show_source(Monger)

# %% predict
predict("3.3", "100 towers; fan-out 2. After how many rounds do half of them know?", options=["about 5", "about 25", "about 50"])

# %% [markdown]
# ### Exercise 3.3: one round

# %% exercise=3.3
@exercise("3.3", into=Monger)                   # about 6 lines
def spread(self) -> None:
    """One round: drop what has become boring, tell the rest to a few peers, set the next round.

    A rumour with `self.useless[rumour]` at `self.tired` or above leaves `self.hot`. If any rumours
    are left, each of `self.fanout` different peers, chosen at random by `self.random` anew in each
    round, gets one News with all of them (if there are fewer peers than that: all of them),
    and the timer "round" is set to ROUND_MS. If none is left, nothing is sent and no timer is
    set: the epidemic is over, here.
    """
    # STUB: first self.hot, then self.random.sample, then self.set_timer
    # BEGIN SOLUTION
    self.hot = {rumour for rumour in self.hot if self.useless[rumour] < self.tired}
    if self.hot:
        news = News(tuple(sorted(self.hot)))
        for peer in self.random.sample(self.peers, min(self.fanout, len(self.peers))):
            self.send(peer, news)
        self.set_timer("round", ROUND_MS)
    # END SOLUTION

# %% check=3.3
check("3.3")

# %% hints=3.3
# - Three steps, in the order of the first sentence. What makes a tower stop for good?
# - Keep in `self.hot` only rumours with fewer than `self.tired` useless tellings; return if none is left. `self.random.sample(self.peers, k)` gives k different peers.
# - `self.hot = {r for r in self.hot if self.useless[r] < self.tired}`; `for peer in self.random.sample(self.peers, min(self.fanout, len(self.peers))): self.send(peer, News(tuple(sorted(self.hot))))`; then the timer.

# %% [markdown]
# How fast is that?
# While few know, nearly every call reaches somebody new, and the number of those who know multiplies in each round.
# When most know, nearly every call is wasted.
# That is how a disease spreads, and its curve has been known since 1838: the **logistic** curve, which the cell draws beside your rumour.

# %% chart
ill = {"c1": [("post", "n1", "smoke in the north")]}
run = simulate(Monger, nodes=100, client=Watcher, workload=ill, seed=4, until_ms=3_000, delay_ms=(1, 3))
epidemic_figure(run, rate=FANOUT)

# %% [markdown]
# The S is there: a slow start, a steep middle, a slow end.
# Theory lets everybody call all the time, and yours call once in a round, so the two are not the same line.
# The end deserves a second look.
# A rumour dies when people are tired of it, and that may be before the last one has heard: the more patient, the fewer are missed, and **never** for certain none.
# So rumours are for speed, and anti-entropy behind them is for the rest (`BackedMonger`).

# %% [markdown]
# ## 5. Fewer messages
# Back to 25 towers, and count.
# One flood over the square takes 56 messages: 24 that tell somebody something, and 32 that meet half-way on the 16 lines that were not needed.
# But the neighbours are ours to choose!
# The fewest lines that still connect 25 towers are 24, and a flood over those has no line to waste.

# %% run
crowd = {f"c{n}": [("post", f"n{n}", f"smoke {n}")] for n in range(1, 26)}
for tower in (AntiEntropy, Star):
    run = simulate(tower, nodes=25, client=Watcher, workload=crowd, until_ms=900, delay_ms=(100, 100))
    print(f"{tower.__name__:12} {messages_between_nodes(run) / 25:5.1f} messages a sighting, slowest {slowest_ms(run):.0f} ms")

# %% [markdown]
# In a star all is two calls away, and nothing is told twice.
# The price: everything passes the hub.
# When the hub burns down, floods stop, and only anti-entropy goes on, slowly.
#
# Fewer than 24 messages for each sighting seems impossible, as 24 towers must be told.
# It is not, if a call may carry more than one.

# %% predict
predict("3.4", "A sighting comes every 10 ms, and towers collect for 250 ms. Messages per sighting?", options=["24", "about 12", "about 2"])

# %% run
show_source(Courier)

# %% [markdown]
# ### Exercise 3.4: parcels

# %% exercise=3.4
@exercise("3.4", into=Courier)                  # about 6 lines
def queue(self, source: NodeId, fresh: tuple[Sighting, ...]) -> None:
    """Put `fresh` into the outbox of each neighbour but `source`, and see that it will be sent.

    `self.outbox[neighbour]` is a list of sightings, made when it is first needed. When
    something comes into an outbox that was empty altogether, the timer "flush" is set to
    `self.batch_ms`; what comes while it is running travels with it. It is never set anew while it is
    running: news without end would put it off for ever. Nothing is sent here; `on_timer` does
    that, and leaves `self.outbox` empty.
    """
    # STUB: is self.outbox empty? then nobody has set the timer yet
    # BEGIN SOLUTION
    receivers = [neighbour for neighbour in self.neighbours if neighbour != source]
    if receivers and not self.outbox:
        self.set_timer("flush", self.batch_ms)
    for neighbour in receivers:
        self.outbox.setdefault(neighbour, []).extend(fresh)
    # END SOLUTION

# %% check=3.4
check("3.4")

# %% hints=3.4
# - Who is to get it, and is the postman on his way already?
# - Look at `self.outbox` before you put anything in: if it is empty, the timer is not running. A dict's `setdefault` makes a list when there is none.
# - `if receivers and not self.outbox: self.set_timer("flush", self.batch_ms)`, and then `self.outbox.setdefault(neighbour, []).extend(fresh)` for each neighbour that is not `source`.

# %% [markdown]
# ## 6. Counting together
# The forest service wants to know how many hikers passed the towers, in all.
# Each tower counts its own; a total must not need a call to all 24 others, and a hiker must not be counted twice because a message was.
#
# A number that all towers change cannot be merged: of 7 and 9, who knows which hikers are in both?
# So each tower keeps the list of *all* towers' numbers, and changes only its own.
# This is a **G-counter**, the smallest member of a family that lab 06 is about.

# %% run
show_source(Counter)

# %% [markdown]
# ### Exercise 3.5: merge

# %% exercise=3.5
@exercise("3.5", into=Counter)                  # about 5 lines
def on_counts(self, source: NodeId, message: Counts) -> None:
    """Take the higher number for each tower; answer `source` if it lacks something.

    A tower's own number only grows, so of two numbers the higher is the newer one; a tower
    that is missing has counted 0. Copies and late messages must change nothing. If, after
    that, `self.counts` says more of some tower than `message.counts` does, `source` gets one
    Counts with all of `self.counts` (`self.pairs()`); otherwise nothing is sent.
    """
    # STUB: max, for each tower in message.counts
    # BEGIN SOLUTION
    theirs = dict(message.counts)
    for tower, count in theirs.items():
        self.counts[tower] = max(count, self.counts.get(tower, 0))
    if any(count > theirs.get(tower, 0) for tower, count in self.counts.items()):
        self.send(source, Counts(self.pairs()))
    # END SOLUTION

# %% check=3.5
check("3.5")

# %% hints=3.5
# - What must happen when the same message comes a second time?
# - For each tower the maximum of the two numbers: it is the same in any order and however often. Then compare what you have with what they sent.
# - `self.counts[tower] = max(count, self.counts.get(tower, 0))` in a loop over `message.counts`; then `if any(count > theirs.get(tower, 0) ...)` send `Counts(self.pairs())`.

# %% [markdown]
# ### All together
# The next check plays towers on lines that lose, copy and delay, through partitions and crashes, and asks afterwards every tower for its book.
# It also counts messages and milliseconds on 25 towers with lines of 100 ms, with the bounds of the Gossip Glomers challenges: under 30 messages per sighting with a median under 400 ms, then under 20 with a median under a second.

# %% check=3.G
check("3.G")

# %% [markdown]
# ### Break it
# Why keep the numbers of all towers, if a total is all that is asked for?
# The class below merges by adding what others report, as one is tempted to.

# %% predict
predict("3.5", "5 towers count 10 hikers each. What does n1 report after two seconds?", options=["50", "less", "far more"])

# %% run
class Adding(Counter):
    def on_counts(self, source, message):
        for tower, count in message.counts:
            if tower != self.id:
                self.counts[tower] = self.counts.get(tower, 0) + count

hikers = {f"c{n}": [("add", f"n{n}", 1)] * 10 for n in range(1, 6)}
for counter in (Adding, Counter):
    run = simulate(counter, nodes=5, client=Watcher, workload=hikers, seed=1, until_ms=2_000)
    print(counter.__name__, {id: sum(dict(run.observe(id)["counts"]).values()) for id in run.system.node_ids})

# %% [markdown]
# Each round adds what has been added before, and the sum explodes.
# A maximum does not mind being taken twice: it is **idempotent**, and the order does not matter either.
# That is all it takes to be safe with gossip.

# %% [markdown]
# ## 7. On real processes
# Nine towers, each a process of its own, and three keepers who see something every 20 ms.
# At 300 ms the processes are cut into two camps; at 1,500 ms the lines are repaired.

# %% cluster recorded=gossip
turns = {f"c{c}": [("post", f"n{3 * c}", f"smoke {c}.{n}") for n in range(40)] for c in (1, 2, 3)}
cluster = start_cluster(AntiEntropy, nodes=9, client=Watcher, workload=turns, gap_ms=20,
                        delay_ms=(5, 15), recorded="gossip")
begin_ms, camp = cluster.now_ms, ["n1", "n2", "n3", "n4", "c1"]
cluster.at(begin_ms + 300, cluster.partition, camp, ["n5", "n6", "n7", "n8", "n9", "c2", "c3"])
cluster.at(begin_ms + 1_500, cluster.heal)
await cluster.run(begin_ms + 4_000)
print({id: len(cluster.observe(id).get("book", ())) for id in cluster.system.node_ids})
cluster.close()

# %% [markdown]
# Every tower has the book of all: 120 sightings, if no keeper's call was cut off itself.
# Kill a tower in the middle (`cluster.crash`), bring it back, and count again.

# %% [markdown]
# ## 8. Measure
# What does patience buy?
# The cell starts 50 rumours, one after the other, among 100 towers, and counts who was never told, for a `tired` of 1 to 5.

# %% chart
from labkit.figures.charts import sweep

rows = []
work = {"c1": [("post", f"n{n}", f"rumour {n}") for n in range(1, 51)]}
for tired in range(1, 6):
    patient = type("Patient", (Monger,), {"tired": tired})
    run = simulate(patient, nodes=100, client=Watcher, workload=work, until_ms=4_000)
    known = sum(len(times) for times in heard_at(run).values()) / (50 * 100)
    messages = messages_between_nodes(run) / 50
    rows.append({"tired": tired, "messages per rumour": messages, "missed %": 100 * (1 - known)})
title = "How many towers never hear, for tired = 1 (left) to 5 (right)?"
sweep(rows, "messages per rumour", "missed %", title=title)

# %% [markdown]
# From left to right: more useless tellings, more messages, fewer who never hear.
# Each step divides the missed ones by about the same factor, and the curve never reaches the ground.
# A rumour that must reach *all* is expensive; a rumour that reaches nearly all, and a comparison for the rest, is cheap.

# %% [markdown]
# ## 9. What you know now
# A flood reaches all towers that a line leads to, once, and ends because everybody passes a thing on once.
# Anti-entropy repairs whatever a flood or a rumour left out, at a cost that does not depend on how it was lost.
# Random calls need no map, spread in about log n rounds, and miss a few at the end.
# Batches trade milliseconds for messages; a topology trades robustness for both.
# What is merged by a maximum may arrive twice, late, or in any order.
#
# | word | meaning |
# |---|---|
# | flood | everybody passes on what is new, to all neighbours but the sender |
# | anti-entropy | compare two copies, send what is missing |
# | digest | what a copy contains, in few words |
# | push, pull | give what the other lacks; ask for what I lack |
# | fan-out | how many are told in one round |
# | hot rumour | one that is still being spread here |
# | residue | who never heard, when the rumour has died |
# | G-counter | a number for each tower, merged by the maximum |

# %% [markdown]
# ### Questions
# 1. A flood over a tree sends n - 1 messages. Why does nobody flood over trees alone?
# 2. Why does `have()` stop at the first gap, and what would happen if it named the highest number?
# 3. In which phase of an epidemic is a pull better than a push?
# 4. Your counter was read as 40, then as 38, by the same keeper at two towers. Is that a mistake?
#
# <details><summary>Answers</summary>
#
# 1. Each line is the only one: if it loses one call, a whole branch misses that sighting, for ever without anti-entropy.
# 2. With a hole at 3 it would say 4, nobody would ever send 3, and both would believe that nothing is missing.
# 3. At the end: when most know, a tower that asks nearly always meets one that knows, while one who tells nearly never meets one that does not.
# 4. No. Each tower tells what it has heard so far; only what *one* tower tells (while it does not crash) never goes down. Lab 05 says what it costs to promise more.
#
# </details>
#
# ### In production
# Cassandra and ScyllaDB spread schema versions and load by digests with version numbers, once a second, to one to three random nodes (push and pull, as in exercise 3.2).
# Amazon S3 stopped for hours in 2008, since a bit had flipped in gossiped state and nothing in the protocol could take it back: gossip spreads mistakes as well as it spreads news.
# Riak counters and Redis Enterprise's counters are G-counters in pairs, one for plus and one for minus.
#
# ### Going further
# - 15 min: let `spread` drop a rumour with probability 1/2 at each useless telling instead of counting. How does the residue change?
# - 1 h: two hubs, so that one may burn. How many messages does a sighting take now?
# - An evening: forgetting. Let a keeper delete a sighting; anti-entropy brings it back. Read Demers and others, section 2, on death certificates, and build them.
#
# Reading: Demers and others, *Epidemic Algorithms for Replicated Database Maintenance* (1987), section 1, for all of this; van Renesse and others, *Efficient Reconciliation and Flow Control for Anti-Entropy Protocols* (2008), for digests that fit into a packet; Kyle Kingsbury's Gossip Glomers at fly.io, challenges 3a to 3e, for the bounds that your towers keep.
#
# All this supposed that we know who the towers are. The next notebook asks which of them are still there.
