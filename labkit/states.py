"""Local states, each kept once, and what each may do next: why exhaustive search is fast here.

A global state is one local state a member, and two sets: messages ever sent and facts ever
stated.  Both are integers used as sets of bits.  What a member does depends on nothing but its
local state and the event, so a handler runs once for each such pair, while hundreds of global
states share the result; learners' code runs about a thousand times for half a million states.

Each new pair is run twice.  If the two differ, the program uses something that no one told it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from labkit.actor import Actor, Done, Key
from labkit.counterexample import Step
from labkit.explorer import Experiment
from labkit.facts import RAISED, FactBook, Violation
from labkit.message import NodeId
from labkit.node import Effect
from labkit.program import LocalProgram, Unwritten
from labkit.trace import Event

REPEATABLE = "the same state and event give the same result"

Within = Callable[[NodeId, Mapping[str, Any]], bool]
"""May a node with this id and public view go on?  Bounds terms, ballots and lengths of logs."""


class Edge(NamedTuple):
    """One thing that a local state may do: what must be in the network, and what comes of it."""

    need: int
    after: Local
    sent: int
    facts: int
    cost: int
    step: Step
    broken: Violation | None = None


class Local:
    """One state of one member; ``edges`` is None until it is first looked at.

    ``loops`` are the edges that lead back to it: all they do is send or state something.
    """

    __slots__ = ("edges", "is_within", "key", "known", "loops", "view")

    def __init__(self, key: Key, view: Mapping[str, Any], is_within: bool) -> None:
        self.key, self.view, self.is_within = key, view, is_within
        self.known = 0
        self.edges: list[Edge] | None = None
        self.loops: list[Edge] = []


class Space:
    """All local states, messages and facts of one experiment, as far as they were reached."""

    def __init__(self, experiment: Experiment, *, cuts: bool = False, within: Within | None = None) -> None:
        program = experiment.program
        self._program = LocalProgram.of(program) if isinstance(program, type) else program
        self._experiment, self._cuts, self._within = experiment, cuts, within
        self.system = experiment.system
        self.members = [Actor(self._program, self.system, id, role) for id, role in self.system.members]
        self.inbox = [0] * len(self.members)
        self._places = {member.id: place for place, member in enumerate(self.members)}
        self._messages: dict[tuple[NodeId, NodeId, Any], int] = {}
        self._envelopes: list[tuple[NodeId, NodeId, Any]] = []
        self._facts: dict[tuple[Any, Any], int] = {}
        self._stated: list[tuple[Any, Any, NodeId]] = []
        self._rivals: dict[Any, int] = {}
        self._locals: dict[tuple[int, Key], Local] = {}
        self.handlers = 0

    def start(self) -> tuple[tuple[Local, ...], int, int, Violation | None]:
        """All members booted: their states, the network, the facts, and what broke at once."""
        edges = [self._edge(place, None, Step("start", m.id), 0, 0) for place, m in enumerate(self.members)]
        net = facts = 0
        for edge in edges:
            net, facts = net | edge.sent, facts | edge.facts
        broken = next((edge.broken for edge in edges if edge.broken), None)
        return tuple(edge.after for edge in edges), net, facts, broken or self.clash(facts, facts)

    def grow(self, place: int, local: Local, fresh: int) -> None:
        """Add to `local` its edges on the messages in `fresh`, which it has not met before."""
        if local.edges is None:
            local.edges = []
            self._open(place, local)
        local.known |= fresh
        while fresh:
            bit = fresh & -fresh
            fresh ^= bit
            source, to, message = self._envelopes[bit.bit_length() - 1]
            self._add(place, local, Step("deliver", to, source, message), bit)

    def clash(self, new: int, facts: int) -> Violation | None:
        """The first of the `new` facts that another of `facts` contradicts, if any."""
        while new:
            bit = new & -new
            new ^= bit
            key, value, node = self._stated[bit.bit_length() - 1]
            others = facts & self._rivals[key] & ~bit
            if others:
                return self._contradiction(others.bit_length() - 1, key, value, node)
        return None

    # -- one local state ------------------------------------------------------------------------

    def _open(self, place: int, local: Local) -> None:
        id = self.members[place].id
        for name in local.key.timers:
            self._add(place, local, Step("timer", id, None, name), 0)
        if local.key.free:
            calls = self.members[place].calls
            self._add(place, local, Step("invoke", id, None, calls[local.key.waiting]), 0)
        if self.members[place].may_crash:
            edge = self._edge(place, local, Step("start", id), 0, 1)
            self._keep(local, edge)

    def _add(self, place: int, local: Local, step: Step, bit: int) -> None:
        edge = self._edge(place, local, step, bit, 0)
        asked = self.members[place].asked
        self._keep(local, edge)
        if self._cuts and self.members[place].may_crash and edge.broken is None:
            for cut in range(1, asked):
                cut_short = Step(step.kind, step.node, step.source, step.data, cut)
                self._keep(local, self._edge(place, local, cut_short, bit, 1))

    def _keep(self, local: Local, edge: Edge) -> None:
        assert local.edges is not None
        does_something = edge.sent or edge.facts
        if edge.after is not local or edge.broken or (edge.cost and does_something):
            local.edges.append(edge)
        elif does_something:
            local.loops.append(edge)

    def _edge(self, place: int, before: Local | None, step: Step, bit: int, cost: int) -> Edge:
        member = self.members[place]
        key_before = before.key if before else None
        done = member.run(key_before, step)
        self.handlers += 1
        broken = _raised(done.effects)
        again = member.run(key_before, step)
        if broken is None and (again.key, again.effects) != (done.key, done.effects):
            broken = Violation(REPEATABLE, _difference(step, done, again))
        sent, facts = self._bits(member.id, step, done.effects)
        return Edge(bit, self._local(place, done.key, done.view), sent, facts, cost, step, broken)

    def _local(self, place: int, key: Key, view: Mapping[str, Any]) -> Local:
        found = self._locals.get((place, key))
        if found is None:
            id = self.members[place].id
            is_within = self._within is None or bool(self._within(id, view))
            found = self._locals[place, key] = Local(key, view, is_within)
        return found

    # -- sets of bits ---------------------------------------------------------------------------

    def _bits(self, id: NodeId, step: Step, effects: list[Effect]) -> tuple[int, int]:
        sent = facts = 0
        for derive in self._experiment.derive:
            for key, value in derive(Event(None, step.kind, id, step.source, step.data)):
                facts |= self._fact(key, value, id)
        for effect in effects:
            if effect[0] == "send":
                sent |= self._message(id, effect[1], effect[2])
            elif effect[0] == "fact":
                facts |= self._fact(effect[1], effect[2], id)
            facts |= self._derived(id, effect)
        return sent, facts

    def _derived(self, id: NodeId, effect: Effect) -> int:
        event, facts = _event(id, effect), 0
        if event is not None:
            for derive in self._experiment.derive:
                for key, value in derive(event):
                    facts |= self._fact(key, value, id)
        return facts

    def _message(self, source: NodeId, to: NodeId, message: Any) -> int:
        envelope = source, to, message
        bit = self._messages.get(envelope)
        if bit is None:
            bit = self._messages[envelope] = 1 << len(self._envelopes)
            self._envelopes.append(envelope)
            self.inbox[self._places[to]] |= bit
        return bit

    def _fact(self, key: Any, value: Any, node: NodeId) -> int:
        bit = self._facts.get((key, value))
        if bit is None:
            bit = self._facts[key, value] = 1 << len(self._stated)
            self._stated.append((key, value, node))
            self._rivals[key] = self._rivals.get(key, 0) | bit
        return bit

    def _contradiction(self, other: int, key: Any, value: Any, node: NodeId) -> Violation | None:
        book = FactBook()
        book.state(*self._stated[other], 0)
        return book.state(key, value, node, 0)


def _event(id: NodeId, effect: Effect) -> Event | None:
    """An effect as the trace would show it, for facts that are derived from events."""
    kind = effect[0]
    if kind == "send":
        return Event(None, "send", id, effect[1], effect[2])
    if kind in ("ok", "fail", "info"):
        return Event(None, kind, id, None, effect[2] if kind == "ok" else None, effect[1])
    return Event(None, "save", id, None, effect[1]) if kind == "save" else None


def _raised(effects: list[Effect]) -> Violation | None:
    if effects and effects[-1][0] == "unwritten":
        raise Unwritten(effects[-1][1])
    return Violation(RAISED, effects[-1][1]) if effects and effects[-1][0] == "error" else None


def _difference(step: Step, first: Done, second: Done) -> str:
    a, b = dict(first.key.attributes), dict(second.key.attributes)
    names = [f"{name} {a.get(name)!r} / {b.get(name)!r}" for name in {**a, **b} if a.get(name) != b.get(name)]
    acts = [f"{x[:3]} / {y[:3]}" for x, y in zip(first.effects, second.effects, strict=False) if x != y]
    found = "; ".join([*names, *acts]) or "a different number of effects"
    return (
        f"{step.node} did two different things from one state on: {step}. The difference: {found}. "
        "It uses something that no one told it: a clock, dice, a global, the order of a set."
    )
