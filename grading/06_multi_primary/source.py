# %% part=conflicts

# %% [markdown]
# # Lab 06: Conflicts
# > Ana puts milk into the family's cart, Ben puts bread into it, and the cable between them is cut. What is in the cart?
#
# | | |
# |---|---|
# | Time | about 7 hours in three parts; this part 2½ hours (40 min reading, 80 min code, 30 min thinking) |
# | You need | lab 05, or the words replica, confirmed, partition |
# | You will be able to | say what "last writer wins" loses, and show it in a run; tell from two version vectors who had read whom; say why one replica needs dots; merge what only the application can merge |
# | Read first | nothing; afterwards DeCandia and others, *Dynamo* (2007), sections 4.4 to 4.7 (5 pages) |

# %% setup
from labkit import check, exercise, hint, predict, replay, show_source, simulate, spacetime, start_cluster
from given import *

# %% [markdown]
# ## 1. Milk and bread
# The family shops at a store with three replicas.
# Ana's phone talks to n1, Ben's to n2.
# Each replica takes every write at once, confirms it, and tells the others afterwards; none of them is in charge.
# That is **multi-primary** replication. A cut cable stops nobody, and every write is answered after one short trip.
#
# Ana writes "milk" and Ben writes "bread", under one key and in the same moment.
# The store below keeps whatever came last.

# %% predict
predict("6.1", "Both writes are confirmed, and all messages arrive. What do n1 and n2 have?",
        options=["both milk", "both bread", "n1 bread, n2 milk"])

# %% run
ana_and_ben = {"c1": [("put", "cart", "milk")], "c2": [("put", "cart", "bread")]}
run = simulate(NaiveStore, client=Writer, workload=ana_and_ben, until_ms=35)
spacetime(run, title="c1 is Ana, c2 is Ben")

# %% run
held(run, "cart")

# %% [markdown]
# Follow the two arrows that cross between n1 and n2.
# "Last" means last *here*, and the two replicas hear the two writes in different orders.
# They have swapped values. Nothing was lost on the way, and still they will never agree.
#
# So two things are wanted, and they are different things.
# Replicas that have heard the same should hold the same, in whatever order they heard it; that is called **strong eventual consistency**.
# And what they hold should not have lost a write that somebody was promised.
# The first is easy, as you will see in two lines. The second takes the rest of this part.

# %% [markdown]
# ## 2. Last writer wins
# Give each write a stamp: the time on the clock of the replica that took it.
# Two stamped values are merged by keeping the later one.

# %% run
show_source(Stamped)

# %% [markdown]
# ### Exercise 6.1: the later one
# All replicas have to choose the same one of two, even when both clocks showed the same millisecond.

# %% exercise=6.1
@exercise("6.1", into=Stamped)                  # about 2 lines
def merge(self, other: Stamped) -> Stamped:
    """The later of two stamped values, as it is.

    The higher `time_ms` wins; of equal times, the higher `writer`, compared as text. The values
    themselves are never compared: one may be None. Equal stamps belong to one and the same write.
    """
    # STUB: compare time and writer together
    # BEGIN SOLUTION
    return max(self, other, key=lambda stamped: (stamped.time_ms, stamped.writer))
    # END SOLUTION

# %% check=6.1
check("6.1")

# %% hints=6.1
# - With equal times, "keep mine" is another value on each replica. What do both replicas know about the two writes?
# - Python compares tuples from the left: `(5, "n2") > (5, "n1") > (4, "n9")`.
# - `return max(self, other, key=lambda stamped: (stamped.time_ms, stamped.writer))`.

# %% [markdown]
# Now nobody swaps.
# Ana writes milk at 20 ms; Ben reads it, and half a second later he writes "milk and bread".
# The clock of his replica n2 is 500 ms slow, which is bad, and happens.

# %% predict
predict("6.1", "Ben's write came last, and was confirmed. What is in the cart?",
        options=["milk", "milk and bread", "the replicas differ"])

