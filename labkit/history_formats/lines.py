"""The lines of a history file as events, in three formats told apart by the first line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from labkit.history_formats.recording import BadInput, Event, shown

MAX_EVENTS = 2_000_000
MAX_LINE_BYTES = 16_000_000
MAX_DEPTH = 100

PORCUPINE = re.compile(
    r"\{:process (?P<process>\d+), :type :(?P<type>\w+), :f :(?P<f>\w+), "
    r':key "(?P<key>.*)", :value (?:nil|"(?P<value>.*)")\}'
)
JEPSEN = re.compile(
    r"INFO\s+jepsen\.util\s+-\s+(?P<process>\d+)\s+:(?P<type>\w+)\s+:(?P<f>\w+)\s+"
    r"(?:nil|(?P<number>-?\d+)|\[(?P<old>-?\d+) +(?P<new>-?\d+)\]|:[\w-]+)(?:\s+:hint\s+\d+)?"
)
OTHER_LOG_LINE = re.compile(r"(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\s+\S+\s+-\s+(?!\d)\S")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')

Reader = Callable[[str], Event | None]


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1; never more than one in memory."""
    with path.open("rb") as file:
        number = 0
        while raw := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if number > MAX_EVENTS:
                raise BadInput(f"line {number}: more than {MAX_EVENTS} lines; check a part of the run")
            if len(raw) > MAX_LINE_BYTES:
                raise BadInput(f"line {number}: longer than {MAX_LINE_BYTES} bytes; this is no history")
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError as error:
                raise BadInput(
                    f"line {number}: not UTF-8 text ({error.reason} at byte {error.start + 1})"
                ) from None
            if line:
                yield number, line


def reader_for(first_line: str) -> Reader:
    """The reader of the format that a file with this first line has."""
    if first_line.startswith("{:"):
        return read_porcupine
    if re.match(r"[A-Z]+\s", first_line):
        return read_jepsen
    return read_json


def read_json(line: str) -> Event:
    """An event written as one JSON object."""
    if line.count("[") + line.count("{") > MAX_DEPTH and _depth(line) > MAX_DEPTH:
        raise BadInput(f"nested deeper than {MAX_DEPTH} levels")
    try:
        event = _DECODER.decode(line)
    except json.JSONDecodeError as error:
        raise BadInput(f"not JSON: {error.msg} at character {error.colno}") from None
    if not isinstance(event, dict):
        raise BadInput(f"{shown(event)} is not an event; each line is one JSON object")
    return event


def parse_json(text: str) -> Any:
    """A JSON value from the command line, under the same rules."""
    try:
        return read_json(f'{{"value": {text}\n}}')["value"]
    except BadInput as error:
        raise BadInput(f"{text[:60]!r} is not a JSON value ({error})") from None


def _depth(line: str) -> int:
    depth = deepest = 0
    for character in STRING.sub("", line):
        depth += (character in "[{") - (character in "]}")
        deepest = max(deepest, depth)
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> Event:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadInput(f"the name {shown(twice)} appears twice in one object")
    return found


def _constant(name: str) -> NoReturn:
    raise BadInput(f"{name} is not a JSON value; every number is finite")


def _float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise BadInput(f"the number {text[:40]} is too large")
    return number


def _int(text: str) -> int:
    if len(text) > 4000:
        raise BadInput(f"a number of {len(text)} digits is too large")
    return int(text)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
)


def read_porcupine(line: str) -> Event:
    """An event of Porcupine's key-value logs."""
    match = PORCUPINE.fullmatch(line)
    if match is None:
        raise BadInput("not an event of a Porcupine log, {:process 1, :type :ok, :f :get, :key ...}")
    event: Event = match.groupdict()
    return {**event, "process": int(event["process"])}


def read_jepsen(line: str) -> Event | None:
    """An event of Jepsen's etcd logs; None for what is no client operation."""
    match = JEPSEN.fullmatch(line)
    if match is None:
        if OTHER_LOG_LINE.match(line):
            return None
        raise BadInput("not a line of a Jepsen log, INFO  jepsen.util - 1 :ok :read 3")
    process, kind, f, number, old, new = match.groups()
    value: Any = None if number is None else int(number)
    if old is not None:
        value = [int(old), int(new)]
    if f == "cas" and kind == "fail" and value is not None:
        kind, value = "ok", [*value, False]
    return {"process": int(process), "type": kind, "f": f, "value": value}
