"""A system is a value: who takes part, and what clients are asked for."""

from __future__ import annotations

import pytest

from labkit.system import System


def test_nodes_may_be_a_number_names_or_roles():
    assert System.of(2, "Raft").nodes == (("n1", "Raft"), ("n2", "Raft"))
    assert System.of(["a"], "Raft").nodes == (("a", "Raft"),)
    assert System.of({"a": "Boss", "b": "Worker"}).nodes == (("a", "Boss"), ("b", "Worker"))


def test_two_members_with_one_id_are_one_sentence():
    with pytest.raises(
        ValueError, match="two members are called 'n1'; give each node and client an id of its own"
    ):
        System.of(2, "Raft", client="Asker", workload={"n1": [("get",)]})


def test_a_system_without_nodes_is_one_sentence():
    with pytest.raises(ValueError, match="at least one node"):
        System.of(0, "Raft")


def test_a_call_may_leave_out_what_is_none():
    system = System.of(1, "S", client="C", workload={"c1": [("get", "x"), ("stop",)]})
    assert system.calls("c1") == (("get", "x", None), ("stop", None, None))


@pytest.mark.parametrize("call", [("put", "x", [1]), (1, "x")])
def test_a_call_is_plain_data_with_a_name_first(call):
    with pytest.raises(TypeError):
        System.of(1, "S", client="C", workload={"c1": [call]})


def test_a_system_round_trips_as_json():
    system = System.of(3, "S", client="C", workload={"c1": [("put", "x", (1, b"2"))]}, gap_ms=7)
    assert System.from_encoded(system.encoded(), {}) == system
