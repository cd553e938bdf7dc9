"""Sequential consistency (Lamport, "How to make a multiprocessor computer", 1979).

All operations, of all keys together, in one legal order that keeps the order of each
process; real time does not matter.  It is not local: each key alone may be fine.

The search walks over how far each process has come.  A legal read is placed at once, as in
`linearizability.search`.  Where all writes to a key differ, a write may not replace a
value that somebody has still to read.  Unanswered operations are spent last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from labkit.consistency.causal import check_causal
from labkit.history import Operation
from labkit.linearizability.explanation import minimal, unanswered
from labkit.linearizability.judgement import Judgement, Violation, described
from labkit.linearizability.steps import NOT_LEGAL, Steps
from labkit.models import KeyValue, Model, Register, canonical

BUDGET = 300_000
SMALL = 300  # operations of a history whose violation is made smaller
RECHECK = 2_000
Node = tuple[tuple[int, ...], tuple[int, ...], frozenset[int], Any]


def check_sequential(history: Iterable[Operation], model: Model, budget: int = BUDGET) -> Judgement:
    """Whether one order of all operations explains what every process saw.

    `budget` is the number of nodes that the search may visit.
    """
    operations = [op for op in history if op.outcome != "fail"]
    if type(model) in (Register, KeyValue) and not isinstance(model.initial, dict):
        causal = check_causal(operations, initial=model.initial)
        if causal.violation is not None:
            sentence = f"not sequentially consistent, because {causal.reason}"
            core, others = causal.violation.core, causal.violation.others
            return Judgement("violation", sentence, Violation(sentence, core, others=others))
    search = _Search(operations, model)
    legal = search.run(budget)
    if legal is None:
        return Judgement("unknown", f"the search ended after {search.nodes} nodes", nodes=search.nodes)
    if legal:
        reason = f"sequentially consistent: {len(operations)} operations"
        return Judgement("ok", reason, witness=search.best, nodes=search.nodes)
    return _explained(operations, model, search)


def _explained(operations: Sequence[Operation], model: Model, search: _Search) -> Judgement:
    order = search.best
    core: list[Operation] = []
    if len(operations) <= SMALL:
        core = _smaller(operations, model)
    heads = " or ".join(f"{described(op)} by {op.process}" for op in search.heads)
    sentence = f"not sequentially consistent: after {len(order)} operations, nobody can go on with {heads}"
    violation = Violation(sentence, core, order=order, others=len(operations) - len(core))
    return Judgement("violation", sentence, violation, nodes=search.nodes)


def _smaller(operations: Sequence[Operation], model: Model) -> list[Operation]:
    """Operations that are wrong even if all others are never answered."""

    def wrong(kept: Sequence[Operation]) -> bool:
        ids = {op.id for op in kept}
        others = [unanswered(op) for op in operations if op.id not in ids and not model.is_read(op)]
        return _Search([*kept, *others], model).run(RECHECK) is False

    answered = [op for op in operations if op.outcome == "ok"]
    return minimal(answered, wrong) if wrong(answered) else []


class _Search:
    def __init__(self, operations: Sequence[Operation], model: Model) -> None:
        self.nodes = 0
        self.best: list[Operation] = []
        self.heads: list[Operation] = []
        self.seen: dict[Any, list[frozenset[int]]] = {}
        self.stack: list[tuple[Node, int, bool]] = []
        self.saved: list[Node] = []
        self.steps: list[Steps] = []
        self.call: dict[int, tuple[int, int]] = {}
        self.sessions: list[list[Operation]] = []
        self.maybe: list[tuple[Operation, int, int]] = []  # with its session and its place there
        self.model = model
        self._group(sorted(operations, key=lambda op: op.invoked))

    def _group(self, operations: Sequence[Operation]) -> None:
        keys: dict[Any, int] = {}
        sessions: dict[Any, int] = {}
        for op in operations:
            name = canonical(op.key) if self.model.per_key else None
            if name not in keys:
                keys[name] = len(keys)
                self.steps.append(Steps(self.model, self.model.initial_for(op.key)))
            key = keys[name]
            self.call[op.id] = key, self.steps[key].call_id(op)
            s = sessions.setdefault(canonical(op.process), len(sessions))
            if s == len(self.sessions):
                self.sessions.append([])
            if op.outcome == "ok":
                self.sessions[s].append(op)
            elif not self.model.is_read(op):
                self.maybe.append((op, s, len(self.sessions[s])))

    def run(self, budget: int) -> bool | None:
        """Whether an order exists; None if `budget` nodes were not enough."""
        if self._enter((0,) * len(self.sessions), (0,) * len(self.steps), frozenset(), None):
            return True
        while self.stack or self.saved:
            if self.nodes >= budget:
                return None
            if self.stack:
                if self._follow(*self.stack.pop()):
                    return True
            else:
                node = self.saved.pop()
                self.stack += [(node, k, True) for k in self._spendable(node)]
        return False

    def _follow(self, node: Node, which: int, maybe: bool) -> bool:
        positions, states, spent, trail = node
        op = self.maybe[which][0] if maybe else self.sessions[which][positions[which]]
        key, call = self.call[op.id]
        after = self.steps[key].rows[states[key]][call]
        if after == NOT_LEGAL:
            return False
        states = (*states[:key], after, *states[key + 1 :])
        if maybe:
            spent |= {which}
        else:
            positions = _advanced(positions, which)
        return self._enter(positions, states, spent, (trail, op))

    def _enter(self, positions: Any, states: Any, spent: frozenset[int], trail: Any) -> bool:
        """Place all legal reads, then remember the node; True when every process has ended."""
        moved = True
        while moved:
            moved = False
            for s, session in enumerate(self.sessions):
                while positions[s] < len(session) and self._reads(session[positions[s]], states):
                    trail = trail, session[positions[s]]
                    positions = _advanced(positions, s)
                    moved = True
        heads = [s for s, session in enumerate(self.sessions) if positions[s] < len(session)]
        before = self.seen.setdefault((positions, states), [])
        if heads and any(fewer <= spent for fewer in before):
            return False
        before.append(spent)
        self.nodes += 1
        if not heads or sum(positions) >= len(self.best):
            self.best = _unrolled(trail)
            self.heads = [self.sessions[s][positions[s]] for s in heads]
        node = positions, states, spent, trail
        self.stack += [(node, s, False) for s in reversed(heads) if self._may_go(s, node)]
        self.saved.append(node)
        return not heads

    def _reads(self, op: Operation, states: Any) -> bool:
        key, call = self.call[op.id]
        return self.model.is_read(op) and self.steps[key].rows[states[key]][call] == states[key]

    def _may_go(self, s: int, node: Node) -> bool:
        return not self.model.is_read(self.sessions[s][node[0][s]])

    def _spendable(self, node: Node) -> list[int]:
        """Unanswered operations that their process has come to, one of each call."""
        positions, states, spent, _ = node
        first: dict[tuple[int, int], int] = {}
        for k, (op, s, place) in enumerate(self.maybe):
            key, call = self.call[op.id]
            if k not in spent and positions[s] >= place and self.steps[key].matters(states[key], call):
                first.setdefault((key, call), k)
        return list(first.values())


def _advanced(positions: tuple[int, ...], s: int) -> tuple[int, ...]:
    return (*positions[:s], positions[s] + 1, *positions[s + 1 :])


def _unrolled(trail: Any) -> list[Operation]:
    order = []
    while trail is not None:
        trail, op = trail
        order.append(op)
    return order[::-1]
