"""Lab 05: right answers, written differently from the course's."""

from grading.answers import answer


def is_enough(heard, replicas):
    """More than half of the replicas?"""
    return 2 * len(heard) > len(replicas)


# -- by the letter, with helper functions of its own -------------------------------------------------


@answer("5.6", variant="by the letter")
def on_update(self, source, update):
    if self.tag < update.tag:
        self.storage.save(value=update.value, tag=update.tag)
        self.value = update.value
        self.tag = update.tag
    self.send(peer=source, message=UpdateReply(phase=update.phase))


@answer("5.7", variant="by the letter")
def on_reply(self, source, reply):
    if self.pending and reply.phase == self.phase and source not in self.replies:
        self.replies = {**self.replies, source: reply}
        if is_enough(self.replies, self.peers):
            self.on_majority()


@answer("5.8", variant="by the letter")
def on_timer(self, name):
    self.tries = self.tries + 1
    if self.tries > TRIES_MAX:
        unknown, self.pending = self.pending, None
        return self.give_up(unknown)
    self.set_timer(name, RETRY_MS)
    for silent in sorted(set(self.peers) - set(self.replies)):
        self.send(silent, self.request)


@answer("5.9", variant="by the letter")
def read_newest(self):
    tags = {reply.tag: reply.value for reply in self.replies.values()}
    self.update(max(tags), tags[max(tags)])


@answer("5.10", variant="by the letter")
def write_newer(self):
    for reply in self.replies.values():
        number, _ = reply.tag
        if number > self.number:
            self.number = number
    self.number += 1
    self.update((self.number, self.id), self.pending.value)


# -- a read whose replies agree is answered at once; the replica saves whatever comes ------------------


@answer("5.6", variant="one trip where one is enough")
def on_update(self, source, update):
    self.tag, self.value = max((self.tag, self.value or ""), (update.tag, update.value or ""))
    if self.tag == update.tag:
        self.value = update.value
    self.storage.save(tag=self.tag, value=self.value)
    self.send(source, UpdateReply(update.phase))


@answer("5.7", variant="one trip where one is enough")
def on_reply(self, source, reply):
    if reply.phase < self.phase or self.pending is None:
        return
    heard = len(self.replies)
    self.replies[source] = reply
    if heard < majority(len(self.peers)) <= len(self.replies):
        self.on_majority()


@answer("5.9", variant="one trip where one is enough")
def read_newest(self):
    if len({reply.tag for reply in self.replies.values()}) == 1:
        self.end(next(iter(self.replies.values())).value)
    else:
        newest = sorted(self.replies.values(), key=lambda reply: reply.tag)[-1]
        self.update(newest.tag, newest.value)


@answer("5.10", variant="one trip where one is enough")
def write_newer(self):
    taken = [self.number, *(reply.tag[0] for reply in self.replies.values())]
    self.number = sorted(taken)[-1] + 1
    self.update((self.number, self.id), self.pending.value)


# -- guards first, numbers with gaps, everything through one method of its own --------------------------


@answer("5.6", variant="guards and gaps")
def on_update(self, source, update):
    reply = UpdateReply(update.phase)
    if update.tag <= self.tag:
        self.send(source, reply)
        return
    self.tag = update.tag
    self.value = update.value
    self.storage.save(tag=update.tag, value=update.value)
    self.send(source, reply)


@answer("5.7", variant="guards and gaps")
def on_reply(self, source, reply):
    if self.pending is None:
        return
    if reply.phase != self.request.phase:
        return
    if source in self.replies:
        return
    self.replies[source] = reply
    missing = majority(len(self.peers)) - len(self.replies)
    if missing == 0:
        self.on_majority()


@answer("5.8", variant="guards and gaps")
def on_timer(self, name):
    if self.pending is None:
        return
    if self.tries >= TRIES_MAX:
        self.give_up(self.pending)
        self.pending = None
        self.request, self.replies = None, {}
        return
    for peer in reversed(self.peers):
        if self.replies.get(peer) is None:
            self.send(peer, self.request)
    self.tries += 1
    self.set_timer("retry", RETRY_MS)


@answer("5.9", variant="guards and gaps")
def read_newest(self):
    pairs = [(reply.tag, i) for i, reply in enumerate(self.replies.values())]
    newest = list(self.replies.values())[max(pairs)[1]]
    self.number = max(self.number, newest.tag[0])
    self.update(tag=newest.tag, value=newest.value)


@answer("5.10", variant="guards and gaps")
def write_newer(self):
    highest = max(self.replies.values(), key=lambda reply: reply.tag).tag[0]
    self.number = 10 * (max(highest, self.number) // 10 + 1)
    self.update((self.number, self.id), self.pending.value)
