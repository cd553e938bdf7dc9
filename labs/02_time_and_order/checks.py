"""Lab 02, public checks of part clocks.  The grader runs them with other seeds, and hidden ones besides."""

from __future__ import annotations

from itertools import product

from given import Clerk, Letter, Order

from labkit import Link, System, Walk, by_hand, checks, expect, scenarios, walks
from labkit.facts import Violation
from labkit.network import Stream

LAMPORT = "Lamport 1978"
VECTORS = "Fidge 1988; Mattern 1989"
KULKARNI = "Kulkarni et al. 2014"
ANY_ORDER = Walk(steps_max=70, duplicates=True, timers=30)
LATE = Link(delay_ms=(1, 25), duplication=0.1, tail=0.15, tail_ms=120)


def clerk(program, role, id="n1", count=3):
    """A clerk among `count` of them."""
    everyone = [f"n{number}" for number in range(1, count + 1)]
    return by_hand(program, role, id, peers=[other for other in everyone if other != id])


def works(node):
    """The clerk has an event of its own (work, or a letter to somebody): its stamp."""
    node.fire("next")
    return node.observe()["log"][-1].stamp


def gets(node, source, stamp, number=1):
    """The clerk gets a letter with this stamp: the stamp of the receipt."""
    node.deliver(source, Letter(number, stamp))
    return node.observe()["log"][-1].stamp


# -- 2.1 Lamport's clock ---------------------------------------------------------------------------


@checks(
    "2.1", "each event is later than the one before", points=1, source=f"{LAMPORT}, IR1", look_at="self.time"
)
def lamport_goes_on(program):
    node, before = clerk(program, "LamportClerk"), 0
    for received in (None, None, 1, None, 2, 2, None, 40, 3, None):
        now = works(node) if received is None else gets(node, "n2", received)
        what = "had an event of its own" if received is None else f"got a letter of time {received}"
        expect(now > before, f"n1's last event had time {before}; then n1 {what}, and gave it time {now}")
        before = now


@checks(
    "2.1", "a letter comes later than it was sent", points=2, source=f"{LAMPORT}, IR2", look_at="received"
)
def lamport_believes_letters(program):
    node = clerk(program, "LamportClerk")
    for received in (7, 7, 30, 1_000, 12):
        now = gets(node, "n3", received)
        expect(
            now > received,
            f"n1 got a letter that was sent at time {received}, and gave the receipt time {now}",
        )
        later = works(node)
        expect(later > received, f"after a letter of time {received}, n1's next event has time {later}")


@checks("2.1", "it counts by one from the later of the two", points=1, source=LAMPORT, look_at="max")
def lamport_counts_by_one(program):
    node, time = clerk(program, "LamportClerk"), 0
    for received in (None, 5, 5, None, 9, 4, 4, None, 30):
        now = works(node) if received is None else gets(node, "n2", received)
        time = max(time, received or 0) + 1
        said = "an event of its own" if received is None else f"a letter of time {received}"
        expect(now == time, f"{said} got time {now}; one more than the later of the two would be {time}")


# -- 2.2 Vector clocks -----------------------------------------------------------------------------


@checks(
    "2.2", "an event of one's own counts in one's own place", points=1, source=VECTORS, look_at="self.place"
)
def vector_counts_own(program):
    for id, count in (("n1", 3), ("n2", 3), ("n4", 5)):
        node, place = clerk(program, "VectorClerk", id, count), int(id[1]) - 1
        for number in (1, 2, 3):
            wanted = tuple(number if at == place else 0 for at in range(count))
            got = works(node)
            expect(
                got == wanted,
                f"event {number} of {id}, one of {count} clerks, has vector {got}, not {wanted}",
            )


@checks(
    "2.2",
    "a receipt knows all that the letter knew, and itself",
    points=2,
    source=VECTORS,
    look_at="the larger, place by place",
)
def vector_merges(program):
    node, known = clerk(program, "VectorClerk", "n2"), (0, 0, 0)
    for received in ((1, 0, 0), (1, 0, 4), None, (3, 1, 2), (0, 0, 9), (9, 2, 9), None, (2, 0, 1)):
        before = known
        merged = known if received is None else tuple(map(max, known, received))
        known = (merged[0], merged[1] + 1, merged[2])
        got = works(node) if received is None else gets(node, "n1", received)
        what = "had an event of its own" if received is None else f"got a letter with {received}"
        expect(got == known, f"n2 stood at {before} and {what}: it gave the event {got}, not {known}")


# -- 2.3 Before, after, or neither -------------------------------------------------------------------


def expect_order(program, left, right, wanted):
    got = program.call("compare", left, right)
    expect(
        isinstance(got, Order),
        f"compare({left}, {right}) is {got!r}, which is no Order; give Order.BEFORE, AFTER, SAME or CONCURRENT",
    )
    expect(got == wanted, f"compare({left}, {right}) is {got.value}, and should be {wanted.value}")


def less(left, right):
    """The definition: at most as large in each place, and not the same."""
    return left != right and all(a <= b for a, b in zip(left, right, strict=True))


