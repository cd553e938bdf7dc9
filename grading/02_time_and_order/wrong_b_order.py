"""Lab 02, part order: wrong answers, each what a learner would type, named after the misconception behind it."""

from grading.answers import answer

# -- 2.5 -------------------------------------------------------------------------------------------


@answer(
    "2.5",
    misconception="the order of each author is enough",
    rejected_by="not before what its author had read",
)
def may_deliver(self, post):
    author = self.members.index(post.author)
    return post.clock[author] == self.count[author] + 1


@answer(
    "2.5",
    misconception="newer than what I have is enough",
    rejected_by="of each author, the next post and no other",
)
def may_deliver(self, post):
    author = self.members.index(post.author)
    others = [place for place in range(len(self.members)) if place != author]
    return post.clock[author] > self.count[author] and all(post.clock[p] <= self.count[p] for p in others)


@answer("2.5", misconception="a copy does no harm", rejected_by="of each author, the next post and no other")
def may_deliver(self, post):
    author = self.members.index(post.author)
    return all(
        theirs <= mine + (place == author) for place, (theirs, mine) in enumerate(zip(post.clock, self.count))
    )


@answer(
    "2.5",
    misconception="reader and author must have read the same",
    rejected_by="the reader may have read more than the author",
)
def may_deliver(self, post):
    author = self.members.index(post.author)
    return all(
        theirs == mine + (place == author) for place, (theirs, mine) in enumerate(zip(post.clock, self.count))
    )


@answer(
    "2.5",
    misconception="the sum tells how many are missing",
    rejected_by="the reader may have read more than the author",
)
def may_deliver(self, post):
    return sum(post.clock) == sum(self.count) + 1


@answer("2.5", misconception="what I know is all there is", rejected_by="not before what its author had read")
def may_deliver(self, post):
    author = self.members.index(post.author)
    return post.clock[author] == self.count[author] + 1 and post.clock[self.place] <= self.count[self.place]


@answer(
    "2.5",
    misconception="at least as much, the wrong way round",
    rejected_by="not before what its author had read",
)
def may_deliver(self, post):
    author = self.members.index(post.author)
    others = [place for place in range(len(self.members)) if place != author]
    return post.clock[author] == self.count[author] + 1 and all(
        post.clock[p] >= self.count[p] for p in others
    )


# -- 2.6 -------------------------------------------------------------------------------------------


@answer(
    "2.6",
    misconception="one pass through the queue",
    rejected_by="what waits is read when its turn comes, in whatever order it came",
)
def on_post(self, post):
    author = self.members.index(post.author)
    if post.clock[author] <= self.count[author] or post in self.held:
        return
    self.held.append(post)
    for one in list(self.held):
        if self.may_deliver(one):
            self.held.remove(one)
            self.deliver(one)


@answer(
    "2.6",
    misconception="the queue is asked once, after a delivery",
    rejected_by="what waits is read when its turn comes, in whatever order it came",
)
def on_post(self, post):
    author = self.members.index(post.author)
    if post.clock[author] <= self.count[author] or post in self.held:
        return
    if not self.may_deliver(post):
        self.held.append(post)
        return
    self.deliver(post)
    ready = [one for one in self.held if self.may_deliver(one)]
    for one in ready:
        self.held.remove(one)
        self.deliver(one)


@answer(
    "2.6",
    misconception="all that may be read now may still be read after the first",
    rejected_by="what waits is read when its turn comes, in whatever order it came",
)
def on_post(self, post):
    author = self.members.index(post.author)
    if post.clock[author] <= self.count[author] or post in self.held:
        return
    self.held.append(post)
    if self.may_deliver(post):
        for one in sorted(self.held, key=lambda one: one.text):
            self.held.remove(one)
            self.deliver(one)


@answer(
    "2.6",
    misconception="what comes too early is lost",
    rejected_by="what waits is read when its turn comes, in whatever order it came",
)
def on_post(self, post):
    if self.may_deliver(post):
        self.deliver(post)


@answer(
    "2.6",
    misconception="the queue is for what came before this",
    rejected_by="what need not wait is read at once",
)
def on_post(self, post):
    author = self.members.index(post.author)
    if post.clock[author] <= self.count[author] or post in self.held:
        return
    while ready := [one for one in self.held if self.may_deliver(one)]:
        self.held.remove(ready[0])
        self.deliver(ready[0])
    self.held.append(post)


