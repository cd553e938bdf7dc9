"""Lab 05, public checks of part a, N, R and W.  The grader runs them with other seeds, and hidden ones besides."""

from __future__ import annotations

from itertools import combinations

from given import NO_TAG, REPAIR, Query, QueryReply, Update, UpdateReply

from labkit import Link, System, Walk, by_hand, checks, expect, scenarios, walks
from labkit.facts import Violation
from labkit.network import Stream

GIFFORD = "Gifford 1979"
LAMPORT = "Lamport 1986: regular; for several writers Shao and others 2011"
DYNAMO = "DeCandia and others 2007"


def shelves(count):
    return tuple(f"n{number}" for number in range(1, count + 1))


def store_of(program, role, count=3, id="c1"):
    return by_hand(program, role, id, peers=shelves(count))


# -- 5.1 A write waits for W ---------------------------------------------------------------------


def confirm(node, *replicas):
    """These replicas answer the last update that the client sent them."""
    for replica in replicas:
        node.deliver(replica, UpdateReply(node.sent_to(replica, Update).phase))


@checks(
    "5.1",
    "a write needs W confirmations, and no more",
    points=2,
    source=GIFFORD,
    look_at="what self.w is compared with",
)
def write_waits_for_w(program):
    for count, w in ((3, 1), (3, 2), (3, 3), (5, 2), (5, 4), (5, 5)):
        node = store_of(program, f"OneR1W{w}", count)
        for turn in range(3):
            operation = node.invoke("write", None, f"value {turn}")
            order = [*shelves(count)[turn:], *shelves(count)[:turn]]
            confirm(node, *order[: w - 1])
            expect(
                node.outcome(operation) is None,
                f"N = {count}, W = {w}: {w - 1} replicas confirmed, and the write ended",
            )
            confirm(node, order[w - 1])
            expect(
                node.outcome(operation) == ("ok", None),
                f"N = {count}, W = {w}: {w} replicas confirmed, and the write is still open",
            )
            confirm(node, *order[w:])


@checks(
    "5.1",
    "a replica that confirms twice counts once",
    points=1,
    look_at="what do you count: messages, or replicas?",
)
def confirmations_are_replicas(program):
    node = store_of(program, "OneR1W3", 5)
    operation = node.invoke("write", None, "value")
    confirm(node, "n4", "n4", "n2", "n4", "n2")
    expect(
        node.outcome(operation) is None, "W = 3; n4 confirmed three times and n2 twice, and the write ended"
    )
    confirm(node, "n1")
    expect(
        node.outcome(operation) == ("ok", None), "W = 3; n4, n2 and n1 confirmed, and the write is still open"
    )


# -- 5.2 A read waits for R ----------------------------------------------------------------------

OLD, NEW = ((2, "c9"), "old"), ((3, "c2"), "new")


def tell(node, **found):
    """Replicas answer the client's query: ``tell(node, n1=((2, "c1"), "value"))``."""
    for replica, (tag, value) in found.items():
        node.deliver(replica, QueryReply(node.sent_to(replica, Query).phase, tag, value))


@checks(
    "5.2",
    "a read needs R answers, and no more",
    points=2,
    source=GIFFORD,
    look_at="what self.r is compared with",
)
def read_waits_for_r(program):
    for count, r in ((3, 1), (3, 2), (3, 3), (5, 3), (5, 5)):
        node = store_of(program, f"OneR{r}W1", count)
        for turn in range(3):
            operation = node.invoke("read")
            order = [*shelves(count)[turn:], *shelves(count)[:turn]]
            tell(node, **dict.fromkeys(order[: r - 1], OLD))
            expect(
                node.outcome(operation) is None,
                f"N = {count}, R = {r}: {r - 1} replicas answered, and the read ended",
            )
            tell(node, **{order[r - 1]: OLD})
            expect(
                node.outcome(operation) == ("ok", "old"),
                f"N = {count}, R = {r}: {r} replicas answered {OLD}, and the read is {node.outcome(operation)}",
            )
            tell(node, **dict.fromkeys(order[r:], NEW))


