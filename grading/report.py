"""Views of grading records: one line each in a store that only grows, a table, and JSON.

``grades.jsonl`` is the truth, appended to; ``grades.csv`` has nbgrader's eleven columns first and
then one for each check; ``grades.json`` has every question with its reasons and counterexamples.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from grading.grade import Record
from grading.settings import Settings

NBGRADER = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email",
    "raw_score", "late_submission_penalty", "score", "max_score",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def append(record: Record, out: Path) -> None:
    """Add one record to the store."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "grades.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(record, sort_keys=True) + "\n")


def write_views(records: Iterable[Record], out: Path, settings: Settings) -> None:
    """Write the table and the JSON of one run of grading."""
    records = list(records)
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(records, indent=1, sort_keys=True)
    (out / "grades.json").write_text(text + "\n", encoding="utf-8")
    columns = dict.fromkeys(column for record in records for column in _by_check(record))
    with (out / "grades.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, [*NBGRADER, *columns, "flags"], restval="")
        rows.writeheader()
        rows.writerows(_row(record, settings) for record in records)


def summary(record: Record) -> str:
    """One submission on one line."""
    flags = f"   ! {record['flags'][0].splitlines()[0]}" if record["flags"] else ""
    name = f"{record['student']}/{record['assignment']}"
    name = "".join(c if c.isprintable() else "?" for c in name)
    return f"{name}: {_final(record):g} of {record['max_score']:g}{flags}"


def _row(record: Record, settings: Settings) -> dict[str, Any]:
    due = settings.due(record["assignment"][:2])
    row = dict.fromkeys(NBGRADER, "") | {
        "assignment": record["assignment"],
        "duedate": due.isoformat() if due else "",
        "timestamp": record["timestamp"] or "",
        "student_id": record["student"],
        "raw_score": record["score"],
        "late_submission_penalty": record.get("penalty", 0.0),
        "score": _final(record),
        "max_score": record["max_score"],
        "flags": "; ".join(record["flags"]),
    }
    return {column: _safe(value) for column, value in (row | _by_check(record)).items()}


def _by_check(record: Record) -> dict[str, float]:
    return {
        f"{question} {check['title']}": check["points"]
        for question, about in record["questions"].items()
        for check in about["checks"]
    }


def _final(record: Record) -> float:
    return float(record["score"] - record.get("penalty", 0.0))


def _safe(value: Any) -> Any:
    """A text that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
