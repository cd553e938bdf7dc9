"""Lab 05, part a: wrong answers, each what a learner would type, named after the misconception behind it."""

from grading.answers import answer

# -- 5.1 -------------------------------------------------------------------------------------------


@answer("5.1", misconception="to be safe, wait for all", rejected_by="a write needs W confirmations, and no more")
def on_confirmed(self, source, reply):
    self.replies[source] = reply
    if len(self.replies) == len(self.peers):
        self.end()


@answer("5.1", misconception="a majority is always right", rejected_by="a write needs W confirmations, and no more")
def on_confirmed(self, source, reply):
    self.replies[source] = reply
    if len(self.replies) == majority(len(self.peers)):
        self.end()


@answer("5.1", misconception="the client itself is one of the W", rejected_by="a write needs W confirmations, and no more")
def on_confirmed(self, source, reply):
    self.replies[source] = reply
    if len(self.replies) + 1 >= self.w:
        self.end()


@answer("5.1", misconception="more than W", rejected_by="a write needs W confirmations, and no more")
def on_confirmed(self, source, reply):
    self.replies[source] = reply
    if len(self.replies) > self.w or len(self.replies) == len(self.peers):
        self.end()


@answer("5.1", misconception="R is what counts", rejected_by="a write needs W confirmations, and no more")
def on_confirmed(self, source, reply):
    self.replies[source] = reply
    if len(self.replies) == self.r:
        self.end()


@answer("5.1", misconception="a message is a vote", rejected_by="a replica that confirms twice counts once")
def on_confirmed(self, source, reply):
    self.replies[source, len(self.replies)] = reply
    if len(self.replies) == self.w:
        self.end()


# -- 5.2 -------------------------------------------------------------------------------------------


@answer("5.2", misconception="all replicas must be heard, or the newest may be missed", rejected_by="a read needs R answers, and no more")
def on_answer(self, source, reply):
    self.replies[source] = reply
    if len(self.replies) == len(self.peers):
        self.go_on(max(self.replies.values(), key=lambda reply: reply.tag))


@answer("5.2", misconception="the first answer will do", rejected_by="a read needs R answers, and no more")
def on_answer(self, source, reply):
    self.go_on(reply)


@answer("5.2", misconception="W is what counts", rejected_by="a read needs R answers, and no more")
def on_answer(self, source, reply):
    self.replies[source] = reply
    if len(self.replies) == self.w:
        self.go_on(max(self.replies.values(), key=lambda reply: reply.tag))


@answer("5.2", misconception="the last answer is the newest", rejected_by="of R answers the newest counts")
def on_answer(self, source, reply):
    self.replies[source] = reply
    if len(self.replies) == self.r:
        self.go_on(reply)


@answer("5.2", misconception="the fastest answer is the freshest", rejected_by="of R answers the newest counts")
def on_answer(self, source, reply):
    self.replies[source] = reply
    if len(self.replies) == self.r:
        self.go_on(next(iter(self.replies.values())))


@answer("5.2", misconception="the larger value is the newer one", rejected_by="of R answers the newest counts")
def on_answer(self, source, reply):
    self.replies[source] = reply
    if len(self.replies) == self.r:
        self.go_on(max(self.replies.values(), key=lambda reply: reply.value or ""))


@answer("5.2", misconception="the number is the whole tag", rejected_by="of R answers the newest counts")
def on_answer(self, source, reply):
    self.replies[source] = reply
    if len(self.replies) == self.r:
        self.go_on(max(self.replies.values(), key=lambda reply: reply.tag[0]))


@answer("5.2", misconception="each message is an answer of its own", rejected_by="a replica that answers again is no second one")
def on_answer(self, source, reply):
    self.replies[source, len(self.replies)] = reply
    if len(self.replies) == self.r:
        self.go_on(max(self.replies.values(), key=lambda reply: reply.tag))


# -- 5.3 -------------------------------------------------------------------------------------------


@answer("5.3", misconception="the highest number is good enough", rejected_by="the number is higher than all that are known")
def choose_tag(self, known):
    return max(number for number, _ in known), self.id


@answer("5.3", misconception="how many there are says how many were written", rejected_by="the number is higher than all that are known")
def choose_tag(self, known):
    return len(known) + 1, self.id


@answer("5.3", misconception="numbers compare as text", rejected_by="the number is higher than all that are known")
def choose_tag(self, known):
    return int(max(str(number) for number, _ in known)) + 1, self.id


