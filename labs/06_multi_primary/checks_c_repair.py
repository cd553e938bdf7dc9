"""Lab 06, public checks of part C: two editors, and repair by hash."""

from __future__ import annotations

from itertools import product

from checks import HOSTILE, as_pairs, call, dice, ending, stormy
from checks_b_crdts import all_typed, judged
from given import (
    DEPTH,
    Edit,
    Hashes,
    Items,
    Kind,
    Shelf,
    bucket_of,
    delete,
    digest,
    insert,
    repair_cost,
)

from labkit import Link, System, by_hand, checks, expect, scenarios
from labkit.facts import Violation
from labkit.network import Stream
from labkit.verdict import trial

ELLIS = "Ellis & Gibbs 1989"
JUPITER = "Nichols et al. 1995"
MERKLE = "Merkle 1987; DeCandia et al. 2007, section 4.7"


# -- 6.9 Transformation --------------------------------------------------------------------------


def said(edit):
    if edit is None:
        return "nothing"
    if edit.kind is Kind.INSERT:
        return f"insert {edit.character!r} at {edit.position} ({edit.site})"
    return f"delete at {edit.position} ({edit.site})"


def transformed(program, edit, other):
    got = call(program, edit, "transform", other, kind=object)
    expect(got is None or isinstance(got, Edit), f"transform gave back {got!r}, which is no Edit and not None")
    return got


def applied(edit, text):
    return edit.applied(text) if edit else text


def expect_edit(program, edit, other, wanted, why):
    got = transformed(program, edit, other)
    expect(got == wanted, f"{said(edit)}, after {said(other)}, became: {said(got)}; not: {said(wanted)}. {why}")


@checks("6.9", "what stands further right moves, what stands further left stays", points=2, source=ELLIS, look_at="which position is lower?")
def positions_move(program):
    for mine in (insert(4, "x", "n1"), delete(4, "n1")):
        expect_edit(program, mine, insert(1, "a", "n2"), mine.moved(1), "One character more stands left of it")
        expect_edit(program, mine, delete(1, "n2"), mine.moved(-1), "One character less stands left of it")
        expect_edit(program, mine, insert(6, "a", "n2"), mine, "That was further right")
        expect_edit(program, mine, delete(6, "n2"), mine, "That was further right")
        expect_edit(program, mine, insert(5, "a", "n2"), mine, "That was further right")
        expect_edit(program, mine, delete(3, "n2"), mine.moved(-1), "One character less stands left of it")


@checks("6.9", "an insert and a delete in one place leave each other alone", points=2, source=ELLIS, look_at="equal positions")
def insert_beside_delete(program):
    for one, two in (("n1", "n2"), ("n2", "n1")):
        why = "A character goes in before another one, which is deleted"
        expect_edit(program, delete(2, one), insert(2, "x", two), delete(3, one), why)
        expect_edit(program, insert(2, "x", one), delete(2, two), insert(2, "x", one), why)


@checks("6.9", "of two inserts in one place, that of the lower site stands left", points=2, source=ELLIS, look_at="equal positions of two inserts")
def sites_break_ties(program):
    for low, high in (("n1", "n2"), ("n10", "n9"), ("a", "b")):
        for first, second in (("x", "y"), ("y", "x"), ("z", "z")):
            left, right = insert(3, first, low), insert(3, second, high)
            expect_edit(program, left, right, left, f"{low!r} < {high!r}, so it stands left")
            expect_edit(program, right, left, right.moved(1), f"{low!r} < {high!r}, so it stands right")


@checks("6.9", "what both have deleted is deleted once", points=1, source=ELLIS, look_at="two deletes in one place")
def deleted_once(program):
    for position, (one, two) in product((0, 1, 7), (("n1", "n2"), ("n2", "n1"))):
        expect_edit(program, delete(position, one), delete(position, two), None, "The other one has done it already")


def edits_of(text, site, letters):
    found = [insert(position, letter, site) for position in range(len(text) + 1) for letter in letters]
    return found + [delete(position, site) for position in range(len(text))]


def expect_tp1(program, text, one, two):
    left = applied(transformed(program, two, one), one.applied(text))
    right = applied(transformed(program, one, two), two.applied(text))
    expect(
        left == right,
        f"both had {text!r}; n1: {said(one)}, n2: {said(two)}. With the other's edit transformed, "
        f"n1 has {left!r} and n2 has {right!r}",
    )


