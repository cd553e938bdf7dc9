"""Links between nodes, with their faults: how late a message comes, how often, or not at all.

Each channel (source to destination) draws from a stream of its own, seeded by its name, so
that a message more on one link never changes what happens on another.  Draws are integer
arithmetic on ``getrandbits``: the same on every Python.

Every fault that happened is counted; a check whose faults never happened has not been exercised.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from labkit.message import NodeId


@dataclass(frozen=True, slots=True)
class Link:
    """One direction between two nodes.  Delays in milliseconds, probabilities from 0 to 1.

    ``tail`` of the messages take up to ``tail_ms`` instead: longer than a time-out, or whole
    classes of bug stay invisible.  Delays are drawn singly, so messages overtake each other.
    """

    delay_ms: tuple[float, float] = (1, 10)
    loss: float = 0
    duplication: float = 0
    tail: float = 0
    tail_ms: float = 400

    def __post_init__(self) -> None:
        least, most = self.delay_ms
        if not 0 <= least <= most:
            raise ValueError(f"delay_ms is {self.delay_ms}; give (least, most) with 0 <= least <= most, in ms")
        for name in ("loss", "duplication", "tail"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; a probability lies between 0 and 1")


class Stream:
    """Chance for one purpose, from a seed and a name."""

    __slots__ = ("_bits",)

    def __init__(self, seed: object, name: str) -> None:
        self._bits = random.Random(f"{seed}/{name}").getrandbits

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1."""
        return self._bits(53) * limit >> 53

    def between(self, least: int, most: int) -> int:
        """A number from `least` to `most`, both included."""
        return least + (self._bits(53) * (most - least + 1) >> 53)

    def chance(self, probability: float) -> bool:
        """True with this probability; draws only if it could go either way."""
        return probability > 0 and self._bits(53) < int(probability * (1 << 53))

    def choice(self, options: list[object] | tuple[object, ...]) -> object:
        """One of `options`."""
        return options[self._bits(53) * len(options) >> 53]


class Network:
    """All links of a system: one default, exceptions, and the links that are cut just now."""

    def __init__(self, seed: object = 0, link: Link | None = None) -> None:
        self._seed = seed
        self._default = link or Link()
        self._links: dict[tuple[NodeId, NodeId], Link] = {}
        self._streams: dict[tuple[NodeId, NodeId], Stream] = {}
        self._cut: set[tuple[NodeId, NodeId]] = set()
        self.faults: Counter[str] = Counter()

    def set_link(self, source: NodeId | None = None, destination: NodeId | None = None, **changes: float) -> None:
        """Change one direction of one link, or, with no ends given, every link: ``loss=0.1``."""
        if source is None or destination is None:
            self._default = replace(self._default, **changes)  # type: ignore[arg-type]
            self._links = {ends: replace(link, **changes) for ends, link in self._links.items()}  # type: ignore[arg-type]
        else:
            ends = source, destination
            self._links[ends] = replace(self._links.get(ends, self._default), **changes)  # type: ignore[arg-type]

    def cut(self, source: NodeId, destination: NodeId) -> None:
        """Nothing passes from `source` to `destination` any more; the other direction is untouched."""
        self._cut.add((source, destination))

    def partition(self, *groups: Iterable[NodeId]) -> None:
        """Cut both directions between nodes of different groups; nodes in no group keep all links."""
        sides = [frozenset(group) for group in groups]
        for side in sides:
            for other in sides:
                if side is not other:
                    self._cut.update((a, b) for a in side for b in other if a != b)

    def heal(self, source: NodeId | None = None, destination: NodeId | None = None) -> None:
        """Mend one direction of one link, or, with no ends given, every cut."""
        if source is None or destination is None:
            self._cut.clear()
        else:
            self._cut.discard((source, destination))

    def is_cut(self, source: NodeId, destination: NodeId) -> bool:
        """Is this direction cut just now?"""
        return (source, destination) in self._cut

    @property
    def cuts(self) -> frozenset[tuple[NodeId, NodeId]]:
        """The directions that are cut just now."""
        return frozenset(self._cut)

    def delays_us(self, source: NodeId, destination: NodeId) -> tuple[int, ...]:
        """When copies of one message sent now arrive, in microseconds from now; empty if it is lost."""
        ends = source, destination
        if ends in self._cut:
            self.faults["cut"] += 1
            return ()
        if source == destination:
            return (0,)
        stream = self._streams.get(ends)
        if stream is None:
            stream = self._streams[ends] = Stream(self._seed, f"{source}>{destination}")
        link = self._links.get(ends, self._default)
        if stream.chance(link.loss):
            self.faults["loss"] += 1
            return ()
        if stream.chance(link.duplication):
            self.faults["duplication"] += 1
            return self._delay_us(link, stream), self._delay_us(link, stream)
        return (self._delay_us(link, stream),)

    def _delay_us(self, link: Link, stream: Stream) -> int:
        least, most = link.delay_ms
        if stream.chance(link.tail):
            self.faults["late"] += 1
            return stream.between(int(most * 1000), int(max(most, link.tail_ms) * 1000))
        return stream.between(int(least * 1000), int(most * 1000))