@answer(
    "2.6", misconception="a copy waits beside its original", rejected_by="a copy is read once, and not kept"
)
def on_post(self, post):
    author = self.members.index(post.author)
    if post.clock[author] <= self.count[author]:
        return
    self.held.append(post)
    while ready := [one for one in self.held if self.may_deliver(one)]:
        self.held.remove(ready[0])
        self.deliver(ready[0])


@answer(
    "2.6", misconception="a copy of what was read can wait", rejected_by="a copy is read once, and not kept"
)
def on_post(self, post):
    if post not in self.held:
        self.held.append(post)
    while ready := [one for one in self.held if self.may_deliver(one)]:
        self.held.remove(ready[0])
        self.deliver(ready[0])


@answer(
    "2.6",
    misconception="what was read may stay in the queue",
    rejected_by="a copy is read once, and not kept",
)
def on_post(self, post):
    if post not in self.held:
        self.held.append(post)
    while ready := [one for one in self.held if self.may_deliver(one)]:
        self.deliver(ready[0])


@answer(
    "2.6",
    misconception="whatever waits has waited long enough",
    rejected_by="causal: no cause after its effect, in any order",
)
def on_post(self, post):
    author = self.members.index(post.author)
    if post.clock[author] <= self.count[author] or post in self.held:
        return
    self.held.append(post)
    while ready := [one for one in self.held if self.may_deliver(one) or len(self.held) > 2]:
        self.held.remove(ready[0])
        self.deliver(ready[0])


@answer(
    "2.6",
    misconception="the oldest goes first, and the others wait for it",
    rejected_by="causal: everybody reads everything",
)
def on_post(self, post):
    author = self.members.index(post.author)
    if post.clock[author] <= self.count[author] or post in self.held:
        return
    self.held.append(post)
    while self.held and self.may_deliver(self.held[0]):
        self.deliver(self.held.pop(0))


# -- 2.7 -------------------------------------------------------------------------------------------


@answer("2.7", misconception="first come, first served", rejected_by="in the order of (time, author)")
def next_stable(self):
    if self.queue and all(time >= self.queue[0].time for time in self.heard.values()):
        return self.queue[0]
    return None


@answer("2.7", misconception="the time is the whole order", rejected_by="in the order of (time, author)")
def next_stable(self):
    head = min(self.queue, key=lambda request: request.time, default=None)
    if head and all(time >= head.time for time in self.heard.values()):
        return head
    return None


@answer("2.7", misconception="whatever is stable may be read", rejected_by="in the order of (time, author)")
def next_stable(self):
    for request in self.queue:
        if all(time >= request.time for time in self.heard.values()):
            return request
    return None


@answer("2.7", misconception="texts decide between equal times", rejected_by="in the order of (time, author)")
def next_stable(self):
    head = min(self.queue, key=lambda request: (request.time, request.text), default=None)
    if head and all(time >= head.time for time in self.heard.values()):
        return head
    return None


@answer(
    "2.7",
    misconception="the smallest that I have is the smallest there is",
    rejected_by="not before every peer was heard with a time as late",
)
def next_stable(self):
    return min(self.queue, key=lambda request: (request.time, request.author), default=None)


@answer(
    "2.7",
    misconception="somebody has heard of it",
    rejected_by="not before every peer was heard with a time as late",
)
def next_stable(self):
    head = min(self.queue, key=lambda request: (request.time, request.author), default=None)
    if head and any(time > head.time for time in self.heard.values()):
        return head
    return None


@answer(
    "2.7",
    misconception="a majority is enough",
    rejected_by="not before every peer was heard with a time as late",
)
def next_stable(self):
    head = min(self.queue, key=lambda request: (request.time, request.author), default=None)
    if head is None:
        return None
    acks = [time for time in self.heard.values() if time >= head.time]
    return head if 1 + len(acks) > len(self.members) // 2 else None


@answer(
    "2.7",
    misconception="heard at all is heard",
    rejected_by="not before every peer was heard with a time as late",
)
def next_stable(self):
    head = min(self.queue, key=lambda request: (request.time, request.author), default=None)
    if head and all(self.heard.values()):
        return head
    return None


