"""``python -m grading try``: judge an answers file, and say whether it went as it declares.

A wrong answer must be failed by the check that it names; a right one must pass every check of its
exercises and of the parts that they belong to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from grading.answers import Answer, read_answers
from grading.course import CourseLab
from grading.judge import Judge, judging
from labkit.verdict import Check, Verdict


@dataclass(frozen=True, slots=True)
class Tried:
    """One verdict on one answer; ``ok`` says whether it is what the answer declares."""

    answer: str
    exercise: str
    check: str
    title: str
    status: str
    what: str
    expected: str
    ok: bool


def try_answers(
    lab: CourseLab,
    path: Path,
    *,
    host: str = "process",
    seed: str = "public",
    budget: str = "public",
) -> Iterator[Tried]:
    """Judge each answer in the file; AnswersError if the file cannot be used."""
    answers = read_answers(lab, path)
    with judging(lab, host) as judge:
        for answer in answers:
            for verdict in _verdicts(lab, answer, judge, seed, budget):
                yield _tried(answer, verdict)


def as_json(tried: Iterable[Tried]) -> str:
    """A JSON list, one object a verdict."""
    return json.dumps([asdict(one) for one in tried], ensure_ascii=False, indent=1)


def as_line(one: Tried) -> str:
    """One verdict for the terminal."""
    wanted = " (must reject it)" if one.expected == one.title else ""
    what = f": {one.what.splitlines()[0]}" if one.what else ""
    mark = " " if one.ok else "!"
    return f"{mark} {one.answer}: {one.exercise} {one.title}{wanted}: {one.status}{what}"


def _verdicts(
    lab: CourseLab, answer: Answer, judge: Judge, seed: str, budget: str
) -> list[Verdict]:
    names = {check.name for check in lab.checks if _concerns(lab, answer, check)}
    return judge.verdicts(answer.bundle(lab), names, lambda _: seed, budget)


def _concerns(lab: CourseLab, answer: Answer, check: Check) -> bool:
    """Checks of its exercises and the one that must reject it; for a right one its parts, too."""
    if answer.rejected_by:
        return check.exercise in answer.exercises or check.title == answer.rejected_by
    return bool(lab.exercises_of(check.exercise) & set(answer.exercises))


def _tried(answer: Answer, verdict: Verdict) -> Tried:
    check = verdict.check
    wanted = answer.rejected_by
    ok = verdict.status == "failed" if check.title == wanted else bool(wanted) or verdict.passed
    return Tried(
        answer.name,
        check.exercise,
        check.name,
        check.title,
        verdict.status,
        verdict.what,
        wanted,
        ok,
    )
