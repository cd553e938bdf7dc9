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

from labkit.counterexample import Step
from labkit.explorer import Experiment
from labkit.facts import RAISED, FactBook, Violation
from labkit.frozen import freeze, thaw
from labkit.handle import LocalHandle
from labkit.history import Operation
from labkit.message import NodeId
from labkit.node import Effect, make_node
from labkit.program import LocalProgram, Unwritten
from labkit.system import System
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

    def __init__(self, key: _Key, view: Mapping[str, Any], is_within: bool) -> None:
        self.key, self.view, self.is_within = key, view, is_within
        self.known = 0
        self.edges: list[Edge] | None = None
        self.loops: list[Edge] = []


class _Key(NamedTuple):
    attributes: tuple[Any, ...]
    storage: tuple[tuple[str, Any], ...]
    timers: tuple[Any, ...]
    waiting: int
    free: bool
    dice: tuple[int, int]


class _Done(NamedTuple):
    """A handler that ran: the local state after it, its effects, and how many of them took place."""

    key: _Key
    view: Mapping[str, Any]
    effects: list[Effect]


class Space:
    """All local states, messages and facts of one experiment, as far as they were reached."""

    def __init__(self, experiment: Experiment, *, cuts: bool = False, within: Within | None = None) -> None:
        program = experiment.program
        self._program = LocalProgram.of(program) if isinstance(program, type) else program
        self._experiment, self._cuts, self._within = experiment, cuts, within
        self.system = experiment.system
        self.members = [_Actor(self._program, self.system, id, role) for id, role in self.system.members]
        self.inbox = [0] * len(self.members)
        self._places = {member.id: place for place, member in enumerate(self.members)}
        self._messages: dict[tuple[NodeId, NodeId, Any], int] = {}
        self._envelopes: list[tuple[NodeId, NodeId, Any]] = []
        self._facts: dict[tuple[Any, Any], int] = {}
        self._stated: list[tuple[Any, Any, NodeId]] = []
        self._rivals: dict[Any, int] = {}
        self._locals: dict[tuple[int, _Key], Local] = {}
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
        key, view, effects = member.run(before and before.key, step)
        self.handlers += 1
        broken = _raised(effects, member.id)
        again = member.run(before and before.key, step)
        if broken is None and (again.key, again.effects) != (key, effects):
            broken = Violation(REPEATABLE, _difference(member.id, step, (key, effects), again))
        sent, facts = self._bits(member.id, step, effects)
        return Edge(bit, self._local(place, key, view), sent, facts, cost, step, broken)

    def _local(self, place: int, key: _Key, view: Mapping[str, Any]) -> Local:
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


