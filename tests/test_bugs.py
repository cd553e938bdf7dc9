"""The bank of bugs: each is found, none is reported on right versions, and claims are not needed."""

from __future__ import annotations

import os
from statistics import median

import pytest
from bugs.bank import BUGS, PAXOS, PRIMARY_BACKUP, PROTOCOLS, QUORUM, RAFT, RPC, TWO_PHASE

from labkit.verdict import Check, run_check

SEEDS = int(os.environ.get("LABKIT_BASE_SEEDS", "1"))
"""Base seeds for each bug in make check-all; 20 take hours, and are played by hand."""

QUICK = [
    (RAFT, "votes_twice"),
    (RAFT, "vote_not_saved"),
    (RAFT, "log_not_saved"),
    (RAFT, "leader_keeps_leading"),
    (PAXOS, "half_is_a_majority"),
    (PAXOS, "forgets_in_its_promise"),
    (PAXOS, "accepted_not_saved"),
    (TWO_PHASE, "outcome_not_saved"),
    (TWO_PHASE, "aborts_after_yes"),
    (TWO_PHASE, "vote_not_saved"),
    (PRIMARY_BACKUP, "answers_before_the_backup"),
    (PRIMARY_BACKUP, "log_not_saved"),
    (QUORUM, "value_not_saved"),
    (QUORUM, "takes_older_values"),
    (RPC, "executes_every_copy"),
    (RPC, "saves_in_two_steps"),
]


def verdict(protocol, bug="", seed="public", budget="public", **changes):
    check = Check("9.E", "the protocol keeps its promises", protocol.check(bug, **changes))
    return run_check(check, None, seed=seed, budget=budget)


def named(case):
    return case.name if hasattr(case, "bugs") else case


@pytest.mark.parametrize(("protocol", "bug"), QUICK, ids=named)
def test_a_bug_is_found_and_told_in_few_steps(protocol, bug):
    found = verdict(protocol, bug)
    assert found.status == "failed"
    assert found.counterexample.setup["kind"] == "schedule"
    assert len(found.counterexample.steps) <= 60


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda p: f"{p.name} {p.bugs[0]}")
def test_a_right_version_passes_and_says_what_that_rests_on(protocol):
    found = verdict(protocol, budget="small", events=200_000)
    assert found.status == "passed", found.what
    assert "timed runs, swarm" in found.evidence


@pytest.mark.parametrize(
    ("protocol", "bug"),
    [
        (RAFT, "votes_twice"),
        (RAFT, "answers_before_replicating"),
        (RAFT, "log_not_saved"),
        (PAXOS, "promise_not_saved"),
        (PRIMARY_BACKUP, "answers_before_the_backup"),
        (RPC, "nothing_saved"),
    ],
    ids=named,
)
@pytest.mark.parametrize("claims", ["none", "false"])
def test_nodes_that_claim_nothing_or_lie_are_judged_by_what_they_send_and_answer(protocol, bug, claims):
    assert verdict(protocol, bug, facts=claims).status == "failed"


def test_a_found_bug_replays_from_its_counterexample():
    found = verdict(RAFT, "votes_twice")
    check = found.check
    again = run_check(check, None, replaying=found.counterexample)
    assert again.status == "failed"
    assert again.counterexample.rule == found.counterexample.rule
    right = Check("9.E", check.title, RAFT.check())
    repaired = run_check(right, None, replaying=found.counterexample)
    assert repaired.passed
    assert "no longer breaks" in repaired.evidence


def test_equivalent_mutants_are_named_with_their_reasons():
    for protocol in PROTOCOLS:
        assert not set(protocol.bugs) & set(protocol.equivalent)
        assert all(len(reason.split()) > 4 for reason in protocol.equivalent.values())


@pytest.mark.slow
@pytest.mark.parametrize(("protocol", "bug"), BUGS, ids=named)
def test_every_bug_is_found_on_every_base_seed(protocol, bug):
    missed, lengths = [], []
    for seed in range(SEEDS):
        found = verdict(protocol, bug, seed=f"base {seed}")
        if found.status != "failed":
            missed.append(seed)
        elif found.counterexample.setup["kind"] == "schedule":
            lengths.append(len(found.counterexample.steps))
    assert not missed
    if SEEDS >= 20:  # of fewer, the median is chance
        assert not lengths or median(lengths) <= 30


def test_half_of_the_counterexamples_have_at_most_20_steps():
    assert median(len(verdict(*case).counterexample.steps) for case in QUICK) <= 20


@pytest.mark.slow
@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda p: f"{p.name} {p.bugs[0]}")
def test_right_versions_pass_with_the_public_budget(protocol):
    for seed in range(SEEDS):
        found = verdict(protocol, seed=f"base {seed}")
        assert found.status == "passed", found.what
