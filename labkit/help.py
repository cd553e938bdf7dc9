"""Help for a learner: hints one at a time, predictions that are kept, solutions where they may be seen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from labkit import answers
from labkit.lab import CourseError, Lab, course_root, lab_of

STEPS = ("where to look", "the idea", "nearly the line")


def hint(exercise: str) -> Any:
    """The next hint of an exercise; three in all, from a nudge to nearly the line."""
    lab = lab_of(exercise)
    hints = lab.hints().get(exercise)
    if not hints:
        raise CourseError(f"there are no hints for {exercise!r} in lab {lab.id}")
    if os.environ.get("LABKIT_STRICT") == "1":
        return _Text(f"hints for {exercise}: {len(hints)}")
    shown = min(answers.count(lab, "hints", exercise), len(hints))
    lines = [f"{n}. {STEPS[n - 1]}: {text}" for n, text in enumerate(hints[:shown], 1)]
    more = (
        ""
        if shown == len(hints)
        else f'\nhint("{exercise}") again for the next one ({shown} of {len(hints)})'
    )
    return _Text("\n".join(lines) + more)


def predict(exercise: str, question: str, options: Sequence[str] | None = None, answer: Any = None) -> Any:
    """Ask for a guess before a run, and keep it; what it is never counts.

    With ipywidgets it can be clicked; without, give it as ``answer=`` in the call.
    """
    lab = lab_of(exercise)
    if answer is not None:
        answers.remember(lab, "predictions", f"{exercise} {question}", answer)
        return _Text(f"{question}\nyour guess: {answer}")
    before = answers.kept(lab)["predictions"].get(f"{exercise} {question}")
    return _Prediction(lab, exercise, question, tuple(options or ()), before)


def solution(exercise: str) -> Any:
    """The course's answer, after one attempt of your own; only where ``grading/`` is on this disk."""
    lab = lab_of(exercise)
    if not answers.course_sources(lab):
        raise CourseError("the course's answers are not on this machine; ask your instructor, or use hint()")
    if not answers.kept(lab)["attempts"].get(exercise):
        raise CourseError(
            f'try exercise {exercise} first: write something, run check("{exercise}"), then come back'
        )
    found = answers.course_answer(lab, exercise)
    if found is None:
        raise CourseError(f"lab {lab.id} has no exercise {exercise!r}")
    return _Text(found)


def progress() -> Any:
    """What has been passed so far, lab by lab."""
    lines = []
    for folder in sorted((course_root() / "labs").glob("[0-9]*_*")):
        lab = Lab(folder.name[:2], folder)
        exercises = lab.questions()
        passed = [e for e in exercises if e in answers.kept(lab)["passed"]]
        bar = "".join("●" if e in passed else "○" for e in exercises)
        lines.append(f"{folder.name:<32} {bar} {len(passed)} of {len(exercises)}")
    return _Text("\n".join(lines) or "no labs here")


class _Text:
    """Text that a notebook shows as it is."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


class _Prediction(_Text):
    """A question with its options; buttons where widgets are, text everywhere."""

    def __init__(self, lab: Lab, exercise: str, question: str, options: tuple[str, ...], before: Any) -> None:
        choices = f"\noptions: {', '.join(options)}" if options else ""
        guess = (
            f"\nyour guess: {before}"
            if before is not None
            else "\nno guess yet: click one, or add answer=... to the call"
        )
        super().__init__(f"{question}{choices}{guess}")
        self._lab, self._key = lab, f"{exercise} {question}"
        self.question, self.options, self.before = question, options, before

    def keep(self, guess: Any) -> None:
        """The learner has chosen."""
        answers.remember(self._lab, "predictions", self._key, guess)

    def _repr_mimebundle_(self, **_: Any) -> Any:
        from labkit.figures import predict_view  # widgets only where they are shown

        return predict_view(self)