# %% run
def late(run):
    run.set_clock("n2", skew_ms=-500)

work = {"c1": [("put", "cart", "milk")], "c2": [("get", "cart")] * 25 + [("put", "cart", "milk and bread")]}
run = simulate(LastWriterStore, client=Writer, workload=work, script=late)
print(run.history.operations[-1])
held(run, "cart")

# %% [markdown]
# If an exercise above is not written yet, there is nothing to see.
# Otherwise: the write was answered, no message was lost, no node crashed, and the bread is gone.
# Nothing in the store will ever say so.
# And with perfect clocks? Then of two writes in the same moment one vanishes, every time; the clock only chooses which.

# %% [markdown]
# ## 3. Who had read whom?
# Whether a write may replace another is no question of time.
# If Ben had *read* the milk and then wrote, he knew what he replaced. If he had not, the two writes are **concurrent**, and neither may go.
#
# A **version vector** keeps exactly this: for each replica, how many of its writes somebody has read.
# A version **covers** another one if each of its counts is at least as high.
# Versions of which neither covers the other are **siblings**, and the store keeps both until somebody who has read both writes one.

# %% run
show_source(Version)

# %% run
show_source(Siblings)

# %% run
VersionVector((("n1", 2), ("n2", 1))).join(VersionVector((("n2", 3),)))

# %% [markdown]
# `join` is what one of two vectors knows: the higher count for each replica.

# %% predict
predict("6.2", "Which of these covers n1:2 n2:1?", options=["n1:3", "n1:2 n2:1 n3:1", "n1:1 n2:9"])

# %% [markdown]
# ### Exercise 6.2: which ones stay?

# %% exercise=6.2
@exercise("6.2", into=Siblings)                 # about 6 lines
def merge(self, other: Siblings) -> Siblings:
    """All versions of both, but those that a different one of them covers.

    One version covers another if its vector has, for every replica, at least as high a count;
    a replica that is not in a vector counts 0. Versions with equal vectors are the same version,
    and it stays. The result is a new Siblings with a frozenset of versions; `vector.of(replica)`
    and `vector.replicas()` are given.
    """
    # STUB: a helper inside the function says whether one version covers another
    # BEGIN SOLUTION
    def covers(new: Version, old: Version) -> bool:
        return new != old and all(new.vector.of(id) >= old.vector.of(id) for id in old.vector.replicas())

    both = self.versions | other.versions
    return Siblings(frozenset(old for old in both if not any(covers(new, old) for new in both)))
    # END SOLUTION

# %% check=6.2
check("6.2")

# %% hints=6.2
# - Take a pencil: which counts of n1:2 n2:1 and n1:1 n3:4 have to be compared, and what is missing in each?
# - `self.versions | other.versions` is the union, and it holds an equal version once. Keep those that no *other* one covers.
# - `new` covers `old` if `all(new.vector.of(id) >= old.vector.of(id) for id in old.vector.replicas())`; a version covers itself, so also ask `new != old`.

# %% [markdown]
# ## 4. Twice at one replica
# In your store a replica counts its own writes, and a writer says what it had read (its **context**).
# Ana (c1) and Carl (c4) are both near n1. Carl has looked at shoes; nobody has read the cart. Ana writes milk, then Carl writes tea.

# %% predict
predict("6.3", "n1 takes milk as n1:1. Then tea comes, whose writer has read nothing. Which vector does n1 give it?",
        options=["n1:1", "n1:2", "neither is right"])

# %% run
both_at_n1 = {"c1": [("put", "cart", "milk")], "c4": [("get", "shoes"), ("put", "cart", "tea")]}
run = simulate(VectorStore, client=Writer, workload=both_at_n1)
held(run, "cart")

