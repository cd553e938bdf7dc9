"""Lab 09, part `transfer`, hidden checks: any log, any wishes, other sizes and other faults."""

from __future__ import annotations

import random

from checks import CALM, leader_in
from checks_b_log import LOSSY, agree, cut_off, expect_leader, follower_with, submit, tell
from checks_g_transfer import (
    QUICK_MS,
    ROLE,
    SAFE,
    another,
    ask,
    close_offices,
    expect_end,
    expect_more,
    expect_told,
    expect_transfer,
    expect_unmoved,
    hands_over,
    leader,
    play_all,
    shop,
    timed,
    told,
)
from given import Role, TimeoutNow

from labkit import Walk, checks, expect, walks
from labkit.nemesis import LINKS, NODES, swarm
from labkit.network import Stream
from labkit.verdict import trial


def dice():
    """Draws that differ from submission to submission, and repeat for one."""
    return random.Random(f"{trial().seed}/{trial().check.name}")


def terms_up_to(draw, term, length):
    return tuple(sorted(draw.randint(1, term) for _ in range(length)))


@checks("9.20", "any wishes, in any order", points=2, source="section 3.10")
def any_wishes(program):
    draw = dice()
    for _ in range(12):
        nodes = draw.choice((2, 3, 5))
        node, now = leader(program, 1, 1, nodes=nodes), None
        known = [f"n{n}" for n in range(2, nodes + 1)]
        for _ in range(8):
            wish = draw.choice((*known, *known, "n1", "n99", "timer"))
            story = f"n1 leads {nodes} nodes, hands over to {now}, and then {wish} was asked for, or fired"
            if wish == "timer" and now is not None:
                node.fire("transfer")
                now = None
            elif wish != "timer":
                new = wish in known and wish != now
                ask(node, wish)
                expect(timed(node) == new, f"{story}: the timer was {'set' if timed(node) else 'not set'}")
                now = wish if new else None if wish == "n1" else now
            expect_transfer(node, now, story)


@checks("9.21", "any log, any answers", points=2, source="section 3.10")
def any_answers_in_a_transfer(program):
    draw = dice()
    for _ in range(15):
        nodes, length = draw.choice((2, 3, 5)), draw.randint(0, 5)
        node = leader(program, *terms_up_to(draw, 4, length), nodes=nodes)
        submit(node, *[f"sale {n}" for n in range(draw.randint(0 if length else 1, 4))])
        last = len(node.observe()["log"])
        peers = node.system[1:nodes]
        target, match, count = draw.choice(peers), dict.fromkeys(peers, 0), 0
        for turn in range(10):
            if turn == 3:
                ask(node, target)
                count += match[target] == last
            peer = draw.choice((target, *peers))
            match[peer] = max(match[peer], draw.randint(0, last))
            agree(node, **{peer: match[peer]})
            count += turn >= 3 and peer == target and match[target] == last
            expect_told(node, target, count, f"n1 has {last} entries, hands over to {target if turn >= 3 else 'nobody'}, and they agree up to {match}")
        expect(all(got == TimeoutNow(5, "n1") for got in told(node, target)), f"n1 leads term 5, and sent {told(node, target)}")


@checks("9.22", "any term", points=1, source="section 3.10")
def any_term(program):
    draw = dice()
    for _ in range(20):
        mine, length = draw.randint(2, 20), draw.randint(0, 4)
        node = follower_with(program, *terms_up_to(draw, mine, length), term=mine, nodes=draw.choice((2, 3, 5)), role=ROLE)
        theirs = max(1, mine + draw.choice((-3, -1, 0, 0, 1, 4)))
        if theirs < mine:
            expect_unmoved(node, f"n1 is in term {mine}", "n2", TimeoutNow(theirs, "n2"))
            continue
        tell(node, "n2", TimeoutNow(theirs, "n2"))
        seen = node.observe()
        got = seen["role"], seen["current_term"]
        expect(got == (Role.CANDIDATE, theirs + 1), f"n1 was in term {mine}, and was told to stand in term {theirs}: it is {got}")


@checks("9.T", "seven nodes, and round they go", points=2, source="section 3.10")
def round_they_go(program):
    def play(run):
        close_offices(run)
        expect_leader(run, f"{len(run.system.node_ids)} nodes booted")
        expect_more(run, 2, "all booted")
        for target in run.system.node_ids[:3]:
            hands_over(run, target, f"{leader_in(run)} leads", QUICK_MS)
            expect_more(run, 2, f"{target} was asked to lead")
        expect_end(run, "three nodes were asked to lead, one after the other")

    for nodes in (4, 7):
        play_all(program, shop(nodes, 600, 600, gap_ms=10), play, runs=2, link=CALM)


@checks("9.T", "a target that was away, on links that lose and delay", points=2, source="section 3.10")
def away_on_bad_links(program):
    def play(run):
        close_offices(run)
        expect_leader(run, "five nodes booted")
        gone = []
        for _ in range(3):
            away = another(run, *gone)
            gone.append(away)
            cut_off(run, away)
            expect_more(run, 5, f"{away} was cut off")
            run.heal()
            close_offices(run)
            hands_over(run, away, f"{away} was away, and is back")
        expect_end(run, "three transfers were made")

    play_all(program, shop(5, 600, 600, gap_ms=10), play, runs=4, link=LOSSY, needs=("loss", "partition"))


@checks("9.T", "whatever happens meanwhile", points=3, source="figure 3")
def whatever_happens_meanwhile(program):
    def play(run):
        swarm(run, 2_500, kinds=LINKS + NODES, target=leader_in)
        run.run(2_500)
        chance = Stream(run.seed, "end")
        run.heal()
        run.network.set_link(loss=0, duplication=0, tail=0, delay_ms=(1, 10))
        for id in run.system.node_ids:
            run.resume(id)
            run.restart(id)
        run.run(run.now_ms + chance.between(10, 300))
        close_offices(run)
        expect_end(run, "the faults have ended")

    many = {f"o{n}": [f"n{1 + (n * m) % 5}" for m in range(1, 40)] for n in (1, 2)}
    play_all(program, shop(5, 600, 600, offices=many, gap_ms=40), play, runs=10)


@checks("9.T", "two and five nodes, in any order of events", points=2, source="figure 3")
def other_sizes_hand_over(program):
    for nodes, count in ((2, 40), (5, 25)):
        wanted = {"o1": ["n1", "n2"], "o2": ["n2", "n1"]}
        limits = Walk(steps_max=140, restarts=1, duplicates=True, timers=12)
        walks(program, shop(nodes, 2, 2, offices=wanted), count=count, limits=limits, **SAFE)
