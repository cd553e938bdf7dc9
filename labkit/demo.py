"""The tour of lab 00 in a terminal: ``make demo``.  Five processes, a kill, a cut, a check that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from labkit.bundle import Bundle
from labkit.check import check_bundle
from labkit.cluster import Cluster
from labkit.figures import spacetime
from labkit.lab import load_lab
from labkit.network import Link
from labkit.system import System


async def tour(launcher: str = "ray", say: Callable[[str], Any] = print) -> None:
    """Play the story of lab 00 on real processes, telling each step to `say`."""
    lab = load_lab("00")
    program, system = Bundle(lab.given_source), System.of(5, "Crew")
    say("Five processes, and the first of them in the alphabet is the captain.")
    with Cluster(program, system, launcher=launcher, link=Link(delay_ms=(2, 12))) as cluster:
        await _until(cluster, "n1", system.node_ids)
        say(_captains(cluster))
        say("\nSIGKILL for n1.")
        cluster.crash("n1")
        await _until(cluster, "n2", ("n2", "n3", "n4", "n5"))
        say(_captains(cluster))
        say("\nn1 comes back, from a new process.")
        cluster.restart("n1")
        await _until(cluster, "n1", system.node_ids)
        say(_captains(cluster))
        say("\nA cable is pulled: n1 n2 | n3 n4 n5.")
        cluster.partition(("n1", "n2"), ("n3", "n4", "n5"))
        await _until(cluster, "n3", ("n3", "n4", "n5"))
        say(_captains(cluster))
    say("\nTwo captains.  The check that finds the shortest way there:\n")
    report = check_bundle(lab, program, "0.C")
    say(str(report))
    for verdict in report.verdicts:
        say("\n" + str(spacetime(verdict.counterexample)))
    say("\nOpen the same with the pictures: make lab, then 00_start_here.")


async def _until(cluster: Cluster, captain: str, ids: tuple[str, ...]) -> None:
    await cluster.until(lambda: all(cluster.observe(id).get("captain") == captain for id in ids))


def _captains(cluster: Cluster) -> str:
    up = [id for id in cluster.system.node_ids if cluster.is_up(id)]
    return ", ".join(f"{id} follows {cluster.observe(id)['captain']}" for id in up)


def main(launcher: str = "ray") -> int:
    """Run the tour; exit status 0."""
    asyncio.run(tour(launcher))
    return 0
