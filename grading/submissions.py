"""What was handed in: nbgrader's ``submitted/<student>/<lab>/<notebook>.ipynb``.

Everything that is there becomes a submission, also what cannot be graded: it then says why.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from grading.course import CourseLab
from labkit.cells import Cell, read_notebook
from labkit.lab import CourseError


@dataclass(frozen=True, slots=True)
class Submission:
    """One student's work on one lab; ``problem`` says why its cells cannot be read, if so."""

    student: str
    assignment: str
    lab: CourseLab | None
    folder: Path
    cells: tuple[Cell, ...] = ()
    problem: str = ""
    handed_in: datetime | None = None

    @property
    def name(self) -> str:
        """student/assignment."""
        return f"{self.student}/{self.assignment}"


def find_submissions(folder: Path, labs: Iterable[CourseLab], only: str = "") -> list[Submission]:
    """Every submission below `folder`, students and labs in order of their names.

    With `only` (a lab's number) each student has one for that lab, handed in or not.
    """
    folder = folder / "submitted" if (folder / "submitted").is_dir() else folder
    if not folder.is_dir():
        raise CourseError(f"there are no submissions: {folder} is not a folder")
    by_name = {lab.name: lab for lab in labs if not only or lab.id == only}
    students = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    return [s for student in students for s in _of_student(student, by_name, only)]


def _of_student(student: Path, labs: dict[str, CourseLab], only: str) -> Iterator[Submission]:
    if student.is_symlink() or not student.is_dir():
        what = "is not a folder: submissions are submitted/<student>/<lab>/<notebook>.ipynb"
        yield Submission(student.name, "", None, student, problem=f"{student.name} {what}")
        return
    names = {path.name for path in student.iterdir() if not path.name.startswith(".")}
    wanted = set(labs) if only else names
    for name in sorted(wanted):
        yield _submission(student.name, name, student / name, labs.get(name))


def _submission(student: str, name: str, folder: Path, lab: CourseLab | None) -> Submission:
    if lab is None:
        return Submission(
            student, name, None, folder, problem=f"no lab of this course is called {name}"
        )
    try:
        cells = tuple(_cells(folder, lab))
    except ValueError as error:
        return Submission(student, name, lab, folder, problem=str(error), handed_in=_time(folder))
    return Submission(student, name, lab, folder, cells, handed_in=_time(folder))


def _cells(folder: Path, lab: CourseLab) -> Iterator[Cell]:
    """The cells of a lab's notebooks, in the order of its parts; ValueError says what is wrong."""
    if folder.is_symlink() or not folder.is_dir():
        raise ValueError(f"nothing handed in: there is no folder {folder.name}")
    there = sorted(path for path in folder.glob("*.ipynb") if not path.name.startswith("."))
    wanted = [folder / name for name in lab.notebooks()]
    found = [path for path in wanted if path in there] or there[:1]
    if not found:
        raise ValueError(f"nothing handed in: there is no notebook in {folder.name}")
    for path in found:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise ValueError(f"{path.name} is not a regular file; hand in the notebook itself")
        yield from read_notebook(path)


def _time(folder: Path) -> datetime | None:
    """When it was handed in, from nbgrader's ``timestamp.txt``, in UTC where it does not say."""
    try:
        words = (folder / "timestamp.txt").read_text(encoding="utf-8").strip()[:100]
        when = datetime.fromisoformat(words.removesuffix(" UTC"))
    except (OSError, ValueError):
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
