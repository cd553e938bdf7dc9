"""Causal consistency and PRAM.

Causal memory (Ahamad, Neiger, Burns, Kohli and Hutto, 1995): each process sees all writes and
its own reads in some legal order that keeps the causal order, which is the order of each
process and from each write to its reads, and so on.  PRAM (Lipton and Sandberg, 1988)
keeps only the order of each process.  Processes may disagree about concurrent writes,
unless the store is also to converge.

How it is decided (Bouajjani, Enea, Guerraoui and Hamza, "On verifying causal consistency",
2017): a write w' to the key of a read of w that must come before the read must come before
w.  Add this for the reads of one process until nothing is new.  A legal order for that
process exists exactly if there is no circle, and no read of the initial value has a write
to its key in its past.  For convergence the same rule is applied once, to the causal
order, for all processes together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from labkit.consistency.order import Order, by
from labkit.consistency.reads_from import READS, Broken, CannotJudge, ReadsFrom, reads_from
from labkit.history import Operation
from labkit.linearizability.judgement import Judgement


def check_causal(history: Iterable[Operation], *, initial: Any = None, converging: bool = False) -> Judgement:
    """Whether all processes see causally related writes in order.

    With `converging` they must also agree on one order of concurrent writes.
    """
    level = "causally consistent and converging" if converging else "causally consistent"
    return _judged(list(history), initial, level, _check_converging if converging else _check_causal)


def check_pram(history: Iterable[Operation], *, initial: Any = None) -> Judgement:
    """Whether all processes see the writes of each process in the order it made them."""
    return _judged(list(history), initial, "PRAM consistent", _check_pram)


def _judged(history: Sequence[Operation], initial: Any, level: str, check: Any) -> Judgement:
    try:
        found = reads_from(history, initial)
        check(found)
    except CannotJudge as error:
        return Judgement("unknown", f"cannot be judged: {error}")
    except Broken as broken:
        return broken.judgement(level, history)
    return Judgement("ok", f"{level}: {len(found.operations)} operations")


def _causal_order(found: ReadsFrom) -> Order:
    order = Order(found)
    for op in found.operations:
        write = found.writer.get(op.id)
        if write is not None:
            order.add(write, op, "it was read")
    order.settle()
    return order


def _check_causal(found: ReadsFrom) -> None:
    for session in found.sessions:
        reads = [op for op in session if op.f in READS]
        if reads:
            _saturate(_causal_order(found), reads, found)
    _causal_order(found)


def _check_pram(found: ReadsFrom) -> None:
    for session in found.sessions:
        reads = [op for op in session if op.f in READS]
        if reads:
            others = [[op for op in s if op.f not in READS or s is session] for s in found.sessions]
            _saturate(_causal_order(replace(found, sessions=others)), reads, found)


def _saturate(order: Order, reads: Sequence[Operation], found: ReadsFrom) -> None:
    """Add what the reads of one process force, until nothing is new."""
    while sum([_force(order, read, found) for read in reads]):
        order.settle()


def _check_converging(found: ReadsFrom) -> None:
    order = _causal_order(found)
    for op in found.operations:
        if op.f in READS:
            _force(order, op, found)
    order.settle()


def _force(order: Order, read: Operation, found: ReadsFrom) -> int:
    """Put the writes that the read must have known before the one it saw; how many were new."""
    write = found.writer[read.id]
    new = 0
    for known in order.last_writes(read):
        if write is None:
            raise Broken(f"{by(read)} saw the initial value, but {by(known)} came before it", known, read)
        if known is not write and not order.is_before(known, write):
            new += order.add(known, write, f"{by(read)} came after both and saw the second")
    return new
