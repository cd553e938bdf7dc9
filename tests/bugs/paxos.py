"""Single-decree Paxos with one switch a bug (Lamport 2001, "Paxos Made Simple").

Every node is acceptor and learner; nodes with a call are proposers.  The client asks a proposer
to get its value chosen and is told what was chosen.  Left out: leaders, many decrees.
"""

from __future__ import annotations

from labkit import Client, Node, message

Ballot = tuple[int, str]
NONE: Ballot = (0, "")


@message
class Ask:
    value: str


@message
class Chosen:
    value: str


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
    value: str


class Paxos(Node):
    BUG = ""

    def on_start(self):
        self.promised = self.storage.get("promised", NONE)
        self.accepted = self.storage.get("accepted", NONE)
        self.value = self.storage.get("value")
        self.round = self.storage.get("round", 0)
        self.majority = (len(self.peers) + 1) // 2 + (self.BUG != "half_is_a_majority")
        self.ballot, self.wish, self.client = NONE, None, None
        self.promises, self.proposed, self.accepts, self.chosen = {}, None, {}, None

    def on_message(self, source, message):
        match message:
            case Ask():
                self.on_ask(source, message.value)
            case Prepare():
                self.on_prepare(source, message)
            case Promise():
                self.on_promise(source, message)
            case Accept():
                self.on_accept(source, message)
            case Accepted():
                self.on_accepted(source, message)
            case _:
                super().on_message(source, message)

    def on_timer(self, name):
        self.propose()

    def facts(self):
        if self.chosen is not None:
            yield "the chosen value", self.chosen

    # proposer

    def on_ask(self, client, value):
        self.client = client
        if self.chosen is not None:
            self.send(client, Chosen(self.chosen))
        elif self.wish is None:
            self.wish = value
            self.propose()

    def propose(self):
        if self.chosen is not None:
            return
        self.round = max(self.round, self.promised[0]) + 1
        if self.BUG != "round_not_saved":
            self.storage.save(round=self.round)
        self.ballot = (self.round, "" if self.BUG == "ballots_are_shared" else self.id)
        self.promises, self.proposed = {}, None
        self.to_all(Prepare(self.ballot))
        self.set_timer("retry", 60, 200)

    def to_all(self, message):
        self.broadcast(message)
        self.send(self.id, message)

    def on_promise(self, source, m):
        if m.ballot != self.ballot and self.BUG != "counts_old_promises":
            return
        if self.proposed is not None:
            return
        name = source if self.BUG != "counts_a_promise_twice" else (source, len(self.promises))
        self.promises[name] = (m.accepted, m.value)
        if len(self.promises) >= self.majority:
            self.proposed = self.pick()
            self.to_all(Accept(self.ballot, self.proposed))

    def pick(self):
        seen = sorted((p for p in self.promises.values() if p[1] is not None), key=lambda p: p[0])
        if not seen or self.BUG == "proposes_its_own":
            return self.wish
        return seen[0][1] if self.BUG == "picks_the_lowest" else seen[-1][1]

    # acceptor

    def on_prepare(self, source, m):
        if m.ballot < self.promised:
            return
        self.promised = m.ballot
        value = None if self.BUG == "forgets_in_its_promise" else self.value
        if self.BUG == "promises_before_saving":
            self.send(source, Promise(m.ballot, self.accepted, value))
        if self.BUG != "promise_not_saved":
            self.storage.save(promised=self.promised)
        if self.BUG != "promises_before_saving":
            self.send(source, Promise(m.ballot, self.accepted, value))

    def on_accept(self, source, m):
        floor = self.accepted if self.BUG == "accepts_below_its_promise" else self.promised
        if m.ballot < floor:
            return
        self.promised = max(self.promised, m.ballot)
        self.accepted, self.value = m.ballot, m.value
        reply = Accepted(m.ballot, m.value)
        if self.BUG == "accepts_before_saving":
            self.to_all(reply)
        if self.BUG != "accepted_not_saved":
            self.storage.save(promised=self.promised, accepted=self.accepted, value=self.value)
        if self.BUG != "accepts_before_saving":
            self.to_all(reply)

    # learner

    def on_accepted(self, source, m):
        about = m.value if self.BUG == "counts_over_ballots" else m.ballot
        who = self.accepts.get(about, ())
        if source not in who or self.BUG == "counts_an_accept_twice":
            self.accepts[about] = tuple(sorted((*who, source)))
        enough = 1 if self.BUG == "learns_from_one" else self.majority
        if len(self.accepts[about]) >= enough:
            self.chosen = m.value
            self.cancel_timer("retry")
        if self.chosen is not None and self.client is not None:
            self.send(self.client, Chosen(self.chosen))
            self.client = None


class Asker(Client):
    """Asks one proposer, again and again, until it hears what was chosen."""

    def on_start(self):
        self.operation = None

    def on_invoke(self, operation):
        self.operation = operation
        self.ask()

    def ask(self):
        self.send(self.operation.key, Ask(self.operation.value))
        self.set_timer("retry", 150)

    def on_timer(self, name):
        self.ask()

    def on_message(self, source, message):
        if self.operation is not None:
            operation, self.operation = self.operation, None
            self.cancel_timer("retry")
            self.complete(operation, message.value)
