"""How long a learner waits for a cluster, and what it weighs, against Ray alone.

Each row is a process of its own: bare ``ray.init()`` with five bare actors that answered, and
labkit's first five-node cluster, both with the same light options.  CPU time is of the
process and of all that it started; memory is the share of each page (PSS) of all of them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TICKS_PER_S = os.sysconf("SC_CLK_TCK")

BARE = """
import os, secrets, sys, time
sys.path.insert(0, {root!r})
from tests.benchmarks.bench_start import measured
began = time.monotonic()
os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
import ray
ray.init(include_dashboard=False, num_cpus=2, object_store_memory=80_000_000,
         log_to_driver=False, logging_level=40)

@ray.remote(num_cpus=0)
class Bare:
    def answer(self):
        return os.getpid()

actors = [Bare.remote() for _ in range(5)]
ray.get([actor.answer.remote() for actor in actors])
measured(first_s=time.monotonic() - began)
"""

OURS = """
import sys, time
sys.path.insert(0, {root!r})
from tests.benchmarks.bench_start import measured
began = time.monotonic()
from labkit.cluster import Cluster
from labkit.cluster.process import Spares
from labkit.system import System
from tests.cluster_programs import Beat
if {spare} == 0:
    Spares.warm = lambda self, place: None
cluster = Cluster(Beat, System.of(5, "Beat"), launcher={launcher!r})
first_s = time.monotonic() - began
measured(first_s=first_s)
began = time.monotonic()
cluster.close()
again = Cluster(Beat, System.of(5, "Beat"), launcher={launcher!r})
second_s = time.monotonic() - began
time.sleep(3)  # the spare is ready
began = time.monotonic()
again.crash("n1")
crash_s = time.monotonic() - began
again.restart("n1")
measured(second_s=second_s, crash_s=crash_s, restart_s=time.monotonic() - began - crash_s)
"""


def measured(**seconds: float) -> None:
    """Print what this process and all its descendants weigh, and these durations."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
    family = [os.getpid()]
    for pid in family:
        family += [child for child, fields in parents.items() if int(fields[1]) == pid]
    times = [sum(map(int, parents[pid][11:15])) for pid in family]
    shares = [re.search(r"Pss: +(\d+)", _text(f"/proc/{pid}/smaps_rollup")) for pid in family]
    weight = sum(int(share[1]) for share in shares if share) / 1024
    print(json.dumps({**seconds, "cpu_s": sum(times) / TICKS_PER_S, "mb": weight, "n": len(family)}))


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def run(script: str, **values: object) -> dict[str, float]:
    """What one script measured; the first figure of a name counts."""
    text = script.format(root=str(ROOT), **values)
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True, cwd=ROOT
    )
    found: dict[str, float] = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            found = json.loads(line) | found
    return found


def main() -> None:
    """Print one line a way to start, and labkit's share of what Ray alone costs."""
    bare = run(BARE)
    for name, found in (
        ("bare Ray, 5 actors", bare),
        ("cluster on Ray, no spare", run(OURS, launcher="ray", spare=0)),
        ("cluster on Ray", run(OURS, launcher="ray", spare=1)),
        ("child processes", run(OURS, launcher="subprocess", spare=1)),
    ):
        rest = "".join(
            f"  {what} {found[f'{what}_s']:.2f} s"
            for what in ("second", "crash", "restart")
            if f"{what}_s" in found
        )
        print(
            f"{name:25} load {os.getloadavg()[0]:4.1f}  ready {found['first_s']:5.1f} s"
            f"  CPU {found['cpu_s']:4.1f} s ({found['cpu_s'] / bare['cpu_s']:.2f})"
            f"  {found['mb']:4.0f} MB ({found['mb'] / bare['mb']:.2f}) in {found['n']} processes{rest}"
        )


if __name__ == "__main__":
    main()
