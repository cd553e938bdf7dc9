"""Lab 08, public checks of part `single`.  The grader runs them with other seeds, and hidden ones besides.

Sentences in quotation marks are those of Lamport 2001, "Paxos Made Simple".
"""

from __future__ import annotations

from given import (
    BACKOFF_MS,
    DOUBLINGS_MAX,
    NO_BALLOT,
    RETRY_MS,
    Accept,
    Accepted,
    Nack,
    Prepare,
    Promise,
    majority,
)

from labkit import Link, System, Walk, by_hand, check_linearizable, checks, expect, scenarios, walks
from labkit.explorer import Experiment
from labkit.facts import Violation
from labkit.frozen import NotComparable
from labkit.models import Model
from labkit.nemesis import recovers
from labkit.network import Stream
from labkit.program import LocalProgram
from labkit.search import Bounds, Stage, search
from labkit.shrink import counterexample
from labkit.verdict import Broken, Undecided, trial

SIMPLE = "Lamport 2001, section 2.2"
P1A = f'{SIMPLE}, P1a: "... iff it has not responded to a prepare request having a number greater than n"'
CALM = Link(delay_ms=(1, 10))
HOSTILE = Link(delay_ms=(1, 30), loss=0.1, duplication=0.15, tail=0.1, tail_ms=400)


# -- one acceptor in the hand ----------------------------------------------------------------------


def acceptor_of(program, *, promised=NO_BALLOT, accepted=(NO_BALLOT, None)):
    """a1 of three, booted from a disk that says this."""
    disk = {"promised": promised, "accepted_ballot": accepted[0], "accepted_value": accepted[1]}
    return by_hand(program, "Acceptor", "a1", peers=("a2", "a3"), clients=("p1", "p2", "p10"), storage=disk)


def answer_to(node, source, request):
    """The one message with which the acceptor answers."""
    before = len(node.sent)
    node.deliver(source, request)
    sent = node.sent[before:]
    expect(
        len(sent) == 1 and sent[0][0] == source,
        f"{source} sent a1 {request}, and the answer was {sent or 'nothing'}; it is one message to {source}",
    )
    return sent[0][1]


def expect_answer(node, source, request, wanted, why):
    """The acceptor answers `request` with `wanted`."""
    got = answer_to(node, source, request)
    expect(got == wanted, f"{why}; it answered {request} with {got}, and not with {wanted}")


def crash_points(node, names):
    """What the disk says under `names`, and whether the answer has left, after each effect of the last handler."""
    before = dict(node.before)
    answered = False
    for effect in node.effects:
        if effect[0] == "save":
            before.update(effect[1])
        answered = answered or effect[0] == "send"
        yield tuple(before.get(name) for name in names), answered


def expect_saved(node, source, request, names, wanted):
    """Whenever the handler is cut short, the disk has all of `wanted` or nothing new, and all once the answer has left."""
    node.before = dict(node.storage)
    old = tuple(node.storage.get(name) for name in names)
    node.deliver(source, request)
    said = ", ".join(names)
    for stored, answered in crash_points(node, names):
        expect(
            stored in (old, wanted),
            f"a crash in the middle of {request} would leave {stored} as {said}: half of it. Save all in one save",
        )
        expect(
            not answered or stored == wanted,
            f"the answer to {request} leaves while the disk has {stored} as {said}, and not {wanted}; "
            "a crash right then takes back what was said",
        )


# -- 8.1 Promises --------------------------------------------------------------------------------


@checks("8.1", "a ballot below the promise is refused, any other is promised", points=2, source=P1A,
        look_at="the comparison")  # fmt: skip
def promises_rise(program):
    node, promised = acceptor_of(program), NO_BALLOT
    for ballot in ((2, "p1"), (1, "p2"), (5, "p2"), (4, "p1"), (9, "p1"), (8, "p2"), (12, "p1")):
        if ballot < promised:
            wanted = Nack(ballot, promised)
        else:
            wanted, promised = Promise(ballot, NO_BALLOT, None), ballot
        expect_answer(node, ballot[1], Prepare(ballot), wanted, f"a1's highest promise is {promised}")


@checks("8.1", "of equal numbers the higher proposer's id wins", points=1, source=SIMPLE,
        look_at="do you compare whole ballots?")  # fmt: skip
