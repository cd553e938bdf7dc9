"""Lab 05, public checks.  The grader runs them with other seeds, and hidden ones besides."""

from __future__ import annotations

from given import NO_TAG, RETRY_MS, TRIES_MAX, Query, QueryReply, Update, UpdateReply, majority

from labkit import Link, System, Walk, by_hand, check_linearizable, checks, expect, scenarios, walks
from labkit.facts import Violation
from labkit.models import Register
from labkit.network import Stream
from labkit.verdict import Undecided

ABD = "Attiya, Bar-Noy & Dolev 1995"
LYNCH = "Lynch & Shvartsman 1997"
PATIENCE_MS = TRIES_MAX * RETRY_MS
HOSTILE = Link(delay_ms=(1, 30), loss=0.1, duplication=0.15, tail=0.1, tail_ms=250)


# -- 5.6 The replica -----------------------------------------------------------------------------


def replica_of(program):
    return by_hand(program, "Replica", "n1", peers=("n2", "n3"), clients=("c1", "c2"))


def asked(node, client="c2"):
    """What the replica answers to a query: (tag, value)."""
    node.deliver(client, Query(77))
    reply = node.sent_to(client, QueryReply)
    return reply.tag, reply.value


@checks(
    "5.6",
    "the highest tag wins, in whatever order updates come",
    points=2,
    source=ABD,
    look_at="the comparison",
)
def replica_keeps_the_newest(program):
    node = replica_of(program)
    newest = (NO_TAG, None)
    for number in (1, 3, 2, 12, 9, 3):
        tag, value = (number, "c1"), f"value {number}"
        node.deliver("c1", Update(number, tag, value))
        newest = max(newest, (tag, value))
        got = asked(node)
        expect(
            got == newest,
            f"after the update {tag}, n1 has {got}; the newest that it was given is {newest}",
        )


@checks(
    "5.6",
    "of two equal numbers, the higher writer's id wins",
    points=1,
    source=LYNCH,
    look_at="do you compare the whole tag?",
)
def replica_compares_writers(program):
    for order in (("c1", "c2"), ("c2", "c1")):
        node = replica_of(program)
        for writer in order:
            node.deliver(writer, Update(1, (5, writer), f"by {writer}"))
        got = asked(node)
        expect(
            got == ((5, "c2"), "by c2"),
            f"updates (5, {order[0]!r}) and then (5, {order[1]!r}) came, and n1 has {got}; "
            "all replicas must choose the same one, in whatever order the two come",
        )


@checks(
    "5.6",
    "every update is answered, an old one too",
    points=2,
    source=ABD,
    look_at="when the reply is sent",
)
def replica_answers_all(program):
    node = replica_of(program)
    for phase, number in ((1, 4), (2, 2), (2, 2), (3, 4)):
        before = len(node.sent)
        node.deliver("c2", Update(phase, (number, "c2"), f"value {number}"))
        got = node.sent[before:]
        expect(
            got == [("c2", UpdateReply(phase))],
            f"update {phase} of c2 was answered by {got}, not by one UpdateReply({phase}) to c2; "
            "a client whose value is already outdated would wait for ever",
        )


@checks(
    "5.6",
    "a crash never takes back an answer",
    points=2,
    source=ABD,
    look_at="the order of save and send",
)
def replica_saves_first(program):
    node = replica_of(program)
    for number in (1, 2):
        tag, value, old = (number, "c1"), f"value {number}", _pair(node.storage)
        node.deliver("c1", Update(number, tag, value))
        for stored, answered in _crash_points(node.effects, old):
            expect(
                stored in (old, (tag, value)),
                f"a crash in the middle of update {tag} would leave {stored} on the disk: "
                "a tag beside a value that was never written under it. Save both in one save",
            )
            expect(
                not answered or stored == (tag, value),
                f"the reply to update {tag} leaves while the disk has {stored}; a crash right then "
                "forgets what the client has been promised",
            )


def _pair(storage):
    return storage.get("tag", NO_TAG), storage.get("value")


