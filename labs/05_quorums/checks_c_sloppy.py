"""Lab 05, public checks of part c, stand-ins and hints."""

from __future__ import annotations

from checks import DYNAMO, NEW, OLD, shelves
from given import (
    HANDOFF_MS,
    HOMES,
    NO_TAG,
    TRIES_MAX,
    Handoff,
    HandoffReply,
    HintedUpdate,
    Query,
    QueryReply,
    Update,
    UpdateReply,
)

from labkit import Link, System, Walk, by_hand, checks, expect, scenarios, walks
from labkit.facts import Violation
from labkit.network import Stream

HINTS = f"{DYNAMO}, section 4.6"


# -- 5.11 Whom to ask ----------------------------------------------------------------------------


@checks(
    "5.11",
    "as long as all homes answer, the homes are asked",
    points=1,
    source=HINTS,
    look_at="the first HOMES of self.peers",
)
def homes_first(program):
    for count in (3, 5, 7):
        node = by_hand(program, "SloppyStore", "c1", peers=shelves(count))
        for turn in range(2):
            before = len(node.sent)
            operation = node.invoke("write", None, f"value {turn}")
            got = sorted(to for to, message in node.sent[before:] if isinstance(message, Query))
            expect(
                got == ["n1", "n2", "n3"],
                f"of {count} replicas, all believed healthy, c1 asked {got}, not the homes n1, n2, n3",
            )
            expect(answers(node, "n1", "n3"), "c1 has R = 2 answers and sent no update")
            sent = {to: message for to, message in node.sent if isinstance(message, Update | HintedUpdate)}
            hinted = {to for to, message in sent.items() if isinstance(message, HintedUpdate)}
            expect(
                sorted(sent) == ["n1", "n2", "n3"] and not hinted,
                f"all homes are healthy, and c1 wrote to {sorted(sent)}, with a hint to {sorted(hinted)}",
            )
            for home in ("n1", "n2"):
                node.deliver(home, UpdateReply(node.sent_to(home, Update).phase))
            expect(
                node.outcome(operation) == ("ok", None),
                f"n1 and n2 confirmed, W = 2, and the write is {node.outcome(operation)}",
            )


def answers(node, *replicas):
    """These replicas answer the client's query with OLD; did it go on to updates?"""
    before = len(node.sent)
    for replica in replicas:
        node.deliver(replica, QueryReply(node.sent_to(replica, Query).phase, *OLD))
    return any(isinstance(message, Update | HintedUpdate) for _, message in node.sent[before:])


@checks(
    "5.11",
    "for each home that is down, the next healthy replica stands in",
    points=3,
    source=HINTS,
    look_at="who stands in for whom, and in which order",
)
def stand_ins_in_order(program):
    for count, down, wanted in (
        (5, ("n2",), {"n1": None, "n3": None, "n4": "n2"}),
        (5, ("n1", "n3"), {"n2": None, "n4": "n1", "n5": "n3"}),
        (6, ("n1", "n2", "n3"), {"n4": "n1", "n5": "n2", "n6": "n3"}),
        (6, ("n1", "n4"), {"n2": None, "n3": None, "n5": "n1"}),
        (7, ("n2", "n3", "n4", "n5"), {"n1": None, "n6": "n2", "n7": "n3"}),
    ):
        got = chosen(program, count, down)
        expect(
            got == wanted,
            f"of {count} replicas {', '.join(down)} do not answer; c1 wrote to {got} (replica: owner), not to {wanted}",
        )


@checks(
    "5.11",
    "fewer healthy ones than N: those that there are",
    points=1,
    source=HINTS,
    look_at="where zip, or a loop, ends",
)
def stand_ins_run_out(program):
    for count, down, wanted in (
        (3, ("n1",), {"n2": None, "n3": None}),
        (4, ("n1", "n2"), {"n3": None, "n4": "n1"}),
    ):
        got = chosen(program, count, down)
        expect(
            got == wanted,
            f"of {count} replicas {', '.join(down)} do not answer; c1 wrote to {got} (replica: owner), not to {wanted}",
        )


