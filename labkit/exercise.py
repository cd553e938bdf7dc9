"""What a notebook writes with: ``@exercise``, and the record of its cells.

``@exercise("9.1", into=Raft)`` stands above a function: a method of the given class, or, without
``into``, a plain function.  In a notebook it patches the class there, so that cells can try it;
while a bundle loads, it patches the bundle's own.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from labkit import answers
from labkit.bundle import Bundle, Section, loading
from labkit.cells import Cell, kind_of, program_cells, read_notebook
from labkit.lab import CourseError, Lab
from labkit.node import Node

F = TypeVar("F", bound=Callable[..., Any])


def exercise(id: str, into: type | None = None) -> Callable[[F], F]:
    """Mark the function below as the answer to exercise `id`, and put it into the class `into`."""
    if not (isinstance(id, str) and re.fullmatch(r"\d{1,2}\.\d{1,2}", id)):
        raise ValueError(f'@exercise was given {id!r}; give the exercise\'s number as text, such as "1.3"')
    if into is not None and not isinstance(into, type):
        raise TypeError(f"Exercise {id}: into={into!r} is not a class; leave this line as it was given")

    def decorate(function: F) -> F:
        if not inspect.isfunction(function):
            raise TypeError(f"Exercise {id}: @exercise stands above a function (def ...), not {function!r}")
        if _uses_super(function):
            raise TypeError(
                f"Exercise {id}: super() does not work in a function that is put into a class later; "
                f"write {_base(into)}.{function.__name__}(self, ...) instead."
            )
        if into is not None:
            setattr(into, function.__name__, function)
            if issubclass(into, Node):
                into.__init_subclass__()
        loaded = loading()
        if loaded is not None:
            loaded.exercises[id] = function.__name__
        return function

    return decorate


def unwritten(id: str) -> Any:
    """The place in a given class where exercise `id` goes: a method that says it is not written yet."""

    def stub(*_: Any, **__: Any) -> Any:
        raise NotImplementedError(f"Exercise {id}: not written yet")

    return stub


def show_source(thing: Any) -> Any:
    """Show the source of a given class or function, coloured where the notebook can."""
    source = inspect.getsource(thing)
    if "IPython" not in sys.modules:
        print(source)
        return None
    from IPython.display import Code

    return Code(source, language="python")


def _uses_super(function: Any) -> bool:
    code = function.__code__
    return "super" in code.co_names and "__class__" not in code.co_freevars


def _base(into: type | None) -> str:
    return into.__bases__[0].__name__ if into else "TheClass"


class Recorder:
    """The cells that this kernel has executed, as they were last executed."""

    def __init__(self) -> None:
        self._cells: dict[str, Cell] = {}
        self._released: dict[str, str] = {}

    def note(self, source: str, id: str | None) -> None:
        """A cell was executed; the last execution of a cell counts, in the order of executions."""
        id = id if id and kind_of(id) != "own" else self._released_id(source) or id or f"executed {source}"
        self._cells.pop(id, None)
        self._cells[id] = Cell(id, source, "code")

    def sections(self) -> tuple[Section, ...]:
        """The cells that are part of the program; setup first, when it was executed again last, too."""
        cells = sorted(self._cells.values(), key=lambda cell: kind_of(cell.id) not in ("setup", "given"))
        return tuple(program_cells(cells))

    def _released_id(self, source: str) -> str | None:
        """The id of a released cell with this very text, where the front end tells no ids."""
        if not self._released:
            for path in Path.cwd().glob("*.ipynb"):
                self._released |= _released_cells(path)
        return self._released.get(source.strip())


def _released_cells(path: Path) -> dict[str, str]:
    try:
        return {c.source.strip(): c.id for c in read_notebook(path) if kind_of(c.id) != "own"}
    except (OSError, ValueError):
        return {}


recorder = Recorder()


def current_bundle(lab: Lab) -> Bundle:
    """The learner's program for `lab`, as this kernel has executed it."""
    sections = recorder.sections()
    if not sections and notebook_shell() is None:
        raise CourseError(
            "check works in the lab's notebook; for a saved one use: python -m labkit check NOTEBOOK"
        )
    return Bundle(lab.given_source, sections, answers.bases(lab.given_source, lab.root))


def record_cells() -> None:
    """Begin to note executed cells, if this is a notebook; also what ran before labkit was imported."""
    shell = notebook_shell()
    if shell is None or getattr(shell, "_labkit_records", False):
        return
    shell._labkit_records = True
    for source in shell.user_ns.get("In", [])[1:-1]:
        recorder.note(source, None)
    shell.events.register("post_run_cell", lambda result: _note(result.info, shell))


def _note(info: Any, shell: Any) -> None:
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    id = getattr(info, "cell_id", None) or parent.get("metadata", {}).get("cellId")
    recorder.note(info.raw_cell, id)


def notebook_shell() -> Any:
    """IPython's shell, if this is a notebook or a console of it; else None."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    return get_ipython()
