"""Lab 06, public checks of part A, conflicts.  The grader runs them with other seeds, and hidden ones besides."""

from __future__ import annotations

import random

from given import (
    DottedSiblings,
    Got,
    Siblings,
    Stamped,
    Version,
    VersionVector,
    as_pairs,
    held,
    joined,
)

from labkit import Link, System, Walk, checks, expect, scenarios, walks
from labkit.facts import Violation
from labkit.network import Stream
from labkit.verdict import trial

PARKER = "Parker et al. 1983"
DOTS = "Preguiça, Baquero, Almeida et al. 2010"
SHAPIRO = "Shapiro, Preguiça, Baquero & Zawirski 2011"
REPLICAS = ("n1", "n2", "n3", "n10")
HOSTILE = Link(delay_ms=(1, 20), loss=0.15, duplication=0.2, tail=0.1, tail_ms=120)


def dice(name=""):
    """Draws that differ from submission to submission, and repeat for one."""
    return random.Random(f"{trial().seed}/{trial().check.name}/{name}")


def call(program, value, method, *given, kind=None):
    """The learner's method of a given value; what comes back must be of the same kind."""
    got = program.call("call_method", value, method, *given)
    kind = kind or type(value)
    expect(isinstance(got, kind), f"{method} gave back {got!r}, which is no {kind.__name__}")
    return got


def expect_laws(program, values, count):
    """Merging any of these values is commutative, associative and idempotent."""
    draw = dice("laws")
    for _ in range(trial().count(count)):
        a, b, c = (draw.choice(values) for _ in range(3))
        ab = call(program, a, "merge", b)
        ba = call(program, b, "merge", a)
        expect(ab == ba, f"not commutative: {a} merged with {b} is {ab}, the other way round {ba}")
        for one in (a, b):
            again = call(program, ab, "merge", one)
            expect(again == ab, f"not idempotent: {ab} has merged {one} already, and once more gives {again}")
        left, right = call(program, ab, "merge", c), call(program, a, "merge", call(program, b, "merge", c))
        expect(left == right, f"not associative: of {a}, {b}, {c}, one order gives {left}, another {right}")


# -- 6.1 Last writer wins ------------------------------------------------------------------------


def stamped(time_ms, writer="n1"):
    """A write; what is written follows from the stamp, as in life."""
    value = None if time_ms % 7 == 0 else (("a", time_ms),) if time_ms % 5 == 0 else f"{writer} at {time_ms}"
    return Stamped(time_ms, writer, value)


@checks("6.1", "the later time wins, whichever comes first", points=1, look_at="what do you compare?")
def later_time_wins(program):
    for early, late in ((1, 2), (99, 100), (7, 8), (-3, 7), (4, 700)):
        for writers in (("n1", "n2"), ("n2", "n1"), ("n3", "n3")):
            one, two = stamped(early, writers[0]), stamped(late, writers[1])
            for a, b in ((one, two), (two, one)):
                got = call(program, a, "merge", b)
                expect(got == two, f"{a} merged with {b} gave {got}; the later time is {late}")


@checks("6.1", "of equal times, the higher writer's id wins", points=2, look_at="equal times")
def ties_go_to_the_writer(program):
    for lower, higher in (("n1", "n2"), ("n10", "n9"), ("a", "b")):
        for time_ms in (5, 7, 12):
            one, two = stamped(time_ms, lower), stamped(time_ms, higher)
            for a, b in ((one, two), (two, one)):
                got = call(program, a, "merge", b)
                expect(
                    got == two,
                    f"{a} merged with {b} gave {got}; all replicas must choose the same of the two, "
                    f"in whatever order they come, and {higher!r} > {lower!r}",
                )


@checks("6.1", "merging stamps is commutative, associative, idempotent", points=1, source=SHAPIRO)
def stamps_merge_lawfully(program):
    values = [stamped(time_ms, writer) for time_ms in range(8) for writer in REPLICAS]
    expect_laws(program, values, 60)


# -- 6.2 Version vectors -------------------------------------------------------------------------


def vector(**counts):
    return VersionVector(as_pairs(counts))


