"""Lab 06, part B, hidden checks: longer lives of the data types, more replicas, other storms."""

from __future__ import annotations

from checks import HOSTILE, as_pairs, call, dice, ending, stormy
from checks_b_crdts import (
    EMPTY_SET,
    START,
    Cell,
    Counter,
    LastWriterMap,
    Text,
    all_typed,
    as_removed,
    as_written,
    counting,
    highest_stamps,
    judged,
    mapping,
    own_writes_in_order,
    reachable,
    reference,
    shopping,
    still_there,
    total,
    typing,
    within_bounds,
)

from labkit import System, checks, expect, scenarios
from labkit.verdict import trial


@checks("6.5", "any counters", points=3)
def any_counters(program):
    draw = dice()
    ids = [f"n{number}" for number in draw.sample(range(1, 99), 6)]

    def half():
        return {id: draw.randint(1, 50) for id in draw.sample(ids, draw.randint(0, 6))}

    for _ in range(trial().count(60)):
        one, two = ((half(), half()) for _ in range(2))
        got = call(program, Counter(*map(as_pairs, one)), "merge", Counter(*map(as_pairs, two)))
        wanted = [{id: max(a.get(id, 0), b.get(id, 0)) for id in {*a, *b}} for a, b in zip(one, two, strict=True)]
        expect(got == Counter(*map(as_pairs, wanted)), f"{one} merged with {two} gave {got}, not {wanted}")


@checks("6.5", "long lives of counters", points=2)
def long_counters(program):
    reachable(program, Counter(), counting, total, lives=6, steps=80)


@checks("6.6", "long lives of sets", points=3)
def long_sets(program):
    reachable(program, EMPTY_SET, shopping, still_there, lives=8, steps=80)


@checks("6.7", "long lives of maps", points=3)
def long_maps(program):
    reachable(program, LastWriterMap(), mapping, highest_stamps, lives=8, steps=60)


@checks("6.8", "any tree of cells", points=3)
def any_tree(program):
    draw = dice()
    for _ in range(trial().count(30)):
        ids, cells = [START], set()
        for _ in range(draw.randint(1, 40)):
            after = draw.choice(ids[-5:])
            id = after[0] + draw.randint(1, 3), draw.choice(("n1", "n2", "n10"))
            if id not in ids:
                ids.append(id)
                cells.add(Cell(id, after, draw.choice("abcdefgh")))
        text = Text(frozenset(cells), frozenset(draw.sample(ids[1:], len(ids[1:]) // 3)))
        got = call(program, text, "read", kind=str)
        expect(got == reference(text), f"{sorted(map(str, cells))}, deleted {sorted(text.deleted)}, reads {got!r}")


@checks("6.8", "long lives of texts", points=3)
def long_texts(program):
    reachable(program, Text(), typing, as_written, lives=5, steps=80)


def five(role, work, reads=50):
    work = {f"c{c}": [*calls, *[("read",)] * reads] for c, calls in enumerate(work, 1)}
    return System.of(5, role, client="Caller", workload=work, gap_ms=30)


@checks("6.D", "five replicas of each type, and storms", points=4)
def five_replicas(program):
    draw, letters = dice(), iter("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    numbers = [[("add", None, draw.choice((-7, 1, 100))) for _ in range(6)] for _ in range(5)]
    sets = [[("add", None, f"c{c}.{n}") for n in range(3)] + [("read",), ("remove", None, f"c{c % 5 + 1}.0")] for c in range(1, 6)]
    maps = [[("put", f"c{c}", f"c{c}.{n}") for n in range(6)] for c in range(1, 6)]
    texts = [[("insert", draw.randint(0, 9), next(letters)) for _ in range(7)] + [("delete", 0)] for _ in range(5)]
    for role, work, final in (
        ("Replicated", numbers, within_bounds),
        ("SetReplica", sets, as_removed),
        ("MapReplica", maps, own_writes_in_order),
        ("TextReplica", texts, all_typed),
    ):
        play = ending(stormy(600), judged(final))
        scenarios(program, five(role, work), play, runs=6, link=HOSTILE, needs=("crash", "partition"))
