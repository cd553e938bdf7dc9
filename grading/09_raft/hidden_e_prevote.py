"""Lab 09, part `prevote`, hidden checks: any node asked anything, other sizes, other faults."""

from __future__ import annotations

import random

from checks import CALM, HOSTILE, calm_down, expect_settled, leader_in
from checks_e_prevote import PEACE, ROLE, a_follower, asks, expect_peace, node_in, play_all, term_of, willing
from given import AppendEntries, PreVote, RequestVoteReply, Role

from labkit import System, Walk, checks, expect, walks
from labkit.network import Stream
from labkit.verdict import trial


def dice():
    """Draws that differ from submission to submission, and repeat for one."""
    return random.Random(f"{trial().seed}/{trial().check.name}")


def terms_of(draw, term):
    return tuple(sorted(draw.randint(1, term) for _ in range(draw.randint(0, 5)))) if term else ()


@checks("9.15", "any term, any log, any number of nodes", points=2, source="section 9.6")
def any_asker(program):
    draw = dice()
    for _ in range(40):
        term, nodes = draw.randint(0, 40), draw.randint(2, 9)
        terms = terms_of(draw, term)
        node = node_in(program, term, voted_for=draw.choice((None, "n1", "n2")), terms_of_log=terms, nodes=nodes)
        for turn in range(1, draw.randint(2, 4)):
            node.sent.clear()
            node.fire("election")
            wanted = PreVote(term + 1, "n1", len(terms), terms[-1] if terms else 0)
            got = sorted(node.sent, key=str)
            expect(
                got == [(f"n{n}", wanted) for n in range(2, nodes + 1)],
                f"n1 of {nodes} asked for the {turn}. time in term {term}, and sent {got}",
            )
        voters = draw.sample(range(2, nodes + 1), (nodes + 1) // 2 - 1)
        willing(node, *[f"n{n}" for n in voters], next_term=term + 1)
        more = draw.choice([n for n in range(2, nodes + 1) if n not in voters])
        if 2 * (len(voters) + 1) <= nodes:
            got = node.observe()["current_term"]
            expect(got == term, f"{len(voters) + 1} of {nodes} are willing, and n1 went from term {term} to {got}")
        willing(node, f"n{more}", next_term=term + 1)
        got = node.observe()["current_term"]
        expect(got == term + 1, f"a majority of {nodes} is willing, and n1 is in term {got}, not in {term + 1}")


@checks("9.16", "any node, asked anything", points=3, source="section 9.6")
def any_answer(program):
    draw = dice()
    for _ in range(80):
        term = draw.randint(1, 9)
        terms = terms_of(draw, term)
        node = node_in(program, term, voted_for=draw.choice((None, "n1", "n2", "n3")), terms_of_log=terms)
        state = draw.choice(("new", "hears", "hears", "heard", "leads", "lost"))
        term = _bring(node, state, term)
        next_term, last = term + draw.choice((-1, 0, 1, 1, 1, 2)), draw.randint(0, term)
        length = draw.randint(1, 6) if last else 0
        up_to_date = (last, length) >= ((terms[-1], len(terms)) if terms else (0, 0))
        wanted = state not in ("hears", "leads") and next_term > term and up_to_date
        got = asks(node, "n2", next_term, (last, length))
        expect(
            got == wanted,
            f"n1 is in term {term}, its state is {state!r}, its log has terms {terms}; asked about term {next_term}, with a log of (last term, last index) {(last, length)}, it said {got}",
        )


def _bring(node, state, term):
    """Bring the node into a state; its term then."""
    if state in ("hears", "heard"):
        node.deliver("n3", AppendEntries(term, "n3"))
        if state == "heard":
            node.fire("silence")
    if state in ("leads", "lost"):
        node.fire("election")
        willing(node, "n3", next_term=term + 1)
        node.deliver("n3", RequestVoteReply(term + 1, state == "leads"))
        role = node.observe()["role"]
        expect((role is Role.LEADER) == (state == "leads"), f"n3 answered n1's request, and n1 is a {role.value}")
        return term + 1
    return term


@checks("9.V", "any order of events, with two, four and seven nodes", points=2, source="figure 3; section 9.6")
def other_sizes(program):
    for nodes, count in ((2, 80), (4, 80), (7, 30)):
        limits = Walk(steps_max=20 + 10 * nodes, restarts=3, cuts=3, duplicates=True, timers=16)
        walks(program, System.of(nodes, ROLE), count=count, limits=limits, **PEACE)


@checks("9.V", "cables that come and go, and nobody stands", points=2, source="section 9.6")
def flapping_cables(program):
    def play(run):
        expect_settled(run, run.system.node_ids, "seven nodes booted")
        term, chance = term_of(run, "n1"), Stream(run.seed, "cables")
        for _ in range(8):
            far = [id for id in run.system.node_ids if id != leader_in(run)]
            for id in chance.some(far)[:2]:
                run.isolate(id) if chance.chance(0.5) else run.cut(leader_in(run), id)
            expect_peace(run, "one or two followers were cut off", chance.between(100, 2_000), since=term)
            run.heal()
            expect_peace(run, "the cables were mended", chance.between(0, 400), since=term)
        expect_settled(run, run.system.node_ids, "the cables were mended for good")

    play_all(program, 7, play, runs=4, link=CALM, needs=("cut",))


@checks("9.V", "a crashed node boots into a later term, and is led", points=1, source="section 9.6")
def comes_back_behind(program):
    def play(run):
        expect_settled(run, run.system.node_ids, "five nodes booted")
        away = a_follower(run)
        run.crash(away)
        for _ in range(2):
            run.crash(leader_in(run))
            run.run(run.now_ms + 3_000)
            for id in run.system.node_ids:
                if id != away:
                    run.restart(id)
            expect_settled(run, [id for id in run.system.node_ids if id != away], f"{away} was down, a leader was replaced")
        run.restart(away)
        expect_settled(run, run.system.node_ids, f"{away} is back")

    play_all(program, 5, play, runs=4, needs=("crash", "restart"))


@checks("9.V", "hostile links, then peace", points=1, source="section 5.2; section 9.6")
def hostile_links(program):
    def play(run):
        run.run(4_000)
        calm_down(run)
        expect_settled(run, run.system.node_ids, "the links were bad, and are good again")
        expect_peace(run, "the links were good", 4_000)

    play_all(program, 7, play, runs=5, link=HOSTILE, needs=("late", "loss"))
