"""The text form of a space-time diagram: a column for each node, time downwards."""

from __future__ import annotations

from labkit.figures.scene import Arrow, Moment, Scene
from labkit.figures.theme import brief

ROWS_MAX = 80
SIGNS = dict(zip("CREVsdtioxu", "✗▲!‼▪◆⧖▽✓✗?", strict=True))


def as_text(scene: Scene) -> str:
    """The diagram in lines of text: title, summary, a line for each message and each mark."""
    width = max(9, min(20, 92 // max(1, len(scene.nodes))))
    heads = "".join(brief(name, width - 1).center(width) for name in scene.nodes)
    rows = _rows(scene, width)
    shown = rows[:ROWS_MAX]
    if len(rows) > ROWS_MAX:
        shown.append(f"{'':>10}  ... and {len(rows) - ROWS_MAX} more lines")
    unit = "step" if scene.unit == "step" else "ms"
    head = f"{unit:>10}  {heads}".rstrip()
    return "\n".join([scene.title, f"({scene.summary()})", head, *shown])


def _rows(scene: Scene, width: int) -> list[str]:
    """In order of time: messages when they are sent, moments that have a mark of their own."""
    timed = [(arrow.start, 1, _arrow_row(scene, arrow, width)) for arrow in scene.arrows]
    timed += [
        (index, 0, _moment_row(scene, moment, width))
        for index, moment in enumerate(scene.moments)
        if moment.marks or moment.changes
    ]
    return [row for _, _, row in sorted(timed, key=lambda item: item[:2])]


def _arrow_row(scene: Scene, arrow: Arrow, width: int) -> str:
    cells = [line.center(width) for line in _lane_signs(scene, arrow.sent)]
    low, high = sorted((arrow.source, arrow.destination))
    start, length = low * width + width // 2, max(1, (high - low) * width)
    body = _shaft(arrow, length)
    line = "".join(cells)
    drawn = line[:start] + body + line[start + len(body) :]
    words = brief(arrow.text, 60) + _ending(scene, arrow)
    return f"{_when(scene, arrow.sent)}  {drawn.rstrip()}   {words}"


def _shaft(arrow: Arrow, length: int) -> str:
    name = brief(arrow.type, max(1, length - 5))
    if arrow.source == arrow.destination:
        return "↺"
    inner = name.center(length - 1, "─") if length > 4 else "─" * (length - 1)
    arrived = arrow.fate in ("arrived", "again")
    if arrow.source < arrow.destination:
        return "●" + inner + ("▶" if arrived else "✗" if arrow.fate == "lost" else "┄")
    return ("◀" if arrived else "✗" if arrow.fate == "lost" else "┄") + inner + "●"


def _ending(scene: Scene, arrow: Arrow) -> str:
    if arrow.fate == "lost":
        return "  lost"
    if arrow.fate == "open":
        return "  still on its way"
    again = "  arrives again" if arrow.fate == "again" else "  arrives"
    return f"{again} {_when(scene, arrow.received).strip()}"


def _moment_row(scene: Scene, moment: Moment, width: int) -> str:
    cells = _lane_signs(scene, moment.at)
    if moment.node >= 0:
        cells[moment.node] = (
            "".join(SIGNS.get(mark, "") for mark in dict.fromkeys(moment.marks)) or "·"
        )
    changed = ", ".join(f"{name} {before}→{after}" for name, before, after in moment.changes)
    words = "; ".join(part for part in (moment.text, changed, *moment.effects) if part)
    drawn = "".join(cell.center(width) for cell in cells)
    return f"{_when(scene, moment.at)}  {drawn.rstrip()}   {brief(words, 110)}"


def _lane_signs(scene: Scene, at: float) -> list[str]:
    signs = ["│"] * len(scene.nodes)
    for span in scene.spans:
        if span.node >= 0 and span.start < at < span.end:
            signs[span.node] = " " if span.kind == "down" else "┊"
    return signs


def _when(scene: Scene, at: float) -> str:
    return f"{at:>10.0f}" if scene.unit == "step" else f"{at:>10.1f}"
