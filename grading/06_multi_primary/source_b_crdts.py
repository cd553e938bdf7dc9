# %% part=crdts

# %% [markdown]
# # Lab 06: Data types that merge themselves
# > Four people edit one shopping list on four phones in a tunnel. When they come out, who sorts it out?
#
# | | |
# |---|---|
# | Time | about 2½ hours (40 min reading, 80 min code, 30 min thinking) |
# | You need | part A: siblings, dots, contexts |
# | You will be able to | say which three laws a merge must keep, and test them; tell a set that forgets from one that cannot; keep a map honest under wrong clocks; say where a letter goes that two people typed in one place |
# | Read first | nothing; afterwards Shapiro and others, *Conflict-free Replicated Data Types* (2011), sections 1 to 3 (8 pages) |

# %% setup
from labkit import check, exercise, hint, predict, replay, show_source, simulate, spacetime, start_cluster
from given import *

# %% [markdown]
# ## 1. Seven likes
# A song has a counter of likes, on three replicas.
# In the tunnel n1 counts 3 likes more, and n2 counts 4 more.
# Afterwards n1 says 3 and n2 says 4. There are 7.
#
# Last writer wins says 4. The higher one is 4, too.
# Adding them gives 7, and when the same message comes a second time it gives 11.

# %% predict
predict("6.5", "The network doubles messages and lets them overtake. Which merge of two totals is right?",
        options=["the higher one", "their sum", "none"])

# %% [markdown]
# A total is a result, and part A ended with the lesson that results cannot be merged.
# So the state has to hold more than the number that people read.
# It may hold anything, as long as its **merge** keeps three laws:
#
# - **commutative**: a merged with b is b merged with a, so messages may overtake each other;
# - **associative**: groups do not matter, so news may come by any way;
# - **idempotent**: merging the same once more changes nothing, so copies do no harm.
#
# Then replicas that have heard the same changes are in the same state: strong eventual consistency, by algebra and not by luck.
# A type with such a merge is a **CRDT**, a conflict-free replicated data type (Shapiro and others, 2011).
#
# For a counter the trick is to let every replica count by itself.

# %% run
show_source(Counter)

# %% [markdown]
# ### Exercise 6.5: a counter
# `change` and `read` are there. Each replica changes only its own entries, and entries only grow: also those of what was taken away.

# %% exercise=6.5
@exercise("6.5", into=Counter)                  # about 5 lines
def merge(self, other: Counter) -> Counter:
    """Both counters in one: for each replica, the higher entry of the two, in each half by itself.

    A replica that has no entry in one of them counts 0 there. The halves of the result are
    sorted pairs (`as_pairs` makes them of a dict, `dict(self.added)` goes back).
    """
    # STUB: the same thing twice, for added and for taken
    # BEGIN SOLUTION
    def highest(mine: Pairs, theirs: Pairs) -> Pairs:
        both = dict(mine)
        for replica, number in theirs:
            both[replica] = max(number, both.get(replica, 0))
        return as_pairs(both)

    return Counter(highest(self.added, other.added), highest(self.taken, other.taken))
    # END SOLUTION

# %% check=6.5
check("6.5")

# %% hints=6.5
# - Two states have an entry of n1: 3 and 5. Which of them is older, and what does the newer one contain?
# - Start with `dict(self.added)`, go through the pairs of `other.added`, and keep the higher number for each replica. The same for `taken`.
# - `both[replica] = max(number, both.get(replica, 0))` in the loop, `as_pairs(both)` at its end; a function inside the method saves writing it twice.

# %% [markdown]
# Why two halves? If an entry could go down, "higher" would no longer mean "newer", and a withdrawal would be forgotten in the next merge.
# One counter that only grows and another one that only grows: their difference may go where it likes.
# Many CRDTs are made so, from smaller ones.
#
# ## 2. A set that can forget
# The cart again. With a union of items nothing is ever removed: whoever still has the item brings it back.
# Marking removed items for ever ("tombstones") forgets them for good: bought once, never to be bought again.
#
# The **observed-remove set** tags each adding: element, replica, number.
# Removing takes away the tags that one *has seen*. An adding that one has not seen survives.

# %% run
show_source(ObservedRemoveSet)

# %% [markdown]
# When two states meet, some tag is in one of them and not in the other.
# There are two possible reasons, and they ask for opposite things: the other one has never heard of it, or has heard of it and removed it.
# `known` tells them apart, and no tombstone is needed.

# %% predict
predict("6.6", "n1 has the tag milk n1:2. n2 lacks it and knows n1:1. After the merge?",
        options=["milk is there", "milk is gone", "it depends on who merges"])

# %% [markdown]
# ### Exercise 6.6: added, or removed?

