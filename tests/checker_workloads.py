"""Workloads for small histories of each model: calls drawn at random, values equal or unique."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import brute_force

from labkit.history import History
from labkit.models import Counter, GrowSet, KeyValue, Lock, Log, Model, Queue, Register

Draw = Callable[[Random, int], tuple[str, Any]]


def calls(*choices: Callable[[Random, int], tuple[str, Any]]) -> Draw:
    """A workload that draws one of these calls, each given the dice and its own number."""
    return lambda random, number: random.choice(choices)(random, number)


def just(f: str) -> Draw:
    return lambda *_: (f, None)


def of(f: str, *values: Any) -> Draw:
    return lambda random, _: (f, random.choice(values))


def unique(f: str, form: str = "") -> Draw:
    return lambda _, number: (f, form.format(number) if form else number)


def unique_cas(random: Random, number: int) -> tuple[str, Any]:
    return "cas", [random.randrange(-1, max(number, 1)), number]


PAIRS = [[old, new] for old in range(3) for new in range(3)]
READ, GET, DEQUEUE = just("read"), just("get"), just("dequeue")
WORKLOADS: dict[str, tuple[Model, Draw]] = {
    "register": (Register(), calls(READ, READ, of("write", 0, 1, 2), of("cas", *PAIRS))),
    "register, unique": (Register(-1), calls(READ, unique("write"))),
    "cas, unique": (Register(-1), calls(READ, unique("write"), unique_cas, unique_cas)),
    "register of any JSON": (
        Register(),
        calls(READ, of("write", 1, True, 1.0, None, [1], [True], {"a": 1}, {"a": True})),
    ),
    "map": (
        KeyValue(),
        calls(
            GET,
            GET,
            of("put", "a", "b"),
            of("append", "a", "b"),
            just("delete"),
            of("cas", [None, "a"], ["a", "b"]),
        ),
    ),
    "map, unique": (
        KeyValue(),
        calls(GET, GET, unique("put", "{};"), unique("append", "{};"), unique("append", "{};")),
    ),
    "map, unique, not empty": (
        KeyValue("z"),
        calls(GET, GET, unique("put", "{};"), unique("append", "{};"), unique("append", "{};")),
    ),
    "counter": (Counter(), calls(READ, of("add", 1, 1, 2, -1))),
    "counter by -2": (Counter(4), calls(READ, of("add", -2))),
    "set": (GrowSet(), calls(READ, of("add", 0, 1, 2))),
    "set, unique": (GrowSet([77]), calls(READ, unique("add"))),
    "queue": (Queue(), calls(DEQUEUE, of("enqueue", 0, 1, 2))),
    "queue, unique": (Queue(), calls(DEQUEUE, unique("enqueue"))),
    "queue, not empty": (Queue([101, 102]), calls(DEQUEUE, unique("enqueue"))),
    "log": (Log(), calls(READ, of("append", 0, 1, 2))),
    "log, unique": (Log([9]), calls(READ, unique("append"))),
    "lock": (Lock(), calls(just("acquire"), just("release"))),
}


def histories(model: Model, draw: Draw, count: int, keys: tuple[Any, ...] = (None,)) -> Iterator[History]:
    """Small histories, right and wrong, with and without unanswered operations."""
    random = Random(2024)
    for _ in range(count):
        yield brute_force.small_history(
            random,
            model,
            draw,
            length=random.randrange(3, 10),
            clients=random.randrange(2, 6),
            keys=keys,
            unanswered=random.choice([0, 0.15, 0.4]),
            wrong=random.choice([0.1, 0.4, 0.8]),
        )
