"""Lab 05, hidden checks: the same rules as the public ones, over more of what may happen.

Ids, values, orders and faults are drawn from the trial's seed, so nothing can be learnt by heart.
"""

from __future__ import annotations

import random

from given import NO_TAG, RETRY_MS, TRIES_MAX, Query, QueryReply, Update, UpdateReply, majority

from labkit import Link, System, Walk, by_hand, check_linearizable, checks, expect, scenarios, walks
from labkit.facts import Violation
from labkit.models import Register
from labkit.network import Stream
from labkit.verdict import Undecided, trial

PATIENCE_MS = TRIES_MAX * RETRY_MS


def dice():
    """Draws that differ from submission to submission, and repeat for one."""
    return random.Random(f"{trial().seed}/{trial().check.name}")


@checks("5.6", "any updates, copies and crashes", points=3)
def replica_is_a_maximum(program):
    draw, newest = dice(), (NO_TAG, None)
    clients = tuple(f"c{n}" for n in draw.sample(range(1, 60), 5))
    node = by_hand(program, "Replica", "n3", peers=("n1", "n2"), clients=clients)
    values = {}
    for step in range(200):
        tag = draw.randint(1, 3 + step // 8), draw.choice(clients)
        value = values.setdefault(tag, f"value {len(values)}")
        client, before = draw.choice(clients), len(node.sent)
        node.deliver(client, Update(step, tag, value))
        newest = max(newest, (tag, value))
        sent = node.sent[before:]
        expect(
            sent == [(client, UpdateReply(step))],
            f"update {step} of {client} was answered by {sent}",
        )
        if draw.random() < 0.15:
            node.restart()
        node.deliver(client, Query(step))
        reply = node.sent_to(client, QueryReply)
        expect(
            (reply.tag, reply.value) == newest,
            f"at step {step} it has {reply}; the newest so far is {newest}",
        )


def signs(count):
    return tuple(f"n{number}" for number in range(1, count + 1))


@checks("5.7", "any replies, copies and latecomers", points=3)
def phases_count_replicas(program):
    draw = dice()
    for count in (1, 2, 3, 4, 5, 7, 9):
        node = by_hand(program, "SingleWriter", "c7", peers=signs(count))
        for phase in range(1, 16):
            operation, heard = node.invoke("write", None, f"value {phase}"), set()
            asked = node.sent_to("n1", Update).phase
            while len(heard) < majority(count):
                expect(
                    node.outcome(operation) is None,
                    f"{len(heard)} of {count} replicas answered, and c7 went on",
                )
                replica, late = draw.choice(signs(count)), draw.random() < 0.4
                node.deliver(replica, UpdateReply(draw.randrange(asked) if late else asked))
                heard |= set() if late else {replica}
            expect(
                node.outcome(operation) == ("ok", None),
                f"{len(heard)} of {count} replicas answered, and c7 waits",
            )
            expect(not node.timers, "the operation is over, and a timer is still set")
            for _ in range(draw.randrange(4)):
                node.deliver(draw.choice(signs(count)), UpdateReply(draw.randint(0, asked)))


@checks("5.8", "whoever answers when, only the silent are asked again", points=3)
def only_the_silent_are_asked(program):
    draw = dice()
    node = by_hand(program, "SingleWriter", "c7", peers=signs(7))
    for turn in range(1, 25):
        operation, heard = node.invoke("write", None, f"value {turn}"), set()
        request = node.sent_to("n1", Update)
        for _ in range(TRIES_MAX):
            heard |= _some_answer(node, draw, request, room=3 - len(heard))
            before = len(node.sent)
            expect(
                node.outcome(operation) is None,
                f"{len(heard)} of 7 replicas answered, and c7 ended its operation",
            )
            node.fire()
            if node.outcome(operation) is None:
                again = sorted(to for to, message in node.sent[before:] if message == request)
                silent = [sign for sign in signs(7) if sign not in heard]
                expect(
                    again == silent and len(node.sent) - before == len(again),
                    f"{silent} are silent; it asked {again}",
                )
        expect(
            node.outcome(operation) == ("info", None),
            f"without a majority it ended as {node.outcome(operation)}",
        )
        expect(not node.timers, "the operation is over, and a timer is still set")


def _some_answer(node, draw, request, room):
    chosen = draw.sample(signs(7), draw.randint(0, 1) if room else 0)
    for replica in chosen:
        node.deliver(replica, UpdateReply(request.phase))
    return set(chosen)


@checks("5.9", "any replies: the newest is written back, then answered", points=3)
def reads_answer_the_newest(program):
    draw = dice()
    node = by_hand(program, "RegisterClient", "c3", peers=signs(5))
    for turn in range(40):
        found = {}
        for replica in draw.sample(signs(5), 3):
            tag = draw.randint(1, 4) + turn // 5, draw.choice(("c1", "c2", "c3", "c10"))
            found[replica] = tag, f"{tag}"
        newest = max(found.values())
        operation, phase = node.invoke("read"), node.sent_to("n1", Query).phase
        before = len(node.sent)
        for replica, (tag, value) in found.items():
            node.deliver(replica, QueryReply(phase, tag, value))
        if node.outcome(operation) is None:
            _confirm(node, operation, node.sent[before:], newest)
        elif len(set(found.values())) > 1:
            expect(
                False,
                f"the replies were {list(found.values())}, and the read was answered before a majority agreed",
            )
        got = node.outcome(operation)
        expect(
            got == ("ok", newest[1]),
            f"the replies were {list(found.values())}; the read ended as {got}",
        )


def _confirm(node, operation, sent, newest):
    """The write-back goes to all, with the newest tag and value; two of five confirm, then a third."""
    expect(
        sorted(to for to, _ in sent) == [*signs(5)],
        f"the write-back went to {[to for to, _ in sent]}",
    )
    wrong = [
        message
        for _, message in sent
        if not isinstance(message, Update) or (message.tag, message.value) != newest
    ]
    expect(not wrong, f"the newest was {newest}, and it wrote back {wrong[:1]}")
    phase = node.sent_to("n1", Update).phase
    for replica in ("n2", "n5", "n2"):
        node.deliver(replica, UpdateReply(phase))
    expect(
        node.outcome(operation) is None, "two of five replicas confirmed, and the read was answered"
    )
    node.deliver("n4", UpdateReply(phase))


@checks("5.10", "no tag twice, each higher than all that was known", points=3)
def tags_rise(program):
    draw, taken = dice(), {}
    for id in ("c1", "c2", "c12"):
        node, last = by_hand(program, "RegisterClient", id, peers=signs(3)), 0
        for turn in range(25):
            operation, phase = (
                node.invoke("write", None, f"{id}.{turn}"),
                node.sent_to("n1", Query).phase,
            )
            told = [
                (draw.randint(0, turn + 2), draw.choice(("", "c1", "c2", "c12"))) for _ in range(2)
            ]
            before = len(node.sent)
            for replica, tag in zip(draw.sample(signs(3), 2), told, strict=True):
                node.deliver(replica, QueryReply(phase, tag, f"{tag}"))
            updates = {message for _, message in node.sent[before:] if isinstance(message, Update)}
            expect(
                len(updates) == 1, f"{id} was told {told} and sent {len(updates)} different updates"
            )
            (update,) = updates
            expect(
                update.value == f"{id}.{turn}",
                f"{id} was asked to write '{id}.{turn}' and sent {update}",
            )
            expect(update.tag not in taken, f"{id} wrote two values under the tag {update.tag}")
            expect(
                update.tag[1] == id,
                f"{id} wrote under {update.tag}; the second half of a tag is its writer's id",
            )
            highest = max(last, *(number for number, _ in told))
            expect(
                update.tag[0] > highest,
                f"{id} was told {told}, had used {last}, and wrote under {update.tag}",
            )
            taken[update.tag], last = update.value, update.tag[0]
            _end_somehow(node, draw, update.phase)
            expect(
                node.outcome(operation),
                "the write has neither a majority nor tries left, and did not end",
            )


def _end_somehow(node, draw, phase):
    """A majority confirms, or one replica does and the rest is silence."""
    confirming = draw.choice((signs(3)[1:], signs(3)[:1]))
    for replica in confirming:
        node.deliver(replica, UpdateReply(phase))
    for _ in range(TRIES_MAX):
        if node.timers:
            node.fire()


# -- the part --------------------------------------------------------------------------------------


def board(replicas, *turns):
    """A register on `replicas` nodes, and a client for each text of turns: "wr" writes and then reads."""
    work = {f"k{number}": _calls(number, text) for number, text in enumerate(turns, 1)}
    return System.of(replicas, "Replica", client="RegisterClient", workload=work)


def _calls(client, turns):
    return [
        ("write", None, f"k{client}.{n}") if turn == "w" else ("read",)
        for n, turn in enumerate(turns, 1)
    ]


def tags_name_values(event):
    if event.kind == "send" and isinstance(event.data, Update | QueryReply):
        yield ("value for the tag", *event.data.tag), event.data.value


def is_atomic(run):
    failed = next((op for op in run.history if op.outcome == "fail"), None)
    if failed:
        return Violation(
            "an operation without a majority is unknown", f"{failed}, but a replica may have it"
        )
    verdict = check_linearizable(run.history, Register())
    if verdict.verdict == "unknown":
        raise Undecided(verdict.reason)
    return None if verdict else Violation("the register is atomic", str(verdict))


@checks("5.A", "one, three and five replicas, any order, any crash", points=2)
def five_in_any_order(program):
    rough, busy = (
        Walk(steps_max=60, restarts=3, cuts=3),
        Walk(160, restarts=2, cuts=2, timers=8, demotions=12),
    )
    plans = (
        (board(1, "ww", "rrr"), rough),
        (board(3, "wwr", "rrrr", "rrrr"), busy),
        (board(5, "wrw", "rrr", "rwr", "rrw"), busy),
    )
    for system, limits in plans:
        walks(program, system, count=80, limits=limits, derive=[tags_name_values], judge=is_atomic)


@checks("5.A", "a write that is stuck half-way, and readers everywhere", points=2)
def stuck_writes(program):
    """The writer reaches one replica and is then cut off; its value may count, for all or for nobody."""
    system = board(3, "wwwwww", "r" * 16, "r" * 16, "rw" * 6)

    def play(run):
        chance = Stream(run.seed, "stuck")
        for at_ms in range(0, 1_200, 20):
            for reader in system.client_ids[1:]:
                run.at(at_ms, nearest, run, chance, reader)
        for at_ms in range(7, 1_200, 400):
            run.at(at_ms, one_only, run, chance.choice(system.node_ids)).at(at_ms + 350, run.heal)
        run.run(30 * PATIENCE_MS)

    scenarios(
        program,
        system,
        play,
        runs=12,
        derive=[tags_name_values],
        judge=is_atomic,
        needs=("cut link", "cut"),
    )


def one_only(run, replica):
    """The writer k1 reaches `replica` and no other."""
    for other in run.system.node_ids:
        if other != replica:
            run.cut("k1", other)


def nearest(run, chance, client):
    """Two of three replicas are near to `client` now."""
    far = chance.choice(run.system.node_ids)
    for replica in run.system.node_ids:
        run.network.set_link(client, replica, delay_ms=(60, 200) if replica == far else (1, 4))


@checks("5.A", "power cuts: all replicas crash at once, again and again", points=2)
def power_cuts(program):
    system = board(3, "wrwrwr", "rwrwrw", "rrrrrr")

    def play(run):
        chance = Stream(run.seed, "power")
        for number in range(8):
            at_ms = 15 + 90 * number + chance.below(40)
            for replica in system.node_ids:
                run.at(at_ms, run.crash_within, replica, chance.below(3)).at(
                    at_ms + 12, run.crash, replica
                )
                run.at(at_ms + 30, run.restart, replica)
        run.run(40 * PATIENCE_MS)
        last = {op.client: op for op in run.history}
        stuck = [str(op) for op in last.values() if op.outcome != "ok"]
        expect(run.violation or not stuck, f"long after the last power cut: {', '.join(stuck)}")

    needs = ("crash", "crash within a handler", "restart", "late")
    link = Link(delay_ms=(1, 15), duplication=0.1, tail=0.1, tail_ms=2 * RETRY_MS)
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


@checks("5.A", "any minority may be away, for good", points=2)
def any_minority(program):
    def play(run):
        chance, ids = Stream(run.seed, "minority"), list(run.system.node_ids)
        for _ in range((len(ids) - 1) // 2):
            gone = ids.pop(chance.below(len(ids)))
            run.at(chance.below(150), chance.choice((run.crash, run.pause)), gone)
        run.run(40 * PATIENCE_MS)
        open_ones = [op for op in run.history if op.outcome != "ok"]
        expect(
            run.violation or not open_ones,
            f"a majority lived, and {open_ones[0] if open_ones else 'nothing'}",
        )

    for replicas in (3, 4, 7):
        system = board(replicas, "wrwr", "rwrw", "rwwr")
        scenarios(
            program,
            system,
            play,
            runs=10,
            link=Link(delay_ms=(1, 20), duplication=0.1),
            judge=is_atomic,
        )
