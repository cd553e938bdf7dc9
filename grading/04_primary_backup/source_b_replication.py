# %% part=replication

# %% [markdown]
# # Lab 04: Primary and backup
# > n1 is not primary any more. Nobody has told n1.
#
# | | |
# |---|---|
# | Time | about 150 min (30 min reading, 90 min code, 30 min thinking) |
# | You need | the first notebook of this lab; lab 01 for at-most-once |
# | You will be able to | write a store that loses no confirmed write when one node dies; say what has to travel with the data; explain, on a history, why an old primary must ask before it answers even a read |
# | Read first | nothing; afterwards Scales & others 2010, sections 2 and 3 (6 pages) |

# %% setup
from labkit import check, check_linearizable, exercise, hint, history_figure, predict, replay, show_source, simulate, start_cluster, use_answers
from labkit.models import KeyValue
from given import *

use_answers("4.1", "4.2", "4.3", "4.4")

# %% [markdown]
# ## 1. The second coffee
# Ann orders a coffee. The primary writes it down, sends it to the backup, and dies before it can answer.
# Ann's program asks again; the backup is primary now, finds her order new, and writes it down once more.
# In lab 01 a table of answered requests prevented that, and it was on the disk of one node.
# Here the table has to be where the data is: on both nodes, changed by the same requests in the same order.
#
# That is the plan of this notebook. **Both stores execute the same requests in the same order**, and `execute` is the one place where anything changes.

# %% exercise=4.5
@exercise("4.5", into=Pair)                     # about 5 lines
def execute(self, request: Request) -> Reply:
    """Do what `request` asks for, unless it has been done; give back the reply to it.

    `self.answered` maps a session to the last Reply that was given to it. A request whose
    number is higher than that reply's is new: execute it by `apply(self.data, request)`, keep
    the Reply, and return it. The last request once more gets the same Reply as before, a get
    too. An older one changes nothing; nobody waits for what it returns, but it must be a Reply.
    No message is sent here, and a given method counts `executed`.
    """
    # STUB: self.answered.get(...), then compare numbers
    # BEGIN SOLUTION
    last = self.answered.get(request.session)
    if last is None or request.number > last.number:
        result = apply(self.data, request)
        self.answered[request.session] = Reply(request.session, request.number, result)
    return self.answered[request.session]
    # END SOLUTION

# %% check=4.5
check("4.5")

# %% hints=4.5
# - This is exercise 1.7 without the sending. What makes a request a new one?
# - Look up the last reply of the session; only if there is none, or its number is lower, anything happens.
# - `if last is None or request.number > last.number:` apply, and store a new `Reply(request.session, request.number, result)`; in every case `return self.answered[request.session]`.

# %% [markdown]
# ## 2. Before the answer
# A request has three stations: the primary *takes* it and gives it an index; the backup *executes* it; then the primary executes it too, and *answers*.
# While it is between the first and the last it is in `waiting`.
# If the primary dies on the way, an unanswered request may or may not survive, and an answered one has survived already.

# %% run
show_source(Pair)

# %% predict
predict("4.6", "The primary could execute a request at once, and hold back only the answer. What would go wrong?",
        options=["nothing", "another client's read may see what is lost later"])

# %% [markdown]
# ### Exercise 4.6: take it, and pass it on

# %% exercise=4.6
@exercise("4.6", into=Pair)                     # about 5 lines
def on_request(self, source: NodeId, request: Request) -> None:
    """`source` asks this node, which is primary: take `request`; execute it now only if alone.

    The index of a new request is one more than that of the last one taken: indexes go on from
    `self.executed` without a gap, through all that wait. Keep (source, request) in
    `self.waiting[index]`. With a backup (`self.view.backup`), `self.forward()` passes on all
    that waits; executing and answering come later. Without one, `self.settle(index)` executes
    and answers. A get is treated like everything else. Nobody else is asked or told.
    """
    # STUB: how many are executed, how many wait?
    # BEGIN SOLUTION
    index = self.executed + len(self.waiting) + 1
    self.waiting[index] = source, request
    if self.view.backup is None:
        self.settle(index)
    else:
        self.forward()
    # END SOLUTION

