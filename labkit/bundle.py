"""A learner's program as text: the one form in which it travels.

A bundle is the source of ``given.py`` and of the cells that count, in order, and the bundles of
earlier labs that it builds on.  Notebook,
grader, sandbox, real clusters and replays all load the same bundle into a fresh module;
nothing of the learner's is ever pickled.  At top level only imports, definitions and
assignments are kept, so that loading a program does not run it.

A cell that raises is reported, and loading goes on: one bad cell costs itself.
"""

from __future__ import annotations

import ast
import builtins
import dis
import hashlib
import itertools
import linecache
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.handle import capture_print, explain
from labkit.message import canonical

KEPT = (
    ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef,
    ast.Assign, ast.AnnAssign, ast.AugAssign,
)  # fmt: skip

FACE = {
    "check", "hint", "panel", "predict", "progress", "replay", "show_source", "simulate",
    "solution", "spacetime", "start_cluster", "use_answers",
}  # fmt: skip
"""What a notebook calls to see something: an assignment from one of these is not part of a program."""

TIMING_MAGICS = ("%%time", "%%timeit", "%%capture")

_serial = itertools.count(1)
_loading: ContextVar[Loaded | None] = ContextVar("loading", default=None)
_bases: ContextVar[Mapping[str, types.ModuleType] | None] = ContextVar("bases", default=None)


@dataclass(frozen=True, slots=True)
class Section:
    """One cell of a program; `name` is what tracebacks call it."""

    name: str
    source: str


@dataclass
class Loaded:
    """A bundle after loading: its names, its exercises, and what went wrong on the way."""

    namespace: dict[str, Any]
    given: types.ModuleType | None = None
    exercises: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def missing_names(self) -> list[str]:
        """Global names that the program's functions use and the bundle lacks, with who uses them."""
        known = self.namespace.keys() | vars(builtins).keys()
        return sorted({
            f"{name} (in {user})" for user, name in _global_names(self.namespace) if name not in known
        })  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bundle:
    """The source of a program: what was given, then the cells that count, in order.

    `bases` are earlier labs' programs by lab, for a given text that builds on them.
    """

    given: str = ""
    sections: tuple[Section, ...] = ()
    bases: tuple[tuple[str, Bundle], ...] = ()

    def load(self) -> Loaded:
        """Run the program's text in a fresh module.  Never raises for what the text does."""
        module = _fresh_module("program")
        loaded = Loaded(module.__dict__)
        if self.given:
            loaded.given = _load_given(self.given, self.bases)
        module.__dict__["__builtins__"] = _builtins({"given": loaded.given} if loaded.given else {})
        token = _loading.set(loaded)
        try:
            for section in self.sections:
                _load_section(section, module.__dict__, loaded)
        finally:
            _loading.reset(token)
        if loaded.given is not None:
            for name, value in vars(loaded.given).items():
                loaded.namespace.setdefault(name, value)
        return loaded

    def encoded(self) -> dict[str, Any]:
        """As plain JSON values."""
        raw = {"given": self.given, "sections": [[s.name, s.source] for s in self.sections]}
        return raw | ({"bases": [[id, base.encoded()] for id, base in self.bases]} if self.bases else {})

    @classmethod
    def from_encoded(cls, raw: Any) -> Bundle:
        """The inverse of ``encoded``."""
        bases = tuple((id, cls.from_encoded(base)) for id, base in raw.get("bases", ()))
        return cls(raw["given"], tuple(Section(name, source) for name, source in raw["sections"]), bases)

    @property
    def digest(self) -> str:
        """A hash of the whole text: equal programs have equal digests."""
        return hashlib.sha256(canonical(self.encoded()).encode()).hexdigest()


def loading() -> Loaded | None:
    """The bundle that is being loaded just now, if any: how ``@exercise`` knows where it stands."""
    return _loading.get()


def base(lab: str) -> types.ModuleType | None:
    """The program of an earlier lab, while a bundle that builds on it is being loaded."""
    return (_bases.get() or {}).get(lab)


def base_module(bundle: Bundle) -> types.ModuleType:
    """A bundle, loaded, as a module whose names are its program's."""
    return sys.modules[bundle.load().namespace["__name__"]]


