"""What crosses the pipe between judge and student: effects and operations as JSON.

Both sides use this module.  The judge's side trusts nothing: exact types, exact shapes, known
nodes, known operations, plain data, all within limits; ValueError with a sentence otherwise.
See ``PROTOCOL.md``.
"""

from __future__ import annotations

import json
import keyword
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, NoReturn

from labkit.history import Operation
from labkit.message import canonical, decode, encode, message
from labkit.node import TIMER_MS_MAX, Effect

LINE_BYTES_MAX = 1 << 20
TEXT_MAX, TEXTS_MAX = 4_000, 50
CLASSES_MAX, MEMBERS_MAX, NAME_MAX = 200, 200, 100


# -- lines ------------------------------------------------------------------------------------


def to_line(value: Any) -> bytes:
    """One JSON value as one line."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def from_line(line: bytes) -> dict[str, Any]:
    """The JSON object in a line from a stranger; ValueError for anything else."""
    try:
        value = json.loads(line.decode(), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if type(value) is not dict:
        raise ValueError("it is not a JSON object")
    if b"\\u" in line:
        json.dumps(value, ensure_ascii=False).encode()  # half a character is no text
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


# -- what the student's side writes -----------------------------------------------------------


def write_effect(effect: Effect) -> list[Any]:
    """An effect as JSON values."""
    kind, *rest = effect
    if kind == "send":
        return [kind, rest[0], encode(rest[1])]
    if kind == "save":
        return [kind, write_pairs(rest[0])]
    if kind == "set_timer":
        return [kind, encode(rest[0]), rest[1], rest[2]]
    if kind in ("fail", "info", "print", "error", "unwritten"):
        return [kind, rest[0]]
    if kind == "ok":
        return [kind, rest[0], encode(rest[1])]
    return [kind, *(encode(value) for value in rest)]


def write_pairs(values: Mapping[str, Any]) -> list[list[Any]]:
    """Named plain values as JSON, in their order."""
    return [[name, encode(value)] for name, value in values.items()]


def read_operation(raw: list[Any], classes: Mapping[str, type]) -> Operation:
    """An operation that the judge invokes."""
    id, client, process, f, key, value = raw
    return Operation(id, client, process, f, decode(key, classes), decode(value, classes))


def write_operation(operation: Operation) -> list[Any]:
    """What a client needs to know of an operation."""
    given = encode(operation.key), encode(operation.value)
    return [operation.id, operation.client, operation.process, operation.f, *given]


def write_classes(classes: Mapping[str, type]) -> dict[str, list[Any]]:
    """The names in message and Enum classes, for the side that must not load them."""
    return {
        name: ["enum", [[m.name, _enum_value(m)] for m in cls]]
        if issubclass(cls, Enum)
        else ["message", [field.name for field in fields(cls)]]
        for name, cls in classes.items()
    }


# -- what the judge reads ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Expected:
    """What a node may name in its effects: classes, members, operations that it was asked for."""

    classes: Mapping[str, type]
    system: Collection[str]
    invoked: Collection[int]


def read_effects(raw: Any, expected: Expected) -> list[Effect]:
    """The effects in a reply; ValueError, in words that go after "n1", for anything else."""
    if type(raw) is not list:
        raise ValueError("answered without a list of effects")
    return [_read_effect(item, expected) for item in raw]


def read_pairs(raw: Any, classes: Mapping[str, type]) -> dict[str, Any]:
    """Named plain values; ValueError for anything else."""
    if type(raw) is not list or not all(type(p) is list and len(p) == 2 for p in raw):
        raise ValueError("gave named values in a form that is none")
    return {read_name(name): decode(value, classes) for name, value in raw}


def read_text(raw: Any) -> str:
    """A text for people: cut to a length, control characters made visible."""
    if type(raw) is not str:
        raise ValueError("gave a text that is none")
    kept = raw if len(raw) <= TEXT_MAX else raw[:TEXT_MAX] + " ..."
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in kept)


def read_texts(raw: Any) -> list[str]:
    """A list of texts for people."""
    if type(raw) is not list:
        raise ValueError("gave a list that is none")
    return [read_text(text) for text in raw[:TEXTS_MAX]]


def read_name(raw: Any) -> str:
    """A short text that names something."""
    if type(raw) is not str or len(raw) > NAME_MAX:
        raise ValueError("gave a name that is none")
    return raw


def read_classes(raw: Any, known: Mapping[str, type]) -> dict[str, type]:
    """Stand-ins for classes that only the learner has: same name, same members, no code."""
    if type(raw) is not dict or len(raw) > CLASSES_MAX:
        raise ValueError("named its classes in a form that is none")
    return {name: _stand_in(name, body) for name, body in raw.items() if name not in known}


def _stand_in(name: str, body: Any) -> type:
    if type(body) is not list or len(body) != 2 or type(body[1]) is not list:
        raise ValueError("described a class in a form that is none")
    kind, members = body
    if len(members) > MEMBERS_MAX:
        raise ValueError(f"described a class {read_name(name)!r} of {len(members)} members")
    if kind == "enum":
        values = {_identifier(member): _value(value) for member, value in map(_pair, members)}
        return Enum(_identifier(name), values)  # type: ignore[return-value]
    annotations = {_identifier(member): Any for member in members}
    if len(annotations) < len(members):
        raise ValueError(f"described a class {name!r} with one field twice")
    return message(type(_identifier(name), (), {"__annotations__": annotations}))


def _enum_value(member: Enum) -> Any:
    return member.value if type(member.value) in (int, str) else member.name


def _pair(raw: Any) -> list[Any]:
    if type(raw) is not list or len(raw) != 2:
        raise ValueError("described a class in a form that is none")
    return raw


def _value(raw: Any) -> Any:
    return raw if type(raw) is int else read_name(raw)


def _identifier(raw: Any) -> str:
    name = read_name(raw)
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise ValueError(f"named a class or a member {name!r}, which is no name")
    return name


def _read_effect(raw: Any, expected: Expected) -> Effect:
    if type(raw) is not list or not raw or type(raw[0]) is not str or raw[0] not in _READERS:
        raise ValueError("answered with an effect that there is not")
    kind, *rest = raw
    size, reader = _READERS[kind]
    if len(rest) != size:
        raise ValueError(f"answered with a {kind} of {len(rest)} parts, but it has {size}")
    try:
        return (kind, *reader(rest, expected))
    except ValueError as error:
        raise ValueError(f"answered with a {kind} that cannot be: {error}") from error


def _read_send(rest: list[Any], expected: Expected) -> Effect:
    peer, body = rest
    if read_name(peer) not in expected.system:
        raise ValueError(f"there is no {peer!r} to send to")
    sent = decode(body, expected.classes)
    if not hasattr(type(sent), "__message_checks__"):
        raise ValueError(f"{canonical(body)[:NAME_MAX]} is not a message")
    return peer, sent


def _read_set_timer(rest: list[Any], expected: Expected) -> Effect:
    name, least, most = rest
    if type(least) is not int or type(most) is not int:
        raise ValueError("a timer's time is a whole number of microseconds")
    if not 0 <= least <= most <= TIMER_MS_MAX * 1000:
        raise ValueError(f"{least} to {most} microseconds is not a time in the future")
    return decode(name, expected.classes), least, most


def _read_end(rest: list[Any], expected: Expected) -> Effect:
    if type(rest[0]) is not int or rest[0] not in expected.invoked:
        raise ValueError(f"it was never asked for operation {str(rest[0])[:NAME_MAX]}")
    return rest[0], *_read_values(rest[1:], expected)


def _read_values(rest: list[Any], expected: Expected) -> Effect:
    return tuple(decode(value, expected.classes) for value in rest)


def _read_save(rest: list[Any], expected: Expected) -> Effect:
    return (read_pairs(rest[0], expected.classes),)


def _read_words(rest: list[Any], _: Expected) -> Effect:
    return (read_text(rest[0]),)


_READERS: dict[str, tuple[int, Any]] = {
    "send": (2, _read_send),
    "save": (1, _read_save),
    "sync": (0, _read_values),
    "set_timer": (3, _read_set_timer),
    "cancel_timer": (1, _read_values),
    "ok": (2, _read_end),
    "fail": (1, _read_end),
    "info": (1, _read_end),
    "fact": (2, _read_values),
    "print": (1, _read_words),
    "error": (1, _read_words),
    "unwritten": (1, _read_words),
}
