"""Partitions with a name: the groups that hear only themselves, from the nodes and the leader.

A node in no group hears everybody.
"""

from __future__ import annotations

from collections.abc import Sequence

Groups = tuple[tuple[str, ...], ...]


def groups_of(preset: str, nodes: Sequence[str], leader: str) -> Groups:
    """The groups of "isolate" (the leader alone), "split" (two halves) or "bridge".

    A bridge is two halves that hear each other only through the node in the middle.
    """
    nodes, half = tuple(nodes), len(nodes) // 2
    if preset == "isolate":
        return (leader,), tuple(name for name in nodes if name != leader)
    return nodes[:half], nodes[half:] if preset == "split" else nodes[len(nodes) - half :]


def cuts_of_ring(nodes: Sequence[str]) -> set[tuple[str, str]]:
    """The directions to cut so that each node hears its two neighbours only."""
    count = len(nodes)
    turns = [(i, j) for i in range(count) for j in range(count) if 1 < (i - j) % count < count - 1]
    return {(nodes[i], nodes[j]) for i, j in turns}
