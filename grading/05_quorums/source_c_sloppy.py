# %% part=sloppy

# %% [markdown]
# # Lab 05: Stand-ins and hints
# > Two of the three replicas that keep Ana's cart are out of reach. The shop would rather sell a book too many than not sell.
#
# | | |
# |---|---|
# | Time | about 90 min (20 min reading, 50 min code, 20 min thinking) |
# | You need | parts a and b of this lab: R, W, tags, and what must be on the disk before a reply leaves |
# | You will be able to | let writes go on when a quorum is away; bring every one of them home; say, with a history, what was given up for that |
# | Read first | nothing; afterwards DeCandia and others 2007, section 4.6 (one page) |

# %% setup
from labkit import check, check_linearizable, exercise, hint, predict, show_source, simulate, spacetime, start_cluster, use_answers
from labkit.figures import history_figure
from labkit.models import Register
from given import *

use_answers("5.6")

# %% [markdown]
# ## 1. A cart without a home
# Five replicas stand in a row, and each value has a **preference list**: the order in which replicas are responsible for it.
# The first N = 3 are its **homes**; for Ana's cart these are n1, n2 and n3.
# With R = W = 2 a cart can be filled as long as two of its homes answer.
#
# Today a cable is cut for two seconds: Ana, n3, n4 and n5 are on one side, n1 and n2 on the other.

# %% predict
predict("5.11", "Strict quorums, R = W = 2, and one of three homes in reach. What happens to Ana's writes?",
        options=["they end", "they are unknown", "they fail"])

# %% run
cut = dict(nodes=5, workload=CART, script=cut_off(0, 2_000, "ana", "n3", "n4", "n5"), delay_ms=(2, 5))
run = simulate(Replica, client=StrictStore, until_ms=2_400, **cut)
history_figure(run, check_linearizable(run.history, Register()))

# %% [markdown]
# All that Ana asked for ends as unknown, and n4 and n5 stood beside her all the time.
# A shop may see it so: a cart that refuses a book costs more than a cart that shows a book twice.
# The Dynamo paper (2007) draws the conclusion: a write should be refused only if *nobody* can take it.
#
# Its rule has three parts:
#
# - ask the first N **healthy** replicas of the preference list, and not the first N: a **sloppy quorum**;
# - whoever stands in for a home that is down is told for whom, and keeps the value apart: a **hint**;
# - when the home is back, the **stand-in** sends it what is its own: **hinted handoff**.

# %% [markdown]
# ## 2. Who is asked
# The client below works in two phases, as in part b: it asks, and then it tells.
# A replica that has not answered within a time-out is one of `self.suspects` until the operation ends.
# Whom it asks is your decision; what it sends, and to whom as a hint, follows from that.

# %% run
show_source(SloppyStore)

# %% [markdown]
# ### Exercise 5.11: the first N healthy ones

# %% exercise=5.11
@exercise("5.11", into=SloppyStore)             # about 4 lines
def targets(self) -> dict[NodeId, NodeId | None]:
    """Whom to send to, and for whom each of them stands in: {replica: owner, or None}.

    `self.peers` is the preference list; its first HOMES replicas are the homes. A home that is not
    in `self.suspects` gets the message for itself: its owner is None. For each suspected home, in
    order, the next healthy replica behind the homes stands in: the first such replica for the first
    suspected home, and so on. If there are too few healthy replicas, the last homes have no stand-in.
    """
    # STUB: three lists: healthy homes, suspected homes, healthy others
    # BEGIN SOLUTION
    homes, others = self.peers[:HOMES], self.peers[HOMES:]
    healthy = (peer for peer in others if peer not in self.suspects)
    down = (home for home in homes if home in self.suspects)
    return {home: None for home in homes if home not in self.suspects} | dict(zip(healthy, down, strict=False))
    # END SOLUTION

# %% check=5.11
check("5.11")

# %% hints=5.11
# - Split the preference list into homes and others first, and look at the suspects second.
# - Healthy homes map to None. Healthy others and suspected homes, both in order, are paired one to one; `zip` ends with the shorter one.
# - `{home: None for home in homes if home not in self.suspects} | dict(zip(healthy_others, suspected_homes))`.

# %% [markdown]
# ## 3. What a stand-in does
# A stand-in is a replica as in part b, with your `on_update` from there, and a shelf for what belongs to others.
# Read when it sends hints home: whenever its timer fires, to every owner, as long as it has hints.
# It does not know whether the owner is back; the owner's answer tells.

