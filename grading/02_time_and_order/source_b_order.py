# %% part=order

# %% [markdown]
# # Lab 02: Order
# > "Thank you!" Thank you for what? A message that comes too early is as good as a wrong one.
#
# | | |
# |---|---|
# | Time | about 100 min (35 reading, 45 code, 20 thinking) |
# | You need | the notebook on clocks, or an idea of "happened before" and of vectors |
# | You will be able to | hold a message back until it may be read, and no longer; say what a common order costs, and whom it waits for; photograph a system that does not stand still |
# | Read first | nothing; afterwards Chandy & Lamport 1985, sections 1 to 3 (6 pages) |

# %% setup
from labkit import check, exercise, hint, predict, replay, show_source, simulate, spacetime, start_cluster
from given import *

# %% [markdown]
# ## 1. Thank you for what?
# A house has a forum, a copy of it on each tenant's machine.
# Whoever writes sends the post to all the others, and everybody reads posts as they come.
# n1 writes "The boiler is leaking." and later "It is fixed."; n2 reads both and writes "Thank you!".
# From 30 ms on, the cable from n1 to n3 is slow.

# %% predict
predict("2.5", "What does n3 read?",
        options=["leaking, fixed, thank you", "leaking, thank you, fixed", "thank you, leaking, fixed"])

# %% run
class House(NaiveForum):
    story = BOILER

run = simulate(House, delay_ms=(4, 6), script=slow_stairs)
print(*(f"{id} reads: {' '.join(run.observe(id)['feed'])}" for id in run.system.node_ids), sep="\n")
spacetime(run, title="Thank you for what?")

# %% [markdown]
# For n3 somebody is grateful for a leaking boiler.
# No message was lost, and each channel kept its order; still, an answer came before what it answers.
#
# "It is fixed." happened before "Thank you!": its author had read it when it wrote.
# **Causal order** asks that nobody reads a post before those that happened before it.
# Posts that are concurrent may be read in any order, and by different people in different orders.
# The idea and the algorithm are of Birman, Schiper and Stephenson (1991).

# %% [markdown]
# ## 2. What must have been read before
# Each post carries a vector, `clock`, and this time the places count *posts* instead of events: how many of each member's posts the author had read when it wrote, this one included.
# Each reader counts as well: `self.count` has how many posts of each member it has read so far.
#
# The first forum that we build is forgetful: what may be read at once is read, and all else is lost.

# %% run
show_source(ForgetfulForum)

# %% [markdown]
# ### Exercise 2.5: may it be read now?

# %% exercise=2.5
@exercise("2.5", into=ForgetfulForum)           # about 4 lines
def may_deliver(self, post: Post) -> bool:
    """May `post` be read now, after what has been read so far, `self.count`?

    It may if it is its author's next: in the author's place, `post.clock` is one more than
    `self.count`. And if its author had read nothing that is missing here: in every other
    place, `post.clock` is at most `self.count`. Places are in the order of `self.members`.
    Nothing changes by asking.
    """
    # STUB: one rule for the author's place, another for the others
    # BEGIN SOLUTION
    author = self.members.index(post.author)
    others = [place for place in range(len(self.members)) if place != author]
    is_next = post.clock[author] == self.count[author] + 1
    return is_next and all(post.clock[place] <= self.count[place] for place in others)
    # END SOLUTION

# %% check=2.5
check("2.5")

# %% hints=2.5
# - Go through the places one by one; which of them is special?
# - `self.members.index(post.author)` is the author's place. There the post must be the next one; everywhere else the reader must know at least as much as the author did.
# - `post.clock[author] == self.count[author] + 1` and, for all other places, `post.clock[place] <= self.count[place]`. Not `==`: the reader may know more.

# %% [markdown]
# ### Exercise 2.6: hold it back
# A post that comes too early must wait in a **hold-back queue**.
# Each post that is read may be the one that another has been waiting for, and that one again.

