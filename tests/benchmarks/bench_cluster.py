"""Messages between real nodes, against bare Ray actor calls and plain sockets, in one run.

The same small message (an AppendEntries in the manner of Raft) goes from one process to
another by four ways: plain sockets with the same encoding, a cluster of child processes, a
cluster on Ray, and calls from one Ray actor to another.  CPU time is of both processes, user
and system, a message; it hardly depends on what else the machine does, while the rate does.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from labkit.cluster import Cluster
from labkit.host.record import pack, unpack
from labkit.message import message
from labkit.node import Node
from labkit.system import System

FLOOD, CALLS, ROUNDS = 100_000, 3_000, 500
BATCH = 500
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@message
class Append:
    term: int
    leader: str
    index: int
    entries: tuple[str, ...]


@message
class Go:
    left: int


class Flood(Node):
    """n1 sends all it has, a batch a turn; n2 counts."""

    def on_start(self) -> None:
        self.count = 0
        if self.id == "n1":
            self.set_timer("more", 300)

    def on_timer(self, name: str) -> None:
        for _ in range(BATCH):
            self.send("n2", Append(7, self.id, self.count, ("x=1",)))
            self.count += 1
        if self.count < FLOOD:
            self.set_timer("more", 0)

    def on_message(self, source: str, message: Any) -> None:
        self.count += 1


class Bounce(Node):
    """One message goes to and fro."""

    def on_start(self) -> None:
        self.left = ROUNDS
        if self.id == "n1":
            self.set_timer("go", 300)

    def on_timer(self, name: str) -> None:
        self.send("n2", Go(self.left))

    def on_message(self, source: str, message: Any) -> None:
        self.left = message.left - 1
        if self.left > 0:
            self.send(source, Go(self.left))


def cpu_s(*pids: int) -> float:
    """User and system time of these processes so far."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(f[11]) + int(f[12]) for f in fields) / TICKS_PER_S


def flood(launcher: str) -> tuple[float, float]:
    """Messages a second, and microseconds of CPU a message."""
    with Cluster(Flood, System.of(2, "Flood"), launcher=launcher) as cluster:
        pids = [member.pid for member in cluster._fleet.members.values()]
        before = cpu_s(*pids)
        asyncio.run(cluster.until(lambda: cluster.observe("n2").get("count") == FLOOD, 120))
        used = cpu_s(*pids) - before
        cluster.close()
        times = [row[0] for row in cluster._fleet.members["n2"].rows if row[1] == "deliver"]
    return FLOOD / (times[-1] - times[0]) * 1e6, used / FLOOD * 1e6


def bounce(launcher: str) -> float:
    """Median microseconds there and back."""
    with Cluster(Bounce, System.of(2, "Bounce"), launcher=launcher) as cluster:
        asyncio.run(cluster.until(lambda: cluster.observe("n1").get("left") == 0, 60))
        times = [e.time_us for e in cluster.trace if e.kind == "deliver" and e.node == "n1"]
    return statistics.median(b - a for a, b in itertools.pairwise(times))


def bare_actors() -> tuple[float, float, float]:
    """The same by calls between two Ray actors: messages a second, CPU a message, round trip."""
    import ray

    @ray.remote(num_cpus=0)
    class Bare:
        def __init__(self) -> None:
            self.count, self.last = 0, 0.0

        async def ready(self) -> int:
            return os.getpid()

        async def receive(self, _message: Any) -> None:
            self.count, self.last = self.count + 1, time.monotonic()

        async def done(self) -> tuple[int, float]:
            return self.count, self.last

        async def flood(self, peer: Any) -> float:
            began = time.monotonic()
            for index in range(CALLS):
                peer.receive.remote(("Append", 7, "n1", index, ("x=1",)))
            return began

        async def bounce(self, peer: Any) -> list[float]:
            times = [time.monotonic()]
            for _ in range(ROUNDS):
                await peer.receive.remote(("Go", 1))
                times.append(time.monotonic())
            return times

    one, two = Bare.remote(), Bare.remote()
    pids = ray.get([one.ready.remote(), two.ready.remote()])
    before = cpu_s(*pids)
    began = ray.get(one.flood.remote(two))
    while ray.get(two.done.remote())[0] < CALLS:
        time.sleep(0.01)
    used, ended = cpu_s(*pids) - before, ray.get(two.done.remote())[1]
    times = ray.get(one.bounce.remote(two))
    round_us = statistics.median(b - a for a, b in itertools.pairwise(times)) * 1e6
    return CALLS / (ended - began), used / CALLS * 1e6, round_us


def sockets() -> tuple[float, float]:
    """The floor: frames with the same encoding over one connection, and nothing else."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        asyncio.run(_receive(write_end))
        os._exit(0)
    port = int.from_bytes(os.read(read_end, 2))
    began, before = time.monotonic(), time.process_time()
    asyncio.run(_send(port))
    _, _, used = os.wait4(child, 0)
    seconds = time.monotonic() - began
    cpu = time.process_time() - before + used.ru_utime + used.ru_stime
    return FLOOD / seconds, cpu / FLOOD * 1e6


async def _receive(ready: int) -> None:
    import msgpack

    unpacker, count, done = msgpack.Unpacker(), 0, asyncio.Event()
    classes = {"Append": Append}

    class Sink(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            nonlocal count
            unpacker.feed(data)
            for _, _, body in unpacker:
                unpack(body, classes)
                count += 1
            if count == FLOOD:
                done.set()

    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    os.write(ready, server.sockets[0].getsockname()[1].to_bytes(2))
    await done.wait()


async def _send(port: int) -> None:
    import msgpack

    _, writer = await asyncio.open_connection("127.0.0.1", port)
    for first in range(0, FLOOD, BATCH):
        batch = [
            msgpack.packb([i, i, pack(Append(7, "n1", i, ("x=1",)))])
            for i in range(first, first + BATCH)
        ]
        writer.write(b"".join(batch))
        await writer.drain()
    writer.close()


def main() -> None:
    """Print one line a way, and the ratios to bare actor calls."""
    floor = sockets()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    rows = {"plain sockets": (*floor, None)}
    rows["child processes"] = (*flood("subprocess"), bounce("subprocess"))
    rows["Ray cluster"] = (*flood("ray"), bounce("ray"))
    rows["bare Ray calls"] = bare = bare_actors()
    for name, (rate, cpu_us, round_us) in rows.items():
        there = "" if round_us is None else f"  round trip {round_us:6.0f} µs"
        print(
            f"{name:16} {rate:9,.0f} messages/s ({rate / bare[0]:6.1f} x)"
            f"  {cpu_us:7.1f} µs CPU ({bare[1] / cpu_us:6.1f} x less){there}"
        )


if __name__ == "__main__":
    main()
