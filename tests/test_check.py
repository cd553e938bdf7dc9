"""``check``, ``replay``, ``hint``, ``predict``, ``solution``: what a learner sees, in lab 01."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path

import pytest

from labkit.bundle import Bundle, Section
from labkit.check import CheckFailed, check, check_bundle, replay, say
from labkit.exercise import Recorder, recorder
from labkit.help import hint, predict, progress, solution
from labkit.lab import CourseError, lab_of, load_lab

ROOT = Path(__file__).parent.parent
SETUP = "from labkit import check, exercise\nfrom given import *\n"
LAB = "01_messages_and_failures"


def solutions():
    """The course's answers to lab 01, exercise by exercise, as a learner's cells would hold them."""
    source = (ROOT / "grading" / LAB / "source.py").read_text()
    cells = {}
    for cell in source.split("\n# %% ")[1:]:
        head, _, body = cell.partition("\n")
        if head.startswith("exercise="):
            cells[head.split("=")[1]] = body
    return cells


def wrong(misconception):
    """One wrong answer of the course's collection, as the learner's cell would hold it."""
    source = (ROOT / "grading" / LAB / "wrong.py").read_text()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            call = node.decorator_list[0]
            if any(k.value.value == misconception for k in call.keywords):
                lines = source.splitlines()[node.lineno - 1 : node.end_lineno]
                return call.args[0].value, "\n".join(lines)
    raise AssertionError(f"no wrong answer {misconception!r}")


def bundle_with(changed=None, into=""):
    cells = solutions()
    if changed is not None:
        id, text = wrong(changed)
        cells[id] = f'@exercise("{id}", into={into})\n{text}'
    sections = [Section("setup", SETUP), *(Section(f"exercise {id}", cells[id]) for id in cells)]
    return Bundle((ROOT / "labs" / LAB / "given.py").read_text(), tuple(sections))


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of one's own, so that nothing is kept here."""
    shutil.copytree(ROOT / "labs", tmp_path / "labs", ignore=shutil.ignore_patterns("*.ipynb"))
    shutil.copytree(ROOT / "grading" / LAB, tmp_path / "grading" / LAB)
    monkeypatch.setenv("LABKIT_ROOT", str(tmp_path))
    monkeypatch.setenv("LABKIT_BUDGET", "small")
    monkeypatch.delenv("LABKIT_STRICT", raising=False)
    recorder.__init__()
    return tmp_path


@pytest.fixture
def notebook(course):
    """A learner's notebook: ``notebook(id, source)`` executes a cell."""
    (course / "labs" / LAB / "hints.json").write_text(json.dumps({"1.1": ["one", "two", "three"]}))
    recorder.note(SETUP, "setup-01-1")
    return lambda id, source: recorder.note(source, id)


def test_a_right_answer_passes_and_says_what_is_now_known(notebook):
    for id, cell in solutions().items():
        notebook(f"ex-01-{id[2:]}", cell)
    report = check("1.A")
    assert report.passed
    assert "schedules of any order" in str(report)
    assert "Not shown by this: that an order survives a crash" in str(report)


def test_an_unwritten_exercise_says_so_in_one_line(notebook):
    notebook(
        "ex-01-1",
        '@exercise("1.1", into=EchoServer)\ndef on_echo(self, s, r):\n'
        '    raise NotImplementedError("Exercise 1.1")',
    )
    assert str(check("1.1")) == "○ Exercise 1.1: not written yet"
    assert str(check("1.5")) == "○ Exercise 1.5: waits for 1.4"


def test_a_failure_shows_what_rule_steps_and_replay(course):
    verdict = check_bundle(
        load_lab("01"), bundle_with("one client at a time", "AtMostOnceServer"), "1.A"
    ).verdicts[0]
    text = say(verdict)
    for line in (
        "✗ Part 1.A: in any order",
        "what happened",
        "which rule",
        "the shortest way there",
        "look at",
        'replay("1.A", "',
    ):
        assert line in text
    assert len(verdict.counterexample.steps) <= 15


def test_the_replay_line_reproduces_the_failure_and_notices_the_mending(notebook, course):
    for id, cell in solutions().items():
        notebook(f"ex-01-{id[2:]}", cell)
    _, text = wrong("one client at a time")
    notebook("ex-01-7", f'@exercise("1.7", into=AtMostOnceServer)\n{text}')
    failed = next(v for v in check("1.A").verdicts if not v.passed)
    name = failed.counterexample.name
    again = replay("1.A", name)
    assert not again.passed
    assert again.verdicts[0].what == failed.what
    notebook("ex-01-7", solutions()["1.7"])
    mended = replay("1.A", name)
    assert mended.passed
    assert "no longer breaks" in str(mended)


def test_a_step_check_replays_too(notebook):
    _, text = wrong("the message itself can go back")
    notebook("ex-01-1", f'@exercise("1.1", into=EchoServer)\n{text}')
    failed = next(v for v in check("1.1").verdicts if not v.passed)
    assert not replay("1.1", failed.counterexample.name).passed