def promises_compare_ids(program):
    for first, second in ((("p1"), ("p2")), (("p2"), ("p1")), (("p2"), ("p10")), (("p10"), ("p2"))):
        node = acceptor_of(program)
        node.deliver(first, Prepare((5, first)))
        wanted = Promise((5, second), NO_BALLOT, None) if second > first else Nack((5, second), (5, first))
        expect_answer(node, second, Prepare((5, second)), wanted, f"a1 has promised (5, {first!r})")


@checks("8.1", "a copy of a request gets its promise again", points=1,
        look_at="what if request.ballot == self.promised?")  # fmt: skip
def promises_again(program):
    node = acceptor_of(program)
    for _ in range(3):
        wanted = Promise((3, "p1"), NO_BALLOT, None)
        expect_answer(node, "p1", Prepare((3, "p1")), wanted, "the first Promise may have been lost")


@checks("8.1", "a promise says what was accepted", points=2, look_at="the fields of Promise",
        source=f'{SIMPLE}: "... with the highest-numbered proposal (if any) that it has accepted"')  # fmt: skip
def promises_tell(program):
    for accepted in (((3, "p2"), "Ben"), ((1, "p1"), "Ana")):
        node = acceptor_of(program, promised=(4, "p1"), accepted=accepted)
        wanted = Promise((6, "p2"), *accepted)
        expect_answer(node, "p2", Prepare((6, "p2")), wanted, f"a1 has accepted {accepted}")


@checks("8.1", "a crash never takes back a promise", points=2, look_at="the order of save and send",
        source='section 2.5: "An acceptor records its intended response in stable storage before actually sending"')  # fmt: skip
def promises_are_saved(program):
    node = acceptor_of(program)
    for ballot in ((2, "p1"), (7, "p2")):
        expect_saved(node, ballot[1], Prepare(ballot), ("promised",), (ballot,))
        node.restart()
        expect_answer(node, "p1", Prepare((1, "p1")), Nack((1, "p1"), ballot),
                      f"a1 promised {ballot}, crashed, and came back")  # fmt: skip


# -- 8.2 Accepting ---------------------------------------------------------------------------------


@checks("8.2", "a proposal below the promise is refused, any other is accepted", points=2, source=P1A,
        look_at="the comparison, and is there an answer in both cases?")  # fmt: skip
def accepts_unless_promised(program):
    for promised, ballot in (
        ((4, "p1"), (4, "p1")), ((4, "p1"), (3, "p2")), ((4, "p1"), (4, "p2")),
        ((4, "p2"), (4, "p1")), (NO_BALLOT, (1, "p1")), ((4, "p1"), (9, "p2")), ((10, "p2"), (9, "p2")),
    ):  # fmt: skip
        node = acceptor_of(program, promised=promised)
        wanted = Nack(ballot, promised) if ballot < promised else Accepted(ballot, "Ana")
        expect_answer(node, ballot[1], Accept(ballot, "Ana"), wanted, f"a1 has promised {promised}")


@checks("8.2", "who has accepted in a ballot is done with lower ones", points=3, source=SIMPLE,
        look_at="self.promised, after an Accept whose Prepare never came")  # fmt: skip
def accepting_is_promising(program):
    for crash in (False, True):
        node, why = acceptor_of(program), "a1 has accepted in ballot (5, 'p2'), whose Prepare it never saw"
        node.deliver("p2", Accept((5, "p2"), "Ben"))
        if crash:
            node.restart()
        expect_answer(node, "p1", Accept((4, "p1"), "Ana"), Nack((4, "p1"), (5, "p2")), why)
        expect_answer(node, "p1", Prepare((4, "p1")), Nack((4, "p1"), (5, "p2")), why)
        expect_answer(node, "p1", Prepare((6, "p1")), Promise((6, "p1"), (5, "p2"), "Ben"), why)


@checks("8.2", "what was accepted last is what counts, and copies change nothing", points=2, source=SIMPLE,
        look_at="may an accepted value be replaced?")  # fmt: skip
def accepts_again(program):
    node, last = acceptor_of(program), (NO_BALLOT, None)
    for ballot, value in (((1, "p1"), "Ana"), ((1, "p1"), "Ana"), ((3, "p2"), "Ben"), ((2, "p1"), "Ana"),
                          ((3, "p2"), "Ben"), ((7, "p1"), "Cem")):  # fmt: skip
        refused = ballot < last[0]
        wanted = Nack(ballot, last[0]) if refused else Accepted(ballot, value)
        expect_answer(node, ballot[1], Accept(ballot, value), wanted, f"a1 has accepted {last}")
        last = last if refused else (ballot, value)
    expect_answer(node, "p2", Prepare((9, "p2")), Promise((9, "p2"), *last), f"a1 has accepted {last} last")


