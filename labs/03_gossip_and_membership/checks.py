"""Lab 03, public checks of part gossip.  The grader runs them with other seeds, and hidden ones besides."""

from __future__ import annotations

import statistics
from itertools import permutations

from given import (
    BATCH_MS,
    FANOUT,
    ROUND_MS,
    TIRED,
    Counts,
    Digest,
    Known,
    News,
    Reply,
    Request,
    by_number,
    grid,
    heard_at,
    messages_between_nodes,
)

from labkit import Link, System, by_hand, checks, expect, scenarios
from labkit.facts import Violation
from labkit.nemesis import calm
from labkit.network import Stream

DEMERS = "Demers and others 1987"
NINE = tuple(f"n{number}" for number in range(1, 10))


def tower_of(program, role="Tower", id="n5", ids=NINE):
    return by_hand(program, role, id, peers=tuple(i for i in ids if i != id), clients=("c1", "c2"))


def seen(origin, *numbers):
    """Sightings of one tower, by number."""
    return tuple((origin, number, f"{origin} sees {number}") for number in numbers)


def told(node, deed, *given):
    """What ``deed(*given)`` makes the node tell: for each receiver the list of News that it gets."""
    before, news = len(node.sent), {}
    deed(*given)
    for peer, message in node.sent[before:]:
        if isinstance(message, News):
            news.setdefault(peer, []).append(message.sightings)
    return news


def book_of(node):
    """The texts that the node reads out."""
    node.deliver("c2", Request(99, "read"))
    return node.sent_to("c2", Reply).result


# -- 3.1 Flooding ------------------------------------------------------------------------------------


@checks(
    "3.1",
    "what is new goes to every neighbour but the source",
    points=2,
    source=f"flooding; {DEMERS}, section 1",
    look_at="who is left out, and who is not",
)
def news_is_passed_on(program):
    for id, source in (("n5", "n2"), ("n5", "n8"), ("n1", "n4"), ("n5", "n9"), ("n9", "n8")):
        node = tower_of(program, id=id)
        news = told(node, node.deliver, source, News(seen("n3", 1)))
        wanted = [n for n in grid(id, NINE) if n != source]
        expect(
            by_number(news) == by_number(wanted),
            f"{source} told {id} something new, and {id} told {by_number(news)}; its neighbours "
            f"without {source} are {by_number(wanted)}",
        )
        odd = next((what for what in news.values() if what != [seen("n3", 1)]), None)
        expect(odd is None, f"{id} was told {seen('n3', 1)} and passed on {odd}")


@checks("3.1", "what a keeper sees goes to all neighbours", points=1, look_at="a source that is no neighbour")
def posts_go_to_all(program):
    for id in ("n5", "n1", "n6"):
        node = tower_of(program, id=id)
        news = told(node, node.deliver, "c1", Request(1, "post", "smoke"))
        wanted = grid(id, NINE)
        expect(
            by_number(news) == by_number(wanted),
            f"the keeper of {id} saw smoke, and {id} told {by_number(news)}; its neighbours are {wanted}",
        )


@checks(
    "3.1",
    "what is known is passed on no more",
    points=2,
    source=DEMERS,
    look_at="what a flood ends by",
)
def known_news_stops(program):
    node = tower_of(program)
    node.deliver("n2", News(seen("n3", 1, 2)))
    for source in ("n2", "n8", "n4"):
        news = told(node, node.deliver, source, News(seen("n3", 2, 1)))
        expect(
            not news,
            f"n5 was told by {source} what it knew, and passed it on to {by_number(news)}: no flood would end",
        )
    news = told(node, node.deliver, "n8", News(seen("n3", 1, 3) + seen("n7", 1)))
    wanted = {neighbour: [seen("n3", 3) + seen("n7", 1)] for neighbour in ("n2", "n4", "n6")}
    expect(
        {n: [tuple(sorted(s)) for s in what] for n, what in news.items()} == wanted,
        f"of three sightings n5 knew one; it passed on {news}, and the new ones in one News to each are {wanted}",
    )