def test_an_unknown_counterexample_or_exercise_is_one_sentence(notebook):
    with pytest.raises(CourseError, match="no counterexample 'beef.json'"):
        replay("1.1", "beef")
    with pytest.raises(CourseError, match="has no check for '1.77'"):
        check("1.77")
    with pytest.raises(CourseError, match="write its number as text"):
        check(1.1)
    with pytest.raises(CourseError, match="there is no lab '77'"):
        check("77.1")


def test_strict_raises_after_showing(notebook, monkeypatch, capsys):
    monkeypatch.setenv("LABKIT_STRICT", "1")
    notebook("ex-01-1", '@exercise("1.1", into=EchoServer)\ndef on_echo(self, s, r):\n    self.send(s, r)')
    with pytest.raises(CheckFailed):
        check("1.1")
    assert "which rule" in capsys.readouterr().out


def test_a_report_shows_itself_as_text_and_as_escaped_html(course):
    report = check_bundle(load_lab("01"), bundle_with("the message itself can go back", "EchoServer"), "1.1")
    shown = report._repr_mimebundle_()
    assert shown["text/plain"] == str(report)
    assert "<pre>" in shown["text/html"]
    assert "svg" in shown["text/html"]


def test_a_helper_that_the_notebook_lacks_is_warned_about(notebook):
    notebook(
        "ex-01-1",
        '@exercise("1.1", into=EchoServer)\ndef on_echo(self, s, r):\n    self.send(s, reply_to(r))',
    )
    assert "not in any cell of this notebook: reply_to (in on_echo)" in str(check("1.1"))


def test_a_cell_that_raises_is_named_in_the_report(notebook):
    notebook("mine", "x = 1 / 0")
    notebook("ex-01-1", solutions()["1.1"])
    report = check("1.1")
    assert report.passed
    assert "a cell did not load" in str(report)
    assert "ZeroDivisionError" in str(report)


def test_setup_stands_first_however_late_it_was_executed():
    cells = Recorder()
    cells.note("import a", "setup-01-1")
    cells.note("def f(): ...", "ex-01-1")
    cells.note("import a, b", "setup-01-1")
    assert [section.source for section in cells.sections()] == ["import a, b", "def f(): ..."]


def test_the_last_execution_of_a_cell_counts():
    mine = Recorder()
    mine.note("x = 1", "a")
    mine.note("x = 2", "a")
    assert [section.source for section in mine.sections()] == ["x = 2"]


def test_hints_come_one_at_a_time(notebook):
    assert "two" not in repr(hint("1.1"))
    assert "two" in repr(hint("1.1"))
    assert "three" in repr(hint("1.1"))
    assert "again" not in repr(hint("1.1"))
    with pytest.raises(CourseError, match="no hints"):
        hint("1.99")


def test_a_prediction_is_kept(notebook):
    assert "no guess yet" in repr(predict("1.1", "Which?", options=["a", "b"]))
    predict("1.1", "Which?", options=["a", "b"]).keep("b")
    assert "your guess: b" in repr(predict("1.1", "Which?", options=["a", "b"]))
    assert "your guess: a" in repr(predict("1.1", "Which?", answer="a"))


def test_a_solution_is_shown_after_one_attempt(notebook):
    with pytest.raises(CourseError, match="try exercise 1.1 first"):
        solution("1.1")
    notebook("ex-01-1", '@exercise("1.1", into=EchoServer)\ndef on_echo(self, s, r):\n    pass')
    check("1.1")
    assert "self.send(source, EchoReply(request.text))" in repr(solution("1.1"))
    assert "BEGIN SOLUTION" not in repr(solution("1.1"))


def test_without_the_courses_answers_there_is_no_solution(notebook, course):
    shutil.rmtree(course / "grading")
    with pytest.raises(CourseError, match="not on this machine"):
        solution("1.1")


def test_progress_counts_what_was_passed(notebook):
    notebook("ex-01-1", solutions()["1.1"])
    check("1.1")
    assert "●○○" in repr(progress())


def test_a_damaged_answers_file_is_put_aside(notebook, course):
    folder = course / ".labkit" / "answers"
    folder.mkdir(parents=True)
    (folder / "01.json").write_text("{broken")
    notebook("ex-01-1", solutions()["1.1"])
    assert check("1.1").passed
    assert (folder / "01.damaged").exists()


def test_an_exercise_belongs_to_the_lab_of_its_number(course):
    assert lab_of("1.3").folder.name == LAB
    assert lab_of("1.A").id == "01"


def test_a_graders_own_counterexample_is_told_and_not_judged(course, tmp_path):
    bundle = bundle_with("one client at a time", "AtMostOnceServer")
    found = check_bundle(load_lab("01"), bundle, "1.A").verdicts[0].counterexample
    raw = {**found.encoded(), "setup": {**found.setup, "name": "a_hidden_check"}}
    (tmp_path / "feedback.json").write_text(json.dumps(raw))
    report = check_bundle(load_lab("01"), bundle, "1.A", file=tmp_path / "feedback.json")
    assert [v.status for v in report.verdicts] == ["unknown"]
    assert "nothing here can say whether it still does" in " ".join(str(report).split())
    assert len(report.verdicts[0].counterexample.steps) == len(found.steps)