# %% exercise=2.6
@exercise("2.6", into=CausalForum)              # about 8 lines
def on_post(self, post: Post) -> None:
    """`post` has arrived: read now all that may be read, and hold the rest in `self.held`.

    Read a post with `self.deliver(post)`; `self.may_deliver(post)` says whether it may be
    read. When this method returns, no post in `self.held`, a list, may be read, and each waits
    there once: not one that has been read. A copy of a post that was read, or that is waiting,
    changes nothing.
    """
    # STUB: hold it, then read whatever may be read, again and again
    # BEGIN SOLUTION
    author = self.members.index(post.author)
    if post.clock[author] <= self.count[author] or post in self.held:
        return  # a copy
    self.held.append(post)
    while ready := [one for one in self.held if self.may_deliver(one)]:
        self.held.remove(ready[0])
        self.deliver(ready[0])
    # END SOLUTION

# %% check=2.6
check("2.6")

# %% hints=2.6
# - Put every new post into the queue first, even one that may be read at once. Then there is one loop, and no special case. And what is not new?
# - Go on for as long as something in the queue may be read; a single pass is not enough, since the first post that you pass may wait for the last.
# - `while ready := [one for one in self.held if self.may_deliver(one)]:` take `ready[0]` out of `self.held` and deliver it. Before that, return if the post is in `self.held`, or if its own number, `post.clock[author]`, is not higher than `self.count[author]`.

# %% [markdown]
# The house once more, on your forum.

# %% run
class CausalHouse(CausalForum):
    story = BOILER

run = simulate(CausalHouse, delay_ms=(4, 6), script=slow_stairs)
print(*(f"{id} reads: {' '.join(run.observe(id)['feed'])}" for id in run.system.node_ids), sep="\n")

# %% [markdown]
# ### Break it
# Most people's first idea is to number the posts of each author, as TCP numbers bytes, and to leave it at that.
# The class below is yours with half of your rule: only the author's own place counts.

# %% predict
predict("2.5", "Posts of one author are in order. Is that enough for n3?",
        options=["yes", "no", "only if cables are equally fast"])

# %% run
class AuthorByAuthor(CausalHouse):
    def may_deliver(self, post):
        author = self.members.index(post.author)
        return post.clock[author] == self.count[author] + 1

run = simulate(AuthorByAuthor, delay_ms=(4, 6), script=slow_stairs)
print("n3 reads:", *run.observe("n3")["feed"])

# %% [markdown]
# The order of each author's posts is called **FIFO order**, and it was never in danger here.
# What n3 lacks is the order *between* authors, which nobody but the vector knows.

# %% [markdown]
# ## 3. One order for all
# Causal order leaves concurrent posts free: n1 may read a before b, and n2 b before a.
# For a forum that is fine.
# For a bank account with "add 10 %" and "take 50" it is not: copies that apply the two in different orders differ for ever.
# **Total order** asks that all members read all posts in the same order.
#
# Lamport's paper has an order that all agree on already: (time, author).
# The difficulty is to know when the smallest that one has seen is the smallest that there *is*: something earlier might still be under way.
#
# So every member acknowledges every request, to all, with its own time.
# Channels are FIFO here, and clocks only grow; hence whoever was heard with time 8 will never again be heard with a time of 8 or less.

# %% run
show_source(TotalForum)

# %% predict
predict("2.7", "The smallest request has time 5. The last that n2 heard of n1 is time 5, of n3 time 3. May it read?",
        options=["yes", "no", "yes, if n1 wrote it"])

# %% [markdown]
# ### Exercise 2.7: when is the head stable?

# %% exercise=2.7
@exercise("2.7", into=TotalForum)               # about 5 lines
def next_stable(self) -> Request | None:
    """The request in `self.queue` that may be read next, or None. It is taken out by the caller.

    Only the head may be read: the request with the smallest (time, author). It may when it is
    **stable**, that is when nothing smaller can come any more: every peer has been heard with
    a time of at least the head's. `self.heard` has the last such time of each peer. (An author
    is heard with its request.) The queue is in the order of arrival, and may be empty.
    """
    # STUB: find the head; then ask who was heard with which time
    # BEGIN SOLUTION
    if not self.queue:
        return None
    head = min(self.queue, key=lambda request: (request.time, request.author))
    is_stable = all(time >= head.time for time in self.heard.values())
    return head if is_stable else None
    # END SOLUTION