# %% [markdown]
# With n1:1 there are two values under one vector, and nobody can tell them apart.
# With n1:2, which is what the store did, tea covers milk, though whoever wrote tea had never read milk. One is gone.
# The vector says two things at once: *which write this is*, and *what its writer had read*. Here they are not the same.
#
# A **dotted version vector** says them apart: the **dot** (n1, 2) names the write, the **past** is what its writer had read.
# A version goes when its dot is in the past of another one.

# %% run
show_source(Dotted)

# %% run
show_source(DottedSiblings)

# %% [markdown]
# ### Exercise 6.3: a write with a dot

# %% exercise=6.3
@exercise("6.3", into=DottedSiblings)           # about 4 lines
def put(self, replica: NodeId, context: VersionVector, value: Value, time_ms: int) -> DottedSiblings:
    """These siblings after a write that `replica` took from somebody who had read `context`.

    The new version's dot is the next of `replica`: one more than any number of this replica
    that is known here, in dots and in pasts (`self.context()` is given). Its past is `context`,
    no more and no less. Versions whose dot `context` knows are gone; all others stay.
    `time_ms` is of no use.
    """
    # STUB: which stay, which number is next, and what is the past?
    # BEGIN SOLUTION
    unread = {version for version in self.versions if not version.is_known_to(context)}
    number = self.context().of(replica) + 1
    return DottedSiblings(frozenset(unread | {Dotted(replica, number, context, value)}))
    # END SOLUTION

# %% check=6.3
check("6.3")

# %% hints=6.3
# - Three questions, one line each: which of the old versions stay, what is the number, what is the past?
# - `version.is_known_to(context)` answers the first. For the second, mind versions that are gone: their numbers are only in the pasts of others, and `self.context()` looks there, too.
# - `Dotted(replica, self.context().of(replica) + 1, context, value)` beside those versions that `context` does not know.

# %% [markdown]
# The same two writes, once more, on the store that uses your dots:

# %% run
run = simulate(Store, client=Writer, workload=both_at_n1)
held(run, "cart")

# %% [markdown]
# ## 5. What only the application knows
# Now nothing is lost, and everybody who reads may get two carts.
# The store cannot merge them, since it does not know what a cart is. You do.
#
# This was the point of Amazon's *Dynamo* (2007): the store keeps the siblings, and the application **resolves** them when it reads.
# Two applications, two rules. A cart maps items to how many. An account maps transactions to amounts, and its balance is their sum.

# %% predict
predict("6.4", "Two siblings of a cart: milk 2, and milk 3. How many should the cart have?",
        options=["2", "3", "5"])

# %% [markdown]
# Both siblings may come from one cart that had two already: then 5 would be wrong. Or from an empty one: then 3 is.
# From the results alone nobody can know. Taking the higher one loses no item, and may lose a bottle.
# An account keeps *what happened*, each under an id of its own, and there the question does not come up.

# %% run
show_source(Got)

# %% [markdown]
# ### Exercise 6.4: one cart, one account

# %% exercise=6.4
@exercise("6.4", into=Got)                      # about 7 lines
def resolved(self) -> Value:
    """One map in place of all siblings in `self.values`, as sorted pairs (`as_pairs`).

    Under a key that begins with "cart/": each item that some sibling has, with the highest count
    that it has in any of them. Under one that begins with "account/": each transaction that some
    sibling has, once; amounts may be negative, and an id has the same amount wherever it is.
    A sibling that is None was deleted and counts as empty; of no siblings comes ().
    """
    # STUB: go through all pairs of all siblings, and fill one dict
    # BEGIN SOLUTION
    whole: dict[str, int] = {}
    for value in self.values:
        for name, number in value or ():
            if self.key.startswith("cart/"):
                number = max(number, whole.get(name, 0))
            whole[name] = number
    return as_pairs(whole)
    # END SOLUTION

# %% check=6.4
check("6.4")

