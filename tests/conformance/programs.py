"""Small nodes, each after one promise of the programming model; all runtimes must keep it alike."""

from __future__ import annotations

from enum import Enum
from typing import Any

from labkit.message import message
from labkit.node import Client, Node


class Colour(Enum):
    RED = 1
    BLUE = 2


@message
class Put:
    value: Any


@message
class Got:
    value: Any


class Ring(Node):
    """n1 says something to n2 at the start; what, and what n2 makes of it, a subclass says."""

    def on_start(self) -> None:
        self.seen: tuple[Any, ...] = ()
        self.begin()

    def begin(self) -> None:
        if self.id == "n1":
            self.set_timer("begin", 20)  # all are up by then

    def on_timer(self, name: Any) -> None:
        self.send("n2", Put(1))

    def on_message(self, source: str, message: Any) -> None:
        self.seen += (message.value,)


class Echo(Ring):
    def on_message(self, source: str, message: Any) -> None:
        match message:
            case Put():
                self.send(source, Got(message.value))
            case Got():
                self.seen += (message.value,)


class Many(Ring):
    """Fifty messages: all arrive, in whatever order."""

    def on_timer(self, name: Any) -> None:
        for number in range(50):
            self.send("n2", Put(number))

    def observe(self) -> dict[str, Any]:
        return {"seen": frozenset(self.seen), "count": len(self.seen)}


class Once(Many):
    """Doubled messages are noticed, and counted once."""

    def on_message(self, source: str, message: Any) -> None:
        if message.value not in self.seen:
            self.seen += (message.value,)


class Replaced(Ring):
    def begin(self) -> None:
        self.set_timer("a", 40)
        self.set_timer("a", 20)

    def on_timer(self, name: Any) -> None:
        self.seen += (name,)


class Cancelled(Replaced):
    def begin(self) -> None:
        self.set_timer("never", 5)
        self.cancel_timer("never")
        self.set_timer("end", 40)


class Rearmed(Replaced):
    def begin(self) -> None:
        self.set_timer(0, 2)

    def on_timer(self, name: Any) -> None:
        self.seen += (name,)
        if name < 4:
            self.set_timer(name + 1, 1, 3)


class Thousand(Replaced):
    def begin(self) -> None:
        for number in range(1000):
            self.set_timer(number, 1, 40)

    def observe(self) -> dict[str, Any]:
        return {"seen": frozenset(self.seen), "count": len(self.seen)}


class Herself(Ring):
    def on_timer(self, name: Any) -> None:
        self.send(self.id, Put("me"))
        self.seen += ("first",)


class Stranger(Ring):
    def on_timer(self, name: Any) -> None:
        self.send("n9", Put(1))


class Raising(Ring):
    def on_timer(self, name: Any) -> None:
        self.seen += ("before",)
        raise ValueError("no such luck")


class Unwritten(Ring):
    def on_timer(self, name: Any) -> None:
        raise NotImplementedError("Exercise 0.1: write me")


class Unknown(Ring):
    def on_message(self, source: str, message: Any) -> None:
        match message:
            case Got():
                pass
            case _:
                super(Ring, self).on_message(source, message)


class Memory(Ring):
    """What is saved survives; attributes and timers do not."""

    def begin(self) -> None:
        self.kept = self.storage.get("kept", 0) + 1
        self.lives = self.storage.get("lives", ())
        self.storage.save(kept=self.kept, lives=(*self.lives, Put(Colour.RED)))
        if self.kept == 1:
            self.set_timer("old", 10_000)
        self.set_timer("mark", 20)

    def on_timer(self, name: Any) -> None:
        self.seen += (name,)


class Halfway(Ring):
    """Saves, then sends: a crash after one effect has saved and not sent."""

    def on_start(self) -> None:
        self.seen = ()
        self.kept = self.storage.get("kept", 0)
        if self.id == "n1" and not self.kept:
            self.set_timer("begin", 500)  # late enough for the crash to be ordered

    def on_timer(self, name: Any) -> None:
        self.storage.save(kept=1)
        self.send("n2", Put(1))


class Hasty(Halfway):
    """Sends, then saves: a crash after one effect has sent and not saved."""

    def on_timer(self, name: Any) -> None:
        self.send("n2", Put(1))
        self.storage.save(kept=1)


class Patient(Ring):
    """Asks until it is answered: a node that was down for a while is reached in the end."""

    def begin(self) -> None:
        if self.id == "n1":
            self.set_timer("ask", 10)

    def on_timer(self, name: Any) -> None:
        if not self.seen:
            self.send("n2", Put("there?"))
            self.set_timer("ask", 10)

    def on_message(self, source: str, message: Any) -> None:
        self.seen = (message.value,)
        if isinstance(message, Put):
            self.send(source, Got("yes"))


class Herald(Ring):
    def on_timer(self, name: Any) -> None:
        self.broadcast(Put(self.id))


class Heavy(Ring):
    def on_timer(self, name: Any) -> None:
        self.send("n2", Put(bytes(1 << 20)))
        self.send("n2", Put("x" * (1 << 20)))

    def observe(self) -> dict[str, Any]:
        return {"seen": frozenset((type(value).__name__, len(value)) for value in self.seen)}


EVERYTHING = (
    None, True, False, 0, -1, (1 << 53) + 1, -(1 << 4000), 0.5, -0.0, 1e300, "", "π\n", b"",
    b"\x00\xff", Colour.BLUE, (), (1, (2,)), frozenset(), frozenset((1, "a", (None,))),
    Put(Put(Colour.RED)),
)  # fmt: skip


class Everything(Echo):
    def on_timer(self, name: Any) -> None:
        self.send("n2", Put(EVERYTHING))


class Speaking(Ring):
    def on_timer(self, name: Any) -> None:
        print("one")
        self.storage.save(kept=1)
        print("two", 2)


class Claiming(Ring):
    """Both say that they lead."""

    def begin(self) -> None:
        self.set_timer("claim", 20)

    def on_timer(self, name: Any) -> None:
        self.seen = ("claims",)

    def facts(self) -> Any:
        if self.seen:
            yield ("leader of term", 1), self.id


class Dicing(Ring):
    """Its dice depend on seed, name and life, and on nothing else."""

    def begin(self) -> None:
        self.seen = (
            self.random.random(),
            self.random.randrange(1000),
            tuple(self.random.sample(range(9), 4)),
        )


class Shy(Ring):
    """What it shows is not what it is, and looking changes nothing."""

    def begin(self) -> None:
        self._looked = []

    def observe(self) -> dict[str, Any]:
        self._looked.append(1)
        return {"peers": self.peers, "list": [1, {"b": 2, "a": 1}], "id": self.id}


class Register(Ring):
    def begin(self) -> None:
        self.value = None

    def on_message(self, source: str, message: Any) -> None:
        if message.value == "lose":
            return
        if message.value is not None:
            self.value = message.value
        self.send(source, Got(self.value))


class Asker(Client):
    """put and get wait for their answers; refuse fails at once, lose gives up in time."""

    def on_start(self) -> None:
        self.operation: Any = None
        self.asked = 0

    def on_invoke(self, operation: Any) -> None:
        self.operation, self.asked = operation, self.asked + 1
        if operation.f == "refuse":
            self.fail(operation)
        else:
            self.send(self.peers[0], Put("lose" if operation.f == "lose" else operation.value))
            self.set_timer("late", 100 if operation.f == "lose" else 5_000)

    def on_message(self, source: str, message: Any) -> None:
        self.cancel_timer("late")
        self.complete(self.operation, message.value)

    def on_timer(self, name: Any) -> None:
        self.give_up(self.operation)
