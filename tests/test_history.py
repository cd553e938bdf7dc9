"""A history is the order in which clients asked and were answered, and how each operation ended."""

from __future__ import annotations

import json

import pytest

from labkit.history import History


def test_an_operation_runs_from_its_invocation_to_its_response():
    history = History()
    put = history.invoke("c1", "put", "x", 1, time_us=10)
    history.ok(put.id, None, time_us=30)
    (done,) = history
    assert (done.outcome, done.invoked, done.returned, done.returned_us) == ("ok", 1, 2, 30)


def test_an_unanswered_operation_is_unknown():
    history = History()
    history.invoke("c1", "put", "x", 1)
    assert [(op.outcome, op.returned) for op in history] == [("info", None)]


def test_after_an_unknown_end_the_client_goes_on_as_a_new_process():
    history = History()
    first = history.invoke("c1", "put", "x", 1)
    history.info(first.id)
    history.fail(history.invoke("c1", "put", "x", 2).id)
    assert [op.process for op in history] == ["c1", "c1/2"]
    assert list(history.by_process()) == ["c1", "c1/2"]


@pytest.mark.parametrize("again", ["ok", "fail", "info"])
def test_an_operation_ends_once(again):
    history = History()
    id = history.invoke("c1", "get", "x").id
    history.ok(id, 1)
    with pytest.raises(ValueError, match="already ended; answer each operation once"):
        getattr(history, again)(id)


def test_an_unknown_end_is_an_end():
    history = History()
    id = history.invoke("c1", "get", "x").id
    history.info(id)
    with pytest.raises(ValueError, match="already ended"):
        history.ok(id, 1)


def test_the_end_of_an_operation_that_never_began_is_one_sentence():
    with pytest.raises(ValueError, match="operation 3 was never invoked"):
        History().ok(3)


def test_keys_come_in_order_of_first_use():
    history = History()
    for key in ("b", "a", "b"):
        history.invoke("c1", "get", key)
    assert {key: len(ops) for key, ops in history.by_key().items()} == {"b": 2, "a": 1}


def test_lines_are_events_in_order():
    history = History()
    one, two = history.invoke("c1", "put", "x", 1), history.invoke("c2", "get", "x")
    history.ok(two.id, 1)
    history.fail(one.id)
    events = [json.loads(line) for line in history.to_lines().splitlines()]
    assert [(e["process"], e["type"], e["value"]) for e in events] == [
        ("c1", "invoke", 1), ("c2", "invoke", None), ("c2", "ok", 1), ("c1", "fail", 1),
    ]  # fmt: skip


def test_a_frame_has_a_row_for_each_operation():
    history = History()
    history.ok(history.invoke("c1", "put", "x", 1, time_us=1000).id, time_us=3500)
    frame = history.to_frame()
    assert list(frame.returned_ms - frame.invoked_ms) == [2.5]
