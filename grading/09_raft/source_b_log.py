# %% part=log

# %% [markdown]
# # Lab 09: Raft, part two: the log
# > One leader, five nodes, a sale a second. When is a sale written down for good?
#
# | | |
# |---|---|
# | Time | this part 80 min (20 reading, 40 code, 20 thinking) |
# | You need | Part one, or the idea of a term and of a majority |
# | You will be able to | repair a follower's log from what it answers; say of an entry in a trace whether it is committed; tell the story of figure 8 by heart |
# | Read first | Ongaro & Ousterhout 2014, sections 5.3 and 5.4 (5 pages), with figure 2 beside you |

# %% setup
from labkit import check, exercise, hint, predict, replay, show_source, simulate, spacetime, start_cluster, use_answers
from labkit.figures.charts import log_table, sweep
from given import *

use_answers("9.1", "9.2", "9.3", "9.4")

# %% [markdown]
# ## 1. Three books
# The shop has one leader now, n1, and three copies of its book.
# Whatever n1 writes down, it tells the other two.
# Two tills send it their sales, and the network takes between 1 and 40 ms for a message.

# %% predict
predict("9.5", "Six sales, no crash, no message lost. How many of the three books will be the same?", options=["all three", "two of them", "none may be"])

# %% run
tills = {"till1": [("submit", None, f"tea {n}") for n in (1, 2, 3)], "till2": [("submit", None, f"jam {n}") for n in (1, 2, 3)]}
run = simulate(NaiveLog, nodes=3, client=ShopClient, workload=tills, seed=6, delay_ms=(1, 40))
log_table({id: run.observe(id) for id in ("n1", "n2", "n3")}, title="Six sales, three books")

# %% [markdown]
# Read the three rows from left to right.
# Messages overtake each other, so each follower wrote the sales down in an order of its own.
# And n1 told its tills that all was done before anyone else had heard of it: had n1 died then, the sale would be gone.
#
# Two things are missing, and both belong to the leader.
# It must say *where* in the book an entry goes, and it must not say *done* before it knows that the entry will stay.
# The second is harder than it looks: at the end of this part you will see entries on a majority of all nodes vanish.

# %% [markdown]
# ## 2. What is given
# The book is now called the **log**: entries with an index from 1, each with the term in which a leader took it.
# An entry is **committed** when it can never be lost again; then each node **applies** it, and only then the till gets its answer.

# %% run
show_source(LogRaft)

# %% [markdown]
# Five methods are missing: one for the follower, three for the leader, one for both.
# Look at the last group, too.
# Use `term_at`, `first_of_term`, `entries_from` and `replace_from` rather than `self.log[index - 1]`: they know that the first index is 1, and in part four, when old entries are thrown away, they will know that as well.
#
# A till may ask any node, since `Submit` can be sent anywhere.
# In `on_submit` you see who takes a command, and what the others say.

# %% [markdown]
# ## 3. Does it fit?
# A leader sends entries, and says what comes right before them: `prev_log_index` and `prev_log_term`.
# A follower takes them only if it has the same there.
# So by induction two logs that agree at one index agree on everything before it: the paper's **log matching**.
#
# Some of what a follower has may be wrong, from a leader that was cut off before anyone else heard of it.
# Then the follower must drop it, but not a single entry more than the leader's message proves to be wrong.

# %% predict
predict("9.5", "A follower has five entries. An old message of the same leader arrives, with entries 2 and 3, which it has. How many entries are left?", options=["three", "five", "two"])

# %% [markdown]
# Messages overtake each other, so this happens all the time.
# The leader may already have been told that entries 4 and 5 are safe here.

# %% [markdown]
# ### Exercise 9.5: take what fits

# %% exercise=9.5
@exercise("9.5", into=LogRaft)                     # about 8 lines
def take_entries(self, request: AppendEntries) -> AppendEntriesReply:
    """Take what the leader of the current term sends, if it fits; the answer (figure 2, receiver, 2 to 4).

    It fits if this log has an entry of term `request.prev_log_term` at `request.prev_log_index`;
    index 0 with term 0, before the first entry, always fits. If not, the log stays as it is, and
    the answer is `self.refusal(request.prev_log_index)`. If it fits: entries that this log has
    already, at the same index and of the same term, stay as they are. From the first index where
    it has another term or nothing, it has what the leader sent, and nothing after that. If there
    is no such index, nothing is dropped: the request may be an old one. The answer is a success
    in the current term, whose `match_index` is the index of the request's last entry, or
    `prev_log_index` if it has none. Nothing is sent here: `on_append_entries` does it.
    """
    # STUB: compare self.term_at(request.prev_log_index) first; then entry by entry
    # BEGIN SOLUTION
    prev = request.prev_log_index
    if self.term_at(prev) != request.prev_log_term:
        return self.refusal(prev)
    for index, entry in enumerate(request.entries, prev + 1):
        if self.term_at(index) != entry.term:
            self.replace_from(index, request.entries[index - prev - 1 :])
            break
    return AppendEntriesReply(self.current_term, True, prev + len(request.entries))
    # END SOLUTION