@answer("5.3", misconception="one continues the tag of another", rejected_by="of two writers at once, each has a tag of its own")
def choose_tag(self, known):
    number, writer = max(known)
    return number + 1, writer


@answer("5.3", misconception="the number alone is the tag", rejected_by="of two writers at once, each has a tag of its own")
def choose_tag(self, known):
    return max(number for number, _ in known) + 1, ""


@answer("5.3", misconception="what I wrote myself, the replicas will tell me", rejected_by="what the client itself wrote last is known, too")
def choose_tag(self, known):
    return max(number for number, _ in known[1:]) + 1, self.id


@answer("5.3", misconception="my own count is enough", rejected_by="the number is higher than all that are known")
def choose_tag(self, known):
    return self.last[0] + 1, self.id


# -- 5.4 -------------------------------------------------------------------------------------------


@answer("5.4", misconception="to be safe, tell everybody", rejected_by="who answered something older gets the newest, unchanged")
def repair(self):
    newest = max(self.replies.values(), key=lambda reply: reply.tag)
    self.broadcast(Update(REPAIR, newest.tag, newest.value))


@answer("5.4", misconception="a repair is a write of mine", rejected_by="who answered something older gets the newest, unchanged")
def repair(self):
    newest = max(self.replies.values(), key=lambda reply: reply.tag)
    for replica, reply in self.replies.items():
        if reply.tag < newest.tag:
            self.send(replica, Update(REPAIR, (newest.tag[0] + 1, self.id), newest.value))


@answer("5.4", misconception="one laggard is enough", rejected_by="who answered something older gets the newest, unchanged")
def repair(self):
    newest = max(self.replies.values(), key=lambda reply: reply.tag)
    oldest = min(self.replies, key=lambda replica: self.replies[replica].tag)
    if self.replies[oldest].tag < newest.tag:
        self.send(oldest, Update(REPAIR, newest.tag, newest.value))


@answer("5.4", misconception="equal numbers are equally new", rejected_by="who answered something older gets the newest, unchanged")
def repair(self):
    newest = max(self.replies.values(), key=lambda reply: reply.tag)
    for replica, reply in self.replies.items():
        if reply.tag[0] < newest.tag[0]:
            self.send(replica, Update(REPAIR, newest.tag, newest.value))


@answer("5.4", misconception="who comes late is not repaired", rejected_by="a late answer is repaired as well")
def repair(self):
    if len(self.replies) > self.r:
        return
    newest = max(self.replies.values(), key=lambda reply: reply.tag)
    for replica, reply in self.replies.items():
        if reply.tag < newest.tag:
            self.send(replica, Update(REPAIR, newest.tag, newest.value))


@answer("5.4", misconception="a repair belongs to the read's phase", rejected_by="nobody waits for a repair")
def repair(self):
    newest = max(self.replies.values(), key=lambda reply: reply.tag)
    for replica, reply in self.replies.items():
        if reply.tag < newest.tag:
            self.send(replica, Update(self.phase + 1, newest.tag, newest.value))


# -- 5.5 -------------------------------------------------------------------------------------------


@answer("5.5", misconception="R + W = N is enough", rejected_by="every read quorum meets every write quorum")
def choose_quorums(n, reads_survive, writes_survive):
    r, w = n - reads_survive, n - writes_survive
    return (r, w) if r + w >= n else None


@answer("5.5", misconception="what can be had is always fresh", rejected_by="every read quorum meets every write quorum")
def choose_quorums(n, reads_survive, writes_survive):
    return n - reads_survive, n - writes_survive


@answer("5.5", misconception="two majorities are always the answer", rejected_by="they can be had while so many replicas are away")
def choose_quorums(n, reads_survive, writes_survive):
    return n // 2 + 1, n // 2 + 1


@answer("5.5", misconception="to survive f failures, wait for f + 1", rejected_by="every read quorum meets every write quorum")
def choose_quorums(n, reads_survive, writes_survive):
    return (reads_survive + 1, writes_survive + 1) if reads_survive + writes_survive < n else None


@answer("5.5", misconception="reading from one is what everybody wants", rejected_by="they can be had while so many replicas are away")
def choose_quorums(n, reads_survive, writes_survive):
    return (1, n) if reads_survive + writes_survive < n else None


@answer("5.5", misconception="a demand that is hard to meet cannot be met", rejected_by="they can be had while so many replicas are away")
def choose_quorums(n, reads_survive, writes_survive):
    r, w = n - reads_survive, n - writes_survive
    return (r, w) if r + w > n and 2 * w > n else None
