"""Lab 07, public checks of part b, levels and sessions.  The grader runs them with other seeds."""

from __future__ import annotations

from given import (
    LEVELS,
    NO_TAG,
    PATIENCE_MS,
    Found,
    Keep,
    Kept,
    Look,
    majority,
    plain_history,
    travels,
)

from labkit import Link, System, Walk, by_hand, check_linearizable, checks, expect, scenarios, walks
from labkit.consistency import check_bounded_staleness, check_sessions
from labkit.facts import Violation
from labkit.models import Register
from labkit.network import Stream
from labkit.verdict import Undecided

CASSANDRA = "Lakshman & Malik 2010, section 5"
ABD = "Attiya, Bar-Noy & Dolev 1995"
TERRY = "Terry and others 1994"
LYNCH = "Gilbert & Lynch 2002"


def replicas(count):
    return tuple(f"n{number}" for number in range(1, count + 1))


def client_of(program, role="TunableClient", count=5, id="c1"):
    return by_hand(program, role, id, peers=replicas(count))


def found(node, **answers):
    """Replicas answer the client's last Look: ``found(node, n1=((2, "c1"), "old"))``."""
    for replica, (tag, value) in answers.items():
        node.deliver(replica, Found(node.sent_to(replica, Look).phase, tag, value))


def confirm(node, *ids):
    """Replicas confirm the client's last Keep."""
    for replica in ids:
        node.deliver(replica, Kept(node.sent_to(replica, Keep).phase))


OLD, NEW, NONE = ((2, "c9"), "old"), ((3, "c2"), "new"), (NO_TAG, None)


# -- 7.4 How many ----------------------------------------------------------------------------------


def expect_needed(program, level, kind, count, needed):
    """A phase at this level ends with the `needed`-th replica's answer, and not before."""
    node = client_of(program, "Counted", count)
    operation = node.invoke(f"{kind} {level}", "tea", "x" if kind == "write" else None)
    for answered, replica in enumerate(replicas(count), 1):
        found(node, **{replica: NEW})
        if answered >= needed:
            break
        expect(
            node.outcome(operation) is None,
            f"at {level}, {answered} of {count} replicas answered a {kind}, and the phase was over",
        )
        found(node, **{replica: NEW})
        expect(
            node.outcome(operation) is None, f"at {level}, {replica} answered twice, and was counted as two"
        )
    expect(
        node.outcome(operation) is not None,
        f"at {level}, {needed} of {count} replicas answered a {kind}, and the client still waits",
    )


@checks("7.4", "ONE needs one, ALL needs all", points=1, source=CASSANDRA, look_at="how many replicas there are")
def one_and_all(program):
    for count in (1, 2, 3, 4, 5):
        for kind in ("read", "write"):
            expect_needed(program, "ONE", kind, count, 1)
            expect_needed(program, "ALL", kind, count, count)


@checks(
    "7.4",
    "QUORUM and LINEARIZABLE need a majority, for even numbers, too",
    points=2,
    source=CASSANDRA,
    look_at="half of four is no majority of four",
)
def quorums_meet(program):
    for count in (1, 2, 3, 4, 5, 6):
        for level in ("QUORUM", "LINEARIZABLE"):
            for kind in ("read", "write"):
                expect_needed(program, level, kind, count, majority(count))


# -- 7.5 What comes after the answers -----------------------------------------------------------------


@checks("7.5", "the newest of the answers, by its tag", points=2, source=ABD, look_at="which answer a read ends with")
def reads_give_the_newest(program):
    for answers, wanted in (
        ({"n1": OLD, "n2": NEW, "n3": NONE}, "new"),
        ({"n4": ((9, "c1"), "aaa"), "n5": ((10, "c1"), "zzz"), "n1": ((9, "c2"), "bbb")}, "zzz"),
        ({"n1": ((4, "c2"), "a"), "n2": ((4, "c1"), "b"), "n3": OLD}, "a"),
        ({"n1": NONE, "n3": NONE, "n5": NONE}, None),
    ):
        node = client_of(program)
        operation = node.invoke("read QUORUM", "tea")
        found(node, **answers)
        expect(
            node.outcome(operation) == ("ok", wanted),
            f"three of five answered {list(answers.values())}, and the read is {node.outcome(operation)}",
        )


