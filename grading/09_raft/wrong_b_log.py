"""Lab 09, part `log`: wrong answers, each named after the misconception behind it."""

from grading.answers import answer

# -- 9.5 ---------------------------------------------------------------------------------------


@answer(
    "9.5",
    misconception="what a request says is the whole log",
    rejected_by="an old or repeated request takes nothing away (OldMessages)",
)
def take_entries(self, request):
    prev = request.prev_log_index
    if self.term_at(prev) != request.prev_log_term:
        return self.refusal(prev)
    self.replace_from(prev + 1, request.entries)
    return AppendEntriesReply(self.current_term, True, prev + len(request.entries))


@answer(
    "9.5",
    misconception="a heartbeat leaves the log alone, any other request is the whole log",
    rejected_by="an old or repeated request takes nothing away (OldMessages)",
)
def take_entries(self, request):
    prev = request.prev_log_index
    if self.term_at(prev) != request.prev_log_term:
        return self.refusal(prev)
    if request.entries:
        self.replace_from(prev + 1, request.entries)
    return AppendEntriesReply(self.current_term, True, prev + len(request.entries))


@answer(
    "9.5",
    misconception="if there is an entry before, it is the right one",
    rejected_by="what does not fit is refused, and changes nothing (FollowerCheckMsgAppend)",
)
def take_entries(self, request):
    prev = request.prev_log_index
    if self.term_at(prev) is None:
        return self.refusal(prev)
    for index, entry in enumerate(request.entries, prev + 1):
        if self.term_at(index) != entry.term:
            self.replace_from(index, request.entries[index - prev - 1 :])
            break
    return AppendEntriesReply(self.current_term, True, prev + len(request.entries))


@answer(
    "9.5",
    misconception="only the entry that conflicts is wrong",
    rejected_by="what conflicts is dropped with all after it",
)
def take_entries(self, request):
    prev = request.prev_log_index
    if self.term_at(prev) != request.prev_log_term:
        return self.refusal(prev)
    kept = self.entries_from(prev + len(request.entries) + 1)
    self.replace_from(prev + 1, request.entries + kept)
    return AppendEntriesReply(self.current_term, True, prev + len(request.entries))


@answer(
    "9.5",
    misconception="the whole log agrees if the request fits",
    rejected_by="an old or repeated request takes nothing away (OldMessages)",
)
def take_entries(self, request):
    prev = request.prev_log_index
    if self.term_at(prev) != request.prev_log_term:
        return self.refusal(prev)
    for index, entry in enumerate(request.entries, prev + 1):
        if self.term_at(index) != entry.term:
            self.replace_from(index, request.entries[index - prev - 1 :])
            break
    return AppendEntriesReply(self.current_term, True, self.last_log_index)


@answer(
    "9.5",
    misconception="what is there already is right",
    rejected_by="what conflicts is dropped with all after it",
)
def take_entries(self, request):
    prev = request.prev_log_index
    if self.term_at(prev) != request.prev_log_term:
        return self.refusal(prev)
    there = self.last_log_index - prev
    self.replace_from(self.last_log_index + 1, request.entries[max(0, there) :])
    return AppendEntriesReply(self.current_term, True, prev + len(request.entries))


@answer(
    "9.5",
    misconception="what does not fit may go at once",
    rejected_by="what does not fit is refused, and changes nothing (FollowerCheckMsgAppend)",
)
def take_entries(self, request):
    prev = request.prev_log_index
    if self.term_at(prev) != request.prev_log_term:
        reply = self.refusal(prev)
        self.replace_from(min(prev, self.last_log_index + 1), ())
        return reply
    for index, entry in enumerate(request.entries, prev + 1):
        if self.term_at(index) != entry.term:
            self.replace_from(index, request.entries[index - prev - 1 :])
            break
    return AppendEntriesReply(self.current_term, True, prev + len(request.entries))


@answer(
    "9.5",
    misconception="entries must begin right after my last one",
    rejected_by="an old or repeated request takes nothing away (OldMessages)",
)
def take_entries(self, request):
    prev = request.prev_log_index
    if self.term_at(prev) != request.prev_log_term or prev != self.last_log_index:
        return self.refusal(prev)
    for index, entry in enumerate(request.entries, prev + 1):
        if self.term_at(index) != entry.term:
            self.replace_from(index, request.entries[index - prev - 1 :])
            break
    return AppendEntriesReply(self.current_term, True, prev + len(request.entries))


