"""Lab 05: wrong answers, each what a learner would type, named after the misconception behind it."""

from grading.answers import answer

# -- 5.6 -------------------------------------------------------------------------------------------


@answer("5.6", misconception="the last to arrive is the newest", rejected_by="the highest tag wins, in whatever order updates come")
def on_update(self, source, update):
    self.tag, self.value = update.tag, update.value
    self.storage.save(tag=self.tag, value=self.value)
    self.send(source, UpdateReply(update.phase))


@answer("5.6", misconception="the first value stays", rejected_by="the highest tag wins, in whatever order updates come")
def on_update(self, source, update):
    if self.value is None:
        self.tag, self.value = update.tag, update.value
        self.storage.save(tag=self.tag, value=self.value)
    self.send(source, UpdateReply(update.phase))


@answer("5.6", misconception="the number is the whole tag", rejected_by="of two equal numbers, the higher writer's id wins")
def on_update(self, source, update):
    if update.tag[0] > self.tag[0]:
        self.tag, self.value = update.tag, update.value
        self.storage.save(tag=self.tag, value=self.value)
    self.send(source, UpdateReply(update.phase))


@answer("5.6", misconception="of equal numbers the later one wins", rejected_by="of two equal numbers, the higher writer's id wins")
def on_update(self, source, update):
    if update.tag[0] >= self.tag[0]:
        self.tag, self.value = update.tag, update.value
        self.storage.save(tag=self.tag, value=self.value)
    self.send(source, UpdateReply(update.phase))


@answer("5.6", misconception="only what is kept is confirmed", rejected_by="every update is answered, an old one too")
def on_update(self, source, update):
    if update.tag > self.tag:
        self.tag, self.value = update.tag, update.value
        self.storage.save(tag=self.tag, value=self.value)
        self.send(source, UpdateReply(update.phase))


@answer("5.6", misconception="a copy needs no answer", rejected_by="every update is answered, an old one too")
def on_update(self, source, update):
    if update.tag == self.tag:
        return
    if update.tag > self.tag:
        self.tag, self.value = update.tag, update.value
        self.storage.save(tag=self.tag, value=self.value)
    self.send(source, UpdateReply(update.phase))


@answer("5.6", misconception="answer first, save when there is time", rejected_by="a crash never takes back an answer")
def on_update(self, source, update):
    self.send(source, UpdateReply(update.phase))
    if update.tag > self.tag:
        self.tag, self.value = update.tag, update.value
        self.storage.save(tag=self.tag, value=self.value)


@answer("5.6", misconception="two saves are as good as one", rejected_by="a crash never takes back an answer")
def on_update(self, source, update):
    if update.tag > self.tag:
        self.tag, self.value = update.tag, update.value
        self.storage.save(tag=self.tag)
        self.storage.save(value=self.value)
    self.send(source, UpdateReply(update.phase))


@answer("5.6", misconception="memory is enough, the others have it too", rejected_by="a crash never takes back an answer")
def on_update(self, source, update):
    if update.tag > self.tag:
        self.tag, self.value = update.tag, update.value
    self.send(source, UpdateReply(update.phase))


@answer("5.6", misconception="the value is what matters, the tag can be had again", rejected_by="after a restart it still has the newest")
def on_update(self, source, update):
    if update.tag > self.tag:
        self.tag, self.value = update.tag, update.value
        self.storage.save(value=self.value)
    self.send(source, UpdateReply(update.phase))


@answer("5.6", misconception="the larger value is the newer one", rejected_by="the highest tag wins, in whatever order updates come")
def on_update(self, source, update):
    if self.value is None or update.value > self.value:
        self.tag, self.value = update.tag, update.value
        self.storage.save(tag=self.tag, value=self.value)
    self.send(source, UpdateReply(update.phase))


# -- 5.7 -------------------------------------------------------------------------------------------


