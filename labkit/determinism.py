"""The same program in a second process with another hash seed: does the same seed give the same run?

What reading the code (``lint``) and running a step twice (``states``) cannot see: the order of
a set that has reached the state, ``hash()`` of a text.  The program travels as a bundle, so the
second process holds nothing of the first.  Needs processes: where there are none, it is skipped.
"""

from __future__ import annotations

import json
import os
import sys
from itertools import zip_longest
from pathlib import Path
from typing import Any

from labkit.bundle import Bundle
from labkit.message import canonical
from labkit.nemesis import swarm
from labkit.program import LocalProgram
from labkit.simulation import Simulation
from labkit.system import System

UNTIL_MS = 800
PATIENCE_S = 60


def differs_in_another_process(bundle: Bundle, system: System, *, seed: object = 0) -> str | None:
    """Play one run, with faults, here and in a process with another hash seed.

    None if they are equal; else a sentence that says where they part, and what to use instead.
    """
    import subprocess  # only here: the rest of the kit runs where there are no processes

    other = "1" if os.environ.get("PYTHONHASHSEED", "random") != "1" else "2"
    asked = json.dumps([bundle.encoded(), system.encoded(), str(seed)])
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", "from labkit.determinism import answer; answer()"],
        input=asked, text=True, capture_output=True, timeout=PATIENCE_S,
        env={**os.environ, "PYTHONHASHSEED": other, "PYTHONPATH": path}, check=False,
    )  # fmt: skip
    if done.returncode:
        return f"the program does not run in another process: {done.stderr.strip().splitlines()[-1]}"
    here = _played(LocalProgram(bundle.load().namespace), system, str(seed))
    there = json.loads(done.stdout)
    return None if here == there else _parting(here, there)


def answer() -> None:
    """The second process: a program and a system from stdin, its run to stdout."""
    bundle, system, seed = json.loads(sys.stdin.read())
    program = LocalProgram(Bundle.from_encoded(bundle).load().namespace)
    print(json.dumps(_played(program, System.from_encoded(system, program.classes), seed)))


def _played(program: LocalProgram, system: System, seed: str) -> list[list[Any]]:
    """What each node was told and did, handler by handler; sends in an order that cannot matter."""
    run = Simulation(program, system, seed=seed)
    swarm(run, UNTIL_MS)
    run.run(UNTIL_MS)
    steps: list[list[Any]] = []
    for line in run.trace.encoded():
        time_us, kind, node, peer, data, _ = line
        if kind in ("start", "deliver", "timer", "invoke") or not steps:
            steps.append([[time_us, kind, node, peer, data]])
        else:
            steps[-1].append([time_us, kind, node, peer, data])
    return [[step[0], *sorted(step[1:], key=canonical)] for step in steps]


def _parting(here: list[Any], there: list[Any]) -> str:
    nothing: list[Any] = [[0, "nothing", ""]]
    pairs = zip_longest(here, there, fillvalue=nothing)
    one, two = next((a, b) for a, b in pairs if a != b)
    time_us, kind, node = (two if one is nothing else one)[0][:3]
    only = (next((line[1:] for line in a if line not in b), ["nothing"]) for a, b in ((one, two), (two, one)))
    return (
        f"{node or 'the network'} did something else in another process, "
        f"at {time_us / 1000:g} ms, on {kind}: {' / '.join(map(canonical, only))}. "
        "The usual cause is the order of a set, or hash(). Use sorted(...)."
    )
