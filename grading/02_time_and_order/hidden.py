"""Lab 02, part clocks, hidden checks: the same rules, over more of what may happen.

Ids, stamps, walls and orders are drawn from the trial's seed, so nothing can be learnt by heart.
"""

from __future__ import annotations

import random

from checks import (
    ANY_ORDER,
    LATE,
    expect_order,
    keeps_the_clock_condition,
    less,
    stays_near,
    tells_before_from_concurrent,
    wrong_clocks,
)
from given import Letter, Order

from labkit import System, Walk, by_hand, checks, expect, scenarios, walks
from labkit.verdict import trial

OVERTAKEN = Walk(steps_max=110, timers=40, demotions=10)
NAMES = ("zoe", "ada", "n10", "n2", "bob", "n1", "eve")


def dice():
    """Draws that differ from submission to submission, and repeat for one."""
    return random.Random(f"{trial().seed}/{trial().check.name}")


def stamped(program, role, received, names=NAMES[:3], wall_ms=()):
    """The stamps that a clerk gives to events: its own (None), and receipts of letters with these stamps."""
    node = by_hand(program, role, names[0], peers=names[1:])
    for number, stamp in enumerate(received):
        if wall_ms:
            node.pass_ms(wall_ms[number])
        if stamp is None:
            node.fire("next")
        else:
            node.deliver(names[1], Letter(number, stamp))
        yield node.observe()["log"][-1].stamp


def own_and_letters(draw, stamp, length=40, own=7):
    """`length` events: at most `own` of the clerk's own (None), letters with a stamp otherwise."""
    events = [None] * own + [stamp() for _ in range(length - own)]
    draw.shuffle(events)
    return events


@checks("2.1", "any letters, old and new", points=3)
def lamport_any(program):
    draw = dice()
    for _ in range(10):
        received, time = own_and_letters(draw, lambda: draw.choice((1, draw.randint(1, 60), 10**12))), 0
        for event, got in zip(received, stamped(program, "LamportClerk", received), strict=True):
            before, time = time, max(time, event or 0) + 1
            expect(
                got == time,
                f"the clock stood at {before}, received was {event}, and the event got {got}, not {time}",
            )


def possible(vector, place, events):
    """Nobody knows of more events of the receiver than it has had."""
    return (*vector[:place], min(vector[place], events), *vector[place + 1 :])


@checks("2.2", "any vectors, any clerk, any number of them", points=3)
def vector_any(program):
    draw = dice()
    for count in (2, 3, 5, 7):
        names = draw.sample(NAMES, count)
        place = sorted(names).index(names[0])
        received = own_and_letters(draw, lambda count=count: tuple(draw.randint(0, 9) for _ in range(count)))
        received = [event and possible(event, place, number) for number, event in enumerate(received)]
        known = [0] * count
        for event, got in zip(received, stamped(program, "VectorClerk", received, names), strict=True):
            before, known = tuple(known), list(map(max, known, event or known))
            known[place] += 1
            expect(
                got == tuple(known),
                f"place {place}: the clock stood at {before}, received was {event}, and the event got {got}",
            )


@checks("2.3", "any vectors, short and long, alike and not", points=3)
def compare_any(program):
    draw = dice()
    for _ in range(400):
        left = [draw.randint(0, 30) for _ in range(draw.randint(1, 9))]
        right = list(left)
        for place in draw.sample(range(len(left)), draw.randint(0, min(3, len(left)))):
            right[place] = draw.randint(0, 30)
        left, right = tuple(left), tuple(right)
        wanted = Order.SAME if left == right else Order.CONCURRENT
        wanted = Order.BEFORE if less(left, right) else Order.AFTER if less(right, left) else wanted
        expect_order(program, left, right, wanted)


@checks("2.4", "any walls, any letters", points=3)
def hybrid_any(program):
    draw = dice()
    for _ in range(10):
        received = own_and_letters(draw, lambda: (draw.randint(495, 530), draw.randint(0, 30)))
        steps = [500, *(draw.choice((0, 0, 0.5, 1, 3, -4, 9)) for _ in received)][: len(received)]
        l = c = now = 0
        for event, step, got in zip(
            received, steps, stamped(program, "HybridClerk", received, wall_ms=steps), strict=True
        ):
            before, now = (l, c), now + step
            l, c = max((l, c), event or (0, 0))
            l, c = (int(now), 0) if int(now) > l else (l, c + 1)
            what = f"clock {before}, wall {int(now)}, received {event}"
            expect(got == (l, c), f"{what}: the event got {got}, not {(l, c)}")


@checks("2.C", "six clerks, any order: Lamport and vectors", points=3)
def six_clerks(program):
    for limits in (ANY_ORDER, OVERTAKEN):
        walks(
            program,
            System.of(NAMES[:6], "LamportClerk"),
            count=40,
            limits=limits,
            judge=keeps_the_clock_condition,
        )
        walks(
            program,
            System.of(NAMES[:6], "VectorClerk"),
            count=40,
            limits=limits,
            judge=tells_before_from_concurrent,
        )


@checks("2.C", "six clerks, wrong walls", points=3)
def six_walls(program):
    system = System.of(NAMES[:6], "HybridClerk")
    for judge in (keeps_the_clock_condition, stays_near):
        scenarios(program, system, wrong_clocks, runs=30, link=LATE, judge=judge, needs=("clock", "late"))
