"""Lab 09, part `membership`, hidden checks: any log, any lists, other sizes, other faults."""

from __future__ import annotations

import random

from checks import CALM, calm_down, leader_in
from checks_b_log import LOSSY, expect_leader, tell
from checks_f_membership import (
    SAFE,
    THREE,
    agree,
    change,
    close_offices,
    committed,
    config,
    expect_books,
    expect_changed,
    expect_members,
    expect_more,
    fire,
    leader,
    leads,
    names,
    node_with,
    play_all,
    sale,
    shop,
    vote,
)
from given import AppendEntries

from labkit import Walk, checks, expect, walks
from labkit.nemesis import LINKS, NODES, swarm
from labkit.network import Stream
from labkit.verdict import trial

NODES_OF = ("n1", "n2", "n3", "n4", "s1", "s2", "s3")


def dice():
    """Draws that differ from submission to submission, and repeat for one."""
    return random.Random(f"{trial().seed}/{trial().check.name}")


def some(draw, least=1):
    """So many names or more, of those that are there, in the order of the alphabet."""
    return tuple(sorted(draw.sample(NODES_OF, draw.randint(least, len(NODES_OF)))))


def any_log(draw, term):
    """Sales and lists in terms up to `term`, and the list in force after each entry."""
    terms = sorted(draw.randint(1, term) for _ in range(draw.randint(0, 7)))
    log = [config(t, *some(draw)) if draw.random() < 0.4 else sale(t) for t in terms]
    lists = [("n1", "n2", "n3", "n4")]
    for entry in log:
        lists.append(entry.command[1:] if isinstance(entry.command, tuple) else lists[-1])
    return tuple(log), lists


@checks("9.17", "any log, and any log over it", points=2, source="section 4.1")
def any_configuration(program):
    draw = dice()
    for _ in range(30):
        log, lists = any_log(draw, 4)
        id = draw.choice(lists[-1])
        node = node_with(program, *log, everyone=NODES_OF, term=6, id=id)
        expect_members(node, *lists[-1], story=f"{id} has the entries {log}")
        keep = draw.randint(0, len(log))
        names_now = tuple(sorted({*some(draw), id}))
        new = (sale(9), config(9, *names_now)) if draw.random() < 0.5 else (sale(9),)
        sender = next(other for other in NODES_OF if other != id)
        tell(node, sender, AppendEntries(9, sender, keep, log[keep - 1].term if keep else 0, new, 0))
        wanted = names_now if len(new) == 2 else lists[keep]
        if id in wanted:
            expect_members(node, *wanted, story=f"{id} had {log}; a later leader wrote {new} after entry {keep}")


@checks("9.18", "any list, any voters", points=2, source="section 4.1")
def any_majority(program):
    draw = dice()
    for _ in range(40):
        members = some(draw, 2)
        node = node_with(program, config(1, *members), everyone=NODES_OF, term=6)
        fire(node, "election")
        have = {"n1"}
        for voter in draw.sample(NODES_OF[1:], draw.randint(1, 6)):
            vote(node, voter)
            have.add(voter)
            wanted = 2 * len(have & set(members)) > len(members)
            expect(
                leads(node) == wanted,
                f"the members are {names(members)}, and {names(sorted(have))} voted for n1: it {'leads' if leads(node) else 'does not lead'}",
            )
            if wanted:
                break


