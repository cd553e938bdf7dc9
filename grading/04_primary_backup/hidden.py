"""Lab 04, hidden checks of part views: the same rules as the public ones, over more of what may happen.

Ids, lives, orders and faults are drawn from the trial's seed, so nothing can be learnt by heart.
"""

from __future__ import annotations

import random

from checks import alive, ask, async_store, mend, ping, shipped, view_of, views_follow_rules
from given import DEAD_TICKS, NO_VIEW, VIEW_SERVICE, Reply, Request, apply, members

from labkit import Link, System, Walk, by_hand, checks, expect, scenarios, walks
from labkit.nemesis import LINKS, NODES, swarm
from labkit.network import Stream
from labkit.verdict import trial


def dice():
    """Draws that differ from submission to submission, and repeat for one."""
    return random.Random(f"{trial().seed}/{trial().check.name}")


@checks("4.1", "any requests are answered at once, and shipped in order", points=2)
def async_any_requests(program):
    draw, node, data, writes = dice(), async_store(program), {}, []
    for number in range(1, 60):
        f, key, value = draw.choice(("put", "append", "get")), draw.choice("ab"), f"{number};"
        request = Request("c1", number, f, key, value if f != "get" else None)
        wanted = [Reply("c1", number, apply(data, request))]
        got = ask(node, "c1", number, f, key, request.value)
        expect(got == wanted, f"{request} was answered by {got}, not by {wanted}")
        writes += [] if f == "get" else [request]
        if draw.random() < 0.2:
            node.fire("ship")
            expect(shipped(node) == writes, f"after {number} requests, n2 does not have all the writes")


def watching(program, role, ids):
    return by_hand(program, role, VIEW_SERVICE, peers=ids, clients=("c1",))


@checks("4.2", "any pings, ticks and lives", points=3)
def any_lives(program):
    draw, ids = dice(), ("n1", "n10", "n2")
    node, silent = watching(program, "RollCall", ids), {}
    for _ in range(250):
        if draw.random() < 0.6:
            member = draw.choice(ids), draw.randint(1, 3)
            silent[member] = 0
            ping(node, *member)
        else:
            silent = {member: ticks + 1 for member, ticks in silent.items()}
            node.fire("tick")
        newest = {id: max(life for other, life in silent if other == id) for id, _ in silent}
        wanted = sorted(m for m in silent if silent[m] < DEAD_TICKS and m[1] == newest[m[0]])
        expect(alive(node) == wanted, f"members and their silence are {silent}; alive are {alive(node)}")


def wanted_view(view, living):
    """Which seats are right after `view`, if these live: a set of (primary, backup)."""
    if view == NO_VIEW:
        primaries = living
    else:
        primaries = [seat for seat in (view.primary, view.backup) if seat in living][:1]
    if not primaries:
        return {(view.primary, view.backup)}
    seats = set()
    for primary in primaries:
        others = [m for m in living if m != primary]
        kept = [view.backup] if view.backup in others else others
        seats |= {(primary, backup) for backup in kept or [None]}
    return seats


@checks("4.3", "any pings and deaths lead to the right seats", points=3)
def any_seats(program):
    draw, ids = dice(), ("n1", "n2", "n3", "n4")
    node, silent, view = watching(program, "Seating", ids), {}, NO_VIEW
    lives = dict.fromkeys(ids, 1)
    for _ in range(300):
        if draw.random() < 0.75:
            id = draw.choice(ids)
            lives[id] += draw.random() < 0.1
            silent = {m: n for m, n in silent.items() if m[0] != id} | {(id, lives[id]): 0}
            ping(node, id, lives[id])
        else:
            silent = {member: ticks + 1 for member, ticks in silent.items()}
            node.fire("tick")
        living, now = [m for m in silent if silent[m] < DEAD_TICKS], view_of(node)
        wanted, same = wanted_view(view, living), (view.primary, view.backup)
        number = view.number + (same not in wanted)
        is_right = (now.primary, now.backup) in ({same} if same in wanted else wanted)
        expect(is_right and now.number == number, f"alive are {living}, {view} was followed by {now}")
        view = now


@checks("4.4", "no primary is replaced but by its backup, and after its word", points=3)
def any_acknowledgements(program):
    draw, ids = dice(), ("n1", "n2", "n3")
    for _ in range(12):
        node, view, word = watching(program, "ViewService", ids), NO_VIEW, 0
        for _ in range(60):
            if draw.random() < 0.7:
                id, number = draw.choice(ids), draw.choice((0, view.number - 1, view.number))
                word = number if (id, 1) == view.primary and number > word else word
                ping(node, id, 1, max(0, number))
            else:
                node.fire("tick")
            now = view_of(node)
            moved = now.primary != view.primary and view != NO_VIEW
            expect(
                not moved or (now.primary == view.backup and word == view.number),
                f"{view}, acknowledged up to {word}, was followed by {now}",
            )
            view = now


@checks("4.V", "two, three and five stores, any order, any crash", points=2)
def five_in_any_order(program):
    for stores in (2, 3, 5):
        system = System.of(members("Obedient", stores))
        limits = Walk(steps_max=140, restarts=4, cuts=3, duplicates=True, timers=70)
        walks(program, system, count=80, limits=limits, judge=views_follow_rules)
        limits = Walk(steps_max=140, restarts=3, cuts=2, timers=70, demotions=8)
        walks(program, system, count=60, limits=limits, judge=views_follow_rules)


@checks("4.V", "a swarm of faults, the view service among its victims", points=2)
def swarmed_views(program):
    def play(run):
        swarm(run, 3_000, kinds=LINKS + NODES)
        run.run(3_200)

    scenarios(program, System.of(members("Obedient", 4)), play, runs=40, judge=views_follow_rules)


@checks("4.V", "after any faults but the loss of both, there is a primary that lives", points=2)
def primaries_return(program):
    def play(run):
        chance, stores = Stream(run.seed, "return"), run.system.node_ids[1:]
        run.run(400)
        for _ in range(4):
            run.isolate(chance.choice(run.system.node_ids))
            run.run(run.now_ms + chance.below(900))
            run.heal()
            run.run(run.now_ms + 700)
        if run.violation:
            return
        view = run.observe(VIEW_SERVICE)["view"]
        mend(run, stores[0])
        expect(
            view.primary and view.backup,
            f"nodes were cut off one after the other, nobody died, all is mended, and the view is {view}",
        )

    link = Link(delay_ms=(1, 20), loss=0.05, duplication=0.1)
    system = System.of(members("Obedient", 3))
    scenarios(program, system, play, runs=25, link=link, judge=views_follow_rules, needs=("partition",))