@checks("8.2", "a crash never takes back an acceptance, or half of it", points=2,
        look_at="one save, and its place", source="section 2.5: stable storage")  # fmt: skip
def acceptances_are_saved(program):
    node, names = acceptor_of(program), ("promised", "accepted_ballot", "accepted_value")
    for ballot, value in (((2, "p1"), "Ana"), ((7, "p2"), "Ben")):
        expect_saved(node, ballot[1], Accept(ballot, value), names, (ballot, ballot, value))
        node.restart()
        wanted = Promise((7, "p2"), ballot, value)
        expect_answer(node, "p2", Prepare((7, "p2")), wanted, f"a1 accepted {value} in {ballot}, crashed and came back")


# -- 8.3 Whose value? ------------------------------------------------------------------------------


def desks(count):
    return tuple(f"a{number}" for number in range(1, count + 1))


def proposer_of(program, count=3, value="Ana"):
    """p1 with so many acceptors, whose first ballot has begun."""
    node = by_hand(program, "Proposer", "p1", peers=desks(count))
    node.operation = node.invoke("propose", None, value)
    return node


def ballot_of(node):
    """The ballot for which the proposer asked last."""
    return node.sent_to("a1", Prepare).ballot


def promises_from(node, **told):
    """Acceptors promise the present ballot: ``promises_from(node, a1=((2, "p2"), "Ben"), a2=None)``."""
    for acceptor, accepted in told.items():
        node.deliver(acceptor, Promise(ballot_of(node), *(accepted or (NO_BALLOT, None))))


def proposals(node, count=3):
    """What was proposed in the present ballot, by acceptor."""
    sent = {acceptor: node.all_sent_to(acceptor, Accept) for acceptor in desks(count)}
    return {acceptor: found for acceptor, messages in sent.items()
            if (found := [m for m in messages if m.ballot == ballot_of(node)])}  # fmt: skip


def expect_proposed(node, value, why, count=3):
    """This value, and no other, went once to every acceptor."""
    wanted = {acceptor: [Accept(ballot_of(node), value)] for acceptor in desks(count)}
    got = proposals(node, count)
    expect(got == wanted, f"{why}, so p1 proposes {value} to all, once; it sent {got or 'no Accept'}")


@checks("8.3", "a majority of promises is needed, and is enough", points=2, look_at="how many of how many",
        source=f'{SIMPLE}: "If the proposer receives a response ... from a majority of acceptors"')  # fmt: skip
def waits_for_a_majority(program):
    for count in (1, 3, 4, 5):
        node, needed = proposer_of(program, count), majority(count)
        promises_from(node, **dict.fromkeys(desks(count)[: needed - 1]))
        expect(not proposals(node, count), f"{needed - 1} of {count} acceptors promised, and p1 went on")
        promises_from(node, **{desks(count)[needed - 1]: None})
        expect_proposed(node, "Ana", f"{needed} of {count} acceptors promised, and have accepted nothing", count)


@checks("8.3", "the value of the highest ballot that was accepted is proposed again", points=3,
        look_at="max, and by what",
        source=f'{SIMPLE}: "the value of the highest-numbered proposal among the responses"')  # fmt: skip
def repeats_the_highest(program):
    for told, wanted in (
        ({"a1": ((1, "p2"), "Ben"), "a2": None}, "Ben"),
        ({"a3": None, "a2": ((1, "p2"), "Ben")}, "Ben"),
        ({"a1": ((1, "p2"), "Zoe"), "a2": ((2, "p3"), "Ben")}, "Ben"),
        ({"a2": ((2, "p3"), "Ben"), "a1": ((1, "p9"), "Zoe")}, "Ben"),
        ({"a1": ((9, "p3"), "Zoe"), "a3": ((10, "p2"), "Ben")}, "Ben"),
        ({"a3": ((4, "p3"), "Ben"), "a1": ((4, "p2"), "Zoe")}, "Ben"),
        ({"a1": ((1, "p2"), "Zoe"), "a4": ((1, "p2"), "Zoe"), "a5": ((2, "p3"), "Ben")}, "Ben"),
        ({"a1": None, "a3": None}, "Ana"),
    ):
        count = 2 * len(told) - 1
        node = proposer_of(program, count)
        for _ in range(2):  # a first ballot that nobody answers
            node.fire("retry")
        promises_from(node, **told)
        expect_proposed(node, wanted, f"p1 wants Ana, and its promises tell of {told}", count)


