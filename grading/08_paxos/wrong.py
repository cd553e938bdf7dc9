"""Lab 08, part single: wrong answers, each what a learner would type, named after its misconception."""

from grading.answers import answer

# -- 8.1 -------------------------------------------------------------------------------------------


@answer("8.1", misconception="every request deserves a promise", rejected_by="a ballot below the promise is refused, any other is promised")
def on_prepare(self, source, request):
    self.promised = request.ballot
    self.storage.save(promised=self.promised)
    self.send(source, Promise(request.ballot, self.accepted_ballot, self.accepted_value))


@answer("8.1", misconception="silence is refusal enough", rejected_by="a ballot below the promise is refused, any other is promised")
def on_prepare(self, source, request):
    if request.ballot >= self.promised:
        self.promised = request.ballot
        self.storage.save(promised=self.promised)
        self.send(source, Promise(request.ballot, self.accepted_ballot, self.accepted_value))


@answer("8.1", misconception="the number is the whole ballot", rejected_by="of equal numbers the higher proposer's id wins")
def on_prepare(self, source, request):
    if request.ballot[0] <= self.promised[0] and request.ballot != self.promised:
        self.send(source, Nack(request.ballot, self.promised))
        return
    self.promised = request.ballot
    self.storage.save(promised=self.promised)
    self.send(source, Promise(request.ballot, self.accepted_ballot, self.accepted_value))


@answer("8.1", misconception="only a higher ballot is worth an answer", rejected_by="a copy of a request gets its promise again")
def on_prepare(self, source, request):
    if request.ballot <= self.promised:
        self.send(source, Nack(request.ballot, self.promised))
        return
    self.promised = request.ballot
    self.storage.save(promised=self.promised)
    self.send(source, Promise(request.ballot, self.accepted_ballot, self.accepted_value))


@answer("8.1", misconception="a promise is only about the future", rejected_by="a promise says what was accepted")
def on_prepare(self, source, request):
    if request.ballot < self.promised:
        self.send(source, Nack(request.ballot, self.promised))
        return
    self.promised = request.ballot
    self.storage.save(promised=self.promised)
    self.send(source, Promise(request.ballot, NO_BALLOT, None))


@answer("8.1", misconception="an acceptor that has accepted is bound for ever", rejected_by="a promise says what was accepted")
def on_prepare(self, source, request):
    if request.ballot < self.promised or self.accepted_value is not None:
        self.send(source, Nack(request.ballot, self.promised))
        return
    self.promised = request.ballot
    self.storage.save(promised=self.promised)
    self.send(source, Promise(request.ballot, self.accepted_ballot, self.accepted_value))


@answer("8.1", misconception="only what is accepted needs the disk", rejected_by="a crash never takes back a promise")
def on_prepare(self, source, request):
    if request.ballot < self.promised:
        self.send(source, Nack(request.ballot, self.promised))
        return
    self.promised = request.ballot
    self.send(source, Promise(request.ballot, self.accepted_ballot, self.accepted_value))


@answer("8.1", misconception="answer first, save when there is time", rejected_by="a crash never takes back a promise")
def on_prepare(self, source, request):
    if request.ballot < self.promised:
        self.send(source, Nack(request.ballot, self.promised))
        return
    self.promised = request.ballot
    self.send(source, Promise(request.ballot, self.accepted_ballot, self.accepted_value))
    self.storage.save(promised=self.promised)


# -- 8.2 -------------------------------------------------------------------------------------------


@answer("8.2", misconception="a promise is needed before an acceptance", rejected_by="a proposal below the promise is refused, any other is accepted")
def on_accept(self, source, request):
    if request.ballot != self.promised:
        self.send(source, Nack(request.ballot, self.promised))
        return
    self.accepted_ballot, self.accepted_value = request.ballot, request.value
    self.storage.save(promised=self.promised, accepted_ballot=request.ballot, accepted_value=request.value)
    self.send(source, Accepted(request.ballot, request.value))