@checks(
    "2.3",
    "before: nowhere larger, and somewhere smaller",
    points=1,
    source=VECTORS,
    look_at="the places in which both are the same",
)
def compare_before(program):
    vectors = list(product(range(3), repeat=3))
    for left, right in product(vectors, vectors):
        if less(left, right):
            expect_order(program, left, right, Order.BEFORE)
            expect_order(program, right, left, Order.AFTER)


@checks(
    "2.3",
    "concurrent: each has something that the other has not",
    points=2,
    source=VECTORS,
    look_at="what is neither before nor after",
)
def compare_concurrent(program):
    vectors = list(product(range(3), repeat=3))
    for left, right in product(vectors, vectors):
        if left != right and not less(left, right) and not less(right, left):
            expect_order(program, left, right, Order.CONCURRENT)


@checks("2.3", "a vector is the same as itself", points=1, look_at="two equal vectors")
def compare_same(program):
    for vector in product(range(3), repeat=3):
        expect_order(program, vector, tuple(vector), Order.SAME)


# -- 2.4 Hybrid clocks -----------------------------------------------------------------------------


def hybrid(program, wall_ms):
    node = clerk(program, "HybridClerk")
    node.pass_ms(wall_ms)
    return node


@checks(
    "2.4",
    "where the wall has gone on, it is what the wall says",
    points=1,
    source=KULKARNI,
    look_at="self.wall_ms()",
)
def hybrid_follows_the_wall(program):
    node = hybrid(program, 100)
    for wall, wait in ((100, 7), (107, 1), (108, 900)):
        got = works(node)
        expect(
            got == (wall, 0),
            f"the wall said {wall} ms, later than ever before, and the stamp is {got}, not {(wall, 0)}",
        )
        node.pass_ms(wait)
    got = gets(node, "n2", (700, 3))
    expect(
        got == (1008, 0),
        f"the wall said 1008 ms, a letter of (700, 3) came, and the stamp is {got}, not (1008, 0)",
    )


@checks(
    "2.4",
    "within one millisecond, and before an old wall, it counts",
    points=2,
    source=KULKARNI,
    look_at="self.c",
)
def hybrid_counts(program):
    node, stamps = hybrid(program, 100), []
    for step_ms in (0, 0.4, 0.4, -30, 29):
        node.pass_ms(step_ms)
        stamps.append(works(node))
    wanted = [(100, n) for n in range(5)]
    expect(
        stamps == wanted,
        f"the wall said 100, 100, 100, 70 (it was set back) and 99 ms; the stamps are {stamps}, not {wanted}",
    )


@checks(
    "2.4",
    "a receipt is later than its letter and than all before",
    points=2,
    source=f"{KULKARNI}, figure 5",
    look_at="c, when l stays or comes from the letter",
)
def hybrid_receives(program):
    cases = (
        ((180, 4), (180, 5), "the letter is ahead"),
        ((180, 2), (180, 6), "both are at 180, and we count higher"),
        ((180, 9), (180, 10), "both are at 180, and the letter counts higher"),
        ((120, 7), (180, 11), "the letter is old"),
        ((181, 0), (181, 1), "the letter is ahead, with no count"),
    )
    node = hybrid(program, 100)
    for received, wanted, why in cases:
        got = gets(node, "n3", received)
        expect(
            got == wanted,
            f"the wall says 100 ms, a letter of {received} comes ({why}): the stamp is {got}, not {wanted}",
        )
    node.pass_ms(81)
    got = gets(node, "n3", (150, 3))
    expect(
        got == (181, 2),
        f"wall and clock are both at 181, the clock's count at 1: the stamp is {got}, not (181, 2)",
    )


# -- Part C: the clocks together -------------------------------------------------------------------


def clerks(count, role):
    return System.of(count, role)


def logs_of(run):
    return {id: run.observe(id)["log"] for id in run.system.node_ids}


def past_of(logs):
    """Every event as (id, entry, its past), causes first; a past is a set of events, as bits.

    What happened before what is read from the logs' order and from who got whose letter, and not
    from any stamp.
    """
    found, sent = [], {}
    seen, last = dict.fromkeys(logs, 0), dict.fromkeys(logs, 0)
    waiting = list(logs)
    while waiting:
        id = waiting.pop(0)
        while seen[id] < len(logs[id]):
            entry = logs[id][seen[id]]
            letter = entry.writer, entry.number
            if entry.kind == "gets" and letter not in sent:
                waiting.append(id)  # go on with it when the letter has been sent
                break
            past = last[id] | (sent[letter] if entry.kind == "gets" else 0)
            last[id] = past | 1 << len(found)
            if entry.kind == "sends":
                sent[letter] = last[id]
            found.append((id, entry, past))
            seen[id] += 1
    return found


def told(id, entry):
    letter = "" if entry.kind == "works" else f" letter {entry.number} of {entry.writer}"
    return f"{id} {entry.kind}{letter} at {entry.stamp}"


