"""Lab 08, public checks of part `log`.  The grader runs them with other seeds, and hidden ones besides.

Sentences in quotation marks are those of Lamport 2001, "Paxos Made Simple", section 3.
"""

from __future__ import annotations

from itertools import permutations

from checks import CALM, every_order
from given import (
    ELECTION_MS,
    NO_BALLOT,
    NO_OP,
    AcceptedSlot,
    AcceptSlot,
    Chosen,
    Command,
    Heartbeat,
    HeartbeatReply,
    Nack,
    PrepareAll,
    PromiseAll,
    Reply,
    Request,
    Role,
    Vote,
    majority,
)

from labkit import Link, System, Walk, by_hand, check_linearizable, checks, expect, scenarios, walks
from labkit.facts import Violation
from labkit.models import KeyValue
from labkit.nemesis import recovers
from labkit.network import Stream
from labkit.search import Bounds, Stage
from labkit.verdict import Undecided, trial

MULTI = "Lamport 2001, section 3"
HOWARD = "Howard, Malkhi & Spiegelman 2016"
UNRELIABLE = Link(delay_ms=(1, 25), loss=0.1, duplication=0.1, tail=0.05, tail_ms=400)


# -- one replica in the hand -----------------------------------------------------------------------


def replicas(count):
    return tuple(f"n{number}" for number in range(1, count + 1))


def append(number, client="c1", text=None):
    """The `number`-th command of a client, which appends to the key "k"."""
    return Command(client, number, "append", "k", text or f"{client}.{number} ")


def votes(**by_slot):
    """Votes as texts: ``votes(s1=(2, "n2", A))`` is a vote in slot 1, in ballot (2, "n2"), for A."""
    return tuple(Vote(int(slot[1:]), (number, owner), command) for slot, (number, owner, command) in by_slot.items())


def replica_of(program, count=3, *, role="Replica", **disk):
    """n1 of so many replicas, booted from what `disk` says, and two clients."""
    return by_hand(program, role, "n1", peers=replicas(count)[1:], clients=("c1", "c2", "c3", "c4", "c5"), storage=disk)


def ballot_of(node):
    return node.sent_to(node.system[1], PrepareAll).ballot


def leader_of(program, count=3, *, told=None, role="Replica", **disk):
    """n1 leads: it campaigned, and a majority, itself first, has promised; `told` has votes by replica."""
    node = replica_of(program, count, role=role, **disk)
    node.fire("election")
    told = told or {}
    for peer in [*told, *[id for id in replicas(count)[1:] if id not in told]][: majority(count) - 1]:
        node.deliver(peer, PromiseAll(ballot_of(node), told.get(peer, ())))
    return node


def proposed(node, peer="n2"):
    """The proposals of the present ballot, as (slot, command), in the order in which `peer` was asked."""
    return [(m.slot, m.command) for m in node.all_sent_to(peer, AcceptSlot) if m.ballot == ballot_of(node)]


def accepted_by(node, slot, *peers):
    for peer in peers:
        node.deliver(peer, AcceptedSlot(ballot_of(node), slot))


A, B, C, D = (append(1, client) for client in ("c1", "c2", "c3", "c4"))


# -- 8.6 What may be chosen already ------------------------------------------------------------------


def expect_recovered(node, wanted, next_slot, why):
    for peer in node.system[1:3]:
        got = proposed(node, peer)
        expect(got == wanted, f"{why}; the new leader asked {peer} to accept {got}, and not {wanted}")
    got = node.observe()["next_slot"]
    expect(got == next_slot, f"{why}; the first free slot is {next_slot}, and self.next_slot is {got}")


@checks("8.6", "in every slot the vote of the highest ballot is proposed again", points=3, source=MULTI,
        look_at="which vote of one slot wins")  # fmt: skip
def recovers_votes(program):
    for told in (
        {"n2": votes(s1=(1, "n2", B), s2=(3, "n2", A)), "n3": votes(s1=(2, "n3", A), s2=(1, "n3", C))},
        {"n3": votes(s1=(2, "n3", A), s2=(2, "n5", C)), "n5": votes(s1=(1, "n5", B), s2=(10, "n2", A))},
        {"n2": votes(s1=(4, "n2", B)), "n4": votes(s1=(4, "n3", A), s2=(2, "n2", A))},
    ):
        node = leader_of(program, 5, told=told)
        expect_recovered(node, [(1, A), (2, A)], 3, f"the promises told {told}")
    node = leader_of(program, 5, told={"n2": votes(s1=(1, "n2", B)), "n3": votes(s1=(1, "n2", B))},
                     promised=(4, "n1"), accepted=votes(s1=(3, "n1", A), s2=(2, "n1", C)))  # fmt: skip
    expect_recovered(node, [(1, A), (2, C)], 3, "n1 had voted itself, in higher ballots than n2 and n3")


@checks("8.6", "holes are filled with no-ops", points=2, look_at="slots without any vote",
        source=f'{MULTI}: "... fills the gap immediately by proposing ... a special no-op command"')  # fmt: skip
