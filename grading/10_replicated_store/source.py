# %% part=store

# %% [markdown]
# # Lab 10: Replicated key-value store, part one: exactly once
# > A shop was paid once and has delivered twice. Nobody lied, nothing crashed, and all replicas agree.
#
# | | |
# |---|---|
# | Time | this part 60 min (15 reading, 30 code, 15 thinking) |
# | You need | Lab 09, parts one to three; from lab 04, why a client asks again |
# | You will be able to | make a command that is sent three times take effect once; say when a leader may answer its client; say what a client knows that got no answer |
# | Read first | Ongaro & Ousterhout 2014, section 8 (1 page); Ongaro's dissertation, section 6.3 (2 pages) |

# %% setup
from labkit import check, check_linearizable, exercise, hint, history_figure, predict, replay, show_source, simulate, spacetime, start_cluster
from labkit.figures.charts import availability, sweep
from labkit.models import KeyValue
from given import *

# %% [markdown]
# ## 1. Delivered twice
# Your Raft of lab 09 keeps one log on many nodes.
# Now each entry is a command to a key-value store: *append "tea;" to the key "ana"*.
# Every replica carries out the same commands in the same order, so all have the same data.
#
# Below, Ana and Ben order six things each.
# The network loses one message in five, so an answer may be lost; then a client asks again.

# %% predict
predict("10.1", "Each order was confirmed. How often will each be on the list?", options=["once", "once or more", "perhaps not at all"])

# %% run
orders = {who: [("append", who, f"{thing};") for thing in ("tea", "jam", "tar", "oil", "rye", "fig")] for who in ("ana", "ben")}
run = simulate(NaiveStore, nodes=3, client=NaiveClerk, workload=orders, seed=3, loss=0.2, until_ms=9_000)
dict(run.observe("n1")["data"])

# %% [markdown]
# Look for things that stand there twice.
# Raft did what it promised: the log has the order twice, because the client has sent it twice, and the log is the same everywhere.
# Raft cannot know that the two are one.
# The next cell asks the checker of lab 05, after one more client has looked at the list.

# %% run
look = orders | {"clerk": [("get", who) for _ in range(12) for who in ("ana", "ben")]}
run = simulate(NaiveStore, nodes=3, client=NaiveClerk, workload=look, seed=3, loss=0.2, until_ms=9_000)
judgement = check_linearizable(run.history, KeyValue())
history_figure(run, judgement, title=f"Is it one store? {judgement.verdict}")

# %% [markdown]
# The marked operations cannot be put into any order: a thing was ordered once and is there twice.
# A store must be *linearizable*: each call takes effect at one moment between its begin and its end.
# Twice is not once.

# %% [markdown]
# ## 2. What is given

# %% run
show_source(Store)

# %% [markdown]
# A command carries its client and a **number**; each client counts its calls from 1, and works on one at a time.
# So the store needs to remember very little: for each client, the last number that was carried out, and what came out.
# This is the **session table**.
# It is part of the replicated state, like the data: each replica builds it from the log, so the next leader has it too.

# %% [markdown]
# ## 3. Once
# Suppose that `append` number 7 of Ana stands at entries 12 and 15 of the log.
# Entry 12 is carried out; entry 15 does nothing.
# But somebody may wait for the answer of entry 15: the first one may have been lost.

# %% predict
predict("10.1", "Entries 12 and 15 are one cas from a to b, which succeeded at 12. What is the answer after entry 15?", options=["True", "False, the value is b now", "an error"])

# %% [markdown]
# ### Exercise 10.1: carry out a command exactly once

# %% exercise=10.1
@exercise("10.1", into=Store)                     # about 5 lines
def execute(self, command: Command) -> Any:
    """Carry out a committed command, unless that has been done before; its result (dissertation, section 6.3).

    `command` is (client, number, f, key, value). `self.perform(f, key, value)` does it, and gives
    the result. `self.sessions[client]`, if there is one, is the pair (number, result) of the last
    command of this client that was carried out.
    A command with a higher number than that is new, as is the first of its client: it is carried
    out once, its number and result go into `self.sessions`, and its result is the answer. The
    numbers of a client may have gaps. A command with the same number has been carried out: now
    nothing changes, and the answer is the result that it had then. One with a lower number is an
    old copy that nobody waits for: nothing changes, and the answer is None. Gets are commands
    like any other.
    """
    # STUB: last, result = self.sessions.get(client, (0, None))
    # BEGIN SOLUTION
    client, number, f, key, value = command
    last, result = self.sessions.get(client, (0, None))
    if number > last:
        result = self.perform(f, key, value)
        self.sessions[client] = number, result
    return result if number >= last else None
    # END SOLUTION

