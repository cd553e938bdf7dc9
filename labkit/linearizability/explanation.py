"""Why not?  The smallest part of a history that is wrong all by itself.

Operations are never simply deleted: without a write, its reads would be wrong for the
wrong reason.  They are *weakened*: a read is dropped, a writer becomes unanswered, so it
may take effect later or never.  A linearizable history stays linearizable under this,
therefore what is still wrong afterwards is a true counterexample, and the weakened
operations do not matter (compare Zeller and Hildebrandt, "Simplifying and isolating
failure-inducing input", 2002).  A value of a queue is left out whole, its enqueue and its
dequeue: the other values then still come and go in the same order.  The core is minimal:
weaken one more and an order exists, unless the allowance of work ended before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from labkit.history import Operation
from labkit.linearizability.attempts import search
from labkit.linearizability.judgement import Violation, described, shortened
from labkit.models import Model, Queue, canonical

WORK = 2_000_000  # operations looked at in all repeated checks
NODE = 20  # operations that a node of a search counts for
LAST_LOOK = 20_000  # nodes of the search that puts the core in order
MOST_DOUBTS = 60  # weakened operations of which each is asked whether it matters
Wrong = Callable[[Sequence[Operation]], tuple[bool, int]]  # also: nodes of the search


def explain(
    operations: Sequence[Operation],
    suspects: Sequence[Operation],
    model: Model,
    key: Any,
    wrong: Wrong,
) -> Violation:
    """The violation in these operations of one object, of which `wrong` is known to be true.

    `suspects` is where to look first.
    """
    shrinking = _Shrinking(operations, model, wrong)
    core = shrinking.core(suspects)
    possible = shrinking.observed(core)
    finding = search([*core, *possible], model, model.initial_for(key), LAST_LOOK)
    return Violation(
        sentence=_sentence(key, finding.stuck, finding.states, core),
        core=core,
        possible=possible,
        order=finding.order,
        stuck=finding.stuck,
        states=finding.states,
        key=key,
        others=len(operations) - len(core) - len(possible),
    )


def _sentence(key: Any, stuck: Operation | None, states: Sequence[Any], core: Sequence[Operation]) -> str:
    where = "" if key is None else f"key {shortened(key)}: "
    if stuck is None:
        return f"not linearizable: {where}no order explains these {len(core)} operations"
    values = ", ".join(shortened(state) for state in states[:4])
    more = f" and {len(states) - 4} more" if len(states) > 4 else ""
    return (
        f"not linearizable: {where}{described(stuck)} by {stuck.process} cannot be placed; "
        f"possible values just before it returned: {values}{more}"
    )


class _Shrinking:
    def __init__(self, operations: Sequence[Operation], model: Model, wrong: Wrong) -> None:
        self.model = model
        self.wrong = wrong
        self.work = WORK
        self.answered = sorted((op for op in operations if op.outcome == "ok"), key=_return)
        self.units = _values(operations) if type(model) is Queue and not model.initial else {}
        self.weak = {
            op.id: op if op.outcome == "info" else unanswered(op)
            for op in operations
            if not model.is_read(op) and op.id not in self.units
        }

    def core(self, suspects: Sequence[Operation]) -> list[Operation]:
        """Answered operations that are wrong whatever the others did, as few as can be found."""
        known = {op.id for op in self.answered}
        core = [op for op in {op.id: op for op in suspects}.values() if op.id in known]
        if not self._wrong_with(core):
            core = self._recent()
        core = minimal(core, self._wrong_with, lambda: self.work > 0)
        return sorted(self._whole(core), key=lambda op: op.invoked)

    def _whole(self, core: Sequence[Operation]) -> list[Operation]:
        """With the other operation of each value, where values are left out whole."""
        whole = {other.id: other for op in core for other in self.units.get(op.id, [op])}
        return list(whole.values())

    def observed(self, core: Sequence[Operation]) -> list[Operation]:
        """Weakened operations without which the core would be wrong in another way.

        Only for the reader: the core is wrong with all of them as well as without.
        """
        mentioned = {part for op in core for part in _parts(op)}
        kept = {op.id for op in core}
        possible = [
            op
            for op in self.weak.values()
            if op.id not in kept and op.value is not None and not mentioned.isdisjoint(_parts(op))
        ]
        before = self._stuck(core, possible)
        for op in list(possible)[:MOST_DOUBTS]:
            fewer = [other for other in possible if other is not op]
            if self._stuck(core, fewer) == before:
                possible = fewer
        return possible

    def _stuck(self, core: Sequence[Operation], possible: Sequence[Operation]) -> tuple[Any, ...]:
        """What cannot be placed, and what was possible then."""
        initial = self.model.initial_for(core[0].key if core else None)
        finding = search([*core, *possible], self.model, initial, 1000)
        return finding.stuck, {canonical(state) for state in finding.states}

    def _wrong_with(self, core: Sequence[Operation]) -> bool:
        kept = self._whole(core)
        ids = {op.id for op in kept}
        end = max((_return(op) for op in kept), default=-1)
        others = [op for op in self.weak.values() if op.id not in ids and op.invoked < end]
        self.work -= len(kept) + len(others)
        if not kept or self.work <= 0:
            return False
        wrong, nodes = self.wrong([*kept, *others])
        self.work -= NODE * nodes
        return wrong

    def _recent(self) -> list[Operation]:
        """The answered operations before the first moment that was wrong, no more than needed."""
        low, high = 0, len(self.answered)
        while low + 1 < high and self.work > 0:
            middle = (low + high) // 2
            if self._wrong_with(self.answered[:middle]):
                high = middle
            else:
                low = middle
        size = 2
        while size < high and not self._wrong_with(self.answered[high - size : high]):
            size *= 2
        return self.answered[max(0, high - size) : high]


def minimal(
    core: list[Operation], wrong: Callable[[list[Operation]], bool], go_on: Callable[[], bool] = lambda: True
) -> list[Operation]:
    """Leave out chunks, then smaller ones, then single operations, while the rest is wrong."""
    chunk = len(core) // 2 or 1
    while True:
        start = 0
        while start < len(core) and go_on():
            rest = core[:start] + core[start + chunk :]
            if rest and wrong(rest):
                core = rest
            else:
                start += chunk
        if chunk == 1 or not go_on():
            return core
        chunk //= 2


def _values(operations: Sequence[Operation]) -> dict[int, list[Operation]]:
    """For each operation of a queue that has a value, all operations of that value.

    Empty if a value was enqueued twice: then it cannot be said which of them was dequeued.
    """
    units: dict[Any, list[Operation]] = {}
    enqueued: set[Any] = set()
    for op in operations:
        value = canonical(op.value if op.f == "enqueue" else op.result)
        if value is None or value == "":
            continue
        if op.f == "enqueue":
            if value in enqueued:
                return {}
            enqueued.add(value)
        units.setdefault(value, []).append(op)
    return {op.id: unit for unit in units.values() for op in unit}


def _return(operation: Operation) -> float:
    return float("inf") if operation.returned is None else operation.returned


def unanswered(operation: Operation) -> Operation:
    """The same call, without an answer: it may have happened, may still, or may never."""
    return replace(operation, outcome="info", returned=None, result=None)


def _parts(operation: Operation) -> Iterator[Any]:
    """The values that an operation names: its own, its result's, and those inside of both."""
    for value in (operation.value, operation.result):
        if value is not None:
            yield canonical(value)
        if isinstance(value, list | tuple | set | frozenset):
            yield from map(canonical, value)