def recovers_holes(program):
    node = leader_of(program, told={"n2": votes(s2=(1, "n2", A), s5=(1, "n2", B))})
    wanted = [(1, NO_OP), (2, A), (3, NO_OP), (4, NO_OP), (5, B)]
    expect_recovered(node, wanted, 6, "there are votes in slots 2 and 5 only")


@checks("8.6", "what is applied is left alone", points=2, look_at="self.applied", source=MULTI)
def recovers_after_the_applied(program):
    disk = {"applied": 3, "chosen": ((1, A), (2, B), (3, C)), "promised": (2, "n2")}
    for told, wanted, free in (
        (votes(s4=(1, "n2", D)), [(4, D)], 5),
        (votes(s2=(1, "n2", B), s3=(2, "n2", C), s5=(1, "n2", D)), [(4, NO_OP), (5, D)], 6),
        (votes(s1=(1, "n2", A)), [], 4),
        ((), [], 4),
    ):
        node = leader_of(program, told={"n2": told}, **disk)
        expect_recovered(node, wanted, free, f"n1 has applied slots 1 to 3, and n2 told {told or 'nothing'}")


@checks("8.6", "a leader that nothing stands in the way of begins at slot 1", points=1, look_at="next_slot")
def recovers_nothing(program):
    for count in (3, 5):
        expect_recovered(leader_of(program, count), [], 1, "nobody has voted for anything")


# -- 8.7 In order, without gaps ----------------------------------------------------------------------


def history_of(count):
    """Commands of different clients for slots 1 to count, and the map after each slot."""
    commands = [append(1, f"c{slot}", f"{slot} ") for slot in range(1, count + 1)]
    texts = ["".join(f"{n} " for n in range(1, slot + 1)) for slot in range(count + 1)]
    return commands, texts


def expect_applied(node, applied, texts, why):
    seen = node.observe()
    got = seen["applied"], dict(seen["data"]).get("k", "")
    expect(got == (applied, texts[applied]),
           f"{why}: slots up to {applied} can be applied, and give {texts[applied]!r}; "
           f"n1 has applied {got[0]}, and has {got[1]!r}")  # fmt: skip


@checks("8.7", "slots are applied in order, without a gap, as soon as they can be", points=3,
        source=f'{MULTI}: "... once commands 1 to n are known"', look_at="the loop")  # fmt: skip
def applies_in_order(program):
    commands, texts = history_of(4)
    for order in permutations(range(1, 5)):
        node, there = replica_of(program), set()
        for slot in order:
            node.deliver("n2", Chosen(slot, commands[slot - 1]))
            there.add(slot)
            applied = next(n for n in range(5) if n + 1 not in there)
            expect_applied(node, applied, texts, f"slots {', '.join(map(str, order[: len(there)]))} came, in this order")


@checks("8.7", "copies change nothing", points=1, look_at="slots up to self.applied")
def applies_once(program):
    commands, texts = history_of(4)
    node = replica_of(program)
    for slot in (1, 1, 3, 1, 3, 2, 2, 3, 1):
        node.deliver("n2", Chosen(slot, commands[slot - 1]))
    expect_applied(node, 3, texts, "slots 1 to 3 came, each more than once")
    node.restart()
    node.deliver("n3", Chosen(2, commands[1]))
    node.deliver("n3", Chosen(4, commands[3]))
    expect_applied(node, 4, texts, "after a restart slot 2 came once more, and slot 4")
    node = replica_of(program, applied=3, data=(("k", texts[3]),), chosen=((3, commands[2]),))
    node.deliver("n2", Chosen(2, commands[1]))
    kept = sorted(dict(node.observe()["chosen"]))
    expect(kept == [3], f"slot 2 was applied and forgotten; a copy of its Chosen came, and n1 keeps slots {kept}")


@checks("8.7", "the chosen commands are kept for others", points=1, look_at="self.chosen")
def keeps_the_chosen(program):
    commands, _ = history_of(4)
    node = replica_of(program)
    for slot in (2, 1, 4):
        node.deliver("n2", Chosen(slot, commands[slot - 1]))
    kept = dict(node.observe()["chosen"])
    wanted = {slot: commands[slot - 1] for slot in (1, 2, 4)}
    expect(kept == wanted, f"slots 2, 1 and 4 came, and self.chosen has {kept}; a replica that is behind will ask for them")


@checks("8.7", "a leader answers when the slot is applied, and not before", points=2,
        look_at="when execute is called", source=MULTI)  # fmt: skip
def answers_in_order(program):
    told = {"n2": votes(s1=(1, "n2", append(1, "c1")), s2=(1, "n2", append(1, "c2")))}
    node = leader_of(program, told=told)
    accepted_by(node, 2, "n3")
    early = node.all_sent_to("c2", Reply)
    expect(not early, f"slot 2 is chosen and slot 1 is not, and c2 was answered {early}; slot 1 may still change the map before it")
    accepted_by(node, 1, "n2")
    for client in ("c1", "c2"):
        got = node.all_sent_to(client, Reply)
        expect(got == [Reply(1, None)], f"slots 1 and 2 are chosen, and {client} was answered {got}, and not once")


