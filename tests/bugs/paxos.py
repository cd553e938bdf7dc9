"""Single-decree Paxos with one switch a bug (Lamport 2001, "Paxos Made Simple").

Acceptors are nodes; proposers are clients, which learn from the acceptors' answers whether their
value, or another, was chosen.  Left out: leaders, separate learners, many decrees.
"""

from __future__ import annotations

from labkit import Client, Node, message

Ballot = tuple[int, str]
NONE: Ballot = (0, "")


@message
class Prepare:
    ballot: Ballot


@message
class Promise:
    ballot: Ballot
    accepted: Ballot
    value: str | None


@message
class Accept:
    ballot: Ballot
    value: str


@message
class Accepted:
    ballot: Ballot


class Acceptor(Node):
    BUG = ""

    def on_start(self):
        self.promised = self.storage.get("promised", NONE)
        self.accepted = self.storage.get("accepted", NONE)
        self.value = self.storage.get("value")

    def on_message(self, source, message):
        match message:
            case Prepare():
                self.on_prepare(source, message)
            case Accept():
                self.on_accept(source, message)
            case _:
                super().on_message(source, message)

    def on_prepare(self, source, m):
        if m.ballot < self.promised:
            return
        self.promised = m.ballot
        value = None if self.BUG == "forgets_in_its_promise" else self.value
        reply = Promise(m.ballot, self.accepted, value)
        if self.BUG == "promises_before_saving":
            self.send(source, reply)
        if self.BUG != "promise_not_saved":
            self.storage.save(promised=self.promised)
        if self.BUG != "promises_before_saving":
            self.send(source, reply)

    def on_accept(self, source, m):
        floor = self.accepted if self.BUG == "accepts_below_its_promise" else self.promised
        if m.ballot < floor:
            return
        if self.BUG != "accepting_is_no_promise":
            self.promised = max(self.promised, m.ballot)
        if m.ballot < self.accepted and self.BUG == "keeps_the_highest_it_accepted":
            return
        self.accepted, self.value = m.ballot, m.value
        if self.BUG == "accepts_before_saving":
            self.send(source, Accepted(m.ballot))
        if self.BUG != "accepted_not_saved":
            self.storage.save(promised=self.promised, accepted=self.accepted, value=self.value)
        if self.BUG != "accepts_before_saving":
            self.send(source, Accepted(m.ballot))


class Proposer(Client):
    """Proposes the value it is asked for, or what it has to, until some value is chosen."""

    BUG = ""

    def on_start(self):
        self.operation, self.round, self.ballot = None, 0, NONE
        self.promises, self.proposed, self.accepts = {}, None, ()
        self.majority = len(self.peers) // 2 + (self.BUG != "half_is_a_majority")

    def on_invoke(self, operation):
        self.operation = operation
        self.prepare()

    def on_timer(self, name):
        self.prepare()

    def on_message(self, source, message):
        match message:
            case _ if self.operation is None:
                pass  # it has learned what was chosen
            case Promise():
                self.on_promise(source, message)
            case Accepted():
                self.on_accepted(source, message)
            case _:
                super().on_message(source, message)

    def prepare(self):
        self.round += 1
        self.ballot = (self.round, "" if self.BUG == "ballots_are_shared" else self.id)
        self.promises, self.proposed = {}, None
        if self.BUG != "counts_over_ballots":
            self.accepts = ()
        self.broadcast(Prepare(self.ballot))
        self.set_timer("retry", 60, 200)

    def on_promise(self, source, m):
        if self.proposed is not None or (m.ballot != self.ballot and self.BUG != "counts_old_promises"):
            return
        name = source if self.BUG != "counts_a_promise_twice" else len(self.promises)
        self.promises = {**self.promises, name: (m.accepted, m.value)}
        if len(self.promises) >= self.majority:
            self.proposed, self.promises = self.pick(), {}
            self.broadcast(Accept(self.ballot, self.proposed))

    def pick(self):
        seen = sorted(p for p in self.promises.values() if p[1] is not None)
        if not seen or self.BUG == "proposes_its_own":
            return self.operation.value
        return seen[0][1] if self.BUG == "picks_the_lowest" else seen[-1][1]

    def on_accepted(self, source, m):
        if self.proposed is None or (m.ballot != self.ballot and self.BUG != "counts_over_ballots"):
            return
        if source not in self.accepts or self.BUG == "counts_an_accept_twice":
            self.accepts = tuple(sorted((*self.accepts, source)))
        if len(self.accepts) >= (1 if self.BUG == "learns_from_one" else self.majority):
            operation, self.operation = self.operation, None
            self.cancel_timer("retry")
            self.complete(operation, self.proposed)
