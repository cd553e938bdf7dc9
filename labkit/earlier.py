"""``use_answers("9.1", "9.2")``: a later notebook goes on with what was written in earlier ones.

Each answer is the learner's own, if its check has passed; else the one that the instructor has
released in the lab's ``answers.json`` (exercise to text); else the course's, where ``grading/``
is on this disk.  It becomes a cell of this notebook's program, as if it stood here.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Iterable

from labkit.answers import NOBODY, find, program
from labkit.bundle import base, base_module, statements
from labkit.cells import Cell
from labkit.exercise import notebook_shell, recorder
from labkit.lab import lab_of, load_lab


def use_answers(*exercises: str) -> None:
    """Put the answers to these earlier exercises into this notebook's program, and say whose they are."""
    whose: dict[str, list[str]] = {}
    for exercise in exercises:
        origin, cells = find(lab_of(exercise), exercise)
        whose.setdefault(origin, []).append(exercise)
        for cell in cells:
            recorder.note(cell.source, cell.id)
            _execute(cell.source, f"exercise {exercise}")
    print("; ".join(f"{_listed(ids)}: {origin}" for origin, ids in whose.items()))
    if NOBODY in whose:
        print("Write those in the lab's earlier notebook first; until then, checks here wait for them.")


def earlier_lab(id: str) -> types.ModuleType:
    """The program of an earlier lab, for a ``given.py`` that builds on it: ``raft = earlier_lab("09")``.

    While a bundle is loaded, it is the one that travels with the bundle.
    """
    return base(id) or base_module(program(load_lab(id)))


def with_earlier(cells: Iterable[Cell]) -> list[Cell]:
    """The cells of a saved notebook, and after each the answers that it uses."""
    found = []
    for cell in cells:
        found.append(cell)
        if cell.cell_type == "code" and "use_answers(" in cell.source:
            for exercise in _used(cell.source):
                found += find(lab_of(exercise), exercise)[1]
    return found


def _used(source: str) -> list[str]:
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    used = [call.args for call in calls if isinstance(call.func, ast.Name) and call.func.id == "use_answers"]
    return [str(one.value) for args in used for one in args if isinstance(one, ast.Constant)]


def _execute(source: str, name: str) -> None:
    """Run an answer among the notebook's names, so that cells which try the program have it."""
    shell = notebook_shell()
    if shell is not None:
        exec(compile(statements(source), name, "exec", dont_inherit=True), shell.user_ns)


def _listed(ids: list[str]) -> str:
    """ "9.1 to 9.4", or "9.1, 9.3".

    >>> _listed(["9.1", "9.2", "9.3"]), _listed(["9.1", "9.3"])
    ('9.1 to 9.3', '9.1, 9.3')
    """
    numbers = [int(id.split(".")[1]) for id in ids]
    in_a_row = len(ids) > 2 and numbers == list(range(numbers[0], numbers[0] + len(ids)))
    return f"{ids[0]} to {ids[-1]}" if in_a_row else ", ".join(ids)
