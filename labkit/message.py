"""Messages: frozen, hashable, plain data, with one canonical encoding.

Plain data is None, bool, int (up to 4,096 bits), finite float, str, bytes, Enum, tuple,
frozenset and other messages.  Nothing else may be sent, saved or stated as a fact,
because anything else could be shared between nodes that in truth share nothing.

``encode`` turns plain data into tagged JSON values and ``decode`` turns them back; trace,
replay, storage, the judge and the wire all use this form.  ``decode`` builds only classes
that the caller names, so bytes from a stranger can never run code.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from enum import Enum
from typing import Any, dataclass_transform

NodeId = str

INT_BITS_MAX = 4096
DEPTH_MAX = 50

_INT_LIMIT = 1 << INT_BITS_MAX
_WORD = 1 << 62
_LEAVES = frozenset({type(None), bool, str, bytes})
_UNIONS = (typing.Union, types.UnionType)
_Fits = Callable[[Any], bool]

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


@dataclass_transform(frozen_default=True)
def message(cls: type) -> type:
    """Make `cls` a message: frozen, hashable, compared by value, its fields checked when it is made.

    A field's annotation is checked too, so that a wrong type is found where it was made and
    not where it arrives.  Raises NotPlainData, with the field and what to use instead.
    """
    if "__post_init__" in cls.__dict__:
        raise TypeError(f"message {cls.__name__} has a __post_init__; compute values before making it")
    made = dataclass(frozen=True, slots=True)(cls)
    made.__message_checks__ = ()

    def __init__(self: Any, *given: Any, **named: Any) -> None:  # noqa: N807 - the first time only
        made.__message_checks__ = _field_checks(made)  # all names that annotations use exist by now
        made.__init__ = _compiled_init(made)
        made.__init__(self, *given, **named)

    made.__init__ = __init__
    return made


def is_message(value: object) -> bool:
    """Is `value` an instance of a class made by ``@message``?"""
    return hasattr(type(value), "__message_checks__")


def plain(value: Any, what: str = "this value") -> Any:
    """`value` itself, if it is plain data; else NotPlainData, naming `what` and the remedy."""
    if type(value) not in _LEAVES:
        _check(value, what, 0)
    return value


def encode(value: Any) -> Any:
    """The canonical JSON form of plain data: equal values give equal JSON, in any process."""
    kind = type(value)
    if kind in (type(None), bool, str):
        return value
    if kind is int:
        return value if abs(value) < 1 << 53 else {"int": hex(_check(value, "this number", 0))}
    if kind is float:
        return {"float": repr(_check(value, "this number", 0))}
    if kind is bytes:
        return {"bytes": base64.b64encode(value).decode()}
    if kind is tuple:
        return [encode(item) for item in value]
    if kind is frozenset:
        return {"set": sorted((encode(item) for item in value), key=canonical)}
    if isinstance(value, Enum):
        return {"enum": [kind.__name__, value.name]}
    if is_message(value):
        return {"message": [kind.__name__, *(encode(getattr(value, f.name)) for f in fields(value))]}
    raise NotPlainData(_refusal(value, "this value"))


def canonical(encoded: Any) -> str:
    """One text for one encoded value: what is hashed, compared and sorted by."""
    return json.dumps(encoded, sort_keys=True, separators=(",", ":"), allow_nan=False)


def decode(encoded: Any, classes: Mapping[str, type]) -> Any:
    """The value whose ``encode`` is `encoded`; messages and enums are looked up in `classes`.

    Raises ValueError for anything that ``encode`` cannot have produced.
    """
    try:
        return _decode(encoded, classes, 0)
    except (KeyError, TypeError, IndexError, OverflowError, binascii.Error) as error:
        raise ValueError(f"not an encoded value: {error}") from error


def classes_of(namespace: Mapping[str, Any]) -> dict[str, type]:
    """The message and Enum classes defined in `namespace`, by name: what ``decode`` may build."""
    return {
        thing.__name__: thing
        for thing in namespace.values()
        if isinstance(thing, type) and (hasattr(thing, "__message_checks__") or issubclass(thing, Enum))
    }


def _compiled_init(cls: Any) -> Any:
    """An ``__init__`` that sets the slots and checks the types inline: messages are made all the time."""
    scope: dict[str, Any] = {"check_fields": _check_fields}
    heads, sets, tests = ["self"], [], []
    for field, (name, leaves, fits, wanted) in zip(fields(cls), cls.__message_checks__, strict=True):
        scope |= {f"set_{name}": vars(cls)[name].__set__, f"leaves_{name}": leaves, f"fits_{name}": fits}
        scope[f"default_{name}"] = field.default
        heads.append(name if field.default is MISSING else f"{name}=default_{name}")
        sets.append(f"set_{name}(self, {name})")
        whole = f"{name}.__class__ is int and {-_WORD} < {name} < {_WORD} or " if wanted is int else ""
        tests.append(f"({whole}{name}.__class__ in leaves_{name}{f' or fits_{name}({name})' if fits else ''})")
    lines = [*sets, f"if not ({' and '.join(tests) or True}): check_fields(self)"]
    exec(f"def __init__({', '.join(heads)}):\n " + "\n ".join(lines), scope)
    return scope["__init__"]


def _check_fields(self: Any) -> None:
    for name, leaves, fits, wanted in type(self).__message_checks__:
        value = getattr(self, name)
        if type(value) not in leaves and not (fits and fits(value)):
            _refuse_field(self, name, value, wanted)


def _field_checks(cls: type) -> tuple[tuple[str, frozenset[type], _Fits | None, Any], ...]:
    try:
        hints = typing.get_type_hints(cls)
    except (NameError, TypeError):
        hints = {}  # an annotation that cannot be resolved is not checked
    return tuple((f.name, *_compile(hints.get(f.name, Any))) for f in fields(cls))


def _refuse_field(message: Any, name: str, value: Any, wanted: Any) -> None:
    what = f"{type(message).__name__}.{name}"
    _check(value, what, 0)
    declared = wanted.__name__ if isinstance(wanted, type) else wanted
    raise NotPlainData(f"{what} is {value!r}, but it is declared as {declared}. Give it that type.")


def _compile(wanted: Any) -> tuple[frozenset[type], _Fits | None, Any]:
    """What an annotation accepts: types that need no further look, and a test for the rest."""
    options = typing.get_args(wanted) if typing.get_origin(wanted) in _UNIONS else (wanted,)
    leaves: set[type] = set()
    tests: list[_Fits] = []
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


def _test_of(wanted: Any) -> _Fits:
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


def _test_of_items(kind: type, wanted: tuple[Any, ...]) -> _Fits:
    if kind is frozenset or (len(wanted) == 2 and wanted[1] is Ellipsis):
        leaves, fits, _ = _compile(wanted[0])
        return lambda value: (
            type(value) is kind
            and (leaves.issuperset(map(type, value)) or all(type(v) in leaves or bool(fits and fits(v)) for v in value))
        )
    tests = [_compile(item) for item in wanted]
    return lambda value: (
        type(value) is tuple
        and len(value) == len(tests)
        and all(
            type(v) in leaves or bool(fits and fits(v))
            for v, (leaves, fits, _) in zip(value, tests, strict=True)
        )
    )


def _is_frozen_class(wanted: Any) -> bool:
    return isinstance(wanted, type) and (hasattr(wanted, "__message_checks__") or issubclass(wanted, Enum))


def _is_plain(value: Any) -> bool:
    try:
        _check(value, "", 0)
    except NotPlainData:
        return False
    return True


def _check(value: Any, what: str, depth: int) -> Any:
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
                _check(item, what, depth + 1)
        return value
    if isinstance(value, Enum) or is_message(value):
        return value  # a message's fields were checked when it was made
    raise NotPlainData(_refusal(value, what))


def _is_leaf(kind: type) -> bool:
    """Is every value of this class plain data, whatever it holds?"""
    return kind in _LEAVES or _is_frozen_class(kind)


def _refusal(value: Any, what: str) -> str:
    kind = type(value).__name__
    instead = _INSTEAD.get(kind, "a tuple of plain values, or a message")
    return (
        f"{what} holds a {kind}, but nodes share only plain data "
        f"(None, bool, int, float, str, bytes, Enum, tuple, frozenset, message). Use {instead}."
    )


def _decode(encoded: Any, classes: Mapping[str, type], depth: int) -> Any:
    if depth > 2 * DEPTH_MAX:
        raise ValueError("nested too deep")
    if encoded is None or type(encoded) in (bool, int, str):
        return _check(encoded, "a decoded value", 0)
    if type(encoded) is list:
        return tuple(_decode(item, classes, depth + 1) for item in encoded)
    if type(encoded) is not dict or len(encoded) != 1:
        raise ValueError(f"{type(encoded).__name__} is not an encoded value")
    ((tag, body),) = encoded.items()
    return _DECODERS[tag](body, classes, depth + 1)


def _decode_message(body: Any, classes: Mapping[str, type], depth: int) -> Any:
    name, *values = body
    cls = classes.get(name)
    if cls is None or not hasattr(cls, "__message_checks__"):
        raise ValueError(f"no message class is named {name!r}")
    return cls(*(_decode(value, classes, depth) for value in values))


def _decode_enum(body: Any, classes: Mapping[str, type], _depth: int) -> Any:
    name, member = body
    cls = classes.get(name)
    if cls is None or not issubclass(cls, Enum):
        raise ValueError(f"no Enum is named {name!r}")
    return cls[member]


def _decode_float(body: Any, _classes: Mapping[str, type], _depth: int) -> float:
    return float(_check(float(body), "a decoded value", 0))


def _decode_int(body: Any, _classes: Mapping[str, type], _depth: int) -> int:
    if len(body) > INT_BITS_MAX // 4 + 3:
        raise ValueError("an int that is too long")
    return int(body, 16)


_DECODERS: dict[str, Callable[[Any, Mapping[str, type], int], Any]] = {
    "float": _decode_float,
    "int": _decode_int,
    "bytes": lambda body, _classes, _depth: base64.b64decode(body, validate=True),
    "set": lambda body, classes, depth: frozenset(_decode(item, classes, depth) for item in body),
    "enum": _decode_enum,
    "message": _decode_message,
}
