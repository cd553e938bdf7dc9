"""``use_answers("9.1", "9.2")``: a later notebook goes on with what was written in earlier ones.

Each answer is the learner's own, if its check has passed; else the one that the instructor has
released in the lab's ``answers.json`` (exercise to text); else the course's, where ``grading/``
is on this disk.  It becomes a cell of this notebook's program, as if it stood here.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from typing import Any

from labkit import answers
from labkit.bundle import statements
from labkit.cells import Cell
from labkit.exercise import notebook_shell, recorder
from labkit.help import course_answer
from labkit.lab import Lab, lab_of

OWN, RELEASED, COURSE, NOBODY = "your own", "your instructor's", "the course's", "nobody's yet"


def use_answers(*exercises: str) -> None:
    """Put the answers to these earlier exercises into this notebook's program, and say whose they are."""
    whose: dict[str, list[str]] = {}
    for exercise in exercises:
        origin, cells = _find(lab_of(exercise), exercise)
        whose.setdefault(origin, []).append(exercise)
        for cell in cells:
            recorder.note(cell.source, cell.id)
            _execute(cell.source, f"exercise {exercise}")
    print("; ".join(f"{_listed(ids)}: {origin}" for origin, ids in whose.items()))
    if NOBODY in whose:
        print("Write those in the lab's earlier notebook first; until then, checks here wait for them.")


def with_earlier(cells: Iterable[Cell]) -> list[Cell]:
    """The cells of a saved notebook, and after each the answers that it uses."""
    found = []
    for cell in cells:
        found.append(cell)
        if cell.cell_type == "code" and "use_answers(" in cell.source:
            for exercise in _used(cell.source):
                found += _find(lab_of(exercise), exercise)[1]
    return found


def _used(source: str) -> list[str]:
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    used = [call.args for call in calls if isinstance(call.func, ast.Name) and call.func.id == "use_answers"]
    return [str(one.value) for args in used for one in args if isinstance(one, ast.Constant)]


def _find(lab: Lab, exercise: str) -> tuple[str, list[Cell]]:
    """Whose answer it is, and its cells: the learner's own helpers, and the answer last."""
    id = f"ex-{lab.id}-{exercise.split('.')[1]}"
    own = answers.kept(lab)["answers"].get(exercise)
    if own:
        before = [Cell(f"before {exercise}, {n}", source) for n, source in enumerate(own["own"], 1)]
        return OWN, [*before, Cell(id, own["source"])]
    released = lab.folder / "answers.json"
    texts = json.loads(released.read_text(encoding="utf-8")) if released.exists() else {}
    if exercise in texts:
        return RELEASED, [Cell(id, texts[exercise])]
    text = course_answer(lab, exercise)
    return (COURSE, [Cell(id, text)]) if text else (NOBODY, [])


def _execute(source: str, name: str) -> None:
    """Run an answer among the notebook's names, so that cells which try the program have it."""
    shell = notebook_shell()
    names: dict[str, Any] = {} if shell is None else shell.user_ns
    if shell is not None:
        exec(compile(statements(source), name, "exec", dont_inherit=True), names)


def _listed(exercises: Iterable[str]) -> str:
    """ "9.1 to 9.4", or "9.1, 9.3".

    >>> _listed(["9.1", "9.2", "9.3"]), _listed(["9.1", "9.3"])
    ('9.1 to 9.3', '9.1, 9.3')
    """
    ids = list(exercises)
    numbers = [int(id.split(".")[1]) for id in ids]
    in_a_row = len(ids) > 2 and numbers == list(range(numbers[0], numbers[0] + len(ids)))
    return f"{ids[0]} to {ids[-1]}" if in_a_row else ", ".join(ids)
