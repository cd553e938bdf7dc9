# %% part=single

# %% [markdown]
# # Lab 08: Paxos, part one: one value
# > Two ticket offices, one seat, and no boss. Each has sold it.
#
# | | |
# |---|---|
# | Time | about 4 hours in two parts; this part 2 hours (30 min reading, 60 min code, 30 min thinking) |
# | You need | lab 01: what must be on the disk before a reply leaves; lab 05: why two majorities share a node |
# | You will be able to | write the two rules of an acceptor from memory; say why a proposer may have to propose somebody else's value; find, in a trace, the promise that kept two values from being chosen |
# | Read first | Lamport 2001, *Paxos Made Simple*, section 2 (6 pages) |

# %% setup
from labkit import check, check_linearizable, exercise, history_figure, hint, predict, replay, show_source, simulate, spacetime
from given import *

# %% [markdown]
# ## 1. Seat 12
# The night train has one seat left, number 12, and two ticket offices.
# Three desks, a1, a2 and a3, write down who has it, so that one of them may fail.
# An office sends its passenger's name to all three, and when two have confirmed, the seat is sold.
# Two of three and two of three always share a desk, so how could both offices sell it?
#
# Office p1 is near a1, office p2 is near a3, and both have a passenger now.

# %% predict
predict("8.2", "p1 sells to Ana, p2 to Ben. To how many people is seat 12 sold?",
        options=["one", "two", "nobody"])

# %% run
desks = {"a1": "NaiveAcceptor", "a2": "NaiveAcceptor", "a3": "NaiveAcceptor"}
run = simulate(NaiveAcceptor, desks, client=NaiveProposer, workload=SEAT_12, script=far_offices, until_ms=120)
spacetime(run, title="Each desk keeps what came last")

# %% [markdown]
# Look at a2, the desk that both majorities share.
# It wrote down Ana, confirmed, and then wrote down Ben and confirmed that as well.
# It did overlap; it had no reason to say no.
#
# Would it help to keep what came *first*?
# Then two values cannot both have a majority.
# But with three offices each desk may keep another name, and no name ever has a majority: nobody may change a mind, and the seat stays empty for ever.
#
# So a desk must be able to change its mind, and must not do it when that could be too late.
# Finding out when it is too late is what Paxos does.

# %% [markdown]
# ## 2. Promises
# In Paxos there are **acceptors** (our desks) and **proposers** (our offices).
# A proposer makes its attempts in numbered **ballots**, and no two proposers share a number: a ballot is a number and the proposer's id.
# Python compares such tuples from the left, so `(4, "p2") > (4, "p1") > (3, "p9")`.
#
# Each ballot has two phases.
# In phase 1 the proposer asks: *will you promise to accept nothing below my ballot, and what have you accepted so far?*
# In phase 2 it asks: *accept this value in my ballot.*
# A value is **chosen** when a majority of the acceptors has accepted it in one and the same ballot.
#
# This is all that an acceptor is:

# %% run
show_source(Acceptor)

# %% predict
predict("8.1", "An acceptor has promised (5, 'p2'). Now Prepare((5, 'p1')) arrives. What does it answer?",
        options=["Promise", "Nack", "nothing"])

# %% [markdown]
# ### Exercise 8.1: promise

# %% exercise=8.1
@exercise("8.1", into=Acceptor)                 # about 5 lines
def on_prepare(self, source: NodeId, request: Prepare) -> None:
    """Answer `source` with one Promise, or, if a higher ballot has been promised, with one Nack.

    A Promise repeats the request's ballot, and says what this acceptor has accepted:
    `self.accepted_ballot` and `self.accepted_value` (Lamport 2001, section 2.2, P1a and phase 1).
    From now on nothing below that ballot will be accepted: it is kept in `self.promised`, and
    saved under that name before the Promise leaves. A request whose ballot has been promised
    already is a copy, and is answered by a Promise again.
    A Nack repeats the request's ballot, and says which ballot was promised; it changes nothing.
    """
    # STUB: compare request.ballot with self.promised; save, then send
    # BEGIN SOLUTION
    if request.ballot < self.promised:
        self.send(source, Nack(request.ballot, self.promised))
        return
    self.promised = request.ballot
    self.storage.save(promised=self.promised)
    self.send(source, Promise(request.ballot, self.accepted_ballot, self.accepted_value))
    # END SOLUTION

