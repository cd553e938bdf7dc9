"""Lab 05, hidden checks of part a: the same rules as the public ones, over more of what may happen.

Ids, values, orders and faults are drawn from the trial's seed, so nothing can be learnt by heart.
"""

from __future__ import annotations

import random

from checks import far_apart, irregular, is_regular, planned, rough_play, shelves, shop, store_of
from given import REPAIR, Query, QueryReply, Update, UpdateReply

from labkit import Link, Walk, checks, expect, scenarios, walks
from labkit.verdict import trial


def dice():
    """Draws that differ from submission to submission, and repeat for one."""
    return random.Random(f"{trial().seed}/{trial().check.name}")


@checks("5.1", "any N, any W, any copies", points=2)
def any_confirmations(program):
    draw = dice()
    for _ in range(30):
        n = draw.randint(1, 5)
        w = draw.randint(1, n)
        node, heard = store_of(program, f"OneR1W{w}", n, id=f"c{draw.randint(1, 40)}"), set()
        operation = node.invoke("write", None, f"value {n}")
        phase = node.sent_to("n1", Update).phase
        while len(heard) < w:
            expect(
                node.outcome(operation) is None,
                f"N = {n}, W = {w}: {sorted(heard)} confirmed, and the write ended",
            )
            heard.add(draw.choice(shelves(n)))
            node.deliver(
                sorted(heard)[draw.randrange(len(heard))], UpdateReply(phase)
            ) if draw.random() < 0.3 and len(heard) < w else None
            for replica in sorted(heard):
                node.deliver(replica, UpdateReply(phase))
        expect(
            node.outcome(operation) == ("ok", None),
            f"N = {n}, W = {w}: {sorted(heard)} confirmed; the write is {node.outcome(operation)}",
        )


@checks("5.2", "any N, any R, any answers", points=2)
def any_answers(program):
    draw = dice()
    for _ in range(40):
        n = draw.randint(1, 5)
        r = draw.randint(1, n)
        node, found = store_of(program, f"OneR{r}W1", n), {}
        operation = node.invoke("read")
        phase = node.sent_to("n1", Query).phase
        for replica in draw.sample(shelves(n), r):
            expect(
                node.outcome(operation) is None,
                f"N = {n}, R = {r}: only {sorted(found)} answered, and the read ended",
            )
            tag = draw.randint(8, 11), draw.choice(("c1", "c2", "c10"))
            found[replica] = tag, f"{tag}"
            for _ in range(draw.randint(1, 2) if len(found) < r else 1):
                node.deliver(replica, QueryReply(phase, *found[replica]))
        wanted = max(found.values())[1]
        expect(
            node.outcome(operation) == ("ok", wanted),
            f"N = {n}, R = {r}: the answers were {found}; the read is {node.outcome(operation)}",
        )


@checks("5.3", "any tags that are known", points=2)
def any_known_tags(program):
    draw, taken = dice(), {}
    for id in ("c1", "c2", "c12"):
        node = store_of(program, "ManyR2W2", 5, id=id)
        for turn in range(15):
            node.invoke("write", None, f"{id}.{turn}")
            phase = node.sent_to("n1", Query).phase
            told = [(draw.randint(0, 4 + turn), draw.choice(("c1", "c2", "c12"))) for _ in range(2)]
            for replica, tag in zip(draw.sample(shelves(5), 2), told, strict=True):
                node.deliver(replica, QueryReply(phase, tag, f"{tag}"))
            update = node.sent_to("n1", Update)
            expect(
                update.value == f"{id}.{turn}",
                f"{id} was told {told} and sent no update; its last one is {update}",
            )
            expect(
                update.tag not in taken,
                f"{update.value} and {taken.get(update.tag)} were written under {update.tag}",
            )
            expect(
                update.tag[1] == id and update.tag[0] > max(told)[0],
                f"{id} was told {told} and wrote under {update.tag}",
            )
            taken[update.tag] = update.value
            for replica in shelves(5)[: draw.choice((1, 2))]:
                node.deliver(replica, UpdateReply(update.phase))
            if node.timers:
                node.fire()


@checks("5.4", "any replies, in time or late", points=2)
def any_repairs(program):
    draw = dice()
    for _ in range(40):
        node, found = store_of(program, f"R{draw.randint(1, 4)}W2", 5), {}
        operation = node.invoke("read")
        phase = node.sent_to("n1", Query).phase
        for replica in draw.sample(shelves(5), draw.randint(4, 5)):
            tag = draw.randint(9, 11), draw.choice(("c1", "c2"))
            before = len(node.sent)
            found[replica] = tag, f"{tag}"
            node.deliver(replica, QueryReply(phase, *found[replica]))
            if node.outcome(operation):
                _expect_repairs(found, node.sent[before:])


def _expect_repairs(found, sent):
    newest = max(found.values())
    lagging = {replica for replica, pair in found.items() if pair != newest}
    wrong = [item for item in sent if item[0] not in lagging or item[1] != Update(REPAIR, *newest)]
    expect(
        not wrong,
        f"the replicas answered {found}; sent was {wrong[:1]}, and only {sorted(lagging)} need {newest}",
    )
    expect(
        lagging == {to for to, _ in sent},
        f"the replicas answered {found}; updates went to {sorted(to for to, _ in sent)}, not to {sorted(lagging)}",
    )


@checks("5.5", "any demands on up to twelve replicas", points=2)
def any_demands(program):
    draw = dice()
    for _ in range(120):
        n = draw.randint(1, 12)
        a, b = draw.randrange(n), draw.randrange(n)
        chosen = planned(program, n, a, b)
        expect((chosen is None) == (a + b >= n), f"choose_quorums({n}, {a}, {b}) is {chosen}")
        if chosen:
            r, w = chosen
            expect(
                1 <= r <= n - a and 1 <= w <= n - b and r + w > n,
                f"choose_quorums({n}, {a}, {b}) is {chosen}",
            )


@checks("5.Q", "regular wherever quorums meet, for numbers drawn by chance", points=3)
def regular_for_any_numbers(program):
    draw = dice()
    for _ in range(8):
        n = draw.randint(2, 5)
        r = draw.randint(1, n)
        w = draw.randint(n - r + 1, n)
        turns = ["".join(draw.choice("wr") for _ in range(5)) for _ in range(3)]
        limits = Walk(steps_max=180, demotions=12, timers=3, duplicates=True)
        walks(program, shop(f"R{r}W{w}", n, *turns), count=50, limits=limits, judge=is_regular)
        link = Link(delay_ms=(1, 40), loss=0.03, duplication=0.2, tail=0.15, tail_ms=400)
        scenarios(
            program,
            shop(f"R{r}W{w}", n, *turns, "rrrrrrrr"),
            rough_play,
            runs=10,
            link=link,
            judge=is_regular,
        )


@checks("5.Q", "stale where quorums do not meet, for numbers drawn by chance", points=2)
def stale_for_any_numbers(program):
    draw = dice()
    for _ in range(8):
        n = draw.randint(2, 5)
        r = draw.randint(1, n - 1)
        w = draw.randint(1, n - r)

        def play(run, n=n, r=r, w=w):
            far_apart(run, n, r, w)
            run.run(120)
            expect(
                run.violation or irregular(run.history),
                f"N = {n}, R = {r}, W = {w}, and a reader far from the writer saw no old value",
            )

        scenarios(program, shop(f"OneR{r}W{w}", n, "w", "rrrr"), play, runs=1)