# -- 8.8 A request -----------------------------------------------------------------------------------


@checks("8.8", "a leader puts each command into the next free slot", points=2, source=MULTI, look_at="self.next_slot")
def proposes_in_next_slot(program):
    for told, first in (({}, 1), ({"n2": votes(s2=(1, "n2", D))}, 3)):
        node = leader_of(program, told=told)
        recovered = proposed(node)
        for turn, (source, command) in enumerate((("c1", A), ("c2", B), ("n3", C))):
            before = len(node.sent)
            node.deliver(source, Request(command))
            sent = node.sent[before:]
            wanted = [(peer, AcceptSlot(ballot_of(node), first + turn, command)) for peer in ("n2", "n3")]
            expect(sorted(sent, key=str) == wanted, f"{source} asked the leader for {command.client}'s command; the next free slot "
                   f"is {first + turn}, and it sent {sent or 'nothing'}, and not {wanted}")  # fmt: skip
        expect(proposed(node)[: len(recovered)] == recovered, "the leader changed its mind about a slot")


@checks("8.8", "what was executed is answered again, and not proposed", points=1, look_at="self.answer_again")
def answers_again(program):
    node = leader_of(program, answers=(("c1", Reply(3, "three")),), applied=3, promised=(1, "n2"))
    before = len(node.sent)
    node.deliver("c1", Request(append(3)))
    sent = node.sent[before:]
    expect(sent == [("c1", Reply(3, "three"))], f"c1 asked again for its command 3, which was executed; the leader sent {sent}, "
           "and not the old answer alone")  # fmt: skip
    node.deliver("c1", Request(append(4)))
    got = proposed(node)
    expect(got == [(4, append(4))], f"c1 went on with command 4, and the leader proposed {got}")


def follower_of(program, leader="n2", count=3, **disk):
    """n1 follows `leader`: it has promised its ballot before, and hears its heartbeat."""
    node = replica_of(program, count, promised=(3, leader), **disk)
    node.deliver(leader, Heartbeat((3, leader), 0))
    return node


@checks("8.8", "a follower passes a client's request on to its leader", points=2, look_at="self.leader_id")
def passes_on(program):
    for leader in ("n2", "n3"):
        node = follower_of(program, leader)
        before = len(node.sent)
        node.deliver("c1", Request(A))
        sent = node.sent[before:]
        expect(sent == [(leader, Request(A))], f"n1 follows {leader}; c1 asked it, and it sent {sent or 'nothing'}")
    node = replica_of(program)
    node.deliver("c1", Request(A))
    expect(not node.sent, f"n1 knows of no leader, and c1's request made it send {node.sent}")


@checks("8.8", "what a peer passed on is not passed on again", points=2, look_at="who the source is")
def passes_on_once(program):
    node = follower_of(program)
    before = len(node.sent)
    node.deliver("n3", Request(A))
    node.deliver("n2", Request(B))
    sent = node.sent[before:]
    expect(not sent, f"n3 and n2 take n1 for the leader, which it is not; it sent {sent}, and the request may go round for ever")


@checks("8.8", "a candidate proposes nothing", points=1, look_at="self.role")
def candidate_waits(program):
    node = replica_of(program)
    node.fire("election")
    before = len(node.sent)
    node.deliver("c1", Request(A))
    expect(len(node.sent) == before, f"n1 only wants to lead, and a request made it send {node.sent[before:]}")


# -- 8.9 Giving way ----------------------------------------------------------------------------------


def outbids(number, owner):
    """Messages by which a higher ballot may become known, with their senders."""
    ballot = (number, owner)
    return (
        (owner, PrepareAll(ballot, 1)),
        (owner, Heartbeat(ballot, 0)),
        (owner, AcceptSlot(ballot, 7, D)),
        ("n2", Nack((1, "n1"), ballot)),
    )


@checks("8.9", "a leader that is outbid stops leading", points=3, source=MULTI, look_at="the attributes, one by one")
def outbid_leader_stops(program):
    for source, message in outbids(5, "n3"):
        node = leader_of(program)
        node.deliver("c1", Request(A))
        old = ballot_of(node)
        node.deliver(source, message)
        seen = node.observe()
        expect(seen["role"] is Role.FOLLOWER, f"n1 led {old}, heard of (5, 'n3') by {message}, and is {seen['role']}")
        expect(seen["leader_id"] == "n3", f"n1 heard of ballot (5, 'n3'), and takes {seen['leader_id']} for the leader")
        expect("heartbeat" not in node.timers, f"n1 was outbid by {message}, and goes on sending heartbeats")
        expect(not seen["proposals"], f"n1 was outbid by {message}, and keeps the proposals {seen['proposals']} of its old ballot")
        before = len(node.sent)
        node.deliver("c2", Request(B))
        node.deliver("n2", AcceptedSlot(old, 1))
        sent = node.sent[before:]
        expect(sent == [("n3", Request(B))], f"n1 was outbid, then c2 asked it and a late vote came; it sent {sent}")


