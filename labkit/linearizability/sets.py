"""Sets that only grow; the values added may repeat.

Legal reads are ordered by inclusion: sorted by size, each holds all of the one before it.
Call the adds of members first shown by a read, and then the equal reads that show them, a
*layer* each; adds of members never shown are the last layer.  In a legal order

- no operation of a layer comes before a read of an earlier one, nor before all adds of a
  member of an earlier one;
- each member shown has an add, one that was invoked early enough.

The add that shows a member may be taken to be the one invoked first, because any other
one may as well come later.  So the history is legal exactly if no operation of a layer
returned before the invocation of an earlier layer's read or of the first add of an earlier
layer's member.  (Give each layer the moment of the latest such invocation in it and before
it: these moments rise, and every operation is still open at its own.)  The adds of one
layer do not disturb each other.  Cost: one pass over the values read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from labkit.history import Operation
from labkit.linearizability.chains import NEVER, Contradiction
from labkit.models import GrowSet, canonical

Layer = tuple[list[Operation], list[Operation]]  # who must be early, who must not be earlier


def conflict(operations: Sequence[Operation], initial: frozenset[Any]) -> list[Operation]:
    """Operations that no order explains, or none if the set is linearizable."""
    latest = None
    try:
        for early, all_ in _layers(operations, initial):
            first = min(all_, key=_return, default=None)
            if latest is not None and first is not None and _return(first) < latest.invoked:
                raise Contradiction(first, latest)
            latest = max([*early, *([latest] if latest else [])], key=_invoked, default=None)
    except Contradiction as contradiction:
        return contradiction.operations
    return []


def _layers(operations: Sequence[Operation], initial: frozenset[Any]) -> Iterator[Layer]:
    adds: dict[Any, list[Operation]] = {}
    for op in sorted(operations, key=_invoked):
        if op.f == "add":
            adds.setdefault(canonical(op.value), []).append(op)
    shown = initial
    proof: list[Operation] = []
    for members, group in groupby(_reads(operations), key=lambda read: read[0]):
        reads = [op for _, op in group]
        if not shown <= members:
            raise Contradiction(*proof, reads[0])
        new = members - shown
        if not adds.keys() >= new:
            raise Contradiction(reads[0])
        yield [adds[m][0] for m in new], [op for m in new for op in adds[m]]
        yield reads, reads
        shown, proof = members, reads[:1]
    yield [], [op for member in adds.keys() - shown for op in adds[member]]


def _reads(operations: Sequence[Operation]) -> list[tuple[frozenset[Any], Operation]]:
    """The reads with the members they show, by size."""
    reads = []
    for op in operations:
        if op.f == "read":
            members = GrowSet().seen("read", op.result)
            if not isinstance(members, frozenset):
                raise Contradiction(op)
            reads.append((members, op))
    return sorted(reads, key=lambda read: len(read[0]))


def _invoked(operation: Operation) -> int:
    return operation.invoked


def _return(operation: Operation) -> float:
    return NEVER if operation.returned is None else operation.returned