@checks("8.3", "promises for other ballots and copies are no majority", points=2,
        look_at="promise.ballot; and what do you count?")  # fmt: skip
def counts_present_promises(program):
    node = proposer_of(program, 5)
    old = ballot_of(node)
    node.fire("retry")
    for acceptor in ("a1", "a2", "a3", "a4"):
        node.deliver(acceptor, Promise(old, (1, "p2"), "Ben"))
    expect(not proposals(node, 5), f"four promises for {old} came late, and p1 took them for {ballot_of(node)}")
    expect(not [m for m in node.all_sent_to("a1", Accept) if m.ballot == old],
           f"p1 has begun {ballot_of(node)}, and proposed something in {old}")  # fmt: skip
    for acceptor in ("a3", "a3", "a5", "a3", "a5"):
        promises_from(node, **{acceptor: None})
    expect(not proposals(node, 5), "a3 and a5 promised, more than once, and p1 took them for a majority of 5")
    promises_from(node, a1=None)
    expect_proposed(node, "Ana", "a1, a3 and a5 promised, and have accepted nothing", 5)


@checks("8.3", "in one ballot, one value", points=2, look_at="what a promise does that comes after the majority",
        source="section 2.1: a proposal is a number and a value, and different proposals have different numbers")  # fmt: skip
def one_value_a_ballot(program):
    node = proposer_of(program, 5)
    promises_from(node, a1=None, a2=None, a3=None)
    first = proposals(node, 5)
    promises_from(node, a4=((7, "p2"), "Ben"), a5=((8, "p3"), "Zoe"), a1=((1, "p1"), "Ana"))
    expect(proposals(node, 5) == first, f"p1 had proposed Ana in {ballot_of(node)}; later promises made it send "
           f"{proposals(node, 5)}: two acceptors could now accept two values in one ballot")  # fmt: skip
    expect_proposed(node, "Ana", "a1, a2 and a3 promised, and had accepted nothing", 5)


@checks("8.3", "after the end, promises propose nothing", points=1, look_at="self.pending")
def promises_after_the_end(program):
    node = proposer_of(program)
    promises_from(node, a1=None, a2=None)
    for acceptor in ("a1", "a2"):  # by hand, so that exercise 8.4 is not needed
        expect(node.sent_to(acceptor, Accept).value == "Ana", "p1 proposed something that nobody asked for")
    idle = by_hand(program, "Proposer", "p2", peers=desks(3))
    for acceptor in desks(3):
        idle.deliver(acceptor, Promise((4, "p2"), NO_BALLOT, None))
        idle.deliver(acceptor, Promise(NO_BALLOT, NO_BALLOT, None))
    expect(not idle.sent, f"p2 restarted and has nothing to propose; promises of an earlier life made it send {idle.sent}")


# -- 8.4 Chosen ----------------------------------------------------------------------------------


def accepted_by(node, ballot, value, *acceptors):
    for acceptor in acceptors:
        node.deliver(acceptor, Accepted(ballot, value))


@checks("8.4", "chosen is what a majority has accepted, and nothing less", points=2, look_at="how many of how many",
        source='section 2: "a value is chosen when a majority of acceptors has accepted it"')  # fmt: skip
def majority_chooses(program):
    for count in (1, 3, 4, 5):
        node, needed = proposer_of(program, count), majority(count)
        ballot = ballot_of(node)
        accepted_by(node, ballot, "Ben", *desks(count)[: needed - 1])
        expect(node.outcome(node.operation) is None, f"{needed - 1} of {count} accepted, and p1 took it for chosen")
        accepted_by(node, ballot, "Ben", desks(count)[needed - 1])
        got = node.outcome(node.operation)
        expect(got == ("ok", "Ben"), f"{needed} of {count} accepted Ben in {ballot}, and the operation ended as {got}")
        accepted_by(node, ballot, "Ben", *desks(count))
        expect(not node.timers, "the value is chosen, and p1's timer is still set")


@checks("8.4", "an acceptor counts once, and ballots are not added up", points=3,
        look_at="what must be the same in what you count")  # fmt: skip
def counts_one_ballot(program):
    node = proposer_of(program, 5)
    first = ballot_of(node)
    accepted_by(node, first, "Ana", "a1", "a1", "a2", "a1", "a2")
    expect(node.outcome(node.operation) is None, "a1 and a2 accepted, more than once, and p1 took them for a majority of 5")
    node.fire("retry")
    accepted_by(node, ballot_of(node), "Ana", "a3", "a4")
    expect(node.outcome(node.operation) is None,
           f"a1 and a2 accepted in {first}, a3 and a4 in {ballot_of(node)}; no ballot has a majority of 5, and p1 took it for chosen")  # fmt: skip
    accepted_by(node, ballot_of(node), "Ana", "a1")
    got = node.outcome(node.operation)
    expect(got == ("ok", "Ana"), f"a3, a4 and a1 accepted in {ballot_of(node)}, and the operation ended as {got}")


