"""Lab 06, given: what replicas that all take writes keep, say to each other, and merge.

Version vectors are those of Parker and others (1983), dotted ones those of Preguiça, Baquero,
Almeida and others (2010); the replicated data types are those of Shapiro and others (2011), the
set without tombstones that of Bieniusa and others (2012), the sequence the one of Roh and others
(2011) in the form of a tree; transformation is that of Ellis and Gibbs (1989), for two editors.

Left out: replicas that join or leave, forgetting what is deleted, and three editors at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cache
from typing import Any, ClassVar

from labkit import Client, Node, NodeId, Operation, message, unwritten

GOSSIP_MS, PATIENCE_MS = 40, 150

Pairs = tuple[tuple[str, int], ...]
"""A map as plain data: (name, number) pairs, sorted by name."""

Value = str | Pairs | None
"""What is kept under a key: a text, or a map; None is what nobody has written, or a deletion."""


def as_pairs(numbers: Mapping[str, int]) -> Pairs:
    """A dict as plain data; ``dict(pairs)`` is the way back.

    >>> as_pairs({"n2": 1, "n1": 3})
    (('n1', 3), ('n2', 1))
    """
    return tuple(sorted(numbers.items()))


def call_method(value: Any, method: str, *given: Any) -> Any:
    """How checks call a method of a value, wherever the program that they judge is."""
    return getattr(value, method)(*given)


# -- part A: clocks and versions -------------------------------------------------------------------


@message
class VersionVector:
    """How many writes of each replica are known: all of n1's up to the third, n2's first."""

    counts: tuple[tuple[str, int], ...] = ()

    def of(self, replica: NodeId) -> int:
        """How many of this replica's writes; 0 if none."""
        return dict(self.counts).get(replica, 0)

    def replicas(self) -> list[NodeId]:
        """The replicas of which at least one write is known."""
        return [replica for replica, _ in self.counts]

    def with_count(self, replica: NodeId, number: int) -> VersionVector:
        """The same, knowing at least `number` writes of `replica`."""
        return VersionVector(as_pairs({**dict(self.counts), replica: max(number, self.of(replica))}))

    def join(self, other: VersionVector) -> VersionVector:
        """What one of the two knows."""
        joined = self
        for replica, number in other.counts:
            joined = joined.with_count(replica, number)
        return joined


@message
class Arrived:
    """The opening story's policy: whatever came last is the value."""

    value: str | tuple[tuple[str, int], ...] | None = None

    def put(self, replica: NodeId, context: VersionVector, value: Value, time_ms: int) -> Arrived:
        return Arrived(value)

    def merge(self, other: Arrived) -> Arrived:
        return other

    def values(self) -> tuple[Value, ...]:
        return () if self.value is None else (self.value,)

    def context(self) -> VersionVector:
        return VersionVector()


@message
class Stamped:
    """A value, with the time on its writer's clock and the writer's id: last writer wins."""

    time_ms: int = 0
    writer: str = ""
    value: str | tuple[tuple[str, int], ...] | None = None

    merge = unwritten("6.1")

    def put(self, replica: NodeId, context: VersionVector, value: Value, time_ms: int) -> Stamped:
        return self.merge(Stamped(time_ms, replica, value))

    def values(self) -> tuple[Value, ...]:
        return () if self.value is None else (self.value,)

    def context(self) -> VersionVector:
        return VersionVector()


@message
class Version:
    """A value, and all writes that it rests on, its own among them."""

    vector: VersionVector
    value: str | tuple[tuple[str, int], ...] | None


@message
class Siblings:
    """The versions of one key that replace each other in neither direction."""

    versions: frozenset[Version] = frozenset()

    merge = unwritten("6.2")

    def put(self, replica: NodeId, context: VersionVector, value: Value, time_ms: int) -> Siblings:
        """`replica` counts one write more, on top of what the writer had read."""
        vector = context.with_count(replica, self.context().of(replica) + 1)
        return self.merge(Siblings(frozenset({Version(vector, value)})))

    def values(self) -> tuple[Value, ...]:
        return tuple(v.value for v in sorted(self.versions, key=lambda v: v.vector.counts))

    def context(self) -> VersionVector:
        return joined(version.vector for version in self.versions)