@checks("9.19", "any wish, at any time", points=2, source="section 4.1; raft-dev 2015")
def any_change(program):
    draw = dice()
    for _ in range(15):
        settled = draw.random() < 0.7
        node = leader(program, sale(1), settled=settled, everyone=NODES_OF)
        others, now, pending, has_own = ["n2", "n3", "n4"], {"n1", "n2", "n3", "n4"}, False, settled
        for _ in range(6):
            near = now ^ {draw.choice(NODES_OF[1:])}
            wish = near if draw.random() < 0.7 else {*some(draw), "n1"}
            if wish == now:
                continue
            may = has_own and not pending and len(wish ^ now) == 1
            made = change(node, *sorted(wish))
            expect(
                made == may,
                f"the members are {names(sorted(now))}, a change is {'' if pending else 'not '}pending, and an entry of the term is {'' if has_own else 'not '}committed; {names(sorted(wish))} are asked for, and n1 {'writes' if made else 'does not write'} the entry",
            )
            now, pending = (wish, True) if made else (now, pending)
            if draw.random() < 0.6:
                agree(node, *[id for id in {*now, *others} if id != "n1"])
                pending, has_own = False, True
        expect(committed(node) <= len(node.observe()["log"]), "n1 has committed more than it has")


# -- 9.M -----------------------------------------------------------------------------------------------


@checks("9.M", "from one node to seven, and back", points=2, source="section 4.1")
def grows_and_shrinks(program):
    nodes = ("n1", "s1", "s2", "s3", "s4", "s5", "s6")
    up = [nodes[:count] for count in range(2, 8)]
    down = [nodes[count:] for count in range(1, 6)]

    def play(run):
        expect_changed(run, len(up) + len(down), "one node is a shop; six are added, then the first five go")
        expect_more(run, 2, "two of seven nodes are left")
        expect_books(run, nodes[5:], "two of seven nodes are left")

    play_all(program, shop(1, 6, 120, 120, lists=[(*up, *down)], gap_ms=20), play, runs=4, link=CALM)


@checks("9.M", "each leader in turn removes itself, and is added again", points=2, source="section 4.2.2")
def leaders_in_turn(program):
    everyone = ("n1", "n2", "n3", "n4", "n5")
    lists = [[tuple(id for id in everyone if id != gone), everyone] for gone in everyone]

    def play(run):
        close_offices(run)
        used = set()
        for turn in range(3):
            old = expect_leader(run, "five nodes are up")
            if old in used:
                break
            used.add(old)
            before = sum(op.outcome == "ok" and isinstance(op.value, tuple) for op in run.history)
            run.heal(f"o{old[1:]}")
            expect_changed(run, before + 2, f"{old} leads, is removed, and added again")
            close_offices(run)
            expect_more(run, 2, f"{old} was removed, and added again")
        expect_books(run, everyone, "leaders were removed, and added again")

    play_all(program, shop(5, 0, 200, 200, lists=lists, gap_ms=30), play, runs=6)


@checks("9.M", "whatever happens meanwhile", points=3, source="figure 3")
def whatever_happens_to_members(program):
    lists = [
        ((*THREE, "s1"), ("n2", "n3", "s1"), ("n2", "n3", "s1", "s2"), ("n3", "s1", "s2")),
        ((*THREE, "s2"), ("n1", "n2", "s2"), ("n1", "n2", "s1", "s2")),
    ]

    def play(run):
        swarm(run, 2_500, kinds=LINKS + NODES, target=leader_in)
        run.run(2_500)
        chance = Stream(run.seed, "end")
        for id in run.system.node_ids:
            run.resume(id)
        calm_down(run)
        run.run(run.now_ms + chance.between(10, 300))
        expect_more(run, 2, "the faults have ended")

    play_all(program, shop(3, 2, 300, 300, lists=lists, gap_ms=40), play, runs=12, link=LOSSY)


@checks("9.M", "two, four and five first members, in any order of events", points=2, source="figure 3; section 4.1")
def other_sizes_of_members(program):
    for first, spares, count in ((2, 1, 40), (4, 1, 30), (5, 0, 20)):
        ids = tuple(f"n{n}" for n in range(1, first + 1))
        lists = [((*ids, "s1") if spares else ids[1:], ids), (ids[1:], ids[:-1])]
        limits = Walk(steps_max=160, restarts=1, duplicates=True, timers=14)
        walks(program, shop(first, spares, 2, 2, lists=lists), count=count, limits=limits, **SAFE)
