"""Lab 04: right answers, written differently from the course's."""

from grading.answers import answer

# -- by the letter -----------------------------------------------------------------------------------


@answer("4.1", variant="by the letter")
def on_request(self, source, request):
    self.send(source, Reply(session=request.session, number=request.number, result=apply(self.data, request)))
    if request.f in ("put", "append"):
        self.log = [*self.log, request]


@answer("4.2", variant="by the letter")
def is_alive(self, member):
    for other in self.silent:
        if other[0] == member[0] and other[1] > member[1]:
            return False
    return not self.silent[member] >= DEAD_TICKS


def seat_for(candidates):
    for candidate in candidates:
        return candidate
    return None


@answer("4.3", variant="by the letter")
def next_view(self):
    alive = set(self.alive)
    primary, backup = self.view.primary, self.view.backup
    if primary is None:
        primary = seat_for(sorted(alive))
        if primary is None:
            return self.view
    elif primary not in alive:
        if backup is None or backup not in alive:
            return self.view
        primary, backup = backup, None
    if backup is None or backup not in alive:
        backup = seat_for(sorted(alive - {primary}, reverse=True))
    if primary == self.view.primary and backup == self.view.backup:
        return self.view
    return View(number=self.view.number + 1, primary=primary, backup=backup)


@answer("4.4", variant="by the letter")
def reconsider(self):
    following = self.next_view()
    if following == self.view:
        return
    if following.primary != self.view.primary and self.acknowledged < self.view.number:
        return
    self.install(following)


@answer("4.5", variant="by the letter")
def execute(self, request):
    if request.session in self.answered:
        last = self.answered[request.session]
        if last.number >= request.number:
            return last
    reply = Reply(request.session, request.number, apply(self.data, request))
    self.answered = {**self.answered, request.session: reply}
    return reply


@answer("4.6", variant="by the letter")
def on_request(self, source, request):
    index = max([self.executed, *self.waiting]) + 1
    self.waiting[index] = (source, request)
    if not self.view.backup:
        return self.settle_all()
    self.forward()


@answer("4.7", variant="by the letter")
def on_forward(self, source, forward):
    if forward.after > self.executed:
        return
    for request in forward.requests[self.executed - forward.after :]:
        self.perform(self.executed + 1, request)
    self.send(source, ForwardReply(view=forward.view, index=self.executed))


@answer("4.8", variant="by the letter")
def on_forward_reply(self, source, reply):
    while self.waiting and min(self.waiting) <= reply.index:
        self.settle(min(self.waiting))


@answer("4.9", variant="by the letter")
def enter(self, view):
    self.view = view
    if not self.is_primary:
        self.waiting.clear()
        self.settled = view.number
    elif view.backup is None:
        self.settled = view.number
        self.settle_all()
    else:
        self.send_state()


@answer("4.10", variant="by the letter")
def belongs(self, message):
    if message.view != self.view.number:
        return False
    match message:
        case Forward() | State():
            return self.view.backup == self.me
        case _:
            return self.is_primary


# -- a request that waits or was answered is not taken twice; gaps are remembered ------------------------


@answer("4.2", variant="thrifty")
def is_alive(self, member):
    lives = {}
    for id, life in self.silent:
        lives[id] = max(life, lives.get(id, 0))
    return lives[member[0]] == member[1] and self.silent[member] + 1 <= DEAD_TICKS


@answer("4.3", variant="thrifty")
def next_view(self):
    living = self.alive
    had = [member for member in (self.view.primary, self.view.backup) if member in living]
    if not had and self.view.number > 0:
        return self.view
    idle = [member for member in living if member not in had]
    primary, backup = ([*had, *reversed(idle)] + [None, None])[:2]
    if (primary, backup) == (self.view.primary, self.view.backup):
        return self.view
    return View(self.view.number + 1, primary, backup)


@answer("4.6", variant="thrifty")
def on_request(self, source, request):
    last = self.answered.get(request.session)
    if last is not None and last.number >= request.number:
        if last.number == request.number:
            self.send(source, last)
        return
    for index, (client, taken) in self.waiting.items():
        if taken == request:
            return self.forward()
    index = self.executed + len(self.waiting) + 1
    self.waiting[index] = source, request
    if self.view.backup is None:
        self.settle(index)
    else:
        self.forward()


@answer("4.7", variant="thrifty")
def on_forward(self, source, forward):
    index = forward.after
    for request in forward.requests:
        index += 1
        if index - self.executed == 1:
            self.perform(index, request)
    if index <= self.executed:
        self.send(source, ForwardReply(forward.view, self.executed))


@answer("4.8", variant="thrifty")
def on_forward_reply(self, source, reply):
    confirmed = [index for index in self.waiting if not index > reply.index]
    confirmed.sort()
    for index in confirmed:
        self.settle(index)


@answer("4.10", variant="thrifty")
def belongs(self, message):
    seats = {Forward: self.view.backup, State: self.view.backup}
    seat = seats.get(type(message), self.view.primary)
    return (message.view, seat) == (self.view.number, self.me)


# -- everything is told twice; the next index comes from a sorted list -----------------------------------


@answer("4.1", variant="talkative")
def on_request(self, source, request):
    result = apply(self.data, request)
    self.log.extend([request] if request.f != "get" else [])
    self.send(source, Reply(request.session, request.number, result))


@answer("4.4", variant="talkative")
def reconsider(self):
    following = self.next_view()
    keeps = following.primary == self.view.primary
    is_allowed = keeps or self.view == NO_VIEW or self.acknowledged >= self.view.number
    self.install(following if is_allowed else self.view)


@answer("4.5", variant="talkative")
def execute(self, request):
    known = self.answered.get(request.session, Reply(request.session, 0, None))
    if request.number <= known.number:
        return Reply(known.session, known.number, known.result)
    result = apply(self.data, request)
    self.answered[request.session] = Reply(request.session, request.number, result)
    return self.answered[request.session]


@answer("4.7", variant="talkative")
def on_forward(self, source, forward):
    new = dict(enumerate(forward.requests, forward.after + 1))
    while self.executed + 1 in new:
        self.perform(self.executed + 1, new[self.executed + 1])
    reply = ForwardReply(forward.view, self.executed)
    self.send(source, reply)


@answer("4.9", variant="talkative")
def enter(self, view):
    was_primary = self.is_primary
    self.view = view
    if was_primary and not self.is_primary:
        self.waiting = {}
    if self.is_primary and view.backup:
        self.send_state()
        self.send_state()
        return
    if self.is_primary:
        for index in sorted(self.waiting):
            self.settle(index)
    self.settled = view.number