def _crash_points(effects, old):
    """What the disk holds, and whether the reply has left, after each effect of a handler."""
    stored, answered = dict(zip(("tag", "value"), old, strict=True)), False
    for effect in effects:
        if effect[0] == "save":
            stored.update(effect[1])
        answered = answered or effect[0] == "send"
        yield (stored["tag"], stored["value"]), answered


@checks(
    "5.6",
    "after a restart it still has the newest",
    points=1,
    look_at="the names under which you save",
)
def replica_survives(program):
    node = replica_of(program)
    for number in (1, 3, 2):
        node.deliver("c1", Update(number, (number, "c1"), f"value {number}"))
        node.restart()
    got = asked(node)
    expect(got == ((3, "c1"), "value 3"), f"after three updates and three restarts, n1 has {got}")


# -- 5.7, 5.8 Phases -----------------------------------------------------------------------------


def signs(count):
    return tuple(f"n{number}" for number in range(1, count + 1))


def writer_of(program, count=3):
    """A client whose operations have one phase, so that 5.9 and 5.10 are not needed."""
    return by_hand(program, "SingleWriter", "c1", peers=signs(count))


def answer(node, *replicas):
    """These replicas answer the last update that the client sent them."""
    for replica in replicas:
        node.deliver(replica, UpdateReply(node.sent_to(replica, Update).phase))


@checks(
    "5.7",
    "a majority is needed, and is enough",
    points=2,
    source=ABD,
    look_at="how many of how many",
)
def majority_ends_the_phase(program):
    for count in (1, 3, 4, 5):
        node, needed = writer_of(program, count), majority(count)
        for turn in range(1, 4):
            operation = node.invoke("write", None, f"value {turn}")
            order = [*signs(count)[turn % count :], *signs(count)[: turn % count]]
            answer(node, *order[: needed - 1])
            expect(
                node.outcome(operation) is None,
                f"{needed - 1} of {count} replicas answered, and c1 went on; "
                "another client may hear only the others",
            )
            answer(node, order[needed - 1])
            expect(
                node.outcome(operation) == ("ok", None),
                f"{needed} of {count} replicas answered, which is a majority, and c1 still waits",
            )
            answer(node, *order[needed:])


@checks(
    "5.7",
    "a replica that answers twice counts once",
    points=2,
    look_at="what do you count: messages, or replicas?",
)
def copies_count_once(program):
    node = writer_of(program, 5)
    operation = node.invoke("write", None, "value")
    answer(node, "n4", "n4", "n4", "n2", "n4", "n2")
    expect(
        node.outcome(operation) is None,
        "n4 answered four times and n2 twice, and c1 took them for a majority of 5",
    )
    answer(node, "n1")
    expect(
        node.outcome(operation) == ("ok", None),
        "n4, n2 and n1 answered, a majority of 5, and c1 still waits",
    )


@checks(
    "5.7",
    "a late reply to an earlier phase does not count",
    points=2,
    look_at="reply.phase and self.phase",
)
def stale_replies_do_not_count(program):
    node = writer_of(program)
    node.invoke("write", None, "first")
    answer(node, "n1", "n2")
    second = node.invoke("write", None, "second")
    for replica in ("n3", "n1", "n2"):
        node.deliver(replica, UpdateReply(1))
    expect(
        node.outcome(second) is None,
        "replies to phase 1 came late, and c1 took them for a majority of phase 2",
    )
    expect(node.timers, "late replies to phase 1 made c1 stop watching the clock in phase 2")
    answer(node, "n3")
    expect(
        node.outcome(second) is None,
        "only n3 has answered phase 2, the other replies were to phase 1, and c1 went on",
    )
    answer(node, "n1")
    expect(
        node.outcome(second) == ("ok", None), "n3 and n1 have answered phase 2, and c1 still waits"
    )


@checks(
    "5.7", "after the end, replies change nothing", points=1, look_at="what self.pending is by then"
)
def replies_after_the_end(program):
    node = writer_of(program)
    node.invoke("write", None, "first")
    answer(node, "n1", "n2")
    sent = len(node.sent)
    answer(node, "n2", "n1", "n3", "n1")
    expect(
        len(node.sent) == sent and not node.timers,
        "a reply after the end of the operation made c1 do something",
    )
    operation = node.invoke("write", None, "second")
    answer(node, "n2", "n3")
    expect(
        node.outcome(operation) == ("ok", None),
        f"the next operation ended as {node.outcome(operation)}",
    )