@message
class Dotted:
    """A value, its own write (the dot: the `number`-th of `replica`), and what its writer had read."""

    replica: str
    number: int
    past: VersionVector
    value: str | tuple[tuple[str, int], ...] | None

    def is_known_to(self, vector: VersionVector) -> bool:
        """Is this write among those that `vector` counts?"""
        return self.number <= vector.of(self.replica)


@message
class DottedSiblings:
    """The versions of one key, of which none was written by somebody who had read another."""

    versions: frozenset[Dotted] = frozenset()

    put = unwritten("6.3")

    def merge(self, other: DottedSiblings) -> DottedSiblings:
        """All versions of both, without those that another one's writer had read."""
        both = self.versions | other.versions
        read = joined(version.past for version in both)
        return DottedSiblings(frozenset(v for v in both if not v.is_known_to(read)))

    def values(self) -> tuple[Value, ...]:
        return tuple(v.value for v in sorted(self.versions, key=lambda v: (v.replica, v.number)))

    def context(self) -> VersionVector:
        """All writes that are known here: the dots, and what their writers had read."""
        known = joined(version.past for version in self.versions)
        for version in self.versions:
            known = known.with_count(version.replica, version.number)
        return known


def joined(vectors: Iterable[VersionVector]) -> VersionVector:
    """What at least one of these vectors knows."""
    known = VersionVector()
    for vector in vectors:
        known = known.join(vector)
    return known


# -- part A: the store -----------------------------------------------------------------------------


@message
class Get:
    """What is under this key?"""

    number: int
    key: str


@message
class Got:
    """All values that a key has, and what their reader has read by that; the answer to `number`."""

    number: int
    key: str
    values: tuple[str | tuple[tuple[str, int], ...] | None, ...]
    context: VersionVector

    resolved = unwritten("6.4")


@message
class Put:
    """Write `value`, in place of whatever `context` counts."""

    number: int
    key: str
    value: str | tuple[tuple[str, int], ...] | None
    context: VersionVector


@message
class PutDone:
    """The write is on my disk."""

    number: int


@message
class Share:
    """What I have under this key: merge it into yours."""

    key: str
    state: Arrived | Stamped | Siblings | DottedSiblings


class Store(Node):
    """One of several replicas that all take writes, at once and without asking the others.

    ``policy`` says what is kept under a key: it can ``put``, ``merge``, and name its ``values``.
    """

    policy: ClassVar[type] = DottedSiblings

    def on_start(self) -> None:
        self.data: dict[str, Any] = dict(self.storage.get("data", ()))
        self.done: dict[NodeId, int] = dict(self.storage.get("done", ()))
        self.turn = 0
        self.set_timer("gossip", GOSSIP_MS)

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Get():
                state = self.state(message.key)
                self.send(source, Got(message.number, message.key, state.values(), state.context()))
            case Put():
                if message.number > self.done.get(source, 0):  # else a copy
                    self.done[source] = message.number
                    self.take(message)
                self.send(source, PutDone(message.number))
            case Share():
                self.keep(message.key, self.state(message.key).merge(message.state))
            case _:
                super().on_message(source, message)

    def on_timer(self, name: str) -> None:
        """Tell the next peer everything, in case it has missed something."""
        if self.peers:
            self.turn += 1
            for key in sorted(self.data):
                self.send(self.peers[self.turn % len(self.peers)], Share(key, self.data[key]))
        self.set_timer("gossip", GOSSIP_MS)

    def take(self, put: Put) -> None:
        """A write of a client: on the disk first, then on its way to the others."""
        state = self.state(put.key).put(self.id, put.context, put.value, self.time_ms())
        self.data[put.key] = state
        self.save()
        self.broadcast(Share(put.key, state))

    def state(self, key: str) -> Any:
        """What is kept under this key."""
        return self.data.get(key, self.policy())

    def keep(self, key: str, state: Any) -> None:
        """Keep `state` under `key`, over crashes."""
        if state != self.state(key):
            self.data[key] = state
            self.save()

    def save(self) -> None:
        """Everything that must survive a crash, in one save."""
        self.storage.save(data=tuple(sorted(self.data.items())), done=as_pairs(self.done))

    def time_ms(self) -> int:
        """Only last-writer-wins asks a clock."""
        return 0