@answer(
    "9.5",
    misconception="a request from the beginning begins a new log",
    rejected_by="an old or repeated request takes nothing away (OldMessages)",
)
def take_entries(self, request):
    prev = request.prev_log_index
    if prev == 0:
        self.replace_from(1, request.entries)
        return AppendEntriesReply(self.current_term, True, len(request.entries))

    prev = request.prev_log_index
    if self.term_at(prev) != request.prev_log_term:
        return self.refusal(prev)
    for index, entry in enumerate(request.entries, prev + 1):
        if self.term_at(index) != entry.term:
            self.replace_from(index, request.entries[index - prev - 1 :])
            break
    return AppendEntriesReply(self.current_term, True, prev + len(request.entries))


@answer(
    "9.5",
    misconception="a heartbeat says nothing about the log",
    rejected_by="what is new is appended (FollowerAppendEntries)",
)
def take_entries(self, request):
    prev = request.prev_log_index
    if self.term_at(prev) != request.prev_log_term:
        return self.refusal(prev)
    for index, entry in enumerate(request.entries, prev + 1):
        if self.term_at(index) != entry.term:
            self.replace_from(index, request.entries[index - prev - 1 :])
            break

    agree = prev + len(request.entries) if request.entries else 0
    return AppendEntriesReply(self.current_term, True, agree)


@answer(
    "9.5",
    misconception="the leader will find out itself what is wrong",
    rejected_by="what does not fit is refused, and changes nothing (FollowerCheckMsgAppend)",
)
def take_entries(self, request):
    prev = request.prev_log_index
    if self.term_at(prev) != request.prev_log_term:
        return AppendEntriesReply(self.current_term, False, 0, prev, 0)
    for index, entry in enumerate(request.entries, prev + 1):
        if self.term_at(index) != entry.term:
            self.replace_from(index, request.entries[index - prev - 1 :])
            break
    return AppendEntriesReply(self.current_term, True, prev + len(request.entries))


@answer(
    "9.5",
    misconception="one conflict, one correction: the next request brings the rest",
    rejected_by="what is new is appended (FollowerAppendEntries)",
)
def take_entries(self, request):
    prev = request.prev_log_index
    if self.term_at(prev) != request.prev_log_term:
        return self.refusal(prev)

    for index, entry in enumerate(request.entries, prev + 1):
        if self.term_at(index) != entry.term:
            self.replace_from(index, (entry,))
            return AppendEntriesReply(self.current_term, True, index)
    return AppendEntriesReply(self.current_term, True, prev + len(request.entries))


@answer(
    "9.5",
    misconception="equal terms at the end mean equal logs",
    rejected_by="what does not fit is refused, and changes nothing (FollowerCheckMsgAppend)",
)
def take_entries(self, request):
    prev = request.prev_log_index
    if self.term_at(prev) is None or request.prev_log_term > self.last_log_term:
        return self.refusal(prev)
    for index, entry in enumerate(request.entries, prev + 1):
        if self.term_at(index) != entry.term:
            self.replace_from(index, request.entries[index - prev - 1 :])
            break
    return AppendEntriesReply(self.current_term, True, prev + len(request.entries))


# -- 9.6 ---------------------------------------------------------------------------------------


@answer(
    "9.6",
    misconception="prev is where the new entries begin",
    rejected_by="a new leader asks everyone whether the logs agree",
)
def news_for(self, peer):
    prev = min(self.next_index[peer], self.last_log_index)
    entries = self.entries_from(prev)[:BATCH_MAX]
    return AppendEntries(self.current_term, self.id, prev, self.term_at(prev), entries, self.commit_index)


@answer(
    "9.6",
    misconception="next_index is the last entry that the follower has",
    rejected_by="entries from next_index on are sent, and what comes right before them (LeaderStartReplication)",
)
def news_for(self, peer):
    prev = self.next_index[peer] - 1
    entries = self.entries_from(prev + 2)[:BATCH_MAX]
    return AppendEntries(self.current_term, self.id, prev, self.term_at(prev), entries, self.commit_index)


