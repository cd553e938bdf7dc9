"""The general search: is there an order of these operations that the model allows?

Wing and Gong's search over what may come next ("Testing and verifying concurrent
objects", 1993) with Lowe's memory of visited configurations ("Testing for
linearizability", 2017).  Four things make it smaller:

- A configuration is (next return, open operations already placed, state), not the set
  of everything placed: what returned before is placed in every configuration.
- A legal read is placed at once.  It changes no state, so it can be moved to now in any
  order that has it later, and nothing else sees a difference.
- Of open operations with equal calls, the one that returns first is placed first: if an
  order has them the other way round, they can be swapped in it.
- An unanswered operation may happen at any later moment or never.  It is spent when the
  search is stuck, few before many, and never where every call does the same with it as
  without it.  A configuration that spent more than an equal one is dropped.

If no configuration is left, the operation whose return was never passed is the one that
cannot be placed: linearizability is prefix-closed and everything was tried, so which one
it is does not depend on the order of the search.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from labkit.history import Operation
from labkit.linearizability.steps import NOT_LEGAL, Steps
from labkit.linearizability.window import Window

PATIENCE = 50  # nodes without progress, after which an unanswered operation is spent
COMPARISONS = 16  # comparisons with remembered configurations that count as one node

Trail = Any  # (earlier trail, number of an operation) or None: what was placed, last first
Node = tuple[int, int, int, frozenset[int], Trail]  # next return, mask, state, spent, trail


@dataclass(frozen=True, slots=True)
class Finding:
    """What a search found; `legal` is None when the budget ended first."""

    legal: bool | None
    nodes: int
    order: Sequence[Operation] = ()
    stuck: Operation | None = None
    states: Sequence[Any] = ()


class Search:
    """One search; `hasty` and `generous` are shortcuts that `attempts` explains."""

    def __init__(self, steps: Steps, window: Window, *, hasty: bool = False, generous: bool = False) -> None:
        self.steps = steps
        self.window = window
        self.hasty = hasty
        self.generous = generous
        self.seen: dict[tuple[int, int, int], list[frozenset[int]]] = {}
        self.stack: list[tuple[Node, int]] = []  # place this operation next; ~k: spend this one
        self.saved: list[tuple[int, int, int, Node]] = []
        self.useful: dict[int, list[int]] = {}  # by state: the unanswered ones that matter
        self.nodes = 0
        self.patience = PATIENCE
        self.furthest: tuple[int, Trail] = (-1, None)

    def run(self, budget: int) -> Finding:
        """Look for a legal order, visiting at most `budget` nodes."""
        if not self.window.done or self._enter(0, 0, 0, frozenset(), None, self.window.reads[0]):
            return self._found()
        while self.stack or self.saved:
            if self.nodes >= budget:
                return Finding(None, self.nodes)
            if not self.stack or (self.saved and self.nodes > self.patience):
                self.patience = self.nodes + PATIENCE
                node = heappop(self.saved)[-1]
                self.stack += [(node, ~k) for k in self._spendable(node)]
            elif self._follow(*self.stack.pop()):
                return self._found()
        return self._stuck()

    def _follow(self, node: Node, j: int) -> bool:
        i, mask, state, spent, trail = node
        if j < 0:
            after = self.steps.rows[state][self.window.maybe_calls[~j]]
            spent = spent if self.generous else spent | {~j}
            return self._enter(i, mask, after, spent, (trail, j), self.window.reads[i])
        after = self.steps.rows[state][self.window.calls[j]]
        return self._enter(i, mask | self.window.bits[j], after, spent, (trail, j), self.window.reads[i])

    def _enter(
        self, i: int, mask: int, state: int, spent: frozenset[int], trail: Trail, reads: list[int]
    ) -> bool:
        """Place the legal reads, pass the returns of what is placed; True when none is left."""
        bits, calls, row = self.window.bits, self.window.calls, self.steps.rows[state]
        while True:
            for j in reads:
                if not mask & bits[j] and row[calls[j]] == state:
                    mask |= bits[j]
                    trail = (trail, j)
            if not mask & bits[i]:
                break
            mask ^= bits[i]
            i += 1
            if i == len(bits):
                self.furthest = i, trail
                return True
            reads = self.window.new_reads[i]
        self._remember((i, mask, state, spent, trail))
        return False

    def _remember(self, node: Node) -> None:
        i, mask, state, spent, trail = node
        before = self.seen.setdefault((i, mask, state), [])
        if before and (self.hasty or any(fewer <= spent for fewer in before)):
            return
        before.append(spent)
        self.nodes += 1 + len(before) // COMPARISONS
        if i > self.furthest[0]:
            self.furthest = i, trail
            self.patience = self.nodes + PATIENCE
        self.stack += [(node, j) for j in self._placeable(i, mask, state)]
        if self.window.ready[i] > len(spent):
            heappush(self.saved, (-i, len(spent), self.nodes, node))

    def _placeable(self, i: int, mask: int, state: int) -> list[int]:
        """Open writers not yet placed, one of each call; on top (last) the most promising.

        That is one after which the operation waited for is legal, else the earliest return.
        """
        bits, calls, rows = self.window.bits, self.window.calls, self.steps.rows
        first: dict[int, int] = {}
        for j in self.window.writers[i]:
            if not mask & bits[j]:
                first.setdefault(calls[j], j)
        after = {j: rows[state][call] for call, j in first.items()}
        legal = [j for j in first.values() if after[j] != NOT_LEGAL][::-1]
        return sorted(legal, key=lambda j: rows[after[j]][calls[i]] != NOT_LEGAL)

    def _spendable(self, node: Node) -> Iterator[int]:
        """Unanswered operations invoked by now and not spent, the oldest of each call."""
        i, _, state, spent, _ = node
        if state not in self.useful:
            calls = enumerate(self.window.maybe_calls)
            self.useful[state] = [k for k, call in calls if self.steps.matters(state, call)]
        tried = set()
        for k in self.useful[state]:
            if k >= self.window.ready[i]:
                return
            call = self.window.maybe_calls[k]
            if k not in spent and call not in tried:
                tried.add(call)
                yield k

    def _found(self) -> Finding:
        return Finding(True, self.nodes, self._order())

    def _stuck(self) -> Finding:
        last = self.furthest[0]
        states = dict.fromkeys(state for i, _, state in self.seen if i == last)
        values = [self.steps.states[state] for state in states]
        return Finding(False, self.nodes, self._order(), self.window.done[last], values)

    def _order(self) -> list[Operation]:
        order, trail = [], self.furthest[1]
        while trail is not None:
            trail, j = trail
            order.append(self.window.done[j] if j >= 0 else self.window.maybe[~j])
        return order[::-1]