@checks("3.1", "what was heard is in the book first, over a crash", points=1, look_at="self.keep")
def news_is_kept(program):
    node = tower_of(program)
    node.deliver("n2", News(seen("n3", 1, 2)))
    kinds = [effect[0] for effect in node.effects]
    expect("save" in kinds, "n5 was told something new, and nothing is on its disk: a crash forgets it")
    expect(
        "send" not in kinds or kinds.index("save") < kinds.index("send"),
        "n5 passed on what is not yet on its disk; after a crash it would give that number to another sighting",
    )
    node.deliver("c1", Request(1, "post", "smoke"))
    wanted = ("n3 sees 1", "n3 sees 2", "smoke")
    got = book_of(node)
    expect(got == wanted, f"n5 was told two sightings and made one, and its book reads {got}")
    node.restart()
    got = book_of(node)
    expect(got == wanted, f"after a crash the book of n5 reads {got}; it had {wanted}")


# -- 3.2 Anti-entropy --------------------------------------------------------------------------------


def comparing(program, *sightings, id="n5"):
    """A tower that has these in its book; 'how far it is' is what its own digests say."""
    node = tower_of(program, "AntiEntropy", id)
    if sightings:
        node.deliver("n2", News(tuple(sightings)))
    return node


def answers_to(node, digest, source="n9"):
    """What the node sends for a digest: News to the source, digests to it, and everything else."""
    before = len(node.sent)
    node.deliver(source, digest)
    sent = node.sent[before:]
    news = [m.sightings for to, m in sent if to == source and isinstance(m, News)]
    digests = [m for to, m in sent if to == source and isinstance(m, Digest)]
    return news, digests, len(sent) - len(news) - len(digests)


@checks(
    "3.2",
    "what they lack is pushed, and nothing more",
    points=2,
    source=f"{DEMERS}, section 1.3",
    look_at="the number in a sighting against the digest",
)
def lacking_is_pushed(program):
    everything = seen("n1", 1, 2, 3) + seen("n3", 1) + seen("n7", 2)
    cases = (
        ((("n1", 1), ("n3", 1)), seen("n1", 2, 3) + seen("n7", 2)),
        ((), everything),
        ((("n1", 3), ("n7", 1)), seen("n3", 1) + seen("n7", 2)),
        ((("n1", 9), ("n3", 4), ("n7", 2)), ()),
    )
    for is_answer in (False, True):
        for have, wanted in cases:
            news, _, others = answers_to(comparing(program, *everything), Digest(have, is_answer))
            got = tuple(sorted(s for sightings in news for s in sightings))
            expect(
                got == tuple(sorted(wanted)) and len(news) == bool(wanted) and not others,
                f"n9 has {dict(have)}, n5 has {everything}; n5 sent n9 {news or 'no news'} (and {others} "
                f"messages elsewhere), and not one News with {wanted or 'nothing'}",
            )


@checks(
    "3.2",
    "what I lack is asked for",
    points=2,
    source=f"{DEMERS}, section 1.3: push-pull",
    look_at="their number against self.have()",
)
def lacking_is_pulled(program):
    for have in ((("n1", 3),), (("n1", 1), ("n8", 1)), (("n1", 1), ("n7", 2))):
        node = comparing(program, *seen("n1", 1, 2), *seen("n7", 2))
        _, digests, _ = answers_to(node, Digest(have))
        wanted = Digest((("n1", 2),), is_answer=True)
        expect(
            digests == [wanted],
            f"n9 says {have}, of which n5 lacks something; n5 answered with the digests {digests}, not with {wanted}",
        )


