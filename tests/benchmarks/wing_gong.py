"""The baseline: a straight port of the Wing-Gong search with Lowe's memory.

Wing and Gong, "Testing and verifying concurrent objects" (1993): walk over the events in
time; at an invocation try to take the operation out; at a response that was not taken out,
go back.  Lowe, "Testing for linearizability" (2017): remember (operations taken out, state).
Each key alone (Horn and Kroening, 2015).  An unanswered operation returns at the very end,
with any result.  No rule for reads, none for unanswered operations: as most tools do it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from labkit.history import Operation
from labkit.models import ANYTHING, ILLEGAL, Model, canonical


class Entry:
    """An event in a doubly linked list; the invocation knows its response (``match``)."""

    __slots__ = ("match", "next", "number", "op", "previous")

    def __init__(self, op: Operation | None, number: int) -> None:
        self.op = op
        self.number = number
        self.match: Entry | None = None
        self.previous: Entry | None = None
        self.next: Entry | None = None


def check(history: Iterable[Operation], model: Model, steps: int) -> bool | None:
    """Whether the history is linearizable; None if `steps` moves were not enough for a key."""
    keys: dict[Any, list[Operation]] = {}
    for op in history:
        if op.outcome != "fail":
            keys.setdefault(canonical(op.key), []).append(op)
    answers = [_check_key(ops, model, model.initial_for(ops[0].key), steps) for ops in keys.values()]
    return False if False in answers else None if None in answers else True


def _linked(operations: Sequence[Operation]) -> Entry:
    head = Entry(None, -1)
    events = []
    for number, op in enumerate(operations):
        call, response = Entry(op, number), Entry(op, number)
        call.match = response
        events.append((op.invoked, number, call))
        events.append((float("inf") if op.returned is None else op.returned, number, response))
    last = head
    for _, _, entry in sorted(events, key=lambda event: event[:2]):
        last.next, entry.previous = entry, last
        last = entry
    return head


def _lift(entry: Entry) -> None:
    for each in (entry, entry.match):
        each.previous.next = each.next
        if each.next is not None:
            each.next.previous = each.previous


def _unlift(entry: Entry) -> None:
    for each in (entry.match, entry):
        each.previous.next = each
        if each.next is not None:
            each.next.previous = each


def _step(model: Model, state: Any, op: Operation) -> Any:
    outcome = model.apply(state, op.f, op.value)
    if outcome is ILLEGAL:
        return ILLEGAL
    after, result = outcome
    seen = model.seen(op.f, op.result)
    fits = op.outcome == "info" or result is ANYTHING or canonical(result) == canonical(seen)
    return after if fits else ILLEGAL


def _check_key(operations: Sequence[Operation], model: Model, state: Any, steps: int) -> bool | None:
    head = _linked(operations)
    entry, taken = head.next, 0
    seen: set[Any] = set()
    calls: list[tuple[Entry, Any]] = []
    while head.next is not None:
        steps -= 1
        if steps < 0:
            return None
        if entry is not None and entry.match is not None:
            after = _step(model, state, entry.op)
            memory = (taken | 1 << entry.number, canonical(after))
            if after is not ILLEGAL and memory not in seen:
                seen.add(memory)
                calls.append((entry, state))
                state, taken = after, memory[0]
                _lift(entry)
                entry = head.next
            else:
                entry = entry.next
        elif entry is None or entry.op.outcome == "info" or calls:
            if not calls:
                return False
            entry, state = calls.pop()
            taken &= ~(1 << entry.number)
            _unlift(entry)
            entry = entry.next
        else:
            return False
    return True