def keeps_the_clock_condition(run):
    """The judge: is each event later than all in its past?"""
    events = past_of(logs_of(run))
    for id, entry, past in events:
        for number, (other, earlier, _) in enumerate(events):
            if past >> number & 1 and not earlier.stamp < entry.stamp:
                what = f"{told(other, earlier)} happened before {told(id, entry)}"
                return Violation("what happened before has the smaller time", what)
    return None


def tells_before_from_concurrent(run):
    """The judge: are vectors ordered exactly as the events are?"""
    events = past_of(logs_of(run))
    for id, entry, past in events:
        for number, (other, earlier, _) in enumerate(events):
            happened_before = bool(past >> number & 1)
            if happened_before != less(earlier.stamp, entry.stamp):
                said = "happened before" if happened_before else "did not happen before"
                what = f"{told(other, earlier)} {said} {told(id, entry)}; the vectors say otherwise"
                return Violation("a vector is smaller exactly if its event happened before", what)
    return None


def compared_rightly(run):
    """The judge: does the learner's compare say of these events what the logs say?"""
    events = past_of(logs_of(run))[:16]
    for at, (id, entry, past) in enumerate(events):
        for number, (other, earlier, _) in enumerate(events[:at]):
            wanted = Order.BEFORE if past >> number & 1 else Order.CONCURRENT
            got = run.program.call("compare", earlier.stamp, entry.stamp)
            if got != wanted:
                what = f"{told(other, earlier)} against {told(id, entry)}: {wanted.value}, and compare says {got}"
                return Violation("compare says what happened before what", what)
    return None


@checks(
    "2.C",
    "Lamport: what happened before has the smaller time",
    points=2,
    source=f"{LAMPORT}: clock condition",
    look_at="receipts of letters from a clerk who is behind, or ahead",
    not_shown="that a smaller time happened before",
)
def lamport_clock_condition(program):
    walks(program, clerks(3, "LamportClerk"), count=120, limits=ANY_ORDER, judge=keeps_the_clock_condition)


@checks(
    "2.C",
    "vectors: smaller exactly if it happened before",
    points=3,
    source=VECTORS,
    look_at="what a receipt takes over, and when it counts itself",
)
def vector_clock_condition(program):
    for count in (2, 3, 5):
        walks(
            program,
            clerks(count, "VectorClerk"),
            count=80,
            limits=ANY_ORDER,
            judge=tells_before_from_concurrent,
        )


@checks(
    "2.C",
    "compare finds the past of real events",
    points=1,
    source=VECTORS,
    look_at="compare, and the vectors that it is given",
)
def compare_on_events(program):
    walks(program, clerks(3, "VectorClerk"), count=40, limits=ANY_ORDER, judge=compared_rightly)


def stays_near(run):
    """The judge: is l the latest wall time in the event's past, and c no more than it must be?"""
    events = past_of(logs_of(run))
    for id, entry, past in events:
        known = [earlier for number, (_, earlier, _) in enumerate(events) if past >> number & 1]
        latest = max(one.wall for one in [entry, *known])
        if entry.stamp[0] != latest:
            what = f"{told(id, entry)}; the latest wall time that it can know of is {latest}"
            return Violation("l is the latest time on a wall that the event can know of", what)
        count = sum(earlier.stamp[0] == latest for earlier in known)
        if not 0 <= entry.stamp[1] <= count:
            what = f"{told(id, entry)}; only {count} events in its past have the same l"
            return Violation("c counts events of the same l", what)
    return None


def wrong_clocks(run, until_ms=400):
    """Skew and drift for each clerk, and now and then a clock that is set, forward or back."""
    chance = Stream(run.seed, "wrong clocks")
    ids = run.system.node_ids
    for at_ms in (0, 50, 100, 150, 200):
        for id in ids if at_ms == 0 else [chance.choice(ids)]:
            skew, drift = chance.between(0, 120), chance.between(-50_000, 50_000)
            run.at(
                at_ms, lambda id=id, skew=skew, drift=drift: run.set_clock(id, skew_ms=skew, drift_ppm=drift)
            )
    run.run(until_ms)
    expect(
        run.violation or all(len(log) >= Clerk.events for log in logs_of(run).values()),
        "some clerk had fewer events than it was to have",
    )


@checks(
    "2.C",
    "hybrid: later than all that happened before, on wrong clocks too",
    points=2,
    source=f"{KULKARNI}, theorem 1",
    look_at="a wall that is behind the letter, or was set back",
)
def hybrid_clock_condition(program):
    scenarios(
        program,
        clerks(3, "HybridClerk"),
        wrong_clocks,
        runs=80,
        link=LATE,
        judge=keeps_the_clock_condition,
        needs=("clock", "late"),
    )


@checks(
    "2.C",
    "hybrid: never ahead of the fastest wall it can know of",
    points=2,
    source=f"{KULKARNI}, theorem 2",
    look_at="what l is set to",
    not_shown="that the walls themselves are right",
)
def hybrid_stays_near(program):
    scenarios(
        program,
        clerks(4, "HybridClerk"),
        wrong_clocks,
        runs=60,
        link=LATE,
        judge=stays_near,
        needs=("clock", "duplication"),
    )
