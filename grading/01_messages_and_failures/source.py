# %% [markdown]
# # Lab 01: Messages and failures
# > A reply got lost. Did it happen, or did it not?
#
# | | |
# |---|---|
# | Time | about 2 hours (30 min reading, 75 min code, 15 min thinking) |
# | You need | Python classes and dictionaries; lab 00 if you like to see things move first |
# | You will be able to | write a server that may be asked twice and acts once; say why a time-out is not a failure; find, in a picture, the message that was lost and the one that came twice; name what must be on the disk before a reply leaves |
# | Read first | nothing; afterwards Birrell & Nelson 1984, section 1 (2 pages) |

# %% setup
from labkit import check, exercise, hint, history_figure, predict, replay, show_source, simulate, spacetime, start_cluster
from given import *

# %% [markdown]
# ## 1. Two espressos
# A café writes its orders on tabs, one tab a table, on a small computer behind the bar.
# Table 4 asks for an espresso.
# The waiter taps, the hand-held sends `append("table 4", "espresso;")`, and waits.
# Nothing comes back: the wireless network has dropped the reply.
# So the hand-held does the only thing it can think of, and sends the order again.
#
# Here is that café: one server, one waiter with two orders, and a network that loses one message in four.
# It is called naive because it trusts that what is sent arrives, once.

# %% predict
predict("1.7", "What will table 4 find on its bill?",
        options=["each order once", "one of them twice", "one missing"])

# %% run
waiter = {"c1": [("append", "table 4", "espresso;"), ("append", "table 4", "tea;"), ("get", "table 4")]}
run = simulate(NaiveServer, nodes=1, client=NaiveClient, workload=waiter, seed=0, loss=0.25)
spacetime(run, title="What the café did to table 4")

# %% [markdown]
# Follow the line of n1, the server, from the left.
# Each arrow is a message; an arrow that ends in a cross never arrived.
# Look for the order that reached n1 although its reply did not reach c1: from where c1 stands, that is exactly what a lost order looks like.
# It cannot tell the two apart, and nobody ever can.
#
# The last answer in this run is what table 4 pays for:

# %% run
[str(operation) for operation in run.history]

# %% [markdown]
# Two easy ways out do not work.
# If the client never asks again, a lost order stays lost: this is called **at most once**, and it is cheap.
# If it asks until it is answered, an order may be executed twice: **at least once**.
# What the café wants is an order that happens once although the message came twice, and for this the *server* has to remember.
# On the way there we build four small things, each of which you will meet again in every later lab.

# %% [markdown]
# ## 2. The smallest server
# A **node** is told what happened and says what to do about it.
# It never waits, never reads a clock that hangs on a wall, and never opens a socket: it gets a message, and sends messages.
# That is why the same class can run in a simulator, in a search through all orders of events, and as a real process.
#
# A **message** is a small frozen value.
# These are the two that we need first, and the class that you are going to complete:

# %% run
show_source(EchoServer)

# %% [markdown]
# ### Exercise 1.1: echo
# `self.send(peer, message)` sends; it returns at once, and tells you nothing about what became of it.

# %% exercise=1.1
@exercise("1.1", into=EchoServer)               # about 1 line
def on_echo(self, source: NodeId, request: Echo) -> None:
    """Send an EchoReply with the text of `request` back to `source`, and to nobody else."""
    # STUB: use self.send and EchoReply
    # BEGIN SOLUTION
    self.send(source, EchoReply(request.text))
    # END SOLUTION

# %% check=1.1
check("1.1")

# %% hints=1.1
# - A reply is a message like any other. To whom, and with which text?
# - `self.send` takes a destination and a message; who asked is in `source`.
# - `self.send(source, EchoReply(...))` with the text of the request.

# %% [markdown]
# ## 3. Ids without asking anybody
# Orders need numbers that nobody else uses.
# We could ask one node for all of them, but then no order can be taken while that node is away.
# So each node makes ids by itself, and they must differ from those of every other node, and from its own, before and after a crash.
#
# What is there to tell two ids apart?
# The node has a name, `self.id`.
# In this class it also counts how often it has booted, `self.boots`, and how many ids it has made since then, `self.made`.
# Boots are counted in `self.storage`, which survives a crash; all other attributes do not.

