"""Builds a history from the events of a file, and refuses what cannot have happened."""

from __future__ import annotations

import json
from typing import Any

from labkit.history import History, Operation
from labkit.history_formats.calls import CALLS, CAS, Call, is_number
from labkit.models import canonical

Event = dict[str, Any]


class BadInput(ValueError):
    """The file is not a history; says in which line, and why."""


class Recording:
    """Builds a history of one model, event by event, and refuses what cannot have happened."""

    def __init__(self, model: str) -> None:
        self.history = History()
        self._model = model
        self._calls = CALLS[model][1]
        self._open: dict[Any, Operation] = {}

    def add(self, event: Event) -> None:
        """Record one event; `BadInput` if it does not fit what was recorded before."""
        process, kind, f = (_field(event, name) for name in ("process", "type", "f"))
        if isinstance(process, list | dict):
            raise BadInput(
                f"process is {shown(process)}, but it must be a string, number, true, false or null"
            )
        if kind not in ("invoke", "ok", "fail", "info"):
            raise BadInput(f"type is {shown(kind)}, but it must be invoke, ok, fail or info")
        call = self._calls.get(f) if isinstance(f, str) else None
        if call is None:
            raise BadInput(f"f is {shown(f)}, but the model {self._model} has only {', '.join(self._calls)}")
        time = event.get("time")
        if time is not None and not is_number(time):
            raise BadInput(f"time is {shown(time)}, but it must be a number")
        when = None if time is None else int(time)
        if kind == "invoke":
            self._invoke(process, f, call, event, when)
        else:
            self._end(process, kind, f, call, event, when)

    def _invoke(self, process: Any, f: str, call: Call, event: Event, when: int | None) -> None:
        name = canonical(process)
        if name in self._open:
            raise BadInput(
                f"process {shown(process)} invokes {f}, but its {self._open[name].f} has not "
                "ended; a process has one operation at a time"
            )
        value = None
        if call.takes is not None:
            value = _field(event, "value")
            if not call.takes(value):
                raise BadInput(f"{f} of {shown(value)}, but {f} takes {call.words}")
        self._open[name] = self.history.invoke(
            str(process), f, event.get("key"), value, process=process, time_us=when
        )

    def _end(self, process: Any, kind: str, f: str, call: Call, event: Event, when: int | None) -> None:
        operation = self._open.get(canonical(process))
        if operation is None:
            raise BadInput(f"process {shown(process)} ends {f} with {kind}, but has invoked nothing")
        if operation.f != f:
            raise BadInput(f"process {shown(process)} ends {f}, but has invoked {operation.f}")
        key = event.get("key")
        if key is not None and canonical(key) != canonical(operation.key):
            raise BadInput(f"{f} ends on key {shown(key)}, but was invoked on key {shown(operation.key)}")
        if kind == "ok":
            self.history.ok(operation.id, _result(operation, call, event), time_us=when)
        elif kind == "fail":
            self.history.fail(operation.id, time_us=when)
        else:
            self.history.info(operation.id, time_us=when)
        del self._open[canonical(process)]


def _field(event: Event, name: str) -> Any:
    if name not in event:
        raise BadInput(f"the event has no {name!r}")
    return event[name]


def _result(operation: Operation, call: Call, event: Event) -> Any:
    """What the client learned: the value read, or whether a cas took place."""
    if call is CAS:
        return _cas_result(operation, _field(event, "value"))
    if call.gives is None:
        return None
    value = _field(event, "value")
    if not call.gives(value):
        raise BadInput(f"{operation.f} answered {shown(value)}, but its answer is {call.words}")
    return value


def _cas_result(operation: Operation, value: Any) -> bool:
    expected = list(operation.value)
    for answer, result in (
        (expected, True),
        ([*expected, True], True),
        ([*expected, False], False),
    ):
        if canonical(value) == canonical(answer):
            return result
    raise BadInput(
        f"cas of {shown(expected)} ended with {shown(value)}, but it must end with "
        f"{shown(expected)}, or {shown([*expected, False])} if it was refused"
    )


def shown(value: Any) -> str:
    """The value as JSON, cut when it is long."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:40]}..."
