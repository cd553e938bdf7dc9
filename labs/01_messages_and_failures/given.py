"""Lab 01, given: the messages, and servers and clients with the places that you fill in.

Nothing here remembers anything over a crash, and nothing here notices a message that comes
twice: that is what the lab is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit import Client, Node, NodeId, Operation, message, unwritten

RETRY_MS = 60
TRIES_MAX = 5


@message
class Echo:
    """Please send this text back."""

    text: str


@message
class EchoReply:
    """The text that was asked for."""

    text: str


@message
class NewId:
    """Please make an id that nobody, anywhere, has made before or will make again."""


@message
class NewIdReply:
    """A fresh id."""

    id: str


@message
class Request:
    """A client's operation on the tabs; `number` counts the operations of one `session`, from 1."""

    session: str
    number: int
    f: str
    key: str
    value: str | None = None


@message
class Reply:
    """The result of operation `number` of `session`."""

    session: str
    number: int
    result: str | None


class EchoServer(Node):
    """Sends back what it gets."""

    on_echo = unwritten("1.1")

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Echo():
                self.on_echo(source, message)
            case _:
                super().on_message(source, message)


class IdServer(Node):
    """Makes ids.  `boots` counts the lives of this node, over crashes."""

    new_id = unwritten("1.2")

    def on_start(self) -> None:
        self.boots = self.storage.get("boots", 0) + 1
        self.storage.save(boots=self.boots)
        self.made = 0

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case NewId():
                self.made += 1
                self.send(source, NewIdReply(self.new_id()))
            case _:
                super().on_message(source, message)


class KeyValueServer(Node):
    """Keeps a text for each key, in memory, and does whatever it is asked, as often as it is asked."""

    apply = unwritten("1.3")

    def on_start(self) -> None:
        self.tabs: dict[str, str] = {}

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Request():
                self.on_request(source, message)
            case _:
                super().on_message(source, message)

    def on_request(self, source: NodeId, request: Request) -> None:
        self.send(source, Reply(request.session, request.number, self.apply(request)))


class RetryingClient(Client):
    """Asks the server for one operation at a time, and asks again when no reply comes."""

    on_invoke = unwritten("1.4")
    on_timer = unwritten("1.5")
    on_reply = unwritten("1.6")

    def on_start(self) -> None:
        self.server = self.peers[0]
        self.number = 0
        self.tries = 0
        self.pending: Operation | None = None
        self.request: Request | None = None

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Reply():
                self.on_reply(message)
            case _:
                super().on_message(source, message)


class AtMostOnceServer(KeyValueServer):
    """Executes each request at most once.  `answered` holds what it must not forget."""

    on_request = unwritten("1.7")

    def on_start(self) -> None:
        super().on_start()
        self.answered: dict[str, Reply] = {}


class RecoveringServer(AtMostOnceServer):
    """Reads back, at every boot, what a server saved before it crashed."""

    recover = unwritten("1.8")

    def on_start(self) -> None:
        super().on_start()
        self.recover()


class DurableServer(RecoveringServer):
    """Executes each request at most once, over crashes too."""

    on_request = unwritten("1.9")


def pairs(mapping: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """A map as plain data, which can be saved: `dict(pairs(d)) == d`."""
    return tuple(sorted(mapping.items()))


class NaiveServer(Node):
    """Puts every order on the tab, the moment it arrives."""

    def on_start(self) -> None:
        self.tabs: dict[str, str] = {}

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Request(f="get"):
                result = self.tabs.get(message.key)
            case Request():
                result = self.tabs.get(message.key, "") + str(message.value)
                self.tabs[message.key] = result
            case _:
                return super().on_message(source, message)
        self.send(source, Reply(message.session, message.number, result))


class NaiveClient(Client):
    """Sends an order, and sends it again until somebody answers."""

    def on_start(self) -> None:
        self.number = 0
        self.pending: Operation | None = None

    def on_invoke(self, operation: Operation) -> None:
        self.number, self.pending = self.number + 1, operation
        self.ask()

    def on_timer(self, name: str) -> None:
        self.ask()

    def ask(self) -> None:
        order = self.pending
        self.send(self.peers[0], Request(self.id, self.number, order.f, order.key, order.value))
        self.set_timer("no reply", RETRY_MS)

    def on_message(self, source: NodeId, message: Any) -> None:
        if self.pending is not None and message.number == self.number:
            self.cancel_timer("no reply")
            self.complete(self.pending, message.result)
            self.pending = None
