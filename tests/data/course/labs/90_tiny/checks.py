"""Lab 90, public checks."""

from __future__ import annotations

from given import Add, Sum

from labkit.by_hand import by_hand
from labkit.verdict import checks, expect


@checks("90.1", "the answer is the sum so far", points=2, source="Lab 90", look_at="self.total")
def adds_up(program):
    node = by_hand(program, "Counter", "n1", clients=("c1",))
    for amount, total in ((1, 1), (4, 5), (-2, 3)):
        node.deliver("c1", Add(amount))
        got = node.sent_to("c1", Sum).total
        expect(got == total, f"after adding {amount}, n1 answered {got} and not {total}")


@checks("90.2", "double is twice", points=1)
def doubles(program):
    for number in (0, 7, -3):
        got = program.call("double", number)
        expect(type(got) is int and got == 2 * number, f"double({number}) is {got!r}")


@checks("90.E", "sums survive a crash", points=2)
def survives(program):
    node = by_hand(program, "Counter", "n1", clients=("c1",))
    node.deliver("c1", Add(3))
    node.restart()
    node.deliver("c1", Add(4))
    got = node.sent_to("c1", Sum).total
    expect(got == program.call("double", 7) // 2, f"after 3, a crash and 4, n1 answered {got}")