# %% check=8.1
check("8.1")

# %% hints=8.1
# - Which of the two ballots is higher: the one that is asked for, or the one that was promised? And if they are equal?
# - Only `request.ballot < self.promised` is refused. Whatever is promised must be on the disk when the answer leaves.
# - In the good case: set `self.promised`, `self.storage.save(promised=self.promised)`, then `self.send(source, Promise(request.ballot, self.accepted_ballot, self.accepted_value))`.

# %% [markdown]
# ### Exercise 8.2: accept
# A request of phase 2 may reach an acceptor that has never seen phase 1 of that ballot: the Prepare was lost, and the proposer had a majority without this one.
# It may accept all the same.
# And whoever has accepted in ballot 5 has no business in ballot 4 any more.

# %% exercise=8.2
@exercise("8.2", into=Acceptor)                 # about 6 lines
def on_accept(self, source: NodeId, request: Accept) -> None:
    """Accept the value, unless a higher ballot has been promised; answer `source` in both cases.

    "An acceptor can accept a proposal numbered n iff it has not responded to a prepare request
    having a number greater than n" (Lamport 2001, section 2.2, P1a). To accept means: the
    request's ballot and value become `self.accepted_ballot` and `self.accepted_value`, and that
    ballot counts as promised, too. The three are saved together, in one save, under these names,
    before one Accepted with the request's ballot and value leaves. A copy is accepted again.
    Otherwise one Nack, as in exercise 8.1, and nothing changes.
    """
    # STUB: the same comparison; three attributes, one save
    # BEGIN SOLUTION
    if request.ballot < self.promised:
        self.send(source, Nack(request.ballot, self.promised))
        return
    self.promised = self.accepted_ballot = request.ballot
    self.accepted_value = request.value
    self.storage.save(
        promised=self.promised, accepted_ballot=self.accepted_ballot, accepted_value=self.accepted_value
    )
    self.send(source, Accepted(request.ballot, request.value))
    # END SOLUTION

# %% check=8.2
check("8.2")

# %% hints=8.2
# - It is exercise 8.1 once more, with another thing to keep. What would go wrong if an accepted ballot did not count as promised?
# - Three attributes change together: `promised`, `accepted_ballot`, `accepted_value`. One save for the three, or a crash may fall between them.
# - `self.storage.save(promised=request.ballot, accepted_ballot=request.ballot, accepted_value=request.value)`, then `self.send(source, Accepted(request.ballot, request.value))`.

# %% [markdown]
# ## 3. Whose value?
# Now the other side.
# A proposer begins a ballot with `begin`, which is given, and waits for promises.

# %% run
show_source(Proposer)

# %% [markdown]
# When a majority has promised, the proposer may go to phase 2.
# But with which value?
# Suppose that a1, in its promise, says: *I have accepted Ana in ballot 3.*
# It may be that a2 has accepted that as well, that a2 is silent now, and that an office has long told Ana that the seat is hers.
# The proposer cannot know.
# So it gives up its own wish, and proposes Ana.

# %% predict
predict("8.3", "a1 promises, and has accepted Ana in ballot 3; a2 promises, and has accepted Ben in ballot 4. What must be proposed?",
        options=["Ana", "Ben", "its own value", "either"])

# %% [markdown]
# Think about why it is the *highest* ballot that counts.
# Ben was proposed in ballot 4, by somebody who had heard from a majority first.
# Had Ana been chosen in ballot 3, or could it still be, then that majority would have told, and ballot 4 would have proposed Ana.
# So Ana is out of the question, but Ben may be chosen: the last one to ask knew everything that the earlier ones did.