@checks("8.4", "a majority in an earlier ballot has chosen, too", points=2,
        look_at="need reply.ballot be self.ballot?")  # fmt: skip
def earlier_ballots_choose(program):
    node = proposer_of(program)
    first = ballot_of(node)
    accepted_by(node, first, "Ben", "a2")
    for _ in range(3):
        node.fire("retry")
    accepted_by(node, ballot_of(node), "Ben", "a1")
    accepted_by(node, first, "Ben", "a3")
    got = node.outcome(node.operation)
    expect(got == ("ok", "Ben"), f"a2 and a3 accepted Ben in {first}; p1 was in {ballot_of(node)} by then, and says {got}")


@checks("8.4", "an operation ends once, and late answers start nothing", points=1, look_at="self.pending")
def ends_once(program):
    node = proposer_of(program)
    ballot = ballot_of(node)
    accepted_by(node, ballot, "Ben", "a1", "a2")
    before = len(node.sent)
    accepted_by(node, ballot, "Ben", "a3", "a2", "a1")
    expect(len(node.sent) == before and not node.timers, "an answer after the end made p1 do something")
    restarted = by_hand(program, "Proposer", "p1", peers=desks(3))
    accepted_by(restarted, ballot, "Ben", "a1", "a2", "a3")
    expect(not restarted.sent and not restarted.timers, "answers to an earlier life made p1 do something")


# -- 8.5 A duel ------------------------------------------------------------------------------------


def refused(node, promised, *acceptors):
    """These acceptors refuse the present ballot."""
    for acceptor in acceptors or ("a1",):
        node.deliver(acceptor, Nack(ballot_of(node), promised))


@checks("8.5", "the next ballot is above every ballot that p1 has heard of", points=2, look_at="self.highest",
        source='section 2.2: "A proposer chooses a new proposal number n"; section 2.4')  # fmt: skip
def outbids(program):
    for numbers in ((8,), (8, 3), (3, 41, 8), (1, 1)):
        node = proposer_of(program)
        first = ballot_of(node)
        for number in numbers:
            node.deliver(f"a{number % 3 + 1}", Nack(first, (number, "p2")))
        node.fire("retry")
        expect(ballot_of(node)[0] > max(numbers), f"p1 was told of the ballot numbers {numbers}, and began {ballot_of(node)}")
        expect(ballot_of(node) > first, f"p1 began {first}, and then {ballot_of(node)}")
    node = proposer_of(program)
    first = ballot_of(node)
    node.fire("retry")
    node.deliver("a1", Nack(first, (17, "p2")))
    node.fire("retry")
    expect(ballot_of(node)[0] > 17, f"a late Nack told p1 of (17, 'p2'), and it began {ballot_of(node)}")


@checks("8.5", "one ballot is refused once, however many refuse it", points=2,
        look_at="the second Nack of one ballot, and the first of the next")  # fmt: skip
def refused_once(program):
    node = proposer_of(program, 5)
    old = ballot_of(node)
    refused(node, (4, "p2"), "a1")
    for acceptor in ("a2", "a1", "a5"):
        node.deliver(acceptor, Nack(old, (5, "p2")))
        set_again = [effect for effect in node.effects if effect[0] == "set_timer"]
        expect(not set_again, f"{acceptor} refused {old} as well, and p1 began to wait anew")
    expect("retry" in node.timers, "p1 was refused, and its timer 'retry' is not set")
    node.fire("retry")
    node.deliver("a3", Nack(old, (6, "p2")))
    set_again = [effect for effect in node.effects if effect[0] == "set_timer"]
    expect(not set_again, f"p1 is in {ballot_of(node)}; a late Nack for {old} made it wait as if it was refused now")
    skipped = ballot_of(node)
    node.fire("retry")
    node.deliver("a3", Nack(skipped, (7, "p2")))
    set_again = [effect for effect in node.effects if effect[0] == "set_timer"]
    expect(not set_again, f"p1 is in {ballot_of(node)}; the first, late Nack for {skipped} made it wait as if it was refused now")
    refused(node, (9, "p2"))
    least, most = (limit / 1000 for limit in node.timers["retry"])
    expect(BACKOFF_MS <= least <= most <= 4 * BACKOFF_MS,
           f"two ballots were refused, by several acceptors, and p1 waits {least:g} to {most:g} ms; "
           f"after two refusals it is {BACKOFF_MS} to {4 * BACKOFF_MS} ms")  # fmt: skip


