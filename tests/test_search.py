"""Exhaustive search: the same states as without any shortcut, and its guards."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bugs import bank, raft, two_phase
from bugs.bank import PAXOS, RAFT, TWO_PHASE, within

from labkit import Node, System, message
from labkit.counterexample import Step
from labkit.explorer import Experiment
from labkit.facts import RAISED
from labkit.frozen import NotComparable, freeze, thaw
from labkit.program import LocalProgram
from labkit.search import Bounds, Search, Stage, search, stuck
from labkit.states import REPEATABLE, Space


@message
class Ping:
    number: int


def experiment(protocol, bug="", system=None):
    return Experiment(
        protocol.program(bug), system or protocol.more["small"].system, protocol.more.get("derive", ())
    )


# -- against brute force ----------------------------------------------------------------------


def every_state(space, restarts):
    """All (local states, network, restarts left), one by one, without covers or loops taken at once."""
    locals_, net, _, _ = space.start()
    seen, ahead = {(locals_, net, restarts)}, [(locals_, net, restarts)]
    while ahead:
        locals_, net, left = ahead.pop()
        for place, local in enumerate(locals_):
            space.grow(place, local, net & space.inbox[place] & ~local.known)
            for edge in [*local.edges, *local.loops]:
                if edge.need & net == edge.need and edge.cost <= left and edge.after.is_within:
                    after = (*locals_[:place], edge.after, *locals_[place + 1 :])
                    state = after, net | edge.sent, left - edge.cost
                    if state not in seen:
                        seen.add(state)
                        ahead.append(state)
    return seen


@pytest.mark.parametrize(
    ("protocol", "restarts", "bounds"),
    [
        (TWO_PHASE, 1, {}), (TWO_PHASE, 2, {}),
        (RAFT, 1, {"term": 1, "log": 0}),
    ],
)  # fmt: skip
def test_shortcuts_reach_the_same_combinations_of_local_states(protocol, restarts, bounds):
    one = experiment(protocol, system=System.of(3, "Raft") if protocol is RAFT else None)
    space = Space(one, cuts=True, within=within(**bounds))
    slow = every_state(space, restarts)
    locals_, net, facts, _ = space.start()
    fast = Search(space, (locals_, net, facts, restarts))
    fast.run(1_000_000)
    assert fast.is_complete
    assert {state[0] for state in fast.states} == {state[0] for state in slow}
    assert len(fast.states) < len(slow)


def test_what_a_search_finds_can_be_replayed_step_by_step():
    for bug in ("vote_not_saved", "counts_stale_votes", "votes_twice"):
        one = experiment(RAFT, bug)
        found = search(one, Bounds(restarts=1, within=within(term=3, log=2)))
        _, taken, violation = one.replay(found.schedule)
        assert violation.rule == found.violation.rule
        assert tuple(taken) == found.schedule


# -- exhausted --------------------------------------------------------------------------------


def test_two_phase_commit_is_exhausted_with_crashes_inside_handlers():
    system = TWO_PHASE.system
    found = search(experiment(TWO_PHASE, system=system), Bounds(restarts=2, cuts=True))
    assert found.is_complete
    assert found.violation is None
    assert found.states < 20_000


def test_paxos_is_exhausted_for_one_ballot_each():
    found = search(experiment(PAXOS), Bounds(restarts=1, cuts=True, within=within(round=1)))
    assert found.is_complete
    assert found.violation is None


def test_an_election_of_three_is_exhausted_to_term_two():
    found = search(experiment(RAFT, system=System.of(3, "Raft")), Bounds(within=within(term=2)))
    assert found.is_complete
    assert found.bounded > 0
    assert found.states > 5_000
    assert "all there are within the bounds" in str(found)


def test_a_search_that_ends_early_does_not_claim_to_be_complete():
    found = search(experiment(RAFT), Bounds(states_max=500))
    assert not found.is_complete
    assert "not all there are" in str(found)


def test_handlers_run_once_for_many_global_states():
    found = search(experiment(RAFT), Bounds(within=within(term=2, log=2), states_max=30_000))
    assert found.handlers * 5 < found.states


# -- stages -----------------------------------------------------------------------------------


def test_figure_8_is_found_in_stages():
    """Raft, section 5.4.2: an entry of an older term that is on a majority may still be overwritten."""
    system = System.of(
        3, "Raft", client="Appender", workload={"c1": [("append", None, "x"), ("append", None, "y")]}
    )
    bounds = Bounds(within=within(term=4, log=1), states_max=40_000)
    found = search(experiment(RAFT, "commits_older_terms", system), bounds, bank.FIGURE_8)
    assert found.violation.rule == "there is one entry committed at"
    right = search(experiment(RAFT, "", system), bounds, bank.FIGURE_8)
    assert right.violation is None


def test_a_goal_that_is_not_reached_is_said():
    stages = (Stage(lambda v: v["n1"]["term"] == 9),)
    with pytest.raises(LookupError, match="stage 1 did not reach its goal"):
        search(experiment(RAFT), Bounds(within=within(term=1, log=1)), stages)


# -- stuck states -----------------------------------------------------------------------------


def voted_and_told(views):
    return all(v.get("outcome") is not None for id, v in views.items() if id != "c" and v["vote"] is not None)


@pytest.mark.parametrize("bug", ["never_asks"])
def test_a_participant_that_never_asks_is_stuck(bug):
    schedule = stuck(experiment(TWO_PHASE, bug), voted_and_told, Bounds(restarts=1))
    assert schedule is not None
    assert any(isinstance(step.data, two_phase.VoteRequest) for step in schedule)


def test_right_two_phase_commit_is_never_stuck():
    assert stuck(experiment(TWO_PHASE), voted_and_told, Bounds(restarts=1, cuts=True)) is None


def test_stuck_refuses_a_space_that_it_cannot_see_whole():
    with pytest.raises(LookupError, match="more than 100 states"):
        stuck(experiment(RAFT), lambda _: True, Bounds(states_max=100))


# -- guards -----------------------------------------------------------------------------------

COUNTER = [0]


class Leaks(Node):
    """Keeps a count where all nodes share it, and where no search sees it."""

    def on_start(self):
        self.seen = 0
        self.set_timer("t", 1)

    def on_timer(self, name):
        COUNTER[0] += 1
        self.seen = COUNTER[0]


class Divides(Leaks):
    def on_timer(self, name):
        self.seen = 1 // 0


class Hides(Leaks):
    def on_timer(self, name):
        self.seen = (x for x in range(3))


class Rolls(Leaks):
    def on_timer(self, name):
        self.seen = self.random.choice((1, 2, 3, 4, 5, 6))
        self.set_timer("t", 1)


def search_one(role, **bounds):
    return search(
        Experiment(LocalProgram({role.__name__: role, "Ping": Ping}), System.of(1, role.__name__)),
        Bounds(**bounds),
    )


def test_a_handler_that_uses_hidden_state_is_caught_by_running_it_twice():
    found = search_one(Leaks)
    assert found.violation.rule == REPEATABLE
    assert "n1 did two different things from one state on: n1  timer t" in found.violation.what
    assert "seen" in found.violation.what


def test_an_exception_is_a_violation_with_its_schedule():
    found = search_one(Divides)
    assert found.violation.rule == RAISED
    assert found.schedule == (Step("timer", "n1", None, "t"),)


def test_a_state_that_cannot_be_compared_is_refused_by_name():
    with pytest.raises(NotComparable, match="seen holds a generator"):
        search_one(Hides)


def test_a_nodes_own_dice_are_part_of_its_state():
    one = Experiment(LocalProgram({"Rolls": Rolls}), System.of(1, "Rolls"))
    found = search(one, Bounds(states_max=50))
    assert found.violation is None
    assert found.states >= 50


def test_freezing_and_thawing_gives_equal_attributes():
    from collections import Counter, defaultdict, deque

    attributes = {
        "list": [1, [2, (3, [4])]], "dict": {"b": [1], "a": {2}}, "deque": deque([1, 2], maxlen=3),
        "default": defaultdict(list, {"x": [1]}), "counter": Counter("aab"), "message": Ping(3), "none": None,
    }  # fmt: skip
    frozen = freeze(attributes, object())
    hash(frozen)
    again = thaw(frozen)
    assert again == attributes
    assert again["deque"].maxlen == 3
    again["default"]["y"].append(1)
    assert again["list"] is not attributes["list"]
    assert list(again["dict"]) == ["b", "a"]


def test_a_list_held_twice_is_refused():
    shared = [1]
    with pytest.raises(NotComparable, match="b holds a list that is held elsewhere too"):
        freeze({"a": shared, "b": shared}, object())


def test_restarts_and_cuts_are_bounded():
    none = search(experiment(TWO_PHASE, "vote_not_saved"), Bounds(restarts=0))
    assert none.violation is None
    assert none.is_complete
    assert search(experiment(TWO_PHASE, "vote_not_saved"), Bounds(restarts=1)).violation is not None
    whole = replace(TWO_PHASE.more["small"].bounds, cuts=False)
    assert search(experiment(TWO_PHASE, "votes_before_saving"), whole).violation is None
    assert (
        search(experiment(TWO_PHASE, "votes_before_saving"), replace(whole, cuts=True)).violation is not None
    )


def test_the_bank_has_no_name_twice():
    assert len({(p.name, b) for p, b in bank.BUGS}) == len(bank.BUGS) >= 40
    assert raft.Raft.BUG == ""
