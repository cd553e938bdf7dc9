"""A check passes by returning; whatever else happens has a verdict of its own, and a sentence."""

from __future__ import annotations

import pytest

from labkit.by_hand import by_hand
from labkit.message import message
from labkit.network import Link
from labkit.node import Client, Node
from labkit.portfolio import scenarios, walks
from labkit.program import LocalProgram, ProgramError, Unwritten
from labkit.system import System
from labkit.verdict import Undecided, checks, expect, run_check


@message
class Add:
    n: int


@message
class Total:
    n: int


class Adder(Node):
    """Adds up; forgets in a crash, which it claims it never does."""

    def on_start(self):
        self.total = 0

    def on_message(self, source, message):
        match message:
            case Add():
                self.total += message.n
                self.send(source, Total(self.total))
            case _:
                super().on_message(source, message)

    def facts(self):
        yield ("total of", self.id, "at least"), 0 if self.total >= 0 else -1


class Asker(Client):
    def on_start(self):
        self.pending = None

    def on_invoke(self, operation):
        self.pending = operation
        self.send(self.peers[0], Add(operation.value))

    def on_message(self, source, message):
        if self.pending:
            self.complete(self.pending, message.n)
            self.pending = None


PROGRAM = LocalProgram.of(Adder, Asker)
SYSTEM = System.of(1, "Adder", client="Asker", workload={"c1": [("add", None, 2), ("add", None, -5)]})


def verdict_of(function, **how):
    return run_check(checks("1.2", "the title", source="the paper")(function), PROGRAM, **how)


def test_returning_is_passing():
    assert verdict_of(lambda program: None).passed


@pytest.mark.parametrize(
    ("raised", "status", "what"),
    [
        (Unwritten("Exercise 1.2: write it"), "unwritten", "not written yet"),
        (Unwritten("Exercise 1.1: write it"), "waits", "waits for 1.1"),
        (ProgramError("there is no function"), "failed", "there is no function"),
        (Undecided("too concurrent to judge"), "unknown", "too concurrent to judge"),
        (StopIteration(), "failed", "an answer has a form that this check cannot read"),
        (TypeError("int and str"), "failed", "an answer has a form that this check cannot read"),
    ],
)
def test_each_way_to_end_has_a_verdict(raised, status, what):
    def function(program):
        raise raised

    verdict = verdict_of(function)
    assert verdict.status == status
    assert what in verdict.what
    assert not verdict.passed


def test_expect_fails_with_its_sentence_and_the_steps_so_far():
    def function(program):
        node = by_hand(program, "Adder", clients=("c1",))
        node.deliver("c1", Add(3))
        expect(node.sent_to("c1", Total).n == 4, "3 is not 4")

    verdict = verdict_of(function)
    assert (verdict.status, verdict.what) == ("failed", "3 is not 4")
    (told,) = verdict.counterexample.steps
    assert told.changes == (("total", "0", "3"),)
    assert told.sent == ("sends c1 Total(3)",)


def test_by_hand_names_the_message_that_is_missing():
    def function(program):
        by_hand(program, "Adder", clients=("c1",)).sent_to("c1", Total)

    assert verdict_of(function).what == "n1 sent c1 no Total"


def test_by_hand_names_the_timers_that_are_set():
    assert (
        "n1 has not set the timer 'x'; set are: none"
        in verdict_of(lambda p: by_hand(p, "Adder").fire("x")).what
    )


def test_an_exception_in_a_handler_is_a_failure_with_its_traceback():
    def function(program):
        by_hand(program, "Adder", clients=("c1",)).deliver("c1", Total(1))

    assert "its on_message has no case for Total" in verdict_of(function).what


def test_a_walk_finds_a_broken_fact_and_shows_a_short_way():
    verdict = verdict_of(lambda program: walks(program, SYSTEM, count=20))
    assert verdict.status == "failed"
    assert verdict.what == "total of n1 at least is 0 (said n1) and -1 (said n1)"
    assert len(verdict.counterexample.steps) == 5


def test_a_scenario_finds_it_too_and_both_say_the_same_each_time():
    def function(program):
        scenarios(program, SYSTEM, lambda run: run.run(1000), runs=3)

    first, second = verdict_of(function), verdict_of(function)
    assert first.counterexample.name == second.counterexample.name


def test_faults_that_never_happened_are_not_exercised_and_not_a_pass():
    system = System.of(1, "Adder", client="Asker", workload={"c1": [("add", None, 2)]})

    def function(program):
        scenarios(program, system, lambda run: run.run(1000), runs=3, needs=("loss", "crash"))

    verdict = verdict_of(function)
    assert (verdict.status, verdict.passed) == ("not exercised", False)
    assert "loss, crash never happened" in verdict.what


def test_budgets_scale_the_number_of_schedules():
    system = System.of(1, "Adder", client="Asker", workload={"c1": [("add", None, 2)]})

    def function(program):
        scenarios(program, system, lambda run: run.run(1000), runs=40, link=Link(loss=0.1))

    assert verdict_of(function, budget="small").evidence.startswith("10 runs")
    assert verdict_of(function, budget="public").evidence.startswith("40 runs")


def test_another_seed_plays_other_schedules():
    def function(program):
        scenarios(program, SYSTEM, lambda run: expect(False, f"{run.run(20).trace.digest()}"), runs=1)

    assert verdict_of(function, seed="a").what != verdict_of(function, seed="b").what
    assert verdict_of(function, seed="a").what == verdict_of(function, seed="a").what
