"""Making a failing schedule short: delete chunks while the same rule still breaks.

Delta debugging (Zeller & Hildebrandt 2002) from the back, halves down to single steps, on
untimed schedules with loose matching.  Exact matching would stop early: removing one election
changes every later term, and nothing after it would match.  The result is short, not shortest.
"""

from __future__ import annotations

from collections.abc import Sequence

from labkit.counterexample import Counterexample, Step, Told, changes, sendings
from labkit.explorer import Experiment, World
from labkit.facts import Violation
from labkit.handle import Handle

REPLAYS_MAX = 3_000


def shrink(experiment: Experiment, schedule: Sequence[Step], rule: str) -> list[Step]:
    """The shortest schedule found that still breaks `rule`; `schedule` itself if it does not replay."""
    best = _attempt(experiment, list(schedule), rule)
    if best is None:
        return list(schedule)
    replays, size = 0, max(1, len(best) // 2)
    while replays < REPLAYS_MAX:
        shorter, used = _one_pass(experiment, best, size, rule)
        replays += used
        if len(shorter) == len(best) and size == 1:
            break
        best, size = shorter, max(1, min(size // 2, len(shorter) // 2))
    return best


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


def _attempt(experiment: Experiment, schedule: list[Step], rule: str) -> list[Step] | None:
    """The steps really taken by a replay of `schedule`, if it breaks the same rule."""
    _, taken, violation = experiment.replay(schedule)
    return taken if violation is not None and violation.rule == rule else None


def retell(experiment: Experiment, schedule: Sequence[Step]) -> tuple[list[Told], Violation | None]:
    """Play `schedule` once more, noting at each step what changed, what was sent and what was said."""
    world = World(experiment.program, experiment.system, derive=experiment.derive)
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
    """Shrink `schedule`, tell it step by step, and name what broke."""
    short = shrink(experiment, schedule, violation.rule)
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
    sent = sendings((e.peer, e.data) for e in events if e.kind == "send")
    notes = [str(e).strip() for e in events if e.kind in ("ok", "fail", "info", "fact", "error")]
    return Told(step, changes(before, handle.attributes()), sent, "; ".join(notes))

