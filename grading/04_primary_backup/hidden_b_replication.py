"""Lab 04, hidden checks of part replication: other sizes, seeds and compositions of faults."""

from __future__ import annotations

import random

from checks_b_replication import (
    HOSTILE,
    all_ended,
    alone,
    backup,
    confirm,
    forwards,
    is_linearizable,
    list_of,
    one,
    passed,
    pinged,
    request,
    shop,
    store,
    take,
    tell,
    told_state,
)
from given import VIEW_SERVICE, Forward, ForwardReply, Reply, Request, State, StateReply, apply, members

from labkit import Link, System, Walk, checks, expect, scenarios, walks
from labkit.nemesis import LINKS, NODES, calm, swarm
from labkit.network import Stream
from labkit.verdict import trial


def dice():
    """Draws that differ from submission to submission, and repeat for one."""
    return random.Random(f"{trial().seed}/{trial().check.name}")


@checks("4.5", "any requests, copies and latecomers", points=3)
def any_requests(program):
    draw, node, data, last = dice(), alone(program), {}, {}
    for step in range(200):
        client = draw.choice(("c1", "c2"))
        before = last.get(client, Reply(client, 0, None))
        number = max(1, before.number + draw.choice((-1, 0, 0, 1, 1, 3)))
        f, key = draw.choice(("put", "append", "get")), draw.choice("ab")
        got = one(node, client, number, f, key, None if f == "get" else f"{step};")
        if number > before.number:
            made = Request(client, number, f, key, None if f == "get" else f"{step};")
            last[client] = Reply(client, number, apply(data, made))
        if number >= before.number:
            expect(got == last[client], f"request {number} of {client} ({f}) was answered by {got}")


@checks("4.7", "any messages of the primary, in any order", points=3)
def any_forwards(program):
    for _ in range(6):
        draw, node, done = dice(), backup(program), 0
        for _ in range(60):
            first = draw.randint(1, done + 3)
            last = first + draw.randint(0, 4)
            got = passed(node, first, *(request("c1", n) for n in range(first, last + 1)))
            done = max(done, last) if first <= done + 1 else done
            allowed = [[ForwardReply(2, done)], [] if first > done + 1 else None]
            expect(got in allowed, f"{first} to {last} came, all up to {done} are there; it answered {got}")
        wanted = "".join(f"c1.{n};" for n in range(1, done + 1))
        expect(list_of(node) == wanted, f"requests up to {done} were appended, each once; the list differs")


@checks("4.8", "any requests and confirmations", points=3)
def any_confirmations(program):
    draw, node = dice(), store(program)
    tell(node, 2, "n1", "n2")
    taken, answered, numbers = [], 0, dict.fromkeys(("c1", "c2", "c3"), 0)
    for _ in range(150):
        if draw.random() < 0.5:
            client = draw.choice(sorted(numbers))
            numbers[client] += 1
            taken.append(request(client, numbers[client]))
            got, wanted = take(node, taken[-1]), []
        else:
            index = draw.randint(0, len(taken))
            got = confirm(node, index)
            wanted = [(r.session, Reply(r.session, r.number, None)) for r in taken[answered:index]]
            answered = max(answered, index)
        expect(got == wanted, f"{len(taken)} taken, {answered} confirmed: answers {got}, wanted {wanted}")
        before = len(node.sent)
        node.fire("ping")
        waiting = {(2, n): r for n, r in enumerate(taken, 1) if n > answered}
        expect(forwards(node, since=before) == waiting, "what waits is not what the ping timer passes on")


@checks("4.9", "any views, one after the other", points=3)
def any_views(program):
    draw, node = dice(), store(program, "RejoiningStore")
    executed, waiting, number = 0, [], 0
    for turn in range(1, 60):
        primary, other = draw.choice(("n1", "n1", "n2")), draw.choice(("n2", "n3", None))
        other = None if other == primary else other
        before = len(node.sent)
        tell(node, turn, primary, other)
        replies = [(to, m) for to, m in node.sent[before:] if isinstance(m, Reply)]
        wanted = []
        if primary == "n1" and other is None:
            wanted, waiting = [(r.session, Reply(r.session, r.number, None)) for r in waiting], []
            executed += len(wanted)
        waiting = waiting if primary == "n1" else []
        expect(replies == wanted, f"view {turn} is ({primary}, {other}), and the answers were {replies}")
        if primary == "n1" and other:
            state = node.sent_to(other, State)
            expect((state.view, state.executed) == (turn, executed), f"in view {turn} it sent {state}")
            expect(pinged(node) < turn, f"view {turn} was acknowledged before its backup had the state")
        number, waiting = _go_on(node, draw, primary, other, number, waiting, turn)
        executed = node.observe()["executed"]
        if primary != "n1" or not other:
            expect(pinged(node) == turn, f"nothing is to be waited for in view {turn}, but it is not settled")


def _go_on(node, draw, primary, other, number, waiting, turn):
    """A request comes to the primary; its backup may confirm the state, and then some of what waits."""
    if primary != "n1" or other is None:
        return number, waiting
    waiting = [*waiting, request("c1", number + 1)]
    take(node, waiting[-1])
    if draw.random() < 0.6:
        told_state(node, other, turn)
        expect(pinged(node) == turn, f"the backup of view {turn} has the state, and it is not acknowledged")
        index = node.observe()["executed"] + draw.randint(0, len(waiting))
        waiting = waiting[len(confirm(node, index, turn, other)) :]
    return number + 1, waiting