@checks(
    "7.5",
    "a read below LINEARIZABLE is over at once, and writes nothing",
    points=1,
    source=CASSANDRA,
    look_at="for which level the second trip is",
)
def reads_make_one_trip(program):
    for level, count in (("ONE", 1), ("QUORUM", 3), ("ALL", 5)):
        node = client_of(program)
        operation = node.invoke(f"read {level}", "tea")
        found(node, **dict.fromkeys(replicas(count), NEW))
        expect(node.outcome(operation) == ("ok", "new"), f"a read at {level} is {node.outcome(operation)}")
        kept = [message for _, message in node.sent if isinstance(message, Keep)]
        expect(not kept, f"a read at {level} sent {kept[:1]}; that trip is for LINEARIZABLE only")
        expect(not node.timers, f"a read at {level} is over, and its timer is still set")


@checks(
    "7.5",
    "a LINEARIZABLE read writes back what it found, before it answers",
    points=3,
    source=ABD,
    look_at="what a reader tells the replicas, and when it ends",
)
def linearizable_reads_write_back(program):
    node = client_of(program)
    operation = node.invoke("read LINEARIZABLE", "tea")
    found(node, n1=OLD, n2=NEW)
    expect(node.outcome(operation) is None, "two of five answered, and the read was over")
    found(node, n3=OLD)
    expect(
        node.outcome(operation) is None,
        "a majority answered and one of them knows the newest; the read answered at once, "
        "and the next reader may ask the others",
    )
    kept = {to: message for to, message in node.sent if isinstance(message, Keep)}
    expect(set(kept) == set(replicas(5)), f"the newest value was written back to {sorted(kept) or 'nobody'}")
    wrong = [m for m in kept.values() if (m.key, m.tag, m.value) != ("tea", *NEW)]
    expect(not wrong, f"the newest was {NEW}, and the read wrote back {wrong[:1]}: it is no new write")
    confirm(node, "n1", "n2")
    expect(node.outcome(operation) is None, "two of five confirmed the write-back, and the read was over")
    confirm(node, "n5")
    expect(node.outcome(operation) == ("ok", "new"), f"the read ended as {node.outcome(operation)}")


@checks(
    "7.5",
    "a write looks, and then keeps its value under a newer tag",
    points=2,
    source="Lynch & Shvartsman 1997",
    look_at="what a write does with the answers to its Look",
)
def writes_take_two_phases(program):
    for level, count in (("ONE", 1), ("QUORUM", 3), ("LINEARIZABLE", 3), ("ALL", 5)):
        node = client_of(program)
        operation = node.invoke(f"write {level}", "tea", "mine")
        found(node, **dict.fromkeys(replicas(count), NEW))
        expect(node.outcome(operation) is None, f"a write at {level} ended before anybody had its value")
        kept = node.sent_to("n4", Keep)
        expect(
            (kept.key, kept.value) == ("tea", "mine") and kept.tag > NEW[0],
            f"the replicas have {NEW}, and a write of 'mine' sent {kept}",
        )
        confirm(node, *replicas(count - 1))
        expect(node.outcome(operation) is None, f"{count - 1} confirmed a write at {level}, and it was over")
        confirm(node, f"n{count}")
        expect(node.outcome(operation) == ("ok", None), f"a write at {level} ended as {node.outcome(operation)}")


# -- 7.6 Too few answers --------------------------------------------------------------------------------


def ended_after_patience(program, call, looked, confirmed=True):
    """How an operation ends whose time is up, in its first phase, or in its second with a reply or without."""
    node = client_of(program)
    f, *rest = call
    operation = node.invoke(f, *rest)
    if looked:
        found(node, n1=NEW, n2=OLD, n3=OLD)
        confirm(node, *(["n1"] if confirmed else []))
    else:
        found(node, n1=NEW)
    node.fire("patience")
    ended = node.outcome(operation)
    expect(ended is not None, f"the time of a {f} is up, and the operation is still open")
    return node, ended[0]


@checks(
    "7.6",
    "what was sent to nobody has failed",
    points=2,
    source=LYNCH,
    look_at="which phase is a write in that nobody can have?",
)
def refused_before_anything_was_sent(program):
    for level in ("QUORUM", "LINEARIZABLE", "ALL"):
        _, ended = ended_after_patience(program, (f"write {level}", "tea", "mine"), False)
        expect(ended == "fail", f"a write at {level} that was still looking ended as {ended}; nobody has its value")


@checks(
    "7.6",
    "a write that is on its way is unknown",
    points=2,
    source=LYNCH,
    look_at="may a replica have it, now or later?",
)
def unknown_once_it_was_sent(program):
    for level in ("QUORUM", "LINEARIZABLE"):
        for confirmed in (True, False):
            _, ended = ended_after_patience(program, (f"write {level}", "tea", "mine"), True, confirmed)
            about = "n1 has confirmed" if confirmed else "was sent to five replicas, and nobody has confirmed"
            expect(ended == "info", f"a write at {level} that {about} ended as {ended}; a replica may have it")