# %% check=9.5
check("9.5")

# %% hints=9.5
# - Two cases: the right term at prev_log_index, or not. Only the first may touch the log.
# - Walk through the request's entries with their indexes. `self.term_at(index)` is None where this log ends, and that differs from every term.
# - At the first entry whose term is not `self.term_at(index)`: `self.replace_from(index, request.entries[index - prev - 1 :])`, and stop. If there is none, the log stays.

# %% [markdown]
# ## 4. What to tell whom
# The leader keeps a guess for each follower: `next_index`, the first entry that it may lack.
# At its election it guesses well of everyone: that they have all that it has.
# A heartbeat is the same message.
# There may be no entry to send, but prev and commit go along, so that every heartbeat asks once more whether the logs agree.

# %% predict
predict("9.6", "The leader has 7 entries, and next_index is 8 for a follower. What are prev_log_index and the entries of its heartbeat?", options=["7, and none", "8, and none", "7, and entry 7"])

# %% [markdown]
# ### Exercise 9.6: the news for one follower

# %% exercise=9.6
@exercise("9.6", into=LogRaft)                     # about 3 lines
def news_for(self, peer: NodeId) -> AppendEntries:
    """What this leader has to tell `peer`: the next AppendEntries to it (figure 2, leaders).

    Its entries are those from `self.next_index[peer]` on, in order, as many as there are but at
    most BATCH_MAX; perhaps none. `prev_log_index` is the index right before them, and
    `prev_log_term` the term of the entry there. `leader_commit` is `self.commit_index`.
    This method only answers; it changes nothing.
    """
    # STUB: begin with the index before next_index[peer]
    # BEGIN SOLUTION
    prev = self.next_index[peer] - 1
    entries = self.entries_from(prev + 1)[:BATCH_MAX]
    return AppendEntries(self.current_term, self.id, prev, self.term_at(prev), entries, self.commit_index)
    # END SOLUTION

# %% check=9.6
check("9.6")

# %% hints=9.6
# - Which index comes right before the entries that you send, and which term is there?
# - `self.term_at(0)` is 0, so the first entry needs no special case.
# - `prev = self.next_index[peer] - 1`, then `AppendEntries(...)` with six values, in the order of its fields.

# %% [markdown]
# ## 5. What the answers teach
# A success says how far two logs agree, and a refusal that the guess was too high.
# Going back by one index each time would repair any log in the end; a follower with 10,000 wrong entries would take 10,000 round trips.
# So a refusal says where the wrong term begins, and the leader skips the whole term.

# %% predict
predict("9.7", "Answers come late and in any order. The leader knows that n2 agrees up to 9. Now 'success, up to 6' comes from n2. What does it know?", options=["up to 9", "up to 6", "nothing for certain"])

# %% [markdown]
# ### Exercise 9.7: learn from an answer

# %% exercise=9.7
@exercise("9.7", into=LogRaft)                     # about 8 lines
def note_reply(self, source: NodeId, reply: AppendEntriesReply) -> None:
    """Bring `match_index` and `next_index` of `source` up to date (figure 2, leaders; section 5.3).

    After a success, its log agrees with this one up to `reply.match_index`: `match_index` rises
    to it, and `next_index` to the one after. Answers come late and in any order: a success
    never makes either of the two smaller.
    After a refusal, `next_index` goes back to `reply.conflict_index`, so that a whole term is
    skipped at once. A refusal comes late, too: it never moves `next_index` forward, nor down to
    `match_index` or below, and it never changes `match_index`.
    An answer of an older term teaches nothing, and a node that does not lead learns nothing.
    Only numbers change here: `on_append_entries_reply` sends what there is to send.
    """
    # STUB: first: is this answer for the leader of this term?
    # BEGIN SOLUTION
    if self.role is not Role.LEADER or reply.term != self.current_term:
        return  # an answer to a leader that is no more
    if reply.success:
        self.match_index[source] = max(self.match_index[source], reply.match_index)
        self.next_index[source] = max(self.next_index[source], self.match_index[source] + 1)
    else:
        back = min(self.next_index[source], reply.conflict_index)
        self.next_index[source] = max(back, self.match_index[source] + 1)
    # END SOLUTION