def statements(source: str) -> ast.Module:
    """The definitions, imports and assignments of a cell; its magics and everything else are dropped.

    Raises SyntaxError, with the line, if it is not Python.
    """
    tree = _parse(source)
    tree.body = [s for s in tree.body if isinstance(s, KEPT) and not _only_shows(s) and not _awaits(s)]
    return tree


def run_text(source: str, name: str, namespace: dict[str, Any]) -> None:
    """Execute `source` in `namespace` so that tracebacks find its lines under `name`."""
    _remember(source, name)
    exec(compile(source, name, "exec", dont_inherit=True), namespace)


def _remember(source: str, name: str) -> None:
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)


def _parse(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError:
        lines = source.splitlines()
        first = lines[0].lstrip() if lines else ""
        if first.startswith("%%") and not first.startswith(TIMING_MAGICS):
            return ast.Module([], [])
        return ast.parse("\n".join(_without_magic(line) for line in lines))


def _without_magic(line: str) -> str:
    stripped = line.lstrip()
    is_magic = stripped.startswith(("%", "!", "?")) or stripped.endswith("?")
    return line[: len(line) - len(stripped)] + "pass" if is_magic else line


def _only_shows(statement: ast.stmt) -> bool:
    value = getattr(statement, "value", None)
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in FACE


def _awaits(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return False
    return any(isinstance(node, ast.Await) for node in ast.walk(statement))


def _load_section(section: Section, namespace: dict[str, Any], loaded: Loaded) -> None:
    source = section.source
    _remember(source, section.name)
    try:
        code = compile(statements(source), section.name, "exec", dont_inherit=True)
        exec(code, namespace)
    except SyntaxError as error:
        loaded.problems.append(f"{section.name}, line {error.lineno}: {error.msg}")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a learner's cell raises is a finding
        loaded.problems.append(f"{section.name}: {explain(error)}")


def module_from(path: Path, known: Mapping[str, types.ModuleType]) -> types.ModuleType:
    """The module in the file at `path`, under a name of its own; ``import`` in it finds the `known` ones."""
    module = _fresh_module(path.stem)
    module.__dict__["__builtins__"] = _builtins(known) | {"print": print}
    module.__file__ = str(path)
    run_text(path.read_text(encoding="utf-8"), str(path), module.__dict__)
    return module


def _load_given(source: str, bases: Iterable[tuple[str, Bundle]]) -> types.ModuleType:
    """The module of what was given; messages that only its bases name belong to it, too."""
    module = _fresh_module("given")
    module.__dict__["__builtins__"] = _builtins({})
    known = {id: base_module(bundle) for id, bundle in bases}
    token = _bases.set(known)
    try:
        run_text(source, "given.py", module.__dict__)
    finally:
        _bases.reset(token)
    for earlier in known.values():
        for name, value in vars(earlier).items():
            if not name.startswith("_"):
                module.__dict__.setdefault(name, value)
    return module


def _fresh_module(name: str) -> types.ModuleType:
    """A module of its own name, findable while it lives: dataclasses and type hints look it up."""
    module = types.ModuleType(f"labkit_{name}_{next(_serial)}")
    sys.modules[module.__name__] = module
    return module


def _builtins(known: Mapping[str, types.ModuleType]) -> dict[str, Any]:
    """Builtins in which ``import given`` finds the `known` one of this bundle, and ``print`` is traced."""

    def import_(name: str, *rest: Any, **more: Any) -> Any:
        if name in known:
            return known[name]
        return builtins.__import__(name, *rest, **more)

    return {**vars(builtins), "__import__": import_, "print": capture_print}


def _global_names(namespace: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in list(namespace.items()):
        for function in _functions(value, namespace.get("__name__")):
            for used in _loads(function.__code__):
                yield name, used


def _functions(value: Any, module: Any) -> Iterator[types.FunctionType]:
    if isinstance(value, types.FunctionType) and value.__module__ == module:
        yield value
    elif isinstance(value, type) and value.__module__ == module:
        yield from (f for f in vars(value).values() if isinstance(f, types.FunctionType))


def _loads(code: types.CodeType) -> Iterator[str]:
    yield from (i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME"))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _loads(constant)
