"""``simulate(...)``: one seeded run from one line of a notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labkit.network import Link
from labkit.node import Client, Node
from labkit.program import LocalProgram
from labkit.simulation import Simulation
from labkit.system import System


def simulate(
    node: type[Node],
    nodes: int | Mapping[str, str] = 3,
    *,
    client: type[Client] | None = None,
    workload: Mapping[str, Sequence[Sequence[Any]]] | None = None,
    seed: int = 0,
    until_ms: float = 2_000,
    partition_ms: tuple[float, float] | None = None,
    script: Callable[[Simulation], None] | None = None,
    **link: Any,
) -> Simulation:
    """Run `nodes` of class `node` for `until_ms` of virtual time, and give back the finished run.

    `link` sets every link: ``loss=0.2``, ``delay_ms=(1, 10)``, ``duplication=0.1``.
    `partition_ms=(300, 800)` cuts the first node off for that time.  `script` may do more:
    it is given the run before it starts (``lambda run: run.at(50, run.crash, "n1")``).
    """
    roles = [node] if client is None else [node, client]
    name = "" if client is None else client.__name__
    system = System.of(nodes, node.__name__, client=name, workload=workload)
    run = Simulation(LocalProgram.of(*roles), system, seed=seed, link=Link(**link))
    if partition_ms is not None:
        first, last = partition_ms
        run.at(first, run.isolate, system.node_ids[0]).at(last, run.heal)
    if script is not None:
        script(run)
    return run.run(until_ms)