# %% check=10.1
check("10.1")

# %% hints=10.1
# - There are three cases: the number is higher than the last one of this client, equal to it, or lower.
# - `self.sessions.get(client, (0, None))` also serves a client that has no session yet, since numbers begin with 1.
# - Only in the first case: `result = self.perform(f, key, value)` and `self.sessions[client] = number, result`.

# %% [markdown]
# ## 4. Whom to answer
# A leader took Ana's command as entry 12, and wrote into `waiting` that Ana waits for entry 12.
# Then it is cut off; others elect a new leader, which puts Ben's command at 12.
# The old leader comes back as a follower, its own entry 12 gives way, and Ben's is committed.
# It is applied here, too, and somebody waits for entry 12.

# %% predict
predict("10.2", "What should the old leader tell Ana when it applies entry 12?", options=["done, with the result", "not done here, ask the new leader", "failed, it will never happen"])

# %% [markdown]
# ### Exercise 10.2: answer the right client

# %% exercise=10.2
@exercise("10.2", into=Store)                     # about 5 lines
def answer(self, index: int, command: Command, result: Any) -> None:
    """Entry `index` has been applied: it was `command`, and came to `result`. A client waits for it here.

    `self.waiting[index]` is the (client, number) of the call that this node took for entry
    `index` when it led. It has its answer after this, and is in `self.waiting` no longer.
    If the command at `index` is still that call, by its client and number, the client is sent a
    Reply that it is done, with `result`; its `leader_id` is `self.leader_id`. If it is another
    one, or NOOP, another leader has put it there: this client's call may be done elsewhere or
    later, so it is told that it is not done here: `self.refuse(client, number)`.
    Exactly one Reply is sent.
    """
    # STUB: client, number = self.waiting.pop(index)
    # BEGIN SOLUTION
    client, number = self.waiting.pop(index)
    if command[:2] == (client, number):
        self.send(client, Reply(number, True, result, self.leader_id))
    else:
        self.refuse(client, number)
    # END SOLUTION

# %% check=10.2
check("10.2")

# %% hints=10.2
# - What does the command itself say about whose it is?
# - A command begins with its client and number, and so does what waits.
# - `self.waiting.pop(index)` gives the pair; compare it with `command[:2]`.

# %% [markdown]
# ## 5. The client
# Half of the work is done by the client: the store recognises a call that comes again by its number, so the client must not change it.
# And when the client loses its patience, it knows nothing: the call may be done, or be done in an hour.

# %% predict
predict("10.3", "A client asks a node, and hears nothing for 300 ms. It asks the next node. Which number does it use?", options=["the same", "the next one", "either"])

# %% [markdown]
# ### Exercise 10.3: what a client does next

# %% exercise=10.3
@exercise("10.3", into=Clerk)                     # about 9 lines
def go_on(self, reply: Reply | None) -> None:
    """A reply came; or, if it is None, no reply came within PATIENCE_MS. What now?

    A reply with another number than `self.number`, or one that comes when `self.pending` is None,
    is late and changes nothing. If the call is done, it ends with its result: `self.end(result)`.
    Else the client asks again, the same call under the same number: `self.ask_soon()`. It asks
    the node that the reply names as leader (`self.asked`), and where none is named, or none
    replied, the next one after that which it asked (`self.after`).
    But if it has asked TRIES_MAX times already (`self.tries`), it does not ask again. The call
    may be done or not: its end is unknown (`self.give_up(self.pending)`, then `self.stop()`).
    """
    # STUB: first: is this reply an answer to the pending call?
    # BEGIN SOLUTION
    if self.pending is None or (reply is not None and reply.number != self.number):
        return
    if reply is not None and reply.done:
        self.end(reply.result)
    elif self.tries >= TRIES_MAX:
        self.give_up(self.pending)
        self.stop()
    else:
        self.asked = (reply and reply.leader_id) or self.after(self.asked)
        self.ask_soon()
    # END SOLUTION