@checks(
    "6.9",
    "TP1: whoever goes first, the text is the same",
    points=3,
    source=f"{ELLIS}; all pairs of edits on texts up to 4 characters",
    not_shown="three editors: that needs TP2, which this does not have",
)
def tp1_holds(program):
    for length in range(5):
        text = "abcd"[:length]
        for one, two in product(edits_of(text, "n1", "xy"), edits_of(text, "n2", "xz")):
            expect_tp1(program, text, one, two)


def sequence(draw, text, site, count):
    """Some edits, one after the other, and what they make of the text."""
    made = []
    for _ in range(count):
        if draw.random() < 0.4 and text:
            edit = delete(draw.randrange(len(text)), site)
        else:
            edit = insert(draw.randint(0, len(text)), draw.choice("uvwxyz"), site)
        made.append(edit)
        text = edit.applied(text)
    return made, text


def carried(program, edit, others):
    """An edit moved past some others, and these moved past it."""
    past = []
    for other in others:
        if edit is None or other is None:
            past.append(other)
            continue
        edit, other = transformed(program, edit, other), transformed(program, other, edit)
        past.append(other)
    return edit, past


@checks("6.9", "also after several edits on each side", points=2, source=JUPITER)
def tp1_of_sequences(program):
    draw = dice()
    for _ in range(trial().count(120)):
        text = "abcdefgh"[: draw.randint(0, 8)]
        mine, left = sequence(draw, text, "n1", draw.randint(1, 4))
        yours, right = sequence(draw, text, "n2", draw.randint(1, 4))
        story, others = f"both had {text!r}; n1: {'; '.join(map(said, mine))}. n2: {'; '.join(map(said, yours))}", mine
        for edit in yours:
            edit, others = carried(program, edit, others)
            left = applied(edit, left)
        for edit in others:
            right = applied(edit, right)
        expect(left == right, f"{story}. Transformed past each other, n1 has {left!r} and n2 has {right!r}")


# -- 6.10 The tree -------------------------------------------------------------------------------


def shelf_of(count, **changes):
    """Many keys; some versions changed, or with 0 the key left out."""
    items = {f"key {number}": 1 + number % 9 for number in range(count)} | changes
    return Shelf(as_pairs({key: version for key, version in items.items() if version}))


def tree(program, shelf):
    got = program.call("call_method", shelf, "tree")
    shape = [len(level) for level in got]
    expect(
        shape == [2**level for level in range(DEPTH + 1)],
        f"the levels have {shape} hashes; level k has 2 ** k, from the root (level 0) to the leaves (level {DEPTH})",
    )
    return got


@checks("6.10", "each leaf is the hash of its bucket", points=2, source=MERKLE, look_at="the lowest level")
def leaves_hash_buckets(program):
    for shelf in (Shelf(), shelf_of(1), shelf_of(40), shelf_of(700)):
        leaves = tree(program, shelf)[DEPTH]
        for place, items in enumerate(shelf.buckets()):
            wanted = digest(*(f"{key}={version}" for key, version in items))
            expect(
                leaves[place] == wanted,
                f"bucket {place} holds {list(items)}, and its leaf is {leaves[place]}; "
                f"the digest of its lines is {wanted}",
            )


@checks("6.10", "each node is the hash of the two below it", points=2, source=MERKLE, look_at="which two are below place 3?")
def nodes_hash_children(program):
    for shelf in (Shelf(), shelf_of(300)):
        levels = tree(program, shelf)
        for level, place in [(up, at) for up in range(DEPTH) for at in range(2**up)]:
            below = levels[level + 1][2 * place], levels[level + 1][2 * place + 1]
            expect(
                levels[level][place] == digest(*below),
                f"level {level}, place {place} is {levels[level][place]}; below it are {below}, "
                f"and their digest is {digest(*below)}",
            )


@checks("6.10", "a change shows on its path to the root, and nowhere else", points=2, source=MERKLE)
def changes_show_on_their_path(program):
    whole = tree(program, shelf_of(500))
    for changes in ({"key 7": 99}, {"key 311": 0}, {"brand new": 1}, {"key 42": 2}):
        (key,) = changes
        other, place = tree(program, shelf_of(500, **changes)), bucket_of(key)
        for level in range(DEPTH, -1, -1):
            differ = [at for at, (a, b) in enumerate(zip(whole[level], other[level], strict=True)) if a != b]
            expect(
                differ == [place],
                f"one item differs, {changes}, in bucket {bucket_of(key)}; on level {level} the hashes at "
                f"{differ[:9]} differ, where only {place} should",
            )
            place //= 2


# -- 6.11 The descent ----------------------------------------------------------------------------


