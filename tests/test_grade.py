"""Grading a class: every submission gets a row, and a hostile one costs only its own questions."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest

from grading.__main__ import main
from grading.course import CourseLab
from labkit.bundle import Bundle
from labkit.counterexample import Counterexample
from labkit.message import classes_of
from tests.tiny import ADD, DOUBLE, copy_course, hand_in

FULL = {"90.1": 3.0, "90.2": 1.0, "90.E": 2.0}


@pytest.fixture
def lab(tmp_path: Path) -> CourseLab:
    return copy_course(tmp_path)


def grade(lab: CourseLab, folder: Path, *options: str) -> dict[str, Any]:
    """Grade everything below `folder`; the records by student."""
    out = folder / "out"
    course = ["--root", str(lab.lab.root)]
    assert main([*course, "grade", str(folder), "--out", str(out), *options]) == 0
    return {record["student"]: record for record in json.loads((out / "grades.json").read_text())}


def points(record: dict[str, Any]) -> dict[str, float]:
    return {question: about["points"] for question, about in record["questions"].items()}


def what(record: dict[str, Any], question: str) -> str:
    return " ".join(check["what"] for check in record["questions"][question]["checks"])


def test_each_question_has_its_points(lab: CourseLab, tmp_path: Path) -> None:
    hand_in(lab, tmp_path, "ada", ex1=ADD, ex2=DOUBLE)
    hand_in(lab, tmp_path, "bob", ex2=DOUBLE.replace("2 *", "3 *"))
    hand_in(lab, tmp_path, "eve")
    graded = grade(lab, tmp_path)
    assert points(graded["ada"]) == FULL
    assert graded["ada"]["score"] == graded["ada"]["max_score"] == 6
    assert points(graded["bob"]) == points(graded["eve"]) == dict.fromkeys(FULL, 0)
    assert "double(7) is 21" in what(graded["bob"], "90.2")
    assert [c["status"] for c in graded["eve"]["questions"]["90.1"]["checks"]] == ["unwritten"] * 2


def test_an_exercise_is_judged_with_the_courses_answers_to_all_others(
    lab: CourseLab, tmp_path: Path
) -> None:
    """90.E needs both exercises, 90.1 only itself."""
    hand_in(
        lab, tmp_path, "ada", ex1=ADD, ex2="@exercise('90.2')\ndef double(number):\n    return 0"
    )
    assert points(grade(lab, tmp_path)["ada"]) == {"90.1": 3, "90.2": 0, "90.E": 0}


def test_a_helper_in_an_own_cell_counts_and_an_own_cell_that_raises_costs_itself(
    lab: CourseLab, tmp_path: Path
) -> None:
    helper, broken = "def twice(x):\n    return x + x", "y = 1 / 0"
    ex2 = DOUBLE.replace("2 * number", "twice(number)")
    hand_in(lab, tmp_path, "ada", broken, helper, "%%time\nimport math", ex1=ADD, ex2=ex2)
    assert points(grade(lab, tmp_path)["ada"]) == FULL


HOSTILE = {
    "loops": "    while True:\n        pass",
    "swallows": "    while 1:\n        try:\n            while 1: 1\n        except: 1",
    "exits": "    import os; os._exit(0)",
    "raises exit": "    raise SystemExit",
    "forks": "    import os, time\n    for _ in range(99): os.fork() or time.sleep(600)",
    "daemon": "    import os, time\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(600)",
    "eats memory": "    return len([bytes(1 << 28) for _ in range(100)])",
    "floods": "    import os\n    for _ in range(3000): os.write(1, b'x' * 100_000)",
    "kills its parent": "    import os; os.kill(os.getppid(), 9)",
    "stops itself": "    import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "a wrong type": "    return float(2 * number)",
    "always equal": "    class A(int):\n        __eq__ = lambda *_: True\n    return A(3)",
    "a huge number": "    return 10 ** 100_000",
    "prints a grade": "    print('90.2: 1 of 1'); return None",
}


def forging(reply: str) -> str:
    """An answer that writes `reply` to every socket that the process has, and then a wrong one."""
    return f"""    import os, stat
    for fd in range(3, 60):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.write(fd, {reply!r}.encode() + b"\\n")
        except OSError:
            pass
    return 0"""


FORGED = {
    "forges the next reply": forging('{"re": 2, "result": 14}'),
    "forges what nobody asked": forging('{"re": 99, "result": 14}'),
    "forges garbage": forging("[" * 60_000),
    "forges a verdict": forging('{"verdict": "passed"}'),
    "forges a huge line": forging("x" * 100_000)
    .replace("os.write(", "[os.write(")
    .replace('b"\\n")', 'b"") for _ in range(30)]'),
}


@pytest.mark.parametrize("name", [*HOSTILE, *FORGED])
def test_a_hostile_answer_costs_its_question_and_nothing_else(
    lab: CourseLab, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grading.channel.CALL_S", 3.0)
    monkeypatch.setattr("grading.launch.MARK", OURS)  # others may be grading on this machine
    ex2 = "@exercise('90.2')\ndef double(number):\n" + (HOSTILE | FORGED)[name]
    hand_in(lab, tmp_path, "mallory", ex1=ADD, ex2=ex2)
    hand_in(lab, tmp_path, "zoe", ex1=ADD, ex2=DOUBLE)
    graded = grade(lab, tmp_path)
    assert points(graded["mallory"]) | {"90.E": 0} == {"90.1": 3, "90.2": 0, "90.E": 0}
    assert what(graded["mallory"], "90.2")
    assert points(graded["zoe"]) == FULL
    assert not still_running(), "a process of the submission outlived its grading"


OURS = f"LABKIT_SUBMISSION_OF_{os.getpid()}"


def still_running() -> list[str]:
    """Processes of this test's submissions that are alive."""
    return [
        str(path)
        for path in Path("/proc").glob("[0-9]*/environ")
        if OURS.encode() in _read(path)
    ]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_whatever_is_handed_in_gets_a_row_that_says_why(lab: CourseLab, tmp_path: Path) -> None:
    for student in ("no folder", "empty", "not json", "old"):
        (tmp_path / "submitted" / student).mkdir(parents=True)
    for student in ("empty", "not json", "old"):
        (tmp_path / "submitted" / student / lab.name).mkdir()
    (tmp_path / "submitted" / "not json" / lab.name / f"{lab.name}.ipynb").write_text("{")
    (tmp_path / "submitted" / "old" / lab.name / f"{lab.name}.ipynb").write_text('{"nbformat": 3}')
    (tmp_path / "submitted" / "a file").write_text("")
    link = hand_in(lab, tmp_path, "link")
    link.rename(tmp_path / "elsewhere.ipynb")
    link.symlink_to(tmp_path / "elsewhere.ipynb")
    reasons = {
        who: record["flags"][0] for who, record in grade(lab, tmp_path, "--lab", "90").items()
    }
    assert {who: reason.partition(":")[0] for who, reason in reasons.items()} == {
        "a file": "a file is not a folder",
        "empty": "nothing handed in",
        "link": "90_tiny.ipynb is not a regular file; hand in the notebook itself",
        "no folder": "nothing handed in",
        "not json": "90_tiny.ipynb is not a notebook",
        "old": "90_tiny.ipynb is not a notebook of format 4. Save it again with JupyterLab.",
    }


