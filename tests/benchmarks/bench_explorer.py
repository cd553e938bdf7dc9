"""Steps of walks and states of searches a CPU-second, and what is exhausted in which time."""

from __future__ import annotations

import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT.parent), str(ROOT)]

from bugs.bank import PAXOS, RAFT, TWO_PHASE, within  # noqa: E402

from labkit import System, Walk  # noqa: E402
from labkit.explorer import Experiment, random_walk  # noqa: E402
from labkit.search import Bounds, search  # noqa: E402


def walks(name: str, limits: Walk, count: int = 400) -> None:
    one = Experiment(RAFT.program(), RAFT.more["small"].system)
    began, steps = time.process_time(), 0
    for seed in range(count):
        steps += len(random_walk(one, seed, limits)[1])
    took = time.process_time() - began
    print(f"{name:56} {steps / took:>10,.0f} steps/s")


def exhausts(name: str, experiment: Experiment, bounds: Bounds, limit_s: float) -> None:
    began = time.process_time()
    found = search(experiment, bounds)
    took = time.process_time() - began
    met = "" if found.is_complete and took < limit_s else "   NOT MET"
    print(f"{name:56} {took:6.2f} s (under {limit_s:g}){met}   {found}   {found.states / took:,.0f} states/s")


def main() -> None:
    walks("random walks, 3-node Raft with a client", Walk(restarts=1, cuts=1, duplicates=True))
    walks("the same by priorities (PCT)", Walk(restarts=1, cuts=1, duplicates=True, demotions=2))
    three = System.of(3, "Raft")
    raft, two_phase, paxos = RAFT.program(), TWO_PHASE.program(), PAXOS.program()
    exhausts(
        "two-phase commit, 3 participants, 2 restarts, cuts",
        Experiment(two_phase, TWO_PHASE.system), Bounds(restarts=2, cuts=True), 1,
    )  # fmt: skip
    exhausts(
        "Paxos, 3 acceptors, 2 proposers, one ballot, 1 restart",
        Experiment(paxos, PAXOS.more["small"].system, PAXOS.more["derive"]),
        Bounds(restarts=1, cuts=True, within=within(round=1)), 5,
    )  # fmt: skip
    exhausts("Raft, 3 nodes, election to term 2", Experiment(raft, three), Bounds(within=within(term=2)), 5)
    exhausts(
        "Raft, 3 nodes, election to term 2, 1 restart",
        Experiment(raft, three), Bounds(restarts=1, within=within(term=2)), 5,
    )  # fmt: skip
    exhausts(
        "Raft, 3 nodes, election to term 3",
        Experiment(raft, three), Bounds(within=within(term=3), states_max=2_000_000), 60,
    )  # fmt: skip


if __name__ == "__main__":
    main()