# %% check=4.6
check("4.6")

# %% hints=4.6
# - Which number comes after everything that is executed and everything that waits?
# - `self.executed + len(self.waiting) + 1`; the rest is one line to keep it and one branch.
# - Store `(source, request)` in `self.waiting[index]`, then `self.settle(index)` if `self.view.backup is None`, else `self.forward()`.

# %% [markdown]
# ### Exercise 4.7: the backup keeps in step
# Each Forward brings everything that waits at the primary, so most requests come more than once.
# Messages overtake each other, and come twice themselves. The index tells what is next.

# %% exercise=4.7
@exercise("4.7", into=Pair)                     # about 4 lines
def on_forward(self, source: NodeId, forward: Forward) -> None:
    """The primary `source` passes on requests: execute what is new, and say how far you are.

    The first of `forward.requests` has the index `forward.after + 1`, and so on. The next one
    to execute is the one after `self.executed`; `self.perform(index, request)` executes and
    counts. What has been executed already is not executed again, and what would leave a gap is
    not executed at all. Answer `source` by one ForwardReply(forward.view, self.executed), also
    when nothing was new, since the last reply may have been lost; after a gap you may answer or
    not. A client is never answered from here.
    """
    # STUB: enumerate(forward.requests, forward.after + 1)
    # BEGIN SOLUTION
    for index, request in enumerate(forward.requests, forward.after + 1):
        if index == self.executed + 1:
            self.perform(index, request)
    self.send(source, ForwardReply(forward.view, self.executed))
    # END SOLUTION

# %% check=4.7
check("4.7")

# %% hints=4.7
# - Only one index is welcome at any moment; what do you say to all others?
# - Number the requests with `enumerate`, and compare each index with `self.executed + 1`; the reply tells how far you are, whatever came.
# - `for index, request in enumerate(forward.requests, forward.after + 1):` and in it `if index == self.executed + 1: self.perform(index, request)`; after the loop `self.send(source, ForwardReply(forward.view, self.executed))`.

# %% [markdown]
# ### Exercise 4.8: now answer

# %% exercise=4.8
@exercise("4.8", into=Pair)                     # about 3 lines
def on_forward_reply(self, source: NodeId, reply: ForwardReply) -> None:
    """The backup has executed everything up to `reply.index`: so execute and answer that here, too.

    What waits under an index up to and including `reply.index` is settled
    (`self.settle(index)`), in the order of the indexes; nothing above it is. One reply may
    confirm several requests, and an old reply none.
    """
    # STUB: which indexes of self.waiting, in which order?
    # BEGIN SOLUTION
    for index in sorted(self.waiting):
        if index <= reply.index:
            self.settle(index)
    # END SOLUTION

# %% check=4.8
check("4.8")

# %% hints=4.8
# - One reply speaks for all indexes up to its own.
# - Go through a sorted copy of the keys of `self.waiting`, since `settle` removes what it settles.
# - `for index in sorted(self.waiting): if index <= reply.index: self.settle(index)`.

# %% [markdown]
# ## 3. Who comes back
# The pair works as long as both were there from the first request on.
# Now n2 crashes and comes back, in its second life, with empty memory.
# The view service gives it its seat again, and all indexes from now on are ahead of what it has.

# %% predict
predict("4.9", "n2 is back, and the primary passes request 8 on to it. What does the client see?",
        options=["its answer, a little later", "nothing, for ever", "a wrong answer"])

# %% run
coffee = {"ann": [*[("append", "ann", f"{n};") for n in range(1, 25)], ("get", "ann")]}

def back(run):
    run.at(300, run.crash, "n2").at(350, run.restart, "n2")

night = dict(client=StoreClient, workload=coffee, script=back, delay_ms=(2, 6))
run = simulate(Pair, nodes=members("Pair"), until_ms=2_000, **night)
history_figure(run, check_linearizable(run.history, KeyValue()))

# %% [markdown]
# The last bar has no end: n2 waits for request 1, and the primary has nothing but newer ones.
# (A backup that skipped the gap would be worse: it would confirm what it does not have.)
#
# So a view with a new backup begins with a **state transfer**: one message with everything, the table of replies included.
# Until the backup confirms it, the primary executes nothing, passes nothing on, and does not acknowledge the view.
# Both messages are given; *when* to send, and when a node has settled, is for you to say.

