"""A register on quorums, with one switch a bug (Attiya, Bar-Noy & Dolev 1995; Lynch & Shvartsman 1997).

Clients ask a majority for the newest value, then write to a majority: writers a newer one,
readers what they have read.  Left out: changing the set of nodes.
"""

from __future__ import annotations

from labkit import Client, Node, message

Stamp = tuple[int, str]
ZERO: Stamp = (0, "")


@message
class Query:
    phase: int


@message
class State:
    phase: int
    stamp: Stamp
    value: str | None


@message
class Store:
    phase: int
    stamp: Stamp
    value: str | None


@message
class Stored:
    phase: int


class Replica(Node):
    BUG = ""

    def on_start(self):
        self.stamp = self.storage.get("stamp", ZERO)
        self.value = self.storage.get("value")

    def on_message(self, source, message):
        match message:
            case Query():
                self.send(source, State(message.phase, self.stamp, self.value))
            case Store():
                self.on_store(source, message)
            case _:
                super().on_message(source, message)

    def on_store(self, source, m):
        if self.BUG == "stores_before_saving":
            self.send(source, Stored(m.phase))
        if m.stamp > self.stamp or self.BUG == "takes_older_values":
            self.stamp, self.value = m.stamp, m.value
            if self.BUG != "value_not_saved":
                self.storage.save(stamp=self.stamp, value=self.value)
        if self.BUG != "stores_before_saving":
            self.send(source, Stored(m.phase))


class Register(Client):
    BUG = ""

    def on_start(self):
        self.operation, self.phase, self.last = None, 0, 0
        self.majority = len(self.peers) // 2 + (self.BUG != "half_is_a_majority")

    def on_invoke(self, operation):
        self.operation = operation
        if self.BUG == "writes_without_asking" and operation.f == "write":
            self.last += 1
            self.store((self.last, self.id), operation.value)
        else:
            self.ask(Query(self.phase + 1))

    def ask(self, request):
        if self.BUG != "counts_old_answers":
            self.phase += 1
        self.request, self.answers = request, []
        self.again()

    def again(self):
        self.broadcast(self.request)
        self.set_timer("again", 60)

    def on_timer(self, name):
        self.again()

    def on_message(self, source, message):
        if self.operation is None or message.phase != self.request.phase:
            return
        if type(message) is not (State if type(self.request) is Query else Stored):
            return
        if source in [s for s, _ in self.answers] and self.BUG != "counts_an_answer_twice":
            return
        self.answers = [*self.answers, (source, message)]
        needed = 1 if self.BUG == "reads_from_one" and self.reads() else self.majority
        if len(self.answers) >= needed:
            self.go_on()

    def reads(self):
        return self.operation.f == "read" and type(self.request) is Query

    def go_on(self):
        if type(self.request) is Store:
            self.end()
            return
        newest = max(m.stamp for _, m in self.answers)
        if self.BUG == "reads_the_first_answer":
            newest = self.answers[0][1].stamp
        value = next(m.value for _, m in self.answers if m.stamp == newest)
        if self.operation.f == "read":
            self.found = value
            if self.BUG == "reads_without_writing_back":
                self.end()
            else:
                self.store(newest, value)
        else:
            name = "" if self.BUG == "stamps_are_shared" else self.id
            step = 0 if self.BUG == "does_not_count_up" else 1
            self.store((newest[0] + step, name), self.operation.value)

    def store(self, stamp, value):
        self.ask(Store(self.phase + (self.BUG != "counts_old_answers"), stamp, value))

    def end(self):
        operation, self.operation = self.operation, None
        self.cancel_timer("again")
        self.complete(operation, self.found if operation.f == "read" else None)
