"""Checks in shares: the same verdict as in one process, wherever the shares are played."""

from __future__ import annotations

import pytest
from bugs import bank

from grading.answers import read_answers
from grading.course import open_lab
from labkit.check import check_bundle, check_in_shares
from labkit.parallel import SHARES, sweep
from labkit.verdict import Check, run_check

WRONG = "one client at a time"
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
def test_a_check_on_ray_gives_the_verdicts_of_one_process(capsys):
    lab = open_lab("01")
    wrong = {a.name: a for a in read_answers(lab, lab.own / "wrong.py")}[WRONG].bundle(lab)
    alone = check_bundle(lab.lab, wrong, "1.A", budget="small")
    shared = check_in_shares(lab.lab, wrong, "1.A", "small")
    assert "failed" in [verdict.status for verdict in alone.verdicts]
    assert [said(v) for v in shared.verdicts] == [said(v) for v in alone.verdicts]
    assert f"{SHARES} of {SHARES} shares played" in capsys.readouterr().out


def said(verdict):
    found = verdict.counterexample
    return verdict.status, verdict.what, found and found.encoded()
