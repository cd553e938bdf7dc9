# %% part=views

# %% [markdown]
# # Lab 04: The view service
# > n1 confirmed your order and then died. n2 has a copy of everything, except of your order.
#
# | | |
# |---|---|
# | Time | about 100 min (25 min reading, 55 min code, 20 min thinking) |
# | You need | lab 01: time-outs, retries, "unknown", and what must be on the disk before a reply leaves |
# | You will be able to | say how many confirmed writes a failover loses, before it happens; write the rules by which a view service changes primary and backup; explain why it waits for the primary's word |
# | Read first | nothing; afterwards Alsberg & Day 1976 (9 pages) |

# %% setup
from labkit import check, check_linearizable, exercise, hint, predict, replay, show_source, simulate, spacetime
from given import *

# %% [markdown]
# ## 1. A copy, a little later
# A bookshop takes orders on n1, which answers at once: a customer should not wait for a copy.
# Ten times a second n1 sends n2 what it has done since the last time.
# This is **asynchronous replication**, and it is what most databases do unless you tell them otherwise.
# If n1 dies, the customers' programs turn to n2 and go on there.
#
# `log` holds all writes; n2 has the first `confirmed` of them. The shipping is there, the serving is yours.

# %% run
show_source(AsyncStore)

# %% [markdown]
# ### Exercise 4.1: answer first, copy later

# %% exercise=4.1
@exercise("4.1", into=AsyncStore)               # about 4 lines
def on_request(self, source: NodeId, request: Request) -> None:
    """Execute `request`, answer `source` at once, and note a write for the next shipment.

    `apply(self.data, request)` executes and gives the result. The answer is one Reply with the
    request's session and number, and it waits for nobody. A write, which is everything but a
    "get", goes to the end of `self.log`; the timer "ship" (given) sends it, nothing else does.
    """
    # STUB: use apply, self.send and self.log
    # BEGIN SOLUTION
    result = apply(self.data, request)
    if request.f != "get":
        self.log.append(request)
    self.send(source, Reply(request.session, request.number, result))
    # END SOLUTION

# %% check=4.1
check("4.1")

# %% hints=4.1
# - Three things happen, and only one of them depends on what kind of request it is.
# - `apply` changes the data and returns the result; the reply repeats session and number; the log is a list.
# - `result = apply(self.data, request)`, then `if request.f != "get": self.log.append(request)`, then `self.send(source, Reply(request.session, request.number, result))`.

# %% [markdown]
# Ann orders book after book, and at 430 ms the power supply of n1 burns out.
# Her program gets no answer, tries again, turns to n2, and orders the rest there.
# At the end it asks for the list.

# %% predict
predict("4.1", "n1 answered every order until 430 ms. Which of these does the list at n2 contain?",
        options=["all", "all but the last few", "none"])

# %% run
books = [("append", "orders", f"{n} ") for n in range(1, 30)]
orders = {"ann": [*books, ("get", "orders")]}
night = dict(client=FailoverClient, workload=orders, delay_ms=(4, 8), until_ms=1_500)
run = simulate(AsyncStore, nodes=2, script=lambda run: run.at(430, run.crash, "n1"), **night)
print("Ann's orders, says n2:", list(run.history)[-1].result)

# %% [markdown]
# Go through the numbers: some are missing in the middle.
# Every one of them was confirmed, none was ever shipped, and nobody was told.
# An operation that was confirmed and whose effect has vanished is called **lost**.
# How many are lost depends on the **lag**: how far the copy is behind when the primary dies.

# %% [markdown]
# ## 2. Measure the lag
# The cell lets three customers write as fast as they can, and kills n1 at a time that differs from seed to seed.
# It counts the writes that were confirmed and that n2 does not have.
# The dashed line is an estimate that needs no simulation: on average, half a shipment interval of writes is missing.

# %% predict
predict("4.1", "Ship every 100 ms instead of every 400 ms: how many fewer confirmed writes are lost?",
        options=["none", "about three in four", "all"])

# %% chart
import pandas
from labkit.figures.charts import sweep

