"""Sequential specifications: what an object does when its operations come one at a time.

A specification is one pure function, ``apply(state, f, value) -> (state, result)``.
From it the checkers decide which orders of overlapping operations are legal
(Herlihy and Wing, "Linearizability", 1990).  A new one takes a few lines:

>>> class Maximum(Model):
...     initial = 0
...     reads = frozenset({"read"})
...     def apply(self, state, f, value):
...         return (state, state) if f == "read" else (max(state, value), ANYTHING)

Left out: objects whose result is not determined by the state and the call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from labkit.history import Operation


class _Mark:
    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


ANYTHING: Final = _Mark("ANYTHING")
"""The result of a call that reveals nothing: any recorded answer is accepted."""
ILLEGAL: Final = _Mark("ILLEGAL")
"""In place of state and result: the call cannot take effect in this state."""
_CLASS_DEFAULT: Final = _Mark("the class's own initial state")
_PLAIN: Final = frozenset({str, int, type(None)})


def canonical(value: Any) -> Any:
    """A hashable stand-in, equal for two values exactly when JSON would call them the same.

    So true is not 1, a list equals a tuple, and the order of a map's keys is nothing.

    >>> canonical(True) == canonical(1), canonical([1, 2]) == canonical((1, 2))
    (False, True)
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is bool:
        return ("bool", str(value))
    if kind is list or kind is tuple:
        if _PLAIN.issuperset(map(type, value)):
            return ("list", *value)
        return ("list", *map(canonical, value))
    if kind is set or kind is frozenset:
        return ("set", frozenset(map(canonical, value)))
    if kind is dict:
        return ("dict", frozenset((canonical(k), canonical(v)) for k, v in value.items()))
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two recorded values are the same value; see `canonical`."""
    return bool(canonical(one) == canonical(other))


class Model:
    """A sequential specification.  States are never changed, only replaced.

    ``reads`` names the calls that never change any state; the search is much faster
    for knowing them.  With ``per_key`` each key is an object of its own, and a history
    is legal exactly when it is for each key (locality, Herlihy and Wing, theorem 1).
    """

    initial: Any = None
    reads: frozenset[str] = frozenset()
    per_key = True

    def __init__(self, initial: Any = _CLASS_DEFAULT) -> None:
        if initial is not _CLASS_DEFAULT:
            self.initial = initial

    def apply(self, state: Any, f: str, value: Any) -> Any:
        """The next state and the result of the call, or `ILLEGAL`; must not change `state`."""
        raise NotImplementedError(f"{type(self).__name__} needs apply(state, f, value)")

    def initial_for(self, key: Any) -> Any:
        """The state in which the object of this key begins."""
        return self.initial

    def is_read(self, operation: Operation) -> bool:
        """Whether this operation, as it ended, leaves every state as it was."""
        return operation.f in self.reads

    def seen(self, f: str, result: Any) -> Any:
        """A recorded result in the form that `apply` returns it."""
        return result

    def _unknown(self, f: str) -> ValueError:
        return ValueError(f"an operation {f!r} was recorded, but {type(self).__name__} has none")


class Register(Model):
    """One value: ``read``, ``write(v)``, ``cas([expected, new])`` with result True or False."""

    reads = frozenset({"read"})

    def apply(self, state: Any, f: str, value: Any) -> Any:
        match f:
            case "read":
                return state, state
            case "write":
                return value, ANYTHING
            case "cas":
                expected, new = value
                return (new, True) if same(state, expected) else (state, False)
        raise self._unknown(f)

    def is_read(self, operation: Operation) -> bool:
        refused = operation.f == "cas" and operation.outcome == "ok" and operation.result is False
        return refused or operation.f in self.reads


class KeyValue(Register):
    """A map of keys: ``get``, ``put(v)``, ``append(v)``, ``delete``, ``cas([expected, new])``.

    A missing key reads as None.  ``append`` to None or to a string (or list) concatenates,
    and cannot take effect on anything else.  `initial` is the first value of every key,
    or a dict with the first value of each.
    """

    reads = frozenset({"get"})

    def apply(self, state: Any, f: str, value: Any) -> Any:
        match f:
            case "get":
                return state, state
            case "put":
                return value, ANYTHING
            case "delete":
                return None, ANYTHING
            case "append":
                return _appended(state, value)
            case "cas":
                return super().apply(state, f, value)
        raise self._unknown(f)

    def initial_for(self, key: Any) -> Any:
        if not isinstance(self.initial, dict):
            return self.initial
        return next((value for k, value in self.initial.items() if same(k, key)), None)


class Counter(Model):
    """A number: ``add(n)``, ``read``."""

    initial = 0
    reads = frozenset({"read"})

    def apply(self, state: Any, f: str, value: Any) -> Any:
        match f:
            case "read":
                return state, state
            case "add":
                return state + value, ANYTHING
        raise self._unknown(f)


class GrowSet(Model):
    """A set that only grows: ``add(v)``, ``read`` of all members in any order, each once."""

    initial = ()
    reads = frozenset({"read"})

    def initial_for(self, key: Any) -> Any:
        return frozenset(map(canonical, self.initial))

    def apply(self, state: Any, f: str, value: Any) -> Any:
        match f:
            case "read":
                return state, state
            case "add":
                return state | {canonical(value)}, ANYTHING
        raise self._unknown(f)

    def seen(self, f: str, result: Any) -> Any:
        if f != "read" or not isinstance(result, Sequence | set | frozenset):
            return result
        members = frozenset(map(canonical, result))
        return members if len(members) == len(result) else ("a member twice", result)


class Queue(Model):
    """First in, first out: ``enqueue(v)``, ``dequeue`` with the head, or None or "" when empty."""

    initial = ()

    def initial_for(self, key: Any) -> Any:
        return tuple(self.initial)

    def apply(self, state: Any, f: str, value: Any) -> Any:
        match f:
            case "enqueue":
                if value is None or value == "":
                    raise ValueError(
                        f"{value!r} was enqueued, but a dequeue of an empty queue "
                        "answers the same; enqueue something else"
                    )
                return (*state, value), ANYTHING
            case "dequeue":
                return (state[1:], state[0]) if state else (state, None)
        raise self._unknown(f)

    def is_read(self, operation: Operation) -> bool:
        empty = operation.result is None or operation.result == ""
        return operation.f == "dequeue" and operation.outcome == "ok" and empty

    def seen(self, f: str, result: Any) -> Any:
        return None if f == "dequeue" and result == "" else result


class Log(Model):
    """An append-only list: ``append(v)``, ``read`` of all entries, oldest first."""

    initial = ()
    reads = frozenset({"read"})

    def initial_for(self, key: Any) -> Any:
        return tuple(self.initial)

    def apply(self, state: Any, f: str, value: Any) -> Any:
        match f:
            case "read":
                return state, state
            case "append":
                return (*state, value), ANYTHING
        raise self._unknown(f)


class Lock(Model):
    """A lock, held or free: ``acquire`` can take effect when it is free, ``release`` when held."""

    initial = False

    def apply(self, state: Any, f: str, value: Any) -> Any:
        match f:
            case "acquire":
                return ILLEGAL if state else (True, ANYTHING)
            case "release":
                return (False, ANYTHING) if state else ILLEGAL
        raise self._unknown(f)


def _appended(state: Any, value: Any) -> Any:
    if state is None:
        return value, ANYTHING
    if isinstance(state, str) and isinstance(value, str):
        return state + value, ANYTHING
    if isinstance(state, list | tuple) and isinstance(value, list | tuple):
        return (*state, *value), ANYTHING
    return ILLEGAL