class LastWriterStore(Store):
    """Keeps the value with the latest time."""

    policy = Stamped

    def time_ms(self) -> int:
        return round(self.now_ms)


class VectorStore(Store):
    """Keeps siblings, told apart by version vectors."""

    policy = Siblings


class NaiveStore(Store):
    """Keeps what came last."""

    policy = Arrived


class Requester(Client):
    """Asks one replica only, the one with its own number, and gives up after a while."""

    def on_start(self) -> None:
        number = int(self.id[1:]) if self.id[1:].isdigit() else 1
        self.home = self.peers[(number - 1) % len(self.peers)]
        self.number = 0
        self.pending: Operation | None = None

    def request(self, make: type, *given: Any) -> None:
        """Send a numbered request to the home replica."""
        self.number += 1
        self.send(self.home, make(self.number, *given))
        self.set_timer("patience", PATIENCE_MS)

    def is_late(self, number: int) -> bool:
        """Is this the number of a request that nobody waits for any more?"""
        return self.pending is None or number != self.number

    def end(self, result: Any = None) -> None:
        """The pending operation took effect."""
        self.cancel_timer("patience")
        operation, self.pending = self.pending, None
        self.complete(operation, result)

    def on_timer(self, name: str) -> None:
        operation, self.pending = self.pending, None
        self.give_up(operation)


class Writer(Requester):
    """``get`` remembers what it has read; ``put`` writes in place of exactly that."""

    def on_start(self) -> None:
        super().on_start()
        self.contexts: dict[str, VersionVector] = {}

    def on_invoke(self, operation: Operation) -> None:
        self.pending = operation
        if operation.f == "put":
            context = self.contexts.get(operation.key, VersionVector())
            self.request(Put, operation.key, operation.value, context)
        else:
            self.request(Get, operation.key)

    def on_message(self, source: NodeId, message: Any) -> None:
        if self.is_late(message.number):
            return
        if isinstance(message, Got):
            self.contexts[message.key] = message.context
        self.on_answer(message)

    def on_answer(self, answer: Got | PutDone) -> None:
        self.end(answer.values if isinstance(answer, Got) else None)


class Shopper(Writer):
    """``add`` reads, resolves, changes one number of the map, and writes it back."""

    def on_answer(self, answer: Got | PutDone) -> None:
        if self.pending.f != "add" or isinstance(answer, PutDone):
            super().on_answer(answer)
            return
        name, number = self.pending.value
        changed = dict(answer.resolved() or ())
        changed[name] = changed.get(name, 0) + number
        self.request(Put, answer.key, as_pairs(changed), answer.context)


def held(run: Any, key: str) -> dict[NodeId, tuple[Value, ...]]:
    """The values that each replica of a run has under `key`; () where there is nothing."""
    views = {id: dict(run.observe(id).get("data", ())) for id in run.system.node_ids}
    return {id: data[key].values() if key in data else () for id, data in views.items()}


def unread(history: Iterable[Operation], key: str) -> set[Value]:
    """The confirmed values of `key` that nobody who had read them has overwritten: they must be there."""
    read: dict[NodeId, set[Value]] = {}
    confirmed: set[Value] = set()
    overwritten: set[Value] = set()
    for op in history:
        if op.key == key and op.f == "get" and op.outcome == "ok":
            read[op.client] = set(op.result)
        elif op.key == key and op.f == "put":
            overwritten |= read.get(op.client, set())
            confirmed |= {op.value} if op.outcome == "ok" else set()
    return confirmed - overwritten


def outage(from_ms: float, to_ms: float, slow_clock: NodeId = "") -> Any:
    """A script: no two replicas of three reach each other for a while; one clock may be slow."""

    def script(run: Any) -> None:
        if slow_clock:
            run.set_clock(slow_clock, skew_ms=-500)
        alone = [(id, "c" + id[1:]) for id in run.system.node_ids]
        run.at(from_ms, run.partition, *alone).at(to_ms, run.heal)

    return script