@checks("3.2", "an answer is not asked back", points=1, look_at="digest.is_answer")
def answers_end_it(program):
    node = comparing(program, *seen("n1", 1))
    news, digests, _ = answers_to(node, Digest((("n1", 0), ("n8", 2)), is_answer=True))
    expect(not digests, f"n5 answered an answer with {digests}: two towers could go on like that for ever")
    expect(news == [seen("n1", 1)], f"an answer, too, says what n9 lacks; n5 sent {news}")


@checks("3.2", "equal books cost one message", points=2, source=DEMERS, look_at="when nothing is to be said")
def equal_books_are_silent(program):
    for sightings in ((), seen("n1", 1, 2) + seen("n9", 1)):
        node = comparing(program, *sightings)
        have = (("n1", 2), ("n9", 1)) if sightings else ()
        news, digests, others = answers_to(node, Digest(have))
        expect(
            not (news or digests or others), f"n9 has what n5 has, {have}, and n5 sent {[*news, *digests]}"
        )


@checks("3.2", "two books become one in four messages", points=2, source=DEMERS, look_at="both directions")
def two_books_become_one(program):
    mine, theirs = seen("n1", 1, 2, 4) + seen("n5", 1), seen("n1", 1, 3) + seen("n9", 1, 2)
    pair = {"n5": comparing(program, *mine), "n9": comparing(program, *theirs, id="n9")}
    letters, count = [("n9", "n5", Digest((("n1", 1), ("n9", 2))))], 0
    while letters and count < 20:
        source, id, message = letters.pop(0)
        count, before = count + 1, len(pair[id].sent)
        pair[id].deliver(source, message)
        letters += [(id, to, m) for to, m in pair[id].sent[before:] if to == source]
    books = {id: book_of(node) for id, node in pair.items()}
    expect(
        books["n5"] == books["n9"] and len(books["n5"]) == 7,
        f"n5 had {len(mine)} sightings and n9 {len(theirs)}, 7 different ones; after comparing they have {books}",
    )
    expect(count <= 4, f"comparing two books took {count} messages; digest, news, digest, news are enough")


# -- 3.3 Rumours -------------------------------------------------------------------------------------


def monger_of(program, *sightings, ids=NINE):
    node = tower_of(program, "Monger", ids=ids)
    node.deliver("n2" if "n2" in ids else ids[0], News(tuple(sightings)))
    return node


def a_round(node):
    """Who is told what in the next round."""
    return told(node, node.fire, "round")


@checks(
    "3.3",
    "each round tells fan-out different peers",
    points=2,
    source=f"{DEMERS}, section 1.4",
    look_at="how peers are chosen",
)
def fanout_is_kept(program):
    node = monger_of(program, *seen("n3", 1), *seen("n4", 1))
    for count in range(1, 31):
        news = a_round(node)
        wanted = [tuple(sorted(seen("n3", 1) + seen("n4", 1)))]
        expect(
            len(news) == FANOUT and set(news) <= set(node.system[1:9]),
            f"in round {count} n5 told {by_number(news)}; it should tell {FANOUT} different peers",
        )
        got = [[tuple(sorted(s)) for s in what] for what in news.values()]
        expect(
            got == [wanted] * FANOUT,
            f"in round {count} n5 told {news}; both rumours are hot, and go in one News to each",
        )


@checks(
    "3.3",
    "sooner or later every peer is told",
    points=2,
    source=DEMERS,
    look_at="the random choice, anew each round",
)
def all_peers_get_their_turn(program):
    node, reached, pairs = monger_of(program, *seen("n3", 1)), set(), set()
    for _ in range(80):
        news = a_round(node)
        reached |= set(news)
        pairs.add(tuple(by_number(news)))
    missed = [id for id in NINE if id != "n5" and id not in reached]
    expect(not missed, f"in 80 rounds n5 never told {missed}; peers are chosen at random, anew in each round")
    expect(
        len(pairs) > 8, f"in 80 rounds n5 told only the groups {sorted(pairs)}; choose at random each time"
    )