# %% predict
predict("1.2", "Is name and count enough, as in n1-17?",
        options=["yes", "no, because of other nodes", "no, because of crashes"])

# %% run
show_source(IdServer)

# %% [markdown]
# ### Exercise 1.2: an id of one's own

# %% exercise=1.2
@exercise("1.2", into=IdServer)                 # about 1 line
def new_id(self) -> str:
    """A text that no node has ever returned before, and none ever will.

    It is called once for each id, after `self.made` has been counted up. It may not ask other
    nodes, and must not rely on the time: two calls may come within one instant, and a clock
    may be set back.
    """
    # STUB: what differs between nodes, between lives, between calls?
    # BEGIN SOLUTION
    return f"{self.id}-{self.boots}-{self.made}"
    # END SOLUTION

# %% check=1.2
check("1.2")

# %% hints=1.2
# - Three things can make two ids the same: another node, an earlier life, an earlier call.
# - Put one part into the id for each of the three, with something between the parts.
# - An f-string of `self.id`, `self.boots` and `self.made`, joined by dashes. Without the dashes, n1 with 11 and n11 with 1 are the same text.

# %% [markdown]
# ## 4. Tabs
# Now the café's computer: a map from a key ("table 4") to a text.
# It understands three requests, and one message carries them all, with a field `f` that says which.
# The field names are those of a client's **operation**: `f`, `key`, `value`.

# %% run
show_source(Request)

# %% [markdown]
# ### Exercise 1.3: get, put, append

# %% exercise=1.3
@exercise("1.3", into=KeyValueServer)           # about 7 lines
def apply(self, request: Request) -> str | None:
    """Execute `request` on `self.tabs`, a dict from key to text, and return its result.

    get     the text of the key, or None if it was never written
    put     makes `request.value` the text of the key; the result is None
    append  adds `request.value` to the end of the text, where a missing text counts as
            empty; the result is the new text
    """
    # STUB: one case for each f
    # BEGIN SOLUTION
    match request.f:
        case "get":
            return self.tabs.get(request.key)
        case "put":
            self.tabs[request.key] = request.value
            return None
        case "append":
            self.tabs[request.key] = self.tabs.get(request.key, "") + request.value
            return self.tabs[request.key]
    # END SOLUTION

# %% check=1.3
check("1.3")

# %% hints=1.3
# - `self.tabs` is an ordinary dict; what does `dict.get` give for a key that is not there?
# - Three cases. Only append reads and writes; only get may return None for a missing key.
# - `match request.f:` with `case "append": self.tabs[request.key] = self.tabs.get(request.key, "") + request.value`, and return the new text.

# %% [markdown]
# ## 5. A client that asks again
# Between the waiter and the server stands a client.
# It is given one operation at a time (`on_invoke`), and ends it in one of three ways, which are worth learning by heart:
#
# - `self.complete(operation, result)`: it happened, and this is the answer;
# - `self.fail(operation)`: it **certainly** did not happen, and never will;
# - `self.give_up(operation)`: **unknown**. It may have happened, or may yet.
#
# `self.set_timer(name, after_ms)` wakes the node later with `on_timer(name)`; setting a timer of the same name replaces it, and `self.cancel_timer(name)` forgets it.
# The client waits `RETRY_MS` (60 ms) for a reply, and asks `TRIES_MAX` (5) times in all.

# %% run
show_source(RetryingClient)

# %% [markdown]
# ### Exercise 1.4: ask, and watch the clock