def loss_chart(rows: Iterable[Mapping[str, Any]], title: str) -> Any:
    """What each policy did to the same confirmed writes: rows of policy, fate and count."""
    from labkit.figures.vega import enable, finished, tooltip

    rows, alt = list(rows), enable()
    policies, fates = (list(dict.fromkeys(row[name] for row in rows)) for name in ("policy", "fate"))
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("fate:N", title=None, sort=fates, axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("policy:N", title=None, sort=policies, axis=alt.Axis(labelLimit=260)),
        tooltip=tooltip(rows),
    )
    cells = base.mark_rect().encode(color=alt.Color("count:Q", scale=alt.Scale(scheme="oranges"), legend=None))
    numbers = base.mark_text(fontSize=13).encode(text="count:Q")
    return finished(alt.layer(cells, numbers), rows, title, width=alt.Step(120), height=alt.Step(30))


# -- part B: replicated data types -----------------------------------------------------------------


@message
class Counter:
    """A number that all may change: how much each replica has added, and how much it has taken.

    Both halves only grow.  A replica changes only its own entries.
    """

    added: tuple[tuple[str, int], ...] = ()
    taken: tuple[tuple[str, int], ...] = ()

    merge = unwritten("6.5")

    def change(self, replica: NodeId, f: str, key: Any, amount: int, time_ms: int) -> Counter:
        """``add`` the amount, which may be negative."""
        added, taken = dict(self.added), dict(self.taken)
        half = added if amount >= 0 else taken
        half[replica] = half.get(replica, 0) + abs(amount)
        return Counter(as_pairs(added), as_pairs(taken))

    def read(self) -> int:
        return sum(dict(self.added).values()) - sum(dict(self.taken).values())


@message
class Tag:
    """One adding of an element: the `number`-th by `replica`."""

    element: str
    replica: str
    number: int

    def is_known_to(self, vector: VersionVector) -> bool:
        """Is this adding among those that `vector` counts?"""
        return self.number <= vector.of(self.replica)


@message
class ObservedRemoveSet:
    """The tags that are alive, and how many addings of each replica are known, removed ones too."""

    tags: frozenset[Tag] = frozenset()
    known: VersionVector = VersionVector()

    merge = unwritten("6.6")

    def change(self, replica: NodeId, f: str, key: Any, element: str, time_ms: int) -> ObservedRemoveSet:
        """``add`` puts one new tag in place of the element's; ``remove`` takes away those seen here."""
        others = frozenset(tag for tag in self.tags if tag.element != element)
        if f == "remove":
            return ObservedRemoveSet(others, self.known)
        number = self.known.of(replica) + 1
        new = Tag(element, replica, number)
        return ObservedRemoveSet(others | {new}, self.known.with_count(replica, number))

    def read(self) -> tuple[str, ...]:
        return tuple(sorted({tag.element for tag in self.tags}))


@message
class LastWriterMap:
    """A stamped value for each key, sorted by key.  A deleted key keeps its stamp: its value is None."""

    entries: tuple[tuple[str, Stamped], ...] = ()

    put = unwritten("6.7")

    def change(self, replica: NodeId, f: str, key: str, value: Value, time_ms: int) -> LastWriterMap:
        """``put`` a value; ``remove`` is to put None."""
        return self.put(key, value if f == "put" else None, time_ms, replica)

    def merge(self, other: LastWriterMap) -> LastWriterMap:
        """For each key, the last writer's entry."""
        by_stamp = sorted((*self.entries, *other.entries), key=lambda entry: (entry[1].time_ms, entry[1].writer))
        return LastWriterMap(tuple(sorted(dict(by_stamp).items(), key=lambda entry: entry[0])))

    def read(self) -> tuple[tuple[str, Value], ...]:
        return tuple((key, stamped.value) for key, stamped in self.entries if stamped.value is not None)


CellId = tuple[int, str]
"""A number higher than any that its replica knew, and the replica: (3, "n1")."""

START: CellId = (0, "")
"""What the first character of a text stands after."""


