"""Lab 01: wrong answers, each what a learner would type, named after the misconception behind it."""

from grading.answers import answer

# -- 1.1 -------------------------------------------------------------------------------------------


@answer("1.1", misconception="the message itself can go back", rejected_by="the reply carries the same text")
def on_echo(self, source, request):
    self.send(source, request)


@answer("1.1", misconception="everybody should hear it", rejected_by="one reply, to the one who asked")
def on_echo(self, source, request):
    self.send(source, EchoReply(request.text))
    self.broadcast(EchoReply(request.text))


# -- 1.2 -------------------------------------------------------------------------------------------


@answer("1.2", misconception="a name and a count are enough", rejected_by="a restart repeats no id")
def new_id(self):
    return f"{self.id}-{self.made}"


@answer("1.2", misconception="boots and count are enough", rejected_by="two nodes never make the same id")
def new_id(self):
    return f"{self.boots}-{self.made}"


@answer("1.2", misconception="parts need nothing between them", rejected_by="two nodes never make the same id")
def new_id(self):
    return f"{self.id}{self.boots}{self.made}"


@answer("1.2", misconception="time never stands still", rejected_by="one node never repeats an id")
def new_id(self):
    return f"{self.id}-{self.now_ms}"


@answer("1.2", misconception="a small random number is unique", rejected_by="one node never repeats an id")
def new_id(self):
    return f"{self.id}-{self.random.randrange(10_000)}"


@answer("1.2", misconception="somebody must hand out the numbers", rejected_by="an id takes no other node")
def new_id(self):
    self.broadcast(NewId())
    return f"{self.id}-{self.boots}-{self.made}"


# -- 1.3 -------------------------------------------------------------------------------------------


@answer("1.3", misconception="append is put", rejected_by="append adds to the end, and tells the new text")
def apply(self, request):
    if request.f == "get":
        return self.tabs.get(request.key)
    self.tabs[request.key] = request.value
    return request.value if request.f == "append" else None


@answer("1.3", misconception="nothing is an empty text", rejected_by="get reads what was written, and nothing else")
def apply(self, request):
    if request.f == "get":
        return self.tabs.get(request.key, "")
    if request.f == "put":
        self.tabs[request.key] = request.value
        return None
    self.tabs[request.key] = self.tabs.get(request.key, "") + request.value
    return self.tabs[request.key]


@answer("1.3", misconception="there is one tab", rejected_by="each key has a text of its own")
def apply(self, request):
    if request.f == "get":
        return self.tabs.get("tab")
    if request.f == "put":
        self.tabs["tab"] = request.value
        return None
    self.tabs["tab"] = self.tabs.get("tab", "") + request.value
    return self.tabs["tab"]


# -- 1.4 -------------------------------------------------------------------------------------------


@answer("1.4", misconception="messages arrive", rejected_by="it watches the clock while it waits")
def on_invoke(self, operation):
    self.number += 1
    self.tries = 1
    self.pending = operation
    self.request = Request(self.id, self.number, operation.f, operation.key, operation.value)
    self.send(self.server, self.request)


@answer("1.4", misconception="one number is enough", rejected_by="each operation has a number of its own")
def on_invoke(self, operation):
    self.number = 1
    self.tries = 1
    self.pending = operation
    self.request = Request(self.id, self.number, operation.f, operation.key, operation.value)
    self.send(self.server, self.request)
    self.set_timer("retry", RETRY_MS)


@answer("1.4", misconception="every client is the same session", rejected_by="the request says what was asked")
def on_invoke(self, operation):
    self.number += 1
    self.tries = 1
    self.pending = operation
    self.request = Request("session", self.number, operation.f, operation.key, operation.value)
    self.send(self.server, self.request)
    self.set_timer("retry", RETRY_MS)


# -- 1.5 -------------------------------------------------------------------------------------------


