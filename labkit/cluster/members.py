"""The members of a cluster as its controller sees them: their processes, and their logs."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from labkit.cluster.process import Process
from labkit.host.record import EFFECTS, Row, pack, parse
from labkit.message import NodeId


class Member:
    """A node or client, the process that it lives in now, and what was read of its log.

    ``sent`` counts its messages, ``owed`` the effects of its last handler that have no row
    yet, ``open`` its operations that have not ended.
    """

    def __init__(self, id: NodeId, place: str, log: str) -> None:
        self.id, self.place, self.log = id, place, log
        self.process: Process
        self.pid, self.address = 0, ("", 0)
        self.life, self.up, self.paused = 0, False, False
        self.rows: list[Row] = []
        self.sent = self.invoked = self.ended = 0
        self.asked: Future[Any] | None = None
        self.seen: dict[str, Any] = {}
        self._offset = self._owed = self._done = 0

    def read(self) -> list[Row]:
        """Rows that are new in its log."""
        first = len(self.rows)
        while True:
            rows, size = parse(self.process.read(self.log, self._offset))
            self._offset += size
            self.rows += rows
            if not rows:
                break
        for row in self.rows[first:]:
            self._count(row)
        return self.rows[first:]

    def bury(self, now_us: int) -> list[Row]:
        """Its process is dead: the rows that were unread, and one for the crash if need be."""
        self.process.end()
        rows = self.read()
        if self.up:
            self.up = False
            within, done = ("within", self._done) if self._owed else (None, 0)
            last_us = self.rows[-1][0] if self.rows else 0
            crash = [max(now_us, last_us + 1), "crash", self.id, None, pack(within), done]
            self.rows.append(crash)
            rows.append(crash)
        self.paused, self._owed = False, 0
        return rows

    def _count(self, row: Row) -> None:
        kind = row[1]
        if len(row) > 6 and row[6] is not None:
            self._owed, self._done = row[6], 0
            self.invoked += kind == "invoke"
        elif kind == "crash":
            self.up, self._owed = False, 0
        elif kind in EFFECTS and self._owed:
            self._owed, self._done = self._owed - 1, self._done + 1
            self.sent += kind == "send"
            self.ended += kind in ("ok", "fail", "info")
