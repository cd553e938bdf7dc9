"""Lab 04, part replication: wrong answers, each what a learner would type, named after its misconception."""

from grading.answers import answer

# -- 4.5 -------------------------------------------------------------------------------------------


@answer("4.5", misconception="every request that comes is a new one", rejected_by="what is new is executed, once")
def execute(self, request):
    reply = Reply(request.session, request.number, apply(self.data, request))
    self.answered[request.session] = reply
    return reply


@answer("4.5", misconception="numbers come without a gap", rejected_by="what is new is executed, once")
def execute(self, request):
    last = self.answered.get(request.session, Reply(request.session, 0, None))
    if request.number == last.number + 1:
        last = Reply(request.session, request.number, apply(self.data, request))
        self.answered[request.session] = last
    return last


@answer("4.5", misconception="a get may be executed again", rejected_by="a copy gets the reply that was given")
def execute(self, request):
    last = self.answered.get(request.session)
    if last is None or request.number > last.number or request.f == "get":
        result = apply(self.data, request)
        self.answered[request.session] = Reply(request.session, request.number, result)
    return self.answered[request.session]


@answer("4.5", misconception="a copy is answered, but the result is not kept", rejected_by="a copy gets the reply that was given")
def execute(self, request):
    last = self.answered.get(request.session)
    if last is not None and request.number <= last.number:
        return Reply(request.session, request.number, None)
    self.answered[request.session] = Reply(request.session, request.number, None)
    return Reply(request.session, request.number, apply(self.data, request))


@answer("4.5", misconception="whatever differs from the last one is new", rejected_by="an old request changes nothing")
def execute(self, request):
    last = self.answered.get(request.session)
    if last is None or request.number != last.number:
        result = apply(self.data, request)
        self.answered[request.session] = Reply(request.session, request.number, result)
    return self.answered[request.session]


@answer("4.5", misconception="one counter serves all sessions", rejected_by="each session counts for itself")
def execute(self, request):
    highest = max((reply.number for reply in self.answered.values()), default=0)
    known = self.answered.get(request.session)
    if request.number > highest or known is None:
        result = apply(self.data, request)
        self.answered[request.session] = Reply(request.session, request.number, result)
    return self.answered[request.session]


# -- 4.6 -------------------------------------------------------------------------------------------


@answer("4.6", misconception="answer now, the backup will follow", rejected_by="with a backup, nothing is executed or answered yet")
def on_request(self, source, request):
    index = self.executed + len(self.waiting) + 1
    self.waiting[index] = source, request
    self.forward()
    self.settle(index)


@answer("4.6", misconception="execute now, and hold back only the answer", rejected_by="with a backup, nothing is executed or answered yet")
def on_request(self, source, request):
    index = self.executed + len(self.waiting) + 1
    self.waiting[index] = source, request
    self.execute(request)
    if self.view.backup is None:
        self.settle(index)
    else:
        self.forward()


@answer("4.6", misconception="a read needs no backup", rejected_by="with a backup, nothing is executed or answered yet")
def on_request(self, source, request):
    if request.f == "get":
        self.send(source, Reply(request.session, request.number, self.data.get(request.key)))
        return
    index = self.executed + len(self.waiting) + 1
    self.waiting[index] = source, request
    if self.view.backup is None:
        self.settle(index)
    else:
        self.forward()


@answer("4.6", misconception="the next index is one more than what is executed", rejected_by="every request is passed on, under the next index")
def on_request(self, source, request):
    index = self.executed + 1
    self.waiting[index] = source, request
    if self.view.backup is None:
        self.settle(index)
    else:
        self.forward()


@answer("4.6", misconception="indexes start again with each view", rejected_by="every request is passed on, under the next index")
def on_request(self, source, request):
    index = len(self.waiting) + 1
    self.waiting[index] = source, request
    if self.view.backup is None:
        self.settle(index)
    else:
        self.forward()


@answer("4.6", misconception="one request at a time", rejected_by="every request is passed on, under the next index")
def on_request(self, source, request):
    if self.waiting:
        return
    index = self.executed + 1
    self.waiting[index] = source, request
    if self.view.backup is None:
        self.settle(index)
    else:
        self.forward()


@answer("4.6", misconception="without a backup nobody can be answered", rejected_by="without a backup, the answer is given at once")
def on_request(self, source, request):
    self.waiting[self.executed + len(self.waiting) + 1] = source, request
    self.forward()


@answer("4.6", misconception="ask the view service whether I am still primary", rejected_by="nobody but the backup hears of it")
def on_request(self, source, request):
    index = self.executed + len(self.waiting) + 1
    self.waiting[index] = source, request
    self.send(VIEW_SERVICE, Ping(self.life, self.settled))
    if self.view.backup is None:
        self.settle(index)
    else:
        self.forward()