@answer("1.5", misconception="a retry is a new request", rejected_by="no reply: the same request again")
def on_timer(self, name):
    if self.tries == TRIES_MAX:
        self.give_up(self.pending)
        self.pending = None
        return
    self.tries += 1
    self.number += 1
    asked = self.pending
    self.request = Request(self.id, self.number, asked.f, asked.key, asked.value)
    self.send(self.server, self.request)
    self.set_timer("retry", RETRY_MS)


@answer("1.5", misconception="silence means failure", rejected_by="after the last try, nobody knows")
def on_timer(self, name):
    if self.tries == TRIES_MAX:
        self.fail(self.pending)
        self.pending = None
        return
    self.tries += 1
    self.send(self.server, self.request)
    self.set_timer("retry", RETRY_MS)


@answer("1.5", misconception="somebody must answer in the end", rejected_by="after the last try, nobody knows")
def on_timer(self, name):
    self.send(self.server, self.request)
    self.set_timer("retry", RETRY_MS)


@answer("1.5", misconception="the first try does not count", rejected_by="after the last try, nobody knows")
def on_timer(self, name):
    if self.tries > TRIES_MAX:
        self.give_up(self.pending)
        self.pending = None
        return
    self.tries += 1
    self.send(self.server, self.request)
    self.set_timer("retry", RETRY_MS)


@answer("1.5", misconception="a timer goes on by itself", rejected_by="no reply: the same request again")
def on_timer(self, name):
    if self.tries == TRIES_MAX:
        self.give_up(self.pending)
        self.pending = None
        return
    self.tries += 1
    self.send(self.server, self.request)


@answer("1.5", misconception="giving up ends the timer", rejected_by="after the last try, nobody knows")
def on_timer(self, name):
    self.set_timer("retry", RETRY_MS)
    if self.tries < TRIES_MAX:
        self.tries += 1
        self.send(self.server, self.request)
    elif self.pending is not None:
        self.give_up(self.pending)
        self.pending = None


# -- 1.6 -------------------------------------------------------------------------------------------


@answer("1.6", misconception="any reply is my reply", rejected_by="an answer to an earlier question is no answer")
def on_reply(self, reply):
    if self.pending is not None:
        self.cancel_timer("retry")
        self.complete(self.pending, reply.result)
        self.pending = None


@answer("1.6", misconception="a timer that is not needed does no harm", rejected_by="the reply ends the operation")
def on_reply(self, reply):
    if self.pending is not None and reply.number == self.number:
        self.complete(self.pending, reply.result)
        self.pending = None


@answer("1.6", misconception="a reply comes once", rejected_by="a reply that nobody waits for changes nothing")
def on_reply(self, reply):
    if reply.number == self.number:
        self.cancel_timer("retry")
        self.complete(self.pending, reply.result)


@answer("1.6", misconception="a stale reply means that all is well", rejected_by="an answer to an earlier question is no answer")
def on_reply(self, reply):
    self.cancel_timer("retry")
    if self.pending is not None and reply.number == self.number:
        self.complete(self.pending, reply.result)
        self.pending = None


# -- 1.7 -------------------------------------------------------------------------------------------


@answer("1.7", misconception="the network delivers once", rejected_by="a request that comes twice is executed once")
def on_request(self, source, request):
    self.send(source, Reply(request.session, request.number, self.apply(request)))


@answer("1.7", misconception="a copy needs no answer", rejected_by="the second copy gets the first answer again")
def on_request(self, source, request):
    last = self.answered.get(request.session)
    if last is None or request.number > last.number:
        reply = Reply(request.session, request.number, self.apply(request))
        self.answered[request.session] = reply
        self.send(source, reply)


@answer("1.7", misconception="only an equal number is a copy", rejected_by="an old copy never comes to life again")
def on_request(self, source, request):
    last = self.answered.get(request.session)
    if last is None or request.number != last.number:
        last = Reply(request.session, request.number, self.apply(request))
        self.answered[request.session] = last
    self.send(source, last)


