"""A program travels as text, and one rule says what of a notebook is part of it."""

from __future__ import annotations

import pytest

from labkit.bundle import Bundle, Section
from labkit.program import LocalProgram, ProgramError, Unwritten

GIVEN = """
from labkit import Node, message, unwritten

@message
class Ping:
    n: int

class Server(Node):
    answer = unwritten("1.1")

    def on_message(self, source, message):
        match message:
            case Ping():
                self.answer(source, message)
            case _:
                super().on_message(source, message)
"""

SETUP = "from labkit import check, exercise\nfrom given import *\n"
ANSWER = '''@exercise("1.1", into=Server)
def answer(self, source, message):
    self.send(source, Ping(message.n + 1))
'''


def load(*cells, given=GIVEN):
    sections = [Section("setup", SETUP), *(Section(f"cell {n}", text) for n, text in enumerate(cells, 1))]
    return Bundle(given, tuple(sections)).load()


def answer_of(loaded):
    """What the program's Server sends back to Ping(1), or the text of its error."""
    program = LocalProgram(loaded.namespace)
    handle = program.handle("Server", "n1", (), ("n1", "c1"), "seed")
    handle.start({}, 1, 0)
    (effect,) = handle.deliver("c1", program.classes["Ping"](1), 0)
    return effect[2].n if effect[0] == "send" else effect[1]


def test_an_answer_becomes_a_method_of_the_given_class():
    loaded = load(ANSWER)
    assert (loaded.problems, loaded.exercises, answer_of(loaded)) == ([], {"1.1": "answer"}, 2)


def test_two_bundles_share_nothing():
    first, second = load(ANSWER), load(ANSWER.replace("+ 1", "+ 10"))
    assert (answer_of(first), answer_of(second)) == (2, 11)


def test_a_helper_function_in_another_cell_is_part_of_the_program():
    assert (
        answer_of(
            load(
                "def next_one(n):\n    return n + 5\n", ANSWER.replace("message.n + 1", "next_one(message.n)")
            )
        )
        == 6
    )


def test_an_import_in_another_cell_is_part_of_the_program():
    assert (
        answer_of(load("import math\nFROM = 7", ANSWER.replace("message.n + 1", "math.gcd(FROM, 14)"))) == 7
    )


def test_the_last_definition_of_an_exercise_wins():
    assert answer_of(load(ANSWER, ANSWER.replace("+ 1", "+ 2"))) == 3


def test_a_cell_that_raises_is_reported_and_loading_goes_on():
    loaded = load("x = 1 / 0", ANSWER)
    assert answer_of(loaded) == 2
    assert loaded.problems == [
        "cell 1: ZeroDivisionError: division by zero\n  cell 1, line 1, in <module>: x = 1 / 0"
    ]


def test_a_cell_that_is_not_python_is_reported_with_its_line():
    loaded = load("x = 1\ndef broken(:\n    pass", ANSWER)
    assert answer_of(loaded) == 2
    assert loaded.problems[0].startswith("cell 1, line 2: ")


@pytest.mark.parametrize(
    "cell",
    [
        "while True:\n    pass",
        "for i in range(10**12):\n    pass",
        'check("1.1")',
        'run = simulate(Server)',
        "run = await something()",
        "import sys\nsys.exit()",
        "%matplotlib inline\n!ls\nServer?",
        "%%time\nx = 1",
        "%%html\n<b>hello</b>",
        "raise SystemExit",
        "",
    ],
)  # fmt: skip
def test_at_top_level_only_definitions_imports_and_assignments_run(cell):
    loaded = load(cell, ANSWER)
    assert (loaded.problems, answer_of(loaded)) == ([], 2)


def test_a_magic_leaves_the_rest_of_its_cell():
    assert answer_of(load("%load_ext autoreload\nSTEP = 4", ANSWER.replace("+ 1", "+ STEP"))) == 5


def test_super_in_an_exercise_is_refused_in_one_sentence():
    loaded = load(ANSWER.replace("self.send", "super().send"))
    assert "super() does not work" in loaded.problems[0]
    assert "Node.answer(self, ...)" in loaded.problems[0]


def test_a_class_above_which_exercise_stands_is_refused():
    assert "stands above a function" in load('@exercise("1.1")\nclass Answer: pass').problems[0]


def test_an_exercise_that_is_no_text_is_refused():
    assert "give the exercise's number as text" in load("@exercise(1.1)\ndef answer(): pass").problems[0]


def test_tracebacks_point_into_the_learners_cell():
    text = answer_of(load(ANSWER.replace("message.n + 1", "1 / 0")))
    assert text.splitlines()[-1] == "  cell 1, line 3, in answer: self.send(source, Ping(1 / 0))"


def test_an_exercise_that_is_not_written_says_which():
    assert answer_of(load()) == "Exercise 1.1: not written yet"


def test_given_is_the_bundles_own_even_when_imported_late():
    cell = "def late():\n    import given\n    return given.Server is Server\n"
    assert LocalProgram(load(cell).namespace).call("late") is True


def test_print_in_a_handler_is_an_effect():
    loaded = load(
        '@exercise("1.1", into=Server)\ndef answer(self, source, message):\n    print("got", message.n)\n'
    )
    assert answer_of(loaded) == "got 1"


def test_names_that_the_program_uses_and_lacks_are_listed():
    assert load(ANSWER.replace("+ 1", "+ missing")).missing_names() == ["missing (in answer)"]
    assert load(ANSWER).missing_names() == []


def test_a_bundle_round_trips_as_json():
    bundle = Bundle(GIVEN, (Section("setup", SETUP), Section("cell 1", ANSWER)))
    assert Bundle.from_encoded(bundle.encoded()).digest == bundle.digest


def test_plain_functions_are_called_with_plain_data():
    program = LocalProgram(load("def double(values):\n    return [2 * v for v in values]").namespace)
    assert program.call("double", (1, 2)) == (2, 4)


@pytest.mark.parametrize(
    ("cell", "call", "error", "sentence"),
    [
        ("", "missing", ProgramError, "there is no function 'missing'"),
        ("def f():\n    return 1 / 0", "f", ProgramError, "cell 1, line 2, in f: return 1 / 0"),
        ("def f():\n    raise NotImplementedError('Exercise 1.2: write it')", "f", Unwritten, "Exercise 1.2"),
    ],
)
def test_a_function_that_fails_is_the_programs_finding(cell, call, error, sentence):
    with pytest.raises(error, match=sentence):
        LocalProgram(load(cell).namespace).call(call)


def test_an_unknown_role_is_answered_with_those_that_exist():
    with pytest.raises(ProgramError, match="no node class 'Raft'; the program has .*Server"):
        LocalProgram(load().namespace).handle("Raft", "n1", (), ("n1",), "seed")
