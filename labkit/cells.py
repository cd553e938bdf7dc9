"""Which cells of a notebook are the learner's program: one rule, for notebook and grader.

A released cell's id carries its kind, ``<kind>-<lab>-<rest>``: ``ex-01-3`` holds exercise 1.3,
``check-09-E`` the check of part 9.E.  Setup, given and exercise cells and every cell that the
learner added are the program, in their order; checks, hints, predictions, runs and charts are
not.  Notebooks are read as plain JSON, so this works where nbformat is absent.

Does not execute, repair or write notebooks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.bundle import Section

OWN = "own"
PROGRAM_KINDS = ("setup", "given", "ex", OWN)
RELEASED_ID = re.compile(r"(setup|given|ex|check|hint|predict|run|cluster|chart|text)-(\d\d)-(\w+)")
NOTEBOOK_BYTES_MAX = 20_000_000


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a notebook, without its outputs."""

    id: str
    source: str
    cell_type: str = "code"


def kind_of(cell_id: str) -> str:
    """What a released cell is for, from its id; "own" for a cell that the learner added.

    >>> kind_of("ex-01-3"), kind_of("run-01-ab12cd34"), kind_of("4b1f0a77")
    ('ex', 'run', 'own')
    """
    found = RELEASED_ID.fullmatch(cell_id)
    return found[1] if found else OWN


def exercise_of(cell_id: str) -> str | None:
    """The exercise or part that a released cell belongs to; None where the id names none.

    >>> exercise_of("ex-01-3"), exercise_of("check-09-E"), exercise_of("run-01-ab12cd34")
    ('1.3', '9.E', None)
    """
    found = RELEASED_ID.fullmatch(cell_id)
    if found is None or found[1] not in ("ex", "check", "hint"):
        return None
    return f"{int(found[2])}.{found[3]}"


def program_cells(
    cells: Iterable[Cell], released: Mapping[str, str] | None = None
) -> list[Section]:
    """The sections of the program that these cells hold, in order.

    With `released` (cell id to source as handed out), setup and given cells come from there,
    whatever the notebook says, and an id that was never released is the learner's own cell.
    """
    sections: list[Section] = []
    names: set[str] = set()
    code = (cell for cell in cells if cell.cell_type == "code")
    for number, cell in enumerate(code, 1):
        kind = OWN if released is not None and cell.id not in released else kind_of(cell.id)
        if kind not in PROGRAM_KINDS:
            continue
        source = (
            released[cell.id]
            if released is not None and kind in ("setup", "given")
            else cell.source
        )
        name = _section_name(kind, cell.id, number)
        name = f"{name}, cell {number}" if name in names else name
        names.add(name)
        sections.append(Section(name, source))
    return sections


def read_notebook(path: Path) -> list[Cell]:
    """The cells of the notebook at `path`; ValueError, in one sentence, if it is not a notebook."""
    raw = _parse(path)
    cells = raw.get("cells") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or raw.get("nbformat") != 4 or not isinstance(cells, list):
        raise ValueError(
            f"{path.name} is not a notebook of format 4. Save it again with JupyterLab."
        )
    if not cells:
        raise ValueError(f"{path.name} has no cells. Hand in the notebook that you worked in.")
    ids = [_text_at(cell, "id") for cell in cells]
    # a tool that knows no ids, or makes new ones, saved it
    if not any(RELEASED_ID.fullmatch(id) for id in ids):
        ids = [_grade_id(cell) or id for cell, id in zip(cells, ids, strict=True)]
    return [
        _cell(cell, id, number, path)
        for number, (cell, id) in enumerate(zip(cells, ids, strict=True), 1)
    ]


def _section_name(kind: str, cell_id: str, number: int) -> str:
    if kind == "ex":
        return f"exercise {exercise_of(cell_id)}"
    return "setup" if kind == "setup" else f"cell {number}"


def _parse(path: Path) -> Any:
    try:
        size = path.stat().st_size
        if size > NOTEBOOK_BYTES_MAX:
            raise ValueError(
                f"{path.name} has {size:,} bytes; the limit is {NOTEBOOK_BYTES_MAX:,}. Clear its outputs."
            )
        return json.loads(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror}.") from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path.name} is not a notebook: it is not JSON ({error}).") from error


def _cell(raw: Any, id: str, number: int, path: Path) -> Cell:
    source = raw.get("source") if isinstance(raw, dict) else None
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise ValueError(
            f"{path.name}, cell {number} has no source. Save it again with JupyterLab."
        )
    return Cell(id, source, _text_at(raw, "cell_type"))


def _grade_id(raw: Any) -> str:
    metadata = raw.get("metadata") if isinstance(raw, dict) else None
    return _text_at(metadata.get("nbgrader") if isinstance(metadata, dict) else None, "grade_id")


def _text_at(raw: Any, key: str) -> str:
    value = raw.get(key) if isinstance(raw, dict) else None
    return value if isinstance(value, str) else ""
