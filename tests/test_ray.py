"""Clusters on Ray: what is done to child processes in test_cluster, on the learner's default."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from labkit.cluster import Cluster, load_recording
from labkit.cluster.launchers import launcher_for
from labkit.cluster.session import session
from labkit.host.machine import started
from labkit.system import System
from tests import cluster_programs as p
from tests.cluster_runs import heard, hurt_and_heal, wait
from tests.test_cluster import PROGRAM
from tests.test_cluster_ends import interrupt_ends_the_wait, killed_kernel_leaves_nothing
from tests.test_ray_assumptions import processes

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
    before = footprint()
    for turn in range(20):
        hurt_and_heal("ray", turn)
    assert footprint() <= before


def footprint() -> tuple[int, list[str]]:
    """Threads of this process, and folders of clusters; and it waits for processes to be gone."""
    with Cluster(p.Beat, System.of(1, "Beat")):
        pass
    give_up = time.monotonic() + 20
    while hosts() > 1 and time.monotonic() < give_up:
        time.sleep(0.1)
    assert hosts() <= 1, "only the spare"
    folders = sorted(path.name for path in session().folder.iterdir() if path.name.startswith("c"))
    return threading.active_count(), folders


def hosts() -> int:
    """How many actors there are."""
    return sum(
        Path(f"/proc/{pid}/cmdline").read_text().startswith("ray::Host") for pid in processes()
    )