@message
class Cell:
    """A character, its id, and the id of the one after which it was typed."""

    id: tuple[int, str]
    after: tuple[int, str]
    character: str


@message
class Text:
    """All cells ever typed, in no order, and the ids of those that were deleted."""

    cells: frozenset[Cell] = frozenset()
    deleted: frozenset[tuple[int, str]] = frozenset()

    order = unwritten("6.8")

    def change(self, replica: NodeId, f: str, position: int, character: str, time_ms: int) -> Text:
        """``insert`` a character before `position`, or ``delete`` the one there, if there is one."""
        order = self.order()
        position = min(position, len(order) if f == "insert" else len(order) - 1)
        if f == "insert":
            after = order[position - 1] if position else START
            id = (1 + max((cell.id[0] for cell in self.cells), default=0), replica)
            return Text(self.cells | {Cell(id, after, character)}, self.deleted)
        return Text(self.cells, self.deleted | set(order[position : position + 1]))

    def merge(self, other: Text) -> Text:
        return Text(self.cells | other.cells, self.deleted | other.deleted)

    def read(self) -> str:
        characters = {cell.id: cell.character for cell in self.cells}
        return "".join(characters[id] for id in self.order())


@message
class Ask:
    """Change your state by `f`, or ``read`` it."""

    number: int
    f: str
    key: str | int | None
    value: str | int | tuple[tuple[str, int], ...] | None


@message
class Answer:
    """Done; the result, if it was a read."""

    number: int
    result: Any


@message
class State:
    """My whole state: merge it into yours."""

    state: Counter | ObservedRemoveSet | LastWriterMap | Text


class Replicated(Node):
    """A replica of one data type: changes at home, tells the others its state, merges theirs."""

    empty: ClassVar[Any] = Counter()

    def on_start(self) -> None:
        self.state: Any = self.storage.get("state", self.empty)
        self.done: dict[NodeId, int] = dict(self.storage.get("done", ()))
        self.turn = 0
        self.set_timer("gossip", GOSSIP_MS)

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Ask(f="read"):
                self.send(source, Answer(message.number, self.state.read()))
            case Ask():
                if message.number > self.done.get(source, 0):  # else a copy
                    self.done[source] = message.number
                    self.take(message)
                self.send(source, Answer(message.number, None))
            case State():
                self.keep(self.state.merge(message.state))
            case _:
                super().on_message(source, message)

    def on_timer(self, name: str) -> None:
        """Tell the next peer everything, in case it has missed something."""
        if self.peers:
            self.turn += 1
            self.send(self.peers[self.turn % len(self.peers)], State(self.state))
        self.set_timer("gossip", GOSSIP_MS)

    def take(self, ask: Ask) -> None:
        """A change by a client: on the disk first, then on its way to the others."""
        self.state = self.state.change(self.id, ask.f, ask.key, ask.value, self.time_ms())
        self.save()
        self.broadcast(State(self.state))

    def keep(self, state: Any) -> None:
        """Have this state from now on, over crashes."""
        if state != self.state:
            self.state = state
            self.save()

    def save(self) -> None:
        """Everything that must survive a crash, in one save."""
        self.storage.save(state=self.state, done=as_pairs(self.done))

    def time_ms(self) -> int:
        """Only the map asks a clock."""
        return 0


class SetReplica(Replicated):
    """A replica of a set."""

    empty = ObservedRemoveSet()


class MapReplica(Replicated):
    """A replica of a map."""

    empty = LastWriterMap()

    def time_ms(self) -> int:
        return round(self.now_ms)


class TextReplica(Replicated):
    """A replica of a text."""

    empty = Text()


class Caller(Requester):
    """Passes each operation to its home replica, as it is."""

    def on_invoke(self, operation: Operation) -> None:
        self.pending = operation
        self.request(Ask, operation.f, operation.key, operation.value)

    def on_message(self, source: NodeId, message: Any) -> None:
        if not self.is_late(message.number):
            self.end(message.result)


# -- part C: two editors ---------------------------------------------------------------------------


class Kind(Enum):
    """What an edit does."""

    INSERT = "insert"
    DELETE = "delete"