@checks("5.2", "of R answers the newest counts", points=2, source=GIFFORD, look_at="max, and by what")
def read_takes_the_newest(program):
    cases = (
        ({"n1": OLD, "n2": NEW}, "new"),
        ({"n3": NEW, "n1": OLD}, "new"),
        ({"n1": ((2, "c1"), "zzz"), "n2": ((10, "c1"), "aaa")}, "aaa"),
        ({"n2": ((4, "c2"), "by c2"), "n3": ((4, "c1"), "by c1")}, "by c2"),
        ({"n2": ((4, "c1"), "by c1"), "n3": ((4, "c2"), "by c2")}, "by c2"),
        ({"n1": (NO_TAG, None), "n3": (NO_TAG, None)}, None),
        ({"n1": (NO_TAG, None), "n2": OLD}, "old"),
    )
    for answers, wanted in cases:
        node = store_of(program, "OneR2W1")
        operation = node.invoke("read")
        tell(node, **answers)
        got = node.outcome(operation)
        expect(
            got == ("ok", wanted),
            f"R = 2, the answers were {list(answers.values())}, and the read ended as {got}",
        )


@checks(
    "5.2",
    "a replica that answers again is no second one",
    points=1,
    look_at="what do you count: messages, or replicas?",
)
def answers_are_replicas(program):
    node = store_of(program, "OneR3W1", 5)
    operation = node.invoke("read")
    tell(node, n4=OLD)
    tell(node, n4=OLD)
    tell(node, n4=OLD, n2=OLD)
    expect(node.outcome(operation) is None, "R = 3; n4 answered three times and n2 once, and the read ended")
    tell(node, n5=NEW)
    expect(
        node.outcome(operation) == ("ok", "new"),
        f"R = 3; n4, n2 and n5 answered, and the read is {node.outcome(operation)}",
    )


# -- 5.3 A tag for a write -----------------------------------------------------------------------


def written(node, **found):
    """The update that the client sends when R replicas tell it this."""
    tell(node, **found)
    return node.sent_to("n1", Update)


@checks(
    "5.3",
    "the number is higher than all that are known",
    points=2,
    source=GIFFORD,
    look_at="max of the numbers, and one more",
)
def tag_outbids(program):
    for answers in (
        {"n1": OLD, "n2": NEW},
        {"n2": NEW, "n3": OLD},
        {"n2": ((9, "c2"), "x"), "n3": ((10, "c1"), "y")},
        {"n1": (NO_TAG, None), "n3": (NO_TAG, None)},
    ):
        node = store_of(program, "ManyR2W2")
        node.invoke("write", None, "mine")
        tag, highest = written(node, **answers).tag, max(tag for tag, _ in answers.values())
        expect(
            tag[0] > highest[0],
            f"c1 was told of {[tag for tag, _ in answers.values()]} and wrote under {tag}, which is not higher",
        )


@checks(
    "5.3",
    "of two writers at once, each has a tag of its own",
    points=2,
    source="Lynch & Shvartsman 1997",
    look_at="the second half of the tag",
)
def tags_differ_by_writer(program):
    for answers in ({"n1": OLD, "n2": NEW}, {"n1": (NO_TAG, None), "n2": (NO_TAG, None)}):
        for id in ("c1", "c2", "c11"):
            node = store_of(program, "ManyR2W2", id=id)
            node.invoke("write", None, f"by {id}")
            tag = written(node, **answers).tag
            expect(
                tag[1] == id,
                f"{id} wrote under {tag}; if another client is told the same and chooses the same tag, "
                "two replicas may keep two values for ever, and no reader can say which is newer",
            )


@checks(
    "5.3",
    "what the client itself wrote last is known, too",
    points=1,
    look_at="do you look at all of `known`?",
)
def tag_outbids_its_own(program):
    node, used = store_of(program, "ManyR1W3"), []
    for turn in range(4):
        node.invoke("write", None, f"value {turn}")
        used.append(written(node, n3=OLD).tag)
        node.fire()  # nobody confirms: unknown, and only some replica may have it
    expect(
        used == sorted(set(used)),
        f"c1 gave up each of its writes, and wrote the next one under: {used}; each must be higher",
    )


