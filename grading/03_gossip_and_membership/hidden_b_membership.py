"""Lab 03, hidden checks of part membership: the same rules, over more of what may happen."""

from __future__ import annotations

import random

from checks_b_membership import (
    ALIVE,
    DEAD,
    SUSPECT,
    SWIM,
    answer_it,
    beaten,
    expect_lists,
    expect_none_evicted,
    expected_phi,
    group,
    hear,
    incarnation,
    level,
    member_of,
    suspects,
    table_of,
    tire,
    unanswered,
    watch,
    watching,
    wins,
)
from given import HELPERS, PHI_MAX, SUSPECT_MS, TIMEOUT_MS, Heartbeat, PingRequest, Update, by_number

from labkit import Link, checks, expect, scenarios
from labkit.network import Stream
from labkit.verdict import trial


def dice():
    """Draws that differ from submission to submission, and repeat for one."""
    return random.Random(f"{trial().seed}/{trial().check.name}")


@checks("3.6", "any heartbeats, looked at at any time", points=3)
def suspicion_follows_silence(program):
    draw, now, heard = dice(), 0, dict.fromkeys(("n2", "n3", "n4"), 0)
    node = watching(program)
    for _ in range(120):
        step = draw.randint(1, 160)
        node.pass_ms(step)
        now += step
        if draw.random() < 0.5:
            peer = draw.choice(sorted(heard))
            node.deliver(peer, Heartbeat())
            heard[peer] = now
        if all(now - at != TIMEOUT_MS for at in heard.values()):
            got, wanted = suspects(node), {p for p, at in heard.items() if now - at > TIMEOUT_MS}
            silent = {peer: now - at for peer, at in heard.items()}
            expect(
                got == wanted,
                f"the silences are {silent} ms, the limit is {TIMEOUT_MS}, and n1 suspects {got}",
            )


@checks("3.7", "any line, and any silence on it", points=3)
def phi_fits_any_line(program):
    draw = dice()
    for _ in range(3):
        typical, width = draw.randint(80, 300), draw.randint(0, 60)
        line = [float(typical + draw.randint(-width, width)) for _ in range(230)]
        node, silent = beaten(program, line), 0
        for share in (0.7, 0.4, 0.3, 0.5):
            silent += share * typical
            got, wanted = level(node, share * typical), min(PHI_MAX, _or_limit(line[-200:], silent))
            expect(
                abs(got - wanted) < 0.02 + 0.04 * wanted,
                f"intervals of {typical} ± {width} ms, silent for {silent:.0f} ms: φ is {got}, not {wanted:.2f}",
            )


def _or_limit(line, silent):
    try:
        return expected_phi(line, silent)
    except ValueError:
        return PHI_MAX


@checks("3.8", "any group, any target", points=2)
def helpers_fit_any_group(program):
    draw = dice()
    for _ in range(12):
        count = draw.randint(2, 14)
        node = member_of(program, count, f"n{draw.randint(1, count)}")
        for _ in range(8):
            target, number, asked = unanswered(node)
            others = [to for to, _ in asked]
            able = [id for id in node.system[1:] if id not in (target, "c1")]
            expect(
                len(set(others)) == len(others) == min(HELPERS, len(able)) and set(others) <= set(able),
                f"of {count} members {target} did not reply, and {node.id} asked {others}",
            )
            odd = [
                m
                for _, m in asked
                if not isinstance(m, PingRequest) or (m.number, m.target) != (number, target)
            ]
            expect(not odd, f"probe {number} of {target} was not answered, and {node.id} sent {odd[:1]}")
            answer_it(node, target, number)


@checks("3.9", "any rumours about oneself, over crashes", points=3)
def own_incarnation_is_right(program):
    draw = dice()
    for _ in range(8):
        node, current = member_of(program, 4), 0
        for _ in range(25):
            if draw.random() < 0.1:
                node.restart()
                expect(
                    incarnation(node) == current + 1,
                    f"n1 was in {current}, crashed, and is in {incarnation(node)}",
                )
                current += 1
                continue
            update = Update("n1", draw.choice((ALIVE, SUSPECT, DEAD)), max(0, current + draw.randint(-2, 2)))
            due = update.status is not ALIVE and update.incarnation >= current
            if due and draw.random() < 0.3:
                tire(node)
            hear(node, update, source="n3")
            wanted = update.incarnation + 1 if due else current
            expect(
                incarnation(node) == wanted,
                f"in {current}, n1 heard {update}, and is in {incarnation(node)}, not {wanted}",
            )
            current = wanted
            told = hear(node, source="n2")
            expect(
                not due or Update("n1", ALIVE, current) in told,
                f"n1 objected to {update}, and does not spread it: {told}",
            )


@checks("3.10", "any updates, in any order", points=3)
def beliefs_are_a_maximum(program):
    draw = dice()
    for _ in range(6):
        node = member_of(program, 7)
        believed = {f"n{n}": Update(f"n{n}", ALIVE, 0) for n in range(2, 8)}
        for _ in range(40):
            update = Update(f"n{draw.randint(2, 7)}", draw.choice((ALIVE, SUSPECT, DEAD)), draw.randint(0, 4))
            hear(node, update, source=draw.choice(("n4", "n5")))
            is_new = wins(update, believed[update.member])
            clocks = [e[1:] for e in node.effects if e[0] == "set_timer"]
            wanted = [(("suspect", update.member), SUSPECT_MS * 1000, SUSPECT_MS * 1000)]
            expect(
                clocks == (wanted if is_new and update.status is SUSPECT else []),
                f"n1 believed {believed[update.member]}, heard {update}, and set {clocks}",
            )
            believed[update.member] = update if is_new else believed[update.member]
            got = table_of(node)
            expect(
                got == believed,
                f"after {update} n1 believes {got[update.member]}, not {believed[update.member]}",
            )


