"""The bank: each protocol's systems and rules, its bugs by name, and its equivalent mutants with reasons."""

from __future__ import annotations

from bugs import gossip, paxos, primary_backup, quorum, raft, rpc, two_phase
from bugs.rules import (
    DONE,
    Protocol,
    all_done,
    chosen,
    converged,
    entries_told,
    leaders_seen,
    leads,
    length,
    linearizable,
    not_more_than_called,
    one_call_an_answer,
    voters_know,
    within,
)
from labkit.explorer import Walk
from labkit.portfolio import Liveness, Small
from labkit.search import Bounds, Stage
from labkit.system import System
from labkit.workload import reads_and_writes, writes

# -- Raft -------------------------------------------------------------------------------------


FIGURE_8 = (
    Stage(leads("n1", term=1), ("n1", "n2")),
    Stage(length("n1", 1), ("n1", "c1")),
    Stage(leads("n2", term=2), ("n2", "n3")),
    Stage(length("n2", 1), ("n2", "c1")),
    Stage(leads("n1", term=3), ("n1", "n3")),
    Stage(lambda views: views["n3"]["log"] == views["n1"]["log"], ("n1", "n3")),
)
"""Raft, section 5.4.2: an entry of an older term reaches a majority, and may still be overwritten."""


RAFT = Protocol(
    raft,
    System.of(3, "Raft", client="Appender", workload=writes(3, 6), gap_ms=30),
    (
        "half_is_a_majority", "votes_twice", "grants_old_terms", "votes_before_saving", "ignores_the_log",
        "counts_stale_votes", "counts_refusals",
        "keeps_its_vote", "vote_not_saved", "term_not_saved", "log_not_saved", "leader_keeps_leading",
        "answers_before_replicating", "accepts_a_stale_leader",
        "no_consistency_check", "keeps_conflicting_entries", "stale_append_truncates",
        "counts_failed_appends", "commits_older_terms",
    ),
    {
        "commits_past_the_append": "an append carries all that the leader has, so nothing lies past it",
    },
    beyond={
        "appends_before_saving": "found by a search in stages of 100,000 states with crashes inside handlers",
        "compares_length_only": "found on two base seeds of three",
        "counts_stale_appends": "needs three leaders and an answer that is two terms late",
    },
    more={
        "small": Small(
            System.of(3, "Raft", client="Appender", workload=writes(1, 2)),
            Walk(steps_max=70, restarts=2, cuts=1, duplicates=True),
            Bounds(restarts=1, cuts=True, within=within(term=3, log=2)),
            FIGURE_8,
            Bounds(within=within(term=4, log=1)),
        ),
        "derive": (entries_told, leaders_seen),
        "liveness": Liveness("every command is committed", all_done, down=1),
    },
)  # fmt: skip

RAFT_OF_FIVE = Protocol(
    raft,
    System.of(5, "Raft", client="Appender", workload=writes(3, 6), gap_ms=30),
    ("counts_a_vote_twice",),
    more={
        **RAFT.more,
        "small": Small(System.of(5, "Raft"), Walk(steps_max=60, duplicates=True), Bounds(states_max=20_000)),
    },
)
"""With three nodes, two votes of one node are a majority anyway: its own and one more."""

# -- Paxos ------------------------------------------------------------------------------------


PAXOS = Protocol(
    paxos,
    System.of(
        5,
        "Acceptor",
        client="Proposer",
        workload={f"c{i}": [("propose", None, f"v{i}")] * 2 for i in (1, 2, 3)},
    ),
    (
        "half_is_a_majority", "ballots_are_shared", "counts_old_promises", "counts_a_promise_twice",
        "proposes_its_own", "picks_the_lowest", "forgets_in_its_promise", "promises_before_saving",
        "promise_not_saved", "accepts_below_its_promise", "accepts_before_saving", "accepted_not_saved",
        "counts_an_accept_twice", "learns_from_one",
    ),
    {
        "keeps_the_highest_it_accepted": "what it has promised is never below what it has accepted",
    },
    beyond={
        "accepting_is_no_promise": "needs three ballots: found on one base seed of three",
        "counts_over_ballots": "one proposer must propose two values, and hear old answers to the first",
    },
    more={
        "small": Small(
            System.of(3, "Acceptor", client="Proposer", workload=writes(2, 1, f="propose")),
            Walk(steps_max=60, restarts=2, cuts=2, duplicates=True, timers=4),
            Bounds(restarts=1, cuts=True, within=within(round=1)),
        ),
        "derive": (chosen,),
        "liveness": Liveness("every proposer learns the chosen value", all_done, down=2),
    },
)  # fmt: skip

# -- two-phase commit -------------------------------------------------------------------------


TWO_PHASE = Protocol(
    two_phase,
    System.of({"c": "Coordinator", "p1": "Participant", "p2": "Participant", "p3": "Participant"}),
    (
        "outcome_not_saved", "commits_on_a_time_out", "changes_its_mind", "counts_a_vote_twice",
        "presumes_commit", "tells_before_saving", "aborts_after_yes", "votes_before_saving",
        "vote_not_saved", "never_asks",
    ),
    {
        "asks_again_after_a_crash": "votes are saved, so asking again gets the same answers",
        "follows_every_outcome": "a right coordinator never tells two outcomes",
        "participant_forgets": "it asks again and hears the same",
    },
    more={
        "small": Small(
            System.of({"c": "Coordinator", "p1": "Participant", "p2": "Participant"}),
            Walk(steps_max=40, restarts=2, cuts=2, duplicates=True, timers=6),
            Bounds(restarts=2, cuts=True),
        ),
        "liveness": Liveness("every participant that voted hears the outcome", voters_know),
        "until_ms": 500,
    },
)  # fmt: skip

