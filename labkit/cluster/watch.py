"""What is seen of a running cluster: logs that grow, and the trace, history and facts in them.

Everything is read up to one moment, the cut: all rows before it are there that anything
before it depends on.  Facts are judged as they come in, each log in its order.
"""

from __future__ import annotations

import math
from collections import Counter

from labkit.cluster.fleet import Fleet
from labkit.cluster.recording import (
    BROKEN,
    Decoder,
    Said,
    event_of,
    judged,
    merged,
    said_in,
    trace_of,
    violations,
)  # fmt: skip
from labkit.facts import FactBook, Violation
from labkit.host.record import Row, pack
from labkit.message import NodeId
from labkit.runtime import Derive
from labkit.system import System
from labkit.trace import Event, Trace

COUNTED = ("crash", "pause", "drop")
"""Kinds of rows that are faults by themselves."""


class Watch:
    """The run of `fleet` so far; `decoded` builds its messages, `derive` states facts besides."""

    def __init__(self, fleet: Fleet, system: System, decoded: Decoder, derive: tuple[Derive, ...]) -> None:
        self._fleet, self._system, self._decoded, self._derive = fleet, system, decoded, derive
        self.facts, self.faults, self.broken = FactBook(), Counter[str](), False
        self._marks: list[Row] = []
        self._cut_us, self._drawn = 0.0, (-1, Trace(()))

    def pull(self) -> None:
        """Read what is new in the logs."""
        if self._cut_us < math.inf:
            self._cut_us = self._fleet.clock.now_us() - self._fleet.skew_us
            self.add(self._fleet.read())

    def close(self, rows: list[Row]) -> None:
        """These were the last rows."""
        self.add(rows)
        self._cut_us = math.inf

    @property
    def is_closed(self) -> bool:
        """Is it over?"""
        return self._cut_us == math.inf

    def trace(self) -> Trace:
        """What happened so far."""
        self.pull()
        rows = self._rows()
        if self._drawn[0] != len(rows):
            ids = [id for id, _ in self._system.members]
            self._drawn = len(rows), trace_of(ids, rows, self._decoded)
        return self._drawn[1]

    def said(self) -> list[Said]:
        """What the clients said so far."""
        self.pull()
        return said_in(self._rows(), self._decoded)

    def violation(self) -> Violation | None:
        """The first rule that broke."""
        self.pull()
        return judged(self.trace(), self._derive)[1] if self.broken else None

    def mark(self, kind: str, id: NodeId, data: object = None, at_us: int | None = None) -> None:
        """Add a row of the controller's own."""
        time_us = self._fleet.clock.now_us() if at_us is None else at_us
        self._marks.append([time_us, kind, id, None, pack(data), 0])
        self.add(self._marks[-1:])

    def add(self, rows: list[Row]) -> None:
        """Look at new rows for faults, facts and errors."""
        for row in rows:
            kind = row[1]
            if kind in COUNTED:
                self.faults[kind] += 1
            if kind == "fact" or kind in BROKEN or self._derive:
                event = Event._make(event_of(row, self._decoded, {}))
                self.broken |= any([*violations(self.facts, event, 0, self._derive)])

    def _rows(self) -> list[Row]:
        logs = [member.rows for member in self._fleet.members.values()]
        return merged([self._marks, *logs], self._cut_us)