@answer("4.6", misconception="everyone should have a copy", rejected_by="nobody but the backup hears of it")
def on_request(self, source, request):
    index = self.executed + len(self.waiting) + 1
    self.waiting[index] = source, request
    if self.view.backup is None:
        self.settle(index)
    else:
        self.broadcast(Forward(self.view.number, index - 1, (request,)))
        self.forward()


# -- 4.7 -------------------------------------------------------------------------------------------


@answer("4.7", misconception="whatever is passed on is new", rejected_by="in order, each once, and each confirmed")
def on_forward(self, source, forward):
    for request in forward.requests:
        self.perform(self.executed + 1, request)
    self.send(source, ForwardReply(forward.view, self.executed))


@answer("4.7", misconception="only news is confirmed", rejected_by="in order, each once, and each confirmed")
def on_forward(self, source, forward):
    before = self.executed
    for index, request in enumerate(forward.requests, forward.after + 1):
        if index == self.executed + 1:
            self.perform(index, request)
    if self.executed > before:
        self.send(source, ForwardReply(forward.view, self.executed))


@answer("4.7", misconception="the backup answers the client, too", rejected_by="in order, each once, and each confirmed")
def on_forward(self, source, forward):
    for index, request in enumerate(forward.requests, forward.after + 1):
        if index == self.executed + 1:
            self.send(request.session, self.perform(index, request))
    self.send(source, ForwardReply(forward.view, self.executed))


@answer("4.7", misconception="a message is all new or all old", rejected_by="of many at once, only the new ones")
def on_forward(self, source, forward):
    if forward.after == self.executed:
        for index, request in enumerate(forward.requests, forward.after + 1):
            self.perform(index, request)
    self.send(source, ForwardReply(forward.view, self.executed))


@answer("4.7", misconception="each message brings one request", rejected_by="of many at once, only the new ones")
def on_forward(self, source, forward):
    if forward.after == self.executed:
        self.perform(forward.after + 1, forward.requests[0])
    self.send(source, ForwardReply(forward.view, self.executed))


@answer("4.7", misconception="what is above the last one is next", rejected_by="after a gap nothing is executed or confirmed")
def on_forward(self, source, forward):
    for index, request in enumerate(forward.requests, forward.after + 1):
        if index > self.executed:
            self.perform(index, request)
    self.send(source, ForwardReply(forward.view, self.executed))


@answer("4.7", misconception="confirm what was passed on", rejected_by="after a gap nothing is executed or confirmed")
def on_forward(self, source, forward):
    for index, request in enumerate(forward.requests, forward.after + 1):
        if index == self.executed + 1:
            self.perform(index, request)
    self.send(source, ForwardReply(forward.view, forward.after + len(forward.requests)))


@answer("4.7", misconception="the confirmation names the last of this message", rejected_by="an old one is confirmed again, as far as all is there")
def on_forward(self, source, forward):
    last = forward.after + len(forward.requests)
    for index, request in enumerate(forward.requests, forward.after + 1):
        if index == self.executed + 1:
            self.perform(index, request)
    self.send(source, ForwardReply(forward.view, min(last, self.executed)))


@answer("4.7", misconception="the backup keeps the data, the primary keeps the table", rejected_by="replies are replicated with the data")
def on_forward(self, source, forward):
    for index, request in enumerate(forward.requests, forward.after + 1):
        if index == self.executed + 1:
            apply(self.data, request)
            self.executed = index
    self.send(source, ForwardReply(forward.view, self.executed))


# -- 4.8 -------------------------------------------------------------------------------------------


@answer("4.8", misconception="a confirmation speaks for one request", rejected_by="one confirmation may speak for several")
def on_forward_reply(self, source, reply):
    if reply.index in self.waiting:
        self.settle(reply.index)


@answer("4.8", misconception="any confirmation is one for all", rejected_by="what is confirmed is answered, and no more")
def on_forward_reply(self, source, reply):
    self.settle_all()


@answer("4.8", misconception="up to the index, without it", rejected_by="what is confirmed is answered, and no more")
def on_forward_reply(self, source, reply):
    for index in sorted(self.waiting):
        if index < reply.index:
            self.settle(index)


@answer("4.8", misconception="the newest first", rejected_by="one confirmation may speak for several")
def on_forward_reply(self, source, reply):
    for index in sorted(self.waiting, reverse=True):
        if index <= reply.index:
            self.settle(index)


@answer("4.8", misconception="each message answers one more client", rejected_by="copies and old confirmations answer nobody")
def on_forward_reply(self, source, reply):
    for index in sorted(self.waiting)[: max(1, reply.index - self.executed)]:
        self.settle(index)


