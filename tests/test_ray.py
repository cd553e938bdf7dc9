"""Clusters on Ray: what is done to child processes in test_cluster, on the learner's default."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from labkit.cluster import Cluster, load_recording
from labkit.cluster.launch_ray import LOCAL_SETTINGS
from labkit.cluster.launchers import launcher_for
from labkit.cluster.session import named_after, session
from labkit.host.machine import started, strike
from labkit.system import System
from tests import cluster_programs as p
from tests.cluster_runs import heard, hurt_and_heal, wait
from tests.test_cluster import PROGRAM
from tests.test_cluster_ends import interrupt_ends_the_wait, killed_kernel_leaves_nothing
from tests.test_ray_assumptions import fresh, processes

pytestmark = pytest.mark.ray


def test_nodes_on_ray_crash_pause_are_cut_and_come_back(tmp_path: Path) -> None:
    system = System.of(3, "Counter", client="Asker", workload={"c1": [("add",)] * 20})
    with Cluster(p.Counter, system) as cluster:
        pid = cluster._fleet.members["n1"].pid
        cluster.crash("n1")
        assert started(pid) == ""
        cluster.pause("n2")
        assert cluster.observe("n2") == {} or "total" in cluster.observe("n2")
        cluster.cut("c1", "n3")
        cluster.restart("n1")
        cluster.resume("n2")
        cluster.heal()
        wait(cluster, lambda: cluster.finished)
        assert [e.id for e in cluster.trace if e.kind == "start" and e.node == "n1"] == [1, 2]
        assert len(cluster.history) == 20
        cluster.save_recording(tmp_path / "run.json")
    assert load_recording(tmp_path / "run.json", PROGRAM.classes).system == system


def test_a_spare_waits_for_a_restart() -> None:
    with Cluster(p.Beat, System.of(2, "Beat")) as cluster:
        spare = launcher_for("ray", None)._spares._spare
        assert spare is not None
        cluster.crash("n1")
        cluster.restart("n1")
        assert cluster._fleet.members["n1"].process is spare
        wait(cluster, heard(cluster, "n1"))


@pytest.mark.slow
def test_a_killed_kernel_leaves_nothing_after_the_next_start() -> None:
    killed_kernel_leaves_nothing("ray")


@pytest.mark.slow
def test_an_interrupt_ends_the_wait_and_not_the_nodes() -> None:
    interrupt_ends_the_wait("ray")


@pytest.mark.slow
def test_twenty_runs_on_ray_leave_no_process_no_file_and_no_thread() -> None:
    hurt_and_heal("ray", 0)
    threads, folders = footprint()
    for turn in range(20):
        hurt_and_heal("ray", turn)
    threads_after, folders_after = footprint()
    assert threads_after - threads == set()
    assert folders_after == folders


def footprint() -> tuple[set[str], list[str]]:
    """Threads of this process, and folders of clusters; and it waits for processes to be gone.

    Ray's own threads in C++, which Python counts as "dummies" once they have run a callback, come when
    they like; they are Ray's, one for the process and not one for a cluster.
    """
    with Cluster(p.Beat, System.of(1, "Beat")):
        pass
    give_up = time.monotonic() + 20
    while hosts() > 1 and time.monotonic() < give_up:
        time.sleep(0.1)
    assert hosts() <= 1, "only the spare"
    folders = sorted(path.name for path in session().folder.iterdir() if path.name.startswith("c"))
    ours = (t for t in threading.enumerate() if not isinstance(t, threading._DummyThread))
    return {f"{thread.name} {thread.ident}" for thread in ours}, folders


def hosts() -> int:
    """How many actors there are."""
    return sum(
        Path(f"/proc/{pid}/cmdline").read_text().startswith("ray::Host") for pid in processes()
    )


OTHERS = """
cluster = Cluster(Beat, System.of(3, "Beat"), address=sys.argv[1])
cluster.crash("n1")
cluster.pause("n2")
cluster.restart("n1")
cluster.resume("n2")
got = lambda: cluster.observe("n1").get("got", 0)
asyncio.run(cluster.until(lambda: got() > 5))
print("skew", cluster._fleet.skew_us, "places", len(cluster._fleet._launcher.places()))
cluster.close()
print(len(cluster.trace) > 20)
try:
    Cluster(Beat, System.of(1, "Beat"))
except Exception as error:
    print(error)
"""


@pytest.mark.slow
def test_a_ray_that_somebody_else_started_serves_too(tmp_path: Path) -> None:
    """As on a hub: its own address, its own token, and files read by an actor that lives there."""
    port = free_port()
    env = {**os.environ, **LOCAL_SETTINGS, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "ab" * 32}
    folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))
    ray = Path(sys.executable).with_name("ray")
    options = ["--head", "--include-dashboard=false", "--num-cpus=2", f"--port={port}"]
    try:
        subprocess.run(
            [ray, "start", *options, "--object-store-memory=80000000", f"--temp-dir={folder}"],
            env=env, check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        done = fresh(OTHERS, f"127.0.0.1:{port}", **env)
        skew, works, refusal = done.stdout.splitlines()[-3:]
        assert skew == "skew 0 places 1", "all on this machine, where there is one clock"
        assert works == "True"
        assert refusal.startswith("this kernel already uses another Ray")
    finally:
        for pid, _ in named_after(folder):
            strike(pid, "SIGKILL")
        shutil.rmtree(folder, ignore_errors=True)


def test_an_address_where_nothing_answers_is_said_at_once() -> None:
    done = fresh(OTHERS, f"127.0.0.1:{free_port()}")
    assert "ClusterError: Nothing answers at 127.0.0.1:" in done.stderr.splitlines()[-1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
