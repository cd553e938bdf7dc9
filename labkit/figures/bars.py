"""The static picture of a history, as SVG."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from labkit.figures.svg import circle, line, picture, rect, tag, words
from labkit.figures.theme import BAND, DIM, FAINT, INK, NODE_COLOURS, VIOLATION, brief, clean
from labkit.history import Annotation, Operation

WIDTH, LEFT, ROW, BAR, TOP = 900, 76.0, 40, 24, 70


class Bars:
    """Draws the operations `shown` of `figure`, a HistoryFigure."""

    def __init__(self, figure: Any, shown: Sequence[Operation]) -> None:
        self.figure, self.shown = figure, shown
        is_whole = len(shown) == len(figure.operations)
        self.first, self.last = figure.places.window(shown, whole=is_whole)
        self.bottom = TOP + ROW * len(figure.rows) + 10.0

    def svg(self) -> str:
        figure, height = self.figure, int(self.bottom) + 34
        parts = [
            words(8, 18, brief(figure.title, 120), font_weight="bold", font_size=13),
            *map(self._band, figure.faults),
            *map(self._fault, figure.faults, itertools.count()),
            *self._axis(),
            *(words(8, self._y(row) + 17, brief(row, 9)) for row in figure.rows),
            *map(self._bar, self.shown),
            *map(self._legend, figure.kinds[:6], itertools.count()),
        ]
        return picture(parts, WIDTH, height, figure.title, figure.summary())

    def _x(self, place: float) -> float:
        share = (place - self.first) / max(self.last - self.first, 1e-9)
        return min(max(LEFT + share * (WIDTH - LEFT - 20), LEFT), WIDTH - 10.0)

    def _y(self, row: str) -> float:
        return float(TOP + ROW * self.figure.rows.index(row))

    def _band(self, fault: Annotation) -> str:
        start, end = map(self._x, self.figure.band(fault))
        height = self.bottom - TOP + 22
        return rect(start, TOP - 30, end - start, height, BAND, fill_opacity=0.75)

    def _fault(self, fault: Annotation, number: int) -> str:
        """What the band is; the words of neighbouring bands stand at different heights."""
        x, y = self._x(self.figure.band(fault)[0]), TOP - 20 + 12 * (number % 2)
        return words(x + 3, y, brief(fault.text, 40))

    def _axis(self) -> list[str]:
        drawn = [words(WIDTH - 8, self.bottom + 28, self.figure.places.caption, "end")]
        previous = -60.0
        for at, label in self.figure.places.ticks():
            x = self._x(at)
            if not self.first <= at <= self.last or x - previous < 52:
                continue
            previous = x
            drawn.append(line(x, TOP - 4, x, self.bottom, FAINT, stroke_opacity=0.3))
            drawn.append(words(x, self.bottom + 14, label, "middle"))
        return drawn

    def _legend(self, kind: str, number: int) -> str:
        x, y = 8.0 + 90 * number, self.bottom + 18
        box = rect(x, y, 14, 11, NODE_COLOURS[number % len(NODE_COLOURS)], fill_opacity=0.28)
        return box + words(x + 20, y + 10, brief(kind, 10))

    def _bar(self, op: Operation) -> str:
        start, end = map(self._x, self.figure.ends(op))
        y, role, width = (
            self._y(self.figure.row_name(op)),
            self.figure.role(op),
            max(3.0, end - start),
        )
        tint = NODE_COLOURS[self.figure.kinds.index(op.f) % len(NODE_COLOURS)]
        rim = {"stroke": VIOLATION if role else INK, "stroke_width": 2.6 if role else 1}
        label = brief(self.figure.label(op), max(1, int(width / 6.4)))
        parts = [
            tag("title", clean(op)),
            _outline(start, y, width, op.outcome, fill=tint, fill_opacity=0.28, **rim),
            words(start + 4, y + 16, label) if width > 26 else "",
            words(start + 4, y - 2, "cannot be placed", fill=VIOLATION) if role == "stuck" else "",
            self._point(op, y),
        ]
        return tag("g", parts, opacity=DIM if self.figure.core and not role else None)

    def _point(self, op: Operation, y: float) -> str:
        point = self.figure.points.get(op.id)
        if point is None or not self.figure.places.in_order:
            return ""
        x, bottom = self._x(point[1]), y + BAR
        return (
            line(x, y - 3, x, bottom, INK, 1.4)
            + circle(x, bottom, 3)
            + words(x, y - 4, point[0], "middle")
        )


def _outline(x: float, y: float, width: float, outcome: str, **look: Any) -> str:
    """A bar: closed if it was answered, dashed if it failed, open to the right if unknown."""
    if outcome == "info":
        return tag("path", d=f"M{x + width:.1f} {y:.1f}H{x:.1f}v{BAR}H{x + width:.1f}", **look)
    dashes = "3 3" if outcome == "fail" else ""
    return tag("rect", x=x, y=y, width=width, height=BAR, stroke_dasharray=dashes, **look)