# %% [markdown]
# ### Exercise 8.3: a majority has promised
# There is a trap in the word "when".
# A third promise may come after the majority is complete, and tell of a higher ballot still.
# It is too late for it then: in one ballot there is one value, and this one's has been sent.

# %% exercise=8.3
@exercise("8.3", into=Proposer)                 # about 8 lines
def on_promise(self, source: NodeId, promise: Promise) -> None:
    """Note a promise of the present ballot; at a majority of acceptors, choose a value and propose it.

    Keep the promise in `self.promises[source]`, so that an acceptor counts once. A promise for
    another ballot than `self.ballot` changes nothing, nor does one when no operation is pending
    (`self.pending` is None). The acceptors are `self.peers`; `majority(n)` is given.
    When a majority has promised, `self.value` becomes the value "of the highest-numbered
    proposal among the responses", or `self.pending.value` "if the responders reported no
    proposals" (Lamport 2001, section 2.2), and goes to every acceptor in an Accept with
    `self.ballot`. This happens once in a ballot: promises that come later change nothing in it.
    """
    # STUB: guard; note; at a majority, take the highest accepted_ballot
    # BEGIN SOLUTION
    if self.pending is None or promise.ballot != self.ballot or self.value is not None:
        return
    self.promises[source] = promise
    if len(self.promises) < majority(len(self.peers)):
        return
    highest = max(self.promises.values(), key=lambda promise: promise.accepted_ballot)
    self.value = self.pending.value if highest.accepted_value is None else highest.accepted_value
    self.broadcast(Accept(self.ballot, self.value))
    # END SOLUTION

# %% check=8.3
check("8.3")

# %% hints=8.3
# - Begin with what does not count: nothing is pending; another ballot; this ballot's value has been proposed already (`self.value` is not None).
# - After noting the promise, compare `len(self.promises)` with `majority(len(self.peers))`. Then find the promise with the highest `accepted_ballot`: it has either the value to repeat, or None.
# - `highest = max(self.promises.values(), key=lambda promise: promise.accepted_ballot)`; its `accepted_value`, unless that is None; then `self.broadcast(Accept(self.ballot, self.value))`.

# %% [markdown]
# ## 4. Chosen
# Whoever finds out which value was chosen is a **learner**.
# The acceptors answer the proposer, so let the proposer learn.
#
# It is easy to count wrongly here.
# One acceptor that answers twice is one acceptor.
# And an acceptance in ballot 3 and another in ballot 7 are no majority: nobody promises that the value of ballot 3 was still there when ballot 7 came.

# %% predict
predict("8.4", "p1 is in ballot 7. Two of three Accepted messages for its ballot 3 come in, very late. Is that value chosen?",
        options=["yes", "no", "only if ballot 7 agrees"])

# %% [markdown]
# ### Exercise 8.4: learn

# %% exercise=8.4
@exercise("8.4", into=Proposer)                 # about 5 lines
def on_accepted(self, source: NodeId, reply: Accepted) -> None:
    """Note that `source` has accepted; when a majority has accepted one ballot, its value is chosen.

    `self.accepted` has, for each ballot, the set of acceptors that accepted it, and begins
    empty. An acceptor counts once in a ballot, and acceptances of different ballots are never
    added up. A majority in an earlier ballot of this proposer chooses its value just as well.
    Call `self.decide(value)` when a majority is there, with the value that was accepted.
    When no operation is pending, do not call it.
    """
    # STUB: a set for each ballot
    # BEGIN SOLUTION
    self.accepted.setdefault(reply.ballot, set()).add(source)
    if self.pending is not None and len(self.accepted[reply.ballot]) >= majority(len(self.peers)):
        self.decide(reply.value)
    # END SOLUTION

