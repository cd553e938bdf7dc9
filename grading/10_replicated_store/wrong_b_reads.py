"""Lab 10, part `reads`: wrong answers, each named after the misconception behind it."""

from grading.answers import answer

# -- 10.4 --------------------------------------------------------------------------------------


@answer(
    "10.4",
    misconception="a leader knows what is committed from its votes",
    rejected_by="a new leader has a no-op of its own term at the end of its log, once",
)
def become_leader(self):
    Store.become_leader(self)


@answer(
    "10.4",
    misconception="first the entry, then the lead",
    rejected_by="the no-op is sent at once, and commits what was before it",
)
def become_leader(self):
    self.replace_from(self.last_log_index + 1, (LogEntry(self.current_term, NOOP),))
    Store.become_leader(self)


@answer(
    "10.4",
    misconception="it will be sent with the next command",
    rejected_by="the no-op is sent at once, and commits what was before it",
)
def become_leader(self):
    Store.become_leader(self)
    self.replace_from(self.last_log_index + 1, (LogEntry(self.current_term, NOOP),))


@answer(
    "10.4",
    misconception="an empty log has nothing to be committed",
    rejected_by="a new leader has a no-op of its own term at the end of its log, once",
)
def become_leader(self):
    Store.become_leader(self)
    if self.log:
        self.take(NOOP)


@answer(
    "10.4",
    misconception="somebody waits for every entry",
    rejected_by="a new leader has a no-op of its own term at the end of its log, once",
)
def become_leader(self):
    Store.become_leader(self)
    index = self.take(NOOP)
    self.waiting[index] = self.id, 0


# -- 10.5 --------------------------------------------------------------------------------------


@answer(
    "10.5",
    misconception="whoever is elected knows what is committed",
    rejected_by="before an entry of its term is committed, a leader takes no read",
)
def begin_read(self, client, request):
    self.reads.append(Read(client, request.number, request.key, self.commit_index, self.start_round()))


@answer(
    "10.5",
    misconception="an entry of its term in the log is enough",
    rejected_by="before an entry of its term is committed, a leader takes no read",
)
def begin_read(self, client, request):
    if self.last_log_term != self.current_term:
        self.refuse(client, request.number)
        return
    self.reads.append(Read(client, request.number, request.key, self.commit_index, self.start_round()))


@answer(
    "10.5",
    misconception="anything committed is enough",
    rejected_by="before an entry of its term is committed, a leader takes no read",
)
def begin_read(self, client, request):
    if self.last_log_index == 0 or (self.commit_index == 0 and len(self.log) == 1):
        self.refuse(client, request.number)
        return
    self.reads.append(Read(client, request.number, request.key, self.commit_index, self.start_round()))


@answer(
    "10.5",
    misconception="the round that is under way will do",
    rejected_by="each read has a round that began after it came",
)
def begin_read(self, client, request):
    if self.term_at(self.commit_index) != self.current_term:
        self.refuse(client, request.number)
        return
    number = self.round if self.reads else self.start_round()
    self.reads.append(Read(client, request.number, request.key, self.commit_index, number))


@answer(
    "10.5",
    misconception="the number of the round is the one before it began",
    rejected_by="a read remembers what is committed now, and a round that begins now",
)
def begin_read(self, client, request):
    if self.term_at(self.commit_index) != self.current_term:
        self.refuse(client, request.number)
        return
    self.reads.append(Read(client, request.number, request.key, self.commit_index, self.round))
    self.start_round()


@answer(
    "10.5",
    misconception="a read must wait for the whole log",
    rejected_by="a read remembers what is committed now, and a round that begins now",
)
def begin_read(self, client, request):
    if self.term_at(self.commit_index) != self.current_term:
        self.refuse(client, request.number)
        return
    index = self.last_log_index + 1
    self.reads.append(Read(client, request.number, request.key, index, self.start_round()))


@answer(
    "10.5",
    misconception="the leader answers, and asks afterwards",
    rejected_by="a read remembers what is committed now, and a round that begins now",
)
def begin_read(self, client, request):
    if self.term_at(self.commit_index) != self.current_term:
        self.refuse(client, request.number)
        return
    self.reads.append(Read(client, request.number, request.key, self.commit_index, self.start_round()))
    self.send(client, Reply(request.number, True, self.data.get(request.key), self.id))


# -- 10.6 --------------------------------------------------------------------------------------


@answer(
    "10.6",
    misconception="one answer says that it leads",
    rejected_by="a read is answered when a majority has confirmed its round",
)
def serve_reads(self):
    confirmed, later = max(self.confirmed.values(), default=0), []
    for read in self.reads:
        if read.round <= confirmed and read.index <= self.last_applied:
            self.send(read.client, Reply(read.number, True, self.data.get(read.key), self.id))
        else:
            later.append(read)
    self.reads = later


@answer(
    "10.6",
    misconception="all must confirm",
    rejected_by="a read is answered when a majority has confirmed its round",
)
def serve_reads(self):
    confirmed, later = min(self.confirmed.get(peer, 0) for peer in self.peers), []
    for read in self.reads:
        if read.round <= confirmed and read.index <= self.last_applied:
            self.send(read.client, Reply(read.number, True, self.data.get(read.key), self.id))
        else:
            later.append(read)
    self.reads = later


@answer(
    "10.6",
    misconception="any confirmed round confirms every read",
    rejected_by="answers to earlier rounds confirm nothing",
)
def serve_reads(self):
    confirmed, later = self.confirmed_round(), []
    for read in self.reads:
        if confirmed and read.index <= self.last_applied:
            self.send(read.client, Reply(read.number, True, self.data.get(read.key), self.id))
        else:
            later.append(read)
    self.reads = later