@message
class Edit:
    """One character more before `position`, or the one at `position` less; typed at `site`."""

    kind: Kind
    position: int
    character: str
    site: str

    transform = unwritten("6.9")

    def moved(self, by: int) -> Edit:
        """The same edit, `by` places to the right."""
        return Edit(self.kind, self.position + by, self.character, self.site)

    def applied(self, text: str) -> str:
        """`text` after this edit."""
        if self.kind is Kind.INSERT:
            return text[: self.position] + self.character + text[self.position :]
        return text[: self.position] + text[self.position + 1 :]


def insert(position: int, character: str, site: str = "n1") -> Edit:
    """An edit that inserts."""
    return Edit(Kind.INSERT, position, character, site)


def delete(position: int, site: str = "n1") -> Edit:
    """An edit that deletes."""
    return Edit(Kind.DELETE, position, "", site)


@message
class Typed:
    """My edit `number`, made when I had applied `seen` of yours; None if nothing is left of it."""

    number: int
    seen: int
    edit: Edit | None


@message
class Seen:
    """I have applied `count` of your edits."""

    count: int


class Editor(Node):
    """One of two editors of a text, after Jupiter (Nichols and others, 1995).  Forgets all in a crash.

    ``pending`` holds its own edits, from number ``sent`` - len(pending) on, that the other may not
    have applied yet.  What arrives was made without them, so each is transformed against the other.
    """

    def on_start(self) -> None:
        self.text, self.sent, self.seen = "", 0, 0
        self.pending: list[Edit | None] = []
        self.done: dict[NodeId, int] = {}
        self.set_timer("again", GOSSIP_MS)

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Ask():
                if message.number > self.done.get(source, 0):  # else a copy
                    self.done[source] = message.number
                    self.on_ask(message)
                self.send(source, Answer(message.number, self.text if message.f == "read" else None))
            case Typed():
                self.forget(message.seen)
                knows_what_is_forgotten = message.seen >= self.sent - len(self.pending)
                if message.number == self.seen and knows_what_is_forgotten:
                    self.receive(message.edit)  # else a copy, or overtaken by a later one
                self.send(source, Seen(self.seen))
            case Seen():
                self.forget(message.count)
            case _:
                super().on_message(source, message)

    def on_ask(self, ask: Ask) -> None:
        """The user types: ``insert`` or ``delete``."""
        last = len(self.text) - (ask.f == "delete")
        position = min(ask.key or 0, last)
        if ask.f == "insert":
            self.type(insert(position, str(ask.value), self.id))
        elif ask.f == "delete" and position >= 0:
            self.type(delete(position, self.id))

    def type(self, edit: Edit) -> None:
        """Apply one's own edit at once, and tell the other."""
        self.text = edit.applied(self.text)
        self.pending.append(edit)
        self.broadcast(Typed(self.sent, self.seen, edit))
        self.sent += 1

    def receive(self, edit: Edit | None) -> None:
        """Apply the other's edit as it must look after all that it did not know of."""
        for place, mine in enumerate(self.pending):
            if edit is not None and mine is not None:
                edit, self.pending[place] = edit.transform(mine), mine.transform(edit)
        self.text = edit.applied(self.text) if edit else self.text
        self.seen += 1

    def forget(self, seen: int) -> None:
        """The other has applied `seen` edits of this one."""
        first = self.sent - len(self.pending)
        del self.pending[: max(0, seen - first)]

    def on_timer(self, name: str) -> None:
        """Say again what the other may have missed, as it looks by now."""
        first = self.sent - len(self.pending)
        for place, edit in enumerate(self.pending):
            self.broadcast(Typed(first + place, self.seen, edit))
        self.set_timer("again", GOSSIP_MS)


class NaiveEditor(Editor):
    """The opening story: edits are applied wherever they say."""

    def receive(self, edit: Edit | None) -> None:
        self.text = edit.applied(self.text) if edit else self.text
        self.seen += 1


# -- part C: repair by hash ------------------------------------------------------------------------

DEPTH = 8
"""The levels of a hash tree below its root: 256 buckets."""