# %% check=8.4
check("8.4")

# %% hints=8.4
# - What exactly has to be the same in the messages that you count together?
# - A dict from ballot to a set of acceptors: `setdefault` makes the empty set. Compare the size of one set with the majority.
# - `self.accepted.setdefault(reply.ballot, set()).add(source)`, then, if something is pending and that set is large enough, `self.decide(reply.value)`.

# %% [markdown]
# ## 5. A duel
# p1 prepares ballot 1, and p2 prepares ballot 2 before p1 has come to phase 2.
# So p1's Accept is refused.
# It prepares ballot 3, before p2 has come to phase 2.
# So p2's Accept is refused.
#
# Nothing wrong is ever chosen, and nothing else either.
# Fischer, Lynch and Paterson proved in 1985 that no algorithm can exclude this for sure, if messages may take arbitrarily long.
# In practice it is enough that the two do not come back at the same moment: who is refused waits, at random, and twice as long each time.

# %% predict
predict("8.5", "p1's ballot 3 was refused: the acceptor had promised (8, 'p2'). Which number may p1 use next?",
        options=["4", "8", "9"])

# %% [markdown]
# ### Exercise 8.5: give way
# One ballot may be refused by several acceptors, and it is one refusal.
# `begin`, which the timer `"retry"` calls, takes the number after `self.highest`.

# %% exercise=8.5
@exercise("8.5", into=Proposer)                 # about 7 lines
def on_nack(self, source: NodeId, nack: Nack) -> None:
    """An acceptor has promised a higher ballot: remember its number, and come back after a random wait.

    `self.highest` becomes at least the number of the ballot that was promised, so that the next
    ballot is above it. This holds for every Nack, whichever ballot it refuses.
    The first Nack of the present ballot, while an operation is pending, is a refusal: count it
    in `self.refusals`, and set the timer "retry" to a random time, from BACKOFF_MS up to
    BACKOFF_MS * 2 ** self.refusals, with at most DOUBLINGS_MAX doublings (section 2.4 leaves
    the choice open). Further Nacks of that ballot, and those of others, set no timer and count
    nothing; `self.refused`, the last ballot that was refused, is there to tell them apart.
    Nothing is sent here.
    """
    # STUB: highest, in every case; then, for a new refusal, refusals and the timer
    # BEGIN SOLUTION
    self.highest = max(self.highest, nack.promised[0])
    if self.pending is None or nack.ballot != self.ballot or nack.ballot == self.refused:
        return
    self.refused = nack.ballot
    self.refusals += 1
    self.set_timer("retry", BACKOFF_MS, BACKOFF_MS * 2 ** min(self.refusals, DOUBLINGS_MAX))
    # END SOLUTION

# %% check=8.5
check("8.5")

# %% hints=8.5
# - Two duties: learn the number (always), and wait (once for each ballot).
# - `nack.promised` is a ballot, and its first half is the number. A Nack is a new refusal if it refuses `self.ballot` and `self.refused` is not that ballot yet.
# - `self.set_timer("retry", BACKOFF_MS, BACKOFF_MS * 2 ** min(self.refusals, DOUBLINGS_MAX))`: two times make a random wait between them.

# %% [markdown]
# ## 6. Seat 12 again
# The same offices, the same distances, and your acceptors and proposers.
# Follow p2: its first ballot loses against p1's or wins against it, and in both cases the two agree in the end.

# %% run
desks = {"a1": "Acceptor", "a2": "Acceptor", "a3": "Acceptor"}
run = simulate(Acceptor, desks, client=Proposer, workload=SEAT_12, script=far_offices, until_ms=600)
spacetime(run, title="One seat, one passenger")

# %% run
for operation in run.history:
    print(operation)

