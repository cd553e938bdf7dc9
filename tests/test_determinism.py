"""Guards: what reading the code finds, what a second process shows, and that right nodes pass both."""

from __future__ import annotations

import random
import threading
import time
from random import uniform

import pytest
from bugs.bank import PROTOCOLS

from labkit import Node, System
from labkit.bundle import Bundle, Section
from labkit.determinism import differs_in_another_process
from labkit.lint import findings_in
from labkit.portfolio import portfolio
from labkit.program import LocalProgram
from labkit.verdict import Check, run_check

COUNT = 0


def _roll():
    return random.random()


class UsesTime(Node):
    def on_timer(self, name):
        self.since = time.time()


class UsesDice(Node):
    def on_timer(self, name):
        self.wait = random.random()


class UsesImportedDice(Node):
    def on_timer(self, name):
        self.wait = uniform(1, 2)


class UsesDiceElsewhere(Node):
    def on_timer(self, name):
        self.wait = _roll()


class UsesThreads(Node):
    def on_start(self):
        threading.Thread(target=print).start()


class UsesId(Node):
    def on_start(self):
        self.name = id(self)


class UsesHash(Node):
    def on_start(self):
        self.slot = hash(self.id) % 8


class UsesFiles(Node):
    def on_start(self):
        with open("state.txt") as file:
            self.state = file.read()


class ImportsInside(Node):
    def on_start(self):
        import socket

        self.socket = socket.socket()


class UsesGlobal(Node):
    def on_start(self):
        global COUNT
        COUNT += 1


class SharesAList(Node):
    log = []  # noqa: RUF012 - the mistake that is looked for


class LoopsOverASet(Node):
    def on_timer(self, name):
        for peer in set(self.peers):
            self.send(peer, None)


@pytest.mark.parametrize(
    ("cls", "what", "instead"),
    [
        (UsesTime, "uses time", "self.now_ms"), (UsesDice, "uses random", "self.random"),
        (UsesImportedDice, "uses uniform of random", "self.random"),
        (UsesDiceElsewhere, "uses random", "self.random"),
        (UsesThreads, "uses threading", "messages and timers"),
        (UsesId, "calls id()", "another number in each"),
        (UsesHash, "calls hash()", "hashlib"), (UsesFiles, "calls open()", "self.storage"),
        (ImportsInside, "imports socket", "messages and timers"),
        (UsesGlobal, "changes the global 'COUNT'", "self"),
        (SharesAList, "is one list for all nodes", "self.log"), (LoopsOverASet, "loops over a set", "sorted"),
    ],
    ids=lambda p: p.__name__ if isinstance(p, type) else "",
)  # fmt: skip
def test_reading_the_code_says_what_where_and_what_instead(cls, what, instead):
    found = findings_in(cls)
    assert len(found) == 1
    assert what in str(found[0])
    assert instead in str(found[0])
    assert cls.__name__ in str(found[0])
    assert found[0].line > 20


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda p: f"{p.name} {p.bugs[0]}")
def test_right_protocols_are_not_accused(protocol):
    program = protocol.program()
    for _, role in protocol.system.members:
        assert findings_in(program.role(role)) == []


def test_a_portfolio_refuses_what_reading_finds():
    program = LocalProgram({"UsesTime": UsesTime})
    check = Check("1.1", "t", lambda _: portfolio(program, System.of(2, "UsesTime")))
    verdict = run_check(check, program)
    assert verdict.status == "failed"
    assert "UsesTime.on_timer uses time" in verdict.what
    assert "Use timers, or self.now_ms." in verdict.what


HEAD = """
from labkit import Node, message
@message
class Rumour:
    text: str
class Teller(Node):
    def on_start(self):
        self.heard = set()
        self.set_timer("tell", 10, 20)
    def on_timer(self, name):
        self.broadcast(Rumour(self.id))
        self.set_timer("tell", 10, 20)
"""
SORTED = (
    HEAD
    + """
    def on_message(self, source, message):
        self.heard.add(message.text)
        self.storage.save(first=sorted(self.heard)[0])
"""
)
UNSORTED = SORTED.replace("sorted(self.heard)[0]", "next(iter(self.heard))")
SYSTEM = System.of(["alice", "bob", "carol", "dave", "eve"], "Teller")


def test_a_second_process_shows_the_order_of_a_set_that_reached_the_state():
    told = differs_in_another_process(Bundle(sections=(Section("cell 1", UNSORTED),)), SYSTEM)
    assert told is not None
    assert "did something else in another process" in told
    assert "save" in told
    assert "Use sorted(...)" in told


def test_a_second_process_agrees_with_a_right_program():
    assert differs_in_another_process(Bundle(sections=(Section("cell 1", SORTED),)), SYSTEM) is None
