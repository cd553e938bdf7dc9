"""A system on real processes: one for each node and client, real time, real SIGKILL.

The same vocabulary as ``Simulation``, and the same trace, history and facts come out; only
that time passes by itself.  A cluster is running when it has been made.  Wait with ``await
cluster.until(...)``, which leaves the notebook alive; look, and hurt, at any time; ``close``
it, or use it as a context, when done.

``launcher="ray"`` puts the processes where Ray can, "subprocess" makes children of this one.
Every call to a process has a time-out: a stopped or endlessly busy node never answers.
"""

from __future__ import annotations

import asyncio
import heapq
import inspect
import itertools
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from labkit.bundle import Bundle
from labkit.cluster.fleet import Fleet, program_of
from labkit.cluster.process import ClusterError
from labkit.cluster.recording import Decoder, Recording, history_of, lag_ms, load_recording
from labkit.cluster.watch import Watch
from labkit.facts import Violation
from labkit.history import History
from labkit.message import NodeId
from labkit.network import Link, Network
from labkit.node import Node
from labkit.runtime import Derive
from labkit.system import System
from labkit.trace import Trace

__all__ = ["Cluster", "ClusterError", "Recording", "load_recording"]

TICK_S = 0.05


class Cluster:
    """`system` on `program`, in real processes, running.

    `program` is a bundle, or a node class whose module can be read.  Every millisecond of
    the scenario, in timers, delays and ``now_ms``, lasts `time_scale` real ones.  `classes`
    are the messages that the trace is made of: the program's own, unless given.  `address`
    is that of a Ray which somebody else started.
    """

    def __init__(
        self,
        program: Bundle | type[Node],
        system: System,
        *,
        launcher: str = "ray",
        seed: object = 0,
        link: Link | None = None,
        derive: Iterable[Derive] = (),
        time_scale: float = 1.0,
        classes: Mapping[str, type] | None = None,
        address: str | None = None,
    ) -> None:
        self.bundle, known = program_of(program, system)
        self.system, self.time_scale, self._derive = system, time_scale, tuple(derive)
        self._plan: list[tuple[int, int, Callable[..., Any], tuple[Any, ...]]] = []
        self._serial = itertools.count()
        classes = known if classes is None else classes
        self._fleet = Fleet(
            self.bundle, system, launcher, address, classes=classes,
            seed=str(seed), link=link or Link(delay_ms=(0, 0)), time_scale=time_scale,
        )  # fmt: skip
        self._watch = Watch(self._fleet, system, Decoder(classes), self._derive)
        self.facts, self.faults = self._watch.facts, self._watch.faults

    # -- looking --------------------------------------------------------------------------------

    @property
    def now_ms(self) -> float:
        """Milliseconds of the scenario since the cluster was made."""
        return self._fleet.clock.now_us() / 1000 / self.time_scale

    @property
    def trace(self) -> Trace:
        """What happened so far, times in real microseconds."""
        return self._watch.trace()

    @property
    def history(self) -> History:
        """What the clients saw so far."""
        return history_of(self._watch.said())

    @property
    def violation(self) -> Violation | None:
        """The first rule that broke, if one did."""
        return self._watch.violation()

    @property
    def finished(self) -> bool:
        """Have all clients made all their calls, and have all ended?"""
        self._watch.pull()
        clients = [self._fleet.members[id] for id in self.system.client_ids]
        return all(client.ended >= len(self.system.calls(client.id)) for client in clients)

    @property
    def lag_ms(self) -> float:
        """How late a node once was that was not paused: a sign of a starved machine."""
        return lag_ms(self.trace)

    def observe(self, id: NodeId) -> dict[str, Any]:
        """The public view of one node; empty while it is down, as last seen while it is stopped."""
        return self.observations(id)[id]

    def observations(self, *ids: NodeId) -> dict[NodeId, dict[str, Any]]:
        """The public views of these members, or of all."""
        return self._fleet.observe(ids or self._fleet.members)

    def is_up(self, id: NodeId) -> bool:
        """Is this node running (perhaps paused), not crashed?"""
        self._watch.pull()
        return self._fleet.members[id].up

    def is_paused(self, id: NodeId) -> bool:
        """Is this node stopped by ``pause``?"""
        return self._fleet.members[id].paused

    @property
    def network(self) -> Network:
        """The links as they were last set; change them by the cluster's own methods."""
        return self._fleet.network

    def recording(self) -> Recording:
        """The run so far, as a value."""
        seen, said = self.observations(), self._watch.said()
        return Recording(self.bundle, self.system, self.trace, said, seen, self.lag_ms, self._derive)

    def save_recording(self, path: str | Path) -> None:
        """Write the run so far to a file that ``load_recording`` reads."""
        self.recording().save(path)

    # -- waiting --------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], Any], timeout_s: float = 30) -> bool:
        """Wait until ``condition()`` holds, and carry out what was planned by ``at`` meanwhile.

        False at once if a rule breaks first.  TimeoutError after `timeout_s` real seconds.
        """
        give_up = time.monotonic() + timeout_s
        while not condition():
            if self._step():
                return False
            if time.monotonic() >= give_up:
                raise TimeoutError(
                    f"waited {timeout_s:g} s for {_name(condition)}, but it did not come true. "
                    "Look at the cluster's trace, or give it more time: timeout_s=..."
                )
            await asyncio.sleep(TICK_S)
        return True

    async def run(self, until_ms: float) -> Cluster:
        """Let the scenario go on to `until_ms`, or to the first violation; returns itself."""
        while self.now_ms < until_ms and not self._step():
            await asyncio.sleep(min(TICK_S, max(0, until_ms - self.now_ms) / 1000 * self.time_scale))
        return self

    def at(self, time_ms: float, action: Callable[..., Any], *given: Any) -> Cluster:
        """Do ``action(*given)`` at `time_ms`, while ``run`` or ``until`` waits."""
        if time_ms < self.now_ms:
            raise ValueError(
                f"at({time_ms} ms) lies in the past: it is {self.now_ms:.0f} ms. Give a later time."
            )
        heapq.heappush(self._plan, (round(time_ms * 1000), next(self._serial), action, given))
        return self

    def _step(self) -> bool:
        """Carry out what is due, and read the logs: has a rule broken?"""
        while self._plan and self._plan[0][0] <= self.now_ms * 1000:
            _, _, action, given = heapq.heappop(self._plan)
            action(*given)
        self._watch.pull()
        return self._watch.broken

    # -- faults ---------------------------------------------------------------------------------

    def crash(self, id: NodeId) -> None:
        """SIGKILL: attributes and timers are lost, storage is kept."""
        if self._open().members[id].up:
            self._watch.add(self._fleet.kill(id))

    def crash_within(self, id: NodeId, effects: int) -> None:
        """The node kills itself during its next handler, after so many of its effects."""
        self._open().tell(id, "crash_within", effects)

    def restart(self, id: NodeId) -> None:
        """Boot a crashed node again, in a new process, from its storage."""
        self._watch.pull()
        if not self._open().members[id].up:
            self.faults["restart"] += 1
            self._watch.add(self._fleet.restart(id))

    def pause(self, id: NodeId) -> None:
        """SIGSTOP: the node does nothing until ``resume``; messages and timers wait."""
        member = self._open().members[id]
        if member.up and not member.paused:
            self._fleet.stop(id, "SIGSTOP")
            self._watch.mark("pause", id)

    def resume(self, id: NodeId) -> None:
        """SIGCONT: the node goes on with everything that waited."""
        if self._open().members[id].paused:
            self._watch.mark("resume", id)
            self._fleet.stop(id, "SIGCONT")

    def partition(self, *groups: Iterable[NodeId]) -> None:
        """Cut all links between nodes of different groups, both ways."""
        sides = [tuple(group) for group in groups]
        self._change("partition", " | ".join(" ".join(side) for side in sides), "partition", *sides)

    def isolate(self, id: NodeId) -> None:
        """Cut all links of one node, those to clients too."""
        self.partition((id,), tuple(other for other in self._fleet.members if other != id))

    def cut(self, source: NodeId, destination: NodeId) -> None:
        """Nothing passes from `source` to `destination`, until ``heal``."""
        self._change("cut link", f"{source} ✗ {destination}", "cut", source, destination)

    def slow(self, id: NodeId, delay_ms: tuple[float, float]) -> None:
        """Every message to or from this node takes `delay_ms`, until ``heal``."""
        self._change("slow", f"{id} takes {delay_ms[0]:g} to {delay_ms[1]:g} ms", "slow", id, delay_ms)

    def heal(self, *ids: NodeId) -> None:
        """Mend every link, or, given nodes, only the links of these."""
        for id in ids:
            self._change("", f"{id} healed", "heal", id)
        if not ids:
            self._change("", "healed", "heal")

    def set_link(
        self, source: NodeId | None = None, destination: NodeId | None = None, **changes: Any
    ) -> None:
        """Change one direction of a link, or all: ``set_link(loss=0.1, delay_ms=(5, 9))``."""
        where = f"{source} → {destination}" if source and destination else "all links"
        what = ", ".join(f"{name}={value}" for name, value in changes.items())
        self._change("link", f"{where}: {what}", "set_link", source, destination, **changes)

    def set_clock(self, id: NodeId, *, skew_ms: float = 0, drift_ppm: int = 0) -> None:
        """Let the node's clock be wrong by `skew_ms`, and fast by `drift_ppm` in a million."""
        self._open().tell(id, "set_clock", round(skew_ms * 1000), drift_ppm)
        self.faults["clock"] += 1

    # -- the end --------------------------------------------------------------------------------

    def close(self) -> None:
        """End all processes.  What they did can still be looked at."""
        if not self._watch.is_closed:
            self._fleet.observe(self._fleet.members)
            self._watch.close(self._fleet.close())

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    async def __aenter__(self) -> Cluster:
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.close()

    # -- the record -----------------------------------------------------------------------------

    def _open(self) -> Fleet:
        if self._watch.is_closed:
            raise ClusterError("this cluster is closed, so nothing can be done to it. Make a new one.")
        return self._fleet

    def _change(self, fault: str, text: str, method: str, *given: Any, **named: Any) -> None:
        at_us = self._open().change_links(method, *given, **named)
        self._watch.mark("net", "", text, at_us)
        if fault:
            self.faults[fault] += 1


def _name(condition: Callable[[], Any]) -> str:
    try:
        return inspect.getsource(condition).strip()
    except (OSError, TypeError):
        return getattr(condition, "__name__", "a condition")
