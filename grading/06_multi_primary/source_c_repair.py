# %% part=repair

# %% [markdown]
# # Lab 06: Two editors, and a million keys
# > Two replicas differ in three keys out of a million. How do they find out which, without sending a million?
#
# | | |
# |---|---|
# | Time | about 2 hours (35 min reading, 65 min code, 20 min thinking) |
# | You need | part B is of use, but not needed |
# | You will be able to | transform an edit so that it means the same after another one; prove it for all small cases; find differences by hashes of hashes, and say what that costs |
# | Read first | nothing; afterwards Ellis & Gibbs, *Concurrency Control in Groupware Systems* (1989), sections 3 and 4 (6 pages) |

# %% setup
from labkit import check, exercise, hint, predict, replay, show_source, simulate, spacetime, start_cluster
from given import *

# %% [markdown]
# ## 1. Two cursors
# Ana and Ben have the text `cat` on their screens.
# Ana types an `h` at position 1, to make `chat`. In the same moment Ben deletes at position 2, to make `ca`.
# Each sends the other the edit: *insert h at 1*, *delete at 2*.
#
# The editors below apply what comes, as it comes.

# %% predict
predict("6.9", "Ben's delete reaches Ana, whose screen says chat. What does she see?",
        options=["cha", "cht", "cat"])

# %% run
cat = [("insert", n, letter) for n, letter in enumerate("cat")]
work = {"c1": [*cat, *[("read",)] * 12, ("insert", 1, "h"), *[("read",)] * 20], "c2": [*[("read",)] * 15, ("delete", 2), *[("read",)] * 20]}

def last_texts(run):
    return {c: [op.result for op in run.history if op.client == c and op.f == "read"][-1:] for c in ("c1", "c2")}

alone = dict(nodes=2, client=Caller, workload=work, delay_ms=(5, 5))
last_texts(simulate(NaiveEditor, **alone))

# %% [markdown]
# Ben meant the t, and Ana lost her a.
# When Ben's edit was made, the t stood at 2. On Ana's screen it stands at 3.
#
# Part B would give each letter an id. There is an older way, from 1989, which most web editors were built on: keep plain positions, and **transform** an edit that arrives against those that its author did not know of.
# Ben's *delete at 2*, after *insert at 1*, is *delete at 3*.

# %% [markdown]
# ## 2. Transforming an edit
# Two edits a and b are made on the same text, at two places.
# One side applies a, and then b transformed against a. The other applies b, and then a transformed against b.
# That both texts are equal is property **TP1**:
#
# ```
#             a                   b transformed against a
#   text ──────────▶ text with a ─────────────────────────▶  the same
#        ──────────▶ text with b ─────────────────────────▶  the same
#             b                   a transformed against b
# ```

# %% run
show_source(Edit)

# %% predict
predict("6.9", "n1 inserts x at 3, n2 inserts y at 3. Which rule keeps TP1?",
        options=["the one that arrives goes right",
                 "the one that arrives goes left",
                 "the lower site goes left"])

# %% [markdown]
# ### Exercise 6.9: what does it mean now?

# %% exercise=6.9
@exercise("6.9", into=Edit)                     # about 8 lines
def transform(self, other: Edit) -> Edit | None:
    """This edit, made on the same text as `other`, as it must be once `other` has been applied.

    After an insert further left it moves one place right; after a delete further left, one place
    left (`self.moved(by)`). After edits further right it stays. In one place: a delete moves one
    right after an insert, since its character did; an insert stays after a delete; of two inserts
    that of the lower `site` stays and the other one moves right; of two deletes nothing is left
    to do, which is None.
    """
    # STUB: four cases: insert or delete, after an insert or a delete
    # BEGIN SOLUTION
    if other.kind is Kind.DELETE:
        if self.position == other.position and self.kind is Kind.DELETE:
            return None
        return self.moved(-1) if other.position < self.position else self
    if self.position == other.position and self.kind is Kind.INSERT:
        return self if self.site < other.site else self.moved(1)
    return self.moved(1) if other.position <= self.position else self
    # END SOLUTION

# %% check=6.9
check("6.9")

