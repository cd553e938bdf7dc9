"""Lab 03, public checks of part membership.  The grader runs them with other seeds, and hidden ones besides."""

from __future__ import annotations

import math
import statistics
from itertools import permutations, product

from given import (
    HELPERS,
    PHI_MAX,
    SIGMA_MIN_MS,
    SUSPECT_MS,
    TIMEOUT_MS,
    Heartbeat,
    Ping,
    PingReply,
    PingRequest,
    Status,
    Update,
    by_number,
    chance_of_later,
    messages_between_nodes,
)

from labkit import Link, System, by_hand, checks, expect, scenarios
from labkit.nemesis import LINKS, NODES, calm, swarm
from labkit.network import Stream

SWIM = "Das, Gupta & Motivala 2002"
PHI = "Hayashibara and others 2004"
ALIVE, SUSPECT, DEAD = Status.ALIVE, Status.SUSPECT, Status.DEAD


# -- 3.6 Heartbeats ----------------------------------------------------------------------------------


def watching(program, role="Heartbeats"):
    return by_hand(program, role, "n1", peers=("n2", "n3", "n4"))


def suspects(node):
    """Whom the node suspects, when it looks."""
    node.fire("beat")
    return set(node.observe()["suspected"])


@checks(
    "3.6",
    "silent for too long is suspected, and only that",
    points=2,
    source="Chandra & Toueg 1996",
    look_at="the comparison",
)
def silence_is_suspected(program):
    node = watching(program)
    expect(suspects(node) == set(), "at the start, n1 suspects somebody already; all count as heard then")
    node.pass_ms(200)
    node.deliver("n2", Heartbeat())
    node.pass_ms(TIMEOUT_MS - 201)
    got = suspects(node)
    expect(not got, f"nobody has been silent for more than {TIMEOUT_MS - 1} ms, and n1 suspects {got}")
    node.pass_ms(2)
    got = suspects(node)
    expect(
        got == {"n3", "n4"},
        f"n3 and n4 have been silent for {TIMEOUT_MS + 1} ms, n2 for 151; n1 suspects {got}",
    )
    node.pass_ms(200)
    got = suspects(node)
    expect(
        got == {"n2", "n3", "n4"},
        f"all have been silent for more than {TIMEOUT_MS} ms, and n1 suspects {got}",
    )


@checks(
    "3.6",
    "who is heard again is trusted again",
    points=2,
    source="Chandra & Toueg 1996: eventual accuracy",
    look_at="who leaves the set",
)
def trust_returns(program):
    node = watching(program)
    for turn in range(1, 4):
        node.pass_ms(TIMEOUT_MS + 50)
        expect(
            suspects(node) == {"n2", "n3", "n4"},
            f"in silence number {turn}, n1 suspects {node.observe()['suspected']}, not all",
        )
        node.deliver("n3", Heartbeat())
        got = suspects(node)
        expect(got == {"n2", "n4"}, f"n3 was heard again, and n1 suspects {got}")
        for peer in ("n2", "n4"):
            node.deliver(peer, Heartbeat())


# -- 3.7 Phi -----------------------------------------------------------------------------------------


def beaten(program, intervals, peer="n2"):
    """A detector that has heard `peer` after each of these intervals; enough of them fill the window."""
    node = watching(program, "PhiDetector")
    for interval in intervals:
        node.pass_ms(interval)
        node.deliver(peer, Heartbeat())
    return node


def level(node, silence_ms, peer="n2"):
    """φ after so much more silence, as the node says it."""
    node.pass_ms(silence_ms)
    node.fire("beat")
    return dict(node.observe()["levels"])[peer]


def expected_phi(intervals, silence_ms):
    sigma = max(SIGMA_MIN_MS, statistics.pstdev(intervals))
    return -math.log10(chance_of_later(silence_ms, statistics.fmean(intervals), sigma))


STUTTER = [60.0, 140.0, 80.0, 120.0, 100.0] * 40
STEADY = [98.0, 102.0] * 100