def chosen(program, count, down):
    """Where a client that wants N confirmations writes when these stay silent: {replica: owner or None}."""
    node = by_hand(program, "SafeStore", "c1", peers=shelves(count))
    operation, heard = node.invoke("write", None, "mine"), 0
    for _ in range(TRIES_MAX):
        while heard < len(node.sent):
            to, message = node.sent[heard]
            heard += 1
            if to not in down:
                node.deliver(to, _answer(message))
        if node.outcome(operation):
            break
        node.fire()
    updates = [(to, message) for to, message in node.sent if isinstance(message, Update | HintedUpdate)]
    return {to: getattr(message, "owner", None) for to, message in updates if to not in down}


def _answer(message):
    return QueryReply(message.phase, *OLD) if isinstance(message, Query) else UpdateReply(message.phase)


# -- 5.12 A hint is kept -------------------------------------------------------------------------


def stand_in(program, storage=None):
    return by_hand(program, "StandIn", "n4", peers=shelves(6), clients=("c1", "c2"), storage=storage)


def handed_off(node):
    """What the stand-in sends home when its timer fires: {owner: (tag, value)}."""
    before = len(node.sent)
    if node.timers:
        node.fire("handoff")
    return {to: (m.tag, m.value) for to, m in node.sent[before:] if isinstance(m, Handoff)}


def pair_of(node):
    seen = node.observe()
    return seen["tag"], seen["value"]


@checks(
    "5.12",
    "a hint is kept apart from the replica's own value",
    points=2,
    source=HINTS,
    look_at="what a hinted update changes",
)
def hints_are_apart(program):
    node = stand_in(program)
    node.deliver("c1", Update(1, (5, "c1"), "its own"))
    for owner, number in (("n1", 9), ("n2", 3)):
        node.deliver("c1", HintedUpdate(2, (number, "c1"), f"for {owner}", owner))
        got = pair_of(node)
        expect(
            got == ((5, "c1"), "its own"),
            f"n4 had 'its own' under (5, 'c1'), was given a hint for {owner}, and now has {got}",
        )
    got = handed_off(node)
    wanted = {"n1": ((9, "c1"), "for n1"), "n2": ((3, "c1"), "for n2")}
    expect(
        got == wanted, f"n4 keeps hints for n1 and n2; when its timer fires it sends home {got}, not {wanted}"
    )


@checks(
    "5.12",
    "of two hints for one owner the newer stays",
    points=2,
    source=HINTS,
    look_at="the comparison, and with what",
)
def newer_hints_stay(program):
    for numbers in ((1, 3, 2), (9, 10), (3, 3)):
        node = stand_in(program)
        for number in numbers:
            node.deliver("c1", HintedUpdate(number, (number, "c1"), f"value {number}", "n2"))
        got, wanted = handed_off(node), {"n2": ((max(numbers), "c1"), f"value {max(numbers)}")}
        expect(
            got == wanted,
            f"n4 was given hints for n2 with the numbers {numbers}; it sends home {got}, not {wanted}",
        )
    node = stand_in(program)
    for writer in ("c2", "c1"):
        node.deliver("c1", HintedUpdate(1, (4, writer), f"by {writer}", "n2"))
    got = handed_off(node)
    expect(
        got == {"n2": ((4, "c2"), "by c2")},
        f"hints (4, 'c2') and then (4, 'c1') came; n4 sends home {got}; of equal numbers the higher id wins",
    )


