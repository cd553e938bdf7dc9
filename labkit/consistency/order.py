"""A partial order of operations as a graph of labelled edges: its circles, and the past of each.

The past of an operation is kept as a vector: how many operations of each session are in it
(Fidge; Mattern, 1988).  That is enough, because the operations of a session are in order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from labkit.consistency.reads_from import WRITES, Broken, ReadsFrom
from labkit.history import Operation
from labkit.linearizability.judgement import described
from labkit.models import canonical


class Order:
    """Operations in sessions, what must come before what, and why."""

    def __init__(self, found: ReadsFrom) -> None:
        self.operations = {op.id: op for op in found.operations}
        self.place = {
            op.id: (s, k) for s, session in enumerate(found.sessions) for k, op in enumerate(session)
        }
        self.before: dict[int, dict[int, str]] = {op_id: {} for op_id in self.operations}
        self.past: dict[int, list[int]] = {}
        self.writes: dict[Any, dict[int, list[Operation]]] = {}
        for s, session in enumerate(found.sessions):
            for one, two in pairwise(session):
                self.add(one, two, "same process")
            for op in session:
                if op.f in WRITES:
                    self.writes.setdefault(canonical(op.key), {}).setdefault(s, []).append(op)
        for op_id, one in found.after.items():
            if one.id in self.operations:
                self.add(one, self.operations[op_id], "same process")

    def add(self, one: Operation, two: Operation, reason: str) -> bool:
        """Let one come before two; whether that is new."""
        reasons = self.before[two.id]
        new = one.id not in reasons
        if new:
            reasons[one.id] = reason
        return new

    def settle(self) -> None:
        """Compute the past of every operation; raises `Broken` if the order runs in a circle."""
        after: dict[int, list[int]] = {op_id: [] for op_id in self.before}
        missing = {op_id: len(before) for op_id, before in self.before.items()}
        for two, before in self.before.items():
            for one in before:
                after[one].append(two)
        ready = [op_id for op_id, count in missing.items() if not count]
        self.past = {}
        for one in ready:
            self.past[one] = self._past_of(one)
            for two in after[one]:
                missing[two] -= 1
                if not missing[two]:
                    ready.append(two)
        if len(self.past) < len(self.before):
            raise self._circle()

    def _past_of(self, op_id: int) -> list[int]:
        pasts = [[0] * self._sessions()]
        for one in self.before[op_id]:
            s, k = self.place[one]
            past = list(self.past[one])
            past[s] = max(past[s], k + 1)
            pasts.append(past)
        return pasts[0] if len(pasts) == 1 else list(map(max, *pasts))

    def _sessions(self) -> int:
        return 1 + max((s for s, _ in self.place.values()), default=0)

    def is_before(self, one: Operation, two: Operation) -> bool:
        """Whether one is in the past of two."""
        s, k = self.place[one.id]
        return self.past[two.id][s] > k

    def last_writes(self, read: Operation) -> Iterator[Operation]:
        """The last write of each session, to the key of this read, in its past."""
        past = self.past[read.id]
        for s, writes in self.writes.get(canonical(read.key), {}).items():
            known = bisect_left(writes, past[s], key=lambda op: self.place[op.id][1])
            if known:
                yield writes[known - 1]

    def _circle(self) -> Broken:
        """A shortest circle through some operation that is on one."""
        left = {op_id for op_id in self.before if op_id not in self.past}
        walk = [min(left)]
        while True:
            step = next(b for b in sorted(self.before[walk[-1]]) if b in left)
            if step in walk:
                break
            walk.append(step)
        circle = self._shortest(step, left)
        ops = self.operations
        edges = [
            f"{by(ops[one])} before {by(ops[two])} ({self.before[two][one]})"
            for one, two in zip(circle, [*circle[1:], circle[0]], strict=True)
        ]
        operations = sorted((self.operations[op_id] for op_id in circle), key=lambda op: op.invoked)
        return Broken("the order runs in a circle: " + "; ".join(edges), *operations)

    def _shortest(self, start: int, left: set[int]) -> list[int]:
        """Breadth first, backwards from `start` to itself."""
        came: dict[int, int] = {}
        queue = [start]
        for two in queue:
            for one in sorted(self.before[two]):
                if one == start:
                    path = [start]
                    while two != start:
                        path.append(two)
                        two = came[two]
                    return path
                if one in left and one not in came:
                    came[one] = two
                    queue.append(one)
        raise AssertionError("the operation is on no circle")


def by(operation: Operation) -> str:
    """The operation in words, with its key and process."""
    key = "" if operation.key is None else f" on {operation.key!r}"
    return f"{described(operation)}{key} by {operation.process}"
