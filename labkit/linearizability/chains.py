"""Registers, compare-and-set, appends and logs whose written values are all different.

Every value is written once, so each read names the one write that it saw, each successful
``cas([expected, new])`` the value that it followed at once, and a read of "abc" or
[a, b, c] the order of the appends that made it.  Values so linked form a *chain*: in every
legal order the operations of a chain are one unbroken block, and the order inside it is
fixed, but for reads of equal values.

Why this decides (Gibbons and Korach, "Testing shared memories", 1997, for single values):
block A must come before block B exactly if some operation of A returned before some
operation of B was invoked, that is if first return of A < last invocation of B.  A cycle
of such relations contains two blocks that must come before each other: the one with the
earliest first return and the one with the latest last invocation.  So an order exists
exactly if (1) no chain contradicts real time inside, and (2) no two blocks must each come
before the other.  Call a block *forward* if its first return is before its last
invocation: forward blocks must not overlap, and the span of any other block must not lie
inside that of a forward one.  Sorting decides both: O(n log n).

A write that was never answered and never seen can be taken as one that never happened.
Does not apply with equal values, deletes, or a refused cas in an otherwise legal history.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from labkit.history import Operation
from labkit.models import canonical

READS = frozenset({"read", "get"})
WRITES = frozenset({"write", "put"})
BEFORE_ALL = Operation(-1, "", "", "initial", outcome="ok", invoked=-1, returned=-1)
NEVER = float("inf")


class NotApplicable(Exception):
    """The values of this history are not distinct enough for the algorithm."""


class Contradiction(Exception):
    """No order explains these operations, whatever the others did."""

    def __init__(self, *operations: Operation) -> None:
        self.operations = [op for op in operations if op is not BEFORE_ALL]


class Value:
    """One value of the object: its writer, earliest and latest read, neighbours in the chain.

    ``proof`` is a read that shows the value's place in its chain, if it takes one.
    """

    __slots__ = ("child", "first_read", "last_read", "parent", "proof", "writer")

    def __init__(self, writer: Operation) -> None:
        self.writer = writer
        self.parent: Value | None = None
        self.child: Value | None = None
        self.first_read: Operation | None = None
        self.last_read: Operation | None = None
        self.proof: Operation | None = None

    def follow(self, parent: Value) -> None:
        """This value was written when the object had the value of `parent`, which ended there."""
        if parent.child is not None:
            raise Contradiction(self.writer, parent.child.writer, parent.writer)
        self.parent, parent.child = parent, self

    def read_by(self, read: Operation) -> None:
        """Remember a read of this value, if it is the first to return or the last invoked."""
        if self.first_read is None or read.returned < self.first_read.returned:  # type: ignore[operator]
            self.first_read = read
        if self.last_read is None or read.invoked > self.last_read.invoked:
            self.last_read = read

    @property
    def happened(self) -> bool:
        """Whether it is known that the value was written."""
        return self.writer.outcome == "ok" or bool(self.first_read or self.child)


def check_chains(values: Iterable[Value]) -> None:
    """Raise `Contradiction` unless an order of all these values and their reads exists."""
    forward: list[tuple[float, float, Operation, Operation, Value]] = []
    other: list[tuple[float, float, Operation, Operation, Value]] = []
    for value in values:
        if value.parent is None and value.happened:
            first, last = _ends(value)
            start, end = _return(first), last.invoked
            (forward if start < end else other).append((start, end, first, last, value))
    forward.sort(key=lambda block: block[0])
    for one, two in pairwise(forward):
        if two[0] < one[1]:
            raise Contradiction(*_proof(one), *_proof(two))
    starts = [block[0] for block in forward]
    for two in other:
        one = forward[bisect_left(starts, two[1]) - 1] if forward else two
        if one[0] < two[1] and two[0] < one[1]:
            raise Contradiction(*_proof(one), *_proof(two))


def _ends(value: Value) -> tuple[Operation, Operation]:
    """The operation of the chain that returns first and the one invoked last.

    Walks the groups (writer, reads, next writer, ...) and checks that none of a later
    group returned before one of an earlier group was invoked.
    """
    first = last = value.writer
    link: Value | None = value
    while link is not None:
        writer, read = link.writer, link.first_read
        if _return(writer) < last.invoked:
            raise Contradiction(*_of(link, writer), *_of(value, last))
        first, last = _earlier(first, writer), _later(last, writer)
        if read is not None:
            if _return(read) < last.invoked:
                raise Contradiction(read, *_of(link, last))
            first, last = _earlier(first, read), _later(last, link.last_read or read)
        link = link.child
    return first, last


def _return(operation: Operation) -> float:
    return NEVER if operation.returned is None else operation.returned


def _earlier(one: Operation, other: Operation) -> Operation:
    return other if _return(other) < _return(one) else one


def _later(one: Operation, other: Operation) -> Operation:
    return other if other.invoked > one.invoked else one


def _of(value: Value, operation: Operation) -> list[Operation]:
    return [operation, value.writer] + ([value.proof] if value.proof else [])


def _proof(block: tuple[float, float, Operation, Operation, Value]) -> list[Operation]:
    return [block[2], *_of(block[4], block[3])]


def conflict(operations: Sequence[Operation], initial: Any) -> list[Operation]:
    """Operations that no order explains, or none if read, write and cas are linearizable."""
    try:
        values = {canonical(initial): Value(BEFORE_ALL)}
        refused = _add_writers(values, operations)
        _add_reads(values, operations)
        _link(values)
        check_chains(values.values())
    except Contradiction as contradiction:
        return contradiction.operations
    if refused:
        raise NotApplicable
    return []


def _add_writers(values: dict[Any, Value], operations: Sequence[Operation]) -> bool:
    """One `Value` for each write; whether a cas was refused, which this algorithm cannot place."""
    refused = False
    for op in operations:
        if op.f in READS:
            continue
        if op.f == "cas" and op.outcome == "ok" and op.result is False:
            refused = True
            continue
        if op.f not in WRITES and op.f != "cas":
            raise NotApplicable
        written = canonical(op.value[1] if op.f == "cas" else op.value)
        if written in values:
            raise NotApplicable
        values[written] = Value(op)
    return refused


def _add_reads(values: dict[Any, Value], operations: Sequence[Operation]) -> None:
    for op in operations:
        if op.f in READS:
            value = values.get(canonical(op.result))
            if value is None:
                raise Contradiction(op)
            value.read_by(op)


def _link(values: dict[Any, Value]) -> None:
    """Let the value of each cas that happened follow the value that it expected."""
    todo = [v for v in values.values() if v.writer.f == "cas" and v.happened]
    for value in todo:
        parent = values.get(canonical(value.writer.value[0]))
        if parent is None:
            raise Contradiction(value.writer)
        if parent.writer.f == "cas" and not parent.happened:
            todo.append(parent)
        value.follow(parent)
    unchecked = set(todo)
    while unchecked:
        start = value = unchecked.pop()
        while value.parent in unchecked:
            value = value.parent
            unchecked.remove(value)
        if value.parent is start:
            raise Contradiction(*(v.writer for v in todo))