# -- 5.4 Read repair -----------------------------------------------------------------------------


def repairs(node, since):
    """Who was sent which update from message number `since` on."""
    return {to: (m.tag, m.value) for to, m in node.sent[since:] if isinstance(m, Update)}


@checks(
    "5.4",
    "who answered something older gets the newest, unchanged",
    points=2,
    source=f"{DYNAMO}, section 5",
    look_at="whose tag is compared with whose",
)
def repair_brings_up_to_date(program):
    for answers, lagging in (
        ({"n1": OLD, "n2": NEW, "n3": OLD}, {"n1", "n3"}),
        ({"n1": NEW, "n2": (NO_TAG, None), "n3": NEW}, {"n2"}),
        ({"n3": ((3, "c1"), "x"), "n2": NEW, "n1": NEW}, {"n3"}),
        ({"n1": NEW, "n2": NEW, "n3": NEW}, set()),
    ):
        node = store_of(program, "R3W2")
        node.invoke("read")
        before = len(node.sent)
        tell(node, **answers)
        got = repairs(node, before)
        expect(
            got == dict.fromkeys(lagging, NEW),
            f"the replicas answered {answers}; c1 sent updates {got or 'to nobody'}, not {NEW} to {sorted(lagging) or 'nobody'}",
        )


@checks(
    "5.4",
    "a late answer is repaired as well",
    points=2,
    source=f"{DYNAMO}, section 5",
    look_at="which replies stand in self.replies?",
)
def repair_of_latecomers(program):
    for early, late, lagging in ((NEW, OLD, "n3"), (OLD, NEW, "n1")):
        node = store_of(program, "R1W2")
        operation = node.invoke("read")
        tell(node, n1=early)
        expect(
            node.outcome(operation) == ("ok", early[1]),
            f"R = 1, n1 answered, and the read is {node.outcome(operation)}",
        )
        before = len(node.sent)
        tell(node, n3=late)
        got = repairs(node, before)
        expect(
            got == {lagging: NEW},
            f"n1 answered {early} and later n3 {late}; c1 sent updates {got or 'to nobody'}, not {NEW} to {lagging}",
        )


@checks("5.4", "nobody waits for a repair", points=1, look_at="the phase of the update")
def repair_is_nobodys_phase(program):
    node = store_of(program, "R2W2")
    first = node.invoke("read")
    tell(node, n1=OLD, n2=NEW)
    expect(
        node.outcome(first) == ("ok", "new"),
        f"n1 and n2 answered, R = 2, and the read is {node.outcome(first)}",
    )
    sent = node.all_sent_to("n1", Update)
    expect(
        sent and all(m.phase == REPAIR for m in sent),
        f"the repair of n1 is {sent}; its phase must be REPAIR, or its answer is counted for something else",
    )


# -- 5.5 Which R and W? --------------------------------------------------------------------------


def plans(most):
    """(n, reads survive, writes survive), all of them up to n = most."""
    return [(n, a, b) for n in range(1, most + 1) for a in range(n) for b in range(n)]


def planned(program, n, a, b):
    """The learner's answer, as (r, w) or None."""
    answer = program.call("choose_quorums", n, a, b)
    if answer is None:
        return None
    expect(
        len(answer) == 2 and all(type(part) is int for part in answer),
        f"choose_quorums({n}, {a}, {b}) is {answer!r}, not (r, w) or None",
    )
    return tuple(answer)


@checks("5.5", "every read quorum meets every write quorum", points=2, source=GIFFORD, look_at="r + w, and n")
def quorums_meet(program):
    for n, a, b in plans(6):
        chosen = planned(program, n, a, b)
        if chosen is None:
            continue
        r, w = chosen
        expect(
            1 <= r <= n and 1 <= w <= n,
            f"choose_quorums({n}, {a}, {b}) is {chosen}; both lie between 1 and {n}",
        )
        apart = next(
            (
                (x, y)
                for x in combinations(shelves(n), r)
                for y in combinations(shelves(n), w)
                if not {*x} & {*y}
            ),
            None,
        )
        expect(
            apart is None,
            f"choose_quorums({n}, {a}, {b}) is {chosen}; a write may reach {apart and apart[1]} and a read ask {apart and apart[0]}",
        )