# %% run
show_source(StandIn)

# %% [markdown]
# ### Exercise 5.12: keep it apart
# Why apart?
# n4 may be a home itself, for another value; what it keeps for n1 must not be taken for its own, and must be found again when n1 is back.

# %% exercise=5.12
@exercise("5.12", into=StandIn)                 # about 6 lines
def keep_hint(self, source: NodeId, update: HintedUpdate) -> None:
    """Keep `update.tag` and `update.value` for `update.owner`, and answer `source`.

    `self.hints[owner]` is the newest (tag, value) for that owner; an older one changes nothing.
    `self.tag` and `self.value` stay as they are. `self.save_hints()` puts the hints on the disk, and
    does so before the answer leaves: one UpdateReply with the update's phase, for an old one, too.
    While there are hints, the timer "handoff" is set, for HANDOFF_MS.
    """
    # STUB: what is there for this owner? then as in 5.6
    # BEGIN SOLUTION
    kept, _ = self.hints.get(update.owner, (NO_TAG, None))
    if update.tag > kept:
        self.hints[update.owner] = update.tag, update.value
        self.save_hints()
        self.set_timer("handoff", HANDOFF_MS)
    self.send(source, UpdateReply(update.phase))
    # END SOLUTION

# %% check=5.12
check("5.12")

# %% hints=5.12
# - It is exercise 5.6 with another place to keep things in, and with a timer.
# - `self.hints.get(update.owner, (NO_TAG, None))` is what there is; compare tags, replace, save, set the timer. Then answer, in every case.
# - `if update.tag > kept: self.hints[update.owner] = update.tag, update.value`, `self.save_hints()`, `self.set_timer("handoff", HANDOFF_MS)`; outside the `if`: `self.send(source, UpdateReply(update.phase))`.

# %% [markdown]
# Hints cost room, so a stand-in wants to be rid of them.

# %% predict
predict("5.13", "The stand-in has sent a hint home. When may it forget the hint?",
        options=["at once", "when the owner has answered", "when the owner has answered for this very hint"])

# %% [markdown]
# ### Exercise 5.13: let it go
# A message that was sent is not a message that has arrived.
# And while it was under way, a newer hint for the same owner may have come.

# %% exercise=5.13
@exercise("5.13", into=StandIn)                 # about 4 lines
def on_handoff_reply(self, source: NodeId, reply: HandoffReply) -> None:
    """The owner `source` has confirmed that it has what was kept under `reply.tag`, or something newer.

    If the hint for `source` has that tag, remove it from `self.hints` and save the hints. A hint with
    a newer tag stays; one with an older tag may go or stay. The confirmation may come twice, or when
    there is no hint: nothing happens.
    """
    # STUB: which hint is there now?
    # BEGIN SOLUTION
    if source in self.hints and self.hints[source][0] <= reply.tag:
        del self.hints[source]
        self.save_hints()
    # END SOLUTION

# %% check=5.13
check("5.13")

# %% hints=5.13
# - Two things may be wrong with a confirmation: there is no hint any more, or there is a newer one.
# - `self.hints[source]` is a pair (tag, value); compare its tag with `reply.tag`.
# - `if source in self.hints and self.hints[source][0] <= reply.tag: del self.hints[source]`, and then `self.save_hints()`.

# %% [markdown]
# ### Exercise 5.14: answer for others
# Ana writes to n3, n4 and n5 and then looks into her cart, while n3 is slow.
# Two stand-ins answer, and neither has anything of its own.

# %% exercise=5.14
@exercise("5.14", into=StandIn)                 # about 1 line
def newest_held(self) -> tuple[Tag, str | None]:
    """What to answer to a query: the pair with the highest tag of all that this replica holds.

    It holds its own pair, (self.tag, self.value), and one for each owner in `self.hints`. Nothing changes.
    """
    # STUB: max, over one pair and some more
    # BEGIN SOLUTION
    return max([(self.tag, self.value), *self.hints.values()], key=lambda pair: pair[0])
    # END SOLUTION

# %% check=5.14
check("5.14")

# %% hints=5.14
# - Put all pairs into one list.
# - `[(self.tag, self.value), *self.hints.values()]`; the highest tag decides, and the value never does.
# - `return max([(self.tag, self.value), *self.hints.values()], key=lambda pair: pair[0])`.

# %% [markdown]
# ### All together: does it come home?
# The next check takes homes away, crashes stand-ins, loses and doubles messages.
# It asks four things: that writes and reads go on, that a client reads what it wrote, that every hint reaches its owner, and that no crash takes back a confirmed write.

