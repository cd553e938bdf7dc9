"""A lab's source of truth: one text file in jupytext's percent format, with terse cell heads.

The heads are ours (``# %% exercise=1.3``) and carry what the builder expands, so that the file
stays a Python file that can be read, linted and reviewed.  Read here rather than by jupytext,
which would take ``1.10`` for the number 1.1.  Solutions stand between ``# BEGIN SOLUTION`` and
``# END SOLUTION``; what a learner gets instead is ``released``.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

BEGIN, END, STUB = "# BEGIN SOLUTION", "# END SOLUTION", "# STUB:"
PLAIN_KINDS = ("setup", "given", "predict", "run", "chart")
NAMED_KINDS = ("exercise", "check", "hints", "part")
HEADS = ("[markdown]", *PLAIN_KINDS, "cluster recorded=NAME", *(f"{k}=NAME" for k in NAMED_KINDS))


@dataclass(frozen=True, slots=True)
class SourceCell:
    """One cell as written: its kind, the exercise or name in its head, its text, and where it stands."""

    kind: str
    name: str
    text: str
    line: int
    file: str = ""

    @property
    def place(self) -> tuple[str, int]:
        """The file and the line of its head."""
        return self.file, self.line

    @property
    def is_code(self) -> bool:
        """Is it a code cell of the notebook?"""
        return self.kind not in ("markdown", "part")

    @property
    def released(self) -> str:
        """What a learner gets: without the solution, and prose without its comment signs."""
        if self.kind == "exercise":
            return _without_solution(self.text, self.name)
        if self.kind == "hints":
            return f'hint("{self.name}")     # call again for the next one'
        return _uncommented(self.text) if self.kind == "markdown" else self.text

    @property
    def solved(self) -> str:
        """The text with the solution in it, and without the marks around it."""
        if self.kind != "exercise":
            return self.released
        return "\n".join(line for line in self.text.splitlines() if not is_mark(line))

    @property
    def hints(self) -> list[str]:
        """The items of a hints cell, each on one line."""
        text = _uncommented(self.text)
        items = re.split(r"^- ", text, flags=re.MULTILINE)[1:]
        return [" ".join(item.split()) for item in items]


@dataclass(frozen=True, slots=True)
class Part:
    """One notebook of a lab; `name` is empty where the lab has only one."""

    name: str
    cells: tuple[SourceCell, ...]

    def of_kind(self, kind: str) -> dict[str, SourceCell]:
        """The cells of one named kind, by exercise."""
        return {cell.name: cell for cell in self.cells if cell.kind == kind}


def read_source(paths: Iterable[Path]) -> list[Part]:
    """The notebooks in the files of a source, as written: ``lint`` says what is wrong with them."""
    return [
        part
        for path in paths
        for part in _parts([replace(c, file=path.name) for c in _cells(path.read_text(encoding="utf-8"))])
    ]


def exercise_function(cell: SourceCell) -> tuple[ast.FunctionDef, str]:
    """The function of an exercise cell, and its ``@exercise(...)`` line as written."""
    (function,) = [s for s in ast.parse(cell.text).body if isinstance(s, ast.FunctionDef)]
    (decorator,) = function.decorator_list
    return function, f"@{ast.unparse(decorator)}"


# -- reading ----------------------------------------------------------------------------------


def _cells(text: str) -> Iterator[SourceCell]:
    head, body, start = "", [], 1
    for number, line in enumerate([*text.splitlines(), "# %%"], 1):
        if not line.startswith("# %%"):
            body.append(line)
            continue
        if head or any(part.strip() for part in body):
            yield _cell(head, "\n".join(body).strip("\n"), start)
        head, body, start = line.removeprefix("# %%").strip() or "(none)", [], number


def _cell(head: str, text: str, line: int) -> SourceCell:
    if head == "[markdown]":
        return SourceCell("markdown", "", text, line)
    kind, _, name = head.partition("=")
    if head in PLAIN_KINDS or (kind in NAMED_KINDS and re.fullmatch(r"[\w.]+", name)):
        return SourceCell(kind, name, text, line)
    recorded = re.fullmatch(r"cluster recorded=(\w+)", head)
    return (
        SourceCell("cluster", recorded[1], text, line)
        if recorded
        else SourceCell(f"?{head}", "", text, line)
    )


def _parts(cells: list[SourceCell]) -> list[Part]:
    starts = [index for index, cell in enumerate(cells) if cell.kind == "part"]
    if not starts:
        return [Part("", tuple(cells))]
    ends = [*starts[1:], len(cells)]
    first = [Part("", tuple(cells[: starts[0]]))] if starts[0] else []
    return first + [
        Part(cells[a].name, tuple(cells[a + 1 : b])) for a, b in zip(starts, ends, strict=True)
    ]


def _uncommented(text: str) -> str:
    return "\n".join(re.sub(r"^# ?", "", line) for line in text.splitlines())


def is_mark(line: str) -> bool:
    return line.strip() in (BEGIN, END) or line.strip().startswith(STUB)


def _without_solution(text: str, exercise: str) -> str:
    kept: list[str] = []
    hint, inside = "write it here", False
    for line in text.splitlines():
        mark = line.strip()
        if mark.startswith(STUB):
            hint = mark.removeprefix(STUB).strip()
        elif mark == BEGIN:
            inside = True
            said = f"Exercise {exercise}: {hint}".replace("\\", "\\\\").replace('"', "'")
            kept.append(f'{line[: line.index("#")]}raise NotImplementedError("{said}")')
        elif mark == END:
            inside = False
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def without_decorator(text: str) -> str:
    """A function's own text, dedented, without the lines above its ``def``."""
    text = textwrap.dedent(text)
    function = ast.parse(text).body[0]
    return "\n".join(text.splitlines()[function.lineno - 1 :])