@answer(
    "2.7",
    misconception="my own clock is past it",
    rejected_by="not before every peer was heard with a time as late",
)
def next_stable(self):
    head = min(self.queue, key=lambda request: (request.time, request.author), default=None)
    return head if head and self.time > head.time + 1 else None


@answer("2.7", misconception="its author must acknowledge, too", rejected_by="no longer than needed")
def next_stable(self):
    head = min(self.queue, key=lambda request: (request.time, request.author), default=None)
    if head and all(time > head.time for time in self.heard.values()):
        return head
    return None


@answer("2.7", misconception="there is always a head", rejected_by="no longer than needed")
def next_stable(self):
    head = min(self.queue, key=lambda request: (request.time, request.author))
    if all(time >= head.time for time in self.heard.values()):
        return head
    return None


@answer(
    "2.7",
    misconception="one step too early does not matter",
    rejected_by="total: one order for all, in any order of arrival",
)
def next_stable(self):
    head = min(self.queue, key=lambda request: (request.time, request.author), default=None)
    if head and all(time >= head.time - 1 for time in self.heard.values()):
        return head
    return None


@answer(
    "2.7",
    misconception="my own posts need not wait",
    rejected_by="total: one order for all, in any order of arrival",
)
def next_stable(self):
    head = min(self.queue, key=lambda request: (request.time, request.author), default=None)
    if head is None:
        return None
    is_stable = head.author == self.id or all(time >= head.time for time in self.heard.values())
    return head if is_stable else None


@answer(
    "2.7",
    misconception="a stable one can wait for the next",
    rejected_by="total: everybody reads everything, causes first",
)
def next_stable(self):
    head = min(self.queue, key=lambda request: (request.time, request.author), default=None)
    if len(self.queue) > 1 and all(time >= head.time for time in self.heard.values()):
        return head
    return None


# -- 2.8 -------------------------------------------------------------------------------------------


@answer(
    "2.8",
    misconception="a balance is what one began with",
    rejected_by="it records what the branch has at this moment",
)
def begin_snapshot(self):
    self.recorded = BALANCE
    self.open = set(self.peers)
    self.channels = {peer: [] for peer in self.peers}
    self.tell_all(Marker())


@answer(
    "2.8",
    misconception="a marker is a message like any other",
    rejected_by="a marker on every channel, before anything else",
)
def begin_snapshot(self):
    self.recorded = self.balance
    self.open = set(self.peers)
    self.channels = {peer: [] for peer in self.peers}
    self.broadcast(Marker())


@answer(
    "2.8",
    misconception="one marker, which goes round",
    rejected_by="a marker on every channel, before anything else",
)
def begin_snapshot(self):
    self.recorded = self.balance
    self.open = set(self.peers)
    self.channels = {peer: [] for peer in self.peers}
    self.tell(self.peers[0], Marker())


@answer(
    "2.8",
    misconception="recording needs no markers",
    rejected_by="a marker on every channel, before anything else",
)
def begin_snapshot(self):
    self.recorded = self.balance
    self.open = set(self.peers)
    self.channels = {peer: [] for peer in self.peers}


@answer(
    "2.8",
    misconception="to be safe, two markers",
    rejected_by="a marker on every channel, before anything else",
)
def begin_snapshot(self):
    self.recorded = self.balance
    self.open = set(self.peers)
    self.channels = {peer: [] for peer in self.peers}
    self.tell_all(Marker())
    self.tell_all(Marker())


@answer(
    "2.8",
    misconception="channels open when their marker comes",
    rejected_by="every channel to the branch is recorded from now on",
)
def begin_snapshot(self):
    self.recorded = self.balance
    self.open = set()
    self.channels = {peer: [] for peer in self.peers}
    self.tell_all(Marker())


@answer(
    "2.8",
    misconception="one list for all channels",
    rejected_by="in any order, the snapshot is a consistent cut",
)
def begin_snapshot(self):
    self.recorded = self.balance
    self.open = set(self.peers)
    self.channels = dict.fromkeys(self.peers, [])
    self.tell_all(Marker())


# -- 2.9 -------------------------------------------------------------------------------------------


@answer(
    "2.9",
    misconception="each marker is a new beginning",
    rejected_by="a later marker ends its channel and nothing else",
)
def on_marker(self, source):
    self.begin_snapshot()
    self.open.discard(source)