def let_it_give_up(node):
    """All tries of one phase go by without an answer."""
    for _ in range(TRIES_MAX):
        if node.timers:
            node.fire()


@checks(
    "5.8",
    "it asks again those who have not answered",
    points=2,
    source=ABD,
    look_at="self.replies, self.request",
)
def retransmits(program):
    node = writer_of(program)
    node.invoke("write", None, "value")
    first = node.sent_to("n1", Update)
    answer(node, "n2")
    for _ in range(TRIES_MAX - 1):
        before = len(node.sent)
        expect(
            node.timers,
            "c1 waits and has set no timer: one more lost message, and it waits for ever",
        )
        node.fire()
        sent = node.sent[before:]
        expect(
            sorted(sent, key=str) == [("n1", first), ("n3", first)],
            f"only n2 has answered {first}, and after a time-out c1 sent {sent}, "
            "not the same request to n1 and n3",
        )


@checks(
    "5.8", "an answer to the second try counts", points=1, look_at="what becomes of self.replies"
)
def later_tries_count(program):
    node = writer_of(program)
    operation = node.invoke("write", None, "value")
    answer(node, "n1")
    node.fire()
    node.deliver("n3", UpdateReply(1))
    expect(
        node.outcome(operation) == ("ok", None),
        "n1 answered the first try and n3 the second, which is a majority, and c1 still waits",
    )
    expect(not node.timers, "the operation is over, and its timer is still set")


@checks(
    "5.8",
    "without a majority, the outcome is unknown",
    points=2,
    look_at="complete, fail or give_up?",
)
def silence_is_unknown(program):
    for answering in ((), ("n2",)):
        node = writer_of(program)
        operation = node.invoke("write", None, "value")
        answer(node, *answering)
        for turn in range(1, TRIES_MAX + 1):
            expect(
                node.outcome(operation) is None, f"c1 gave up after {turn - 1} of {TRIES_MAX} tries"
            )
            node.fire()
        ended = node.outcome(operation)
        expect(
            ended is not None,
            f"after {TRIES_MAX} tries without a majority, c1 still holds the operation",
        )
        expect(
            ended[0] == "info",
            f"c1 says that the write {'failed' if ended[0] == 'fail' else 'succeeded'}; "
            "one replica may have the value, and a reader may find it there: nobody knows",
        )
        asked_n1 = len(node.all_sent_to("n1", Update))
        expect(
            asked_n1 == TRIES_MAX,
            f"c1 asked the silent n1 {asked_n1} times; {TRIES_MAX} tries are all",
        )
        expect(not node.timers, "c1 gave up and left its timer running")


@checks(
    "5.8",
    "after giving up, it goes on with the next operation",
    points=1,
    look_at="self.pending after the end",
)
def goes_on_after_giving_up(program):
    node = writer_of(program)
    node.invoke("write", None, "first")
    let_it_give_up(node)
    for replica in ("n1", "n2", "n3"):
        node.deliver(replica, UpdateReply(1))  # the answers arrive in the end
    second = node.invoke("write", None, "second")
    node.deliver("n1", UpdateReply(1))
    answer(node, "n2")
    expect(
        node.outcome(second) is None,
        "one replica answered the second write, one the write before, and c1 went on",
    )
    node.fire()
    answer(node, "n3")
    expect(
        node.outcome(second) == ("ok", None),
        f"the write after one that c1 gave up ended as {node.outcome(second)}",
    )


# -- 5.9 Reading ---------------------------------------------------------------------------------


def client_of(program, count=3, id="c1"):
    return by_hand(program, "RegisterClient", id, peers=signs(count))


def tell(node, **found):
    """Replicas answer the client's query: ``tell(node, n1=((2, "c1"), "value"))``."""
    for replica, (tag, value) in found.items():
        node.deliver(replica, QueryReply(node.sent_to(replica, Query).phase, tag, value))


OLD, NEW = ((2, "c9"), "old"), ((3, "c2"), "new")


