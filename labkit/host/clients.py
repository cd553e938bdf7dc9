"""A client's work: its calls, one after the other, and when each began and ended.

The times that order a history are read from the machine's monotonic clock: before the
handler that begins an operation, and after the one that ends it.  So an operation that is
recorded as ended before another began did end before, and whatever is closer counts as
concurrent.  All clients of a cluster live on one machine, where that clock is one clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from labkit.history import History, Operation
from labkit.message import NodeId
from labkit.system import Call


class Calls:
    """What one client is asked for; operations are numbered `first`, `first` + `step`, ..."""

    def __init__(self, client: NodeId, calls: tuple[Call, ...], first: int, step: int) -> None:
        self._client, self._calls, self._first, self._step = client, calls, first, step
        self._history, self._waiting, self._last_ns = History(), 0, 0

    @property
    def left(self) -> bool:
        """Is there a call to make?"""
        return self._waiting < len(self._calls)

    def begin(self, invoke: Callable[[Operation, int], None]) -> None:
        """Invoke the next operation, with the time before it began."""
        f, key, value = self._calls[self._waiting]
        self._waiting += 1
        operation = self._history.invoke(self._client, f, key, value)
        numbered = replace(operation, id=self._first + operation.id * self._step)
        while (now_ns := time.monotonic_ns()) <= self._last_ns:
            pass  # the clock's grain: it begins after the last one ended, not at the same time
        invoke(numbered, now_ns)

    def end(self, kind: str, id: int, result: Any = None) -> int:
        """Operation `id` ended just now: the time after it.  ValueError if it had ended before."""
        self._last_ns = time.monotonic_ns()
        given = (result,) if kind == "ok" else ()
        getattr(self._history, kind)((id - self._first) // self._step, *given)
        return self._last_ns
