"""A world without time, in which any pending message or timer may be next.

Loss, delay and reordering need no dice here: a message is lost by never being delivered.
A crash and the restart after it are one step, since a node that is down is, for safety, the
same as one that is slow.  ``perform`` takes a step of a schedule with *loose matching*: the
recorded message if it is in flight, else the newest of its type on its channel; that is what
lets a schedule be shortened (``shrink``) and replayed on changed code.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from labkit.counterexample import Step
from labkit.message import NodeId
from labkit.node import Node
from labkit.program import Program
from labkit.runtime import Derive, Member, Runtime
from labkit.system import System

Option = tuple[str, NodeId, NodeId | None, Any]
"""Something that may happen next: the fields of a ``Step``."""


class World(Runtime):
    """A system without time, all nodes booted, waiting to be told what happens next."""

    def __init__(
        self,
        program: Program | type[Node],
        system: System,
        *,
        seed: object = 0,
        derive: Iterable[Derive] = (),
        events_max: int = 30_000,
    ) -> None:
        super().__init__(program, system, seed=seed, derive=derive, events_max=events_max)
        self._flying: list[tuple[NodeId, NodeId, int, int, Any]] = []
        self._landed: list[tuple[NodeId, NodeId, int, int, Any]] = []
        self._channels: Counter[tuple[NodeId, NodeId]] = Counter()
        self._free: set[NodeId] = set()
        for id in self._members:
            self._boot(id)

    def copies(self) -> list[Option]:
        """The messages that were delivered before, and may be again."""
        return [("deliver", to, source, message) for source, to, _, _, message in self._landed]

    def options(self) -> list[Option]:
        """Everything else that may happen next, in an order that depends on nothing but the past."""
        found: list[Option] = [("deliver", to, source, message) for source, to, _, _, message in self._flying]
        for id, member in self._members.items():
            if member.timers:
                found += [("timer", id, None, name) for name in sorted(member.timers, key=str)]
            if id in self._free:
                found.append(("invoke", id, None, member.calls[member.waiting]))
        return found

    def steps(self, *, duplicates: bool = False) -> list[Step]:
        """Everything that may happen next, as steps of a schedule."""
        options = self.options() + (self.copies() if duplicates else [])
        return [Step(*option) for option in options]

    def perform(self, step: Step) -> Step | None:
        """Take `step`, or what comes closest to it; what was taken, or None if nothing matches."""
        member = self._members.get(step.node)
        if member is None:
            return None
        member.crash_after = step.cut
        taken = self._take(member, step)
        member.crash_after = None
        if taken and not member.up:
            self._boot(member.id)
        return taken

    def _take(self, member: Member, step: Step) -> Step | None:
        if step.kind == "deliver":
            return self._deliver(member, step)
        if step.kind == "timer":
            return self._fire(member, step)
        if step.kind == "invoke":
            return self._call(member, step)
        member.crash_after = None
        self._crash(member, None)
        if step.cut is not None:  # it crashes once more while it boots
            self._boot(member.id)
        return step

    def _deliver(self, member: Member, step: Step) -> Step | None:
        item = self._match(step)
        if item is None:
            return None
        source, to, _, number, message = item
        if item in self._flying:
            self._flying.remove(item)
            insort(self._landed, item, key=_place)
        else:
            self.faults["duplication"] += 1
        self._log("deliver", to, message, source, number)
        self._apply(member, member.handle.deliver(source, message, None))
        return step if message is step.data else replace(step, data=message)

    def _match(self, step: Step) -> tuple[NodeId, NodeId, int, int, Any] | None:
        """The recorded message in flight; else, if it came twice, landed; else the newest of its type."""
        source, node, data = step.source, step.node, step.data
        flying = [item for item in self._flying if item[0] == source and item[1] == node]
        for item in flying:
            if item[4] == data:
                return item
        for item in self._landed:
            if item[0] == source and item[1] == node and item[4] == data:
                return item
        alike = [item for item in flying if type(item[4]).__name__ == type(data).__name__]
        return alike[-1] if alike else None

    def _fire(self, member: Member, step: Step) -> Step | None:
        if step.data not in member.timers:
            return None
        del member.timers[step.data]
        self._log("timer", member.id, step.data)
        self._apply(member, member.handle.fire(step.data, None))
        return step

    def _call(self, member: Member, step: Step) -> Step | None:
        if member.id not in self._free:
            return None
        self._free.discard(member.id)
        call = member.calls[member.waiting]
        self._invoke(member)
        return step if call == step.data else replace(step, data=call)

    def _send(self, source: NodeId, destination: NodeId, message: Any) -> None:
        self._sent += 1
        ends = source, destination
        self._channels[ends] = count = self._channels[ends] + 1
        insort(self._flying, (source, destination, count, self._sent, message), key=_place)
        self._log("send", source, message, destination, self._sent)

    def _set_timer(self, member: Member, name: Any, least_us: int, most_us: int) -> None:
        member.timers[name] = 0
        self._log("set_timer", member.id, (name, least_us, most_us))

    def _may_invoke(self, member: Member, first: bool) -> None:
        self._free.add(member.id)


def _place(item: tuple[Any, ...]) -> tuple[Any, ...]:
    return item[:3]