@answer(
    "9.6",
    misconception="the leader's last term is the term before the news",
    rejected_by="entries from next_index on are sent, and what comes right before them (LeaderStartReplication)",
)
def news_for(self, peer):
    prev = self.next_index[peer] - 1
    entries = self.entries_from(prev + 1)[:BATCH_MAX]
    return AppendEntries(self.current_term, self.id, prev, self.last_log_term, entries, self.commit_index)


@answer(
    "9.6",
    misconception="followers find out by themselves what is committed",
    rejected_by="every message says how far the log is committed",
)
def news_for(self, peer):
    prev = self.next_index[peer] - 1
    entries = self.entries_from(prev + 1)[:BATCH_MAX]
    return AppendEntries(self.current_term, self.id, prev, self.term_at(prev), entries)


@answer(
    "9.6",
    misconception="better too much than too little: the whole log, always",
    rejected_by="a new leader asks everyone whether the logs agree",
)
def news_for(self, peer):
    return AppendEntries(self.current_term, self.id, 0, 0, self.entries_from(1)[:BATCH_MAX], self.commit_index)


@answer(
    "9.6",
    misconception="one entry a message",
    rejected_by="entries from next_index on are sent, and what comes right before them (LeaderStartReplication)",
)
def news_for(self, peer):
    prev = self.next_index[peer] - 1
    entries = self.entries_from(prev + 1)[:1]
    return AppendEntries(self.current_term, self.id, prev, self.term_at(prev), entries, self.commit_index)


@answer(
    "9.6",
    misconception="a message is as long as it has to be",
    rejected_by="one message has at most BATCH_MAX entries, and as many as there are",
)
def news_for(self, peer):
    prev = self.next_index[peer] - 1
    entries = self.entries_from(prev + 1)
    return AppendEntries(self.current_term, self.id, prev, self.term_at(prev), entries, self.commit_index)


@answer(
    "9.6",
    misconception="what the leader has is committed",
    rejected_by="every message says how far the log is committed",
)
def news_for(self, peer):
    prev = self.next_index[peer] - 1
    entries = self.entries_from(prev + 1)[:BATCH_MAX]
    return AppendEntries(self.current_term, self.id, prev, self.term_at(prev), entries, self.last_log_index)


@answer(
    "9.6",
    misconception="the newest entries are the most urgent",
    rejected_by="one message has at most BATCH_MAX entries, and as many as there are",
)
def news_for(self, peer):
    prev = self.next_index[peer] - 1
    entries = self.entries_from(prev + 1)[-BATCH_MAX:]
    return AppendEntries(self.current_term, self.id, prev, self.term_at(prev), entries, self.commit_index)


# -- 9.7 ---------------------------------------------------------------------------------------


@answer(
    "9.7",
    misconception="a success means that the follower has everything",
    rejected_by="a success raises match_index and next_index",
)
def note_reply(self, source, reply):
    if self.role is not Role.LEADER or reply.term != self.current_term:
        return
    if reply.success:
        self.match_index[source] = self.last_log_index
        self.next_index[source] = self.last_log_index + 1
    else:
        back = min(self.next_index[source], reply.conflict_index)
        self.next_index[source] = max(back, self.match_index[source] + 1)


@answer(
    "9.7",
    misconception="the last answer is the newest",
    rejected_by="answers that come late take nothing back (OldMessages)",
)
def note_reply(self, source, reply):
    if self.role is not Role.LEADER or reply.term != self.current_term:
        return
    if reply.success:
        self.match_index[source] = reply.match_index
        self.next_index[source] = reply.match_index + 1
    else:
        self.next_index[source] = reply.conflict_index


@answer(
    "9.7",
    misconception="one step back at a time",
    rejected_by="a refusal skips the whole term at once",
)
def note_reply(self, source, reply):
    if self.role is not Role.LEADER or reply.term != self.current_term:
        return
    if reply.success:
        self.match_index[source] = max(self.match_index[source], reply.match_index)
        self.next_index[source] = max(self.next_index[source], self.match_index[source] + 1)
    else:
        self.next_index[source] = max(self.next_index[source] - 1, self.match_index[source] + 1)