# %% check=2.7
check("2.7")

# %% hints=2.7
# - Two steps: which request is the head, and can anything smaller still come?
# - `min` with a `key` finds the head. From a peer that was heard with time t, all later messages have times above t.
# - `head = min(self.queue, key=lambda request: (request.time, request.author))`; it is stable if `all(time >= head.time for time in self.heard.values())`. Return it then, and None otherwise, or if the queue is empty.

# %% [markdown]
# ### All together: both orders
# The check plays both forums in hundreds of orders, with posts that come twice, and others that come a third of a second late.
# It knows what each author had read when it wrote, and looks at nothing but what members read.

# %% check=2.O
check("2.O")

# %% [markdown]
# ## 4. Somebody dies
# Four members on real processes, fifteen posts each within three seconds.
# After a second and a half n4 is killed, and stays dead.

# %% predict
predict("2.7", "Which of the two forums goes on without n4?",
        options=["both", "causal", "total", "neither"])

# %% cluster recorded=total_killed
total_one = start_cluster(LongTotalForum, nodes=4, delay_ms=(2, 10), recorded="total_killed")
total_one.at(total_one.now_ms + 1_500, total_one.crash, "n4")
await total_one.run(total_one.now_ms + 3_500)
total_one.close()
print(*(f"{id} has read {len(total_one.observe(id)['feed'])} posts" for id in ("n1", "n2", "n3")), sep="\n")

# %% cluster recorded=causal_killed
causal_one = start_cluster(LongCausalForum, nodes=4, delay_ms=(2, 10), recorded="causal_killed")
causal_one.at(causal_one.now_ms + 1_500, causal_one.crash, "n4")
await causal_one.run(causal_one.now_ms + 3_500)
causal_one.close()
print(*(f"{id} has read {len(causal_one.observe(id)['feed'])} posts" for id in ("n1", "n2", "n3")), sep="\n")

# %% [markdown]
# The three that live wrote 45 posts, and what n4 wrote before it died comes on top.
# In the causal forum they read them all.
# In the total one nothing has been read since: each head waits for a word of n4, which never comes.
#
# A common order by Lamport's clocks is safe whatever happens, and stops when anybody stops.
# To go on without the dead, the living must agree on who is dead, and that is a different kind of problem: consensus, from lab 08 on.

# %% [markdown]
# ## 5. Count the money
# Now something that is not about messages at all.
# Three branches of a bank pay each other, and have 300 between them at all times.
# The auditor would like to see that.
# Since nobody can stop a bank, n1 asks all branches what they have, and adds it up.

# %% predict
predict("2.8", "Branches have 300. Which sums will five such audits find?",
        options=["300 each time", "300 or less", "less or more"])

# %% run
for seed in range(13, 18):
    run = simulate(NaiveBank, seed=seed, delay_ms=(1, 20))
    counted = dict(run.observe("n1")["counted"])
    print(sum(counted.values()), counted)

# %% [markdown]
# Money that is under way is in no balance, so it is missing.
# And an amount that was counted at one branch may be paid to another that is counted later, so it is there twice.
#
# A **snapshot** is a moment for each branch, not the same by the sun, such that no effect is in it without its cause: if a receipt is before its branch's moment, the sending is before the sender's.
# Such a set of moments is called a **consistent cut**.
# What was sent before one moment and taken after the other is on the channel, and belongs to the picture.
#
# Chandy and Lamport (1985) do it with one extra message on each channel, the **marker**.
# Channels are FIFO; so a marker divides what its sender told before its moment from what it told after.

# %% run
show_source(Bank)

# %% [markdown]
# ### Exercise 2.8: begin

# %% exercise=2.8
@exercise("2.8", into=Bank)                     # about 4 lines
def begin_snapshot(self) -> None:
    """This is the branch's moment: record the balance, and tell every peer with a Marker.

    `self.recorded` becomes the balance. `self.open`, a set, gets all peers: from now on their
    channels are recorded; and `self.channels` an empty list for each peer. The markers go out
    with `self.tell_all`, so that each is taken in order among the transfers, one to each peer.
    """
    # STUB: self.recorded, self.open, self.channels, markers
    # BEGIN SOLUTION
    self.recorded = self.balance
    self.open = set(self.peers)
    self.channels = {peer: [] for peer in self.peers}
    self.tell_all(Marker())
    # END SOLUTION

