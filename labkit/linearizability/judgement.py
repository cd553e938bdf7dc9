"""What a consistency checker answers: a judgement, and for a "no" the operations that prove it.

A value only: it judges nothing, and draws nothing but text.  Figures take ``core``,
``possible``, ``order`` and ``stuck`` of a `Violation` from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from labkit.history import Operation

SHOWN = 40  # characters of a value in a sentence or a drawing
LISTED = 12  # operations named in one sentence


def shortened(value: Any) -> str:
    """The value as Python writes it, cut in the middle when it is long."""
    text = repr(value)
    half = (SHOWN - 3) // 2
    return text if len(text) <= SHOWN else f"{text[:half]}...{text[-half:]}"


def described(operation: Operation) -> str:
    """One operation as a call with its answer: ``read() = 3``, ``cas(1, 2) = False``."""
    given = () if operation.value is None else (operation.value,)
    if operation.f == "cas":
        given = operation.value
    call = f"{operation.f}({', '.join(map(shortened, given))})"
    silent = operation.outcome != "ok" or (operation.result is None and given)
    return call if silent else f"{call} = {shortened(operation.result)}"


@dataclass(frozen=True, slots=True)
class Violation:
    """Why no order of the operations is legal.

    ``core`` are operations that no order explains, whatever the others did and when;
    without any single one of them an order exists.
    ``possible`` are unanswered or weakened operations that the core has seen.  ``order``
    is the longest legal order of the core, ``stuck`` the operation that cannot follow it,
    and ``states`` are all values that the object could have at that moment.
    """

    sentence: str
    core: Sequence[Operation] = ()
    possible: Sequence[Operation] = ()
    order: Sequence[Operation] = ()
    stuck: Operation | None = None
    states: Sequence[Any] = ()
    key: Any = None
    others: int = 0

    def __str__(self) -> str:
        lines = [self.sentence]
        if 0 < len(self.core) <= LISTED:
            lines += ["", timeline([*self.core, *self.possible], self.stuck), ""]
        if self.stuck is not None and len(self.order) <= LISTED:
            before = ", then ".join(map(_by, self.order)) or "nothing"
            lines.append(f"longest legal order of these: {before}")
            lines.append(f"what cannot follow it: {_by(self.stuck)}")
        if self.others:
            lines.append(
                f"{self.others} other operations do not matter: "
                f"whatever they did and when, no order explains these {len(self.core)}."
            )
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A checker's answer; true only when its verdict is "ok": unknown is never a pass.

    ``nodes`` counts the steps of the search, a measure that is the same on every machine.
    ``witness`` is an order that explains the history, where the checker made one.
    """

    verdict: Literal["ok", "violation", "unknown"]
    reason: str
    violation: Violation | None = None
    witness: Sequence[Operation] | None = field(default=None, repr=False)
    nodes: int = 0

    def __bool__(self) -> bool:
        return self.verdict == "ok"

    def __str__(self) -> str:
        return self.reason if self.violation is None else str(self.violation)


def timeline(operations: Sequence[Operation], stuck: Operation | None = None) -> str:
    """The operations as bars, one a row, from invocation to response; ``>`` is never answered."""
    shown = sorted(operations, key=lambda operation: operation.invoked)
    columns = _columns(shown)
    width = max((len(str(operation.process)) for operation in shown), default=0)
    end = max(columns.values(), default=0) + 2
    return "\n".join(_bar(operation, columns, end, width, stuck) for operation in shown)


def _columns(operations: Sequence[Operation]) -> dict[int, int]:
    """The column of each event, so that every label fits between the ends of its bar."""
    begins = {operation.invoked: operation for operation in operations}
    ends = {op.returned: op for op in operations if op.returned is not None}
    columns: dict[int, int] = {}
    column = 0
    for event in sorted([*begins, *ends]):
        if event in ends:
            operation = ends[event]
            column = max(column, columns[operation.invoked] + len(described(operation)) + 4)
        columns[event] = column
        column += 2
    return columns


def _bar(operation: Operation, columns: dict[int, int], end: int, width: int, stuck: Operation | None) -> str:
    start, label = columns[operation.invoked], described(operation)
    if operation.returned is None:
        bar = f"|- {label} ".ljust(max(end - start, len(label) + 5), "-") + ">"
    else:
        bar = f"|- {label} ".ljust(columns[operation.returned] - start, "-") + "|"
    mark = "   <-- cannot be placed" if operation is stuck else ""
    return f"{str(operation.process).ljust(width)}  {' ' * start}{bar}{mark}"


def _by(operation: Operation) -> str:
    return f"{described(operation)} by {operation.process}"