@checks(
    "3.7",
    "phi is minus the logarithm of the chance",
    points=3,
    source=f"{PHI}, section 4",
    look_at="mean, deviation, logarithm",
)
def phi_is_the_formula(program):
    for intervals in (STUTTER, [i * 2 for i in STUTTER], [90.0, 110.0] * 100):
        for share in (0.5, 1.0, 1.3, 1.8):
            silence = share * statistics.fmean(intervals)
            got, wanted = level(beaten(program, intervals), silence), expected_phi(intervals, silence)
            expect(
                isinstance(got, float | int) and abs(got - wanted) < 0.02 + 0.03 * wanted,
                f"intervals of {min(intervals):g} to {max(intervals):g} ms, silent for {silence:g} ms: "
                f"φ is {got}, and should be {wanted:.3f}",
            )


@checks("3.7", "a regular line is trusted no longer than its floor allows", points=1, look_at="SIGMA_MIN_MS")
def sigma_has_a_floor(program):
    for intervals in (STEADY, [100.0] * 200):
        got, wanted = level(beaten(program, intervals), 120), expected_phi(intervals, 120)
        expect(
            abs(got - wanted) < 0.02 + 0.03 * wanted,
            f"heartbeats come every 98 to 102 ms, and after 120 ms φ is {got}; with a sigma of "
            f"{SIGMA_MIN_MS} ms it is {wanted:.2f}",
        )


@checks("3.7", "long silence gives PHI_MAX, and no error", points=1, look_at="the logarithm of 0")
def phi_has_a_limit(program):
    for silence in (1_000, 5_000, 1_000_000):
        got = level(beaten(program, STEADY), silence)
        expect(got == PHI_MAX, f"after {silence} ms of silence φ is {got}; it should be PHI_MAX, {PHI_MAX}")


@checks(
    "3.7",
    "each line is judged by its own past",
    points=1,
    source=PHI,
    look_at="self.intervals[peer], self.heard_ms[peer]",
)
def lines_differ(program):
    node = beaten(program, [])
    for interval in STUTTER:
        node.pass_ms(interval)
        node.deliver("n3", Heartbeat())
    for _ in range(2 * len(STEADY)):
        node.pass_ms(100)
        node.deliver("n2", Heartbeat())
    node.deliver("n3", Heartbeat())
    wanted = expected_phi([100.0], 130)
    got = {peer: level(node, 130 if peer == "n2" else 0, peer) for peer in ("n2", "n3")}
    expect(
        abs(got["n2"] - wanted) < 0.05 * wanted and got["n3"] < 1,
        f"n2 came every 100 ms, n3 irregularly with a long gap; both silent for 130 ms, φ is {got}",
    )


# -- 3.8 Indirect pings ------------------------------------------------------------------------------


def member_of(program, count=8, id="n1"):
    ids = [f"n{number}" for number in range(1, count + 1)]
    return by_hand(program, "Swim", id, peers=tuple(i for i in ids if i != id), clients=("c1",))


def unanswered(node):
    """A period begins, and its ping is not answered: (target, number, who was asked what)."""
    node.fire("period")
    ping = next(((to, m) for to, m in reversed(node.sent) if isinstance(m, Ping)), None)
    before = len(node.sent)
    node.fire("no reply")
    asked = node.sent[before:]
    return ping[0], ping[1].number, asked


def answer_it(node, target, number):
    node.deliver(target, PingReply(number, node.id))


@checks(
    "3.8",
    "some others are asked to ping the target",
    points=2,
    source=f"{SWIM}, section 3.1",
    look_at="who is asked, and what",
)
def helpers_are_asked(program):
    node = member_of(program)
    for _ in range(30):
        target, number, asked = unanswered(node)
        others = [to for to, _ in asked]
        expect(
            len(asked) == HELPERS == len(set(others)) and target not in others and "c1" not in others,
            f"{target} did not reply, and n1 asked {others}; it should ask {HELPERS} different others",
        )
        odd = next(
            (
                m
                for _, m in asked
                if not isinstance(m, PingRequest) or (m.number, m.target) != (number, target)
            ),
            None,
        )
        expect(odd is None, f"probe {number} of {target} was not answered, and n1 sent {odd}")
        answer_it(node, target, number)


@checks(
    "3.8",
    "anybody may be asked, and all are in time",
    points=1,
    source=SWIM,
    look_at="the random choice, anew each time",
)
def helpers_are_random(program):
    node, groups, asked_ever = member_of(program), set(), set()
    for _ in range(80):
        target, number, asked = unanswered(node)
        groups.add((target, *by_number(to for to, _ in asked)))
        asked_ever |= {to for to, _ in asked}
        answer_it(node, target, number)
    expect(
        len(asked_ever) == 7, f"in 80 probes n1 asked only {by_number(asked_ever)} of its 7 peers for help"
    )
    expect(
        len(groups) > 20,
        f"in 80 probes n1 asked only {len(groups)} different groups; choose at random each time",
    )


