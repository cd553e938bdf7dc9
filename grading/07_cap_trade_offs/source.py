# %% part=stores

# %% [markdown]
# # Lab 07: Side by side
# > The cable to Asia breaks. In Singapore a customer asks what tea costs. One of your stores says nothing; another one says €4, and it is wrong. Which of them is broken?
#
# | | |
# |---|---|
# | Time | about 90 min (25 min reading, 35 min code, 30 min thinking) |
# | You need | labs 04, 05 and 06: this lab runs the stores that you wrote there (or the course's) |
# | You will be able to | write a workload that tells stores apart; name the strongest consistency that a history shows; place a store on PACELC from what was measured |
# | Read first | nothing; afterwards Gilbert & Lynch 2002, sections 1 to 3, and Abadi 2012 |

# %% setup
from labkit import check, check_linearizable, exercise, hint, history_figure, predict, start_cluster
from labkit.consistency import check_causal, check_convergence, check_sequential, check_sessions
from labkit.figures import charts
from labkit.models import Register
from given import *

# %% [markdown]
# ## 1. The same day, two stores
# A tea shop has five branches, in five regions of a cloud; in each of them stand a replica and a till.
# All tills read and write the same price list.
# The links are as long as measured ones: half of a round trip from `datasets/region_round_trips`.
#
# In Amsterdam c1 writes a new price for tea every now and then.
# In Singapore c5 looks at it.
# After 0.6 s the cable breaks, and Japan and Singapore are cut off from the rest.

# %% predict
predict("7.3", "While the cable is broken, what does the till in Singapore get from the last-writer-wins store of lab 06?",
        options=["the newest price", "an old price", "no answer"])

# %% predict
predict("7.3", "And from the majority register of lab 05?", options=["the newest price", "an old price", "no answer"])

# %% [markdown]
# Each bar below is an operation, from the question to the answer; the grey band is the time of the partition.

# %% run
day = {"c1": [("write", "tea", f"€{n}") for n in range(1, 7)], "c5": [("read", "tea")] * 8}
run = play("last writer wins", day, cut_ms=(200, 700), until_ms=1_500)
history_figure(run, check_linearizable(run.history, Register()), title="Last writer wins: answered at once")

# %% run
run = play("majority", day, cut_ms=(200, 700), until_ms=2_500)
history_figure(run, check_linearizable(run.history, Register()), title="Majority: right, when it is answered")

# %% [markdown]
# The first picture has short bars, and Singapore's go on through the grey band with a price that is not true any more.
# In the second picture Singapore's bars in the band have no right end: the client gave up.
#
# Neither is a fault of the program.
# A replica in Singapore that cannot reach Amsterdam has two choices: to answer without knowing, or not to answer.
# That is the whole proof of Gilbert and Lynch (2002): a store that is **partition tolerant** is, while there is a partition, not both **consistent** (linearizable) and **available** (each operation that reaches a live replica is answered).
#
# Which choice did your stores make, and what did they pay for it *without* a partition?
# To say so we need a workload, a judge and a map.

# %% [markdown]
# ## 2. One workload for all
# A workload that only reads finds nothing wrong with any store.
# Nor does one in which each till writes keys of its own.
# And if two writes write the same value, nobody can say which of them a reader saw: the checkers then answer "unknown".
#
# ### Exercise 7.1: the workload

