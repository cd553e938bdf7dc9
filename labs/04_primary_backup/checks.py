"""Lab 04, public checks, part views.  The grader runs them with other seeds, and hidden ones besides."""

from __future__ import annotations

from given import (
    DEAD_TICKS,
    NO_VIEW,
    PING_MS,
    VIEW_SERVICE,
    GetView,
    Ping,
    Reply,
    Request,
    Roll,
    Shipment,
    ShipmentReply,
    View,
    ViewReply,
    members,
)

from labkit import Link, System, Walk, by_hand, checks, expect, scenarios, walks
from labkit.facts import Violation
from labkit.network import Stream

ALSBERG = "Alsberg & Day 1976"
GFS = "Ghemawat & others 2003"
TAKEOVER_MS = (DEAD_TICKS + 5) * PING_MS
"""Silence until a member is dead, and some pings until the next primary knows."""


# -- 4.1 Answer first, copy later ----------------------------------------------------------------


def async_store(program):
    return by_hand(program, "AsyncStore", "n1", peers=("n2",), clients=("c1", "c2"))


def ask(node, client, number, f, key, value=None):
    """The replies that leave at once when `client` asks this."""
    before = len(node.sent)
    node.deliver(client, Request(client, number, f, key, value))
    return [m for to, m in node.sent[before:] if to == client and isinstance(m, Reply)]


TURNS = (
    ("c1", 1, "put", "a", "x", None),
    ("c1", 2, "append", "a", "y", None),
    ("c2", 1, "get", "a", None, "xy"),
    ("c1", 3, "append", "b", "z", None),
    ("c2", 2, "get", "nothing", None, None),
    ("c1", 4, "put", "a", "w", None),
    ("c2", 3, "get", "a", None, "w"),
)


@checks("4.1", "every request is answered at once", points=2, look_at="what the answer waits for")
def async_answers_at_once(program):
    node = async_store(program)
    for client, number, f, key, value, wanted in TURNS:
        got = ask(node, client, number, f, key, value)
        expect(
            got == [Reply(client, number, wanted)],
            f"{client} asked {f} {key!r} as its request {number}; the answers at once were {got}, "
            f"and not one Reply({client!r}, {number}, {wanted!r})",
        )


@checks("4.1", "all writes are shipped, in their order", points=2, source=ALSBERG, look_at="self.log")
def async_ships_writes(program):
    node, writes = async_store(program), []
    for turn, (client, number, f, key, value, _) in enumerate(TURNS):
        ask(node, client, number, f, key, value)
        writes += [] if f == "get" else [Request(client, number, f, key, value)]
        if turn % 3 == 2:
            node.fire("ship")
            got = shipped(node)
            expect(got == writes, f"n1 had executed the writes {writes} and shipped {got}")


def shipped(node):
    """All writes that have gone to n2, which confirms what it gets."""
    found = []
    for shipment in node.all_sent_to("n2", Shipment):
        found[shipment.after :] = shipment.requests
    node.deliver("n2", ShipmentReply(len(found)))
    return found


@checks("4.1", "only the timer ships", points=1, look_at="what else is sent while a request is handled")
def async_ships_by_timer(program):
    node = async_store(program)
    for client, number, f, key, value, _ in TURNS:
        ask(node, client, number, f, key, value)
        early = node.all_sent_to("n2")
        expect(not early, f"{f} {key!r} came, and n1 sent n2 {early[-1:]}; that is for the timer to do")


# -- 4.2 Who is alive ----------------------------------------------------------------------------


def hearing(program, role="RollCall"):
    """A view service of some kind, and three stores that may ping it."""
    return by_hand(program, role, VIEW_SERVICE, peers=("n1", "n2", "n3"), clients=("c1",))


def ping(node, id, life=1, number=0):
    """`id` pings in its life `life`; what it is told, if it is told anything."""
    return node.deliver(id, Ping(life, number))


