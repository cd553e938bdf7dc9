"""The few shapes that pictures are made of, as SVG text.

Every value is escaped here, and nowhere else; what is already markup is passed as content.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from labkit.figures.theme import INK, PAPER, clean

HALO: dict[str, Any] = {"stroke": PAPER, "stroke_width": 2.5, "paint_order": "stroke"}
"""What keeps words legible on top of lines."""


def tag(name: str, content: Iterable[str] | str = "", /, **attributes: Any) -> str:
    """One SVG or HTML element; `content` is markup already, attributes are escaped.

    An underscore in an attribute's name stands for a hyphen: ``stroke_width=2``.
    """
    given = "".join(
        f' {key.strip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None and value != ""
    )
    inner = content if isinstance(content, str) else "".join(content)
    return f"<{name}{given}>{inner}</{name}>" if inner else f"<{name}{given}/>"


def picture(parts: Iterable[str], width: int, height: float, title: str, about: str) -> str:
    """A whole SVG picture, on white: it may be shown on a page of any colour."""
    head = tag("title", clean(title)) + tag("desc", clean(about))
    size = {"viewBox": f"0 0 {width} {height}", "width": width, "height": height, "role": "img"}
    paper = tag("rect", width="100%", height="100%", fill=PAPER)
    look = {"xmlns": "http://www.w3.org/2000/svg", "font_family": "system-ui, sans-serif", **size}
    return tag("svg", [head, paper, *parts], **look)


def line(
    x1: float, y1: float, x2: float, y2: float, stroke: str = INK, width: float = 1.0, **look: Any
) -> str:
    """A straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, stroke_width=width, **look)


def path(data: str, width: float = 1.8, *, fill: str = "none", stroke: str = INK) -> str:
    """A line of any form; with a width of 0 only its inside."""
    return tag("path", d=data, fill=fill, stroke=stroke if width else None, stroke_width=width)


def cross(x: float, y: float, half: float, width: float = 1.8) -> str:
    """Two strokes: something ends here."""
    size = 2 * half
    strokes = f"l{size} {size}m0 -{size}l-{size} {size}"
    return path(f"M{x - half:.1f} {y - half:.1f}{strokes}", width)


def rect(x: float, y: float, width: float, height: float, fill: str, **look: Any) -> str:
    """A box; one that would be too narrow to see is a little wider."""
    return tag("rect", x=x, y=y, width=max(2.0, width), height=height, fill=fill, **look)


def circle(x: float, y: float, radius: float, fill: str = INK, **look: Any) -> str:
    """A disc."""
    return tag("circle", cx=x, cy=y, r=radius, fill=fill, **look)


def words(x: float, y: float, text: object, anchor: str = "", **look: Any) -> str:
    """A line of text that begins, or with `anchor` is centred or ends, at a point."""
    given = {"fill": INK, "font_size": 11, "text_anchor": anchor, **look}
    return tag("text", clean(text), x=float(x), y=float(y), **given)


def _attribute(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else clean(value)
