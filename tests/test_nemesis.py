"""Nemeses, liars, recovery: every kind of fault happens, is counted, and ends."""

from __future__ import annotations

import pytest
from bugs.bank import GOSSIP, PAXOS, RAFT, RPC, TWO_PHASE

from labkit import Node, Simulation, System, message
from labkit.byzantine import Byzantine
from labkit.nemesis import KINDS, LINKS, NODES, Nemesis, busiest, calm, on_leaders, recovers, swarm
from labkit.program import LocalProgram


def raft_run(seed=1, nodes=5):
    return Simulation(
        RAFT.program(),
        System.of(nodes, "Raft", client="Appender", workload=dict(RAFT.system.workload)),
        seed=seed,
    )


COUNTED = {
    "partition": "partition", "isolate": "partition", "bridge": "partition", "swizzle": "partition",
    "one way": "cut link", "slow": "slow", "crash": "crash", "churn": "crash",
    "kill after accepting": "crash", "crash within": "crash within a handler", "pause": "pause",
    "clock": "clock", "lose writes": "disk lost",
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_happens_and_is_counted(kind):
    run = raft_run()
    Nemesis(run, [kind], until_ms=3_000)
    run.run(3_000)
    assert run.violation is None or kind == "lose writes"
    assert run.faults[COUNTED[kind]] > 1


def test_a_nemesis_is_its_seed():
    def trace(seed):
        run = raft_run(seed)
        swarm(run, 1_000)
        return run.run(1_000).trace.digest()

    assert trace(1) == trace(1) != trace(2)


def test_a_swarm_has_another_mixture_for_each_seed():
    mixtures = set()
    for seed in range(12):
        run = raft_run(seed)
        mixtures.add(tuple(swarm(run, 500).kinds))
    assert len(mixtures) > 8
    assert {kind for kinds in mixtures for kind in kinds} > {"crash", "partition"}


def test_an_unknown_fault_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="no fault 'meteor'; there are bridge, "):
        Nemesis(raft_run(), ["meteor"], until_ms=10)
    assert set(LINKS + NODES) < set(KINDS)


def test_the_busiest_node_is_the_leader():
    run = raft_run().run(800)
    leaders = [id for id in run.system.node_ids if run.observe(id)["role"] == "leader"]
    assert [busiest(run)] == leaders


def test_faults_on_leaders_hit_leaders():
    run = raft_run()
    on_leaders(run, 3_000)
    run.run(3_000)
    terms = {row[4][0][1] for row in run.trace.rows if row[1] == "fact" and row[4][0][0] == "leader of term"}
    assert len(terms) > 3


def test_calm_mends_everything():
    run = raft_run()
    swarm(run, 1_000, kinds=tuple(KINDS))
    run.run(1_000)
    calm(run)
    before = run.faults.copy()
    run.run(3_000)
    assert not run.network.cuts
    assert all(run.is_up(id) for id in run.system.node_ids)
    ended = {name for name in run.faults if run.faults[name] != before[name]}
    assert ended <= {"cut", "sent to a crashed node"}


def test_with_only_a_majority_the_others_stay_down():
    run = raft_run().run(500)
    assert recovers(run, lambda: False, 1_000, only=("n1", "n2", "n3")) is False
    assert [run.is_up(f"n{i}") for i in range(1, 6)] == [True, True, True, False, False]
    assert run.observe("n1")["role"] in ("leader", "follower")


class Blocks(Node):
    """Answers nobody after it has been down once."""

    def on_start(self):
        self.lives = self.storage.get("lives", 0) + 1
        self.storage.save(lives=self.lives)


def test_what_does_not_recover_is_noticed_in_virtual_time():
    run = Simulation(Blocks, System.of(3, "Blocks")).run(10)
    run.crash("n1")
    assert recovers(run, lambda: run.observe("n1").get("lives") == 2, 100)
    run.crash("n1")
    assert not recovers(run, lambda: run.observe("n1").get("lives") == 2, 100)
    assert run.now_ms == 110.0 or run.now_ms == 10.0 + 100


# -- liars ------------------------------------------------------------------------------------


def lying(protocol, behaviours, seed=1, until_ms=1_500):
    run = Simulation(Byzantine(protocol.program(), behaviours), protocol.system, seed=seed)
    return run.run(until_ms)


@pytest.mark.parametrize("behaviour", ["silent", "lying", "equivocating", "replaying"])
def test_every_behaviour_is_counted_and_leaves_the_others_right(behaviour):
    run = lying(PAXOS, {"n1": behaviour})
    assert run.faults[f"byzantine: {behaviour}"] > 0
    assert not {name for name in run.faults if "byzantine" in name} - {f"byzantine: {behaviour}"}


def test_a_silent_minority_does_not_hurt_and_a_silent_majority_stops_all():
    assert all(op.outcome == "ok" for op in lying(PAXOS, {"n1": "silent", "n2": "silent"}).history)
    assert not any(
        op.outcome == "ok" for op in lying(PAXOS, dict.fromkeys(("n1", "n2", "n3"), "silent")).history
    )


def test_a_liar_breaks_a_protocol_that_trusts_everybody():
    found = [lying(RAFT, {"n1": "equivocating"}, seed).violation for seed in range(12)]
    assert any(found)


def test_repeating_is_harmless_where_calls_are_executed_once():
    run = lying(RPC, {"server": "replaying"})
    assert run.violation is None
    assert max(op.result for op in run.history) == len(run.history)


def test_an_unknown_behaviour_is_refused():
    with pytest.raises(ValueError, match="no behaviour 'rude'"):
        Byzantine(RPC.program(), {"server": "rude"})


def test_gossip_and_two_phase_commit_recover_from_a_swarm():
    for protocol in (GOSSIP, TWO_PHASE):
        run = Simulation(protocol.program(), protocol.system, seed=3)
        swarm(run, 500)
        run.run(500)
        liveness = protocol.more["liveness"]
        assert recovers(run, lambda run=run, goal=liveness.goal: goal(run), liveness.within_ms)


@message
class Note:
    text: str


def test_a_program_with_liars_still_has_its_messages():
    program = Byzantine(LocalProgram({"Note": Note}), {})
    assert program.classes == {"Note": Note}