@checks("7.6", "a read changes nothing, so it has failed", points=1, look_at="reads in their second phase")
def reads_fail(program):
    for level, looked in (("QUORUM", False), ("ALL", False), ("LINEARIZABLE", False), ("LINEARIZABLE", True)):
        _, ended = ended_after_patience(program, (f"read {level}", "tea"), looked)
        phase = "second" if looked else "first"
        expect(ended == "fail", f"a read at {level} in its {phase} phase ended as {ended}")


@checks("7.6", "afterwards it goes on with the next operation", points=1, look_at="self.pending")
def goes_on_afterwards(program):
    for call, looked in ((("write QUORUM", "tea", "mine"), False), (("write QUORUM", "tea", "mine"), True)):
        node, _ = ended_after_patience(program, call, looked)
        for replica in ("n4", "n5"):
            node.deliver(replica, Found(1, *NEW))
            node.deliver(replica, Kept(2))
        operation = node.invoke("read ONE", "tea")
        found(node, n4=OLD)
        expect(
            node.outcome(operation) == ("ok", "old"), f"the next operation ended as {node.outcome(operation)}"
        )


# -- 7.7 Remember ---------------------------------------------------------------------------------------


def seen_by(node, key):
    return dict(node.observe()["seen"]).get(key, NO_TAG)


def read_one(node, key, pair, replica="n1"):
    node.invoke("read ONE", key)
    found(node, **{replica: pair})


@checks(
    "7.7", "the newest tag of a key, whether read or written", points=2, source=TERRY, look_at="an older tag after a newer"
)
def the_newest_is_remembered(program):
    node = client_of(program, "Remembering")
    for pair, newest in ((OLD, OLD), (NEW, NEW), (OLD, NEW), (NONE, NEW), (((3, "c9"), "z"), ((3, "c9"), "z"))):
        read_one(node, "tea", pair)
        expect(seen_by(node, "tea") == newest[0], f"after a read of {pair}, {newest[0]} must be remembered, not {seen_by(node, 'tea')}")
    node.invoke("write ONE", "tea", "mine")
    found(node, n2=NEW)
    tag = node.sent_to("n2", Keep).tag
    confirm(node, "n2")
    expect(seen_by(node, "tea") == tag, f"a write under {tag} was confirmed, and {seen_by(node, 'tea')} is remembered")


@checks("7.7", "each key has a memory of its own", points=1, source=TERRY, look_at="what a tag of tea says about milk")
def keys_are_remembered_apart(program):
    node = client_of(program, "Remembering")
    read_one(node, "tea", NEW)
    expect(seen_by(node, "milk") == NO_TAG, f"only tea was read, and of milk {seen_by(node, 'milk')} is remembered")
    read_one(node, "milk", OLD)
    told = seen_by(node, "tea"), seen_by(node, "milk")
    expect(told == (NEW[0], OLD[0]), f"tea was read as {NEW} and milk as {OLD}; remembered are {told}")


# -- 7.8 Do not accept an older answer ----------------------------------------------------------------------


@checks(
    "7.8",
    "an older answer is not accepted; a later one that is new enough is",
    points=3,
    source=TERRY,
    look_at="what a read at ONE does with a first answer that is too old",
)
def older_answers_do_not_count(program):
    node = client_of(program, "SessionClient")
    read_one(node, "tea", NEW)
    operation = node.invoke("read ONE", "tea")
    found(node, n2=OLD)
    expect(node.outcome(operation) is None, f"the session has read {NEW}, and then accepted {OLD} from n2")
    found(node, n3=NONE)
    expect(node.outcome(operation) is None, f"the session has read {NEW}, and n2 and n3 know less; it ended all the same")
    found(node, n4=((4, "c1"), "newer"))
    expect(node.outcome(operation) == ("ok", "newer"), f"n4 has something newer, and the read is {node.outcome(operation)}")


@checks(
    "7.8", "it reads its own writes, or refuses", points=2, source=TERRY, look_at="what becomes of a read that waits in vain"
)
def own_writes_or_nothing(program):
    node = client_of(program, "SessionClient")
    node.invoke("write ONE", "tea", "mine")
    found(node, n1=OLD)
    confirm(node, "n1")
    operation = node.invoke("read ONE", "tea")
    found(node, n2=OLD, n3=OLD, n4=NONE)
    expect(node.outcome(operation) is None, "the session wrote tea, and accepted what was there before")
    node.fire("patience")
    expect(node.outcome(operation) == ("fail", None), f"no replica knew the session's write; the read is {node.outcome(operation)}")