def tick(node, times=1, *pinging):
    """Ticks pass, and the (id, life, number) in `pinging` ping before each."""
    for _ in range(times):
        for id, life, number in pinging:
            ping(node, id, life, number)
        node.fire("tick")


def alive(node):
    node.deliver("c1", GetView())
    return list(node.sent_to("c1", Roll).alive)


@checks("4.2", "silence for DEAD_TICKS ticks is death, and less is not", points=2, look_at="< or <=")
def silence_is_death(program):
    node = hearing(program)
    ping(node, "n1")
    for ticks in range(1, DEAD_TICKS + 3):
        tick(node, 1, ("n2", 1, 0))
        wanted = [("n1", 1), ("n2", 1)] if ticks < DEAD_TICKS else [("n2", 1)]
        got = alive(node)
        expect(
            got == wanted,
            f"n1 has been silent for {ticks} ticks and n2 pings before each; alive are {got}, "
            f"and DEAD_TICKS is {DEAD_TICKS}",
        )


@checks("4.2", "a ping brings a silent member back", points=1, look_at="what is remembered of a death")
def pings_revive(program):
    node = hearing(program)
    for round in range(3):
        ping(node, "n3", 2)
        expect(alive(node) == [("n3", 2)], f"n3 has just pinged in its life 2; alive are {alive(node)}")
        tick(node, DEAD_TICKS + round)
        expect(alive(node) == [], f"n3 was silent for {DEAD_TICKS + round} ticks; alive are {alive(node)}")


@checks("4.2", "a new life ends the old one at once", points=2, source=GFS, look_at="lives of the same node")
def new_life_ends_old(program):
    node = hearing(program)
    for life in (1, 2, 4, 11):
        ping(node, "n2", 3)
        ping(node, "n1", life)
        got = alive(node)
        expect(
            got == [("n1", life), ("n2", 3)],
            f"n1 has just pinged in its life {life}, and n2 in its life 3; alive are {got}",
        )


@checks(
    "4.2",
    "a late ping from an old life revives nobody",
    points=2,
    look_at="which lives you compare: the last that pinged, or the highest",
)
def stragglers_revive_nobody(program):
    node = hearing(program)
    for id, life in (("n1", 10), ("n2", 1), ("n1", 9), ("n1", 2), ("n2", 1)):
        ping(node, id, life)
    got = alive(node)
    expect(
        got == [("n1", 10), ("n2", 1)],
        f"n1 pinged in its life 10; pings from its lives 9 and 2 came later, and alive are {got}",
    )
    tick(node, DEAD_TICKS)
    ping(node, "n1", 9)
    expect(
        alive(node) == [], f"life 10 of n1 is silent, and life 9 was over before; alive are {alive(node)}"
    )


# -- 4.3 Who sits where --------------------------------------------------------------------------


def view_of(node):
    """The present view, as a client is told."""
    node.deliver("c1", GetView())
    return node.sent_to("c1", ViewReply).view


def expect_view(node, primary, backup, when):
    """Ids stand for first lives, ("n1", 2) for others."""
    seats = [(seat, 1) if isinstance(seat, str) else seat for seat in (primary, backup)]
    view = view_of(node)
    expect(
        [view.primary, view.backup] == seats,
        f"{when}: primary should be {seats[0]} and backup {seats[1]}, and the view is {view}",
    )


def seated(program, role="Seating", acknowledged=True):
    """A service whose view is (n1, n2), with n3 idle."""
    node = hearing(program, role)
    ping(node, "n1")
    for _ in range(2):
        number = view_of(node).number if acknowledged else 0
        ping(node, "n1", 1, number)
        ping(node, "n2")
    ping(node, "n3")
    expect_view(node, "n1", "n2", "n1, n2 and n3 pinged in this order")
    return node


def keep(node, *ids):
    """Those who ping, each naming the present view."""
    return [(id, 1, view_of(node).number) if isinstance(id, str) else id for id in ids]