def version(**counts):
    """A version; its value follows from its vector, as in life."""
    return Version(vector(**counts), " ".join(f"{id}:{number}" for id, number in sorted(counts.items())))


def siblings(*versions):
    return Siblings(frozenset(versions))


def expect_merge(program, one, two, wanted, why):
    for a, b in ((one, two), (two, one)):
        got = call(program, a, "merge", b)
        expect(
            got == wanted,
            f"{list(a.values())} merged with {list(b.values())} gave {list(got.values())}, "
            f"not {list(wanted.values())}: {why}",
        )


OLD_AND_NEW = (
    (version(n1=1), version(n1=2)),
    (version(n1=1), version(n1=1, n2=1)),
    (version(n1=2, n3=1), version(n1=2, n2=4, n3=1)),
    (version(n2=9), version(n1=1, n2=10)),
    (version(n3=1), version(n1=1, n2=1, n3=1)),
)


@checks("6.2", "a version that another one covers goes", points=2, source=PARKER, look_at="is it covered?")
def covered_versions_go(program):
    for old, new in OLD_AND_NEW:
        why = f"whoever wrote {new.value} had read {old.value}"
        expect_merge(program, siblings(old), siblings(new), siblings(new), why)
        other = version(n7=1)
        expect_merge(program, siblings(old, other), siblings(new), siblings(new, other), why)


@checks(
    "6.2",
    "of two concurrent versions, both stay",
    points=2,
    source=PARKER,
    look_at="is every count at least as high?",
)
def concurrent_versions_stay(program):
    for one, two in (
        (version(n1=1), version(n2=1)),
        (version(n1=2), version(n1=1, n2=1)),
        (version(n1=5, n2=5), version(n3=1)),
        (version(n1=1, n2=9), version(n1=2, n2=8)),
        (version(n1=1, n2=1), version(n1=9)),
        (version(n1=3, n3=1), version(n2=2, n3=1)),
    ):
        why = "neither writer had read the other's"
        expect_merge(program, siblings(one), siblings(two), siblings(one, two), why)
        third = version(n9=1)
        expect_merge(program, siblings(one, third), siblings(two, third), siblings(one, two, third), why)


@checks("6.2", "merging with nothing, or with a copy, changes nothing", points=1, source=SHAPIRO)
def copies_change_nothing(program):
    for some in (siblings(), siblings(version(n1=2)), siblings(version(n1=2), version(n1=1, n2=1))):
        expect_merge(program, some, siblings(), some, "the other one is empty")
        expect_merge(program, some, some, some, "both are the same")


def random_siblings(draw, count):
    """Versions as they come about: each rests on some earlier ones, and counts up at one replica."""
    known, states, numbers = [], [siblings()], {}
    for _ in range(count):
        read = draw.sample(known, min(len(known), draw.randint(0, 2)))
        replica = draw.choice(REPLICAS[:3])
        numbers[replica] = numbers.get(replica, 0) + 1
        counts = dict(joined(one.vector for one in read).counts) | {replica: numbers[replica]}
        known.append(version(**counts))
        states.append(antichain(draw.sample(known, draw.randint(1, len(known)))))
    return states


def antichain(versions):
    """The versions that no other one covers."""
    return siblings(*(v for v in versions if not any(v != w and is_covered(v, w) for w in versions)))


def is_covered(old, new):
    return old.vector.join(new.vector) == new.vector


@checks("6.2", "merging siblings is commutative, associative, idempotent", points=2, source=SHAPIRO)
def siblings_merge_lawfully(program):
    draw = dice()
    for _ in range(trial().count(8)):
        states = random_siblings(draw, 7)
        for a, b in (draw.sample(states, 2) for _ in range(6)):
            why = "just those stay that no other one covers"
            expect_merge(program, a, b, antichain(a.versions | b.versions), why)
        expect_laws(program, states, 6)


# -- 6.3 Dotted version vectors ------------------------------------------------------------------


def put(program, state, replica, context, value):
    return call(program, state, "put", replica, context, value, 0)