@checks(
    "3.3",
    "a rumour told in vain too often is dropped, and only that one",
    points=2,
    source=f"{DEMERS}, section 1.4: counter",
    look_at="self.useless and self.tired",
)
def tired_of_a_rumour(program):
    node = monger_of(program, *seen("n3", 1), *seen("n4", 1))
    for count in range(1, TIRED + 1):
        node.deliver("n7", Known(seen("n3", 1)))
        spread = {s for what in a_round(node).values() for sightings in what for s in sightings}
        hot = set(seen("n4", 1)) | (set(seen("n3", 1)) if count < TIRED else set())
        expect(
            spread == hot,
            f"one rumour was told in vain {count} times (tired = {TIRED}), the other one never; n5 spread {sorted(spread)}",
        )


@checks(
    "3.3", "rounds go on while something is hot, and then end", points=1, look_at="the timer, in both cases"
)
def rounds_end(program):
    node = monger_of(program, *seen("n3", 1))
    for _ in range(12):
        a_round(node)
        least, most = node.timers.get("round", (0, 0))
        expect(
            least == most == ROUND_MS * 1000,
            f'a rumour is hot, and the timers of n5 are {node.timers}; the next "round" is in ROUND_MS',
        )
    for _ in range(TIRED):
        node.deliver("n7", Known(seen("n3", 1)))
    news = a_round(node)
    expect(not news, f"nothing is hot any more, and n5 told {news}")
    expect(not node.timers, f"nothing is hot any more, and n5 set the timers {list(node.timers)}")


@checks("3.3", "with one peer, that one is told", points=1, look_at="more fan-out than peers")
def fewer_peers_than_fanout(program):
    for ids in (("n4", "n5"), ("n5", "n6")):
        node = monger_of(program, *seen("n3", 1), ids=ids)
        news = a_round(node)
        other = next(id for id in ids if id != "n5")
        expect(list(news) == [other], f"n5 has one peer, {other}, and told {by_number(news)}")


# -- 3.4 Parcels -------------------------------------------------------------------------------------


def courier_of(program, id="n1"):
    return tower_of(program, "Courier", id)


def flush_timers(node):
    """The settings of the timer "flush" among the effects of the last step."""
    return [effect[2:] for effect in node.effects if effect[0] == "set_timer" and effect[1] == "flush"]


@checks("3.4", "what came in a batch leaves in one parcel", points=2, look_at="whose outbox gets what")
def parcels_hold_all(program):
    node = courier_of(program)
    early = told(node, node.deliver, "n3", News(seen("n3", 1)))
    early |= told(node, node.deliver, "n4", News(seen("n4", 1, 2)))
    early |= told(node, node.deliver, "c1", Request(1, "post", "smoke"))
    expect(not early, f"n1 told {by_number(early)} at once; queue sends nothing, on_timer does")
    parcels = {to: [tuple(sorted(s)) for s in what] for to, what in told(node, node.fire, "flush").items()}
    own = (("n1", 1, "smoke"),)
    wanted = {
        to: [own + (seen("n3", 1) if to != "n3" else ()) + (seen("n4", 1, 2) if to != "n4" else ())]
        for to in NINE[1:]
    }
    odd = next((to for to in NINE[1:] if parcels.get(to) != wanted[to]), None)
    expect(odd is None, f"the parcel of n1 for {odd} is {parcels.get(odd)}, not {wanted.get(odd)}")


@checks("3.4", "the timer is set once for a batch", points=2, look_at="is it running already?")
def flush_is_not_put_off(program):
    node = courier_of(program)
    for batch in range(1, 4):
        node.deliver("n3", News(seen("n3", batch)))
        expect(
            flush_timers(node) == [(BATCH_MS * 1000,) * 2],
            f'something came into an empty outbox, and n1 set "flush" so: {flush_timers(node)}; '
            f"once, to batch_ms, which is {BATCH_MS}",
        )
        for number in range(5):
            node.deliver("n4", News(seen("n4", 10 * batch + number)))
            expect(
                not flush_timers(node),
                "n1 set the timer anew while it was running: a steady stream of news would put it off for ever",
            )
        node.fire("flush")


