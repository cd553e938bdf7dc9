"""Lab 07, hidden checks of part a: other clients and keys, other histories, other cuts."""

from __future__ import annotations

from collections import Counter

from checks import evidence, expect_level, expect_place, play_store, random_evidence, workload_of
from given import CLIENTS, KEYS, STORES, Evidence, Measured, evidence_of

from labkit import checks, expect
from labkit.network import Stream
from labkit.verdict import trial


def dice():
    return Stream(trial().seed, "hidden")


@checks("7.1", "any clients, any keys, any number of calls", points=2)
def any_workload(program):
    draw = dice()
    names = ["c1", "c11", "c111", "c2", "c21", "a", "a.1", "till 7"]
    for _ in range(12):
        clients, keys = draw.some(names), draw.some(["x", "tea", "price 2", "k4"])
        each = draw.between(max(8, 4 * len(keys)), 50)
        work = workload_of(program, clients, keys, each)
        values = Counter(value for calls in work.values() for f, _, value in calls if f == "write")
        twice = [value for value, count in values.items() if count > 1]
        expect(not twice, f"{clients} with {each} calls each write {twice[:1]} more than once")
        for id, calls in work.items():
            done = {(f, key) for f, key, _ in calls}
            expect(done == {(f, key) for f in ("read", "write") for key in keys}, f"{id} does only {sorted(done)}")
            kinds = "".join(f[0] for f, _, _ in calls)
            expect("rrrrr" not in kinds and "wwwww" not in kinds, f"{id}: too many of a kind in a row: {kinds}")
            expect(each <= 4 * min(kinds.count("r"), kinds.count("w")), f"{id}: too few of a kind: {kinds}")


@checks("7.2", "the checkers agree on histories drawn by chance, some values written twice", points=3)
def levels_of_drawn_histories(program):
    draw = dice()
    for _ in range(120):
        drawn = random_evidence(draw)
        if draw.chance(0.3):  # a second write of the same value: some checkers cannot judge it
            first = next((one for one in drawn.seen if one.f == "write"), None)
            end = 2 * len(drawn.seen)
            again = [type(first)("c4", "write", first.key, first.value, None, "ok", end + 1, end + 2)] if first else []
            drawn = Evidence((*drawn.seen, *again), drawn.replicas)
        expect_level(program, drawn, "a history drawn by chance")


@checks("7.2", "an empty history, one replica, and operations that never ended", points=1)
def levels_at_the_edges(program):
    expect_level(program, Evidence((), ()), "a history without operations")
    expect_level(program, evidence("c1 write tea a 1-?\nc2 read tea a 2-3\nc3 read tea None 4-5", "x"), "this history")
    expect_level(program, evidence("c1 read tea ghost 1-2", "x", "x"), "a history with a value from nowhere")
    expect_level(program, evidence("c1 read tea ghost 1-2", "x", "y"), "a history with a value from nowhere")


@checks("7.3", "any figures", points=2)
def any_place(program):
    draw = dice()
    levels = ("linearizable", "sequential", "causal", "session", "eventual", "nothing")
    for _ in range(150):
        sides = tuple((name, draw.between(80, 100)) for name in ("north", "east", "west")[: draw.between(2, 3)])
        peace, cut = draw.choice(levels[: draw.between(1, 6)]), draw.choice(levels[: draw.between(1, 6)])
        expect_place(program, Measured("any", sides, cut, peace, draw.between(90, 110), draw.between(90, 110)))


@checks("7.C", "the levels of all stores, with other workloads", points=2)
def levels_with_other_workloads(program):
    draw = dice()
    for name in STORES:
        work = workload_of(program, CLIENTS, KEYS + ("milk",), draw.between(20, 36))

        def then(run, name=name):
            expect_level(program, evidence_of(run), f"the store {name!r}")

        play_store(program, name, work, then, cut=draw.chance(0.7))
