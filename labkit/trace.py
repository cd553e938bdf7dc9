"""What happened in one run, event by event, whichever runtime ran it.

A trace is a flat list.  An event that starts a handler (``start``, ``deliver``, ``timer``,
``invoke``) is followed by that handler's effects, in program order, because a handler is
atomic; so the cause of an effect is the nearest such event before it on the same node.

=============  =========================================  ==================  ===========
kind           what happened at ``node``                  ``data``            ``peer``
=============  =========================================  ==================  ===========
start          it booted; ``id`` counts its lives from 1
deliver        a message arrived; ``id`` is the sending   the message         its source
timer          a timer fired                              its name
invoke         a client was asked for operation ``id``    (f, key, value)
send           it sent a message, numbered ``id``         the message         destination
save           it saved to storage                        {name: value}
sync           it forced its storage to the disk
set_timer      it set a timer                             (name, least, most)
cancel_timer   it cancelled a timer                       its name
ok fail info   operation ``id`` ended                     its result
fact           it stated a fact                           (key, value)
print          it printed                                 the text
error          a handler raised; nothing after it ran     the text
drop           message ``id`` was lost on its way here    the message         its source
crash          it died; ``id`` effects had been done      None or "within"
pause resume   it stopped and went on
net            links changed; ``node`` is ""              the text
note           anything else worth a line                 the text
=============  =========================================  ==================  ===========

Times are microseconds, virtual or measured; None where a schedule has no time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from labkit.message import NodeId, canonical, decode, encode
from labkit.plain import words

HANDLERS = ("start", "deliver", "timer", "invoke")


class Event(NamedTuple):
    """One thing that happened; see the table above."""

    time_us: int | None
    kind: str
    node: NodeId
    peer: NodeId | None = None
    data: Any = None
    id: int = 0

    def __str__(self) -> str:
        when = "" if self.time_us is None else f"{self.time_us / 1000:10.3f} ms  "
        return f"{when}{_SENTENCES.get(self.kind, _plainly)(self)}"


class Trace:
    """The events of one run, in order, over the given nodes (servers first, then clients)."""

    __slots__ = ("nodes", "rows")

    def __init__(self, nodes: Iterable[NodeId], rows: list[tuple[Any, ...]] | None = None) -> None:
        self.nodes = tuple(nodes)
        self.rows: list[tuple[Any, ...]] = [] if rows is None else rows

    def __iter__(self) -> Iterator[Event]:
        return map(Event._make, self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Event:
        return Event._make(self.rows[index])

    def of_kind(self, *kinds: str) -> list[Event]:
        """The events of these kinds, in order."""
        return [event for event in self if event.kind in kinds]

    def text(self, last: int | None = None) -> str:
        """A line an event; only the `last` so many, if given."""
        rows = self.rows if last is None else self.rows[-last:]
        return "\n".join(str(Event._make(row)) for row in rows)

    def digest(self) -> str:
        """A hash of everything that happened: equal for equal runs, in any process."""
        lines = "\n".join(canonical(line) for line in self.encoded())
        return hashlib.sha256(lines.encode()).hexdigest()

    def encoded(self) -> list[list[Any]]:
        """The events as plain JSON values, in order."""
        return [[e.time_us, e.kind, e.node, e.peer, encode(_storable(e.data)), e.id] for e in self]

    @classmethod
    def from_encoded(cls, nodes: Iterable[NodeId], events: Any, classes: Mapping[str, type]) -> Trace:
        """The inverse of ``encoded``; messages are built from `classes`.  ValueError if it is not a trace."""
        try:
            return cls(nodes, [_row(*line, classes=classes) for line in events])
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a trace: {error}") from error

    def to_frame(self) -> Any:
        """One row an event, as a pandas frame; times in milliseconds."""
        import pandas

        rows = [(None if e.time_us is None else e.time_us / 1000, *e[1:]) for e in self]
        return pandas.DataFrame(rows, columns=["time_ms", *Event._fields[1:]])


def _row(
    time_us: Any, kind: str, node: str, peer: Any, data: Any, id: int, *, classes: Any
) -> tuple[Any, ...]:
    value = decode(data, classes)
    return time_us, kind, node, peer, dict(value) if kind == "save" else value, id


def _storable(data: Any) -> Any:
    return tuple(sorted(data.items())) if isinstance(data, dict) else data


def _plainly(event: Event) -> str:
    about = "" if event.data is None else f" {event.data}"
    return f"{event.node or 'network'} {event.kind}{about}"


_SENTENCES = {
    "start": lambda e: f"{e.node} {'boots' if e.id == 1 else 'restarts'}",
    "deliver": lambda e: f"{e.peer} → {e.node}  {e.data}",
    "send": lambda e: f"    {e.node} sends {e.peer} {e.data}",
    "drop": lambda e: f"{e.peer} ✗ {e.node}  {e.data} is lost",
    "timer": lambda e: f"{e.node} timer {e.data}",
    "save": lambda e: "    " + f"{e.node} saves " + ", ".join(f"{k}={words(v)}" for k, v in e.data.items()),
    "set_timer": lambda e: f"    {e.node} sets timer {e.data[0]}",
    "fact": lambda e: f"    {e.node} states {words(e.data[0])} = {words(e.data[1])}",
    "crash": lambda e: f"{e.node} crashes" + (f" after {e.id} effects" if e.data == "within" else ""),
    "invoke": lambda e: (
        f"{e.node} is asked {e.data[0]}({', '.join(repr(v) for v in e.data[1:] if v is not None)})"
    ),
    "ok": lambda e: f"    {e.node} has its answer: {words(e.data)}",
    "net": lambda e: f"network: {e.data}",
}