@checks("3.4", "nothing goes back to where it came from", points=1, look_at="the source")
def no_parcel_for_the_source(program):
    leaf = courier_of(program, "n4")
    leaf.deliver("n1", News(seen("n3", 1)))
    back = told(leaf, leaf.fire, "flush") if "flush" in leaf.timers else {}
    expect(not back, f"n4 was told by n1, its only neighbour, and told {back}")
    leaf.deliver("n1", News(seen("n3", 2)))
    leaf.deliver("c1", Request(1, "post", "smoke"))
    expect(
        "flush" in leaf.timers,
        "the keeper of n4 saw smoke, and no timer is set: it stays in the outbox for ever",
    )
    parcel = told(leaf, leaf.fire, "flush")
    expect(parcel == {"n1": [(("n4", 1, "smoke"),)]}, f"the keeper of n4 saw smoke, and n4 told {parcel}")


# -- 3.5 The counter ---------------------------------------------------------------------------------


def counter_of(program, own=0):
    node = by_hand(program, "Counter", "n1", peers=("n2", "n3", "n4"), clients=("c1", "c2"))
    if own:
        node.deliver("c1", Request(1, "add", own))
    return node


def total_of(node):
    node.deliver("c2", Request(99, "total"))
    return node.sent_to("c2", Reply).result


@checks(
    "3.5",
    "for each tower the higher number counts",
    points=2,
    source="Shapiro and others 2011: G-counter",
    look_at="max, tower by tower",
)
def merge_is_a_maximum(program):
    node = counter_of(program, own=5)
    for counts, wanted in (
        ((("n2", 3),), 8),
        ((("n2", 2), ("n3", 4)), 12),
        ((("n1", 2), ("n2", 7), ("n3", 1)), 16),
        ((), 16),
        ((("n4", 1),), 17),
    ):
        node.deliver("n2", Counts(counts))
        got = total_of(node)
        expect(got == wanted, f"n1 was told {counts} and tells a total of {got}; it should be {wanted}")


@checks(
    "3.5",
    "copies and order change nothing",
    points=2,
    source="Shapiro and others 2011",
    look_at="what happens twice",
)
def merge_is_idempotent(program):
    messages = (Counts((("n2", 3), ("n3", 1))), Counts((("n2", 5),)), Counts((("n3", 4), ("n4", 2))))
    for order in permutations(messages):
        node = counter_of(program, own=1)
        for message in (*order, *order, order[0]):
            node.deliver("n3", message)
        got = total_of(node)
        expect(got == 12, f"n1 was told {order}, twice each, and tells a total of {got}, not 12")


@checks("3.5", "who lacks something is told, who lacks nothing is not", points=1, look_at="the answer")
def counts_are_answered(program):
    for counts, lacks in (
        ((("n1", 5), ("n2", 3)), False),
        ((("n1", 5), ("n2", 9)), False),
        ((("n1", 4), ("n2", 9)), True),
        ((("n1", 5),), True),
        ((), True),
    ):
        node = counter_of(program, own=5)
        node.deliver("n3", Counts((("n1", 5), ("n2", 3))))
        before = len(node.sent)
        node.deliver("n2", Counts(counts))
        higher = max(3, dict(counts).get("n2", 0))
        wanted = [("n2", Counts((("n1", 5), ("n2", higher))))] if lacks else []
        got = node.sent[before:]
        expect(got == wanted, f"n1 had (n1: 5, n2: 3) and was told {counts}; it answered {got}, not {wanted}")


# -- Part G: all together ----------------------------------------------------------------------------


