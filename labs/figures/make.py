"""Make the picture of the README: lab 01's first run, drawn by the kit.

``python labs/figures/make.py`` rewrites the file beside it; a test keeps the two together.
"""

from __future__ import annotations

from pathlib import Path

from labkit import load_lab, simulate, spacetime
from labkit.bundle import Bundle

TITLE = "A reply is lost, and table 4 pays for two espressos"
ORDERS = [("append", "table 4", "espresso;"), ("append", "table 4", "tea;"), ("get", "table 4")]


def picture() -> str:
    """The space-time diagram of two orders on a network that loses one message in four."""
    given = Bundle(load_lab("01").given_source).load().given
    run = simulate(given.NaiveServer, 1, client=given.NaiveClient, workload={"c1": ORDERS}, seed=0, loss=0.25)
    return spacetime(run, title=TITLE).svg()


if __name__ == "__main__":
    Path(__file__).with_name("two_espressos.svg").write_text(picture() + "\n", encoding="utf-8")
