"""The space-time diagram: nodes as lines, time to the right, messages as arrows.

After Lamport, "Time, clocks, and the ordering of events" (1978), figure 1.  A lost message
ends in a cross, a crash is a gap in its line, a pause a dotted stretch, a cut network a
grey band.  The colour says who sent a message, its dashes of what type it is.
"""

from __future__ import annotations

from typing import Any

from labkit.figures.axis import Axis
from labkit.figures.display import Figure
from labkit.figures.lanes import as_text
from labkit.figures.picture import Picture
from labkit.figures.reading import scene_of
from labkit.figures.scene import Scene
from labkit.figures.theme import node_colours

ARROWS_MAX = 400
"""Of a run with more messages the static picture shows a part."""


class SpaceTime(Figure):
    """A diagram of one run; ``str()`` of it says the same in text."""

    scripts = ("core", "scene", "paint", "signs", "steps", "spacetime", "pointer")

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    @property
    def title(self) -> str:
        return self.scene.title

    def text(self) -> str:
        return as_text(self.scene)

    def alt(self) -> str:
        return f"{self.title}. Space-time diagram of {self.scene.summary()}."

    def svg(self) -> str:
        return Picture(_part_that_fits(self.scene), self.scene).svg()

    def data(self) -> dict[str, Any]:
        scene, types = self.scene, self.scene.types
        is_small = len(scene.moments) <= ARROWS_MAX
        return {
            "title": scene.title,
            "unit": scene.unit,
            "nodes": list(scene.nodes),
            "colours": node_colours(scene.nodes),
            "types": types,
            "ends": [_round(end) for end in scene.ends],
            "even": Axis.of(scene).knots if is_small else None,
            "moments": [
                [_round(m.at), m.node, m.kind, m.text, m.marks, m.changes, m.effects]
                for m in scene.moments
            ],
            "arrows": [
                [*a[:4], _round(a.sent), _round(a.received), types.index(a.type), a.text, a.fate]
                for a in scene.arrows
            ],
            "spans": [
                [s.kind, s.node, _round(s.start), _round(s.end), s.text] for s in scene.spans
            ],
        }


def spacetime(source: Any, *, title: str | None = None) -> SpaceTime:
    """The space-time diagram of a run, a trace or a counterexample.

    TypeError if `source` is none of these.
    """
    return SpaceTime(scene_of(source, title))


def _round(value: float) -> float:
    return round(value, 3)


def _part_that_fits(scene: Scene) -> Scene:
    """All of it; or, of a long run, the end if a rule broke there, else the beginning."""
    if len(scene.arrows) <= ARROWS_MAX:
        return scene
    broken = [index for index, moment in enumerate(scene.moments) if "V" in moment.marks]
    if broken:
        return scene.between(max(0, broken[-1] - ARROWS_MAX), broken[-1] + 10)
    return scene.between(0, ARROWS_MAX)
