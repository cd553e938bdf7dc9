"""Real processes: what is done to them really happens, is seen, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labkit.bundle import Bundle, Section
from labkit.cluster import Cluster, ClusterError, load_recording
from labkit.cluster.process import Spares
from labkit.cluster.recording import Decoder, history_of, said_in
from labkit.cluster.session import session
from labkit.explorer import Experiment, schedule_of
from labkit.host.machine import started
from labkit.host.record import pack
from labkit.node import Node
from labkit.program import LocalProgram, ProgramError
from labkit.system import System
from tests import cluster_programs as p

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = LocalProgram(vars(p))


def make(role: type[Node], nodes: int = 2, **options: Any) -> Cluster:
    return Cluster(role, System.of(nodes, role.__name__), launcher="subprocess", **options)


@pytest.fixture
def beats() -> Iterator[Cluster]:
    """Three nodes that beat."""
    with make(p.Beat, 3) as cluster:
        yield cluster


def wait(cluster: Cluster, condition: Any) -> None:
    assert asyncio.run(cluster.until(condition, 20))


def heard(cluster: Cluster, id: str, more: int = 3) -> Any:
    """A condition: `id` gets some messages from now on."""
    before = cluster.observe(id)["got"]
    return lambda: cluster.observe(id).get("got", 0) >= before + more


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
    cut_us = beats.trace.of_kind("net")[0].time_us + beats._fleet.spread_us
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
    since = beats.trace.of_kind("net")[-1].time_us + beats._fleet.spread_us
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
            if e.time_us > cut_us + cluster._fleet.spread_us
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
        assert [e.kind for e in cluster.trace if e.kind in ("crash", "start") and e.node == "n1"] == [
            "start", "crash", "start"]  # fmt: skip
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
    rows = [row(10, "invoke", "c1", 0, call), row(20, "invoke", "c2", 1, call), row(20, "ok", "c1", 0, 5),
            row(21, "invoke", "c3", 2, call), row(30, "ok", "c2", 1), row(31, "info", "c3", 2)]  # fmt: skip
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


# -- processes that misbehave ---------------------------------------------------------------------


def test_a_node_that_never_answers_stops_nobody_else() -> None:
    with make(p.Looping, 3) as cluster:
        wait(cluster, lambda: cluster.observe("n2").get("got", 0) > 3)
        assert cluster.observe("n1") == {}, "nothing was ever seen of it"
        with pytest.raises(
            ClusterError, match="n1 was asked to change_links, but did not answer within 2 s"
        ):
            cluster.cut("n2", "n3")
        cluster.crash("n1")
        assert not cluster.is_up("n1")


def test_a_process_that_ends_by_itself_is_a_crash() -> None:
    with make(p.Leaving) as cluster:
        wait(cluster, lambda: not cluster.is_up("n1"))
        assert [e.kind for e in cluster.trace if e.node == "n1"][-1] == "crash"
        assert cluster.observe("n1") == {}


def test_a_closed_cluster_can_be_looked_at_and_nothing_else(beats: Cluster) -> None:
    wait(beats, heard(beats, "n2"))
    pids = [member.pid for member in beats._fleet.members.values()]
    beats.pause("n3")
    beats.close()
    assert [pid for pid in pids if started(pid)] == []
    assert beats.observe("n2")["got"] >= 3
    assert len(beats.trace) > 10
    assert beats.trace.of_kind("crash") == [], "the end of a cluster is no crash"
    with pytest.raises(ClusterError, match="this cluster is closed"):
        beats.restart("n1")
    beats.close()


def test_a_forgotten_cluster_ends_by_itself() -> None:
    cluster = make(p.Beat)
    pids = [member.pid for member in cluster._fleet.members.values()]
    del cluster
    gc.collect()
    assert [pid for pid in pids if started(pid)] == []


# -- what cannot be started -----------------------------------------------------------------------


def test_a_program_without_the_role_is_refused_before_anything_starts() -> None:
    bundle = Bundle(
        sections=(Section("cell 3", "from labkit.node import Node\nclass Hub(Nod): pass\n"),)
    )
    with pytest.raises(
        ProgramError, match=r"there is no node class 'Hub'.*NameError: name 'Nod' is not defined"
    ):
        Cluster(bundle, System.of(1, "Hub"), launcher="subprocess")


def test_a_class_without_a_text_is_refused() -> None:
    role = type("Typed", (Node,), {"__module__": "nowhere"})
    with pytest.raises(ClusterError, match="Typed was defined at a prompt or in a notebook"):
        Cluster(role, System.of(1, "Typed"), launcher="subprocess")


def test_an_unknown_launcher_is_refused() -> None:
    with pytest.raises(ValueError, match="launcher is 'docker', but there are two"):
        Cluster(p.Beat, System.of(1, "Beat"), launcher="docker")


def test_a_spare_that_died_is_not_used() -> None:
    class Made:
        place, count = "", 0

        def __init__(self) -> None:
            self.dead = threading.Event()

    spares = Spares(lambda _place: Made())
    spares.warm("")
    spares._spare.dead.set()
    assert not spares.take("").dead.is_set()


# -- nothing is left ------------------------------------------------------------------------------

SCRIPT = """
import asyncio, sys
sys.path.insert(0, {root!r})
from labkit.cluster import Cluster
from labkit.cluster.session import session
from labkit.system import System
from tests.cluster_programs import Beat

