"""Partitions with a name: the directions to cut, from the nodes and the leader."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Cuts = set[tuple[str, str]]


def _between(one: Iterable[str], other: Iterable[str]) -> Cuts:
    other = tuple(other)
    return {ends for a in one for b in other for ends in ((a, b), (b, a))}


def _isolate(nodes: tuple[str, ...], leader: str) -> Cuts:
    """The leader hears nobody, and nobody hears it."""
    return _between([leader], [name for name in nodes if name != leader])


def _split(nodes: tuple[str, ...], _leader: str) -> Cuts:
    """A smaller and a larger half."""
    half = len(nodes) // 2
    return _between(nodes[:half], nodes[half:])


def _bridge(nodes: tuple[str, ...], _leader: str) -> Cuts:
    """Two halves that hear each other only through the node in the middle, which hears both."""
    half = len(nodes) // 2
    return _between(nodes[:half], nodes[len(nodes) - half :])


def _ring(nodes: tuple[str, ...], _leader: str) -> Cuts:
    """Each node hears its two neighbours only."""
    near = {(a, b) for a, b in zip(nodes, nodes[1:] + nodes[:1], strict=True)}
    pairs = {(a, b) for a in nodes for b in nodes if a != b}
    return {(a, b) for a, b in pairs if (a, b) not in near and (b, a) not in near}


PRESETS: dict[str, Any] = {"isolate": _isolate, "split": _split, "bridge": _bridge, "ring": _ring}
