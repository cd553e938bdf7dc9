"""Lab 03, hidden checks of part gossip: the same rules, over more of what may happen.

Ids, numbers, orders and faults are drawn from the trial's seed, so nothing can be learnt by heart.
"""

from __future__ import annotations

import random

from checks import (
    DEMERS,
    HOSTILE,
    NINE,
    a_round,
    added,
    all_have_all,
    books,
    comparing,
    counted,
    expect_all_have_all,
    flush_timers,
    never_too_many,
    seen,
    told,
    total_of,
    tower_of,
    towers,
)
from given import (
    BATCH_MS,
    FANOUT,
    TIRED,
    Counts,
    Digest,
    Known,
    News,
    Request,
    by_number,
    grid,
    messages_between_nodes,
)

from labkit import Link, System, by_hand, checks, expect, scenarios
from labkit.nemesis import LINKS, NODES, calm, swarm
from labkit.network import Stream
from labkit.verdict import trial


def dice():
    """Draws that differ from submission to submission, and repeat for one."""
    return random.Random(f"{trial().seed}/{trial().check.name}")


def sightings_of(draw, most=4):
    """Some sightings, each once, in any order."""
    pool = [s for origin in ("n1", "n3", "n11") for s in seen(origin, *range(1, 7))]
    return tuple(draw.sample(pool, draw.randint(1, most)))


@checks("3.1", "any news, from anybody, in any order", points=3)
def flood_is_exact(program):
    draw = dice()
    for count in (2, 5, 12):
        ids = tuple(f"n{n}" for n in range(1, count + 1))
        id = draw.choice(ids)
        node, book = tower_of(program, id=id, ids=ids), set()
        for _ in range(25):
            source, brought = draw.choice([*ids, "c1"]), sightings_of(draw)
            if source in (id, "c1"):
                source = next(i for i in ids if i != id)
            news = told(node, lambda s=source, b=brought: node.deliver(s, News(b)))
            fresh = sorted(set(brought) - book)
            wanted = [n for n in grid(id, ids) if n != source] if fresh else []
            expect(
                by_number(news) == wanted and all(list(map(sorted, w)) == [fresh] for w in news.values()),
                f"{id} of {count} towers was told {brought} by {source}, of which {fresh} was new, and told {news}",
            )
            book |= set(brought)
            if draw.random() < 0.1:
                node.restart()


@checks("3.2", "any two books, compared", points=3, source=DEMERS)
def digests_are_answered_exactly(program):
    draw = dice()
    for _ in range(40):
        mine, have = (
            sightings_of(draw, 12),
            {o: draw.randint(0, 6) for o in draw.sample(("n1", "n3", "n11", "n8"), 2)},
        )
        node, is_answer = comparing(program, *mine), draw.random() < 0.4
        before = len(node.sent)
        node.deliver("n9", Digest(tuple(sorted(have.items())), is_answer))
        sent = node.sent[before:]
        lacking = sorted(s for s in mine if s[1] > have.get(s[0], 0))
        mine_have = _complete(mine)
        asks = not is_answer and any(n > mine_have.get(o, 0) for o, n in have.items())
        wanted = [Digest(tuple(sorted(mine_have.items())), True)] if asks else []
        got_news = [sorted(m.sightings) for to, m in sent if isinstance(m, News) and to == "n9"]
        got_digests = [m for to, m in sent if isinstance(m, Digest) and to == "n9"]
        expect(
            got_news == ([lacking] if lacking else []) and got_digests == wanted,
            f"n5 has {mine} and got the {'answer' if is_answer else 'digest'} {have}; it sent {sent}",
        )
        expect(len(sent) == len(got_news) + len(got_digests), f"for a digest of n9, n5 sent also {sent}")


def _complete(sightings):
    numbers = {}
    for origin, number, _ in sorted(sightings):
        if number == numbers.get(origin, 0) + 1:
            numbers[origin] = number
    return numbers


@checks("3.3", "any rumours, told in vain any number of times", points=3, source=DEMERS)
def mongering_is_exact(program):
    draw = dice()
    node, useless = tower_of(program, "Monger"), {}
    for step in range(80):
        hot = {r for r, count in useless.items() if count < TIRED}
        if not hot or draw.random() < 0.2:
            fresh = (("n2", step + 1, f"rumour {step}"),)
            node.deliver("n2", News(fresh))
            useless |= dict.fromkeys(fresh, 0)
        elif draw.random() < 0.6:
            some = tuple(draw.sample(sorted(hot), draw.randint(1, len(hot))))
            node.deliver(draw.choice(("n1", "n9")), Known(some))
            useless |= {r: useless[r] + 1 for r in some}
        if "round" in node.timers:
            hot = sorted(r for r, count in useless.items() if count < TIRED)
            news = a_round(node)
            expect(
                len(news) == (FANOUT if hot else 0),
                f"{len(hot)} rumours are hot, and n5 told {by_number(news)}",
            )
            expect(
                all([sorted(s) for s in w] == [hot] for w in news.values()),
                f"hot are {hot}, and n5 told {news}",
            )
            expect(
                ("round" in node.timers) == bool(hot),
                f"{len(hot)} rumours are hot; the timers are {node.timers}",
            )
            useless = {r: c for r, c in useless.items() if r in hot}


