"""Lab 01, hidden checks: the same rules as the public ones, over more of what may happen.

Texts, sessions and keys are drawn from the trial's seed, so nothing can be learnt by heart.
"""

from __future__ import annotations

import random

from given import RETRY_MS, TRIES_MAX, Echo, EchoReply, NewId, NewIdReply, Reply, Request

from labkit import Link, System, Walk, by_hand, check_linearizable, checks, expect, scenarios, walks
from labkit.facts import Violation
from labkit.models import KeyValue
from labkit.verdict import trial


def dice():
    """Draws that differ from submission to submission, and repeat for one."""
    return random.Random(f"{trial().seed}/{trial().check.name}")


def word(draw):
    return "".join(draw.choice("abcdefgh é☕;'\"") for _ in range(draw.randint(0, 12)))


@checks("1.1", "any text comes back, to whoever asked", points=1)
def echo_any_text(program):
    draw = dice()
    clients = tuple(f"k{n}" for n in range(9))
    node = by_hand(program, "EchoServer", "n7", clients=clients)
    for _ in range(60):
        client, text = draw.choice(clients), word(draw)
        before = len(node.sent)
        node.deliver(client, Echo(text))
        sent = node.sent[before:]
        expect(sent == [(client, EchoReply(text))], f"{client} sent {text!r}; the answers were {sent}")


@checks("1.2", "ids differ over nodes, lives and calls", points=2)
def ids_differ(program):
    draw, seen = dice(), {}
    names = [f"n{n}" for n in draw.sample(range(1, 130), 6)] + ["n1", "n11", "n111"]
    for name in dict.fromkeys(names):
        peers = tuple(other for other in names if other != name)
        node = by_hand(program, "IdServer", name, peers=peers, clients=("c1",))
        for life in range(1, 13):
            for _ in range(draw.randint(1, 25)):
                node.deliver("c1", NewId())
            for reply in node.all_sent_to("c1", NewIdReply):
                first = seen.setdefault(reply.id, (name, life))
                expect(
                    first == (name, life), f"the id {reply.id!r} was made by {first} and by {(name, life)}"
                )
            node.sent.clear()
            node.restart()


@checks("1.3", "any sequence of requests, as a dict would do it", points=2)
def tabs_behave_like_a_dict(program):
    draw, model = dice(), {}
    node = by_hand(program, "KeyValueServer", "n1", clients=("c1",))
    for number in range(1, 200):
        f, key, value = draw.choice(("get", "put", "append")), f"table {draw.randint(1, 5)}", word(draw)
        wanted = None
        if f == "get":
            wanted = model.get(key)
        elif f == "put":
            model[key] = value
        else:
            wanted = model[key] = model.get(key, "") + value
        node.deliver("c1", Request("c1", number, f, key, None if f == "get" else value))
        got = node.sent_to("c1", Reply).result
        expect(got == wanted, f"{f}({key!r}, {value!r}) told {got!r}; a dict would tell {wanted!r}")


@checks("1.6", "whatever replies come, each operation ends once, with its own", points=2)
def client_keeps_its_head(program):
    draw = dice()
    node = by_hand(program, "RetryingClient", "c9", peers=("n1",))
    for number in range(1, 30):
        operation = node.invoke("get", f"table {number}")
        for _ in range(draw.randint(0, TRIES_MAX - 1)):
            for old in draw.sample(range(0, number), min(number, 2)):
                node.deliver("n1", Reply("c9", old, f"old {old}"))
            expect(
                node.outcome(operation) is None,
                f"an old reply ended operation {number} as {node.outcome(operation)}",
            )
            node.fire()
        node.deliver("n1", Reply("c9", number, f"new {number}"))
        node.deliver("n1", Reply("c9", number, f"new {number}"))
        expect(
            node.outcome(operation) == ("ok", f"new {number}"),
            f"operation {number} ended as {node.outcome(operation)}",
        )
        expect(not node.timers, f"operation {number} is over, and a timer is still set")


@checks("1.7", "any mixture of new, repeated and old requests", points=3)
def mixtures_run_once(program):
    _mixture(program, "AtMostOnceServer", dice(), restarts=False)


@checks("1.9", "any mixture of requests and crashes", points=3)
def durable_mixtures_run_once(program):
    _mixture(program, "DurableServer", dice(), restarts=True)


def _mixture(program, role, draw, *, restarts):
    """New requests, copies and old copies of several sessions, against a model that knows all."""
    sessions = ("c1", "c2", "c3", "c4")
    node = by_hand(program, role, "n1", clients=sessions)
    sent, text = {session: [] for session in sessions}, ""
    for step in range(150):
        session = draw.choice(sessions)
        old = sent[session]
        if restarts and draw.random() < 0.1:
            node.restart()
        if not old or draw.random() < 0.5:
            order = f"{session}.{len(old) + 1};"
            text += order
            old.append((Request(session, len(old) + 1, "append", "table 4", order), text))
            request, wanted = old[-1]
        else:
            request, wanted = draw.choice(old)
        before = len(node.all_sent_to(session, Reply))
        node.deliver(session, request)
        replies = node.all_sent_to(session, Reply)[before:]
        if request.number == len(old):
            wanted = [Reply(session, request.number, wanted)]
            expect(
                replies == wanted, f"at step {step + 1}, {request} was answered by {replies}, not by {wanted}"
            )


class Tabs(KeyValue):
    """The tabs, one operation at a time."""

    def apply(self, state, f, value):
        if f == "append":
            text = (state or "") + value
            return text, text
        return super().apply(state, f, value)


def tabs_are_right(run):
    verdict = check_linearizable(run.history, Tabs())
    if verdict.verdict == "ok":
        return None
    return Violation("every order is on the tab once, and stays", str(verdict))


def cafe(role, clients, count):
    """Orders on two tabs, read in between."""
    work = {
        f"c{c}": [
            call
            for n in range(1, count + 1)
            for call in (("append", f"table {n % 2}", f"c{c}.{n};"), ("get", f"table {n % 2}"))
        ]
        for c in range(1, clients + 1)
    }
    return System.of(1, role, client="RetryingClient", workload=work)


@checks("1.A", "two tabs, three clients, any order", points=2)
def two_tabs_in_any_order(program):
    limits = Walk(steps_max=60, duplicates=True)
    walks(program, cafe("AtMostOnceServer", 3, 2), count=150, limits=limits, judge=tabs_are_right)


@checks("1.D", "two tabs, three clients, crashing anywhere", points=3)
def two_tabs_crashing_anywhere(program):
    limits = Walk(steps_max=70, duplicates=True, restarts=3, cuts=3)
    walks(program, cafe("DurableServer", 3, 2), count=250, limits=limits, judge=tabs_are_right)


@checks("1.D", "a long evening on a bad network, with power cuts", points=2)
def long_evening(program):
    def play(run):
        for number in range(6):
            at_ms = 80 + 170 * number
            run.at(at_ms, run.crash_within, "n1", number % 4)
            run.at(at_ms + 30, run.crash, "n1").at(at_ms + 60, run.restart, "n1")
        run.run(60 * TRIES_MAX * RETRY_MS)

    link = Link(delay_ms=(1, 40), loss=0.2, duplication=0.2, tail=0.1, tail_ms=250)
    needs = ("loss", "duplication", "late", "crash", "restart")
    scenarios(
        program, cafe("DurableServer", 3, 4), play, runs=15, link=link, judge=tabs_are_right, needs=needs
    )
