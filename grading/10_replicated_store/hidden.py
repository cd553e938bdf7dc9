"""Lab 10, part `store`, hidden checks: logs, replies, sizes and faults that nobody has chosen."""

from __future__ import annotations

import random

from checks import (
    LOSSY,
    ONCE,
    agree,
    asked,
    clerk,
    commit,
    done,
    holds,
    leader,
    replica,
    replies,
    store,
    told,
    under_trouble,
)
from given import NOOP, AppendEntries, LogEntry, Reply, Request

from labkit import Walk, checks, expect, walks
from labkit.portfolio import Liveness, Small, portfolio
from labkit.verdict import trial


def dice():
    """Draws that differ from submission to submission, and repeat for one."""
    return random.Random(f"{trial().seed}/{trial().check.name}")


class OneStore:
    """What a log comes to: section 6.3 of the dissertation in a few lines of its own."""

    def __init__(self):
        self.data, self.best = {}, {}

    def carry_out(self, command):
        client, number, f, key, value = command
        last, result = self.best.get(client, (0, None))
        if number < last:
            return None
        if number > last:
            self.best[client] = number, self._new(f, key, value)
        return self.best[client][1]

    def _new(self, f, key, value):
        now = self.data.get(key)
        if f == "put" or (f == "cas" and now == value[0]):
            self.data[key] = value if f == "put" else value[1]
        if f == "append":
            self.data[key] = (now or "") + value
        return {"get": now, "cas": f == "cas" and now == value[0]}.get(f)


def any_command(draw):
    f, key, letter = draw.choice(("get", "put", "append", "append", "cas")), draw.choice("xy"), draw.choice("abc")
    value = {"get": None, "cas": (draw.choice((None, "a", "b")), letter)}.get(f, letter)
    return draw.choice(("c1", "c2")), f, key, value


@checks("10.1", "any log with copies in it", points=3, source="dissertation, section 6.3")
def any_log(program):
    draw = dice()
    for _ in range(25):
        node, model, said, count = replica(program), OneStore(), [], {"c1": 0, "c2": 0}
        for _ in range(18):
            if said and draw.random() < 0.45:
                command = draw.choice(said)
            else:
                client, f, key, value = any_command(draw)
                count[client] += draw.choice((1, 1, 1, 3))
                command = client, count[client], f, key, value
            said.append(command)
            (got,) = commit(node, command)
            wanted = model.carry_out(command)
            expect(got == wanted, f"the log says {told(said)}: the last one comes to {wanted!r}, and came to {got!r}")
        holds(node, model.data, f"the log says {told(said)}")
        table = {client: tuple(pair) for client, pair in dict(node.observe()["sessions"]).items()}
        expect(table == model.best, f"the log says {told(said)}: the table should be {model.best}, and is {table}")


@checks("10.2", "any calls, and any place where the lead is lost", points=3, source="Go lab 4A")
def any_lost_lead(program):
    draw = dice()
    for _ in range(25):
        node, calls = leader(program), []
        for _ in range(draw.randint(1, 6)):
            client, f, key, value = any_command(draw)
            number = 1 + sum(one[0] == client for one in calls)
            calls.append((client, number, f, key, value))
            node.deliver(client, Request(number, f, key, value))
        kept = draw.randint(0, len(calls))
        if kept:
            agree(node, kept)
        others = [draw.choice((NOOP, ("c2", 40 + n, "put", "x", "q"), ("c1", 50 + n, "append", "y", "r"))) for n in range(len(calls) - kept)]
        entries = tuple(LogEntry(3, command) for command in others)
        node.deliver("n3", AppendEntries(3, "n3", kept, 2 if kept else 0, entries, len(calls)))
        expect_answers(node, calls, kept)


