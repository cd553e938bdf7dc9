"""Lab 05, given: the messages, and replicas and clients with the places that you fill in.

Part a, quorums of any size: Gifford, "Weighted voting for replicated data" (1979), and read repair
as in DeCandia and others, "Dynamo" (2007).  Part b, the atomic register: Attiya, Bar-Noy and
Dolev, "Sharing memory robustly in message-passing systems" (1995), with the tags for several
writers of Lynch and Shvartsman (1997).  Part c, stand-ins and hints: Dynamo again, section 4.6.

Left out: more registers than one, replicas that join or leave, and Dynamo's vector clocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


# -- messages of all parts -------------------------------------------------------------------------


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


# -- part a: N, R, W -------------------------------------------------------------------------------

PATIENCE_MS = 1_000
"""How long a client of this part waits for enough answers before it gives up."""

REPAIR = 0
"""The phase of an update that nobody waits for; clients number theirs from 1."""


class Shelf(Node):
    """One of N replicas: keeps the newest that it was told, in memory only, and answers everything."""

    def on_start(self) -> None:
        self.tag: Tag = NO_TAG
        self.value: str | None = None

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Query():
                self.send(source, QueryReply(message.phase, self.tag, self.value))
            case Update():
                self.tag, self.value = max((self.tag, self.value), (message.tag, message.value), key=_tag)
                self.send(source, UpdateReply(message.phase))
            case _:
                super().on_message(source, message)


def _tag(pair: tuple[Tag, str | None]) -> Tag:
    return pair[0]


class QuorumStore(Client):
    """Asks all N replicas; a write waits for W of them, a read for R.  It is the only one who writes."""

    r = w = 1
    on_confirmed = unwritten("5.1")
    on_answer = unwritten("5.2")

    def on_start(self) -> None:
        self.pending: Operation | None = None
        self.phase = 0
        self.replies: dict[NodeId, QueryReply | UpdateReply] = {}
        self.last: Tag = NO_TAG

    def on_invoke(self, operation: Operation) -> None:
        self.pending = operation
        if operation.f == "read":
            self.query()
        else:
            self.update((self.last[0] + 1, self.id))

    def on_message(self, source: NodeId, message: Any) -> None:
        if message.phase != self.phase:
            return  # an answer to what is over
        if self.pending is None:
            self.on_late(source, message)
        elif isinstance(message, UpdateReply):
            self.on_confirmed(source, message)
        else:
            self.on_answer(source, message)

    def on_late(self, source: NodeId, reply: QueryReply | UpdateReply) -> None:
        """One more answer, after the operation has ended: here it changes nothing."""

    def on_timer(self, name: str) -> None:
        """Too few have answered, and some replica may know the value or not: unknown."""
        self.give_up(self.pending)
        self.pending = None

    # -- to be called ------------------------------------------------------------------------

    def go_on(self, newest: QueryReply) -> None:
        """R replicas have answered, and this is the newest of their answers."""
        self.end(newest.value)

    def end(self, result: str | None = None) -> None:
        """End the pending operation: it took effect, with this result."""
        self.cancel_timer("patience")
        self.complete(self.pending, result)
        self.pending = None

    def query(self) -> None:
        """Ask all replicas what they have."""
        self._begin(Query(self.phase + 1))

    def update(self, tag: Tag) -> None:
        """Tell all replicas the value of the pending write, under this tag."""
        self.last = tag
        self._begin(Update(self.phase + 1, tag, self.pending.value))

    def _begin(self, request: Query | Update) -> None:
        self.phase, self.replies = request.phase, {}
        self.broadcast(request)
        self.set_timer("patience", PATIENCE_MS)


class SharedStore(QuorumStore):
    """The same beside other writers: a write first asks R replicas what is newest."""

    choose_tag = unwritten("5.3")

    def on_invoke(self, operation: Operation) -> None:
        self.pending = operation
        self.query()

    def go_on(self, newest: QueryReply) -> None:
        if self.pending.f == "read":
            self.end(newest.value)
        else:
            known = [self.last, *(reply.tag for reply in self.replies.values())]
            self.update(self.choose_tag(known))


class RepairingStore(SharedStore):
    """The same, and after a read it brings the replicas that lag behind up to date."""

    repair = unwritten("5.4")

    def go_on(self, newest: QueryReply) -> None:
        is_read = self.pending.f == "read"
        super().go_on(newest)
        if is_read:
            self.repair()

    def on_late(self, source: NodeId, reply: QueryReply | UpdateReply) -> None:
        if isinstance(reply, QueryReply):
            self.replies[source] = reply
            self.repair()


SIZES = [(r, w) for r in range(1, 6) for w in range(1, 6)]
"""R2W2 is the class RepairingStore with R = 2 and W = 2; ManyR2W2 is SharedStore, OneR2W2 QuorumStore."""
for _store, _prefix in ((QuorumStore, "One"), (SharedStore, "Many"), (RepairingStore, "")):
    for _r, _w in SIZES:
        _name = f"{_prefix}R{_r}W{_w}"
        globals()[_name] = type(_name, (_store,), {"r": _r, "w": _w, "__module__": __name__})


class FirstAnswer(Client):
    """The opening story: writes to all and reads from all, and believes whoever answers first."""

    def on_start(self) -> None:
        self.pending: Operation | None = None
        self.phase = 0

    def on_invoke(self, operation: Operation) -> None:
        self.pending, self.phase = operation, self.phase + 1
        tag = self.phase, self.id
        self.broadcast(
            Query(self.phase) if operation.f == "read" else Update(self.phase, tag, operation.value)
        )

    def on_message(self, source: NodeId, message: Any) -> None:
        if self.pending and message.phase == self.phase:
            self.complete(self.pending, message.value if isinstance(message, QueryReply) else None)
            self.pending = None


REGIONS = {
    "n1": "West Europe",
    "n2": "East US",
    "n3": "Japan East",
    "n4": "Brazil South",
    "n5": "Southeast Asia",
}
"""Where the replicas stand, unless a cell says otherwise."""

SALE = {"box": [("write", None, "on sale")], "kim": [("read",)] * 2}
"""The box office opens the sale; Kim looks twice."""


def across(places: Mapping[str, str]) -> Callable[[Any], None]:
    """A script: links as long as half of the measured round trip between the regions of their ends."""

    def script(run: Any) -> None:
        from labkit.datasets import one_way_ms

        for (one, other), ms in one_way_ms(places).items():
            run.network.set_link(one, other, delay_ms=(ms, ms))

    return script


# -- part b: the atomic register -----------------------------------------------------------------


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


# -- part b: the opening story ---------------------------------------------------------------------


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


# -- part c: stand-ins and hints ---------------------------------------------------------------------

HOMES = 3
"""N: the first so many replicas of the preference list are the value's homes."""

