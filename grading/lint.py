"""What is wrong with a lab's source, before a learner sees it: a sentence each, with its place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from grading.source import BEGIN, END, HEADS, Part, SourceCell, is_mark, read_source

MARKERS = re.compile(r"(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)|AUTOTEST")
EXERCISE_ID = re.compile(r"\d{1,2}\.\d{1,2}")
PART_ID = re.compile(r"\d{1,2}\.[A-Z]\w*")
LINES_MAX = 25
CODE_CELLS_IN_A_ROW = 3
HINTS = 3

Finding = tuple[tuple[str, int], str]
"""The file and line of a cell's head, and a sentence."""


class SourceError(Exception):
    """The source cannot be built; one sentence a line, each with its place."""


def read_checked(paths: Iterable[Path]) -> list[Part]:
    """The notebooks in the files of a source; SourceError with everything that is wrong with it."""
    files = list(paths)
    parts = read_source(files)
    lab = files[0].parent.name[:2] if files else ""
    found = sorted({*_id_findings(parts, lab), *_findings(parts)})
    if found:
        raise SourceError("\n".join(f"{file}:{line}: {what}" for (file, line), what in found))
    return parts


def _id_findings(parts: list[Part], lab: str) -> Iterator[Finding]:
    seen: set[tuple[str, str]] = set()
    named = (c for part in parts for c in part.cells if c.kind in ("exercise", "check", "hints"))
    for cell in named:
        head = f"{cell.kind}={cell.name}"
        if (cell.kind, cell.name) in seen:
            yield cell.place, f"a second cell {head}; give each an id of its own"
        seen.add((cell.kind, cell.name))
        if lab.isdigit() and cell.name.split(".")[0] != str(int(lab)):
            yield (
                cell.place,
                f"{head} stands in lab {lab}; the ids of this lab begin with {int(lab)}.",
            )


def _findings(parts: list[Part]) -> Iterator[Finding]:
    for part in parts:
        for cell in part.cells:
            yield from ((cell.place, what) for what in _about_cell(cell))
            yield from ((cell.place, what) for what in _about_partners(cell, part))
        yield from _about_title(part)
        yield from _about_rhythm(part)


def _about_cell(cell: SourceCell) -> Iterator[str]:
    if cell.kind.startswith("?"):
        yield f"unknown cell head {cell.kind[1:]!r}; there are: {', '.join(HEADS)}"
    elif cell.kind == "markdown":
        yield from _about_prose(cell)
    elif cell.kind == "hints":
        if len(cell.hints) != HINTS:
            yield f"{len(cell.hints)} hints; write {HINTS}: a nudge, the idea, nearly the line"
    elif cell.is_code:
        yield from _about_code(cell)


def _about_prose(cell: SourceCell) -> Iterator[str]:
    if MARKERS.search(cell.text):
        yield "prose holds the words of a marker, and nbgrader would take it for one; reword it"
    if any(line and not line.startswith("#") for line in cell.text.splitlines()):
        yield "a line of prose does not begin with #; in a markdown cell each one does"


def _about_code(cell: SourceCell) -> Iterator[str]:
    lines = cell.text.splitlines()
    if len(lines) > LINES_MAX:
        yield f"a code cell of {len(lines)} lines; at most {LINES_MAX}, so move some into given.py"
    if cell.kind == "exercise":
        yield from _about_exercise(cell)
    elif any(is_mark(line) for line in lines):
        yield f"a solution in a {cell.kind} cell; solutions stand in exercise cells"


def _about_exercise(cell: SourceCell) -> Iterator[str]:
    marks = [line.strip() for line in cell.text.splitlines() if line.strip() in (BEGIN, END)]
    if marks != [BEGIN, END]:
        found = " ".join(marks) or "neither"
        yield f"exercise {cell.name} needs one {BEGIN} and then one {END}; it has {found}"
        return
    try:
        ast.parse(cell.released)
        body = ast.parse(cell.text).body
    except SyntaxError as error:
        yield f"exercise {cell.name} is not plain Python ({error.msg}); no magics, no bare await"
        return
    functions = [s for s in body if isinstance(s, ast.FunctionDef)]
    if not len(body) == len(functions) == 1 or len(functions[0].decorator_list) != 1:
        yield f"exercise {cell.name} is one function under one @exercise(...), and nothing else"
        return
    decorator = ast.unparse(functions[0].decorator_list[0])
    if not decorator.startswith(f"exercise('{cell.name}'"):
        yield f"exercise {cell.name} stands under @{decorator}; its id and its cell's differ"
    if not ast.get_docstring(functions[0]):
        yield f"exercise {cell.name} has no docstring; it is the specification"


def _about_partners(cell: SourceCell, part: Part) -> Iterator[str]:
    exercises, name = part.of_kind("exercise"), cell.name
    if cell.kind == "exercise":
        if not EXERCISE_ID.fullmatch(name):
            yield f"exercise {name!r} is not a number such as 1.3"
        for kind in ("check", "hints"):
            if name not in part.of_kind(kind):
                yield f"exercise {name} has no {kind}; add a cell # %% {kind}={name}"
    elif cell.kind == "check" and name not in exercises and not PART_ID.fullmatch(name):
        yield f"check {name} belongs to no exercise of this notebook; a part's is called 1.E"
    elif cell.kind == "hints" and name not in exercises:
        yield f"hints for {name}, which is no exercise of this notebook"


def _about_title(part: Part) -> Iterator[Finding]:
    titles = [c.place for c in part.cells if c.kind == "markdown" and "\n# # " in f"\n{c.text}"]
    first = part.cells[0].place if part.cells else ("source.py", 1)
    if titles != [first]:
        yield first, f"a notebook has one title (# # ...), in its first cell; here: {len(titles)}"


def _about_rhythm(part: Part) -> Iterator[Finding]:
    row = 0
    for cell in part.cells:
        row = row + 1 if cell.is_code else 0
        if row == CODE_CELLS_IN_A_ROW + 1:
            yield cell.place, f"{row} code cells in a row; say in between what to look at"
