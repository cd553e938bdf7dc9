"""How whole-system checks are made: many schedules, one judgement, one small counterexample.

``scenarios`` plays timed runs with focused faults, one a seed; ``walks`` plays untimed random
schedules; ``portfolio`` plays both in several kinds, and an exhaustive search where it can.  All
watch facts and errors at every event, ask the judge at the end of a run, and shrink what they
find.  Budgets are counted in runs and events, so that a verdict never depends on the machine.
Passing is evidence, not proof.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import partial

from labkit.counterexample import Counterexample, Step, Told
from labkit.explorer import Experiment, Judge, Walk, random_walk, schedule_of
from labkit.facts import Violation
from labkit.frozen import NotComparable
from labkit.lint import findings_in
from labkit.message import NodeId
from labkit.nemesis import LINKS, NODES, Target, busiest, on_leaders, recovers, swarm
from labkit.network import Link, Stream
from labkit.program import LocalProgram, Program, Unwritten
from labkit.runtime import Derive, Runtime, without_collection
from labkit.search import Bounds, Stage, search
from labkit.shrink import TAIL, counterexample
from labkit.simulation import Simulation
from labkit.system import System
from labkit.verdict import Broken, NoLongerBroken, NotExercised, Trial, expect, trial

Play = Callable[[Simulation], None]
"""Plays one timed run: lets time pass, injects faults, and may ``expect`` something at its end."""

share: ContextVar[tuple[int, int]] = ContextVar("share", default=(0, 1))
"""Which of how many shares of all schedules this process plays; see ``parallel``."""

EVENTS, SETUP = 800_000, 150
"""What ``portfolio`` may play with the public budget, about ten seconds of one core; what a new run costs."""


@dataclass(frozen=True, slots=True)
class Small:
    """A system small enough to try its untimed orders, and how far: for walks and for the search.

    The search goes once through everything within ``bounds``, and, where there are ``stages``,
    once more from goal to goal within ``staged``, which is for depth and not for faults.
    """

    system: System
    walk: Walk = field(default_factory=lambda: Walk(restarts=2, cuts=1, duplicates=True))
    bounds: Bounds = field(default_factory=lambda: Bounds(restarts=1, cuts=True))
    stages: tuple[Stage, ...] = ()
    staged: Bounds = field(default_factory=Bounds)


@dataclass(frozen=True, slots=True)
class Liveness:
    """What must come about once faults have ended, in words and as a test, and how soon.

    Sometimes up to ``down`` nodes stay down for good.
    """

    what: str
    goal: Callable[[Simulation], bool]
    within_ms: float = 6_000
    down: int = 0


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
    for seed in _seeds(current, current.count(runs)):
        faults += _play_one(current, experiment.seeded(seed), play, link).faults
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
    _walk(current, experiment, limits or Walk(), current.count(count))


def portfolio(
    program: Program,
    system: System,
    *,
    small: Small | None = None,
    derive: Iterable[Derive] = (),
    judge: Judge | None = None,
    liveness: Liveness | None = None,
    kinds: Sequence[str] = LINKS + NODES,
    target: Target = busiest,
    until_ms: float = 1_500,
    events: int = EVENTS,
) -> None:
    """Everything this kit can try on `system` for `events` events, cheapest first.

    Untimed walks, even and by priorities, a search through all orders (these on `small`, where
    given), then timed runs with faults on leaders, and with a random few of `kinds`.
    """
    current, rules = trial(), (tuple(derive), judge)
    _refuse_lint(program, system)
    events = current.count(events)
    if small is not None:
        untimed = Experiment(program, small.system, *rules)
        steps = max(1, small.walk.steps_max // 2)
        _walk(current, untimed, small.walk, events // 10 // steps + 1)
        _walk(current, untimed, replace(small.walk, demotions=2), events // 20 // steps + 1)
        if isinstance(program, LocalProgram):
            _search(current, untimed, small, events * 7 // 20)
    timed = Experiment(program, system, *rules)

    def under(attack: Callable[..., object]) -> Play:
        def play(run: Simulation) -> None:
            attack(run, until_ms, target=target)
            run.run(until_ms)
            if liveness is not None:
                _expect_recovery(run, liveness)

        return play

    _play_share(current, timed, under(on_leaders), "leaders", events // 5)
    _play_share(current, timed, under(partial(swarm, kinds=kinds)), "swarm", events * 3 // 10)


def _expect_recovery(run: Simulation, liveness: Liveness) -> None:
    chance = Stream(run.seed, "who stays down")
    nodes = run.system.node_ids
    down = chance.some(nodes)[: chance.below(liveness.down + 1)] if liveness.down else []
    only: list[NodeId] = [id for id in nodes if id not in down]
    met = recovers(run, lambda: liveness.goal(run), liveness.within_ms, only=only)
    named = f"{', '.join(down)} stayed down" if down else "all nodes were up again"
    expect(met, f"{liveness.what}: not within {liveness.within_ms:g} ms after faults ended ({named})")


def _walk(current: Trial, experiment: Experiment, limits: Walk, count: int) -> None:
    if _skips(current, experiment):
        return
    events = 0
    for seed in _seeds(current, count):
        world, taken = random_walk(experiment, seed, limits)
        violation = experiment.verdict(world)
        world.close()
        events += len(taken)
        if violation:
            _fail(current, experiment.seeded(seed), violation, taken)
    kind = "of any order" if limits.demotions is None else "by priorities"
    current.evidence.append(f"{count} schedules {kind} ({events:,} events)")


def _search(current: Trial, experiment: Experiment, small: Small, states: int) -> None:
    """Search without stages, then with them; what cannot be compared or reached is said, not failed."""
    number, shares = share.get()
    if _skips(current, experiment) or current.experiments % shares != number:
        return
    hunts = [(small.bounds, ())] + ([(small.staged, small.stages)] if small.stages else [])
    for bounds, stages in hunts:
        bounded = replace(bounds, states_max=min(bounds.states_max, states // len(hunts)))
        try:
            found = search(experiment, bounded, stages)
        except (NotComparable, LookupError) as reason:
            current.evidence.append(f"no exhaustive search: {reason}")
            continue
        if found.violation:
            _fail(current, experiment, found.violation, found.schedule)
        current.evidence.append(str(found))


def _play_share(current: Trial, experiment: Experiment, play: Play, name: str, events: int) -> None:
    """As many runs as make up about `events`, judged by the length of the first."""
    if _skips(current, experiment):
        return
    first = _play_one(current, experiment.seeded(_seed(current, 0)), play, None)
    faults = first.faults.copy()
    runs = 1 if current.replaying else max(1, events // (first.events + SETUP))
    for seed in _seeds(current, runs):
        if seed != first.seed:
            faults += _play_one(current, experiment.seeded(seed), play, None).faults
    kinds = ", ".join(sorted(faults))
    current.evidence.append(f"{runs} timed runs, {name} ({sum(faults.values()):,} faults: {kinds})")


def _seeds(current: Trial, count: int) -> Iterable[str]:
    first, step = (0, 1) if current.replaying else share.get()
    return (_seed(current, number) for number in range(first, 1 if current.replaying else count, step))


def _seed(current: Trial, number: int) -> str:
    if current.replaying is not None:
        return current.replaying.seed
    return f"{current.seed}/{current.experiments}/{number}"


def _play_one(current: Trial, experiment: Experiment, play: Play, link: Link | None) -> Simulation:
    run = Simulation(
        experiment.program, experiment.system, seed=experiment.seed, link=link, derive=experiment.derive
    )
    with without_collection():
        try:
            _play_through(current, experiment, run, play)
            violation = experiment.verdict(run)  # before the nodes are let go: a judge may look at them
        finally:
            run.close()
    if violation:
        _fail(current, experiment, violation, schedule_of(run.trace))
    return run


def _play_through(current: Trial, experiment: Experiment, run: Simulation, play: Play) -> None:
    try:
        play(run)
    except Broken as broken:
        if run.violation is None:
            whole = _whole_run(current, experiment, run, broken.what)
            raise Broken(broken.what, whole) from broken


def _fail(current: Trial, experiment: Experiment, violation: Violation, schedule: Sequence[Step]) -> None:
    if violation.is_unwritten:
        raise Unwritten(violation.what)
    found = counterexample(
        experiment, schedule, violation, check=current.check.exercise, seed=experiment.seed
    )
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
    experiment = experiment.seeded(replaying.seed)
    _, taken, violation = experiment.replay(replaying.schedule)
    if violation is None or violation.rule != replaying.rule:
        raise NoLongerBroken
    _fail(current, experiment, violation, taken)
    return True


def _refuse_lint(program: Program, system: System) -> None:
    if isinstance(program, LocalProgram):
        for role in sorted({role for _, role in system.members}):
            for finding in findings_in(program.role(role)):
                raise Broken(str(finding))