@checks(
    "5.5",
    "they can be had while so many replicas are away",
    points=2,
    source=GIFFORD,
    look_at="n minus those that are away",
)
def quorums_survive(program):
    for n, a, b in plans(6):
        chosen = planned(program, n, a, b)
        possible = any(r + w > n for r in range(1, n - a + 1) for w in range(1, n - b + 1))
        expect(
            possible or chosen is None,
            f"choose_quorums({n}, {a}, {b}) is {chosen}, but no pair can do that: return None",
        )
        if possible:
            expect(chosen is not None, f"choose_quorums({n}, {a}, {b}) is None, but there is such a pair")
            expect(
                chosen[0] <= n - a,
                f"choose_quorums({n}, {a}, {b}) is {chosen}: with {a} replicas away, a read waits for ever",
            )
            expect(
                chosen[1] <= n - b,
                f"choose_quorums({n}, {a}, {b}) is {chosen}: with {b} replicas away, a write waits for ever",
            )


# -- Part Q: what quorums give -------------------------------------------------------------------


def irregular(history, initial=None):
    """The first read that does not fit among the writes, and a sentence why; None if each read fits.

    A register is regular if every read, taken alone, fits into some order of all writes that
    respects real time: it gives the last write before it.  Exact, for written values that differ.
    """
    writes = {op.value: op for op in history if op.f == "write" and op.outcome != "fail"}
    for read in history:
        if read.f == "read" and read.outcome == "ok":
            what = _misfit(read, writes, initial)
            if what:
                return read, what
    return None


def _misfit(read, writes, initial):
    seen = writes.get(read.result)
    if seen is None and read.result != initial:
        return "nobody has written that"
    if seen is not None and not seen.invoked < read.returned:
        return f"{seen} began only after it"
    over = [op for op in writes.values() if op.returned is not None and op.returned < read.invoked]
    newer = next((op for op in over if seen is None or _precedes(seen, op)), None)
    return f"{newer} was confirmed before, and is newer" if newer else ""


def _precedes(one, other):
    return one.returned is not None and one.returned < other.invoked


def is_regular(run):
    """The judge: is no read older than the last confirmed write?"""
    found = irregular(run.history)
    return None if found is None else Violation("the register is regular", f"{found[0]}, but {found[1]}")


def shop(store, replicas, *turns, gap_ms=5):
    """A client for each text, "wr" writes and then reads, on `replicas` shelves."""
    work = {
        f"c{c}": [("write", None, f"c{c}.{n}") if t == "w" else ("read",) for n, t in enumerate(text, 1)]
        for c, text in enumerate(turns, 1)
    }
    return System.of(replicas, "Shelf", client=store, workload=work, gap_ms=gap_ms)


MEETING = ((3, 2, 2), (3, 1, 3), (3, 3, 1), (5, 2, 4), (5, 3, 3))
"""(N, R, W) with R + W > N."""


@checks(
    "5.Q",
    "with R + W > N, in any order, no read is older than the last confirmed write",
    points=3,
    source=LAMPORT,
    look_at="how many answers a read and a write wait for",
    not_shown="that two reads agree: part b",
)
def regular_in_any_order(program):
    for n, r, w in MEETING:
        limits = Walk(steps_max=90, duplicates=True, timers=2)
        walks(program, shop(f"OneR{r}W{w}", n, "wwww", "rrrr"), count=80, limits=limits, judge=is_regular)
        walks(
            program,
            shop(f"R{r}W{w}", n, "wwr", "wrw", "rrr"),
            count=80,
            limits=Walk(steps_max=150, demotions=10, timers=3),
            judge=is_regular,
        )