@checks("8.5", "the wait is random, and doubles up to a limit", points=2, look_at="the two times of set_timer",
        source='section 2.4: "... using either randomness or real time"')  # fmt: skip
def waits_double(program):
    waits = {}
    node = by_hand(program, "Proposer", "p1", peers=desks(3))
    for _ in range(12):
        operation = node.invoke("propose", None, "Ana")
        for turn in range(1, DOUBLINGS_MAX + 3):
            refused(node, (ballot_of(node)[0] + 1, "p2"))
            waits.setdefault(turn, []).append(tuple(limit / 1000 for limit in node.timers.get("retry", (0, 0))))
            node.fire("retry")
        accepted_by(node, ballot_of(node), "Ana", "a1", "a2")
        expect(node.outcome(operation), "a majority accepted, and p1 still waits")
    for turn, seen in waits.items():
        limit, told = BACKOFF_MS * 2 ** min(turn, DOUBLINGS_MAX), f"after {turn} refusals p1 waits {seen[0]} ms"
        inside = all(BACKOFF_MS <= least <= most <= limit for least, most in seen)
        expect(inside, f"{told}; it is a time from {BACKOFF_MS} to {limit} ms")
        expect(max(most for _, most in seen) > limit / 2, f"{told}, twelve times, and never more than {limit / 2:g} ms: it does not double")
        expect(len({time for pair in seen for time in pair}) > 1,
               f"{told}, each time; two who wait equally long meet again")  # fmt: skip


@checks("8.5", "a refusal after the end starts nothing", points=1, look_at="self.pending")
def refused_after_the_end(program):
    node = proposer_of(program)
    accepted_by(node, ballot_of(node), "Ben", "a1", "a2")
    before = len(node.sent)
    refused(node, (7, "p2"), "a3", "a1")
    expect(not node.timers and len(node.sent) == before, "the operation is over, and a Nack made p1 go on")
    node.invoke("propose", None, "Ana")
    expect(ballot_of(node)[0] > 7, f"p1 was told of (7, 'p2') between two operations, and began {ballot_of(node)}")


# -- Part S: one value -----------------------------------------------------------------------------


class Consensus(Model):
    """``propose(v)`` answers the first value that was proposed: agreement, validity and real time in one."""

    def apply(self, state, f, value):
        chosen = value if state is None else state
        return chosen, chosen


def office(acceptors, *turns):
    """So many acceptors, and for each of `turns` a proposer that proposes its values one after the other."""
    work = {f"p{n}": [("propose", None, name) for name in names.split()] for n, names in enumerate(turns, 1)}
    return System.of(dict.fromkeys(desks(acceptors), "Acceptor"), client="Proposer", workload=work)


def chosen_values(event):
    """Facts from messages and answers: one value for each ballot, and one that is chosen."""
    if event.kind == "ok":
        yield ("chosen value",), event.data
    elif event.kind == "send" and isinstance(event.data, Accept | Accepted):
        yield ("value in ballot", *event.data.ballot), event.data.value


def is_consensus(run):
    """The judge: all answers are one proposed value, and a majority accepted it before anyone was told."""
    votes, acceptors = {}, len(run.system.node_ids)
    for at, event in enumerate(run.trace):
        if event.kind == "send" and isinstance(event.data, Accepted):
            votes.setdefault((event.data.ballot, event.data.value), set()).add(event.node)
        elif event.kind == "ok":
            best = max((len(who) for (_, value), who in votes.items() if value == event.data), default=0)
            if best < majority(acceptors):
                return Violation("only a majority chooses", f"{event.node} was told that {event.data} is chosen, "
                                 f"and no ballot with it had more than {best} of {acceptors} acceptors", at)  # fmt: skip
    verdict = check_linearizable(run.history, Consensus())
    if verdict.verdict == "unknown":
        raise Undecided(verdict.reason)
    return None if verdict else Violation("one of the proposed values is chosen", str(verdict))


SAFETY = {"derive": [chosen_values], "judge": is_consensus}