# %% hints=6.4
# - Both are unions. They differ only where a name is in two siblings: in one the higher number counts, in the other both numbers are the same.
# - One dict, two loops: over `self.values`, and over the pairs of each (`value or ()` for a deleted one).
# - In the inner loop: for a cart, `whole[name] = max(number, whole.get(name, 0))`; for an account, `whole[name] = number`. At the end `as_pairs(whole)`.

# %% [markdown]
# Two things this cannot do, and no merge can.
# An item that Ben *removed* comes back if Ana's sibling still has it: a map of counts cannot say "removed" (part B has a set that can).
# And two withdrawals that were fine apart may leave the account below zero together. Then the bank writes a letter; to prevent it, the replicas would have to ask each other *before* they confirm.
#
# ### All together: is anything lost?
# The next check plays your stores through partitions, crashes, lost and doubled messages, with several writers at one replica.
# After each run it compares what is there with what was confirmed, and with who had read what.

# %% check=6.C
check("6.C")

# %% [markdown]
# ### Break it
# It looks generous to let the replica fill in the past: surely the new write may replace all that *the replica* knows?
# The class below is yours with that one change. Two writers at n1 who have read nothing, and one at n2.

# %% predict
predict("6.3", "Which of milk, tea and bread survive?",
        options=["all three", "two of them", "one of them"])

# %% run
class Presumptuous(Store):
    def take(self, put):
        known = self.state(put.key).context()
        Store.take(self, Put(put.number, put.key, put.value, known))

three = {**both_at_n1, "c2": [("put", "cart", "bread")]}
for store in (Presumptuous, Store):
    print(store.__name__, held(simulate(store, client=Writer, workload=three), "cart")["n3"])

# %% [markdown]
# What a replica knows is not what the writer has read.
# The rule of part A in one sentence: **a write replaces what its writer had read, and nothing else.**

# %% [markdown]
# ## 6. What each policy lost
# One conflict, four policies.
# For half a second no replica reaches another. Six people, two at each replica, write one item each, and nobody has read what another one wrote.
# All of them get their answers.
# Afterwards we count the confirmed writes that are gone although nobody who had read them has overwritten them, and how many values are left for the application to resolve.

# %% chart
import pandas

people = {f"c{n}": [("put", "cart", f"item of c{n}")] for n in range(1, 7)}
policies = {"last writer wins": (LastWriterStore, ""), "last writer wins, n1's clock slow": (LastWriterStore, "n1"),
            "version vectors": (VectorStore, ""), "dotted version vectors": (Store, "")}
rows = []
for policy, (store, slow_clock) in policies.items():
    run = simulate(store, client=Writer, workload=people, script=outage(1, 500, slow_clock))
    here = {value for values in held(run, "cart").values() for value in values}
    lost = unread(run.history, "cart") - here
    rows += [{"policy": policy, "fate": "lost", "count": len(lost)}, {"policy": policy, "fate": "to resolve", "count": len(here)}]
print(pandas.DataFrame(rows).pivot(index="policy", columns="fate", values="count"))
loss_chart(rows, "Six confirmed writes in a partition: what became of them?")

# %% [markdown]
# Last writer wins leaves nothing to do, because it has thrown away five of six; the slow clock changes only which one is left.
# Version vectors lose one of two where two people share a replica: three. Dots lose none, and leave six carts to the application.
# What you do not want to lose you have to resolve: that work does not go away, it only moves.

# %% [markdown]
# ## 7. On real processes
# Three replicas and four writers, each a process of its own.
# While all of them write, n1 is cut off, and n2 is killed with SIGKILL and comes back on the disk that it left.