@checks("8.9", "the higher ballot is on the disk before anything is said", points=2,
        source="Lamport 2001, section 2.5: stable storage", look_at="self.storage.save")  # fmt: skip
def outbid_is_saved(program):
    for source, message in outbids(5, "n3"):
        node = replica_of(program)
        node.deliver(source, message)
        sends = [n for n, effect in enumerate(node.effects) if effect[0] == "send"]
        saves = [n for n, effect in enumerate(node.effects) if effect[0] == "save" and effect[1].get("promised") == (5, "n3")]
        expect(saves, f"{message} tells of (5, 'n3'), and n1 saved no such promise")
        expect(not sends or saves[0] < sends[0], f"n1 answered {message} before its promise was on the disk")
        node.restart()
        node.deliver("n2", AcceptSlot((4, "n2"), 1, A))
        got = node.sent_to("n2")
        expect(got == Nack((4, "n2"), (5, "n3")), f"n1 knew of (5, 'n3'), crashed and came back, and answered a proposal of (4, 'n2') with {got}")


@checks("8.9", "it waits at random for the new leader, and then stands above it", points=2, look_at="self.set_timer")
def outbid_waits(program):
    node, waits = leader_of(program), set()
    for number in range(5, 12):
        node.deliver("n3", PrepareAll((number, "n3"), 1))
        names = [effect[1] for effect in node.effects if effect[0] == "set_timer"]
        expect("election" in names and "election" in node.timers, f"n1 heard of ({number}, 'n3') and does not wait anew for its leader")
        least, most = (limit / 1000 for limit in node.timers["election"])
        inside = ELECTION_MS[0] <= least <= most <= ELECTION_MS[1]
        expect(inside, f"n1 waits {least:g} to {most:g} ms for its leader; the election timeout is {ELECTION_MS} ms")
        waits |= {least, most}
    expect(len(waits) > 1, f"n1 waits {least:g} ms, each time; replicas that wait equally long stand together")
    node.fire("election")
    expect(ballot_of(node) == (12, "n1"), f"n1 knew of (11, 'n3') and stands in {ballot_of(node)}; the next number is 12")


@checks("8.9", "a candidate that is outbid does not win any more", points=1, look_at="self.role")
def outbid_candidate(program):
    node = replica_of(program)
    node.fire("election")
    old = ballot_of(node)
    node.deliver("n3", PrepareAll((9, "n3"), 1))
    before = len(node.sent)
    node.deliver("n2", PromiseAll(old, ()))
    expect(len(node.sent) == before and node.observe()["role"] is Role.FOLLOWER,
           f"n1 stood in {old} and heard of (9, 'n3'); a late promise made it {node.observe()['role']}")  # fmt: skip


# -- 8.10 Forgetting -----------------------------------------------------------------------------------


def full(count, applied):
    """What the disk of a replica says that has applied `applied` slots and voted in `count`."""
    commands, texts = history_of(applied)
    more = [append(1, f"c{slot}", f"{slot} ") for slot in range(1, count + 1)]
    return {
        "applied": applied,
        "accepted": tuple(Vote(slot, (3, "n2"), command) for slot, command in enumerate(more, 1)),
        "chosen": tuple(enumerate(commands, 1)),
        "data": (("k", texts[applied]),),
        "answers": tuple((command.client, Reply(1, None)) for command in commands),
    }


@checks("8.10", "slots that all have applied are dropped, and no others", points=2, look_at="the comparison",
        source="MIT 6.824 (2015), lab 3: forgetting")  # fmt: skip
def forgets_those(program):
    for forget in (1, 4, 5):
        node = follower_of(program, **full(7, 5))
        node.deliver("n2", Heartbeat((3, "n2"), forget))
        for name, last in (("accepted", 7), ("chosen", 5)):
            kept = sorted(dict(node.observe()[name]))
            expect(kept == list(range(forget + 1, last + 1)), f"all have applied slots up to {forget}, and n1 had {name} up to {last}; it keeps {kept}")
        node.restart()
        node.deliver("n3", PrepareAll((6, "n3"), 1))
        told = [vote.slot for vote in node.sent_to("n3", PromiseAll).votes]
        expect(told == list(range(forget + 1, 8)), f"slots up to {forget} were forgotten; after a restart n1 tells of votes in {told}")


@checks("8.10", "what is dropped is dropped from the disk, in one save", points=2, look_at="self.storage.save")
def forgets_on_disk(program):
    node = follower_of(program, **full(7, 5))
    node.deliver("n2", Heartbeat((3, "n2"), 4))
    saves = [effect[1] for effect in node.effects if effect[0] == "save"]
    expect(len(saves) == 1 and {"accepted", "chosen"} <= set(saves[0]), f"n1 forgot slots 1 to 4, and saved {[sorted(one) for one in saves]}; "
           "it is one save, of accepted and chosen")  # fmt: skip
    kept = [vote.slot for vote in node.storage["accepted"]], [slot for slot, _ in node.storage["chosen"]]
    expect(kept == ([5, 6, 7], [5]), f"slots up to 4 are forgotten; the disk has votes in {kept[0]} and chosen commands in {kept[1]}")