# %% hints=6.9
# - Write "abcd" on paper, and go through the four cases: insert or delete, after an insert or a delete. In each, what if the positions are equal?
# - Begin with `other.kind`. After a delete there is one special case (both deleted the same), after an insert there is one (both insert in one place).
# - After a delete: None if both are deletes in one place; else `self.moved(-1)` if `other.position < self.position`, else `self`. After an insert: for two inserts in one place compare sites; else `self.moved(1)` if `other.position <= self.position`, else `self`.

# %% [markdown]
# The same two people, with your `transform`:

# %% run
last_texts(simulate(Editor, **alone))

# %% [markdown]
# If the exercise is not written yet, there is nothing to see; otherwise both read `cha`: Ana's h is there, Ben's t is gone, and nobody lost an a.
#
# One edit each is the small case. The editors use your function for whole queues of edits that the other one had not seen yet; look at `receive` if you like.
# It is the scheme of Jupiter (1995), and the two sides may be a person and a server: that is how a thousand people can edit one text, each of them in a pair with the server.
#
# ### Break it
# Why must the tie between two inserts be broken by *site*? Below is your transform, but the edit that arrives always goes right.

# %% predict
predict("6.9", "Both insert at 0. What do they see?",
        options=["the same text", "xy and yx", "one letter is lost"])

# %% run
class PoliteEditor(Editor):
    def receive(self, edit):
        mine = self.pending[0] if self.pending else None
        if edit and mine and edit.kind is mine.kind is Kind.INSERT and edit.position == mine.position:
            self.text, self.seen = edit.moved(1).applied(self.text), self.seen + 1
        else:
            Editor.receive(self, edit)

tie = {"c1": [("insert", 0, "x"), *[("read",)] * 9], "c2": [("insert", 0, "y"), *[("read",)] * 9]}
for editor in (PoliteEditor, Editor):
    print(editor.__name__, last_texts(simulate(editor, nodes=2, client=Caller, workload=tie)))

# %% [markdown]
# "Mine first" is another order on each side: the very mistake that began this lab.
#
# With three editors and no server, TP1 is not enough.
# A second property, **TP2**, is needed, and of the first published functions that claimed it, most were found wrong years later, some of them by a theorem prover.
# That is why new systems take a sequence like that of part B, or a server.

# %% [markdown]
# ## 3. Who has what?
# Gossip of whole states, as in the stores of parts A and B, costs as much as there is data, again and again, even when nothing differs.
# With a million keys nobody does that.
#
# A **hash tree** (Merkle, 1987) says much in few bytes. Keys fall into 256 buckets, by a hash of the key, the same on all replicas.
# Each bucket is hashed: these are the leaves. Two neighbours are hashed together, and so on, until one **root** is left.
# Equal roots: everything is equal, and one message said so. Different roots: ask for the two below, and go down only where they differ.

# %% run
show_source(Shelf)

# %% predict
predict("6.10", "One key of a million has changed. How many of the 511 hashes are different?",
        options=["1", "9", "256", "511"])

# %% [markdown]
# ### Exercise 6.10: the tree

# %% exercise=6.10
@exercise("6.10", into=Shelf)                   # about 5 lines
def tree(self) -> Tree:
    """All hashes of this shelf, level by level: ``tree[0]`` has the root, ``tree[DEPTH]`` the 256 leaves.

    Leaf number b is the digest of the lines "key=version" of the items in bucket b, in order of
    their keys: `digest("apple=3", "tea=1")`; of an empty bucket it is `digest()`. On each level
    above, place p is the digest of the hashes at places 2p and 2p + 1 of the level below.
    `self.buckets()` and `digest` are given. The result is a tuple of DEPTH + 1 tuples.
    """
    # STUB: begin with the leaves; as long as there are two or more, hash them in pairs
    # BEGIN SOLUTION
    level = tuple(digest(*(f"{key}={version}" for key, version in items)) for items in self.buckets())
    levels = [level]
    while len(level) > 1:
        level = tuple(digest(*level[at : at + 2]) for at in range(0, len(level), 2))
        levels.insert(0, level)
    return tuple(levels)
    # END SOLUTION

# %% check=6.10
check("6.10")

# %% hints=6.10
# - From the bottom up: which 256 hashes come first, and how do 256 become 128?
# - One line for the leaves, from `self.buckets()`; then a loop that makes the next level of `digest(left, right)` and puts it in front.
# - `level = tuple(digest(*level[at : at + 2]) for at in range(0, len(level), 2))`, then `levels.insert(0, level)`, while `len(level) > 1`.