@checks(
    "5.9",
    "the newest of a majority is written back, with its tag",
    points=2,
    source=ABD,
    look_at="max, and by what",
)
def read_writes_back(program):
    for answers in ({"n1": OLD, "n2": NEW}, {"n3": NEW, "n1": OLD}):
        node = client_of(program)
        node.invoke("read")
        before = len(node.sent)
        tell(node, **answers)
        sent = [(to, message) for to, message in node.sent[before:] if isinstance(message, Update)]
        expect(sent, f"c1 read {OLD} and {NEW}, and told no replica what it is going to answer")
        wrong = next((m for _, m in sent if (m.tag, m.value) != NEW), None)
        expect(
            wrong is None, f"c1 read {OLD} and {NEW}, so it writes back {NEW}, but it sent {wrong}"
        )
        silent = sorted({"n1", "n2", "n3"} - {to for to, _ in sent})
        expect(not silent, f"c1 did not write {NEW} back to {', '.join(silent)}")


@checks(
    "5.9",
    "no answer before a majority has it",
    points=3,
    source=ABD,
    look_at="when the operation ends",
)
def read_waits_for_the_write_back(program):
    node = client_of(program)
    operation = node.invoke("read")
    tell(node, n1=OLD, n2=NEW)
    expect(
        node.outcome(operation) is None,
        "c1 found a value that n1 does not have, and answered with it at once: "
        "whoever asks n1 and n3 next reads the old one",
    )
    answer(node, "n2")
    expect(
        node.outcome(operation) is None,
        "only n2 has confirmed the value that was read, and c1 answered with it",
    )
    answer(node, "n3")
    expect(
        node.outcome(operation) == ("ok", "new"),
        f"the read ended as {node.outcome(operation)}, not with 'new'",
    )


@checks(
    "5.9",
    "newer is what the tag says",
    points=2,
    source=LYNCH,
    look_at="what is compared: tags, values, arrival?",
)
def read_goes_by_tags(program):
    cases = (
        ({"n1": ((2, "c2"), "zzz"), "n2": ((10, "c1"), "aaa"), "n3": ((2, "c2"), "zzz")}, "aaa"),
        (
            {"n1": ((4, "c1"), "by c1"), "n2": ((4, "c2"), "by c2"), "n3": ((4, "c1"), "by c1")},
            "by c2",
        ),
        ({"n5": NEW, "n4": ((3, "c1"), "x"), "n1": (NO_TAG, None)}, "new"),
    )
    for answers, wanted in cases:
        node = client_of(program, 5)
        operation = node.invoke("read")
        tell(node, **answers)
        answer_all(node, operation)
        got = node.outcome(operation)
        expect(
            got == ("ok", wanted),
            f"the replies were {list(answers.values())}, and the read ended as {got}",
        )


@checks(
    "5.9",
    "what nobody has written reads None",
    points=1,
    look_at="replies whose tags are all the same",
)
def read_of_nothing(program):
    for found, wanted in (((NO_TAG, None), None), (NEW, "new")):
        node = client_of(program)
        operation = node.invoke("read")
        tell(node, n2=found, n3=found)
        answer_all(node, operation)
        got = node.outcome(operation)
        expect(got == ("ok", wanted), f"all replies were {found}, and the read ended as {got}")


def answer_all(node, operation):
    """All replicas answer the update, if the client waits: a read of equal replies need not."""
    if node.outcome(operation) is None:
        answer(node, *node.system[1:])


# -- 5.10 Writing --------------------------------------------------------------------------------


def written(node, **found):
    """The update that the client sends when replicas tell it this; sending none fails."""
    before = len(node.sent)
    tell(node, **found)
    updates = [message for _, message in node.sent[before:] if isinstance(message, Update)]
    expect(
        updates,
        f"a majority told c1 what it has, {list(found.values())}, and {node.id} sent no update",
    )
    return updates[-1]


