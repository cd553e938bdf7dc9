"""The same small systems keep the same promises on every runtime, and a real run can be replayed.

A run on real processes is recorded, turned into an untimed schedule (what each node was
told, in order), and played on the explorer's world: all nodes must end in the same state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from labkit.cluster import Cluster, load_recording
from labkit.counterexample import Step
from labkit.explorer import Experiment, World, schedule_of
from labkit.facts import Violation
from labkit.history import History
from labkit.program import LocalProgram
from labkit.simulation import Simulation
from tests.conformance import programs
from tests.conformance.scenarios import ENDS, SCENARIOS, Look, Scenario

PROGRAM = LocalProgram(vars(programs))
SETTLED_MS = 2_000

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=[s.name for s in SCENARIOS])


def judge(scenario: Scenario, look: Look, violation: Violation | None, history: History) -> None:
    """What every runtime must show at the end of a scenario."""
    if scenario.broken:
        assert violation is not None
        assert scenario.broken in violation.what
        return
    assert violation is None
    assert (scenario.again if scenario.restart else scenario.done)(look)
    ends = [(op.f, op.outcome, op.result) for op in history]
    assert ends == (ENDS if scenario.calls else [])


@every_scenario
def test_the_simulator_keeps_the_promise(scenario: Scenario) -> None:
    run = Simulation(PROGRAM, scenario.system, link=scenario.link)
    if scenario.cut is not None:
        run.at(400, run.crash_within, "n1", scenario.cut)
        run.at(600, run.restart, "n1")
    run.run(SETTLED_MS)
    if scenario.restart:
        assert scenario.done(run.observe)
        run.crash(scenario.restart)
        run.restart(scenario.restart)
        run.run(2 * SETTLED_MS)
    judge(scenario, run.observe, run.violation, run.history)


@every_scenario
def test_the_untimed_world_keeps_the_promise(scenario: Scenario) -> None:
    world = World(PROGRAM, scenario.system)
    if scenario.cut is not None:
        assert world.perform(scenario.crash_step)
    exhaust(world)
    if scenario.restart:
        assert scenario.done(world.observe)
        world.perform(Step("start", scenario.restart))
        exhaust(world)
    judge(scenario, world.observe, world.violation, world.history)


def exhaust(world: World) -> None:
    """Take steps, messages first and timers last, until none is left but time-outs."""
    while not world.violation:
        steps = [
            s for s in world.steps() if s.data not in ("late", "old") or world_waits_for(s, world)
        ]
        if not steps:
            return
        world.perform(steps[0])


def world_waits_for(step: Step, world: World) -> bool:
    """A client's time-out is due once nothing else can happen; a long timer never is."""
    return step.data == "late" and not any(other.data != "late" for other in world.steps())


@contextmanager
def running(scenario: Scenario, launcher: str) -> Iterator[Cluster]:
    with Cluster(scenario.role, scenario.system, launcher=launcher, link=scenario.link) as cluster:
        yield cluster


async def play(scenario: Scenario, cluster: Cluster) -> None:
    """The scenario, on real processes."""
    if scenario.cut is not None:
        cluster.crash_within("n1", scenario.cut)
        await cluster.until(lambda: not cluster.is_up("n1"), 20)
        cluster.restart("n1")
    done = (
        (lambda: cluster.violation) if scenario.broken else (lambda: scenario.done(cluster.observe))
    )
    await cluster.until(done, 20)
    if scenario.restart:
        cluster.crash(scenario.restart)
        assert not cluster.is_up(scenario.restart)
        assert cluster.observe(scenario.restart) == {}
        cluster.restart(scenario.restart)
        await cluster.until(lambda: scenario.again(cluster.observe), 20)
    await cluster.until(lambda: cluster.finished or cluster.violation, 20)


def conforms(scenario: Scenario, launcher: str, path: Path) -> None:
    with running(scenario, launcher) as cluster:
        asyncio.run(play(scenario, cluster))
        judge(scenario, cluster.observe, cluster.violation, cluster.history)
        cluster.save_recording(path)
        cluster.close()
        replayed_alike(scenario, path)


def replayed_alike(scenario: Scenario, path: Path) -> None:
    """The recording, read back, is the same run; replayed untimed, it ends in the same states."""
    recording = load_recording(path, PROGRAM.classes)
    judge(scenario, recording.observe, recording.violation, recording.history)
    schedule = schedule_of(recording.trace)
    world, taken, _ = Experiment(PROGRAM, scenario.system).replay(schedule)
    if not scenario.broken:
        assert taken == schedule
        views = {id: world.observe(id) for id, _ in scenario.system.members}
        assert views == {id: recording.observe(id) for id in views}


@every_scenario
def test_child_processes_keep_the_promise(scenario: Scenario, tmp_path: Path) -> None:
    conforms(scenario, "subprocess", tmp_path / "run.json")


@pytest.mark.ray
@pytest.mark.slow
@every_scenario
def test_ray_keeps_the_promise(scenario: Scenario, tmp_path: Path) -> None:
    conforms(scenario, "ray", tmp_path / "run.json")


def test_dice_fall_alike_everywhere() -> None:
    (scenario,) = (s for s in SCENARIOS if s.role is programs.Dicing)
    run = Simulation(PROGRAM, scenario.system).run(100)
    with running(scenario, "subprocess") as cluster:
        asyncio.run(play(scenario, cluster))
        assert cluster.observe("n2") == run.observe("n2")
        assert cluster.observe("n1") != run.observe("n1"), "a new life has new dice"


def test_a_print_is_an_effect_in_its_place() -> None:
    (scenario,) = (s for s in SCENARIOS if s.role is programs.Speaking)
    with running(scenario, "subprocess") as cluster:
        asyncio.run(cluster.until(lambda: cluster.trace.of_kind("save"), 20))
        told = [(e.kind, e.data) for e in cluster.trace if e.node == "n1"]
    run = Simulation(LocalProgram(cluster.bundle.load().namespace), scenario.system).run(100)
    assert told == [(e.kind, e.data) for e in run.trace if e.node == "n1"]
    assert [data for kind, data in told if kind == "print"] == ["one", "two 2"]
