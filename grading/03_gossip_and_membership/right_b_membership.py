"""Lab 03, part membership: right answers, written differently from the course's."""

import statistics

from grading.answers import answer


def beats(one, other):
    """Is `one` newer than `other`, or as new and worse?"""
    if one.incarnation != other.incarnation:
        return one.incarnation > other.incarnation
    return one.status.value > other.status.value


# -- with the statistics module, loops and helper functions --------------------------------------------


@answer("3.6", variant="loops")
def look(self):
    suspected = set()
    for peer, heard in self.heard_ms.items():
        if heard + self.limit_ms < self.now_ms:
            suspected.add(peer)
    self.suspected = suspected


@answer("3.7", variant="loops")
def phi(self, peer):
    line = self.intervals[peer]
    sigma = statistics.pstdev(line)
    if sigma < SIGMA_MIN_MS:
        sigma = SIGMA_MIN_MS
    later = chance_of_later(self.now_ms - self.heard_ms[peer], statistics.fmean(line), sigma)
    if later < 10**-PHI_MAX:
        return PHI_MAX
    return -math.log(later, 10)


@answer("3.8", variant="loops")
def ask_others(self):
    others = list(self.peers)
    self.random.shuffle(others)
    asked = 0
    for other in others:
        if other == self.target or self.table[other].status is Status.DEAD:
            continue
        if asked < HELPERS:
            request = PingRequest(number=self.probe, target=self.target, updates=self.updates_for(other))
            self.send(other, request)
            asked += 1


@answer("3.9", variant="loops")
def refute(self, update):
    if update.status == Status.ALIVE or update.incarnation < self.incarnation:
        return
    while self.incarnation <= update.incarnation:
        self.incarnation += 1
    self.spread(self.id)
    self.storage.save(incarnation=self.incarnation)


@answer("3.10", variant="loops")
def apply(self, update):
    member = update.member
    if not beats(update, self.table[member]):
        return
    if update.status == Status.SUSPECT:
        self.set_timer(("suspect", member), SUSPECT_MS, SUSPECT_MS)
    else:
        self.cancel_timer(("suspect", member))
    self.spread(member)
    self.table[member] = update


# -- sets kept up to date, the sample deviation, everything by comparison -------------------------------


@answer("3.6", variant="kept up to date")
def look(self):
    for peer in self.peers:
        if self.now_ms - self.heard_ms[peer] > self.limit_ms:
            self.suspected.add(peer)
        else:
            self.suspected.discard(peer)


@answer("3.7", variant="kept up to date")
def phi(self, peer):
    n, line = len(self.intervals[peer]), self.intervals[peer]
    mean = math.fsum(line) / n
    spread = math.sqrt(max(0.0, math.fsum(i * i for i in line) / n - mean * mean))
    chance = chance_of_later(self.now_ms - self.heard_ms[peer], mean, max(spread, SIGMA_MIN_MS))
    try:
        return min(PHI_MAX, -math.log10(chance))
    except ValueError:
        return PHI_MAX


@answer("3.8", variant="kept up to date")
def ask_others(self):
    able = {p for p, update in self.table.items() if update.status.value < Status.DEAD.value} - {self.target}
    while able and len(self.peers):
        chosen = self.random.sample(sorted(able), min(len(able), HELPERS))
        for helper in sorted(chosen):
            self.send(helper, PingRequest(self.probe, self.target, self.updates_for(helper)))
        break


@answer("3.9", variant="kept up to date")
def refute(self, update):
    accused = update.status in (Status.SUSPECT, Status.DEAD)
    if accused and not update.incarnation < self.incarnation:
        self.storage.save(incarnation=update.incarnation + 1)
        self.incarnation = self.storage.get("incarnation")
        self.spread(update.member)


@answer("3.10", variant="kept up to date")
def apply(self, update):
    newest = max(self.table[update.member], update, key=lambda u: (u.incarnation, u.status.value))
    if newest == self.table[update.member]:
        return
    self.table[update.member] = newest
    self.spread(newest.member)
    if newest.status is Status.SUSPECT:
        self.set_timer(("suspect", newest.member), SUSPECT_MS)


# -- one table of ranks, early returns ------------------------------------------------------------------


@answer("3.6", variant="early returns")
def look(self):
    limit = self.now_ms - self.limit_ms
    self.suspected = set(filter(lambda peer: self.heard_ms[peer] < limit, self.peers))


@answer("3.9", variant="early returns")
def refute(self, update):
    if update.status is Status.ALIVE:
        return
    if update.incarnation < self.incarnation:
        return
    self.incarnation = 1 + max(update.incarnation, self.incarnation)
    self.storage.save(incarnation=self.incarnation)
    self.spread(self.id)


@answer("3.10", variant="early returns")
def apply(self, update):
    known = self.table[update.member]
    rank = {Status.ALIVE: 0, Status.SUSPECT: 1, Status.DEAD: 2}
    if update.incarnation < known.incarnation:
        return
    if update.incarnation == known.incarnation and rank[update.status] <= rank[known.status]:
        return
    self.table = {**self.table, update.member: update}
    self.spread(update.member)
    if update.status is Status.SUSPECT:
        self.set_timer(("suspect", update.member), SUSPECT_MS)
