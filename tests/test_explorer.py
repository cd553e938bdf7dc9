"""The untimed world: anything pending may be next; walks through it; replays with loose matching."""

from __future__ import annotations

import pytest
from bugs import raft
from bugs.bank import PAXOS, RAFT, RPC

from labkit import Simulation, System, Walk
from labkit.counterexample import Step
from labkit.explorer import Experiment, random_walk, schedule_of


def experiment(protocol, bug=""):
    more = protocol.more
    return Experiment(protocol.program(bug), more["small"].system, more.get("derive", ()), more.get("judge"))


def test_what_may_happen_next_is_timers_messages_and_calls():
    world = experiment(RAFT).world()
    assert {(s.kind, s.node) for s in world.steps()} == {("timer", f"n{i}") for i in (1, 2, 3)} | {
        ("invoke", "c1")
    }
    world.perform(Step("timer", "n1", None, "election"))
    assert len([s for s in world.steps() if s.kind == "deliver"]) == 2


def test_a_message_may_come_again_after_it_came():
    world = experiment(RAFT).world()
    world.perform(Step("timer", "n1", None, "election"))
    ask = next(s for s in world.steps() if s.node == "n2" and s.kind == "deliver")
    assert world.perform(ask) == ask
    assert ask not in world.steps()
    assert ask in world.steps(duplicates=True)
    assert world.perform(ask) == ask
    assert world.faults["duplication"] == 1


def test_a_message_that_is_not_there_is_matched_by_the_newest_of_its_type():
    world = experiment(RAFT).world()
    for _ in range(3):
        world.perform(Step("timer", "n1", None, "election"))
    taken = world.perform(Step("deliver", "n2", "n1", raft.RequestVote(99, 0, 0)))
    assert taken.data == raft.RequestVote(3, 0, 0)
    assert world.perform(Step("deliver", "n2", "n1", raft.Vote(1, True))) is None
    assert world.perform(Step("timer", "n1", None, "no such timer")) is None
    assert world.perform(Step("timer", "nobody", None, "election")) is None


def test_a_crash_and_the_restart_after_it_are_one_step():
    world = experiment(RAFT).world()
    world.perform(Step("timer", "n1", None, "election"))
    world.perform(Step("start", "n1"))
    assert world.observe("n1")["term"] == 1
    assert world.observe("n1")["role"] == "follower"


def test_a_cut_step_crashes_between_effects():
    world = experiment(RAFT).world()
    world.perform(Step("timer", "n1", None, "election", cut=0))
    assert world.observe("n1")["term"] == 0
    world.perform(Step("timer", "n1", None, "election", cut=1))
    assert world.observe("n1")["term"] == 1
    assert not [s for s in world.steps() if s.kind == "deliver"]


@pytest.mark.parametrize("demotions", [None, 3])
def test_a_walk_is_its_seed(demotions):
    limits = Walk(restarts=1, cuts=1, duplicates=True, demotions=demotions)
    walks = [random_walk(experiment(RAFT), seed, limits)[1] for seed in (1, 1, 2)]
    assert walks[0] == walks[1] != walks[2]
    assert 5 < len(walks[0]) <= limits.steps_max


def test_a_walk_keeps_its_limits():
    for seed in range(30):
        _, taken = random_walk(experiment(RAFT), seed, Walk(steps_max=50, restarts=2, cuts=1, timers=3))
        assert sum(step.kind == "timer" for step in taken) <= 3
        assert sum(step.kind == "start" for step in taken) <= 2
        assert sum(step.cut is not None for step in taken) <= 1


def test_walks_find_what_random_delays_do_not():
    def broken(play):
        return sum(play(seed) is not None for seed in range(400))

    bad = experiment(RAFT, "counts_stale_votes")

    def delays_only(seed):
        return Simulation(bad.program, RAFT.system, seed=seed).run(300).violation if seed < 100 else None

    def walk(seed):
        return random_walk(bad, seed, Walk(restarts=1))[0].violation

    assert broken(delays_only) == 0
    assert broken(walk) > 0


@pytest.mark.parametrize("protocol", [RAFT, PAXOS, RPC], ids=lambda p: p.name)
def test_a_timed_run_replays_without_its_times(protocol):
    """The same events in the same order leave every node in the same state."""
    one = experiment(protocol)
    run = Simulation(one.program, one.system, seed=4, derive=one.derive)
    run.at(30, run.crash, one.system.node_ids[0]).at(40, run.restart, one.system.node_ids[0])
    run.network.set_link(loss=0.1, duplication=0.1)
    run.run(600)
    schedule = schedule_of(run.trace)
    world, taken, violation = one.replay(schedule)
    assert violation is None
    assert len(taken) == len(schedule) > 15
    assert [world.observe(id) for id in one.system.node_ids] == [
        run.observe(id) for id in one.system.node_ids
    ]
    assert len(world.history) == len(run.history)


def test_a_crash_inside_a_handler_is_one_step_of_the_schedule():
    run = Simulation(RAFT.program(), System.of(3, "Raft"), seed=1).run(0)
    run.crash_within("n1", 1)
    run.run(400)
    run.restart("n1")
    run.run(500)
    cuts = [step for step in schedule_of(run.trace) if step.cut is not None]
    assert [(step.node, step.cut) for step in cuts] == [("n1", 1)]
    assert not [step for step in schedule_of(run.trace) if step.kind == "start"]
