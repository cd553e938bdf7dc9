"""The judge: what it believes of a reply, and what an answers file may say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from grading import wire
from grading.__main__ import main
from grading.answers import AnswersError, read_answers
from grading.course import CourseLab
from labkit.message import message
from tests.tiny import copy_course


@message
class Ping:
    count: int


EXPECTED = wire.Expected({"Ping": Ping}, frozenset({"n1", "n2"}), {3})

BELIEVED = {
    "send": (["send", "n2", {"message": ["Ping", 1]}], ("send", "n2", Ping(1))),
    "save": (["save", [["term", 1], ["log", [1, "x"]]]], ("save", {"term": 1, "log": (1, "x")})),
    "set_timer": (["set_timer", "t", 0, 5], ("set_timer", "t", 0, 5)),
    "ok": (["ok", 3, None], ("ok", 3, None)),
    "fact": (["fact", ["leader of term", 1], "n1"], ("fact", ("leader of term", 1), "n1")),
    "print": (["print", "bell \x07, escape \x1b[2J"], ("print", "bell \\x07, escape \\x1b[2J")),
}

NOT_BELIEVED = [
    None, "send", {}, [], [["send"]], ["send", "n2"], ["vote", 1], ["sync", 1], [1, 2, 3],
    ["send", "n9", {"message": ["Ping", 1]}], ["send", "n2", 5], ["send", 2, {"message": []}],
    ["send", "n2", {"message": ["Ping", "one"]}], ["send", "n2", {"message": ["Ping"]}],
    ["send", "n2", {"message": ["Pong", 1]}], ["send", "n2", {"message": ["Ping", True]}],
    ["send", "n2", {"pickle": "gASVAA=="}], ["send", "n2", {"message": [["Ping"], 1]}],
    ["set_timer", "t", -1, 5], ["set_timer", "t", 5, 4], ["set_timer", "t", True, 5],
    ["set_timer", "t", 0, 1 << 60], ["set_timer", "t", 0.5, 1], ["set_timer", {"a": 1}, 0, 1],
    ["ok", 4, None], ["ok", True, None], ["ok", "3", None], ["fail", 3.0], ["info", None],
    ["save", {"term": 1}], ["save", [["term"]]], ["save", [[1, 2]]], ["save", [["x" * 200, 1]]],
    ["fact", 1], ["fact", {"float": "nan"}, 1], ["fact", 1.5, 1], ["print", 5], ["error", None],
    ["fact", {"int": "0x" + "f" * 5000}, 1], ["fact", {"set": [{}]}, 1],
]  # fmt: skip


@pytest.mark.parametrize("name", BELIEVED)
def test_an_effect_in_the_documented_shape_is_believed(name: str) -> None:
    raw, effect = BELIEVED[name]
    assert wire.read_effects([raw], EXPECTED) == [effect]


@pytest.mark.parametrize("raw", NOT_BELIEVED, ids=repr)
def test_any_other_effect_is_refused_in_words(raw: Any) -> None:
    with pytest.raises(ValueError, match=r"^(answered|gave) ") as refused:
        wire.read_effects([raw], EXPECTED)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [b"", b"5", b"[]", b"{", b"\xff", b'{"a":NaN}', b'{"a":Infinity}', b'{"a":"\\ud800"}',
     b'{"a":' + b"[" * 200_000, b'{"a":' + b"9" * 10_000 + b"}"],
    ids=lambda line: repr(line[:20]),
)  # fmt: skip
def test_a_line_that_is_no_json_object_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  whatever json or unicode says
        wire.from_line(line)


@pytest.mark.parametrize(
    "raw",
    [None, [], {"A": 5}, {"A": ["message", "x"]}, {"A": ["message", ["x", "x"]]},
     {"a b": ["message", []]},
     {"A": ["message", ["def"]]}, {"A": ["message", ["__class__"]]}, {"A": ["enum", [["x", []]]]},
     {f"A{n}": ["message", []] for n in range(1000)}],
    ids=lambda raw: repr(raw)[:40],
)  # fmt: skip
def test_classes_that_cannot_be_are_refused(raw: Any) -> None:
    with pytest.raises(ValueError, match=r"named|described|gave"):
        wire.read_classes(raw, {})


def test_nothing_on_the_judges_side_can_unpickle() -> None:
    for path in Path(wire.__file__).parent.glob("*.py"):
        imported = set(re.findall(r"^\s*(?:import|from) (\w+)", path.read_text(), re.M))
        assert not imported & {"pickle", "cloudpickle", "marshal", "shelve", "dill"}, path


# -- answers files ----------------------------------------------------------------------------


@pytest.fixture
def lab(tmp_path: Path) -> CourseLab:
    return copy_course(tmp_path)


def try_(lab: CourseLab, file: str, *options: str) -> int:
    path = str(lab.own / file)
    return main(["--root", str(lab.lab.root), "try", "90", "--answers", path, *options])


@pytest.mark.parametrize("host", ["local", "process"])
@pytest.mark.parametrize("file", ["wrong.py", "right.py"])
def test_answers_go_as_they_declare_in_every_host(lab: CourseLab, file: str, host: str) -> None:
    assert try_(lab, file, "--host", host) == 0


def test_both_hosts_say_the_same_in_json(
    lab: CourseLab, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for host in ("local", "process"):
        assert try_(lab, "wrong.py", "--host", host, "--json") == 0
        said.append(json.loads(capsys.readouterr().out))
    assert said[0] == said[1]
    assert said[0][-1] == {
        "answer": "double is square", "exercise": "90.2", "check": "doubles",
        "title": "double is twice",
        "status": "failed", "what": "double(7) is 49", "expected": "double is twice", "ok": True,
    }  # fmt: skip


def test_a_wrong_answer_that_passes_is_reported(
    lab: CourseLab, capsys: pytest.CaptureFixture[str]
) -> None:
    file = lab.own / "wrong.py"
    file.write_text(file.read_text().replace("number * number", "number + number"))
    assert try_(lab, "wrong.py") == 1
    assert (
        "! double is square: 90.2 double is twice (must reject it): passed"
        in capsys.readouterr().out
    )


def test_a_right_answer_that_fails_is_reported(
    lab: CourseLab, capsys: pytest.CaptureFixture[str]
) -> None:
    file = lab.own / "right.py"
    file.write_text(file.read_text().replace("    self.storage.save(total=self.total)\n", ""))
    assert try_(lab, "right.py") == 1
    assert "! with a helper: 90.E sums survive a crash: failed" in capsys.readouterr().out


MINE = "\ndef double(number): ..."
WRONG_ANSWERS = {
    f'@answer("90.7"){MINE}': ":1: lab 90 has no exercise '90.7'; it has 90.1, 90.2",
    '@answer("90.2")\ndef two(x): ...': ":2: exercise 90.2 is double, but the answer is called two",
    '@answer("90.2")\ndef double(a): ...': ":2: double takes (number), but the answer takes (a)",
    '@answer("90.2"\n': ":1: '(' was never closed",
    f'@answer("90.2", points=3){MINE}': ":1: @answer has no 'points'",
    f'@answer("90.2", rejected_by="me"){MINE}': ":1: no check of lab 90 is called 'me'",
    f"@answer(90.2 + x){MINE}": ":1: @answer takes one exercise and plain texts",
    MINE: " has no function under @answer(...)",
}


@pytest.mark.parametrize("text", WRONG_ANSWERS)
def test_an_answers_file_that_cannot_be_used_is_refused_in_one_sentence(
    lab: CourseLab, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (lab.own / "mine.py").write_text(text)
    assert try_(lab, "mine.py") == 2
    assert capsys.readouterr().err.startswith(f"mine.py{WRONG_ANSWERS[text]}")


def test_an_answers_file_that_is_not_there_is_refused(lab: CourseLab, tmp_path: Path) -> None:
    with pytest.raises(AnswersError, match=r"none\.py cannot be read"):
        read_answers(lab, tmp_path / "none.py")