# %% exercise=1.4
@exercise("1.4", into=RetryingClient)           # about 6 lines
def on_invoke(self, operation: Operation) -> None:
    """Send `operation` to `self.server`, and set the timer "retry" to RETRY_MS.

    Each operation gets the next `self.number`: 1, 2, 3, ... The request's session is
    `self.id`. Keep the operation in `self.pending`, the request in `self.request`, and
    set `self.tries` to 1: the other two methods need them.
    """
    # STUB: count, remember, send, set the timer
    # BEGIN SOLUTION
    self.number += 1
    self.tries = 1
    self.pending = operation
    self.request = Request(self.id, self.number, operation.f, operation.key, operation.value)
    self.send(self.server, self.request)
    self.set_timer("retry", RETRY_MS)
    # END SOLUTION

# %% check=1.4
check("1.4")

# %% hints=1.4
# - Everything that you need to ask again later must be in an attribute when this method returns.
# - Count up `self.number` first; then build one Request, keep it, send it, and set the timer.
# - `self.request = Request(self.id, self.number, operation.f, operation.key, operation.value)`, then `self.send(self.server, self.request)` and `self.set_timer("retry", RETRY_MS)`.

# %% [markdown]
# ### Exercise 1.5: nobody answered
# The timer fired.
# Perhaps the request was lost, perhaps the reply, perhaps both are only slow.
# Think before you write: after the last try, which of the three endings is true?

# %% exercise=1.5
@exercise("1.5", into=RetryingClient)           # about 7 lines
def on_timer(self, name: str) -> None:
    """Ask again, or after TRIES_MAX tries in all end the operation honestly.

    Asking again means the *same* request, with the same number, one more in `self.tries`,
    and the timer "retry" set to RETRY_MS again. After the end, `self.pending` is None and
    no timer is set.
    """
    # STUB: compare self.tries with TRIES_MAX
    # BEGIN SOLUTION
    if self.tries == TRIES_MAX:
        self.give_up(self.pending)
        self.pending = None
    else:
        self.tries += 1
        self.send(self.server, self.request)
        self.set_timer("retry", RETRY_MS)
    # END SOLUTION

# %% check=1.5
check("1.5")

# %% hints=1.5
# - How would the server recognise the second copy, if it were not exactly like the first?
# - Two branches: tries left, or not. Only one of them sets a timer.
# - In the last branch `self.give_up(self.pending)` and `self.pending = None`: silence proves nothing, so neither `fail` nor `complete` is true.

# %% [markdown]
# ### Exercise 1.6: is this answer mine?
# Replies can be late, and can come twice.
# A reply to operation 3 must not end operation 4.

# %% exercise=1.6
@exercise("1.6", into=RetryingClient)           # about 5 lines
def on_reply(self, reply: Reply) -> None:
    """End the pending operation with `reply.result`, if this is the reply to it.

    Any other reply, late or doubled, changes nothing. After the end, `self.pending` is
    None and the timer "retry" is not set.
    """
    # STUB: when is a reply the one that we wait for?
    # BEGIN SOLUTION
    if self.pending is None or reply.number != self.number:
        return  # an answer to an operation that is over
    self.cancel_timer("retry")
    self.complete(self.pending, reply.result)
    self.pending = None
    # END SOLUTION

# %% check=1.6
check("1.6")

# %% hints=1.6
# - Two things may be wrong with a reply: nobody waits, or somebody waits for another number.
# - Begin with a guard that returns; then cancel the timer, complete, and forget the operation.
# - `if self.pending is None or reply.number != self.number: return`.

# %% [markdown]
# ### All together: does every operation end?
# The next check runs your client and your server over a network that loses one message in seven, doubles as many, and now and then delivers one long after the client has stopped waiting for it.

# %% check=1.R
check("1.R")

# %% [markdown]
# ## 6. At most once
# Your client asks until it is answered.
# Your server does what it is asked.
# Together they serve two espressos, as the naive ones did; only now the network may also deliver one message twice by itself.

# %% predict
predict("1.7", "What must the server remember to recognise a copy?",
        options=["all requests ever", "the last request of each client", "the last request"])

# %% run
run = simulate(KeyValueServer, nodes=1, client=RetryingClient, workload=waiter, seed=3, loss=0.2, duplication=0.3)
spacetime(run, title="The same order, twice at the server")

