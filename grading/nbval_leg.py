"""The notebook leg of grading: the submission, run in a real kernel by nbval with our plugin.

Its points never count; they are a second opinion on the public checks.  Where it disagrees with
the judge, the submission is flagged for a person to look at.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

from grading.course import CourseLab
from grading.submissions import Submission

CELL_TIMEOUT_S = 30
WHOLE_TIMEOUT_S = 1800


def run_nbval(
    submission: Submission, lab: CourseLab, questions: dict[str, Any], out: Path
) -> list[str]:
    """Run the notebooks; a sentence for each question where judge and kernel differ."""
    table = out / "nbval" / f"{submission.student}-{submission.assignment}.csv"
    table.parent.mkdir(parents=True, exist_ok=True)
    table.unlink(missing_ok=True)
    notebooks = [path for name in lab.notebooks() if (path := submission.folder / name).is_file()]
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "grading.nbval_plugin", "--nbval-lax"),
        *("-p", "no:cacheprovider", "--rootdir", str(out), "-c", "/dev/null"),
        *("--nbval-cell-timeout", str(CELL_TIMEOUT_S), "--points-csv", str(table)),
        *("--course", str(lab.lab.root), *map(str, notebooks)),
    ]
    try:
        ran = subprocess.run(
            command,
            cwd=Path(__file__).resolve().parent.parent,
            capture_output=True,
            timeout=WHOLE_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return [f"the notebook leg did not end within {WHOLE_TIMEOUT_S} s"]
    if not table.exists():
        return [f"the notebook leg did not run: {ran.stdout.decode(errors='replace')[-300:]}"]
    with table.open(encoding="utf-8", newline="") as file:
        passed = {row["question"]: row["outcome"] == "passed" for row in csv.DictReader(file)}
    return list(_differences(passed, questions))


def _differences(passed: dict[str, bool], questions: dict[str, Any]) -> Any:
    for question, about in questions.items():
        public = [check["status"] == "passed" for check in about["checks"] if check["public"]]
        if public and question in passed and passed[question] != all(public):
            kernel, judge = (
                "passes" if ok else "does not pass" for ok in (passed[question], all(public))
            )
            yield f"{question} {kernel} in the notebook, but {judge} before the judge"
