"""A pytest plugin: a submission as nbval runs it, with exercises by name and their points.

    pytest -p grading.nbval_plugin --nbval-lax SUB.ipynb [--points-csv FILE] [--junitxml FILE]

The notebook runs from top to bottom in a real kernel, in a copy of the course, under
LABKIT_STRICT=1.  Cells that were handed out locked say what they said then; deleted ones are put
back.  Each cell is an item; a check cell is called after its exercise, and the run ends with a
table of points.  Only public checks are run.

Trusts the submitted code: it runs with your rights.  For marks that count, ``grading grade``.
"""

from __future__ import annotations

import csv
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile

from grading.course import ROOT, CourseLab, open_lab
from grading.execute import course_copy, environment
from labkit.cells import OWN, RELEASED_ID, exercise_of, kind_of, read_notebook

CELL_TIMEOUT_S = 120
NBVAL_TIMEOUT_S = 2000
TRUST = "labkit: submitted code runs with your rights; for marks that count: grading grade"


@dataclass(frozen=True, slots=True)
class Points:
    """What one check cell came to."""

    notebook: str
    question: str
    points: float
    most: float
    outcome: str


TABLE = pytest.StashKey[list[Points]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("labkit", "notebooks of the course, run by nbval")
    group.addoption("--points-csv", metavar="FILE", help="write the table of points there")
    group.addoption("--course", default=str(ROOT), metavar="DIR", help="the course's folder")
    group.addoption("--lab-budget", default="small", help="small, public or hidden")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TABLE] = []
    if config.option.nbval_cell_timeout == NBVAL_TIMEOUT_S:
        config.option.nbval_cell_timeout = CELL_TIMEOUT_S  # a dead kernel is noticed only then


