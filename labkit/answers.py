"""Kept answers: what a learner has written, tried and passed, in ``.labkit/`` at the course's root.

One JSON file a lab, replaced whole under a lock, so that two notebooks at once lose nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labkit.bundle import Bundle
from labkit.lab import Lab

try:
    import fcntl
except ImportError:  # a browser, or Windows: one notebook at a time
    fcntl = None  # type: ignore[assignment]

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
