"""The four session guarantees (Terry et al., "Session guarantees for weakly consistent
replicated data", 1994), in the form of Viotti and Vukolic, 2016.

They hold if all writes can be put into one order such that

- read your writes: a read sees no write older than its session's own writes to the key;
- monotonic reads: a read sees no write older than what its session read of the key before;
- monotonic writes: the writes of a session are in the order in which it made them;
- writes follow reads: a write comes after what its session had read before.

Each is a set of edges "this write before that one", and such an order exists exactly if the
edges make no circle.  The initial value of a key is older than all writes to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from labkit.consistency.order import Order, by
from labkit.consistency.reads_from import READS, Broken, CannotJudge, ReadsFrom, reads_from
from labkit.history import Operation
from labkit.linearizability.judgement import Judgement
from labkit.models import canonical

GUARANTEES = {
    "RYW": "read your writes",
    "MR": "monotonic reads",
    "MW": "monotonic writes",
    "WFR": "writes follow reads",
}
Edge = tuple[Operation, Operation | None, str, Operation]  # older, newer or None: initial, why, who


def check_sessions(
    history: Iterable[Operation],
    guarantees: Iterable[str] = tuple(GUARANTEES),
    *,
    initial: Any = None,
) -> Judgement:
    """Whether one order of the writes gives all sessions the `guarantees` (RYW, MR, MW, WFR)."""
    operations, asked = list(history), tuple(guarantees)
    if unknown := [name for name in asked if name not in GUARANTEES]:
        raise ValueError(f"{unknown[0]!r} is no session guarantee; there are {', '.join(GUARANTEES)}")
    try:
        found = reads_from(operations, initial)
        _check(found, asked)
    except CannotJudge as error:
        return Judgement("unknown", f"cannot be judged: {error}")
    except Broken as broken:
        return broken.judgement(f"guaranteeing {', '.join(asked)}", operations)
    return Judgement("ok", f"{', '.join(asked)} hold: {len(found.operations)} operations")


def _check(found: ReadsFrom, guarantees: tuple[str, ...]) -> None:
    writes = [[op] for op in found.operations if op.f not in READS]
    order = Order(ReadsFrom(sessions=writes))
    for session in _with_unanswered(found):
        for older, newer, guarantee, reader in _edges(session, found, "MW" in guarantees):
            if guarantee not in guarantees:
                continue
            if newer is None:
                raise Broken(
                    f"{GUARANTEES[guarantee]}: {by(reader)} saw the initial value after {by(older)}",
                    older,
                    reader,
                )
            if older is newer and guarantee == "WFR":
                raise Broken(f"{by(older)} was read by its own process before", older)
            if older is not newer:
                order.add(older, newer, f"{GUARANTEES[guarantee]}, {by(reader)}")
    order.settle()


def _with_unanswered(found: ReadsFrom) -> Iterator[list[Operation]]:
    """The sessions, each also with an unanswered write in place of what its process did later."""
    ends = {op.id: session for session in found.sessions for op in session}
    for session in found.sessions:
        before = found.after.get(session[0].id) if session else None
        if before is None:
            yield session
        else:
            earlier = ends[before.id]
            yield [*earlier[: earlier.index(before) + 1], *session]


def _edges(session: list[Operation], found: ReadsFrom, chained: bool) -> Iterator[Edge]:
    """What the guarantees demand of the writes that one session made and saw.

    If the session's writes are `chained` by monotonic writes, the last one stands for all.
    """
    wrote: dict[Any, list[Operation]] = {}
    read: dict[Any, Operation] = {}
    last_write: Operation | None = None
    seen: list[Operation] = []
    for op in session:
        own = wrote.setdefault(canonical(op.key), [])
        if op.f in READS:
            write = found.writer[op.id]
            for older in own[-1:] if chained else own:
                yield older, write, "RYW", op
            if canonical(op.key) in read:
                yield read[canonical(op.key)], write, "MR", op
            if write is not None:
                read[canonical(op.key)] = write
                seen.append(write)
        else:
            if last_write is not None:
                yield last_write, op, "MW", op
            for write in seen:
                yield write, op, "WFR", op
            seen = [] if chained else seen
            last_write = op
            own.append(op)
