"""Colours, dashes and escaping: one look for every figure.

Colour says which node, by the Okabe-Ito palette without its yellow (lost on white) and its
vermilion (too like the red that means a violated rule, and nothing else).  What kind of
message it is, and whether a value is safe, is said by dashes, shapes and words, so that a
grey print and a colour-blind reader lose nothing.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

NODE_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#0072B2", "#CC79A7")
CLIENT_COLOUR = "#6B6B6B"
VIOLATION = "#C8102E"
INK, FAINT, PAPER, BAND = "#222222", "#8A8A8A", "#FFFFFF", "#E4E4E4"
DIM = 0.3
"""How opaque that is which does not matter to what is shown."""
DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4", "2 2 6 2", "4 4", "1 4")
"""One for each type of message, in order of first use; further types begin again."""

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def node_colours(nodes: Sequence[str]) -> list[str]:
    """The colour of each node: clients (a "c" and a digit) are grey."""
    colours, used = [], 0
    for name in nodes:
        if re.match(r"c\d", name):
            colours.append(CLIENT_COLOUR)
        else:
            colours.append(NODE_COLOURS[used % len(NODE_COLOURS)])
            used += 1
    return colours


def clean(text: object) -> str:
    """Text that is safe to put between tags or into a quoted attribute of HTML or SVG."""
    return html.escape(_UNPRINTABLE.sub("\ufffd", str(text)), quote=True)


def brief(text: str, limit: int) -> str:
    """`text` on one line, cut to `limit` characters with an ellipsis."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: max(0, limit - 1)] + "…"
