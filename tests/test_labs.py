"""Every lab: its wrong answers fall to the check that they name, and its right ones pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from grading.attempt import try_answers
from grading.course import all_labs, open_lab
from grading.soak import matrix, witnesses

ROOT = Path(__file__).parent.parent
LABS = all_labs(ROOT)


WRONG = [(id, path.name) for id in LABS for path in open_lab(id).files("wrong")]
RIGHT = [(id, path.name) for id in LABS for path in open_lab(id).files("right")]
RIGHT_SOON = [pytest.param(*one, marks=() if one[0] == "01" else pytest.mark.slow) for one in RIGHT]
"""One lab's right answers in make test, which has to be short; all of them in make check-all."""

GRADED = sorted({id for id, _ in WRONG})


@pytest.mark.parametrize(("id", "file"), WRONG)
def test_each_wrong_answer_falls_to_the_check_that_it_names(id, file):
    lab = open_lab(id)
    tried = list(try_answers(lab, lab.own / file, host="local", budget="small"))
    odd = [f"{t.answer}: {t.title}: {t.status} {t.what}" for t in tried if not t.ok]
    assert tried
    assert odd == []


@pytest.mark.parametrize(("id", "file"), RIGHT_SOON)
def test_right_answers_written_differently_pass_every_check(id, file):
    lab = open_lab(id)
    tried = list(try_answers(lab, lab.own / file, host="local", budget="small"))
    odd = [f"{t.answer}: {t.title}: {t.status} {t.what}" for t in tried if t.status != "passed"]
    assert len({t.answer for t in tried}) >= 2
    assert odd == []


def test_every_lab_with_exercises_has_wrong_and_right_answers():
    exercises = [id for id in LABS if open_lab(id).exercises]
    assert exercises == GRADED == sorted({id for id, _ in RIGHT})


@pytest.mark.slow
@pytest.mark.parametrize("id", GRADED)
def test_every_check_rejects_some_wrong_answer(id):
    lab = open_lab(id)
    rejected = witnesses(lab, "small")
    print(matrix(lab, rejected))
    idle = [c.title for c in lab.checks if not any(c.name in names for names in rejected.values())]
    assert idle == []