# %% run
show_source(RejoiningStore)

# %% [markdown]
# ### Exercise 4.9: enter a view

# %% exercise=4.9
@exercise("4.9", into=RejoiningStore)           # about 9 lines
def enter(self, view: View) -> None:
    """`view` is newer than `self.view`: take it as `self.view`, and play your part in it.

    - Not its primary: nothing waits here any more (`self.waiting` is empty), and the node has
      settled: `self.settled = view.number`.
    - Its primary, without a backup: it has settled, and what waits is executed and answered now,
      in the order of the indexes (`self.settle_all()`).
    - Its primary, with a backup: `self.send_state()`, and nothing else. What waits goes on
      waiting, and `self.settled` keeps its old value; when the backup confirms, `on_state_reply`
      (given) sets it and passes on what waits. `resend` (given) sends the State again if it is lost.
    `self.is_primary` tells whether this node, in this life, is primary of `self.view`.
    """
    # STUB: three cases; first take the view
    # BEGIN SOLUTION
    self.view = view
    if self.is_primary and view.backup is not None:
        self.send_state()
        return
    self.settled = view.number
    if self.is_primary:
        self.settle_all()
    else:
        self.waiting = {}
    # END SOLUTION

# %% check=4.9
check("4.9")

# %% hints=4.9
# - Three parts to play. In which of them is there something to wait for before the view is acknowledged?
# - Set `self.view` first, since `is_primary` looks at it. The primary with a backup only sends; the two others settle at once.
# - `if self.is_primary and view.backup is not None: self.send_state(); return`; after it `self.settled = view.number`, and then either `self.settle_all()` or `self.waiting = {}`.

# %% [markdown]
# The same night once more, with your state transfer. Look at n2 at the end: what does it have?

# %% run
run = simulate(RejoiningStore, nodes=members("RejoiningStore"), until_ms=2_000, **night)
for id in ("n1", "n2"):
    print(id, *dict(run.observe(id)["data"]).values())

# %% [markdown]
# ## 4. Nobody has told the old one
# Two stores, and the cable from the primary to the view service fails; no other does.
# After 200 ms of silence the backup becomes primary.
# The old primary lives, works, and knows nothing of it.
# Bob's program has noticed the change; Ann's talks to the old one and is content with its answers.

# %% predict
predict("4.10", "The old primary passes each request on, and waits for the confirmation. Is that enough?",
        options=["yes, the new one gets everything", "no, the new one counts requests of its own now"])

# %% run
def deaf(run):
    old = primary_of(run)
    run.partition([old, "ann"], ["vs"])
    run.cut("bob", old)

shop = {who: [("append" if n % 3 else "get", "list", f"{who} {n};" if n % 3 else None) for n in range(1, 40)] for who in ("ann", "bob")}
script = lambda run: run.at(150, deaf, run).at(800, run.heal)
split = dict(client=StoreClient, script=script, delay_ms=(6, 12), until_ms=700)
run = simulate(RejoiningStore, nodes=members("RejoiningStore"), workload=shop, **split)
history_figure(run, check_linearizable(run.history, KeyValue()))

# %% [markdown]
# From 350 ms on, both rows have short bars: two primaries acknowledge, and no order of all operations explains what both clients saw.
# The new primary takes what the old one passes on for copies, since its own requests have the same indexes, and confirms what it never executed.
# The cure is to let nothing pass between views: a message says in which view it was sent, and whoever is in another one does not answer.
# This is **fencing**, and the number that fences is also called an epoch.
#
# The old primary then waits for a confirmation that never comes, for reads too.
# It need not know that it is the old one: what it cannot do is enough.

# %% [markdown]
# ### Exercise 4.10: of this view, and for me