# %% check=10.3
check("10.3")

# %% hints=10.3
# - Four cases: late, done, too often, again. The order matters.
# - `reply` may be None, so `reply.done` needs a look at that first. The result of a call may be False or None, and the call is done all the same.
# - In the last case: `self.asked = (reply and reply.leader_id) or self.after(self.asked)`, then `self.ask_soon()`.

# %% [markdown]
# ### The same orders again

# %% run
run = simulate(Store, nodes=3, client=Clerk, workload=look, seed=3, loss=0.2, until_ms=9_000)
judgement = check_linearizable(run.history, KeyValue())
print(dict(run.observe("n1")["data"]))
history_figure(run, judgement, title=f"Is it one store? {judgement.verdict}")

# %% [markdown]
# Each thing stands there once, though some were sent three times.
# How many entries has the log?

# %% run
len(run.observe("n1")["log"]), "entries for", len(run.history), "calls;", dict(run.observe("n1")["sessions"])

# %% [markdown]
# ## 6. Everything at once
# The next check plays the scenarios of the well-known Go lab, under their names: clients at once, leaders cut off, all nodes crashed, lossy links, and all of it together.
# It asks the checker whether each history is linearizable, and looks for a command that was carried out twice.

# %% check=10.S
check("10.S")

# %% [markdown]
# ## 7. Break it
# It is tempting to look only for the very last command: the same number means the same call, everything else is new.

# %% run
class Hasty(Store):
    """Knows a command again only if it is the last one."""

    def execute(self, command):
        client, number, f, key, value = command
        last, result = self.sessions.get(client, (0, None))
        if number != last:
            result = self.perform(f, key, value)
            self.sessions[client] = number, result
        return result

# %% predict
predict("10.1", "A client works on one call at a time. Can an old copy of a command come after the client's next one?", options=["no, it waits for its answers", "yes, a late message can", "only after a crash"])

# %% run
def late(run):
    """Ana's requests to one node take up to a second."""
    run.network.set_link("ana", "n2", delay_ms=(100, 1_000))

tokens = {"ana": [("append", "ana", f"{n};") for n in range(12)]}
for seed in range(30):
    run = simulate(Hasty, nodes=3, client=Clerk, workload=tokens, seed=seed, script=late, until_ms=8_000)
    data = dict(run.observe("n1")["data"]).get("ana", "").split(";")[:-1]
    if len(data) != len(set(data)):
        break
print(f"seed {seed}: {data}")

# %% [markdown]
# Ana asked n2, lost her patience, asked another node, was answered and went on.
# Then her first request reached n2, which led by now.
# Put your own `execute` in place of Hasty's and run the cell again: the list is clean.

# %% [markdown]
# ## 8. Five processes
# Now with processes, SIGKILL and a cut, and three clients that append to one key and read it.
# The leader is killed, comes back, and is cut off later.

# %% predict
predict("10.S", "Some clients get no answer in time and ask again. Will the history be linearizable?", options=["yes", "no", "it depends on the run"])

# %% cluster recorded=killed_and_cut
calls = {f"c{c}": [(("append", "x", f"{c}.{n};") if n % 2 else ("get", "x")) for n in range(1, 31)] for c in (1, 2, 3)}
cluster = start_cluster(Store, nodes=5, client=Clerk, workload=calls, gap_ms=60, delay_ms=(1, 10), recorded="killed_and_cut")
seen = lambda: {id: cluster.observe(id) for id in cluster.system.node_ids}
leaders = lambda: [id for id, one in seen().items() if one and one["role"].name == "LEADER"]
await cluster.until(lambda: leaders() and len(cluster.observe(leaders()[0])["log"]) > 15)
old = leaders()[0] if leaders() else "n1"
cluster.crash(old)
await cluster.run(cluster.now_ms + 900)
cluster.restart(old)
await cluster.run(cluster.now_ms + 600)
new = leaders()[-1] if leaders() else "n2"
cluster.partition((new, "c1"), [id for id in (*cluster.system.node_ids, "c2", "c3") if id != new])
await cluster.run(cluster.now_ms + 1_200)
cluster.heal()
await cluster.until(lambda: cluster.finished, timeout_s=30)
cluster.close()

