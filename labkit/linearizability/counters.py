"""Counters whose adds are all of one amount, such as +1.

A read of v must fall where exactly v adds have happened, so adds and reads meet at
*places*: place k is the moment of the k-th add, after all reads of less than k and before
all reads of k or more.  Its window goes from the last invocation among the former to the
first return among the latter; windows only move to the right as k grows.  The adds are
interchangeable, so any choice of an open add for each place can be sorted into an order of
the places.  Hence the history is legal exactly if adds and places can be paired such that

- each place that a read needs has an add open in its window,
- each answered add has a place (beyond the last place needed there are places enough).

By the theorem of Mendelsohn and Dulmage (1958) one pairing does both if two pairings do one
each.  The places that fit an add are consecutive, so each is found greedily: place after
place, take the add whose last fitting place comes first (Glover, "Maximum matching in a
convex bipartite graph", 1967).  O(n log n).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import accumulate
from typing import Any

from labkit.history import Operation
from labkit.linearizability.chains import NEVER, Contradiction, NotApplicable


def conflict(operations: Sequence[Operation], initial: Any) -> list[Operation]:
    """Operations that no order explains, or none if the counter is linearizable."""
    adds = [op for op in operations if op.f == "add"]
    reads = [op for op in operations if op.f == "read"]
    amount = adds[0].value if adds else 1
    if any(type(op.value) is not int or op.value != amount for op in adds):
        raise NotApplicable
    if amount == 0 or type(initial) is not int:
        raise NotApplicable
    try:
        counted = [(_count(op, amount, initial, len(adds)), op) for op in reads]
        _pair(adds, _Places(counted, len(adds)))
    except Contradiction as contradiction:
        return contradiction.operations
    return []


def _count(read: Operation, amount: int, initial: int, most: int) -> int:
    """How many adds came before this read."""
    if type(read.result) not in (int, float) or (read.result - initial) % amount:
        raise Contradiction(read)
    count = int((read.result - initial) // amount)
    if not 0 <= count <= most:
        raise Contradiction(read)
    return count


class _Places:
    """The window of each place, counted from 1; `needed` are those before the highest read."""

    def __init__(self, counted: list[tuple[int, Operation]], adds: int) -> None:
        self.counted = counted
        self.needed = max((count for count, _ in counted), default=0)
        self.all = self.needed + adds
        floors, ceilings = [-1.0] * (self.all + 2), [NEVER] * (self.all + 2)
        for count, op in counted:
            floors[count + 1] = max(floors[count + 1], op.invoked)
            ceilings[count] = min(ceilings[count], _return(op))
        self.floors = list(accumulate(floors, max))
        self.ceilings = list(accumulate(ceilings[::-1], min))[::-1]
        for k in range(1, self.needed + 1):
            if self.ceilings[k] < self.floors[k]:
                raise Contradiction(*self.reads_at(k))

    def span(self, add: Operation) -> tuple[int, int]:
        """The first and last place that this add fits."""
        first = bisect_right(self.ceilings, add.invoked, 1)
        return first, bisect_left(self.floors, _return(add), 1, self.all + 1) - 1

    def reads_at(self, k: int) -> list[Operation]:
        """The reads that set the window of a place."""
        before = [op for count, op in self.counted if count < k]
        after = [op for count, op in self.counted if count >= k]
        return sorted(before, key=lambda op: op.invoked)[-1:] + sorted(after, key=_return)[:1]


def _pair(adds: list[Operation], places: _Places) -> None:
    spans = sorted((*places.span(op), op.id, op) for op in adds)
    _greedily(spans, places, places.needed, every_place=True)
    answered = [span for span in spans if span[-1].outcome == "ok"]
    _greedily(answered, places, places.all, every_place=False)


def _greedily(spans: list[Any], places: _Places, last: int, *, every_place: bool) -> None:
    """Fill the places 1 to `last`, each with the waiting add whose last place comes first."""
    waiting: list[Any] = []
    arriving = iter(spans)
    arrival = next(arriving, None)
    for k in range(1, last + 1):
        while arrival is not None and arrival[0] <= k:
            heappush(waiting, arrival[1:])
            arrival = next(arriving, None)
        while waiting and waiting[0][0] < k:
            late = heappop(waiting)[-1]
            if not every_place:
                raise Contradiction(late, *places.reads_at(k))
        if waiting:
            heappop(waiting)
        elif every_place:
            raise Contradiction(*places.reads_at(k))
        elif arrival is None:
            return


def _return(operation: Operation) -> float:
    return NEVER if operation.returned is None else operation.returned
