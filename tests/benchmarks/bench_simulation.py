"""How fast the simulator is: events a CPU-second, and relative to a bare heapq loop on the same machine."""

from __future__ import annotations

import gc
import heapq
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT.parent), str(ROOT)]

from bugs.bank import RAFT  # noqa: E402
from bugs.raft import Entry  # noqa: E402

from labkit import Node, Simulation, System  # noqa: E402
from labkit.program import LocalProgram  # noqa: E402
from labkit.workload import writes  # noqa: E402

PROTOTYPE = 0.06
"""The prototype's events against turns of a bare heapq loop: the heap was 6 % of its time."""


class Echo(Node):
    """Sends back whatever comes: the engine with almost no node in it."""

    def on_start(self):
        if self.id == "n1":
            self.broadcast(Entry(1, "x"))

    def on_message(self, source, message):
        self.send(source, message)


def bare_loop(turns: int = 300_000) -> float:
    """Turns a second of pop and push on a heap of 40 tuples."""
    heap = [(number, 1, "a", "b", number, None) for number in range(40)]
    began = time.process_time()
    for _ in range(turns):
        item = heapq.heappop(heap)
        heapq.heappush(heap, (item[0] + 40, 1, "a", "b", item[4], None))
    return turns / (time.process_time() - began)


def speed(program: LocalProgram, system: System, until_ms: float, runs: int) -> float:
    """Events a CPU-second, the making of runs included."""
    events = 0
    gc.disable()
    began = time.process_time()
    for seed in range(runs):
        run = Simulation(program, system, seed=seed, events_max=10**9).run(until_ms)
        assert run.violation is None, run.violation
        events += run.events
    took = time.process_time() - began
    gc.enable()
    return events / took


def main() -> None:
    bare = max(bare_loop() for _ in range(3))
    raft, five = RAFT.program(), System.of(5, "Raft")
    asked = System.of(5, "Raft", client="Appender", workload=writes(3, 300), gap_ms=50)
    busy = System.of(5, "Raft", client="Appender", workload=writes(3, 300), gap_ms=0)
    print(f"{'bare heapq loop':44} {bare:>10,.0f} turns/s")
    for name, program, system, until_ms, runs in (
        ("echo, 5 nodes", LocalProgram({"Echo": Echo}), System.of(5, "Echo"), 3_000, 3),
        ("Raft, 5 nodes, election and heartbeats", raft, five, 2_000, 40),
        ("Raft, 5 nodes, 3 clients, 76 commands", raft, asked, 2_000, 20),
        ("Raft, 5 nodes, 3 clients, 114 commands", raft, busy, 1_000, 20),
    ):
        found = speed(program, system, until_ms, runs)
        share = found / bare / PROTOTYPE
        print(
            f"{name:44} {found:>10,.0f} events/s {found / bare:7.3f} of bare, {share:5.2f} of the prototype"
        )


if __name__ == "__main__":
    main()
