"""What a space-time diagram shows, as plain values: moments on lanes, arrows between them, spans.

A handler is atomic, so an event and the effects that it caused are one moment.  A trace
gives moments at its times (milliseconds); a counterexample gives one at each step, with no
time but the order.  The static picture, the text and the interactive view are all drawn
from the same scene, and from nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

Change = tuple[str, str, str]
"""(name, before, after)."""


@dataclass(slots=True)
class Moment:
    """One thing that happened at `node` (its place in ``Scene.nodes``; -1 for the network).

    ``marks`` has a letter for each thing worth a sign on the lane: C crash, R restart,
    E error, V violated rule, s saved, d state changed, t timer, i invoked, o ok, x failed,
    u unknown, f fact, p printed, n note.
    """

    at: float
    node: int
    kind: str
    text: str
    marks: str = ""
    changes: list[Change] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)


class Arrow(NamedTuple):
    """A message from one moment to another (-1: none).  ``fate``: arrived, again, lost or open."""

    start: int
    end: int
    source: int
    destination: int
    sent: float
    received: float
    type: str
    text: str
    fate: str


class Span(NamedTuple):
    """A stretch of time: "down" or "paused" for one node, "cut" for the network (node -1)."""

    kind: str
    node: int
    start: float
    end: float
    text: str


@dataclass(slots=True)
class Scene:
    """All that is drawn, in the order in which it happened."""

    title: str
    unit: str
    nodes: tuple[str, ...]
    moments: list[Moment] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)

    @property
    def ends(self) -> tuple[float, float]:
        """The first and the last time."""
        times = [moment.at for moment in self.moments] or [0.0]
        return min(times), max(*times, *(arrow.received for arrow in self.arrows), times[0])

    @property
    def types(self) -> list[str]:
        """The types of message, in order of first use."""
        return list(dict.fromkeys(arrow.type for arrow in self.arrows))

    def summary(self) -> str:
        """One line that says how much there is."""
        first, last = self.ends
        lost = sum(arrow.fate == "lost" for arrow in self.arrows)
        crashes = sum("C" in moment.marks for moment in self.moments)
        stretch = (
            f"{len(self.moments)} steps" if self.unit == "step" else f"{first:.1f} to {last:.1f} ms"
        )
        parts = [
            f"{len(self.nodes)} nodes",
            f"{len(self.arrows)} messages",
            *([f"{lost} lost"] if lost else []),
        ]
        return ", ".join([*parts, *([f"{crashes} crashes"] if crashes else []), stretch])

    def between(self, first: int, last: int) -> Scene:
        """The moments from `first` to before `last`, with the arrows that touch them."""
        part = Scene(self.title, self.unit, self.nodes, self.moments[first:last])
        if not part.moments:
            return part
        opens, closes = part.moments[0].at, part.moments[-1].at
        part.arrows = [
            arrow._replace(
                start=arrow.start - first, end=arrow.end - first if arrow.end >= 0 else -1
            )
            for arrow in self.arrows
            if first <= arrow.start < last
        ]
        part.spans = [span for span in self.spans if span.end >= opens and span.start <= closes]
        return part
