"""Lab 08, part single, hidden checks: the same rules as the public ones, over more of what may happen.

Ids, values, ballots and faults are drawn from the trial's seed, so nothing can be learnt by heart.
"""

from __future__ import annotations

import random

from checks import (
    SAFETY,
    ballot_of,
    ballots_to,
    chosen_values,
    desks,
    every_order,
    expect_all_decide,
    office,
    proposals,
    proposer_of,
)
from given import BACKOFF_MS, DOUBLINGS_MAX, NO_BALLOT, Accept, Accepted, Nack, Prepare, Promise, majority

from labkit import Link, Walk, by_hand, checks, expect, scenarios, walks
from labkit.network import Stream
from labkit.search import Bounds
from labkit.verdict import trial


def dice():
    """Draws that differ from submission to submission, and repeat for one."""
    return random.Random(f"{trial().seed}/{trial().check.name}")


def some_ballot(draw, most=12):
    return draw.randint(1, most), draw.choice(("p1", "p2", "p3", "p10"))


def play_acceptor(draw, kinds, steps=150):
    """Requests of these kinds, and for each the answer that the rules demand."""
    promised, accepted = NO_BALLOT, (NO_BALLOT, None)
    for step in range(steps):
        ballot = some_ballot(draw, 3 + step // 6)
        request = Prepare(ballot) if draw.choice(kinds) == "prepare" else Accept(ballot, f"by {ballot}")
        if ballot < promised:
            wanted = Nack(ballot, promised)
        elif isinstance(request, Prepare):
            promised, wanted = ballot, Promise(ballot, *accepted)
        else:
            promised, accepted, wanted = ballot, (ballot, request.value), Accepted(ballot, request.value)
        yield request, wanted, f"a2 has promised {promised} and accepted {accepted}"


def expect_rules(program, kinds):
    draw = dice()
    for _ in range(3):
        node = by_hand(program, "Acceptor", "a2", peers=("a1", "a3"), clients=("p1", "p2", "p3", "p10"))
        for request, wanted, said in play_acceptor(draw, kinds):
            before, source = len(node.sent), request.ballot[1]
            node.deliver(source, request)
            sent = node.sent[before:]
            expect(sent == [(source, wanted)], f"{said}; {request} was answered by {sent}, and not by {wanted}")
            if draw.random() < 0.15:
                node.restart()


@checks("8.1", "any requests, copies and crashes: promises by the rule", points=2)
def promises_by_the_rule(program):
    expect_rules(program, ("prepare",))


@checks("8.2", "any requests of both phases, copies and crashes: by the rules", points=3)
def accepts_by_the_rule(program):
    expect_rules(program, ("prepare", "accept", "accept"))


@checks("8.3", "any promises: one proposal a ballot, of the right value", points=3)
def proposes_by_the_rule(program):
    draw = dice()
    for count in (1, 2, 3, 4, 5, 7):
        node = proposer_of(program, count, value="mine")
        for _ in range(12):
            node.fire("retry")
            heard, told = {}, {}
            for _ in range(3 * count):
                acceptor, old = draw.choice(desks(count)), draw.random() < 0.25
                one, other = some_ballot(draw), some_ballot(draw)
                accepted = draw.choice(((NO_BALLOT, None), (one, f"by {one}"), (other, f"by {other}")))
                accepted = accepted if old else told.setdefault(acceptor, accepted)  # a copy says the same
                ballot = (ballot_of(node)[0] - 1, "p1") if old else ballot_of(node)
                node.deliver(acceptor, Promise(ballot, *accepted))
                if not old and len(heard) < majority(count):
                    heard[acceptor] = accepted
                expect_value(node, count, heard)


def expect_value(node, count, heard):
    """Nothing before a majority; then the value of the highest ballot among the first promises."""
    got = {acceptor: [m.value for m in sent] for acceptor, sent in proposals(node, count).items()}
    if len(heard) < majority(count):
        expect(not got, f"{len(heard)} of {count} promised {ballot_of(node)}, and p1 proposed {got}")
        return
    wanted = max(heard.values())[1] if max(heard.values(), key=lambda told: told[0])[1] else "mine"
    expect(got == {acceptor: [wanted] for acceptor in desks(count)},
           f"the first promises told {heard}, so {wanted!r} goes once to all; p1 proposed {got}")  # fmt: skip


@checks("8.4", "any acceptances: chosen when one ballot has a majority", points=3)
def learns_by_the_rule(program):
    draw = dice()
    for count in (1, 3, 4, 5, 7):
        for _ in range(6):
            node, who = proposer_of(program, count, value="mine"), {}
            ballots = [ballot_of(node)]
            for _ in range(4):
                node.fire("retry")
                ballots.append(ballot_of(node))
            chosen = None
            while chosen is None:
                ballot, acceptor = draw.choice(ballots), draw.choice(desks(count))
                expect(node.outcome(node.operation) is None, f"{who} of {count} accepted, and p1 took a value for chosen")
                node.deliver(acceptor, Accepted(ballot, "theirs"))
                who.setdefault(ballot, set()).add(acceptor)
                chosen = "theirs" if len(who[ballot]) == majority(count) else None
            got = node.outcome(node.operation)
            expect(got == ("ok", chosen), f"{who} of {count} accepted, and the operation ended as {got}")


@checks("8.5", "any refusals, of any ballots", points=3)
def refused_by_the_rule(program):
    draw = dice()
    for _ in range(8):
        node, highest, turns = proposer_of(program, 5), 0, 0
        for _ in range(DOUBLINGS_MAX + 2):
            old, first = (ballot_of(node)[0] - 1, "p1"), True
            for _ in range(draw.randint(1, 6)):
                number = draw.randint(1, 40)
                present = draw.random() < 0.7
                node.deliver(draw.choice(desks(5)), Nack(ballot_of(node) if present else old, (number, "p2")))
                highest = max(highest, number)
                timers = [effect for effect in node.effects if effect[0] == "set_timer"]
                expect(bool(timers) == (present and first), f"a {'first' if first else 'further'} Nack for "
                       f"{'the present' if present else 'an old'} ballot, and p1 set {timers or 'no timer'}")  # fmt: skip
                if present and first:
                    first, turns = False, turns + 1
                    most = BACKOFF_MS * 2 ** min(turns, DOUBLINGS_MAX)
                    least_us, most_us = node.timers["retry"]
                    expect(BACKOFF_MS * 1000 <= least_us <= most_us <= most * 1000, f"after {turns} refusals p1 waits {node.timers['retry']} us")
            node.fire("retry")
            expect(ballot_of(node)[0] > highest, f"p1 heard of number {highest}, and began {ballot_of(node)}")


# -- the part --------------------------------------------------------------------------------------


@checks("8.S", "one, two, four and five acceptors, any order, any crash", points=2)
def many_sizes(program):
    rough = Walk(steps_max=120, timers=10, restarts=3, cuts=3, duplicates=True)
    for acceptors in (1, 2, 4, 5):
        walks(program, office(acceptors, "x y", "y", "z"), count=80, limits=rough, **SAFETY)
        walks(program, office(acceptors, "x", "y"), count=40, limits=Walk(steps_max=120, timers=10, demotions=8), **SAFETY)
    whole = Bounds(restarts=1, cuts=True, states_max=trial().count(100_000), within=ballots_to(1))
    every_order(program, office(2, "x", "y"), chosen_values, whole, check="8.S", about="two acceptors")


@checks("8.S", "power cuts: all acceptors crash at once, again and again", points=2)
def power_cuts(program):
    system = office(3, "x", "y", "z")

    def play(run):
        chance = Stream(run.seed, "power")
        for number in range(8):
            at_ms = 8 + 60 * number + chance.below(30)
            for acceptor in system.node_ids:
                run.at(at_ms, run.crash_within, acceptor, chance.below(3)).at(at_ms + 12, run.crash, acceptor)
                run.at(at_ms + 20, run.restart, acceptor)
        run.run(600)
        expect_all_decide(run, "the last power cut was over")

    needs = ("crash", "crash within a handler", "restart")
    link = Link(delay_ms=(1, 15), duplication=0.1, tail=0.1, tail_ms=200)
    scenarios(program, system, play, runs=30, link=link, needs=needs, **SAFETY)


@checks("8.S", "any minority may be away, for good", points=2)
def any_minority(program):
    def play(run):
        chance, ids = Stream(run.seed, "minority"), list(run.system.node_ids)
        for _ in range((len(ids) - 1) // 2):
            gone = ids.pop(chance.below(len(ids)))
            run.at(chance.below(60), chance.choice((run.crash, run.pause)), gone)
        run.run(8_000)
        open_ones = [op for op in run.history if op.outcome != "ok"]
        expect(run.violation or not open_ones, f"a majority lived, and {open_ones[0] if open_ones else 'nothing'}")

    for acceptors in (3, 4, 7):
        scenarios(program, office(acceptors, "x", "y", "z"), play, runs=10, link=Link(delay_ms=(1, 20), duplication=0.1), **SAFETY)