HANDOFF_MS = 100


@message
class HintedUpdate:
    """Keep this for `owner`, whom I cannot reach."""

    phase: int
    tag: tuple[int, str]
    value: str | None
    owner: str


@message
class Handoff:
    """I kept this for you."""

    tag: tuple[int, str]
    value: str | None


@message
class HandoffReply:
    """I have what you kept under `tag`, or something newer, on my disk."""

    tag: tuple[int, str]


class StandIn(Replica):
    """A replica that also keeps what belongs to others, in `hints`: owner to (tag, value).

    As long as it has hints it sends them home every HANDOFF_MS.  `hints` survives a crash.
    """

    keep_hint = unwritten("5.12")
    on_handoff_reply = unwritten("5.13")
    newest_held = unwritten("5.14")

    def on_start(self) -> None:
        super().on_start()
        self.hints: dict[NodeId, tuple[Tag, str | None]] = dict(self.storage.get("hints", ()))
        if self.hints:
            self.set_timer("handoff", HANDOFF_MS)

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Query():
                self.send(source, QueryReply(message.phase, *self.newest_held()))
            case HintedUpdate():
                self.keep_hint(source, message)
            case Handoff():
                self.on_handoff(source, message)
            case HandoffReply():
                self.on_handoff_reply(source, message)
            case _:
                super().on_message(source, message)

    def on_handoff(self, source: NodeId, handoff: Handoff) -> None:
        """Somebody kept a write for this replica."""
        if handoff.tag > self.tag:
            self.tag, self.value = handoff.tag, handoff.value
            self.storage.save(tag=self.tag, value=self.value)
        self.send(source, HandoffReply(handoff.tag))

    def on_timer(self, name: str) -> None:
        """Send every hint to its owner, who may be back; it stays here until it is confirmed."""
        for owner, (tag, value) in self.hints.items():
            self.send(owner, Handoff(tag, value))
        if self.hints:
            self.set_timer("handoff", HANDOFF_MS)

    def save_hints(self) -> None:
        """Put `self.hints` on the disk."""
        self.storage.save(hints=tuple(sorted(self.hints.items())))


