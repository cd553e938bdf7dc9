"""What all runtimes in this process share: members, and what their effects do.

A runtime tells a member what happened, through its handle, and empties the list of effects
that comes back, in order: into storage, trace, history and facts.  How a message travels and
when a timer fires is what makes a simulation, or an explorer, of it.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from labkit.disk import Damage, Disk
from labkit.facts import RAISED, STORM, UNWRITTEN, FactBook, Violation
from labkit.handle import Handle
from labkit.history import History
from labkit.message import NodeId
from labkit.network import Stream
from labkit.node import Effect, Node
from labkit.program import LocalProgram, Program
from labkit.system import Call, System
from labkit.trace import Event, Trace

Derive = Callable[[Event], Iterable[tuple[Any, Any]]]
"""Facts that a check derives from what nodes send and clients get, instead of what nodes claim.

A pure function of one event: the exhaustive search asks it once for many runs.
"""


class Member:
    """A node or client of a run, as the runtime sees it."""

    __slots__ = (
        "calls", "crash_after", "disk", "drift_ppm", "handle", "held", "id",
        "is_on_time", "life", "paused",
        "serial", "skew_us", "timers", "up", "waiting",
    )  # fmt: skip

    def __init__(self, id: NodeId, handle: Handle, calls: tuple[Call, ...]) -> None:
        self.id, self.handle, self.calls = id, handle, calls
        self.disk = Disk()
        self.life, self.up, self.paused = 0, False, False
        self.held: list[tuple[Any, ...]] = []
        self.timers: dict[Any, int] = {}
        self.serial = 0
        self.skew_us = self.drift_ppm = 0
        self.is_on_time = True
        self.crash_after: int | None = None
        self.waiting = 0

    def clock_us(self, now_us: int) -> int:
        """What this node's own clock shows."""
        return now_us + self.skew_us + now_us * self.drift_ppm // 1_000_000


