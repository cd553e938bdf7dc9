"""Charts of measurements, by Altair, from tidy records.

Each function takes records (dicts, or a pandas frame; for those about clients, a history or a
run) and gives an Altair chart, to be changed like any other.  Altair is imported when the
first one is made; ``enable()`` does that for charts of your own.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from labkit.figures.history import faults_of
from labkit.figures.theme import BAND, INK, NODE_COLOURS, brief
from labkit.figures.vega import V5, WIDTH, Record, enable, finished, tooltip
from labkit.history import History, Operation
from labkit.message import canonical, encode

Sides = Mapping[str, str] | None
__all__ = ["V5", "availability", "enable", "latency", "log_table", "message_counts", "pacelc"]
__all__ += ["quorum_grid", "staleness", "sweep"]


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
    rows: Sequence[Record], y: str, label: str, source: Any, title: str, top: float | None = None
) -> Any:
    alt = enable()
    if not rows:  # a legend of nothing keeps a browser busy for ever
        said = _of([{"time_ms": 0, "said": "no answers"}]).mark_text(align="left")
        return finished(alt.layer(*_shades(source), said.encode(x="time_ms:Q", text="said:N")), rows, title)
    scale = alt.Scale(domain=[0, top]) if top else alt.Scale(zero=True)
    marks = _of(rows).mark_line(point=True, interpolate="step-after" if top else "linear")
    side = {
        "color": alt.Color("side:N", title=None),
        "strokeDash": alt.StrokeDash("side:N", title=None),
    }
    x, what = alt.X("time_ms:Q", title="time in ms"), alt.Y(f"{y}:Q", title=label, scale=scale)
    lines = marks.encode(x=x, y=what, tooltip=tooltip(rows), **side)
    return finished(alt.layer(*_shades(source), lines), rows, title)


def _shades(source: Any) -> list[Any]:
    """The spans in which something was broken, as grey bands with their names."""
    faults = faults_of(source) if source is not None else []
    if not faults:
        return []
    last_us = max(op.invoked_us or 0 for op in _operations(source))
    base = _of(
        {"from": f.start_us / 1000, "to": (f.end_us or last_us) / 1000, "fault": f.text}
        for f in faults
    )
    words = base.mark_text(align="left", baseline="top", dx=3, fontSize=11, color=INK)
    bands = base.mark_rect(color=BAND, opacity=0.8).encode(x="from:Q", x2="to:Q")
    return [bands, words.encode(x="from:Q", y=enable().value(2), text="fault:N")]


def _of(rows: Iterable[Record]) -> Any:
    """A chart of these rows, with no marks yet."""
    alt = enable()
    return alt.Chart(alt.Data(values=list(rows)))


# -- trade-offs -------------------------------------------------------------------------------


def quorum_grid(records: Any, value: str, *, title: str) -> Any:
    """``r``, ``w``, `value`, and ``n`` if it is not 3, for each cell; R + W > N is framed."""
    alt = enable()
    rows = [{**row, "overlap": row["r"] + row["w"] > row.get("n", 3)} for row in _rows(records)]
    x = alt.X("w:O", title="W: acknowledgements a write waits for", axis=alt.Axis(labelAngle=0))
    y = alt.Y("r:O", title="R: answers a read waits for", sort="descending")
    base = _of(rows).encode(x=x, y=y, tooltip=tooltip(rows))
    colour = alt.Color(f"{value}:Q", scale=alt.Scale(scheme="blues"))
    middle = (max(row[value] for row in rows) + min(row[value] for row in rows)) / 2
    ink = alt.condition(f"datum['{value}'] > {middle}", alt.value("white"), alt.value(INK))
    cells = base.mark_rect(strokeWidth=3).encode(color=colour, stroke=_framed("overlap"))
    number = alt.Text(f"{value}:Q", format=".3~g")
    chart = alt.layer(cells, base.mark_text(fontSize=13).encode(text=number, color=ink))
    return finished(chart, rows, f"{title} (framed: R + W > N)", width=260, height=220)


def pacelc(records: Any, *, theory: Any = (), title: str = "What does consistency cost?") -> Any:
    """``store``, ``latency_ms``, ``availability`` and ``consistency`` of each store, as points.

    `theory` gives lines: ``latency_ms`` and ``line``, such as a round trip to a majority.
    """
    alt = enable()
    rows, lines = _rows(records), _rows(theory)
    whole = alt.Scale(domain=[0, 1])
    x = alt.X("latency_ms:Q", title="median latency without a fault, in ms")
    y = alt.Y("availability:Q", title="availability in the partition", scale=whole)
    base = _of(rows).encode(x=x, y=y)
    points = base.mark_point(size=140, filled=True)
    points = points.encode(color="consistency:N", shape="consistency:N", tooltip=tooltip(rows))
    names = base.mark_text(align="left", dx=10, fontSize=12, color=INK).encode(text="store:N")
    rule = _of(lines).mark_rule(strokeDash=[4, 4], color=INK).encode(x="latency_ms:Q")
    told = _of(lines).mark_text(align="right", dx=-4, baseline="top", color=INK)
    told = told.encode(x="latency_ms:Q", y=alt.value(0), text="line:N")
    return finished(alt.layer(*([rule, told] if lines else []), points, names), rows, title)


def sweep(records: Any, x: str, y: str, *, by: str = "", theory: Any = (), title: str) -> Any:
    """The median of `y` for each `x`, with a band from the lowest to the highest over the seeds.

    `theory` gives the expected line: records with `x` and `y`, drawn dashed.
    """
    alt = enable()
    rows = [{**row, "series": str(row[by]) if by else y} for row in _rows(records)]
    base = _of(rows).encode(x=f"{x}:Q", color=alt.Color("series:N", title=by or None))
    band = base.mark_area(opacity=0.2).encode(y=f"min({y}):Q", y2=f"max({y}):Q")
    dashes = alt.StrokeDash("series:N", legend=None)
    line = base.mark_line(point=True).encode(y=alt.Y(f"median({y}):Q", title=y), strokeDash=dashes)
    expected = _of(_rows(theory)).mark_line(strokeDash=[2, 3], color=INK)
    expected = expected.encode(x=f"{x}:Q", y=f"{y}:Q")
    return finished(alt.layer(band, line, *([expected] if theory else [])), rows, title)


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
    each, kind = alt.X("each:Q", title="per operation"), alt.Y("type:N", title=None)
    bars = _of(rows).mark_bar(color=NODE_COLOURS[1]).encode(x=each, y=kind, tooltip=tooltip(rows))
    bars = bars.properties(width=WIDTH / 2 - 60, height=24 * max(1, len(sizes)))
    split = bars.facet(alt.Column("measure:N", title=None)).resolve_scale(x="independent")
    return finished(split, rows, title)


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
    x = alt.X("index:O", axis=alt.Axis(labelAngle=0))
    base = _of(rows).encode(x=x, y=alt.Y("node:N", title=None), tooltip=tooltip(rows))
    cells = base.mark_rect(strokeWidth=2, opacity=0.55)
    cells = cells.encode(color="term:N", stroke=_framed("committed"))
    chart = alt.layer(cells, base.mark_text(fontSize=11, color=INK).encode(text="entry:N"))
    return finished(chart, rows, title, width=alt.Step(52), height=34 * max(1, len(views)))


def _framed(flag: str) -> Any:
    """A dark rim where the row's `flag` is set."""
    alt = enable()
    return alt.condition(f"datum.{flag}", alt.value(INK), alt.value("transparent"))


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