# %% check=5.H
check("5.H")

# %% [markdown]
# ## 4. The cart again
# The same cable, cut for the same two seconds.

# %% run
run = simulate(StandIn, client=SloppyStore, until_ms=2_400, **cut)
history_figure(run, check_linearizable(run.history, Register()))

# %% [markdown]
# Each bar has one time-out in it, 60 ms, until Ana's client has noticed who is away; after that it goes on.
# The next picture shows how the cart comes home: find the first Handoff after the cut has healed, and its confirmation.

# %% run
short = dict(nodes=5, script=cut_off(0, 250, "ana", "n3", "n4", "n5"), delay_ms=(2, 5))
run = simulate(StandIn, client=SloppyStore, workload={"ana": CART["ana"][:1]}, until_ms=360, **short)
spacetime(run, title="What n4 and n5 kept goes home to n1 and n2")

# %% [markdown]
# ## 5. What was given up
# Ben shops with Ana's account, from the other side of the cut: he reaches n1 and n2, two of three homes.
# With strict quorums one of the two would wait.

# %% predict
predict("5.14", "Ana has put 1 book into the cart. After that Ben looks, on the other side. What does he see?",
        options=["1 book", "an empty cart", "he waits"])

# %% run
together = {"ana": [("write", None, "1 book"), ("write", None, "2 books")], "ben": [("read",)] * 9}
both = dict(workload=together, until_ms=1_500, **short)
run = simulate(StandIn, client=SloppyStore, **both)
history_figure(run, check_linearizable(run.history, Register()))

# %% [markdown]
# Ben reads from two homes, R = 2, and Ana's writes were confirmed by two replicas, W = 2.
# R + W > N still holds, and it says nothing: his two and her two have no replica in common, since they are not chosen from the same three.
# The history is not linearizable, and not even regular.
#
# ### Break it
# A stand-in might forget a hint as soon as it has sent it.
# The cut lasts longer than HANDOFF_MS; what becomes of the hints?

# %% run
class Forgetful(StandIn):
    def on_timer(self, name):
        StandIn.on_timer(self, name)
        self.hints = {}
        self.save_hints()

run = simulate(Forgetful, client=SloppyStore, **both)
print({id: run.observe(id)["value"] for id in run.system.node_ids})

# %% [markdown]
# n3 alone has the two books, and two homes of three have never heard of them: a read that asks n1 and n2 finds an empty cart, for ever.
# The confirmed write hangs on one disk.
# Compare with yours:

# %% run
run = simulate(StandIn, client=SloppyStore, **both)
print({id: run.observe(id)["value"] for id in run.system.node_ids})

# %% [markdown]
# ## 6. On real processes
# Five replicas and two clients, each a process of its own; two homes are cut off for a second, and a stand-in is killed with SIGKILL in the middle of it.

# %% cluster recorded=handoff
turns = {f"c{c}": [("write", None, f"c{c}.{n}") if n % 3 else ("read",) for n in range(1, 31)] for c in (1, 2)}
cluster = start_cluster(StandIn, nodes=5, client=SloppyStore, workload=turns, delay_ms=(5, 15), recorded="handoff")
begin_ms = cluster.now_ms
cluster.at(begin_ms + 200, cluster.partition, ("n1", "n2"), ("n3", "n4", "n5", "c1", "c2"))
cluster.at(begin_ms + 600, cluster.crash, "n4").at(begin_ms + 900, cluster.restart, "n4")
cluster.at(begin_ms + 1_500, cluster.heal)
await cluster.until(lambda: cluster.finished and cluster.now_ms > begin_ms + 2_500, timeout_s=60)
cluster.close()
history_figure(cluster)

# %% [markdown]
# Every operation was answered, those during the cut, too.
# What every replica has at the end, and whether anybody still keeps a hint:

# %% run
for id in ("n1", "n2", "n3", "n4", "n5"):
    seen = cluster.observe(id)
    print(id, seen["tag"], seen["value"], "hints:", seen["hints"] or "none")

# %% [markdown]
# ## 7. Measure
# How many operations are answered while homes are away, and what does it cost in fresh reads?
# A cut lasts a second; c1 writes on the near side, c2 reads on the far side, where n6 stands, and one or two of the homes.

# %% run
from labkit.consistency import staleness

work = {"c1": [("write", None, f"c1.{n}") for n in range(60)], "c2": [("read",)] * 120}

