"""Short counterexamples: what is deleted, what is kept, how the story is ordered and told."""

from __future__ import annotations

from statistics import median

import pytest
from bugs.bank import PAXOS, QUORUM, RAFT, RPC, TWO_PHASE

from labkit import Node, Simulation, System
from labkit.counterexample import Counterexample
from labkit.explorer import Experiment, schedule_of
from labkit.nemesis import swarm
from labkit.program import LocalProgram
from labkit.shrink import STEPS_MAX, TAIL, counterexample, shrink


def broken_run(protocol, bug, seeds=200):
    """A timed run that breaks a rule, found by faults alone."""
    more = protocol.more
    one = Experiment(protocol.program(bug), protocol.system, more.get("derive", ()), more.get("judge"))
    for seed in range(seeds):
        run = Simulation(one.program, one.system, seed=seed, derive=one.derive)
        swarm(run, 1_500)
        run.run(1_500)
        if one.verdict(run):
            return one.seeded(seed), schedule_of(run.trace), one.verdict(run)
    raise AssertionError(f"{bug} was not found in {seeds} seeds")


CASES = [
    (RAFT, "votes_twice"), (RAFT, "ignores_the_log"), (RAFT, "log_not_saved"), (RAFT, "half_is_a_majority"),
    (PAXOS, "proposes_its_own"), (PAXOS, "accepts_below_its_promise"), (TWO_PHASE, "presumes_commit"),
    (TWO_PHASE, "changes_its_mind"), (RPC, "nothing_saved"), (QUORUM, "value_not_saved"),
]  # fmt: skip


def test_textbook_bugs_shrink_to_twenty_events_in_the_median():
    lengths = []
    for protocol, bug in CASES:
        one, schedule, violation = broken_run(protocol, bug)
        short = shrink(one, schedule, violation.rule)
        assert short is not None
        _, taken, again = one.replay(short)
        assert again.rule == violation.rule
        assert taken == short
        lengths.append(len(short))
    assert median(lengths) <= 20, lengths


def test_no_step_of_a_short_schedule_can_be_left_out():
    one, schedule, violation = broken_run(RAFT, "votes_twice")
    short = shrink(one, schedule, violation.rule)
    assert len(short) < len(schedule)
    for place in range(len(short)):
        _, _, without = one.replay(short[:place] + short[place + 1 :])
        assert without is None or without.rule != violation.rule


def test_a_message_is_told_after_its_cause():
    one, schedule, violation = broken_run(RAFT, "ignores_the_log")
    world = one.world()
    for step in shrink(one, schedule, violation.rule):
        if step.kind == "deliver":
            assert step in world.steps(duplicates=True)
        world.perform(step)


def test_a_counterexample_tells_changes_messages_and_the_rule_and_survives_a_file(tmp_path):
    one, schedule, violation = broken_run(RAFT, "votes_twice")
    found = counterexample(one, schedule, violation, check="9.E", seed=one.seed)
    text = found.text()
    assert f"the shortest way there we found, {len(found.steps)} of {len(schedule)} events" in text
    assert "timer election" in text
    assert "role follower→candidate" in text
    assert found.rule == "there is one leader of term"
    path = found.save(tmp_path)
    import json

    again = Counterexample.from_encoded(json.loads(path.read_text()), one.program.classes)
    assert again == found
    assert path.stem == found.name
    _, _, broken = one.replay(again.schedule)
    assert broken.rule == found.rule


def test_a_schedule_replays_on_repaired_code_without_breaking_it():
    one, schedule, violation = broken_run(RAFT, "votes_twice")
    short = shrink(one, schedule, violation.rule)
    right = Experiment(RAFT.program(), RAFT.system, one.derive)
    assert right.replay(short)[2] is None


class Late(Node):
    """Breaks its rule by the clock alone."""

    def on_start(self):
        self.set_timer("t", 10)

    def on_timer(self, name):
        assert self.now_ms < 25, "late"
        self.set_timer("t", 10)


def test_a_run_that_breaks_by_time_alone_is_shown_by_its_end():
    run = Simulation(Late, System.of(1, "Late")).run(100)
    one = Experiment(LocalProgram({"Late": Late}), run.system)
    schedule = schedule_of(run.trace)
    assert shrink(one, schedule, "no such rule") is None
    found = counterexample(one, schedule, run.violation, check="1.1", seed=0)
    assert found.what.startswith("AssertionError: late") or "now_ms" in found.what
    assert len(found.steps) >= 1


@pytest.mark.parametrize("bug", ["tells_before_saving", "votes_before_saving"])
def test_a_crash_inside_a_handler_is_kept_where_it_is_needed(bug):
    from labkit.search import Bounds, search

    one = Experiment(TWO_PHASE.program(bug), TWO_PHASE.more["small"].system)
    found = search(one, Bounds(restarts=2, cuts=True))
    short = shrink(one, found.schedule, found.violation.rule)
    assert [step for step in short if step.cut is not None]


class Restless(Node):
    def on_start(self):
        self.set_timer("t", 0)

    def on_timer(self, name):
        self.set_timer("t", 0)


def test_a_run_that_never_rests_is_shown_by_its_end_and_not_replayed():
    run = Simulation(Restless, System.of(1, "Restless")).run(100)
    one = Experiment(LocalProgram({"Restless": Restless}), run.system)
    schedule = schedule_of(run.trace)
    assert len(schedule) > STEPS_MAX
    assert shrink(one, schedule, run.violation.rule) is None
    assert len(counterexample(one, schedule, run.violation, check="1.1", seed=0).steps) == TAIL