class _Actor:
    """One member, set to any of its local states and told one thing."""

    def __init__(self, program: Any, system: System, id: NodeId, role: str) -> None:
        self._ids = [member for member, _ in system.members]
        handle = program.handle(role, id, system.node_ids, self._ids, "0")
        if not isinstance(handle, LocalHandle):
            raise TypeError(f"{id} lives in another process; an exhaustive search needs it in this one")
        self.id, self.calls, self._handle = id, system.calls(id), handle
        self.may_crash = id in system.node_ids
        self.asked = 0
        self._peers = system.node_ids
        self._rolls_dice = any("random" in code.co_names for code in _codes(handle._role))

    def run(self, key: _Key | None, step: Step) -> _Done:
        """Take `step` from the state `key` (None: before the first boot)."""
        draft = _Draft(key, bool(self.calls))
        if step.kind == "timer":
            del draft.timers[step.data]
        elif step.kind == "invoke":
            draft.waiting, draft.free = draft.waiting + 1, False
        done = self._start(draft, key is not None) if step.kind == "start" else self._tell(key, step, draft)
        self.asked = len(done)
        if step.cut is None:
            draft.settle(done, len(self.calls))
        else:
            done = done[: step.cut]
            draft.settle(done, len(self.calls))
            booted = self._start(draft, True)
            draft.settle(booted, len(self.calls))
            done += booted
        return _Done(self._key(draft), self._handle.observe(), done)

    def _start(self, draft: _Draft, again: bool) -> list[Effect]:
        draft.timers = {}
        draft.life += again and self._rolls_dice
        self._handle._stated = {}
        return self._handle.start(dict(draft.storage), draft.life, None)

    def _tell(self, key: Any, step: Step, draft: _Draft) -> list[Effect]:
        handle = self._handle
        handle._stated = {}
        seed = f"{handle._seed}/{self.id}/{draft.life}"
        node = handle.node = make_node(
            handle._role, self.id, self._peers, system=self._ids, storage=draft.storage, seed=seed
        )
        node.__dict__.update(thaw(key.attributes))
        node.random.count = key.dice[1]  # type: ignore[attr-defined]
        if step.kind == "deliver":
            return handle.deliver(step.source or "", step.data, None)
        if step.kind == "timer":
            return handle.fire(step.data, None)
        f, about, value = step.data
        return handle.invoke(Operation(draft.waiting, self.id, self.id, f, about, value), None)

    def _key(self, draft: _Draft) -> _Key:
        node = self._handle.node
        return _Key(
            freeze(node.__dict__, node),
            tuple(sorted(draft.storage.items())),
            tuple(sorted(draft.timers, key=str)),
            draft.waiting,
            draft.free,
            (draft.life, node.random.count),  # type: ignore[attr-defined]
        )


class _Draft:
    """A local state in the making: what is not the node's attributes."""

    def __init__(self, key: _Key | None, has_calls: bool) -> None:
        self.storage: dict[str, Any] = dict(key.storage) if key else {}
        self.timers: dict[Any, None] = dict.fromkeys(key.timers) if key else {}
        self.waiting, self.free = (key.waiting, key.free) if key else (0, has_calls)
        self.life = key.dice[0] if key else 1

    def settle(self, effects: list[Effect], calls: int) -> None:
        """Let `effects` happen, in order."""
        for effect in effects:
            kind = effect[0]
            if kind == "save":
                self.storage.update(effect[1])
            elif kind == "set_timer":
                self.timers[effect[1]] = None
            elif kind == "cancel_timer":
                self.timers.pop(effect[1], None)
            elif kind in ("ok", "fail", "info"):
                self.free = self.waiting < calls


def _event(id: NodeId, effect: Effect) -> Event | None:
    """An effect as the trace would show it, for facts that are derived from events."""
    kind = effect[0]
    if kind == "send":
        return Event(None, "send", id, effect[1], effect[2])
    if kind in ("ok", "fail", "info"):
        return Event(None, kind, id, None, effect[2] if kind == "ok" else None, effect[1])
    return Event(None, "save", id, None, effect[1]) if kind == "save" else None


def _raised(effects: list[Effect], id: NodeId) -> Violation | None:
    if effects and effects[-1][0] == "unwritten":
        raise Unwritten(effects[-1][1])
    return Violation(RAISED, effects[-1][1]) if effects and effects[-1][0] == "error" else None


def _difference(id: NodeId, step: Step, first: tuple[_Key, list[Effect]], second: _Done) -> str:
    a, b = dict(first[0].attributes), dict(second.key.attributes)
    names = [f"{name} {a.get(name)!r} / {b.get(name)!r}" for name in {**a, **b} if a.get(name) != b.get(name)]
    acts = [f"{x[:3]} / {y[:3]}" for x, y in zip(first[1], second.effects, strict=False) if x != y]
    found = "; ".join([*names, *acts]) or "a different number of effects"
    return (
        f"{id} did two different things from one state on: {step}. The difference: {found}. "
        "It uses something that no one told it: a clock, dice, a global, the order of a set."
    )


def _codes(role: type) -> Any:
    for cls in role.__mro__[:-2]:
        for value in vars(cls).values():
            code = getattr(getattr(value, "__func__", value), "__code__", None)
            if code is not None:
                yield code