@checks(
    "6.3",
    "two writers who had read the same are siblings, at one replica too",
    points=2,
    source=DOTS,
    look_at="which versions stay?",
)
def same_replica_siblings(program):
    for read in (DottedSiblings(), put(program, DottedSiblings(), "n1", vector(), "old")):
        context = read.context()
        state = put(program, read, "n1", context, "ana's")
        state = put(program, state, "n1", context, "ben's")
        expect(
            sorted(state.values()) == ["ana's", "ben's"],
            f"Ana and Ben had both read {list(read.values())} and wrote through n1: "
            f"it has {list(state.values())}; neither had read what the other wrote",
        )


@checks("6.3", "what the writer had read goes", points=2, source=DOTS, look_at="is_known_to(context)")
def read_versions_go(program):
    ana = put(program, DottedSiblings(), "n1", vector(), "ana's")
    both = put(program, ana, "n1", vector(), "ben's")
    for context, wanted in (
        (both.context(), ["new"]),
        (ana.context(), ["ben's", "new"]),
        (vector(), ["ana's", "ben's", "new"]),
        (vector(n2=5), ["ana's", "ben's", "new"]),
    ):
        got = put(program, both, "n1", context, "new")
        expect(
            sorted(got.values()) == wanted,
            f"n1 had {list(both.values())}; a writer with the context {context} put 'new', "
            f"and n1 has {sorted(got.values())}, not {wanted}",
        )


@checks("6.3", "each write has a dot of its own", points=2, source=DOTS, look_at="where numbers are known from")
def dots_are_unique(program):
    state, used = DottedSiblings(), set()
    draw = dice()
    for turn in range(12):
        context = draw.choice((vector(), state.context()))
        before, replica = state.versions, draw.choice(("n1", "n2"))
        state = put(program, state, replica, context, f"value {turn}")
        new = [v for v in state.versions if v.value == f"value {turn}"]
        expect(len(new) == 1, f"value {turn} was put, and {replica} has {sorted(state.values())}")
        dot = new[0].replica, new[0].number
        expect(dot[0] == replica, f"{replica} took a write under the dot {dot}")
        expect(
            dot not in used,
            f"the dot {dot} was given twice; {replica} had {sorted(map(str, before))}: numbers are known "
            "from the pasts of versions, too",
        )
        used.add(dot)


@checks(
    "6.3",
    "the past is what the writer had read, and no more",
    points=2,
    source=DOTS,
    look_at="the past of the new version",
)
def past_is_what_was_read(program):
    there = put(program, DottedSiblings(), "n2", vector(), "n2's")
    for context in (vector(), there.context()):
        here = put(program, there, "n1", context, "n1's")
        (new,) = [v for v in here.versions if v.value == "n1's"]
        expect(
            new.past == context,
            f"the writer's context was {context}, and the past of its version is {new.past}; "
            "other replicas throw away what this past counts",
        )


def history_of_puts(program, draw, steps):
    """Random puts and merges at three replicas: (replica, state, values that it should have), each step."""
    states = {id: DottedSiblings() for id in REPLICAS[:3]}
    knows = {id: set() for id in states}
    replaced, contexts = {}, [(vector(), frozenset())]
    for step in range(steps):
        id, value = draw.choice(list(states)), f"v{step}"
        if draw.random() < 0.5:
            context, read = draw.choice(contexts[-4:] + contexts[:1])
            states[id] = put(program, states[id], id, context, value)
            knows[id].add(value)
            replaced[value] = read
        else:
            other = draw.choice(list(states))
            states[id] = states[id].merge(states[other])
            knows[id] |= knows[other]
        gone = set().union(*(replaced[v] for v in knows[id]))
        wanted = knows[id] - gone
        contexts.append((states[id].context(), frozenset(wanted | gone)))
        yield id, states[id], sorted(wanted)


@checks("6.3", "any order of writes and merges keeps just what nobody had read", points=2, source=DOTS)
def dotted_histories(program):
    for number in range(trial().count(20)):
        for id, state, wanted in history_of_puts(program, dice(number), 14):
            expect(
                sorted(state.values()) == wanted,
                f"after some writes and merges, {id} has {sorted(state.values())}, not {wanted}",
            )


# -- 6.4 What only the application knows -----------------------------------------------------------


def resolved(program, key, *values):
    return call(program, Got(1, key, values, vector()), "resolved", kind=tuple)


