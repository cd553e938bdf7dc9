"""A counterexample is a value with a name; it can be kept, read back, and read aloud."""

from __future__ import annotations

import pytest

from labkit.counterexample import Counterexample, Step, Told, brief, changes, sendings
from labkit.message import message


@message
class Vote:
    term: int
    candidate: str


STEPS = (
    Told(Step("timer", "n1", None, "election"), (("term", "0", "1"),), ("sends n2, n3 Vote(1, 'n1')",)),
    Told(
        Step("deliver", "n2", "n1", Vote(1, "n1"), cut=1),
        (("voted_for", "None", "n1"),),
        (),
        "n2 states x = 1",
    ),
    Told(Step("start", "n2"), (), ()),
    Told(Step("invoke", "c1", None, ("put", "x", 1))),
)
EXAMPLE = Counterexample("9.E", "there is one leader", "two leaders", STEPS, 90, "seed", {"kind": "schedule"})


def test_equal_counterexamples_have_one_name():
    again = Counterexample(
        "9.E", "there is one leader", "two leaders", STEPS, 90, "seed", {"kind": "schedule"}
    )
    assert EXAMPLE.name == again.name
    assert len(EXAMPLE.name) == 8


def test_it_is_kept_whole_and_read_back(tmp_path):
    import json

    path = EXAMPLE.save(tmp_path / "deep")
    assert path.name == f"{EXAMPLE.name}.json"
    assert Counterexample.from_encoded(json.loads(path.read_text()), {"Vote": Vote}) == EXAMPLE
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("raw", [{}, [], None, {"steps": [[1]]}, {**EXAMPLE.encoded(), "steps": [["x"]]}])
def test_anything_else_is_refused_in_one_sentence(raw):
    with pytest.raises(ValueError, match="not a counterexample"):
        Counterexample.from_encoded(raw, {"Vote": Vote})


def test_the_text_tells_each_step_on_a_line():
    lines = EXAMPLE.text().splitlines()
    assert lines[0].strip() == "the shortest way there we found, 4 of 90 events"
    assert "n1  timer election" in lines[1]
    assert "term 0→1  sends n2, n3 Vote(1, 'n1')" in lines[1]
    assert any("n1 → n2  Vote(1, 'n1'), crashes after 1 of its effects, restarts" in line for line in lines)
    assert any("n2 crashes, restarts" in line for line in lines)
    assert any("c1 put('x', 1)" in line for line in lines)
    assert all(len(line) <= 110 for line in lines)


def test_only_the_keys_of_a_map_that_changed_are_named():
    before, after = {"log": (("a", 1), ("b", 2))}, {"log": (("a", 1), ("b", 3), ("c", 4))}
    assert changes(before, after) == (("log[b]", "2", "3"), ("log[c]", "None", "4"))


def test_equal_messages_are_told_together():
    assert sendings([("n2", Vote(1, "n1")), ("n3", Vote(1, "n1"))]) == ("sends n2, n3 Vote(1, 'n1')",)


def test_a_long_value_is_cut():
    assert len(brief("x" * 100)) == 44