def store(program, shelf, id="n1", peer="n2"):
    return by_hand(program, "MerkleStore", id, peers=(peer,), storage={"items": shelf.items})


def hashes(levels, level, places):
    return Hashes(level, tuple((place, levels[level][place]) for place in places))


def answer(node, message):
    """All that the node sends in answer to hashes."""
    before = len(node.sent)
    node.deliver("n2", message)
    return node.sent[before:]


def reference_tree(shelf):
    levels = [tuple(digest(*(f"{key}={version}" for key, version in items)) for items in shelf.buckets())]
    while len(levels[0]) > 1:
        levels.insert(0, tuple(digest(*levels[0][at : at + 2]) for at in range(0, len(levels[0]), 2)))
    return levels


@checks("6.11", "what is equal is not talked about", points=2, source=MERKLE, look_at="no difference")
def equals_are_silent(program):
    shelf = shelf_of(200)
    levels, node = reference_tree(shelf), store(program, shelf)
    for level, places in ((0, [0]), (3, [1, 5, 7]), (DEPTH, [0, 17, 255]), (DEPTH, range(256))):
        sent = answer(node, hashes(levels, level, places))
        expect(sent == [], f"all hashes of level {level} were the same as its own, and n1 sent {sent}")


@checks("6.11", "below a difference, the children are compared, and no others", points=3, source=MERKLE, look_at="which children?")
def children_are_compared(program):
    mine, theirs = shelf_of(300), shelf_of(300, **{"key 5": 77, "key 123": 88, "new": 3})
    own, other, node = reference_tree(mine), reference_tree(theirs), store(program, mine)
    for level in range(DEPTH):
        places = range(0, 2**level, 2) if level % 3 == 2 else range(2**level)
        differ = [place for place in places if own[level][place] != other[level][place]]
        sent = answer(node, hashes(other, level, places))
        below = [place for at in differ for place in (2 * at, 2 * at + 1)]
        wanted = [("n2", hashes(own, level + 1, below))] if differ else []
        expect(
            sent == wanted,
            f"on level {level} the hashes at {differ} differ from its own, of {len(list(places))} that n2 "
            f"sent; n1 sent {brief(sent)}, not its own hashes of level {level + 1} at {below}",
        )


def brief(sent):
    return [f"{to}: {str(message)[:150]}" for to, message in sent] or "nothing"


@checks("6.11", "at the leaves, the items of the buckets that differ are sent", points=2, source=MERKLE, look_at="the last level")
def leaves_send_items(program):
    mine, theirs = shelf_of(300, extra=2), shelf_of(300, **{"key 5": 77, "key 123": 88})
    own, other, node = reference_tree(mine), reference_tree(theirs), store(program, mine)
    differ = [place for place in range(256) if own[DEPTH][place] != other[DEPTH][place]]
    sent = answer(node, hashes(other, DEPTH, range(256)))
    items = tuple(sorted(item for place in differ for item in mine.buckets()[place]))
    expect(
        sent == [("n2", Items(tuple(differ), items, True))],
        f"the buckets {differ} differ; n1 sent {brief(sent)}, not one Items with these buckets, "
        f"the {len(items)} items that it has in them, and back=True",
    )


def repaired(program, mine, theirs):
    """Two stores begin one repair and answer each other to the end: both, and what was sent."""
    nodes = {"n1": store(program, mine), "n2": store(program, theirs, "n2", "n1")}
    waiting, sent = [("n1", message) for message in nodes["n1"].fire("repair")], []
    while waiting and len(sent) < 40:
        source, message = waiting.pop(0)
        sent.append(message)
        other = "n2" if source == "n1" else "n1"
        waiting += [(other, reply) for reply in nodes[other].deliver(source, message)]
    expect(len(sent) < 40, f"after {len(sent)} messages the repair still goes on: {brief(waiting)}")
    return nodes, sent


@checks("6.11", "one repair makes both equal", points=2, source=MERKLE)
def one_repair_is_enough(program):
    mine = shelf_of(200, **{"key 1": 50, "only mine": 3, "key 33": 0})
    theirs = shelf_of(200, **{"key 2": 60, "only theirs": 4, "key 44": 0})
    nodes, _ = repaired(program, mine, theirs)
    wanted = shelf_of(200, **{"key 1": 50, "only mine": 3, "key 2": 60, "only theirs": 4}).items
    for id, node in nodes.items():
        have = dict(node.observe()["items"])
        wrong = sorted(key for key in have.keys() | dict(wanted) if have.get(key) != dict(wanted).get(key))
        expect(not wrong, f"after the repair {id} has {[(key, have.get(key)) for key in wrong]}, of {len(wanted)} keys")