@answer(
    "2.9",
    misconception="only the auditor begins",
    rejected_by="the first marker begins the snapshot here, and its channel is empty",
)
def on_marker(self, source):
    self.open.discard(source)


@answer(
    "2.9",
    misconception="the first marker opens, the second closes",
    rejected_by="the first marker begins the snapshot here, and its channel is empty",
)
def on_marker(self, source):
    if self.recorded is None:
        self.begin_snapshot()
    else:
        self.open.discard(source)


@answer(
    "2.9",
    misconception="who sent the marker needs none",
    rejected_by="the first marker begins the snapshot here, and its channel is empty",
)
def on_marker(self, source):
    if self.recorded is None:
        self.recorded = self.balance
        self.open = set(self.peers)
        self.channels = {peer: [] for peer in self.peers}
        for peer in self.peers:
            if peer != source:
                self.tell(peer, Marker())
    self.open.discard(source)


@answer(
    "2.9",
    misconception="one marker ends all channels",
    rejected_by="a later marker ends its channel and nothing else",
)
def on_marker(self, source):
    if self.recorded is None:
        self.begin_snapshot()
        self.open.discard(source)
    else:
        self.open.clear()


@answer(
    "2.9",
    misconception="a marker is answered by a marker",
    rejected_by="a later marker ends its channel and nothing else",
)
def on_marker(self, source):
    if self.recorded is None:
        self.begin_snapshot()
    else:
        self.tell(source, Marker())
    self.open.discard(source)


@answer("2.9", misconception="nothing is None", rejected_by="a branch that has nothing records nothing, once")
def on_marker(self, source):
    if not self.recorded:
        self.begin_snapshot()
    self.open.discard(source)


@answer(
    "2.9",
    misconception="begin when all markers are there",
    rejected_by="the first marker begins the snapshot here, and its channel is empty",
)
def on_marker(self, source):
    self.channels.setdefault(source, [])
    if self.recorded is None and len(self.channels) == len(self.peers):
        self.begin_snapshot()
    self.open.discard(source)


@answer(
    "2.9",
    misconception="the balance is what it is at the end",
    rejected_by="a later marker ends its channel and nothing else",
)
def on_marker(self, source):
    if self.recorded is None:
        self.begin_snapshot()
    self.open.discard(source)
    if not self.open:
        self.recorded = self.balance


# -- 2.10 ------------------------------------------------------------------------------------------


@answer(
    "2.10",
    misconception="everything after the record is under way",
    rejected_by="nothing before the record, nothing after the marker",
)
def note_transfer(self, source, amount):
    if self.recorded is not None:
        self.channels[source].append(amount)


@answer(
    "2.10",
    misconception="everything counts",
    rejected_by="nothing before the record, nothing after the marker",
)
def note_transfer(self, source, amount):
    self.channels.setdefault(source, []).append(amount)


@answer(
    "2.10",
    misconception="a channel holds one amount",
    rejected_by="what comes before its channel's marker is on the channel",
)
def note_transfer(self, source, amount):
    if source in self.open:
        self.channels[source] = [amount]


@answer(
    "2.10",
    misconception="the same amount is the same transfer",
    rejected_by="what comes before its channel's marker is on the channel",
)
def note_transfer(self, source, amount):
    if source in self.open and amount not in self.channels[source]:
        self.channels[source].append(amount)


@answer(
    "2.10",
    misconception="what arrives belongs to the balance",
    rejected_by="what comes before its channel's marker is on the channel",
)
def note_transfer(self, source, amount):
    if source in self.open:
        self.recorded += amount


@answer(
    "2.10",
    misconception="the money must still be credited",
    rejected_by="nothing before the record, nothing after the marker",
)
def note_transfer(self, source, amount):
    self.balance += amount
    if source in self.open:
        self.channels[source].append(amount)


@answer(
    "2.10",
    misconception="recording goes on while any channel is open",
    rejected_by="the snapshot ends, and has all the money",
)
def note_transfer(self, source, amount):
    if self.open:
        self.channels[source].append(amount)


@answer(
    "2.10",
    misconception="large transfers cannot be under way",
    rejected_by="in any order, the snapshot is a consistent cut",
)
def note_transfer(self, source, amount):
    if source in self.open and amount <= 30:
        self.channels[source].append(amount)