REFUSAL = Protocol(
    two_phase,
    System.of({"c": "Coordinator", "p1": "Participant", "p2": "Participant", "p3": "Refuser"}),
    ("takes_no_for_yes", "commits_with_one_missing", "waits_after_its_no"),
    more={**TWO_PHASE.more, "small": Small(
        System.of({"c": "Coordinator", "p1": "Participant", "p3": "Refuser"}),
        Walk(steps_max=40, restarts=2, cuts=2, duplicates=True, timers=6),
        Bounds(restarts=2, cuts=True),
    )},
)  # fmt: skip

# -- primary and backup -----------------------------------------------------------------------

PAIR = {"s1": "Server", "s2": "Server", "v": "ViewServer"}

PRIMARY_BACKUP = Protocol(
    primary_backup,
    System.of(
        PAIR, client="Appender", workload=writes(2, 6), gap_ms=30
    ),
    (
        "answers_before_the_backup", "takes_an_old_primary", "keeps_its_own_tail",
        "answers_before_saving", "log_not_saved", "takes_old_views",
    ),
    dict.fromkeys(
        ("does_not_wait_for_ready", "ready_before_the_backup", "counts_old_readies"),
        "there are only two servers, so whatever was answered is on both: waiting protects nothing",
    ),
    beyond=dict.fromkeys(
        ("counts_stale_syncs", "view_not_saved"), "not found, and not shown to be equivalent"
    ),
    more={
        "small": Small(
            System.of(PAIR, client="Appender", workload=writes(2, 2)),
            Walk(steps_max=80, restarts=2, cuts=1, duplicates=True, timers=8),
            Bounds(restarts=1, cuts=True, within=within(number=4, log=3)),
        ),
        "derive": (entries_told,),
        "liveness": DONE,
    },
)  # fmt: skip

# -- a register on quorums --------------------------------------------------------------------


QUORUM = Protocol(
    quorum,
    System.of(3, "Replica", client="Register", workload=reads_and_writes(3, 6), gap_ms=5),
    (
        "half_is_a_majority", "writes_without_asking", "reads_from_one", "reads_the_first_answer",
        "reads_without_writing_back", "counts_old_answers", "counts_an_answer_twice", "stamps_are_shared",
        "does_not_count_up", "takes_older_values", "value_not_saved",
    ),
    beyond={
        "stores_before_saving": "one crash inside a store that made a majority, then a read elsewhere",
    },
    more={
        "small": Small(
            System.of(3, "Replica", client="Register", workload=reads_and_writes(3, 3)),
            Walk(steps_max=90, restarts=2, cuts=1, duplicates=True, timers=4),
            Bounds(restarts=1, within=within(phase=4)),
        ),
        "judge": linearizable,
        "liveness": Liveness("every call is answered", all_done, down=1),
    },
)  # fmt: skip

# -- gossip -----------------------------------------------------------------------------------


TOLD = {
    f"c{i}": [("add", f"n{i}", i), ("put", f"n{i}", f"text {i}"), ("add", f"n{i}", 10 * i)] for i in (1, 2, 3)
}

GOSSIP = Protocol(
    gossip,
    System.of(4, "Gossiper", client="Teller", workload=TOLD, gap_ms=40),
    (
        "stamps_are_shared", "tells_news_once", "tells_only_the_first", "stops_after_a_while",
        "adds_what_it_hears", "takes_the_last_it_heard", "keeps_the_first", "forgets_in_a_crash",
    ),
    {
        "tells_only_its_own": "every node still tells every other its own count directly",
        "takes_equal_stamps": "stamps are unique, so equal stamps carry equal texts",
    },
    more={
        "liveness": Liveness("all nodes agree, on what they were told", converged, within_ms=3_000),
        "until_ms": 600,
    },
)  # fmt: skip

# -- calls at most once -----------------------------------------------------------------------


INC3 = [("inc",)] * 3

RPC = Protocol(
    rpc,
    System.of({"server": "Server"}, client="Caller", workload={f"c{i}": [("inc",)] * 8 for i in (1, 2)}),
    (
        "executes_every_copy", "executes_old_copies", "forgets_who_called", "keeps_one_client_only",
        "answers_before_saving", "answers_with_today", "saves_in_two_steps", "answers_not_saved",
        "nothing_saved", "renumbers_a_retry", "takes_any_answer",
    ),
    more={
        "small": Small(
            System.of({"server": "Server"}, client="Caller", workload={"c1": INC3, "c2": INC3}),
            Walk(steps_max=50, restarts=1, cuts=1, duplicates=True, timers=6),
            Bounds(restarts=1, cuts=True, within=within(number=4, value=8)),
        ),
        "derive": (one_call_an_answer,),
        "judge": not_more_than_called,
        "liveness": DONE,
    },
)  # fmt: skip

PROTOCOLS = (RAFT, RAFT_OF_FIVE, PAXOS, TWO_PHASE, REFUSAL, PRIMARY_BACKUP, QUORUM, GOSSIP, RPC)
BUGS = [(protocol, bug) for protocol in PROTOCOLS for bug in protocol.bugs]