def test_the_table_has_nbgraders_columns_first_and_no_formulas(
    lab: CourseLab, tmp_path: Path
) -> None:
    hand_in(lab, tmp_path, '=cmd|"x", y', ex2=DOUBLE)
    grade(lab, tmp_path)
    with (tmp_path / "out" / "grades.csv").open(newline="") as file:
        head, row = csv.reader(file)
    assert head[:3] == ["assignment", "duedate", "timestamp"]
    assert head[7:11] == ["raw_score", "late_submission_penalty", "score", "max_score"]
    assert head[11:13] == ["90.1 the answer is the sum so far", "90.1 any numbers add up"]
    assert row[3] == '\'=cmd|"x", y'
    assert row[7:11] == ["1.0", "0.0", "1.0", "6.0"]


def test_the_counterexample_of_a_grade_can_be_replayed(lab: CourseLab, tmp_path: Path) -> None:
    hand_in(lab, tmp_path, "ada", ex1=ADD.replace("+=", "="))
    record = grade(lab, tmp_path)["ada"]
    check = record["questions"]["90.1"]["checks"][0]
    (path,) = (tmp_path / "out" / "counterexamples" / "ada" / lab.name).glob(f"*{check['file']}")
    given = Bundle(lab.lab.given_source).load().given
    found = Counterexample.from_encoded(json.loads(path.read_text()), classes_of(vars(given)))
    assert found.what == "after adding 4, n1 answered 4 and not 5"
    assert [step.kind for step in found.schedule] == ["deliver", "deliver"]


def test_seeds_come_from_the_secret_and_the_student(lab: CourseLab, tmp_path: Path) -> None:
    """The hidden check draws its numbers from its seed; what it says shows which they were."""
    guess = ADD.replace("self.send(source, Sum(self.total))", "self.send(source, Sum(0))")
    for student in ("ada", "bob"):
        hand_in(lab, tmp_path, student, ex1=guess)

    def said(secret: str) -> list[str]:
        (tmp_path / "seed").write_text(secret)
        graded = grade(lab, tmp_path, "--seed-file", str(tmp_path / "seed"))
        return [graded[who]["questions"]["90.1"]["checks"][1]["what"] for who in ("ada", "bob")]

    first, again, other = said("one"), said("one"), said("two")
    assert first == again
    assert len({*first, *other}) == 4


def test_the_store_only_grows(lab: CourseLab, tmp_path: Path) -> None:
    hand_in(lab, tmp_path, "ada")
    grade(lab, tmp_path)
    first = (tmp_path / "out" / "grades.jsonl").read_text()
    grade(lab, tmp_path)
    assert (tmp_path / "out" / "grades.jsonl").read_text() == 2 * first


def test_a_late_submission_loses_what_the_course_says(lab: CourseLab, tmp_path: Path) -> None:
    settings = '[grading]\nlate = "zero"\n[labs.90]\ndue = 2027-01-01T12:00:00Z\nscale = 2\n'
    (lab.lab.root / "grading" / "course.toml").write_text(settings)
    for student, when in (("ada", "2027-01-01 11:59:00 UTC"), ("bob", "2027-01-01 12:01:00 UTC")):
        path = hand_in(lab, tmp_path, student, ex2=DOUBLE)
        path.with_name("timestamp.txt").write_text(when)
    graded = grade(lab, tmp_path)
    assert [(r["score"], r["penalty"]) for r in graded.values()] == [(2, 0), (2, 2)]


@pytest.mark.parametrize("text", ["[grading", '[grading]\nlate = "tomorrow"\n'])
def test_settings_that_cannot_be_meant_are_refused(
    lab: CourseLab, tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (lab.lab.root / "grading" / "course.toml").write_text(text)
    options = ["grade", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main(["--root", str(lab.lab.root), *options]) == 2
    assert capsys.readouterr().err.startswith("course.toml")