def pairs(**numbers):
    return as_pairs(numbers)


@checks(
    "6.4", "nothing that somebody put into a cart is lost", points=2, source="DeCandia et al. 2007, section 4.4"
)
def carts_unite(program):
    for values, wanted in (
        ((pairs(milk=1), pairs(bread=1)), pairs(bread=1, milk=1)),
        ((pairs(milk=1, tea=1), pairs(milk=1, bread=2)), pairs(bread=2, milk=1, tea=1)),
        ((pairs(), pairs(tea=1), pairs(milk=4)), pairs(milk=4, tea=1)),
        ((pairs(milk=3),), pairs(milk=3)),
    ):
        got = resolved(program, "cart/ana", *values)
        expect(got == wanted, f"the cart's siblings are {list(values)}, and it became {got}, not {wanted}")


@checks("6.4", "a cart takes the highest count of an item, not the sum", points=1, look_at="the same item twice")
def carts_take_the_highest(program):
    for values, wanted in (
        ((pairs(milk=2), pairs(milk=3)), pairs(milk=3)),
        ((pairs(milk=3, tea=1), pairs(milk=2, tea=2)), pairs(milk=3, tea=2)),
        ((pairs(milk=1), pairs(milk=1), pairs(milk=1)), pairs(milk=1)),
    ):
        got = resolved(program, "cart/ben", *values)
        expect(
            got == wanted,
            f"the cart's siblings are {list(values)}, and it became {got}, not {wanted}; they have one "
            "past in common, and nobody knows how much of a count is from there",
        )


@checks(
    "6.4",
    "an account has every transaction once",
    points=2,
    look_at="what makes two transactions the same: the id, or the amount?",
)
def accounts_unite(program):
    for values, wanted in (
        ((pairs(t1=100, t2=-30), pairs(t1=100, t3=-80)), pairs(t1=100, t2=-30, t3=-80)),
        ((pairs(t1=50), pairs(t2=50)), pairs(t1=50, t2=50)),
        ((pairs(t1=-5), pairs(t1=-5, t2=-5), pairs()), pairs(t1=-5, t2=-5)),
        ((pairs(t9=1, t8=2),), pairs(t8=2, t9=1)),
    ):
        got = resolved(program, "account/ana", *values)
        expect(
            got == wanted, f"the account's siblings are {list(values)}, and it became {got}, not {wanted}"
        )


@checks("6.4", "resolving is one answer, in any order, again and again", points=2, source=SHAPIRO)
def resolving_is_lawful(program):
    draw = dice()
    for _ in range(trial().count(30)):
        key, pool = draw.choice((("cart/x", CARTS), ("account/x", ACCOUNTS)))
        a, b, c = (draw.choice(pool) for _ in range(3))
        whole = resolved(program, key, a, b, c)
        orders = {
            "another order": resolved(program, key, c, a, b),
            "copies": resolved(program, key, b, b, a, c, a),
            "two steps": resolved(program, key, resolved(program, key, a, c), b),
            "once more": resolved(program, key, whole, a),
        }
        for name, got in orders.items():
            expect(got == whole, f"{key}: {[a, b, c]} became {whole}; with {name} it became {got}")


CARTS = (None, pairs(), pairs(milk=1), pairs(milk=2, tea=1), pairs(tea=3), pairs(egg=6, milk=1))
ACCOUNTS = (None, pairs(), pairs(t1=10), pairs(t1=10, t2=-4), pairs(t3=-90), pairs(t2=-4, t4=10))


@checks("6.4", "a deleted sibling is an empty one, and of none comes ()", points=1, look_at="None")
def deletions_are_empty(program):
    for key, some in (("cart/x", pairs(milk=1)), ("account/x", pairs(t1=-1))):
        for values, wanted in (((None, some), some), ((some, None), some), ((None,), ()), ((), ())):
            got = resolved(program, key, *values)
            expect(got == wanted, f"{key}: of the siblings {list(values)} came {got}, not {wanted}")


# -- Part C: conflicts ---------------------------------------------------------------------------


