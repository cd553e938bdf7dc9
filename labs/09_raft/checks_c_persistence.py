"""Lab 09, part `persistence`, public checks: what is on the disk, and what a crash may not take.

Names in brackets are those of the Go labs 3C.  Quotations are from Ongaro & Ousterhout 2014.
"""

from __future__ import annotations

from checks import CALM, TIMEOUT_MS, calm_down, leader_in
from checks_b_log import (
    LOSSY,
    RULES,
    cut_off,
    entries_of,
    expect_leader,
    expect_same_books,
    expect_sold,
    follower_with,
    leader_with,
    play_all,
    search_story,
    shop,
    sold,
    submit,
    tell,
)
from given import AppendEntries, AppendEntriesReply, RequestVote, Role, Submit, one_crash

from labkit import Link, Walk, by_hand, checks, expect, walks
from labkit.network import Stream

ROLE = "DurableRaft"
PROMISED = ("current_term", "voted_for", "log")

# -- 9.10 Booting --------------------------------------------------------------------------------


def booted(program, **storage):
    return by_hand(program, ROLE, "n1", peers=("n2", "n3"), clients=("c1",), storage=storage)


@checks(
    "9.10",
    "what it had promised comes back",
    points=2,
    look_at="self.storage.get(...)",
    source="figure 2, persistent state on all servers: currentTerm, votedFor, log[]",
)
def promises_come_back(program):
    for term, vote, terms in ((7, "n3", (1, 2, 2, 5)), (3, None, (3,)), (4, "n1", ()), (0, None, ())):
        log = entries_of(*terms)
        node = booted(program, current_term=term, voted_for=vote, log=log)
        for _ in range(2):
            seen = node.observe()
            got = seen["current_term"], seen["voted_for"], tuple(seen["log"])
            expect(
                got == (term, vote, log),
                f"the disk says: term {term}, vote for {vote}, {len(terms)} entries; n1 boots, and has term {got[0]}, vote for {got[1]}, {len(got[2])} entries",
            )
            node.restart()


@checks(
    "9.10",
    "at its first boot it has promised nothing",
    points=1,
    look_at="the second value of storage.get",
    source="figure 2: currentTerm is initialized to 0 on first boot",
)
def first_boot(program):
    seen = booted(program).observe()
    got = seen["current_term"], seen["voted_for"], tuple(seen["log"])
    expect(got == (0, None, ()), f"the disk is empty, and n1 boots with (term, vote, log) = {got}")


@checks(
    "9.10",
    "all else begins anew",
    points=3,
    look_at="which attributes of figure 2 are volatile",
    source="figure 2, volatile state: commitIndex and lastApplied are initialized to 0; section 5.2: servers start up as followers",
)
def all_else_begins_anew(program):
    extra = {"commit_index": 3, "last_applied": 3, "role": Role.LEADER, "leader_id": "n1"}
    for more in ({}, extra):
        node = booted(program, current_term=7, voted_for="n1", log=entries_of(1, 2, 2, 5), **more)
        for _ in range(2):
            expect_new(node.observe())
            node.restart()


def expect_new(seen):
    expect(seen["role"] is Role.FOLLOWER, f"n1 boots as a {seen['role'].value}; whether it leads, the others decide")
    expect(seen["leader_id"] is None, f"n1 has just booted, and says that {seen['leader_id']} leads")
    for name in ("commit_index", "last_applied"):
        expect(
            seen[name] == 0,
            f"n1 has just booted, its book is empty, and {name} is {seen[name]}: what is committed, a leader will say",
        )
    for name in ("book", "votes", "next_index", "match_index", "waiting"):
        expect(not seen[name], f"n1 has just booted, and {name} is {seen[name]}")


@checks(
    "9.10",
    "it waits for a leader before it stands",
    points=1,
    look_at="the timers",
    source="section 5.2: a server begins an election if it receives no communication over the election timeout",
)
def boots_quietly(program):
    node = booted(program, current_term=7, voted_for="n1", log=entries_of(1, 5))
    for _ in range(2):
        expect(not node.sent, f"n1 boots, and sends {node.sent}")
        expect(
            list(node.timers) == ["election"],
            f"n1 boots, and its timers are: {', '.join(map(str, node.timers)) or 'none'}; it should wait for a leader, and only that",
        )
        node.restart()


# -- 9.11 Before a message leaves ------------------------------------------------------------------


def on_disk_when_sent(node, effects, before, what):
    """Each message of a handler left when the disk had what the node then knew; `before` is the disk before it."""
    disk, seen = dict(before), node.observe()
    expect(any(effect[0] == "send" for effect in effects), f"{what}, and n1 sent nothing")
    for effect in effects:
        if effect[0] == "save":
            disk |= effect[1]
        elif effect[0] == "send":
            missing = [name for name in PROMISED if disk.get(name) != seen[name]]
            expect(
                not missing,
                f"{what}: {effect[2]} leaves for {effect[1]}, and {', '.join(missing)} on the disk is not what n1 has in memory; a crash right then forgets a promise",
            )


