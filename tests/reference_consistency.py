"""The consistency levels by their definitions, with every order tried; for small histories."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import permutations
from random import Random
from typing import Any

from brute_force import exists_order

from labkit.consistency import check_causal, check_pram, check_sequential, check_sessions
from labkit.history import History, Operation
from labkit.models import Register

Relation = set[tuple[int, int]]


def small_sessions(random: Random) -> History:
    """Up to 8 reads and writes of two keys; reads see any value, mostly one written before."""
    history = History()
    processes = random.randrange(2, 4)
    calls = [
        (f"p{random.randrange(processes)}", random.choice("xy"), random.random() < 0.5)
        for _ in range(random.randrange(3, 9))
    ]
    values = {"x": [None], "y": [None]}
    for number, (_, key, writes) in enumerate(calls):
        if writes:
            values[key].append(number)
    for number, (client, key, writes) in enumerate(calls):
        op = history.invoke(client, "write" if writes else "read", key, number if writes else None)
        if random.random() < 0.1:
            history.info(op.id)
        else:
            known = [v for v in values[key] if v is None or v < number or random.random() < 0.1]
            history.ok(op.id, None if writes else random.choice(known))
    return history


def _session_order(operations: Sequence[Operation]) -> Relation:
    return {
        (a.id, b.id)
        for a in operations
        for b in operations
        if _client(a) == _client(b) and a.invoked < b.invoked and a.outcome == "ok"
    }


def _client(op: Operation) -> Any:
    return op.process


def _closed(relation: Relation) -> Relation:
    closed = set(relation)
    while True:
        new = {(a, d) for a, b in closed for c, d in closed if b == c} - closed
        if not new:
            return closed
        closed |= new


def _counting(history: History) -> list[Operation]:
    return [op for op in history if op.outcome == "ok" or op.f == "write"]


def _writer(read: Operation, operations: Sequence[Operation]) -> Operation | None:
    wrote = (op for op in operations if op.f == "write" and op.key == read.key)
    return next((write for write in wrote if write.value == read.result), None)


def _causal(operations: Sequence[Operation]) -> Relation | None:
    """Session order and reads-from, closed; None if it runs in a circle."""
    edges = _session_order(operations)
    for op in operations:
        write = _writer(op, operations) if op.f == "read" and op.result is not None else None
        if write is not None:
            edges.add((write.id, op.id))
    closed = _closed(edges)
    return None if any(a == b for a, b in closed) else closed


def is_sequential(history: History) -> bool:
    operations = _counting(history)
    order = _session_order(operations)
    return exists_order(operations, Register(), lambda a, b: (a.id, b.id) in order)


def _views(operations: Sequence[Operation], order: Relation) -> bool:
    """Each process has a legal order of all writes and its own reads."""
    for process in {op.process for op in operations}:
        view = [op for op in operations if op.f == "write" or op.process == process]
        if not exists_order(view, Register(), lambda a, b: (a.id, b.id) in order):
            return False
    return True


def is_causal(history: History) -> bool:
    operations = _counting(history)
    order = _causal(operations)
    return order is not None and _views(operations, order)


def is_pram(history: History) -> bool:
    operations = _counting(history)
    return _views(operations, _session_order(operations))


def is_converging(history: History) -> bool:
    operations = _counting(history)
    order = _causal(operations)
    if order is None:
        return False
    reads = [op for op in operations if op.f == "read"]
    seen = {_writer(r, operations).id for r in reads if r.result is not None}
    writes = [w for w in operations if w.f == "write" and (w.outcome == "ok" or w.id in seen)]
    for arbitration in permutations(writes):
        rank = {w.id: i for i, w in enumerate(arbitration)}
        if any(a in rank and b in rank and rank[a] > rank[b] for a, b in order):
            continue
        if all(_last_known(r, arbitration, order) == r.result for r in reads):
            return True
    return False


def _last_known(read: Operation, arbitration: Iterable[Operation], order: Relation) -> Any:
    known = [w.value for w in arbitration if w.key == read.key and (w.id, read.id) in order]
    return known[-1] if known else None


def _guaranteed(*names: str) -> Callable[[History], bool]:
    def holds(history: History) -> bool:
        operations = _counting(history)
        reads = [op for op in operations if op.f == "read"]
        seen = {_writer(r, operations).id for r in reads if r.result is not None}
        writes = [w for w in operations if w.f == "write" and (w.outcome == "ok" or w.id in seen)]
        return any(_keeps(order, operations, names) for order in permutations(writes))

    return holds


def _keeps(order: Sequence[Operation], operations: Sequence[Operation], names: Sequence[str]) -> bool:
    rank = {w.id: i for i, w in enumerate(order)}
    for a in operations:
        for b in operations:
            earlier = a.process == b.process and a.invoked < b.invoked and a.outcome == "ok"
            if earlier and not all(_GUARANTEES[name](a, b, operations, rank) for name in names):
                return False
    return True


def _rank(read: Operation, operations: Sequence[Operation], rank: dict[int, int]) -> int:
    write = _writer(read, operations) if read.result is not None else None
    return -1 if write is None else rank[write.id]


def _ryw(a: Operation, b: Operation, ops: Sequence[Operation], rank: dict[int, int]) -> bool:
    concerned = (a.f, b.f) == ("write", "read") and a.key == b.key
    return not concerned or rank[a.id] <= _rank(b, ops, rank)


def _mr(a: Operation, b: Operation, ops: Sequence[Operation], rank: dict[int, int]) -> bool:
    concerned = (a.f, b.f) == ("read", "read") and a.key == b.key
    return not concerned or _rank(a, ops, rank) <= _rank(b, ops, rank)


def _mw(a: Operation, b: Operation, _: Sequence[Operation], rank: dict[int, int]) -> bool:
    concerned = (a.f, b.f) == ("write", "write") and b.id in rank
    return not concerned or rank[a.id] < rank[b.id]


def _wfr(a: Operation, b: Operation, ops: Sequence[Operation], rank: dict[int, int]) -> bool:
    concerned = (a.f, b.f) == ("read", "write") and b.id in rank
    return not concerned or _rank(a, ops, rank) < rank[b.id]


_GUARANTEES: dict[str, Callable[..., bool]] = {"RYW": _ryw, "MR": _mr, "MW": _mw, "WFR": _wfr}

LEVELS: list[tuple[str, Callable[[History], Any], Callable[[History], bool]]] = [
    ("sequential", lambda h: check_sequential(h, Register()), is_sequential),
    ("causal", check_causal, is_causal),
    ("converging", lambda h: check_causal(h, converging=True), is_converging),
    ("PRAM", check_pram, is_pram),
    ("sessions", check_sessions, _guaranteed("RYW", "MR", "MW", "WFR")),
    *((name, lambda h, n=name: check_sessions(h, [n]), _guaranteed(name)) for name in _GUARANTEES),
]
