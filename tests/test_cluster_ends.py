"""Clusters that cannot start, that misbehave, and that end: nothing is left of them."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.bundle import Bundle, Section
from labkit.cluster import Cluster, ClusterError
from labkit.cluster.process import Spares
from labkit.cluster.session import named_after, session
from labkit.host.machine import started
from labkit.node import Node
from labkit.program import ProgramError
from labkit.system import System
from tests import cluster_programs as p
from tests.cluster_runs import heard, hurt_and_heal, make, wait

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def beats() -> Iterator[Cluster]:
    """Three nodes that beat."""
    with make(p.Beat, 3) as cluster:
        yield cluster


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
import asyncio, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests' starter ignores it
sys.path.insert(0, {root!r})
from labkit.cluster import Cluster
from labkit.cluster.session import named_after, session
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
    if launcher == "subprocess":
        assert started(pids[0]), "a stopped process does not notice"
    with controller("make()", launcher) as next_one:
        told(next_one, "pids")
        assert [pid for pid in pids if started(pid)] == []
        assert not Path(folder).exists()
        assert list(named_after(Path(folder))) == []
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
        user="nobody", group="nogroup", env={}, cwd="/",
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["no folder", "answer b''"], done.stderr