class Runtime:
    """A system on a program: its members and everything that is recorded of them.

    ``violation`` is the first rule that broke; nothing should be played after it.
    """

    def __init__(
        self,
        program: Program | type[Node],
        system: System,
        *,
        seed: object = 0,
        derive: Iterable[Derive] = (),
        events_max: int = 30_000,
    ) -> None:
        self.program: Program = LocalProgram.of(program) if isinstance(program, type) else program
        self.system, self.seed = system, seed
        self.now_us: int | None = None
        self.history = History()
        self.trace = Trace(id for id, _ in system.members)
        self.facts = FactBook()
        self.faults: Counter[str] = Counter()
        self.violation: Violation | None = None
        self.events = 0
        self._rows = self.trace.rows
        self._derive, self._events_max = tuple(derive), events_max
        self._sent = 0
        self._members = {id: self._member(id, role) for id, role in system.members}

    def observe(self, id: NodeId) -> dict[str, Any]:
        """The public view of one node; empty while it is down."""
        member = self._members[id]
        return member.handle.observe() if member.up else {}

    def handle(self, id: NodeId) -> Handle:
        """The handle on one member, for a closer look."""
        return self._members[id].handle

    def is_up(self, id: NodeId) -> bool:
        """Is this node running (perhaps paused), not crashed?"""
        return self._members[id].up

    def close(self) -> None:
        """Let go of the nodes: needed where they live in other processes."""
        for member in self._members.values():
            member.handle.close()

    # -- what a kind of runtime adds ------------------------------------------------------------

    def _send(self, source: NodeId, destination: NodeId, message: Any) -> None:
        raise NotImplementedError

    def _set_timer(self, member: Member, name: Any, least_us: int, most_us: int) -> None:
        raise NotImplementedError

    def _may_invoke(self, member: Member, first: bool) -> None:
        """The member has a call to make and is free to make it."""
        raise NotImplementedError

    # -- what all share -------------------------------------------------------------------------

    def _member(self, id: NodeId, role: str) -> Member:
        ids = [member for member, _ in self.system.members]
        handle = self.program.handle(role, id, self.system.node_ids, ids, str(self.seed))
        return Member(id, handle, self.system.calls(id))

    def _boot(self, id: NodeId) -> None:
        member = self._members[id]
        member.up, member.paused, member.life = True, False, member.life + 1
        self._log("start", id, None, None, member.life)
        self._apply(
            member, member.handle.start(dict(member.disk.fields), member.life, self._clock_us(member))
        )
        if member.life == 1 and member.calls:
            self._may_invoke(member, first=True)

    def _invoke(self, member: Member) -> None:
        f, key, value = member.calls[member.waiting]
        operation = self.history.invoke(member.id, f, key, value, time_us=self.now_us)
        member.waiting += 1
        self._log("invoke", member.id, (f, key, value), None, operation.id)
        self._apply(member, member.handle.invoke(operation, self._clock_us(member)))

    def _apply(self, member: Member, effects: list[Effect]) -> None:
        """Empty a handler's list of effects; this and what it calls is where a run spends its time."""
        self.events += 1
        first = len(self._rows) - 1
        crash_after = member.crash_after
        if crash_after is not None:
            member.crash_after, effects = None, effects[:crash_after]
        id = member.id
        for effect in effects:
            kind = effect[0]
            if kind == "send":
                self._send(id, effect[1], effect[2])
            elif kind == "set_timer":
                self._set_timer(member, effect[1], effect[2], effect[3])
            else:
                self._effect(member, kind, effect)
        if crash_after is not None:
            self._crash(member, len(effects))
        if self._derive and self.violation is None:
            self._derive_facts(first)
        if self.events >= self._events_max:
            self._break(STORM, f"{self.events} events and no end: probably a message storm")

    def _effect(self, member: Member, kind: str, effect: Effect) -> None:
        if kind == "save":
            member.disk.save(effect[1])
            self._log("save", member.id, effect[1])
        elif kind == "fact":
            self._log("fact", member.id, effect[1:])
            self._state(effect[1], effect[2], member.id)
        elif kind == "cancel_timer":
            member.timers.pop(effect[1], None)
            self._log("cancel_timer", member.id, effect[1])
        elif kind in ("ok", "fail", "info"):
            self._respond(member, kind, *effect[1:])
        else:
            self._rare_effect(member, kind, *effect[1:])

    def _rare_effect(self, member: Member, kind: str, what: Any = None) -> None:
        if kind == "fault":  # from a byzantine wrapper, never from a learner's node
            self.faults[what] += 1
            return
        if kind == "sync":
            member.disk.sync()
        self._log("error" if kind == "unwritten" else kind, member.id, what)
        if kind in ("error", "unwritten"):
            self._break(RAISED if kind == "error" else UNWRITTEN, what)

    def _respond(self, member: Member, kind: str, operation: int, result: Any = None) -> None:
        self._log(kind, member.id, result, None, operation)
        try:
            if kind == "ok":
                self.history.ok(operation, result, time_us=self.now_us)
            elif kind == "fail":
                self.history.fail(operation, time_us=self.now_us)
            else:
                self.history.info(operation, time_us=self.now_us)
        except ValueError as error:
            self._break(RAISED, f"{member.id}: {error}")
        if member.waiting < len(member.calls):
            self._may_invoke(member, first=False)

    def _crash(self, member: Member, within: int | None, damage: Damage = "kept") -> None:
        member.up, member.paused = False, False
        member.timers, member.held = {}, []
        self.faults["crash" if within is None else "crash within a handler"] += 1
        self._log("crash", member.id, None if within is None else "within", None, within or 0)
        if damage == "kept":
            member.disk.sync()
            return
        lost = member.disk.crash(damage, Stream(self.seed, f"disk of {member.id}, life {member.life}"))
        if lost:
            self.faults[f"disk {damage}"] += 1
            self._log("note", member.id, lost)

    def _derive_facts(self, first: int) -> None:
        for event in map(Event._make, self._rows[first:]):
            for derive in self._derive:
                for key, value in derive(event):
                    self._state(key, value, event.node)

    def _state(self, key: Any, value: Any, node: NodeId) -> None:
        violation = self.facts.state(key, value, node, len(self._rows) - 1)
        if violation and self.violation is None:
            self.violation = violation

    def _break(self, rule: str, what: str) -> None:
        if self.violation is None:
            self.violation = Violation(rule, what, len(self._rows) - 1)

    def _clock_us(self, member: Member) -> int | None:
        return None if self.now_us is None else member.clock_us(self.now_us)

    def _log(
        self, kind: str, node: NodeId, data: Any = None, peer: NodeId | None = None, id: int = 0
    ) -> None:
        self._rows.append((self.now_us, kind, node, peer, data, id))


@contextmanager
def without_collection() -> Iterator[None]:
    """A run makes many small values that live to its end: looking for circles in them wastes a tenth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
