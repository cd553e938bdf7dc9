"""Which method finds which bug: a table of CPU-seconds, and the whole portfolio over base seeds.

``python tests/benchmarks/bench_bugs.py [seeds] [protocol ...]``; all of it takes a long time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT.parent), str(ROOT)]

from bugs.bank import PROTOCOLS, Protocol  # noqa: E402

from labkit.explorer import Experiment  # noqa: E402
from labkit.nemesis import on_leaders, swarm  # noqa: E402
from labkit.portfolio import scenarios, walks  # noqa: E402
from labkit.search import search  # noqa: E402
from labkit.verdict import Check, expect, run_check  # noqa: E402


def _nothing(_run, _until_ms) -> None:
    """Delays are all there is."""


def methods(protocol: Protocol, bug: str) -> dict[str, Callable[[object], None]]:
    """Each method alone, with about two CPU-seconds."""
    program, more, small = protocol.program(bug), protocol.more, protocol.more.get("small")
    rules = {"derive": more.get("derive", ()), "judge": more.get("judge")}
    until_ms = more.get("until_ms", 1_500)

    def timed(nemesis: Callable) -> Callable[[object], None]:
        def play(run):
            nemesis(run, until_ms)
            run.run(until_ms)

        return lambda _: scenarios(program, protocol.system, play, runs=150, **rules)

    def walk(demotions: int | None) -> Callable[[object], None]:
        limits = replace(small.walk, demotions=demotions)
        return lambda _: walks(program, small.system, count=2_000, limits=limits, **rules)

    def searched(stages: tuple) -> Callable[[object], None]:
        def play(_):
            one = Experiment(program, small.system, tuple(rules["derive"]))
            try:
                found = search(one, replace(small.bounds, states_max=100_000), stages)
            except LookupError:
                return  # a goal is out of reach with this bug
            expect(found.violation is None, str(found.violation))

        return play

    found = {"delays": timed(_nothing), "leaders": timed(on_leaders), "swarm": timed(swarm)}
    if small is not None:
        found |= {"walk": walk(None), "PCT": walk(2), "search": searched(())}
        found |= {"staged": searched(small.stages)} if small.stages else {}
    return found


def seconds(check: Callable[[object], None], seed: str) -> float | None:
    """CPU-seconds until it fails; None if it passes."""
    began = time.process_time()
    verdict = run_check(Check("0.0", "bank", check), None, seed=seed)  # type: ignore[arg-type]
    return time.process_time() - began if verdict.status == "failed" else None


COLUMNS = ("delays", "leaders", "swarm", "walk", "PCT", "search", "staged")


def table(protocols: list[Protocol]) -> None:
    print(f"{'protocol':16}{'bug':30}" + "".join(f"{name:>9}" for name in COLUMNS))
    for protocol in protocols:
        for bug in protocol.bugs:
            each = methods(protocol, bug)
            took = [seconds(each[name], "table") if name in each else None for name in COLUMNS]
            cells = "".join(f"{'-':>9}" if t is None else f"{t:9.2f}" for t in took)
            print(f"{protocol.name:16}{bug:30}{cells}", flush=True)


def portfolio_over(protocols: list[Protocol], seeds: int) -> None:
    lengths, total, missed = [], 0, []
    for protocol in protocols:
        for bug in protocol.bugs:
            found = []
            for seed in range(seeds):
                check = Check("0.0", "bank", protocol.check(bug))
                verdict = run_check(check, None, seed=f"base {seed}")  # type: ignore[arg-type]
                found.append(verdict.status == "failed")
                if verdict.counterexample and verdict.counterexample.setup["kind"] == "schedule":
                    lengths.append(len(verdict.counterexample.steps))
            total += 1
            missed += [] if all(found) else [f"{protocol.name} {bug} ({sum(found)} of {seeds})"]
    print(f"{total - len(missed)} of {total} bugs found on every one of {seeds} base seeds; not: {missed}")
    print(f"shrunk length: median {median(lengths)}, longest {max(lengths)}, of {len(lengths)}")


def main() -> None:
    seeds, names = 3, []
    for word in sys.argv[1:]:
        if word.isdigit():
            seeds = int(word)
        else:
            names.append(word)
    chosen = [protocol for protocol in PROTOCOLS if not names or protocol.name in names]
    table(chosen)
    portfolio_over(chosen, seeds)


if __name__ == "__main__":
    main()
