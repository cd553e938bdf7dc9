"""The logic of the interactive views, run by Node: causality, search, states, the axis."""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import combinations
from typing import Any

import pytest

from labkit.figures import history_figure, spacetime
from labkit.figures.display import Figure, module
from labkit.figures.panel import Snapshot
from labkit.figures.theme import CLIENT_COLOUR, NODE_COLOURS, VIOLATION
from tests.browser.elections import cluster

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
VIEWS = {
    "spacetime": spacetime(cluster().run(10)).scripts,
    "history": history_figure(cluster().run(10)).scripts,
    "panel": ("core", "panel"),
}


def in_node(figure: Figure, expression: str) -> Any:
    """What `expression` is, of a Scene `scene` made of the figure's data."""
    program = (
        f"{module(('core', 'scene'))}\nconst scene = new Scene({json.dumps(figure.data())});\n"
    )
    program += f"console.log(JSON.stringify({expression}));"
    done = subprocess.run(["node", "-"], input=program, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def happened_before(figure: Any) -> set[tuple[int, int]]:
    """All pairs of moments in Lamport's order, by brute force."""
    scene = figure.scene
    after: dict[int, set[int]] = {index: set() for index in range(len(scene.moments))}
    latest: dict[int, int] = {}
    for index, moment in enumerate(scene.moments):
        if moment.node >= 0:
            causes = [latest[moment.node]] if moment.node in latest else []
            causes += [arrow.start for arrow in scene.arrows if arrow.end == index]
            after[index] = {*causes, *(earlier for cause in causes for earlier in after[cause])}
            latest[moment.node] = index
    return {(earlier, index) for index, before in after.items() for earlier in before}


@needs_node
def test_past_and_future_of_every_event_are_lamports() -> None:
    run = cluster(nodes=3, loss=0.1, duplication=0.1)
    figure = spacetime(run.at(250, run.crash, "n2").at(300, run.restart, "n2").run(400))
    before = happened_before(figure)
    cones = in_node(figure, "scene.moments.map((_, i) => [...scene.cone(i)])")
    for index, cone in enumerate(cones):
        assert {i for i, side in enumerate(cone) if side == 1} == {
            a for a, b in before if b == index
        }
        assert {i for i, side in enumerate(cone) if side == 2} == {
            b for a, b in before if a == index
        }
    assert len(before) > 1000


@needs_node
def test_a_search_finds_a_field_by_its_value() -> None:
    figure = spacetime(cluster(nodes=3).run(400))
    found = in_node(figure, "scene.search('Term = 1').length")
    said = [m for m in figure.scene.moments if "term=1" in m.text]
    assert found >= len(said) > 0


@needs_node
def test_the_state_after_an_event_is_what_was_saved_until_then() -> None:
    run = cluster(nodes=3).run(400)
    figure = spacetime(run)
    states = in_node(figure, "scene.stateAt(scene.moments.length - 1).map(s => [...s])")
    saved: dict[str, dict[str, str]] = {node: {} for node in run.trace.nodes}
    for event in run.trace.of_kind("save"):
        saved[event.node] |= {name: repr(value) for name, value in event.data.items()}
    assert [dict(state) for state in states] == list(saved.values())


@needs_node
def test_the_axis_that_shortens_quiet_stretches_can_be_read_backwards() -> None:
    figure = spacetime(cluster(nodes=3).run(160))
    expression = """(() => { const axis = new Axis(scene);
      return scene.moments.map(m => Math.abs(axis.time(axis.share(m.at)) - m.at)); })()"""
    assert max(in_node(figure, expression)) < 0.01


@pytest.mark.parametrize("scripts", VIEWS.values(), ids=VIEWS)
def test_a_view_can_stand_in_a_page_and_asks_for_nothing(scripts: tuple[str, ...]) -> None:
    source = module(scripts)
    assert "</script" not in source
    assert "innerHTML" not in source
    assert not [word for word in ("fetch(", "import ", "http://", "https://") if word in
                source.replace("http://www.w3.org/2000/svg", "")]  # fmt: skip


def test_colours_are_told_apart_by_colour_blind_eyes() -> None:
    """Machado et al. 2009, severity 1.0; a difference of 10 in CIELAB is seen at a glance."""
    colours = [*NODE_COLOURS, CLIENT_COLOUR, VIOLATION]
    for name, matrix in BLINDNESS.items():
        seen = [_cielab(_times(matrix, _linear(colour))) for colour in colours]
        for one, other in combinations(range(len(colours)), 2):
            far = sum((a - b) ** 2 for a, b in zip(seen[one], seen[other], strict=True)) ** 0.5
            assert far > 10, f"{colours[one]} and {colours[other]} look alike to {name} eyes"


BLINDNESS = {
    "protan": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "deutan": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    "tritan": ((1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)),
}


def _linear(colour: str) -> list[float]:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]


def _times(matrix: Any, colour: list[float]) -> list[float]:
    sums = [sum(a * b for a, b in zip(row, colour, strict=True)) for row in matrix]
    return [min(1.0, max(0.0, value)) for value in sums]


def _cielab(colour: list[float]) -> tuple[float, float, float]:
    r, g, b = colour
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def test_a_snapshot_needs_no_cluster() -> None:
    node = {"name": "n1", "status": "up", "role": "", "era": "", "log": None, "committed": None}
    assert "n1" in Snapshot({"nodes": [node], "cuts": [], "violation": ""}).svg()