@checks("3.8", "in a small group, those who are there are asked", points=1, look_at="fewer than HELPERS")
def few_helpers(program):
    for count in (2, 3, 4):
        node = member_of(program, count)
        for _ in range(6):
            target, number, asked = unanswered(node)
            others = by_number(to for to, _ in asked)
            wanted = [f"n{i}" for i in range(2, count + 1) if f"n{i}" != target]
            expect(
                others == wanted,
                f"of {count} members {target} did not reply, and n1 asked {others}, not {wanted}",
            )
            answer_it(node, target, number)


# -- 3.9 Refuting ------------------------------------------------------------------------------------


def hear(node, *updates, source="n2"):
    """A ping with these updates arrives; the updates that come back with the reply."""
    node.deliver(source, Ping(7, source, tuple(updates)))
    return node.sent_to(source, PingReply).updates


def tire(node):
    """Let the node talk until it has nothing new to tell."""
    for _ in range(60):
        hear(node, source="n4")


def incarnation(node):
    return node.observe()["incarnation"]


@checks(
    "3.9",
    "who is called suspect or dead says: I am alive, and newer",
    points=2,
    source=f"{SWIM}, section 4.2",
    look_at="the new incarnation, and spread",
)
def rumours_are_refuted(program):
    for status, said, now in ((SUSPECT, 0, 1), (DEAD, 0, 1), (SUSPECT, 4, 5), (DEAD, 9, 10)):
        node = member_of(program)
        tire(node)
        hear(node, Update("n1", status, said))
        told = hear(node, source="n5")
        expect(
            incarnation(node) == now,
            f"in incarnation 0, n1 heard that it is {status.name} {said}; its incarnation is now {incarnation(node)}, not {now}",
        )
        expect(
            Update("n1", ALIVE, now) in told,
            f"n1 heard that it is {status.name} {said}, and its next message tells {told}; it should spread that it is alive, {now}",
        )


@checks(
    "3.9",
    "old rumours and good news need no answer",
    points=2,
    source=SWIM,
    look_at="which updates are due an objection",
)
def old_rumours_are_ignored(program):
    node = member_of(program)
    hear(node, Update("n1", SUSPECT, 2))
    before = incarnation(node)
    for update in (
        Update("n1", SUSPECT, 2),
        Update("n1", DEAD, 2),
        Update("n1", DEAD, 0),
        Update("n1", ALIVE, 3),
        Update("n1", ALIVE, 1),
        Update("n1", ALIVE, 8),
    ):
        hear(node, update)
        expect(
            incarnation(node) == before,
            f"n1, in incarnation {before}, heard {update}, and is in incarnation {incarnation(node)} now",
        )


@checks(
    "3.9",
    "a crash does not take an incarnation back",
    points=2,
    look_at="what is saved, and under which name",
)
def incarnations_survive(program):
    node = member_of(program)
    hear(node, Update("n1", SUSPECT, 6))
    reached = incarnation(node)
    node.restart()
    expect(
        incarnation(node) > reached,
        f"n1 was in incarnation {reached}, crashed, and begins again in {incarnation(node)}; nobody would believe it",
    )


# -- 3.10 Precedence ---------------------------------------------------------------------------------


def table_of(node):
    return dict(node.attributes()["table"])


def wins(update, known):
    return (update.incarnation, update.status.value) > (known.incarnation, known.status.value)


EVERY = [Update("n3", status, number) for number, status in product((0, 1, 2), (ALIVE, SUSPECT, DEAD))]


@checks(
    "3.10",
    "the newer is believed, and of equals the worse",
    points=3,
    source=f"{SWIM}, section 4.2",
    look_at="what is compared first",
)
def precedence_is_kept(program):
    for known, update in product(EVERY, EVERY):
        node = member_of(program)
        hear(node, known)
        hear(node, update)
        got, wanted = table_of(node)["n3"], max(known, update, key=lambda u: (u.incarnation, u.status.value))
        expect(
            got == wanted,
            f"n1 believed {_short(known)} of n3 and heard {_short(update)}; it believes {_short(got)}",
        )
        others = {
            peer: u for peer, u in table_of(node).items() if peer != "n3" and u != Update(peer, ALIVE, 0)
        }
        expect(not others, f"updates of n3 changed what n1 believes of {others}")