# %% run
judgement = check_linearizable(cluster.history, KeyValue())
history_figure(cluster, judgement, title=f"Killed, restarted, cut off: {judgement.verdict}")

# %% [markdown]
# Long bars are calls that met the fault.
# The checker was told nothing of nodes or logs; it has seen calls and answers only.

# %% [markdown]
# ## 9. Measure
# A request that comes again costs an entry in the log, though it does nothing.
# How many entries does a call cost on a bad network?

# %% chart
def entries_per_call(loss, seed):
    """Entries in the log per call that was answered."""
    work = {f"c{c}": [("append", f"c{c}", f"{n};") for n in range(20)] for c in (1, 2, 3)}
    run = simulate(Store, nodes=3, client=Clerk, workload=work, seed=seed, loss=loss, until_ms=6_000)
    done = sum(op.outcome == "ok" for op in run.history)
    return {"loss": loss, "entries": len(run.observe(leader_of(run))["log"]) / max(1, done), "seed": seed}

# %% chart
records = [entries_per_call(loss, seed) for loss in (0, 0.05, 0.1, 0.2, 0.3) for seed in range(5)]
sweep(records, "loss", "entries", title="What asking again costs")

# %% chart
import pandas as pd

pd.DataFrame(records).groupby("loss").entries.median()

# %% [markdown]
# A leader might look into its session table before it takes a call, and save the entry when the call is done already.
# That would be cheaper; it is not needed for safety.

# %% [markdown]
# ## 10. What you know now
# Raft gives every replica the same log, and a log may have a command twice.
# So the store itself remembers, in the replicated state, the last number of each client and its result.
# The leader answers after applying, and only if the entry is the one it took.
# A client keeps its number until it has an answer, or gives up and says *unknown*.
#
# | word | meaning |
# |---|---|
# | exactly once | a call that was answered took effect one time, however often it was sent |
# | session table | per client: last number, last result; part of the state |
# | duplicate | a command whose number is in the table already |
# | redirect | not here, but there: a hint, and perhaps a wrong one |
# | unknown | the honest end of a call without an answer |

# %% [markdown]
# ### Questions
# 1. Look at your prediction for the cas. Who would be deceived by the answer False?
# 2. Why must the table be part of the replicated state, and not just in the leader's memory?
# 3. A client crashes and comes back under its old name, counting from 1 again. What happens?
# 4. The table has one line for each client that ever came. When may a line be thrown away, and who must decide it?
# 5. Why may the client not say *failed* when its patience is over?
#
# <details><summary>Answers</summary>
#
# 1. The client: it would believe that somebody else has changed the value, though it was its own cas that did.
# 2. The next leader gets the copy that comes late, and would carry it out again.
# 3. Its new calls look like old copies: they are not carried out, and answered with None. It needs a new name, or a number that it kept on its disk.
# 4. When that client never asks again, which nobody knows. In practice a session expires by time; the leader's time has to be written into the log, so that all replicas throw away the same line at the same entry.
# 5. A copy of its command may be in some log and be committed later. *Failed* means that it never will be.
#
# </details>
#
# ### In production
# etcd leaves this to its users: a put may be retried by a client and take effect twice, and compare-and-swap transactions are the way around it.
# TiKV gives each transaction a start timestamp, which plays the part of our number.
# Kafka's idempotent producer is this table: a producer id, a sequence number for each partition, and the last five batches.
# ZooKeeper has sessions with a time limit; expiry is a command in the log.
#
# ### Going further
# - 15 min: look into the table in `on_request` before a call is proposed, and save the entry. Which chart changes?
# - 1 h: let a client have three calls under way at once. What must the table hold then?
# - An evening: sessions that expire, by a time that the leader writes into the log.
#
# Reading: Ongaro's dissertation (2014), section 6.3, for sessions and their expiry; Lee et al., *Implementing Linearizability at Large Scale and Low Latency* (RIFL, 2015), for exactly once as a layer of its own; Helland, *Idempotence Is Not a Medical Condition* (2012), for what remains to the application; Lampson, *How to Build a Highly Available System Using Consensus* (1996), for the replicated state machine.
#
# Every read went through the log, as if it were a write: in part two, reads that do not.