@checks(
    "5.12",
    "every hinted update is answered, an old one too",
    points=1,
    source=HINTS,
    look_at="when the reply is sent",
)
def hints_are_answered(program):
    node = stand_in(program)
    for phase, number in ((1, 4), (2, 2), (2, 2), (3, 4)):
        before = len(node.sent)
        node.deliver("c2", HintedUpdate(phase, (number, "c2"), f"value {number}", "n1"))
        got = [message for to, message in node.sent[before:] if to == "c2"]
        expect(
            got == [UpdateReply(phase)],
            f"hinted update {phase} of c2 was answered by {got}, not by one UpdateReply({phase})",
        )


@checks(
    "5.12",
    "a hint is on the disk before it is confirmed",
    points=2,
    source=HINTS,
    look_at="the order of save_hints and send",
)
def hints_survive(program):
    node = stand_in(program)
    for number in (1, 2):
        node.deliver("c1", HintedUpdate(number, (number, "c1"), f"value {number}", "n3"))
        kinds = [effect[0] for effect in node.effects]
        expect("save" in kinds, f"n4 confirmed a hint for n3 and saved nothing: {kinds}")
        expect(
            kinds.index("save") < kinds.index("send"),
            "n4 confirmed a hint before it was on the disk; a crash right then loses it",
        )
    node.restart()
    got = handed_off(node)
    expect(
        got == {"n3": ((2, "c1"), "value 2")},
        f"n4 confirmed two hints for n3 and crashed; after the restart it sends home {got}",
    )


# -- 5.13 A hint is let go ------------------------------------------------------------------------


def with_hints(program):
    """A stand-in with hints for n1 and n2, sent home once."""
    node = stand_in(program)
    for owner in ("n1", "n2"):
        node.deliver("c1", HintedUpdate(1, (5, "c1"), f"for {owner}", owner))
    handed_off(node)
    return node


@checks(
    "5.13",
    "what the owner has confirmed is let go, and nothing else",
    points=2,
    source=HINTS,
    look_at="which hint is removed",
)
def confirmed_hints_go(program):
    node = with_hints(program)
    got = handed_off(node)
    expect(
        sorted(got) == ["n1", "n2"],
        f"nobody has confirmed anything, and n4 sends home {got}, not both of its hints",
    )
    node.deliver("n2", HandoffReply((5, "c1")))
    got = handed_off(node)
    expect(
        got == {"n1": ((5, "c1"), "for n1")}, f"n2 has confirmed its hint and n1 has not; n4 sends home {got}"
    )
    node.deliver("n1", HandoffReply((5, "c1")))
    got = handed_off(node)
    expect(not got, f"both owners have confirmed, and n4 still sends home {got}")


@checks(
    "5.13",
    "a confirmation of an older tag does not free a newer hint",
    points=2,
    source=HINTS,
    look_at="reply.tag, and the tag of the hint",
)
def older_confirmations_free_nothing(program):
    for older, newer in (((5, "c1"), (6, "c1")), ((5, "c1"), (5, "c2")), ((9, "c9"), (10, "c1"))):
        node = stand_in(program)
        node.deliver("c1", HintedUpdate(1, older, "older", "n1"))
        handed_off(node)
        node.deliver("c2", HintedUpdate(1, newer, "newer", "n1"))
        node.deliver("n1", HandoffReply(older))
        got = handed_off(node)
        expect(
            got == {"n1": (newer, "newer")},
            f"n4 sent {older} home, then was given {newer} for the same owner, and n1 confirmed {older}; now n4 sends home {got or 'nothing'}",
        )


@checks("5.13", "a second confirmation does no harm", points=1, look_at="owners without a hint")
def confirmations_come_twice(program):
    node = with_hints(program)
    for owner in ("n1", "n1", "n3"):
        node.deliver(owner, HandoffReply((5, "c1")))
    got = handed_off(node)
    expect(
        got == {"n2": ((5, "c1"), "for n2")},
        f"n1 confirmed twice and n3 something that n4 never kept; n4 sends home {got}",
    )


