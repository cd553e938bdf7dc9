"""From the logs of many nodes to one trace and one history, and to a file and back.

Rows are merged by hybrid logical time: an effect never stands before its cause, and each
node's own order is kept.  Clients' events are ordered by their machine's clock alone, for the
history claims only what is certain (``host.clients``).  A cut at time T holds every row that
any other row in it depends on, because a row is in its file before its message leaves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.bundle import Bundle
from labkit.facts import RAISED, STORM, UNWRITTEN, FactBook, Violation
from labkit.history import History
from labkit.host.record import Row, unpack
from labkit.message import NodeId, decode, encode
from labkit.program import LocalProgram
from labkit.runtime import Derive
from labkit.system import System
from labkit.trace import Event, Trace

BROKEN = {"error": RAISED, "unwritten": UNWRITTEN, "storm": STORM}
"""Rows that are violations by themselves."""

ENDS = ("ok", "fail", "info")
Said = list[Any]
"""``["invoke", client, f, key, value, time_us]`` or ``["ok", operation, result, time_us]``."""


class Decoder:
    """Turns packed data into values, equal data only once: most is sent and delivered."""

    def __init__(self, classes: Mapping[str, type]) -> None:
        self.classes = classes
        self._known: dict[bytes, Any] = {}

    def __call__(self, data: bytes) -> Any:
        if data not in self._known:
            self._known[data] = unpack(data, self.classes)
        return self._known[data]


def merged(logs: Iterable[list[Row]], until_us: float) -> list[Row]:
    """All rows up to a time, in an order that agrees with each node's own and with causes."""
    rows = [row for log in logs for row in log if row[0] <= until_us]
    rows.sort(key=lambda row: row[0])  # stable: equal times keep the order of the logs
    return rows


def trace_of(nodes: Iterable[NodeId], rows: list[Row], decoded: Decoder) -> Trace:
    """Merged rows as a trace; operations get the numbers that the history gives them."""
    numbers = {row[5]: number for number, row in enumerate(_invocations(rows))}
    return Trace(nodes, [event_of(row, decoded, numbers) for row in rows])


def said_in(rows: list[Row], decoded: Decoder) -> list[Said]:
    """What the clients said, in an order that claims only what is certain."""
    numbers = {row[5]: number for number, row in enumerate(_invocations(rows))}
    said: list[Said] = []
    ended: set[int] = set()
    for row in sorted(filter(_is_said, rows), key=lambda row: (row[7], row[1] != "invoke")):
        time_us, kind, node, _, data, id = row[:6]
        if kind == "invoke":
            said.append([kind, node, *decoded(data), time_us])
        elif id in numbers and id not in ended:
            ended.add(id)
            said.append([kind, numbers[id], decoded(data), time_us])
    return said


def history_of(said: Iterable[Said]) -> History:
    """The history in which the clients said this."""
    history = History()
    for kind, *given, time_us in said:
        if kind == "invoke":
            history.invoke(*given, time_us=time_us)
        elif kind == "ok":
            history.ok(*given, time_us=time_us)
        else:
            getattr(history, kind)(given[0], time_us=time_us)
    return history


def judged(trace: Iterable[Event], derive: Iterable[Derive] = ()) -> tuple[FactBook, Violation | None]:
    """All facts of a run, and the first rule that it broke."""
    book = FactBook()
    found = [v for at, event in enumerate(trace) for v in violations(book, event, at, derive)]
    return book, found[0] if found else None


def violations(book: FactBook, event: Event, at: int, derive: Iterable[Derive]) -> Iterator[Violation]:
    """What `event` breaks, given the facts so far; its own facts go into the book."""
    if event.kind == "error":
        yield Violation(list(BROKEN.values())[event.id], event.data, at)
    stated = [event.data] if event.kind == "fact" else []
    for key, value in [*stated, *(fact for d in derive for fact in d(event))]:
        violation = book.state(key, value, event.node, at)
        if violation:
            yield violation


def lag_ms(trace: Iterable[Event]) -> float:
    """The worst lateness that a node noted, but for the first after it was resumed."""
    worst_us, excused = 0, set[NodeId]()
    for event in trace:
        if event.kind in ("pause", "resume"):
            excused.add(event.node)
        elif event.kind == "note" and event.node in excused:
            excused.discard(event.node)
        elif event.kind == "note":
            worst_us = max(worst_us, event.id)
    return worst_us / 1000


def event_of(row: Row, decoded: Decoder, numbers: Mapping[int, int]) -> tuple[Any, ...]:
    """One row as a row of a trace."""
    time_us, kind, node, peer, data, id = row[:6]
    value = decoded(data)
    if kind == "save":
        value = dict(value)
    elif kind in BROKEN:
        kind, id = "error", list(BROKEN).index(kind)
    elif kind == "invoke" or kind in ENDS:
        id = numbers.get(id, id)
    return time_us, kind, node, peer, value, id


def _invocations(rows: list[Row]) -> list[Row]:
    return sorted((row for row in rows if row[1] == "invoke"), key=lambda row: row[7])


def _is_said(row: Row) -> bool:
    return len(row) > 7 and (row[1] == "invoke" or row[1] in ENDS)


@dataclass(slots=True)
class Recording:
    """A run on real processes that is over: what it did, to look at, to judge, and to replay.

    ``lag_ms`` is how late a node once was that nobody had paused; a time-out that is
    shorter says nothing about the program.
    """

    bundle: Bundle
    system: System
    trace: Trace
    said: list[Said]
    observations: dict[NodeId, dict[str, Any]]
    lag_ms: float = 0
    derive: tuple[Derive, ...] = ()
    history: History = field(init=False)
    facts: FactBook = field(init=False)
    violation: Violation | None = field(init=False)

    def __post_init__(self) -> None:
        self.history = history_of(self.said)
        self.facts, self.violation = judged(self.trace, self.derive)

    def observe(self, id: NodeId) -> dict[str, Any]:
        """The public view of one node, when it was last seen."""
        return self.observations[id]

    def save(self, path: str | Path) -> None:
        """Write all of it as one JSON text, its program included."""
        raw = {
            "bundle": self.bundle.encoded(),
            "system": self.system.encoded(),
            "trace": self.trace.encoded(),
            "said": [[encode(part) for part in said] for said in self.said],
            "observations": {id: encode(tuple(seen.items())) for id, seen in self.observations.items()},
            "lag_ms": self.lag_ms,
        }
        Path(path).write_text(json.dumps(raw, separators=(",", ":")) + "\n", encoding="utf-8")


def load_recording(path: str | Path, classes: Mapping[str, type] | None = None) -> Recording:
    """What ``save`` wrote; messages are of `classes`, or of the recording's own program."""
    raw = json.loads(Path(path).read_text(encoding="utf-8"))
    bundle = Bundle.from_encoded(raw["bundle"])
    known = LocalProgram(bundle.load().namespace).classes if classes is None else classes
    system = System.from_encoded(raw["system"], known)
    return Recording(
        bundle,
        system,
        Trace.from_encoded([id for id, _ in system.members], raw["trace"], known),
        [[decode(part, known) for part in said] for said in raw["said"]],
        {id: dict(decode(seen, known)) for id, seen in raw["observations"].items()},
        raw["lag_ms"],
    )