# %% [markdown]
# The buckets go by the *key's* hash, not by its rank. If they went by rank, one new key at the front would push all others into the next bucket, and every hash would be different.
#
# ## 4. Going down
# Two replicas play it like this.
# n1 sends its root: `Hashes(0, ((0, root),))`. n2 compares. If they differ, n2 sends *its* two hashes of level 1, n1 compares these, and so on.
# At the leaves, buckets that differ are sent as `Items`, and what the other has newer comes back.

# %% run
show_source(MerkleStore)

# %% predict
predict("6.11", "Three keys of a million differ, in three buckets. At most how many hashes travel?",
        options=["3", "about 50", "511", "a million"])

# %% [markdown]
# ### Exercise 6.11: only where they differ

# %% exercise=6.11
@exercise("6.11", into=MerkleStore)             # about 9 lines
def on_hashes(self, source: NodeId, message: Hashes) -> None:
    """Compare `source`'s hashes with those of this replica's own tree, and answer where they differ.

    If none differs, send nothing. Below the last level, send one Hashes for the next level: this
    replica's own hashes at both places (2p and 2p + 1) below each place p that differs, in order.
    On the last level (DEPTH), send one Items: the numbers of the buckets that differ, in order; all
    items that this replica has in them, sorted by key; and back=True.
    """
    # STUB: first the list of places that differ
    # BEGIN SOLUTION
    shelf, level = self.shelf(), message.level
    tree = shelf.tree()
    differ = tuple(place for place, hash in message.hashes if tree[level][place] != hash)
    if not differ:
        return
    if level == DEPTH:
        buckets = shelf.buckets()
        items = sorted(item for place in differ for item in buckets[place])
        self.send(source, Items(differ, tuple(items), True))
    else:
        below = [child for place in differ for child in (2 * place, 2 * place + 1)]
        self.send(source, Hashes(level + 1, tuple((child, tree[level + 1][child]) for child in below)))
    # END SOLUTION

# %% check=6.11
check("6.11")

# %% hints=6.11
# - One question first: at which places does `message.hashes` differ from this replica's own tree on that level? Then three answers: none, below, or the items.
# - `tree = self.shelf().tree()` once; `differ` is a list over `message.hashes`. For the level below, each place has two children.
# - `Hashes(level + 1, tuple((c, tree[level + 1][c]) for p in differ for c in (2 * p, 2 * p + 1)))`; on level DEPTH `Items(tuple(differ), tuple(sorted(...)), True)` with the items of `self.shelf().buckets()[p]`.

# %% [markdown]
# ### All together
# The next check plays two editors over links that lose, double and hold back, and stores that crash and are cut off.
# And it counts what the repairs have sent.

# %% check=6.M
check("6.M")

# %% [markdown]
# ## 5. Measure
# Two replicas with the same keys, cut off from each other while each takes two more writes; then a quarter of a second of repairs.
# How much do they send, by copying all and by hashes?

# %% chart
import altair, pandas
from labkit.figures import charts

def cost(store, keys):
    items = as_pairs({f"key {n}": 1 for n in range(keys)})
    work = {f"c{c}": [("load", None, items), ("put", f"key {c}", 2), ("put", f"new {c}", 1)] for c in (1, 2)}
    def cut(run):
        run.at(0, run.partition, ["n1", "c1"], ["n2", "c2"]).at(60, run.heal)
    return repair_cost(simulate(store, nodes=2, client=Caller, workload=work, script=cut, until_ms=300, delay_ms=(1, 4)))

stores = {"copy everything": CopyAllStore, "hash tree": MerkleStore}
rows = [{"keys": keys, "repair": name, **cost(store, keys)} for keys in (30, 100, 300, 1_000) for name, store in stores.items()]
frame = pandas.DataFrame(rows).assign(sent=lambda frame: frame.hashes + frame["items"])
print(frame.pivot(index="keys", columns="repair", values="sent"))
axes = dict(x=altair.X("keys", scale=altair.Scale(type="log")), y=altair.Y("sent", title="hashes and items sent", scale=altair.Scale(type="log")))
charts.enable().Chart(frame).mark_line(point=True).encode(**axes, color="repair", strokeDash="repair")

