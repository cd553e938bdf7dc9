"""The log of one node: what happened to it, in order, in one file that survives SIGKILL.

Trace and storage are the same file, so they cannot disagree: a row goes to the file before
what it tells of leaves the process, and a restart reads its storage back from the ``save``
rows.  A tail torn by the kill is no row, and is cut off.  Whoever watches a node reads the
file, so nothing is lost with the process, and a stopped node can still be read.

A row is ``[time_us, kind, node, peer, data, id, effects, machine_ns]``, packed by msgpack; see
``trace`` for the first six.  ``data`` is an encoded value, packed once more, since messages
come and go in that form.  ``effects`` says how many effects the handler asked for, so that a
kill between two of them shows; ``machine_ns`` is the machine's clock, for clients' events.

Does not call fsync: a lost machine loses its tail, and storage with a cache is simulated.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from labkit.message import decode, encode

Row = list[Any]

LOG_BYTES_MAX = 256 << 20
READ_BYTES = 16 << 20

EFFECTS = frozenset(
    (
        "send", "save", "sync", "set_timer", "cancel_timer", "ok", "fail", "info",
        "fact", "print", "error", "unwritten",
    )
)  # fmt: skip
"""The rows that a handler's effects make, one each."""


_LEAVES = frozenset((str, bool, type(None)))
_LEAVES_OR_INT = _LEAVES | {int}
_EXACT = 1 << 53
_names: dict[type, tuple[str, ...]] = {}


class Clock:
    """Hybrid logical time: microseconds since `epoch_us`, but later than every cause.

    Never behind the machine's monotonic clock, and ahead of it only by what causes demand.
    (Kulkarni et al., Logical Physical Clocks, 2014, with both parts in one number.)
    """

    __slots__ = ("_last", "epoch_us", "read_us")

    def __init__(self, epoch_us: int) -> None:
        self.epoch_us, self.read_us, self._last = epoch_us, 0, -1

    def now_us(self) -> int:
        """The machine's clock, since the epoch."""
        return time.monotonic_ns() // 1000 - self.epoch_us

    def tick(self, seen: int = 0) -> int:
        """The time of one more event, which knows of an event at `seen`."""
        now_us = self.read_us = time.monotonic_ns() // 1000 - self.epoch_us
        last_us = self._last if self._last > seen else seen
        self._last = now_us if now_us > last_us else last_us + 1
        return self._last


class Log:
    """The file that one life of a node appends to; rows wait in memory until ``write``."""

    def __init__(self, path: Path) -> None:
        import msgpack

        self.path, self._bytes = path, 0
        self._rows: list[bytes] = []
        self._pack = msgpack.Packer().pack
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)

    def recover(self, classes: Mapping[str, type]) -> dict[str, Any]:
        """What earlier lives saved; whatever the last one left half written is cut off."""
        rows, end = parse(self.path.read_bytes())
        os.ftruncate(self._file, end)
        self._bytes = end
        saved: dict[str, Any] = {}
        for row in rows:
            if row[1] == "save":
                saved.update(unpack(row[4], classes))
        return saved

    def add(self, *row: Any) -> None:
        """Remember one row."""
        self._rows.append(self._pack(row))

    def write(self) -> None:
        """Hand all rows to the kernel, which keeps them whatever happens to this process."""
        if self._rows:
            block = memoryview(b"".join(self._rows))
            self._rows.clear()
            self._bytes += len(block)
            while block:
                block = block[os.write(self._file, block) :]

    @property
    def full(self) -> bool:
        """Has the node written more than any honest run does?"""
        return self._bytes > LOG_BYTES_MAX


def parse(data: bytes) -> tuple[list[Row], int]:
    """The whole rows at the start of `data`, and how many bytes they take."""
    import msgpack

    unpacker, rows, end = msgpack.Unpacker(max_buffer_size=0), [], 0
    unpacker.feed(data)
    for row in unpacker:
        rows.append(row)
        end = unpacker.tell()
    return rows, end


def read(path: str, offset: int) -> bytes:
    """Up to 16 MB of a log from `offset`; nothing if there is no log yet."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(READ_BYTES)
    except FileNotFoundError:
        return b""


@cache
def _packer() -> Any:
    import msgpack

    return msgpack.Packer().pack


def pack(value: Any) -> bytes:
    """Plain data as bytes: encoded, then msgpack; a save's fields may be given as a dict."""
    if isinstance(value, dict):
        value = tuple(sorted(value.items()))
    packed: bytes = _packer()(encode(value))
    return packed


def pack_message(message: Any) -> bytes:
    """``pack`` for a message, quicker: what needs no encoding is not looked at again."""
    kind = type(message)
    names = _names.get(kind)
    if names is None:
        names = _names[kind] = tuple(field.name for field in fields(kind))
    values = [getattr(message, name) for name in names]
    encoded = [
        v if v.__class__ in _LEAVES or (v.__class__ is int and -_EXACT < v < _EXACT) else encode(v)
        for v in values
    ]
    packed: bytes = _packer()({"message": [kind.__name__, *encoded]})
    return packed


def unpack(data: bytes, classes: Mapping[str, type]) -> Any:
    """The inverse of ``pack``; ValueError for anything that it cannot have made."""
    import msgpack

    try:
        encoded = msgpack.unpackb(data)
        body = encoded.get("message") if encoded.__class__ is dict else None
        if body.__class__ is list and len(encoded) == 1 and body[0] in classes:
            return _message(classes[body[0]], body, classes)
        return decode(encoded, classes)
    except (msgpack.UnpackException, RecursionError, TypeError, IndexError) as error:
        raise ValueError(f"not packed plain data: {error}") from error


def _message(cls: type, body: list[Any], classes: Mapping[str, type]) -> Any:
    if not hasattr(cls, "__message_checks__"):
        raise ValueError(f"{body[0]} is no message class")
    leaves = _LEAVES_OR_INT
    return cls(*[v if v.__class__ in leaves else decode(v, classes) for v in body[1:]])