@checks("5.13", "what was let go stays away after a restart", points=1, look_at="save_hints")
def removals_are_saved(program):
    node = with_hints(program)
    node.deliver("n1", HandoffReply((5, "c1")))
    node.restart()
    got = handed_off(node)
    expect(
        got == {"n2": ((5, "c1"), "for n2")},
        f"n1 had confirmed its hint before the crash; after it n4 sends home {got}, not only n2's",
    )


# -- 5.14 Answering for others -------------------------------------------------------------------


@checks(
    "5.14",
    "an answer is the newest of what is here, own or kept",
    points=3,
    source=HINTS,
    look_at="all that a stand-in holds",
)
def answers_with_the_newest(program):
    for own, hints, wanted in (
        (None, {}, (NO_TAG, None)),
        (OLD, {}, OLD),
        (None, {"n1": NEW}, NEW),
        (OLD, {"n1": NEW}, NEW),
        (NEW, {"n1": OLD}, NEW),
        (((9, "c1"), "nine"), {"n1": OLD, "n2": ((10, "c1"), "ten"), "n3": NEW}, ((10, "c1"), "ten")),
        (((4, "c1"), "zzz"), {"n2": ((4, "c2"), "aaa")}, ((4, "c2"), "aaa")),
    ):
        node = stand_in(program)
        if own:
            node.deliver("c1", Update(1, *own))
        for owner, (tag, value) in hints.items():
            node.deliver("c1", HintedUpdate(1, tag, value, owner))
        node.deliver("c2", Query(7))
        reply = node.sent_to("c2", QueryReply)
        got = reply.tag, reply.value
        expect(
            got == wanted,
            f"n4 has {own or 'nothing'} itself and keeps {hints or 'no hints'}; it answers a query with {got}, not with {wanted}",
        )
        expect(
            not own or pair_of(node) == own,
            f"n4 had {own} itself, and a query has changed that to {pair_of(node)}",
        )


# -- Part H: stand-ins and hints -------------------------------------------------------------------


def ring(replicas, *turns):
    """A client for each text, "wr" writes and then reads, on a preference list of `replicas`."""
    work = {
        f"c{c}": [("write", None, f"c{c}.{n}") if t == "w" else ("read",) for n, t in enumerate(text, 1)]
        for c, text in enumerate(turns, 1)
    }
    return System.of(replicas, "StandIn", client="SloppyStore", workload=work)


def tags_written(run):
    """Every written value's tag, from the updates that were sent."""
    sent = [e.data for e in run.trace if e.kind == "send" and isinstance(e.data, Update | HintedUpdate)]
    return {update.value: update.tag for update in sent}


def held(run):
    """All pairs that some replica that is up holds, itself or for another."""
    views = [view for id in run.system.node_ids if (view := run.observe(id))]
    return [view["tag"] for view in views] + [
        tag for view in views for tag, _ in dict(view["hints"]).values()
    ]


def keeps_confirmed(run):
    """The judge: is the newest of all confirmed writes still somewhere?"""
    tags = tags_written(run)
    confirmed = [
        tags[op.value] for op in run.history if op.f == "write" and op.outcome == "ok" and op.value in tags
    ]
    if not confirmed or max(confirmed) <= max(held(run)):
        return None
    return Violation(
        "a confirmed write is kept",
        f"a write under {max(confirmed)} was confirmed, and the newest that anybody holds is {max(held(run))}",
    )


def away(run, begin_ms, end_ms, homes):
    """These homes are cut off from everybody else for a while."""
    rest = [id for id, _ in run.system.members if id not in homes]
    run.at(begin_ms, run.partition, homes, rest).at(end_ms, run.heal)


