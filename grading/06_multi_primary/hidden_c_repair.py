"""Lab 06, part C, hidden checks: other texts, other shelves, other storms."""

from __future__ import annotations

from checks import HOSTILE, as_pairs, dice, ending, stormy
from checks_b_crdts import all_typed, judged
from checks_c_repair import (
    DEPTH,
    Hashes,
    Items,
    Shelf,
    answer,
    applied,
    brief,
    bucket_of,
    carried,
    digest,
    edits_of,
    expect_tp1,
    hashes,
    highest_versions,
    reference_tree,
    repaired,
    said,
    sequence,
    store,
    tree,
    two_texts,
    typists,
)

from labkit import System, checks, expect, scenarios
from labkit.verdict import trial


@checks("6.9", "TP1 on longer texts, with any sites", points=3)
def tp1_anywhere(program):
    draw = dice()
    for _ in range(trial().count(300)):
        text = "".join(draw.choice("abcdéß中") for _ in range(draw.randint(0, 12)))
        sites = draw.sample([f"n{number}" for number in range(1, 40)], 2)
        one, two = (draw.choice(edits_of(text, site, "xyz")) for site in sites)
        expect_tp1(program, text, one, two)


@checks("6.9", "any two long sequences", points=3)
def long_sequences(program):
    draw = dice()
    for _ in range(trial().count(50)):
        text = "abcdefghijkl"[: draw.randint(0, 12)]
        mine, left = sequence(draw, text, "n2", draw.randint(3, 9))
        yours, right = sequence(draw, text, "n1", draw.randint(3, 9))
        others = mine
        for edit in yours:
            edit, others = carried(program, edit, others)
            left = applied(edit, left)
        for edit in others:
            right = applied(edit, right)
        story = f"{text!r}; n2: {'; '.join(map(said, mine))}. n1: {'; '.join(map(said, yours))}"
        expect(left == right, f"{story}. n2 has {left!r}, n1 has {right!r}")


def random_shelf(draw, count):
    return {f"{draw.choice(('user', 'cart', 'é'))}/{draw.getrandbits(40):x}": draw.randint(1, 99) for _ in range(count)}


@checks("6.10", "any shelf", points=3)
def any_shelf(program):
    draw = dice()
    for count in (0, 1, 7, 120, 800):
        shelf = Shelf(as_pairs(random_shelf(draw, count)))
        got, wanted = tree(program, shelf), tuple(reference_tree(shelf))
        wrong = [level for level in range(DEPTH + 1) if got[level] != wanted[level]]
        expect(not wrong, f"of a shelf with {count} keys, the levels {wrong} are wrong; an empty bucket is {digest()}")


@checks("6.11", "any two shelves, at any level", points=3)
def any_hashes(program):
    draw = dice()
    items = random_shelf(draw, 150)
    changed = {**items, **dict.fromkeys(draw.sample(sorted(items), 6), 100), **random_shelf(draw, 3)}
    mine, theirs = Shelf(as_pairs(items)), Shelf(as_pairs(changed))
    own, other, node = reference_tree(mine), reference_tree(theirs), store(program, mine)
    for _ in range(trial().count(30)):
        level = draw.randint(0, DEPTH)
        places = sorted(draw.sample(range(2**level), draw.randint(1, min(20, 2**level))))
        differ = [place for place in places if own[level][place] != other[level][place]]
        sent = answer(node, hashes(other, level, places))
        below = [place for at in differ for place in (2 * at, 2 * at + 1)]
        if not differ:
            wanted = []
        elif level < DEPTH:
            wanted = [("n2", hashes(own, level + 1, below))]
        else:
            found = sorted(item for item in mine.items if bucket_of(item[0]) in differ)
            wanted = [("n2", Items(tuple(differ), tuple(found), True))]
        expect(sent == wanted, f"level {level}, places {places}: n1 sent {brief(sent)}, not {brief(wanted)}")


@checks("6.11", "any repair makes both equal, and is cheap", points=3)
def any_repair(program):
    draw = dice()
    for _ in range(trial().count(6)):
        items = random_shelf(draw, draw.choice((20, 200)))
        sides = []
        for _ in range(2):
            lost = set(draw.sample(sorted(items), draw.randint(0, 3)))
            kept = {key: version for key, version in items.items() if key not in lost}
            sides.append({**kept, **random_shelf(draw, draw.randint(0, 3))})
        one, two = sides
        nodes, sent = repaired(program, *(Shelf(as_pairs(side)) for side in sides))
        wanted = {key: max(one.get(key, 0), two.get(key, 0)) for key in {*one, *two}}
        for id, node in nodes.items():
            have = dict(node.observe()["items"])
            expect(have == wanted, f"{id} misses {sorted(wanted.keys() - have.keys())} after a repair")
        count = sum(one.get(key) != two.get(key) for key in wanted)
        hashed = sum(len(message.hashes) for message in sent if isinstance(message, Hashes))
        expect(hashed <= 1 + 2 * DEPTH * count, f"{count} differences, and {hashed} hashes were sent")


@checks("6.M", "any two people type", points=3)
def any_two_people(program):
    for number in range(4):
        play = ending(stormy(700, crashes=0), judged(all_typed))
        scenarios(program, typists(*two_texts(f"hidden {number}")), play, runs=6, link=HOSTILE, needs=("partition",))


@checks("6.M", "four stores, and storms", points=3)
def four_stores(program):
    draw = dice()
    works = {
        f"c{c}": [*[("put", f"key {draw.randint(1, 9)}", draw.randint(1, 999)) for _ in range(6)], *[("read",)] * 50]
        for c in range(1, 5)
    }
    system = System.of(4, "MerkleStore", client="Caller", workload=works, gap_ms=30)
    scenarios(program, system, ending(stormy(600), judged(highest_versions)), runs=3, link=HOSTILE, needs=("partition",))