def watched(node, what, act):
    """`act` is done to the node, and whatever leaves must be covered by its disk."""
    before = dict(node.storage)
    act()
    on_disk_when_sent(node, node.effects, before, what)


@checks(
    "9.11",
    "a follower has on its disk what it says it has",
    points=3,
    look_at="what is saved, and whether before the message leaves",
    source='figure 2, persistent state: "Updated on stable storage before responding to RPCs"',
)
def follower_saves_first(program):
    node = follower_with(program, term=3, role=ROLE)
    for term, prev, prev_term, terms in (
        (3, 0, 0, (1, 2, 3)),
        (3, 3, 3, (3, 3)),
        (3, 2, 2, (3,)),
        (5, 2, 2, (5,)),
        (5, 9, 5, (5,)),
        (6, 1, 1, (6, 6)),
    ):
        message = AppendEntries(term, "n3", prev, prev_term, entries_of(*terms, first=prev + 1), 0)
        what = f"n1 got {len(terms)} entries after index {prev}, in term {term}"
        watched(node, what, lambda message=message: tell(node, "n3", message))


@checks(
    "9.11",
    "a leader has its entries on its disk before it sends them",
    points=2,
    look_at="on_submit sends to every follower: what is on the leader's disk then?",
    source="dissertation, section 3.8; a leader counts itself among those that have the entry",
)
def leader_saves_first(program):
    node = leader_with(program, 1, 2, term=4, role=ROLE)
    watched(node, "n1 leads, and a till sold tea", lambda: tell(node, "c1", Submit(1, "tea")))
    tell(node, "n2", AppendEntriesReply(4, True, 3))
    watched(node, "n1 leads, and a till sold jam", lambda: tell(node, "c1", Submit(2, "jam")))
    node = leader_with(program, term=4, role=ROLE)
    submit(node, "tea", "jam")
    watched(node, "n1 leads, has two sales, and its heartbeat timer fired", lambda: node.fire("heartbeat"))


@checks(
    "9.11",
    "terms and votes are on the disk as well",
    points=1,
    look_at="all three names",
    source="figure 2, persistent state: currentTerm, votedFor, log[]",
)
def terms_and_votes_are_saved(program):
    node = follower_with(program, 1, 2, term=3, role=ROLE)
    watched(node, "n1 voted for n2 in term 4", lambda: tell(node, "n2", RequestVote(4, "n2", 2, 2)))
    watched(node, "n1 stood for election", lambda: node.fire("election"))
    watched(node, "n1 refused n3, in term 7", lambda: tell(node, "n3", RequestVote(7, "n3", 0, 0)))
    node.restart()
    seen = node.observe()
    got = seen["current_term"], seen["voted_for"], len(seen["log"])
    expect(got == (7, None, 2), f"n1 was in term 7, had voted for nobody there, and had 2 entries; it crashed, and came back with {got}")


@checks(
    "9.11",
    "a heartbeat costs no write",
    points=1,
    look_at="self.storage.get(name) and what you have in memory",
    source="the docstring; a disk write takes longer than a message",
)
def saves_nothing_twice(program):
    node = follower_with(program, 1, 2, 2, term=3, role=ROLE)
    heartbeat = AppendEntries(3, "n3", 3, 2, (), 2)
    for number in range(3):
        node.deliver("n3", heartbeat)
        saves = [effect for effect in node.effects if effect[0] == "save"]
        expect(
            number == 0 or not saves,
            f"the same heartbeat came {number + 1} times, and n1 writes to its disk each time: {len(saves)} saves",
        )
    node = leader_with(program, 1, 2, term=4, role=ROLE)
    for number in range(3):
        node.fire("heartbeat")
        saves = [effect for effect in node.effects if effect[0] == "save"]
        expect(number == 0 or not saves, f"n1 leads and sends its heartbeat number {number + 1}, and writes to its disk {len(saves)} times")


@checks(
    "9.11",
    "what changed is written at once, and each message leaves once",
    points=1,
    look_at="how many saves, how many sends",
    source="the docstring: in one save",
)
def writes_once(program):
    node = leader_with(program, 1, 2, term=4, nodes=5, role=ROLE)
    tell(node, "c1", Submit(1, "tea"))
    saves = [effect for effect in node.effects if effect[0] == "save"]
    expect(len(saves) == 1, f"n1 leads five nodes; a till sold tea, and n1 saved {len(saves)} times before it had told all four")
    for peer in ("n2", "n3", "n4", "n5"):
        got = [effect[2] for effect in node.effects if effect[:2] == ("send", peer)]
        expect(len(got) == 1, f"n1 had one message for {peer}, and sent {len(got)}")
        expect(
            got[0] == AppendEntries(4, "n1", 2, 2, node.observe()["log"][2:], 0),
            f"n1 had an AppendEntries with one sale for {peer}, and sent {got[0]}",
        )


