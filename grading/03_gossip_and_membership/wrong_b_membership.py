"""Lab 03, part membership: wrong answers, each what a learner would type, named after the misconception."""

from grading.answers import answer

# -- 3.6 -------------------------------------------------------------------------------------------


@answer(
    "3.6", misconception="once suspect, always suspect", rejected_by="who is heard again is trusted again"
)
def look(self):
    for peer in self.peers:
        if self.now_ms - self.heard_ms[peer] > self.limit_ms:
            self.suspected.add(peer)


@answer(
    "3.6",
    misconception="one missing heartbeat is enough",
    rejected_by="silent for too long is suspected, and only that",
)
def look(self):
    self.suspected = {p for p in self.peers if self.now_ms - self.heard_ms[p] > HEARTBEAT_MS}


@answer(
    "3.6",
    misconception="the longest silence is the suspect",
    rejected_by="silent for too long is suspected, and only that",
)
def look(self):
    silent = max(self.peers, key=lambda peer: self.now_ms - self.heard_ms[peer])
    self.suspected = {silent} if self.now_ms - self.heard_ms[silent] > self.limit_ms else set()


@answer(
    "3.6",
    misconception="the time of day is how long somebody is silent",
    rejected_by="silent for too long is suspected, and only that",
)
def look(self):
    self.suspected = {p for p in self.peers if self.heard_ms[p] > self.limit_ms}


@answer(
    "3.6",
    misconception="a suspect is trusted again when all are",
    rejected_by="who is heard again is trusted again",
)
def look(self):
    late = {p for p in self.peers if self.now_ms - self.heard_ms[p] > self.limit_ms}
    self.suspected = late | self.suspected if late else set()


# -- 3.7 -------------------------------------------------------------------------------------------


@answer("3.7", misconception="the natural logarithm", rejected_by="phi is minus the logarithm of the chance")
def phi(self, peer):
    intervals = self.intervals[peer]
    mean = sum(intervals) / len(intervals)
    sigma = max(SIGMA_MIN_MS, math.sqrt(sum((i - mean) ** 2 for i in intervals) / len(intervals)))
    chance = chance_of_later(self.now_ms - self.heard_ms[peer], mean, sigma)
    return min(PHI_MAX, -math.log(chance)) if chance > 0 else PHI_MAX


@answer(
    "3.7",
    misconception="the variance is the deviation",
    rejected_by="phi is minus the logarithm of the chance",
)
def phi(self, peer):
    intervals = self.intervals[peer]
    mean = sum(intervals) / len(intervals)
    sigma = max(SIGMA_MIN_MS, sum((i - mean) ** 2 for i in intervals) / len(intervals))
    chance = chance_of_later(self.now_ms - self.heard_ms[peer], mean, sigma)
    return min(PHI_MAX, -math.log10(chance)) if chance > 0 else PHI_MAX


@answer(
    "3.7",
    misconception="the mean is what it should be, not what it is",
    rejected_by="phi is minus the logarithm of the chance",
)
def phi(self, peer):
    intervals = self.intervals[peer]
    mean = HEARTBEAT_MS
    sigma = max(SIGMA_MIN_MS, math.sqrt(sum((i - mean) ** 2 for i in intervals) / len(intervals)))
    chance = chance_of_later(self.now_ms - self.heard_ms[peer], mean, sigma)
    return min(PHI_MAX, -math.log10(chance)) if chance > 0 else PHI_MAX


@answer(
    "3.7",
    misconception="phi counts standard deviations",
    rejected_by="phi is minus the logarithm of the chance",
)
def phi(self, peer):
    intervals = self.intervals[peer]
    mean = sum(intervals) / len(intervals)
    sigma = max(SIGMA_MIN_MS, math.sqrt(sum((i - mean) ** 2 for i in intervals) / len(intervals)))
    return min(PHI_MAX, max(0.0, (self.now_ms - self.heard_ms[peer] - mean) / sigma))


@answer(
    "3.7",
    misconception="a line that was perfect is perfect",
    rejected_by="a regular line is trusted no longer than its floor allows",
)
def phi(self, peer):
    intervals = self.intervals[peer]
    mean = sum(intervals) / len(intervals)
    sigma = math.sqrt(sum((i - mean) ** 2 for i in intervals) / len(intervals)) or 1.0
    chance = chance_of_later(self.now_ms - self.heard_ms[peer], mean, sigma)
    return min(PHI_MAX, -math.log10(chance)) if chance > 0 else PHI_MAX