def pytest_report_header(config: pytest.Config) -> str | None:
    return TRUST if config.option.nbval or config.option.nbval_lax else None


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Generator[None, Any, Any]:
    """Put a notebook of the course in the place of nbval's."""
    collected = yield
    return [
        _ours(one, file_path, parent) if isinstance(one, IPyNbFile) else one for one in collected
    ]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, Any, Any]:
    """Enter what a check cell came to into the table, and into the report for JUnit."""
    report = yield
    if isinstance(item, CheckCell) and report.when == "call":
        passed = report.passed and not hasattr(report, "wasxfail")
        points = item.points if passed else 0.0
        outcome = "passed" if passed else "failed"
        item.user_properties += [("points", points), ("max_points", item.points)]
        notebook = "/".join(item.path.parts[-3:])  # student/lab/notebook
        row = Points(notebook, item.question, points, item.points, outcome)
        item.config.stash[TABLE].append(row)
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The table of points, on the terminal and as CSV."""
    rows = config.stash[TABLE]
    if config.option.points_csv:
        with Path(config.option.points_csv).open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(["notebook", "question", "points", "max_points", "outcome"])
            out.writerows([r.notebook, r.question, r.points, r.most, r.outcome] for r in rows)
    if rows:
        terminalreporter.section("points")
        for line in _table(rows):
            terminalreporter.line(line)


def _table(rows: list[Points]) -> Iterator[str]:
    """The points of each notebook, and their sums."""
    for notebook in dict.fromkeys(row.notebook for row in rows):
        mine = [row for row in rows if row.notebook == notebook]
        total, most = sum(row.points for row in mine), sum(row.most for row in mine)
        yield f"{total:5g} of {most:3g}  {notebook}, by the public checks alone"
        yield from (f"{row.points:5g} of {row.most:3g}    {row.question}" for row in mine)


class LabNotebook(IPyNbFile):
    """One notebook of the course."""

    lab: CourseLab

    def collect(self) -> Iterator[pytest.Item]:
        """The cells to run: what was handed out locked as it was then, the rest as submitted."""
        problem = _problem(self.path)
        if problem:
            yield Unreadable.from_parent(self, name="the notebook", problem=problem)
            return
        items = list(super().collect())
        there = {item.cell.get("id", "") for item in items}
        missing = [id for id in self._needed() if id not in there]
        first = [self._missing(items[0], id) for id in missing if kind_of(id) != "check"]
        last = [self._missing(items[0], id) for id in missing if kind_of(id) == "check"]
        yield from first + [self._item(item, item.cell) for item in items] + last

    def setup(self) -> None:
        """Start a kernel in a copy of the course, whatever kernel the notebook asks for."""
        option = self.config.option
        self._open = ExitStack()
        if _problem(self.path):
            return
        folder = self._open.enter_context(course_copy(self.lab, self.path.name))
        self._open.enter_context(
            environment(strict=True, cluster="subprocess", budget=option.lab_budget)
        )
        self.kernel = RunningKernel(
            option.nbval_kernel_name or CURRENT_ENV_KERNEL_NAME,
            cwd=str(folder),
            startup_timeout=option.nbval_kernel_startup_timeout,
        )
        self.setup_sanitize_files()

    def teardown(self) -> None:
        super().teardown()
        self._open.close()

    def _needed(self) -> list[str]:
        """The cells that this notebook must have: the setup and the checks of its part."""
        ids = [self.lab.ids[cell] for cell in self.lab.parts[self.lab.number_of(self.path.name)].cells]
        return [id for id in ids if kind_of(id) in ("setup", "given", "check")]

    def _missing(self, like: IPyNbCell, id: str) -> IPyNbCell:
        cell = like.cell.copy()
        cell.update(id=id, metadata={}, outputs=[], execution_count=None)
        return self._item(like, cell)

    def _item(self, item: IPyNbCell, cell: Any) -> IPyNbCell:
        id = cell.get("id", "")
        kind = kind_of(id) if id in self.lab.released else OWN
        if kind not in (OWN, "ex"):
            cell.source = self.lab.released[id]
        made = CheckCell if kind == "check" else IPyNbCell
        name = _name(kind, exercise_of(id), item.cell_num + 1)
        made = made.from_parent(
            self, name=name, cell_num=item.cell_num + 1, cell=cell, options=item.options
        )
        made.question = exercise_of(id) or ""
        return made


class CheckCell(IPyNbCell):
    """The check of one exercise or part."""

    question: str

    @property
    def points(self) -> float:
        """What the public checks of this question are worth."""
        lab = self.parent.lab
        mine = [c for c in lab.checks if c.exercise == self.question and c.name in lab.public]
        return float(sum(check.points for check in mine))

    def repr_failure(self, excinfo: Any) -> str:
        """The report as the learner saw it, where there is one."""
        shown = [o.data["text/plain"] for o in self.test_outputs or [] if "data" in o]
        return "\n".join(shown) or super().repr_failure(excinfo)

    def reportinfo(self) -> Any:
        return self.path, 0, self.name


class Unreadable(pytest.Item):
    """A file that is no notebook: one failed item, so that a class's other notebooks still run."""

    def __init__(self, *, problem: str, **rest: Any) -> None:
        super().__init__(**rest)
        self.problem = problem

    def runtest(self) -> None:
        pytest.fail(self.problem, pytrace=False)


def _problem(path: Path) -> str:
    try:
        has_code = any(cell.cell_type == "code" for cell in read_notebook(path))
    except ValueError as error:
        return str(error)
    return "" if has_code else f"{path.name} has no code cells."


def _ours(found: IPyNbFile, path: Path, parent: pytest.Collector) -> pytest.File:
    """`found` as a notebook of the course, if its cells say that it is one."""
    try:
        ids = [cell.id for cell in read_notebook(path)]
    except ValueError:
        ids = [f"text-{path.resolve().parent.name[:2]}-x"]  # so that it is refused in one sentence
    labs = [match[2] for id in ids if (match := RELEASED_ID.fullmatch(id))]
    if not labs:
        return found
    notebook = LabNotebook.from_parent(parent, path=path)
    notebook.lab = open_lab(labs[0], Path(parent.config.option.course))
    return notebook


def _name(kind: str, question: str | None, number: int) -> str:
    words = {"check": f"check {question}", "ex": f"exercise {question}", "hint": f"hint {question}"}
    return words.get(kind, f"cell {number}" if kind == OWN else f"{kind} (cell {number})")
