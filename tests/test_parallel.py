"""Checks in shares: the same verdict as in one process, wherever the shares are played."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from bugs import bank

from labkit.parallel import sweep
from labkit.verdict import Check, run_check

NAMED = {f"{p.name} {p.bugs[0]}": p for p in bank.PROTOCOLS}


def judged(name, bug):
    """Runs in whatever process: protocols are found by name, nothing is sent but text."""
    protocol = NAMED[name]
    check = Check("9.E", "the protocol keeps its promises", protocol.check(bug))
    return [run_check(check, protocol.program(bug), budget="small")]


def alone(name, bug):
    return judged(name, bug)[0]


CASES = [
    ("paxos half_is_a_majority", "promise_not_saved"),
    ("raft half_is_a_majority", "log_not_saved"),
    ("rpc executes_every_copy", "answers_before_saving"),
]


@pytest.mark.parametrize(("name", "bug"), CASES)
def test_shares_find_what_one_process_finds(name, bug):
    one = alone(name, bug)
    (found,) = sweep(judged, (name, bug), [one.check], NAMED[name].program().classes, shares=3, on="here")
    assert one.status == found.status == "failed"
    assert found.what == one.what
    assert found.counterexample == one.counterexample


def test_shares_pass_what_one_process_passes():
    name = "two_phase takes_no_for_yes"
    one = alone(name, "")
    (found,) = sweep(judged, (name, ""), [one.check], NAMED[name].program().classes, shares=3, on="here")
    assert one.passed
    assert found.passed
    assert found.evidence.endswith("in 3 shares")


@pytest.mark.ray
@pytest.mark.slow
def test_ray_tasks_find_what_one_process_finds(monkeypatch):
    here = Path(__file__).resolve().parent
    monkeypatch.setenv("PYTHONPATH", f"{here}{os.pathsep}{here.parent}")
    name, bug = CASES[0]
    one = alone(name, bug)
    (found,) = sweep(judged, (name, bug), [one.check], NAMED[name].program().classes, shares=2)
    assert found.what == one.what
    assert found.counterexample == one.counterexample
