"""Where a time stands on the line: true to scale, or with quiet stretches shortened.

A run that times out spends 5 ms on messages and 100 ms on waiting; to scale, all that
matters is a heap at either end.  So a picture with few events gives each gap between two
neighbouring moments a bounded width, says so under the axis, and writes the true times.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from labkit.figures.scene import Scene

TO_SCALE_FROM = 120
"""With so many distinct times or more, a picture is drawn to scale."""


@dataclass(frozen=True, slots=True)
class Axis:
    """``knots`` are pairs (time, share of the width), rising; between them it is linear."""

    unit: str
    knots: list[tuple[float, float]]
    is_even: bool

    @classmethod
    def of(cls, scene: Scene) -> Axis:
        """The axis that suits how much there is to see."""
        first, last = scene.ends
        if scene.unit == "step":
            return cls("step", [(min(first - 0.6, 0.4), 0.0), (last + 0.4, 1.0)], False)
        times = sorted(
            {moment.at for moment in scene.moments} | {arrow.sent for arrow in scene.arrows}
        )
        if not 2 < len(times) < TO_SCALE_FROM:
            margin = max(last - first, 1.0) * 0.01
            return cls("ms", [(first - margin, 0.0), (last + margin, 1.0)], False)
        return cls("ms", _bounded(times), True)

    def share(self, at: float) -> float:
        """Where `at` stands, from 0 at the left to 1 at the right."""
        index = min(max(bisect_right(self.knots, (at, 2.0)), 1), len(self.knots) - 1)
        (t1, s1), (t2, s2) = self.knots[index - 1 : index + 1]
        return s1 + (at - t1) / (t2 - t1) * (s2 - s1)

    def ticks(self, width: float) -> list[tuple[float, str]]:
        """Times to write under the axis, far enough apart to be read."""
        if not self.is_even:
            return round_ticks(self.knots[0][0], self.knots[-1][0], whole=self.unit == "step")
        chosen: list[tuple[float, str]] = []
        for at, share in self.knots[1:-1]:
            if not chosen or (share - self.share(chosen[-1][0])) * width > 52:
                chosen.append((at, _number(at)))
        return chosen

    @property
    def caption(self) -> str:
        """What the axis counts."""
        if self.unit == "step":
            return "step"
        return "time in ms, quiet stretches shortened" if self.is_even else "time in ms"


def _bounded(times: list[float]) -> list[tuple[float, float]]:
    gaps = [later - earlier for earlier, later in pairwise(times)]
    typical = sorted(gaps)[len(gaps) // 2] or 1.0
    widths = [min(max(gap, 0.6 * typical), 3.0 * typical) for gap in gaps]
    margin = 0.02 * sum(widths)
    places, place = [], margin
    for width in (*widths, 0.0):
        places.append(place)
        place += width
    total = place + margin
    inner = [
        (round(at, 3), round(where / total, 4)) for at, where in zip(times, places, strict=True)
    ]
    return [(times[0] - margin, 0.0), *inner, (times[-1] + margin, 1.0)]


def round_ticks(first: float, last: float, *, whole: bool = False) -> list[tuple[float, str]]:
    """About a dozen round numbers from `first` to `last`, each with its text; `whole` ones only."""
    step = 1.0 if whole else 0.001
    factors = (2, 2.5, 2)
    turn = 0
    while (last - first) / step > (24 if whole else 11):
        step *= factors[turn % 3]
        turn += 1
    if whole:
        step = float(round(step))
    places = range(math.ceil(first / step), math.floor(last / step) + 1)
    return [(step * place, _number(step * place)) for place in places]


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0") if abs(value) < 1000 else f"{value:.0f}"