@checks("4.10", "any view, any seat, any life", points=3)
def any_fence(program):
    draw = dice()
    for _ in range(80):
        life, view = draw.randint(1, 3), draw.randint(2, 9)
        node = store(program, "Store", "n2", storage={"life": life - 1})
        seats = draw.sample([("n2", draw.choice((life, life, 4))), ("n1", 1), ("n3", 2), None], 2)
        primary, holder = seats if seats[0] else seats[::-1]
        tell(node, view, primary, holder)
        said = view + draw.choice((-1, 0, 0, 1))
        message = draw.choice((State(said, 3, (), ()), Forward(said, 0, (request("c1", 1),))))
        got = [m for m in node.deliver("n1", message) if isinstance(m, StateReply | ForwardReply)]
        may = said == view and holder == ("n2", life)
        expect(bool(got) == may, f"n2, life {life}, in view {view} ({primary}, {holder}) answered {got} to {message}")


def shops(stores, clients, turns, keys=("list",), gap_ms=25):
    """A store of several keys, with puts among the appends."""
    work = {
        f"k{c}": [_call(c, n, keys[(c + n) % len(keys)]) for n in range(1, turns + 1)]
        for c in range(1, clients + 1)
    }
    return System.of(members("Store", stores), client="StoreClient", workload=work, gap_ms=gap_ms)


def _call(client, number, key):
    f = ("append", "get", "append", "put")[(client + number) % 4]
    return (f, key) if f == "get" else (f, key, f"{client}.{number};")


@checks("4.P", "two, three and four stores, any order, any crash", points=2)
def stores_in_any_order(program):
    for stores, clients in ((2, 2), (3, 2), (4, 3)):
        limits = Walk(steps_max=220, restarts=3, cuts=3, duplicates=True, timers=50)
        system = shops(stores, clients, 4)
        walks(program, system, count=100, limits=limits, judge=is_linearizable)
        limits = Walk(steps_max=220, restarts=2, cuts=2, timers=50, demotions=8)
        walks(program, system, count=100, limits=limits, judge=is_linearizable)


@checks("4.P", "a swarm of faults on four stores and two keys", points=3)
def swarmed_stores(program):
    def play(run):
        swarm(run, 3_000, kinds=LINKS + NODES)
        run.run(3_000)
        calm(run)
        run.run(5_000)

    scenarios(program, shops(4, 3, 24, ("a", "b"), 60), play, runs=40, link=HOSTILE, judge=is_linearizable)


@checks("4.P", "a primary that is heard by some only, and hears some only", points=3)
def deaf_primaries(program):
    def play(run):
        chance, ids = Stream(run.seed, "deaf"), [id for id, _ in run.system.members]
        run.run(300)
        for _ in range(5):
            if run.violation:
                return
            view = run.observe(VIEW_SERVICE)["view"]
            primary = view.primary[0]
            for other in chance.some([id for id in ids if id != primary]):
                run.cut(*((primary, other) if chance.chance(0.5) else (other, primary)))
            run.cut(*((primary, VIEW_SERVICE) if chance.chance(0.5) else (VIEW_SERVICE, primary)))
            run.run(run.now_ms + chance.between(150, 900))
            run.heal()
            run.run(run.now_ms + chance.between(100, 900))
        run.run(run.now_ms + 5_000)
        all_ended(run, "links of primaries were cut one way, nobody died, and all is mended")

    link = Link(delay_ms=(1, 12), duplication=0.05, tail=0.02, tail_ms=400)
    system, needs = shops(3, 3, 40, ("a", "b"), 40), ("cut link", "cut", "late")
    scenarios(program, system, play, runs=30, link=link, judge=is_linearizable, needs=needs)


@checks("4.P", "pauses: a primary that sleeps does not know what it missed", points=2)
def sleeping_primaries(program):
    def play(run):
        chance = Stream(run.seed, "sleep")
        run.run(300)
        for _ in range(5):
            if run.violation:
                return
            primary = run.observe(VIEW_SERVICE)["view"].primary[0]
            run.pause(primary)
            run.run(run.now_ms + chance.between(100, 700))
            run.resume(primary)
            run.run(run.now_ms + 600)
        run.run(run.now_ms + 4_000)
        all_ended(run, "primaries slept for up to 700 ms, and woke up")

    system = shops(3, 3, 36, gap_ms=40)
    scenarios(program, system, play, runs=30, link=Link((1, 10)), judge=is_linearizable, needs=("pause",))


@checks("4.P", "both seats die one after the other, as soon as that is survivable", points=3)
def quick_successions(program):
    def play(run):
        chance = Stream(run.seed, "succession")
        run.run(300)
        for _ in range(6):
            if run.violation:
                return
            view = run.observe(VIEW_SERVICE)["view"]
            victim = chance.choice((view.primary, view.backup))[0]
            run.crash_within(victim, chance.below(4))
            run.run_until(lambda: both_settled(run, view), run.now_ms + 1_500)
            run.restart(victim)
            run.run(run.now_ms + chance.below(30))
        run.run(run.now_ms + 4_000)
        all_ended(run, "each crash came when primary and backup had settled in their view")

    system = shop("Store", 3, clients=3, turns=40, gap_ms=40)
    link, needs = Link((1, 10), duplication=0.1), ("crash within a handler", "restart")
    scenarios(program, system, play, runs=25, link=link, judge=is_linearizable, needs=needs)


def both_settled(run, old):
    """Is there another view, acknowledged, with both seats filled?"""
    service = run.observe(VIEW_SERVICE)
    view = service["view"]
    return view.number > old.number and view.backup and service["acknowledged"] == view.number