# %% [markdown]
# One line grows with the keys, the other one hardly at all: a few hashes a level, for each difference.
# (It does grow a little: with more keys there are more items in a bucket. With a million keys one would take more than 256 buckets.)
# For very few keys copying is cheaper, and simpler.

# %% [markdown]
# ## 6. On real processes
# Three stores, each a process of its own, with 200 keys. n3 is killed with SIGKILL while the others take writes, comes back with what it had on its disk, and is repaired.

# %% cluster recorded=repair
items = as_pairs({f"key {n}": 1 for n in range(200)})
work = {f"c{c}": [("load", None, items), *[("put", f"key {c}{n}", 2) for n in range(10)]] for c in (1, 2)}
cluster = start_cluster(MerkleStore, nodes=3, client=Caller, workload=work, gap_ms=60, delay_ms=(2, 8), recorded="repair")
begin_ms = cluster.now_ms
cluster.at(begin_ms + 250, cluster.crash, "n3").at(begin_ms + 1_000, cluster.restart, "n3")

def all_equal():
    views = [dict(cluster.observe(id).get("items", ())) for id in ("n1", "n2", "n3")]
    return views[0] == views[1] == views[2] and sum(views[0].values()) == 220

await cluster.until(lambda: cluster.finished and all_equal(), timeout_s=60)
print("equal:", all_equal())
cluster.close()
repair_cost(cluster)

# %% [markdown]
# Most of this was sent at the beginning, when n3 had nothing and nearly every bucket differed; later repairs sent what differed.
# The root is asked every 40 ms, so an idle pair sends one hash each time, and nothing else.

# %% [markdown]
# ## 7. What you know now
# An edit at a position means something only together with the text on which it was made. Transformation carries the meaning over; TP1 is its law, and all small cases can be tried.
# A hash of hashes says "all of this is equal" in sixteen characters. Going down where it differs finds d differences among n keys with about 2·d·log n hashes.
#
# | word | meaning |
# |---|---|
# | operational transformation | rewriting an edit so that it means the same after another one |
# | TP1 | two edits give one text, whoever goes first |
# | TP2 | transforming past two others gives the same, in whichever order they came |
# | anti-entropy | repairing differences between replicas in the background |
# | hash tree, Merkle tree | each node is the hash of the two below it |

# %% [markdown]
# ### Questions
# 1. Two people delete the same letter, and a third position rule would delete the next one, too. Which case of your `transform` prevents that?
# 2. Why does a server make TP2 unnecessary?
# 3. The tree compares versions. What happens with a key that one replica has *deleted* and forgotten?
# 4. A liar sends wrong hashes. What can he make a replica do, and what not?
#
# <details><summary>Answers</summary>
#
# 1. Two deletes in one place: nothing is left of the second.
# 2. Everybody is in a pair with the server, and the server puts all edits into one order. No edit is ever transformed past two others in two different orders.
# 3. The other one still has it, their hashes differ, and the repair brings it back. Deletions have to be kept as versions of their own, as in part B.
# 4. He can make it send items and do needless work, for ever. He cannot make two different shelves look equal without finding a collision of the hash.
#
# </details>

# %% [markdown]
# ### In production
# Google Docs transforms edits against a server's order; Google Wave tried to do it for everybody, and its engineers said that it took two years.
# Dynamo, Cassandra and Riak repair by hash trees. Git, BitTorrent and every ledger find or prove equality by hashes of hashes; lab 16 does it for payments.

# %% [markdown]
# ### Going further
# - 15 min: let `DEPTH` be 4 in your head. What happens to hashes and items in the chart?
# - 1 h: send two levels in one message. How much faster is a repair over a slow cable, and what does it cost?
# - An evening: three editors without a server. Find three edits on "abc" for which TP1 holds and the texts still differ (the dOPT puzzle).

# %% [markdown]
# Reading: Ellis & Gibbs, *Concurrency Control in Groupware Systems* (1989), sections 3 and 4, for the transformation; Nichols and others, *High-Latency, Low-Bandwidth Windowing in the Jupiter Collaboration System* (1995), section 5, for the queues of two sides; DeCandia and others, *Dynamo* (2007), section 4.7, for the trees.
#
# Three labs have built three kinds of store. In lab 07 they stand side by side while the network is cut, and you say which is which.
