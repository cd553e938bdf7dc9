"""One lab on the disk: what was given, its checks, its hints, and where answers are kept.

Files are loaded by path under module names of their own; ``from given import ...`` in a lab's
checks finds the very module of the program that is being judged.
"""

from __future__ import annotations

import ast
import json
import os
import re
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from labkit.bundle import module_from
from labkit.verdict import Check


class CourseError(Exception):
    """The course's files are not where they should be; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab's folder under ``labs/``; `id` is its two digits."""

    id: str
    folder: Path

    @property
    def given_source(self) -> str:
        """The text of ``given.py``: messages, the class with its state, the naive system."""
        path = self.folder / "given.py"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def root(self) -> Path:
        """The course's root, which holds ``labs/``."""
        return self.folder.parent.parent

    @property
    def own_folder(self) -> Path:
        """Where the learner's kept answers and counterexamples live."""
        return self.root / ".labkit"

    def load_checks(self, given: types.ModuleType | None) -> list[Check]:
        """The public checks, in order, over the messages of `given`."""
        return checks_in(self.load_checks_modules(given).values())

    def load_checks_modules(self, given: types.ModuleType | None) -> dict[str, types.ModuleType]:
        """The modules of the public checks, by name."""
        return load_modules(self.files("checks"), given)

    def files(self, name: str) -> list[Path]:
        """``checks.py`` and, where a lab has several notebooks, ``checks_b_log.py`` and so on."""
        return files_of(self.folder, name)

    def questions(self) -> list[str]:
        """The exercises and parts that the public checks judge, read without running them."""
        named = [name for path in self.files("checks") for name in _judged_in(path)]
        return list(dict.fromkeys(named))

    def hints(self) -> Mapping[str, tuple[str, ...]]:
        """The three hints of each exercise."""
        path = self.folder / "hints.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def load_lab(id: str | int, root: Path | None = None) -> Lab:
    """The lab with this number: ``load_lab("01")``.  CourseError if there is none."""
    number = f"{int(id):02d}" if str(id).isdigit() else str(id)
    root = course_root() if root is None else root
    found = sorted((root / "labs").glob(f"{number}_*"))
    if not found:
        have = ", ".join(sorted(p.name for p in (root / "labs").glob("[0-9]*_*"))) or "none"
        raise CourseError(f"there is no lab {id!r} under {root / 'labs'}; there are: {have}")
    return Lab(number, found[0])


def lab_of(exercise: str, root: Path | None = None) -> Lab:
    """The lab that exercise "9.1" (or part "9.E") belongs to."""
    found = re.fullmatch(r"(\d{1,2})\.\w+", exercise) if isinstance(exercise, str) else None
    if not found:
        raise CourseError(f'{exercise!r} is not an exercise; write its number as text, such as "1.3"')
    return load_lab(found[1], root)


def course_root() -> Path:
    """The folder that holds ``labs/``: LABKIT_ROOT, else above here, else beside this package."""
    if "LABKIT_ROOT" in os.environ:
        return Path(os.environ["LABKIT_ROOT"])
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / "labs").is_dir() and any((folder / "labs").glob("[0-9]*_*")):
            return folder
    beside = Path(__file__).resolve().parent.parent
    if (beside / "labs").is_dir():
        return beside
    raise CourseError("no course here: start in its folder (the one with labs/), or set LABKIT_ROOT to it")


def files_of(folder: Path, name: str) -> list[Path]:
    """The files of one kind in a lab's folder, in the order of its notebooks."""
    return sorted(folder.glob(f"{name}*.py"))


def _judged_in(path: Path) -> list[str]:
    """The first argument of each ``@checks(...)`` in a file."""
    calls = [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
    ]
    marks = [c.args for c in calls if isinstance(c.func, ast.Name) and c.func.id == "checks" and c.args]
    return [str(first.value) for first, *_ in marks if isinstance(first, ast.Constant)]


def load_modules(
    paths: Iterable[Path],
    given: types.ModuleType | None,
    known: Mapping[str, types.ModuleType] | None = None,
) -> dict[str, types.ModuleType]:
    """The modules in these files, by name; ``from given import`` in them finds `given`.

    Each finds those before it, and the `known` ones, in the same way: ``from checks import ...``.
    """
    before = dict(known or {}) | ({"given": given} if given is not None else {})
    loaded: dict[str, types.ModuleType] = {}
    for path in paths:
        loaded[path.stem] = module_from(path, before | loaded)
    return loaded


def checks_in(modules: Iterable[types.ModuleType]) -> list[Check]:
    """The checks that these modules define, in order; not those that one has from another."""
    return [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Check) and value.function.__module__ == module.__name__
    ]