@answer("8.2", misconception="accept whatever is newer than the last acceptance", rejected_by="a proposal below the promise is refused, any other is accepted")
def on_accept(self, source, request):
    if request.ballot < self.accepted_ballot:
        self.send(source, Nack(request.ballot, self.promised))
        return
    self.promised = max(self.promised, request.ballot)
    self.accepted_ballot, self.accepted_value = request.ballot, request.value
    self.storage.save(promised=self.promised, accepted_ballot=request.ballot, accepted_value=request.value)
    self.send(source, Accepted(request.ballot, request.value))


@answer("8.2", misconception="only phase 1 makes promises", rejected_by="who has accepted in a ballot is done with lower ones")
def on_accept(self, source, request):
    if request.ballot < self.promised:
        self.send(source, Nack(request.ballot, self.promised))
        return
    self.accepted_ballot, self.accepted_value = request.ballot, request.value
    self.storage.save(promised=self.promised, accepted_ballot=request.ballot, accepted_value=request.value)
    self.send(source, Accepted(request.ballot, request.value))


@answer("8.2", misconception="the first value stays", rejected_by="what was accepted last is what counts, and copies change nothing")
def on_accept(self, source, request):
    if request.ballot < self.promised:
        self.send(source, Nack(request.ballot, self.promised))
        return
    self.promised = request.ballot
    if self.accepted_value is None:
        self.accepted_ballot, self.accepted_value = request.ballot, request.value
    self.storage.save(promised=self.promised, accepted_ballot=self.accepted_ballot, accepted_value=self.accepted_value)
    self.send(source, Accepted(request.ballot, self.accepted_value))


@answer("8.2", misconception="three saves are as good as one", rejected_by="a crash never takes back an acceptance, or half of it")
def on_accept(self, source, request):
    if request.ballot < self.promised:
        self.send(source, Nack(request.ballot, self.promised))
        return
    self.promised = self.accepted_ballot = request.ballot
    self.accepted_value = request.value
    self.storage.save(promised=self.promised)
    self.storage.save(accepted_ballot=self.accepted_ballot)
    self.storage.save(accepted_value=self.accepted_value)
    self.send(source, Accepted(request.ballot, request.value))


@answer("8.2", misconception="the promise was saved in phase 1 anyway", rejected_by="a crash never takes back an acceptance, or half of it")
def on_accept(self, source, request):
    if request.ballot < self.promised:
        self.send(source, Nack(request.ballot, self.promised))
        return
    self.promised = self.accepted_ballot = request.ballot
    self.accepted_value = request.value
    self.storage.save(accepted_ballot=self.accepted_ballot, accepted_value=self.accepted_value)
    self.send(source, Accepted(request.ballot, request.value))


# -- 8.3 -------------------------------------------------------------------------------------------


@answer("8.3", misconception="my ballot, my value", rejected_by="the value of the highest ballot that was accepted is proposed again")
def on_promise(self, source, promise):
    if self.pending is None or promise.ballot != self.ballot or self.value is not None:
        return
    self.promises[source] = promise
    if len(self.promises) >= majority(len(self.peers)):
        self.value = self.pending.value
        self.broadcast(Accept(self.ballot, self.value))


@answer("8.3", misconception="any accepted value will do", rejected_by="the value of the highest ballot that was accepted is proposed again")
def on_promise(self, source, promise):
    if self.pending is None or promise.ballot != self.ballot or self.value is not None:
        return
    self.promises[source] = promise
    if len(self.promises) < majority(len(self.peers)):
        return
    found = [p.accepted_value for p in self.promises.values() if p.accepted_value is not None]
    self.value = found[0] if found else self.pending.value
    self.broadcast(Accept(self.ballot, self.value))


