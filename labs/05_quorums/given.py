"""Lab 05, given: the messages, and replicas and clients with the places that you fill in.

The register is that of Attiya, Bar-Noy and Dolev, "Sharing memory robustly in message-passing
systems" (1995), with the tags for several writers of Lynch and Shvartsman (1997).

Left out: more registers than one, and replicas that join or leave.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from labkit import Client, Node, NodeId, Operation, message, unwritten

RETRY_MS = 60
TRIES_MAX = 5

Tag = tuple[int, str]
"""How new a value is: a number, then its writer's id.  (4, "c2") > (4, "c1") > (3, "c9")."""

NO_TAG: Tag = (0, "")
"""The tag of what nobody has written."""


def majority(count: int) -> int:
    """The smallest number of `count` replicas such that any two groups of that size share one.

    >>> [majority(count) for count in (1, 2, 3, 4, 5)]
    [1, 2, 2, 3, 3]
    """
    return count // 2 + 1


# -- part ABD: the messages ----------------------------------------------------------------------


@message
class Query:
    """What have you got?  `phase` is the client's own number, which the reply repeats."""

    phase: int


@message
class QueryReply:
    """The newest that this replica has, in answer to query `phase`."""

    phase: int
    tag: tuple[int, str]
    value: str | None


@message
class Update:
    """Take this, unless you have something newer."""

    phase: int
    tag: tuple[int, str]
    value: str | None


@message
class UpdateReply:
    """I have that, or something newer: the answer to update `phase`."""

    phase: int


# -- part ABD: the atomic register ---------------------------------------------------------------


class Replica(Node):
    """Keeps one value and its tag, over crashes.  The n replicas never talk to each other."""

    on_update = unwritten("5.6")

    def on_start(self) -> None:
        self.tag: Tag = self.storage.get("tag", NO_TAG)
        self.value: str | None = self.storage.get("value")

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Query():
                self.send(source, QueryReply(message.phase, self.tag, self.value))
            case Update():
                self.on_update(source, message)
            case _:
                super().on_message(source, message)


class QuorumClient(Client):
    """Asks all replicas at once, in numbered phases, and goes on when a majority has answered."""

    on_reply = unwritten("5.7")
    on_timer = unwritten("5.8")

    def on_start(self) -> None:
        self.pending: Operation | None = None
        self.phase = 0
        self.request: Query | Update | None = None
        self.replies: dict[NodeId, QueryReply | UpdateReply] = {}
        self.tries = 0

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case QueryReply() | UpdateReply():
                self.on_reply(source, message)
            case _:
                super().on_message(source, message)

    def on_majority(self) -> None:
        """A majority has answered `self.request`; what now?  Each client below says it."""
        raise TypeError(f"{type(self).__name__} needs on_majority")

    # -- to be called ------------------------------------------------------------------------

    def query(self) -> None:
        """Begin a phase that asks all replicas what they have."""
        self._begin(Query(self.phase + 1))

    def update(self, tag: Tag, value: str | None) -> None:
        """Begin a phase that asks all replicas to keep `value` under `tag`."""
        self._begin(Update(self.phase + 1, tag, value))

    def end(self, result: str | None = None) -> None:
        """End the pending operation: it took effect, with this result."""
        self.cancel_timer("retry")
        self.complete(self.pending, result)
        self.pending = None

    def _begin(self, request: Query | Update) -> None:
        self.phase = request.phase
        self.request, self.replies, self.tries = request, {}, 1
        self.broadcast(request)
        self.set_timer("retry", RETRY_MS)


class SingleWriter(QuorumClient):
    """Writes a register that nobody else writes, so that it may count by itself.  Cannot read."""

    def on_start(self) -> None:
        super().on_start()
        self.number = 0

    def on_invoke(self, operation: Operation) -> None:
        self.pending = operation
        self.number += 1
        self.update((self.number, self.id), operation.value)

    def on_majority(self) -> None:
        self.end()


class RegisterClient(QuorumClient):
    """Reads and writes a register, beside any number of others that do so.

    ``number`` is for exercise 5.10 to remember something in.
    """

    read_newest = unwritten("5.9")
    write_newer = unwritten("5.10")

    def on_start(self) -> None:
        super().on_start()
        self.number = 0

    def on_invoke(self, operation: Operation) -> None:
        self.pending = operation
        self.query()

    def on_majority(self) -> None:
        is_read = self.pending.f == "read"
        if isinstance(self.request, Update):
            self.end(self.request.value if is_read else None)
        elif is_read:
            self.read_newest()
        else:
            self.write_newer()


# -- part ABD: the opening story -------------------------------------------------------------------


class NaiveReplica(Node):
    """Keeps whatever came last."""

    def on_start(self) -> None:
        self.tag: Tag = NO_TAG
        self.value: str | None = None

    def on_message(self, source: NodeId, message: Any) -> None:
        if isinstance(message, Query):
            self.send(source, QueryReply(message.phase, self.tag, self.value))
        else:
            self.tag, self.value = message.tag, message.value
            self.send(source, UpdateReply(message.phase))


class NaiveClient(Client):
    """Waits for two of three signs; of two answers it believes the newer one."""

    def on_start(self) -> None:
        self.phase = 0
        self.heard: list[Any] = []

    def on_invoke(self, operation: Operation) -> None:
        self.pending, self.phase, self.heard = operation, self.phase + 1, []
        tag = self.phase, self.id
        is_read = operation.f == "read"
        self.broadcast(Query(self.phase) if is_read else Update(self.phase, tag, operation.value))

    def on_message(self, source: NodeId, message: Any) -> None:
        if message.phase == self.phase:
            self.heard.append(message)
            if len(self.heard) == 2:
                is_read = self.pending.f == "read"
                newest = max(self.heard, key=lambda reply: reply.tag) if is_read else None
                self.complete(self.pending, newest.value if newest else None)


STATION = {
    "box": [("write", None, "platform 9"), ("write", None, "platform 4")],
    "ana": [("read",)],
    "ben": [("read",)] * 3,
}
"""The signal box announces one platform and then another; Ana looks once, Ben three times."""


def slow_cables(from_ms: float) -> Callable[[Any], None]:
    """A script: each reader has two signs near; at `from_ms` two of the box's cables slow down."""

    def script(run: Any) -> None:
        link = run.network.set_link
        near_ms = {("ana", "n1"): 24, ("ana", "n2"): 24, ("ben", "n2"): 15, ("ben", "n3"): 15}
        for (client, sign), ms in {**near_ms, ("ana", "n3"): 300, ("ben", "n1"): 300}.items():
            link(client, sign, delay_ms=(ms, ms))
        for sign in ("n2", "n3"):
            run.at(from_ms, partial(link, "box", sign, delay_ms=(250, 250)))

    return script