@checks("3.4", "any stream, in parcels", points=3)
def parcels_are_exact(program):
    draw = dice()
    for id in ("n1", "n1", "n7"):
        node, waiting, number = tower_of(program, "Courier", id), {}, 0
        for _ in range(60):
            source = draw.choice([i for i in NINE if i != id]) if id == "n1" else draw.choice(("n1", "c1"))
            number, running = number + 1, "flush" in node.timers
            if source == "c1":
                early = told(node, lambda n=number: node.deliver("c1", Request(n, "post", f"smoke {n}")))
                brought = f"smoke {number}"
            else:
                early = told(node, lambda s=source, n=number: node.deliver(s, News(((s, n, f"smoke {n}"),))))
                brought = f"smoke {number}"
            expect(not early, f"{id} sent {early} before its parcel was due")
            receivers = [n for n in (NINE[1:] if id == "n1" else ("n1",)) if n != source]
            for neighbour in receivers:
                waiting.setdefault(neighbour, []).append(brought)
            times = flush_timers(node)
            due = [(BATCH_MS * 1000,) * 2] if receivers and not running else []
            expect(
                not receivers or times == due,
                f'"flush" was {"running" if running else "not running"}; {id} set {times}',
            )
            if draw.random() < 0.15 and "flush" in node.timers:
                got = {
                    to: sorted(t for s in what for _, _, t in s)
                    for to, what in told(node, lambda: node.fire("flush")).items()
                }
                expect(
                    got == {to: sorted(texts) for to, texts in waiting.items()},
                    f"{id} sent {got}, not {waiting}",
                )
                waiting = {}


@checks("3.5", "any messages, in any order, any number of times", points=3)
def merge_is_a_join(program):
    draw = dice()
    for _ in range(6):
        node = by_hand(program, "Counter", "n4", peers=NINE[:3] + NINE[4:], clients=("c1", "c2"))
        known, calls = {}, 0
        for _ in range(30):
            if draw.random() < 0.2:
                calls += 1
                node.deliver("c1", Request(calls, "add", calls))
                known["n4"] = known.get("n4", 0) + calls
                continue
            towers_named = draw.sample(NINE[:3] + NINE[4:], draw.randint(0, 4))
            theirs = {t: draw.randint(1, 20) for t in towers_named}
            if known.get("n4") and draw.random() < 0.5:
                theirs["n4"] = draw.randint(1, known["n4"])
            known = {t: max(theirs.get(t, 0), known.get(t, 0)) for t in {*theirs, *known}}
            before = len(node.sent)
            node.deliver("n2", Counts(tuple(sorted(theirs.items()))))
            lacks = any(count > theirs.get(t, 0) for t, count in known.items())
            wanted = [("n2", tuple(sorted(known.items())))] if lacks else []
            got = [(to, tuple(sorted(p for p in m.counts if p[1]))) for to, m in node.sent[before:]]
            expect(got == wanted, f"n4 was told {theirs} and answered {got}, not {wanted}")
            expect(
                total_of(node) == sum(known.values()), f"n4 tells {total_of(node)}; it should know {known}"
            )


@checks("3.G", "three camps, and each heals at another time", points=2)
def three_camps_heal(program):
    def play(run):
        chance = Stream(run.seed, "camps")
        camps = [[], [], []]
        for id, _ in run.system.members:
            camps[chance.below(3)].append(id)
        run.at(0, run.partition, *camps)
        for place, id in enumerate(run.system.node_ids):
            run.at(1_000 + 200 * place, run.heal, id)
        run.run(14_000)
        expect_all_have_all(run, "9 s after the last tower was reachable again")

    for role in ("AntiEntropy", "Star", "Courier"):
        scenarios(program, towers(role, 16, each=6), play, runs=4, needs=("partition",))


@checks("3.G", "any few faults at any rates, then peace", points=3)
def swarms_are_survived(program):
    def play(run):
        swarm(run, 2_500, kinds=LINKS + NODES)
        run.run(2_500)
        calm(run)
        run.run(16_000)
        expect_all_have_all(run, "13.5 s after all trouble has ended")

    for role in ("AntiEntropy", "BackedMonger"):
        scenarios(program, towers(role, 6, each=10), play, runs=12)