# %% exercise=7.1
@exercise("7.1")                                # about 7 lines
def make_workload(clients: tuple[str, ...], keys: tuple[str, ...], each: int) -> dict[str, list[tuple]]:
    """The calls of each client, in order: ("read", key) or ("write", key, value).

    The dict has an entry for each of `clients`, with `each` calls. All values of writes are texts,
    and no two writes of the whole workload have the same one, whatever the clients are called
    ("c1", "c11", ...). Every client reads every key at least once, and writes every key at least
    once. At least a quarter of each client's calls are reads, at least a quarter are writes, and no
    more than four of a kind stand in a row. `each` is at least 8, and at least 4 * len(keys).
    """
    # STUB: go through the clients; which kind and which key has call number n?
    # BEGIN SOLUTION
    work = {}
    for client in clients:
        work[client] = []
        for n in range(each):
            key = keys[n // 2 % len(keys)]
            work[client].append(("write", key, f"{client}.{n}") if n % 2 else ("read", key))
    return work
    # END SOLUTION

# %% check=7.1
check("7.1")

# %% hints=7.1
# - Two choices for call number n of a client: read or write, and which key. Does every pair of choices come up?
# - Alternate between read and write; go to the next key after each pair. A value made of the client's id and n is nobody else's, if something stands between the two.
# - `key = keys[n // 2 % len(keys)]`, and the call is `("write", key, f"{client}.{n}") if n % 2 else ("read", key)`.

# %% [markdown]
# Now the four stores, each through the same partition: from 800 to 2,000 ms Japan and Singapore are cut off ("east"), with their tills.
# An answer that takes more than half a second counts as none: nobody waits at a till for ever.

# %% run
workload = workload_by(make_workload, 60)
runs = {store: play(store, workload) for store in STORES}
for store, run in runs.items():
    print(f"{store:18} answered in the partition, %: {answered_in(run.history, CUT_MS)}   median ms: {latency_of(run.history)}")

# %% [markdown]
# Two of the stores, drawn over time.
# In each picture compare the two sides before, during and after the grey band.

# %% chart
timeline(runs["majority"])

# %% chart
timeline(runs["last writer wins"])

# %% [markdown]
# The majority store's east side falls to nothing, and no answer is ever stale.
# (It falls before the band begins: an operation takes 0.4 s there, and those that were under way ran into it.)
# In the other store nobody notices anything, except that answers are older in the band than before.
# They are not much older here, because each side goes on writing and sees at least its own prices; part b asks what happens where only one side writes.
#
# Draw `"primary-backup"` and `"R = W = 1"` as well.

# %% [markdown]
# ## 3. Which consistency is it?
# "Consistent" is more than yes or no.
# Between linearizable and nothing there are levels, and you have met them:
#
# | level | what clients may rely on |
# |---|---|
# | linearizable | all see one copy, in real time |
# | sequential | all see one order of all operations, which keeps the order of each process |
# | causal | whoever sees an effect sees its cause |
# | session | each process sees its own writes (RYW), and what it reads never goes back (MR) |
# | eventual | when all has been quiet for a while, the replicas hold the same |
# | nothing | not even that |
#
# Each level in the table implies those below it, as far as processes are concerned.
# The judges are in the kit: each takes a history, and answers with a judgement whose `.verdict` is "ok", "violation" or "unknown".

# %% predict
predict("7.2", "Primary-backup, through the partition: which level will its history show?",
        options=["linearizable", "sequential", "causal", "session", "eventual", "nothing"])

# %% predict
predict("7.2", "And the majority register of lab 05?",
        options=["linearizable", "sequential", "causal", "session", "eventual", "nothing"])

# %% [markdown]
# The other two were answered on both sides.

# %% predict
predict("7.2", "And R = W = 1?", options=["linearizable", "sequential", "causal", "session", "eventual", "nothing"])

# %% predict
predict("7.2", "And last writer wins, where every till asks its own replica?",
        options=["linearizable", "sequential", "causal", "session", "eventual", "nothing"])

# %% [markdown]
# ### Exercise 7.2: the strongest level

# %% exercise=7.2
@exercise("7.2", into=Evidence)                 # about 10 lines
def level(self) -> str:
    """The strongest level that this history shows, of the six in the table.

    `self.history` is a list of operations, `self.contents` maps each replica to what it held when
    all was quiet. A level is shown if its checker's verdict is "ok"; "unknown" is not "ok", and then
    the next weaker level is asked. The checkers: check_linearizable(history, Register());
    check_sequential(history, Register(), budget=SEARCH); check_causal(history);
    check_sessions(history, ("RYW", "MR")); and for "eventual" check_convergence(self.contents).
    """
    # STUB: ask the strongest first; a judgement is true only if its verdict is ok
    # BEGIN SOLUTION
    if check_linearizable(self.history, Register()):
        return "linearizable"
    if check_sequential(self.history, Register(), budget=SEARCH):
        return "sequential"
    if check_causal(self.history):
        return "causal"
    if check_sessions(self.history, ("RYW", "MR")):
        return "session"
    return "eventual" if check_convergence(self.contents) else "nothing"
    # END SOLUTION

# %% check=7.2
check("7.2")

# %% hints=7.2
# - If a history is linearizable it is all the rest, too. So which level do you ask for first?
# - Five questions from the top of the table to its bottom, and the first "ok" is the answer. A judgement is true exactly if its verdict is "ok".
# - `if check_linearizable(self.history, Register()): return "linearizable"`, then the same for the next three, and at the end `"eventual" if check_convergence(self.contents) else "nothing"`.

# %% [markdown]
# The verdicts, with your guesses above.

# %% run
for store, run in runs.items():
    print(f"{store:18} {answer_of(evidence_of(run), 'level')}")

# %% [markdown]
# A history is evidence of what happened, and no proof of what cannot happen.
# R = W = 1 looks causal here, since each till always hears its own replica first; nothing in the code makes sure of it, and part b takes the till on a journey.
# For the two weak stores the search for a sequential order ends without an answer, so that level is not claimed.
#
# Ask why a history is not linearizable, and the checker shows the few operations that prove it.

# %% run
print(check_linearizable(runs["last writer wins"].history, Register()))

# %% [markdown]
# ## 4. The other half of the trade
# Partitions are rare.
# What does a store pay on a quiet day?
# To be linearizable it has to hear from a majority, or from its backup, before it answers, and the speed of light has a say in that.
# So Abadi (2012) asks two questions: under a **P**artition, **A**vailability or **C**onsistency; **E**lse, **L**atency or **C**onsistency.
# Four letters place a store: PC/EC, PA/EL, and the two mixed ones.
#
# ### Exercise 7.3: PACELC, from measurements

# %% exercise=7.3
@exercise("7.3", into=Measured)                 # about 8 lines
def place(self) -> str:
    """The store's place, such as "PC/EC", from what was measured.

    After P: "A" if on every side of the partition at least 90 percent was answered; if not, "C" if
    `self.cut_level` is "linearizable"; if not, "-": it has given up both.
    After E: "C" if `self.peace_level` is "linearizable"; if not, "L" if `self.latency_ms` is less than
    `self.trip_ms`, a round trip to a majority; if not, "-".
    `self.answered` has pairs (side, percent).
    """
    # STUB: two decisions, and one text
    # BEGIN SOLUTION
    if all(percent >= 90 for _, percent in self.answered):
        partition = "A"
    else:
        partition = "C" if self.cut_level == "linearizable" else "-"
    if self.peace_level == "linearizable":
        return f"P{partition}/EC"
    return f"P{partition}/E{'L' if self.latency_ms < self.trip_ms else '-'}"
    # END SOLUTION

# %% check=7.3
check("7.3")

# %% hints=7.3
# - The two halves do not depend on each other. Which of the five figures does each of them need?
# - For the first half look at the worst side; for the second one look at the peaceful run only.
# - `all(percent >= 90 for _, percent in self.answered)` is the first question; `self.peace_level == "linearizable"` is the third.

# %% [markdown]
# ### All together: four stores on one map
# The next check plays the four stores with your workload, in peace and through a partition, and compares your levels and places with what the checkers say.

# %% check=7.C
check("7.C")

# %% chart
peace = {store: play(store, workload, cut_ms=None) for store in STORES}
found = [measured(store, peace[store], runs[store]) for store in STORES]
majority_ms = found[0].trip_ms
charts.pacelc(pacelc_rows(found), theory=[{"latency_ms": majority_ms, "line": "1 round trip"}, {"latency_ms": 2 * majority_ms, "line": "2 round trips"}])

# %% [markdown]
# Availability is the mean of the two sides, so 0.5 says that one of them was not answered at all.
# The dashed lines are what theory says: one and two round trips of the median till to its majority, from the data set.
# The majority register pays two, one for each phase.
# Primary-backup pays the way to Amsterdam and the primary's way to its backup; a till in Amsterdam pays only the second.
# The two stores at the top left pay next to nothing, at any time, and are never sure.
# The corner at the top left is empty of linearizable stores, and Gilbert and Lynch say that it stays so.

# %% [markdown]
# ## 5. Cut elsewhere
# The partition above was kind: the primary, its backup and the view service stood on the larger side.
# Choose whom to cut off, and for how long; the picture is drawn anew.

# %% predict
predict("7.3", "West Europe and East US are cut off from the other three. Which side does primary-backup answer?",
        options=["the three regions", "the two regions", "both", "neither"])

# %% run
def show(store, far, length_ms):
    far, cut_ms = [*far, *("c" + id[1:] for id in far)], (800, 800 + length_ms)
    return timeline(play(store, workload, cut_ms=cut_ms, far=far, until_ms=9_000), far=far, cut_ms=cut_ms)

cut_controls(show)

# %% [markdown]
# ("East" in the picture is whoever was cut off.)
# Primary-backup follows the view service, wherever that is; the number of regions does not matter to it.
# The majority store counts: two of five are never answered, whoever they are.
# Cut Singapore off alone, or four of five, and ask of each store who should be answered before you look.

# %% [markdown]
# ## 6. On real processes
# The same workload, a shorter one, on processes of their own; once with last writer wins, once with the majority register.
# From half a second on, n4 and n5 are cut off for 1.5 seconds, with their tills.

# %% cluster recorded=last_writer
short = workload_by(make_workload, 36)
cluster = start_cluster(LastWriter, nodes=5, client=LastWriterClient, workload=short, gap_ms=60, delay_ms=(5, 15), recorded="last_writer")
cut_off(cluster, cluster.now_ms + 500, cluster.now_ms + 2_000, list(EAST))
await cluster.until(lambda: cluster.finished, timeout_s=60)
cluster.close()
print(answer_of(evidence_of(cluster), "level"))
history_figure(cluster, check_linearizable(cluster.history, Register()), title="Last writer wins, on processes")

# %% cluster recorded=majority
cluster = start_cluster(Majority, nodes=5, client=MajorityClient, workload=short, gap_ms=60, delay_ms=(5, 15), recorded="majority")
cut_off(cluster, cluster.now_ms + 500, cluster.now_ms + 2_000, list(EAST))
await cluster.until(lambda: cluster.finished, timeout_s=60)
cluster.close()
print(answer_of(evidence_of(cluster), "level"))
history_figure(cluster, check_linearizable(cluster.history, Register()), title="Majority, on processes")

# %% [markdown]
# In the second picture the rows of c4 and c5 have bars without an end, and in the first one they have none.
# The red bars of the first picture are what that cost.

# %% [markdown]
# ## 7. What you know now
# While there is a partition, a replica that cannot reach the others either answers without knowing, or does not answer.
# Without a partition the same choice returns as latency: to know, one has to ask, and asking takes a round trip.
# What a store chose is not what its name says but what its histories show; checkers read them.
# A verdict "unknown" claims nothing.
#
# | word | meaning |
# |---|---|
# | partition tolerant | keeps its promises although messages between two sides are lost |
# | available | each operation that reaches a live replica is answered |
# | CAP | in a partition: consistent or available, not both |
# | PACELC | in a partition A or C, else latency or C |
# | causal | whoever sees an effect sees its cause |

# %% [markdown]
# ### Questions
# 1. Why is "CA" (consistent and available, not partition tolerant) no choice for a store with two machines?
# 2. A store shows "causal" in ten runs. What have you learned, and what not?
# 3. Can a store be PC/EL? What would it look like?
# 4. The till in Amsterdam asks a primary in Amsterdam. Is primary-backup "EL" for it?
#
# <details><summary>Answers</summary>
#
# 1. Because the network decides whether there is a partition, and not the store. Two machines whose link is down must do something, and both things they can do have a name.
# 2. That it did not break causality in these runs, with these links and faults. A single run that breaks it would settle the matter; no number of good ones does.
# 3. Yes: one that answers from near replicas on a quiet day, and refuses on the smaller side when it notices a partition. Yahoo's PNUTS is the usual example.
# 4. No. The primary asks its backup before it answers, on the other side of an ocean. What it saves is its own way to the primary.
#
# </details>
#
# ### In production
# Cassandra and DynamoDB let each call choose (part b does so, too); etcd, ZooKeeper and Spanner are PC/EC; Redis with asynchronous replicas is PA/EL, and so is DNS.
# Spanner is called "effectively CA" by its makers: partitions of Google's own network are so rare that other failures matter more (Brewer 2017). In one it is consistent and not available.
#
# ### Going further
# - 15 min: find a cut, with the controls above, that leaves primary-backup without any answer on either side.
# - 1 h: add a fifth store to `STORES`, lab 05's R = 1 and W = 5, and say where it lies before you measure it.
# - An evening: place a store that you use at work, from its documentation alone; then find the sentence in Jepsen's report on it that disagrees.
#
# Reading: Gilbert & Lynch, *Brewer's Conjecture and the Feasibility of Consistent, Available, Partition-Tolerant Web Services* (2002), for the proof, which is two pages; Abadi, *Consistency Tradeoffs in Modern Distributed Database System Design* (2012), for PACELC; Kleppmann, *A Critique of the CAP Theorem* (2015), for what the words leave open; Viotti & Vukolić, *Consistency in Non-Transactional Distributed Storage Systems* (2016), figure 1, for all levels on one page.
#
# One store need not make one choice: in part b each call brings its own.