def compare(client, homes):
    far = cut_off(100, 1_100, "c2", "n6", *[f"n{n}" for n in range(1, homes + 1)])
    run = simulate(StandIn, nodes=6, client=client, workload=work, script=far, delay_ms=(2, 6), until_ms=40_000)
    frame = run.history.to_frame()
    during = frame[frame.invoked_ms.between(100, 1_100)]
    answered = (during.outcome == "ok").groupby(during.f).mean()
    fresh = [read.versions == 0 for read in staleness(run.history)] or [True]
    return {"store": client.__name__, "far homes": homes, "fresh reads": sum(fresh) / len(fresh),
            "reads": answered.get("read"), "writes": answered.get("write")}

# %% chart
import pandas
from labkit.figures.charts import enable

alt = enable()
frame = pandas.DataFrame([compare(client, homes) for client in (StrictStore, SloppyStore) for homes in (1, 2)])
long = frame.melt(["store", "far homes"], var_name="what", value_name="share")
bars = alt.Chart(alt.Data(values=long.to_dict("records"))).mark_bar()
bars = bars.encode(x=alt.X("share:Q", scale=alt.Scale(domain=[0, 1])), y=alt.Y("store:N", title=None))
bars.properties(width=150, height=50).facet(row="far homes:N", column="what:N")

# %% [markdown]
# The strict store refuses whoever has fewer than two homes on his side, and never gives a stale answer.
# The sloppy one answers all, and pays with reads that miss confirmed writes for as long as the cut lasts.
# This is the choice that lab 07 is about; no code removes it.

# %% [markdown]
# ## 8. What you know now
# A sloppy quorum asks the first N healthy replicas of a preference list, so that a write is refused only if hardly anybody lives.
# A hint says whose value it is; it is kept apart, on the disk, and goes home when its owner is back.
# It is let go when its owner has confirmed this very hint, and not before.
# R + W > N counts within one set of N; with stand-ins there are several sets, and reads may be stale.
# Hinted handoff repairs what was hinted; what was lost without a hint needs read repair, or the comparison of whole replicas in lab 06.
#
# | word | meaning |
# |---|---|
# | preference list | the order in which replicas are responsible for a value |
# | home | one of the first N of that list |
# | sloppy quorum | R or W of the first N healthy replicas |
# | stand-in | takes a write for a home that is down |
# | hint | a write kept for another, with the owner's name |
# | hinted handoff | the stand-in sends the hint home |

# %% [markdown]
# ### Questions
# 1. Two clients on two sides of a cut write at once, both confirmed. What has each home after healing, and what became of the other write?
# 2. A stand-in's disk burns. Which confirmed writes are gone?
# 3. Why does the owner confirm a handoff whose tag it already surpasses?
# 4. Two data centres, and a preference list that alternates between them. What does that buy?
# 5. Is a sloppy quorum with W = N safer than one with W = 2?
#
# <details><summary>Answers</summary>
#
# 1. All have the one with the higher tag. The other one was confirmed and is overwritten, without anybody having seen both: last writer wins. Lab 06 keeps both.
# 2. Those that no home and no other stand-in has: with W = 2, one whose second copy is lost as well.
# 3. Or the stand-in would keep the hint for ever. "I have that, or something newer" is all it needs to know.
# 4. The first N healthy ones always lie in both, so a whole data centre may go away.
# 5. It is on more disks, and so more durable. It is not fresher: a reader may still ask others than those N.
#
# </details>
#
# ### In production
# Dynamo was built so, for the carts of a shop. Riak has it switched on: `pw` and `pr` ask for true homes. Cassandra keeps hints at the coordinator, for three hours, and does *not* count them for W: its quorums are strict. Later stores of the same company gave up sloppy quorums.
#
# ### Going further
# - 15 min: let hints grow old, and drop them after a second. Which check notices?
# - 1 h: count a hint for W only if a real home has confirmed, too (Riak's `pw = 1`). What is available now, and what is lost no more?
# - An evening: a tree of hashes over many keys, so that two replicas find in few messages where they differ. (Lab 06 does it.)
#
# Reading: DeCandia and others, *Dynamo: Amazon's Highly Available Key-value Store* (2007), sections 4.5 and 4.6; Terry and others, *Managing Update Conflicts in Bayou* (1995), section 3, for what to do with two carts; Bailis & Ghodsi, *Eventual Consistency Today* (2013), for what users see.
#
# The shop is open, and the carts may disagree. Lab 06 decides what to do about that.
