"""Which operations of one object are open when: the ground that the general search walks on.

Answered operations are numbered by their returns.  *Waiting for return i* means that all
operations before i are placed; what may be placed next are the others that were invoked
before return i.  Each of them has a bit of its own among the operations open at the same
time; a bit is used again after a return, so masks stay small in long histories.
Unanswered operations have no return and no bit: they are counted apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

from labkit.history import Operation
from labkit.linearizability.steps import Steps


class Window:
    """Answered operations by return, unanswered writers by invocation, and who is open when."""

    def __init__(self, operations: Sequence[Operation], steps: Steps) -> None:
        model = steps.model
        self.done = sorted((op for op in operations if op.outcome == "ok"), key=_returned)
        self.maybe = [op for op in operations if op.outcome == "info" and not model.is_read(op)]
        self.maybe.sort(key=lambda op: op.invoked)
        self.calls = [steps.call_id(op) for op in self.done]
        self.maybe_calls = [steps.call_id(op) for op in self.maybe]
        self.bits = _bits(self.done)
        self._walk(steps)

    def _walk(self, steps: Steps) -> None:
        """For each return: the reads and writers open before it, the newly opened reads."""
        is_read = [steps.model.is_read(op) for op in self.done]
        arrivals = sorted(range(len(self.done)), key=lambda j: self.done[j].invoked)
        self.reads: list[list[int]] = []
        self.writers: list[list[int]] = []
        self.new_reads: list[list[int]] = []
        self.ready: list[int] = []
        reads: list[int] = []
        writers: list[int] = []
        next_arrival = next_maybe = 0
        for i, operation in enumerate(self.done):
            reads = [j for j in reads if j >= i]
            writers = [j for j in writers if j >= i]
            fresh: list[int] = []
            while next_arrival < len(arrivals):
                j = arrivals[next_arrival]
                if self.done[j].invoked > _returned(operation):
                    break
                (fresh if is_read[j] else writers).append(j)
                next_arrival += 1
            while next_maybe < len(self.maybe) and self.maybe[next_maybe].invoked < _returned(operation):
                next_maybe += 1
            reads += fresh
            writers.sort()
            self.reads.append(reads)
            self.writers.append(writers)
            self.new_reads.append(fresh)
            self.ready.append(next_maybe)


def _returned(operation: Operation) -> int:
    assert operation.returned is not None, f"{operation} is ok, but has no return"
    return operation.returned


def _bits(done: Sequence[Operation]) -> list[int]:
    """A bit for each operation, different from all that overlap it; the lowest free one."""
    events = sorted(
        [(op.invoked, True, j) for j, op in enumerate(done)]
        + [(_returned(op), False, j) for j, op in enumerate(done)]
    )
    free: list[int] = []
    bits = [0] * len(done)
    used = 0
    for _, begins, j in events:
        if not begins:
            heappush(free, bits[j])
        elif free:
            bits[j] = heappop(free)
        else:
            bits[j] = 1 << used
            used += 1
    return bits
