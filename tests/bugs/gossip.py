"""A counter and a last-writer-wins value that spread by gossip, one switch a bug.

After Demers et al. 1987 and Shapiro et al. 2011.

Each node tells a random peer all it knows, now and then.  Every node counts its own additions;
the sum over nodes is the value.  Left out: deltas, removal, many keys.
"""

from __future__ import annotations

from labkit import Client, Node, message

Stamp = tuple[int, str]


@message
class Add:
    number: int
    value: int


@message
class Put:
    number: int
    value: str


@message
class Taken:
    number: int


@message
class News:
    counts: tuple[tuple[str, int], ...]
    stamp: Stamp
    text: str


class Gossiper(Node):
    BUG = ""

    def on_start(self):
        self.counts = dict(self.storage.get("counts", ()))
        self.stamp, self.text = self.storage.get("stamp", (0, "")), self.storage.get("text", "")
        self.rounds = 0
        self.set_timer("gossip", 20, 40)

    def on_message(self, source, message):
        match message:
            case Add():
                self.count(self.id, self.counts.get(self.id, 0) + message.value)
                self.keep()
                self.send(source, Taken(message.number))
            case Put():
                name = "" if self.BUG == "stamps_are_shared" else self.id
                self.stamp, self.text = (self.stamp[0] + 1, name), message.value
                self.keep()
                self.send(source, Taken(message.number))
            case News():
                self.merge(message)
            case _:
                super().on_message(source, message)
        if self.BUG == "tells_news_once" and type(message) is not News:
            self.broadcast(self.news())

    def on_timer(self, name):
        if self.BUG == "tells_only_the_first":
            self.send(self.peers[0], self.news())
        elif self.BUG != "tells_news_once":
            self.send(self.random.choice(self.peers), self.news())
        self.rounds += self.BUG == "stops_after_a_while"
        if self.rounds < 10:
            self.set_timer("gossip", 20, 40)

    def news(self):
        counts = self.counts if self.BUG != "tells_only_its_own" else {self.id: self.counts.get(self.id, 0)}
        return News(tuple(sorted(counts.items())), self.stamp, self.text)

    def count(self, node, value):
        self.counts = {**self.counts, node: value}

    def merge(self, m):
        for node, value in m.counts:
            known = self.counts.get(node, 0)
            if self.BUG == "adds_what_it_hears":
                self.count(node, known + value)
            elif self.BUG == "takes_the_last_it_heard":
                self.count(node, value)
            else:
                self.count(node, max(known, value))
        newer = m.stamp >= self.stamp if self.BUG == "takes_equal_stamps" else m.stamp > self.stamp
        if self.BUG == "keeps_the_first":
            newer = self.stamp == (0, "")
        if newer:
            self.stamp, self.text = m.stamp, m.text
        self.keep()

    def keep(self):
        if self.BUG != "forgets_in_a_crash":
            self.storage.save(counts=tuple(sorted(self.counts.items())), stamp=self.stamp, text=self.text)

    def observe(self):
        return {"value": sum(self.counts.values()), "text": self.text}


class Teller(Client):
    """Tells one node, and gives up on an answer that does not come: the change may or may not be in."""

    def on_start(self):
        self.operation = None

    def on_invoke(self, operation):
        self.operation = operation
        kind = Add if operation.f == "add" else Put
        self.send(operation.key, kind(operation.id, operation.value))
        self.set_timer("late", 150)

    def on_timer(self, name):
        operation, self.operation = self.operation, None
        self.give_up(operation)

    def on_message(self, source, message):
        if self.operation is not None and message.number == self.operation.id:
            operation, self.operation = self.operation, None
            self.cancel_timer("late")
            self.complete(operation)