def lost(every_ms, seed):
    store = type("AsyncStore", (AsyncStore,), {"ship_every_ms": every_ms})
    work = {f"c{c}": [("put", f"c{c}.{n}", "x") for n in range(150)] for c in (1, 2, 3)}
    crash = lambda run: run.at(1_000 + 31 * seed, run.crash, "n1")
    options = dict(workload=work, script=crash, seed=seed, until_ms=1_200 + 31 * seed, delay_ms=(2, 6))
    run = simulate(store, nodes=2, client=FailoverClient, **options)
    confirmed = {op.key for op in run.history if op.outcome == "ok"}
    return len(confirmed - set(dict(run.observe("n2")["data"]))), len(confirmed)

lags = (25, 50, 100, 200, 400)
frame = pandas.DataFrame([{"lag_ms": ms, "lost": lost(ms, seed)[0]} for ms in lags for seed in range(12)])
print(frame.groupby("lag_ms").lost.agg(["min", "median", "max"]).T.to_string())
per_ms = sum(lost(100, seed)[1] / (1_000 + 31 * seed) for seed in range(4)) / 4
expected = [{"lag_ms": ms, "lost": per_ms * ms / 2} for ms in lags]
sweep(frame, "lag_ms", "lost", theory=expected, title="Each millisecond of lag is worth confirmed writes")

# %% [markdown]
# The line is the median over twelve deaths, the band reaches from the luckiest to the unluckiest.
# A shorter lag loses less, and no lag that is above zero loses nothing.
# To lose nothing, the primary must wait for its copy *before* it answers: **synchronous replication**, the second notebook of this lab.

# %% [markdown]
# ## 3. Who says who is primary?
# There is something worse than a dead primary: one that is alive, and that some clients believe dead.
# Tonight nobody dies; a cable is out between Ann and n1, for a while. Bob's cable is fine.

# %% predict
predict("4.3", "Ann's program finds n1 dead, Bob's does not. What happens to their common list?",
        options=["n2 has everything", "two lists, each with a part", "one of them has to wait"])

# %% run
from labkit.figures import history_figure
from labkit.models import KeyValue

team = {who: [*[("append", "list", f"{who} {n};") for n in range(1, 15)], ("get", "list")] for who in ("ann", "bob")}
cable = lambda run: run.at(40, run.cut, "ann", "n1").at(600, run.heal)
run = simulate(AsyncStore, nodes=2, client=FailoverClient, workload=team, script=cable, delay_ms=(10, 18))
history_figure(run, check_linearizable(run.history, KeyValue()))

# %% [markdown]
# A bar is an **operation** of a client, from the moment it is asked for to its answer. Ann's long bar is the moment when her program gives n1 up.
# The two gets at the end find this:

# %% run
for op in run.history:
    if op.f == "get":
        print(f"{op.client} reads  {op.result}")

# %% [markdown]
# Compare the two lists: Bob's has nothing of what Ann wrote after the cable was cut, and hers lacks some of what Bob wrote meanwhile.
# Neither list is wrong at its node, and together they are no list at all.
# This is a **split brain**: two nodes act as primary at the same time.
# It came about because each client decided alone who is alive.
#
# So one node decides for all: the **view service**, `vs`.
# Stores ping it every 50 ms, and it announces numbered **views**: who is primary, and who is backup.
# A view is never changed; there is a next one. Clients and stores follow what it says.
#
# First it must know who is alive. Two words for that:
# - A **member** is a node in one of its lives, `("n1", 2)`. A store keeps its data in memory, so n1 after a restart has nothing in common with n1 before it but the name.
# - `silent[member]` counts the ticks (one every 50 ms) since its last ping.

# %% run
show_source(Watch)

# %% [markdown]
# ### Exercise 4.2: who is alive?

# %% exercise=4.2
@exercise("4.2", into=Watch)                    # about 3 lines
def is_alive(self, member: Member) -> bool:
    """Is `member`, one that has been heard, alive as far as one can tell from here?

    Not if it has been silent for DEAD_TICKS ticks or more. And not if a later life of the same
    node has ever been heard: then this one has crashed, however short its silence. A ping from
    an earlier life can still arrive after that, since messages overtake each other.
    """
    # STUB: the lives that were heard are the keys of self.silent
    # BEGIN SOLUTION
    node, life = member
    newest = max(other_life for other, other_life in self.silent if other == node)
    return life == newest and self.silent[member] < DEAD_TICKS
    # END SOLUTION

# %% check=4.2
check("4.2")