@checks("8.10", "the map and the answers stay", points=1, look_at="what else on_start reads")
def forgets_no_results(program):
    node = follower_of(program, **full(5, 5))
    node.deliver("n2", Heartbeat((3, "n2"), 5))
    for after in (lambda: None, node.restart):
        after()
        expect_applied(node, 5, history_of(5)[1], "all slots were forgotten")
        node.deliver("c3", Request(append(1, "c3")))
        expect(node.all_sent_to("c3", Reply), "n1 forgot slot 3, and with it that c3's command has been answered")


# -- 8.11 Quorums that are no majorities ---------------------------------------------------------------


@checks("8.11", "a pair is safe exactly if the two must overlap", points=2, source=HOWARD, look_at="one inequality")
def pairs_overlap(program):
    for count in (1, 2, 3, 4, 5, 6, 7):
        node = replica_of(program, count, role="Flexible")
        node.fire("election")
        for peer in replicas(count)[1:]:
            node.deliver(peer, PromiseAll((1, "n1"), ()))
        safe, sizes = set(node.observe()["safe_pairs"]), range(1, count + 1)
        for one in sizes:
            for two in sizes:
                overlap = one + two > count
                expect(((one, two) in safe) == overlap, f"of {count} replicas, {one} promise and {two} accept: "
                       f"they {'always share one' if overlap else 'need not share any'}, and is_safe says {(one, two) in safe}")  # fmt: skip


@checks("8.11", "the promises needed are as few as is safe", points=1, source=HOWARD, look_at="is_safe, for the smallest sizes")
def flexible_leads(program):
    for count in (3, 4, 5, 7):
        node = replica_of(program, count, role="Flexible")
        node.fire("election")
        for have, peer in enumerate(replicas(count)[1:], 2):
            node.deliver(peer, PromiseAll((1, "n1"), ()))
            leads, needed = node.observe()["role"] is Role.LEADER, count - 1
            expect(leads == (have >= needed), f"two of {count} choose a command, so a leader needs {needed} promises; with {have} n1 {'leads' if leads else 'waits'}")


# -- Part L: the log -------------------------------------------------------------------------------


def board(nodes, *turns, role="Replica", gap_ms=5):
    """So many replicas, and a client for each text: "ag" appends and then gets."""
    work = {f"c{number}": calls_of(number, text) for number, text in enumerate(turns, 1)}
    return System.of(nodes, role, client="LogClient", workload=work, gap_ms=gap_ms)


def calls_of(client, turns):
    return [("append", "k", f"{client}.{n} ") if turn == "a" else ("get", "k") for n, turn in enumerate(turns, 1)]


def slots_of(event):
    """Facts from messages and disks: what is chosen in a slot, and what one ballot proposes there."""
    if event.kind == "send" and isinstance(event.data, Chosen):
        yield ("command chosen in slot", event.data.slot), event.data.command
    elif event.kind == "send" and isinstance(event.data, AcceptSlot):
        yield ("command of ballot and slot", *event.data.ballot, event.data.slot), event.data.command
    elif event.kind == "save" and "chosen" in event.data:
        for slot, command in event.data["chosen"][-2:]:
            yield ("command chosen in slot", slot), command


def is_one_log(run):
    """The judge: the answers have one order, and replicas that have applied as much have the same map."""
    maps = {}
    for id in run.system.node_ids:
        seen = run.observe(id)
        if seen:
            other, data = maps.setdefault(seen["applied"], (id, dict(seen["data"])))
            if data != dict(seen["data"]):
                return Violation("replicas apply the same commands", f"{other} and {id} have applied {seen['applied']} slots, "
                                 f"and have {data} and {dict(seen['data'])}")  # fmt: skip
    verdict = check_linearizable(run.history, KeyValue())
    if verdict.verdict == "unknown":
        raise Undecided(verdict.reason)
    return None if verdict else Violation("the map is linearizable", str(verdict))


LOG_SAFETY = {"derive": [slots_of], "judge": is_one_log}


def leader_in(run):
    """The replica that leads, as its heartbeats of the last moments say, or None."""
    for event in reversed(run.trace.of_kind("send")[-400:]):
        if isinstance(event.data, Heartbeat) and run.is_up(event.node):
            return event.node
    return None


def answered(run):
    return [op for op in run.history if op.outcome == "ok"]


def expect_all_answered(run, story, within_ms=8_000, only=()):
    """From now on nothing fails: every operation of every client ends."""
    calls = sum(len(calls) for _, calls in run.system.workload)
    met = recovers(run, lambda: len(answered(run)) == calls, within_ms, only=only)
    expect(met, f"{story}, and {within_ms} ms later {calls - len(answered(run))} of {calls} operations have no answer")


@checks("8.L", "one log, in any order of events and crashing anywhere", points=3, source=MULTI,
        look_at="what a new leader proposes, and what is saved before it is said",
        not_shown="that anything is ever chosen")  # fmt: skip