@checks("6.11", "what is sent grows with the differences, not with the keys", points=3, source=MERKLE)
def cost_follows_differences(program):
    for keys, count in ((100, 1), (900, 1), (900, 4), (300, 0)):
        changes = {f"key {7 * n}": 100 + n for n in range(count)}
        mine, theirs = shelf_of(keys, **changes), shelf_of(keys)
        _, sent = repaired(program, mine, theirs)
        touched = {bucket_of(key) for key in changes}
        inside = sum(len(mine.buckets()[place]) for place in touched)
        hashed = sum(len(m.hashes) for m in sent if isinstance(m, Hashes))
        items = sum(len(m.items) for m in sent if isinstance(m, Items))
        most = 1 + 2 * DEPTH * count
        expect(
            hashed <= most and items <= 2 * inside,
            f"{keys} keys with {count} differences: {hashed} hashes and {items} items were sent; "
            f"{most} hashes and {2 * inside} items are enough",
        )


# -- Part M: repair ------------------------------------------------------------------------------


def typists(*works, reads=45):
    work = {f"c{number}": [*calls, *[("read",)] * reads] for number, calls in enumerate(works, 1)}
    return System.of(2, "Editor", client="Caller", workload=work, gap_ms=30)


def two_texts(chance_name):
    """What two people type: letters of their own, at random places, with a few deletions."""
    draw, works = dice(chance_name), []
    for letters in ("abcdefghij", "klmnopqrst"):
        work = []
        for letter in letters:
            work.append(("insert", draw.randint(0, 6), letter))
            if draw.random() < 0.3:
                work.append(("delete", draw.randint(0, 6)))
        works.append(work)
    return works


@checks("6.M", "two editors end with one text", points=3, source=JUPITER, look_at="exercise 6.9", not_shown="three editors")
def editors_agree(program):
    needs = ("partition", "cut")
    for number in range(3):
        play = ending(stormy(600, crashes=0), judged(all_typed))
        scenarios(program, typists(*two_texts(number)), play, runs=8, link=HOSTILE, needs=needs)


def highest_versions(history, result):
    have = dict(result)
    for op in history:
        if op.f == "put" and op.outcome == "ok" and have.get(op.key, 0) < op.value:
            return Violation("every confirmed version is everywhere", f"{op}, and all have {have.get(op.key)}")
    tried = {(op.key, op.value) for op in history if op.f == "put"}
    made_up = [item for item in have.items() if item not in tried]
    return Violation("nothing is made up", f"{made_up} was never put") if made_up else None


@checks("6.M", "after a storm, every replica has the newest of everything", points=3, source=MERKLE, look_at="exercise 6.11")
def stores_are_repaired(program):
    works = {
        f"c{c}": [*[("put", f"key {(3 * c + 5 * n) % 11}", 10 * n + c) for n in range(1, 9)], *[("read",)] * 45]
        for c in (1, 2, 3)
    }
    system = System.of(3, "MerkleStore", client="Caller", workload=works, gap_ms=30)
    needs = ("loss", "duplication", "crash", "restart", "partition", "cut")
    scenarios(program, system, ending(stormy(600), judged(highest_versions)), runs=6, link=HOSTILE, needs=needs)


@checks("6.M", "a thousand keys and a few differences cost a few messages", points=3, source=MERKLE)
def repair_stays_cheap(program):
    for keys in (200, 1_000):
        items = shelf_of(keys).items
        works = {f"c{c}": [("load", None, items), ("put", f"key {c}", 100 + c)] for c in (1, 2)}
        system = System.of(2, "MerkleStore", client="Caller", workload=works, gap_ms=5)

        def play(run):
            chance = Stream(run.seed, "cut")
            run.partition(["n1", "c1"], ["n2", "c2"])
            run.at(60 + chance.below(20), run.heal).run(260)
            views = [dict(run.observe(id).get("items", ())) for id in run.system.node_ids]
            expect(run.violation or views[0] == views[1], "200 ms after the cut was mended, n1 and n2 still differ")
            cost = repair_cost(run)
            expect(
                run.violation or (cost["hashes"] <= 150 and cost["items"] <= 80),
                f"n1 and n2 had {len(views[0])} keys and differed in two; to repair that they sent {cost}",
            )

        scenarios(program, system, play, runs=4, link=Link(delay_ms=(1, 4)), needs=("partition", "cut"))
