"""Make cafe_orders.csv: one invented morning of orders, the same on every machine.

Run it from anywhere: ``python datasets/cafe_orders/make.py`` rewrites the file beside it.
"""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

ITEMS = (("espresso", 24), ("tea", 28), ("cake", 42), ("soup", 65), ("bread", 18))
"""What the café sells, and for how many tenths of a euro."""
TABLES, ORDERS, SEED = 8, 120, "cafe_orders 1"


def rows() -> list[tuple[int, int, int, str, int]]:
    """(order, minute, table, item, price_cents): about one order a minute and a half from 7:00."""
    draw = random.Random(SEED)
    minute, made = 0.0, []
    for order in range(1, ORDERS + 1):
        minute += 3 * draw.random()
        item, price = ITEMS[int(draw.random() ** 1.4 * len(ITEMS))]
        made.append((order, int(minute), 1 + int(draw.random() * TABLES), item, price * 10))
    return made


def text() -> str:
    """The whole file."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("order", "minute", "table", "item", "price_cents"))
    writer.writerows(rows())
    return out.getvalue()


if __name__ == "__main__":
    Path(__file__).with_name("cafe_orders.csv").write_text(text(), encoding="utf-8")