# %% check=2.8
check("2.8")

# %% hints=2.8
# - Three attributes are set and one message is told; nothing is decided.
# - Every peer starts open, with an empty list of its own.
# - `self.recorded = self.balance`, `self.open = set(self.peers)`, `self.channels = {peer: [] for peer in self.peers}`, `self.tell_all(Marker())`.

# %% [markdown]
# ### Exercise 2.9: a marker comes
# Whatever its sender tells from here on belongs to the time after the sender's moment.
# So our own moment must not be later than now.

# %% exercise=2.9
@exercise("2.9", into=Bank)                     # about 3 lines
def on_marker(self, source: NodeId) -> None:
    """The marker of `source` has come: begin, if this branch has not; the channel is recorded.

    If nothing is recorded here yet (`self.recorded` is None), the snapshot begins now. In every
    case the recording of the channel from `source` ends: it leaves `self.open`. A branch
    begins once; a later marker changes nothing else, and sends nothing.
    """
    # STUB: two steps, the first one under a condition
    # BEGIN SOLUTION
    if self.recorded is None:
        self.begin_snapshot()
    self.open.discard(source)
    # END SOLUTION

# %% check=2.9
check("2.9")

# %% hints=2.9
# - Is this the first marker that this branch gets, and has it begun by itself?
# - `self.recorded is None` says that it has not begun. A balance of 0 is something else than None.
# - `if self.recorded is None: self.begin_snapshot()`, and then, in both cases, `self.open.discard(source)`.

# %% [markdown]
# ### Exercise 2.10: what was under way

# %% exercise=2.10
@exercise("2.10", into=Bank)                    # about 2 lines
def note_transfer(self, source: NodeId, amount: int) -> None:
    """A transfer of `amount` was taken from `source`; if it was under way, note it.

    It was under way if the channel from `source` is being recorded: append the amount to
    `self.channels[source]`. Otherwise there is nothing to do; the balance has it already.
    """
    # STUB: is the channel open?
    # BEGIN SOLUTION
    if source in self.open:
        self.channels[source].append(amount)
    # END SOLUTION

# %% check=2.10
check("2.10")

# %% hints=2.10
# - When does a transfer count as under way? Between which two moments on this branch's line?
# - Between the record here and the marker of that channel: exactly while the peer is in `self.open`.
# - `if source in self.open: self.channels[source].append(amount)`.

# %% [markdown]
# ### All together: the snapshot
# The next check follows every transfer and every marker through a run, works out what belongs before which moment, and compares it with what your branches recorded.

# %% check=2.S
check("2.S")

# %% [markdown]
# ### The audit
# The bank of seed 15, in which the naive audit found 352, on your snapshot: what was at each branch at its moment, and what was on each channel.

# %% run
import pandas

run = simulate(Bank, seed=15, delay_ms=(1, 20))
print("in all:", total(run))
pandas.DataFrame(money(run))

# %% [markdown]
# Find the two branches' moments below, from which markers go out, and the transfers that cross from one side to the other.
# No branch ever stopped, and perhaps the bank was never in the state that you see in the table.
# But it *could* have been: what happened can be put into another order, the same for every branch, in which it was.

# %% run
spacetime(run, title="Two branches begin, and it is one snapshot")

# %% [markdown]
# ## 6. Measure
# What does a common order cost, when one member is slow?
# Four members; everything to and from n4 takes longer and longer.
# The chart shows how long a post of n1, n2 or n3 needs until these three have read it.
# The printed line has the messages for each post.

# %% chart
from labkit.figures import charts

def waits(run):
    """For each post of n1 to n3: ms from its writing until each of n1 to n3 has read it."""
    near = ("n1", "n2", "n3")
    wrote = {e.data: e.time_us for e in run.trace.of_kind("timer") if e.node in near}
    shown = {(e.node, e.data[1]): e.time_us for e in run.trace.of_kind("fact")}
    return [(at - wrote[text]) / 1000 for (id, text), at in shown.items() if id in near and text in wrote]