# %% [markdown]
# If you have not written the exercises above yet, the run ends at once and says which one it is waiting for.
# Otherwise look for two arrows with the same number that both arrive at n1.
#
# A client has one operation at a time, and numbers them.
# When request 5 of a session arrives, its client has seen the end of 4, and will never ask for 4 again; an old copy of 4 may still come, but nobody waits for its answer.
# So one remembered reply per session is enough, and the memory does not grow with every order.

# %% run
show_source(AtMostOnceServer)

# %% [markdown]
# ### Exercise 1.7: once, although it came twice

# %% exercise=1.7
@exercise("1.7", into=AtMostOnceServer)         # about 6 lines
def on_request(self, source: NodeId, request: Request) -> None:
    """Execute `request` unless it was executed before, and answer it.

    A new request (a number higher than the last of its session) is executed, and its reply
    is remembered in `self.answered` under the session. The last request again: send the
    remembered reply again, since the first one may have been lost. An older one: nothing.
    The memory holds one reply per session, not one per request.
    """
    # STUB: look into self.answered first
    # BEGIN SOLUTION
    last = self.answered.get(request.session)
    if last is None or request.number > last.number:
        last = Reply(request.session, request.number, self.apply(request))
        self.answered[request.session] = last
    if request.number == last.number:
        self.send(source, last)
    # END SOLUTION

# %% check=1.7
check("1.7")

# %% hints=1.7
# - The number of the last remembered reply tells three kinds of requests apart: newer, the same, older.
# - Execute only the newer ones, and remember the whole Reply; for the same number, send what you remembered.
# - `last = self.answered.get(request.session)`, then `if last is None or request.number > last.number:` apply and remember; and at the end `if request.number == last.number: self.send(source, last)`.

# %% [markdown]
# ### All together: every order of events
# The check below does not wait for bad luck.
# It takes two clients and your server, and plays hundreds of orders in which messages may arrive, twice or late or never; then it asks whether *one* sequence of the operations explains every answer that a client got.

# %% check=1.A
check("1.A")

# %% [markdown]
# ### Break it
# Now be the network.
# The server below is yours with one line changed: it executes, and forgets to remember.
# Before you run it, say which of the checks above would notice.

# %% predict
predict("1.7", "The server forgets its replies: which check notices?",
        options=["1.3", "1.6", "1.7"])

# %% run
class Forgetful(AtMostOnceServer):
    def on_request(self, source, request):
        self.answered = {}
        AtMostOnceServer.on_request(self, source, request)

run = simulate(Forgetful, nodes=1, client=RetryingClient, workload=waiter, seed=3, loss=0.2, duplication=0.3)
[str(operation) for operation in run.history]

# %% [markdown]
# The network did nothing that it had not done before.
# The promise "each order once" was never the network's to keep.

# %% [markdown]
# ## 7. When the power goes
# The server crashes and starts again.
# `self.tabs` and `self.answered` were attributes, so they are gone, and with them every order of the evening.
# Crash the bar's computer at 100 ms, and boot it again 30 ms later:

# %% run
def power_cut(run):
    run.at(100, run.crash, "n1").at(130, run.restart, "n1")

run = simulate(AtMostOnceServer, nodes=1, client=RetryingClient, workload=waiter, seed=8, loss=0.2, script=power_cut)
spacetime(run, title="What the crash took with it")

# %% [markdown]
# `self.storage.save(name=value)` keeps values over a crash, and `self.storage.get(name, default)` reads them back.
# One save is whole or not there at all; between two of them, or between a save and a send, a crash may come at any time.
# So the order of these lines is part of the meaning.
#
# Only plain data can be saved, and a dict is not plain data, because it can be changed behind the disk's back.
# `pairs(d)` makes a tuple of pairs of it, and `dict(...)` makes a dict of them again.

# %% [markdown]
# First the way back.
# A server that boots may find on its disk what an earlier life has saved there.