@checks("4.3", "the first who pings is primary, the second backup", points=2, look_at="view 0")
def first_seats(program):
    node = hearing(program, "Seating")
    expect(view_of(node) == NO_VIEW, f"nobody has pinged, and the view is {view_of(node)}")
    ping(node, "n2")
    expect_view(node, "n2", None, "only n2 has pinged")
    ping(node, "n3", 4)
    expect_view(node, "n2", ("n3", 4), "n2 pinged, and then n3 in its life 4")


@checks("4.3", "the backup takes over, and an idle member moves up", points=2, source=ALSBERG)
def backup_takes_over(program):
    node = seated(program)
    number = view_of(node).number
    tick(node, DEAD_TICKS, *keep(node, "n2", "n3"))
    expect_view(node, "n2", "n3", f"n1 was silent for {DEAD_TICKS} ticks")
    expect(
        view_of(node).number == number + 1,
        f"view {number} is followed by {view_of(node)}; both seats change in one view, the next",
    )


@checks("4.3", "a dead backup is replaced, or its seat is empty", points=2, look_at="the backup's seat")
def dead_backup_is_removed(program):
    node = seated(program)
    tick(node, DEAD_TICKS, *keep(node, "n1", "n3"))
    expect_view(node, "n1", "n3", "n2, the backup, is dead, and n3 is idle")
    tick(node, DEAD_TICKS, *keep(node, "n1"))
    expect_view(node, "n1", None, "n3, the backup, is dead, and nobody is idle")


@checks("4.3", "only who has the data becomes primary", points=3, source=GFS, look_at="both are dead")
def uninitialised_stays_out(program):
    node = seated(program)
    tick(node, DEAD_TICKS + 2, *keep(node, "n3"))
    expect_view(node, "n1", "n2", "n1 and n2 died at once, and n3 has no data")
    tick(node, DEAD_TICKS, *keep(node, "n2", "n3"))
    expect_view(node, "n2", "n3", "n2, the backup, was believed dead and pings again; n1 is still silent")
    tick(node, DEAD_TICKS)
    ping(node, "n1", 2)
    expect_view(node, "n2", "n3", "n2 and n3 died at once, and n1 in its life 2 has no data")


@checks("4.3", "a primary that has restarted is dead, and a candidate for backup", points=2, look_at="lives")
def restarted_primary_is_dead(program):
    node = seated(program)
    tick(node, DEAD_TICKS, *keep(node, "n1", "n2"))  # n3 is gone
    ping(node, "n1", 2)
    expect_view(node, "n2", ("n1", 2), "n1, the primary, restarted and pinged in its life 2")


@checks("4.3", "nobody moves without need", points=2, look_at="when is the new view the old one?")
def views_differ(program):
    node = seated(program)
    before = view_of(node)
    for _ in range(3 * DEAD_TICKS):
        tick(node, 1, *keep(node, "n3", "n2", "n1"))
        now = view_of(node)
        expect(now == before, f"all three ping all the time, and {before} was followed by {now}")


@checks("4.3", "a dead idle member gets no seat", points=1, look_at="who may become backup")
def dead_idle_gets_no_seat(program):
    node = seated(program)
    tick(node, DEAD_TICKS, *keep(node, "n1", "n2"))
    tick(node, DEAD_TICKS, *keep(node, "n2"))
    expect_view(node, "n2", None, "n3, idle, died before n1, the primary, did")


# -- 4.4 If it may come --------------------------------------------------------------------------


@checks(
    "4.4",
    "no other primary before the view is acknowledged",
    points=3,
    source=GFS,
    look_at="self.acknowledged and self.view.number",
)
def waits_for_acknowledgement(program):
    node = seated(program, "ViewService", acknowledged=False)
    view = view_of(node)
    tick(node, 2 * DEAD_TICKS, ("n2", 1, view.number), ("n3", 1, 0))
    expect_view(node, "n1", "n2", f"n1 never acknowledged view {view.number}, and is silent")
    ping(node, "n1", 1, view.number)
    tick(node, DEAD_TICKS, ("n2", 1, view.number), ("n3", 1, 0))
    expect_view(node, "n2", "n3", f"n1 acknowledged view {view.number}, and is silent again")


