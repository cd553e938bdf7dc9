"""The explorer's world: no time at all, so any pending message or timer may be next.

Loss, delay and reordering need no dice here: a message is lost by never being delivered.
A crash and the restart after it are one step, since a node that is down is, for safety, the
same as one that is slow.  ``perform`` takes a step of a schedule with *loose matching*: the
recorded message if it is in flight, else the newest of its type on its channel; that is what
lets a schedule be shortened (``shrink``) and replayed on changed code.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from labkit.counterexample import Step
from labkit.facts import Violation
from labkit.message import NodeId
from labkit.network import Stream
from labkit.node import Node
from labkit.program import Program
from labkit.runtime import Derive, Member, Runtime
from labkit.system import System
from labkit.trace import HANDLERS, Trace


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

    def steps(self, *, duplicates: bool = False) -> list[Step]:
        """Everything that may happen next, in an order that depends on nothing but the past."""
        pending = self._flying + self._landed if duplicates else self._flying
        found = [Step("deliver", to, source, message) for source, to, _, _, message in pending]
        for id, member in self._members.items():
            found.extend(Step("timer", id, None, name) for name in sorted(member.timers, key=str))
            if id in self._free:
                found.append(Step("invoke", id, None, member.calls[member.waiting]))
        return found

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
        self._crash(member, None)
        return step

    def _deliver(self, member: Member, step: Step) -> Step | None:
        item = self._match(step)
        if item is None:
            return None
        source, to, _, number, message = item
        if item in self._flying:
            self._flying.remove(item)
            insort(self._landed, item)
        else:
            self.faults["duplication"] += 1
        self._log("deliver", to, message, source, number)
        self._apply(member, member.handle.deliver(source, message, None))
        return replace(step, data=message)

    def _match(self, step: Step) -> tuple[NodeId, NodeId, int, int, Any] | None:
        """The recorded message in flight; else, if it came twice, landed; else the newest of its type."""
        ends = step.source, step.node
        flying = [item for item in self._flying if item[:2] == ends]
        for items in (flying, [item for item in self._landed if item[:2] == ends]):
            for item in items:
                if item[4] == step.data:
                    return item
        alike = [item for item in flying if type(item[4]).__name__ == type(step.data).__name__]
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
        return replace(step, data=call)

    def _send(self, source: NodeId, destination: NodeId, message: Any) -> None:
        self._sent += 1
        self._channels[source, destination] += 1
        count = self._channels[source, destination]
        insort(self._flying, (source, destination, count, self._sent, message))
        self._log("send", source, message, destination, self._sent)

    def _set_timer(self, member: Member, name: Any, least_us: int, most_us: int) -> None:
        member.timers[name] = 0
        self._log("set_timer", member.id, (name, least_us, most_us))

    def _may_invoke(self, member: Member, first: bool) -> None:
        self._free.add(member.id)


Judge = Callable[[Runtime], Violation | None]
"""Looks at a finished run, most often at its history, and names the rule that it breaks."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is run, and how it is judged: a program, a system, derived facts, and a last look."""

    program: Program | type[Node]
    system: System
    derive: tuple[Derive, ...] = ()
    judge: Judge | None = None

    def verdict(self, run: Runtime) -> Violation | None:
        """The rule that broke during the run, or that the judge finds broken after it."""
        return run.violation or (self.judge(run) if self.judge else None)

    def replay(self, schedule: Iterable[Step]) -> tuple[World, list[Step], Violation | None]:
        """Play `schedule` on a new world, loosely: the world, the steps taken, and what broke."""
        world = World(self.program, self.system, derive=self.derive)
        taken = list(_play(world, schedule))
        verdict = self.verdict(world)
        world.close()
        return world, taken, verdict


def _play(world: World, schedule: Iterable[Step]) -> Iterator[Step]:
    for step in schedule:
        if world.violation:
            return
        taken = world.perform(step)
        if taken:
            yield taken


@dataclass(frozen=True, slots=True)
class Walk:
    """Limits of a random walk: how long, how many restarts, crashes inside handlers, duplicates."""

    steps_max: int = 60
    restarts: int = 0
    cuts: int = 0
    duplicates: bool = False


def random_walk(experiment: Experiment, seed: object, limits: Walk) -> tuple[World, list[Step]]:
    """One walk through the untimed schedules, each step drawn evenly from all that may happen.

    Stops at the first violation.  The world comes back open; its verdict is the caller's to ask.
    """
    chance = Stream(seed, "walk")
    world = World(experiment.program, experiment.system, seed=seed, derive=experiment.derive)
    restarts, cuts, taken = limits.restarts, limits.cuts, []
    for _ in range(limits.steps_max):
        options = world.steps(duplicates=limits.duplicates)
        if restarts:
            options += [Step("start", id) for id in experiment.system.node_ids]
        if not options or world.violation:
            break
        step = options[chance.below(len(options))]
        if step.kind == "start":
            restarts -= 1
        elif cuts and step.node in experiment.system.node_ids and chance.chance(0.1):
            cuts, step = cuts - 1, replace(step, cut=chance.below(4))
        done = world.perform(step)
        assert done is not None, f"{step} was offered but could not be taken"
        taken.append(done)
    return world, taken


def schedule_of(trace: Trace) -> list[Step]:
    """The untimed schedule of a run: what each node was told, in order; times and losses vanish."""
    steps: list[Step] = []
    last: dict[NodeId, int] = {}
    cut: set[NodeId] = set()
    for event in trace:
        if event.kind == "crash" and event.data == "within":
            steps[last[event.node]] = replace(steps[last[event.node]], cut=event.id)
            cut.add(event.node)
        elif event.kind == "start" and event.node in cut:
            cut.discard(event.node)  # the step that crashed restarts too
        elif event.kind in HANDLERS and (event.kind != "start" or event.id > 1):
            last[event.node] = len(steps)
            steps.append(Step(event.kind, event.node, event.peer, event.data))
    return steps
