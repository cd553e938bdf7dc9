"""Lab 09, part `log`: right answers, written differently from the course's."""

from grading.answers import answer


def same_until(node, prev, entries):
    """How many of `entries`, which stand after `prev`, the node has already."""
    same = 0
    while same < len(entries) and node.term_at(prev + 1 + same) == entries[same].term:
        same += 1
    return same


# -- guards first, helper functions, other loops -------------------------------------------------------


@answer("9.5", variant="counts what is the same")
def take_entries(self, request):
    before = request.prev_log_index
    fits = before <= self.last_log_index and self.term_at(before) == request.prev_log_term
    if not fits:
        return self.refusal(before)
    same = same_until(self, before, request.entries)
    news = request.entries[same:]
    if news:
        self.replace_from(before + 1 + same, news)
    return AppendEntriesReply(
        term=self.current_term, success=True, match_index=before + len(request.entries)
    )


@answer("9.6", variant="counts what is the same")
def news_for(self, peer):
    first = self.next_index[peer]
    last = min(first + BATCH_MAX - 1, self.last_log_index)
    return AppendEntries(
        term=self.current_term,
        leader_id=self.id,
        prev_log_index=first - 1,
        prev_log_term=self.term_at(first - 1) or 0,
        entries=tuple(self.log[first - 1 : last]),
        leader_commit=self.commit_index,
    )


@answer("9.7", variant="counts what is the same")
def note_reply(self, source, reply):
    if self.role != Role.LEADER:
        return
    if reply.term < self.current_term:
        return
    if not reply.success:
        wanted = reply.conflict_index
        if wanted < self.next_index[source]:
            self.next_index[source] = wanted if wanted > self.match_index[source] else self.match_index[source] + 1
        return
    if reply.match_index > self.match_index[source]:
        self.match_index[source] = reply.match_index
    if self.next_index[source] <= self.match_index[source]:
        self.next_index[source] = self.match_index[source] + 1


@answer("9.8", variant="counts what is the same")
def committable(self):
    nodes = len(self.peers) + 1
    for index in range(self.last_log_index, self.commit_index, -1):
        if self.term_at(index) != self.current_term:
            break
        have = 1 + len([peer for peer in self.peers if self.match_index[peer] >= index])
        if have * 2 > nodes:
            return index
    return self.commit_index


@answer("9.9", variant="counts what is the same")
def learn_commit(self, leader_commit, verified):
    known = leader_commit if leader_commit < verified else verified
    if known > self.commit_index:
        self.commit_index = known
    for index in range(self.last_applied + 1, self.commit_index + 1):
        self.apply(index)
        self.last_applied = index


# -- by the letter of figure 2, entry by entry ----------------------------------------------------------


@answer("9.5", variant="entry by entry")
def take_entries(self, request):
    if request.prev_log_index > 0 and self.term_at(request.prev_log_index) != request.prev_log_term:
        return self.refusal(request.prev_log_index)
    index = request.prev_log_index
    for entry in request.entries:
        index += 1
        there = self.term_at(index)
        if there is not None and there != entry.term:
            self.replace_from(index, ())
            there = None
        if there is None:
            self.replace_from(index, (entry,))
    return AppendEntriesReply(self.current_term, True, match_index=index)


@answer("9.6", variant="entry by entry")
def news_for(self, peer):
    entries = []
    for entry in self.entries_from(self.next_index[peer]):
        if len(entries) == BATCH_MAX:
            break
        entries.append(entry)
    prev = self.next_index[peer] - 1
    return AppendEntries(self.current_term, self.id, prev, self.term_at(prev), tuple(entries), self.commit_index)


@answer("9.7", variant="entry by entry")
def note_reply(self, source, reply):
    is_mine = self.role is Role.LEADER and reply.term == self.current_term
    match (is_mine, reply.success):
        case (True, True):
            known = max(self.match_index[source], reply.match_index)
            self.match_index = {**self.match_index, source: known}
            self.next_index = {**self.next_index, source: max(known + 1, self.next_index[source])}
        case (True, False):
            least, most = self.match_index[source] + 1, self.next_index[source]
            self.next_index[source] = sorted((least, reply.conflict_index, most))[1]


@answer("9.8", variant="entry by entry")
def committable(self):
    best = self.commit_index
    while best < self.last_log_index:
        best += 1
    while best > self.commit_index:
        votes = sum(1 for match in self.match_index.values() if match >= best) + 1
        if votes > (len(self.match_index) + 1) // 2 and self.term_at(best) == self.current_term:
            return best
        best -= 1
    return best


@answer("9.9", variant="entry by entry")
def learn_commit(self, leader_commit, verified):
    for index in range(self.commit_index + 1, min(leader_commit, verified) + 1):
        self.commit_index = index
    while self.last_applied != self.commit_index:
        self.last_applied = self.last_applied + 1
        self.apply(self.last_applied)


# -- one that says 0 when there is nothing to commit ------------------------------------------------------


@answer("9.8", variant="from a majority of sets")
def committable(self):
    have = {peer: self.match_index.get(peer, 0) for peer in self.peers} | {self.id: self.last_log_index}
    needed = len(have) // 2 + 1
    agreed = [n for n in have.values() if len([m for m in have.values() if m >= n]) >= needed]
    index = max(agreed)
    if index > 0 and self.term_at(index) == self.current_term:
        return max(index, self.commit_index)
    return self.commit_index