def posts(clients, each, *, ids):
    """Each client posts at a tower of its own, and its texts are all different."""
    return {
        f"c{c}": [("post", ids[c % len(ids)], f"c{c} sees {n}") for n in range(1, each + 1)]
        for c in range(1, clients + 1)
    }


def towers(role, count, *, clients=3, each=5, gap_ms=20):
    ids = [f"n{number}" for number in range(1, count + 1)]
    return System.of(count, role, client="Watcher", workload=posts(clients, each, ids=ids), gap_ms=gap_ms)


def books(run):
    """The texts that each living tower has."""
    ids = [id for id in run.system.node_ids if run.is_up(id)]
    return {id: {text for _, _, text in run.observe(id).get("book", ())} for id in ids}


def all_have_all(run):
    """The judge's question: what was confirmed is everywhere, all books are equal, nothing was invented."""
    asked = {op.value for op in run.history if op.f == "post"}
    confirmed = {op.value for op in run.history if op.f == "post" and op.outcome == "ok"}
    have = books(run)
    for id, texts in have.items():
        if texts - asked:
            return f"{id} has {sorted(texts - asked)[:2]}, which nobody saw"
    union = set().union(*have.values()) | confirmed
    lacking = [(id, sorted(union - texts)) for id, texts in have.items() if union - texts]
    return (
        f"{lacking[0][0]} lacks {lacking[0][1][:3]} ({len(lacking)} towers lack something)" if lacking else ""
    )


def expect_all_have_all(run, when):
    if run.violation is None:
        lacking = all_have_all(run)
        expect(not lacking, f"{when}, {lacking}")
        expect(any(op.outcome == "ok" for op in run.history), "no keeper got an answer")


