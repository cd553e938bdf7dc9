"""A dozen small systems as program text, each after a feature that every host must show alike."""

from __future__ import annotations

from dataclasses import dataclass, field

from labkit.system import System

GIVEN = """
from enum import Enum
from labkit.message import message
from labkit.node import Client, Node

class Colour(Enum):
    RED = 1
    BLUE = 2

@message
class Put:
    key: str
    value: object

@message
class Got:
    value: object

@message
class Tick:
    count: int

class Server(Node):
    def on_start(self):
        self.seen = ()

class Asker(Client):
    def on_start(self):
        self.open = None
    def on_invoke(self, operation):
        self.open = operation
        self.send(self.peers[0], Put(str(operation.key), operation.value))
    def on_message(self, source, message):
        if self.open is not None:
            self.complete(self.open, message.value)
            self.open = None
"""

HEAD = "from given import *\nfrom labkit.message import message\nfrom enum import Enum\n"


@dataclass(frozen=True, slots=True)
class Small:
    """One system: the learner's text, who takes part, and the faults to inject."""

    name: str
    text: str
    system: System
    crash: tuple[str, ...] = ()
    exercises: tuple[str, ...] = field(default=())


def _nodes(count: int) -> System:
    return System.of(count, "Server")


_WORK = {"c1": [("put", "x", 1), ("put", "y", "two")], "c2": [("put", "x", None)]}
_ASKED = System.of(2, "Server", client="Asker", workload=_WORK)

SYSTEMS = (
    Small(
        "flood",
        """
class Server(Server):
    def on_start(self):
        self.highest = 0
        if self.id == "n1":
            self.broadcast(Tick(1))
    def on_message(self, source, message):
        if message.count > self.highest and message.count < 6:
            self.highest = message.count
            self.broadcast(Tick(message.count + 1))
""",
        _nodes(3),
    ),
    Small(
        "timers in a range, replaced and cancelled",
        """
class Server(Server):
    def on_start(self):
        self.fired = ()
        self.set_timer("a", 10, 50)
        self.set_timer(("b", 2), 5)
        self.set_timer("never", 1)
        self.cancel_timer("never")
    def on_timer(self, name):
        self.fired += (name,)
        if len(self.fired) < 5:
            self.set_timer(name, 7, 9)
            self.broadcast(Tick(len(self.fired)))
    def on_message(self, source, message):
        self.set_timer("a", 3)
""",
        _nodes(2),
    ),
    Small(
        "storage over a crash",
        """
class Server(Server):
    def on_start(self):
        self.count = self.storage.get("count", 0)
        self.storage.save(count=self.count + 1, by=("tuple", frozenset({1, 2}), b"x"))
        self.storage.sync()
        self.set_timer("tick", 20)
    def on_timer(self, name):
        self.broadcast(Tick(self.count))
        self.set_timer("tick", 20)
    def on_message(self, source, message):
        pass
""",
        _nodes(2),
        crash=("n1",),
    ),
    Small(
        "clients that are answered",
        """
class Server(Server):
    def on_start(self):
        self.kept = {}
    def on_message(self, source, message):
        old = self.kept.get(message.key)
        self.kept[message.key] = message.value
        self.send(source, Got(old))
""",
        _ASKED,
    ),
    Small(
        "clients that give up, and fail",
        """
class Server(Server):
    def on_message(self, source, message):
        pass
class Asker(Asker):
    def on_invoke(self, operation):
        if operation.key == "y":
            self.fail(operation)
        else:
            self.give_up(operation)
""",
        _ASKED,
    ),
    Small(
        "facts that agree, over a restart too",
        """
class Server(Server):
    def on_start(self):
        self.set_timer("go", 5)
    def on_timer(self, name):
        self.chosen = "n1"
    def facts(self):
        yield ("leader of term", 1), "n1"
""",
        _nodes(3),
        crash=("n2",),
    ),
    Small(
        "facts that contradict",
        """
class Server(Server):
    def on_start(self):
        self.set_timer("go", 5, 30)
        self.leader = None
    def on_timer(self, name):
        self.leader = self.id
        self.broadcast(Tick(1))
    def on_message(self, source, message):
        pass
    def facts(self):
        if self.leader:
            yield ("leader of term", 1), self.leader
""",
        _nodes(3),
    ),
    Small(
        "messages and enums of the learner's own",
        """
class Mood(Enum):
    GOOD = "good"
    BAD = "bad"
@message
class Gossip:
    mood: Mood
    path: tuple[str, ...]
    inner: Tick | None = None
class Server(Server):
    def on_start(self):
        self.heard = ()
        if self.id == "n1":
            self.broadcast(Gossip(Mood.GOOD, ("n1",), Tick(7)))
    def on_message(self, source, message):
        self.heard += (message,)
        if len(message.path) < 4:
            mood = Mood.BAD if message.mood is Mood.GOOD else Mood.GOOD
            self.broadcast(Gossip(mood, (*message.path, self.id)))
""",
        _nodes(3),
    ),
    Small(
        "every plain type there and back",
        """
class Server(Server):
    def on_start(self):
        self.got = ()
        values = (None, True, 0, -(1 << 70), 1.5, -0.0, "ü🙂", b"\\x00\\xff", (), (1, (2,)),
                  frozenset({"a", ("b",)}), Colour.BLUE, Tick(1), Put("k", (Colour.RED, Tick(2))))
        for value in values:
            self.broadcast(Put("k", value))
    def on_message(self, source, message):
        self.got += (message.value,)
""",
        _nodes(2),
    ),
    Small(
        "a handler that raises",
        """
class Server(Server):
    def on_start(self):
        self.set_timer("go", 5)
    def on_timer(self, name):
        self.broadcast(Tick(1))
    def on_message(self, source, message):
        {}["nothing"]
""",
        _nodes(2),
    ),
    Small(
        "a stub that is not written",
        """
class Server(Server):
    def on_start(self):
        self.set_timer("go", 5)
    def on_timer(self, name):
        raise NotImplementedError("Exercise 1.1: write it here")
""",
        _nodes(2),
    ),
    Small(
        "prints, and a message that nobody handles",
        """
class Server(Server):
    def on_start(self):
        print("boot", self.id)
        if self.id == "n2":
            self.send("n1", Got(1))
""",
        _nodes(2),
    ),
    Small(
        "dice",
        """
class Server(Server):
    def on_start(self):
        self.thrown = tuple(self.random.randrange(100) for _ in range(5))
        self.broadcast(Tick(self.thrown[0]))
    def on_message(self, source, message):
        self.thrown += (self.random.random(),)
""",
        _nodes(2),
        crash=("n1",),
    ),
)
