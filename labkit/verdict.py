"""A check, and what it finds: how one property of one exercise is judged.

A check is a function of a program.  It passes by returning, fails by ``expect`` or by an engine
that found a violation, and it never sees a learner's class.  What it ran is kept in the current
*trial*: which seed, how large a budget, and, in a replay, the one schedule to play again.

"Unwritten" and "unknown" are verdicts of their own: neither is ever a pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from labkit.counterexample import Counterexample, Told
from labkit.handle import explain
from labkit.program import Program, ProgramError, Unwritten

Status = Literal["passed", "failed", "unwritten", "waits", "not exercised", "unknown"]

BUDGETS = {"small": 0.25, "public": 1.0, "hidden": 0.5}
"""How many schedules an engine plays, relative to what a check asks for.  Never a time.

``hidden`` is for nodes in processes of their own, where a step costs twenty times as much; what
makes it hidden is its seeds and the checks that are added.
"""


class Broken(AssertionError):
    """The property does not hold, and this is why; with a counterexample where there is one."""

    def __init__(self, what: str, counterexample: Counterexample | None = None) -> None:
        super().__init__(what)
        self.what, self.counterexample = what, counterexample


class NotExercised(Exception):
    """The faults that the check is about never happened, so it has shown nothing."""


class Undecided(Exception):
    """A checker ran out of its budget before it could say yes or no."""


class NoLongerBroken(Exception):
    """The schedule that was replayed does not break the rule any more."""


@dataclass(frozen=True, slots=True)
class Check:
    """One property of one exercise (or of a part, "9.E"), its points, and where the rule comes from."""

    exercise: str
    title: str
    function: Callable[[Program], Any]
    points: float = 0
    source: str = ""
    look_at: str = ""
    not_shown: str = ""
    runtime: str = "simulation"

    @property
    def name(self) -> str:
        """The function's name: stable, and unique in a lab."""
        return self.function.__name__


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found.  ``what`` is a sentence; ``evidence`` says what a pass rests on."""

    check: Check
    status: Status
    what: str = ""
    evidence: str = ""
    counterexample: Counterexample | None = None

    @property
    def passed(self) -> bool:
        """Does the property hold, as far as this check can tell?"""
        return self.status == "passed"


@dataclass
class Trial:
    """The running of one check: its seed and budget, what it has played so far, what it replays."""

    check: Check
    seed: str = "public"
    budget: str = "public"
    replaying: Counterexample | None = None
    told: list[Told] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    experiments: int = 0

    def count(self, wanted: int) -> int:
        """How many schedules to play where a check asks for `wanted`: at least one."""
        return max(1, round(wanted * BUDGETS[self.budget]))


_trial: ContextVar[Trial] = ContextVar("trial")


def checks(
    exercise: str,
    title: str,
    *,
    points: float = 0,
    source: str = "",
    look_at: str = "",
    not_shown: str = "",
    runtime: str = "simulation",
) -> Callable[[Callable[[Program], Any]], Check]:
    """Make a check of a function of a program: ``@checks("9.1", "one vote per term", points=2)``."""

    def decorate(function: Callable[[Program], Any]) -> Check:
        return Check(exercise, title, function, points, source, look_at, not_shown, runtime)

    return decorate


def expect(condition: object, what: str) -> None:
    """Fail the running check with the sentence `what`, unless `condition` holds."""
    if not condition:
        raise Broken(what)


def trial() -> Trial:
    """The check that is running; a trial of its own for code that runs engines by hand."""
    return _trial.get(None) or Trial(Check("", "by hand", expect))  # type: ignore[arg-type]


def run_check(
    check: Check,
    program: Program,
    *,
    seed: str = "public",
    budget: str = "public",
    replaying: Counterexample | None = None,
) -> Verdict:
    """Run one check on one program.  Never raises for what the program does."""
    with _under(Trial(check, seed, budget, replaying)) as trial:
        try:
            check.function(program)
        except Broken as broken:
            return Verdict(check, "failed", broken.what, counterexample=_counterexample(trial, broken))
        except Unwritten as unwritten:
            return _unwritten(check, str(unwritten))
        except ProgramError as error:
            return Verdict(
                check, "failed", str(error), counterexample=_counterexample(trial, Broken(str(error)))
            )
        except NotExercised as missing:
            return Verdict(check, "not exercised", str(missing))
        except Undecided as undecided:
            return Verdict(check, "unknown", str(undecided))
        except NoLongerBroken:
            return Verdict(check, "passed", evidence="this schedule no longer breaks it")
        except Exception as error:  # an answer of a form that the check did not expect is a finding too
            what = f"an answer has a form that this check cannot read: {explain(error)}"
            return Verdict(check, "failed", what, counterexample=_counterexample(trial, Broken(what)))
    return Verdict(check, "passed", evidence="; ".join(trial.evidence))


@contextmanager
def _under(trial: Trial) -> Iterator[Trial]:
    token = _trial.set(trial)
    try:
        yield trial
    finally:
        _trial.reset(token)


def _counterexample(trial: Trial, broken: Broken) -> Counterexample | None:
    if broken.counterexample is not None:
        return replace(broken.counterexample, check=trial.check.exercise)
    if not trial.told:
        return None
    return Counterexample(
        check=trial.check.exercise,
        rule=trial.check.title,
        what=broken.what,
        steps=tuple(trial.told),
        events=len(trial.told),
        seed=trial.seed,
        setup={"kind": "by hand", "name": trial.check.name},
    )


def _unwritten(check: Check, text: str) -> Verdict:
    found = re.match(r"Exercise (\d+\.\w+)", text)
    if found and found[1] != check.exercise:
        return Verdict(check, "waits", f"waits for {found[1]}")
    return Verdict(check, "unwritten", "not written yet")
