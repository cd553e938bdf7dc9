"""First-in-first-out queues whose enqueued values are all different.

Henzinger, Sezgin and Vafeiadis ("Aspect-oriented linearizability proofs", 2013) show that a
queue's history without unanswered operations is wrong exactly if it has one of these:

- a value dequeued that was never enqueued, or before its enqueue was invoked, or twice;
- x enqueued entirely before y, and y dequeued entirely before x, or x never dequeued;
- a dequeue that found the queue empty, while at every moment of it some value was surely
  inside: enqueued before and not yet being dequeued.

Unanswered operations.  An enqueue that nobody saw did not happen.  An unanswered dequeue
may have taken any value that is left over, at any later moment.  Give the earliest of
them to the left-over value whose enqueue returned first, the second to the second, and so
on: (1) if x was enqueued entirely before z and z is taken, then x is taken too, so no
order is broken among them; (2) a value must be gone before those enqueued after it, so the
deadline of a value grows with its enqueue's return, and by swapping two of them this
pairing meets all deadlines if any does; (3) it leaves the values inside for a subset of
the moments of any other pairing; (4) to take one more never hurts.  O(n log n).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from labkit.history import Operation
from labkit.linearizability.chains import NEVER, Contradiction, NotApplicable
from labkit.models import canonical


@dataclass(slots=True)
class Item:
    """A value of the queue; `out` and `gone` are the start and end of its dequeue."""

    enqueue: Operation
    entered: float
    dequeue: Operation | None = None
    out: float = NEVER
    gone: float = NEVER

    @property
    def operations(self) -> list[Operation]:
        return [self.enqueue] + ([self.dequeue] if self.dequeue else [])


def conflict(operations: Sequence[Operation], initial: tuple[Any, ...]) -> list[Operation]:
    """Operations that no order explains, or none if the queue is linearizable."""
    items = _items(operations, initial)
    try:
        empties = _take(items, operations)
        present = [item for item in items.values() if item.dequeue or item.enqueue.outcome == "ok"]
        _give_unanswered(present, operations)
        _check_order(present)
        _check_empty(present, empties)
    except Contradiction as contradiction:
        return contradiction.operations
    return []


def _items(operations: Sequence[Operation], initial: tuple[Any, ...]) -> dict[Any, Item]:
    items: dict[Any, Item] = {}
    first = -len(initial)
    before = [
        Operation(-1, "", "", "enqueue", value=value, outcome="ok", invoked=first + i, returned=first + i)
        for i, value in enumerate(initial)
    ]
    for op in [*before, *(op for op in operations if op.f == "enqueue")]:
        value = canonical(op.value)
        if value in items:
            raise NotApplicable
        items[value] = Item(op, NEVER if op.returned is None else op.returned)
    return items


def _take(items: dict[Any, Item], operations: Sequence[Operation]) -> list[Operation]:
    """Pair each dequeue with its value; the dequeues that found nothing are returned."""
    empties = []
    for op in operations:
        if op.f != "dequeue" or op.outcome != "ok":
            continue
        if op.result is None or op.result == "":
            empties.append(op)
            continue
        item = items.get(canonical(op.result))
        if item is None:
            raise Contradiction(op)
        if item.dequeue or op.returned < item.enqueue.invoked:  # type: ignore[operator]
            raise Contradiction(op, *item.operations)
        item.dequeue, item.out, item.gone = op, op.invoked, op.returned  # type: ignore[assignment]
    return empties


def _give_unanswered(present: list[Item], operations: Sequence[Operation]) -> None:
    left = sorted((item for item in present if not item.dequeue), key=lambda item: item.entered)
    takers = sorted(op.invoked for op in operations if op.f == "dequeue" and op.outcome == "info")
    for item, invoked in zip(left, takers, strict=False):
        item.out = invoked


def _check_order(present: list[Item]) -> None:
    """No value is dequeued before one that was enqueued entirely earlier.

    By the start of its enqueue, each value looks at those that had entered by then, and
    among them at the one whose dequeue starts last.
    """
    entered = sorted(present, key=lambda item: item.entered)
    times = [item.entered for item in entered]
    slowest = list(accumulate(entered, _slower))
    for item in present:
        earlier = bisect_right(times, item.enqueue.invoked)
        if earlier and slowest[earlier - 1].out > item.gone:
            raise Contradiction(*slowest[earlier - 1].operations, *item.operations)


def _slower(one: Item, other: Item) -> Item:
    return other if other.out > one.out else one


def _check_empty(present: list[Item], empties: list[Operation]) -> None:
    """No dequeue found nothing while the spans of values surely inside cover all of it."""
    inside = sorted((item for item in present if item.entered < item.out), key=lambda i: i.entered)
    covers: list[tuple[float, float]] = []
    for item in inside:
        if covers and item.entered < covers[-1][1]:
            covers[-1] = covers[-1][0], max(covers[-1][1], item.out)
        else:
            covers.append((item.entered, item.out))
    starts = [start for start, _ in covers]
    for op in empties:
        at = bisect_right(starts, op.invoked) - 1
        if at >= 0 and covers[at][1] > op.returned:  # type: ignore[operator]
            spans = [i for i in inside if i.out > op.invoked and i.entered < op.returned]  # type: ignore[operator]
            raise Contradiction(op, *(o for item in spans for o in item.operations))
