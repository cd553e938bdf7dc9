"""How charts look and how they are shown: one theme, one renderer, one way of making them.

JupyterLab draws Vega-Lite 5 without a network and nothing newer, and exported pages draw no
Vega at all; so beside the chart go an SVG picture and a table in text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from labkit.figures.theme import BAND, INK, NODE_COLOURS

WIDTH, HEIGHT, TABLE_ROWS = 540, 200, 12
V5 = "application/vnd.vegalite.v5+json"
Record = Mapping[str, Any]


@cache
def enable() -> Any:
    """Import Altair, with labkit's theme and renderer; returns the module ``altair``."""
    import altair

    altair.theme.register("labkit", enable=True)(_theme)
    altair.renderers.register("labkit", shown)
    altair.renderers.enable("labkit")
    return altair


def shown(spec: dict[str, Any], **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a notebook gets for a chart: Vega-Lite 5, a picture if vl-convert is there, and text."""
    bundle: dict[str, Any] = {
        V5: {**spec, "$schema": "https://vega.github.io/schema/vega-lite/v5.json"}
    }
    try:
        import vl_convert
    except ImportError:  # in the browser's Python
        pass
    else:
        bundle["image/svg+xml"] = vl_convert.vegalite_to_svg(spec)
    bundle["text/plain"] = spec.get("description") or "<Altair chart>"
    return bundle, {}


def _theme() -> Any:
    words = {"labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal"}
    title = {"anchor": "start", "fontSize": 13}
    config = {"background": "white", "view": {"continuousWidth": WIDTH, "continuousHeight": HEIGHT}}
    return {
        "config": {
            **config,
            "title": title,
            "axis": {**words, "gridColor": BAND, "labelColor": INK, "titleColor": INK},
            "legend": {**words, "orient": "bottom"},
            "range": {"category": list(NODE_COLOURS)},
        }
    }


def finished(chart: Any, rows: Sequence[Record], title: str, **size: Any) -> Any:
    """The chart with its title, and the first rows as a table for those who cannot see it."""
    return chart.properties(title=title, description=f"{title}\n{_table(rows)}", **size)


def _table(rows: Sequence[Record]) -> str:
    names = list(rows[0]) if rows else []
    cells = [names, *([_cell(row[name]) for name in names] for row in rows[:TABLE_ROWS])]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]
    more = len(rows) - TABLE_ROWS
    return "\n".join([*lines, *([f"... {more} more rows"] if more > 0 else [])])


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def tooltip(rows: Sequence[Record]) -> list[str]:
    """What to say of the row under the pointer: all of it."""
    first = rows[0] if rows else {}
    return [f"{name}:{'Q' if isinstance(first[name], int | float) else 'N'}" for name in first]