# %% [markdown]
# If an exercise above is not written yet, the run stops there, and there is little to see.
# Otherwise both offices name the same passenger, and one of them has to disappoint its own.
#
# ### Every order of events
# The next check tries *all* orders of two proposers and three acceptors up to ballot number 2: any message next, late, twice or never, and an acceptor that crashes between any two effects.
# Then come more acceptors, more proposers, cuts, and offices that hear nothing.

# %% check=8.S
check("8.S")

# %% [markdown]
# ## 7. Break it
# Which line keeps seat 12 from being sold twice?
# Take away one that is easily forgotten: the promise is made, and not saved.

# %% run
class Forgetful(Acceptor):
    """Promises, and keeps it to itself."""

    def on_prepare(self, source, request):
        if request.ballot < self.promised:
            self.send(source, Nack(request.ballot, self.promised))
            return
        self.promised = request.ballot
        self.send(source, Promise(request.ballot, self.accepted_ballot, self.accepted_value))

# %% [markdown]
# Now be the nemesis.
# p1 is slow: its ballot (1, p1) has two promises, and its Accept is under way.
# p2 prepares (1, p2), which is higher, and hears from a2 and a3 that nothing has been accepted.
# Then a2 crashes, and boots again.

# %% predict
predict("8.S", "a2 has forgotten its promise to p2. What can p1's late Accept do at a2?",
        options=["nothing: a2 refuses it", "be accepted, and with a1 make Ana chosen", "make a2 crash again"])

# %% run
def power_cut(run):
    link = run.network.set_link
    for desk, ms in (("a1", 5), ("a2", 5), ("a3", 300)):
        link("p1", desk, delay_ms=(ms, ms))
    for desk, ms in (("a1", 300), ("a2", 8), ("a3", 8)):
        link("p2", desk, delay_ms=(ms, ms))
    link("a1", "p1", delay_ms=(5, 5))
    link("a2", "p1", delay_ms=(9, 9))
    run.at(10, run.crash, "a2").at(13, run.restart, "a2")

forgetful = {"a1": "Forgetful", "a2": "Forgetful", "a3": "Forgetful"}
run = simulate(Forgetful, forgetful, client=Proposer, workload=SEAT_12, script=power_cut, delay_ms=(5, 5), until_ms=40)
spacetime(run, title="A promise that a crash took back")

# %% run
print(*run.history, sep="\n")

# %% [markdown]
# Ana's ballot was lower and came later, and an acceptor that remembered would have refused it.
# Everything else was done by the rules: no message was lost, and each value had a majority.
# Put `Acceptor` in place of `Forgetful` in that cell, and 600 in place of 40: a2 says Nack, p1 prepares a higher ballot, and learns of Ben.

# %% [markdown]
# ## 8. Measure
# What does a duel cost, and what does the back-off save?
# Below are one to eight offices that all want the seat at the same moment: yours, and offices that come back at once when they are refused.

# %% run
class Stubborn(Proposer):
    """Comes back at once."""

    def on_nack(self, source, nack):
        self.highest = max(self.highest, nack.promised[0])
        if self.pending is not None and nack.ballot == self.ballot:
            self.begin()

def duel(office, offices, seed):
    work = {f"p{n}": [("propose", None, f"passenger {n}")] for n in range(1, offices + 1)}
    run = simulate(Acceptor, desks, client=office, workload=work, seed=seed, delay_ms=(1, 10), until_ms=3_000)
    last_ms = max((op.returned_us or 3_000_000) / 1000 for op in run.history) if len(run.history) else 0
    return {"offices": offices, "policy": office.__name__, "messages": len(run.trace.of_kind("send")), "ms": last_ms}

# %% chart
from labkit.figures import charts

rows = [duel(o, n, s) for o in (Proposer, Stubborn) for n in (1, 2, 3, 4, 6, 8) for s in range(8)]
charts.sweep(rows, "offices", "messages", by="policy", title="Messages until all know who has the seat")

# %% run
import pandas as pd

pd.DataFrame(rows).groupby(["offices", "policy"])[["messages", "ms"]].median().unstack()

