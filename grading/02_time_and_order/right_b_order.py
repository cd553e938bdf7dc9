"""Lab 02, part order: right answers, written differently from the course's."""

from grading.answers import answer


def is_last(heard, peer, head):
    """Would anything that this peer says from now on come after `head`?"""
    return (heard + 1, peer) > (head.time, head.author)


# -- by the letter ---------------------------------------------------------------------------------------


@answer("2.5", variant="by the letter")
def may_deliver(self, post):
    for member, theirs, mine in zip(self.members, post.clock, self.count):
        if member == post.author and theirs != mine + 1:
            return False
        if member != post.author and theirs > mine:
            return False
    return True


@answer("2.6", variant="by the letter")
def on_post(self, post):
    place = self.members.index(post.author)
    if post.clock[place] <= self.count[place]:
        return
    if not self.may_deliver(post):
        if post not in self.held:
            self.held.append(post)
        return
    self.deliver(post)
    self.held = [one for one in self.held if one != post]
    for one in list(self.held):
        if self.may_deliver(one):
            self.on_post(one)


@answer("2.7", variant="by the letter")
def next_stable(self):
    for request in sorted(self.queue, key=lambda one: (one.time, one.author)):
        for peer in self.peers:
            if self.heard[peer] < request.time:
                return None
        return request
    return None


@answer("2.8", variant="by the letter")
def begin_snapshot(self):
    for peer in self.peers:
        self.channels[peer] = []
        self.open.add(peer)
        self.tell(peer, Marker())
    self.recorded = self.balance


@answer("2.9", variant="by the letter")
def on_marker(self, source):
    if self.recorded is None:
        self.begin_snapshot()
        self.channels[source] = []
    if source in self.open:
        self.open.remove(source)


@answer("2.10", variant="by the letter")
def note_transfer(self, source, amount):
    if self.recorded is None or source not in self.open:
        return
    self.channels[source] += [amount]


# -- as early as the rule allows, with other structures ----------------------------------------------------


@answer("2.5", variant="as early as possible")
def may_deliver(self, post):
    wanted = list(self.count)
    wanted[self.members.index(post.author)] += 1
    ahead = [theirs - mine for theirs, mine in zip(post.clock, wanted)]
    return max(ahead) <= 0 and ahead[self.members.index(post.author)] == 0


@answer("2.6", variant="as early as possible")
def on_post(self, post):
    self.held = [one for one in self.held if one != post] + [post]
    progress = True
    while progress:
        progress = False
        for one in sorted(self.held, key=lambda one: sum(one.clock)):
            if self.may_deliver(one):
                self.deliver(one)
                progress = True
        unread = []
        for one in self.held:
            place = self.members.index(one.author)
            if one.clock[place] > self.count[place]:
                unread.append(one)
        self.held = unread


@answer("2.7", variant="as early as possible")
def next_stable(self):
    ordered = sorted((request.time, request.author) for request in self.queue)
    for request in self.queue:
        if (request.time, request.author) == ordered[0]:
            if all(is_last(time, peer, request) for peer, time in self.heard.items()):
                return request
    return None


@answer("2.8", variant="as early as possible")
def begin_snapshot(self):
    self.tell_all(Marker())
    self.open = {*self.peers}
    self.channels.update((peer, []) for peer in self.peers)
    self.recorded = self.balance


@answer("2.9", variant="as early as possible")
def on_marker(self, source):
    rest = set(self.peers) if self.recorded is None else self.open
    if self.recorded is None:
        self.begin_snapshot()
    self.open = rest - {source}


@answer("2.10", variant="as early as possible")
def note_transfer(self, source, amount):
    for peer in self.open:
        if peer == source:
            self.channels[peer] = [*self.channels[peer], amount]


# -- tuples, and the queue kept in order ---------------------------------------------------------------------


@answer("2.5", variant="kept in order")
def may_deliver(self, post):
    missing = {
        m: theirs - mine for m, theirs, mine in zip(self.members, post.clock, self.count) if theirs > mine
    }
    return missing == {post.author: 1}


@answer("2.6", variant="kept in order")
def on_post(self, post):
    place = self.members.index(post.author)
    is_old = post.clock[place] <= self.count[place]
    if is_old or post in self.held:
        return None
    self.held.append(post)
    self.held.sort(key=lambda one: (sum(one.clock), one.author))
    position = 0
    while position < len(self.held):
        if self.may_deliver(self.held[position]):
            self.deliver(self.held.pop(position))
            position = 0
        else:
            position += 1


@answer("2.7", variant="kept in order")
def next_stable(self):
    self.queue.sort(key=lambda one: (one.time, one.author))
    if self.queue and min(self.heard.values()) >= self.queue[0].time:
        return self.queue[0]


@answer("2.8", variant="kept in order")
def begin_snapshot(self):
    self.recorded, self.open = self.balance, set()
    self.channels = {}
    for peer in reversed(self.peers):
        self.open = self.open | {peer}
        self.channels[peer] = []
    for peer in reversed(self.peers):
        self.tell(peer, Marker())


@answer("2.9", variant="kept in order")
def on_marker(self, source):
    self.recorded is None and self.begin_snapshot()
    self.open -= {source}


@answer("2.10", variant="kept in order")
def note_transfer(self, source, amount):
    if source in sorted(self.open):
        self.channels.setdefault(source, []).append(amount)