# %% hints=4.2
# - There are two ways to know that a member is dead, and one of them needs no waiting.
# - `id, life = member` takes it apart; look at the other keys of `self.silent` that have the same id.
# - `newest = max(n for other, n in self.silent if other == id)`; alive if `life == newest` and `self.silent[member] < DEAD_TICKS`.

# %% [markdown]
# ## 4. Who sits where?
# Two seats and any number of members. The rule that carries all others: **only who has the data may become primary**.
# At the very beginning nobody has any, so any member will do. Later, only the backup has what the primary has.

# %% run
show_source(Seating)

# %% predict
predict("4.3", "Primary and backup are both dead; n3, idle, is alive. Who becomes primary?",
        options=["n3", "nobody", "the one that died last"])

# %% [markdown]
# ### Exercise 4.3: the next view

# %% exercise=4.3
@exercise("4.3", into=Seating)                  # about 12 lines
def next_view(self) -> View:
    """The view that should follow `self.view`; `self.view` itself if nobody has to move.

    - No primary yet (view 0): any member of `self.alive` becomes primary; no change if nobody is.
    - The primary is alive: it stays. Dead, and the backup alive: the backup becomes primary.
    - Both are dead, or there is no backup: no change at all; nobody else has the data.
    A living backup that has not moved up stays. An empty backup seat, or a dead backup's, goes to
    any other living member in the same view, or is None if there is none. The number is one
    higher. This decides and changes nothing: `reconsider` (given) puts a new view in place.
    """
    # STUB: first the primary, then the backup, then: has anything changed?
    # BEGIN SOLUTION
    view, alive = self.view, self.alive
    primary = view.primary if view.primary in alive else view.backup
    if view.primary is None and alive:
        primary = alive[0]
    if primary not in alive:
        return view  # nobody who is alive has the data
    others = [member for member in alive if member != primary]
    backup = view.backup if view.backup in others else next(iter(others), None)
    is_same = (primary, backup) == (view.primary, view.backup)
    return view if is_same else View(view.number + 1, primary, backup)
    # END SOLUTION

# %% check=4.3
check("4.3")

# %% hints=4.3
# - Decide the primary first; in two cases nobody can be it, and you are done. The backup is then a question about the others.
# - `view.primary in alive` is false for None too. For the backup: keep the old one if it is among the living others, else take the first of them, else None.
# - After the primary: `others = [m for m in alive if m != primary]`, `backup = view.backup if view.backup in others else next(iter(others), None)`; the same two as before means `return view`, else `View(view.number + 1, primary, backup)`.

# %% [markdown]
# ## 5. Waiting for a word
# The service knows who should be primary, and still must not hurry.
# Say view 4 is (n1, n2), and n1 has not heard of it. n1 dies.
# n2 has just come to its seat, and nobody has sent it any data.
# Promote it, and the shop is open again, friendly, fast and empty.
#
# Only the primary knows when its backup has everything.
# It says so by pinging with the view's number, and that is its **acknowledgement**.
# `self.acknowledged` is the newest view that the present primary has acknowledged.

# %% predict
predict("4.4", "View 4 = (n1, n2) is not acknowledged, n2 dies, and n3 is idle. May n3 take n2's seat?",
        options=["no, view 4 must be acknowledged first", "yes, n1 stays primary"])

# %% [markdown]
# ### Exercise 4.4: the next view, if it may come

# %% exercise=4.4
@exercise("4.4", into=ViewService)              # about 3 lines
def reconsider(self) -> None:
    """Somebody pinged, or time has passed: go to `self.next_view()`, if that is allowed now.

    Another primary may follow only a view that has been acknowledged; view 0 needs no
    acknowledgement. A view with the same primary may follow at any time: whatever happens to
    the backup's seat, who has the data stays. `self.install(view)` goes to a view, and does
    nothing if it is the present one. Nothing else changes `self.view`.
    """
    # STUB: self.acknowledged and self.view.number
    # BEGIN SOLUTION
    following = self.next_view()
    if following.primary == self.view.primary or self.acknowledged == self.view.number:
        self.install(following)
    # END SOLUTION

# %% check=4.4
check("4.4")

# %% hints=4.4
# - Which changes are dangerous: those of the backup's seat, or those of the primary's?
# - Compare the primaries of the two views; only if they differ does the acknowledgement matter.
# - `if following.primary == self.view.primary or self.acknowledged == self.view.number: self.install(following)`. In view 0 both numbers are 0.