@checks(
    "5.10",
    "the tag is higher than any that a majority has",
    points=2,
    source=LYNCH,
    look_at="the number in the tag",
)
def write_outbids(program):
    for answers in (
        {"n1": OLD, "n2": NEW},
        {"n2": ((41, "c2"), "x"), "n3": OLD},
        {"n1": (NO_TAG, None), "n3": (NO_TAG, None)},
        {"n1": ((10**15, "c2"), "x"), "n2": OLD},
    ):
        node = client_of(program)
        node.invoke("write", None, "mine")
        update, highest = written(node, **answers), max(tag for tag, _ in answers.values())
        expect(
            update.tag[0] > highest[0],
            f"the highest tag that c1 was told is {highest}, and it wrote under {update.tag}; "
            "its number must be higher, or replicas may keep what they have",
        )
        expect(update.value == "mine", f"c1 was asked to write 'mine' and sent {update}")


@checks(
    "5.10",
    "two writers never use one tag",
    points=2,
    source=LYNCH,
    look_at="the second half of the tag",
)
def writers_differ(program):
    tags = {}
    for id in ("c1", "c2", "c11"):
        node = client_of(program, id=id)
        node.invoke("write", None, f"by {id}")
        tags[id] = written(node, n1=OLD, n2=NEW).tag
        expect(
            tags[id][1] == id,
            f"{id} wrote under the tag {tags[id]}; the second half of a tag is its writer's id",
        )
    expect(
        len(set(tags.values())) == 3, f"three writers were told the same, and wrote under {tags}"
    )


@checks(
    "5.10",
    "the write ends when a majority has it",
    points=1,
    source=ABD,
    look_at="what write_newer calls",
)
def write_ends(program):
    node = client_of(program)
    operation = node.invoke("write", None, "mine")
    written(node, n1=OLD, n2=NEW)
    expect(node.outcome(operation) is None, "c1 ended the write before any replica had the value")
    answer(node, "n3")
    expect(node.outcome(operation) is None, "only n3 has the value, and c1 ended the write")
    answer(node, "n1")
    expect(
        node.outcome(operation) == ("ok", None),
        f"n3 and n1 have the value, and the write ended as {node.outcome(operation)}",
    )


@checks(
    "5.10", "a write that was given up keeps its tag for itself", points=2, look_at="self.number"
)
def unfinished_tags_are_not_reused(program):
    node, used = client_of(program), {}
    for turn in range(1, 11):  # a number drawn by chance would have to rise ten times running
        value = f"value {turn}"
        operation = node.invoke("write", None, value)
        tag = written(node, n2=OLD, n3=NEW).tag
        expect(
            tag not in used,
            f"c1 wrote {used.get(tag)!r} under {tag} and gave up, so one replica may have it; "
            f"now it writes {value!r} under the same tag: two values that nobody can tell apart",
        )
        used[tag] = value
        let_it_give_up(node)
        expect(
            node.outcome(operation) == ("info", None),
            f"a write that no replica answered ended as {node.outcome(operation)}",
        )
    tags = list(used)
    expect(
        tags == sorted(tags),
        f"c1 wrote one value after the other, under {tags}; a later one needs a higher tag",
    )


# -- Part A: the atomic register -----------------------------------------------------------------


def board(replicas, *turns):
    """A register on `replicas` nodes, and a client for each text: "wr" writes and then reads."""
    work = {f"c{number}": _calls(number, text) for number, text in enumerate(turns, 1)}
    return System.of(replicas, "Replica", client="RegisterClient", workload=work)


def _calls(client, turns):
    return [
        ("write", None, f"c{client}.{n}") if turn == "w" else ("read",)
        for n, turn in enumerate(turns, 1)
    ]


def tags_name_values(event):
    """Facts from messages: a tag that was sent stands for one value for ever."""
    if event.kind == "send" and isinstance(event.data, Update | QueryReply):
        yield ("value for the tag", *event.data.tag), event.data.value


def is_atomic(run):
    """The judge: does each operation seem to happen at one moment while it was open?"""
    failed = next((op for op in run.history if op.outcome == "fail"), None)
    if failed:
        return Violation(
            "an operation without a majority is unknown", f"{failed}, but a replica may have it"
        )
    verdict = check_linearizable(run.history, Register())
    if verdict.verdict == "unknown":
        raise Undecided(verdict.reason)
    return None if verdict else Violation("the register is atomic", str(verdict))