@checks(
    "7.8",
    "what is new enough is accepted at once",
    points=2,
    source=TERRY,
    look_at="equal tags, other keys, and writes",
)
def nothing_is_refused_in_vain(program):
    node = client_of(program, "SessionClient")
    read_one(node, "tea", NEW)
    again = node.invoke("read ONE", "tea")
    found(node, n5=NEW)
    expect(node.outcome(again) == ("ok", "new"), "the same tag once more is not older, and the read waits")
    other = node.invoke("read ONE", "milk")
    found(node, n5=OLD)
    expect(node.outcome(other) == ("ok", "old"), "of milk the session knows nothing, and the read waits")
    write = node.invoke("write ONE", "tea", "mine")
    found(node, n5=OLD)
    confirm(node, "n5")
    expect(node.outcome(write) == ("ok", None), "a write is no answer that could be too old, and it waits")


@checks("7.8", "at every level, and with both phases", points=1, source=TERRY, look_at="a Keep has no newest answer")
def sessions_at_every_level(program):
    for level in ("QUORUM", "LINEARIZABLE"):
        node = client_of(program, "SessionClient")
        read_one(node, "tea", NEW)
        operation = node.invoke(f"read {level}", "tea")
        found(node, n1=OLD, n2=OLD, n3=NONE)
        early = [message for _, message in node.sent if isinstance(message, Keep)]
        expect(
            node.outcome(operation) is None and not early,
            f"the session has read {NEW}, three of five replicas know less, and a read at {level} went on",
        )
        found(node, n4=NEW)
        if level == "LINEARIZABLE":
            confirm(node, "n1", "n2", "n3")
        expect(node.outcome(operation) == ("ok", "new"), f"a read at {level} ended as {node.outcome(operation)}")


# -- Part T: through partitions ------------------------------------------------------------------------------


def till(count, role, *turns, read="ONE", write="ONE"):
    """A store of `count` replicas, and a client a text: "wr" writes and then reads, of two keys in turn."""
    levels = {"w": f"write {write}", "r": f"read {read}"}
    work = {f"c{number}": _calls(f"c{number}", text, levels) for number, text in enumerate(turns, 1)}
    return System.of(count, "TunableReplica", client=role, workload=work)