@checks(
    "4.4",
    "an acknowledgement counts for its own view only",
    points=2,
    look_at="is it the present view that was acknowledged?",
)
def acknowledges_one_view(program):
    node = seated(program, "ViewService")
    tick(node, DEAD_TICKS, *keep(node, "n1", "n3"))
    view = view_of(node)
    expect_view(node, "n1", "n3", "n2, the backup, is dead")
    fresh = hearing(program, "ViewService")
    ping(fresh, "n1")
    ping(fresh, "n1", 1, 1)
    ping(fresh, "n2")
    tick(fresh, 2 * DEAD_TICKS, ("n2", 1, 2))
    expect_view(fresh, "n1", "n2", "n1 acknowledged view 1 but not view 2, in which n2 is backup")
    ping(node, "n1", 1, view.number)
    tick(node, DEAD_TICKS, ("n3", 1, view.number))
    expect_view(node, "n3", None, f"n1 acknowledged view {view.number}, and died")


@checks(
    "4.4",
    "the backup's seat changes at any time",
    points=2,
    look_at="views with the same primary",
)
def backup_changes_at_any_time(program):
    node = seated(program, "ViewService", acknowledged=False)
    tick(node, DEAD_TICKS, ("n1", 1, 0), ("n3", 1, 0))
    expect_view(node, "n1", "n3", "n2 died before n1 could bring it up to date and acknowledge the view")
    tick(node, DEAD_TICKS, ("n1", 1, 0))
    expect_view(node, "n1", None, "n3 died as well, before the view was acknowledged")


@checks("4.4", "what is allowed happens at once", points=1, look_at="what follows an acknowledged view")
def moves_when_allowed(program):
    node = hearing(program, "ViewService")
    ping(node, "n3", 2)
    expect_view(node, ("n3", 2), None, "only n3 pinged; view 0 needs no acknowledgement")
    node = seated(program, "ViewService")
    ping(node, "n1", 1, view_of(node).number)
    ping(node, "n1", 2)
    expect_view(node, "n2", "n3", "n1, the primary, acknowledged the view, and restarted")


# -- Part V: the view service --------------------------------------------------------------------


def office(stores):
    return System.of(members("Obedient", stores))


def views_follow_rules(run):
    """The judge: each view follows the one before by the rules, as the trace has it."""
    view, acknowledged, heard = NO_VIEW, 0, set()
    for event in run.trace:
        if event.node != VIEW_SERVICE:
            continue
        if event.kind == "deliver" and isinstance(event.data, Ping):
            member = event.peer, event.data.life
            heard.add(member)
            if member == view.primary:
                acknowledged = max(acknowledged, event.data.number)
        elif event.kind == "save":
            after = event.data.get("view", view)
            broken = None if after is view else misstep(view, after, acknowledged, heard)
            if broken:
                return broken
            view = after
    return None


def misstep(view, after, acknowledged, heard):
    """The rule that is broken if `after` follows `view`, or None."""
    said = f"view {view} was followed by {after}"
    if after.number != view.number + 1 or (after.primary, after.backup) == (view.primary, view.backup):
        return Violation("the next view has the next number, and other seats", said)
    if {after.primary, after.backup} - {None} - heard or after.primary == after.backup:
        return Violation("whoever has a seat has pinged, and has one seat", said)
    if after.primary != view.primary and view != NO_VIEW:
        if after.primary != view.backup:
            return Violation("only the backup becomes primary", said)
        if acknowledged != view.number:
            return Violation(
                "only an acknowledged view is followed by another primary",
                f"{said}, and view {acknowledged} was the last that the primary had acknowledged",
            )
    return None