@checks(
    "3.G",
    "after a partition heals, every tower has everything",
    points=3,
    source=DEMERS,
    look_at="both halves of on_digest, and on_news, which passes on what it brings",
)
def partitions_heal(program):
    for count, runs in ((9, 8), (5, 8)):

        def play(run, count=count):
            chance = Stream(run.seed, "sides")
            side = chance.some(run.system.node_ids)[: count // 2]
            rest = [id for id, _ in run.system.members if id not in side]
            run.at(0, run.partition, side, rest).at(2_500, run.heal)
            run.run(12_000)
            expect_all_have_all(run, "9.5 s after the partition has healed")

        scenarios(program, towers("AntiEntropy", count, each=8), play, runs=runs, needs=("partition", "cut"))


def trouble(run, chance):
    """Hurt some towers, or the lines between them, for a while."""
    ids = run.system.node_ids
    match chance.below(4):
        case 0:
            run.crash(chance.choice(ids))
        case 1:
            run.crash_within(chance.choice(ids), chance.below(4))
        case 2:
            some = chance.some(ids)
            run.partition(some, [id for id in ids if id not in some])
        case 3:
            for id in chance.some(ids):
                run.cut(chance.choice([other for other in ids if other != id]), id)


def mend(run):
    run.heal()
    for id in run.system.node_ids:
        run.restart(id)


def troubled(run, until_ms=2_500):
    """Trouble again and again until `until_ms`, then none."""
    chance = Stream(run.seed, "trouble")
    for at_ms in range(100, until_ms, 200):
        run.at(at_ms, trouble, run, chance).at(at_ms + 150, mend, run)
    run.run(until_ms)
    calm(run)


HOSTILE = Link(delay_ms=(1, 30), loss=0.15, duplication=0.15, tail=0.1, tail_ms=250)


@checks(
    "3.G",
    "through loss, copies and crashes, nothing that was confirmed is lost",
    points=3,
    source=DEMERS,
    look_at="self.keep; and what on_digest leaves out",
)
def nothing_is_lost(program):
    def play(run):
        troubled(run)
        run.run(15_000)
        expect_all_have_all(run, "12.5 s after all trouble has ended")

    needs = ("loss", "duplication", "late", "crash", "restart", "partition", "cut")
    scenarios(program, towers("AntiEntropy", 7, each=10), play, runs=16, link=HOSTILE, needs=needs)


@checks(
    "3.G", "towers that agree only compare", points=2, source=DEMERS, look_at="messages that nobody needs"
)
def agreeing_is_cheap(program):
    def play(run):
        run.run(4_000)
        before = messages_between_nodes(run)
        run.run(10_000)
        each = (messages_between_nodes(run) - before) / 6 / len(run.system.nodes)
        expect_all_have_all(run, "after 10 s without a fault")
        expect(
            run.violation or each <= 1.2,
            f"all books are equal, and a tower sends {each:.1f} messages a second; one digest is enough",
        )

    scenarios(program, towers("AntiEntropy", 9), play, runs=4)


@checks(
    "3.G", "when the hub burns down, news still spreads", points=2, look_at="whom anti-entropy compares with"
)
def hubs_may_burn(program):
    for role in ("Star", "Courier"):

        def play(run):
            run.at(30, run.crash, "n1")
            run.run(25_000)
            expect_all_have_all(
                run, "the hub has been down for 25 s, and the others have had time to compare"
            )

        scenarios(program, towers(role, 8, each=4), play, runs=4, needs=("crash",))


@checks(
    "3.G",
    "a rumour reaches nearly all, and then dies",
    points=3,
    source=f"{DEMERS}, section 1.4: residue and traffic",
    look_at="who is told in a round, and when a tower stops",
    not_shown="that everybody hears: a rumour may die too soon",
)
def rumours_spread_and_die(program):
    def play(run):
        run.run(6_000)
        if run.violation is None:
            known = sum(len(times) for times in heard_at(run).values()) / (6 * 50)
            expect(known > 0.85, f"of 50 towers only {known:.0%} heard a rumour; 98 % would be usual")
            each, late = messages_between_nodes(run) / 6, messages_between_nodes(run)
            expect(each < 900, f"one rumour among 50 towers took {each:.0f} messages; 450 would be usual")
            run.run(8_000)
            expect(
                messages_between_nodes(run) == late,
                "6 s after the last rumour began, towers still talk of it",
            )

    system = towers("Monger", 50, clients=6, each=1)
    scenarios(program, system, play, runs=4, link=Link(delay_ms=(1, 20)))


@checks(
    "3.G",
    "with anti-entropy behind them, rumours reach all",
    points=2,
    source=DEMERS,
    look_at="both together",
)
def backed_rumours_reach_all(program):
    def play(run):
        run.at(0, run.isolate, "n7").at(3_000, run.heal)
        run.run(15_000)
        expect_all_have_all(run, "12 s after all were reachable again")

    link = Link(delay_ms=(1, 30), loss=0.2, duplication=0.1)
    scenarios(program, towers("BackedMonger", 12, each=3), play, runs=6, link=link, needs=("loss", "cut"))


def rush(program, role, *, messages, median_ms, most_ms):
    """25 towers, lines of 100 ms, a sighting every 10 ms for 4 s; the keepers stand beside their towers."""
    ids = [f"n{number}" for number in range(1, 26)]
    work = {f"c{n}": [("post", f"n{n}", f"{n}.{i}") for i in range(16)] for n in range(1, 26)}
    system = System.of(25, role, client="Watcher", workload=work, gap_ms=250)

    def play(run):
        for client in system.client_ids:
            for id in ids:
                run.network.set_link(client, id, delay_ms=(0, 0))
                run.network.set_link(id, client, delay_ms=(0, 0))
        run.run(4_000 + most_ms)
        if run.violation is None:
            _within(run, messages, median_ms, most_ms)

    scenarios(program, system, play, runs=1, link=Link(delay_ms=(100, 100)))


def _within(run, messages, median_ms, most_ms):
    heard = heard_at(run).values()
    unheard = sum(25 - len(times) for times in heard)
    expect(
        len(heard) == 400 and not unheard,
        f"of 400 sightings {400 - len(heard)} were never told, {unheard} not yet to all",
    )
    late = [max(times.values()) - min(times.values()) for times in heard]
    each = messages_between_nodes(run) / 400
    expect(each < messages, f"a sighting took {each:.1f} messages between towers; the bound is {messages}")
    median = statistics.median(late)
    expect(
        median < median_ms and max(late) < most_ms,
        f"all had a sighting after {median:.0f} ms in the median and {max(late):.0f} ms at most; "
        f"the bounds are {median_ms} and {most_ms} ms",
    )


@checks(
    "3.G",
    "quick: under 30 messages, median under 400 ms, all under 600 ms",
    points=3,
    source="Gossip Glomers, challenge 3d",
    look_at="who gets a sighting back that it has just sent",
)
def efficient_and_quick(program):
    rush(program, "Star", messages=30, median_ms=400, most_ms=600)


@checks(
    "3.G",
    "thrifty: under 20 messages, median under 1 s, all under 2 s",
    points=3,
    source="Gossip Glomers, challenge 3e",
    look_at="when a batch leaves, and how often",
)
def efficient_and_thrifty(program):
    rush(program, "Courier", messages=20, median_ms=1_000, most_ms=2_000)


def hikers(count, *, clients=4, each=6):
    """Each client counts hikers at a tower of its own, and asks there for the total each time."""
    work = {}
    for c in range(1, clients + 1):
        at = f"n{c % count + 1}"
        work[f"c{c}"] = [call for n in range(each) for call in (("add", at, 1 + (c + n) % 5), ("total", at))]
    return System.of(count, "Counter", client="Watcher", workload=work, gap_ms=60)


def counted(run):
    """The total that each tower would tell."""
    return {id: sum(dict(run.observe(id).get("counts", ())).values()) for id in run.system.node_ids}


def added(run, *outcomes):
    return sum(op.value for op in run.history if op.f == "add" and op.outcome in outcomes)


@checks(
    "3.G",
    "the total is the sum of what was confirmed, once all is well",
    points=3,
    source="Shapiro and others 2011; Maelstrom's g-counter",
    look_at="merge: nothing twice, nothing forgotten",
)
def totals_are_right(program):
    def play(run):
        troubled(run)
        run.run(9_000)
        if run.violation is None:
            least, most, totals = added(run, "ok"), added(run, "ok", "info"), counted(run)
            expect(
                len(set(totals.values())) == 1 and least <= totals["n1"] <= most,
                f"the towers' totals are {totals}; {least} hikers were confirmed, and {most - least} are unknown",
            )

    needs = ("loss", "duplication", "crash", "restart", "partition", "cut")
    scenarios(program, hikers(5), play, runs=16, link=HOSTILE, judge=never_too_many, needs=needs)


def never_too_many(run):
    """The judge: a total that was told never exceeds the additions that had been asked for by then."""
    for read in run.history:
        if read.f == "total" and read.outcome == "ok":
            asked = sum(op.value for op in run.history if op.f == "add" and op.invoked < read.returned)
            if read.result > asked:
                return Violation(
                    "no hiker is counted twice", f"{read}, but only {asked} had been counted by then"
                )
    return None


@checks("3.G", "what one tower tells never goes down", points=1, look_at="can a merge lower a number?")
def totals_never_sink(program):
    def play(run):
        run.run(5_000)
        told_so_far = {}
        for read in run.history:
            if read.f == "total" and read.outcome == "ok":
                before = told_so_far.get(read.key, 0)
                expect(read.result >= before, f"{read.key} told {before} hikers, and later {read.result}")
                told_so_far[read.key] = read.result

    link = Link(delay_ms=(1, 30), duplication=0.2, tail=0.2, tail_ms=600)
    scenarios(program, hikers(4, each=12), play, runs=8, link=link, needs=("duplication", "late"))