def _calls(client, text, levels):
    keys = [("tea", "milk")[n // 3 % 2] for n in range(len(text))]
    return [
        (levels[turn], key, f"{client}.{n}" if turn == "w" else None)
        for n, (turn, key) in enumerate(zip(text, keys, strict=True))
    ]


def is_linearizable(run):
    verdict = check_linearizable(plain_history(run.history), Register())
    if verdict.verdict == "unknown":
        raise Undecided(verdict.reason)
    return None if verdict else Violation("LINEARIZABLE is linearizable", str(verdict))


def is_fresh(run):
    verdict = check_bounded_staleness(plain_history(run.history), versions=0)
    return None if verdict else Violation("no read is stale", str(verdict))


def keeps_sessions(run):
    verdict = check_sessions(plain_history(run.history), ("RYW", "MR"))
    return None if verdict else Violation("a session reads its writes, and never goes back", str(verdict))


def near_and_far(run, until_ms=1_800):
    """Now and then each client is near to a few other replicas; and partitions and crashes on the way."""
    chance = Stream(run.seed, "near and far")
    for at_ms in range(0, until_ms, 30):
        for client in run.system.client_ids:
            run.at(at_ms, come_near, run, chance, client)
    for at_ms in range(150, until_ms, 400):
        run.at(at_ms, harm, run, chance).at(at_ms + 250, mend, run)
    run.run(6_000)


def come_near(run, chance, client):
    """Requests of `client` reach some replicas soon, and others late; the answers come soon."""
    for replica in run.system.node_ids:
        run.network.set_link(client, replica, delay_ms=chance.choice(((1, 4), (60, 120))))


def harm(run, chance):
    """Cut the system in two, or crash a replica."""
    members = [id for id, _ in run.system.members]
    some = chance.some(members)
    if chance.chance(0.3):
        run.crash(chance.choice(run.system.node_ids))
    elif len(some) < len(members):
        run.partition(some, [id for id in members if id not in some])


def mend(run):
    run.heal()
    for replica in run.system.node_ids:
        run.restart(replica)


@checks(
    "7.T",
    "LINEARIZABLE is linearizable, through partitions and crashes",
    points=3,
    source=ABD,
    look_at="7.4 and 7.5; and 7.6: is there a failed write that somebody has read?",
)
def linearizable_is_linearizable(program):
    levels = {"read": "LINEARIZABLE", "write": "LINEARIZABLE"}
    small = till(3, "TunableClient", "wwr", "rrr", "rwr", **levels)
    limits = Walk(steps_max=150, timers=4, duplicates=True, demotions=8)
    walks(program, small, count=120, limits=limits, judge=is_linearizable)
    for count in (3, 5):
        system = till(count, "TunableClient", "wwwwwwwwww", "rwrrwrrwrrwr", "r" * 15, "r" * 15, **levels)
        scenarios(
            program, system, near_and_far, runs=15, judge=is_linearizable, needs=("partition", "crash")
        )


@checks(
    "7.T",
    "QUORUM with QUORUM is never stale, nor is ONE with ALL",
    points=2,
    source="Gifford 1979",
    look_at="do the replicas that a read hears and those that a write waits for have one in common?",
)
def quorums_are_fresh(program):
    for read, write in (("QUORUM", "QUORUM"), ("ONE", "ALL"), ("ALL", "ONE"), ("LINEARIZABLE", "QUORUM")):
        for count in (3, 4):
            system = till(count, "TunableClient", "wwwwwwww", "rwrrwrrwr", "r" * 20, read=read, write=write)
            scenarios(program, system, near_and_far, runs=6, judge=is_fresh, needs=("partition",))


@checks(
    "7.T",
    "ONE is answered on both sides; QUORUM is refused on the smaller one, and fails honestly",
    points=2,
    source=LYNCH,
    look_at="7.6, and how many answers ONE waits for",
)
def sides_of_a_partition(program):
    sides = ("n1", "n2", "n3", "c1"), ("n4", "n5", "c2")
    for level in LEVELS:
        system = till(5, "TunableClient", "wr" * 20, "wr" * 20, read=level, write=level)

        def play(run, level=level):
            run.at(1, run.partition, *sides).run(4 * PATIENCE_MS)
            if run.violation:
                return
            for client, enough in (("c1", {"ONE", "QUORUM", "LINEARIZABLE"}), ("c2", {"ONE"})):
                ops = [op for op in run.history if op.client == client and op.invoked_us > 1_000 and op.returned_us]
                wanted = "ok" if level in enough else "fail"
                odd = [op for op in ops if op.outcome != wanted]
                expect(ops, f"{client} at {level}: nothing has ended in {4 * PATIENCE_MS} ms")
                expect(not odd, f"{client} at {level}, on its side of the partition: {odd[:1]!s}, but {wanted} is true")

        scenarios(program, system, play, runs=4, link=Link(delay_ms=(2, 4)), needs=("partition",))


@checks(
    "7.T",
    "a session's promises hold at ONE, wherever it goes",
    points=3,
    source=TERRY,
    look_at="7.7 and 7.8: what the session wrote, and what it has read",
    not_shown="that a session which lost its client can go on",
)
def sessions_hold(program):
    for count in (3, 5):
        system = till(count, "SessionClient", "wrrwrrwrrwrr", "rwrrrrwrrrrr", "r" * 20)
        scenarios(program, system, near_and_far, runs=15, judge=keeps_sessions, needs=("partition",))


@checks(
    "7.T",
    "a traveller on the smaller side is refused, and answered when the partition heals",
    points=2,
    source=TERRY,
    look_at="is a read refused that could be answered, or answered that should be refused?",
)
def travellers_are_refused(program):
    system = till(5, "SessionClient", "w" + "r" * 60)
    west, east = ["n1", "n2", "n3"], ["n4", "n5"]

    def play(run):
        travels(run, "c1", [(0, "n1"), (20, "n4")])
        run.at(0, run.partition, [*west, "c1"], east).at(20, run.heal).at(20, run.partition, west, [*east, "c1"])
        run.at(1_500, run.heal).run(4_000)
        write, *reads = run.history
        tea = [op for op in reads if op.key == write.key]
        old = [op for op in tea if op.outcome == "ok" and op.result != write.value]
        expect(run.violation or not old, f"c1 wrote {write.value!r} in the west, and in the east: {old[:1]!s}")
        late = [op for op in reads if op.invoked_us > 2_200_000 and op.returned_us and op.outcome != "ok"]
        expect(run.violation or reads, "c1 wrote, and never came to read")
        expect(run.violation or not late, f"0.7 s after the partition has healed: {late[:1]!s}")

    scenarios(program, system, play, runs=3, link=Link(delay_ms=(30, 30)), needs=("partition",))
