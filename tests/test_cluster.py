"""Real processes: what is done to them really happens, and what happened is seen."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labkit.cluster import Cluster, load_recording
from labkit.cluster.recording import Decoder, history_of, said_in
from labkit.explorer import Experiment, schedule_of
from labkit.host.machine import started
from labkit.host.record import pack
from labkit.program import LocalProgram
from labkit.system import System
from tests import cluster_programs as p
from tests.cluster_runs import heard, make, wait

PROGRAM = LocalProgram(vars(p))


@pytest.fixture
def beats() -> Iterator[Cluster]:
    """Three nodes that beat."""
    with make(p.Beat, 3) as cluster:
        yield cluster


# -- faults really happen -------------------------------------------------------------------------


def test_a_crash_ends_the_process_and_loses_no_event(beats: Cluster) -> None:
    member = beats._fleet.members["n1"]
    wait(beats, heard(beats, "n2"))
    beats.crash("n1")
    assert started(member.pid) == ""
    assert not beats.is_up("n1")
    sent = {e.id for e in beats.trace if e.kind == "send" and e.node == "n1"}
    arrived = {e.id for e in beats.trace if e.kind == "deliver" and e.peer == "n1"}
    assert arrived <= sent, "a row is on the disk before its message leaves"
    assert [e.node for e in beats.trace.of_kind("crash")] == ["n1"]
    beats.crash("n1")
    assert beats.faults["crash"] == 1, "a dead node does not die again"


def test_a_restarted_node_is_a_new_process_that_all_can_reach(beats: Cluster) -> None:
    pid = beats._fleet.members["n1"].pid
    beats.crash("n1")
    beats.restart("n1")
    assert beats._fleet.members["n1"].pid != pid
    wait(beats, heard(beats, "n1"))
    wait(beats, heard(beats, "n2"))
    assert [e.id for e in beats.trace if e.kind == "start" and e.node == "n1"] == [1, 2]
    numbers = [e.id for e in beats.trace if e.kind == "send"]
    assert len(numbers) == len(set(numbers)), "no two messages of two lives share a number"


def test_a_paused_node_is_seen_as_it_was_and_goes_on_later(beats: Cluster) -> None:
    wait(beats, heard(beats, "n1"))
    before = beats.observe("n1")
    beats.pause("n1")
    assert beats.is_up("n1")
    wait(beats, heard(beats, "n2", 30))
    assert beats.observe("n1")["got"] >= before["got"]
    beats.resume("n1")
    wait(beats, heard(beats, "n1", 30))
    rows = [e for e in beats.trace if e.node == "n1"]
    stop, go = (
        next(i for i, e in enumerate(rows) if e.kind == kind) for kind in ("pause", "resume")
    )
    assert go == stop + 1, "it did nothing in between"
    assert beats.lag_ms < 1000, "being paused is not being starved"


def test_nothing_passes_a_cut_until_it_is_healed(beats: Cluster) -> None:
    wait(beats, heard(beats, "n2"))
    beats.cut("n1", "n2")
    wait(beats, heard(beats, "n3", 10))
    beats.heal()
    wait(beats, lambda: any(e.time_us > healed_us(beats) for e in arrivals(beats, "n1", "n2")))
    cut_us = beats.trace.of_kind("net")[0].time_us + beats._fleet.late_us
    through = [
        e.time_us for e in arrivals(beats, "n1", "n2") if cut_us < e.time_us < healed_us(beats)
    ]
    assert through == []
    assert any(e.time_us > cut_us for e in arrivals(beats, "n2", "n1")), (
        "the other direction is untouched"
    )
    assert beats.faults["drop"] > 0


def healed_us(cluster: Cluster) -> int:
    return cluster.trace.of_kind("net")[-1].time_us


def arrivals(cluster: Cluster, source: str, to: str) -> list[Any]:
    return [e for e in cluster.trace if e.kind == "deliver" and (e.peer, e.node) == (source, to)]


def test_a_partition_separates_groups_and_outlives_a_restart(beats: Cluster) -> None:
    beats.isolate("n1")
    beats.crash("n1")
    beats.restart("n1")
    wait(beats, lambda: beats.observe("n1").get("sent", 0) > 5)
    assert beats.observe("n1")["got"] == 0
    assert beats.network.is_cut("n1", "n2")
    assert beats.network.is_cut("n3", "n1")
    beats.heal("n1")
    wait(beats, heard(beats, "n1"))


def test_links_can_be_slow_or_lose_everything(beats: Cluster) -> None:
    beats.set_link("n1", "n2", delay_ms=(30, 40))
    beats.set_link("n1", "n3", loss=1)
    since = beats.trace.of_kind("net")[-1].time_us + beats._fleet.late_us
    wait(beats, heard(beats, "n2", 20))
    sent = {e.id: e for e in beats.trace if e.kind == "send" and e.time_us > since}
    late = [e.time_us - sent[e.id].time_us for e in arrivals(beats, "n1", "n2") if e.id in sent]
    assert late
    assert min(late) >= 30_000
    assert not [e for e in arrivals(beats, "n1", "n3") if e.id in sent]


def test_a_message_under_way_does_not_pass_a_new_cut() -> None:
    with make(p.Beat, link=None) as cluster:
        cluster.set_link(delay_ms=(200, 200))
        cluster.cut("n1", "n2")
        cut_us = cluster.trace.of_kind("net")[-1].time_us
        wait(cluster, lambda: cluster.now_ms * 1000 > cut_us + 300_000)
        assert not [
            e
            for e in arrivals(cluster, "n1", "n2")
            if e.time_us > cut_us + cluster._fleet.late_us
        ]


def test_a_time_scale_slows_timers_and_clocks_alike() -> None:
    with make(p.Beat, time_scale=3) as cluster:
        wait(cluster, heard(cluster, "n1"))
        times = [e.time_us for e in cluster.trace if e.kind == "timer" and e.node == "n1"]
        assert times[1] - times[0] >= 30_000
        assert cluster.now_ms < times[-1] / 1000


def test_a_plan_is_carried_out_while_one_waits() -> None:
    with make(p.Beat) as cluster:
        soon = cluster.now_ms + 20
        cluster.at(soon + 60, cluster.restart, "n1").at(soon, cluster.crash, "n1")
        asyncio.run(cluster.run(soon + 200))
        told = [e for e in cluster.trace.of_kind("crash", "start") if e.node == "n1"]
        assert [e.kind for e in told] == ["start", "crash", "start"]
        with pytest.raises(ValueError, match="lies in the past"):
            cluster.at(1, cluster.heal)


# -- what is seen ---------------------------------------------------------------------------------


def test_a_run_with_crashes_and_cuts_replays_to_the_same_states(tmp_path: Path) -> None:
    """Nothing is known of the real run but what each node was told, in order."""
    chance = random.Random(7)
    calls = {f"c{n}": [("add",)] * 40 for n in (1, 2)}
    system = System.of(3, "Counter", client="Asker", workload=calls)
    with Cluster(p.Counter, system, launcher="subprocess") as cluster:
        for turn in range(6):
            id = chance.choice(system.node_ids)
            cluster.crash(id)
            if turn % 3 == 1:
                cluster.isolate(chance.choice(system.node_ids))
            cluster.restart(id)
            asyncio.run(cluster.run(cluster.now_ms + 50))
            cluster.heal()
        wait(cluster, lambda: cluster.finished)
        for id in system.node_ids:
            cluster.pause(id)  # so that all are seen at one moment
        cluster.save_recording(tmp_path / "run.json")
        told = {id: [e for e in cluster.trace if e.node == id] for id in system.node_ids}
        cluster.close()
    recording = load_recording(tmp_path / "run.json", PROGRAM.classes)
    schedule = schedule_of(recording.trace)
    world, taken, violation = Experiment(PROGRAM, system).replay(schedule)
    assert violation is None
    assert taken == schedule
    assert len(recording.history) == 80
    kinds = ("send", "save", "set_timer", "ok", "info")
    for id in system.node_ids:
        wanted = [(e.kind, e.peer, e.data) for e in told[id] if e.kind in kinds]
        assert [
            (e.kind, e.peer, e.data) for e in world.trace if e.node == id and e.kind in kinds
        ] == wanted
    assert {op.outcome for op in recording.history} <= {"ok", "info"}


def test_operations_that_may_have_overlapped_are_recorded_as_overlapping() -> None:
    def row(ns: int, kind: str, client: str, id: int, data: Any = None) -> list[Any]:
        return [ns // 1000, kind, client, None, pack(data), id, None, ns]

    call = ("put", "x", 1)
    rows = [
        row(10, "invoke", "c1", 0, call), row(20, "invoke", "c2", 1, call),
        row(20, "ok", "c1", 0, 5), row(21, "invoke", "c3", 2, call),
        row(30, "ok", "c2", 1), row(31, "info", "c3", 2),
    ]  # fmt: skip
    random.Random(1).shuffle(rows)
    one, two, three = history_of(said_in(rows, Decoder({})))
    assert (one.client, two.client, three.client) == ("c1", "c2", "c3")
    assert one.returned > two.invoked, "the same instant is not before"
    assert one.returned < three.invoked, "a nanosecond is"
    assert (one.result, three.returned, three.outcome) == (5, None, "info")


def test_waiting_ends_at_the_first_broken_rule() -> None:
    with make(p.Torn) as cluster:
        assert asyncio.run(cluster.until(lambda: False, 20)) is False
        assert cluster.violation is not None
        assert cluster.violation.rule == "there is one leader"
        assert cluster.trace[cluster.violation.at].kind == "fact"


def test_facts_can_be_derived_from_what_nodes_send() -> None:
    def one_first_beat(event: Any) -> Any:
        if event.kind == "send" and event.data == p.Copied(1):
            yield "first", event.node

    with make(p.Beat, derive=[one_first_beat]) as cluster:
        assert asyncio.run(cluster.until(lambda: False, 20)) is False
        assert cluster.violation is not None


def test_waiting_in_vain_says_what_for(beats: Cluster) -> None:
    with pytest.raises(
        TimeoutError, match=r'waited 0.1 s for .*observe\("n1"\)\["got"\] < 0.*timeout_s='
    ):
        asyncio.run(beats.until(lambda: beats.observe("n1")["got"] < 0, 0.1))


def test_output_that_is_not_printed_is_traced_too() -> None:
    with make(p.Loud) as cluster:
        wait(cluster, lambda: len(cluster.trace.of_kind("print")) == 4)
        said = [e.data for e in cluster.trace if e.kind == "print" and e.node == "n1"]
        assert said == ["n1 says", "something"]
