"""Lab 05, part c: wrong answers, each what a learner would type, named after the misconception behind it."""

from grading.answers import answer

# -- 5.11 ------------------------------------------------------------------------------------------


@answer("5.11", misconception="homes are homes, whether they answer or not", rejected_by="for each home that is down, the next healthy replica stands in")
def targets(self):
    return dict.fromkeys(self.peers[:HOMES])


@answer("5.11", misconception="without homes, fewer replicas will do", rejected_by="for each home that is down, the next healthy replica stands in")
def targets(self):
    return {home: None for home in self.peers[:HOMES] if home not in self.suspects}


@answer("5.11", misconception="a stand-in need not know for whom", rejected_by="for each home that is down, the next healthy replica stands in")
def targets(self):
    healthy = [peer for peer in self.peers if peer not in self.suspects]
    return dict.fromkeys(healthy[:HOMES])


@answer("5.11", misconception="the next one in the list is healthy", rejected_by="for each home that is down, the next healthy replica stands in")
def targets(self):
    down = [home for home in self.peers[:HOMES] if home in self.suspects]
    healthy = {home: None for home in self.peers[:HOMES] if home not in self.suspects}
    return healthy | dict(zip(self.peers[HOMES:], down))


@answer("5.11", misconception="everybody stands in for the first who is down", rejected_by="for each home that is down, the next healthy replica stands in")
def targets(self):
    down = [home for home in self.peers[:HOMES] if home in self.suspects]
    healthy = [peer for peer in self.peers if peer not in self.suspects][:HOMES]
    return {peer: None if peer in self.peers[:HOMES] else down[0] for peer in healthy}


@answer("5.11", misconception="the last in the list has the most time", rejected_by="for each home that is down, the next healthy replica stands in")
def targets(self):
    down = [home for home in self.peers[:HOMES] if home in self.suspects]
    others = [peer for peer in reversed(self.peers[HOMES:]) if peer not in self.suspects]
    return {home: None for home in self.peers[:HOMES] if home not in self.suspects} | dict(zip(others, down))


@answer("5.11", misconception="the more replicas, the better", rejected_by="as long as all homes answer, the homes are asked")
def targets(self):
    return dict.fromkeys(peer for peer in self.peers if peer not in self.suspects)


@answer("5.11", misconception="there is always a stand-in", rejected_by="fewer healthy ones than N: those that there are")
def targets(self):
    others = [peer for peer in self.peers[HOMES:] if peer not in self.suspects]
    chosen = {}
    for home in self.peers[:HOMES]:
        if home in self.suspects:
            chosen[others.pop(0)] = home
        else:
            chosen[home] = None
    return chosen


# -- 5.12 ------------------------------------------------------------------------------------------


@answer("5.12", misconception="a hint is a value like any other", rejected_by="a hint is kept apart from the replica's own value")
def keep_hint(self, source, update):
    if update.tag > self.tag:
        self.tag, self.value = update.tag, update.value
        self.storage.save(tag=self.tag, value=self.value)
        self.hints[update.owner] = update.tag, update.value
        self.save_hints()
        self.set_timer("handoff", HANDOFF_MS)
    self.send(source, UpdateReply(update.phase))


@answer("5.12", misconception="hints go home by themselves", rejected_by="a hint is kept apart from the replica's own value")
def keep_hint(self, source, update):
    kept, _ = self.hints.get(update.owner, (NO_TAG, None))
    if update.tag > kept:
        self.hints[update.owner] = update.tag, update.value
        self.save_hints()
    self.send(source, UpdateReply(update.phase))


@answer("5.12", misconception="the last hint is the newest", rejected_by="of two hints for one owner the newer stays")
def keep_hint(self, source, update):
    self.hints[update.owner] = update.tag, update.value
    self.save_hints()
    self.set_timer("handoff", HANDOFF_MS)
    self.send(source, UpdateReply(update.phase))


@answer("5.12", misconception="what is older than my own value is old", rejected_by="a hint is kept apart from the replica's own value")
def keep_hint(self, source, update):
    if update.tag > self.tag:
        self.hints[update.owner] = update.tag, update.value
        self.save_hints()
        self.set_timer("handoff", HANDOFF_MS)
    self.send(source, UpdateReply(update.phase))


@answer("5.12", misconception="one shelf is enough for all owners", rejected_by="a hint is kept apart from the replica's own value")
def keep_hint(self, source, update):
    kept = max([tag for tag, _ in self.hints.values()], default=NO_TAG)
    if update.tag > kept:
        self.hints = {update.owner: (update.tag, update.value)}
        self.save_hints()
        self.set_timer("handoff", HANDOFF_MS)
    self.send(source, UpdateReply(update.phase))