@answer(
    "3.7", misconception="the chance is never nought", rejected_by="long silence gives PHI_MAX, and no error"
)
def phi(self, peer):
    intervals = self.intervals[peer]
    mean = sum(intervals) / len(intervals)
    sigma = max(SIGMA_MIN_MS, math.sqrt(sum((i - mean) ** 2 for i in intervals) / len(intervals)))
    return min(PHI_MAX, -math.log10(chance_of_later(self.now_ms - self.heard_ms[peer], mean, sigma)))


@answer("3.7", misconception="no limit is needed", rejected_by="long silence gives PHI_MAX, and no error")
def phi(self, peer):
    intervals = self.intervals[peer]
    mean = sum(intervals) / len(intervals)
    sigma = max(SIGMA_MIN_MS, math.sqrt(sum((i - mean) ** 2 for i in intervals) / len(intervals)))
    chance = chance_of_later(self.now_ms - self.heard_ms[peer], mean, sigma)
    return -math.log10(chance) if chance > 0 else math.inf


@answer("3.7", misconception="all lines are one line", rejected_by="each line is judged by its own past")
def phi(self, peer):
    intervals = [i for line in self.intervals.values() for i in line]
    mean = sum(intervals) / len(intervals)
    sigma = max(SIGMA_MIN_MS, math.sqrt(sum((i - mean) ** 2 for i in intervals) / len(intervals)))
    chance = chance_of_later(self.now_ms - self.heard_ms[peer], mean, sigma)
    return min(PHI_MAX, -math.log10(chance)) if chance > 0 else PHI_MAX


# -- 3.8 -------------------------------------------------------------------------------------------


@answer("3.8", misconception="ask the target again", rejected_by="some others are asked to ping the target")
def ask_others(self):
    for _ in range(HELPERS):
        self.send(self.target, Ping(self.probe, self.id, self.updates_for(self.target)))


@answer(
    "3.8", misconception="the target can help", rejected_by="in a small group, those who are there are asked"
)
def ask_others(self):
    able = [p for p in self.peers if self.table[p].status is not Status.DEAD]
    for helper in self.random.sample(able, min(HELPERS, len(able))):
        self.send(helper, PingRequest(self.probe, self.target, self.updates_for(helper)))


@answer(
    "3.8", misconception="ask everybody, to be sure", rejected_by="some others are asked to ping the target"
)
def ask_others(self):
    for peer in self.peers:
        if peer != self.target and self.table[peer].status is not Status.DEAD:
            self.send(peer, PingRequest(self.probe, self.target, self.updates_for(peer)))


@answer(
    "3.8", misconception="the first ones will do", rejected_by="anybody may be asked, and all are in time"
)
def ask_others(self):
    able = [p for p in self.peers if p != self.target and self.table[p].status is not Status.DEAD]
    for helper in able[:HELPERS]:
        self.send(helper, PingRequest(self.probe, self.target, self.updates_for(helper)))


@answer(
    "3.8",
    misconception="one may be asked three times",
    rejected_by="some others are asked to ping the target",
)
def ask_others(self):
    able = [p for p in self.peers if p != self.target and self.table[p].status is not Status.DEAD]
    for _ in range(min(HELPERS, len(able))):
        helper = self.random.choice(able)
        self.send(helper, PingRequest(self.probe, self.target, self.updates_for(helper)))


@answer(
    "3.8",
    misconception="a new question has a new number",
    rejected_by="some others are asked to ping the target",
)
def ask_others(self):
    able = [p for p in self.peers if p != self.target and self.table[p].status is not Status.DEAD]
    for helper in self.random.sample(able, min(HELPERS, len(able))):
        self.probe += 1
        self.send(helper, PingRequest(self.probe, self.target, self.updates_for(helper)))


@answer(
    "3.8",
    misconception="there are always enough helpers",
    rejected_by="in a small group, those who are there are asked",
)
def ask_others(self):
    able = [p for p in self.peers if p != self.target and self.table[p].status is not Status.DEAD]
    for helper in self.random.sample(able, HELPERS):
        self.send(helper, PingRequest(self.probe, self.target, self.updates_for(helper)))


@answer("3.8", misconception="the dead can help, too", rejected_by="the dead are not asked for help")
def ask_others(self):
    able = [p for p in self.peers if p != self.target]
    for helper in self.random.sample(able, min(HELPERS, len(able))):
        self.send(helper, PingRequest(self.probe, self.target, self.updates_for(helper)))


