"""The static picture of a space-time diagram, as SVG."""

from __future__ import annotations

import math
from typing import Any

from labkit.figures.axis import Axis
from labkit.figures.scene import Arrow, Moment, Scene
from labkit.figures.signs import ON_LANE, SIGN_NAMES, SIGNS
from labkit.figures.theme import (
    BAND,
    DASHES,
    FAINT,
    INK,
    PAPER,
    brief,
    clean,
    node_colours,
    picture,
    tag,
)

WIDTH, TOP = 900, 50
LABELS_MAX, SIGNS_MAX = 44, 150
"""With more messages than these, arrows carry no labels, and routine signs are left out."""
STUB = 22.0
"""How far to the right a message that never arrives is drawn, in pixels."""
HALO: dict[str, Any] = {"stroke": PAPER, "stroke_width": 2.5, "paint_order": "stroke"}


class Picture:
    """Draws one scene; `whole` is the scene that it was cut from."""

    def __init__(self, scene: Scene, whole: Scene) -> None:
        self.scene, self.whole = scene, whole
        self.colours = node_colours(scene.nodes)
        self.types = whole.types
        self.left = 24 + 8 * max((len(brief(name, 12)) for name in scene.nodes), default=2)
        self.lane = min(96, max(50, 270 // max(1, len(scene.nodes))))
        below = 56 if scene.unit == "step" else 36
        self.bottom = TOP + self.lane * (len(scene.nodes) - 1) + below
        self.height = self.bottom + 58
        self.axis = Axis.of(scene)
        self.is_dense = len(scene.arrows) > SIGNS_MAX

    def svg(self) -> str:
        parts = [
            tag("title", clean(self.whole.title)),
            tag("desc", clean(self.whole.summary())),
            self._words(8, 18, brief(self.whole.title, 110), font_weight="bold", font_size=13),
            *self._bands(), *self._ticks(), *self._lanes(), *map(self._arrow, self.scene.arrows),
            *self._labels(), *map(self._marks, self.scene.moments), *self._differences(),
            *self._legend(),
        ]  # fmt: skip
        size = {"viewBox": f"0 0 {WIDTH} {self.height}", "width": WIDTH, "height": self.height}
        return picture(parts, **size)

    def _x(self, at: float) -> float:
        return self.left + self.axis.share(at) * (WIDTH - self.left - 24)

    def _y(self, node: int) -> float:
        return TOP + 16.0 + self.lane * node

    def _words(self, x: float, y: float, text: str, **look: Any) -> str:
        return tag("text", clean(text), x=float(x), y=float(y), **{"fill": INK, **look})

    def _bands(self) -> list[str]:
        drawn = []
        for span in self.scene.spans:
            if span.kind == "cut":
                x = self._x(span.start)
                width = max(2.0, self._x(span.end) - x)
                drawn.append(
                    tag(
                        "rect",
                        x=x,
                        y=TOP - 12,
                        width=width,
                        height=self.bottom - TOP + 12,
                        fill=BAND,
                    )
                )
                drawn.append(
                    self._words(
                        x + 3, TOP - 2, brief(span.text, max(8, int(width / 6))), font_size=11
                    )
                )
        return drawn

    def _ticks(self) -> list[str]:
        drawn = []
        for at, label in self.axis.ticks(WIDTH - self.left):
            x = self._x(at)
            drawn.append(
                tag(
                    "line", x1=x, x2=x, y1=TOP - 4, y2=self.bottom, stroke=FAINT, stroke_opacity=0.3
                )
            )
            drawn.append(
                self._words(x, self.bottom + 13, label, font_size=11, text_anchor="middle")
            )
        drawn.append(
            self._words(
                WIDTH - 8, self.bottom + 27, self.axis.caption, font_size=11, text_anchor="end"
            )
        )
        return drawn

    def _lanes(self) -> list[str]:
        drawn = []
        for place, name in enumerate(self.scene.nodes):
            y, colour = self._y(place), self.colours[place]
            drawn.append(tag("circle", cx=12.0, cy=y, r=5, fill=colour))
            drawn.append(self._words(22, y + 4, brief(name, 12), font_weight="bold"))
            drawn.append(
                tag(
                    "line", x1=self.left, x2=WIDTH - 12, y1=y, y2=y, stroke=INK, stroke_opacity=0.55
                )
            )
            drawn += [self._gap(span, y) for span in self.scene.spans if span.node == place]
        return drawn

    def _gap(self, span: Any, y: float) -> str:
        start, end = self._x(span.start), self._x(span.end)
        gap = tag("line", x1=start, x2=end, y1=y, y2=y, stroke=PAPER, stroke_width=5)
        if span.kind == "paused":
            gap += tag(
                "line",
                x1=start,
                x2=end,
                y1=y,
                y2=y,
                stroke=INK,
                stroke_dasharray="1 5",
                stroke_width=2,
            )
        return gap

    def _ends(self, arrow: Arrow) -> tuple[float, float, float, float]:
        x1, y1, y2 = self._x(arrow.sent), self._y(arrow.source), self._y(arrow.destination)
        if arrow.fate in ("arrived", "again"):
            return x1, y1, self._x(arrow.received), y2 if y1 != y2 else y1 - 10
        if arrow.received > arrow.sent and arrow.fate == "lost":  # it got there, and nobody took it
            return x1, y1, self._x(arrow.received), y1 + (y2 - y1) * 0.93
        return x1, y1, min(x1 + STUB, WIDTH - 8.0), y1 + (y2 - y1) * 0.44

    def _arrow(self, arrow: Arrow) -> str:
        x1, y1, x2, y2 = self._ends(arrow)
        colour = self.colours[arrow.source]
        look: dict[str, Any] = {
            "stroke": colour,
            "stroke_width": 1.6 if len(self.scene.arrows) < 100 else 0.9,
        }
        dashes = DASHES[self.types.index(arrow.type) % len(DASHES)]
        line = tag("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke_dasharray=dashes, **look)
        if arrow.fate == "open":
            return line
        if arrow.fate == "lost":
            path = f"M{x2 - 4:.1f} {y2 - 4:.1f}l8 8m0 -8l-8 8"
            return line + tag("path", d=path, stroke=INK, stroke_width=1.8, fill="none")
        return line + tag("path", d=_head(x1, y1, x2, y2), fill=colour)

    def _labels(self) -> list[str]:
        """The message on each arrow, while there is room for all."""
        if len(self.scene.arrows) > LABELS_MAX:
            return []
        return [self._label(arrow) for arrow in self.scene.arrows]

    def _label(self, arrow: Arrow) -> str:
        x1, y1, x2, y2 = self._ends(arrow)
        length = math.hypot(x2 - x1, y2 - y1)
        room = int(length / 6.6)
        text = arrow.text if len(arrow.text) <= room else arrow.type
        if room < 4:
            return ""
        angle = math.degrees(math.atan2(y2 - y1, max(x2 - x1, 0.01)))
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        return self._words(
            x, y - 4, brief(text, room), font_size=11, text_anchor="middle",
            transform=f"rotate({angle:.1f} {x:.1f} {y:.1f})", **HALO,
        )  # fmt: skip

    def _marks(self, moment: Moment) -> str:
        """A dot on the lane; signs about the node itself on it, all others stacked outside it."""
        if moment.node < 0:
            return ""
        x, y = self._x(moment.at), self._y(moment.node)
        side = -1 if moment.node < len(self.scene.nodes) / 2 else 1
        drawn = [tag("circle", cx=x, cy=y, r=1.6 if self.is_dense else 2.6, fill=INK)]
        outside = 0
        for mark in dict.fromkeys(moment.marks):
            if mark in ON_LANE:
                drawn.append(SIGNS[mark](x, y))
            elif mark in SIGNS and not (self.is_dense and mark in "tios"):
                outside += 11
                drawn.append(SIGNS[mark](x, y + side * outside))
        return "".join(drawn)

    def _differences(self) -> list[str]:
        """What changed at each step of a counterexample, beside it, while there is room."""
        moments = self.scene.moments if self.scene.unit == "step" else []
        room = int((WIDTH - self.left) / max(1, len(moments)) * 1.4 / 6)
        return [self._difference(moment, room) for moment in moments if room >= 12]

    def _difference(self, moment: Moment, room: int) -> str:
        x, y = self._x(moment.at), self._y(moment.node) + 15
        is_last = x > WIDTH - 6 * room
        look: dict[str, Any] = {
            "font_size": 11,
            "text_anchor": "end" if is_last else "start",
            **HALO,
        }
        texts = [
            brief(f"{name} {before}→{after}", room) for name, before, after in moment.changes[:3]
        ]
        return "".join(
            self._words(x - 9 if is_last else x + 9, y + 12 * row, text, **look)
            for row, text in enumerate(texts)
        )

    def _legend(self) -> list[str]:
        x, y, drawn = 8.0, self.height - 8.0, []
        for place, name in enumerate(self.types[:6]):
            look: dict[str, Any] = {
                "stroke": INK,
                "stroke_width": 1.6,
                "stroke_dasharray": DASHES[place],
            }
            drawn.append(tag("line", x1=x, x2=x + 26, y1=y - 4, y2=y - 4, **look))
            drawn.append(self._words(x + 31, y, brief(name, 18), font_size=11))
            x += 48 + 6.2 * min(18, len(name))
        if any(arrow.fate == "lost" for arrow in self.scene.arrows):
            drawn.append(tag("line", x1=x, x2=x + 14, y1=y - 4, y2=y - 4, stroke=INK))
            drawn.append(
                tag(
                    "path",
                    d=f"M{x + 12:.1f} {y - 8:.1f}l8 8m0 -8l-8 8",
                    stroke=INK,
                    stroke_width=1.8,
                )
            )
            drawn.append(self._words(x + 25, y, "lost", font_size=11))
            x += 58
        shown = {mark for moment in self.scene.moments for mark in moment.marks}
        for mark in SIGNS:
            if mark not in shown or (self.is_dense and mark in "tios") or x > WIDTH - 70:
                continue
            drawn.append(SIGNS[mark](x + 6, y - 4))
            drawn.append(self._words(x + 16, y, SIGN_NAMES[mark], font_size=11))
            x += 30 + 6.2 * len(SIGN_NAMES[mark])
        if self.scene is not self.whole:
            share = f"{len(self.scene.arrows)} of {len(self.whole.arrows)} messages"
            drawn.append(self._words(WIDTH - 8, 18, share, font_size=11, text_anchor="end"))
        return drawn


def _head(x1: float, y1: float, x2: float, y2: float) -> str:
    angle = math.atan2(y2 - y1, x2 - x1)
    left, right = angle - 0.4, angle + 0.4
    return (
        f"M{x2:.1f} {y2:.1f}L{x2 - 8 * math.cos(left):.1f} {y2 - 8 * math.sin(left):.1f}"
        f"L{x2 - 8 * math.cos(right):.1f} {y2 - 8 * math.sin(right):.1f}Z"
    )
