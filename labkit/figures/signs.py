"""Signs on a node's line: what each looks like, and what it means.

A sign is told by its shape alone.  Red is for a broken rule and nothing else.
"""

from __future__ import annotations

from typing import Any

from labkit.figures.theme import INK, VIOLATION, tag


def _shape(path: str, **look: Any) -> Any:
    return lambda x, y: tag("path", d=f"M{x:.1f} {y:.1f}{path}", **look)


def _letter(letter: str) -> Any:
    look = {"fill": INK, "font_weight": "bold", "text_anchor": "middle"}
    return lambda x, y: tag("text", letter, x=x, y=y + 4, **look)


_THIN = {"fill": "none", "stroke": INK, "stroke_width": 1.8}
SIGNS: dict[str, Any] = {
    "V": lambda x, y: tag("circle", cx=x, cy=y, r=9, fill="none", stroke=VIOLATION, stroke_width=3),
    "C": _shape("m-5 -5l10 10m0 -10l-10 10", fill="none", stroke=INK, stroke_width=2.8),
    "R": _shape("m-4 5l9 -5l-9 -5z", fill=INK),
    "d": _shape("m0 -4.5l4.5 4.5l-4.5 4.5l-4.5 -4.5z", fill=INK),
    "E": _letter("!"),
    "i": _shape("m-4 -3h8l-4 7z", fill=INK),
    "t": _shape("m-4 -4h8l-8 8h8z", fill="none", stroke=INK, stroke_width=1.2),
    "s": _shape("m-3.5 -3.5h7v7h-7z", fill=INK),
    "o": _shape("m-4 0l3 4l6 -8", **_THIN),
    "x": _shape("m-3 -3l6 6m0 -6l-6 6", **_THIN),
    "u": _letter("?"),
    "f": _shape("m-3 5v-10l8 3l-8 3", fill=INK, stroke=INK),
}
ON_LANE = "VCRd"
SIGN_NAMES = {
    "V": "rule broken", "C": "crash", "E": "error", "R": "restart", "s": "saved", "d": "changed",
    "t": "timer", "i": "asked", "o": "answered", "x": "failed", "u": "unknown", "f": "fact",
}  # fmt: skip
"""What each sign means; the interactive view draws the same shapes."""
