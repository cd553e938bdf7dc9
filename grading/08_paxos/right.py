"""Lab 08, part single: right answers, written differently from the course's."""

from grading.answers import answer


def is_enough(heard, acceptors):
    """More than half of the acceptors?"""
    return 2 * len(heard) > len(acceptors)


# -- by the letter, with a helper function and other structures ----------------------------------------


@answer("8.1", variant="by the letter")
def on_prepare(self, source, request):
    if self.promised > request.ballot:
        reply = Nack(ballot=request.ballot, promised=self.promised)
    else:
        if request.ballot > self.promised:
            self.storage.save(promised=request.ballot)
            self.promised = request.ballot
        reply = Promise(request.ballot, self.accepted_ballot, self.accepted_value)
    self.send(source, reply)


@answer("8.2", variant="by the letter")
def on_accept(self, source, request):
    refused = self.promised > request.ballot
    if not refused:
        self.storage.save(accepted_value=request.value, accepted_ballot=request.ballot, promised=request.ballot)
        self.accepted_value = request.value
        self.promised = request.ballot
        self.accepted_ballot = request.ballot
    self.send(source, Nack(request.ballot, self.promised) if refused else Accepted(request.ballot, request.value))


@answer("8.3", variant="by the letter")
def on_promise(self, source, promise):
    if self.pending and promise.ballot == self.ballot and source not in self.promises:
        self.promises = {**self.promises, source: promise}
        had = len(self.promises) - 1
        if is_enough(self.promises, self.peers) and 2 * had <= len(self.peers):
            told = [(p.accepted_ballot, p.accepted_value) for p in self.promises.values() if p.accepted_value is not None]
            self.value = sorted(told)[-1][1] if told else self.pending.value
            for acceptor in reversed(self.peers):
                self.send(acceptor, Accept(self.ballot, self.value))


@answer("8.4", variant="by the letter")
def on_accepted(self, source, reply):
    who = self.accepted.get(reply.ballot, set()) | {source}
    self.accepted[reply.ballot] = who
    if is_enough(who, self.peers) and self.pending:
        self.decide(reply.value)


@answer("8.5", variant="by the letter")
def on_nack(self, source, nack):
    number, _ = nack.promised
    if number > self.highest:
        self.highest = number
    if self.pending and nack.ballot == self.ballot and nack.ballot > self.refused:
        self.refused, self.refusals = self.ballot, self.refusals + 1
        doublings = DOUBLINGS_MAX if self.refusals > DOUBLINGS_MAX else self.refusals
        self.set_timer("retry", BACKOFF_MS, BACKOFF_MS << doublings)


# -- dice of its own; one record of what was told; saves whatever comes ---------------------------------


@answer("8.1", variant="with dice of its own")
def on_prepare(self, source, request):
    self.promised = max(self.promised, request.ballot)
    self.storage.save(promised=self.promised)
    if self.promised == request.ballot:
        self.send(source, Promise(request.ballot, self.accepted_ballot, self.accepted_value))
    else:
        self.send(source, Nack(request.ballot, self.promised))


@answer("8.3", variant="with dice of its own")
def on_promise(self, source, promise):
    if promise.ballot < self.ballot or self.pending is None:
        return
    if self.value is None:
        self.promises[source] = promise
        best = NO_BALLOT, self.pending.value
        for heard in self.promises.values():
            if heard.accepted_ballot > best[0]:
                best = heard.accepted_ballot, heard.accepted_value
        if len(self.promises) == majority(len(self.peers)):
            self.value = best[1]
            self.broadcast(Accept(self.ballot, self.value))


@answer("8.4", variant="with dice of its own")
def on_accepted(self, source, reply):
    if reply.ballot not in self.accepted:
        self.accepted[reply.ballot] = set()
    self.accepted[reply.ballot].add(source)
    if len(self.accepted[reply.ballot]) < majority(len(self.peers)) or self.pending is None:
        return
    self.accepted.clear()
    self.decide(reply.value)


@answer("8.5", variant="with dice of its own")
def on_nack(self, source, nack):
    self.highest = max(self.highest, nack.promised[0])
    if nack.ballot not in (self.ballot, None) or self.refused == self.ballot or self.pending is None:
        return
    self.refused = self.ballot
    self.refusals += 1
    most = BACKOFF_MS * 2 ** min(self.refusals, DOUBLINGS_MAX)
    self.set_timer("retry", self.random.randint(BACKOFF_MS, most))