# %% [markdown]
# One office alone needs twelve messages: two round trips to three desks.
# The stubborn ones need nearly as many with two, and then ever more: with eight it is about two thousand, against some 230 of yours.
# Up to six they are even *faster* than yours, and that is a doubt to have about our simulator, whose desks are never tired: a real desk would have to read those two thousand messages one after the other.
# With eight the lead is gone: the ballots kill each other faster than they can end.
#
# Waiting makes the difference between a cost that grows a little more than the number of offices and one that explodes.
# Still, every further office costs more than the one before.
# Better to have *one* proposer, and that is part two.

# %% [markdown]
# ## 9. What you know now
# An acceptor refuses what is below its promise, and says what it has accepted; a proposer asks a majority, and repeats the value of the highest ballot that it hears of.
# Together they make sure: once a value is chosen, every higher ballot proposes that value.
# Promises are worth what the disk is worth.
# Time-outs and waits decide only how long it takes, never what is chosen.
#
# | word | meaning |
# |---|---|
# | ballot | one numbered attempt of one proposer; all ballots are ordered |
# | promise | "I accept nothing below this ballot", kept over crashes |
# | accept | take a value in a ballot; it may be replaced in a higher one |
# | chosen | a majority has accepted the value in one ballot; for ever |
# | learner | finds out what is chosen by counting |
# | duel | ballots that kill each other, so that none ends |

# %% [markdown]
# ### Questions
# 1. A value was accepted by one acceptor of three. Is it chosen? Can it still be? Can it be forgotten?
# 2. Two acceptors of three have accepted Ana, one in ballot 2 and one in ballot 5, where p9 is the proposer of ballot 5. Is Ana chosen?
# 3. Why does a proposer save its number before it asks anyone?
# 4. What would go wrong if an acceptor that has accepted (5, p1) could still accept (4, p2)?
# 5. With five acceptors, how many may be gone for good before nothing can be chosen any more? And how many crashes that only restart?
#
# <details><summary>Answers</summary>
#
# 1. Not chosen. It can be: if the next majority that is asked includes that acceptor, its value will be proposed again. It can also be lost: if the next majority does not include it.
# 2. Not by these two acceptances: they are of different ballots. (Ballot 5 proposed Ana because it heard of her or wished so; a majority that has accepted (5, Ana) would choose her.)
# 3. If it forgot the number in a crash, it would use the same ballot twice, perhaps with two values: then a majority of one ballot means nothing.
# 4. p2 may have heard of nothing in ballot 4's first phase and propose Ben there. The acceptor would replace a value that is perhaps chosen in ballot 5 by one of an older ballot.
# 5. Two. Of crashes any number, as long as the disks survive and three are up together for long enough.
#
# </details>
#
# ### In production
# Google's Chubby and Spanner, Microsoft's Azure Storage, and the light-weight transactions of Cassandra run Paxos.
# Cassandra's `IF NOT EXISTS` is the algorithm of this part, one instance for each row and update, and it has the duels, too: under contention its time-outs are well known.
#
# ### Going further
# - 15 min: a proposer whose own value is proposed by somebody else need not wait. Where in a trace could it know earlier?
# - 1 h: write a learner of its own, to which the acceptors send their Accepted as well. What does it cost, and which message delay does it save?
# - An evening: prove with a pencil that no two values can be chosen. Show by induction over ballots: if v is chosen in ballot b, each higher ballot proposes v. (Lamport 2001, section 2.2, from P2 to P2c.)
#
# Reading: Lamport, *Paxos Made Simple* (2001), section 2, for the two rules and why they are the only ones that are left; Lamport, *The Part-Time Parliament* (1998), sections 1 and 2, for the story and the proof; Fischer, Lynch & Paterson, *Impossibility of Distributed Consensus with One Faulty Process* (1985), for the duel that cannot be excluded.
#
# One seat is sold. In part two there is a train to sell, and one office that leads.
