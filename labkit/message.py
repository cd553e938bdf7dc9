"""Messages: frozen, hashable, plain data, with one canonical encoding.

Only plain data (``plain``) may be sent, saved or stated as a fact.

``encode`` turns plain data into tagged JSON values and ``decode`` turns them back; trace,
replay, storage, the judge and the wire all use this form.  ``decode`` builds only classes
that the caller names, so bytes from a stranger can never run code.
"""

from __future__ import annotations

import base64
import binascii
import json
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from enum import Enum
from typing import Any, dataclass_transform

from labkit.plain import (
    DEPTH_MAX,
    INT_BITS_MAX,
    WORD,
    Fits,
    NotPlainData,
    check_plain,
    compile_annotation,
    is_message,
    plain,
    refusal,
    words,
)

__all__ = [
    "NodeId",
    "NotPlainData",
    "canonical",
    "classes_of",
    "decode",
    "encode",
    "is_message",
    "message",
    "plain",
]

NodeId = str


@dataclass_transform(frozen_default=True)
def message(cls: type) -> type:
    """Make `cls` a message: frozen, hashable, compared by value, its fields checked when it is made.

    A field's annotation is checked too, so that a wrong type is found where it was made and
    not where it arrives.  Raises NotPlainData, with the field and what to use instead.
    """
    if "__post_init__" in cls.__dict__:
        raise TypeError(f"message {cls.__name__} has a __post_init__; compute values before making it")
    made: Any = dataclass(frozen=True, slots=True)(cls)
    made.__message_checks__ = ()
    made.__message_fields__ = tuple(field.name for field in fields(made))
    made.__repr__ = _named_fields

    def __init__(self: Any, *given: Any, **named: Any) -> None:  # noqa: N807 - the first time only
        made.__message_checks__ = _field_checks(made)  # all names that annotations use exist by now
        made.__init__ = _compiled_init(made)
        made.__init__(self, *given, **named)

    made.__init__ = __init__
    return made


def encode(value: Any) -> Any:
    """The canonical JSON form of plain data: equal values give equal JSON, in any process."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        return value if abs(value) < 1 << 53 else {"int": hex(check_plain(value, "this number", 0))}
    if kind is float:
        return {"float": repr(check_plain(value, "this number", 0))}
    if kind is bytes:
        return {"bytes": base64.b64encode(value).decode()}
    if kind is tuple:
        return [encode(item) for item in value]
    if kind is frozenset:
        return {"set": sorted((encode(item) for item in value), key=canonical)}
    if isinstance(value, Enum):
        return {"enum": [kind.__name__, value.name]}
    if is_message(value):
        names = kind.__message_fields__
        return {"message": [kind.__name__, *(encode(getattr(value, name)) for name in names)]}
    raise NotPlainData(refusal(value, "this value"))


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


def _named_fields(self: Any) -> str:
    named = ", ".join(f"{name}={words(getattr(self, name))}" for name in self.__message_fields__)
    return f"{type(self).__name__}({named})"


def _compiled_init(cls: Any) -> Any:
    """An ``__init__`` that sets the slots and checks the types inline: messages are made all the time."""
    scope: dict[str, Any] = {"check_fields": _check_fields}
    heads, sets, tests = ["self"], [], []
    for field, (name, leaves, fits, wanted) in zip(fields(cls), cls.__message_checks__, strict=True):
        scope |= {f"set_{name}": vars(cls)[name].__set__, f"leaves_{name}": leaves, f"fits_{name}": fits}
        scope[f"default_{name}"] = field.default
        heads.append(name if field.default is MISSING else f"{name}=default_{name}")
        sets.append(f"set_{name}(self, {name})")
        whole = f"{name}.__class__ is int and {-WORD} < {name} < {WORD} or " if wanted is int else ""
        tests.append(
            f"({whole}{name}.__class__ in leaves_{name}{f' or fits_{name}({name})' if fits else ''})"
        )
    lines = [*sets, f"if not ({' and '.join(tests) or True}): check_fields(self)"]
    exec(f"def __init__({', '.join(heads)}):\n " + "\n ".join(lines), scope)
    return scope["__init__"]


def _check_fields(self: Any) -> None:
    for name, leaves, fits, wanted in type(self).__message_checks__:
        value = getattr(self, name)
        if type(value) not in leaves and not (fits and fits(value)):
            _refuse_field(self, name, value, wanted)


def _field_checks(cls: type) -> tuple[tuple[str, frozenset[type], Fits | None, Any], ...]:
    try:
        hints = typing.get_type_hints(cls)
    except (NameError, TypeError):
        hints = {}  # an annotation that cannot be resolved is not checked
    return tuple((f.name, *compile_annotation(hints.get(f.name, Any))) for f in fields(cls))


def _refuse_field(message: Any, name: str, value: Any, wanted: Any) -> None:
    what = f"{type(message).__name__}.{name}"
    check_plain(value, what, 0)
    declared = wanted.__name__ if isinstance(wanted, type) else wanted
    raise NotPlainData(f"{what} is {value!r}, but it is declared as {declared}. Give it that type.")


def _decode(encoded: Any, classes: Mapping[str, type], depth: int) -> Any:
    if depth > 2 * DEPTH_MAX:
        raise ValueError("nested too deep")
    if encoded is None or type(encoded) in (bool, int, str):
        return check_plain(encoded, "a decoded value", 0)
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
    return float(check_plain(float(body), "a decoded value", 0))


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
