"""Which small systems run, what is done to them, and what each runtime must show in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labkit.counterexample import Step
from labkit.network import Link
from labkit.node import Node
from labkit.system import System

from . import programs as p

Look = Callable[[str], dict[str, Any]]

CALLS = [
    ("put", "x", 1),
    ("get", "x"),
    ("refuse", "x"),
    ("lose", "x"),
    ("put", "x", 2),
    ("get", "x"),
]
ENDS = [("put", "ok", 1), ("get", "ok", 1), ("refuse", "fail", None), ("lose", "info", None),
        ("put", "ok", 2), ("get", "ok", 2)]  # fmt: skip


AT_ONCE = Link(delay_ms=(0, 0))


@dataclass(frozen=True)
class Scenario:
    """`role` on some nodes until ``done``; then, if `restart`, crash that, and wait for ``again``.

    ``cut`` crashes n1 within its first timer's handler, after so many effects, and restarts it.
    ``broken`` is part of the violation that ends the run instead.
    """

    role: type[Node]
    done: Callable[[Look], bool] = lambda _look: True
    nodes: int = 2
    restart: str = ""
    again: Callable[[Look], bool] = lambda _look: True
    cut: int | None = None
    broken: str = ""
    calls: tuple[Any, ...] = ()
    link: Link = AT_ONCE

    @property
    def name(self) -> str:
        return self.role.__name__ if self.cut is None else f"{self.role.__name__}-{self.cut}"

    @property
    def system(self) -> System:
        workload = {"c1": self.calls} if self.calls else {}
        return System.of(self.nodes, self.role.__name__, client="Asker", workload=workload)

    @property
    def crash_step(self) -> Step:
        return Step("timer", "n1", None, "begin", self.cut)


def seen(id: str, *values: Any) -> Callable[[Look], bool]:
    return lambda look: look(id).get("seen") == values


SCENARIOS = (
    Scenario(p.Echo, seen("n1", 1)),
    Scenario(p.Many, lambda look: look("n2") == {"seen": frozenset(range(50)), "count": 50}),
    Scenario(p.Once, lambda look: look("n2").get("count") == 50, link=Link((0, 5), duplication=1)),
    Scenario(p.Replaced, seen("n1", "a")),
    Scenario(p.Cancelled, seen("n1", "end")),
    Scenario(p.Rearmed, seen("n1", 0, 1, 2, 3, 4)),
    Scenario(p.Thousand, lambda look: look("n1").get("count") == 1000, nodes=1),
    Scenario(p.Herself, seen("n1", "first", "me"), nodes=1),
    Scenario(p.Stranger, broken="n1 tried to send Put to 'n9', but its peers are n2"),
    Scenario(p.Raising, broken="ValueError: no such luck"),
    Scenario(p.Unwritten, broken="Exercise 0.1: write me"),
    Scenario(p.Unknown, broken="n2 got Put(value=1) from n1, but its on_message has no case"),
    Scenario(p.Memory, seen("n1", "mark"), 1, "n1", lambda look: look("n1") == {
        "kept": 2, "lives": (p.Put(p.Colour.RED),), "seen": ("mark",)}),
    Scenario(p.Halfway, lambda look: look("n1").get("kept") == 1 and look("n2") == {
        "kept": 0, "seen": ()}, cut=1),
    Scenario(p.Hasty, lambda look: look("n2").get("seen") == (1, 1), cut=1),
    Scenario(p.Patient, seen("n1", "yes"), 2, "n2",
             lambda look: look("n2").get("seen") in ((), ("there?",))),
    Scenario(p.Herald, lambda look: look("n1").get("seen") == () and all(
        look(id).get("seen") == ("n1",) for id in ("n2", "n3", "n4")), nodes=4),
    Scenario(p.Heavy, lambda look: look("n2") == {
        "seen": frozenset((("bytes", 1 << 20), ("str", 1 << 20)))}),
    Scenario(p.Everything, seen("n1", p.EVERYTHING)),
    Scenario(p.Speaking),
    Scenario(p.Claiming, broken="leader of term 1 is n"),
    Scenario(p.Dicing, lambda look: len(look("n1").get("seen", ())) == 3, 2, "n1",
             lambda look: len(look("n1").get("seen", ())) == 3),
    Scenario(p.Shy, lambda look: look("n2") == {
        "peers": ("n1", "n3"), "list": (1, (("a", 1), ("b", 2))), "id": "n2"}, nodes=3),
    Scenario(p.Register, lambda look: look("c1").get("asked") == 6, nodes=1, calls=tuple(CALLS)),
)  # fmt: skip
