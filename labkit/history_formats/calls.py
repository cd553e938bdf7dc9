"""The operations that each model has in a file: which values they take and give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labkit.models import Counter, GrowSet, KeyValue, Lock, Log, Model, Queue, Register


def _anything(_: Any) -> bool:
    return True


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _not_empty(value: Any) -> bool:
    return value is not None and value != ""


@dataclass(frozen=True, slots=True)
class Call:
    """An operation: a test of the value it takes, one of its answer (None: has none), and words."""

    takes: Callable[[Any], bool] | None = None
    gives: Callable[[Any], bool] | None = None
    words: str = "a value"


WRITE = Call(takes=_anything)
CAS = Call(takes=_is_pair, words="[expected, new]")
CALLS: dict[str, tuple[type[Model], dict[str, Call]]] = {
    "register": (Register, {"read": Call(gives=_anything), "write": WRITE, "cas": CAS}),
    "kv": (
        KeyValue,
        {
            "get": Call(gives=_anything),
            "put": WRITE,
            "append": Call(takes=_is_text, words="a string"),
            "delete": Call(),
            "cas": CAS,
        },
    ),
    "counter": (
        Counter,
        {
            "add": Call(takes=is_number, words="a number"),
            "read": Call(gives=is_number, words="a number"),
        },
    ),
    "set": (GrowSet, {"add": WRITE, "read": Call(gives=_is_list, words="a list")}),
    "queue": (
        Queue,
        {
            "enqueue": Call(takes=_not_empty, words='a value other than null and "" (those mean empty)'),
            "dequeue": Call(gives=_anything),
        },
    ),
    "log": (Log, {"append": WRITE, "read": Call(gives=_is_list, words="a list")}),
    "lock": (Lock, {"acquire": Call(), "release": Call()}),
}
INITIAL: dict[str, tuple[Callable[[Any], bool], str]] = {
    "counter": (is_number, "a number"),
    "set": (_is_list, "a list"),
    "queue": (
        lambda value: _is_list(value) and all(map(_not_empty, value)),
        'a list without null and ""',
    ),
    "log": (_is_list, "a list"),
    "lock": (lambda value: isinstance(value, bool), "true (held) or false (free)"),
}
