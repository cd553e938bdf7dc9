"""Wrong and right answers: the text that a learner would type, one function an answer.

    @answer("9.1", misconception="the newest request counts", rejected_by="one vote per term")
    def grants_vote(self, request):
        return self.up_to_date(request)

An answers file is read as text and never imported: each answer becomes an exercise cell, with
the ``@exercise`` line of the lab's source, in a program in which the course answers all other
exercises.  What else is in the file (imports, functions without ``@answer``) comes before it, as
a cell of the learner's own.  Answers that share a ``variant`` are one program.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from grading.course import CourseLab
from grading.source import exercise_function
from labkit.bundle import Bundle, Section

F = TypeVar("F", bound=Callable[..., object])

MARK = "answer"
KEYWORDS = {"misconception", "rejected_by", "variant"}


def answer(
    exercise: str, *, misconception: str = "", rejected_by: str = "", variant: str = ""
) -> Callable[[F], F]:
    """Mark the function below as an answer to `exercise`; only the text is ever looked at.

    `rejected_by` is the title of the check that a wrong answer must fail; a right one has none.
    """
    del exercise, misconception, rejected_by, variant
    return lambda function: function


class AnswersError(Exception):
    """An answers file cannot be used; one sentence, with file and line."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One program to judge: what it answers, and the check that must reject it, if it is wrong."""

    name: str
    exercises: tuple[str, ...]
    rejected_by: str
    sections: tuple[Section, ...]

    def bundle(self, lab: CourseLab) -> Bundle:
        """The program: these exercises by this answer, all others by the course."""
        return lab.program([*lab.submitted(), *self.sections], self.exercises)


def read_answers(lab: CourseLab, path: Path) -> list[Answer]:
    """The answers in a file, in order; AnswersError if one cannot be an answer of this lab."""
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (OSError, UnicodeDecodeError) as error:
        raise AnswersError(f"{path.name} cannot be read: {error}") from error
    except SyntaxError as error:
        raise AnswersError(f"{path.name}:{error.lineno}: {error.msg}") from error
    reader = _Reader(lab, path.name, text)
    return reader.answers(tree)


@dataclass(frozen=True, slots=True)
class _Marked:
    """One function under ``@answer``: what the mark says, and the exercise cell made of it."""

    exercise: str
    said: dict[str, str]
    cell: str

    @property
    def variant(self) -> str:
        return self.said.get("variant", "")


class _Reader:
    """Reads one file for one lab."""

    def __init__(self, lab: CourseLab, file: str, text: str) -> None:
        self._lab, self._file, self._text = lab, file, text

    def answers(self, tree: ast.Module) -> list[Answer]:
        found = [s for s in tree.body if isinstance(s, ast.FunctionDef) and _mark_of(s)]
        rest = [s for s in tree.body if s not in found and not _imports_mark(s)]
        own = "\n\n".join(ast.get_source_segment(self._text, s) or "" for s in rest)
        read = [self._read(function) for function in found]
        if not read:
            raise AnswersError(f"{self._file} has no function under @{MARK}(...)")
        return [self._together(group, own) for group in _grouped(read)]

    def _read(self, function: ast.FunctionDef) -> _Marked:
        mark = _mark_of(function)
        assert mark is not None
        try:
            (exercise,) = [ast.literal_eval(value) for value in mark.args]
            said = {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in mark.keywords}
        except ValueError as error:
            raise self._error(
                mark, f'@{MARK} takes one exercise and plain texts: @{MARK}("1.3", ...)'
            ) from error
        unknown = sorted(said.keys() - KEYWORDS)
        if unknown:
            raise self._error(
                mark, f"@{MARK} has no {unknown[0]!r}; it has {', '.join(sorted(KEYWORDS))}"
            )
        if exercise not in self._lab.exercises:
            have = ", ".join(self._lab.exercises)
            raise self._error(
                mark, f"lab {self._lab.id} has no exercise {exercise!r}; it has {have}"
            )
        self._known_check(mark, said.get("rejected_by", ""))
        return _Marked(exercise, said, self._cell(exercise, function))

    def _cell(self, exercise: str, function: ast.FunctionDef) -> str:
        """The text of the exercise's cell with this function in it."""
        wanted, decorator = exercise_function(self._lab.exercises[exercise])
        if function.name != wanted.name:
            what = f"exercise {exercise} is {wanted.name}, but the answer is called {function.name}"
            raise self._error(function, what)
        have, want = ([arg.arg for arg in f.args.args] for f in (function, wanted))
        if have != want:
            what = (
                f"{wanted.name} takes ({', '.join(want)}), but the answer takes ({', '.join(have)})"
            )
            raise self._error(function, what)
        lines = self._text.splitlines()[function.lineno - 1 : function.end_lineno]
        return "\n".join([decorator, *lines])

    def _known_check(self, mark: ast.Call, title: str) -> None:
        if title and title not in {check.title for check in self._lab.checks}:
            raise self._error(mark, f"no check of lab {self._lab.id} is called {title!r}")

    def _together(self, group: list[_Marked], own: str) -> Answer:
        first = group[0]
        name = first.variant or first.said.get("misconception") or "an answer"
        cells = tuple(Section(f"exercise {one.exercise}", one.cell) for one in group)
        sections = (Section(self._file, own), *cells) if own else cells
        exercises = tuple(one.exercise for one in group)
        return Answer(name, exercises, first.said.get("rejected_by", ""), sections)

    def _error(self, node: ast.AST, what: str) -> AnswersError:
        return AnswersError(f"{self._file}:{getattr(node, 'lineno', 0)}: {what}")


def _mark_of(function: ast.FunctionDef) -> ast.Call | None:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == MARK:
            return decorator
    return None


def _imports_mark(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "grading.answers"


def _grouped(read: list[_Marked]) -> list[list[_Marked]]:
    """Answers of one variant together, all others alone, in order of first appearance."""
    groups: dict[object, list[_Marked]] = {}
    for number, one in enumerate(read):
        groups.setdefault(one.variant or number, []).append(one)
    return list(groups.values())