def say(*words):
    print(*words, flush=True)

def make():
    cluster = Cluster(Beat, System.of(3, "Beat"), launcher={launcher!r})
    say("folder", session().folder)
    say("pids", *[member.pid for member in cluster._fleet.members.values()])
    return cluster
"""


def controller(body: str, launcher: str = "subprocess") -> subprocess.Popen[str]:
    """Another process with a cluster of its own."""
    text = SCRIPT.format(root=str(ROOT), launcher=launcher) + textwrap.dedent(body)
    return subprocess.Popen(
        [sys.executable, "-c", text], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def told(process: subprocess.Popen[str], word: str) -> list[str]:
    """The rest of the next line that begins with `word`."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(word):
            return line.split()[1:]
    raise AssertionError(f"it never said {word!r}")


def killed_kernel_leaves_nothing(launcher: str) -> None:
    body = """
        cluster = make()
        cluster.pause("n1")
        say("ready")
        asyncio.run(cluster.run(1e9))
        """
    with controller(body, launcher) as victim:
        (folder,) = told(victim, "folder")
        pids = [int(pid) for pid in told(victim, "pids")]
        told(victim, "ready")
        victim.kill()
        victim.wait()
    assert started(pids[0]), "a stopped process does not notice"
    with controller("make()", launcher) as next_one:
        told(next_one, "pids")
        assert [pid for pid in pids if started(pid)] == []
        assert not Path(folder).exists()
        next_one.wait()


def interrupt_ends_the_wait(launcher: str) -> None:
    body = """
        cluster = make()
        cluster.pause("n1")
        try:
            say("waiting")
            asyncio.run(cluster.until(lambda: cluster.observe("n1") is None, 1000))
        except KeyboardInterrupt:
            cluster.restart("n2")
            cluster.crash("n2")
            say("interrupted", all(cluster.is_up(id) for id in ("n1", "n3")))
        """
    with controller(body, launcher) as process:
        told(process, "waiting")
        process.send_signal(signal.SIGINT)
        assert told(process, "interrupted") == ["True"]
        assert process.wait() == 0


def test_a_killed_controller_leaves_nothing_after_the_next_start() -> None:
    killed_kernel_leaves_nothing("subprocess")


def test_an_interrupt_ends_the_wait_and_not_the_nodes() -> None:
    interrupt_ends_the_wait("subprocess")


@pytest.mark.parametrize("runs", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_runs_leave_no_process_no_file_and_no_thread(runs: int) -> None:
    before = footprint()
    for turn in range(runs):
        hurt_and_heal("subprocess", turn)
    assert footprint() == before


def hurt_and_heal(launcher: str, turn: int) -> None:
    """A five-node run with two crashes and a cut."""
    with Cluster(p.Beat, System.of(5, "Beat"), launcher=launcher) as cluster:
        one, two = random.Random(turn).sample(cluster.system.node_ids, 2)
        cluster.crash(one)
        cluster.partition(
            (one, two), [id for id in cluster.system.node_ids if id not in (one, two)]
        )
        cluster.restart(one)
        cluster.crash(two)
        cluster.heal()
        cluster.restart(two)
        wait(cluster, heard(cluster, one))
        wait(cluster, heard(cluster, two))


def footprint() -> tuple[int, int, list[str]]:
    """Open files, threads and folders of this process, with one spare host."""
    with make(p.Beat, 1):
        pass
    folders = sorted(path.name for path in session().folder.iterdir() if path.name.startswith("c"))
    return len(os.listdir("/proc/self/fd")), threading.active_count(), folders


# -- a second user --------------------------------------------------------------------------------

SYSTEM_PYTHON = "/usr/bin/python3"
INTRUDER = """
import os, socket, sys
folder, port = sys.argv[1], int(sys.argv[2])
try:
    print("listed", os.listdir(folder))
except PermissionError:
    print("no folder")
stranger = socket.create_connection(("127.0.0.1", port), timeout=5)
nonce = stranger.recv(32)
import struct
stranger.sendall(b"\\x93\\xa2n1\\xc4\\x20" + bytes(32) + b"\\xc4\\x20" + bytes(32))
print("answer", stranger.recv(100))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become a second user")
@pytest.mark.skipif(
    not Path(SYSTEM_PYTHON).exists(), reason="needs a Python that a second user can run"
)
def test_a_second_user_cannot_read_or_speak_to_a_node(beats: Cluster) -> None:
    member = beats._fleet.members["n2"]
    done = subprocess.run(
        [SYSTEM_PYTHON, "-I", "-c", INTRUDER, str(session().folder), str(member.address[1])],
        user="nobody", group="nogroup", env={}, capture_output=True, text=True, cwd="/", check=False,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["no folder", "answer b''"], done.stderr
