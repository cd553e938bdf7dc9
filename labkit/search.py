"""Exhaustive search: every order of a small system, breadth first, up to stated bounds.

The network is the set of all messages ever sent, so loss, delay, reordering and duplication
come by themselves.  A state is skipped if one with the same local states and no smaller network
was seen: whatever the smaller one can do, the larger can, because messages may be lost.
Deep bugs are reached in stages (after DSLabs): search until a goal, then go on from there.

Facts are watched; histories are not.  Symmetry and partial orders are not used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labkit.counterexample import Step
from labkit.explorer import Experiment
from labkit.facts import Violation
from labkit.message import NodeId
from labkit.runtime import without_collection
from labkit.states import Edge, Local, Space, Within

Goal = Callable[[Mapping[NodeId, Mapping[str, Any]]], bool]
"""Is this a state to reach?  Given the public view of every member, by id."""

COVERS_MAX = 64
"""How many networks are remembered for one combination of local states; forgetting some is sound."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Search until `goal`, letting only the members in `only` act (all, if empty)."""

    goal: Goal
    only: tuple[NodeId, ...] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a search goes: restarts, crashes between effects, states, and nodes' public views."""

    restarts: int = 0
    cuts: bool = False
    states_max: int = 200_000
    within: Within | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a search saw: a violation with its schedule, or none, and how much was seen for that.

    ``is_complete`` says that every state within the bounds was seen; ``bounded`` counts the
    steps that were not taken because they led out of ``within``.
    """

    violation: Violation | None
    schedule: tuple[Step, ...]
    states: int
    handlers: int
    is_complete: bool
    bounded: int = 0

    def __str__(self) -> str:
        size = f"{self.states:,} states from {self.handlers:,} runs of handlers"
        end = "all there are" if self.is_complete else "not all there are"
        return f"{size}, {end} within the bounds" + (
            f" ({self.bounded:,} steps led out)" if self.bounded else ""
        )


Global = tuple[tuple[Local, ...], int, int, int]
"""Local states; messages ever sent and facts ever stated, as bits; restarts left."""


class Search:
    """One breadth-first search: the states in the order in which they were met, and how."""

    def __init__(self, space: Space, start: Global, path: tuple[Step, ...] = ()) -> None:
        self.space, self._path = space, path
        self.states: list[Global] = [start]
        self._came: list[tuple[int, Edge | None]] = [(-1, None)]
        self._covers: dict[tuple[Local, ...], list[tuple[int, int, int, int]]] = {}
        self._covered: set[int] = set()
        self.violation: Violation | None = None
        self.end = 0
        self.is_complete = False
        self.bounded = 0

    def run(self, states_max: int, goal: Goal | None = None, only: Sequence[NodeId] = ()) -> bool:
        """Search until a violation, the goal, or the end; is it the goal that was reached?"""
        places = [p for p, m in enumerate(self.space.members) if not only or m.id in only]
        if goal and goal(self._views(0)):
            return True
        for index, here in enumerate(self.states):  # which grows meanwhile
            if index in self._covered:
                continue  # a larger network came by while this one waited
            for state, edge in self._successors(here, places):
                self.states.append(state)
                self._came.append((index, edge))
                self.end = len(self.states) - 1
                if edge.broken or self._is_broken(index, edge):
                    self.violation = self.violation or edge.broken
                    return False
                if goal and goal(self._views(self.end)):
                    return True
            if len(self.states) >= states_max:
                return False
        self.is_complete = True
        return False

    def schedule(self) -> tuple[Step, ...]:
        """The steps that led to the state at which the search ended."""
        steps, index = [], self.end
        while self._came[index][1] is not None:
            index, edge = self._came[index]
            assert edge is not None
            steps.append(edge.step)
        return self._path + tuple(reversed(steps))

    def _successors(self, state: Global, places: list[int]) -> Iterator[tuple[Global, Edge]]:
        locals_, net, facts, left = state
        for place in places:
            local = locals_[place]
            fresh = net & self.space.inbox[place] & ~local.known
            if fresh or local.edges is None:
                self.space.grow(place, local, fresh)
            for edge in local.loops:
                if edge.need & net == edge.need and (net | edge.sent != net or facts | edge.facts != facts):
                    larger = locals_, net | edge.sent, facts | edge.facts, left
                    if self._is_new(*larger):
                        yield larger, edge
                    return  # the larger state can do all that this one can
        for place in places:
            local = locals_[place]
            for edge in local.edges or ():
                if edge.need & net != edge.need or edge.cost > left:
                    continue
                if not edge.after.is_within:
                    self.bounded += 1
                    continue
                after = (*locals_[:place], edge.after, *locals_[place + 1 :])
                new = after, net | edge.sent, facts | edge.facts, left - edge.cost
                if self._is_new(*new) or edge.broken:
                    yield new, edge

    def _is_new(self, locals_: tuple[Local, ...], net: int, facts: int, left: int) -> bool:
        covers = self._covers.get(locals_)
        if covers is None:
            self._covers[locals_] = [(net, facts, left, len(self.states))]
            return True
        for known_net, known_facts, known_left, _ in covers:
            if net | known_net == known_net and facts | known_facts == known_facts and left <= known_left:
                return False
        smaller = [c for c in covers if c[0] | net == net and c[1] | facts == facts and c[2] <= left]
        for cover in smaller:
            covers.remove(cover)
            self._covered.add(cover[3])
        del covers[COVERS_MAX:]
        covers.append((net, facts, left, len(self.states)))
        return True

    def _is_broken(self, before: int, edge: Edge) -> bool:
        old, now = self.states[before][2], self.states[self.end][2]
        if now != old:
            self.violation = self.space.clash(now & ~old, now)
        return self.violation is not None

    def _views(self, index: int) -> dict[NodeId, Mapping[str, Any]]:
        members = self.space.members
        return {m.id: local.view for m, local in zip(members, self.states[index][0], strict=True)}


def search(experiment: Experiment, bounds: Bounds | None = None, stages: Sequence[Stage] = ()) -> Found:
    """Look at every state within `bounds`, after reaching the goals of `stages` one by one.

    Raises NotComparable if a node's state cannot be compared, LookupError if a goal is not reached.
    """
    bounds = bounds or Bounds()
    space = Space(experiment, cuts=bounds.cuts, within=bounds.within)
    locals_, net, facts, broken = space.start()
    state: Global = (locals_, net, facts, bounds.restarts)
    if broken:
        return Found(broken, (), 1, space.handlers, False)
    seen, bounded = 0, 0
    path: tuple[Step, ...] = ()
    with without_collection():
        for stage in [*stages, Stage(lambda _: False)]:
            one = Search(space, state, path)
            reached = one.run(bounds.states_max - seen, stage.goal if stage in stages else None, stage.only)
            seen, bounded = seen + len(one.states), bounded + one.bounded
            if one.violation or not reached:
                break
            state, path = one.states[one.end], one.schedule()
    if stage in stages and not one.violation:
        raise LookupError(f"stage {stages.index(stage) + 1} did not reach its goal in {seen:,} states")
    schedule = one.schedule() if one.violation else ()
    return Found(one.violation, schedule, seen, space.handlers, one.is_complete, bounded)


def stuck(experiment: Experiment, goal: Goal, bounds: Bounds | None = None) -> tuple[Step, ...] | None:
    """A schedule to a state from which `goal` cannot be reached any more, though no fault happens; or None.

    For protocols that terminate.  From every reachable combination of local states the network
    is emptied and faults stop: exact, and without any assumption of fairness.
    LookupError if the states within the bounds are too many to see them all.
    """
    bounds = bounds or Bounds()
    space = Space(experiment, cuts=bounds.cuts, within=bounds.within)
    locals_, net, facts, _ = space.start()
    reach = Search(space, (locals_, net, facts, bounds.restarts))
    reach.run(bounds.states_max)
    if not reach.is_complete:
        raise LookupError(
            f"more than {bounds.states_max:,} states: bound the system, or give a higher states_max"
        )
    asked: set[tuple[Local, ...]] = set()
    for index, (locals_, _, facts, _) in enumerate(reach.states):
        if locals_ not in asked:
            asked.add(locals_)
            if not Search(space, (locals_, 0, facts, 0)).run(bounds.states_max, goal):
                reach.end = index
                return reach.schedule()
    return None