@answer("1.7", misconception="numbers are unique over all clients", rejected_by="each session counts for itself")
def on_request(self, source, request):
    last = self.answered.get("last")
    if last is None or request.number > last.number:
        last = Reply(request.session, request.number, self.apply(request))
        self.answered["last"] = last
    if request.number == last.number:
        self.send(source, last)


@answer("1.7", misconception="a read may be executed again", rejected_by="the second copy gets the first answer again")
def on_request(self, source, request):
    last = self.answered.get(request.session)
    if last is None or request.number > last.number or request.f == "get":
        last = Reply(request.session, request.number, self.apply(request))
        self.answered[request.session] = last
    if request.number == last.number:
        self.send(source, last)


@answer("1.7", misconception="remember everything", rejected_by="the memory does not grow with every request")
def on_request(self, source, request):
    mark = f"{request.session} {request.number}"
    if mark not in self.answered:
        self.answered[mark] = Reply(request.session, request.number, self.apply(request))
    self.send(source, self.answered[mark])


@answer("1.7", misconception="one client at a time", rejected_by="in any order, with any copies, each order once")
def on_request(self, source, request):
    last = self.answered.get(request.session)
    if last is None or request.number > last.number:
        last = Reply(request.session, request.number, self.apply(request))
        self.answered = {request.session: last}
    if request.number == last.number:
        self.send(source, last)


# -- 1.9 -------------------------------------------------------------------------------------------


@answer("1.9", misconception="the reply first, the disk when there is time", rejected_by="it saves before it answers")
def on_request(self, source, request):
    AtMostOnceServer.on_request(self, source, request)
    self.storage.save(tabs=pairs(self.tabs), answered=pairs(self.answered))


@answer("1.9", misconception="only the data matters", rejected_by="tabs and answers are saved together")
def on_request(self, source, request):
    last = self.answered.get(request.session)
    if last is None or request.number > last.number:
        last = Reply(request.session, request.number, self.apply(request))
        self.answered[request.session] = last
        self.storage.save(tabs=pairs(self.tabs))
    if request.number == last.number:
        self.send(source, last)


@answer("1.9", misconception="two saves are as good as one", rejected_by="tabs and answers are saved together")
def on_request(self, source, request):
    last = self.answered.get(request.session)
    if last is None or request.number > last.number:
        last = Reply(request.session, request.number, self.apply(request))
        self.answered[request.session] = last
        self.storage.save(tabs=pairs(self.tabs))
        self.storage.save(answered=pairs(self.answered))
    if request.number == last.number:
        self.send(source, last)


@answer("1.9", misconception="an attribute is safe enough", rejected_by="it saves before it answers")
def on_request(self, source, request):
    AtMostOnceServer.on_request(self, source, request)


@answer("1.9", misconception="the disk remembers, so the server need not", rejected_by="at most once still holds")
def on_request(self, source, request):
    reply = Reply(request.session, request.number, self.apply(request))
    self.answered[request.session] = reply
    self.storage.save(tabs=pairs(self.tabs), answered=pairs(self.answered))
    self.send(source, reply)


# -- 1.8 -------------------------------------------------------------------------------------------


@answer("1.8", misconception="the tabs are all there is", rejected_by="a copy from before the crash is still a copy")
def recover(self):
    self.tabs = dict(self.storage.get("tabs", ()))


@answer("1.8", misconception="starting again means starting empty", rejected_by="the tabs are there again")
def recover(self):
    pass


@answer("1.8", misconception="there is always something on the disk", rejected_by="a first boot begins with nothing")
def recover(self):
    self.tabs = dict(self.storage.get("tabs"))
    self.answered = dict(self.storage.get("answered"))


@answer("1.8", misconception="what was saved is what it was", rejected_by="a recovered server goes on working")
def recover(self):
    self.tabs = self.storage.get("tabs", {})
    self.answered = self.storage.get("answered", {})
