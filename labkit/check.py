"""``check("9.1")`` in a notebook: run an exercise's checks on the learner's program, and say the result well.

Never raises for what the learner wrote, and never writes to stderr; under LABKIT_STRICT=1
(grading, nbval) a check that does not pass raises CheckFailed after showing its report.
"""

from __future__ import annotations

import html
import json
import os
import textwrap
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labkit import answers
from labkit.bundle import Bundle, Loaded
from labkit.counterexample import Counterexample
from labkit.exercise import current_bundle, notebook_shell
from labkit.explorer import Experiment
from labkit.lab import CourseError, Lab, lab_of, load_lab
from labkit.program import LocalProgram
from labkit.shrink import retell
from labkit.system import System
from labkit.verdict import Check, Verdict, run_check

MARKS = {"passed": "✓", "failed": "✗", "unwritten": "○", "waits": "○", "not exercised": "?", "unknown": "?"}


class CheckFailed(AssertionError):
    """A check did not pass, and LABKIT_STRICT asks for an exception."""


@dataclass(frozen=True)
class Report:
    """The verdicts on one exercise or part; shows itself as text, and as HTML with the picture."""

    exercise: str
    verdicts: tuple[Verdict, ...]
    warnings: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Did every check pass?"""
        return bool(self.verdicts) and all(v.passed for v in self.verdicts)

    def __str__(self) -> str:
        waiting = [v for v in self.verdicts if v.status in ("unwritten", "waits")]
        if len(waiting) == len(self.verdicts):
            return f"○ {name_of(self.exercise)}: {waiting[0].what}"
        return "\n".join([*(say(v) for v in self.verdicts), *(f"! {w}" for w in self.warnings)])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        text = str(self)
        return {"text/plain": text, "text/html": f"<pre>{html.escape(text)}</pre>{self._picture()}"}

    def _picture(self) -> str:
        for verdict in self.verdicts:
            if verdict.counterexample is not None:
                from labkit.figures import spacetime  # a picture is drawn only when there is one to see

                return str(spacetime(verdict.counterexample)._repr_mimebundle_().get("text/html", ""))
        return ""


def name_of(exercise: str) -> str:
    """ "Exercise 9.1", or "Part 9.E"."""
    return f"{'Exercise' if exercise[-1].isdigit() else 'Part'} {exercise}"


def say(verdict: Verdict) -> str:
    """One verdict as the learner reads it."""
    check = verdict.check
    head = f"{MARKS[verdict.status]} {name_of(check.exercise)}: {check.title}"
    if verdict.status == "passed":
        known = [verdict.evidence] if verdict.evidence else []
        known += [f"Not shown by this: {check.not_shown}"] if check.not_shown else []
        return "\n".join([head, *(_row("", line, indent=2) for line in known)])
    if verdict.status in ("unwritten", "waits"):
        return f"{head}: {verdict.what}"
    lines = [head, _row("what happened", verdict.what), _row("which rule", _rule(check))]
    if verdict.counterexample is not None:
        lines.append(verdict.counterexample.text())
    if check.look_at:
        lines.append(_row("look at", check.look_at))
    if verdict.counterexample is not None:
        lines.append(_row("replay", f'replay("{check.exercise}", "{verdict.counterexample.name}")'))
    return "\n".join(lines)


def check(
    exercise: str, *, budget: str = "", should: str = "pass", on: str = "here", address: str | None = None
) -> Report:
    """Judge what is written so far of an exercise ("9.1") or a part ("9.E"), and show the result.

    ``should="fail"`` is for a given system that is wrong on purpose: then it is an error to pass.
    ``on="ray"`` plays the schedules in shares, on all cores or on the Ray cluster at `address`;
    the verdict is the same.
    """
    if on not in ("here", "ray"):
        raise ValueError(f'check was given on={on!r}; it is "here" or "ray"')
    lab = lab_of(exercise)
    bundle = current_bundle(lab)
    attempt = answers.count(lab, "attempts", exercise)
    budget = budget or os.environ.get("LABKIT_BUDGET", "public")
    report = (
        check_bundle(lab, bundle, exercise, budget=budget)
        if on == "here"
        else check_in_shares(lab, bundle, exercise, budget, address)
    )
    _keep(lab, bundle, report)
    if os.environ.get("LABKIT_STRICT") == "1" and report.passed != (should == "pass"):
        show(report)
        raise CheckFailed(str(report).splitlines()[0])
    if attempt >= 3 and not report.passed:
        report = Report(report.exercise, report.verdicts, (*report.warnings, f'stuck? hint("{exercise}")'))
    return report


def check_bundle(
    lab: Lab, bundle: Bundle, exercise: str, *, budget: str = "public", file: Path | None = None
) -> Report:
    """The report on one exercise of a program that is given as text; or on the counterexample in `file`."""
    loaded = bundle.load()
    program = LocalProgram(loaded.namespace)
    replaying = None if file is None else read_counterexample(file, program)
    found = _checks_of(lab, loaded, exercise)
    if replaying is not None:
        found = [c for c in found if c.name == replaying.setup.get("name")]
        if not found:
            return Report(exercise, (_retold(program, replaying),), tuple(_warnings(loaded)))
    verdicts = []
    for one in found:
        verdicts.append(run_check(one, program, budget=budget, replaying=replaying))
        _save(lab, verdicts[-1])
    return Report(exercise, tuple(verdicts), tuple(_warnings(loaded)))


def check_in_shares(
    lab: Lab, bundle: Bundle, exercise: str, budget: str, address: str | None = None
) -> Report:
    """The report that ``check_bundle`` would give, its schedules shared out over Ray tasks."""
    from labkit.parallel import sweep

    loaded = bundle.load()
    program = LocalProgram(loaded.namespace)
    found = _checks_of(lab, loaded, exercise)
    given = (str(lab.root), lab.id, bundle.encoded(), exercise, budget)
    verdicts = sweep(share_of, given, found, program.classes, address=address)
    for verdict in verdicts:
        _save(lab, verdict)
    return Report(exercise, tuple(verdicts), tuple(_warnings(loaded)))


def share_of(root: str, id: str, bundle: Any, exercise: str, budget: str) -> list[Verdict]:
    """The verdicts on the program in `bundle`, in whatever process this runs."""
    loaded = Bundle.from_encoded(bundle).load()
    program = LocalProgram(loaded.namespace)
    found = _checks_of(load_lab(id, Path(root)), loaded, exercise)
    return [run_check(one, program, budget=budget) for one in found]


def _checks_of(lab: Lab, loaded: Loaded, exercise: str) -> list[Check]:
    found = [check for check in lab.load_checks(loaded.given) if check.exercise == exercise]
    if not found:
        raise CourseError(
            f"lab {lab.id} has no check for {exercise!r}; its checks are in labs/{lab.folder.name}"
        )
    return found


def _retold(program: LocalProgram, example: Counterexample) -> Verdict:
    """The steps of a check that is not here (a grader's own), as the program takes them today: not judged."""
    steps = example.steps
    if example.setup.get("kind") != "by hand":
        system = System.from_encoded(example.setup, program.classes)
        steps = tuple(retell(Experiment(program, system), example.schedule)[0])
    check = Check(example.check, example.rule, lambda _program: None)
    what = f"then: {example.what}. The check is the grader's own; nothing here can say whether it still does"
    return Verdict(check, "unknown", what, counterexample=replace(example, steps=steps))


def replay(exercise: str, name: str = "", *, file: str | Path | None = None) -> Report:
    """Play a counterexample again on today's code: the steps are matched loosely.

    `name` is what a failed check printed; `file` is the one that comes with a grader's feedback.
    """
    lab = lab_of(exercise)
    path = Path(file) if file is not None else lab.own_folder / "counterexamples" / f"{name}.json"
    return check_bundle(lab, current_bundle(lab), exercise, file=path)


def read_counterexample(path: Path, program: LocalProgram) -> Counterexample:
    """The counterexample in a file, its messages built from the program's own classes."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(
            f"there is no counterexample {path.name!r} here; run the check again to get one"
        ) from None
    except ValueError:
        raise CourseError(f"{path} is not a counterexample: it is not JSON") from None
    return Counterexample.from_encoded(raw, program.classes)


def show(report: Report) -> None:
    """Display a report, as richly as the place allows."""
    if notebook_shell() is None:
        print(report)
    else:
        from IPython.display import display

        display(report)


def _keep(lab: Lab, bundle: Bundle, report: Report) -> None:
    if report.passed:
        answers.remember(lab, "passed", report.exercise, bundle.digest)
        answers.keep_answers(lab, bundle, report.exercise)


def _save(lab: Lab, verdict: Verdict) -> None:
    if verdict.counterexample is not None:
        with suppress(OSError):  # a read-only home: the report is still shown
            verdict.counterexample.save(lab.own_folder / "counterexamples")


def _warnings(loaded: Loaded) -> Iterable[str]:
    yield from (f"a cell did not load: {problem}" for problem in loaded.problems)
    missing = loaded.missing_names()
    if missing:
        yield f"not in any cell of this notebook: {', '.join(missing)}. Define or import it in a cell."


def _rule(check: Check) -> str:
    return f"{check.title} ({check.source})" if check.source else check.title


def _row(name: str, text: str, *, indent: int = 18) -> str:
    first, *rest = text.splitlines() or [""]
    wrapped = textwrap.wrap(first, 96 - indent, break_long_words=False) or [""]
    lines = [*wrapped, *rest]
    head = f"  {name:<{indent - 2}}" if name else " " * indent
    return "\n".join([head + lines[0], *(" " * indent + line for line in lines[1:])])
