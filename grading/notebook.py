"""Notebooks as bytes: cells with ids that carry their kind, nbgrader's metadata, no outputs.

The same source gives the same bytes, always.  Metadata is nbgrader's schema 3, with the checksums
that nbgrader itself would compute, so that the files can be dropped into an nbgrader course.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from grading.source import Part, SourceCell

KINDS = {"markdown": "text", "exercise": "ex", "hints": "hint"}
TAGGED = ("setup", "predict", "exercise", "check", "cluster")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def cell_ids(lab: str, parts: Iterable[Part]) -> dict[SourceCell, str]:
    """The id of each cell: ``ex-01-3``, ``text-01-5f0c2a91``."""
    count: Counter[str] = Counter()
    ids: dict[SourceCell, str] = {}
    for part in parts:
        for cell in part.cells:
            kind = KINDS.get(cell.kind, cell.kind)
            count[kind] += 1
            ids[cell] = f"{kind}-{lab}-{_rest(lab, kind, cell, count[kind])}"
    return ids


def notebook_text(
    part: Part, ids: Mapping[SourceCell, str], points: Mapping[str, float], *, solved: bool = False
) -> str:
    """The notebook of one part as JSON text; with `solved`, the author's answers are in it."""
    cells = [_cell(cell, ids[cell], points, solved) for cell in part.cells]
    notebook = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def notebook_name(folder: str, part: Part, number: int) -> str:
    """``01_messages.ipynb``, or for the first part of several ``09a_election.ipynb``."""
    return f"{folder[:2]}{chr(97 + number)}_{part.name}.ipynb" if part.name else f"{folder}.ipynb"


def checksum(source: str, cell_type: str, about: Mapping[str, Any]) -> str:
    """nbgrader's checksum of a cell, from its text and its ``nbgrader`` metadata."""
    locked = not about["solution"] and (about["grade"] or about["locked"])
    parts = [
        source,
        cell_type,
        str(about["grade"]),
        str(about["solution"]),
        str(locked),
        about["grade_id"],
    ]
    if about["grade"]:
        parts.append(str(float(about["points"])))
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest()


def _rest(lab: str, kind: str, cell: SourceCell, count: int) -> str:
    if cell.name and kind in ("ex", "check", "hint"):
        return cell.name.partition(".")[2]
    return hashlib.sha256(f"{lab}/{kind}/{count}".encode()).hexdigest()[:8]


def _cell(cell: SourceCell, id: str, points: Mapping[str, float], solved: bool) -> dict[str, Any]:
    source = cell.solved if solved else cell.released
    cell_type = "code" if cell.is_code else "markdown"
    about = _about(cell, id, points)
    about |= {"cell_type": cell_type, "checksum": checksum(source, cell_type, about)}
    metadata: dict[str, Any] = {"deletable": False, "nbgrader": about}
    if cell.kind != "exercise":
        metadata["editable"] = False
    if cell.kind in TAGGED:
        metadata["tags"] = [cell.kind]
    made = {"id": id, "cell_type": cell_type, "metadata": metadata, "source": _lines(source)}
    return made | ({"execution_count": None, "outputs": []} if cell.is_code else {})


def _about(cell: SourceCell, id: str, points: Mapping[str, float]) -> dict[str, Any]:
    is_answer, is_check = cell.kind == "exercise", cell.kind == "check"
    about = {
        "schema_version": 3, "grade_id": id, "grade": is_check, "solution": is_answer,
        "locked": not is_answer, "task": False,
    }  # fmt: skip
    return about | ({"points": points.get(cell.name, 0)} if is_check else {})


def _lines(source: str) -> list[str]:
    return re.findall(r".*\n|.+$", source)