# %% exercise=6.6
@exercise("6.6", into=ObservedRemoveSet)        # about 5 lines
def merge(self, other: ObservedRemoveSet) -> ObservedRemoveSet:
    """Both sets in one.

    A tag that both have stays. A tag that only one has stays if the other one does not know it
    (`tag.is_known_to(vector)`): then it is new there. If the other one knows it and lacks it,
    it was removed, and it goes. The result knows what either of them knows (`join`).
    """
    # STUB: three groups of tags, and what is known
    # BEGIN SOLUTION
    both = self.tags & other.tags
    new_there = {tag for tag in self.tags if not tag.is_known_to(other.known)}
    new_here = {tag for tag in other.tags if not tag.is_known_to(self.known)}
    return ObservedRemoveSet(both | new_there | new_here, self.known.join(other.known))
    # END SOLUTION

# %% check=6.6
check("6.6")

# %% hints=6.6
# - Draw the two sets of tags as two circles that overlap. What happens in each of the three areas?
# - The middle stays. Of those only here, the ones stay that the other does not know; and the other way round.
# - `both = self.tags & other.tags`; `{t for t in self.tags if not t.is_known_to(other.known)}`; the mirror image; and `self.known.join(other.known)`.

# %% [markdown]
# ### Break it
# What does `known` buy? The class below is your set with the obvious merge: the union of tags.
# Ana (c1) adds milk, Ben (c2) sees it and removes it, and n3 has slept through the removal.

# %% predict
predict("6.6", "After everybody has talked to everybody, what do the two sets read?",
        options=["both are empty", "union: milk; yours: empty", "both have milk"])

# %% run
class Union(SetReplica):
    def on_message(self, source, message):
        if isinstance(message, State):
            theirs = message.state
            message = State(ObservedRemoveSet(self.state.tags | theirs.tags, self.state.known.join(theirs.known)))
            self.keep(message.state)
        else:
            SetReplica.on_message(self, source, message)

def nap(run):
    run.at(60, run.pause, "n3").at(400, run.resume, "n3")

home = {"c1": [("add", None, "milk")] + [("read",)] * 60, "c2": [("read",)] * 8 + [("remove", None, "milk")]}
for replica in (Union, SetReplica):
    run = simulate(replica, client=Caller, workload=home, script=nap)
    print(replica.__name__, [op for op in run.history if op.client == "c1"][-1].result)

# %% [markdown]
# Union keeps all three laws, and its replicas agree: they agree on milk that was removed.
# The laws make replicas equal. They do not make them right.
#
# ## 3. A map, and wrong clocks
# Sometimes the last writer *should* win: a phone number, the volume of a loudspeaker.
# A map with your stamped values (exercise 6.1) for each key merges key by key, so writes to different keys never touch.
#
# In part A a slow clock let a newer write lose to the older one that it had *read*. That part of the damage can be mended.
# A replica that writes over a stamp may simply take a later one, even if its clock disagrees.
# This is the idea of hybrid logical clocks (Kulkarni and others, 2014): the clock, but never behind what one has seen.

# %% run
show_source(LastWriterMap)

# %% predict
predict("6.7", "milk has the time 500. The clock here says 20. Which time does a write over it get?",
        options=["20", "500", "501"])

# %% [markdown]
# ### Exercise 6.7: later than what it replaces

# %% exercise=6.7
@exercise("6.7", into=LastWriterMap)            # about 5 lines
def put(self, key: str, value: Value, now_ms: int, writer: NodeId) -> LastWriterMap:
    """This map after `writer`, whose clock shows `now_ms`, has put `value` under `key`.

    The new entry is Stamped(time, writer, value). Its time is `now_ms`, or, if the entry that it
    replaces has an equal or later time, one more than that. Entries of other keys stay as they
    are, and do not count. A value of None is a deletion and is kept like any other, or an old copy
    of the entry would win again. The entries of the result are sorted by key.
    """
    # STUB: the time first; then a dict, and sorted pairs again
    # BEGIN SOLUTION
    entries = dict(self.entries)
    time_ms = max(now_ms, entries[key].time_ms + 1) if key in entries else now_ms
    entries[key] = Stamped(time_ms, writer, value)
    return LastWriterMap(tuple(sorted(entries.items(), key=lambda entry: entry[0])))
    # END SOLUTION

# %% check=6.7
check("6.7")

# %% hints=6.7
# - Which times must the new one beat: all in the map, or one?
# - `dict(self.entries)` makes it easy to look up and to replace; the time is the higher one of `now_ms` and the old time plus one.
# - `time_ms = max(now_ms, entries[key].time_ms + 1) if key in entries else now_ms`; then set the entry, and sort by `entry[0]` (two stamps cannot be compared with <).

