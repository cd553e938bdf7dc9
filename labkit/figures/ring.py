"""A cluster at one moment, as a picture and as a table."""

from __future__ import annotations

import math
from typing import Any

from labkit.figures.theme import (
    FAINT,
    INK,
    NODE_COLOURS,
    PAPER,
    brief,
    clean,
    node_colours,
    picture,
    tag,
)

WIDTH, HEIGHT, RADIUS = 420, 330, 115
ROLE_DASHES = {"candidate": "5 3", "down": "2 4"}


def ring(state: dict[str, Any]) -> str:
    """The nodes on a ring; what is cut is dashed with a cross; role and term stand in the node."""
    names = [node["name"] for node in state["nodes"]]
    places = dict(zip(names, places_on_ring(len(names)), strict=True))
    cuts = {tuple(ends) for ends in state["cuts"]}
    links = [_link(places, a, b, cuts) for i, a in enumerate(names) for b in names[:i]]
    nodes = map(_node, state["nodes"], places.values(), node_colours(names))
    head = tag("title", "Cluster of " + clean(", ".join(names)))
    size = {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "width": WIDTH, "height": HEIGHT}
    return picture([head, *links, *nodes], **size)


def places_on_ring(count: int) -> list[tuple[float, float]]:
    """The first at the top, then clockwise."""
    turns = [2 * math.pi * place / max(1, count) for place in range(count)]
    return [(WIDTH / 2 + RADIUS * math.sin(t), HEIGHT / 2 - RADIUS * math.cos(t)) for t in turns]


def _link(places: Any, a: str, b: str, cuts: set[tuple[Any, ...]]) -> str:
    (x1, y1), (x2, y2) = places[a], places[b]
    broken = ((a, b) in cuts) + ((b, a) in cuts)
    look = {
        "stroke": INK if broken else FAINT,
        "stroke_width": 2,
        "stroke_dasharray": "4 5" * bool(broken),
    }
    line = tag("line", x1=x1, y1=y1, x2=x2, y2=y2, **look)
    if not broken:
        return line
    cross = f"M{(x1 + x2) / 2 - 5:.1f} {(y1 + y2) / 2 - 5:.1f}l10 10m0 -10l-10 10"
    return line + tag("path", d=cross, stroke=INK, stroke_width=2.5 if broken == 2 else 1.2)


def _node(node: dict[str, Any], place: tuple[float, float], colour: str) -> str:
    x, y = place
    status = node["status"] if node["status"] != "up" else node["role"]
    look = {"stroke": INK, "stroke_width": 4 if node["role"] == "leader" else 1.5}
    fill = {"fill": PAPER if node["status"] == "down" else colour}
    circle = tag(
        "circle", cx=x, cy=y, r=30, stroke_dasharray=ROLE_DASHES.get(status, ""), **look, **fill
    )
    ink = PAPER if colour == NODE_COLOURS[3] and node["status"] != "down" else INK
    lines = [node["name"], status, f"t{node['era']}" if node["era"] else ""]
    look = {"x": x, "text_anchor": "middle", "font_size": 11, "fill": ink}
    rows = enumerate(filter(None, lines))
    words = [tag("text", clean(brief(text, 10)), y=y - 6 + 13 * row, **look) for row, text in rows]
    return circle + "".join(words)


def as_table(state: dict[str, Any]) -> str:
    """The same in lines of text: a line a node, then what is cut."""
    lines = []
    for node in state["nodes"]:
        era = f"t{node['era']}" if node["era"] else ""
        log = (
            "" if node["log"] is None else f"log {len(node['log'])}, committed {node['committed']}"
        )
        status = node["status"] if node["status"] != "up" else node["role"]
        lines.append(f"{node['name']:<6} {status or 'up':<10} {era:<5} {log}".rstrip())
    cuts = ", ".join(f"{a} ✗ {b}" for a, b in state["cuts"])
    return "\n".join(
        [
            *lines,
            f"cut: {cuts}" if cuts else "no link is cut",
            *([state["violation"]] if state["violation"] else []),
        ]
    )