@answer("8.3", misconception="the most frequent value wins", rejected_by="the value of the highest ballot that was accepted is proposed again")
def on_promise(self, source, promise):
    if self.pending is None or promise.ballot != self.ballot or self.value is not None:
        return
    self.promises[source] = promise
    if len(self.promises) < majority(len(self.peers)):
        return
    found = sorted(p.accepted_value for p in self.promises.values() if p.accepted_value is not None)
    self.value = max(found, key=found.count) if found else self.pending.value
    self.broadcast(Accept(self.ballot, self.value))


@answer("8.3", misconception="the longer one listens, the better one knows", rejected_by="in one ballot, one value")
def on_promise(self, source, promise):
    if self.pending is None or promise.ballot != self.ballot:
        return
    self.promises[source] = promise
    if len(self.promises) < majority(len(self.peers)):
        return
    highest = max(self.promises.values(), key=lambda promise: promise.accepted_ballot)
    value = self.pending.value if highest.accepted_value is None else highest.accepted_value
    if value != self.value:
        self.value = value
        self.broadcast(Accept(self.ballot, self.value))


@answer("8.3", misconception="a promise is a promise, whichever ballot it is for", rejected_by="promises for other ballots and copies are no majority")
def on_promise(self, source, promise):
    if self.pending is None or self.value is not None:
        return
    self.promises[source] = promise
    if len(self.promises) < majority(len(self.peers)):
        return
    highest = max(self.promises.values(), key=lambda promise: promise.accepted_ballot)
    self.value = self.pending.value if highest.accepted_value is None else highest.accepted_value
    self.broadcast(Accept(self.ballot, self.value))


@answer("8.3", misconception="a message is a vote", rejected_by="promises for other ballots and copies are no majority")
def on_promise(self, source, promise):
    if self.pending is None or promise.ballot != self.ballot or self.value is not None:
        return
    self.promises[source, len(self.promises)] = promise
    if len(self.promises) < majority(len(self.peers)):
        return
    highest = max(self.promises.values(), key=lambda promise: promise.accepted_ballot)
    self.value = self.pending.value if highest.accepted_value is None else highest.accepted_value
    self.broadcast(Accept(self.ballot, self.value))


@answer("8.3", misconception="to be safe, wait for all", rejected_by="a majority of promises is needed, and is enough")
def on_promise(self, source, promise):
    if self.pending is None or promise.ballot != self.ballot or self.value is not None:
        return
    self.promises[source] = promise
    if len(self.promises) < len(self.peers):
        return
    highest = max(self.promises.values(), key=lambda promise: promise.accepted_ballot)
    self.value = self.pending.value if highest.accepted_value is None else highest.accepted_value
    self.broadcast(Accept(self.ballot, self.value))


@answer("8.3", misconception="half is a majority", rejected_by="a majority of promises is needed, and is enough")
def on_promise(self, source, promise):
    if self.pending is None or promise.ballot != self.ballot or self.value is not None:
        return
    self.promises[source] = promise
    if len(self.promises) < (len(self.peers) + 1) // 2:
        return
    highest = max(self.promises.values(), key=lambda promise: promise.accepted_ballot)
    self.value = self.pending.value if highest.accepted_value is None else highest.accepted_value
    self.broadcast(Accept(self.ballot, self.value))


@answer("8.3", misconception="only those who promised need to be asked", rejected_by="a majority of promises is needed, and is enough")
def on_promise(self, source, promise):
    if self.pending is None or promise.ballot != self.ballot or self.value is not None:
        return
    self.promises[source] = promise
    if len(self.promises) < majority(len(self.peers)):
        return
    highest = max(self.promises.values(), key=lambda promise: promise.accepted_ballot)
    self.value = self.pending.value if highest.accepted_value is None else highest.accepted_value
    for acceptor in self.promises:
        self.send(acceptor, Accept(self.ballot, self.value))