@answer("3.8", misconception="suspects must not help", rejected_by="the dead are not asked for help")
def ask_others(self):
    able = [p for p in self.peers if p != self.target and self.table[p].status is Status.ALIVE]
    for helper in self.random.sample(able, min(HELPERS, len(able))):
        self.send(helper, PingRequest(self.probe, self.target, self.updates_for(helper)))


@answer(
    "3.8",
    misconception="what I do not hear is not there",
    rejected_by="two that cannot hear each other both stay members",
)
def ask_others(self):
    pass


# -- 3.9 -------------------------------------------------------------------------------------------


@answer(
    "3.9",
    misconception="one more than my own",
    rejected_by="who is called suspect or dead says: I am alive, and newer",
)
def refute(self, update):
    if update.status is not Status.ALIVE and update.incarnation >= self.incarnation:
        self.incarnation += 1
        self.storage.save(incarnation=self.incarnation)
        self.spread(self.id)


@answer(
    "3.9",
    misconception="only a suspicion needs an objection",
    rejected_by="who is called suspect or dead says: I am alive, and newer",
)
def refute(self, update):
    if update.status is Status.SUSPECT and update.incarnation >= self.incarnation:
        self.incarnation = update.incarnation + 1
        self.storage.save(incarnation=self.incarnation)
        self.spread(self.id)


@answer(
    "3.9",
    misconception="saying it is enough, the number need not change",
    rejected_by="who is called suspect or dead says: I am alive, and newer",
)
def refute(self, update):
    if update.status is not Status.ALIVE:
        self.spread(self.id)


@answer(
    "3.9",
    misconception="a higher number is known to all by itself",
    rejected_by="who is called suspect or dead says: I am alive, and newer",
)
def refute(self, update):
    if update.status is not Status.ALIVE and update.incarnation >= self.incarnation:
        self.incarnation = update.incarnation + 1
        self.storage.save(incarnation=self.incarnation)


@answer(
    "3.9",
    misconception="only what is newer than my incarnation",
    rejected_by="who is called suspect or dead says: I am alive, and newer",
)
def refute(self, update):
    if update.status is not Status.ALIVE and update.incarnation > self.incarnation:
        self.incarnation = update.incarnation + 1
        self.storage.save(incarnation=self.incarnation)
        self.spread(self.id)


@answer(
    "3.9",
    misconception="every accusation deserves a new number",
    rejected_by="old rumours and good news need no answer",
)
def refute(self, update):
    if update.status is not Status.ALIVE:
        self.incarnation = max(self.incarnation, update.incarnation) + 1
        self.storage.save(incarnation=self.incarnation)
        self.spread(self.id)


@answer(
    "3.9",
    misconception="whatever is said of me, I say something newer",
    rejected_by="old rumours and good news need no answer",
)
def refute(self, update):
    if update.incarnation >= self.incarnation:
        self.incarnation = update.incarnation + 1
        self.storage.save(incarnation=self.incarnation)
        self.spread(self.id)


@answer("3.9", misconception="memory is enough", rejected_by="a crash does not take an incarnation back")
def refute(self, update):
    if update.status is not Status.ALIVE and update.incarnation >= self.incarnation:
        self.incarnation = update.incarnation + 1
        self.spread(self.id)


@answer(
    "3.9", misconception="save what was said of me", rejected_by="a crash does not take an incarnation back"
)
def refute(self, update):
    if update.status is not Status.ALIVE and update.incarnation >= self.incarnation:
        self.storage.save(incarnation=self.incarnation)
        self.incarnation = update.incarnation + 1
        self.spread(self.id)


# -- 3.10 ------------------------------------------------------------------------------------------


@answer(
    "3.10",
    misconception="the latest message is right",
    rejected_by="the newer is believed, and of equals the worse",
)
def apply(self, update):
    if update != self.table[update.member]:
        self.table[update.member] = update
        self.spread(update.member)
        if update.status is Status.SUSPECT:
            self.set_timer(("suspect", update.member), SUSPECT_MS)


@answer(
    "3.10",
    misconception="only a higher incarnation is newer",
    rejected_by="the newer is believed, and of equals the worse",
)
def apply(self, update):
    if update.incarnation > self.table[update.member].incarnation:
        self.table[update.member] = update
        self.spread(update.member)
        if update.status is Status.SUSPECT:
            self.set_timer(("suspect", update.member), SUSPECT_MS)


@answer(
    "3.10",
    misconception="the worse status wins, whatever its number",
    rejected_by="the newer is believed, and of equals the worse",
)
def apply(self, update):
    known = self.table[update.member]
    if (update.status.value, update.incarnation) > (known.status.value, known.incarnation):
        self.table[update.member] = update
        self.spread(update.member)
        if update.status is Status.SUSPECT:
            self.set_timer(("suspect", update.member), SUSPECT_MS)


