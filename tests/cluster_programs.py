"""Nodes for the tests of real clusters: a quorum counter under load, and nodes that misbehave."""

from __future__ import annotations

import os
import sys
from typing import Any

from labkit.message import message
from labkit.node import Client, Node


@message
class Add:
    number: int


@message
class Copy:
    number: int
    total: int


@message
class Copied:
    number: int


@message
class Done:
    number: int
    total: int


class Counter(Node):
    """Counts requests, saves, tells the others, beats at random; all that a replay must repeat."""

    def on_start(self) -> None:
        self.total = self.storage.get("total", 0)
        self.copies = self.storage.get("copies", ())
        self.beats = 0
        self.dice = self.random.random()
        self.set_timer("beat", 5, 15)

    def on_message(self, source: str, message: Any) -> None:
        match message:
            case Add(number):
                self.total += 1
                self.storage.save(total=self.total)
                self.broadcast(Copy(number, self.total))
                self.send(source, Done(number, self.total))
            case Copy(number, _):
                self.copies = (*self.copies[-20:], (source, number))
                self.storage.save(copies=self.copies)
                self.send(source, Copied(number))
            case Copied():
                pass
            case Done():
                self.beats += 1

    def on_timer(self, name: Any) -> None:
        self.beats += 1
        self.dice = self.random.random()
        self.set_timer("beat", 5, 15)
        self.send(self.random.choice(self.peers), Copied(self.beats))


class Asker(Client):
    """Asks one server after the other, and gives up after a while."""

    def on_start(self) -> None:
        self.operation: Any = None
        self.tries = 0

    def on_invoke(self, operation: Any) -> None:
        self.operation, self.tries = operation, self.tries + 1
        self.send(self.peers[self.tries % len(self.peers)], Add(self.tries))
        self.set_timer("late", 60)

    def on_message(self, source: str, message: Any) -> None:
        if isinstance(message, Done) and message.number == self.tries and self.operation:
            self.cancel_timer("late")
            self.complete(self.operation, message.total)
            self.operation = None

    def on_timer(self, name: Any) -> None:
        self.give_up(self.operation)
        self.operation = None


class Beat(Node):
    """Sends its peers a number every 10 ms."""

    def on_start(self) -> None:
        self.sent, self.got, self.at = 0, 0, self.now_ms
        self.set_timer("beat", 10)

    def on_timer(self, name: Any) -> None:
        self.sent += 1
        self.broadcast(Copied(self.sent))
        self.set_timer("beat", 10)

    def on_message(self, source: str, message: Any) -> None:
        self.got += 1


class Looping(Beat):
    """n1 never comes back from a handler."""

    def on_timer(self, name: Any) -> None:
        while self.id == "n1":
            pass
        super().on_timer(name)


class Leaving(Beat):
    """n1's process ends by itself."""

    def on_timer(self, name: Any) -> None:
        if self.id == "n1":
            os._exit(3)
        super().on_timer(name)


class Loud(Beat):
    """Writes to the standard output without print."""

    def on_timer(self, name: Any) -> None:
        sys.stdout.write(f"{self.id} says\nsomething\n")


class Torn(Beat):
    """Says that it leads, which only one may."""

    def facts(self) -> Any:
        yield "leader", self.id
