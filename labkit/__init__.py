"""The kit behind the course: write one node class; simulate it, explore it, run it for real.

``from labkit import Node, message, simulate, check`` is how a notebook begins.  Names are
loaded when first used, so that importing the package costs almost nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_HOME = {
    "Client": "node",
    "CheckFailed": "check",
    "Cluster": "cluster",
    "History": "history",
    "Link": "network",
    "Node": "node",
    "NodeId": "message",
    "Operation": "history",
    "Simulation": "simulation",
    "System": "system",
    "Walk": "explorer",
    "by_hand": "by_hand",
    "check": "check",
    "check_linearizable": "linearizability",
    "checks": "verdict",
    "dataset": "datasets",
    "earlier_lab": "earlier",
    "exercise": "exercise",
    "expect": "verdict",
    "hint": "help",
    "history_figure": "figures",
    "load_lab": "lab",
    "message": "message",
    "panel": "figures",
    "predict": "help",
    "progress": "help",
    "replay": "check",
    "scenarios": "portfolio",
    "show_source": "exercise",
    "simulate": "simulate",
    "solution": "help",
    "spacetime": "figures",
    "start_cluster": "start_cluster",
    "unwritten": "exercise",
    "use_answers": "earlier",
    "walks": "portfolio",
}

__all__ = sorted(_HOME)


class _Face(ModuleType):
    """The package as a notebook sees it: ``labkit.check`` is the function, not the module it lives in."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"labkit has no {name!r}; it has {', '.join(__all__)}")
    if name in ("exercise", "check", "use_answers"):
        import_module("labkit.exercise").record_cells()
    value = getattr(import_module(f"labkit.{home}"), name)
    globals()[name] = value
    return value
