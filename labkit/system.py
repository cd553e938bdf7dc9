"""Who takes part in a run: nodes with their roles, clients with their work.

A system is a value, so that a check, a replay, the grader and a real cluster build the same
one.  A role is the name of a node class in the program that runs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labkit.message import NodeId, decode, encode, plain

Call = tuple[str, Any, Any]
"""What a client is asked for: (f, key, value)."""


@dataclass(frozen=True, slots=True)
class System:
    """``nodes`` and ``clients`` as (id, role) pairs; ``workload`` as (client, calls) pairs.

    Each client makes its calls one after the other, ``gap_ms`` after the last one ended.
    """

    nodes: tuple[tuple[NodeId, str], ...]
    clients: tuple[tuple[NodeId, str], ...] = ()
    workload: tuple[tuple[NodeId, tuple[Call, ...]], ...] = ()
    gap_ms: float = 5

    @classmethod
    def of(
        cls,
        nodes: int | Iterable[NodeId] | Mapping[NodeId, str],
        role: str = "",
        *,
        client: str = "",
        workload: Mapping[NodeId, Sequence[Sequence[Any]]] | None = None,
        gap_ms: float = 5,
    ) -> System:
        """A system of `nodes` (how many, their ids, or id to role), and a `client` for each id in `workload`.

        A call may be shorter than (f, key, value): what is missing is None.
        """
        if isinstance(nodes, int):
            nodes = [f"n{number}" for number in range(1, nodes + 1)]
        pairs = tuple(nodes.items()) if isinstance(nodes, Mapping) else tuple((id, role) for id in nodes)
        work = tuple((id, tuple(map(_call, calls))) for id, calls in (workload or {}).items())
        return cls(pairs, tuple((id, client) for id, _ in work), work, gap_ms)

    def __post_init__(self) -> None:
        ids = [id for id, _ in (*self.nodes, *self.clients)]
        twice = sorted({id for id in ids if ids.count(id) > 1})
        if twice:
            raise ValueError(
                f"two members are called {twice[0]!r}; give each node and client an id of its own"
            )
        if not self.nodes:
            raise ValueError("a system needs at least one node; give nodes=1 or more")

    @property
    def node_ids(self) -> tuple[NodeId, ...]:
        """The nodes, without the clients."""
        return tuple(id for id, _ in self.nodes)

    @property
    def client_ids(self) -> tuple[NodeId, ...]:
        """The clients."""
        return tuple(id for id, _ in self.clients)

    @property
    def members(self) -> tuple[tuple[NodeId, str], ...]:
        """Nodes, then clients, as (id, role)."""
        return self.nodes + self.clients

    def calls(self, client: NodeId) -> tuple[Call, ...]:
        """What `client` is going to be asked for, in order."""
        return dict(self.workload).get(client, ())

    def encoded(self) -> dict[str, Any]:
        """As plain JSON values, for a counterexample's setup."""
        return {
            "nodes": [list(pair) for pair in self.nodes],
            "clients": [list(pair) for pair in self.clients],
            "workload": [[id, encode(calls)] for id, calls in self.workload],
            "gap_ms": self.gap_ms,
        }

    @classmethod
    def from_encoded(cls, raw: Mapping[str, Any], classes: Mapping[str, type]) -> System:
        """The inverse of ``encoded``."""
        return cls(
            tuple((id, role) for id, role in raw["nodes"]),
            tuple((id, role) for id, role in raw["clients"]),
            tuple((id, decode(calls, classes)) for id, calls in raw["workload"]),
            raw["gap_ms"],
        )


def _call(parts: Sequence[Any]) -> Call:
    f, key, value = (*parts, None, None)[:3]
    if not isinstance(f, str):
        raise TypeError(f"a call is (f, key, value) with a name first, but got {parts!r}")
    return f, plain(key, f"the key of {f}"), plain(value, f"the value of {f}")