def expect_answers(node, calls, kept):
    """The first `kept` calls were applied here, the others gave way to another leader's."""
    for client in ("c1", "c2"):
        mine = [(n, call) for n, call in enumerate(calls) if call[0] == client]
        heard = [(reply.number, reply.done) for reply in replies(node, client)]
        wanted = [(call[1], n < kept) for n, call in mine]
        expect(heard == wanted, f"n1 took {told(calls)}; {kept} of them were applied, then n3 put others in the places of the rest: {client} should hear (number, done) {wanted}, and heard {heard}")


@checks("10.3", "any replies, late or in time", points=3, source="section 8")
def any_replies(program):
    draw = dice()
    for _ in range(30):
        node, number = clerk(program), 0
        for _ in range(draw.randint(2, 5)):
            call, number = node.invoke("append", "x", "a"), number + 1
            for _ in range(draw.randint(0, 6)):
                one_reply(node, draw, number, call)
            result = draw.choice((None, "a", False))
            node.deliver("n1", Reply(number, True, result, draw.choice((None, "n1"))))
            expect(node.outcome(call) == ("ok", result), f"call {number} was done, with {result!r}; its outcome is {node.outcome(call)}")
        numbers = {request.number for _, request in asked(node)}
        expect(numbers == set(range(1, number + 1)), f"{number} calls were made, and the client used the numbers {sorted(numbers)}")


def one_reply(node, draw, number, call):
    """A refusal, a late reply or silence: the call stays open, and whom it asks next is known."""
    before, what = len(asked(node)), draw.choice(("refused", "late", "silence"))
    last, hint = asked(node)[-1][0], draw.choice((None, "n2", "n3"))
    if what == "late":
        node.deliver("n2", Reply(number - 1, draw.random() < 0.5, None, hint))
    elif what == "refused":
        node.deliver(last, Reply(number, False, None, hint))
    else:
        node.fire("patience")
    if "pause" in node.timers:
        node.fire("pause")
    expect(node.outcome(call) is None, f"call {number} is open; {what}; and its outcome is {node.outcome(call)}")
    following = {"n1": "n2", "n2": "n3", "n3": "n1"}[last]
    wanted = [] if what == "late" else [following if what == "silence" or hint is None else hint]
    got = [whom for whom, _ in asked(node)[before:]]
    expect(got == wanted, f"call {number} was with {last}; {what}{f', naming {hint}' if what == 'refused' else ''}: the client should ask {wanted}, and asked {got}")


@checks("10.S", "any size, any trouble", points=3, source="section 8; linearizability")
def any_trouble(program, role="Store"):
    draw = dice()
    for _ in range(4):
        under_trouble(
            program, role, nodes=draw.choice((3, 5)), clients=draw.randint(2, 6), each=draw.randint(4, 8),
            link=LOSSY, runs=4, rounds=4, cuts=True, crashes=True, keys=("u", "v", "w")[: draw.randint(1, 3)],
        )  # fmt: skip


@checks("10.S", "appends alone, in longer orders of events", points=2, source="section 8")
def longer_orders(program, role="Store"):
    for clients, each in ((2, 4), (3, 3), (4, 2)):
        limits = Walk(steps_max=170, restarts=2, cuts=2, duplicates=True, timers=16, demotions=10)
        walks(program, store(role, 3, clients, each, f=("append", "append", "get")), count=80, limits=limits, **ONCE)


@checks("10.S", "everything that this kit can try, and then an answer", points=3, source="section 8")
def everything(program, role="Store"):
    system = store(role, 3, 3, 12, keys=("x", "y"), gap_ms=60)
    small = Small(store(role, 3, 2, 2, f=("append",)), Walk(steps_max=100, restarts=2, cuts=1, duplicates=True))
    goal = Liveness("calls are answered", lambda run: bool(done(run)) and done(run)[-1].returned_us / 1000 > run.now_ms - 200 or _all_over(run), 8_000)
    portfolio(program, system, small=small, liveness=goal, events=120_000, until_ms=1_200, **ONCE)


def _all_over(run):
    total = sum(len(run.system.calls(client)) for client in run.system.client_ids)
    return len(run.history) == total and all(op.outcome == "ok" or op.returned_us is not None for op in run.history)
