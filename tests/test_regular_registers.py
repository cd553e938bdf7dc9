"""Lab 05's judge of regularity agrees with the definition, tried on every small history's orders."""

from __future__ import annotations

import random
from itertools import permutations

import pytest

from labkit.bundle import Bundle
from labkit.history import History
from labkit.lab import load_lab

VALUES = (None, "v0", "v1", "v2", "v3")
"""What a read may say: of these values, some are written later, and some never."""


@pytest.fixture(scope="module")
def irregular():
    lab = load_lab("05")
    return lab.load_checks_modules(Bundle(lab.given_source).load().given)["checks"].irregular


def drawn(draw):
    """A history of up to four writes and two reads by as many clients, some of them never answered."""
    history, open_ones = History(), []
    calls = [("write", value) for value in VALUES[1 : draw.randint(2, 5)]] + [("read", None)] * draw.randint(
        1, 2
    )
    draw.shuffle(calls)
    while calls or open_ones:
        if calls and draw.random() < 0.5:
            f, value = calls.pop()
            open_ones.append(history.invoke(f"c{len(history)}", f, value=value))
        elif open_ones:
            op = open_ones.pop(draw.randrange(len(open_ones)))
            match draw.choice(["ok"] * 6 + ["info", "fail"]):
                case "ok":
                    history.ok(op.id, draw.choice(VALUES) if op.f == "read" else None)
                case "info":
                    history.info(op.id)
                case "fail":
                    history.fail(op.id)
    return history


def fits(read, writes):
    """By the definition: in some order of the read and some of the writes, it gives the last one before it.

    A write without an answer may be left out; an order may not turn round what is ordered in time.
    """
    sure = [op for op in writes if op.outcome == "ok"]
    maybe = [op for op in writes if op.outcome == "info"]
    return any(
        _explains(order, read)
        for chosen in range(1 << len(maybe))
        for order in permutations([*sure, *(op for n, op in enumerate(maybe) if chosen >> n & 1), read])
    )


def _explains(order, read):
    later = {
        (one.id, two.id)
        for one in order
        for two in order
        if two.returned is not None and two.returned < one.invoked
    }
    in_time = not any(
        (order[i].id, order[j].id) in later for i in range(len(order)) for j in range(i, len(order))
    )
    place = order.index(read)
    return in_time and read.result == (order[place - 1].value if place else None)


def test_the_judge_agrees_with_the_definition_on_small_histories(irregular):
    draw, verdicts = random.Random("regular 1"), {True: 0, False: 0}
    for _ in range(1_500):
        history = drawn(draw)
        writes = [op for op in history if op.f == "write" and op.outcome != "fail"]
        answered = [op for op in history if op.f == "read" and op.outcome == "ok"]
        regular = all(fits(read, writes) for read in answered)
        assert (irregular(history) is None) == regular, history.to_lines()
        verdicts[regular] += 1
    assert min(verdicts.values()) > 150


def test_the_first_read_that_does_not_fit_is_named_with_a_reason(irregular):
    history = History()
    history.ok(history.invoke("c1", "write", value="new").id)
    history.ok(history.invoke("c2", "read").id, None)
    read, why = irregular(history)
    assert read.client == "c2"
    assert "was confirmed before" in why
