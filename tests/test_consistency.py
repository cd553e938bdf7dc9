"""Sequential, causal, PRAM, session guarantees, staleness, convergence: against definitions."""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import reference_consistency

from labkit.consistency import (
    check_bounded_staleness,
    check_causal,
    check_convergence,
    check_pram,
    check_sequential,
    check_sessions,
    check_strong_convergence,
    staleness,
)
from labkit.history import History
from labkit.models import Counter, Register

HISTORIES = int(os.environ.get("LABKIT_HISTORIES", "400"))  # of each level; 20,000 by hand


@pytest.mark.parametrize(
    ("check", "holds"),
    [pytest.param(*level[1:], id=level[0]) for level in reference_consistency.LEVELS],
)
def test_verdicts_agree_with_the_definition(
    check: Callable[[History], Any], holds: Callable[[History], bool]
) -> None:
    random = Random(11)
    for _ in range(HISTORIES):
        history = reference_consistency.small_sessions(random)
        truth = holds(history)
        assert check(history).verdict == ("ok" if truth else "violation"), history.to_lines()


def history_of(*steps: tuple[str, str, str, Any]) -> History:
    """One operation after the other: (client, f, key, value written or read)."""
    history = History()
    for number, (client, f, key, value) in enumerate(steps):
        time_us = number * 10_000
        op = history.invoke(client, f, key, value if f == "write" else None, time_us=time_us)
        history.ok(op.id, None if f == "write" else value, time_us=time_us + 1_000)
    return history


def test_a_stale_read_of_another_process_is_sequential_but_not_linearizable() -> None:
    history = history_of(("p", "write", "x", 1), ("q", "read", "x", None))
    assert check_sequential(history, Register())


def test_sequential_consistency_is_not_local() -> None:
    """Each key alone has an order; both together have none (Dekker's algorithm)."""
    history = history_of(
        ("p", "write", "x", 1),
        ("q", "write", "y", 1),
        ("p", "read", "y", None),
        ("q", "read", "x", None),
    )
    judgement = check_sequential(history, Register())
    assert judgement.verdict == "violation"
    assert check_causal(history)
    assert len(judgement.violation.core) == 4
    for key in "xy":
        assert check_sequential([op for op in history if op.key == key], Register())


def test_sequential_consistency_takes_any_model() -> None:
    history = History()
    for client, f, value, result in (
        ("p", "add", 1, None),
        ("p", "read", None, 2),
        ("q", "add", 1, None),
    ):
        history.ok(history.invoke(client, f, None, value).id, result)
    assert check_sequential(history, Counter())
    history.ok(history.invoke("p", "read").id, 1)
    assert check_sequential(history, Counter()).verdict == "violation"


def test_an_answer_before_its_question_breaks_causality_but_not_pram() -> None:
    history = history_of(
        ("p", "write", "question", 1),
        ("q", "read", "question", 1),
        ("q", "write", "answer", 2),
        ("r", "read", "answer", 2),
        ("r", "read", "question", None),
    )
    judgement = check_causal(history)
    assert judgement.reason == (
        "not causally consistent: read() = None on 'question' by r saw the initial value, "
        "but write(1) on 'question' by p came before it"
    )
    assert check_pram(history)


def test_replicas_may_disagree_about_concurrent_writes_unless_they_converge() -> None:
    history = history_of(
        ("p", "write", "x", 1),
        ("q", "write", "x", 2),
        ("r", "read", "x", 1),
        ("s", "read", "x", 2),
        ("r", "read", "x", 2),
        ("s", "read", "x", 1),
    )
    assert check_causal(history)
    judgement = check_causal(history, converging=True)
    assert judgement.verdict == "violation"
    assert "the order runs in a circle" in judgement.reason
    assert {op.f for op in judgement.violation.core} == {"write"}


@pytest.mark.parametrize(
    ("guarantee", "words", "steps"),
    [
        ("RYW", "read your writes", [("p", "write", "x", 1), ("p", "read", "x", None)]),
        (
            "MR",
            "monotonic reads",
            [("p", "write", "x", 1), ("q", "read", "x", 1), ("q", "read", "x", None)],
        ),
        (
            "MW",
            "monotonic writes",
            [
                ("p", "write", "x", 1),
                ("p", "write", "x", 2),
                ("q", "read", "x", 2),
                ("q", "read", "x", 1),
            ],
        ),
        (
            "WFR",
            "writes follow reads",
            [
                ("p", "write", "x", 1),
                ("q", "read", "x", 1),
                ("q", "write", "x", 2),
                ("r", "read", "x", 2),
                ("r", "read", "x", 1),
            ],
        ),
    ],
)
def test_a_broken_session_guarantee_is_named(guarantee: str, words: str, steps: Any) -> None:
    judgement = check_sessions(history_of(*steps))
    assert judgement.verdict == "violation"
    assert words in judgement.reason
    others = [name for name in ("RYW", "MR", "MW", "WFR") if name != guarantee]
    assert check_sessions(history_of(*steps), others)


def test_a_process_that_goes_on_after_an_unanswered_write_is_a_new_session() -> None:
    history = History()
    history.info(history.invoke("p", "write", "x", 1).id)
    history.ok(history.invoke("p", "read", "x").id, None)
    assert check_sessions(history)


def test_an_unknown_guarantee_is_refused() -> None:
    with pytest.raises(ValueError, match="'RMW' is no session guarantee"):
        check_sessions(History(), ["RMW"])


def test_equal_values_cannot_be_judged_and_that_is_not_a_pass() -> None:
    history = history_of(("p", "write", "x", 1), ("q", "write", "x", 1))
    for check in (check_causal, check_pram, check_sessions, check_bounded_staleness):
        judgement = check(history)
        assert judgement.verdict == "unknown"
        assert "value of its own" in judgement.reason


def test_staleness_counts_the_writes_that_surely_came_between() -> None:
    history = history_of(
        ("p", "write", "x", 1),
        ("p", "write", "x", 2),
        ("p", "write", "x", 3),
        ("q", "read", "x", 1),
    )
    (measured,) = staleness(history)
    assert (measured.versions, measured.ms) == (2, 19.0)
    assert check_bounded_staleness(history, versions=2, ms=19)
    assert "2 versions behind" in check_bounded_staleness(history, versions=1).reason
    assert "out of date for 19 ms" in check_bounded_staleness(history, ms=18.5).reason


def test_a_concurrent_write_makes_no_read_stale() -> None:
    history = History()
    history.ok(history.invoke("p", "write", "x", 1).id)
    slow = history.invoke("p", "write", "x", 2)
    history.ok(history.invoke("q", "read", "x").id, 1)
    history.ok(slow.id)
    assert check_bounded_staleness(history, versions=0, ms=0)


def test_replicas_converge_if_all_hold_one_of_the_expected_states() -> None:
    assert check_convergence({"n1": {"a": 1}, "n2": {"a": 1}}, [{"a": 1}, {"a": 2}])
    lost = check_convergence({"n1": set(), "n2": set()}, [{"a"}])
    assert "should be {'a'}" in lost.reason
    apart = check_convergence({"n1": [1, 2], "n2": [2, 1]})
    assert apart.reason == "not converged: n1 holds [1, 2], but n2 holds [2, 1]"


def test_strong_convergence_compares_replicas_with_the_same_updates() -> None:
    assert check_strong_convergence([("n1", ["a"], 1), ("n2", ["a", "b"], 2), ("n1", ["b", "a"], 2)])
    assert not check_strong_convergence([("n1", ["a", "b"], 1), ("n2", ["b", "a"], 2)])
