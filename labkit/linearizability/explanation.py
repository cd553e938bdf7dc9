"""Why not?  The smallest part of a history that is wrong all by itself.

Operations are never simply deleted: without a write, its reads would be wrong for the
wrong reason.  They are *weakened*: a read is dropped, a writer becomes unanswered, so it
may take effect later or never.  A linearizable history stays linearizable under this,
therefore what is still wrong afterwards is a true counterexample, and the weakened
operations do not matter (compare Zeller and Hildebrandt, "Simplifying and isolating
failure-inducing input", 2002).  The core is minimal: weaken any one more and an order exists,
unless the allowance of work ended before (then it is only small).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from labkit.history import Operation
from labkit.linearizability.search import search
from labkit.models import Model, canonical
from labkit.linearizability.judgement import Violation, described, shortened

WORK = 3_000_000  # operations looked at in all repeated checks
MOST_DOUBTS = 60  # weakened operations of which each is asked whether it matters
Wrong = Callable[[Sequence[Operation]], bool]


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
    finding = search([*core, *possible], model, model.initial_for(key), WORK)
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
        self.operations = operations
        self.model = model
        self.wrong = wrong
        self.work = WORK
        self.answered = sorted((op for op in operations if op.outcome == "ok"), key=_returned)
        self.ids = {op.id for op in self.answered}
        self.weak = {
            op.id: op if op.outcome == "info" else unanswered(op)
            for op in operations
            if not model.is_read(op)
        }

    def core(self, suspects: Sequence[Operation]) -> list[Operation]:
        """Answered operations that are wrong whatever the others did, as few as can be found."""
        core = [op for op in {op.id: op for op in suspects}.values() if op.id in self.ids]
        if not self._wrong_with(core):
            core = self._recent()
        return sorted(minimal(core, self._wrong_with), key=lambda op: op.invoked)

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

    def _wrong_with(self, kept: Sequence[Operation]) -> bool:
        ids = {op.id for op in kept}
        end = max((_returned(op) for op in kept), default=-1)
        others = [op for op in self.weak.values() if op.id not in ids and op.invoked < end]
        self.work -= len(kept) + len(others)
        return bool(kept) and self.work > 0 and self.wrong([*kept, *others])

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


def minimal(core: list[Operation], wrong: Wrong) -> list[Operation]:
    """Leave out chunks, then smaller ones, then single operations, while the rest is wrong."""
    chunk = len(core) // 2 or 1
    while True:
        start = 0
        while start < len(core):
            rest = core[:start] + core[start + chunk :]
            if rest and wrong(rest):
                core = rest
            else:
                start += chunk
        if chunk == 1:
            return core
        chunk //= 2


def _returned(operation: Operation) -> int:
    assert operation.returned is not None
    return operation.returned


def unanswered(operation: Operation) -> Operation:
    """The same call, without an answer: it may have happened, may still, or may never."""
    return replace(operation, outcome="info", returned=None, result=None)


def _parts(operation: Operation) -> Iterator[Any]:
    """The values that an operation names: its own, its result's, and those inside of both."""
    for value in (operation.value, operation.result):
        yield canonical(value)
        if isinstance(value, list | tuple | set | frozenset):
            yield from map(canonical, value)
