"""Faults of links, nodes and disks in the simulator: what each does, and that it is counted."""

from __future__ import annotations

import pytest

from labkit import Link, Node, Simulation, System, message
from labkit.facts import RAISED, STORM


@message
class Ping:
    number: int


# -- disks ------------------------------------------------------------------------------------


class Writer(Node):
    """Saves 1 to 5, and syncs after 2."""

    def on_start(self):
        self.was = self.storage.get("value"), self.storage.get("pair"), self.storage.get("text")
        if self.was == (None, None, None):
            for value in range(1, 6):
                self.storage.save(value=value, pair=value)
                if value == 2:
                    self.storage.sync()


def written(disk, seed):
    run = Simulation(Writer, System.of(1, "Writer"), seed=seed).run(1)
    run.crash("n1", disk=disk)
    run.restart("n1")
    return run.handle("n1").node.was[:2], run.faults


def test_a_crash_that_keeps_the_disk_loses_nothing():
    assert written("kept", 0) == ((5, 5), {"crash": 1, "restart": 1})


def test_a_lost_tail_is_a_suffix_of_what_was_not_synced():
    found = {written("lost", seed)[0] for seed in range(40)}
    assert found == {(2, 2), (3, 3), (4, 4)}


def test_a_torn_write_is_half_there():
    found = {written("torn", seed)[0] for seed in range(40)}
    assert found == {(3, 2), (4, 3), (5, 4)}


def test_a_wiped_disk_is_empty_and_counted():
    was, faults = written("wiped", 0)
    assert was == (None, None)
    assert faults["disk wiped"] == 1


# -- links ------------------------------------------------------------------------------------


def test_a_stream_belongs_to_its_channel():
    """A node more, or a message more elsewhere, changes nothing on another channel."""

    def times(nodes):
        run = Simulation(Chatter, System.of(nodes, "Chatter"), seed=3).run(200)
        return [e.time_us for e in run.trace.of_kind("deliver") if (e.peer, e.node) == ("n1", "n2")]

    assert times(2) == times(4) != []


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


def chatter(nodes=2, until_ms=500, **link):
    return Simulation(Chatter, System.of(nodes, "Chatter"), seed=1, link=Link(**link)).run(until_ms)


@pytest.mark.parametrize(
    ("fault", "link"),
    [
        ("loss", {"loss": 0.3}), ("duplication", {"duplication": 0.3}),
        ("late", {"tail": 0.3}), ("corruption", {"corruption": 0.3}),
    ],
)  # fmt: skip
def test_every_fault_of_a_link_is_counted(fault, link):
    assert 30 < chatter(**link).faults[fault] < 90
    assert not chatter().faults


def test_a_lost_message_is_dropped_once_and_delivered_never():
    run = chatter(loss=0.5)
    dropped = {e.id for e in run.trace.of_kind("drop")}
    assert dropped
    assert not dropped & {e.id for e in run.trace.of_kind("deliver")}


def test_a_duplicate_arrives_twice():
    numbers = [e.id for e in chatter(duplication=0.5).trace.of_kind("deliver")]
    assert len(numbers) > len(set(numbers))


def test_messages_overtake_each_other():
    numbers = [e.id for e in chatter(delay_ms=(1, 50)).trace.of_kind("deliver") if e.node == "n2"]
    assert numbers != sorted(numbers)


def test_a_cut_loses_what_is_under_way_and_heal_brings_none_of_it_back():
    run = Simulation(Chatter, System.of(2, "Chatter"), link=Link(delay_ms=(50, 50))).run(20)
    run.cut("n1", "n2")
    run.run(100)
    assert {e.node for e in run.trace.of_kind("deliver")} == {"n1"}
    run.heal()
    sent = {e.id: e.time_us for e in run.trace.of_kind("send")}
    late = [e for e in run.run(400).trace.of_kind("deliver") if e.node == "n2"]
    assert late
    assert all(sent.get(e.id, 100_000) >= 50_000 for e in late)  # nothing of what was cut
    assert run.faults["cut"] > 0


def test_a_slow_node_is_slow_until_healed():
    run = chatter(until_ms=100)
    run.slow("n1", (300, 300))
    mark = len(run.trace)
    run.run(200)
    run.heal()
    run.run(700)
    sent = {e.id: e.time_us for e in run.trace.of_kind("send")}
    waits = {
        e.time_us - sent[e.id]
        for e in list(run.trace)[mark:]
        if e.kind == "deliver" and 100_000 < sent[e.id] < 200_000
    }
    assert waits == {300_000}
    assert max(e.time_us - sent[e.id] for e in run.trace.of_kind("deliver") if sent[e.id] > 200_000) <= 10_000


def test_one_node_can_be_healed_alone():
    run = chatter(nodes=3, until_ms=1)
    run.partition(("n1",), ("n2",), ("n3",))
    run.heal("n1")
    assert run.network.cuts == {("n2", "n3"), ("n3", "n2")}


# -- nodes ------------------------------------------------------------------------------------


def test_a_paused_node_goes_on_with_everything_that_waited():
    run = chatter(until_ms=50)
    run.pause("n2")
    run.run(150)
    waiting = len(run.trace)
    run.resume("n2")
    fresh = [e for e in list(run.trace)[waiting:] if e.node == "n2" and e.kind in ("deliver", "timer")]
    assert len(fresh) > 10
    assert {e.time_us for e in fresh} == {150_000}
    assert run.faults["pause"] == 1


def test_a_message_to_a_crashed_node_is_lost():
    run = chatter(until_ms=50)
    run.crash("n2")
    run.run(100)
    run.restart("n2")
    run.run(200)
    assert run.faults["sent to a crashed node"] > 3


class Raises(Node):
    def on_start(self):
        self.set_timer("soon", 5)

    def on_timer(self, name):
        self.storage.save(done=True)
        raise ZeroDivisionError("of all things")


def test_an_exception_in_a_handler_is_a_violation_that_says_where():
    run = Simulation(Raises, System.of(1, "Raises")).run(100)
    assert run.violation.rule == RAISED
    assert "ZeroDivisionError: of all things" in run.violation.what
    assert "on_timer" in run.violation.what
    assert run.now_ms == 5, "nothing is played after a violation"


class Storms(Node):
    def on_start(self):
        self.broadcast(Ping(0))

    def on_message(self, source, message):
        self.broadcast(message)


def test_a_message_storm_ends_by_itself():
    run = Simulation(Storms, System.of(3, "Storms"), events_max=500).run(10_000)
    assert run.violation.rule == STORM
    assert run.events == 500