# %% check=9.7
check("9.7")

# %% hints=9.7
# - Begin with a guard for the last rule but one of the docstring; then there are two cases.
# - "Never smaller" is a `max`, "never forward" is a `min`. What is the lowest sensible next_index, if match_index is known?
# - Refused: `max(min(self.next_index[source], reply.conflict_index), self.match_index[source] + 1)`. Success: a `max` for each of the two.

# %% [markdown]
# ## 6. Committed
# When may the leader say *done*?
# When a majority has the entry, one thinks: any later leader needs a vote from that majority, and the vote rule of part one refuses candidates whose log is behind.
# It is nearly true.
# Here is the exception, figure 8 of the paper, with three nodes:
#
# | | n1 | n2 | n3 |
# |---|---|---|---|
# | n1 leads term 1, writes `a`, is cut off | a1 | | |
# | n3 leads term 2, writes `b`, is cut off | a1 | | b2 |
# | n1 leads term 3, and sends `a` to n2 | a1 | a1 | b2 |
#
# Now a majority has `a`, in the row n1 and n2.

# %% predict
predict("9.8", "n1 is cut off again, and n3 stands for election in term 4. Does n2 vote for it?", options=["no, n3 lacks a", "yes, its last term is higher", "no, it voted for n1"])

# %% [markdown]
# It does: the last entry of n3 is of term 2, that of n2 of term 1.
# So n3 leads, and overwrites `a` on both others, though a majority had it.
# The rule that mends this is one condition long: a leader counts copies of entries of **its own term** only.
# Whatever comes before such an entry is committed along with it, by log matching.

# %% [markdown]
# ### Exercise 9.8: the commit rule