@answer(
    "9.7",
    misconception="every answer is an answer to this leader",
    rejected_by="an answer of an older term teaches nothing",
)
def note_reply(self, source, reply):
    if self.role is not Role.LEADER:
        return
    if reply.success:
        self.match_index[source] = max(self.match_index[source], reply.match_index)
        self.next_index[source] = max(self.next_index[source], self.match_index[source] + 1)
    else:
        back = min(self.next_index[source], reply.conflict_index)
        self.next_index[source] = max(back, self.match_index[source] + 1)


@answer(
    "9.7",
    misconception="only refusals can be old",
    rejected_by="an answer of an older term teaches nothing",
)
def note_reply(self, source, reply):
    if self.role is not Role.LEADER or (reply.term != self.current_term and not reply.success):
        return
    if reply.success:
        self.match_index[source] = max(self.match_index[source], reply.match_index)
        self.next_index[source] = max(self.next_index[source], self.match_index[source] + 1)
    else:
        back = min(self.next_index[source], reply.conflict_index)
        self.next_index[source] = max(back, self.match_index[source] + 1)


@answer(
    "9.7",
    misconception="only a leader gets answers",
    rejected_by="an answer of an older term teaches nothing",
)
def note_reply(self, source, reply):
    if reply.term != self.current_term:
        return
    if reply.success:
        self.match_index[source] = max(self.match_index[source], reply.match_index)
        self.next_index[source] = max(self.next_index[source], self.match_index[source] + 1)
    else:
        back = min(self.next_index[source], reply.conflict_index)
        self.next_index[source] = max(back, self.match_index[source] + 1)


@answer(
    "9.7",
    misconception="a follower that refuses has nothing",
    rejected_by="answers that come late take nothing back (OldMessages)",
)
def note_reply(self, source, reply):
    if self.role is not Role.LEADER or reply.term != self.current_term:
        return
    if reply.success:
        self.match_index[source] = max(self.match_index[source], reply.match_index)
        self.next_index[source] = max(self.next_index[source], self.match_index[source] + 1)
    else:
        self.match_index[source] = 0
        self.next_index[source] = min(self.next_index[source], reply.conflict_index)


@answer(
    "9.7",
    misconception="before the conflict means one further back",
    rejected_by="a refusal skips the whole term at once",
)
def note_reply(self, source, reply):
    if self.role is not Role.LEADER or reply.term != self.current_term:
        return
    if reply.success:
        self.match_index[source] = max(self.match_index[source], reply.match_index)
        self.next_index[source] = max(self.next_index[source], self.match_index[source] + 1)
    else:
        back = min(self.next_index[source], reply.conflict_index - 1)
        self.next_index[source] = max(back, self.match_index[source] + 1)


@answer(
    "9.7",
    misconception="next is what it has",
    rejected_by="a success raises match_index and next_index",
)
def note_reply(self, source, reply):
    if self.role is not Role.LEADER or reply.term != self.current_term:
        return
    if reply.success:
        self.match_index[source] = max(self.match_index[source], reply.match_index)
        self.next_index[source] = self.match_index[source]
    else:
        back = min(self.next_index[source], reply.conflict_index)
        self.next_index[source] = max(back, self.match_index[source] + 1)


@answer(
    "9.7",
    misconception="start over when in doubt",
    rejected_by="a refusal skips the whole term at once",
)
def note_reply(self, source, reply):
    if self.role is not Role.LEADER or reply.term != self.current_term:
        return
    if reply.success:
        self.match_index[source] = max(self.match_index[source], reply.match_index)
        self.next_index[source] = max(self.next_index[source], self.match_index[source] + 1)
    else:
        self.next_index[source] = self.match_index[source] + 1


@answer(
    "9.7",
    misconception="a refusal is true for ever",
    rejected_by="answers that come late take nothing back (OldMessages)",
)
def note_reply(self, source, reply):
    if self.role is not Role.LEADER or reply.term != self.current_term:
        return
    if reply.success:
        self.match_index[source] = max(self.match_index[source], reply.match_index)
        self.next_index[source] = max(self.next_index[source], self.match_index[source] + 1)
    else:
        self.next_index[source] = min(self.next_index[source], reply.conflict_index)


