"""Lab 08, part log, hidden checks: the same rules as the public ones, over more of what may happen.

Commands, slots, ballots and faults are drawn from the trial's seed, so nothing can be learnt by heart.
"""

from __future__ import annotations

from checks import CALM
from checks_b_log import (
    LOG_SAFETY,
    UNRELIABLE,
    answered,
    append,
    ballot_of,
    board,
    expect_all_answered,
    leader_in,
    leader_of,
    proposed,
    replica_of,
    replicas,
)
from given import (
    NO_BALLOT,
    NO_OP,
    AcceptSlot,
    Chosen,
    Command,
    Heartbeat,
    Nack,
    PrepareAll,
    PromiseAll,
    Reply,
    Request,
    Role,
    Vote,
    majority,
)
from hidden import dice

from labkit import Walk, checks, expect, scenarios, walks
from labkit.nemesis import swarm
from labkit.network import Stream


def some_votes(draw, count):
    """Votes of one acceptor in some of the slots up to 8, in ballots of `count` replicas; one ballot, one command a slot."""
    found = []
    for slot in sorted(draw.sample(range(1, 9), draw.randint(0, 6))):
        ballot = draw.randint(1, 5), draw.choice(replicas(count))
        found.append(Vote(slot, ballot, Command("c1", 1, "append", "k", f"{ballot} in {slot}")))
    return tuple(found)


@checks("8.6", "any votes in any slots", points=3)
def recovers_by_the_rule(program):
    draw = dice()
    for count in (1, 3, 5, 7):
        for _ in range(12):
            applied = draw.randint(0, 4)
            own = some_votes(draw, count)
            peers = draw.sample(replicas(count)[1:], majority(count) - 1)
            told = {peer: some_votes(draw, count) for peer in peers}
            if count == 1:
                own = ()  # it would apply what it recovers, which is exercise 8.7
            disk = {"applied": applied, "accepted": own, "promised": (5, "n9")}
            node = leader_of(program, count, told=told, **disk)
            kept = tuple(vote for vote in own if vote.slot > applied)
            expect_rule(node, applied, [kept, *told.values()], count)


def expect_rule(node, applied, heard, count):
    """The commands of the highest ballots, no-ops between them, and the slot after them."""
    every = [vote for votes in heard for vote in votes if vote.slot > applied]
    last = max([applied, *(vote.slot for vote in every)])
    wanted = []
    for slot in range(applied + 1, last + 1):
        here = [vote for vote in every if vote.slot == slot]
        wanted.append((slot, max(here, key=lambda vote: vote.ballot).command if here else NO_OP))
    for peer in replicas(count)[1:]:
        got = proposed(node, peer)
        expect(got == wanted, f"slots up to {applied} are applied, and the votes are {heard}; {peer} was asked to accept {got}, and not {wanted}")
    got = node.observe()["next_slot"]
    expect(got == last + 1, f"the first free slot is {last + 1}, and next_slot is {got}")


@checks("8.7", "any order, any copies, any crashes", points=3)
def applies_by_the_rule(program):
    draw = dice()
    for _ in range(12):
        commands = {slot: append(1, f"k{slot}", f"{slot} ") for slot in range(1, 13)}
        node, there, disk = replica_of(program), set(), set()
        for _ in range(40):
            slot = draw.randint(1, min(12, len(there) + 4))
            node.deliver(draw.choice(("n2", "n3")), Chosen(slot, commands[slot]))
            there.add(slot)
            applied = next(n for n in range(14) if n + 1 not in there)
            disk = there if applied > len(disk) else disk
            seen = node.observe()
            text = "".join(f"{n} " for n in range(1, applied + 1))
            got = seen["applied"], dict(seen["data"]).get("k", "")
            expect(got == (applied, text), f"slots {sorted(there)} came; applied can be {applied}, and n1 has {got}")
            if draw.random() < 0.1:
                node.restart()
                there = set(dict(node.observe()["chosen"]))  # what came and was not applied need not be on the disk
                expect(set(range(1, applied + 1)) <= there, f"slots up to {applied} were applied; after a restart n1 has {sorted(there)}")


@checks("8.8", "any requests, to leaders and followers", points=3)
def requests_by_the_rule(program):
    draw = dice()
    for count in (3, 5):
        node, slot = leader_of(program, count), 1
        for number in range(1, 25):
            source = draw.choice(("c1", "c2", *replicas(count)[1:]))
            command, before = append(number, draw.choice(("c3", "c4"))), len(node.sent)
            node.deliver(source, Request(command))
            wanted = sorted(((peer, AcceptSlot(ballot_of(node), slot, command)) for peer in replicas(count)[1:]), key=str)
            sent = sorted(node.sent[before:], key=str)
            expect(sent == wanted, f"the next free slot is {slot}; {source} brought {command}, and the leader sent {sent}")
            slot += 1
        owner = draw.choice(replicas(count)[1:])
        node = replica_of(program, count, promised=(4, owner), answers=(("c5", Reply(7, "seven")),))
        node.deliver(owner, Heartbeat((4, owner), 0))
        for number in range(1, 25):
            source, client = draw.choice(("c1", "c5", *replicas(count)[1:])), draw.choice(("c1", "c5"))
            before = len(node.sent)
            node.deliver(source, Request(append(number, client)))
            if client == "c5" and number <= 7:
                wanted = [("c5", Reply(7, "seven"))] if number == 7 else []
            else:
                wanted = [(owner, Request(append(number, client)))] if source in ("c1", "c5") else []
            expect(node.sent[before:] == wanted, f"n1 follows {owner}; {source} brought command {number} of {client}, and it sent {node.sent[before:]}, and not {wanted}")


