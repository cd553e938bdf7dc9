"""The general search in up to three attempts, the cheap ones first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from labkit.history import Operation
from labkit.linearizability.search import Finding, Search
from labkit.linearizability.steps import Steps
from labkit.linearizability.window import Window
from labkit.models import Model

EASY = 200  # nodes of a hasty search after which a generous one is worth its while


def search(operations: Sequence[Operation], model: Model, initial: Any, budget: int) -> Finding:
    """Look for a legal order of the operations of one object, visiting at most `budget` nodes.

    With unanswered operations two cheap searches come first.  The *hasty* one remembers only
    one way to reach a configuration: if it finds an order, there is one.  The *generous*
    one spends unanswered operations as often as it likes: if it finds none, there is none.
    """
    steps = Steps(model, initial)
    window = Window(operations, steps)
    hasty = Search(steps, window, hasty=True).run(budget // 2 if window.maybe else budget)
    if hasty.legal or not window.maybe:
        return hasty
    nodes = hasty.nodes
    if nodes > EASY:
        limit = min(budget - nodes, 2 * nodes)  # its states may grow for ever
        generous = Search(steps, window, generous=True).run(limit)
        nodes += generous.nodes
        if generous.legal is False:
            return replace(generous, nodes=nodes)
    exact = Search(steps, window).run(budget - nodes)
    return replace(exact, nodes=nodes + exact.nodes)