@checks(
    "5.Q",
    "with R + W > N, through loss, cuts and slow links, too",
    points=3,
    source=LAMPORT,
    look_at="which tag a write chooses, and what a repair sends",
)
def regular_through_faults(program):
    link = Link(delay_ms=(1, 30), loss=0.05, duplication=0.1, tail=0.1, tail_ms=300)
    for n, r, w in MEETING:
        system = shop(f"R{r}W{w}", n, "wrwrwr", "rwrwrw", "rrrrrrrr")
        scenarios(
            program,
            system,
            rough_play,
            runs=30,
            link=link,
            judge=is_regular,
            needs=("loss", "duplication", "late", "partition"),
        )


def rough_play(run):
    """Each replica is cut off now and then, one after the other."""
    chance = Stream(run.seed, "rough")
    for at_ms in range(40, 1_500, 250):
        run.at(at_ms, run.isolate, chance.choice(run.system.node_ids)).at(at_ms + 150, run.heal)
    run.run(6_000)


APART = ((3, 1, 1), (3, 1, 2), (3, 2, 1), (5, 2, 3), (5, 1, 1))
"""(N, R, W) with R + W <= N."""


@checks(
    "5.Q",
    "with R + W <= N, a far reader sees the old value, and at once",
    points=2,
    source=GIFFORD,
    look_at="does a client wait for more than R or W?",
)
def stale_where_quorums_are_apart(program):
    for n, r, w in APART:

        def play(run, n=n, r=r, w=w):
            far_apart(run, n, r, w)
            run.run(120)
            expect(
                irregular(run.history),
                f"N = {n}, R = {r}, W = {w}: the replicas near the writer had the new value, the others could not have it yet, "
                "and no reader has seen an old value within 120 ms: somebody waits for more than R or W",
            )

        scenarios(program, shop(f"OneR{r}W{w}", n, "w", "rrr"), play, runs=2)


def far_apart(run, n, r, w):
    """c1 is near to the first W replicas, c2 to the last R; everything else takes 500 ms."""
    run.network.set_link(delay_ms=(500, 500))
    for client, near in (("c1", shelves(n)[:w]), ("c2", shelves(n)[n - r :])):
        for replica in near:
            run.network.set_link(client, replica, delay_ms=(1, 2))
            run.network.set_link(replica, client, delay_ms=(1, 2))


@checks(
    "5.Q",
    "R living replicas answer a read, W a write; fewer promise nothing",
    points=3,
    source=GIFFORD,
    look_at="what is counted, and when the operation ends",
)
def available_while_enough_live(program):
    for n, r, w in ((3, 1, 3), (3, 2, 2), (5, 2, 4), (5, 4, 2), (3, 1, 1)):
        for gone in range(n):

            def play(run, n=n, r=r, w=w, gone=gone):
                for replica in some_of(run, gone):
                    run.at(0, run.crash, replica)
                run.run(4_000)
                for op in run.history:
                    needed = r if op.f == "read" else w
                    wanted = "ok" if n - gone >= needed else "info"
                    expect(
                        run.violation or op.outcome == wanted,
                        f"N = {n}, {n - gone} replicas lived, {op.f}s need {needed}: {op}",
                    )

            scenarios(program, shop(f"OneR{r}W{w}", n, "ww", "rr"), play, runs=1, judge=is_regular)


def some_of(run, count):
    """So many of the replicas, drawn from the run's seed."""
    chance, rest = Stream(run.seed, "some of them"), list(run.system.node_ids)
    return [rest.pop(chance.below(len(rest))) for _ in range(count)]


@checks(
    "5.Q",
    "after a repaired read, one replica is enough",
    points=2,
    source=f"{DYNAMO}, section 5",
    look_at="who gets which update, and when",
)
def reads_repair_replicas(program):
    def play(run):
        chance = Stream(run.seed, "missed")
        missed = chance.choice(run.system.node_ids)
        run.at(0, run.cut, "c1", missed).at(200, run.heal)
        run.run(2_000)
        tags = {id: run.observe(id)["tag"] for id in run.system.node_ids}
        expect(
            run.violation or len(set(tags.values())) == 1,
            f"{missed} missed a write, then c2 read again and again, all replicas answered, and they still differ: {tags}",
        )

    scenarios(program, shop("R1W2", 3, "w", "r" * 30, gap_ms=50), play, runs=8, needs=("cut",))
