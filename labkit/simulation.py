"""The deterministic simulator: virtual time, seeded faults, the same run on any machine.

A discrete-event simulation over a heap of tuples.  Equal times are ordered by (kind, source,
destination, count on that channel), never by a global sequence, which would leak the order
of a set into the run.  Every draw comes from a stream named after its purpose, so a node or
a fault more does not disturb the others.

Time jumps: an idle second costs nothing.  Does not model how long a handler takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Any

from labkit.disk import Damage
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
        self._cuts, self._channels = self.network.cut_links, self.network.channels
        self._heap: list[tuple[Any, ...]] = []
        self._controls: Counter[str] = Counter()
        self._chance = {id: Stream(seed, f"timers of {id}") for id in self._members}
        for id in self._members:
            self._push(0, CONTROL, "", id, 0, (self._boot, id))

    # -- running --------------------------------------------------------------------------------

    def run(self, until_ms: float) -> Simulation:
        """Play all events up to `until_ms` of virtual time, or to the first violation; returns itself."""
        heap, limit = self._heap, round(until_ms * 1000)
        play = self._play
        while heap and heap[0][0] <= limit and self.violation is None:
            play(heappop(heap))
        if self.violation is None:
            self.now_us = max(self.now_us, limit)  # an idle clock advances too
        return self

    def run_until(self, condition: Callable[[], bool], until_ms: float) -> Simulation:
        """Like ``run``, but stop as soon as `condition()` holds after an event."""
        heap, limit = self._heap, round(until_ms * 1000)
        while not condition():
            if self.violation is not None or not heap or heap[0][0] > limit:
                return self.run(until_ms)
            self._play(heappop(heap))
        return self

    def at(self, time_ms: float, action: Callable[..., Any], *given: Any) -> Simulation:
        """Do ``action(*given)`` at `time_ms`: ``at(300, run.crash, "n1")``."""
        time_us = round(time_ms * 1000)
        if time_us < self.now_us:
            raise ValueError(f"at({time_ms} ms) lies in the past: it is {self.now_ms} ms. Give a later time.")
        self._controls["at"] += 1
        self._push(time_us, CONTROL, "at", "", self._controls["at"], (action, *given))
        return self

    @property
    def now_ms(self) -> float:
        """Virtual time since the start, in milliseconds."""
        return self.now_us / 1000

    # -- faults ---------------------------------------------------------------------------------

    def crash(self, id: NodeId, *, disk: Damage = "kept") -> None:
        """The node stops; attributes and timers are lost, and of its storage what `disk` says.

        ``kept``: nothing.  ``lost``: some of the last saves since its last ``sync``.  ``torn``:
        the first of those is half there.  ``wiped``: everything, as with a new disk.
        """
        if self._members[id].up:
            self._crash(self._members[id], None, disk)

    def crash_within(self, id: NodeId, effects: int | None) -> None:
        """Crash the node during its next handler, after so many of its effects; None: not after all."""
        self._members[id].crash_after = effects

    def restart(self, id: NodeId) -> None:
        """Boot a crashed node again, from its storage."""
        if not self._members[id].up:
            self.faults["restart"] += 1
            self._members[id].crash_after = None
            self._boot(id)

    def pause(self, id: NodeId) -> None:
        """The node does nothing until ``resume``; messages and timers wait."""
        member = self._members[id]
        if member.up and not member.paused:
            member.paused = True
            self._fault("pause", id)

    def resume(self, id: NodeId) -> None:
        """The node goes on with everything that waited, in the order in which it came."""
        member = self._members[id]
        if not member.paused:
            return
        member.paused = False
        self._log("resume", id)
        held, member.held = member.held, []
        for item in held:
            if self.violation is None:
                self._play((self.now_us, *item[1:]))

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

    def slow(self, id: NodeId, delay_ms: tuple[float, float]) -> None:
        """Every message to or from this node takes `delay_ms`, until ``heal``."""
        self.network.slow(id, delay_ms)
        self._fault("slow", "", f"{id} takes {delay_ms[0]:g} to {delay_ms[1]:g} ms")

    def heal(self, *ids: NodeId) -> None:
        """Mend every link, or, given nodes, only the links of these."""
        if ids:
            for id in ids:
                self.network.heal(id)
        else:
            self.network.heal()
        self._log("net", "", f"{' '.join(ids)} healed".strip())

    def set_clock(self, id: NodeId, *, skew_ms: float = 0, drift_ppm: int = 0) -> None:
        """Let the node's clock be wrong by `skew_ms`, and run fast by `drift_ppm` parts in a million."""
        member = self._members[id]
        member.skew_us, member.drift_ppm = round(skew_ms * 1000), drift_ppm
        member.is_on_time = not (skew_ms or drift_ppm)
        self._fault("clock", "", f"{id}'s clock: {skew_ms:+g} ms, {drift_ppm:+d} ppm")

    # -- the engine -----------------------------------------------------------------------------

    def _push(self, time_us: int, kind: int, source: NodeId, id: NodeId, count: int, data: Any) -> None:
        heappush(self._heap, (time_us, kind, source, id, count, data))

    def _play(self, item: tuple[Any, ...]) -> None:
        now, kind, source, id, count, data = item
        self.now_us = now
        if kind == CONTROL:
            data[0](*data[1:])
            return
        member = self._members[id]
        if member.paused:
            member.held.append(item)
        elif kind == DELIVER:
            number, message = data
            if member.up and (source, id) not in self._cuts:
                self._rows.append((now, "deliver", id, source, message, number))
                clock_us = now if member.is_on_time else member.clock_us(now)
                self._apply(member, member.handle.deliver(source, message, clock_us))
            else:
                self.faults["cut" if member.up else "sent to a crashed node"] += 1
                self._rows.append((now, "drop", id, source, message, number))
        elif not member.up:
            pass  # a timer or a call of an earlier life
        elif kind == TIMER:
            if member.timers.get(data) == count:
                self._fire(member, data)
        else:
            self._invoke(member)

    def _fire(self, member: Member, name: Any) -> None:
        del member.timers[name]
        self._rows.append((self.now_us, "timer", member.id, None, name, 0))
        self._apply(member, member.handle.fire(name, member.clock_us(self.now_us)))

    def _send(self, source: NodeId, destination: NodeId, message: Any) -> None:
        self._sent = number = self._sent + 1
        now, rows = self.now_us, self._rows
        rows.append((now, "send", source, destination, message, number))
        channel = self._channels.get((source, destination))
        if channel is None:
            channel = self.network.channel(source, destination)
        if channel.is_plain and not channel.is_cut:  # by far the most: one draw, one push
            channel.count = count = channel.count + 1
            after = channel.least_us + (channel.bits(53) * channel.span_us >> 53)
            heappush(self._heap, (now + after, DELIVER, source, destination, count, (number, message)))
            return
        copies = self.network.arrivals(channel, message)
        if not copies:
            rows.append((now, "drop", destination, source, message, number))
        for delay_us, content in copies:
            channel.count += 1
            self._push(now + delay_us, DELIVER, source, destination, channel.count, (number, content))

    def _set_timer(self, member: Member, name: Any, least_us: int, most_us: int) -> None:
        member.serial += 1
        member.timers[name] = member.serial
        after = self._chance[member.id].between(least_us, most_us)
        if member.drift_ppm:
            after = after * 1_000_000 // (1_000_000 + member.drift_ppm)
        self._rows.append((self.now_us, "set_timer", member.id, None, (name, least_us, most_us), 0))
        self._push(self.now_us + after, TIMER, "", member.id, member.serial, name)

    def _may_invoke(self, member: Member, first: bool) -> None:
        wait_us = 0 if first else round(self.system.gap_ms * 1000)
        self._push(self.now_us + wait_us, INVOKE, "", member.id, member.waiting, None)

    def _fault(self, kind: str, node: NodeId, text: str | None = None) -> None:
        self.faults[kind] += 1
        self._log("net" if text else kind, node, text)