def every_order(program, system, derive, bounds, stages=(), *, check, about, unreached=""):
    """All orders of `system` within `bounds`, from the goals of `stages` on: where the program is in this process.

    `unreached` is what it means that one of the goals cannot be reached, if that is as it should be.
    """
    if not isinstance(program, LocalProgram):
        return
    experiment = Experiment(program, system, (derive,))
    try:
        found = search(experiment, bounds, stages)
    except NotComparable as reason:
        trial().evidence.append(f"no search of all orders: {reason}")
        return
    except LookupError as reason:
        trial().evidence.append(unreached or f"no search of all orders: {reason}")
        return
    trial().evidence.append(f"{about}: {found}")
    if found.violation:
        short = counterexample(experiment, found.schedule, found.violation, check=check, seed="all orders")
        raise Broken(short.what, short)


def ballots_to(number):
    """The bound of a search: no proposer goes beyond this ballot number."""
    return lambda _, seen: seen.get("highest", 0) <= number


def has_accepted(*acceptors):
    """The goal of a stage: these acceptors have accepted something."""
    return lambda views: all(views[id].get("accepted_value") for id in acceptors)


@checks("8.S", "never two values, in any order of events", points=3, source="Lamport 2001, section 2: safety",
        look_at="the value of a ballot, and what may still be accepted below it",
        not_shown="that any value is ever chosen")  # fmt: skip
def agreement_in_any_order(program):
    walks(program, office(3, "Ana Ana2", "Ben"), count=200, limits=Walk(steps_max=90, timers=8, duplicates=True), **SAFETY)
    walks(program, office(3, "Ana", "Ben", "Cem"), count=150, limits=Walk(steps_max=110, timers=8, demotions=6), **SAFETY)
    whole = Bounds(restarts=1, cuts=True, states_max=300_000, within=ballots_to(1))
    every_order(program, office(3, "Ana", "Ben"), chosen_values, whole, check="8.S", about="one ballot each")
    later = Bounds(restarts=1, cuts=True, states_max=trial().count(120_000), within=ballots_to(2))
    chosen = Stage(has_accepted("a1", "a2"), only=("p1", "a1", "a2"))
    every_order(program, office(3, "Ana", "Ben"), chosen_values, later, [chosen], check="8.S", about="once Ana is chosen")


@checks("8.S", "never two values, crashing anywhere", points=3, source="Lamport 2001, section 2.5",
        look_at="what is on the disk of an acceptor when its answer leaves")  # fmt: skip
def agreement_over_crashes(program):
    for system, count in ((office(1, "Ana", "Ben"), 60), (office(3, "Ana", "Ben", "Cem"), 200), (office(5, "Ana", "Ben"), 60)):
        walks(program, system, count=count, limits=Walk(steps_max=100, timers=8, restarts=3, cuts=3), **SAFETY)


@checks("8.S", "one proposer alone needs two round trips", points=1, source="Lamport 2001, section 2.2",
        look_at="what is sent that nobody needs")  # fmt: skip
def alone_it_is_cheap(program):
    for acceptors in (1, 3, 5):
        def play(run, acceptors=acceptors):
            run.run(2_000)
            sent = len(run.trace.of_kind("send"))
            done = [op for op in run.history if op.outcome == "ok"]
            expect(run.violation or len(done) == 1, "one proposer, nothing failed, and no value was chosen in 2 s")
            expect(run.violation or sent <= 4 * acceptors, f"one proposer and {acceptors} acceptors exchanged {sent} messages; "
                   f"two round trips are {4 * acceptors}")  # fmt: skip

        scenarios(program, office(acceptors, "Ana"), play, runs=3, link=CALM, **SAFETY)


@checks("8.S", "many proposers agree, on an unreliable network with crashes", points=2,
        source="Lamport 2001, section 2", look_at="which late answers still count")  # fmt: skip
def agreement_through_faults(program):
    system = office(5, "Ana", "Ben", "Ana", "Cem")

    def play(run):
        chance = Stream(run.seed, "faults")
        for at_ms in range(30, 700, 90):
            acceptor = chance.choice(system.node_ids)
            run.at(at_ms, chance.choice((run.crash, run.isolate)), acceptor)
            run.at(at_ms + 60, run.restart, acceptor).at(at_ms + 60, run.heal)
            run.at(at_ms + 10, run.crash_within, chance.choice(system.node_ids), chance.below(2))
        run.run(750)
        expect_all_decide(run, "faults ended")

    needs = ("loss", "duplication", "late", "crash", "restart", "partition", "crash within a handler")
    scenarios(program, system, play, runs=25, link=HOSTILE, needs=needs, **SAFETY)


