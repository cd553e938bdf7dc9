"""Making a failing schedule short: delete chunks while the same rule still breaks.

Delta debugging (Zeller & Hildebrandt 2002) from the back, halves down to single steps, on
untimed schedules with loose matching.  Exact matching would stop early: removing one election
changes every later term, and nothing after it would match.  The result is short, not shortest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from labkit.counterexample import Counterexample, Step, Told, changes, sendings
from labkit.explorer import Experiment
from labkit.facts import Violation
from labkit.handle import Handle
from labkit.world import World

REPLAYS_MAX = 3_000
STEPS_MAX = 5_000
"""A longer run is one that never comes to rest; to replay it thousands of times would take hours."""
TAIL = 15
"""How many steps are shown of a run that cannot be shrunk."""


def shrink(experiment: Experiment, schedule: Sequence[Step], rule: str) -> list[Step] | None:
    """The shortest schedule found that still breaks `rule`; None if `schedule` itself does not.

    A run that breaks a rule only because of its times has no such schedule; one of more than
    STEPS_MAX steps is not tried.
    """
    best = _attempt(experiment, list(schedule), rule) if len(schedule) <= STEPS_MAX else None
    if best is None:
        return None
    replays, size = 0, max(1, len(best) // 2)
    while replays < REPLAYS_MAX:
        shorter, used = _one_pass(experiment, best, size, rule)
        replays += used
        if len(shorter) == len(best) and size == 1:
            break
        best, size = shorter, max(1, min(size // 2, len(shorter) // 2))
    return _in_causal_order(experiment, _without_cuts(experiment, best, rule), rule)


def _one_pass(experiment: Experiment, best: list[Step], size: int, rule: str) -> tuple[list[Step], int]:
    """Try to delete each chunk of `size` steps, from the back; what is left, and the replays it took."""
    end, replays = len(best), 0
    while end > 0:
        start = max(0, end - size)
        shorter = _attempt(experiment, best[:start] + best[end:], rule)
        replays += 1
        if shorter is not None and len(shorter) < len(best):
            best, start = shorter, min(start, len(shorter))
        end = start
    return best, replays


def _without_cuts(experiment: Experiment, best: list[Step], rule: str) -> list[Step]:
    """Take out each crash inside a handler that is not needed."""
    for place, step in enumerate(best):
        if step.cut is not None:
            whole = [*best[:place], replace(step, cut=None), *best[place + 1 :]]
            taken = _attempt(experiment, whole, rule)
            best = taken if taken is not None and len(taken) == len(best) else best
    return best


def _in_causal_order(experiment: Experiment, best: list[Step], rule: str) -> list[Step]:
    """The same steps, each as late as its consequences allow, so that a story reads in one piece."""
    before = _causes(experiment, best)
    told: list[int] = []

    def tell(place: int) -> None:
        if place not in told:
            for cause in before[place]:
                tell(cause)
            told.append(place)

    last = _past(before, len(best) - 1)
    for place in range(len(best)):
        if place not in last:
            tell(place)
    for place in sorted(last):
        tell(place)
    ordered = [best[place] for place in told]
    taken = _attempt(experiment, ordered, rule)
    return ordered if taken == ordered else best


def _causes(experiment: Experiment, schedule: list[Step]) -> list[list[int]]:
    """For each step, the steps that it follows from: the one before on its node, and the sender's."""
    world = experiment.world()
    last: dict[str, int] = {}
    sender: dict[tuple[str, str, object], int] = {}
    found: list[list[int]] = []
    for place, step in enumerate(schedule):
        mark = len(world.trace)
        causes = {last.get(step.node), sender.get((step.source or "", step.node, step.data))}
        found.append(sorted(cause for cause in causes if cause is not None))
        world.perform(step)
        last[step.node] = place
        for row in world.trace.rows[mark:]:
            if row[1] == "send":
                sender.setdefault((row[2], row[3], row[4]), place)
    world.close()
    return found


def _past(before: list[list[int]], place: int) -> set[int]:
    past: set[int] = set()
    ahead = [place] if place >= 0 else []
    while ahead:
        here = ahead.pop()
        if here not in past:
            past.add(here)
            ahead += before[here]
    return past


def _attempt(experiment: Experiment, schedule: list[Step], rule: str) -> list[Step] | None:
    """The steps really taken by a replay of `schedule`, if it breaks the same rule."""
    _, taken, violation = experiment.replay(schedule)
    return taken if violation is not None and violation.rule == rule else None


def retell(experiment: Experiment, schedule: Sequence[Step]) -> tuple[list[Told], Violation | None]:
    """Play `schedule` once more, noting at each step what changed, what was sent and what was said."""
    world = experiment.world()
    told = []
    for step in schedule:
        if world.violation:
            break
        handle = world.handle(step.node)
        before, mark = handle.attributes(), len(world.trace)
        taken = world.perform(step)
        if taken:
            told.append(_told(world, taken, before, mark, handle))
    violation = experiment.verdict(world)
    world.close()
    return told, violation


def counterexample(
    experiment: Experiment, schedule: Sequence[Step], violation: Violation, *, check: str, seed: object
) -> Counterexample:
    """Shrink `schedule`, tell it step by step, and name what broke.

    If the schedule breaks nothing without its times, its end is told as it was.
    """
    short = shrink(experiment, schedule, violation.rule)
    if short is None:
        told, again = [Told(step) for step in schedule[-TAIL:]], None
    else:
        told, again = retell(experiment, short)
    return Counterexample(
        check=check,
        rule=violation.rule,
        what=(again or violation).what,
        steps=tuple(told),
        events=len(schedule),
        seed=str(seed),
        setup=experiment.system.encoded(),
    )


def _told(world: World, step: Step, before: dict[str, object], mark: int, handle: Handle) -> Told:
    events = [world.trace[index] for index in range(mark, len(world.trace))]
    sent = sendings((e.peer or "", e.data) for e in events if e.kind == "send")
    notes = [str(e).strip() for e in events if e.kind in ("ok", "fail", "info", "fact", "error")]
    return Told(step, changes(before, handle.attributes()), sent, "; ".join(notes))