@checks(
    "5.A",
    "in any order, with any copies, the register is atomic",
    points=3,
    source=f"{ABD}; linearizability: Herlihy & Wing 1990",
    look_at="what a read does before it answers, and what a write does before it writes",
    not_shown="that anything ever ends",
)
def atomic_in_any_order(program):
    any_order = Walk(steps_max=100, duplicates=True)
    walks(
        program,
        board(3, "wr", "rw", "ww"),
        count=100,
        limits=any_order,
        derive=[tags_name_values],
        judge=is_atomic,
    )
    overtaken = Walk(steps_max=120, timers=6, demotions=10)
    walks(
        program,
        board(3, "ww", "rrr", "rrr"),
        count=200,
        limits=overtaken,
        derive=[tags_name_values],
        judge=is_atomic,
    )


@checks(
    "5.A",
    "crashing anywhere, the register is atomic",
    points=2,
    source=ABD,
    look_at="what is on the disk of a replica when its reply leaves",
)
def atomic_over_crashes(program):
    for system, count in ((board(1, "ww", "rrr"), 80), (board(3, "wr", "rw", "wr"), 150)):
        limits = Walk(steps_max=90, restarts=3, cuts=3)
        walks(
            program, system, count=count, limits=limits, derive=[tags_name_values], judge=is_atomic
        )


@checks(
    "5.A",
    "a reader far from the last one reads nothing older",
    points=3,
    source=f"{ABD}: the reader's second phase",
    look_at="can a read answer what the next one does not find?",
)
def atomic_near_and_far(program):
    for system, writers in (
        (board(3, "wwww", *["r" * 20] * 3), 1),
        (board(5, "wwrw", "rwww", *["r" * 15] * 2), 2),
    ):

        def play(run, system=system, writers=writers):
            chance = Stream(run.seed, "near and far")
            for writer in system.client_ids[:writers]:
                near(run, chance, writer, 1, (150, PATIENCE_MS))
            for at_ms in range(0, 1_500, 25):
                for reader in system.client_ids[writers:]:
                    run.at(at_ms, near, run, chance, reader, majority(len(system.nodes)), (60, 120))
            run.run(6_000)

        scenarios(program, system, play, runs=10, derive=[tags_name_values], judge=is_atomic)


def near(run, chance, client, count, far_ms):
    """From now on, requests of `client` reach `count` random replicas much sooner than others."""
    ids = run.system.node_ids
    rest, chosen = list(ids), []
    while len(chosen) < count:
        chosen.append(rest.pop(chance.below(len(rest))))
    for replica in ids:
        run.network.set_link(client, replica, delay_ms=(1, 4) if replica in chosen else far_ms)


@checks(
    "5.A",
    "through crashes, partitions and loss, the register is atomic",
    points=3,
    source=ABD,
    look_at="which of the replies that come late still count",
    not_shown="registers whose replicas change",
)
def atomic_through_faults(program):
    system = board(5, "wrwrw", "rwrwr", "wrrwr")

    def play(run):
        chance = Stream(run.seed, "faults")
        for at_ms in range(100, 1_500, 200):
            run.at(at_ms, harm, run, chance).at(at_ms + 150, mend, run)
        run.run(12_000)
        expect(
            run.violation or any(op.outcome == "ok" for op in run.history),
            "no operation got an answer in 12 s",
        )

    needs = ("loss", "duplication", "late", "crash", "restart", "partition", "cut link", "cut")
    scenarios(
        program,
        system,
        play,
        runs=40,
        link=HOSTILE,
        derive=[tags_name_values],
        judge=is_atomic,
        needs=needs,
    )


def harm(run, chance):
    """Hurt one or two of five replicas, cut the system in two, or cut one link in one direction."""
    some = chance.some(run.system.node_ids)[:2]
    match chance.below(4):
        case 0:
            for replica in some:
                run.crash(replica)
        case 1:
            run.crash_within(some[0], chance.below(3))
        case 2:
            run.partition(some, [id for id, _ in run.system.members if id not in some])
        case 3:
            client = chance.choice(run.system.client_ids)
            run.cut(*((client, some[0]) if chance.chance(0.5) else (some[0], client)))


