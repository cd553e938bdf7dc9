"""What the tests of clusters share: short runs, and conditions to wait for."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from labkit.cluster import Cluster
from labkit.node import Node
from labkit.system import System
from tests import cluster_programs


def make(role: type[Node], nodes: int = 2, **options: Any) -> Cluster:
    """Some nodes of a role, as child processes."""
    return Cluster(role, System.of(nodes, role.__name__), launcher="subprocess", **options)


def wait(cluster: Cluster, condition: Any) -> None:
    """Let the cluster go on until the condition holds."""
    assert asyncio.run(cluster.until(condition, 20))


def heard(cluster: Cluster, id: str, more: int = 3) -> Any:
    """A condition: `id` gets some messages from now on."""
    before = cluster.observe(id)["got"]
    return lambda: cluster.observe(id).get("got", 0) >= before + more


def hurt_and_heal(launcher: str, turn: int) -> None:
    """A five-node run with two crashes and a partition."""
    system = System.of(5, "Beat")
    with Cluster(cluster_programs.Beat, system, launcher=launcher) as cluster:
        one, two = random.Random(turn).sample(system.node_ids, 2)
        cluster.crash(one)
        cluster.partition((one, two), [id for id in system.node_ids if id not in (one, two)])
        cluster.restart(one)
        cluster.crash(two)
        cluster.heal()
        cluster.restart(two)
        wait(cluster, heard(cluster, one))
        wait(cluster, heard(cluster, two))
