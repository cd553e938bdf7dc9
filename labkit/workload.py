"""What clients ask for: calls whose written values are all different.

Unique values make a history say which write each read saw; checkers are near-linear for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from labkit.message import NodeId
from labkit.network import Stream
from labkit.system import Call

Workload = dict[NodeId, list[Call]]


def writes(clients: int, each: int, *, f: str = "append", key: object = None) -> Workload:
    """`each` writes by each client: ``writes(2, 3)`` asks c1 for "c1-1", "c1-2", "c1-3", c2 likewise."""
    return {
        f"c{client}": [(f, key, f"c{client}-{number}") for number in range(1, each + 1)]
        for client in range(1, clients + 1)
    }


def reads_and_writes(
    clients: int,
    each: int,
    *,
    keys: Sequence[object] = ("x",),
    reads: float = 0.5,
    read: str = "read",
    write: str = "write",
    seed: object = 0,
) -> Workload:
    """Random reads and writes of random `keys`, the same for the same seed."""
    chance = Stream(seed, "workload")
    work: Workload = {}
    for id, calls in writes(clients, each, f=write).items():
        work[id] = [
            (read, chance.choice(keys), None) if chance.chance(reads) else (f, chance.choice(keys), value)
            for f, _, value in calls
        ]
    return work
