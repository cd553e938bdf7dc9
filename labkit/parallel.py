"""Seeds in parallel: one check in several shares, each a Ray task on some core or machine.

Share k of n plays every n-th schedule of each experiment.  The verdict is the one that a single
process would give: of all failures, the one that comes first in its order counts.  A program
travels as text, a verdict as plain data; nothing of the learner's is pickled.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from labkit.counterexample import Counterexample
from labkit.portfolio import share
from labkit.verdict import Check, Verdict

Judge = Callable[..., Sequence[Verdict]]
"""A function of a module that both sides can import; given plain data, it runs checks in order."""

SHARES = 8


def sweep(
    judge: Judge,
    given: Sequence[Any],
    checks: Sequence[Check],
    classes: Mapping[str, type],
    *,
    shares: int = SHARES,
    on: str = "ray",
    address: str | None = None,
) -> list[Verdict]:
    """The verdicts of ``judge(*given)`` on `checks`, played in `shares`: on Ray, or here one by one.

    `classes` are the program's messages, to read counterexamples by.  A check that found a
    failure stops its own share; the others go on as far as their own first failure.
    """
    tasks = [(judge, tuple(given), number, shares) for number in range(shares)]
    told = list(_on_ray(tasks, address) if on == "ray" else (_play(*task) for task in tasks))
    return [_merged(check, [one[place] for one in told], classes) for place, check in enumerate(checks)]


def _play(judge: Judge, given: tuple[Any, ...], number: int, shares: int) -> list[dict[str, Any]]:
    """One share, in whatever process it runs."""
    token = share.set((number, shares))
    try:
        return [_plain(verdict) for verdict in judge(*given)]
    finally:
        share.reset(token)


def _on_ray(tasks: list[tuple[Any, ...]], address: str | None) -> Iterator[list[dict[str, Any]]]:
    from labkit.cluster.launchers import launcher_for

    launcher_for("ray", address)
    import ray

    play = ray.remote(num_cpus=1, max_retries=0)(_play)
    waiting = [play.remote(*task) for task in tasks]
    for number, one in enumerate(waiting, 1):
        found = ray.get(one)
        print(f"\r{number} of {len(tasks)} shares played", end="", file=sys.stdout, flush=True)
        yield found
    print()


def _plain(verdict: Verdict) -> dict[str, Any]:
    found = verdict.counterexample
    return {
        "status": verdict.status,
        "what": verdict.what,
        "evidence": verdict.evidence,
        "counterexample": None if found is None else found.encoded(),
    }


def _merged(check: Check, told: list[dict[str, Any]], classes: Mapping[str, type]) -> Verdict:
    """What a single process would have said: its first failure; else a pass, if any share passed."""
    failed = [one for one in told if one["status"] == "failed"]
    passed = [one for one in told if one["status"] == "passed"]
    first = min(failed, key=_place) if failed else (passed or told)[0]
    raw = first["counterexample"]
    evidence = f"{first['evidence']}; in {len(told)} shares" if first["evidence"] else ""
    found = None if raw is None else Counterexample.from_encoded(raw, classes)
    return Verdict(check, first["status"], first["what"], evidence, found)


def _place(told: Mapping[str, Any]) -> tuple[int, int]:
    """Where in the order of one process: which experiment, and which of its seeds."""
    raw = told["counterexample"]
    if raw is None or "experiment" not in raw["setup"]:
        return 0, 0  # a step check: each share says the same
    *_, number = str(raw["seed"]).split("/")
    return raw["setup"]["experiment"], int(number)
