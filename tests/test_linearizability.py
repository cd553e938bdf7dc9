"""Linearizability: the definition, tried out against every order; and what a "no" shows."""

from __future__ import annotations

import os
from dataclasses import replace
from random import Random
from typing import Any

import brute_force
import pytest
from checker_workloads import WORKLOADS, histories

from labkit.history import History, Operation
from labkit.linearizability import check_linearizable, timeline
from labkit.linearizability.attempts import search
from labkit.models import (
    ANYTHING,
    ILLEGAL,
    Counter,
    Model,
    Queue,
    Register,
)

HISTORIES = int(os.environ.get("LABKIT_HISTORIES", "400"))  # of each workload; 20,000 by hand


@pytest.mark.parametrize("workload", WORKLOADS)
def test_verdicts_agree_with_trying_every_order(workload: str) -> None:
    model, draw = WORKLOADS[workload]
    seen = set()
    for history in histories(model, draw, HISTORIES):
        truth = brute_force.linearizable(history, model)
        judgement = check_linearizable(history, model)
        assert judgement.verdict == ("ok" if truth else "violation"), history.to_lines()
        seen.add(truth)
    assert seen == {True, False}


@pytest.mark.parametrize("workload", WORKLOADS)
def test_the_general_search_agrees_where_a_special_algorithm_decides(workload: str) -> None:
    model, draw = WORKLOADS[workload]
    for history in histories(model, draw, HISTORIES // 2):
        counted = [op for op in history if op.outcome != "fail"]
        finding = search(counted, model, model.initial_for(None), 10**6)
        assert finding.legal is bool(check_linearizable(history, model))
        if finding.legal:
            assert explains(finding.order, model, counted)


def explains(order: Any, model: Model, operations: list[Operation]) -> bool:
    """Whether this order keeps real time, has every answered operation, and is legal."""
    place = {op.id: i for i, op in enumerate(order)}
    assert place.keys() >= {op.id for op in operations if op.outcome == "ok"}
    for one in order:
        for two in order:
            if brute_force.real_time(one, two):
                assert place[one.id] < place[two.id]
    state = model.initial_for(None)
    for op in order:
        state = brute_force.after(op, state, model)
        assert state is not ILLEGAL
    return True


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_core_is_wrong_by_itself_and_nothing_more_can_go(workload: str) -> None:
    """Weakened, the other operations cannot help; with any one of the core weakened, they can."""
    model, draw = WORKLOADS[workload]
    cores = 0
    for history in histories(model, draw, HISTORIES // 4):
        violation = check_linearizable(history, model).violation
        if violation is None:
            continue
        cores += 1
        core = [op for op in violation.core if op.outcome == "ok"]
        assert not brute_force.linearizable(weakened(history, core, model), model)
        if not isinstance(model, Queue):  # there a value is left out whole
            for op in core:
                fewer = [other for other in core if other is not op]
                assert brute_force.linearizable(weakened(history, fewer, model), model)
    assert cores


def weakened(history: History, core: list[Operation], model: Model) -> Any:
    """All of the history, but answers only in the core; of a queue only the core's values."""
    kept = {op.id for op in core}
    if type(model) is Queue and not model.initial:
        values = [op.value if op.f == "enqueue" else op.result for op in core]
        return [op for op in history if op.id in kept or (op.f == "enqueue" and op.value in values)]
    return [
        op if op.id in kept else replace(op, outcome="info", returned=None, result=None)
        for op in history
        if op.id in kept or not model.is_read(op)
    ]


def test_keys_are_judged_one_by_one_and_null_is_a_key_like_any_other() -> None:
    model, draw = WORKLOADS["register"]
    keys = (None, "x", 1, True)
    answers = set()
    for history in histories(model, draw, 60, keys=("x", None)):
        truth = brute_force.linearizable(history, model)
        assert bool(check_linearizable(history, model)) is truth
        answers.add(truth)
    assert answers == {True, False}
    history = History()
    for number, key in enumerate(keys):
        answered(history, "c", "write", number, key=key)
    for number, key in enumerate(keys):
        answered(history, "c", "read", None, number, key=key)
    assert check_linearizable(history, Register())


def answered(
    history: History, client: str, f: str, value: Any = None, result: Any = None, key: Any = None
) -> Operation:
    """An operation alone: nothing else happens between its invocation and its response."""
    operation = history.invoke(client, f, key, value)
    history.ok(operation.id, result)
    return operation


def stale_read() -> History:
    history = History()
    answered(history, "c1", "write", 1)
    slow = history.invoke("c3", "write", None, 7)
    answered(history, "c1", "write", 2)
    answered(history, "c2", "read", None, 1)
    history.info(slow.id)
    for number in range(10, 20):
        answered(history, "c1", "write", number)
    return history


def test_a_violation_tells_what_cannot_be_placed_and_what_was_possible() -> None:
    violation = check_linearizable(stale_read(), Register()).violation
    assert violation is not None
    assert [str(op) for op in violation.core] == [
        "c1: write(1) -> None",
        "c1: write(2) -> None",
        "c2: read() -> 1",
    ]
    assert str(violation) == (
        "not linearizable: read() = 1 by c2 cannot be placed; "
        "possible values just before it returned: 2\n"
        "\n"
        "c1  |- write(1) |\n"
        "c1                |- write(2) |\n"
        "c2                              |- read() = 1 |   <-- cannot be placed\n"
        "\n"
        "longest legal order of these: write(1) by c1, then write(2) by c1\n"
        "what cannot follow it: read() = 1 by c2\n"
        "11 other operations do not matter: whatever they did and when, "
        "no order explains these 3."
    )


def test_an_unanswered_operation_is_drawn_open() -> None:
    history = History()
    history.invoke("c1", "write", None, 5)
    answered(history, "c2", "read", None, 5)
    assert timeline(history.operations) == "c1  |- write(5) ------>\nc2    |- read() = 5 |"


def test_an_unanswered_write_may_happen_late_or_never_but_a_failed_one_never() -> None:
    history = History()
    lost = history.invoke("c1", "write", None, 1)
    answered(history, "c2", "read", None, None)
    answered(history, "c2", "read", None, 1)
    assert check_linearizable(history, Register())
    history.fail(lost.id)
    assert check_linearizable(history, Register()).verdict == "violation"


def test_a_refused_compare_and_set_is_an_observation() -> None:
    history = History()
    answered(history, "c1", "write", 1)
    answered(history, "c2", "cas", [1, 2], False)
    assert check_linearizable(history, Register()).verdict == "violation"


def test_a_learner_writes_a_model_in_a_few_lines() -> None:
    class Bank(Model):
        initial = 100
        reads = frozenset({"balance"})

        def apply(self, state: Any, f: str, value: Any) -> Any:
            if f == "balance":
                return state, state
            return ILLEGAL if value > state else (state - value, ANYTHING)

    history = History()
    answered(history, "a", "withdraw", 60)
    answered(history, "b", "balance", None, 40)
    assert check_linearizable(history, Bank())
    answered(history, "b", "withdraw", 60)
    assert check_linearizable(history, Bank()).verdict == "violation"


def test_a_model_that_calls_a_writer_a_read_is_told_so() -> None:
    class Wrong(Counter):
        reads = frozenset({"read", "add"})

    history = History()
    answered(history, "a", "add", 1)
    with pytest.raises(ValueError, match="Wrong says that 'add' is a read, but it turned 0 into 1"):
        check_linearizable(history, Wrong())


def crowd(clients: int, rounds: int) -> History:
    """Different amounts added by all at once, so that only the general search applies."""
    history = History()
    for _ in range(rounds):
        ops = [history.invoke(f"c{c}", "add", "hard", c + 1) for c in range(clients)]
        for op in ops:
            history.ok(op.id)
    return history


def test_the_budget_counts_nodes_and_running_out_is_unknown() -> None:
    judgement = check_linearizable(crowd(14, 6), Counter(), budget=20)
    assert judgement.verdict == "unknown"
    assert not judgement
    assert judgement.nodes == 20
    assert "larger budget" in judgement.reason
    assert check_linearizable(crowd(14, 6), Counter())


def test_a_hard_key_does_not_hide_an_easy_violation() -> None:
    history = crowd(14, 6)
    answered(history, "c0", "read", None, 5, key="easy")
    assert check_linearizable(history, Counter(), budget=20).verdict == "violation"


@pytest.mark.parametrize(("unanswered", "wrong"), [(0.0, False), (0.05, True), (0.2, True)])
def test_many_clients_on_unique_values_need_no_search(unanswered: float, wrong: bool) -> None:
    random = Random(7)
    for name in (
        "register, unique",
        "queue, unique",
        "log, unique",
        "set, unique",
        "counter by -2",
    ):
        model, draw = WORKLOADS[name]
        history = brute_force.small_history(
            random,
            model,
            draw,
            length=400,
            clients=25,
            unanswered=unanswered,
            wrong=0.3 if wrong else 0,
        )
        judgement = check_linearizable(history, model)
        assert judgement.verdict == ("violation" if wrong else "ok")
        assert judgement.nodes == 0