@checks(
    "4.V",
    "in any order, with crashes anywhere, views follow by the rules",
    points=3,
    source=f"{ALSBERG}; {GFS}",
    look_at="which rule the next view breaks",
    not_shown="that there is ever a primary",
)
def views_in_any_order(program):
    limits = Walk(steps_max=120, restarts=3, cuts=2, duplicates=True, timers=60)
    walks(program, office(3), count=120, limits=limits, judge=views_follow_rules)


@checks(
    "4.V",
    "through loss, copies and crashes, views follow by the rules",
    points=2,
    look_at="which rule the next view breaks",
)
def views_through_faults(program):
    def play(run):
        chance, nodes = Stream(run.seed, "faults"), run.system.node_ids
        for at_ms in range(100, 3_000, 170):
            for id in chance.some(nodes)[: chance.between(1, 2)]:
                run.at(at_ms, chance.choice((run.crash, run.isolate)), id)
                run.at(at_ms + 40 + chance.below(600), mend, run, id)
        run.run(3_700)  # by now all that was hurt has been mended
        for _ in range(2):
            run.run(run.now_ms + chance.between(200, 700))
            seats_away(run)
            run.run(run.now_ms + chance.between(250, 600))
            run.heal()

    link = Link(delay_ms=(1, 40), loss=0.1, duplication=0.15, tail=0.1, tail_ms=500)
    needs = ("crash", "restart", "partition", "loss", "duplication", "late")
    scenarios(program, office(4), play, runs=60, link=link, judge=views_follow_rules, needs=needs)


def seats_away(run):
    """Cut off whoever has a seat just now; those who have none are still heard."""
    view = run.observe(VIEW_SERVICE).get("view", NO_VIEW)
    seats = [seat[0] for seat in (view.primary, view.backup) if seat]
    run.partition(seats, [id for id in run.system.node_ids if id not in seats])


def mend(run, id):
    run.heal()
    run.restart(id)


@checks(
    "4.V",
    "one crash after the other, there is always a primary soon",
    points=3,
    source=ALSBERG,
    look_at="what keeps the backup from taking over",
)
def always_a_primary(program):
    def play(run):
        chance, nodes = Stream(run.seed, "who"), run.system.node_ids[1:]
        run.run(300)
        for turn in range(7):
            id = VIEW_SERVICE if turn == 3 else chance.choice(nodes)
            run.crash(id)
            run.run(run.now_ms + TAKEOVER_MS)
            run.restart(id)
            run.run(run.now_ms + TAKEOVER_MS)
            if run.violation:
                return
            view = run.observe(VIEW_SERVICE)["view"]
            lives = {node: run.observe(node)["life"] for node in nodes}
            good = all(seat and lives[seat[0]] == seat[1] for seat in (view.primary, view.backup))
            expect(
                good,
                f"after {turn + 1} crashes, one at a time with {TAKEOVER_MS} ms before and after each "
                f"restart, the view is {view}, and the present lives are {lives}",
            )

    scenarios(program, office(3), play, runs=20, link=Link(delay_ms=(1, 15)), needs=("crash", "restart"))


@checks("4.V", "with nobody dead, no seat changes", points=1, look_at="when does a view follow?")
def quiet_views(program):
    def play(run):
        run.run(3_000)
        view = run.observe(VIEW_SERVICE)["view"]
        expect(
            run.violation or (view.number == 2 and view.backup),
            f"four stores pinged for 3 s, none was dead, and the view is {view}; two views were needed",
        )

    scenarios(program, office(4), play, runs=10, link=Link(delay_ms=(1, 60)))


def a_view(number, primary, backup=None):
    """Ids stand for first lives, ("n1", 2) for others."""
    seats = [(seat, 1) if isinstance(seat, str) else seat for seat in (primary, backup)]
    return View(number, *seats)