def one_log_in_any_order(program):
    rough = Walk(steps_max=130, timers=9, restarts=2, cuts=2, duplicates=True)
    walks(program, board(3, "ag", "a"), count=400, limits=rough, **LOG_SAFETY)
    walks(program, board(3, "aa", "g"), count=400, limits=Walk(steps_max=130, timers=9, restarts=2, cuts=2, demotions=6), **LOG_SAFETY)
    walks(program, board(5, "a", "a"), count=100, limits=Walk(steps_max=160, timers=9, restarts=1, cuts=1), **LOG_SAFETY)


def leads(id, number=1):
    return lambda views: views[id]["role"] is Role.LEADER and views[id]["promised"][0] >= number


def has_voted(id, number):
    """The goal of a stage: a vote in slot 1, in a ballot of this number or higher."""
    return lambda views: any(slot == 1 and vote.ballot[0] >= number for slot, vote in views[id]["accepted"])


def votes_below(id, ballot):
    """The goal of a stage: a vote in slot 1, in a lower ballot than one that was promised before."""
    return lambda views: any(slot == 1 and vote.ballot < ballot for slot, vote in views[id]["accepted"])


def has_role(id, role):
    return lambda views: views[id]["role"] is role


def reign(leader, *others):
    """Stages in which `leader` stands, `others` promise one by one, and it leads."""
    yield Stage(has_role(leader, Role.CANDIDATE), only=(leader,))
    for other in others:
        yield Stage(lambda views, id=other: views[id]["promised"] == views[leader]["promised"], only=(other,))
    yield Stage(has_role(leader, Role.LEADER), only=(leader,))


def outbid(leader, witness):
    """The stage in which `leader` learns from `witness` that its time is over."""
    return Stage(has_role(leader, Role.FOLLOWER), only=(leader, witness))


def choice(leader, *others, number):
    """Stages in which `others` vote for the leader's proposal in slot 1, and it is chosen."""
    for other in others:
        yield Stage(has_voted(other, number), only=(other,))
    yield Stage(has_applied(leader), only=(leader,))


def has_applied(id, count=1):
    return lambda views: views[id]["applied"] >= count


def ballots_below(number):
    return lambda _, seen: seen.get("promised", NO_BALLOT)[0] <= number


@checks("8.L", "what is chosen stays chosen, whoever leads next", points=2, source=MULTI,
        look_at="the votes in the promises")  # fmt: skip
def chosen_stays(program):
    first = Stage(leads("n1"), only=("n1", "n2"))
    chosen = Stage(has_applied("n1"), only=("n1", "n2", "c1"))
    bounds = Bounds(restarts=1, states_max=trial().count(40_000), within=ballots_below(2))
    every_order(program, board(3, "a", "a"), slots_of, bounds, [first, chosen], check="8.L", about="a command is chosen")
    other = [Stage(leads("n3", 2), only=("n2", "n3")), Stage(has_voted("n3", 2), only=("n3", "c2"))]
    every_order(program, board(3, "a", "a"), slots_of, bounds, [first, chosen, *other], check="8.L", about="another leads")


@checks("8.L", "promises survive crashes", points=2, source="Lamport 2001, section 2.5: stable storage",
        look_at="what step_down saves, and when")  # fmt: skip
def promises_survive(program):
    hunt = [
        *reign("n1", "n2"), Stage(has_voted("n1", 1), only=("n1", "c1")),
        *reign("n3", "n2"), Stage(has_voted("n3", 1), only=("n3", "c2")), *choice("n3", "n2", number=1),
        Stage(votes_below("n2", (1, "n3")), only=("n2",)), *choice("n1", number=1),
    ]  # fmt: skip
    bounds = Bounds(restarts=1, cuts=True, states_max=15_000, within=ballots_below(1))
    every_order(program, board(3, "a", "a"), slots_of, bounds, hunt, check="8.L", about="n2 voted below its promise",
                unreached="in no order, with a crash anywhere, does a replica vote below its promise")  # fmt: skip
    rough = Walk(steps_max=130, timers=9, restarts=3, cuts=3)
    walks(program, board(3, "aa", "aa"), count=200, limits=rough, **LOG_SAFETY)


@checks("8.L", "five replicas and four leaders, one after the other", points=2, source="DSLabs, lab 3, test 23; P2c",
        look_at="of two votes in a slot, which counts")  # fmt: skip
def leaders_in_turn(program):
    left, right = ("n1", "n2", "n3"), ("n5", "n3", "n4")
    hunt = [
        *reign(*left), Stage(has_voted("n1", 1), only=("n1", "c1")),
        *reign(*right), Stage(has_voted("n5", 1), only=("n5", "c2")),
        outbid("n1", "n3"), *reign(*left), *choice(*left, number=2),
        outbid("n5", "n3"), *reign(*right), *choice(*right, number=3),
    ]  # fmt: skip
    bounds = Bounds(states_max=15_000, within=ballots_below(3))
    every_order(program, board(5, "a", "a"), slots_of, bounds, hunt, check="8.L", about="n1, n5, n1 and n5 lead")

    def play(run):
        for turn in range(4):
            side, rest = (left, ("n4", "n5")) if turn % 2 == 0 else (right, ("n1", "n2"))
            run.partition((*side, *run.system.client_ids), rest)
            run.run(700 * (turn + 1))
            run.heal()
        expect_all_answered(run, "n1 to n3 and n3 to n5 were the majority in turn")

    scenarios(program, board(5, "aaaa", "gggg"), play, runs=8, link=CALM, needs=("partition", "cut"), **LOG_SAFETY)


