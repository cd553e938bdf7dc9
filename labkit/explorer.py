"""The explorer: untimed experiments, replayed schedules, and random walks through them.

Random walks are cheap, and surprisingly good at odd orders.  There are two ways to draw the next
step.  Evenly: anything that may happen is equally likely.  By priorities, after PCT (Burckhardt
et al. 2010): each channel and timer has a random rank, the highest goes first, and at a few
random points the one that went first falls to the bottom.  Its published bound needs chains of
known length, which nodes do not promise: here it is a heuristic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from labkit.counterexample import Step
from labkit.facts import Violation
from labkit.message import NodeId
from labkit.network import Stream
from labkit.node import Node
from labkit.program import Program
from labkit.runtime import Derive, Runtime
from labkit.system import System
from labkit.trace import HANDLERS, Trace
from labkit.world import Option, World

COPY_RATE, RESTART_RATE, CUT_RATE, CUT_EFFECTS_MAX = 0.1, 0.07, 0.1, 4

Judge = Callable[[Runtime], Violation | None]
"""Looks at a finished run, most often at its history, and names the rule that it breaks."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is run, and how it is judged: a program, a system, derived facts, a last look, a seed."""

    program: Program | type[Node]
    system: System
    derive: tuple[Derive, ...] = ()
    judge: Judge | None = None
    seed: object = 0

    def verdict(self, run: Runtime) -> Violation | None:
        """The rule that broke during the run, or that the judge finds broken after it."""
        return run.violation or (self.judge(run) if self.judge else None)

    def world(self) -> World:
        """A new world, about to begin."""
        return World(self.program, self.system, seed=self.seed, derive=self.derive)

    def seeded(self, seed: object) -> Experiment:
        """The same with another seed."""
        return replace(self, seed=seed)

    def replay(self, schedule: Iterable[Step]) -> tuple[World, list[Step], Violation | None]:
        """Play `schedule` on a new world, loosely: the world, the steps taken, and what broke."""
        world = self.world()
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
    """Limits of a random walk: how long, how many restarts, crashes inside handlers, duplicates.

    At most ``timers`` of them fire in one walk, and in most walks fewer: where each election ends
    in the next one, nothing else happens.  With ``demotions``, steps are drawn by priorities that
    change so often; without, evenly.
    """

    steps_max: int = 60
    restarts: int = 0
    cuts: int = 0
    duplicates: bool = False
    timers: int = 12
    demotions: int | None = None


Choose = Callable[[list[Option]], Option]


def random_walk(experiment: Experiment, seed: object, limits: Walk) -> tuple[World, list[Step]]:
    """One walk: the world, open and its verdict not yet asked, and the steps that were taken.

    Stops at the first violation, or when nothing is left to happen.
    """
    chance = Stream(seed, "walk")
    choose: Choose = chance.choice if limits.demotions is None else _Priorities(chance, limits).choose
    world = experiment.seeded(seed).world()
    nodes, cuts = experiment.system.node_ids, limits.cuts
    timers, restarts = chance.between(1, limits.timers), limits.restarts
    taken: list[Step] = []
    for _ in range(limits.steps_max):
        options = world.options()
        if not timers:
            options = [option for option in options if option[0] != "timer"]
        copies = world.copies() if limits.duplicates and chance.chance(COPY_RATE) else []
        if world.violation or not (options or restarts):
            break
        if restarts and (chance.chance(RESTART_RATE) or not options):
            restarts, step = restarts - 1, Step("start", chance.choice(nodes))
        else:
            step = Step(*(chance.choice(copies) if copies else choose(options)))
        timers -= step.kind == "timer"
        if cuts and step.kind != "invoke" and step.node in nodes and chance.chance(CUT_RATE):
            cuts, step = cuts - 1, replace(step, cut=chance.below(CUT_EFFECTS_MAX))
        done = world.perform(step)
        assert done is not None, f"{step} was offered but could not be taken"
        taken.append(done)
    return world, taken


class _Priorities:
    """Ranks of channels, timers and clients; a timer that fired goes last, or it would starve the rest."""

    def __init__(self, chance: Stream, limits: Walk) -> None:
        self._chance, self._taken, self._lowest = chance, 0, 0
        self._ranks: dict[Any, int] = {}
        self._changes = {chance.below(limits.steps_max) for _ in range(limits.demotions or 0)}

    def choose(self, options: list[Option]) -> Option:
        best = max(options, key=self._rank)
        if self._taken in self._changes or best[0] == "timer":
            self._lowest -= 1
            self._ranks[_chain(best)] = self._lowest
        self._taken += 1
        return best

    def _rank(self, option: Option) -> int:
        chain = _chain(option)
        found = self._ranks.get(chain)
        if found is None:
            found = self._ranks[chain] = self._chance.below(1 << 30)
        return found


def _chain(option: Option) -> Any:
    kind, node, source, data = option
    return (kind, node, source) if kind != "timer" else (kind, node, data)


def schedule_of(trace: Trace) -> list[Step]:
    """The untimed schedule of a run: what each node was told, in order; times and losses vanish."""
    steps: list[Step] = []
    last: dict[NodeId, int] = {}
    cut: set[NodeId] = set()
    for event in trace:
        if event.kind == "crash" and event.data == "within":
            if event.node in last:
                steps[last[event.node]] = replace(steps[last[event.node]], cut=event.id)
            cut.add(event.node)
        elif event.kind == "start" and event.node in cut:
            cut.discard(event.node)  # the step that crashed restarts too
        elif event.kind in HANDLERS and (event.kind != "start" or event.id > 1):
            last[event.node] = len(steps)
            steps.append(Step(event.kind, event.node, event.peer, event.data))
    return steps