@checks(
    "5.H",
    "with most homes away, writes and reads go on",
    points=3,
    source=HINTS,
    look_at="who is asked once a home has not answered",
)
def available_without_homes(program):
    def play(run):
        chance = Stream(run.seed, "away")
        homes = shelves(HOMES)[chance.below(2) :]
        away(run, 0, 9_000, homes)
        run.run(8_000)
        open_ones = [op for op in run.history if op.outcome != "ok"]
        expect(
            run.violation or not open_ones,
            f"{', '.join(homes)} were away, the other replicas of six lived, and there is {open_ones[0] if open_ones else 'nothing'}",
        )

    scenarios(
        program, ring(6, "wrwrwr", "rwrwrw"), play, runs=12, judge=keeps_confirmed, needs=("partition", "cut")
    )


@checks(
    "5.H",
    "on its side of a partition, a client reads what it wrote",
    points=2,
    source=HINTS,
    look_at="what a stand-in answers to a query",
)
def reads_its_writes(program):
    def play(run):
        away(run, 0, 9_000, shelves(2 + Stream(run.seed, "away").below(2)))
        run.run(8_000)
        last = None
        for op in run.history:
            last = op.value if op.f == "write" else last
            expect(
                run.violation or op.f == "write" or op.outcome != "ok" or op.result == last,
                f"c1 is the only client, has written {last!r}, its homes are away, and it reads {op.result!r}",
            )

    scenarios(program, ring(6, "wrrwrrwr"), play, runs=8, judge=keeps_confirmed, needs=("cut",))


@checks(
    "5.H",
    "after healing, hinted writes reach home",
    points=3,
    source=HINTS,
    look_at="when a hint is let go, and what is on the disk",
    not_shown="homes that missed a write for which nobody has a hint",
)
def hints_reach_home(program):
    def play(run):
        chance = Stream(run.seed, "homes")
        away(run, chance.between(0, 60), 1_200, shelves(1 + chance.below(HOMES)))
        for at_ms in range(150, 1_900, 300):
            stand = chance.choice(run.system.node_ids[HOMES:])
            run.at(at_ms, run.crash, stand).at(at_ms + 40, run.restart, stand)
        run.at(2_000, still, run).run(2_000 + 20 * HANDOFF_MS)
        expect_home(run)

    system = ring(6, "wwrwwrww", "rwrwrwrw")
    link = Link(delay_ms=(1, 12), loss=0.1, duplication=0.15, tail=0.1, tail_ms=250)
    scenarios(
        program,
        system,
        play,
        runs=40,
        link=link,
        judge=keeps_confirmed,
        needs=("partition", "cut", "crash", "restart", "duplication", "late", "loss"),
    )


def still(run):
    """No message is lost, doubled or late any more."""
    run.network.set_link(loss=0, duplication=0, tail=0)


def expect_home(run):
    """Each owner has what a stand-in took for it, and nobody keeps a hint any more."""
    for event in run.trace:
        if event.kind == "deliver" and isinstance(event.data, HintedUpdate):
            hint, owner = event.data, run.observe(event.data.owner)
            expect(
                run.violation or owner["tag"] >= hint.tag,
                f"{event.node} took {hint.value!r} under {hint.tag} for {hint.owner}; long after healing {hint.owner} has {owner.get('tag')}",
            )
    kept = {id: hints for id in run.system.node_ids if (hints := run.observe(id)["hints"])}
    expect(run.violation or not kept, f"long after healing, hints are still kept: {kept}")


@checks(
    "5.H",
    "whatever crashes when, the newest confirmed write is not lost",
    points=3,
    source=HINTS,
    look_at="what is saved when a confirmation leaves; when a hint is let go",
)
def confirmed_writes_survive(program):
    for system, restarts in ((ring(4, "www", "wr"), 2), (ring(6, "wwww", "wrw"), 4)):
        limits = Walk(steps_max=160, restarts=restarts, cuts=restarts, timers=12, demotions=14)
        walks(program, system, count=150, limits=limits, judge=keeps_confirmed)
        walks(
            program,
            system,
            count=60,
            limits=Walk(steps_max=120, restarts=restarts, cuts=restarts, duplicates=True),
            judge=keeps_confirmed,
        )
