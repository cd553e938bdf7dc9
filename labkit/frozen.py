"""Attributes as hashable values, and back: how a node's state is compared, kept and restored.

Lists, dicts, sets and plain objects are taken apart and built anew; numbers, texts, enums and
messages stay what they are.  A dict keeps its order, since a handler may follow it.  Refused:
what cannot be taken apart, and one mutable value that is reached in two ways, since the two
would drift apart when it is built anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, NamedTuple

from labkit.history import Operation
from labkit.message import is_message

_ATOMS = (type(None), bool, int, float, str, bytes, type, Operation, Enum)


class NotComparable(TypeError):
    """A value whose states cannot be told apart, so that no search can be exhaustive."""


class _Made(NamedTuple):
    """A mutable value: what it is made by, from which frozen parts."""

    kind: Any
    parts: Any


def freeze(attributes: dict[str, Any], owner: object) -> tuple[Any, ...]:
    """All `attributes` of `owner` as one hashable value; NotComparable names the one that resists."""
    seen = {id(owner)}
    return tuple((name, _freeze(value, name, seen)) for name, value in sorted(attributes.items()))


def thaw(frozen: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The attributes that ``freeze`` took apart, built anew."""
    return {name: _thaw(value) for name, value in frozen}


def _freeze(value: Any, name: str, seen: set[int]) -> Any:
    kind = type(value)
    if isinstance(value, _ATOMS) or is_message(value):
        return value
    if kind is tuple:
        return tuple(_freeze(item, name, seen) for item in value)
    if kind is frozenset:
        return frozenset(_freeze(item, name, seen) for item in value)
    if id(value) in seen:
        raise NotComparable(
            f"{name} holds a {kind.__name__} that is held elsewhere too. Give each a copy of its own."
        )
    seen.add(id(value))
    if kind is list:
        return _Made(list, tuple(_freeze(item, name, seen) for item in value))
    if kind is set:
        return _Made(set, frozenset(_freeze(item, name, seen) for item in value))
    if kind is dict:
        return _Made(dict, tuple((_freeze(k, name, seen), _freeze(v, name, seen)) for k, v in value.items()))
    return _reduce(value, name, seen)


def _reduce(value: Any, name: str, seen: set[int]) -> _Made:
    """Any other object by its own recipe, the one that copying and pickling use."""
    try:
        recipe = value.__reduce_ex__(4)
        make, given, state, items, pairs = (*recipe, None, None, None)[:5]
    except (TypeError, ValueError):
        raise NotComparable(
            f"{name} holds a {type(value).__name__}. Use numbers, texts, tuples, lists, sets, dicts."
        ) from None
    parts = (tuple(given), state, list(items or ()), list(pairs or ()))
    if not callable(make):
        raise NotComparable(f"{name} holds {value!r}. Use numbers, texts, tuples, lists, sets, dicts.")
    return _Made(make, tuple(_freeze(part, name, seen) for part in parts))


def _thaw(value: Any) -> Any:
    kind = type(value)
    if kind is tuple:
        return tuple(map(_thaw, value))
    if kind is frozenset:
        return frozenset(map(_thaw, value))
    if kind is not _Made:
        return value
    if value.kind in (list, set):
        return value.kind(map(_thaw, value.parts))
    if value.kind is dict:
        return {_thaw(k): _thaw(v) for k, v in value.parts}
    return _build(value.kind, *map(_thaw, value.parts))


def _build(make: Any, given: tuple[Any, ...], state: Any, items: list[Any], pairs: list[Any]) -> Any:
    made = make(*given)
    attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    for name, value in {**(attributes or {}), **(slots or {})}.items():
        object.__setattr__(made, name, value)
    for item in items:
        made.append(item)
    for key, value in pairs:
        made[key] = value
    return made
