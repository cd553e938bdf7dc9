"""The instructor's view of one lab: its source, its notebooks, its checks, and its programs.

A lab is the folder of one name under ``labs/`` (what students have) and under ``grading/``
(source, hidden checks, answers).  From both come the release (what each cell said when it was
handed out), the course's own answers, and the programs that the judge judges.
"""

from __future__ import annotations

import json
import types
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from grading.lint import read_checked
from grading.notebook import cell_ids, notebook_name, notebook_text
from grading.source import Part, SourceCell
from labkit.answers import earlier_labs
from labkit.bundle import Bundle, Section
from labkit.cells import Cell, kind_of, program_cells
from labkit.lab import CourseError, Lab, checks_in, files_of, load_lab, load_modules
from labkit.verdict import Check

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class CourseLab:
    """One lab with both of its folders."""

    lab: Lab
    own: Path

    @property
    def id(self) -> str:
        """Two digits."""
        return self.lab.id

    @property
    def name(self) -> str:
        """The folder's name: nbgrader's assignment."""
        return self.lab.folder.name

    @cached_property
    def parts(self) -> list[Part]:
        """The notebooks in the source; SourceError if it cannot be built."""
        return read_checked(self.files("source"))

    def files(self, name: str) -> list[Path]:
        """``wrong.py`` and, where a lab has several notebooks, ``wrong_b_log.py`` and so on."""
        return files_of(self.own, name)

    @cached_property
    def ids(self) -> dict[SourceCell, str]:
        """The id of each cell of the source."""
        return cell_ids(self.id, self.parts)

    @cached_property
    def given(self) -> types.ModuleType | None:
        """The judge's own copy of ``given.py``: the classes that its checks speak of."""
        return Bundle(self.lab.given_source, (), self.bases).load().given

    @cached_property
    def bases(self) -> tuple[tuple[str, Bundle], ...]:
        """The course's programs of the earlier labs that this one builds on."""
        earlier = (open_lab(id, self.lab.root) for id in earlier_labs(self.lab.given_source))
        return tuple((lab.id, lab.program(lab.submitted(), [])) for lab in earlier)

    @cached_property
    def checks(self) -> list[Check]:
        """Public checks, then hidden ones, over the judge's own copy of what was given."""
        return self.checks_over(self.given)

    def checks_over(self, given: types.ModuleType | None) -> list[Check]:
        """Public checks, then hidden ones, over the classes of `given`."""
        public = self.lab.load_checks_modules(given)
        hidden = load_modules(self.files("hidden"), given, public)
        return checks_in([*public.values(), *hidden.values()])

    @cached_property
    def public(self) -> frozenset[str]:
        """The names of the checks that students have."""
        return frozenset(check.name for check in self.lab.load_checks(self.given))

    @cached_property
    def points(self) -> dict[str, float]:
        """The points of each exercise and part: what its checks are worth together."""
        total: dict[str, float] = {}
        for check in self.checks:
            total[check.exercise] = total.get(check.exercise, 0) + check.points
        return total

    @cached_property
    def released(self) -> dict[str, str]:
        """What each cell said when it was handed out, by id."""
        return {self.ids[cell]: cell.released for cell in self._cells()}

    @cached_property
    def exercises(self) -> dict[str, SourceCell]:
        """The exercise cells, in order."""
        return {cell.name: cell for cell in self._cells() if cell.kind == "exercise"}

    def notebooks(self, *, solved: bool = False) -> dict[str, str]:
        """The text of each notebook, by file name."""
        return {
            notebook_name(self.name, part, number): notebook_text(
                part, self.ids, self.points, solved=solved
            )
            for number, part in enumerate(self.parts)
        }

    def part_of(self, exercise: str) -> Part:
        """The part whose notebook has the check of this exercise, or of this part."""
        for part in self.parts:
            if exercise in part.of_kind("check"):
                return part
        raise CourseError(f"no notebook of lab {self.id} has a cell check={exercise}")

    def exercises_of(self, question: str) -> set[str]:
        """What is judged as the learner's own under a question: one exercise, or a whole part's."""
        if question in self.exercises:
            return {question}
        return set(self.part_of(question).of_kind("exercise"))

    # -- programs -----------------------------------------------------------------------------

    def program(self, own: Iterable[Section], exercises: Iterable[str]) -> Bundle:
        """The bundle in which `own` sections answer these exercises, and the course all others.

        The course's answers come last, so that they hold whatever the own cells define.
        """
        mine = set(exercises)
        kept = [s for s in own if (which := _exercise(s)) is None or which in mine]
        others = [self.solution(name) for name in self.exercises if name not in mine]
        return Bundle(self.lab.given_source, (*kept, *others), self.bases)

    def solution(self, exercise: str) -> Section:
        """The course's answer to one exercise."""
        return Section(f"the course's exercise {exercise}", self.exercises[exercise].solved)

    def submitted(self, cells: Iterable[Cell] = ()) -> list[Section]:
        """The program in submitted cells: setup from the release, then exercises and own cells.

        Setup cells that were deleted come first; without any cells there is only setup.
        """
        cells = list(cells)
        there = {cell.id for cell in cells}
        missing = [
            Cell(id, text)
            for id, text in self.released.items()
            if kind_of(id) in ("setup", "given") and id not in there
        ]
        return program_cells([*missing, *cells], self.released)

    def number_of(self, notebook: str) -> int:
        """Which notebook of the lab has this file name, counted from 0; 0 if none has."""
        names = [notebook_name(self.name, part, number) for number, part in enumerate(self.parts)]
        return names.index(notebook) if notebook in names else 0

    def release_answers(self, course: Path, *, before: str = "") -> Path:
        """Put the course's answers into ``answers.json`` of a `course`, for later notebooks to build on.

        With `before`, a notebook's file name, only those of the notebooks before it.
        """
        path = course / "labs" / self.name / "answers.json"
        parts = self.parts[: self.number_of(before)] if before else self.parts
        texts = {name: cell.solved for part in parts for name, cell in part.of_kind("exercise").items()}
        path.write_text(json.dumps(texts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        return path

    def _cells(self) -> Iterable[SourceCell]:
        return (cell for part in self.parts for cell in part.cells)


def open_lab(id: str, root: Path = ROOT) -> CourseLab:
    """The lab with this number; CourseError if one of its folders is not there."""
    lab = load_lab(id, root)
    own = root / "grading" / lab.folder.name
    if not (own / "source.py").exists():
        raise CourseError(f"lab {lab.id} has no source: {own / 'source.py'} is not there")
    return CourseLab(lab, own)


def all_labs(root: Path = ROOT) -> list[str]:
    """The numbers of all labs that have a source, in order."""
    return sorted(path.parent.name[:2] for path in root.glob("grading/[0-9][0-9]_*/source.py"))


def _exercise(section: Section) -> str | None:
    """The exercise that a section answers, by the name that ``program_cells`` gave it."""
    kind, _, rest = section.name.partition(" ")
    return rest.partition(",")[0] if kind == "exercise" else None