@answer(
    "9.7",
    misconception="the follower knows best where to go on",
    rejected_by="answers that come late take nothing back (OldMessages)",
)
def note_reply(self, source, reply):
    if self.role is not Role.LEADER or reply.term != self.current_term:
        return
    if reply.success:
        self.match_index[source] = max(self.match_index[source], reply.match_index)
        self.next_index[source] = max(self.next_index[source], self.match_index[source] + 1)
    else:
        self.next_index[source] = max(reply.conflict_index, self.match_index[source] + 1)


@answer(
    "9.7",
    misconception="matching is enough, the rest will follow",
    rejected_by="a success raises match_index and next_index",
)
def note_reply(self, source, reply):
    if self.role is not Role.LEADER or reply.term != self.current_term:
        return
    if reply.success:
        self.match_index[source] = max(self.match_index[source], reply.match_index)
    else:
        back = min(self.next_index[source], reply.conflict_index)
        self.next_index[source] = max(back, self.match_index[source] + 1)


# -- 9.8 ---------------------------------------------------------------------------------------


@answer(
    "9.8",
    misconception="a majority has it, so it stays",
    rejected_by="copies of an older term's entry do not count (LeaderOnlyCommitsLogFromCurrentTerm)",
)
def committable(self):
    agree = sorted([self.last_log_index, *self.match_index.values()])
    return max(self.commit_index, agree[(len(agree) - 1) // 2])


@answer(
    "9.8",
    misconception="half is a majority",
    rejected_by="a majority is needed, and is enough (LeaderAcknowledgeCommit)",
)
def committable(self):
    agree = sorted([self.last_log_index, *self.match_index.values()])
    index = agree[len(agree) // 2]
    return index if self.term_at(index) == self.current_term else self.commit_index


@answer(
    "9.8",
    misconception="a majority of the others",
    rejected_by="a majority is needed, and is enough (LeaderAcknowledgeCommit)",
)
def committable(self):
    agree = sorted(self.match_index.values())
    index = agree[(len(agree) - 1) // 2]
    return index if self.term_at(index) == self.current_term else self.commit_index


@answer(
    "9.8",
    misconception="one copy is a copy",
    rejected_by="a majority is needed, and is enough (LeaderAcknowledgeCommit)",
)
def committable(self):
    index = max(self.match_index.values())
    return index if self.term_at(index) == self.current_term else self.commit_index


@answer(
    "9.8",
    misconception="everybody must have it",
    rejected_by="a majority is needed, and is enough (LeaderAcknowledgeCommit)",
)
def committable(self):
    agree = sorted([self.last_log_index, *self.match_index.values()])
    index = agree[0]
    return index if self.term_at(index) == self.current_term else self.commit_index


@answer(
    "9.8",
    misconception="a leader that has an entry of its own may commit",
    rejected_by="an entry of its own term commits all before it (CommitWithoutNewTermEntry)",
)
def committable(self):
    agree = sorted([self.last_log_index, *self.match_index.values()])
    index = agree[(len(agree) - 1) // 2]
    is_own = self.last_log_term == self.current_term
    return max(index, self.commit_index) if is_own else self.commit_index


@answer(
    "9.8",
    misconception="one after the other",
    rejected_by="the highest such index counts",
)
def committable(self):
    index = self.commit_index + 1
    while index <= self.last_log_index:
        have = 1 + sum(match >= index for match in self.match_index.values())
        if 2 * have > len(self.peers) + 1 and self.term_at(index) == self.current_term:
            return index
        index += 1
    return self.commit_index


@answer(
    "9.8",
    misconception="an old entry blocks the way",
    rejected_by="an entry of its own term commits all before it (CommitWithoutNewTermEntry)",
)
def committable(self):
    index = self.commit_index
    while self.term_at(index + 1) == self.current_term:
        have = 1 + sum(match >= index + 1 for match in self.match_index.values())
        if 2 * have <= len(self.peers) + 1:
            break
        index += 1
    return index


@answer(
    "9.8",
    misconception="the term before the current one is new enough",
    rejected_by="copies of an older term's entry do not count (LeaderOnlyCommitsLogFromCurrentTerm)",
)
def committable(self):
    agree = sorted([self.last_log_index, *self.match_index.values()])
    index = agree[(len(agree) - 1) // 2]
    is_new = index > 0 and self.term_at(index) >= self.current_term - 2
    return index if is_new else self.commit_index


# -- 9.9 ---------------------------------------------------------------------------------------


@answer(
    "9.9",
    misconception="the leader says it, so it is committed here",
    rejected_by="no further than the log is known to agree",
)
def learn_commit(self, leader_commit, verified):
    self.commit_index = max(self.commit_index, leader_commit)
    while self.last_applied < self.commit_index:
        self.last_applied += 1
        self.apply(self.last_applied)


@answer(
    "9.9",
    misconception="what is in the log is the leader's",
    rejected_by="no further than the log is known to agree",
)
def learn_commit(self, leader_commit, verified):
    self.commit_index = max(self.commit_index, min(leader_commit, self.last_log_index))
    while self.last_applied < self.commit_index:
        self.last_applied += 1
        self.apply(self.last_applied)


@answer(
    "9.9",
    misconception="the last message is the newest",
    rejected_by="commit_index never goes back",
)
def learn_commit(self, leader_commit, verified):
    self.commit_index = min(leader_commit, verified)
    while self.last_applied < self.commit_index:
        self.last_applied += 1
        self.apply(self.last_applied)


@answer(
    "9.9",
    misconception="the book is written anew each time",
    rejected_by="what the leader has committed is applied, in order, once (FollowerCommitEntry)",
)
def learn_commit(self, leader_commit, verified):
    self.commit_index = max(self.commit_index, min(leader_commit, verified))
    for index in range(1, self.commit_index + 1):
        self.apply(index)
    self.last_applied = self.commit_index


@answer(
    "9.9",
    misconception="last_applied is the next one",
    rejected_by="what the leader has committed is applied, in order, once (FollowerCommitEntry)",
)
def learn_commit(self, leader_commit, verified):
    self.commit_index = max(self.commit_index, min(leader_commit, verified))
    while self.last_applied < self.commit_index:
        self.apply(self.last_applied)
        self.last_applied += 1


@answer(
    "9.9",
    misconception="to commit is to apply",
    rejected_by="what the leader has committed is applied, in order, once (FollowerCommitEntry)",
)
def learn_commit(self, leader_commit, verified):
    self.commit_index = max(self.commit_index, min(leader_commit, verified))
    self.last_applied = self.commit_index


@answer(
    "9.9",
    misconception="only the newest entry is new",
    rejected_by="what the leader has committed is applied, in order, once (FollowerCommitEntry)",
)
def learn_commit(self, leader_commit, verified):
    self.commit_index = max(self.commit_index, min(leader_commit, verified))
    if self.last_applied < self.commit_index:
        self.last_applied = self.commit_index
        self.apply(self.commit_index)


@answer(
    "9.9",
    misconception="the loop remembers where it was",
    rejected_by="what the leader has committed is applied, in order, once (FollowerCommitEntry)",
)
def learn_commit(self, leader_commit, verified):
    self.commit_index = max(self.commit_index, min(leader_commit, verified))
    for index in range(self.last_applied + 1, self.commit_index + 1):
        self.apply(index)


@answer(
    "9.9",
    misconception="verified is as good as committed",
    rejected_by="what the leader has committed is applied, in order, once (FollowerCommitEntry)",
)
def learn_commit(self, leader_commit, verified):
    self.commit_index = max(self.commit_index, min(leader_commit, verified))
    while self.last_applied < verified:
        self.last_applied += 1
        self.apply(self.last_applied)


@answer(
    "9.9",
    misconception="a sale is done when the leader has it",
    rejected_by="the till hears of its sale when it is committed, not before (LeaderCommitEntry)",
)
def learn_commit(self, leader_commit, verified):
    self.commit_index = max(self.commit_index, min(leader_commit, verified))
    last = verified if self.role is Role.LEADER else self.commit_index
    while self.last_applied < last:
        self.last_applied += 1
        self.apply(self.last_applied)


@answer(
    "9.9",
    misconception="only a leader writes into its book",
    rejected_by="what the leader has committed is applied, in order, once (FollowerCommitEntry)",
)
def learn_commit(self, leader_commit, verified):
    self.commit_index = max(self.commit_index, min(leader_commit, verified))
    while self.role is Role.LEADER and self.last_applied < self.commit_index:
        self.last_applied += 1
        self.apply(self.last_applied)