class SloppyStore(Client):
    """Asks the first N healthy replicas of the preference list, and waits for R or W of them.

    A replica that has not answered within RETRY_MS is taken for down until the operation ends.
    Writes ask first what is newest, as in part a.
    """

    r = w = 2
    targets = unwritten("5.11")

    def on_start(self) -> None:
        self.pending: Operation | None = None
        self.phase, self.tries = 0, 0
        self.suspects: set[NodeId] = set()
        self.asked: dict[NodeId, NodeId | None] = {}
        self.replies: dict[NodeId, QueryReply | UpdateReply] = {}
        self.tag: Tag | None = None
        self.last = 0

    def on_invoke(self, operation: Operation) -> None:
        self.pending, self.suspects, self.tries = operation, set(), 0
        self._begin(None)

    def on_message(self, source: NodeId, message: Any) -> None:
        if self.pending is None or message.phase != self.phase:
            return
        self.replies[source] = message
        if len(self.replies) == (self.r if self.tag is None else self.w):
            self._go_on()

    def on_timer(self, name: str) -> None:
        self.suspects.update(node for node in self.targets() if node not in self.replies)
        self.tries += 1
        if self.tries == TRIES_MAX:
            self.give_up(self.pending)
            self.pending = None
        else:
            self._ask()

    def _begin(self, tag: Tag | None) -> None:
        """A new phase: a query, or an update under this tag."""
        self.phase, self.tag, self.replies, self.asked = self.phase + 1, tag, {}, {}
        self._ask()

    def _ask(self) -> None:
        for node, owner in self.targets().items():
            if node not in self.replies or self.asked[node] != owner:
                self.asked[node] = owner
                self.send(node, self._request(owner))
        self.set_timer("retry", RETRY_MS)

    def _request(self, owner: NodeId | None) -> Query | Update | HintedUpdate:
        if self.tag is None:
            return Query(self.phase)
        if owner is None:
            return Update(self.phase, self.tag, self.pending.value)
        return HintedUpdate(self.phase, self.tag, self.pending.value, owner)

    def _go_on(self) -> None:
        if self.tag is None and self.pending.f == "write":
            highest = max(reply.tag[0] for reply in self.replies.values())
            self.last = max(highest, self.last) + 1
            self._begin((self.last, self.id))
            return
        newest = max(self.replies.values(), key=lambda reply: reply.tag) if self.tag is None else None
        self.cancel_timer("retry")
        self.complete(self.pending, newest.value if newest else None)
        self.pending = None


class SafeStore(SloppyStore):
    """Reads from one, and writes to all N, stand-ins included."""

    r, w = 1, HOMES


class StrictStore(SloppyStore):
    """Asks the homes, whether they answer or not: the quorums of part a."""

    def targets(self) -> dict[NodeId, NodeId | None]:
        return dict.fromkeys(self.peers[:HOMES])


CART = {
    "ana": [("write", None, "1 book"), ("read",), ("write", None, "2 books"), ("read",)],
}
"""Ana fills her cart and looks into it."""


def cut_off(begin_ms: float, end_ms: float, *side: str) -> Callable[[Any], None]:
    """A script: for a time, these members cannot reach the others."""

    def script(run: Any) -> None:
        rest = [id for id, _ in run.system.members if id not in side]
        run.at(begin_ms, run.partition, side, rest).at(end_ms, run.heal)

    return script