rows, sent = [], []
for slow_ms in (2, 25, 50, 100, 200):
    for order, forum in (("causal", CausalForum), ("total", TotalForum)):
        for seed in range(5):
            slow = lambda run: run.slow("n4", (slow_ms, slow_ms))
            run = simulate(forum, nodes=4, seed=seed, delay_ms=(2, 10), script=slow)
            times = sorted(waits(run)) or [0]
            rows.append({"slow_ms": slow_ms, "order": order, "median_ms": times[len(times) // 2]})
            sent.append({"order": order, "messages": len(run.trace.of_kind("send")) / 12})
print(pandas.DataFrame(sent).groupby("order").messages.mean().round(1).to_dict(), "messages for each post")
charts.sweep(rows, "slow_ms", "median_ms", by="order", title="Whom does an order wait for?")

# %% [markdown]
# The causal forum does not care: its three near members wait for nobody who is not a cause.
# In the total one every post waits for the slowest member of all, although that one has nothing to say.
# And each post costs a message from everybody to everybody.

# %% [markdown]
# ## 7. What you know now
# Causal order holds a post back until its causes have been read; it costs a vector, and waits only for what is missing.
# Total order by clocks makes all members read alike; it costs n times the messages, and waits for every member.
# A snapshot needs neither: one marker on each channel cuts the past from the future, and the money is all there.
#
# | word | meaning |
# |---|---|
# | FIFO order | posts of one author in their order |
# | causal order | no post before what happened before it |
# | total order | the same order for all members |
# | hold-back queue | what has arrived and may not be read yet |
# | stable | nothing smaller can come any more |
# | consistent cut | a moment for each node, no effect without its cause |
# | marker | divides a channel into before and after its sender's moment |

# %% [markdown]
# ### Questions
# 1. A post is lost for ever. What becomes of the causal forum, and what of later posts?
# 2. Does total order imply causal order? Does ours?
# 3. Why do the acknowledgements go to all, and not only to the author?
# 4. Where does the snapshot use that channels are FIFO? Say what goes wrong with a marker that overtakes a transfer.
# 5. Two branches begin at once. Why is it one snapshot, and not two halves?
#
# <details><summary>Answers</summary>
#
# 1. It is waited for; all that depends on it, directly or not, is held for ever. That is why real ones ask again for what is missing.
# 2. No: all members could read in the same order, effects first. Ours does, since (time, author) keeps the clock condition.
# 3. Each reader must know by itself that nothing smaller can come from any member, not only the author.
# 4. A transfer that was sent before the marker and comes after it is taken for the future: its sender has it no more, its channel was closed without it, and it is missing.
# 5. Each branch has one moment, its own decision or the first marker, whichever is earlier; on each channel exactly one marker goes. The proof does not ask who began.
#
# </details>
#
# ### In production
# Kafka, etcd and every replicated log have a total order, by a leader who numbers; when it dies, another must be agreed on (lab 09).
# Causal order is what MongoDB's sessions promise and what the COPS and Cure stores were built for; editors of shared documents rely on it.
# Apache Flink saves its state by Chandy and Lamport's markers, called barriers there, many times a minute, without stopping the stream.
#
# ### Going further
# - 15 min: let a member of the total forum leave out its acknowledgement when a request of its own has just gone out with a later time. Why is that enough?
# - 1 h: let the bank take a second snapshot. What must a marker carry?
# - An evening: keep the total forum alive when a member dies, with a list of members that changes. Where do you need agreement, and on what? (Birman and Joseph, *Exploiting Virtual Synchrony*, 1987.)
#
# Reading: Birman, Schiper & Stephenson, *Lightweight Causal and Atomic Group Multicast* (1991), section 5, for the two rules of exercise 2.5; Lamport, *Time, Clocks, and the Ordering of Events* (1978), the part on mutual exclusion, for exercise 2.7; Chandy & Lamport, *Distributed Snapshots* (1985), for a proof that fits on a page.
#
# All this assumed that what is sent arrives, some day. In lab 03 nobody is sure who is still there, and news travels by gossip.