# %% exercise=9.8
@exercise("9.8", into=LogRaft)                     # about 4 lines
def committable(self) -> int:
    """The highest index that this leader may call committed (figure 2, leaders; section 5.4.2).

    That is the highest index up to which a majority of all nodes agree with this log, this node
    included, if the entry there is of the current term. If there is none above
    `self.commit_index`, the answer is `self.commit_index`. `self.match_index` tells how far each
    peer agrees. This method only answers; it changes nothing.
    """
    # STUB: sort how far each node agrees; which place in that list is a majority?
    # BEGIN SOLUTION
    agree = sorted([self.last_log_index, *self.match_index.values()])
    index = agree[(len(agree) - 1) // 2]  # a majority of nodes agrees at least so far
    return index if self.term_at(index) == self.current_term else self.commit_index
    # END SOLUTION

# %% check=9.8
check("9.8")

# %% hints=9.8
# - Write down for five nodes how far each agrees, such as 7, 7, 5, 3, 0. Up to where do three of them agree?
# - Sorted upwards, the majority's index stands at place `(n - 1) // 2`. Try it with four nodes.
# - `agree = sorted([self.last_log_index, *self.match_index.values()])`, then the place, then `self.term_at(index) == self.current_term`.

# %% [markdown]
# ## 7. Into the book
# `leader_commit` travels with every message, so a follower learns it late, and of a log that may not be its own yet.
# Suppose that a follower has old entries 4 and 5, and a heartbeat says: we agree up to 3, and everything up to 5 is committed.
# Its 4 and 5 are not the leader's.
# How much may it put into the book?

# %% predict
predict("9.9", "The follower of this paragraph: which entries does it apply?", options=["up to 3", "up to 5", "none"])

# %% [markdown]
# ### Exercise 9.9: commit and apply
# `self.apply(index)` is given: it writes the command into the book and answers the till.

# %% exercise=9.9
@exercise("9.9", into=LogRaft)                     # about 4 lines
def learn_commit(self, leader_commit: int, verified: int) -> None:
    """A leader says that its entries up to `leader_commit` are committed (figure 2, all servers).

    This log is known to agree with that leader's up to `verified`, and not further. So
    `self.commit_index` becomes the smaller of both, but never less than it was.
    Then each entry up to `self.commit_index` that has not been applied yet is applied, one after
    the other in the order of the log, by `self.apply(index)`; `self.last_applied` is the index
    of the last one. No entry is applied twice.
    """
    # STUB: commit_index first, and then apply what is new
    # BEGIN SOLUTION
    self.commit_index = max(self.commit_index, min(leader_commit, verified))
    while self.last_applied < self.commit_index:
        self.last_applied += 1
        self.apply(self.last_applied)
    # END SOLUTION

# %% check=9.9
check("9.9")

# %% hints=9.9
# - One `min`, one `max`, one loop.
# - The loop runs while `last_applied` is behind `commit_index`. Which of the two lines in it comes first?
# - `self.commit_index = max(self.commit_index, min(leader_commit, verified))`, then `self.last_applied += 1` and `self.apply(self.last_applied)` in the loop.

# %% [markdown]
# ### The same sales again
# Your nodes, with the two tills of section 1 and links that lose one message in ten.
# In the table, dark rims are committed; look for the place where the two tills meet.

# %% run
run = simulate(LogRaft, nodes=3, client=ShopClient, workload=tills, seed=6, delay_ms=(1, 40), loss=0.1)
log_table({id: run.observe(id) for id in ("n1", "n2", "n3")}, title="Six sales, one book, three times")

# %% [markdown]
# Is there a sale twice?
# A till whose answer was lost asks again, and the leader cannot know that it is the same sale; lab 10 mends that.

# %% [markdown]
# ## 8. Every order of events
# The next check plays the scenarios that the well-known Go labs play, under their names, and then orders of events that nobody would think of.
# After every event it asks for the five properties of the paper's figure 3: one leader a term; a leader never changes its log; equal entries have equal pasts; what was committed is in every later leader's log; all books are the same.
# Most of this it derives from your nodes' messages, whatever they claim.

# %% check=9.R
check("9.R")

# %% [markdown]
# ## 9. Break it
# Take the one condition out of exercise 9.8, and count all copies alike.

# %% run
class Hasty(LogRaft):
    """What a majority has is committed."""

    def committable(self):
        agree = sorted([self.last_log_index, *self.match_index.values()])
        return max(self.commit_index, agree[(len(agree) - 1) // 2])

# %% [markdown]
# How often does that go wrong?
# Random runs hardly ever find it, since four elections have to fall between four messages.
# So we search instead: every order of events, from stage to stage of the story in section 6.

# %% predict
predict("9.8", "How many steps are in the shortest story found, in which Hasty loses a sale?", options=["about 10", "about 30", "about 100"])

# %% run
run = find_loss(Hasty, figure_8)
print(run.violation.what)
spacetime(run, title="Figure 8: a majority had it, and it is gone")

# %% [markdown]
# Find the four elections, and the message that brings `tea` to n2.
# After it a majority has `tea`, Hasty says *done*, and the till has its answer.
# Then n3 is elected by n2, which had `tea`, and has overwritten it.
#
# Now the same search over your nodes: does it find anything?

# %% run
print(find_loss(LogRaft, figure_8))

# %% [markdown]
# ## 10. Five processes
# Now for real: five processes and two tills, and one of the processes leads.
# We cut the leader off from everyone but the first till, for two seconds, and then mend the network.

# %% predict
predict("9.R", "What has the first till got at the end, whose leader was cut off?", options=["all its sales, later", "no answer for some", "sales that the others lack"])

# %% cluster recorded=rejoin
sales = {till: [("submit", None, f"{till} {n}") for n in range(1, 19)] for till in ("tea", "jam")}
cluster = start_cluster(LogRaft, nodes=5, client=ShopClient, workload=sales, gap_ms=60, delay_ms=(1, 10), recorded="rejoin")
seen = lambda: {id: cluster.observe(id) for id in cluster.system.node_ids}
leaders = lambda: [id for id, one in seen().items() if one and one["role"].value == "leader"]
await cluster.until(lambda: leaders() and len(cluster.observe(leaders()[0])["book"]) > 5, timeout_s=60)
old = leaders()[0] if leaders() else "n1"
cluster.partition((old, "tea"), [id for id in (*cluster.system.node_ids, "jam") if id != old])
await cluster.run(cluster.now_ms + 2_000)
cluster.heal()
await cluster.until(lambda: cluster.finished, timeout_s=90)
cluster.close()

# %% run
answers = [(op.invoked_us / 1000, op.client, (op.returned_us - op.invoked_us) / 1000) for op in cluster.history if op.outcome == "ok"]
print(f"{len(answers)} sales were answered; the slowest: {max(answers, key=lambda answer: answer[2], default='none')}")

# %% [markdown]
# The first till waited until its 300 ms of patience were over, asked nodes that it could not reach, and came back to the old leader, which took its sale once more.
# None of that was committed.
# When the network was mended, the old leader saw a higher term, its lonely entries gave way, and the till asked the new one.

# %% [markdown]
# ## 11. Measure
# What does a sale cost, in messages?
# A follower that is behind gets all that it lacks in one message, so the more tills sell at once, the more sales share a message.

# %% chart
def messages_per_sale(tills, seed):
    """AppendEntries that carry something, per sale, with so many tills at five nodes."""
    work = {f"till{t:02}": [("submit", None, f"{t}.{n}") for n in range(96 // tills)] for t in range(tills)}
    run = simulate(LogRaft, nodes=5, client=ShopClient, workload=work, seed=seed, until_ms=6_000)
    carried = [e for e in run.trace.of_kind("send") if isinstance(e.data, AppendEntries) and e.data.entries]
    return {"tills": tills, "messages": len(carried) / 96, "seed": seed}

# %% chart
records = [messages_per_sale(tills, seed) for tills in (1, 2, 4, 8, 16, 32) for seed in range(5)]
sweep(records, "tills", "messages", title="The more tills sell at once, the less a sale costs")

# %% chart
import pandas as pd

pd.DataFrame(records).groupby("tills").messages.median()

# %% [markdown]
# One till pays for four followers each time, and somewhat more when a heartbeat crosses an answer.
# With 32 tills a sale costs less than one message, and nobody had to tune anything: each message takes along what has come since the last.

# %% [markdown]
# ## 12. What you know now
# A leader says where an entry goes, and a follower takes it only if it has the same right before: so two logs that agree somewhere agree on all before it.
# A follower drops only what is proved wrong.
# An entry is committed when a majority has it *and* it is of the leader's own term, or one after it is.
# What is committed is in every later leader's log, because voters refuse candidates that are behind.
#
# | word | meaning |
# |---|---|
# | log matching | equal index and term: equal entries, up to there |
# | next_index | what to send next; a guess |
# | match_index | up to where logs agree; known, and only rising |
# | committed | can never be lost again |
# | applied | in the state machine; follows committed |
# | figure 8 | how an entry on a majority can vanish |

# %% [markdown]
# ### Questions
# 1. Look at your prediction for 9.8. Which rule of part one made n2 vote for n3?
# 2. Why may `match_index` never fall within a term, though a follower may lose entries in a later one?
# 3. A follower with a longer log than the leader's gets a heartbeat that fits. Why must it not cut its log to the leader's length?
# 4. `next_index` may be any number, and nothing unsafe happens. Why? And why is this not so of `match_index`?
# 5. A new leader has 100 entries of older terms on every node, and no till sells anything. When are they committed?
#
# <details><summary>Answers</summary>
#
# 1. The up-to-date rule: n3's last entry is of term 2, n2's of term 1, and the later term wins, whatever the length.
# 2. Within a term a follower drops only what conflicts with this leader's log, and a leader never changes its own.
# 3. The message may be an old one; what it does not mention may have been sent since, and be committed.
# 4. `next_index` only chooses what to ask; the follower checks it. `match_index` is what the commit rule counts, and nobody checks it again.
# 5. Never, by this part's rules. This is why etcd's leader appends an empty entry of its own term at once; the paper does it too, for reads (section 8).
#
# </details>
#
# ### In production
# etcd and TiKV send entries before the last ones are answered, moving `next_index` on at once, and fall back to asking when an answer is missing.
# CockroachDB limits the bytes under way to a follower, not the entries.
# Kafka's newer clusters keep their own metadata in such a log, pulled by the followers instead of pushed.
#
# ### Going further
# - 15 min: let a new leader append an empty entry. Which checks above count messages or places, and complain?
# - 1 h: send on without waiting for the answer. What must happen to `next_index` when a message is lost?
# - An evening: let followers copy entries from each other when the leader's link is thin, without losing a check.
#
# Reading: Ongaro & Ousterhout, *In Search of an Understandable Consensus Algorithm* (2014), section 5.4.3, for the proof in one page; Ongaro's dissertation (2014), section 3.6, for figure 8 once more; Howard & Mortier, *Paxos vs Raft* (2020), for what Paxos does at this place; Gray & Lamport, *Consensus on Transaction Commit* (2006), for what a commit is elsewhere.
#
# The books agree, as long as nobody is switched off: in part three, the disk.