# -- Part P: crashes -----------------------------------------------------------------------------


def mend(run):
    """From now on everything is connected, nobody is down, and nobody is about to crash."""
    for id in run.system.node_ids:
        run.crash_within(id, None)
    calm_down(run)


@checks(
    "9.P",
    "everybody crashes, and nothing is lost (Persist1)",
    points=2,
    look_at="9.10 and 9.11, and the names under which you save",
    source="Go lab 3C",
)
def persist_1(program):
    def play(run):
        nodes = run.system.node_ids
        expect_sold(run, 3, "three nodes booted")
        for id in nodes:
            run.crash(id)
        run.run(run.now_ms + 50)
        for id in nodes:
            run.restart(id)
        expect_sold(run, 6, "all three nodes crashed and came back")
        for who in ("the leader", "a follower"):
            leader = leader_in(run)
            victim = leader if who == "the leader" else next(id for id in nodes if id != leader)
            run.crash(victim)
            expect_sold(run, len(sold(run)) + 2, f"{who}, {victim}, crashed")
            run.restart(victim)
        expect_same_books(run, nodes, "each had crashed and come back")

    play_all(program, shop(ROLE, 3, 12, gap_ms=40), play, runs=8, needs=("crash", "restart"))


@checks(
    "9.P",
    "crashes in turn: two away, all away, two back (Persist2)",
    points=2,
    look_at="what a node that comes back says of its log",
    source="Go lab 3C",
)
def persist_2(program):
    def play(run):
        nodes = list(run.system.node_ids)
        for turn in range(3):
            leader = expect_leader(run, f"round {turn}: all five nodes were up")
            place = nodes.index(leader)
            ring = nodes[place:] + nodes[:place]
            for id in ring[1:3]:
                run.crash(id)
            expect_sold(run, len(sold(run)) + 2, f"round {turn}: of five nodes, {ring[1]} and {ring[2]} were down")
            for id in (ring[0], ring[3], ring[4]):
                run.crash(id)
            for id in ring[1:4]:
                run.restart(id)
            run.run(run.now_ms + 3 * TIMEOUT_MS)
            for id in (ring[4], ring[0]):
                run.restart(id)
        expect_same_books(run, nodes, "all five nodes were up again")

    play_all(program, shop(ROLE, 5, 99, 99, gap_ms=60), play, runs=4, needs=("crash", "restart"))


@checks(
    "9.P",
    "a leader cut off, a follower crashed, both back (Persist3)",
    points=1,
    look_at="the vote rule, with a log from the disk",
    source="Go lab 3C",
)
def persist_3(program):
    def play(run):
        expect_sold(run, 2, "three nodes booted")
        leader = leader_in(run)
        alone, other = [id for id in run.system.node_ids if id != leader]
        cut_off(run, alone)
        expect_sold(run, 4, f"{alone} was cut off")
        run.crash(leader)
        run.crash(other)
        run.heal()
        run.run(run.now_ms + 2 * TIMEOUT_MS)
        run.restart(other)
        expect_sold(run, 6, f"{alone} is back, which missed two sales, and {other}, which did not")
        run.restart(leader)
        expect_same_books(run, run.system.node_ids, f"{leader} is back, too")

    play_all(program, shop(ROLE, 3, 8, gap_ms=60), play, runs=8, needs=("crash", "restart", "partition"))