# %% [markdown]
# Two concurrent writes of one key still cost one of them. That is what the last writer's rule *means*, and no clock mends it.
#
# ## 4. A text
# Two people type into one document.
# Positions are no help: "insert at 5" is another place as soon as somebody else has typed at 2.
# So each character gets an **id** that never changes, and remembers *after which* character it was typed.
#
# A cell's id is a number higher than all that its replica knew, and the replica: (7, "n2").
# Deleted cells stay, unseen, since others may have typed after them.

# %% run
show_source(Text)

# %% [markdown]
# The cells make a tree: below each cell hang those that were typed right after it.
#
# ```
# START ── (1,n1) a ──┬── (3,n1) b
#                     └── (2,n1) c ── (4,n2) d
# ```
#
# The one with the higher number is newer; it was typed between `a` and whatever stood there.
# So this reads a b c d: first the newest child with everything below it, then the next.

# %% predict
predict("6.8", "n3 types e after a, with the id (5, n3). What does it read now?",
        options=["aebcd", "abecd", "abcde"])

# %% [markdown]
# ### Exercise 6.8: in which order?

# %% exercise=6.8
@exercise("6.8", into=Text)                     # about 6 lines
def order(self) -> tuple[CellId, ...]:
    """The ids of all cells that are not deleted, in the order in which they are read.

    Right after each cell (and after START) comes what was typed after it: of several cells with
    the same `after`, the one with the highest id comes first, with all that hangs below it, then
    the next. Ids compare as tuples. Deleted cells are left out, but what hangs below them is not.
    """
    # STUB: a walk through the tree from START, with a list of ids still to visit
    # BEGIN SOLUTION
    below: dict[CellId, list[CellId]] = {}
    for cell in self.cells:
        below.setdefault(cell.after, []).append(cell.id)
    found, waiting = [], [START]
    while waiting:
        id = waiting.pop()
        found.append(id)
        waiting += sorted(below.get(id, ()))  # the highest is at the end, so it is next
    return tuple(id for id in found if id != START and id not in self.deleted)
    # END SOLUTION

# %% check=6.8
check("6.8")

# %% hints=6.8
# - It is a walk through a tree: visit a cell, then all of its first child's tree, then the next child's. What is "first"?
# - Collect for each id the ids typed after it. Then a list works as a stack: take the last, visit it, put its children on, the highest at the end. (A function that calls itself does it as well.)
# - `waiting += sorted(below.get(id, ()))` after `id = waiting.pop()`; at the end leave out START and what is in `self.deleted`.

# %% [markdown]
# Three people type into one text, all at its beginning, while no replica reaches another.
# Look for words that were torn apart.

# %% run
words = {"c1": "milk", "c2": "bread", "c3": "tea"}
typed = {id: [("insert", n, letter) for n, letter in enumerate(word)] for id, word in words.items()}
typed = {id: [*calls, *[("read",)] * 80] for id, calls in typed.items()}
run = simulate(TextReplica, client=Caller, workload=typed, script=outage(1, 300))
for op in [op for op in run.history if op.f == "read"][::30]:
    print(f"{op.invoked_us / 1000:6.1f} ms  {op.client} reads {op.result!r}")

# %% [markdown]
# Nobody asked anybody, every letter is there, and the words are whole.
# Which word comes first was decided by ids; nobody would have a better reason.
#
# ### All together: the same, and right
# The next check plays your four types in storms, with copies, crashes, and clocks that jump backwards.
# Everybody reads at the end. All must read the same, and it must be what was confirmed.

# %% check=6.D
check("6.D")

# %% [markdown]
# ## 5. What each policy lost, with a set
# The conflict of part A, in a family's cart: each of six people adds two items during an outage, and removes one that was there before.
# First with the union of all tags, which is all that merging maps could do in part A; then with your set.

# %% chart
import pandas

old = [("add", None, f"old {n}") for n in range(1, 7)]
steps = {f"c{n}": [("add", None, f"new {n}a"), ("remove", None, f"old {n}"), ("add", None, f"new {n}b")] for n in range(1, 7)}
work = {id: [*(old if id == "c1" else []), *[("read",)] * 16, *calls, *[("read",)] * 60] for id, calls in steps.items()}
rows = []
for policy, replica in {"union of all tags": Union, "observed-remove set": SetReplica}.items():
    run = simulate(replica, client=Caller, workload=work, script=outage(150, 500))
    ok = [op for op in run.history if op.outcome == "ok"]
    end = set([op for op in ok if op.f == "read"][-1].result)
    lost = {op.value for op in ok if op.f == "add"} - {op.value for op in ok if op.f == "remove"} - end
    back = end & {op.value for op in ok if op.f == "remove"}
    rows += [{"policy": policy, "fate": fate, "count": len(which)} for fate, which in (("added, lost", lost), ("removed, back", back))]