def _short(update):
    return f"{update.status.name.lower()} {update.incarnation}"


@checks(
    "3.10",
    "in any order the same belief",
    points=1,
    source=SWIM,
    look_at="can a later message undo a better one?",
)
def order_does_not_matter(program):
    updates = (
        Update("n3", ALIVE, 1),
        Update("n3", DEAD, 0),
        Update("n3", SUSPECT, 1),
        Update("n3", ALIVE, 0),
    )
    beliefs = set()
    for order in permutations(updates):
        node = member_of(program)
        for update in (*order, *order[:2]):
            hear(node, update)
        beliefs.add(table_of(node)["n3"])
    expect(
        beliefs == {Update("n3", SUSPECT, 1)},
        f"the same four updates in all orders led to {sorted(map(_short, beliefs))}",
    )


@checks(
    "3.10",
    "what is believed anew is passed on, and only that",
    points=2,
    source=f"{SWIM}, section 4.1",
    look_at="self.spread",
)
def beliefs_are_spread(program):
    node = member_of(program)
    for update, is_new in (
        (Update("n3", SUSPECT, 0), True),
        (Update("n3", SUSPECT, 0), False),
        (Update("n3", ALIVE, 1), True),
        (Update("n3", DEAD, 0), False),
        (Update("n3", DEAD, 1), True),
        (Update("n3", ALIVE, 1), False),
    ):
        tire(node)
        told = [u for u in hear(node, update, source="n5") if u.member == "n3"]
        expect(
            told == ([update] if is_new else []),
            f"n1 heard {_short(update)} of n3, which is {'' if is_new else 'not '}new to it; its next message tells {told}",
        )


@checks(
    "3.10",
    "a suspect has its time, and an old suspicion starts no clock",
    points=2,
    source=f"{SWIM}, section 4.2",
    look_at="the timer",
)
def suspicion_has_a_timer(program):
    node = member_of(program)
    for update, sets in (
        (Update("n3", SUSPECT, 0), True),
        (Update("n3", SUSPECT, 0), False),
        (Update("n3", ALIVE, 1), False),
        (Update("n3", SUSPECT, 0), False),
        (Update("n3", SUSPECT, 1), True),
    ):
        hear(node, update)
        clocks = [effect[1:] for effect in node.effects if effect[0] == "set_timer"]
        wanted = [(("suspect", "n3"), SUSPECT_MS * 1000, SUSPECT_MS * 1000)] if sets else []
        expect(
            clocks == wanted,
            f"n1 heard {_short(update)} of n3 and set {clocks or 'no timer'}, not {wanted or 'none'}",
        )
    node.fire(("suspect", "n3"))
    got = table_of(node)["n3"]
    expect(
        got == Update("n3", DEAD, 1), f"n3 was suspect 1 for SUSPECT_MS, and n1 believes it is {_short(got)}"
    )


# -- Part M: the group -------------------------------------------------------------------------------


def group(count):
    return System.of(count, "Swim")


def lists(run):
    """What each living member has on its list."""
    return {id: tuple(run.observe(id).get("members", ())) for id in run.system.node_ids if run.is_up(id)}


def expect_lists(run, wanted, when, *, of=None):
    """Do the members `of` the group (all that live) list exactly `wanted`?"""
    if run.violation is None:
        wanted = tuple(by_number(wanted))
        found = {id: members for id, members in lists(run).items() if of is None or id in of}
        odd = next(((id, members) for id, members in found.items() if members != wanted), None)
        expect(odd is None, f"{when}, {odd and odd[0]} lists {odd and odd[1]}; it should list {wanted}")


def watch(run, ids, until_ms, *, by=None, every_ms=100):
    """Note every moment at which one of `ids` is missing from the list of a member (one of `by`)."""
    missing = []

    def look():
        for id, members in lists(run).items() if run.violation is None else ():
            if by is None or id in by:
                missing.extend((run.now_ms, id, other) for other in ids if other not in members)

    for at_ms in range(every_ms, int(until_ms), every_ms):
        run.at(at_ms, look)
    return missing


