"""How runs are judged: what a judge may look at, and when."""

from __future__ import annotations

from labkit.handle import LocalHandle
from labkit.node import Node
from labkit.portfolio import scenarios, walks
from labkit.program import LocalProgram
from labkit.system import System


class Counter(Node):
    def on_start(self):
        self.boots = 1


class Mortal(LocalHandle):
    """A node that can be asked nothing once it was let go, like one in another process."""

    __slots__ = ("_is_closed",)

    def observe(self):
        return {} if getattr(self, "_is_closed", False) else super().observe()

    def close(self):
        self._is_closed = True


class MortalProgram(LocalProgram):
    def handle(self, role, id, peers, system, seed):
        return Mortal(self.role(role), id, peers, system, seed)


def test_a_judge_looks_at_nodes_before_they_are_let_go():
    seen = []
    program, system = MortalProgram({"Counter": Counter}), System.of(1, "Counter")

    def judge(run):
        seen.append(run.observe("n1"))

    scenarios(program, system, lambda run: run.run(5), runs=1, judge=judge)
    walks(program, system, count=1, judge=judge)
    assert seen == [{"boots": 1}, {"boots": 1}]