@answer("3.10", misconception="dead is dead", rejected_by="the newer is believed, and of equals the worse")
def apply(self, update):
    known = self.table[update.member]
    if known.status is Status.DEAD:
        return
    if (update.incarnation, update.status.value) > (known.incarnation, known.status.value):
        self.table[update.member] = update
        self.spread(update.member)
        if update.status is Status.SUSPECT:
            self.set_timer(("suspect", update.member), SUSPECT_MS)


@answer(
    "3.10",
    misconception="dead beats everything, as in the paper",
    rejected_by="the newer is believed, and of equals the worse",
)
def apply(self, update):
    known = self.table[update.member]
    newer = (update.incarnation, update.status.value) > (known.incarnation, known.status.value)
    if newer or (update.status is Status.DEAD and known.status is not Status.DEAD):
        self.table[update.member] = update
        self.spread(update.member)
        if update.status is Status.SUSPECT:
            self.set_timer(("suspect", update.member), SUSPECT_MS)


@answer(
    "3.10",
    misconception="of equals, alive wins: in doubt for the accused",
    rejected_by="the newer is believed, and of equals the worse",
)
def apply(self, update):
    known = self.table[update.member]
    if (update.incarnation, -update.status.value) > (known.incarnation, -known.status.value):
        self.table[update.member] = update
        self.spread(update.member)
        if update.status is Status.SUSPECT:
            self.set_timer(("suspect", update.member), SUSPECT_MS)


@answer(
    "3.10",
    misconception="equal updates are news",
    rejected_by="a suspect has its time, and an old suspicion starts no clock",
)
def apply(self, update):
    known = self.table[update.member]
    if (update.incarnation, update.status.value) >= (known.incarnation, known.status.value):
        self.table[update.member] = update
        self.spread(update.member)
        if update.status is Status.SUSPECT:
            self.set_timer(("suspect", update.member), SUSPECT_MS)


@answer(
    "3.10", misconception="the last word counts, between equals", rejected_by="in any order the same belief"
)
def apply(self, update):
    known = self.table[update.member]
    if update.incarnation >= known.incarnation and update != known:
        self.table[update.member] = update
        self.spread(update.member)
        if update.status is Status.SUSPECT:
            self.set_timer(("suspect", update.member), SUSPECT_MS)


@answer(
    "3.10",
    misconception="everybody hears it anyway",
    rejected_by="what is believed anew is passed on, and only that",
)
def apply(self, update):
    known = self.table[update.member]
    if (update.incarnation, update.status.value) > (known.incarnation, known.status.value):
        self.table[update.member] = update
        if update.status is Status.SUSPECT:
            self.set_timer(("suspect", update.member), SUSPECT_MS)


@answer(
    "3.10",
    misconception="pass on whatever comes",
    rejected_by="what is believed anew is passed on, and only that",
)
def apply(self, update):
    known = self.table[update.member]
    self.spread(update.member)
    if (update.incarnation, update.status.value) > (known.incarnation, known.status.value):
        self.table[update.member] = update
        if update.status is Status.SUSPECT:
            self.set_timer(("suspect", update.member), SUSPECT_MS)


@answer(
    "3.10",
    misconception="whoever suspected it first will bury it",
    rejected_by="a suspect has its time, and an old suspicion starts no clock",
)
def apply(self, update):
    known = self.table[update.member]
    if (update.incarnation, update.status.value) > (known.incarnation, known.status.value):
        self.table[update.member] = update
        self.spread(update.member)


@answer(
    "3.10",
    misconception="every mention of a suspicion starts its clock anew",
    rejected_by="a suspect has its time, and an old suspicion starts no clock",
)
def apply(self, update):
    known = self.table[update.member]
    if (update.incarnation, update.status.value) > (known.incarnation, known.status.value):
        self.table[update.member] = update
        self.spread(update.member)
    if update.status is Status.SUSPECT:
        self.set_timer(("suspect", update.member), SUSPECT_MS)


@answer("3.10", misconception="a suspect is as good as dead", rejected_by="a slow member is not struck off")
def apply(self, update):
    known = self.table[update.member]
    if (update.incarnation, update.status.value) > (known.incarnation, known.status.value):
        status = Status.DEAD if update.status is Status.SUSPECT else update.status
        self.table[update.member] = Update(update.member, status, update.incarnation)
        self.spread(update.member)
