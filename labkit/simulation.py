"""The deterministic simulator: virtual time, seeded faults, the same run on any machine.

A discrete-event simulation over a heap of tuples.  Equal times are ordered by (kind, source,
destination, count on that channel), never by a global sequence, which would leak the order
of a set into the run.  Every draw comes from a stream named after its purpose, so a node or
a fault more does not disturb the others.

Time jumps: an idle second costs nothing.  Does not model how long a handler takes.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from labkit.message import NodeId
from labkit.network import Link, Network, Stream
from labkit.node import Node
from labkit.program import Program
from labkit.runtime import Derive, Member, Runtime
from labkit.system import System

CONTROL, DELIVER, TIMER, INVOKE = range(4)


class Simulation(Runtime):
    """One run of `system` on `program`, and the means to hurt it.

    Nothing has happened yet when it is made.  ``run(until_ms)`` plays events; between calls,
    or at a time given to ``at``, use the vocabulary that real clusters have too: crash,
    restart, pause, resume, partition, cut, heal.  The run stops at the first violation.
    """

    def __init__(
        self,
        program: Program | type[Node],
        system: System,
        *,
        seed: object = 0,
        link: Link | None = None,
        derive: Iterable[Derive] = (),
        events_max: int = 30_000,
    ) -> None:
        super().__init__(program, system, seed=seed, derive=derive, events_max=events_max)
        self.now_us: int = 0
        self.network = Network(seed, link)
        self.faults = self.network.faults
        self._heap: list[tuple[Any, ...]] = []
        self._channels: Counter[tuple[NodeId, NodeId]] = Counter()
        self._chance = {id: Stream(seed, f"timers of {id}") for id in self._members}
        for id in self._members:
            self._push(0, CONTROL, "", id, 0, (self._boot, id))

    # -- running --------------------------------------------------------------------------------

    def run(self, until_ms: float) -> Simulation:
        """Play all events up to `until_ms` of virtual time, or to the first violation; returns itself."""
        return self.run_until(lambda: False, until_ms)

    def run_until(self, condition: Callable[[], bool], until_ms: float) -> Simulation:
        """Like ``run``, but stop as soon as `condition()` holds after an event."""
        limit = round(until_ms * 1000)
        heap = self._heap
        while heap and heap[0][0] <= limit and self.violation is None and not condition():
            self._play(heapq.heappop(heap))
        if self.violation is None and not condition():
            self.now_us = max(self.now_us, limit)  # an idle clock advances too
        return self

    def at(self, time_ms: float, action: Callable[..., Any], *given: Any) -> Simulation:
        """Do ``action(*given)`` at `time_ms`: ``at(300, run.crash, "n1")``."""
        time_us = round(time_ms * 1000)
        if time_us < self.now_us:
            raise ValueError(f"at({time_ms} ms) lies in the past: it is {self.now_ms} ms. Give a later time.")
        self._push(time_us, CONTROL, "at", "", self._count("at", ""), (action, *given))
        return self

    @property
    def now_ms(self) -> float:
        """Virtual time since the start, in milliseconds."""
        return self.now_us / 1000

    # -- faults ---------------------------------------------------------------------------------

    def crash(self, id: NodeId) -> None:
        """The node stops; attributes and timers are lost, storage is kept."""
        if self._members[id].up:
            self._crash(self._members[id], None)

    def crash_within(self, id: NodeId, effects: int) -> None:
        """Crash the node during its next handler, after so many of its effects."""
        self._members[id].crash_after = effects

    def restart(self, id: NodeId) -> None:
        """Boot a crashed node again, from its storage."""
        if not self._members[id].up:
            self.faults["restart"] += 1
            self._boot(id)

    def pause(self, id: NodeId) -> None:
        """The node does nothing until ``resume``; messages and timers wait."""
        self._members[id].paused = True
        self._fault("pause", id)

    def resume(self, id: NodeId) -> None:
        """The node goes on with everything that waited."""
        member = self._members[id]
        member.paused = False
        self._log("resume", id)
        for item in member.held:
            self._push(self.now_us, *item[1:])
        member.held = []

    def partition(self, *groups: Iterable[NodeId]) -> None:
        """Cut all links between nodes of different groups, both ways."""
        sides = [tuple(group) for group in groups]
        self.network.partition(*sides)
        self._fault("partition", "", " | ".join(" ".join(side) for side in sides))

    def isolate(self, id: NodeId) -> None:
        """Cut all links of one node, those to clients too."""
        self.partition((id,), tuple(other for other in self._members if other != id))

    def cut(self, source: NodeId, destination: NodeId) -> None:
        """Nothing passes from `source` to `destination`, until ``heal``."""
        self.network.cut(source, destination)
        self._fault("cut link", "", f"{source} ✗ {destination}")

    def heal(self) -> None:
        """Mend every link."""
        self.network.heal()
        self._log("net", "", "healed")

    def set_clock(self, id: NodeId, *, skew_ms: float = 0, drift_ppm: int = 0) -> None:
        """Let the node's clock be wrong by `skew_ms`, and run fast by `drift_ppm` parts in a million."""
        member = self._members[id]
        member.skew_us, member.drift_ppm = round(skew_ms * 1000), drift_ppm
        self.faults["clock"] += 1

    # -- the engine -----------------------------------------------------------------------------

    def _push(self, time_us: int, kind: int, source: NodeId, id: NodeId, count: int, data: Any) -> None:
        heapq.heappush(self._heap, (time_us, kind, source, id, count, data))

    def _count(self, source: NodeId, destination: NodeId) -> int:
        self._channels[source, destination] += 1
        return self._channels[source, destination]

    def _play(self, item: tuple[Any, ...]) -> None:
        time_us, kind, source, id, count, data = item
        self.now_us = time_us
        if kind == CONTROL:
            action, *given = data
            action(*given)
            return
        member = self._members[id]
        if member.paused:
            member.held.append(item)
        elif kind == DELIVER:
            self._deliver(member, source, data)
        elif not member.up:
            pass  # a timer or a call of an earlier life
        elif kind == TIMER:
            if member.timers.get(data) == count:
                del member.timers[data]
                self._log("timer", id, data)
                self._apply(member, member.handle.fire(data, member.clock_us(time_us)))
        else:
            self._invoke(member)

    def _deliver(self, member: Member, source: NodeId, data: tuple[int, Any]) -> None:
        number, message = data
        if not member.up or self.network.is_cut(source, member.id):
            self.faults["cut" if member.up else "sent to a crashed node"] += 1
            self._log("drop", member.id, message, source, number)
            return
        self._log("deliver", member.id, message, source, number)
        self._apply(member, member.handle.deliver(source, message, member.clock_us(self.now_us)))

    def _boot(self, id: NodeId) -> None:
        member = self._members[id]
        member.up, member.paused, member.life = True, False, member.life + 1
        self._log("start", id, None, None, member.life)
        effects = member.handle.start(dict(member.storage), member.life, member.clock_us(self.now_us))
        self._apply(member, effects)
        if member.life == 1 and self.system.calls(id):
            self._push(self.now_us, INVOKE, "", id, 0, None)

    def _invoke(self, member: Member) -> None:
        f, key, value = self.system.calls(member.id)[member.waiting]
        operation = self.history.invoke(member.id, f, key, value, time_us=self.now_us)
        member.waiting += 1
        self._log("invoke", member.id, (f, key, value), None, operation.id)
        self._apply(member, member.handle.invoke(operation, member.clock_us(self.now_us)))

    def _send(self, source: NodeId, destination: NodeId, message: Any) -> None:
        self._sent += 1
        number = self._sent
        self._log("send", source, message, destination, number)
        delays = self.network.delays_us(source, destination)
        if not delays:
            self._log("drop", destination, message, source, number)
        for delay in delays:
            count = self._count(source, destination)
            self._push(self.now_us + delay, DELIVER, source, destination, count, (number, message))

    def _set_timer(self, member: Member, name: Any, least_us: int, most_us: int) -> None:
        member.serial += 1
        member.timers[name] = member.serial
        after = self._chance[member.id].between(least_us, most_us) * 1_000_000 // (1_000_000 + member.drift_ppm)
        self._log("set_timer", member.id, (name, least_us, most_us))
        self._push(self.now_us + after, TIMER, "", member.id, member.serial, name)

    def _may_invoke(self, member: Member, first: bool) -> None:
        wait_us = 0 if first else round(self.system.gap_ms * 1000)
        self._push(self.now_us + wait_us, INVOKE, "", member.id, member.waiting, None)

    def _fault(self, kind: str, node: NodeId, text: str | None = None) -> None:
        self.faults[kind] += 1
        self._log("net" if text else kind, node, text)