# %% [markdown]
# ### All together: the view service
# Next, your service meets lost, doubled and overtaking pings, stores that crash and come back, and crashes of its own.
# The stores of this check are the check's own: they ping, and do as they are told.

# %% check=4.V
check("4.V")

# %% [markdown]
# ## 6. Break it
# Below is your service without the acknowledgement: `Seating` as it was given.
# It meets stores that are all yours from above and nothing else, so we only look at the views.
# n1 is primary; n2 joins just as n1 dies, and nobody has told n2 anything.

# %% run
class Silent(Obedient):
    """Pings, and settles in no view, since nobody sends it any data."""
    def on_message(self, source, message):
        pass

def late(run):
    run.cut("n2", "vs")
    run.at(130, run.heal).at(150, run.crash, "n1")

for service in ("Seating", "ViewService"):
    run = simulate(Silent, nodes=members("Silent", 2, service), script=late, until_ms=900)
    print(f"{service:12} {run.observe('vs')['view']}")

# %% [markdown]
# `Seating` gives the shop to n2, which has nothing; your service stays with n1, which has everything and is dead.
# The shop is closed until n1 comes back, and since n1 keeps its data in memory, it will never open again.
# That is honest: one crash too many came before the copy was made.
# "Unavailable" can be repaired by people, "silently empty" cannot.

# %% [markdown]
# ## 7. What you know now
# Asynchronous replication loses what was confirmed during its lag.
# Clients that decide for themselves who is alive make two primaries out of one cut cable.
# A view service decides for all: from silence, and from lives that have ended.
# It moves the seats by one rule: only who has the data may become primary; and it knows who has it from the primary's acknowledgement.
#
# | word | meaning |
# |---|---|
# | asynchronous | the answer does not wait for the copy |
# | lag | how far the copy is behind |
# | lost | confirmed, and gone |
# | split brain | two nodes act as primary at once |
# | view | who is primary and who is backup, with a number |
# | member | a node in one of its lives |
# | acknowledgement | the primary's word that it has settled in a view |

# %% [markdown]
# ### Questions
# 1. n1 is alive, and its pings take 300 ms longer than usual. What does the service do, and is it wrong?
# 2. Why is a backup that is dead in an unacknowledged view replaced at once, when a primary is not?
# 3. Primary and backup are only *believed* dead, both. What happens when their pings arrive again?
# 4. Why does the service keep the view on its disk, and `silent` in memory?
# 5. How would you notice asynchronous loss in production, after the fact?
#
# <details><summary>Answers</summary>
#
# 1. It moves the seat to n2. Not wrong: nobody can tell slow from dead. It must only be harmless, and the next notebook makes it so.
# 2. The primary stays, so the data stays, whether or not it has heard of the view. To wait for its word would mean to wait for ever, if that word needs the dead backup.
# 3. They are the members they were, so the view was right all the time, and work goes on.
# 4. Two different views with one number would give two primaries. Who has been silent can be found out again, in a few ticks.
# 5. Compare what clients remember as confirmed with what the new primary has. Few systems can: one more reason why it goes unnoticed.
#
# </details>
#
# ### In production
# On 21 October 2018 a cable at GitHub was out for 43 seconds. A new primary was elected on the other coast, and some seconds of confirmed writes were only on the old one; to put both together again took more than 24 hours (GitHub's report of 30 October 2018).
# MySQL, PostgreSQL and Redis replicate asynchronously by default; MySQL's semi-synchronous mode falls back to it after a time-out.
# Google's File System, and Kafka with its controller, have a service that names the primary, as here.
#
# ### Going further
# - 15 min: let n1 ship after every tenth write instead of every 100 ms. What does the loss depend on now?
# - 1 h: let members vote by how much they have, when primary and backup are dead. What must each of them know?
# - An evening: two view services, one for the case that the other dies. Find the run in which they disagree, and decide whether a third helps (part 3 of the course).
#
# Reading: Alsberg & Day, *A Principle for Resilient Sharing of Distributed Resources* (1976), for primary and backup; Ghemawat, Gobioff & Leung, *The Google File System* (2003), sections 2.4 and 3.1, for a master that grants the role; GitHub, *October 21 post-incident analysis* (2018), for how it feels.
#
# Next: stores that wait for their copy, and that stop when nobody listens to them any more.