@answer("4.8", misconception="answer, and leave it waiting", rejected_by="copies and old confirmations answer nobody")
def on_forward_reply(self, source, reply):
    for index in sorted(self.waiting):
        if index <= reply.index:
            client, request = self.waiting[index]
            if index == self.executed + 1:
                self.send(client, self.perform(index, request))


# -- 4.9 -------------------------------------------------------------------------------------------


@answer("4.9", misconception="the backup has what it needs", rejected_by="a new backup gets everything, before anything else")
def enter(self, view):
    self.view, self.settled = view, view.number
    if not self.is_primary:
        self.waiting = {}
    elif view.backup is None:
        self.settle_all()
    self.resend()


@answer("4.9", misconception="send the state, and go on at once", rejected_by="a new backup gets everything, before anything else")
def enter(self, view):
    self.view, self.settled = view, view.number
    if not self.is_primary:
        self.waiting = {}
    elif view.backup is None:
        self.settle_all()
    else:
        self.send_state()


@answer("4.9", misconception="who is told a view acknowledges it", rejected_by="a view is acknowledged when its backup has the state")
def enter(self, view):
    self.view = view
    if self.is_primary and view.backup is not None:
        self.send_state()
        self.send(VIEW_SERVICE, Ping(self.life, view.number))
        return
    self.settled = view.number
    if self.is_primary:
        self.settle_all()
    else:
        self.waiting = {}


@answer("4.9", misconception="only the primary settles", rejected_by="a view is acknowledged when its backup has the state")
def enter(self, view):
    self.view = view
    if not self.is_primary:
        self.waiting = {}
    elif view.backup is not None:
        self.send_state()
    else:
        self.settled = view.number
        self.settle_all()


@answer("4.9", misconception="what was waiting is void in the next view", rejected_by="left alone, the primary answers what waits")
def enter(self, view):
    self.view, self.waiting = view, {}
    if self.is_primary and view.backup is not None:
        self.send_state()
    else:
        self.settled = view.number


@answer("4.9", misconception="a new view is a good moment to answer everybody", rejected_by="with another backup, what waits goes on waiting")
def enter(self, view):
    self.view = view
    if not self.is_primary:
        self.waiting = {}
    self.settle_all()
    if self.is_primary and view.backup is not None:
        self.send_state()
    else:
        self.settled = view.number


@answer("4.9", misconception="what waits can wait until I am primary again", rejected_by="who is not primary lets nobody wait")
def enter(self, view):
    self.view = view
    if self.is_primary and view.backup is not None:
        self.send_state()
        return
    self.settled = view.number
    if self.is_primary:
        self.settle_all()


@answer("4.9", misconception="a backup settles when it has the state, and nobody else sends any", rejected_by="who comes back catches up, and can take over")
def enter(self, view):
    had_backup = self.is_primary and self.view.backup is not None
    self.view = view
    if self.is_primary and view.backup is not None and (had_backup or self.executed == 0):
        self.send_state()
        return
    self.settled = view.number
    if self.is_primary:
        self.settle_all()
    else:
        self.waiting = {}


# -- 4.10 ------------------------------------------------------------------------------------------


@answer("4.10", misconception="everything from a peer is welcome", rejected_by="a backup listens to its own view only")
def belongs(self, message):
    seat = self.view.backup if isinstance(message, Forward | State) else self.view.primary
    return seat == self.me


@answer("4.10", misconception="a newer view cannot hurt", rejected_by="a backup listens to its own view only")
def belongs(self, message):
    seat = self.view.backup if isinstance(message, Forward | State) else self.view.primary
    return message.view >= self.view.number and seat == self.me


@answer("4.10", misconception="only requests are fenced", rejected_by="a primary listens to its own view only")
def belongs(self, message):
    if isinstance(message, ForwardReply | StateReply):
        return self.is_primary
    return message.view == self.view.number and self.view.backup == self.me


@answer("4.10", misconception="an older view's confirmation still counts", rejected_by="a primary listens to its own view only")
def belongs(self, message):
    if isinstance(message, ForwardReply | StateReply):
        return message.view <= self.view.number and self.is_primary
    return message.view == self.view.number and self.view.backup == self.me


@answer("4.10", misconception="the number of the view is enough", rejected_by="each seat has its own messages")
def belongs(self, message):
    return message.view == self.view.number


@answer("4.10", misconception="a node is its name", rejected_by="a new life is nobody's backup")
def belongs(self, message):
    seat = self.view.backup if isinstance(message, Forward | State) else self.view.primary
    return message.view == self.view.number and seat is not None and seat[0] == self.id


@answer("4.10", misconception="whoever has a seat may listen to everything", rejected_by="each seat has its own messages")
def belongs(self, message):
    return message.view == self.view.number and self.me in (self.view.primary, self.view.backup)


# -- whole systems ---------------------------------------------------------------------------------


