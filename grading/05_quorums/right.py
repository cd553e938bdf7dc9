"""Lab 05, part a: right answers, written differently from the course's."""

from grading.answers import answer


def newest_of(replies):
    """The reply with the highest tag."""
    ordered = sorted(replies, key=lambda reply: (reply.tag[0], reply.tag[1]))
    return ordered[-1]


@answer("5.1", variant="sets and helpers")
def on_confirmed(self, source, reply):
    already = set(self.replies)
    self.replies = {**self.replies, source: reply}
    if source not in already and len(already) + 1 >= self.w:
        self.end(None)


@answer("5.2", variant="sets and helpers")
def on_answer(self, source, reply):
    if source in self.replies:
        return
    self.replies[source] = reply
    missing = self.r - len(self.replies)
    if missing <= 0:
        self.go_on(newest_of(self.replies.values()))


@answer("5.3", variant="sets and helpers")
def choose_tag(self, known):
    highest = 0
    for tag in known:
        if tag[0] > highest:
            highest = tag[0]
    return (10 * (highest // 10 + 1), self.id)


@answer("5.4", variant="sets and helpers")
def repair(self):
    newest = newest_of(self.replies.values())
    update = Update(phase=REPAIR, tag=newest.tag, value=newest.value)
    for replica in sorted(self.replies, reverse=True):
        if self.replies[replica].tag != newest.tag:
            self.send(replica, update)


@answer("5.5", variant="sets and helpers")
def choose_quorums(n, reads_survive, writes_survive):
    for r in range(1, n - reads_survive + 1):
        for w in range(1, n - writes_survive + 1):
            if r + w > n:
                return r, w
    return None


# -- guards first; a repair only for what the newest reply has changed -----------------------------------


@answer("5.1", variant="guards")
def on_confirmed(self, source, reply):
    self.replies[source] = reply
    if len(self.replies) < self.w:
        return
    self.end()


@answer("5.2", variant="guards")
def on_answer(self, source, reply):
    self.replies[source] = reply
    if len(self.replies) < self.r:
        return
    tags = {reply.tag: reply for reply in self.replies.values()}
    self.go_on(tags[max(tags)])


@answer("5.3", variant="guards")
def choose_tag(self, known):
    number, _ = max(known)
    return number + 1, self.id


@answer("5.4", variant="guards")
def repair(self):
    tags = [reply.tag for reply in self.replies.values()]
    if len(set(tags)) == 1:
        return
    best = max(tags)
    value = next(reply.value for reply in self.replies.values() if reply.tag == best)
    behind = [replica for replica, reply in self.replies.items() if reply.tag < best]
    for replica in behind:
        self.send(replica, Update(REPAIR, best, value))


@answer("5.5", variant="guards")
def choose_quorums(n, reads_survive, writes_survive):
    if reads_survive + writes_survive >= n:
        return None
    r = n - reads_survive
    return [r, n - r + 1]