print(pandas.DataFrame(rows).pivot(index="policy", columns="fate", values="count"))
loss_chart(rows, "Six people, an outage, one cart: what became of it?")

# %% [markdown]
# Nothing is lost, nothing comes back, and nothing is left for the application to resolve.
# The price: tags beside each element, a vector, and one fixed answer to "added here, removed there": the adding wins.
# If that answer is wrong for your application, this is the wrong type.

# %% [markdown]
# ## 6. On real processes
# Three replicas of a text, three people, each a process of its own.
# All cables are cut while everybody types a word; meanwhile n3 is killed with SIGKILL and comes back on its disk. Then the cables are mended.

# %% cluster recorded=text
lines = {"c1": "milk ", "c2": "bread ", "c3": "tea "}
typed = {id: [("insert", n, letter) for n, letter in enumerate(line)] for id, line in lines.items()}
typed = {id: [*[("read",)] * 4, *calls, *[("read",)] * 35] for id, calls in typed.items()}
cluster = start_cluster(TextReplica, nodes=3, client=Caller, workload=typed, gap_ms=60, delay_ms=(1, 4), recorded="text")
cluster.partition(["n1", "c1"], ["n2", "c2"], ["n3", "c3"])
begin_ms = cluster.now_ms
cluster.at(begin_ms + 700, cluster.crash, "n3").at(begin_ms + 1_000, cluster.restart, "n3").at(begin_ms + 1_300, cluster.heal)
await cluster.until(lambda: cluster.finished, timeout_s=60)
cluster.close()
for client in lines:
    print(client, [op.result for op in cluster.history if op.client == client and op.f == "read" and op.outcome == "ok"][-1:])

# %% [markdown]
# Three whole words, the same on all three, although nobody could reach anybody while they were typed, and one replica was dead for a while.
# What was confirmed was on its disk.

# %% [markdown]
# ## 7. What you know now
# A merge that is commutative, associative and idempotent makes replicas equal, whatever the network does with their messages.
# The art is in the state: what must be remembered so that the right answer can be computed? One entry for each replica; a tag for each adding; a stamp for each deletion; an id for each letter.
# What may be forgotten, and when, is the hard part, and this lab has left it out.
#
# | word | meaning |
# |---|---|
# | CRDT | a data type whose replicas can always be merged, and then agree |
# | state-based | replicas send whole states; merging must be idempotent |
# | tombstone | what is kept of something deleted, so that it stays deleted |
# | observed-remove | removing takes what one has seen, so a concurrent adding survives |
# | hybrid logical clock | a clock that never falls behind the stamps that it has seen |

# %% [markdown]
# ### Questions
# 1. Which law does "add the other one's total" break, and which does "keep mine" break?
# 2. Why must a replica of a counter not lose its disk?
# 3. Two people add milk at the same time, and a third one, who has seen only one of the two, removes it. Is there milk?
# 4. Text cells are never forgotten. What would replicas have to know before they may forget one?
#
# <details><summary>Answers</summary>
#
# 1. Adding is not idempotent: a copy counts twice. "Keep mine" is not commutative: each replica keeps another one.
# 2. It would begin its own entry at 0 again, and everything that it counts below its old entry would be swallowed by "the higher one".
# 3. Yes: the tag that the third had not seen survives.
# 4. That every replica has seen the deletion, and that nothing typed after the cell is still on its way. That needs all replicas to be reachable: the very thing that CRDTs did not need so far.
#
# </details>

# %% [markdown]
# ### In production
# Riak has counters, sets and maps of this kind; Redis Enterprise merges regions by them. Apple's Notes and Figma's documents use relatives.
# Yjs and Automerge are sequences like yours with much work put into size: runs of letters share one cell, and a long text costs a few bytes a letter.
# Whoever needs "never below zero" or "only one of us" cannot have it from a CRDT: that takes agreement, which is part 3 of the course.

# %% [markdown]
# ### Going further
# - 15 min: a set in which removing wins. What changes in `merge`, and what can nobody do any more?
# - 1 h: send only what has changed (delta-CRDTs; Almeida and others, 2018). How small are the messages of `Replicated` then?
# - An evening: let two people type a word each, *backwards*, letter before letter, in one place. Say why they interleave, and read Weidner and Kleppmann, *The Art of the Fugue* (2023).

# %% [markdown]
# Reading: Shapiro, Preguiça, Baquero & Zawirski, *Conflict-free Replicated Data Types* (2011), sections 1 to 3; Bieniusa and others, *An Optimized Conflict-free Replicated Set* (2012), 8 pages, for the set without tombstones; Roh and others, *Replicated Abstract Data Types: Building Blocks for Collaborative Applications* (2011), section 4, for the sequence.
#
# Your replicas still send everything to everybody, again and again. Part C sends only what differs.