@checks("8.9", "any ballots in any messages", points=3)
def outbid_by_the_rule(program):
    draw = dice()
    node, highest = replica_of(program, 5), NO_BALLOT
    for _ in range(120):
        ballot = draw.randint(1, 3 + highest[0]), draw.choice(replicas(5)[1:])
        kind = draw.choice((lambda b: PrepareAll(b, 1), lambda b: Heartbeat(b, 0), lambda b: AcceptSlot(b, 9, NO_OP), lambda b: Nack(NO_BALLOT, b)))
        message, was = kind(ballot), highest
        node.deliver(ballot[1], message)
        highest = max(highest, ballot)
        seen = node.observe()
        expect(seen["promised"] == highest, f"n1 had heard of {was}, and then of {message}; it holds {seen['promised']} for the highest")
        expect(node.storage.get("promised") == highest, f"n1 has heard of {highest}, and its disk says {node.storage.get('promised')}")
        if ballot > was:
            expect(seen["role"] is Role.FOLLOWER and seen["leader_id"] == ballot[1], f"{message} is new to n1; it is {seen['role']} of {seen['leader_id']}")
            expect("heartbeat" not in node.timers and "election" in node.timers, f"{message} is new to n1; its timers are {sorted(node.timers)}")
        if draw.random() < 0.15:
            node.restart()
        elif draw.random() < 0.2:
            highest = campaign(node, highest)


def campaign(node, highest):
    """n1 stands, above all that it knows, and wins."""
    if "election" not in node.timers:
        return highest
    node.fire("election")
    expect(ballot_of(node) == (highest[0] + 1, "n1"), f"n1 knew of {highest}, and stands in {ballot_of(node)}")
    for peer in ("n2", "n3"):
        node.deliver(peer, PromiseAll(ballot_of(node), ()))
    return ballot_of(node)


@checks("8.10", "any slots, again and again", points=2)
def forgets_by_the_rule(program):
    draw = dice()
    for _ in range(8):
        applied, most = draw.randint(4, 9), draw.randint(9, 12)
        disk = {
            "applied": applied, "promised": (3, "n2"),
            "accepted": tuple(Vote(slot, (3, "n2"), append(slot)) for slot in range(1, most + 1) if slot % 3),
            "chosen": tuple((slot, append(slot)) for slot in range(1, applied + 1)),
        }  # fmt: skip
        node = replica_of(program, **disk)
        for slot in sorted(draw.sample(range(1, applied + 1), 3)):
            node.deliver("n2", Heartbeat((3, "n2"), slot))
            for _ in range(2):
                kept = sorted(dict(node.observe()["accepted"])), sorted(dict(node.observe()["chosen"]))
                wanted = [n for n in range(slot + 1, most + 1) if n % 3], [*range(slot + 1, applied + 1)]
                expect(kept == wanted, f"slots up to {slot} are applied everywhere, up to {applied} here; n1 keeps {kept}, and not {wanted}")
                node.restart()


# -- the part --------------------------------------------------------------------------------------


@checks("8.L", "two to five replicas, any order, any crash", points=2)
def any_order_any_size(program):
    rough = Walk(steps_max=150, timers=10, restarts=3, cuts=3, duplicates=True)
    busy = Walk(steps_max=150, timers=10, restarts=2, demotions=8)
    for nodes in (2, 3, 4, 5):
        for limits in (rough, busy):
            walks(program, board(nodes, "ag", "aa"), count=50, limits=limits, **LOG_SAFETY)
    walks(program, board(5, "aa", "aa", role="Flexible"), count=80, limits=busy, **LOG_SAFETY)


@checks("8.L", "power cuts: all replicas crash at once, again and again", points=2)
def power_cuts_of_the_log(program):
    system = board(3, "agag" * 3, "gaga" * 3, gap_ms=30)

    def play(run):
        chance = Stream(run.seed, "power")
        for number in range(6):
            at_ms = 450 + 500 * number + chance.below(60)
            for id in system.node_ids:
                run.at(at_ms, run.crash_within, id, chance.below(4)).at(at_ms + 15, run.crash, id)
                run.at(at_ms + 40, run.restart, id)
        run.run(3_600)
        expect_all_answered(run, "the last power cut was over")

    scenarios(program, system, play, runs=15, link=CALM, needs=("crash", "crash within a handler", "restart"), **LOG_SAFETY)


@checks("8.L", "a mixture of all faults, and then peace", points=2)
def swarm_of_faults(program):
    def play(run):
        swarm(run, 2_500, target=leader_in)
        run.run(2_500)
        expect_all_answered(run, "faults of some kinds had ended")

    for nodes in (3, 5):
        scenarios(program, board(nodes, "ag" * 10, "ga" * 10, "aa" * 5, gap_ms=40), play, runs=15, link=UNRELIABLE, **LOG_SAFETY)


@checks("8.L", "any minority may be away, for good", points=2)
def any_minority_of_the_log(program):
    def play(run):
        chance, ids = Stream(run.seed, "minority"), list(run.system.node_ids)
        gone = [ids.pop(chance.below(len(ids))) for _ in range((len(ids) - 1) // 2)]
        for id in gone:
            run.at(chance.below(1_200), run.crash, id)
        run.run(1_300)
        expect_all_answered(run, f"{', '.join(gone)} of {len(ids) + len(gone)} were down", only=ids)
        expect(run.violation or answered(run), "nothing was answered")

    for nodes in (3, 4, 7):
        scenarios(program, board(nodes, "agag" * 3, "gaga" * 3, gap_ms=30), play, runs=8, link=CALM, **LOG_SAFETY)
