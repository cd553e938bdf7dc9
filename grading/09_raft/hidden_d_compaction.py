"""Lab 09, part `compaction`, hidden checks: any log, any snapshot, other sizes, other faults."""

from __future__ import annotations

import random

from checks import CALM, leader_in
from checks_b_log import LOSSY, cut_off, expect_leader, open_till
from checks_c_persistence import mend
from checks_d_compaction import (
    FULL,
    RULES,
    commit,
    entries_of,
    expect_has,
    expect_more_sold,
    expect_on_disk,
    expect_same_books,
    expect_whole_disks,
    installs,
    leader_with,
    next_is,
    node_in,
    play_all,
    shop,
)
from given import AppendEntries, InstallSnapshot

from labkit import Walk, checks, expect, walks
from labkit.network import Stream
from labkit.verdict import trial


def dice():
    """Draws that differ from submission to submission, and repeat for one."""
    return random.Random(f"{trial().seed}/{trial().check.name}")


def terms_of(draw, count, least=1):
    """The terms of so many entries, which never fall, from `least` on."""
    terms = []
    for _ in range(count):
        least += draw.choice((0, 0, 0, 1, 2))
        terms.append(least)
    return tuple(terms)


# -- 9.12 to 9.14, one node in the hand ----------------------------------------------------------------


@checks("9.12", "any log, cut anywhere", points=2, source="section 7")
def any_cut(program):
    draw = dice()
    for _ in range(30):
        terms = terms_of(draw, draw.randint(FULL, 4 * FULL))
        start = draw.randint(0, len(terms) - FULL)
        done = draw.randint(start + FULL, len(terms))
        node = node_in(program, 99, gone=terms[:start], terms=terms[start:])
        before = dict(node.storage)
        commit(node, done)
        story = f"n1 had a snapshot up to {start}, entries up to {len(terms)}, and applied those up to {done}"
        expect_has(node, story, gone=terms[:done], terms=terms[done:], applied=done)
        expect_whole_disks(node, before, story)
        expect_on_disk(node, story)


@checks("9.12", "snapshot after snapshot, with crashes in between", points=1, source="section 7")
def snapshot_after_snapshot(program):
    draw = dice()
    for _ in range(10):
        terms, done, node = terms_of(draw, 6 * FULL), 0, None
        node = node_in(program, 99, terms=terms)
        start = 0
        while done < len(terms):
            done = min(len(terms), done + draw.randint(1, FULL))
            commit(node, done)
            start = done if done - start >= FULL else start
            story = f"n1 applied up to {done}, step by step, with crashes"
            expect_has(node, story, gone=terms[:start], terms=terms[start:], applied=done)
            if draw.random() < 0.3:
                node.restart()
                done = start


@checks("9.13", "any follower", points=2, source="section 7")
def any_follower(program):
    draw = dice()
    for _ in range(40):
        terms = terms_of(draw, draw.randint(1, 20))
        start, index = draw.randint(0, len(terms)), draw.randint(1, len(terms))
        node = leader_with(program, 99, gone=terms[:start], terms=terms[start:])
        next_is(node, "n3", index)
        node.fire("heartbeat")
        got, prev = node.all_sent_to("n3")[-1], index - 1
        entries, before = entries_of(*terms)[prev:], (0, *terms)[prev]
        wanted = AppendEntries(99, "n1", prev, before, entries, start)
        if index <= start:
            wanted = InstallSnapshot(99, "n1", node.observe()["snapshot"])
        expect(got == wanted, f"snapshot up to {start}, log up to {len(terms)}, next_index {index}: {wanted} is due, and {got} was sent")


@checks("9.14", "any log, any snapshot", points=3, source="figure 13")
def any_snapshot(program):
    draw = dice()
    for _ in range(60):
        theirs = terms_of(draw, draw.randint(1, 14))
        same = draw.randint(0, len(theirs))
        more = terms_of(draw, draw.randint(0, 6), least=max(20, *theirs))
        mine = theirs[:same] + (more if draw.random() < 0.6 else ())
        start = draw.randint(0, same)
        applied = draw.randint(start, min(same, start + FULL - 1))
        index = draw.randint(1, len(theirs))
        new = theirs[:index]
        if index <= applied:
            wanted = mine[:start], mine[start:], applied
        else:
            fits = len(mine) >= index and mine[index - 1] == new[-1]
            wanted = new, mine[index:] if fits else (), index
        installs(
            program,
            f"n1 had a snapshot up to {start}, entries of terms {mine} in all, {applied} applied",
            mine=(mine[:start], mine[start:], applied),
            snapshot=new,
            wanted=wanted,
            term=99,
        )


# -- 9.C -----------------------------------------------------------------------------------------------


@checks("9.C", "five nodes, two of them away at a time", points=2, source="section 7; Go lab 3D")
def two_of_five(program):
    def play(run):
        chance = Stream(run.seed, "who is away")
        for turn in range(4):
            leader = expect_leader(run, f"round {turn}: five nodes were up")
            others = [id for id in run.system.node_ids if id != leader]
            first, second = (chance.choice(others), leader) if turn % 2 else (others[turn // 2], others[-1])
            cut_off(run, first)
            run.crash(second)
            expect_more_sold(run, 2 * FULL, f"round {turn}: {first} was cut off, {second} was down")
            run.heal()
            run.restart(second)
            expect_same_books(run, f"round {turn}: {first} and {second} are back")

    play_all(program, shop(5, 200, 200), play, runs=4, link=LOSSY, needs=("crash", "restart", "partition"))


@checks("9.C", "a leader that was away gets a snapshot over what it alone had", points=2, source="figure 13, 7")
def snapshot_over_stale_entries(program):
    def play(run):
        old = expect_leader(run, "three nodes booted")
        cut_off(run, old)
        for till in ("c1", "c2", "c3", "c4"):
            open_till(run, till, old)  # what they sell there, nobody else hears of
        open_till(run, "c5", *[id for id in run.system.node_ids if id != old])
        expect_more_sold(run, 2 * FULL + 3, f"{old} led, and was cut off with four tills")
        run.heal()
        expect_same_books(run, f"{old} is back, with sales that nobody else has")
        expect_more_sold(run, 8, f"{old} is back, with its tills")
        expect_same_books(run, f"{old} is back, with its tills")

    play_all(program, shop(3, 2, 2, 2, 2, 200), play, runs=6, link=CALM, needs=("partition",))


@checks("9.C", "leaders cut off again and again, on links that deliver late", points=2, source="section 7")
def leaders_cut_off(program):
    def play(run):
        chance = Stream(run.seed, "leaders")
        for _ in range(10):
            run.run(run.now_ms + chance.between(100, 500))
            run.heal()
            cut_off(run, leader_in(run), tills=run.system.client_ids if chance.chance(0.5) else ())
            if chance.chance(0.4):
                run.crash_within(chance.choice(run.system.node_ids), chance.below(4))
            for id in run.system.node_ids:
                run.restart(id)
        mend(run)
        expect_more_sold(run, 1, "all five nodes are up and connected, for good")
        expect_same_books(run, "all five nodes are up and connected, for good")

    play_all(program, shop(5, 300, 300, 300), play, runs=6, link=LOSSY, needs=("partition", "late", "loss"))


@checks("9.C", "any order of events, with five nodes, and with two", points=2, source="figure 3; section 7")
def other_sizes(program):
    for nodes, count in ((5, 20), (2, 40)):
        limits = Walk(steps_max=400, restarts=3, cuts=3, duplicates=True, timers=60)
        walks(program, shop(nodes, 6, 6, 6), count=count, limits=limits, **RULES)