def expect_none_evicted(run, missing, why):
    at_ms, who, whom = missing[0] if missing else (0, "", "")
    expect(run.violation or not missing, f"{why}, and {who} struck {whom} off before {at_ms:g} ms")


@checks("3.M", "the dead are not asked for help", points=1, source=SWIM, look_at="self.table in ask_others")
def dead_do_not_help(program):
    node = member_of(program, 6)
    hear(node, Update("n3", DEAD, 0), Update("n5", DEAD, 0), Update("n4", SUSPECT, 0))
    for _ in range(20):
        target, number, asked = unanswered(node)
        wanted = [id for id in ("n2", "n4", "n6") if id != target][:HELPERS]
        got = by_number(to for to, _ in asked)
        expect(got == wanted, f"n3 and n5 are dead, {target} did not reply, and n1 asked {got}, not {wanted}")
        answer_it(node, target, number)


@checks(
    "3.M",
    "a crash is found by all within 7 seconds",
    points=3,
    source=f"{SWIM}: completeness",
    look_at="end_period, apply, and the timer of a suspect",
)
def crashes_are_found(program):
    for count, dying in ((7, 1), (5, 2), (2, 1)):

        def play(run, count=count, dying=dying):
            ids = Stream(run.seed, "who dies").some(run.system.node_ids)[:dying]
            ids = ids if len(ids) < count else ids[:1]
            missing = watch(run, [i for i in run.system.node_ids if i not in ids], 9_000)
            for id in ids:
                run.at(2_000, run.crash, id)
            run.run(9_000)
            expect_none_evicted(run, missing, f"only {ids} crashed")
            expect_lists(run, [i for i in run.system.node_ids if i not in ids], f"7 s after {ids} crashed")

        scenarios(program, group(count), play, runs=6, needs=("crash",))


@checks(
    "3.M",
    "who comes back is a member again",
    points=2,
    source=SWIM,
    look_at="incarnations, and dead against alive",
)
def restarts_are_seen(program):
    def play(run):
        id = Stream(run.seed, "who").choice(run.system.node_ids)
        run.at(1_000, run.crash, id).at(9_000, run.restart, id).run(8_900)
        expect_lists(run, [i for i in run.system.node_ids if i != id], f"8 s after {id} crashed")
        run.run(15_000)
        expect_lists(run, run.system.node_ids, f"6 s after {id} is back")

    scenarios(program, group(6), play, runs=8, needs=("crash", "restart"))


@checks(
    "3.M",
    "a slow member is not struck off",
    points=3,
    source=f"{SWIM}, section 4.2: suspicion",
    look_at="refute, and the time that a suspect has",
)
def slow_members_stay(program):
    def play(run):
        id = Stream(run.seed, "who").choice(run.system.node_ids)
        missing = watch(run, run.system.node_ids, 16_000)
        run.at(500, run.slow, id, (60, 250)).run(16_000)
        expect_none_evicted(run, missing, f"{id} is slow and alive")
        raised = run.observe(id).get("incarnation", 0)
        expect(run.violation or raised > 0, f"{id} was suspected for 15 s and never objected")

    scenarios(program, group(6), play, runs=6, needs=("slow",))


@checks(
    "3.M",
    "on a lossy network nobody is struck off",
    points=2,
    source=SWIM,
    look_at="indirect pings, and refute",
)
def losses_strike_nobody_off(program):
    def play(run):
        missing = watch(run, run.system.node_ids, 15_000)
        run.run(15_000)
        expect_none_evicted(run, missing, "one message in seven is lost, all members live")

    link = Link(delay_ms=(1, 15), loss=0.15, duplication=0.1)
    scenarios(program, group(7), play, runs=5, link=link, needs=("loss", "duplication"))


@checks(
    "3.M",
    "two that cannot hear each other both stay members",
    points=2,
    source=f"{SWIM}, section 3.1",
    look_at="who pings for whom",
)
def broken_pairs_stay(program):
    def play(run):
        one, two = Stream(run.seed, "pair").choice(run.system.node_ids[:3]), "n5"
        missing = watch(run, run.system.node_ids, 20_000)
        run.at(0, run.cut, one, two).at(0, run.cut, two, one).run(20_000)
        expect_none_evicted(run, missing, f"only the line between {one} and {two} is down")
        highest = max((run.observe(id).get("incarnation", 0) for id in run.system.node_ids), default=0)
        expect(
            run.violation or highest == 0,
            f"only one line is down, and a member had to object {highest} times",
        )

    scenarios(program, group(6), play, runs=6, link=Link(delay_ms=(1, 8)), needs=("cut",))


