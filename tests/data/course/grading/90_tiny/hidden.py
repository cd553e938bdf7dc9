"""Lab 90, hidden checks."""

from __future__ import annotations

import random

from given import Add, Sum

from labkit.by_hand import by_hand
from labkit.verdict import checks, expect, trial


@checks("90.1", "any numbers add up", points=1)
def adds_up_any(program):
    draw, total = random.Random(trial().seed), 0
    node = by_hand(program, "Counter", "n1", clients=("c1",))
    for _ in range(10):
        amount = draw.randint(-1000, 1000)
        total += amount
        node.deliver("c1", Add(amount))
        got = node.sent_to("c1", Sum).total
        expect(got == total, f"n1 answered {got} and not {total}")