def puts_of(history, key):
    """What was written under a key, surely or perhaps, and what each writer had read before."""
    read = {}
    for op in history:
        if op.key != key:
            continue
        if op.f == "get" and op.outcome == "ok":
            read[op.client] = frozenset(op.result)
        elif op.f == "put":
            yield op, read.get(op.client, frozenset())


def fate_of(history, key):
    """(values that must be there, values that must not, all that were written)."""
    puts = list(puts_of(history, key))
    sure = [(op.value, read) for op, read in puts if op.outcome == "ok"]
    perhaps = frozenset().union(*(read for _, read in puts))
    must = {value for value, _ in sure} - perhaps
    never = frozenset().union(*(read for _, read in sure))
    return must, never, {op.value for op, _ in puts}


def nothing_is_lost(run):
    """A judge for any moment: what is confirmed and unread is on some replica; no one has old beside new."""
    for key in {op.key for op in run.history}:
        have = held(run, key)
        must, _, _ = fate_of(run.history, key)
        lost = must - {value for values in have.values() for value in values}
        if lost:
            what = f"{sorted(lost)} under {key!r}: confirmed, overwritten by nobody who had read it, and gone"
            return Violation("no confirmed write is lost", what)
        for op, read in puts_of(run.history, key):
            for id, values in have.items():
                if op.value in values and read & set(values):
                    old = sorted(read & set(values))
                    what = f"{id} has {old} beside {op.value!r}, whose writer had read it"
                    return Violation("what was read and overwritten goes", what)
    return None


def all_agree(run):
    """A judge for the end: all replicas have the same, and just what nobody who had read it overwrote."""
    for key in {op.key for op in run.history}:
        have = held(run, key)
        first = next(iter(have.values()))
        if any(sorted(values) != sorted(first) for values in have.values()):
            return Violation("replicas that have heard the same agree", f"under {key!r}: {have}")
        _, never, written = fate_of(run.history, key)
        wrong = sorted(never & set(first)) or sorted(set(first) - written)
        if wrong:
            return Violation("what was read and overwritten goes", f"{wrong} under {key!r} are still there")
    return nothing_is_lost(run)


def writers(role, *turns, client="Writer"):
    """Three replicas and a client for each text: g gets, p puts, of a key that the text before ":" names."""
    work = {f"c{number}": _calls(number, text) for number, text in enumerate(turns, 1)}
    return System.of(3, role, client=client, workload=work, gap_ms=15)


def _calls(client, text):
    return [
        ("put", "k", f"c{client}.{n}") if turn == "p" else ("get", "k") for n, turn in enumerate(text, 1)
    ]


def stormy(until_ms=900, crashes=0.3):
    """A play: partitions, crashes and loss for a while, then quiet.  Without crashes, clients lose nothing."""

    def play(run):
        chance, links = Stream(run.seed, "storm"), run.network.set_link
        for client in run.system.client_ids if not crashes else ():
            for id in run.system.node_ids:
                links(client, id, loss=0, duplication=0, tail=0)
                links(id, client, loss=0, duplication=0, tail=0)
        for number, at_ms in enumerate(range(40, until_ms, 120)):
            likely = (min(1, 9 * crashes), 0)[number] if number < 2 else crashes  # each fault at least once
            run.at(at_ms, harm, run, chance, likely).at(at_ms + 90, mend, run)
        run.at(until_ms, calm, run).run(until_ms + 1_500)

    return play


def ending(play, judge):
    """A play after which `judge` has to be content: of the end, so a shorter run would prove nothing."""

    def whole(run):
        play(run)
        found = None if run.violation else judge(run)
        expect(found is None, f"{found.rule}, but {found.what}" if found else "")

    return whole


def harm(run, chance, crashes):
    """Crash a replica, or part the replicas; their clients reach them."""
    ids = run.system.node_ids
    if chance.chance(crashes):
        run.crash(chance.choice(ids))
        return
    side = chance.some(ids[:-1]) if chance.chance(0.5) else [chance.choice(ids)]
    run.partition(side, [id for id in ids if id not in side])


def mend(run):
    """End what ``harm`` did."""
    run.heal()
    for id in run.system.node_ids:
        run.restart(id)


def calm(run):
    """No more faults of any kind."""
    run.network.set_link(loss=0, duplication=0, tail=0)
    mend(run)


