"""Plain data: the only values that may cross from node to node, or survive a crash.

None, bool, int (up to 4,096 bits), finite float, str, bytes, Enum, tuple, frozenset and
messages.  Anything else could be shared between nodes that in truth share nothing.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Callable
from enum import Enum
from typing import Any

INT_BITS_MAX = 4096
DEPTH_MAX = 50

_INT_LIMIT = 1 << INT_BITS_MAX
WORD = 1 << 62
_LEAVES = frozenset({type(None), bool, str, bytes})
_UNIONS = (typing.Union, types.UnionType)
Fits = Callable[[Any], bool]

_INSTEAD = {
    "list": "a tuple",
    "set": "a frozenset",
    "dict": "a sorted tuple of (key, value) pairs",
    "bytearray": "bytes",
    "type": "a string",
    "function": "a string that names it",
}


class NotPlainData(TypeError):
    """A value that may not cross from one node to another, or survive a crash."""


def is_message(value: object) -> bool:
    """Is `value` an instance of a class made by ``@message``?"""
    return hasattr(type(value), "__message_checks__")


def plain(value: Any, what: str = "this value") -> Any:
    """`value` itself, if it is plain data; else NotPlainData, naming `what` and the remedy."""
    if type(value) not in _LEAVES:
        check_plain(value, what, 0)
    return value


def words(value: Any) -> str:
    """A value as text, the same in every process: the repr of a set would follow the hash seed."""
    if isinstance(value, Enum):
        return value.value if isinstance(value.value, str) else value.name
    if isinstance(value, frozenset | set):
        return "{" + ", ".join(sorted(map(words, value))) + "}"
    if isinstance(value, tuple):
        return f"({', '.join(map(words, value))}{',' if len(value) == 1 else ''})"
    return repr(value)


def compile_annotation(wanted: Any) -> tuple[frozenset[type], Fits | None, Any]:
    """What an annotation accepts: types that need no further look, and a test for the rest."""
    options = typing.get_args(wanted) if typing.get_origin(wanted) in _UNIONS else (wanted,)
    leaves: set[type] = set()
    tests: list[Fits] = []
    for option in options:
        if option is None or option is type(None):
            leaves.add(type(None))
        elif option in (str, bool, bytes) or _is_frozen_class(option):
            leaves.add(option)
        else:
            tests.append(_test_of(option))
    if not tests:
        return frozenset(leaves), None, wanted
    return frozenset(leaves), tests[0] if len(tests) == 1 else lambda v: any(t(v) for t in tests), wanted


def _test_of(wanted: Any) -> Fits:
    if wanted is int:
        return lambda value: type(value) is int and -_INT_LIMIT < value < _INT_LIMIT
    if wanted is float:
        return lambda value: type(value) in (int, float) and _is_plain(value)
    if typing.get_origin(wanted) is typing.Literal:
        return lambda value: any(type(value) is type(a) and value == a for a in typing.get_args(wanted))
    if typing.get_origin(wanted) in (tuple, frozenset):
        return _test_of_items(typing.get_origin(wanted), typing.get_args(wanted))
    if wanted in (tuple, frozenset):
        return lambda value: type(value) is wanted and _is_plain(value)
    return _is_plain  # Any, a type variable, a form that is not known here: plain data is enough


def _test_of_items(kind: type, wanted: tuple[Any, ...]) -> Fits:
    if kind is frozenset or (len(wanted) == 2 and wanted[1] is Ellipsis):
        leaves, fits, _ = compile_annotation(wanted[0])

        def fit_all(value: Any) -> bool:
            if not isinstance(value, tuple | frozenset) or type(value) is not kind:
                return False
            return leaves.issuperset(map(type, value)) or all(_fits(v, leaves, fits) for v in value)

        return fit_all
    tests = [compile_annotation(item) for item in wanted]
    return lambda value: (
        type(value) is tuple
        and len(value) == len(tests)
        and all(_fits(v, leaves, fits) for v, (leaves, fits, _) in zip(value, tests, strict=True))
    )


def _fits(value: Any, leaves: frozenset[type], fits: Fits | None) -> bool:
    return type(value) in leaves or bool(fits and fits(value))


def _is_frozen_class(wanted: Any) -> bool:
    return isinstance(wanted, type) and (hasattr(wanted, "__message_checks__") or issubclass(wanted, Enum))


def _is_plain(value: Any) -> bool:
    try:
        check_plain(value, "", 0)
    except NotPlainData:
        return False
    return True


def check_plain(value: Any, what: str, depth: int) -> Any:
    """As ``plain``, for a value that stands `depth` levels deep in another."""
    kind = type(value)
    if kind in _LEAVES:
        return value
    if kind is int:
        if value.bit_length() > INT_BITS_MAX:
            raise NotPlainData(f"{what} is an int of {value.bit_length()} bits; the limit is {INT_BITS_MAX}.")
        return value
    if kind is float:
        if not math.isfinite(value):
            raise NotPlainData(f"{what} is {value!r}, which is not a finite number. Use None, or a number.")
        return value
    if depth > DEPTH_MAX:
        raise NotPlainData(f"{what} is nested more than {DEPTH_MAX} levels deep. Make it flatter.")
    if kind is tuple or kind is frozenset:
        if not all(map(_is_leaf, set(map(type, value)))):  # a log of messages need not be walked
            for item in value:
                check_plain(item, what, depth + 1)
        return value
    if isinstance(value, Enum) or is_message(value):
        return value  # a message's fields were checked when it was made
    raise NotPlainData(refusal(value, what))


def _is_leaf(kind: type) -> bool:
    """Is every value of this class plain data, whatever it holds?"""
    return kind in _LEAVES or _is_frozen_class(kind)


def refusal(value: Any, what: str) -> str:
    """Why `value` is no plain data, and what to use instead."""
    kind = type(value).__name__
    instead = _INSTEAD.get(kind, "a tuple of plain values, or a message")
    return (
        f"{what} holds a {kind}, but nodes share only plain data "
        f"(None, bool, int, float, str, bytes, Enum, tuple, frozenset, message). Use {instead}."
    )
