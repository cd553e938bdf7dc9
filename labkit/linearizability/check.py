"""Checks each object of a history with the algorithm that fits it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from labkit.history import Operation
from labkit.linearizability import appends, chains, counters, queues, sets
from labkit.linearizability.attempts import search
from labkit.linearizability.chains import NotApplicable
from labkit.linearizability.explanation import explain
from labkit.linearizability.judgement import Judgement
from labkit.models import Counter, GrowSet, KeyValue, Log, Model, Queue, Register, canonical

BUDGET = 1_000_000
FIRST_TRY = 1_000  # nodes; a hard key must not hide an easy violation on another
GROWTH = 8
RECHECK = 2_000  # nodes of one check while a violation is made smaller


def check_linearizable(history: Iterable[Operation], model: Model, budget: int = BUDGET) -> Judgement:
    """Whether every operation can have happened at one moment while it was open.

    `budget` is the number of nodes that the general search may visit for the whole history.
    """
    objects = [_Object(operations, model) for operations in _by_key(history, model)]
    count = sum(len(each.operations) for each in objects)
    hard: list[_Object] = []
    for each in objects:
        found = each.special(each.operations)
        if found:
            return each.violation(found, 0)
        if found is None:
            hard.append(each)
    return _search_all(hard, count, budget)


def _search_all(objects: list[_Object], count: int, budget: int) -> Judgement:
    """Search the objects in turns with a growing limit, so that the easy ones come first."""
    nodes, limit = 0, FIRST_TRY
    witness: Sequence[Operation] | None = None
    while objects:
        hard = []
        for each in objects:
            allowed = min(limit + len(each.operations), budget - nodes)
            finding = search(each.operations, each.model, each.initial, allowed)
            nodes += finding.nodes
            if finding.legal is False and finding.stuck is not None:
                return each.violation([finding.stuck], nodes)
            if finding.legal is None:
                hard.append(each)
            witness = finding.order if len(finding.order) == count else None
        if hard and nodes >= budget:
            reason = (
                f"the search ended after {nodes} nodes, and {len(hard)} of the objects are not "
                "decided. Give a larger budget, or use fewer clients a key or different values."
            )
            return Judgement("unknown", reason, nodes=nodes)
        objects, limit = hard, limit * GROWTH
    return Judgement("ok", f"linearizable: {count} operations", witness=witness, nodes=nodes)


def _by_key(history: Iterable[Operation], model: Model) -> Iterable[list[Operation]]:
    """The operations that count, each object's together: not the failed, not unanswered reads."""
    groups: dict[Any, list[Operation]] = {}
    for op in history:
        if op.outcome == "ok" or (op.outcome == "info" and not model.is_read(op)):
            groups.setdefault(canonical(op.key) if model.per_key else None, []).append(op)
    return groups.values()


class _Object:
    """The operations on one key, and how to judge them."""

    def __init__(self, operations: list[Operation], model: Model) -> None:
        self.operations = operations
        self.model = model
        self.key = operations[0].key if model.per_key else None
        self.initial = model.initial_for(self.key)

    def special(self, operations: Sequence[Operation]) -> list[Operation] | None:
        """Operations in conflict, none if legal, None where no special algorithm applies."""
        conflict = _special_algorithm(self.model, operations)
        if conflict is None:
            return None
        try:
            return conflict(operations, self.initial)
        except NotApplicable:
            return None

    def wrong(self, operations: Sequence[Operation]) -> tuple[bool, int]:
        """Whether a part of the history is surely wrong, and the nodes that it took to say so."""
        found = self.special(operations)
        if found is not None:
            return bool(found), 0
        finding = search(operations, self.model, self.initial, RECHECK)
        return finding.legal is False, finding.nodes

    def violation(self, suspects: Sequence[Operation], nodes: int) -> Judgement:
        violation = explain(self.operations, suspects, self.model, self.key, self.wrong)
        return Judgement("violation", violation.sentence, violation, nodes=nodes)


Conflict = Callable[[Sequence[Operation], Any], list[Operation]]


def _special_algorithm(model: Model, operations: Sequence[Operation]) -> Conflict | None:
    """By the exact class: a subclass may mean something else by the same words."""
    special: dict[type[Model], Conflict] = {
        Register: chains.conflict,
        KeyValue: chains.conflict,
        Log: appends.conflict_of_log,
        Queue: queues.conflict,
        GrowSet: sets.conflict,
        Counter: counters.conflict,
    }
    if type(model) is KeyValue and any(op.f == "append" for op in operations):
        return appends.conflict_of_strings
    return special.get(type(model))