@answer("4.4", misconception="the stores will notice who is primary (whole service)", rejected_by="in any order, with crashes anywhere, views follow by the rules")
def reconsider(self):
    self.install(self.next_view())


@answer("4.10", misconception="whoever has been backup may listen for ever", rejected_by="an old primary answers nobody, not even a read")
def belongs(self, message):
    return True


@answer("4.6", misconception="old primaries may answer reads", rejected_by="an old primary answers nobody, not even a read")
def on_request(self, source, request):
    if request.f == "get":
        self.send(source, Reply(request.session, request.number, self.data.get(request.key)))
        return
    index = self.executed + len(self.waiting) + 1
    self.waiting[index] = source, request
    if self.view.backup is None:
        self.settle(index)
    else:
        self.forward()


@answer("4.6", misconception="answer at once, copy later (whole store)", rejected_by="what the backup has not heard was not answered")
def on_request(self, source, request):
    index = self.executed + len(self.waiting) + 1
    self.waiting[index] = source, request
    self.forward()
    self.send(source, self.execute(request))


@answer("4.6", misconception="the ping timer passes it on soon enough (whole store)", rejected_by="one crash at a time loses nothing, and stops nothing")
def on_request(self, source, request):
    index = self.executed + len(self.waiting) + 1
    self.waiting[index] = source, request
    self.send(source, self.execute(request))


@answer("4.7", misconception="the table of replies stays with the primary (whole store)", rejected_by="a crash between any two steps of the primary doubles no append and loses none")
def on_forward(self, source, forward):
    for index, request in enumerate(forward.requests, forward.after + 1):
        if index == self.executed + 1:
            apply(self.data, request)
            self.executed = index
    self.send(source, ForwardReply(forward.view, self.executed))


@answer("4.4", misconception="a view is followed only when it is acknowledged (whole store)", rejected_by="a backup that dies before it is up to date is replaced")
def reconsider(self):
    if self.acknowledged == self.view.number:
        self.install(self.next_view())


@answer("4.6", misconception="ask the view service at each request (whole store)", rejected_by="the view service is asked only when there is no answer")
def on_request(self, source, request):
    index = self.executed + len(self.waiting) + 1
    self.waiting[index] = source, request
    self.send(VIEW_SERVICE, Ping(self.life, self.settled))
    if self.view.backup is None:
        self.settle(index)
    else:
        self.forward()


@answer("4.9", misconception="send the state, and go on at once (whole store)", rejected_by="through cuts, partitions, pauses and crashes, the store is linearizable")
def enter(self, view):
    self.view, self.settled = view, view.number
    if not self.is_primary:
        self.waiting = {}
    elif view.backup is None:
        self.settle_all()
    else:
        self.send_state()


@answer("4.4", misconception="the stores will notice who is primary (whole store)", rejected_by="in any order, with crashes anywhere, the store is linearizable")
def reconsider(self):
    self.install(self.next_view())


@answer("4.5", misconception="whatever differs from the last one is new (whole store)", rejected_by="in any order, with crashes anywhere, the store is linearizable")
def execute(self, request):
    last = self.answered.get(request.session)
    if last is None or request.number != last.number:
        result = apply(self.data, request)
        self.answered[request.session] = Reply(request.session, request.number, result)
    return self.answered[request.session]


@answer("4.3", misconception="any living member can be primary (whole service)", rejected_by="through loss, copies and crashes, views follow by the rules")
def next_view(self):
    view, alive = self.view, self.alive
    order = [m for m in (view.primary, view.backup) if m in alive]
    order += [m for m in alive if m not in order]
    primary, backup = ([*order, None, None])[:2]
    if (primary, backup) == (view.primary, view.backup) or primary is None:
        return view
    return View(view.number + 1, primary, backup)


@answer("4.3", misconception="a dead backup stays (whole service)", rejected_by="one crash after the other, there is always a primary soon")
def next_view(self):
    view, alive = self.view, self.alive
    primary, backup = view.primary, view.backup
    if primary is None and alive:
        primary = alive[0]
    elif primary not in alive and backup in alive:
        primary, backup = backup, None
    if backup is None and primary in alive:
        backup = next((m for m in alive if m != primary), None)
    if (primary, backup) == (view.primary, view.backup):
        return view
    return View(view.number + 1, primary, backup)


@answer("4.2", misconception="one missed ping is death (whole service)", rejected_by="with nobody dead, no seat changes")
def is_alive(self, member):
    node, life = member
    newest = max(n for other, n in self.silent if other == node)
    return life == newest and self.silent[member] <= 0


@answer("4.4", misconception="after a crash, the service starts all over", rejected_by="the view service may crash and come back")
def reconsider(self):
    following = self.next_view()
    if following.primary == self.view.primary or self.acknowledged == self.view.number:
        self.view = following
