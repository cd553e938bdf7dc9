"""The simulator: virtual time, ordered effects, crashes between them, faults that are counted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labkit import Client, Link, Node, Simulation, System, message
from labkit.program import LocalProgram

ROOT = Path(__file__).resolve().parent.parent


@message
class Ping:
    number: int


@message
class Pong:
    number: int


class Echo(Node):
    """Answers each ping, and saves before and after."""

    def on_start(self):
        self.seen = self.storage.get("seen", ())
        self.lives = self.storage.get("lives", 0) + 1
        self.storage.save(lives=self.lives)

    def on_message(self, source, message):
        match message:
            case Ping(number):
                self.storage.save(seen=(*self.seen, number))
                self.send(source, Pong(number))
                self.storage.save(answered=number)
                self.seen += (number,)
            case _:
                super().on_message(source, message)


class Asker(Client):
    def on_start(self):
        self.open = {}

    def on_invoke(self, operation):
        self.open[operation.value] = operation
        self.send("n1", Ping(operation.value))

    def on_message(self, source, message):
        self.complete(self.open.pop(message.number), message.number)


class Alarm(Node):
    """Sets what the test says, and remembers what fired and when."""

    PLAN = ()

    def on_start(self):
        self.fired = []
        for name, *limits in self.PLAN:
            self.set_timer(name, *limits) if limits else self.cancel_timer(name)

    def on_timer(self, name):
        self.fired.append((name, self.now_ms))


def asking(*numbers, gap_ms=5, **more):
    system = System.of(
        1, "Echo", client="Asker", workload={"c1": [("ping", None, n) for n in numbers]}, gap_ms=gap_ms
    )
    return Simulation(LocalProgram({"Echo": Echo, "Asker": Asker, "Ping": Ping}), system, **more)


def alarm(*plan, nodes=1, **more):
    return Simulation(
        LocalProgram({"Alarm": type("Alarm", (Alarm,), {"PLAN": plan})}), System.of(nodes, "Alarm"), **more
    )


def fired(run, id="n1"):
    return run.handle(id).node.fired


# -- effects ----------------------------------------------------------------------------------


def test_effects_happen_in_program_order():
    run = asking(7).run(100)
    kinds = [e.kind for e in run.trace if e.node == "n1" and e.kind in ("save", "send")]
    assert kinds == ["save", "save", "send", "save"]


@pytest.mark.parametrize(
    ("after", "saved", "sent"), [(0, False, 0), (1, True, 0), (2, True, 1), (3, True, 1)]
)
def test_a_crash_may_fall_between_any_two_effects(after, saved, sent):
    run = asking(7).at(0, lambda: None)
    run.run(0)
    run.crash_within("n1", after)
    run.run(100)
    run.restart("n1")
    run.run(200)
    assert run.handle("n1").node.seen == ((7,) if saved else ())
    assert len([e for e in run.trace.of_kind("send") if e.node == "n1"]) == sent
    assert run.faults["crash within a handler"] == 1


def test_a_crash_within_can_be_called_off():
    run = asking(7).run(0)
    run.crash_within("n1", 0)
    run.crash_within("n1", None)
    assert not run.run(100).faults


def test_a_restart_keeps_storage_and_nothing_else():
    run = asking(7).run(100)
    run.crash("n1")
    assert run.observe("n1") == {}
    run.restart("n1")
    assert run.observe("n1") == {"seen": (7,), "lives": 2}


# -- timers -----------------------------------------------------------------------------------


def test_a_timer_of_the_same_name_replaces_the_first():
    assert fired(alarm(("a", 10), ("a", 30)).run(100)) == [("a", 30.0)]


def test_a_cancelled_timer_never_fires():
    assert fired(alarm(("a", 10), ("b", 20), ("a",)).run(100)) == [("b", 20.0)]


def test_a_range_is_drawn_anew_for_each_node_and_seed():
    times = {alarm(("a", 10, 20), seed=seed).run(50).trace.of_kind("timer")[0].time_us for seed in range(20)}
    assert len(times) > 15
    assert all(10_000 <= time <= 20_000 for time in times)


def test_timers_die_in_a_crash():
    run = alarm(("a", 10)).run(5)
    run.crash("n1")
    assert not run.run(100).trace.of_kind("timer")


def test_a_fast_clock_fires_early_and_shows_a_later_time():
    run = alarm(("a", 100))
    run.set_clock("n1", skew_ms=1000, drift_ppm=250_000)
    run.run(200)
    assert run.trace.of_kind("timer")[0].time_us == 80_000
    assert fired(run) == [("a", 1100.0)]


class Chatter(Node):
    def on_start(self):
        self.count = 0
        self.set_timer("talk", 5)

    def on_timer(self, name):
        self.count += 1
        self.broadcast(Ping(self.count))
        self.set_timer("talk", 5)

    def on_message(self, source, message):
        self.last = source, message.number


# -- time and determinism ---------------------------------------------------------------------


def test_time_jumps_to_the_end_when_nothing_happens():
    run = alarm().run(1234)
    assert run.now_ms == 1234
    with pytest.raises(ValueError, match="lies in the past: it is 1234"):
        run.at(1000, run.heal)


def test_run_until_stops_at_the_condition():
    run = asking(1, 2, 3, 4, gap_ms=50)
    run.run_until(lambda: len(run.history) == 3, 1000)
    assert len(run.history) == 3
    assert run.now_ms < 200


def test_equal_times_are_ordered_by_name_not_by_who_was_first():
    run = Simulation(Chatter, System.of(["b", "a", "c"], "Chatter"), link=Link(delay_ms=(10, 10))).run(16)
    first = [(e.peer, e.node) for e in run.trace.of_kind("deliver")]
    assert first == sorted(first) != []


def test_the_same_seed_gives_the_same_run_and_another_seed_another():
    def digest(seed):
        system = System.of(3, "Chatter")
        return Simulation(Chatter, system, seed=seed, link=Link(loss=0.1, tail=0.1)).run(300).trace.digest()

    assert digest(1) == digest(1) != digest(2)


class Gossip(Node):
    """Sends in the order of a set, which differs between processes."""

    def on_start(self):
        self.set_timer("talk", 10)

    def on_timer(self, name):
        for peer in set(self.peers):
            self.send(peer, Ping(1))
        self.set_timer("talk", 10)

    def on_message(self, source, message):
        self.set_timer(("heard", source), 3, 30)


DELIVERIES = """
import sys; sys.path[:0] = ["tests"]
from test_simulation import *
system = System.of(["alpha", "beta", "gamma", "delta", "epsilon"], "Gossip")
run = Simulation(Gossip, system, seed=5, link=Link(delay_ms=(1, 5), loss=0.1, duplication=0.1)).run(400)
told = sorted((e.time_us, e.node, e.peer, str(e.data)) for e in run.trace.of_kind("deliver"))
print(run.events, hash("x"), __import__("hashlib").sha256(repr(told).encode()).hexdigest())
"""


def test_the_order_of_a_set_at_sending_does_not_reach_the_run():
    """Another process, another hash seed, the same deliveries: streams and ties belong to channels."""
    outcomes = []
    for hash_seed in ("1", "2", "3"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", DELIVERIES],
            cwd=ROOT,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        outcomes.append(done.stdout.split())
    assert len({hashed for _, hashed, _ in outcomes}) == 3, "the hash seeds did differ"
    assert len({(events, digest) for events, _, digest in outcomes}) == 1
    assert int(outcomes[0][0]) > 300