@answer("8.3", misconception="a proposer never restarts", rejected_by="after the end, promises propose nothing")
def on_promise(self, source, promise):
    if promise.ballot != self.ballot or self.value is not None:
        return
    self.promises[source] = promise
    if len(self.promises) < majority(len(self.peers)):
        return
    highest = max(self.promises.values(), key=lambda promise: promise.accepted_ballot)
    self.value = highest.accepted_value or (self.pending.value if self.pending else "nothing")
    self.broadcast(Accept(self.ballot, self.value))


# -- 8.4 -------------------------------------------------------------------------------------------


@answer("8.4", misconception="acceptances add up", rejected_by="an acceptor counts once, and ballots are not added up")
def on_accepted(self, source, reply):
    self.accepted.setdefault(NO_BALLOT, set()).add(source)
    if self.pending is not None and len(self.accepted[NO_BALLOT]) >= majority(len(self.peers)):
        self.decide(reply.value)


@answer("8.4", misconception="who has accepted the value counts, whenever it was", rejected_by="an acceptor counts once, and ballots are not added up")
def on_accepted(self, source, reply):
    self.accepted.setdefault(reply.value, set()).add(source)
    if self.pending is not None and len(self.accepted[reply.value]) >= majority(len(self.peers)):
        self.decide(reply.value)


@answer("8.4", misconception="count the answers", rejected_by="an acceptor counts once, and ballots are not added up")
def on_accepted(self, source, reply):
    self.accepted.setdefault(reply.ballot, []).append(source)
    if self.pending is not None and len(self.accepted[reply.ballot]) >= majority(len(self.peers)):
        self.decide(reply.value)


@answer("8.4", misconception="the past does not count", rejected_by="a majority in an earlier ballot has chosen, too")
def on_accepted(self, source, reply):
    if reply.ballot != self.ballot:
        return
    self.accepted.setdefault(reply.ballot, set()).add(source)
    if self.pending is not None and len(self.accepted[reply.ballot]) >= majority(len(self.peers)):
        self.decide(reply.value)


@answer("8.4", misconception="one acceptance is enough, the others follow", rejected_by="chosen is what a majority has accepted, and nothing less")
def on_accepted(self, source, reply):
    if self.pending is not None:
        self.decide(reply.value)


@answer("8.4", misconception="to be safe, wait for all", rejected_by="chosen is what a majority has accepted, and nothing less")
def on_accepted(self, source, reply):
    self.accepted.setdefault(reply.ballot, set()).add(source)
    if self.pending is not None and len(self.accepted[reply.ballot]) == len(self.peers):
        self.decide(reply.value)


@answer("8.4", misconception="what I wished for is what was chosen", rejected_by="chosen is what a majority has accepted, and nothing less")
def on_accepted(self, source, reply):
    self.accepted.setdefault(reply.ballot, set()).add(source)
    if self.pending is not None and len(self.accepted[reply.ballot]) >= majority(len(self.peers)):
        self.decide(self.pending.value)


@answer("8.4", misconception="every late answer is news", rejected_by="an operation ends once, and late answers start nothing")
def on_accepted(self, source, reply):
    self.accepted.setdefault(reply.ballot, set()).add(source)
    if len(self.accepted[reply.ballot]) >= majority(len(self.peers)):
        if self.pending is None:
            self.begin()
        else:
            self.decide(reply.value)


# -- 8.5 -------------------------------------------------------------------------------------------


@answer("8.5", misconception="one more than my own is high enough", rejected_by="the next ballot is above every ballot that p1 has heard of")
def on_nack(self, source, nack):
    if self.pending is None or nack.ballot != self.ballot or nack.ballot == self.refused:
        return
    self.refused = nack.ballot
    self.refusals += 1
    self.set_timer("retry", BACKOFF_MS, BACKOFF_MS * 2 ** min(self.refusals, DOUBLINGS_MAX))


