"""The judge: runs a lab's checks on programs, and keeps what was found as plain records.

An exercise is judged with the course's answers to all others; a part with all that the learner
wrote for it.  Whatever a program does, it gets a verdict on every check: a program that cannot
be loaded has failed, with the reason, and a check that hits a limit has failed alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from grading.channel import Host, HostGone
from grading.course import CourseLab
from grading.programs import TrustedProgram, remote_program
from labkit.bundle import Bundle
from labkit.program import Program, ProgramError
from labkit.verdict import Check, Verdict, run_check

HOSTS = ("process", "local")


class Judged(Program, Protocol):
    """A program that can be judged again and again."""

    problems: Any
    """Sentences about cells that did not load."""

    def reset(self) -> None:
        """Let go of all nodes: between checks."""

    def close(self) -> None:
        """Let go of the program."""


class Judge:
    """Judges programs of one lab; with "process", they live in processes of their own."""

    def __init__(self, lab: CourseLab, host: Host | None) -> None:
        self._lab, self._host = lab, host

    def verdicts(
        self, bundle: Bundle, names: Collection[str], seed: Seed, budget: str
    ) -> list[Verdict]:
        """One verdict for each check of these names, in the order of the lab's checks."""
        if self._host is None:
            program = TrustedProgram(bundle)
            return _judged(
                program, _named(self._lab.checks_over(program.given), names), seed, budget
            )
        checks = _named(self._lab.checks, names)
        try:
            program = remote_program(self._host, bundle, self._lab.given)
        except (ProgramError, HostGone) as error:
            return [Verdict(check, "failed", str(error)) for check in checks]
        return _judged(program, checks, seed, budget)


Seed = Callable[[Check], str]
"""The seed that a check gets."""


@contextmanager
def judging(lab: CourseLab, host: str) -> Iterator[Judge]:
    """A judge for one submission: whatever its programs started has ended afterwards."""
    if host == "local":
        yield Judge(lab, None)
        return
    with Host() as running:
        yield Judge(lab, running)


def _named(checks: Iterable[Check], names: Collection[str]) -> list[Check]:
    return [check for check in checks if check.name in names]


def _judged(program: Judged, checks: Iterable[Check], seed: Seed, budget: str) -> list[Verdict]:
    try:
        return [_verdict(program, check, seed(check), budget) for check in checks]
    finally:
        program.close()


def _verdict(program: Judged, check: Check, seed: str, budget: str) -> Verdict:
    try:
        verdict = run_check(check, program, seed=seed, budget=budget)
    except HostGone as gone:
        verdict = Verdict(
            check, "failed", f"the program's process ended and did not start again ({gone})"
        )
    finally:
        program.reset()
    return verdict