# %% run
show_source(RecoveringServer)

# %% [markdown]
# ### Exercise 1.8: what was I doing?

# %% exercise=1.8
@exercise("1.8", into=RecoveringServer)         # about 2 lines
def recover(self) -> None:
    """Set `self.tabs` and `self.answered` to what was saved last under these names, as dicts.

    Both were saved as `pairs(...)`. At the first boot nothing has been saved, and both are
    empty.
    """
    # STUB: use self.storage.get with a default
    # BEGIN SOLUTION
    self.tabs = dict(self.storage.get("tabs", ()))
    self.answered = dict(self.storage.get("answered", ()))
    # END SOLUTION

# %% check=1.8
check("1.8")

# %% hints=1.8
# - What does `self.storage.get` return when nothing was ever saved under the name?
# - Give an empty tuple as the default: `dict(())` is an empty dict.
# - `self.tabs = dict(self.storage.get("tabs", ()))`, and the same for `answered`.

# %% [markdown]
# ### Exercise 1.9: first the disk, then the reply
# Now the way there.
# The last class is `RecoveringServer` with an `on_request` of its own, and it is the one that the café will buy.

# %% predict
predict("1.9", "The power may go between any two lines. Where must the save stand?",
        options=["before the send", "after the send", "anywhere"])

# %% [markdown]
# Then write it, and let the check take the power away for you.

# %% exercise=1.9
@exercise("1.9", into=DurableServer)            # about 7 lines
def on_request(self, source: NodeId, request: Request) -> None:
    """As exercise 1.7, but never answer what a crash could still undo.

    Save `tabs` and `answered`, under these names and as `pairs(...)`, in one save, before
    the reply leaves.
    """
    # STUB: as in 1.7, with a save in the right place
    # BEGIN SOLUTION
    last = self.answered.get(request.session)
    if last is None or request.number > last.number:
        last = Reply(request.session, request.number, self.apply(request))
        self.answered[request.session] = last
        self.storage.save(tabs=pairs(self.tabs), answered=pairs(self.answered))
    if request.number == last.number:
        self.send(source, last)
    # END SOLUTION

# %% check=1.9
check("1.9")

# %% hints=1.9
# - Ask of each line: if the power goes right after it, what has the client been told, and what is on the disk?
# - Everything that the reply promises must be saved before the send, and in a single save, or a crash falls between the two.
# - After remembering the reply: `self.storage.save(tabs=pairs(self.tabs), answered=pairs(self.answered))`; the send comes after it.

# %% [markdown]
# ### All together: crashing anywhere
# Two clients, one server, messages in any order, and crashes that may fall between any two effects of a handler, so between your save and your send.

# %% check=1.D
check("1.D")

# %% [markdown]
# ## 8. For real
# Everything so far was a simulation, and a sceptic may say that real processes are another matter.
# The next cell starts your server and your client as two processes on this machine, over a network that loses a fifth of all messages.
# In the middle of the evening the server gets SIGKILL, and a new process takes over its disk.

# %% cluster recorded=power_cut
evening = {"c1": [("append", "table 4", f"#{n};") for n in range(1, 16)] + [("get", "table 4")]}
cluster = start_cluster(DurableServer, nodes=1, client=RetryingClient, workload=evening, gap_ms=60, loss=0.2, recorded="power_cut")
await cluster.run(cluster.now_ms + 700)
cluster.crash("n1")
cluster.restart("n1")
await cluster.until(lambda: cluster.finished)
cluster.close()

# %% [markdown]
# Each bar is an operation, from the moment the waiter asked to the moment the answer came.
# While the server was dead, orders waited; a bar that is open to the right was given up after five tries, so nobody knows what became of it.
# Then compare with the tab at the end: every order that was answered is on it, once, though some were sent several times and the process that took the first ones does not exist any more.
# An order that was given up may be there or not, and if it is, it is there once as well.

# %% run
history_figure(cluster.history)

# %% run
[str(operation) for operation in cluster.history][-1:]