def expect_all_decide(run, story, within_ms=8_000):
    """From now on nothing fails: every operation ends."""
    calls = sum(len(calls) for _, calls in run.system.workload)
    met = recovers(run, lambda: len(ended(run)) == calls, within_ms)
    expect(met, f"{story}, and {within_ms} ms later {calls - len(ended(run))} of {calls} proposers know of no chosen value")


def ended(run):
    return [op for op in run.history if op.outcome == "ok"]


@checks("8.S", "no decision without a majority, one with it, and all agree after the cut", points=2,
        source="Lamport 2001, section 2", look_at="the majority; and what a proposer does when nobody answers")  # fmt: skip
def decides_with_the_majority(program):
    system = office(5, "Ana", "Ben", "Cem")

    def play(run):
        run.partition(("p1", "a1", "a2"), ("p2", "p3", "a3", "a4"), ("a5",))
        run.run(700)
        expect(run.violation or not ended(run), "no proposer reached three of five acceptors, and something was decided")
        run.heal()
        run.partition(("p1", "a1", "a2"), ("p2", "p3", "a3", "a4", "a5"))
        run.run(4_000)
        told = sorted(op.client for op in ended(run))
        expect(run.violation or told == ["p2", "p3"], f"p2 and p3 reached three of five acceptors for 3 s, p1 only two; "
               f"decided have: {', '.join(told) or 'none'}")  # fmt: skip
        expect_all_decide(run, "the network was whole again")

    scenarios(program, system, play, runs=12, link=CALM, needs=("partition", "cut"), **SAFETY)


@checks("8.S", "a value that a minority accepted gives way; a chosen one stays", points=2,
        look_at="phase 1: who is asked, and what is believed", source=f"{SIMPLE}, P2c")  # fmt: skip
def minority_gives_way(program):
    for reached, wanted in ((("a1",), "Ben"), (("a1", "a2"), "Ana")):
        def play(run, reached=reached, wanted=wanted):
            run.isolate("p2")
            for acceptor in ("a1", "a2", "a3"):
                run.at(12, run.cut, acceptor, "p1")
                if acceptor not in reached:
                    run.at(12, run.cut, "p1", acceptor)
            run.run(40)
            run.heal()
            run.partition(("p1", "a1"), ("p2", "a2", "a3"))
            run.run(2_000)
            told = {op.client: op.result for op in ended(run)}
            expect(run.violation or told == {"p2": wanted}, f"p1's Ana was accepted by {' and '.join(reached)} only; then p2, which wants Ben, "
                   f"reached a2 and a3, so {wanted} must be chosen; told were {told or 'nobody'}")  # fmt: skip
            expect_all_decide(run, "the network was whole again")

        scenarios(program, office(3, "Ana", "Ben"), play, runs=4, link=Link(delay_ms=(5, 5)), needs=("cut link",), **SAFETY)


@checks("8.S", "a proposer that is deaf, or changes sides, does no harm and learns in the end", points=2,
        source="MIT 6.824 (2015), lab 3: deaf proposer, one peer switches partitions",
        look_at="what becomes of a ballot that is never answered")  # fmt: skip
def deaf_and_switching(program):
    system = office(5, "Ana", "Ben", "Cem")

    def play(run):
        chance = Stream(run.seed, "sides")
        for acceptor in system.node_ids:
            run.cut(acceptor, "p1")
        run.run(1_500)
        told = {op.client for op in ended(run)}
        expect(run.violation or told == {"p2", "p3"}, f"only p1 was deaf, and decided have: {', '.join(sorted(told)) or 'none'}")
        for turn in range(4):
            some = chance.some(system.node_ids)[:2]
            run.heal()
            run.partition((*some, "p1"), [id for id, _ in system.members if id not in some and id != "p1"])
            run.run(1_500 + 150 * (turn + 1))
        expect_all_decide(run, "p1 could hear again")

    scenarios(program, system, play, runs=15, link=Link(delay_ms=(1, 12)), needs=("cut link", "partition"), **SAFETY)


@checks("8.S", "every duel ends", points=2, source='section 2.4: progress needs "... a distinguished proposer"; randomness gives one',
        look_at="the wait, and the next ballot")  # fmt: skip
def duels_end(program):
    for offices in (2, 5):
        names = [f"passenger{n}" for n in range(1, offices + 1)]

        def play(run, offices=offices):
            expect_all_decide(run, f"{offices} proposers began together, and every message takes 5 ms", 40 * RETRY_MS)

        scenarios(program, office(3, *names), play, runs=15, link=Link(delay_ms=(5, 5)), **SAFETY)
