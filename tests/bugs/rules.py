"""How protocols of the bank are judged: by what nodes claim, what clients are told, and recovery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType

from labkit.facts import Violation
from labkit.linearizability import check_linearizable
from labkit.models import Register
from labkit.portfolio import Liveness, portfolio
from labkit.program import LocalProgram
from labkit.system import System


@dataclass(frozen=True)
class Protocol:
    """One protocol, its bugs by name, and how it is judged.

    ``equivalent`` mutants break nothing, for the reason given; those ``beyond`` are real, and are
    not found with the public budget on every seed.
    """

    module: ModuleType
    system: System
    bugs: tuple[str, ...]
    equivalent: dict[str, str] = field(default_factory=dict)
    beyond: dict[str, str] = field(default_factory=dict)
    more: dict = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.module.__name__.rpartition(".")[2]

    def program(self, bug: str = "", *, facts: str = "own") -> LocalProgram:
        """The protocol with one guard broken, or none; nodes state their "own" facts, "none", or "false"."""
        named = dict(vars(self.module))
        for name, cls in vars(self.module).items():
            if isinstance(cls, type) and hasattr(cls, "BUG"):
                named[name] = type(name, (cls,), {"BUG": bug, **CLAIMS[facts]})
        return LocalProgram(named)

    def check(self, bug: str = "", *, facts: str = "own", **changes) -> Callable[..., None]:
        """A check that plays the default portfolio on it."""

        def judge(_):
            portfolio(self.program(bug, facts=facts), self.system, **{**self.more, **changes})

        return judge


def _nothing(_):
    return ()


def _reassuring(_):
    yield ("leader of term", 0), "n1"
    yield "all is well", True


CLAIMS = {"own": {}, "none": {"facts": _nothing}, "false": {"facts": _reassuring}}


def within(**limits):
    """Bounds on the public view: ``within(term=2)``; a limit on something with a length bounds that."""

    def judge(_, view):
        sizes = ((view.get(name), most) for name, most in limits.items())
        return all(v is None or (len(v) if isinstance(v, tuple) else v) <= most for v, most in sizes)

    return judge


def all_done(run):
    """Every call of every client has ended."""
    wanted = sum(len(calls) for _, calls in run.system.workload)
    return sum(op.outcome == "ok" for op in run.history) >= wanted


DONE = Liveness("every call is answered", all_done)


def entries_told(event):
    """What a client is told of an index holds for all clients."""
    if event.kind == "deliver" and type(event.data).__name__ == "Done":
        told = event.data
        yield ("entry told at", told.index), getattr(told, "command", None) or told.value


def leaders_seen(event):
    """Only a leader sends appends, so two senders in one term are two leaders."""
    if event.kind == "send" and type(event.data).__name__ == "Append":
        yield ("leader of term", event.data.term), event.node


def leads(id, **more):
    return lambda views: views[id]["role"] == "leader" and all(views[id][k] == v for k, v in more.items())


def length(id, count):
    return lambda views: len(views[id]["log"]) == count


def chosen(event):
    """Whatever any proposer learns holds for all."""
    if event.kind == "ok":
        yield "the chosen value", event.data


def voters_know(run):
    return all(
        run.observe(id).get("outcome") is not None
        for id in run.system.node_ids
        if run.observe(id).get("vote") is not None
    )


def linearizable(run):
    judgement = check_linearizable(run.history, Register(), 20_000)
    return (
        Violation("the register is linearizable", str(judgement))
        if judgement.verdict == "violation"
        else None
    )


def converged(run):
    views = [run.observe(id) for id in run.system.node_ids]
    acked = sum(op.value for op in run.history if op.f == "add" and op.outcome == "ok")
    ended = all(op.returned_us is not None for op in run.history)
    same = all(view == views[0] for view in views)
    return ended and same and acked <= views[0]["value"]


def one_call_an_answer(event):
    if event.kind == "ok":
        yield ("call answered with", event.data), (event.node, event.id)


def not_more_than_called(run):
    for op in run.history:
        if op.outcome == "ok" and op.result > len(run.history):
            what = f"{op.result} executions for {len(run.history)} calls"
            return Violation("a call is executed at most once", what)
    return None
