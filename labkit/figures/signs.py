"""Signs on a node's line: what each looks like, and what it means.

A sign is told by its shape alone.  Red is for a broken rule and nothing else.
"""

from __future__ import annotations

from typing import Any

from labkit.figures.svg import circle, path, words
from labkit.figures.theme import INK, VIOLATION


def _shape(form: str, width: float = 0.0) -> Any:
    """A sign of strokes, or, without a width, of a filled outline."""
    fill = "none" if width else INK
    return lambda x, y: path(f"M{x:.1f} {y:.1f}{form}", width, fill=fill)


def _letter(letter: str) -> Any:
    return lambda x, y: words(x, y + 4, letter, "middle", font_weight="bold", font_size=13)


SIGNS: dict[str, Any] = {
    "V": lambda x, y: circle(x, y, 9, "none", stroke=VIOLATION, stroke_width=3),
    "C": _shape("m-5 -5l10 10m0 -10l-10 10", 2.8),
    "R": _shape("m-4 5l9 -5l-9 -5z"),
    "d": _shape("m0 -4.5l4.5 4.5l-4.5 4.5l-4.5 -4.5z"),
    "E": _letter("!"),
    "i": _shape("m-4 -3h8l-4 7z"),
    "t": _shape("m-4 -4h8l-8 8h8z", 1.2),
    "s": _shape("m-3.5 -3.5h7v7h-7z"),
    "o": _shape("m-4 0l3 4l6 -8", 1.8),
    "x": _shape("m-3 -3l6 6m0 -6l-6 6", 1.8),
    "u": _letter("?"),
    "f": _shape("m-3 5v-10l8 3l-8 3", 1.0),
}
ON_LANE, ROUTINE = "VCRd", "tios"
"""Signs on the line itself, all others stand outside it; signs that a dense picture leaves out."""
NAMES = (
    "rule broken",
    "crash",
    "restart",
    "changed",
    "error",
    "asked",
    "timer",
    "saved",
    "answered",
)
SIGN_NAMES = dict(zip(SIGNS, (*NAMES, "failed", "unknown", "fact"), strict=True))
