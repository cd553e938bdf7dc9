"""What figures cost: CPU time to draw a run of five thousand events, and a panel's share of a core.

    python tests/benchmarks/bench_figures.py

The first line of each pair is the simulation itself: ratios to it hold on any machine.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]

from elections import cluster  # noqa: E402

from labkit.figures import history_figure, spacetime  # noqa: E402
from labkit.figures.panel import Panel  # noqa: E402

EVENTS = 5_000
TICKS = 200


def cpu_s(act: Callable[[], Any]) -> float:
    """The least CPU time of three turns, in seconds."""
    turns = []
    for _ in range(3):
        start = time.process_time()
        act()
        turns.append(time.process_time() - start)
    return min(turns)


def run_of(events: int) -> Any:
    """A run whose trace has at least so many events."""
    run = cluster()
    while len(run.trace) < events:
        run.run(run.now_ms + 500)
    return run


def main() -> None:
    base = cpu_s(lambda: run_of(EVENTS))
    run = run_of(EVENTS)
    figure = spacetime(run)
    print(f"simulate {len(run.trace)} events        {base:6.3f} CPU-s   1.0")
    rows = {
        "read them into a scene": lambda: spacetime(run),
        "picture": figure.svg,
        "text": figure.text,
        "page with the view": figure.html,
        "history picture": lambda: history_figure(run).svg(),
    }
    for name, act in rows.items():
        cost = cpu_s(act)
        print(f"{name:<28}{cost:6.3f} CPU-s   {cost / base:.2f}")
    sizes = len(figure.html()), len(figure.svg())
    print(f"page {sizes[0] / 1024:.0f} KB, picture {sizes[1] / 1024:.0f} KB")
    panel_share()


def panel_share() -> None:
    """How much of a core the panel takes at its five looks a second, the simulation apart."""
    panel = Panel(cluster(), speed=0.3)
    looks = 0.0
    for _ in range(TICKS):
        panel.cluster.run(panel.cluster.now_ms + panel.tick_s * 1000 * panel.speed)
        start = time.process_time()
        panel.look()
        looks += time.process_time() - start
    share = looks / TICKS / panel.tick_s
    print(f"panel: {looks / TICKS * 1000:.2f} CPU-ms a look, {share:.1%} of a core")


if __name__ == "__main__":
    main()