# %% exercise=4.10
@exercise("4.10", into=Store)                   # about 3 lines
def belongs(self, message: Forward | ForwardReply | State | StateReply) -> bool:
    """May this node listen to `message`, which comes from another store?

    Only if it was sent in the view in which this node is now: `message.view` is the number of
    `self.view`, neither lower nor higher. And only if it is for the seat that `self.me` has in it:
    Forward and State are for the backup, the two replies are for the primary. (A node in a new
    life is nobody's backup, though it has the old one's name.) Answers yes or no, changes nothing.
    """
    # STUB: which seat is the message for?
    # BEGIN SOLUTION
    seat = self.view.backup if isinstance(message, Forward | State) else self.view.primary
    return message.view == self.view.number and seat == self.me
    # END SOLUTION

# %% check=4.10
check("4.10")

# %% hints=4.10
# - Two conditions: the view's number, and your seat.
# - `isinstance(message, Forward | State)` tells which seat the message is for; `self.view.backup` and `self.view.primary` say who sits there.
# - `seat = self.view.backup if isinstance(message, Forward | State) else self.view.primary`, then `return message.view == self.view.number and seat == self.me`.

# %% [markdown]
# ### All together: one store out of many nodes
# The next check plays your stores and your view service through crashes in any place, restarts, cuts, partitions, loss and copies.
# After each run it looks at what the clients saw, and asks for one order that explains it.
# Then it asks what must not happen (an old primary answers) and what must (the shop opens again).

# %% check=4.P
check("4.P")

# %% [markdown]
# ## 5. The same cable, again

# %% run
run = simulate(Store, nodes=members("Store"), workload=shop, **split)
history_figure(run, check_linearizable(run.history, KeyValue()))

# %% [markdown]
# Ann's last bar has no end yet: her primary waits for a confirmation. When the cable is mended, her program will learn who is primary now, and ask there.
# If an exercise above is not written yet, the runs stop there, and there is little to see.
#
# ### Break it
# A trip to the backup for every read is expensive. The primary has the data, and reads change nothing.
# The class below is yours, with reads answered at once.

# %% predict
predict("4.10", "Writes are still fenced. What can go wrong with the reads of an old primary?",
        options=["nothing", "they are old", "they are from the future"])

# %% run
class Hasty(Store):
    def on_request(self, source, request):
        if request.f == "get" and self.settled == self.view.number:
            self.send(source, Reply(request.session, request.number, self.data.get(request.key)))
        else:
            Store.on_request(self, source, request)

look = {"ann": [("get", "list")] * 40, "bob": [("append", "list", f"{n};") for n in range(1, 20)]}
run = simulate(Hasty, nodes=members("Hasty"), workload=look, **split)
history_figure(run, check_linearizable(run.history, KeyValue()))

# %% [markdown]
# Bob's writes are confirmed by the new primary, and Ann still reads what was there before.
# Each of her answers was true once. A read that is confirmed by nobody is a guess about the present.
# (If clocks can be trusted to run at nearly the same speed, a lease makes such reads safe: lab 10.)

# %% [markdown]
# ## 6. On real processes
# A view service, three stores and two clients, each a process of its own.
# While they work, the primary is killed with SIGKILL; later it comes back, empty, and then the second primary is killed too.

# %% cluster recorded=failover
turns = {f"c{c}": [("append", "list", f"{c}.{n};") if n % 3 else ("get", "list") for n in range(1, 41)] for c in (1, 2)}
cluster = start_cluster(Store, nodes=members("Store", 3), client=StoreClient, workload=turns, gap_ms=40, delay_ms=(5, 15), recorded="failover")
killed = []

def kill_primary():
    killed.append(primary_of(cluster))
    cluster.crash(killed[-1])

begin_ms = cluster.now_ms
cluster.at(begin_ms + 700, kill_primary).at(begin_ms + 1_400, lambda: cluster.restart(killed[0]))
cluster.at(begin_ms + 2_600, kill_primary)
await cluster.until(lambda: cluster.finished, timeout_s=60)
view = cluster.observe("vs")["view"]
cluster.close()
print(view)
print(check_linearizable(cluster.history, KeyValue()))

# %% run
history_figure(cluster, check_linearizable(cluster.history, KeyValue()))