@answer(
    "10.6",
    misconception="what is committed is in the store",
    rejected_by="a read waits until everything up to its index is applied",
)
def serve_reads(self):
    confirmed, later = self.confirmed_round(), []
    for read in self.reads:
        if read.round <= confirmed:
            self.send(read.client, Reply(read.number, True, self.data.get(read.key), self.id))
        else:
            later.append(read)
    self.reads = later


@answer(
    "10.6",
    misconception="a list may be shortened while one walks through it",
    rejected_by="one answer can confirm many reads, and each is answered once",
)
def serve_reads(self):
    confirmed = self.confirmed_round()
    for read in self.reads:
        if read.round <= confirmed and read.index <= self.last_applied:
            self.send(read.client, Reply(read.number, True, self.data.get(read.key), self.id))
            self.reads.remove(read)


@answer(
    "10.6",
    misconception="when one is answered, all are",
    rejected_by="answers to earlier rounds confirm nothing",
)
def serve_reads(self):
    confirmed = self.confirmed_round()
    for read in self.reads:
        if read.round <= confirmed and read.index <= self.last_applied:
            self.send(read.client, Reply(read.number, True, self.data.get(read.key), self.id))
            self.reads = []
            return


@answer(
    "10.6",
    misconception="an answered read does no harm where it is",
    rejected_by="one answer can confirm many reads, and each is answered once",
)
def serve_reads(self):
    confirmed = self.confirmed_round()
    for read in self.reads:
        if read.round <= confirmed and read.index <= self.last_applied:
            self.send(read.client, Reply(read.number, True, self.data.get(read.key), self.id))


# -- 10.7 --------------------------------------------------------------------------------------


@answer(
    "10.7",
    misconception="a lease counts from the answer",
    rejected_by="a lease counts from when the pings were sent",
)
def lease_end(self):
    if self.confirmed_round() not in self.sent_ms:
        return 0
    return self.now_ms + ELECTION_MS[0] / CLOCK_RATIO


@answer(
    "10.7",
    misconception="all clocks run equally fast",
    rejected_by="it is shorter than the shortest election timeout, by the clocks' ratio",
)
def lease_end(self):
    sent_ms = self.sent_ms.get(self.confirmed_round())
    return 0 if sent_ms is None else sent_ms + ELECTION_MS[0]


@answer(
    "10.7",
    misconception="a bound on clocks makes the lease longer",
    rejected_by="it is shorter than the shortest election timeout, by the clocks' ratio",
)
def lease_end(self):
    sent_ms = self.sent_ms.get(self.confirmed_round())
    return 0 if sent_ms is None else sent_ms + ELECTION_MS[0] * CLOCK_RATIO


@answer(
    "10.7",
    misconception="nobody is elected before the longest timeout",
    rejected_by="it is shorter than the shortest election timeout, by the clocks' ratio",
)
def lease_end(self):
    sent_ms = self.sent_ms.get(self.confirmed_round())
    return 0 if sent_ms is None else sent_ms + ELECTION_MS[1] / CLOCK_RATIO


@answer(
    "10.7",
    misconception="a ping that was sent is a promise",
    rejected_by="the latest round counts that a majority has confirmed",
)
def lease_end(self):
    sent_ms = self.sent_ms.get(self.round)
    return 0 if sent_ms is None else sent_ms + ELECTION_MS[0] / CLOCK_RATIO


@answer(
    "10.7",
    misconception="one peer's promise is enough",
    rejected_by="the latest round counts that a majority has confirmed",
)
def lease_end(self):
    sent_ms = self.sent_ms.get(max(self.confirmed.values(), default=0))
    return 0 if sent_ms is None else sent_ms + ELECTION_MS[0] / CLOCK_RATIO


# -- 10.8 --------------------------------------------------------------------------------------


@answer(
    "10.8",
    misconception="a lease is all that one needs to know",
    rejected_by="a lease alone is not enough: an entry of the term must be committed",
)
def begin_read(self, client, request):
    if self.now_ms < self.lease_end():
        self.send(client, Reply(request.number, True, self.data.get(request.key), self.id))
    else:
        IndexStore.begin_read(self, client, request)


@answer(
    "10.8",
    misconception="a leader has a lease",
    rejected_by="when the lease is over, the peers are asked",
)
def begin_read(self, client, request):
    if self.lease_end() and self.term_at(self.commit_index) == self.current_term:
        self.send(client, Reply(request.number, True, self.data.get(request.key), self.id))
    else:
        IndexStore.begin_read(self, client, request)


@answer(
    "10.8",
    misconception="to be safe, ask as well",
    rejected_by="on the lease, a read is answered at once, and nobody is asked",
)
def begin_read(self, client, request):
    if self.now_ms < self.lease_end() and self.term_at(self.commit_index) == self.current_term:
        self.start_round()
        self.send(client, Reply(request.number, True, self.data.get(request.key), self.id))
    else:
        IndexStore.begin_read(self, client, request)


@answer(
    "10.8",
    misconception="without a lease there is no answer",
    rejected_by="when the lease is over, the peers are asked",
)
def begin_read(self, client, request):
    if self.now_ms < self.lease_end() and self.term_at(self.commit_index) == self.current_term:
        self.send(client, Reply(request.number, True, self.data.get(request.key), self.id))
    else:
        self.refuse(client, request.number)


@answer(
    "10.8",
    misconception="a lease is another reason to ask",
    rejected_by="on the lease, a read is answered at once, and nobody is asked",
)
def begin_read(self, client, request):
    IndexStore.begin_read(self, client, request)