def mend(run):
    """End what ``harm`` did."""
    run.heal()
    for replica in run.system.node_ids:
        run.restart(replica)


@checks(
    "5.A",
    "while a majority lives, every operation ends",
    points=3,
    source=f"{ABD}: any minority may fail",
    look_at="how many replies a phase waits for, and who is asked again",
)
def majority_is_enough(program):
    system = board(5, "wrwrwr", "rwrwrw", "wrrwwr")
    calls = sum(len(calls) for _, calls in system.workload)

    def play(run):
        chance = Stream(run.seed, "the minority")
        first, second = chance.choice(system.node_ids[:3]), chance.choice(system.node_ids[3:])
        run.at(20, run.crash, first).at(90, run.isolate, second)
        run.run(30 * PATIENCE_MS)
        ok = [op for op in run.history if op.outcome == "ok"]
        expect(
            run.violation or len(ok) == calls,
            f"{first} crashed and {second} was cut off, the three other replicas of five lived, "
            f"and {calls - len(ok)} of {calls} operations got no answer",
        )

    link = Link(delay_ms=(1, 20), duplication=0.1, tail=0.1, tail_ms=2 * RETRY_MS)
    scenarios(
        program,
        system,
        play,
        runs=30,
        link=link,
        judge=is_atomic,
        needs=("crash", "partition", "late"),
    )


@checks(
    "5.A",
    "lost messages cost a time-out, and no operation",
    points=1,
    source=ABD,
    look_at="who is asked again, and with what",
)
def losses_are_repaired(program):
    system = board(3, "wrwrwrwr", "rwrwrwrw")

    def play(run):
        chance = Stream(run.seed, "losses")
        for at_ms in range(5, 900, 4 * RETRY_MS):
            run.at(at_ms, run.isolate, chance.choice(system.client_ids)).at(at_ms + 40, run.heal)
        run.run(20 * PATIENCE_MS)
        open_ones = [op for op in run.history if op.outcome != "ok"]
        expect(
            run.violation or not open_ones,
            f"clients were cut off for 40 ms at a time, and {_said(open_ones)} got no answer",
        )

    scenarios(program, system, play, runs=20, judge=is_atomic, needs=("cut",))


@checks(
    "5.A",
    "without a majority nothing is promised, and afterwards all goes on",
    points=2,
    source=ABD,
    look_at="the end of on_timer; and what a write remembers of one that was given up",
)
def goes_on_after_a_partition(program):
    apart(
        program,
        board(3, "wwwwwwww", "wwwrwwww", "rrrrrrrr"),
        ("n1", "c1", "c2"),
        ("n2", "n3", "c3"),
        without=("c1", "c2"),
    )
    apart(
        program,
        board(4, "wwwwwwww", "rrrrrrrr"),
        ("n1", "n2", "c1"),
        ("n3", "n4", "c2"),
        without=("c1", "c2"),
    )


def apart(program, system, *sides, without):
    """Cut the system in two for a while; the clients `without` reach no majority then."""

    def play(run):
        begin_ms = Stream(run.seed, "when").between(10, 60)
        end_ms = begin_ms + 3 * PATIENCE_MS
        run.at(begin_ms, run.partition, *sides).at(end_ms, run.heal).run(end_ms)
        answered = [
            op
            for op in run.history
            if op.client in without and op.outcome == "ok" and op.invoked_us > begin_ms * 1000
        ]
        expect(
            run.violation or not answered,
            f"no majority could be reached, and still: {_said(answered)}",
        )
        run.run(end_ms + 20 * PATIENCE_MS)
        last = {op.client: op for op in run.history}
        stuck = [op for op in last.values() if op.outcome != "ok"]
        expect(run.violation or not stuck, f"long after the partition has healed: {_said(stuck)}")

    link, needs = Link(delay_ms=(1, 9)), ("partition", "cut")
    scenarios(
        program,
        system,
        play,
        runs=25,
        link=link,
        derive=[tags_name_values],
        judge=is_atomic,
        needs=needs,
    )


def _said(operations):
    """The first of them, in words."""
    return str(operations[0]) if operations else "nothing"