@answer("8.5", misconception="only the latest refusal knows", rejected_by="the next ballot is above every ballot that p1 has heard of")
def on_nack(self, source, nack):
    self.highest = nack.promised[0]
    if self.pending is None or nack.ballot != self.ballot or nack.ballot == self.refused:
        return
    self.refused = nack.ballot
    self.refusals += 1
    self.set_timer("retry", BACKOFF_MS, BACKOFF_MS * 2 ** min(self.refusals, DOUBLINGS_MAX))


@answer("8.5", misconception="late refusals tell nothing", rejected_by="the next ballot is above every ballot that p1 has heard of")
def on_nack(self, source, nack):
    if self.pending is None or nack.ballot != self.ballot:
        return
    self.highest = max(self.highest, nack.promised[0])
    if nack.ballot != self.refused:
        self.refused = nack.ballot
        self.refusals += 1
        self.set_timer("retry", BACKOFF_MS, BACKOFF_MS * 2 ** min(self.refusals, DOUBLINGS_MAX))


@answer("8.5", misconception="each message is a refusal of its own", rejected_by="one ballot is refused once, however many refuse it")
def on_nack(self, source, nack):
    self.highest = max(self.highest, nack.promised[0])
    if self.pending is not None and nack.ballot == self.ballot:
        self.refusals += 1
        self.set_timer("retry", BACKOFF_MS, BACKOFF_MS * 2 ** min(self.refusals, DOUBLINGS_MAX))


@answer("8.5", misconception="a late refusal is a refusal", rejected_by="one ballot is refused once, however many refuse it")
def on_nack(self, source, nack):
    self.highest = max(self.highest, nack.promised[0])
    if self.pending is not None and nack.ballot != self.refused:
        self.refused = nack.ballot
        self.refusals += 1
        self.set_timer("retry", BACKOFF_MS, BACKOFF_MS * 2 ** min(self.refusals, DOUBLINGS_MAX))


@answer("8.5", misconception="come back at once, and one of us will win", rejected_by="one ballot is refused once, however many refuse it")
def on_nack(self, source, nack):
    self.highest = max(self.highest, nack.promised[0])
    if self.pending is not None and nack.ballot == self.ballot:
        self.begin()


@answer("8.5", misconception="a fixed wait is fair", rejected_by="the wait is random, and doubles up to a limit")
def on_nack(self, source, nack):
    self.highest = max(self.highest, nack.promised[0])
    if self.pending is None or nack.ballot != self.ballot or nack.ballot == self.refused:
        return
    self.refused = nack.ballot
    self.refusals += 1
    self.set_timer("retry", BACKOFF_MS)


@answer("8.5", misconception="doubling is enough, chance is not needed", rejected_by="the wait is random, and doubles up to a limit")
def on_nack(self, source, nack):
    self.highest = max(self.highest, nack.promised[0])
    if self.pending is None or nack.ballot != self.ballot or nack.ballot == self.refused:
        return
    self.refused = nack.ballot
    self.refusals += 1
    self.set_timer("retry", BACKOFF_MS * 2 ** min(self.refusals, DOUBLINGS_MAX))


@answer("8.5", misconception="patience has no limit", rejected_by="the wait is random, and doubles up to a limit")
def on_nack(self, source, nack):
    self.highest = max(self.highest, nack.promised[0])
    if self.pending is None or nack.ballot != self.ballot or nack.ballot == self.refused:
        return
    self.refused = nack.ballot
    self.refusals += 1
    self.set_timer("retry", BACKOFF_MS, BACKOFF_MS * 2**self.refusals)


@answer("8.5", misconception="a refusal always means: try again", rejected_by="a refusal after the end starts nothing")
def on_nack(self, source, nack):
    self.highest = max(self.highest, nack.promised[0])
    if nack.ballot == self.ballot and nack.ballot != self.refused:
        self.refused = nack.ballot
        self.refusals += 1
        self.set_timer("retry", BACKOFF_MS, BACKOFF_MS * 2 ** min(self.refusals, DOUBLINGS_MAX))