def digest(*parts: str) -> str:
    """A hash of these texts, in this order: 16 characters."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@cache
def bucket_of(key: str) -> int:
    """In which of the 256 buckets a key belongs, on every replica."""
    return int(digest(key)[:4], 16) >> (16 - DEPTH)


Tree = tuple[tuple[str, ...], ...]
"""Levels of hashes: ``tree[0]`` has the root, ``tree[level]`` has 2 ** level, ``tree[DEPTH]`` the leaves."""


@message
class Shelf:
    """All that a replica keeps: the version number of each key, sorted by key."""

    items: tuple[tuple[str, int], ...] = ()

    tree = unwritten("6.10")

    def buckets(self) -> list[Pairs]:
        """The items of each of the 256 buckets, sorted by key; most buckets of a small shelf are empty."""
        found: list[list[tuple[str, int]]] = [[] for _ in range(2**DEPTH)]
        for item in self.items:
            found[bucket_of(item[0])].append(item)
        return [tuple(items) for items in found]


@message
class Hashes:
    """My hashes at these places of this level: (place, hash) pairs, sorted.  Which differ from yours?"""

    level: int
    hashes: tuple[tuple[int, str], ...]


@message
class Items:
    """All that I have in these buckets; if ``back``, send me what you have newer in them."""

    buckets: tuple[int, ...]
    items: tuple[tuple[str, int], ...]
    back: bool


class MerkleStore(Node):
    """Keeps the highest version of each key, and repairs differences with a peer now and then."""

    on_hashes = unwritten("6.11")

    def on_start(self) -> None:
        self.items: dict[str, int] = dict(self.storage.get("items", ()))
        self.turn = 0
        self.set_timer("repair", GOSSIP_MS)

    def on_message(self, source: NodeId, message: Any) -> None:
        match message:
            case Hashes():
                self.on_hashes(source, message)
            case Items():
                self.on_items(source, message)
            case Ask(f="put"):
                self.keep({message.key: message.value})
                self.send(source, Answer(message.number, None))
            case Ask(f="load"):
                self.keep(dict(message.value or ()))
                self.send(source, Answer(message.number, None))
            case Ask(f="read"):
                self.send(source, Answer(message.number, as_pairs(self.items)))
            case _:
                super().on_message(source, message)

    def on_items(self, source: NodeId, message: Items) -> None:
        """Keep what is newer; send back what is newer here, if asked."""
        theirs, buckets = dict(message.items), self.shelf().buckets()
        mine = [item for number in message.buckets for item in buckets[number]]
        newer = as_pairs({key: version for key, version in mine if version > theirs.get(key, 0)})
        self.keep(theirs)
        if message.back and newer:
            self.send(source, Items(message.buckets, newer, False))

    def on_timer(self, name: str) -> None:
        """Begin a repair with the next peer: is your root the same as mine?"""
        if self.peers:
            self.turn += 1
            root = self.shelf().tree()[0][0]
            self.send(self.peers[self.turn % len(self.peers)], Hashes(0, ((0, root),)))
        self.set_timer("repair", GOSSIP_MS)

    def shelf(self) -> Shelf:
        """What is kept, as a value."""
        return Shelf(as_pairs(self.items))

    def keep(self, items: Mapping[str, int]) -> None:
        """Take these versions, where they are higher."""
        newer = {key: version for key, version in items.items() if version > self.items.get(key, 0)}
        if newer:
            self.items.update(newer)
            self.storage.save(items=as_pairs(self.items))


class CopyAllStore(MerkleStore):
    """Repairs by sending everything."""

    def on_timer(self, name: str) -> None:
        if self.peers:
            self.turn += 1
            peer = self.peers[self.turn % len(self.peers)]
            self.send(peer, Items(tuple(range(2**DEPTH)), as_pairs(self.items), True))
        self.set_timer("repair", GOSSIP_MS)


def repair_cost(run: Any) -> dict[str, int]:
    """How many hashes and how many items the replicas of a run, here or in processes, have sent each other."""
    sent = [(type(event.data).__name__, event.data) for event in run.trace if event.kind == "send"]
    hashes = sum(len(message.hashes) for name, message in sent if name == "Hashes")
    return {"hashes": hashes, "items": sum(len(message.items) for name, message in sent if name == "Items")}