# %% [markdown]
# ## 9. Measure
# How often does asking again do harm, when the server does not remember?
# The next cell takes one morning's orders of a café (`datasets/cafe_orders`, made for this course), sends them through the naive server at rising rates of loss, and counts the orders that were executed more than once.

# %% chart
from labkit import dataset

orders = dataset("cafe_orders")
calls = [("append", f"table {row.table}", f"#{row.order} {row.item};") for row in orders.itertuples()]
print(len(calls), "orders, the first:", calls[0])

# %% chart
def doubled(loss):
    run = simulate(NaiveServer, nodes=1, client=NaiveClient, workload={"c1": calls}, loss=loss, until_ms=60_000)
    tabs = run.observe("n1")["tabs"]
    return sum(text.count(value) > 1 for _, text in tabs for f, key, value in calls)

for percent in (0, 5, 10, 20, 30):
    print(f"{percent:>3} % of messages lost: {doubled(percent / 100):>3} of {len(calls)} orders doubled")

# %% [markdown]
# With a fifth of the messages lost, about a sixth of the orders are doubled: an order is doubled when its request arrived and its reply did not.
# One line of pandas shows what the waiting costs: `run.history.to_frame()` has a row for each operation.

# %% chart
run = simulate(KeyValueServer, nodes=1, client=RetryingClient, workload={"c1": calls[:60]}, loss=0.2, until_ms=60_000)
frame = run.history.to_frame()
print((frame.returned_ms - frame.invoked_ms).describe().round(1))

# %% [markdown]
# ## 10. What you know now
# A message may be lost, late, doubled or overtaken, and its sender cannot tell which.
# Silence is not an answer: an operation without a reply is *unknown*, and only certainty may be called failed.
# Asking again is safe once the server recognises a copy, and remembering one reply per session is enough for that.
# A promise that must survive a crash is on the disk before it leaves the node.
#
# | word | meaning |
# |---|---|
# | at most once | executed once or not at all, however often it arrives |
# | at least once | asked until answered; may be executed more than once |
# | session | one client's numbered sequence of operations |
# | unknown | may have happened, may still happen, may never |
# | stable storage | what a crash does not take |

# %% [markdown]
# ### Questions
# 1. Why must a retry carry the same number as the first request?
# 2. The server remembers one reply per session. Which property of the client makes that enough?
# 3. A server saves after it has replied. Describe the two lines of a trace in which table 4 loses its cake.
# 4. Your client gives up after five tries and takes the next order. Can the first order still appear on the tab?
#
# <details><summary>Answers</summary>
#
# 1. The number is how the server recognises the copy. With a new number it is a new order.
# 2. It has one operation at a time: whoever sends request 5 has stopped waiting for 4.
# 3. The reply to `append cake` is sent; the server crashes before the save. The client has its answer, and after the restart the tab has no cake.
# 4. Yes: a copy may still be on its way, if it overtakes request 2 of that session. After request 2 has been executed, an old copy is ignored. That is why the outcome is unknown.
#
# </details>
#
# ### In production
# Stripe's interface takes an idempotency key with each payment, and keeps the first answer for a day.
# Kafka's idempotent producer numbers its batches per session, as your client does, and the broker drops copies.
# TCP does the same for bytes, but only while a connection lasts: a new connection is a new session, and the question "did my last request arrive?" comes back.
#
# ### Going further
# - 15 min: let the server tell an old copy from a new request by a hash of the request instead of its number. What goes wrong?
# - 1 h: a client that restarts forgets its number. Give it sessions that survive, or a new session for each life, and say what each choice costs.
# - An evening: let a client have up to eight operations at once. What must the server remember now, and for how long?
#
# Reading: Birrell & Nelson, *Implementing Remote Procedure Calls* (1984), section 1, for the words; Lampson, *Hints for Computer System Design* (1983), section 4, on doing things end to end; Helland, *Idempotence Is Not a Medical Condition* (2012), for the practice.
#
# In lab 02 two nodes disagree about which of two things came first, and both are right.