# %% [markdown]
# Each SIGKILL is a gap in which bars are long: 200 ms of silence until the service believes it, and a try of the client until it asks who is primary now.
# Nothing that was confirmed is missing at the end, although by then both first stores have died.

# %% [markdown]
# ## 7. Measure
# What does it cost to lose nothing? The cell does the same 150 appends on an asynchronous pair, on your store with a backup, and on your store alone.

# %% chart
work = {"c1": [("append", "list", f"{n};") for n in range(150)]}

def median_ms(node, nodes, client):
    run = simulate(node, nodes=nodes, client=client, workload=work, until_ms=20_000, delay_ms=(4, 8))
    frame = run.history.to_frame()
    return (frame.returned_ms - frame.invoked_ms).median()

print(f"asynchronous       {median_ms(AsyncStore, 2, FailoverClient):5.1f} ms")
print(f"primary and backup {median_ms(Store, members('Store'), StoreClient):5.1f} ms")
print(f"primary alone      {median_ms(Store, members('Store', 1), StoreClient):5.1f} ms")

# %% [markdown]
# Twice the trips, twice the time: the price is one round trip to the backup, and it is paid by every operation.
# That is why the two nodes of a synchronous pair stand in one city, and why the copy on the other continent is most often asynchronous.

# %% [markdown]
# ## 8. What you know now
# The primary answers what its backup has executed, so an answered request survives one crash.
# Data, replies and counter move together, and they change in one place, in one order.
# A view with a new backup begins with a state transfer, and is acknowledged after it.
# Messages of another view count for nothing, so an old primary can harm nobody, not even by a read.
#
# | word | meaning |
# |---|---|
# | synchronous | the answer waits for the copy |
# | state transfer | everything at once, for a backup that has nothing |
# | failover | the backup becomes primary |
# | fencing | keeping out whoever acts on an old view |
# | epoch | the number that fences; here, the view's |

# %% [markdown]
# ### Questions
# 1. The primary is alone (no backup) and cut off from the view service. May it go on answering?
# 2. An answered request survives one crash. What if primary and backup crash within 10 ms?
# 3. Why may the backup execute a request before the primary, but not the other way round?
# 4. Ann's append was executed by n2 and never answered, and n1 is dead. She asks again. Follow her request through the new primary.
# 5. What would happen if the primary acknowledged a view as soon as it hears of it?
#
# <details><summary>Answers</summary>
#
# 1. Yes. Without a backup, nobody else can become primary, so there is no other to contradict it.
# 2. Then it is gone, and the service stays with a dead primary: no answer is ever given from empty memory. Two copies stand one crash.
# 3. What the backup has executed survives, so everyone may see it. What only the primary has executed may still vanish, and a read must not have seen it.
# 4. n2 finds the same session and number in its table, and returns the reply that n1 never sent. The list has her entry once.
# 5. The primary dies in the middle of the transfer, and the service promotes a backup that has nothing.
#
# </details>
#
# ### In production
# DRBD mirrors a disk in this way, and calls its synchronous mode protocol C. PostgreSQL's `synchronous_commit = remote_apply` waits as your primary does.
# VMware's fault tolerance runs a whole virtual machine twice, and asks a shared disk who may go on: a view service of one atomic bit.
# HDFS fences an old name node by its epoch at the journal nodes, and, to be sure, by switching off its power.
#
# ### Going further
# - 15 min: answer a repeated request from the table at once, without asking the backup. Is that safe, for a get too?
# - 1 h: send only what the backup lacks, when it comes back in the same life. What must both remember?
# - An evening: a chain of three stores, where writes enter at the head and reads are answered by the tail (van Renesse & Schneider 2004). Say which messages you save, and who has to be fenced.
#
# Reading: Budhiraja, Marzullo, Schneider & Toueg, *The Primary-Backup Approach* (1993), for what a client may be promised and how long a failover must take; Scales, Nelson & Venkitachalam, *The Design of a Practical System for Fault-Tolerant Virtual Machines* (2010), sections 2 and 3; van Renesse & Schneider, *Chain Replication* (2004).
#
# The view service is one node, and if it is lost nobody becomes primary ever again. Lab 05 does without it by asking a majority each time; lab 09 makes a majority out of it.
