"""The history figure: operations as bars, a row for each process, from invocation to response.

After Herlihy and Wing, "Linearizability" (1990), figure 1.  An unknown operation is open to
the right; a span with a fault is shaded.  With a checker's judgement the operations that no
order explains are outlined in red, or, if there is an order, a numbered point in each bar
says when it can have happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from labkit.figures.bars import Bars
from labkit.figures.display import Figure
from labkit.figures.places import Places
from labkit.figures.reading import scene_of
from labkit.history import Annotation, History, Operation

BARS_MAX, ROWS_MAX = 120, 14
"""Bars in the static picture; up to so many processes each has a row, else each client."""


def history_figure(
    source: Any, judgement: Any = None, *, title: str | None = None
) -> HistoryFigure:
    """The operations of a history, or of a run; `judgement` is what a checker answered about it.

    Any judgement with a ``violation`` (``core``, ``stuck``) or a ``witness`` (an order) will do.
    TypeError if `source` has no history.
    """
    history = _history(source)
    if not isinstance(history, History):
        raise TypeError(
            f"a history was asked of {type(source).__name__}, which has none. "
            "Give a run, a cluster or a History."
        )
    return HistoryFigure(history.operations, faults_of(source), judgement, title)


class HistoryFigure(Figure):
    """One history; ``str()`` of it lists the operations."""

    scripts = ("core", "scene", "history")

    def __init__(
        self,
        operations: Sequence[Operation],
        faults: Iterable[Annotation],
        judgement: Any,
        title: str | None,
    ) -> None:
        violation = getattr(judgement, "violation", None)
        core = [*getattr(violation, "core", ()), *getattr(violation, "possible", ())]
        self.operations = sorted(operations, key=lambda operation: operation.invoked)
        self.core = {operation.id for operation in core}
        self.stuck = getattr(getattr(violation, "stuck", None), "id", None)
        self.points = _points(getattr(judgement, "witness", None) or ())
        self.title = title or str(getattr(judgement, "reason", "What the clients saw"))
        self.places = Places(self.operations)
        self.faults = list(faults)
        names = list(dict.fromkeys(str(operation.process) for operation in self.operations))
        self.by_process = len(names) <= ROWS_MAX
        self.rows = sorted({self.row_name(operation) for operation in self.operations})
        self.kinds = list(dict.fromkeys(operation.f for operation in self.operations))

    def row_name(self, operation: Operation) -> str:
        """The row that the operation's bar stands in."""
        return str(operation.process) if self.by_process else operation.client

    def alt(self) -> str:
        return f"{self.title}. {self.summary()}"

    def summary(self) -> str:
        """How much there is, in a line."""
        unknown = sum(operation.outcome == "info" for operation in self.operations)
        wrong = f", {len(self.core)} that no order explains" if self.core else ""
        count = f"{len(self.operations)} operations by {len(self.rows)} processes"
        return f"{count}, {unknown} unknown{wrong}."

    def text(self) -> str:
        """The operations in order of invocation; of many, only those that matter."""
        shown = self._shown()
        lines = [f"  {self._sign(op)} {self._when(op):<24} {op}" for op in shown]
        if len(shown) < len(self.operations):
            lines.append(f"  ... {len(self.operations) - len(shown)} more")
        faults = [f"  fault: {f.text} {_interval(f.start_us, f.end_us)}" for f in self.faults]
        return "\n".join([self.title, f"({self.summary()})", *faults, *lines])

    def _sign(self, operation: Operation) -> str:
        if operation.id == self.stuck:
            return "✗"
        point = self.points.get(operation.id)
        return "!" if operation.id in self.core else f"{point[0]:>3}." if point else " "

    def _when(self, operation: Operation) -> str:
        if operation.invoked_us is None:
            return f"{operation.invoked}-{operation.returned or ''}"
        return _interval(operation.invoked_us, operation.returned_us)

    def _shown(self) -> list[Operation]:
        """What fits: all, else those around the violation, else the first ones."""
        if len(self.operations) <= BARS_MAX:
            return self.operations
        inside = [index for index, op in enumerate(self.operations) if op.id in self.core]
        first = max(0, inside[0] - 10) if inside else 0
        return self.operations[first : first + BARS_MAX]

    def data(self) -> dict[str, Any]:
        rows = {name: place for place, name in enumerate(self.rows)}
        return {
            "title": self.title,
            "rows": self.rows,
            "kinds": self.kinds,
            "inOrder": self.places.in_order,
            "ends": [self.places.first, self.places.last],
            "ticks": self.places.ticks(),
            "bands": [[*self.band(fault), fault.text] for fault in self.faults],
            "operations": [
                [rows[self.row_name(op)], *self.ends(op), self.kinds.index(op.f), *self._says(op)]
                for op in self.operations
            ],
        }

    def _says(self, op: Operation) -> tuple[Any, ...]:
        words = op.outcome, self.label(op), str(op), self._when(op)
        return *words, self.role(op), self.points.get(op.id)

    def ends(self, operation: Operation) -> tuple[float, float]:
        """Where the bar begins and ends; what was never answered reaches to the end."""
        end = self.places.end(operation)
        return self.places.start(operation), self.places.last if end is None else end

    def label(self, operation: Operation) -> str:
        """The call and its answer, or a sign that there is none."""
        given = [str(part) for part in (operation.key, operation.value) if part is not None]
        if operation.outcome != "ok":
            return " ".join([operation.f, *given, "?" if operation.outcome == "info" else "✗"])
        answer = f" → {operation.result}"
        silent = operation.result is None and operation.value is not None
        return f"{operation.f} {' '.join(given)}{'' if silent else answer}"

    def role(self, operation: Operation) -> str:
        """What a checker says: "stuck" if it fits in nowhere, "core" if no order explains it."""
        if operation.id == self.stuck:
            return "stuck"
        return "core" if operation.id in self.core else ""

    def band(self, fault: Annotation) -> tuple[float, float]:
        """Where a fault begins and ends."""
        end = None if fault.end_us is None else self.places.of_time(fault.end_us)
        return self.places.of_time(fault.start_us), self.places.last if end is None else end

    def svg(self) -> str:
        return Bars(self, self._shown()).svg()


def _points(order: Sequence[Operation]) -> dict[int, tuple[int, float]]:
    """When each operation can have happened: its number in `order`, and a place within its bar."""
    points, latest = {}, 0.0
    for number, operation in enumerate(order, 1):
        latest = max(latest + 0.01, operation.invoked + 0.4)
        points[operation.id] = (number, round(latest, 2))
    return points


def faults_of(source: Any) -> list[Annotation]:
    """When something was broken: what the history notes, and crashes and pauses in a trace."""
    noted = getattr(_history(source), "annotations", [])
    if getattr(source, "trace", None) is None:
        return list(noted)
    spans = [span for span in scene_of(source).spans if span.node >= 0 or not noted]
    found = [Annotation(round(s.start * 1000), round(s.end * 1000), s.text) for s in spans]
    return [*noted, *found]


def _history(source: Any) -> Any:
    return source if isinstance(source, History) else getattr(source, "history", None)


def _interval(start_us: int, end_us: int | None) -> str:
    end = "" if end_us is None else f"{end_us / 1000:.1f}"
    return f"{start_us / 1000:.1f}-{end} ms"