@checks(
    "3.G",
    "reads of a healed book hold all that was confirmed",
    points=2,
    source="Maelstrom's broadcast workload",
)
def reads_see_everything(program):
    work = {f"c{c}": [("post", f"n{c}", f"c{c} sees {n}") for n in range(6)] for c in (1, 2, 3)}
    work |= {f"c{c}": [("read", f"n{c}")] * 40 for c in (4, 5, 6)}
    system = System.of(6, "AntiEntropy", client="Watcher", workload=work, gap_ms=250)

    def play(run):
        run.at(0, run.partition, ["n1", "n2", "n4", "c1", "c2", "c4"], ["n3", "n5", "n6", "c3", "c5", "c6"])
        run.at(3_000, run.heal).run(14_000)
        expect(
            run.violation or not all_have_all(run),
            f"after healing, {all_have_all(run) if not run.violation else ''}",
        )
        confirmed = {op.value for op in run.history if op.f == "post" and op.outcome == "ok"}
        last = {op.client: op for op in run.history if op.f == "read" and op.outcome == "ok"}
        late = [
            f"{op.key} lacks {sorted(confirmed - set(op.result))}"
            for op in last.values()
            if confirmed - set(op.result)
        ]
        expect(
            run.violation or len(last) == 3 and not late,
            f"in the last reads, 9 s after healing: {late or last}",
        )

    scenarios(program, system, play, runs=6, link=Link(delay_ms=(1, 20), loss=0.05), needs=("cut", "loss"))


@checks(
    "3.G",
    "half reads, half sightings, counted as Maelstrom counts",
    points=2,
    source="Gossip Glomers, 3d and 3e",
)
def maelstrom_counts(program):
    work = {
        f"c{n}": [("read" if (n + i) % 2 else "post", f"n{n}", f"{n}.{i}") for i in range(16)]
        for n in range(1, 26)
    }
    for role, bound in (("Star", 30), ("Courier", 20)):
        system = System.of(25, role, client="Watcher", workload=work, gap_ms=250)

        def play(run, bound=bound):
            run.network.set_link(tail=0)
            for client in system.client_ids:
                for id in system.node_ids:
                    run.network.set_link(client, id, delay_ms=(0, 0))
                    run.network.set_link(id, client, delay_ms=(0, 0))
            run.run(6_000)
            each = messages_between_nodes(run) / 400
            expect(
                run.violation or each < bound,
                f"an operation took {each:.1f} messages between towers, bound {bound}",
            )
            expect_all_have_all(run, "2 s after the last sighting")

        scenarios(program, system, play, runs=1, link=Link(delay_ms=(100, 100)))


@checks("3.G", "a partition splits the count, and healing joins it", points=2)
def counts_join(program):
    work = {f"c{c}": [("add", f"n{c}", 1 + n % 4) for n in range(8)] for c in range(1, 7)}
    system = System.of(6, "Counter", client="Watcher", workload=work, gap_ms=100)

    def play(run):
        chance = Stream(run.seed, "sides")
        side = chance.some(system.node_ids)[:3]
        rest = [id for id in system.node_ids if id not in side]
        run.at(0, run.partition, side, rest).at(2_000, run.heal).at(500, run.crash, side[0]).at(
            900, run.restart, side[0]
        )
        run.run(9_000)
        if run.violation is None:
            least, most, totals = added(run, "ok"), added(run, "ok", "info"), counted(run)
            expect(
                len(set(totals.values())) == 1 and least <= totals["n1"] <= most,
                f"after healing the totals are {totals}; confirmed were {least}, unknown {most - least}",
            )

    link = Link(delay_ms=(1, 30), duplication=0.3)
    scenarios(
        program, system, play, runs=8, link=link, judge=never_too_many, needs=("cut", "crash", "duplication")
    )


@checks("3.G", "a tower with a new disk learns everything again", points=1)
def new_disks_are_filled(program):
    def play(run):
        run.run(2_000)
        before = books(run) if run.violation is None else {}
        run.crash("n2", disk="wiped")
        run.at(2_500, run.restart, "n2").run(9_000)
        if run.violation is None:
            others = set().union(*(texts for id, texts in before.items() if id != "n2"))
            lacks = others - books(run)["n2"]
            expect(not lacks, f"n2 got a new disk, and 6.5 s later it lacks {sorted(lacks)[:3]}")

    scenarios(program, towers("AntiEntropy", 6, each=4), play, runs=6, link=HOSTILE, needs=("crash",))
