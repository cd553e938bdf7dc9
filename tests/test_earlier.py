"""Answers of earlier notebooks and labs: whose they are, and how a later program has them."""

from __future__ import annotations

import json
import shutil

import pytest

from labkit import answers
from labkit.bundle import Bundle
from labkit.by_hand import by_hand
from labkit.cells import Cell
from labkit.check import check
from labkit.earlier import use_answers, with_earlier
from labkit.exercise import recorder
from labkit.program import LocalProgram, Unwritten
from tests.test_check import SETUP, course, notebook, solutions, wrong  # noqa: F401


def test_a_later_notebook_has_the_learners_own_answers_that_passed(notebook, capsys):
    notebook("own", "def twice(x):\n    return x")
    notebook("ex-01-1", solutions()["1.1"])
    assert check("1.1").passed
    recorder.__init__()
    use_answers("1.1", "1.2")
    assert capsys.readouterr().out == "1.1: your own; 1.2: the course's\n"
    own, first, second = recorder.sections()
    assert own.source.startswith("def twice")
    assert first.source == solutions()["1.1"]
    assert (first.name, second.name) == ("exercise 1.1", "exercise 1.2")
    notebook("setup-01-1", SETUP)
    assert check("1.2").passed


def test_an_answer_that_did_not_pass_is_not_kept(notebook, capsys):
    _, text = wrong("everybody should hear it")
    notebook("ex-01-1", f'@exercise("1.1", into=EchoServer)\n{text}')
    check("1.1")
    recorder.__init__()
    use_answers("1.1")
    assert capsys.readouterr().out == "1.1: the course's\n"


def test_a_saved_notebook_takes_the_answers_that_its_setup_names(notebook):
    setup = Cell("setup-01-1", SETUP + 'use_answers("1.1", "1.2")')
    named = [cell.id for cell in with_earlier([setup, Cell("ex-01-3", "x = 1")])]
    assert named == ["setup-01-1", "ex-01-1", "ex-01-2", "ex-01-3"]


LATER = """
from labkit import earlier_lab

lab01 = earlier_lab("01")


class Parrot(lab01.EchoServer):
    pass
"""


def test_a_lab_builds_on_the_answers_of_an_earlier_one(notebook, course):
    bundle = Bundle(LATER, (), answers.bases(LATER, course))
    again = Bundle.from_encoded(json.loads(json.dumps(bundle.encoded())))
    assert again == bundle
    program, parrot = parrot_of(again)
    parrot.deliver("c1", program.classes["Echo"]("hello"))
    assert parrot.sent == [("c1", program.classes["EchoReply"]("hello"))]


def parrot_of(bundle):
    program = LocalProgram(bundle.load().namespace)
    return program, by_hand(program, "Parrot", "n1", clients=("c1",))


def test_an_earlier_lab_without_an_answer_says_which_exercise_is_not_written(notebook, course):
    shutil.rmtree(course / "grading")
    program, parrot = parrot_of(Bundle(LATER, (), answers.bases(LATER, course)))
    with pytest.raises(Unwritten, match=r"Exercise 1\.1"):
        parrot.deliver("c1", program.classes["Echo"]("hello"))