@checks("8.L", "a stable leader goes on without a second phase 1", points=1, source=f'{MULTI}: "... executes phase 1 for infinitely many instances"',
        look_at="what happens when a heartbeat comes")  # fmt: skip
def leader_is_stable(program):
    def play(run):
        run.run(1_500)
        seen = len(run.trace.of_kind("send"))
        run.run(4_000)
        late = [e for e in run.trace.of_kind("send")[seen:] if isinstance(e.data, PrepareAll)]
        expect(run.violation or not late, f"a leader was alive and heard, and {late[0].node if late else ''} prepared a new ballot")
        expect_all_answered(run, "nothing failed", 4_000)

    for nodes in (3, 5):
        scenarios(program, board(nodes, "agagagagag" * 2, "gagagagaga" * 2), play, runs=4, link=CALM, **LOG_SAFETY)


@checks("8.L", "few messages a command", points=1, source="DSLabs, lab 3, test 10: at most 15 a server and command",
        look_at="what is sent that nobody needs")  # fmt: skip
def few_messages(program):
    def play(run):
        expect_all_answered(run, "nothing failed", 6_000)
        sent = [e for e in run.trace.of_kind("send") if not isinstance(e.data, Heartbeat | HeartbeatReply)]
        each = len(sent) / (40 * len(run.system.node_ids))
        expect(run.violation or each <= 6, f"{each:.1f} messages a replica and command, without heartbeats; there is need for about 4")

    for nodes in (3, 5):
        scenarios(program, board(nodes, "a" * 20, "ag" * 10), play, runs=3, link=CALM, **LOG_SAFETY)


@checks("8.L", "one replica is a group, too", points=1, source="DSLabs, lab 3, test 27", look_at="what a replica tells itself")
def singleton(program):
    def play(run):
        run.at(500, run.crash, "n1").at(700, run.restart, "n1")
        expect_all_answered(run, "one replica, which crashed once", 6_000)

    scenarios(program, board(1, "agagag", "gaga", gap_ms=60), play, runs=4, link=CALM, needs=("crash",), **LOG_SAFETY)


@checks("8.L", "leaders die again and again, and the log goes on", points=2, source=MULTI,
        look_at="who is elected, and what becomes of the slots that were open")  # fmt: skip
def leaders_die(program):
    def play(run):
        chance = Stream(run.seed, "leaders")
        for turn in range(5):
            run.run(600 * (turn + 1))
            leader = leader_in(run) or "n1"
            match chance.below(3):
                case 0:
                    run.crash(leader)
                case 1:
                    run.crash_within(leader, chance.below(5))
                case 2:
                    run.isolate(leader)
            run.at(run.now_ms + 450, run.restart, leader).at(run.now_ms + 450, run.heal)
        run.run(3_500)
        expect_all_answered(run, "every 600 ms the leader crashed or was cut off; then nothing failed")

    system = board(5, "ag" * 10, "aag" * 7, "g" * 20, gap_ms=60)
    scenarios(program, system, play, runs=12, link=CALM, needs=("crash", "restart", "partition", "crash within a handler"), **LOG_SAFETY)


@checks("8.L", "no progress in a minority, progress in a majority, and all agree after the cut", points=2,
        source="DSLabs, lab 3, tests 4 to 7", look_at="how many accept, and what a leader does that is cut off")  # fmt: skip
def progress_in_the_majority(program):
    system = board(5, "ag" * 12, "ga" * 12, gap_ms=20)

    def play(run):
        run.run(600)
        leader = leader_in(run) or "n1"
        friend, *rest = [id for id in system.node_ids if id != leader]
        run.partition((leader, friend, "c1"), (*rest, "c2"))
        before = len(answered(run))
        cut_us = run.now_us
        run.run(2_000)
        news = [op for op in answered(run) if op.invoked_us > cut_us]
        wrong = [op for op in news if op.client == "c1"]
        expect(run.violation or not wrong, f"{leader} and {friend} are two of five, and c1, which reaches only them, was told: {wrong[0] if wrong else ''}")
        expect(run.violation or [op for op in news if op.client == "c2"], f"three of five are together for 1.4 s, and c2 was told nothing (before: {before})")
        run.heal()
        run.partition((friend, rest[0], rest[1], "c1"), (leader, rest[2], "c2"))
        run.run(3_500)
        expect_all_answered(run, "one replica changed sides, then the network was whole again")

    scenarios(program, system, play, runs=12, link=CALM, needs=("partition", "cut"), **LOG_SAFETY)


@checks("8.L", "appends are seen through every other majority", points=2, source="DSLabs, lab 3, test 22",
        look_at="what a new leader recovers")  # fmt: skip
