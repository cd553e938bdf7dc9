"""Kept answers: what a learner has written, tried and passed, in ``.labkit/`` at the course's root.

One JSON file a lab, replaced whole under a lock, so that two notebooks at once lose nothing.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labkit.bundle import Bundle
from labkit.cells import Cell, program_cells
from labkit.lab import Lab, files_of, load_lab

try:
    import fcntl
except ImportError:  # a browser, or Windows: one notebook at a time
    fcntl = None  # type: ignore[assignment]

SETUP = "from labkit import exercise\nfrom given import *"
OWN, RELEASED, COURSE, NOBODY = "your own", "your instructor's", "the course's", "nobody's yet"
EMPTY: dict[str, Any] = {"attempts": {}, "passed": {}, "hints": {}, "predictions": {}, "answers": {}}


def kept(lab: Lab) -> dict[str, Any]:
    """Everything that is kept for a lab; a damaged file counts as empty and is kept aside."""
    path = _path(lab)
    try:
        return {**EMPTY, **json.loads(path.read_text(encoding="utf-8"))}
    except FileNotFoundError:
        return dict(EMPTY)
    except (ValueError, TypeError):
        path.replace(path.with_suffix(".damaged"))
        return dict(EMPTY)


def count(lab: Lab, what: str, exercise: str) -> int:
    """Add one to the attempts or hints of an exercise; the new number."""

    def add(record: dict[str, Any]) -> int:
        counts = record[what] = dict(record[what])
        counts[exercise] = counts.get(exercise, 0) + 1
        return counts[exercise]

    return _change(lab, add)


def remember(lab: Lab, what: str, name: str, value: Any) -> None:
    """Keep `value` under `name`: a prediction, a passed exercise."""

    def put(record: dict[str, Any]) -> None:
        record[what] = {**record[what], name: value}

    _change(lab, put)


def keep_answers(lab: Lab, bundle: Bundle, exercise: str) -> None:
    """Keep what passed, for later notebooks that build on it: one exercise's answer, or a whole part's.

    With each answer go the learner's own cells, because it may call what is defined there.
    """
    own = [s.source for s in bundle.sections if s.name.startswith("cell ")]
    found = {s.name.split()[1]: s.source for s in bundle.sections if s.name.startswith("exercise ")}
    passed = {id: found[id] for id in ([exercise] if exercise[-1].isdigit() else found) if id in found}

    def put(record: dict[str, Any]) -> None:
        kept = {id: {"source": source, "own": own} for id, source in passed.items()}
        record["answers"] = {**record["answers"], **kept}

    _change(lab, put)


# -- whose answer ----------------------------------------------------------------------------------


def find(lab: Lab, exercise: str) -> tuple[str, list[Cell]]:
    """Whose answer it is, and its cells: the learner's own helpers, and the answer last."""
    id = f"ex-{lab.id}-{exercise.split('.')[1]}"
    own = kept(lab)["answers"].get(exercise)
    if own:
        before = [Cell(f"before {exercise}, {n}", source) for n, source in enumerate(own["own"], 1)]
        return OWN, [*before, Cell(id, own["source"])]
    path = lab.folder / "answers.json"
    if exercise in (texts := json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}):
        return RELEASED, [Cell(id, texts[exercise])]
    return (COURSE, [Cell(id, text)]) if (text := course_answer(lab, exercise)) else (NOBODY, [])


def course_answer(lab: Lab, exercise: str) -> str | None:
    """The text of the course's answer to an exercise, where ``grading/`` is on this disk."""
    for source in course_sources(lab):
        for cell in re.split(r"^# %%.*$", source, flags=re.MULTILINE):
            if re.search(rf'^@exercise\("{re.escape(exercise)}"', cell, flags=re.MULTILINE):
                lines = cell.strip().splitlines()
                return "\n".join(line for line in lines if not re.match(r"\s*# (BEGIN|END|STUB)\b", line))
    return None


def course_sources(lab: Lab) -> list[str]:
    """The texts of the lab's source, where ``grading/`` is on this disk."""
    folder = lab.root / "grading" / lab.folder.name
    return [path.read_text(encoding="utf-8") for path in files_of(folder, "source")]


def program(lab: Lab) -> Bundle:
    """The whole program of a lab for later ones to build on, each answer whosever it is."""
    cells = [cell for id in lab.questions() if id[-1].isdigit() for cell in find(lab, id)[1]]
    sections = program_cells([Cell(f"setup-{lab.id}-0", SETUP), *cells])
    return Bundle(lab.given_source, tuple(sections), bases(lab.given_source, lab.root))


def bases(given: str, root: Path) -> tuple[tuple[str, Bundle], ...]:
    """The programs of the earlier labs that a given text builds on, by ``earlier_lab("09")`` in it."""
    return tuple((id, program(load_lab(id, root))) for id in earlier_labs(given))


def earlier_labs(given: str) -> list[str]:
    """The labs that a given text names.

    >>> earlier_labs('raft = earlier_lab("09")')
    ['09']
    """
    return list(dict.fromkeys(re.findall(r'^\w+ = earlier_lab\("(\d\d)"\)', given, flags=re.MULTILINE)))


# -- the file -------------------------------------------------------------------------------------


def _change(lab: Lab, change: Callable[[dict[str, Any]], Any]) -> Any:
    path = _path(lab)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (path.parent / "lock").open("a") as lock:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX)
            record = kept(lab)
            result = change(record)
            draft = path.with_suffix(f".{os.getpid()}.tmp")
            draft.write_text(json.dumps(record, indent=1, sort_keys=True), encoding="utf-8")
            draft.replace(path)
    except OSError:  # a read-only home: the lab still works, it only forgets
        return change(dict(EMPTY))
    return result


def _path(lab: Lab) -> Path:
    return lab.own_folder / "answers" / f"{lab.id}.json"
