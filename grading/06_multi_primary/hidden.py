"""Lab 06, part A, hidden checks: the same rules as the public ones, over more of what may happen.

Ids, values, orders and faults are drawn from the trial's seed, so nothing can be learnt by heart.
"""

from __future__ import annotations

from checks import (
    HOSTILE,
    all_agree,
    antichain,
    call,
    dice,
    ending,
    expect_laws,
    expect_merge,
    history_of_puts,
    nothing_bought_is_lost,
    nothing_is_lost,
    random_siblings,
    resolved,
    stormy,
)
from given import Stamped, as_pairs

from labkit import Link, System, Walk, checks, expect, scenarios, walks
from labkit.network import Stream
from labkit.verdict import trial


@checks("6.1", "any stamps, any values", points=3)
def any_stamps(program):
    draw = dice()
    writers = [f"n{number}" for number in draw.sample(range(1, 200), 5)]
    values = [None, "", "text", (), as_pairs({"a": 1}), as_pairs({"a": 1, "b": -2})]
    pool = [Stamped(draw.randint(-3, 9), writer, draw.choice(values)) for writer in writers for _ in range(4)]
    pool = list({(stamped.time_ms, stamped.writer): stamped for stamped in pool}.values())
    for _ in range(trial().count(120)):
        one, two = draw.choice(pool), draw.choice(pool)
        wanted = max(one, two, key=lambda stamped: (stamped.time_ms, stamped.writer))
        got = call(program, one, "merge", two)
        expect(got == wanted, f"{one} merged with {two} gave {got}, not {wanted}")
    expect_laws(program, pool, 20)


@checks("6.2", "any histories of siblings", points=3)
def any_siblings(program):
    draw = dice()
    for _ in range(trial().count(10)):
        states = random_siblings(draw, draw.randint(3, 12))
        for a, b in (draw.sample(states, 2) for _ in range(8)):
            why = "just those stay that no other one covers"
            expect_merge(program, a, b, antichain(a.versions | b.versions), why)


@checks("6.3", "any long history of writes and merges", points=3)
def any_puts(program):
    for number in range(trial().count(12)):
        for id, state, wanted in history_of_puts(program, dice(number), 40):
            expect(
                sorted(state.values()) == wanted,
                f"after some writes and merges, {id} has {sorted(state.values())}, not {wanted}",
            )
            dots = [(version.replica, version.number) for version in state.versions]
            expect(len(set(dots)) == len(dots), f"{id} has two versions with one dot: {sorted(dots)}")


@checks("6.4", "any carts, any accounts, any number of siblings", points=3)
def any_maps(program):
    draw = dice()
    for _ in range(trial().count(80)):
        key = draw.choice(("cart/", "account/")) + draw.choice("xyz")
        amounts = {f"t{n}": draw.randint(-50, 50) for n in range(8)}
        maps = []
        for _ in range(draw.randint(0, 5)):
            some = {name: amounts[name] for name in draw.sample(sorted(amounts), draw.randint(0, 5))}
            if key.startswith("cart/"):
                some = {name: draw.randint(1, 9) for name in some}
            maps.append(None if draw.random() < 0.1 else as_pairs(some))
        wanted = {}
        for one in maps:
            for name, number in one or ():
                wanted[name] = max(number, wanted.get(name, number))
        got = resolved(program, key, *maps)
        expect(got == as_pairs(wanted), f"{key}: {maps} became {got}, not {as_pairs(wanted)}")


def crowd(draw, role, replicas, clients, calls, keys=("k",)):
    """Clients that get and put at random."""
    work = {
        f"c{c}": [
            ("put", key, f"c{c}.{n}") if draw.random() < 0.5 else ("get", key)
            for n, key in enumerate(draw.choice(keys) for _ in range(calls))
        ]
        for c in range(1, clients + 1)
    }
    return System.of(replicas, role, client="Writer", workload=work, gap_ms=12)


@checks("6.C", "any crowd, in any order", points=3)
def any_crowd(program):
    limits = Walk(steps_max=90, restarts=2, duplicates=True, timers=5)
    for number, replicas in enumerate((1, 2, 4)):
        system = crowd(dice(number), "Store", replicas, 5, 4)
        walks(program, system, count=40, limits=limits, judge=nothing_is_lost)


@checks("6.C", "five replicas, two keys, seven writers, and storms", points=3)
def bigger_storms(program):
    for number in range(3):
        system = crowd(dice(number), "Store", 5, 7, 7, ("k", "l"))
        scenarios(program, system, ending(stormy(900), all_agree), runs=8, link=HOSTILE, needs=("crash", "partition"))


def power_cuts(judge):
    """A play: all replicas lose power again and again, in the middle of what they do."""

    def play(run):
        chance = Stream(run.seed, "power")
        for number in range(6):
            at_ms = 20 + 90 * number + chance.below(40)
            for id in run.system.node_ids:
                run.at(at_ms, run.crash_within, id, chance.below(4)).at(at_ms + 12, run.crash, id)
                run.at(at_ms + 30, run.restart, id)
        run.run(700)
        for id in run.system.node_ids:
            run.crash_within(id, None)
            run.restart(id)
        run.run(2_200)

    return ending(play, judge)


@checks("6.C", "power cuts take back no confirmed write", points=3)
def power_cuts_lose_nothing(program):
    system = crowd(dice(), "Store", 3, 5, 8)
    needs = ("crash", "crash within a handler", "restart")
    scenarios(program, system, power_cuts(all_agree), runs=16, link=Link(delay_ms=(1, 9), duplication=0.1), needs=needs)


@checks("6.C", "many shoppers share carts and accounts", points=3)
def many_shoppers(program):
    draw = dice()
    work = {
        f"c{c}": [
            ("add", key, (f"{key[0]}{c}.{n}", draw.randint(1, 9) * (1 if key[0] == "c" else draw.choice((-1, 1)))))
            for n, key in enumerate(draw.choice(("cart/a", "cart/b", "account/a")) for _ in range(7))
        ]
        for c in range(1, 7)
    }
    system = System.of(4, "Store", client="Shopper", workload=work, gap_ms=12)
    scenarios(program, system, ending(stormy(700), nothing_bought_is_lost), runs=12, link=HOSTILE, needs=("partition",))