STORM = ("loss", "duplication", "crash", "restart", "partition", "cut")


@checks(
    "6.C",
    "in any order, no confirmed write is lost",
    points=3,
    source=DOTS,
    look_at="what put keeps, and what its past says",
    not_shown="that replicas ever agree",
)
def no_write_is_lost(program):
    limits = Walk(steps_max=70, restarts=1, duplicates=True, timers=4)
    for system in (writers("Store", "gpgp", "ppgp", "gpp", "pgpg"), writers("Store", "pp", "gp", "gp", "pp", "gpgp")):
        walks(program, system, count=100, limits=limits, judge=nothing_is_lost)


@checks("6.C", "after a storm, all have the same siblings", points=3, source=DOTS, look_at="put, once more")
def siblings_agree(program):
    system = writers("Store", "gpgppgp", "pgpgpp", "gpgpgp", "ppgpgp", "gppgpp")
    scenarios(program, system, ending(stormy(), all_agree), runs=32, link=HOSTILE, needs=STORM)


@checks(
    "6.C",
    "with version vectors and one writer a replica, too",
    points=2,
    source=PARKER,
    look_at="merge of siblings",
)
def vectors_agree(program):
    system = writers("VectorStore", "gpgpgpgp", "gpgpgpgp", "gpgpgp")
    play, needs = ending(stormy(crashes=0), all_agree), ("loss", "duplication", "partition", "cut")
    scenarios(program, system, play, runs=24, link=HOSTILE, needs=needs)


def last_writer_won(run):
    """A judge for the end, where clocks agree: one value, and no earlier one than the last confirmed."""
    have = set(held(run, "k").values())
    if len(have) != 1:
        return Violation("replicas that have heard the same agree", f"they have {held(run, 'k')}")
    (values,) = have
    by_value = {op.value: op for op in run.history if op.f == "put"}
    if len(values) != 1 or values[0] not in by_value:
        return Violation("one write wins", f"all replicas have {list(values)}")
    won = by_value[values[0]]
    for op in by_value.values():
        if op.outcome == "ok" and won.outcome == "ok" and op.invoked_us > won.returned_us + 1_000:
            return Violation("the last writer wins", f"all have {won.value!r}, but {op} came later")
    return None


@checks("6.C", "the last writer wins everywhere", points=2, look_at="exercise 6.1", not_shown="what it loses")
def last_writer_wins(program):
    system = writers("LastWriterStore", "ppgppp", "ppppp", "ppppp", "ppp")
    scenarios(program, system, ending(stormy(), last_writer_won), runs=24, link=HOSTILE, needs=STORM)


def nothing_bought_is_lost(run):
    """A judge for the end: each confirmed ``add`` is in the map, with its number, and nothing made up."""
    for key in {op.key for op in run.history}:
        have, asked = held(run, key), [op for op in run.history if op.key == key]
        if len(set(have.values())) != 1:
            return Violation("replicas that have heard the same agree", f"under {key!r}: {have}")
        found = {}
        for value in next(iter(have.values())):
            for name, number in value or ():
                found.setdefault(name, set()).add(number)
        for op in asked:
            name, number = op.value
            if found.get(name, {number} if op.outcome != "ok" else set()) != {number}:
                what = f"{op} was answered, and {key!r} has {name!r}: {sorted(found.get(name, ()))}"
                return Violation("every confirmed add is there, once", what)
    return None


@checks(
    "6.C",
    "whatever was put into carts and accounts is there, once",
    points=3,
    source="DeCandia et al. 2007, section 4.4",
    look_at="exercise 6.4: two siblings that have something in common",
)
def nothing_bought_vanishes(program):
    work = {
        f"c{c}": [("add", key, (f"{key[0]}{c}.{n}", 1 if key[0] == "c" else (-1) ** n * 10 * n)) for n in range(1, 4)
                  for key in ("cart/ana", "account/ana")]
        for c in (1, 2, 3, 4)
    }  # fmt: skip
    system = System.of(3, "Store", client="Shopper", workload=work, gap_ms=15)
    whole = ending(stormy(700), nothing_bought_is_lost)
    scenarios(program, system, whole, runs=24, link=HOSTILE, needs=STORM)
