"""Grading a class: every submission gets a record, and none affects another.

An exercise is judged with the course's answers to all others, a part with all that the learner
wrote for it.  A record is plain JSON; tables and files are views of it (``report``).
"""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from grading.course import CourseLab
from grading.judge import Judge, judging
from grading.nbval_leg import run_nbval
from grading.settings import Settings
from grading.submissions import Submission
from labkit.bundle import Section
from labkit.message import canonical
from labkit.verdict import Check, Verdict

Record = dict[str, Any]

REVIEW = ("not exercised", "unknown")
"""Verdicts that are no pass, and that a person should look at."""


@dataclass(frozen=True, slots=True)
class Grading:
    """How submissions are graded: with which settings, hosts and budget, and where files go."""

    settings: Settings
    out: Path
    host: str = "process"
    budget: str = "hidden"
    nbval: bool = False

    def grade(self, submission: Submission) -> Record:
        """The record of one submission.  Whatever goes wrong is in it, and stops nothing else."""
        record = self._empty(submission)
        if submission.lab is None or submission.problem:
            return record | {"flags": [submission.problem]}
        try:
            record |= self._judged(submission, submission.lab)
        except Exception:  # our own fault, not the student's: shown, and grading goes on
            traceback.print_exc(file=sys.stderr)
            record["flags"].append(f"the judge failed: {traceback.format_exc(limit=-1).strip()}")
            record["failed"] = True
        return record

    def _empty(self, submission: Submission) -> Record:
        lab = submission.lab
        return {
            "student": submission.student,
            "assignment": submission.assignment,
            "timestamp": submission.handed_in and submission.handed_in.isoformat(),
            "host": self.host,
            "budget": self.budget,
            "labkit": _version(),
            "secret": self.settings.is_secret,
            "max_score": self._scaled(lab, sum(lab.points.values())) if lab else 0.0,
            "score": 0.0,
            "questions": {},
            "flags": [],
        }

    def _judged(self, submission: Submission, lab: CourseLab) -> Record:
        sections = lab.submitted(submission.cells)
        questions: Record = {}
        with judging(lab, self.host) as judge:
            for question in lab.points:
                verdicts = self._verdicts(submission, lab, question, sections, judge)
                questions[question] = self._question(submission, lab, verdicts)
        flags = [f"{v['title']}: {v['what']}" for v in _checks(questions) if v["status"] in REVIEW]
        if self.nbval:
            flags += run_nbval(submission, lab, questions, self.out)
        score = sum(question["points"] for question in questions.values())
        text = canonical([[s.name, s.source] for s in sections])
        return {
            "digest": hashlib.sha256(text.encode()).hexdigest(),
            "questions": questions,
            "score": score,
            "penalty": self.settings.penalty(lab.id, submission.handed_in, score),
            "flags": flags,
        }

    def _verdicts(
        self,
        submission: Submission,
        lab: CourseLab,
        question: str,
        sections: list[Section],
        judge: Judge,
    ) -> list[Verdict]:
        mine = lab.exercises_of(question)
        checks = [check for check in lab.checks if check.exercise == question]
        if all(_is_blank(lab, sections, exercise) for exercise in mine):
            return [Verdict(check, "unwritten", "not written yet") for check in checks]

        def seed(check: Check) -> str:
            return self.settings.seed(lab.id, submission.student, check.exercise, check.name)

        names = {check.name for check in checks}
        return judge.verdicts(lab.program(sections, mine), names, seed, self.budget)

    def _question(
        self, submission: Submission, lab: CourseLab, verdicts: Iterable[Verdict]
    ) -> Record:
        checks = [self._check(submission, lab, verdict) for verdict in verdicts]
        points = sum(check["points"] for check in checks)
        return {"points": points, "max": sum(check["max"] for check in checks), "checks": checks}

    def _check(self, submission: Submission, lab: CourseLab, verdict: Verdict) -> Record:
        check = verdict.check
        most = self._scaled(lab, check.points)
        made: Record = {
            "name": check.name, "title": check.title, "public": check.name in lab.public,
            "status": verdict.status, "what": verdict.what, "source": check.source,
            "points": most if verdict.passed else 0.0, "max": most,
        }  # fmt: skip
        if verdict.counterexample is not None:
            folder = self.out / "counterexamples" / submission.student / submission.assignment
            path = verdict.counterexample.save(folder)
            made["counterexample"] = verdict.counterexample.encoded()
            made["file"] = path.name
            made["replay"] = f'replay("{check.exercise}", file="{path.name}")'
        return made

    def _scaled(self, lab: CourseLab, points: float) -> float:
        return round(points * self.settings.scale(lab.id), 6)


def _version() -> str:
    try:
        return metadata.version("labkit")
    except metadata.PackageNotFoundError:
        return "not installed"


def _checks(questions: Record) -> list[Record]:
    return [check for question in questions.values() for check in question["checks"]]


def _is_blank(lab: CourseLab, sections: Iterable[Section], exercise: str) -> bool:
    """Is this exercise as it was handed out, in its own cell and in no other?"""
    cell = lab.exercises[exercise]
    released = cell.released.strip()
    written = [s for s in sections if s.source.strip() != released]
    return not any("exercise" in s.source and f'"{exercise}"' in s.source for s in written)