@checks(
    "3.M",
    "a partition heals, by higher incarnations",
    points=3,
    source=SWIM,
    look_at="what the buried do when they hear of it",
)
def partitions_heal_lists(program):
    def play(run):
        side = Stream(run.seed, "side").some(run.system.node_ids)[:3]
        rest = [id for id in run.system.node_ids if id not in side]
        run.at(500, run.partition, side, rest).run(12_000)
        expect_lists(run, side, "11.5 s into the partition", of=side)
        expect_lists(run, rest, "11.5 s into the partition", of=rest)
        run.heal()
        run.run(22_000)
        expect_lists(run, run.system.node_ids, "10 s after the partition has healed")
        raised = min((run.observe(id).get("incarnation", 0) for id in run.system.node_ids), default=0)
        expect(
            run.violation or raised >= 1,
            "every member had been buried by some, and one came back without a higher incarnation",
        )

    scenarios(program, group(7), play, runs=6, needs=("partition", "cut"))


def deafened(program, what, cut):
    """One member cannot receive, or cannot send, for 10 s; then it can."""

    def play(run):
        id = Stream(run.seed, "who").choice(run.system.node_ids)
        others = [other for other in run.system.node_ids if other != id]
        for other in others:
            run.at(1_000, run.cut, *cut(id, other))
        run.run(11_000)
        for other in others if run.violation is None else ():
            expect(
                id not in run.observe(other)["members"],
                f"{id} could not {what} for 10 s, and {other} still lists it",
            )
        run.heal()
        run.run(23_000)
        expect_lists(run, run.system.node_ids, f"12 s after {id} could {what} again")

    scenarios(program, group(6), play, runs=5, needs=("cut", "cut link"))


@checks(
    "3.M",
    "a member that cannot send is found, and comes back",
    points=1,
    source="HSE: cannot send",
    look_at="refute",
)
def mute_members(program):
    deafened(program, "send", lambda id, other: (id, other))


@checks(
    "3.M",
    "a member that cannot receive is found, and comes back",
    points=1,
    source="HSE: cannot receive",
    look_at="refute",
)
def deaf_members(program):
    deafened(program, "receive", lambda id, other: (other, id))


@checks("3.M", "who joins late is listed, and who leaves is not", points=1, source=SWIM, look_at="apply")
def joining_and_leaving(program):
    system = System.of(6, "Swim", client="Keeper", workload={"c1": [("leave", "n2")]})

    def play(run):
        run.network.set_link("c1", "n2", delay_ms=(9_000, 9_000))
        run.at(0, run.crash, "n6").at(7_000, run.restart, "n6").run(8_900)
        expect_lists(run, run.system.node_ids, "2 s after n6 has joined")
        run.run(11_000)
        stay = [id for id in run.system.node_ids if id != "n2"]
        expect_lists(run, stay, "2 s after n2 has left", of=stay)

    scenarios(program, system, play, runs=5, needs=("crash", "restart"))


@checks(
    "3.M",
    "the load of a member does not grow with the group",
    points=1,
    source=f"{SWIM}, section 3",
    look_at="how many are asked in a period",
)
def load_is_constant(program):
    for count in (8, 30):

        def play(run, count=count):
            run.run(4_000)
            each = messages_between_nodes(run) / count / 4
            expect(
                run.violation or each < 13,
                f"in a group of {count}, all well, a member sends {each:.1f} messages a second; 10 are enough",
            )
            run.at(4_000, run.crash, "n3").run(14_000)
            expect_lists(
                run, [id for id in run.system.node_ids if id != "n3"], f"10 s after n3 of {count} crashed"
            )

        scenarios(program, group(count), play, runs=1, needs=("crash",))


@checks(
    "3.M",
    "after any trouble, all are on all lists again",
    points=2,
    source=SWIM,
    look_at="anything that stays wrong for good",
)
def peace_returns(program):
    def play(run):
        swarm(run, 6_000, kinds=LINKS + NODES)
        run.run(6_000)
        calm(run)
        run.run(24_000)
        expect_lists(run, run.system.node_ids, "18 s after all trouble has ended")

    scenarios(program, group(6), play, runs=10)
