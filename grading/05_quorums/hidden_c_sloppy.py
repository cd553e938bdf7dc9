"""Lab 05, hidden checks of part c: more replicas, more cuts, and models to compare with."""

from __future__ import annotations

from checks_c_sloppy import (
    away,
    chosen,
    expect_home,
    handed_off,
    keeps_confirmed,
    pair_of,
    ring,
    stand_in,
    still,
)
from given import HANDOFF_MS, HOMES, NO_TAG, HandoffReply, HintedUpdate, Query, QueryReply, Update
from hidden import dice

from labkit import Link, Walk, checks, expect, scenarios, walks
from labkit.network import Stream


@checks("5.11", "any replicas down, any length of the list", points=3)
def any_are_down(program):
    draw = dice()
    for _ in range(40):
        count = draw.randint(HOMES, 9)
        ids = [f"n{number}" for number in range(1, count + 1)]
        down = draw.sample(ids[:HOMES], draw.randint(0, HOMES)) + draw.sample(
            ids[HOMES:], min(1, count - HOMES, draw.randint(0, 1))
        )
        healthy = [id for id in ids[HOMES:] if id not in down]
        lost = [home for home in ids[:HOMES] if home in down]
        if not healthy and len(lost) == HOMES:
            continue
        used = healthy[: len(lost)] if set(down) & set(ids[HOMES : HOMES + len(lost)]) == set() else None
        got = chosen(program, count, tuple(down))
        if used is None:  # a stand-in that turned out to be down shifts the others
            expect(set(got) <= set(ids) - set(down), f"{down} are down of {count}, and {got} were written to")
            continue
        wanted = dict.fromkeys([home for home in ids[:HOMES] if home not in down]) | dict(
            zip(used, lost, strict=False)
        )
        expect(
            got == wanted, f"{sorted(down)} are down of {count} replicas; written to was {got}, not {wanted}"
        )


@checks("5.12", "any hints and crashes", points=3)
def any_hints(program):
    draw = dice()
    node, own, model = stand_in(program), (NO_TAG, None), {}
    for step in range(120):
        tag = draw.randint(1, 3 + step // 8), draw.choice(("c1", "c2"))
        owner = draw.choice(("n1", "n2", "n3", None))
        pair = tag, f"{tag}"
        if owner is None:
            node.deliver("c1", Update(step, *pair))
            own = max(own, pair, key=lambda pair: pair[0])
        else:
            node.deliver("c1", HintedUpdate(step, *pair, owner))
            model[owner] = max(model.get(owner, (NO_TAG, None)), pair, key=lambda pair: pair[0])
        if draw.random() < 0.15:
            node.restart()
        expect(pair_of(node) == own, f"step {step}: it has {pair_of(node)} itself; it was given {own}")
        got = handed_off(node)
        expect(got == model, f"step {step}: it keeps {got}; it was given {model}")


@checks("5.13", "any confirmations and crashes", points=3)
def any_confirmations_of_hints(program):
    draw = dice()
    node, model, sent = stand_in(program), {}, []
    for step in range(150):
        tag, owner = (
            (draw.randint(1, 3 + step // 8), draw.choice(("c1", "c2"))),
            draw.choice(("n1", "n2", "n3")),
        )
        if draw.random() < 0.4 or not sent:
            node.deliver("c1", HintedUpdate(step, tag, f"{tag}", owner))
            model[owner] = max(model.get(owner, (NO_TAG, None)), (tag, f"{tag}"), key=lambda pair: pair[0])
        else:
            owner, tag = draw.choice(sent[-6:])
            if owner in model and model[owner][0] < tag:
                continue  # what becomes of an older hint is left open
            node.deliver(owner, HandoffReply(tag))
            if owner in model and model[owner][0] == tag:
                del model[owner]
        if draw.random() < 0.15:
            node.restart()
        got = handed_off(node)
        sent += [(to, pair[0]) for to, pair in got.items()]
        expect(got == model, f"step {step}: it sends home {got}; it should keep {model}")


@checks("5.14", "the newest of any own value and any hints", points=2)
def any_newest(program):
    draw = dice()
    for _ in range(40):
        node, pairs = stand_in(program), [(NO_TAG, None)]
        for step in range(draw.randint(0, 5)):
            tag = draw.randint(8, 11), draw.choice(("c1", "c2", "c10"))
            pairs.append((tag, f"{tag}"))
            owner = draw.choice(("n1", "n2", None))
            node.deliver("c1", HintedUpdate(step, *pairs[-1], owner) if owner else Update(step, *pairs[-1]))
        node.deliver("c2", Query(3))
        reply, wanted = node.sent_to("c2", QueryReply), max(pairs, key=lambda pair: pair[0])
        expect(
            (reply.tag, reply.value) == wanted,
            f"it was given {pairs[1:]} and answers with {(reply.tag, reply.value)}",
        )


@checks("5.H", "seven replicas, cut after cut, power cuts of all stand-ins", points=3)
def cut_after_cut(program):
    def play(run):
        chance = Stream(run.seed, "cuts")
        for number in range(4):
            begin_ms = 30 + 500 * number
            homes = [f"n{1 + (chance.below(3) + k) % 3}" for k in range(1 + chance.below(HOMES))]
            away(run, begin_ms, begin_ms + 380, tuple(dict.fromkeys(homes)))
            for stand in run.system.node_ids[HOMES:]:
                run.at(begin_ms + 200, run.crash, stand).at(begin_ms + 230, run.restart, stand)
        run.at(2_200, still, run).run(2_200 + 20 * HANDOFF_MS)
        expect_home(run)

    link = Link(delay_ms=(1, 15), loss=0.08, duplication=0.2, tail=0.1, tail_ms=300)
    scenarios(
        program,
        ring(7, "w" * 12, "wr" * 6, "r" * 12),
        play,
        runs=30,
        link=link,
        judge=keeps_confirmed,
        needs=("partition", "cut", "crash"),
    )


@checks("5.H", "any order, any crash, five replicas and three writers", points=2)
def three_writers_in_any_order(program):
    rough = Walk(steps_max=220, restarts=5, cuts=5, timers=14, demotions=18)
    walks(program, ring(5, "www", "wwr", "rww"), count=200, limits=rough, judge=keeps_confirmed)