# %% cluster recorded=carts
turns = {f"c{c}": [step for n in range(8) for step in (("get", "cart"), ("put", "cart", f"c{c}.{n}"))] for c in (1, 2, 3, 4)}
cluster = start_cluster(Store, nodes=3, client=Writer, workload=turns, gap_ms=40, delay_ms=(2, 8), recorded="carts")
begin_ms = cluster.now_ms
cluster.at(begin_ms + 200, cluster.isolate, "n1").at(begin_ms + 500, cluster.crash, "n2")
cluster.at(begin_ms + 900, cluster.restart, "n2").at(begin_ms + 1_200, cluster.heal)
await cluster.until(lambda: cluster.finished and len(set(held(cluster, "cart").values())) == 1, timeout_s=60)
print(held(cluster, "cart"))
lost = unread(cluster.history, "cart") - set(held(cluster, "cart")["n3"])
cluster.close()
print(f"{len(cluster.history)} operations; confirmed, unread and gone: {sorted(lost) or 'none'}")

# %% [markdown]
# While n1 was cut off, its clients could not reach it either, and their operations ended as unknown.
# All three replicas have the same siblings in the end, and each of them is a write that nobody who had read it has overwritten.

# %% [markdown]
# ## 8. What you know now
# Replicas that take writes without asking each other are always available, and sometimes in conflict.
# Any merge that is commutative, associative and idempotent makes them agree. Agreeing is not the same as keeping.
# Last writer wins agrees, and loses a confirmed write in each conflict. Who had read whom is the question that loses nothing, and a dot for each write is what answers it.
#
# | word | meaning |
# |---|---|
# | multi-primary | every replica takes writes, and confirms them without asking |
# | concurrent | neither writer had read what the other wrote |
# | version vector | how many writes of each replica somebody has read |
# | context | what a writer had read, sent along with its write |
# | siblings | concurrent versions, kept side by side |
# | dot | the name of one write: a replica and a number |
# | strong eventual consistency | replicas that have heard the same hold the same |

# %% [markdown]
# ### Questions
# 1. With clocks that are never wrong, does last writer wins still lose confirmed writes?
# 2. Why may `merge` be applied twice with the same sibling, and why must it?
# 3. A client writes twice and never reads in between. What does your store keep?
# 4. Why is "add up the balances of both siblings" worse than "take the higher one", and why are both wrong?
#
# <details><summary>Answers</summary>
#
# 1. Yes: of two concurrent writes one is thrown away, and its writer has been told that all is well.
# 2. It may, since merging is idempotent; it must, because the network doubles messages and gossip repeats itself on purpose.
# 3. Both values, as siblings: its second write had not read its first. A client that wants otherwise must put its own last write into its context.
# 4. Most of both balances is the same money, so the sum is nearly twice too high, and more with each merge. The higher one forgets withdrawals. A balance is a result; only what happened can be merged.
#
# </details>

# %% [markdown]
# ### In production
# Cassandra keeps one stamped value for each cell: last writer wins, by clocks. Its operators watch clock skew as closely as disk space.
# Riak kept siblings with dotted version vectors from version 2.0 on, and called your `resolved` a merge function.
# Dynamo's version vectors were counted by servers; DynamoDB today has one leader for each key instead, and last writer wins between regions.
# CouchDB and Git keep siblings too, and in Git it is you who resolves.

# %% [markdown]
# ### Going further
# - 15 min: `outage` with clocks that are 500 ms fast at n3. Which write is left now?
# - 1 h: let `Writer` put its own last write into its context, so that question 3 has one answer. What must `PutDone` carry?
# - An evening: forget deleted keys after a while. Find the run in which one comes back, and say what the replicas would have to agree on.

# %% [markdown]
# Reading: DeCandia and others, *Dynamo: Amazon's Highly Available Key-value Store* (2007), section 4.4, for the carts; Preguiça, Baquero, Almeida and others, *Dotted Version Vectors: Logical Clocks for Optimistic Replication* (2010), sections 1 to 3, for the dots; Parker and others, *Detection of Mutual Inconsistency in Distributed Systems* (1983), for the first version vectors.
#
# Your carts still cannot forget an item. In part B the data type itself does the merging, so that nobody has to.