@checks("3.M", "in a group of 25, three crashes are found by all", points=2, source=f"{SWIM}: scalability")
def large_groups_work(program):
    def play(run):
        dead = [Stream(run.seed, "who").choice(run.system.node_ids[:12]), "n20", "n25"]
        alive = [id for id in run.system.node_ids if id not in dead]
        missing = watch(run, alive, 13_000, every_ms=500)
        for place, id in enumerate(dead):
            run.at(1_000 + 400 * place, run.crash, id)
        run.run(13_000)
        expect_none_evicted(run, missing, f"only {dead} crashed")
        expect_lists(run, alive, f"11 s after {dead} crashed")

    scenarios(program, group(25), play, runs=2, needs=("crash",))


@checks(
    "3.M",
    "one direction between two members fails, and both stay",
    points=1,
    source="HSE: two processes cannot communicate",
)
def one_way_pairs_stay(program):
    def play(run):
        missing = watch(run, run.system.node_ids, 15_000)
        run.at(0, run.cut, "n2", "n4").at(0, run.cut, "n3", "n1").run(15_000)
        expect_none_evicted(run, missing, "two links are down, each in one direction")

    scenarios(program, group(7), play, runs=6, needs=("cut",))


@checks("3.M", "slow, and another one crashes meanwhile", points=2)
def slow_and_crash(program):
    def play(run):
        slow, dead = "n2", Stream(run.seed, "who").choice(run.system.node_ids[2:])
        missing = watch(run, [id for id in run.system.node_ids if id != dead], 15_000)
        run.at(0, run.slow, slow, (50, 200)).at(3_000, run.crash, dead).run(15_000)
        expect_none_evicted(run, missing, f"{slow} is slow, {dead} crashed")
        expect_lists(run, [id for id in run.system.node_ids if id != dead], f"12 s after {dead} crashed")

    scenarios(program, group(7), play, runs=6, needs=("crash", "slow"))


@checks("3.M", "a member that pauses for a second stays", points=1, source="Lifeguard: slow processing")
def pauses_are_forgiven(program):
    def play(run):
        id = Stream(run.seed, "who").choice(run.system.node_ids)
        missing = watch(run, run.system.node_ids, 12_000, by=[i for i in run.system.node_ids if i != id])
        run.at(2_000, run.pause, id).at(3_000, run.resume, id).run(12_000)
        expect_none_evicted(run, missing, f"{id} paused for one second")

    scenarios(program, group(6), play, runs=8, needs=("pause",))


@checks("3.M", "crashed and back at once, nobody is lost", points=2, source="HSE: crash-recover")
def quick_restarts(program):
    def play(run):
        ids = Stream(run.seed, "who").some(run.system.node_ids)[:3]
        for place, id in enumerate(ids):
            run.at(1_000 + 2_000 * place, run.crash, id).at(1_300 + 2_000 * place, run.restart, id)
        run.run(20_000)
        expect_lists(run, run.system.node_ids, f"more than 10 s after {ids} crashed for 300 ms each")

    scenarios(program, group(5), play, runs=8, needs=("crash", "restart"))


@checks("3.M", "the first member crashes for good, and the group goes on", points=1, source="HSE: seed crash")
def first_member_crashes(program):
    def play(run):
        run.at(100, run.crash, "n1").at(8_000, run.crash, "n3").run(16_000)
        expect_lists(
            run,
            [id for id in run.system.node_ids if id not in ("n1", "n3")],
            "8 s after n3 crashed, n1 long before",
        )

    scenarios(program, group(6), play, runs=6, needs=("crash",))


@checks("3.M", "two partitions in a row heal", points=2)
def partitions_heal_twice(program):
    def play(run):
        chance, at_ms = Stream(run.seed, "sides"), 500
        for _ in range(2):
            side = chance.some(run.system.node_ids)[:4]
            rest = [id for id in run.system.node_ids if id not in side]
            run.at(at_ms, run.partition, side, rest).at(at_ms + 7_000, run.heal)
            at_ms += 18_000
        run.run(at_ms)
        expect_lists(run, run.system.node_ids, "10 s after the second partition has healed")
        numbers = {id: run.observe(id).get("incarnation", 0) for id in by_number(run.system.node_ids)}
        expect(
            run.violation or max(numbers.values()) < 60, f"two partitions, and the incarnations are {numbers}"
        )

    scenarios(
        program, group(6), play, runs=5, link=Link(delay_ms=(1, 15), loss=0.03), needs=("partition", "loss")
    )


@checks("3.M", "cut off altogether for a while", points=1, source="HSE: offline and recover")
def offline_members(program):
    def play(run):
        id = Stream(run.seed, "who").choice(run.system.node_ids)
        run.at(1_000, run.isolate, id).run(11_000)
        expect_lists(run, [id], "10 s into being cut off", of=[id])
        others = [other for other in run.system.node_ids if other != id]
        expect_lists(run, others, f"10 s after {id} was cut off", of=others)
        run.heal()
        run.run(20_000)
        expect_lists(run, run.system.node_ids, f"9 s after {id} was reachable again")

    scenarios(program, group(6), play, runs=5, needs=("partition", "cut"))
