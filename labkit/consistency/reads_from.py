"""Which write each read saw, and the sessions: what all of these checks start from.

The checks need reads and writes of keys (``read``/``write`` or ``get``/``put``) and written
values that differ, so that a read names its write.  An unanswered write that nobody saw is
left out; one that was seen is a session of its own, after what its process did before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from labkit.history import Operation
from labkit.linearizability.judgement import Judgement, Violation, described
from labkit.models import canonical

READS = frozenset({"read", "get"})
WRITES = frozenset({"write", "put"})


class CannotJudge(ValueError):
    """The history has operations that these checks know nothing about."""


class Broken(Exception):
    """The history breaks the level: the sentence says how, the operations prove it."""

    def __init__(self, sentence: str, *operations: Operation) -> None:
        super().__init__(sentence)
        self.operations = operations

    def judgement(self, level: str, history: Iterable[Operation]) -> Judgement:
        sentence = f"not {level}: {self}"
        others = sum(op.outcome != "fail" for op in history) - len(self.operations)
        return Judgement("violation", sentence, Violation(sentence, self.operations, others=others))


@dataclass(slots=True)
class ReadsFrom:
    """The operations in sessions, and the write of each read by id (None: the initial value).

    ``after`` says what an unanswered write came after in its process.
    """

    sessions: list[list[Operation]] = field(default_factory=list)
    after: dict[int, Operation] = field(default_factory=dict)
    writer: dict[int, Operation | None] = field(default_factory=dict)

    @property
    def operations(self) -> list[Operation]:
        return [op for session in self.sessions for op in session]


def reads_from(history: Iterable[Operation], initial: Any = None) -> ReadsFrom:
    """Pair reads with writes; raises `CannotJudge`, or `Broken` for a value never written."""
    operations = sorted((op for op in history if op.outcome != "fail"), key=lambda op: op.invoked)
    writes = _writes(operations, initial)
    found = ReadsFrom()
    for op in operations:
        if op.f in READS and op.outcome == "ok":
            found.writer[op.id] = _writer_of(op, writes, initial)
    seen = {write.id for write in found.writer.values() if write is not None}
    sessions: dict[Any, list[Operation]] = {}
    for op in operations:
        session = sessions.setdefault(canonical(op.process), [])
        if op.outcome == "ok":
            session.append(op)
        elif op.id in seen:
            found.sessions.append([op])
            if session:
                found.after[op.id] = session[-1]
    found.sessions += sessions.values()
    return found


def _writes(operations: list[Operation], initial: Any) -> Mapping[Any, Operation]:
    writes: dict[Any, Operation] = {}
    for op in operations:
        if op.f in WRITES:
            name = canonical(op.key), canonical(op.value)
            if name in writes or name[1] == canonical(initial):
                raise CannotJudge(
                    f"{described(op)} by {op.process} writes what key {op.key!r} had before; "
                    "let every write have a value of its own"
                )
            writes[name] = op
        elif op.f not in READS:
            raise CannotJudge(f"{described(op)} by {op.process} is neither a read nor a write")
    return writes


def _writer_of(read: Operation, writes: Mapping[Any, Operation], initial: Any) -> Operation | None:
    value = canonical(read.result)
    write = writes.get((canonical(read.key), value))
    if write is None and value != canonical(initial):
        raise Broken(f"{described(read)} by {read.process} saw a value that was never written", read)
    return write
