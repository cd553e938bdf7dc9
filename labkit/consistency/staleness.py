"""Bounded staleness: how old, at least, was what each read saw?

A write is *surely newer* than what a read saw if it was invoked after the write it saw had
returned, and returned before the read was invoked.  Their number is the least number of
versions by which the read was behind, in any order that respects real time; the return
of the first of them is the latest moment at which its value was surely out of date.  So a
violation is never a false accusation.  (Compare Golab, Li and Shah, "Analyzing consistency
properties for fun and profit", 2011.)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from labkit.consistency.order import by
from labkit.consistency.reads_from import READS, Broken, CannotJudge, reads_from
from labkit.history import Operation
from labkit.linearizability.judgement import Judgement
from labkit.models import canonical


@dataclass(frozen=True, slots=True)
class Staleness:
    """How far a read was behind: versions, milliseconds (None without times), the newer writes."""

    read: Operation
    versions: int
    ms: float | None
    newer: tuple[Operation, ...] = ()


def staleness(history: Iterable[Operation], *, initial: Any = None) -> list[Staleness]:
    """The staleness of every answered read, in order of invocation."""
    found = reads_from(history, initial)
    writes: dict[Any, list[Operation]] = {}
    for op in sorted(found.operations, key=lambda op: op.invoked):
        if op.f not in READS:
            writes.setdefault(canonical(op.key), []).append(op)
    reads = sorted((op for op in found.operations if op.f in READS), key=lambda op: op.invoked)
    return [_of(op, found.writer[op.id], writes.get(canonical(op.key), [])) for op in reads]


def check_bounded_staleness(
    history: Iterable[Operation],
    *,
    versions: int | None = None,
    ms: float | None = None,
    initial: Any = None,
) -> Judgement:
    """Whether no read was surely more than `versions` behind, or out of date for over `ms`."""
    operations = list(history)
    try:
        measured = staleness(operations, initial=initial)
        for each in measured:
            _check(each, versions, ms)
    except CannotJudge as error:
        return Judgement("unknown", f"cannot be judged: {error}")
    except Broken as broken:
        return broken.judgement("fresh enough", operations)
    worst = max((each.versions for each in measured), default=0)
    return Judgement("ok", f"fresh enough: {len(measured)} reads, at most {worst} versions behind")


def _of(read: Operation, write: Operation | None, writes: list[Operation]) -> Staleness:
    ended = -1 if write is None else write.returned
    if ended is None:
        return Staleness(read, 0, 0.0)
    newer = []
    for op in writes[bisect_right(writes, ended, key=lambda op: op.invoked) :]:
        if op.invoked > read.invoked:
            break
        if op.returned is not None and op.returned < read.invoked:
            newer.append(op)
    return Staleness(read, len(newer), _age_ms(read, newer), tuple(newer))


def _age_ms(read: Operation, newer: list[Operation]) -> float | None:
    times = [op.returned_us for op in newer if op.returned_us is not None]
    if not newer:
        return 0.0
    if not times or read.invoked_us is None:
        return None
    return (read.invoked_us - min(times)) / 1000


def _check(each: Staleness, versions: int | None, ms: float | None) -> None:
    if versions is not None and each.versions > versions:
        raise Broken(
            f"{by(each.read)} was {each.versions} versions behind, but {versions} are allowed",
            *each.newer[-1:],
            each.read,
        )
    if ms is not None and each.ms is None:
        raise CannotJudge(f"{by(each.read)} has no times; record the history with time_us")
    if ms is not None and each.ms is not None and each.ms > ms:
        raise Broken(
            f"{by(each.read)} saw a value out of date for {each.ms:g} ms, but {ms:g} are allowed",
            *each.newer[:1],
            each.read,
        )
