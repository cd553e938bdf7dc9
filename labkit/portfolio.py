"""How whole-system checks are made: many schedules, one judgement, one small counterexample.

``scenarios`` plays timed runs with focused faults, one a seed; ``walks`` plays untimed random
schedules.  Both watch facts and errors at every event and ask the judge at the end of a run;
both shrink what they find.  Budgets are counted in runs and events, so that a verdict never
depends on the machine.  Passing is evidence, not proof.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from labkit.counterexample import Counterexample, Step, Told
from labkit.explorer import Experiment, Judge, Walk, random_walk, schedule_of
from labkit.facts import Violation
from labkit.network import Link
from labkit.program import Program, Unwritten
from labkit.runtime import Derive, Runtime
from labkit.shrink import counterexample
from labkit.simulation import Simulation
from labkit.system import System
from labkit.verdict import Broken, NoLongerBroken, NotExercised, Trial, trial

Play = Callable[[Simulation], None]
"""Plays one timed run: lets time pass, injects faults, and may ``expect`` something at its end."""

TAIL = 15


def scenarios(
    program: Program,
    system: System,
    play: Play,
    *,
    runs: int = 50,
    link: Link | None = None,
    derive: Iterable[Derive] = (),
    judge: Judge | None = None,
    needs: Sequence[str] = (),
) -> None:
    """Play `runs` seeded simulations of `system`; the first one that breaks a rule fails the check.

    `needs` names the faults that must have happened, as ``Simulation.faults`` counts them;
    if one of them never did, the check has not been exercised.
    """
    current, experiment = trial(), Experiment(program, system, tuple(derive), judge)
    if _skips(current, experiment):
        return
    faults: Counter[str] = Counter()
    for seed in _seeds(current, runs):
        run = Simulation(program, system, seed=seed, link=link, derive=experiment.derive)
        _play_one(current, experiment, run, play)
        faults += run.faults
    missing = [name for name in needs if not faults[name]]
    if missing:
        raise NotExercised(f"{', '.join(missing)} never happened in {current.count(runs)} runs")
    hurt = ", ".join(f"{count} × {name}" for name, count in sorted(faults.items()))
    current.evidence.append(f"{current.count(runs)} runs" + (f" with faults ({hurt})" if hurt else ""))


def walks(
    program: Program,
    system: System,
    *,
    count: int = 300,
    limits: Walk | None = None,
    derive: Iterable[Derive] = (),
    judge: Judge | None = None,
) -> None:
    """Play `count` random untimed schedules; the first one that breaks a rule fails the check."""
    current, experiment = trial(), Experiment(program, system, tuple(derive), judge)
    if _skips(current, experiment):
        return
    limits, events = limits or Walk(), 0
    for seed in _seeds(current, count):
        world, taken = random_walk(experiment, seed, limits)
        violation = experiment.verdict(world)
        world.close()
        events += len(taken)
        if violation:
            _fail(current, experiment, violation, taken, seed)
    current.evidence.append(f"{current.count(count)} schedules of any order ({events:,} events)")


def _seeds(current: Trial, count: int) -> Iterable[str]:
    replaying = current.replaying
    if replaying is not None:
        return [replaying.seed]
    return [f"{current.seed}/{current.experiments}/{number}" for number in range(current.count(count))]


def _play_one(current: Trial, experiment: Experiment, run: Simulation, play: Play) -> None:
    try:
        play(run)
    except Broken as broken:
        raise Broken(broken.what, _whole_run(current, experiment, run, broken.what)) from broken
    finally:
        run.close()
    violation = experiment.verdict(run)
    if violation:
        _fail(current, experiment, violation, schedule_of(run.trace), str(run.seed))


def _fail(
    current: Trial, experiment: Experiment, violation: Violation, schedule: Sequence[Step], seed: str
) -> None:
    if violation.is_unwritten:
        raise Unwritten(violation.what)
    found = counterexample(experiment, schedule, violation, check=current.check.exercise, seed=seed)
    raise Broken(found.what, replace(found, setup={**found.setup, **_label(current, "schedule")}))


def _whole_run(current: Trial, experiment: Experiment, run: Runtime, what: str) -> Counterexample:
    """What never happened cannot be shrunk: the end of the run is shown, and the seed replays it."""
    steps = schedule_of(run.trace)
    return Counterexample(
        check=current.check.exercise,
        rule=current.check.title,
        what=what,
        steps=tuple(Told(step) for step in steps[-TAIL:]),
        events=len(steps),
        seed=str(run.seed),
        setup={**experiment.system.encoded(), **_label(current, "run")},
    )


def _label(current: Trial, kind: str) -> dict[str, object]:
    return {"kind": kind, "name": current.check.name, "experiment": current.experiments}


def _skips(current: Trial, experiment: Experiment) -> bool:
    """Number this experiment; in a replay, play the recorded schedule if it belongs here, and skip others."""
    current.experiments += 1
    replaying = current.replaying
    if replaying is None:
        return False
    if replaying.setup.get("experiment") != current.experiments:
        return True
    if replaying.setup.get("kind") == "run":
        return False
    _, taken, violation = experiment.replay(replaying.schedule)
    if violation is None or violation.rule != replaying.rule:
        raise NoLongerBroken
    _fail(current, experiment, violation, taken, replaying.seed)
    return True