def crash_leaders(run, rounds, chance):
    """Again and again, whoever leads takes a sale and crashes soon, or in the act; a bare majority stays up."""
    nodes = run.system.node_ids
    for _ in range(rounds):
        run.run(run.now_ms + (chance.between(150, 500) if chance.chance(0.6) else chance.between(5, 60)))
        leader = leader_in(run)
        if chance.chance(0.3):
            run.crash_within(leader, chance.below(4))
            run.run(run.now_ms + 30)
        run.crash(leader)
        down = [id for id in nodes if not run.is_up(id)]
        for id in down[: max(0, len(down) - len(nodes) + len(nodes) // 2 + 1)]:
            run.restart(id)


@checks(
    "9.P",
    "leaders that crash soon after a sale (Figure8)",
    points=3,
    look_at="what was saved before an answer; then the commit rule",
    source="section 5.4.2; Go lab 3C",
)
def figure_8_in_time(program):
    def play(run):
        crash_leaders(run, 15, Stream(run.seed, "figure 8"))
        mend(run)
        expect_sold(run, len(sold(run)) + 1, "all five nodes are up again, for good")
        expect_same_books(run, run.system.node_ids, "all five nodes are up again, for good")

    needs = ("crash", "restart", "crash within a handler")
    play_all(program, shop(ROLE, 5, 99, 99, gap_ms=60), play, runs=16, needs=needs)


@checks(
    "9.P",
    "five tills on lossy links, and one power cut (UnreliableAgree)",
    points=1,
    look_at="what happens to a lost or doubled answer",
    source="Go lab 3C",
)
def unreliable_agree(program):
    def play(run):
        expect_sold(run, 20, "five nodes and five tills, on links that lose one message in ten")
        for id in run.system.node_ids:
            run.crash(id)
            run.restart(id)
        expect_sold(run, 50, "the same, and all nodes had crashed once")
        mend(run)
        expect_same_books(run, run.system.node_ids, "the links are good again")

    play_all(program, shop(ROLE, 5, *[10] * 5), play, runs=4, link=LOSSY, needs=("loss", "duplication", "crash"))


@checks(
    "9.P",
    "the same on lossy links, with messages that come much later (Figure8Unreliable)",
    points=2,
    look_at="late requests in 9.5, late answers in 9.7",
    source="Go lab 3C",
)
def figure_8_unreliable(program):
    link = Link(delay_ms=(1, 30), loss=0.1, duplication=0.05, tail=0.2, tail_ms=1_500)

    def play(run):
        chance = Stream(run.seed, "figure 8")
        for _ in range(12):
            run.run(run.now_ms + chance.between(20, 400))
            if chance.chance(0.4):
                run.heal()
            cut_off(run, leader_in(run), tills=run.system.client_ids if chance.chance(0.5) else ())
            if chance.chance(0.6):
                crash_leaders(run, 1, chance)
        mend(run)
        expect_sold(run, len(sold(run)) + 1, "all five nodes are up and connected, for good")
        expect_same_books(run, run.system.node_ids, "all five nodes are up and connected, for good")

    needs = ("crash", "restart", "partition", "loss", "late")
    play_all(program, shop(ROLE, 5, 99, 99, gap_ms=80), play, runs=12, link=link, needs=needs)


@checks(
    "9.P",
    "three tills, while nodes crash and are cut off at random (ReliableChurn)",
    points=1,
    look_at="the numbered steps",
    source="Go lab 3C",
)
def reliable_churn(program):
    churn(program, CALM, ())


@checks(
    "9.P",
    "the same on lossy links (UnreliableChurn)",
    points=1,
    look_at="the numbered steps",
    source="Go lab 3C",
)
def unreliable_churn(program):
    churn(program, LOSSY, ("loss", "late", "duplication"))


def churn(program, link, needs):
    """Again and again something breaks or is mended; what a till was told stays in the book."""

    def play(run):
        chance, nodes = Stream(run.seed, "churn"), run.system.node_ids
        for _ in range(14):
            run.run(run.now_ms + chance.between(20, 200))
            match chance.below(5):
                case 0:
                    run.crash(chance.choice(nodes))
                case 1:
                    run.crash_within(chance.choice(nodes), chance.below(4))
                case 2:
                    cut_off(run, chance.choice(nodes))
                case _:
                    run.heal(chance.choice(nodes))
                    run.restart(chance.choice(nodes))
        mend(run)
        expect_sold(run, len(sold(run)) + 1, "all nodes are up and connected, for good")
        expect_same_books(run, nodes, "all nodes are up and connected, for good")

    system = shop(ROLE, 3, 99, 99, 99, gap_ms=120)
    play_all(program, system, play, runs=16, link=link, needs=("crash", "restart", "partition", *needs))


@checks(
    "9.P",
    "in any order of events, with crashes anywhere, nothing is lost",
    points=3,
    look_at="what on_start reads back, and what was saved before a message left",
    source="figure 3: all five properties",
    not_shown="that anything is ever sold",
)
def safe_over_crashes(program):
    for system, limits, count in (
        (shop(ROLE, 3, 2, 2), Walk(steps_max=120, restarts=3, cuts=2, timers=10), 200),
        (shop(ROLE, 3, 2, 2), Walk(steps_max=130, restarts=3, cuts=2, timers=12, demotions=8), 150),
        (shop(ROLE, 5, 2, 1), Walk(steps_max=140, restarts=4, cuts=2), 60),
    ):
        walks(program, system, count=count, limits=limits, **RULES)


@checks(
    "9.P",
    "a sale that a majority had survives a crash, in every order",
    points=3,
    look_at="what the crashed node still knows when the next candidate asks",
    source="figure 3, leader completeness",
)
def survives_in_every_order(program):
    search_story(program, one_crash(ROLE))
