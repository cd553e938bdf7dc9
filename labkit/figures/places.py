"""Where the events of a history stand on the line of its figure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from labkit.figures.axis import round_ticks
from labkit.history import Operation

IN_ORDER_MAX = 60
"""Up to so many operations, events are evenly spaced."""


class Places:
    """Where events stand on the line: evenly, in recorded order, while few; else by their times."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.timed = all(op.invoked_us is not None for op in operations) and bool(operations)
        self.in_order = len(operations) <= IN_ORDER_MAX or not self.timed
        self._events = sorted(
            [(op.invoked, op.invoked_us) for op in operations]
            + [(op.returned, op.returned_us) for op in operations if op.returned is not None],
            key=lambda event: event[0],
        )
        times = [at for _, at in self._events if at is not None]
        ends = [place for place, _ in self._events] if self.in_order else [t / 1000 for t in times]
        margin = 1.0 if self.in_order else max(max(ends) - min(ends), 1) * 0.01
        self.first, self.last = min(ends, default=0) - margin, max(ends, default=1) + margin
        self.caption = "order of events" if not self.timed else "time in ms"
        if self.timed and self.in_order:
            self.caption = "in the order of events; times in ms"

    def start(self, operation: Operation) -> float:
        return float(operation.invoked if self.in_order else (operation.invoked_us or 0) / 1000)

    def end(self, operation: Operation) -> float | None:
        if operation.returned is None:
            return None
        return float(operation.returned if self.in_order else (operation.returned_us or 0) / 1000)

    def of_time(self, time_us: int) -> float:
        """Where a time stands: between the events before and after it."""
        if not self.in_order:
            return min(max(time_us / 1000, self.first), self.last)
        times = [at or 0 for _, at in self._events]
        index = bisect_left(times, time_us)
        return self._events[index][0] - 0.5 if index < len(times) else self.last

    def window(self, shown: Sequence[Operation], *, whole: bool) -> tuple[float, float]:
        """The stretch that holds these operations."""
        if whole:
            return self.first, self.last
        ends = [self.start(op) for op in shown] + [self.end(op) or 0 for op in shown]
        return min(map(self.start, shown)), max(ends)

    def ticks(self) -> list[tuple[float, str]]:
        """Places on the axis and what to write there."""
        if self.in_order:
            written = [(place, at) for place, at in self._events if at is not None]
            return [(place, f"{at / 1000:.1f}".removesuffix(".0")) for place, at in written]
        return round_ticks(self.first, self.last)
