"""The checkers against the Wing-Gong/Lowe baseline: CPU time and memory, as ratios.

Both judge the same histories in the same run.  The baseline may make 300,000 moves a key
(fewer where its memory would pass half a gigabyte) and says nothing (-) if they are not
enough.  A wrong history has one answer at 90 % that is 30 answers old.  Give the largest
number of operations: `python tests/benchmarks/bench_checkers.py 100000`; by default 10,000.
"""

from __future__ import annotations

import heapq
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

import wing_gong  # noqa: E402

from labkit.history import History  # noqa: E402
from labkit.linearizability import Violation, check, check_linearizable  # noqa: E402
from labkit.models import (  # noqa: E402
    ANYTHING,
    ILLEGAL,
    Counter,
    GrowSet,
    KeyValue,
    Lock,
    Log,
    Model,
    Queue,
    Register,
)

MOVES = 300_000
OBSERVE = {"read", "get", "dequeue"}
Draw = Callable[[Random, int], tuple[str, Any]]


def either(*choices: Callable[[Random, int], tuple[str, Any]]) -> Draw:
    return lambda random, number: random.choice(choices)(random, number)


READ = ("read", None)
WORKLOADS: dict[str, tuple[Callable[[], Model], Draw]] = {
    "register": (Register, either(lambda *_: READ, lambda _, n: ("write", n))),
    "cas of 50": (
        Register,
        either(
            lambda *_: READ,
            lambda r, _: ("write", r.randrange(50)),
            lambda r, _: ("cas", [r.randrange(50), r.randrange(50)]),
        ),
    ),
    "append": (KeyValue, either(lambda *_: ("get", None), lambda _, n: ("append", f"{n};"))),
    "log": (Log, either(lambda *_: READ, lambda _, n: ("append", n))),
    "queue": (Queue, either(lambda *_: ("dequeue", None), lambda _, n: ("enqueue", n))),
    "set": (GrowSet, either(lambda *_: READ, lambda _, n: ("add", n))),
    "counter": (Counter, either(lambda *_: READ, lambda *_: ("add", 1))),
    "lock": (Lock, either(lambda *_: ("acquire", None), lambda *_: ("release", None))),
}


class Run:
    """Clients that think and work for exponential times, half of them busy on average."""

    def __init__(self, model: Model, draw: Draw, clients: int, keys: int, unanswered: float) -> None:
        self.model, self.draw, self.unanswered = model, draw, unanswered
        self.random = Random(f"{clients}/{keys}/{unanswered}")
        self.states = {key: model.initial_for(key) for key in range(keys)}
        self.answers: dict[int, list[Any]] = {key: [] for key in range(keys)}
        self.history = History()
        self.events = [(self.random.expovariate(1), c, "invoke", -1) for c in range(clients)]
        self.results: dict[int, Any] = {}

    def record(self, count: int, wrong: bool) -> History:
        """`count` operations, the last answers given; `wrong` makes one of them stale."""
        self.stale_from = count * 9 // 10 if wrong else None
        heapq.heapify(self.events)
        while self.events:
            now, client, what, number = heapq.heappop(self.events)
            getattr(self, f"_{what}")(now, client, number, count)
        return self.history

    def _push(self, when: float, client: int, what: str, number: int) -> None:
        heapq.heappush(self.events, (when, client, what, number))

    def _invoke(self, now: float, client: int, _: int, count: int) -> None:
        if len(self.history) < count:
            f, value = self.draw(self.random, len(self.history))
            key = self.random.choice(list(self.states)) if len(self.states) > 1 else 0
            op = self.history.invoke(f"c{client}", f, key, value)
            self._push(now + self.random.expovariate(2), client, "effect", op.id)

    def _effect(self, now: float, client: int, number: int, _: int) -> None:
        op = self.history.operations[number]
        outcome = self.model.apply(self.states[op.key], op.f, op.value)
        if outcome is ILLEGAL:
            self.history.fail(number)
            return self._push(now + self.random.expovariate(1), client, "invoke", -1)
        self.states[op.key], result = outcome
        self.results[number] = None if result is ANYTHING else result
        if op.f in OBSERVE and result is not None:
            self.answers[op.key].append(result)
        lost = self.random.random() < self.unanswered
        return self._push(now + self.random.expovariate(2), client, "lose" if lost else "answer", number)

    def _answer(self, now: float, client: int, number: int, _: int) -> None:
        op, result = self.history.operations[number], self.results[number]
        old = self.answers[op.key]
        due = self.stale_from is not None and number >= self.stale_from
        if due and op.f in OBSERVE and len(old) > 30:
            result, self.stale_from = old[-30], None
        self.history.ok(number, result)
        self._push(now + self.random.expovariate(1), client, "invoke", -1)

    def _lose(self, now: float, client: int, number: int, _: int) -> None:
        self.history.info(number)
        self._push(now + self.random.expovariate(1), client, "invoke", -1)


def cases(largest: int) -> Iterator[tuple[str, int, int, int, float, bool]]:
    """Workload, operations, clients, keys, share unanswered, wrong."""
    for count in (n for n in (1_000, 10_000, 100_000) if n <= largest):
        for name in WORKLOADS:
            for clients, keys in ((5, 1), (25, 10), (50, 1000)):
                if name in ("log", "append", "set"):  # their reads grow with the square of a key
                    keys = max(keys, count // 100)
                if name == "cas of 50":  # more is beyond any general search
                    clients = min(clients, 10 * keys)
                for unanswered in (0.01, 0.05, 0.2):
                    for wrong in (False, True):
                        yield name, count, clients, keys, unanswered, wrong


def measured(judge: Callable[..., Any], *given: Any) -> tuple[Any, float, float]:
    """The answer, the CPU milliseconds (best of a few), the peak of memory in MB."""
    best, spent = float("inf"), 0.0
    while spent < 0.05:
        start = time.process_time()
        answer = judge(*given)
        best = min(best, time.process_time() - start)
        spent += best
    tracemalloc.start()
    judge(*given)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return answer, best * 1000, peak


def main(largest: int) -> None:
    print(
        "workload       ops clients  keys  lost truth           ms     MB   nodes"
        "  core expl. ms | baseline      ms  ratio   MB ratio"
    )
    cores: list[int] = []
    for name, count, clients, keys, unanswered, wrong in cases(largest):
        make, draw = WORKLOADS[name]
        model = make()
        history = Run(model, draw, clients, keys, unanswered).record(count, wrong)
        explain, check.explain = check.explain, lambda *_: Violation("")
        judgement, ms, mb = measured(check_linearizable, history, model)
        check.explain = explain
        moves = min(MOVES, 4_000_000_000 * keys // count)
        base, base_ms, base_mb = measured(wing_gong.check, history, model, moves)
        start = time.process_time()
        violation = check_linearizable(history, model).violation
        explained = (time.process_time() - start) * 1000 - ms
        if violation is not None:
            cores.append(len(violation.core))
        answer = {True: "ok", False: "violation", None: "-"}[base]
        assert base is None or answer == judgement.verdict
        core = f"{cores[-1]:6}{explained:9.0f}" if violation is not None else " " * 15
        print(f"{name:10}{count:8}{clients:8}{keys:6}{unanswered:6.0%} {judgement.verdict:9}"
              f"{ms:9.1f}{mb:7.1f}{judgement.nodes:8}{core} | {answer:9}{base_ms:8.1f}"
              f"{base_ms / ms:7.1f}x{base_mb / mb:9.1f}x", flush=True)  # fmt: skip
    small = sum(size <= 6 for size in cores)
    print(f"cores of at most 6 operations: {small} of {len(cores)}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
