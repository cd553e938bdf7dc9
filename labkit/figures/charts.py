"""Charts of measurements, by Altair, from tidy records; one look for all.

Each function takes records (dicts, or a pandas frame; for those about clients, a history or a
run) and gives an Altair chart, to be changed like any other.  A chart is shown by labkit's own
renderer: JupyterLab draws Vega-Lite 5 without a network and nothing newer, exported pages
draw no Vega at all, so beside the chart go an SVG picture and a table in text.

Altair is imported when the first chart is made; ``enable()`` does that for charts of your own.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from labkit.figures.history import faults_of
from labkit.figures.theme import BAND, INK, NODE_COLOURS, brief
from labkit.history import History, Operation
from labkit.message import canonical, encode

WIDTH, HEIGHT, TABLE_ROWS = 560, 200, 12
Record = Mapping[str, Any]
Sides = Mapping[str, str] | None
V5 = "application/vnd.vegalite.v5+json"


# -- what the clients saw ---------------------------------------------------------------------


def availability(
    source: Any, *, bin_ms: float = 100, within_ms: float = math.inf, sides: Sides = None
) -> Any:
    """The share of operations answered `within_ms`, by when they were asked; faults are shaded.

    `sides` maps a client to its side of a partition; without it all clients are one line.
    """
    rows = [
        {"time_ms": start, "answered": _answered(group, within_ms), "side": side}
        for (start, side), group in _binned(source, bin_ms, sides)
    ]
    return _over_time(
        rows, "answered", "share of operations answered", source, "Who is answered?", top=1
    )


def latency(
    source: Any,
    *,
    bin_ms: float = 100,
    quantiles: Sequence[float] = (0.5, 0.99),
    sides: Sides = None,
) -> Any:
    """Quantiles of the time to an answer, by when it was asked, per side; faults are shaded."""
    rows = [
        {"time_ms": start, "latency_ms": _quantile(waits, q), "side": _named(side, f"p{q * 100:g}")}
        for (start, side), group in _binned(source, bin_ms, sides)
        if (waits := [_latency_ms(op) for op in group if op.outcome == "ok"])
        for q in quantiles
    ]
    return _over_time(rows, "latency_ms", "latency in ms", source, "How long does an answer take?")


def staleness(records: Any, source: Any = None, *, title: str = "How old are the answers?") -> Any:
    """``time_ms``, ``staleness_ms`` (0: fresh) and perhaps ``side`` of each read, over time."""
    rows = [{"side": "all", **row} for row in _rows(records)]
    return _over_time(rows, "staleness_ms", "staleness in ms", source, title)


def _over_time(
    rows: Sequence[Record], y: str, label: str, source: Any, title: str, top: Any = None
) -> Any:
    alt = enable()
    scale = alt.Scale(zero=True) if top is None else alt.Scale(domain=[0, top])
    lines = (
        alt.Chart(alt.Data(values=rows))
        .mark_line(point=True, interpolate="step-after" if top else "linear")
        .encode(
            x=alt.X("time_ms:Q", title="time in ms"),
            y=alt.Y(f"{y}:Q", title=label, scale=scale),
            color=alt.Color("side:N", title=None),
            strokeDash=alt.StrokeDash("side:N", title=None),
            tooltip=_tooltip(rows),
        )
    )
    return _finished(alt.layer(*_shades(alt, source), lines), rows, title)


def _shades(alt: Any, source: Any) -> list[Any]:
    """The spans in which something was broken, as grey bands with their names."""
    spans = [
        {
            "from": f.start_us / 1000,
            "to": None if f.end_us is None else f.end_us / 1000,
            "fault": f.text,
        }
        for f in (faults_of(source) if source is not None else ())
    ]
    if not spans:
        return []
    last = max(op.invoked_us or 0 for op in _operations(source)) / 1000
    base = alt.Chart(
        alt.Data(values=[{**s, "to": last if s["to"] is None else s["to"]} for s in spans])
    )
    x = alt.X("from:Q")
    words = base.mark_text(align="left", baseline="top", dx=3, fontSize=11, color=INK)
    return [
        base.mark_rect(color=BAND, opacity=0.8).encode(x=x, x2="to:Q"),
        words.encode(x=x, y=alt.value(2), text="fault:N"),
    ]


# -- trade-offs -------------------------------------------------------------------------------


def quorum_grid(records: Any, value: str, *, title: str) -> Any:
    """``r``, ``w``, `value`, and ``n`` if it is not 3, for each cell; R + W > N is framed."""
    alt = enable()
    rows = [{**row, "overlap": row["r"] + row["w"] > row.get("n", 3)} for row in _rows(records)]
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("w:O", title="W: acknowledgements a write waits for", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("r:O", title="R: answers a read waits for", sort="descending"),
    )
    frame = alt.condition("datum.overlap", alt.value(INK), alt.value("transparent"))
    colour = alt.Color(f"{value}:Q", title=value, scale=alt.Scale(scheme="blues"))
    middle = (max(row[value] for row in rows) + min(row[value] for row in rows)) / 2
    ink = alt.condition(f"datum['{value}'] > {middle}", alt.value("white"), alt.value(INK))
    cells = base.mark_rect(strokeWidth=3).encode(color=colour, stroke=frame, tooltip=_tooltip(rows))
    words = base.mark_text(fontSize=13).encode(
        text=alt.Text(f"{value}:Q", format=".3~g"), color=ink
    )
    chart = alt.layer(cells, words).properties(width=260, height=220)
    return _finished(chart, rows, f"{title} (framed: R + W > N)", sized=True)


def pacelc(records: Any, *, theory: Any = (), title: str = "What does consistency cost?") -> Any:
    """``store``, ``latency_ms``, ``availability`` and ``consistency`` of each store, as points.

    `theory` gives lines: ``latency_ms`` and ``line``, such as a round trip to a majority.
    """
    alt = enable()
    rows, lines = _rows(records), _rows(theory)
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("latency_ms:Q", title="median latency without a fault, in ms"),
        y=alt.Y(
            "availability:Q", title="availability in the partition", scale=alt.Scale(domain=[0, 1])
        ),
    )
    points = base.mark_point(size=140, filled=True).encode(
        color=alt.Color("consistency:N", title="consistency"),
        shape=alt.Shape("consistency:N", title="consistency"),
        tooltip=_tooltip(rows),
    )
    names = base.mark_text(align="left", dx=10, fontSize=12, color=INK).encode(text="store:N")
    rules = alt.Chart(alt.Data(values=lines))
    rule = rules.mark_rule(strokeDash=[4, 4], color=INK).encode(x="latency_ms:Q")
    told = rules.mark_text(align="right", dx=-4, baseline="top", color=INK)
    theory_marks = (
        [rule, told.encode(x="latency_ms:Q", y=alt.value(0), text="line:N")] if lines else []
    )
    return _finished(alt.layer(*theory_marks, points, names), rows, title)


def sweep(
    records: Any, x: str, y: str, *, by: str | None = None, theory: Any = (), title: str
) -> Any:
    """The median of `y` for each `x`, with a band from the lowest to the highest over the seeds.

    `theory` gives the expected line: records with `x` and `y`, drawn dashed.
    """
    alt = enable()
    rows = [{**row, "series": str(row[by]) if by else y} for row in _rows(records)]
    base = alt.Chart(alt.Data(values=rows)).encode(x=alt.X(f"{x}:Q", title=x))
    colour = alt.Color("series:N", title=by)
    band = base.mark_area(opacity=0.2).encode(y=f"min({y}):Q", y2=f"max({y}):Q", color=colour)
    line = base.mark_line(point=True).encode(
        y=alt.Y(f"median({y}):Q", title=y),
        color=colour,
        strokeDash=alt.StrokeDash("series:N", title=by),
    )
    expected = alt.Chart(alt.Data(values=_rows(theory))).mark_line(strokeDash=[2, 3], color=INK)
    layers = [band, line, *([expected.encode(x=f"{x}:Q", y=f"{y}:Q")] if theory else [])]
    return _finished(alt.layer(*layers), rows, title)


def message_counts(run: Any, *, title: str = "What does an operation cost?") -> Any:
    """Messages and bytes per operation of a run, by type of message."""
    alt = enable()
    operations = max(1, len(_operations(run)))
    sizes: dict[str, list[int]] = {}
    for event in run.trace.of_kind("send"):
        sizes.setdefault(type(event.data).__name__, []).append(len(canonical(encode(event.data))))
    rows = [
        {"type": name, "measure": measure, "each": total / operations}
        for name, counts in sizes.items()
        for measure, total in (("messages", len(counts)), ("bytes", sum(counts)))
    ]
    bars = alt.Chart(alt.Data(values=rows)).mark_bar(color=NODE_COLOURS[1])
    bars = bars.encode(
        x=alt.X("each:Q", title="per operation"),
        y=alt.Y("type:N", title=None),
        tooltip=_tooltip(rows),
    ).properties(width=WIDTH / 2 - 60, height=24 * max(1, len(sizes)))
    split = bars.facet(alt.Column("measure:N", title=None)).resolve_scale(x="independent")
    return _finished(split, rows, title, sized=True)


def log_table(views: Mapping[str, Mapping[str, Any]], *, title: str = "Who has what?") -> Any:
    """The log of each node, cell by cell, from what ``observe`` gives; committed is framed."""
    alt = enable()
    rows = [
        {
            "node": node,
            "index": index,
            "entry": brief(str(getattr(entry, "command", entry)), 9),
            "term": str(getattr(entry, "term", "")),
            "committed": index <= (view.get("commit_index") or 0),
        }
        for node, view in views.items()
        for index, entry in enumerate(view.get("log") or (), 1)
    ]
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("index:O", title="index", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("node:N", title=None),
    )
    frame = alt.condition("datum.committed", alt.value(INK), alt.value("transparent"))
    cells = base.mark_rect(strokeWidth=2, opacity=0.55)
    cells = cells.encode(
        color=alt.Color("term:N", title="term"), stroke=frame, tooltip=_tooltip(rows)
    )
    chart = alt.layer(cells, base.mark_text(fontSize=11, color=INK).encode(text="entry:N"))
    return _finished(
        chart.properties(height=34 * max(1, len(views)), width=alt.Step(52)),
        rows,
        title,
        sized=True,
    )


# -- one look, one way of showing -------------------------------------------------------------


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
            "legend": words,
            "range": {"category": list(NODE_COLOURS)},
        }
    }


def _finished(chart: Any, rows: Sequence[Record], title: str, *, sized: bool = False) -> Any:
    """The chart with its title, and the first rows as a table for those who cannot see it."""
    size = {} if sized else {"width": WIDTH, "height": HEIGHT}
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


def _tooltip(rows: Sequence[Record]) -> list[str]:
    first = rows[0] if rows else {}
    return [f"{name}:{'Q' if isinstance(first[name], int | float) else 'N'}" for name in first]


def _rows(records: Any) -> list[dict[str, Any]]:
    frame = getattr(records, "to_dict", None)
    return frame("records") if frame else [dict(row) for row in records]


def _operations(source: Any) -> Sequence[Operation]:
    return (source if isinstance(source, History) else source.history).operations


def _binned(source: Any, bin_ms: float, sides: Sides) -> Iterable[Any]:
    """Operations by (start of their interval in ms, side), in order."""
    groups: dict[tuple[float, str], list[Operation]] = {}
    for op in _operations(source):
        start = (op.invoked_us or 0) / 1000 // bin_ms * bin_ms
        groups.setdefault((start, sides.get(op.client, "") if sides else "all"), []).append(op)
    return sorted(groups.items())


def _latency_ms(op: Operation) -> float:
    return ((op.returned_us or 0) - (op.invoked_us or 0)) / 1000


def _answered(group: Sequence[Operation], within_ms: float) -> float:
    return statistics.fmean(op.outcome == "ok" and _latency_ms(op) <= within_ms for op in group)


def _quantile(values: Sequence[float], q: float) -> float:
    """The least value that at least a share `q` of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def _named(side: str, quantile: str) -> str:
    return quantile if side == "all" else f"{side}, {quantile}"
