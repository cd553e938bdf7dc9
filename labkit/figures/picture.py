"""The static picture of a space-time diagram, as SVG."""

from __future__ import annotations

import math
import re

from labkit.figures.axis import Axis
from labkit.figures.scene import Arrow, Moment, Scene, Span
from labkit.figures.signs import ON_LANE, ROUTINE, SIGN_NAMES, SIGNS
from labkit.figures.svg import HALO, circle, cross, line, path, picture, rect, words
from labkit.figures.theme import BAND, DASHES, FAINT, INK, PAPER, brief, node_colours

WIDTH, TOP = 900, 50
LABELS_MAX, SIGNS_MAX = 44, 150
"""With more messages than these, arrows carry no labels, and routine signs are left out."""
STUB = 22.0
"""How far to the right a message that never arrives is drawn, in pixels."""


class Picture:
    """Draws one scene; `whole` is the scene that it was cut from."""

    def __init__(self, scene: Scene, whole: Scene) -> None:
        self.scene, self.whole, self.axis = scene, whole, Axis.of(scene)
        self.colours, self.types = node_colours(scene.nodes), whole.types
        self.left = 24.0 + 8 * max((len(brief(name, 12)) for name in scene.nodes), default=2)
        self.lane = min(96, max(50, 270 // max(1, len(scene.nodes))))
        below = 56 if scene.unit == "step" else 36
        self.bottom = TOP + self.lane * (len(scene.nodes) - 1) + below
        self.is_dense = len(scene.arrows) > SIGNS_MAX
        self.stroke = 1.6 if len(scene.arrows) < 100 else 0.9

    def svg(self) -> str:
        parts = [
            words(8, 18, brief(self.whole.title, 110), font_weight="bold", font_size=13),
            *map(self._band, self.scene.spans),
            *self._axis(),
            *map(self._lane, range(len(self.scene.nodes))),
            *map(self._gap, self.scene.spans),
            *map(self._arrow, self.scene.arrows),
            *self._labels(),
            *map(self._moment, self.scene.moments),
            *self._differences(),
            *self._legend(self.bottom + 50.0),
        ]
        height = self.bottom + 58
        return picture(parts, WIDTH, height, self.whole.title, self.whole.summary())

    def _x(self, at: float) -> float:
        return self.left + self.axis.share(at) * (WIDTH - self.left - 24)

    def _y(self, node: int) -> float:
        return TOP + 16.0 + self.lane * node

    def _band(self, span: Span) -> str:
        if span.kind != "cut":
            return ""
        x, width = self._x(span.start), self._x(span.end) - self._x(span.start)
        text = brief(span.text, max(8, int(width / 6)))
        band = rect(x, TOP - 12, width, self.bottom - TOP + 12, BAND)
        return band + words(x + 3, TOP - 2, text)

    def _axis(self) -> list[str]:
        drawn = [words(WIDTH - 8, self.bottom + 27, self.axis.caption, "end")]
        for at, label in self.axis.ticks(WIDTH - self.left):
            x = self._x(at)
            drawn.append(line(x, TOP - 4, x, self.bottom, FAINT, stroke_opacity=0.3))
            drawn.append(words(x, self.bottom + 13, label, "middle"))
        return drawn

    def _lane(self, node: int) -> str:
        y, name = self._y(node), brief(self.scene.nodes[node], 12)
        label = words(22, y + 4, name, font_weight="bold", font_size=12)
        lane = line(self.left, y, WIDTH - 12, y, stroke_opacity=0.55)
        return circle(12.0, y, 5, self.colours[node]) + label + lane

    def _gap(self, span: Span) -> str:
        if span.node < 0:
            return ""
        x1, x2, y = self._x(span.start), self._x(span.end), self._y(span.node)
        dots = line(x1, y, x2, y, INK, 2, stroke_dasharray="1 5") if span.kind == "paused" else ""
        return line(x1, y, x2, y, PAPER, 5) + dots

    def _ends(self, arrow: Arrow) -> tuple[float, float, float, float]:
        x1, y1, y2 = self._x(arrow.sent), self._y(arrow.source), self._y(arrow.destination)
        if arrow.fate in ("arrived", "again"):
            return x1, y1, self._x(arrow.received), y2 if y1 != y2 else y1 - 10
        if arrow.received > arrow.sent and arrow.fate == "lost":  # it got there, and nobody took it
            return x1, y1, self._x(arrow.received), y1 + (y2 - y1) * 0.93
        return x1, y1, min(x1 + STUB, WIDTH - 8.0), y1 + (y2 - y1) * 0.44

    def _arrow(self, arrow: Arrow) -> str:
        ends, colour = self._ends(arrow), self.colours[arrow.source]
        dashes = DASHES[self.types.index(arrow.type) % len(DASHES)]
        shaft = line(*ends, colour, self.stroke, stroke_dasharray=dashes)
        if arrow.fate == "open":
            return shaft
        if arrow.fate == "lost":
            return shaft + cross(*ends[2:], 4)
        return shaft + path(_head(*ends), 0, fill=colour)

    def _labels(self) -> list[str]:
        """The message on each arrow, while there is room for all."""
        return list(
            map(self._label, self.scene.arrows if len(self.scene.arrows) <= LABELS_MAX else ())
        )

    def _label(self, arrow: Arrow) -> str:
        x1, y1, x2, y2 = self._ends(arrow)
        room = int(math.hypot(x2 - x1, y2 - y1) / 6.6)
        if room < 4:
            return ""
        forms = arrow.text, re.sub(r"\b\w+=", "", arrow.text), arrow.type
        text = brief(next((form for form in forms if len(form) <= room), arrow.type), room)
        angle = math.degrees(math.atan2(y2 - y1, max(x2 - x1, 0.01)))
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        turn = f"rotate({angle:.1f} {x:.1f} {y:.1f})"
        return words(x, y - 4, text, "middle", transform=turn, **HALO)

    def _is_drawn(self, mark: str) -> bool:
        return mark in SIGNS and not (self.is_dense and mark in ROUTINE)

    def _moment(self, moment: Moment) -> str:
        """A dot on the lane; signs about the node itself on it, all others stacked outside it."""
        if moment.node < 0:
            return ""
        x, y = self._x(moment.at), self._y(moment.node)
        outward = -11 if moment.node < len(self.scene.nodes) / 2 else 11
        marks = [mark for mark in dict.fromkeys(moment.marks) if self._is_drawn(mark)]
        outside = [mark for mark in marks if mark not in ON_LANE]
        drawn = [SIGNS[mark](x, y) for mark in marks if mark in ON_LANE]
        drawn += [SIGNS[mark](x, y + outward * row) for row, mark in enumerate(outside, 1)]
        return circle(x, y, 1.6 if self.is_dense else 2.6) + "".join(drawn)

    def _differences(self) -> list[str]:
        """What changed at each step of a counterexample, beside it, while there is room."""
        moments = self.scene.moments if self.scene.unit == "step" else []
        letters = (WIDTH - self.left) / max(1, len(moments)) / 6
        after = [moment.node for moment in moments[1:]]
        rooms = [
            int(letters * (1 if m.node == n else 1.4))
            for m, n in zip(moments, [*after, -1], strict=False)
        ]
        return [
            self._difference(m, room) for m, room in zip(moments, rooms, strict=True) if room > 11
        ]

    def _difference(self, moment: Moment, room: int) -> str:
        x, y = self._x(moment.at), self._y(moment.node) + 15
        is_last = x > WIDTH - 6 * room
        x, anchor = (x - 9, "end") if is_last else (x + 9, "")
        texts = [brief(f"{name} {was}→{now}", room) for name, was, now in moment.changes[:3]]
        return "".join(
            words(x, y + 12 * row, text, anchor, **HALO) for row, text in enumerate(texts)
        )

    def _legend(self, y: float) -> list[str]:
        x, drawn = 8.0, []
        for name, dashes in zip(self.types, DASHES[:6], strict=False):
            drawn.append(line(x, y - 4, x + 26, y - 4, INK, 1.6, stroke_dasharray=dashes))
            drawn.append(words(x + 31, y, brief(name, 18)))
            x += 48 + 6.2 * min(18, len(name))
        if any(arrow.fate == "lost" for arrow in self.scene.arrows):
            drawn += [
                line(x, y - 4, x + 14, y - 4),
                cross(x + 16, y - 4, 4),
                words(x + 25, y, "lost"),
            ]
            x += 58
        shown = {mark for moment in self.scene.moments for mark in moment.marks}
        for mark in filter(self._is_drawn, (mark for mark in SIGNS if mark in shown)):
            drawn += [SIGNS[mark](x + 6, y - 4), words(x + 17, y, SIGN_NAMES[mark])]
            x += 32 + 6.2 * len(SIGN_NAMES[mark])
        if self.scene is not self.whole:
            share = f"{len(self.scene.arrows)} of {len(self.whole.arrows)} messages"
            drawn.append(words(WIDTH - 8, 18, share, "end"))
        return drawn


def _head(x1: float, y1: float, x2: float, y2: float) -> str:
    """The outline of an arrow's head at its second end."""
    angle = math.atan2(y2 - y1, x2 - x1)
    sides = [
        (x2 - 8 * math.cos(turn), y2 - 8 * math.sin(turn)) for turn in (angle - 0.4, angle + 0.4)
    ]
    return f"M{x2:.1f} {y2:.1f}" + "".join(f"L{x:.1f} {y:.1f}" for x, y in sides) + "Z"