@answer("5.7", misconception="any reply answers what I ask now", rejected_by="a late reply to an earlier phase does not count")
def on_reply(self, source, reply):
    if self.pending is None:
        return
    self.replies[source] = reply
    if len(self.replies) == majority(len(self.peers)):
        self.on_majority()


@answer("5.7", misconception="a message is a vote", rejected_by="a replica that answers twice counts once")
def on_reply(self, source, reply):
    if self.pending is None or reply.phase != self.phase:
        return
    self.replies[source, len(self.replies)] = reply
    if len(self.replies) == majority(len(self.peers)):
        self.on_majority()


@answer("5.7", misconception="to be safe, wait for all", rejected_by="a majority is needed, and is enough")
def on_reply(self, source, reply):
    if self.pending is None or reply.phase != self.phase:
        return
    self.replies[source] = reply
    if len(self.replies) == len(self.peers):
        self.on_majority()


@answer("5.7", misconception="half is a majority", rejected_by="a majority is needed, and is enough")
def on_reply(self, source, reply):
    if self.pending is None or reply.phase != self.phase:
        return
    self.replies[source] = reply
    if len(self.replies) == max(1, len(self.peers) // 2):
        self.on_majority()


@answer("5.7", misconception="a majority of four is two", rejected_by="a majority is needed, and is enough")
def on_reply(self, source, reply):
    if self.pending is None or reply.phase != self.phase:
        return
    self.replies[source] = reply
    if len(self.replies) == (len(self.peers) + 1) // 2:
        self.on_majority()


@answer("5.7", misconception="the client is a replica too", rejected_by="a majority is needed, and is enough")
def on_reply(self, source, reply):
    if self.pending is None or reply.phase != self.phase:
        return
    self.replies[source] = reply
    if len(self.replies) + 1 == majority(len(self.peers) + 1):
        self.on_majority()


@answer("5.7", misconception="replies come only while somebody waits", rejected_by="after the end, replies change nothing")
def on_reply(self, source, reply):
    if reply.phase != self.phase:
        return
    self.replies[source] = reply
    if len(self.replies) == majority(len(self.peers)):
        self.on_majority()


@answer("5.7", misconception="each further reply is a majority again", rejected_by="after the end, replies change nothing")
def on_reply(self, source, reply):
    if reply.phase != self.phase:
        return
    self.replies[source] = reply
    if len(self.replies) >= majority(len(self.peers)):
        self.on_majority()


@answer("5.7", misconception="an older phase is old, a newer one is not possible", rejected_by="a late reply to an earlier phase does not count")
def on_reply(self, source, reply):
    if self.pending is None or reply.phase > self.phase:
        return
    self.replies[source] = reply
    if len(self.replies) == majority(len(self.peers)):
        self.on_majority()


@answer("5.7", misconception="a late reply shows that the timer is not needed", rejected_by="a late reply to an earlier phase does not count")
def on_reply(self, source, reply):
    self.cancel_timer("retry")
    if self.pending is None or reply.phase != self.phase:
        return
    self.replies[source] = reply
    if len(self.replies) == majority(len(self.peers)):
        self.on_majority()


# -- 5.8 -------------------------------------------------------------------------------------------


@answer("5.8", misconception="what is sent will arrive some day", rejected_by="it asks again those who have not answered")
def on_timer(self, name):
    if self.tries == TRIES_MAX:
        self.give_up(self.pending)
        self.pending = None
        return
    self.tries += 1
    self.set_timer("retry", RETRY_MS)


@answer("5.8", misconception="asking everybody again does no harm", rejected_by="it asks again those who have not answered")
def on_timer(self, name):
    if self.tries == TRIES_MAX:
        self.give_up(self.pending)
        self.pending = None
        return
    self.tries += 1
    self.broadcast(self.request)
    self.set_timer("retry", RETRY_MS)


@answer("5.8", misconception="a time-out begins the phase anew", rejected_by="an answer to the second try counts")
def on_timer(self, name):
    if self.tries == TRIES_MAX:
        self.give_up(self.pending)
        self.pending = None
        return
    self.tries += 1
    silent = [peer for peer in self.peers if peer not in self.replies]
    self.replies = {}
    for peer in silent:
        self.send(peer, self.request)
    self.set_timer("retry", RETRY_MS)


@answer("5.8", misconception="no majority means that it failed", rejected_by="without a majority, the outcome is unknown")
def on_timer(self, name):
    if self.tries == TRIES_MAX:
        self.fail(self.pending)
        self.pending = None
        return
    self.tries += 1
    for peer in self.peers:
        if peer not in self.replies:
            self.send(peer, self.request)
    self.set_timer("retry", RETRY_MS)


@answer("5.8", misconception="one replica has it, so it happened", rejected_by="without a majority, the outcome is unknown")
def on_timer(self, name):
    if self.tries == TRIES_MAX:
        if self.replies:
            self.end(self.pending.value)
        else:
            self.give_up(self.pending)
            self.pending = None
        return
    self.tries += 1
    for peer in self.peers:
        if peer not in self.replies:
            self.send(peer, self.request)
    self.set_timer("retry", RETRY_MS)


@answer("5.8", misconception="somebody must answer in the end", rejected_by="without a majority, the outcome is unknown")
def on_timer(self, name):
    for peer in self.peers:
        if peer not in self.replies:
            self.send(peer, self.request)
    self.set_timer("retry", RETRY_MS)


@answer("5.8", misconception="a timer goes on by itself", rejected_by="it asks again those who have not answered")
def on_timer(self, name):
    if self.tries == TRIES_MAX:
        self.give_up(self.pending)
        self.pending = None
        return
    self.tries += 1
    for peer in self.peers:
        if peer not in self.replies:
            self.send(peer, self.request)


@answer("5.8", misconception="giving up is all there is to do", rejected_by="after giving up, it goes on with the next operation")
def on_timer(self, name):
    if self.tries == TRIES_MAX:
        self.give_up(self.pending)
        return
    self.tries += 1
    for peer in self.peers:
        if peer not in self.replies:
            self.send(peer, self.request)
    self.set_timer("retry", RETRY_MS)


@answer("5.8", misconception="the first try does not count", rejected_by="without a majority, the outcome is unknown")
def on_timer(self, name):
    if self.tries > TRIES_MAX:
        self.give_up(self.pending)
        self.pending = None
        return
    self.tries += 1
    for peer in self.peers:
        if peer not in self.replies:
            self.send(peer, self.request)
    self.set_timer("retry", RETRY_MS)


# -- 5.9 -------------------------------------------------------------------------------------------


@answer("5.9", misconception="a read need not write", rejected_by="no answer before a majority has it")
def read_newest(self):
    self.end(max(self.replies.values(), key=lambda reply: reply.tag).value)


@answer("5.9", misconception="it is enough to send it back", rejected_by="no answer before a majority has it")
def read_newest(self):
    newest = max(self.replies.values(), key=lambda reply: reply.tag)
    self.update(newest.tag, newest.value)
    self.end(newest.value)


@answer("5.9", misconception="the majority is right", rejected_by="newer is what the tag says")
def read_newest(self):
    replies = list(self.replies.values())
    newest = max(replies, key=lambda reply: (replies.count(reply), reply.tag))
    self.update(newest.tag, newest.value)


@answer("5.9", misconception="the first answer is the freshest", rejected_by="newer is what the tag says")
def read_newest(self):
    newest = next(iter(self.replies.values()))
    self.update(newest.tag, newest.value)


@answer("5.9", misconception="the last answer is the freshest", rejected_by="newer is what the tag says")
def read_newest(self):
    newest = list(self.replies.values())[-1]
    self.update(newest.tag, newest.value)


@answer("5.9", misconception="a write-back is a new write", rejected_by="the newest of a majority is written back, with its tag")
def read_newest(self):
    newest = max(self.replies.values(), key=lambda reply: reply.tag)
    self.update((newest.tag[0] + 1, self.id), newest.value)


@answer("5.9", misconception="the reader puts its name on it", rejected_by="the newest of a majority is written back, with its tag")
def read_newest(self):
    newest = max(self.replies.values(), key=lambda reply: reply.tag)
    self.update((newest.tag[0], self.id), newest.value)


@answer("5.9", misconception="the number is the whole tag", rejected_by="newer is what the tag says")
def read_newest(self):
    newest = max(self.replies.values(), key=lambda reply: reply.tag[0])
    self.update(newest.tag, newest.value)


@answer("5.9", misconception="the larger value is the newer one", rejected_by="newer is what the tag says")
def read_newest(self):
    newest = max(self.replies.values(), key=lambda reply: reply.value or "")
    self.update(newest.tag, newest.value)


@answer("5.9", misconception="what I wrote myself is the newest I know", rejected_by="newer is what the tag says")
def read_newest(self):
    mine = [reply for reply in self.replies.values() if reply.tag[1] == self.id]
    newest = max(mine or self.replies.values(), key=lambda reply: reply.tag)
    self.update(newest.tag, newest.value)


@answer("5.9", misconception="what nobody has written is nothing to answer with", rejected_by="what nobody has written reads None")
def read_newest(self):
    newest = max(self.replies.values(), key=lambda reply: reply.tag)
    if newest.value is not None:
        self.update(newest.tag, newest.value)


# -- 5.10 ------------------------------------------------------------------------------------------


@answer("5.10", misconception="I am the only writer", rejected_by="the tag is higher than any that a majority has")
def write_newer(self):
    self.number += 1
    self.update((self.number, self.id), self.pending.value)


@answer("5.10", misconception="a number is enough", rejected_by="two writers never use one tag")
def write_newer(self):
    self.number = max(self.number, *(reply.tag[0] for reply in self.replies.values())) + 1
    self.update((self.number, ""), self.pending.value)


@answer("5.10", misconception="what was given up never happened", rejected_by="a write that was given up keeps its tag for itself")
def write_newer(self):
    number = max(reply.tag[0] for reply in self.replies.values()) + 1
    self.update((number, self.id), self.pending.value)


@answer("5.10", misconception="as high as the highest is high enough", rejected_by="the tag is higher than any that a majority has")
def write_newer(self):
    highest = max(reply.tag[0] for reply in self.replies.values())
    self.number = max(self.number, highest)
    self.update((self.number, self.id), self.pending.value)


@answer("5.10", misconception="one answer is as good as the highest", rejected_by="the tag is higher than any that a majority has")
def write_newer(self):
    told = list(self.replies.values())[-1].tag[0]
    self.number = max(self.number, told) + 1
    self.update((self.number, self.id), self.pending.value)


@answer("5.10", misconception="to know the tag is to have written", rejected_by="the write ends when a majority has it")
def write_newer(self):
    self.number = max(self.number, *(reply.tag[0] for reply in self.replies.values())) + 1
    self.update((self.number, self.id), self.pending.value)
    self.end()


@answer("5.10", misconception="the new tag keeps its last writer", rejected_by="two writers never use one tag")
def write_newer(self):
    number, writer = max(reply.tag for reply in self.replies.values())
    self.number = max(self.number, number) + 1
    self.update((self.number, writer or self.id), self.pending.value)


@answer("5.10", misconception="time tells what is newer", rejected_by="a write that was given up keeps its tag for itself")
def write_newer(self):
    self.update((round(self.now_ms) + 1_000, self.id), self.pending.value)


@answer("5.10", misconception="a random number will do", rejected_by="a write that was given up keeps its tag for itself")
def write_newer(self):
    self.number = self.random.randrange(1_000_000, 1_000_000_000)
    self.update((self.number, self.id), self.pending.value)
