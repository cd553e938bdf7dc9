"""What a node must not use, found by reading its code: clocks, dice, threads, sockets, globals, sets.

A node that uses them gives another run for the same seed, or shares state with nodes that in
truth share nothing.  Only what is certain is reported.  What reading cannot see is left to
running twice: ``states`` (each new transition) and ``determinism`` (another process).
"""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import textwrap
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DICE = "a timer range, or self.random"
CLOCK = "timers, or self.now_ms"
ELSEWHERE = "messages and timers; the runtime does the rest"

MODULES = {
    "time": CLOCK, "datetime": CLOCK, "random": DICE, "secrets": DICE, "uuid": "self.id and a counter",
    "threading": ELSEWHERE, "_thread": ELSEWHERE, "asyncio": ELSEWHERE, "concurrent": ELSEWHERE,
    "multiprocessing": ELSEWHERE, "subprocess": ELSEWHERE, "socket": ELSEWHERE,
    "os": "self.storage", "pathlib": "self.storage", "io": "self.storage", "tempfile": "self.storage",
}  # fmt: skip
BUILTINS = {
    "id": "an identifier of its own: id() is another number in each process",
    "hash": "hashlib: hash() is another number in each process",
    "open": "self.storage",
    "input": "a message",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a class uses, where, and what to use instead."""

    where: str
    line: int
    what: str
    instead: str

    def __str__(self) -> str:
        return f"{self.where} {self.what} (line {self.line}). Use {self.instead}."


def findings_in(cls: type) -> list[Finding]:
    """Everything certain that is wrong with the code of `cls` and the functions that it calls by name."""
    found = [*_shared_attributes(cls)]
    seen: set[types.CodeType] = set()
    for owner in cls.__mro__:
        if owner.__module__.partition(".")[0] not in ("labkit", "builtins") or _is_learners(owner):
            for name, function in _functions(owner):
                found += _in_function(f"{cls.__name__}.{name}", function, seen)
    return found


def _is_learners(owner: type) -> bool:
    """Was it loaded from a bundle?  Those modules have names such as labkit_program_3."""
    return owner.__module__.startswith("labkit_")


def _functions(owner: type) -> Iterator[tuple[str, types.FunctionType]]:
    for name, value in vars(owner).items():
        function = getattr(value, "fget", None) or getattr(value, "__func__", value)
        if isinstance(function, types.FunctionType):
            yield name, function


def _shared_attributes(cls: type) -> Iterator[Finding]:
    for name, value in vars(cls).items():
        if isinstance(value, list | dict | set | bytearray) and not name.startswith("__"):
            what = f"is one {type(value).__name__} for all nodes, which share nothing"
            yield Finding(f"{cls.__name__}.{name}", _line(cls), what, f"self.{name} = ... in on_start")


def _line(cls: type) -> int:
    try:
        return inspect.getsourcelines(cls)[1]
    except (OSError, TypeError):
        return 0


def _in_function(where: str, function: types.FunctionType, seen: set[types.CodeType]) -> Iterator[Finding]:
    yield from _in_code(where, function.__code__, function.__globals__, seen)
    yield from _set_loops(where, function)


def _in_code(
    where: str, code: types.CodeType, scope: dict[str, Any], seen: set[types.CodeType]
) -> Iterator[Finding]:
    if code in seen:
        return
    seen.add(code)
    for instruction in dis.get_instructions(code):
        line = instruction.positions.lineno if instruction.positions else None
        name, is_read = instruction.argval, instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME")
        if instruction.opname == "STORE_GLOBAL":
            yield Finding(where, line or 0, f"changes the global {name!r}, which all nodes share", "self")
        elif instruction.opname == "IMPORT_NAME" and name.partition(".")[0] in MODULES:
            yield Finding(where, line or 0, f"imports {name}", MODULES[name.partition(".")[0]])
        elif is_read:
            yield from _in_global(where, name, line or 0, scope, seen)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _in_code(where, constant, scope, seen)


def _in_global(
    where: str, name: str, line: int, scope: dict[str, Any], seen: set[types.CodeType]
) -> Iterator[Finding]:
    if name not in scope:
        if name in BUILTINS and hasattr(builtins, name):
            yield Finding(where, line, f"calls {name}()", BUILTINS[name])
        return
    value = scope[name]
    module = value.__name__ if isinstance(value, types.ModuleType) else _origin(value)
    instead = MODULES.get(module.partition(".")[0])
    if instead is not None:
        yield Finding(where, line, f"uses {name}" + ("" if name == module else f" of {module}"), instead)
    elif isinstance(value, types.FunctionType) and value.__globals__ is scope:
        yield from _in_function(f"{where}, by {name},", value, seen)


def _origin(value: Any) -> str:
    """The module that a function, method or class came from; a method of a random.Random counts as random."""
    bound = getattr(value, "__self__", None)
    if bound is not None and not isinstance(bound, types.ModuleType):
        return type(bound).__module__
    return getattr(value, "__module__", None) or "" if callable(value) else ""


def _set_loops(where: str, function: types.FunctionType) -> Iterator[Finding]:
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return  # no source, or a lambda in the middle of something: only its code was read
    for node in ast.walk(tree):
        loops = [node.iter] if isinstance(node, ast.For | ast.comprehension) else []
        for iterated in loops:
            if _is_set(iterated):
                line = first + iterated.lineno - 1
                yield Finding(where, line, "loops over a set, whose order differs by process", "sorted(...)")


def _is_set(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in ("set", "frozenset")
    return isinstance(node, ast.Set | ast.SetComp)