def seen_through_majorities(program):
    system = board(3, "a" * 12, "g" * 30, gap_ms=40)

    def play(run):
        chance = Stream(run.seed, "majorities")
        for turn in range(1, 7):
            gone = chance.choice(system.node_ids)
            run.heal()
            run.partition((gone,), [id for id, _ in system.members if id != gone])
            run.run(500 * turn)
        expect_all_answered(run, "another replica was away every half second, then none")
        last = answered(run)[-1]
        got = [op.result for op in answered(run) if op.f == "get"]
        expect(run.violation or (got and got[-1]), f"the last answer is {last}, and no get has seen an append")

    scenarios(program, system, play, runs=15, link=CALM, needs=("partition", "cut"), **LOG_SAFETY)


@checks("8.L", "each command takes effect once, on an unreliable network", points=2, source="DSLabs, lab 3, tests 12 to 18",
        look_at="requests that come twice, and votes that come late")  # fmt: skip
def once_on_unreliable_links(program):
    def play(run):
        for at_ms in range(300, 2_400, 350):
            id = Stream(run.seed, f"at {at_ms}").choice(run.system.node_ids)
            run.at(at_ms, run.crash, id).at(at_ms + 150, run.restart, id)
        run.run(2_500)
        expect_all_answered(run, "messages were lost, doubled and late, and replicas crashed; then nothing failed")

    system = board(3, "aag" * 4, "aga" * 4, "gaa" * 3)
    scenarios(program, system, play, runs=20, link=UNRELIABLE, needs=("loss", "duplication", "late", "crash"), **LOG_SAFETY)


@checks("8.L", "holes in the log are filled, and what lies behind them is applied", points=2, source=f'{MULTI}: "... no-op"',
        look_at="slots without a vote, and slots that are chosen before earlier ones")  # fmt: skip
def holes_are_filled(program):
    def play(run):
        for turn in range(5):
            run.run(500 * turn + 420)
            leader = leader_in(run) or "n1"
            for other in run.system.node_ids:
                if other != leader:
                    run.network.set_link(leader, other, loss=0.6)
            run.run(500 * turn + 480)
            run.crash(leader)
            run.network.set_link(loss=0)
            run.run(500 * turn + 520)
            run.restart(leader)
        expect_all_answered(run, "leaders lost messages and crashed; then nothing failed")
        filled = sum(isinstance(e.data, Chosen) and e.data.command == NO_OP for e in run.trace.of_kind("send"))
        trial().evidence.append(f"{filled} no-ops") if filled else None

    system = board(3, *["a" * 14] * 5, "g" * 14, gap_ms=25)
    scenarios(program, system, play, runs=12, link=CALM, needs=("loss", "crash", "restart"), **LOG_SAFETY)


@checks("8.L", "the disk does not fill up, and nothing is forgotten too early", points=2,
        source="DSLabs, lab 3, test 11: log memory freed; MIT 2015: forgetting", look_at="self.forget")  # fmt: skip
def disks_do_not_fill(program):
    system = board(3, *["a" * 20] * 4)

    def play(run):
        run.at(600, run.crash, "n3").at(1_500, run.restart, "n3")
        run.run(1_450)
        expect_all_answered(run, "n3 was down for a while", 6_000)
        run.run(run.now_ms + 600)
        for id in system.node_ids:
            seen = run.observe(id) if run.violation is None else {"accepted": (), "chosen": ()}
            kept = len(seen["accepted"]), len(seen["chosen"])
            expect(max(kept) <= 10, f"80 commands are applied on all replicas, and nothing happens any more; {id} keeps {kept[0]} votes and {kept[1]} commands")

    scenarios(program, system, play, runs=6, link=CALM, needs=("crash", "restart"), **LOG_SAFETY)


@checks("8.L", "small quorums of phase 2 go on with two, and never disagree", points=2, source=HOWARD,
        look_at="is_safe")  # fmt: skip
def flexible_quorums(program):
    rough = Walk(steps_max=130, timers=8, restarts=1, cuts=1)
    walks(program, board(4, "a", "a", role="Flexible"), count=400, limits=rough, **LOG_SAFETY)

    def play(run):
        run.run(900)
        leader = leader_in(run) or "n1"
        others = [id for id in run.system.node_ids if id != leader]
        for id in others[:3]:
            run.crash(id)
        before = len(answered(run))
        run.run(2_000)
        expect(run.violation or len(answered(run)) > before, f"{leader} led, and {others[3]} was left of its four peers: "
               "two of five, which is enough for phase 2; nothing was answered in 1.1 s")  # fmt: skip
        run.crash(leader)
        run.restart(others[0])
        run.restart(others[1])
        seen, crashed_us = len(answered(run)), run.now_us
        run.run(3_500)
        late = [op for op in answered(run)[seen:] if op.invoked_us > crashed_us]
        expect(run.violation or not late, "three of five are up, too few for phase 1, and there was an answer: " + (str(late[0]) if late else ""))
        expect_all_answered(run, "all were up again")

    scenarios(program, board(5, "ag" * 30, "ga" * 30, role="Flexible", gap_ms=40), play, runs=8, link=CALM, needs=("crash",), **LOG_SAFETY)
