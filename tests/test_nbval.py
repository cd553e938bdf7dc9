"""The instructor's everyday view: a submission as nbval runs it, with exercises, points and JUnit.

Each test starts pytest on notebooks of a small lab; a kernel is about a second of computing.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from grading.course import CourseLab
from grading.grade import Grading
from grading.settings import Settings
from grading.submissions import find_submissions
from tests.tiny import ADD, DOUBLE, copy_course, hand_in

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def lab(tmp_path: Path) -> CourseLab:
    return copy_course(tmp_path)


def run(lab: CourseLab, folder: Path) -> tuple[str, dict[str, str]]:
    """What pytest printed, and the outcome of each question by student and number."""
    table = folder / "points.csv"
    command = [sys.executable, "-m", "pytest", "-p", "grading.nbval_plugin", "--nbval-lax", "-v"]
    command += ["-p", "no:cacheprovider", "--rootdir", str(folder), "-c", "/dev/null"]
    command += ["--course", str(lab.lab.root), "--points-csv", str(table)]
    command += ["--junitxml", str(folder / "junit.xml"), str(folder / "submitted")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return done.stdout, {
        f"{r['notebook'].partition('/')[0]} {r['question']}": r["points"] for r in rows
    }


def test_items_are_named_by_exercise_and_carry_their_points(lab: CourseLab, tmp_path: Path) -> None:
    helper = "def twice(x):\n    return 2 * x"
    hand_in(
        lab, tmp_path, "ada", helper, ex1=ADD, ex2=DOUBLE.replace("2 * number", "twice(number)")
    )
    hand_in(lab, tmp_path, "bob", ex1=ADD.replace("+=", "="))
    text, points = run(lab, tmp_path)
    assert list(points.items()) == [
        ("ada 90.1", "2.0"), ("ada 90.2", "1.0"), ("ada 90.E", "2.0"),
        ("bob 90.1", "0.0"), ("bob 90.2", "0.0"), ("bob 90.E", "0.0"),
    ]  # fmt: skip
    assert "submitted code runs with your rights" in text
    assert "after adding 4, n1 answered 4 and not 5" in text
    assert re.search(r"5 of +5  ada/90_tiny/90_tiny.ipynb", text)
    junit = (tmp_path / "junit.xml").read_text()
    assert junit.count('name="check 90.E"') == 2
    assert junit.count('<property name="max_points" value="2.0"') == 4


def test_locked_cells_say_what_they_said_and_deleted_ones_are_put_back(
    lab: CourseLab, tmp_path: Path
) -> None:
    path = hand_in(lab, tmp_path, "mallory", ex1=ADD)
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        if cell["id"] == "check-90-2":
            cell["source"] = "pass"
        if cell["id"].startswith("setup"):
            cell["source"] = "check = print"
    notebook["cells"] = [c for c in notebook["cells"] if c["id"] != "check-90-E"]
    path.write_text(json.dumps(notebook))
    _, points = run(lab, tmp_path)
    assert points == {"mallory 90.1": "2.0", "mallory 90.2": "0.0", "mallory 90.E": "0.0"}


def test_a_file_that_is_no_notebook_says_so_and_the_others_run(
    lab: CourseLab, tmp_path: Path
) -> None:
    hand_in(lab, tmp_path, "ada", ex2=DOUBLE)
    hand_in(lab, tmp_path, "bob").write_text("{")
    text, points = run(lab, tmp_path)
    assert "90_tiny.ipynb is not a notebook: it is not JSON" in text
    assert points == {"ada 90.1": "0.0", "ada 90.2": "1.0", "ada 90.E": "0.0"}


def test_grading_flags_a_submission_on_which_kernel_and_judge_differ(
    lab: CourseLab, tmp_path: Path
) -> None:
    """A cell that runs something at top level fools the kernel, and is no part of the program."""
    fool = "from labkit.program import LocalProgram as P\nsetattr(P, 'call', lambda s, f, n: 2 * n)"
    hand_in(lab, tmp_path, "mallory", fool, ex1=ADD, ex2=DOUBLE.replace("2 *", "3 *"))
    hand_in(lab, tmp_path, "ada", ex1=ADD, ex2=DOUBLE)
    grading = Grading(Settings(), tmp_path / "out", budget="small", nbval=True)
    records = {s.student: grading.grade(s) for s in find_submissions(tmp_path / "submitted", [lab])}
    assert records["ada"]["flags"] == []
    assert records["mallory"]["flags"][0] == (
        "90.2 passes in the notebook, but does not pass before the judge"
    )
    assert records["mallory"]["questions"]["90.2"]["points"] == 0
