"""Lab 07, hidden checks of part b: other sizes, answers and journeys."""

from __future__ import annotations

from checks_b_tunable import (
    client_of,
    come_near,
    confirm,
    ended_after_patience,
    expect_needed,
    found,
    harm,
    is_fresh,
    is_linearizable,
    keeps_sessions,
    mend,
    read_one,
    replicas,
    seen_by,
    till,
)
from given import LEVELS, NO_TAG, Keep, majority

from labkit import Link, checks, expect, scenarios
from labkit.network import Stream
from labkit.verdict import trial


def dice():
    return Stream(trial().seed, "hidden")


def tag_by(draw, least=1, most=12):
    return draw.between(least, most), draw.choice(("c1", "c2", "c10"))


@checks("7.4", "any number of replicas", points=1)
def any_number_of_replicas(program):
    for count in range(1, 10):
        for level in LEVELS:
            needed = {"ONE": 1, "ALL": count}.get(level, majority(count))
            expect_needed(program, level, "read", count, needed)
            expect_needed(program, level, "write", count, needed)


@checks("7.5", "any answers, at any level", points=2)
def any_answers(program):
    draw = dice()
    for _ in range(60):
        count, level = draw.between(1, 6), draw.choice(LEVELS)
        needed = {"ONE": 1, "ALL": count}.get(level, majority(count))
        node, told = client_of(program, count=count), {}
        operation = node.invoke(f"read {level}", "tea")
        for replica in replicas(count)[:needed]:
            tag = tag_by(draw)
            told[replica] = tag, f"{tag}"
        found(node, **told)
        newest = max(told.values())
        if level == "LINEARIZABLE" and node.outcome(operation) is None:
            kept = node.sent_to("n1", Keep)
            expect((kept.tag, kept.value) == newest, f"told {told}, the read wrote back {kept}")
            confirm(node, *replicas(needed))
        expect(
            node.outcome(operation) == ("ok", newest[1]),
            f"a read at {level} was told {told}, and ended as {node.outcome(operation)}",
        )


@checks("7.6", "any operation that is cut short", points=2)
def any_short_operation(program):
    for level in ("QUORUM", "LINEARIZABLE", "ALL"):
        for call in ((f"read {level}", "milk"), (f"write {level}", "milk", "x")):
            for looked in (False, True):
                if looked and not (level == "LINEARIZABLE" or (level == "QUORUM" and call[0][0] == "w")):
                    continue
                _, ended = ended_after_patience(program, call, looked, confirmed=False)
                wanted = "info" if looked and call[0].startswith("write") else "fail"
                expect(ended == wanted, f"a {call[0]} in phase {1 + looked} ended as {ended}, not {wanted}")


@checks("7.7", "any tags under any keys", points=2)
def any_memory(program):
    draw, node, newest = dice(), client_of(program, "Remembering"), {}
    for _ in range(60):
        key, tag = draw.choice(("tea", "milk", "rice")), tag_by(draw)
        read_one(node, key, (tag, f"{tag}"), draw.choice(replicas(5)))
        newest[key] = max(tag, newest.get(key, NO_TAG))
        told = {key: seen_by(node, key) for key in newest}
        expect(told == newest, f"the newest tags were {newest}, and remembered are {told}")


@checks("7.8", "any answers to a session", points=2)
def any_session(program):
    draw = dice()
    for _ in range(40):
        node, known, key = client_of(program, "SessionClient"), tag_by(draw, 4, 8), draw.choice(("tea", "milk"))
        read_one(node, key, (known, "known"))
        operation = node.invoke("read ONE", key)
        for replica in replicas(5):
            tag = tag_by(draw)
            found(node, **{replica: (tag, f"{tag}")})
            if tag >= known:
                expect(node.outcome(operation) == ("ok", f"{tag}"), f"{known} is known, {tag} came, and it waits")
                break
            expect(node.outcome(operation) is None, f"{known} is known, {tag} came, and it was accepted")


def journey(run):
    """Faults, and members that come near and go far, at times drawn by chance."""
    chance = Stream(run.seed, "journey")
    for at_ms in range(0, 1_600, chance.between(15, 60)):
        for client in run.system.client_ids:
            run.at(at_ms, come_near, run, chance, client)
    for at_ms in range(100, 1_600, chance.between(250, 500)):
        run.at(at_ms, harm, run, chance).at(at_ms + chance.between(50, 240), mend, run)
    run.run(6_000)


@checks("7.T", "stores of any size, with turns drawn by chance", points=3)
def any_store(program):
    draw = dice()
    link = Link(delay_ms=(1, 30), loss=0.02, duplication=0.1, tail=0.05, tail_ms=200)
    for _ in range(4):
        turns = ["".join(draw.choice("wrr") for _ in range(10)) for _ in range(3)]
        count = draw.between(2, 6)
        strong = till(count, "TunableClient", *turns, read="LINEARIZABLE", write="LINEARIZABLE")
        scenarios(program, strong, journey, runs=6, link=link, judge=is_linearizable)
        quorum = till(count, "TunableClient", *turns, read="QUORUM", write="QUORUM")
        scenarios(program, quorum, journey, runs=4, link=link, judge=is_fresh)
        level = draw.choice(("ONE", "QUORUM"))
        session = till(count, "SessionClient", *turns, read="ONE", write=level)
        scenarios(program, session, journey, runs=6, link=link, judge=keeps_sessions)