@answer("5.12", misconception="the number is the whole tag", rejected_by="of two hints for one owner the newer stays")
def keep_hint(self, source, update):
    kept, _ = self.hints.get(update.owner, (NO_TAG, None))
    if update.tag[0] >= kept[0]:
        self.hints[update.owner] = update.tag, update.value
        self.save_hints()
        self.set_timer("handoff", HANDOFF_MS)
    self.send(source, UpdateReply(update.phase))


@answer("5.12", misconception="only what is kept is confirmed", rejected_by="every hinted update is answered, an old one too")
def keep_hint(self, source, update):
    kept, _ = self.hints.get(update.owner, (NO_TAG, None))
    if update.tag > kept:
        self.hints[update.owner] = update.tag, update.value
        self.save_hints()
        self.set_timer("handoff", HANDOFF_MS)
        self.send(source, UpdateReply(update.phase))


@answer("5.12", misconception="a hint is a courtesy, memory will do", rejected_by="a hint is on the disk before it is confirmed")
def keep_hint(self, source, update):
    kept, _ = self.hints.get(update.owner, (NO_TAG, None))
    if update.tag > kept:
        self.hints[update.owner] = update.tag, update.value
        self.set_timer("handoff", HANDOFF_MS)
    self.send(source, UpdateReply(update.phase))


@answer("5.12", misconception="answer first, save when there is time", rejected_by="a hint is on the disk before it is confirmed")
def keep_hint(self, source, update):
    self.send(source, UpdateReply(update.phase))
    kept, _ = self.hints.get(update.owner, (NO_TAG, None))
    if update.tag > kept:
        self.hints[update.owner] = update.tag, update.value
        self.save_hints()
        self.set_timer("handoff", HANDOFF_MS)


# -- 5.13 ------------------------------------------------------------------------------------------


@answer("5.13", misconception="when one owner is back, all are", rejected_by="what the owner has confirmed is let go, and nothing else")
def on_handoff_reply(self, source, reply):
    self.hints = {}
    self.save_hints()


@answer("5.13", misconception="hints may stay, they do no harm", rejected_by="what the owner has confirmed is let go, and nothing else")
def on_handoff_reply(self, source, reply):
    pass


@answer("5.13", misconception="a confirmation is for what I keep now", rejected_by="a confirmation of an older tag does not free a newer hint")
def on_handoff_reply(self, source, reply):
    if source in self.hints:
        del self.hints[source]
        self.save_hints()


@answer("5.13", misconception="equal numbers are the same write", rejected_by="a confirmation of an older tag does not free a newer hint")
def on_handoff_reply(self, source, reply):
    if source in self.hints and self.hints[source][0][0] <= reply.tag[0]:
        del self.hints[source]
        self.save_hints()


@answer("5.13", misconception="the tag says which hint, whoever confirms", rejected_by="what the owner has confirmed is let go, and nothing else")
def on_handoff_reply(self, source, reply):
    self.hints = {owner: pair for owner, pair in self.hints.items() if pair[0] > reply.tag}
    self.save_hints()


@answer("5.13", misconception="a confirmation comes once", rejected_by="a second confirmation does no harm")
def on_handoff_reply(self, source, reply):
    if self.hints[source][0] <= reply.tag:
        del self.hints[source]
        self.save_hints()


@answer("5.13", misconception="forgetting needs no disk", rejected_by="what was let go stays away after a restart")
def on_handoff_reply(self, source, reply):
    if source in self.hints and self.hints[source][0] <= reply.tag:
        del self.hints[source]


# -- 5.14 ------------------------------------------------------------------------------------------


@answer("5.14", misconception="what belongs to others is none of my business", rejected_by="an answer is the newest of what is here, own or kept")
def newest_held(self):
    return self.tag, self.value


@answer("5.14", misconception="a hint is always newer", rejected_by="an answer is the newest of what is here, own or kept")
def newest_held(self):
    if self.hints:
        return max(self.hints.values(), key=lambda pair: pair[0])
    return self.tag, self.value


@answer("5.14", misconception="the last hint is the newest", rejected_by="an answer is the newest of what is here, own or kept")
def newest_held(self):
    pairs = [(self.tag, self.value), *self.hints.values()]
    return max(pairs[0], pairs[-1], key=lambda pair: pair[0])


@answer("5.14", misconception="what I have read is mine", rejected_by="an answer is the newest of what is here, own or kept")
def newest_held(self):
    self.tag, self.value = max([(self.tag, self.value), *self.hints.values()], key=lambda pair: pair[0])
    return self.tag, self.value


@answer("5.14", misconception="the larger value is the newer one", rejected_by="an answer is the newest of what is here, own or kept")
def newest_held(self):
    return max([(self.tag, self.value), *self.hints.values()], key=lambda pair: pair[1] or "")
