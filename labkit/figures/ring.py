"""A cluster at one moment, as a picture and as a table."""

from __future__ import annotations

import math
from typing import Any

from labkit.figures.svg import circle, cross, line, picture, words
from labkit.figures.theme import FAINT, INK, NODE_COLOURS, PAPER, brief, node_colours

WIDTH, HEIGHT, RADIUS = 420, 330, 115
DASHES = {"candidate": "5 3", "down": "2 4", "paused": "1 4"}


def ring(state: dict[str, Any]) -> str:
    """The nodes on a ring; what is cut is dashed with a cross; role and term stand in the node."""
    names = [node["name"] for node in state["nodes"]]
    places = dict(zip(names, _places(len(names)), strict=True))
    cuts = {tuple(ends) for ends in state["cuts"]}
    links = [_link(places, a, b, cuts) for i, a in enumerate(names) for b in names[:i]]
    nodes = map(_node, state["nodes"], places.values(), node_colours(names))
    title = "Cluster of " + ", ".join(names)
    return picture([*links, *nodes], WIDTH, HEIGHT, title, as_table(state))


def _places(count: int) -> list[tuple[float, float]]:
    """The first at the top, then clockwise."""
    turns = [2 * math.pi * place / max(1, count) for place in range(count)]
    return [(WIDTH / 2 + RADIUS * math.sin(t), HEIGHT / 2 - RADIUS * math.cos(t)) for t in turns]


def _link(places: Any, a: str, b: str, cuts: set[tuple[Any, ...]]) -> str:
    (x1, y1), (x2, y2) = places[a], places[b]
    broken = ((a, b) in cuts) + ((b, a) in cuts)
    if not broken:
        return line(x1, y1, x2, y2, FAINT, 2)
    dashed = line(x1, y1, x2, y2, INK, 2, stroke_dasharray="4 5")
    return dashed + cross((x1 + x2) / 2, (y1 + y2) / 2, 5, 1.3 * broken)


def _node(node: dict[str, Any], place: tuple[float, float], colour: str) -> str:
    x, y = place
    is_down, status = node["status"] == "down", _status(node)
    dashes = {"stroke_dasharray": DASHES.get(status, "")}
    rim = {"stroke": INK, "stroke_width": 4 if status == "leader" else 1.5, **dashes}
    ink = PAPER if colour == NODE_COLOURS[3] and not is_down else INK
    lines = filter(None, (node["name"], status, f"t{node['era']}" if node["era"] else ""))
    told = [words(x, y - 6 + 13 * n, brief(t, 10), "middle", fill=ink) for n, t in enumerate(lines)]
    return circle(x, y, 30, PAPER if is_down else colour, **rim) + "".join(told)


def _status(node: dict[str, Any]) -> str:
    return node["role"] if node["status"] == "up" else node["status"]


def as_table(state: dict[str, Any]) -> str:
    """The same in lines of text: a line a node, then what is cut and which rule broke."""
    lines = []
    for node in state["nodes"]:
        era = f"t{node['era']}" if node["era"] else ""
        log = (
            "" if node["log"] is None else f"log {len(node['log'])}, committed {node['committed']}"
        )
        lines.append(f"{node['name']:<6} {_status(node) or 'up':<10} {era:<5} {log}".rstrip())
    cuts = ", ".join(f"{a} ✗ {b}" for a, b in state["cuts"])
    lines.append(f"cut: {cuts}" if cuts else "no link is cut")
    return "\n".join([*lines, *filter(None, [state["violation"]])])
