"""The in-process host and the separate-process host show a check the same node.

Each small system runs in both: same trace, same history, same attributes, same violation, same
shrunk counterexample, in timed runs with faults and in untimed walks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from grading.channel import Host
from grading.programs import TrustedProgram, remote_program
from labkit.bundle import Bundle, Section
from labkit.explorer import Walk
from labkit.network import Link
from labkit.portfolio import scenarios, walks
from labkit.program import Program
from labkit.simulation import Simulation
from labkit.verdict import Check, run_check
from tests.conformance_hosts.systems import GIVEN, HEAD, SYSTEMS, Small

LINK = Link(delay_ms=(1, 30), loss=0.1, duplication=0.1, tail=0.1, tail_ms=60)


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host() as running:
        yield running


@pytest.fixture(params=SYSTEMS, ids=[small.name for small in SYSTEMS])
def small(request: pytest.FixtureRequest) -> Small:
    return request.param


@contextmanager
def both(small: Small, host: Host) -> Iterator[tuple[Program, Program]]:
    bundle = Bundle(GIVEN, (Section("cell 1", HEAD), Section("cell 2", small.text)))
    here = TrustedProgram(bundle)
    with closing(remote_program(host, bundle, here.given)) as there:
        yield here, there


def play(small: Small) -> Callable[[Simulation], None]:
    def faults(run: Simulation) -> None:
        for id in small.crash:
            run.at(15, run.crash, id).at(40, run.restart, id)
        run.run(120)

    return faults


def seen(program: Program, small: Small, seed: int) -> list[object]:
    run = Simulation(program, small.system, seed=seed, link=LINK, events_max=400)
    play(small)(run)
    looks = [(id, run.observe(id), run.handle(id).attributes()) for id in small.system.node_ids]
    run.close()
    return [run.trace.encoded(), run.history.to_lines(), run.violation, run.faults, repr(looks)]


def test_a_timed_run_with_faults_is_the_same_run_in_both(small: Small, host: Host) -> None:
    with both(small, host) as (here, there):
        for seed in (1, 2):
            one, other = seen(here, small, seed), seen(there, small, seed)
            assert len(one[0]) > 2, "nothing happened"
            assert one == other


def test_a_check_gives_the_same_verdict_and_counterexample_in_both(
    small: Small, host: Host
) -> None:
    def whole(program: Program) -> None:
        limits = Walk(steps_max=25, restarts=1, cuts=1, duplicates=True)
        walks(program, small.system, count=3, limits=limits)
        scenarios(program, small.system, play(small), runs=2, link=LINK)

    check = Check("1.E", "rules hold", whole)
    with both(small, host) as programs:
        one, other = (run_check(check, program) for program in programs)
    assert (one.status, one.what, one.evidence) == (other.status, other.what, other.evidence)
    assert _encoded(one.counterexample) == _encoded(other.counterexample)
    expected = {
        "facts that contradict",
        "a handler that raises",
        "prints, and a message that nobody handles",
    }
    assert (one.status == "failed") == (small.name in expected)


def _encoded(found: object) -> object:
    return found.encoded() if found is not None else None  # type: ignore[attr-defined]


def test_another_hash_seed_in_the_process_changes_nothing(small: Small) -> None:
    with (
        Host(hash_seed=1) as one,
        Host(hash_seed=2) as other,
        both(small, one) as (_, first),
        both(small, other) as (_, second),
    ):
        assert seen(first, small, 3) == seen(second, small, 3)
