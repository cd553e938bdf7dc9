"""The history figure: operations as bars, a row for each process, from invocation to response.

After Herlihy and Wing, "Linearizability" (1990), figure 1.  An unknown operation is open to
the right; a span with a fault is shaded.  With a checker's judgement the operations that no
order explains are outlined in red, or, if there is an order, a numbered point in each bar
says when it can have happened.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from labkit.figures.display import Figure
from labkit.figures.places import Places
from labkit.figures.reading import scene_of
from labkit.figures.theme import (
    BAND,
    DIM,
    FAINT,
    INK,
    NODE_COLOURS,
    VIOLATION,
    brief,
    clean,
    picture,
    tag,
)
from labkit.history import Annotation, History, Operation

WIDTH, ROW, TOP = 900, 40, 70
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
        self.rows = sorted({self._row_name(operation) for operation in self.operations})
        self.kinds = list(dict.fromkeys(operation.f for operation in self.operations))

    def _row_name(self, operation: Operation) -> str:
        return str(operation.process) if self.by_process else operation.client

    def alt(self) -> str:
        return f"{self.title}. {self._summary()}"

    def _summary(self) -> str:
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
        return "\n".join([self.title, f"({self._summary()})", *faults, *lines])

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
            "bands": [[*self._band(fault), fault.text] for fault in self.faults],
            "operations": [
                [rows[self._row_name(op)], *self._ends(op), self.kinds.index(op.f), *self._says(op)]
                for op in self.operations
            ],
        }

    def _says(self, op: Operation) -> tuple[Any, ...]:
        words = op.outcome, self._label(op), str(op), self._when(op)
        return *words, self._role(op), self.points.get(op.id)

    def _ends(self, operation: Operation) -> tuple[float, float]:
        end = self.places.end(operation)
        return self.places.start(operation), self.places.last if end is None else end

    def _label(self, operation: Operation) -> str:
        given = [str(part) for part in (operation.key, operation.value) if part is not None]
        if operation.outcome != "ok":
            return " ".join([operation.f, *given, "?" if operation.outcome == "info" else "✗"])
        answer = f" → {operation.result}"
        silent = operation.result is None and operation.value is not None
        return f"{operation.f} {' '.join(given)}{'' if silent else answer}"

    def _role(self, operation: Operation) -> str:
        stuck = "stuck" if operation.id == self.stuck else ""
        return stuck or ("core" if operation.id in self.core else "")

    def _band(self, fault: Annotation) -> tuple[float, float]:
        end = None if fault.end_us is None else self.places.of_time(fault.end_us)
        return self.places.of_time(fault.start_us), self.places.last if end is None else end

    # -- the picture --------------------------------------------------------------------------

    def svg(self) -> str:
        shown = self._shown()
        self._window = self.places.window(shown, whole=len(shown) < BARS_MAX)
        height = TOP + ROW * len(self.rows) + 44
        parts = [
            tag("title", clean(self.title)),
            tag("desc", clean(self._summary())),
            _words(8, 18, brief(self.title, 120), font_weight="bold", font_size=13),
            *(self._shade(fault, height) for fault in self.faults),
            *map(self._fault_words, self.faults, itertools.count()),
            *self._axis(height),
            *(_words(8, self._y(row) + 17, brief(name, 9)) for row, name in enumerate(self.rows)),
            *map(self._bar, shown),
            *self._legend(height - 6),
        ]
        return picture(parts, viewBox=f"0 0 {WIDTH} {height}", width=WIDTH, height=height)

    def _x(self, place: float) -> float:
        first, last = self._window
        return 76 + (place - first) / max(last - first, 1e-9) * (WIDTH - 96)

    def _y(self, row: int) -> float:
        return float(TOP + ROW * row)

    def _shade(self, fault: Annotation, height: float) -> str:
        start, end = (self._x_within(at) for at in self._band(fault))
        size = {"width": max(2.0, end - start), "height": height - TOP - 12}
        return tag("rect", x=start, y=TOP - 30, fill=BAND, fill_opacity=0.75, **size)

    def _fault_words(self, fault: Annotation, number: int) -> str:
        """What the band is; the words of neighbouring bands stand at different heights."""
        x = self._x_within(self._band(fault)[0]) + 3
        return _words(x, TOP - 20 + 12 * (number % 2), brief(fault.text, 40))

    def _x_within(self, place: float) -> float:
        return min(max(self._x(place), 76.0), WIDTH - 10.0)

    def _legend(self, y: float) -> list[str]:
        drawn = []
        for place, kind in enumerate(self.kinds[:6]):
            look = {"fill": NODE_COLOURS[place % len(NODE_COLOURS)], "fill_opacity": 0.28}
            drawn.append(tag("rect", x=8.0 + 90 * place, y=y - 10, width=14, height=11, **look))
            drawn.append(_words(28.0 + 90 * place, y, brief(kind, 10)))
        return drawn

    def _bar(self, operation: Operation) -> str:
        start, end = (self._x(at) for at in self._ends(operation))
        y, role = self._y(self.rows.index(self._row_name(operation))), self._role(operation)
        colour = NODE_COLOURS[self.kinds.index(operation.f) % len(NODE_COLOURS)]
        look = {"stroke": VIOLATION if role else INK, "stroke_width": 2.6 if role else 1}
        strength = DIM if self.core and not role else 1
        width = max(3.0, end - start)
        label = brief(self._label(operation), max(1, int(width / 6.4)))
        parts = [
            tag("title", clean(operation)),
            _outline(start, y, width, operation.outcome, fill=colour, fill_opacity=0.28, **look),
            _words(start + 4, y + 16, label) if width > 26 else "",
            _words(start + 4, y - 2, "cannot be placed", fill=VIOLATION) if role == "stuck" else "",
            self._point(operation, y),
        ]
        return tag("g", parts, opacity=strength)

    def _point(self, operation: Operation, y: float) -> str:
        point = self.points.get(operation.id)
        if point is None or not self.places.in_order:
            return ""
        x = self._x(point[1])
        dot = tag("circle", cx=x, cy=y + 23, r=3, fill=INK)
        line = tag("line", x1=x, x2=x, y1=y - 3, y2=y + 26, stroke=INK, stroke_width=1.4)
        return line + dot + _words(x, y - 4, str(point[0]), font_size=10, text_anchor="middle")

    def _axis(self, height: float) -> list[str]:
        first, last = self._window
        drawn = [_words(WIDTH - 8, height - 6, self.places.caption, text_anchor="end")]
        previous = -60.0
        for at, label in self.places.ticks():
            x = self._x(at)
            if not first <= at <= last or x - previous < 52:
                continue
            previous = x
            drawn.append(
                tag(
                    "line", x1=x, x2=x, y1=TOP - 4, y2=height - 34, stroke=FAINT, stroke_opacity=0.3
                )
            )
            drawn.append(_words(x, height - 20, label, text_anchor="middle"))
        return drawn


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


def _outline(x: float, y: float, width: float, outcome: str, **look: Any) -> str:
    """A bar: closed if it was answered, dashed if it failed, open to the right if unknown."""
    if outcome != "info":
        dash = "3 3" if outcome == "fail" else ""
        return tag("rect", x=x, y=y, width=width, height=24, stroke_dasharray=dash, **look)
    return tag("path", d=f"M{x + width:.1f} {y:.1f}H{x:.1f}v24H{x + width:.1f}", **look)


def _words(x: float, y: float, text: str, **look: Any) -> str:
    return tag(
        "text", clean(text), x=float(x), y=float(y), **{"fill": INK, "font_size": 11, **look}
    )
