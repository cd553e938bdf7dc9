"""Lab 09, part `persistence`, hidden checks: disks, crashes and faults that nobody has chosen."""

from __future__ import annotations

from checks import leader_in
from checks_b_log import (
    RULES,
    entries_of,
    expect_same_books,
    expect_sold,
    follower_with,
    leader_with,
    play_all,
    shop,
    sold,
    tell,
)
from checks_c_persistence import ROLE, booted, expect_new, mend, on_disk_when_sent
from given import AppendEntries, AppendEntriesReply, RequestVote, RequestVoteReply, Submit
from hidden_b_log import all_sell, dice, terms_up_to

from labkit import Link, Walk, checks, expect, walks
from labkit.nemesis import LINKS, NODES
from labkit.network import Stream
from labkit.portfolio import Liveness, portfolio


@checks("9.10", "any disk", points=2, source="figure 2, state")
def any_disk(program):
    draw = dice()
    for _ in range(30):
        term = draw.randint(0, 9)
        log = entries_of(*terms_up_to(draw, term, draw.randint(0, 6) if term else 0))
        vote = draw.choice((None, "n1", "n2", "n3"))
        node = booted(program, current_term=term, voted_for=vote, log=log)
        for _ in range(2):
            seen = node.observe()
            got = seen["current_term"], seen["voted_for"], tuple(seen["log"])
            expect(got == (term, vote, log), f"the disk says {(term, vote, log)}, and n1 boots with {got}")
            expect_new(seen)
            node.restart()


@checks("9.11", "any mixture of news, sales and crashes", points=3, source="figure 2, persistent state")
def any_mixture(program):
    draw = dice()
    for _ in range(12):
        start = leader_with if draw.random() < 0.5 else follower_with
        node = start(program, *terms_up_to(draw, 3, draw.randint(1, 5)), term=5, nodes=5, role=ROLE)
        for _ in range(25):
            one_step(node, draw)


def one_step(node, draw):
    """Something happens to the node; each message that leaves must be covered by its disk."""
    before, seen = dict(node.storage), node.observe()
    term = max(1, seen["current_term"] + draw.choice((0, 0, 0, 1, -1)))
    peer, last = draw.choice(("n2", "n3", "n4")), len(seen["log"])
    prev = draw.randint(0, last + 1)
    there = seen["log"][prev - 1].term if 1 <= prev <= last else 0
    entries = entries_of(*[term] * draw.randint(0, 3), first=prev + 1)
    messages = {
        "append": AppendEntries(term, peer, prev, there, entries, draw.randint(0, last)),
        "reply": AppendEntriesReply(min(term, seen["current_term"]), True, draw.randint(0, last)),
        "ask": RequestVote(term, peer, last, term),
        "vote": RequestVoteReply(min(term, seen["current_term"]), True),
    }
    what = draw.choice((*messages, "sale", "timer", "crash"))
    if what == "append" and seen["role"].value == "leader" and term == seen["current_term"]:
        return  # a term has one leader
    if what in messages:
        tell(node, peer, messages[what])
    elif what == "sale":
        tell(node, "c1", Submit(draw.randint(1, 99), f"sale {draw.randint(1, 99)}"))
    elif what == "timer":
        node.fire(sorted(node.timers)[0])
    else:
        expect_kept(node, seen)
        return
    if any(effect[0] == "send" for effect in node.effects):
        on_disk_when_sent(node, node.effects, before, f"n1 had: {what}")


def expect_kept(node, seen):
    """A crash between two handlers takes nothing that was told to anybody: here, nothing at all."""
    node.restart()
    now = node.observe()
    for name in ("current_term", "voted_for"):
        expect(now[name] == seen[name], f"n1 had {name} {seen[name]}, crashed, and came back with {now[name]}")


@checks("9.P", "two, four and seven nodes, with crashes anywhere", points=2, source="figure 3")
def other_sizes_crash(program):
    for nodes, count in ((2, 60), (4, 60), (7, 20)):
        limits = Walk(steps_max=50 + 15 * nodes, restarts=4, cuts=3, duplicates=True)
        walks(program, shop(ROLE, nodes, 2, 2), count=count, limits=limits, **RULES)


@checks("9.P", "whatever happens to nodes and links", points=3, source="figure 3")
def whatever_happens(program):
    end = Liveness("all books are the same, with all that was answered", all_sell, 8_000)
    portfolio(
        program,
        shop(ROLE, 5, 30, 30, gap_ms=30),
        liveness=end,
        kinds=LINKS + NODES,
        target=leader_in,
        until_ms=2_000,
        events=60_000,
        **RULES,
    )


@checks("9.P", "everybody crashes in the act, again and again", points=2, source="figure 3")
def all_crash_in_the_act(program):
    def play(run):
        chance, nodes = Stream(run.seed, "in the act"), run.system.node_ids
        for _ in range(10):
            run.run(run.now_ms + chance.between(100, 500))
            for id in nodes:
                run.crash_within(id, chance.below(5))
            run.run(run.now_ms + 60)
            for id in nodes:
                run.crash_within(id, None)
                run.restart(id)
        mend(run)
        expect_sold(run, len(sold(run)) + 1, "all nodes are up, for good")
        expect_same_books(run, nodes, "all nodes are up, for good")

    link = Link(delay_ms=(1, 20), duplication=0.1, tail=0.1, tail_ms=700)
    needs = ("crash within a handler", "restart", "late", "duplication")
    play_all(program, shop(ROLE, 3, 99, 99, gap_ms=80), play, runs=8, link=link, needs=needs)
