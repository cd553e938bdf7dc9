"""Links between nodes, with their faults: how late a message comes, how often, changed, or not at all.

Each channel (source to destination) draws from a stream of its own, seeded by its name, so
that a message more on one link never changes what happens on another.  Draws are integer
arithmetic on ``getrandbits``: the same on every Python.

Every fault that happened is counted; a check whose faults never happened has not been exercised.
Does not model bandwidth: a big message is as fast as a small one.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any, TypeVar

from labkit.message import NodeId, is_message

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Link:
    """One direction between two nodes.  Delays in milliseconds, probabilities from 0 to 1.

    ``tail`` of the messages take up to ``tail_ms`` instead: longer than a time-out, or whole
    classes of bug stay invisible.  Delays are drawn singly, so messages overtake each other.
    ``corruption`` changes one field of a message on its way.
    """

    delay_ms: tuple[float, float] = (1, 10)
    loss: float = 0
    duplication: float = 0
    tail: float = 0
    tail_ms: float = 400
    corruption: float = 0

    def __post_init__(self) -> None:
        least, most = self.delay_ms
        if not 0 <= least <= most:
            raise ValueError(
                f"delay_ms is {self.delay_ms}; give (least, most) with 0 <= least <= most, in ms"
            )
        for name in ("loss", "duplication", "tail", "corruption"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; a probability lies between 0 and 1")


class Stream:
    """Chance for one purpose, from a seed and a name."""

    __slots__ = ("bits",)

    def __init__(self, seed: object, name: str) -> None:
        self.bits = random.Random(f"{seed}/{name}").getrandbits

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1."""
        return self.bits(53) * limit >> 53

    def between(self, least: int, most: int) -> int:
        """A number from `least` to `most`, both included."""
        return least + (self.bits(53) * (most - least + 1) >> 53)

    def chance(self, probability: float) -> bool:
        """True with this probability; draws only if it could go either way."""
        return probability > 0 and self.bits(53) < int(probability * (1 << 53))

    def choice(self, options: Sequence[T]) -> T:
        """One of `options`."""
        return options[self.bits(53) * len(options) >> 53]

    def some(self, options: Sequence[T]) -> list[T]:
        """A random subset of `options`, at least one of them, in a random order."""
        left = list(options)
        return [left.pop(self.below(len(left))) for _ in range(self.between(1, len(left)))]


class Channel:
    """One direction between two nodes: its link in integers, its stream, and whether it is cut."""

    __slots__ = (
        "bits", "count", "is_cut", "is_plain", "least_us", "link", "most_us", "span_us", "stream", "tail_us",
    )  # fmt: skip

    def __init__(self, stream: Stream, link: Link, is_cut: bool) -> None:
        self.stream, self.bits = stream, stream.bits
        self.count, self.is_cut = 0, is_cut
        self.tune(link)

    def tune(self, link: Link) -> None:
        """Behave like `link` from now on."""
        self.link = link
        self.least_us, self.most_us = (int(limit * 1000) for limit in link.delay_ms)
        self.span_us = self.most_us - self.least_us + 1
        self.tail_us = max(self.most_us, int(link.tail_ms * 1000))
        self.is_plain = not (link.loss or link.duplication or link.tail or link.corruption)

    def delay_us(self) -> int:
        """How long a message takes that meets no fault."""
        return self.least_us + (self.bits(53) * self.span_us >> 53)


class Network:
    """All links of a system: one default, exceptions, and the links that are cut just now."""

    def __init__(self, seed: object = 0, link: Link | None = None) -> None:
        self._seed = seed
        self._default = link or Link()
        self._links: dict[tuple[NodeId, NodeId], Link] = {}
        self.cut_links: set[tuple[NodeId, NodeId]] = set()
        self._slow: dict[NodeId, tuple[float, float]] = {}
        self.channels: dict[tuple[NodeId, NodeId], Channel] = {}
        self.faults: Counter[str] = Counter()

    def set_link(
        self, source: NodeId | None = None, destination: NodeId | None = None, **changes: Any
    ) -> None:
        """Change one direction of one link, or, with no ends given, every link: ``loss=0.1``."""
        if source is None or destination is None:
            self._default = replace(self._default, **changes)
            self._links = {ends: replace(link, **changes) for ends, link in self._links.items()}
        else:
            ends = source, destination
            self._links[ends] = replace(self._links.get(ends, self._default), **changes)
        self._retune()

    def slow(self, id: NodeId, delay_ms: tuple[float, float]) -> None:
        """Every message to or from this node takes `delay_ms`, until ``heal``."""
        self._slow[id] = delay_ms
        self._retune()

    def cut(self, source: NodeId, destination: NodeId) -> None:
        """Nothing passes from `source` to `destination` any more; the other direction is untouched."""
        self.cut_links.add((source, destination))
        self._recut()

    def partition(self, *groups: Iterable[NodeId]) -> None:
        """Cut both directions between nodes of different groups; nodes in no group keep all links."""
        sides = [frozenset(group) for group in groups]
        for side in sides:
            for other in sides:
                if side is not other:
                    self.cut_links.update((a, b) for a in side for b in other if a != b)
        self._recut()

    def heal(self, source: NodeId | None = None, destination: NodeId | None = None) -> None:
        """Mend one direction of one link; with one end given, all of that node; with none, all."""
        if source is None:
            self.cut_links.clear()
            self._slow.clear()
        elif destination is None:
            self.cut_links.difference_update({ends for ends in self.cut_links if source in ends})
            self._slow.pop(source, None)
        else:
            self.cut_links.discard((source, destination))
        self._recut()
        self._retune()

    def is_cut(self, source: NodeId, destination: NodeId) -> bool:
        """Is this direction cut just now?"""
        return (source, destination) in self.cut_links

    @property
    def cuts(self) -> frozenset[tuple[NodeId, NodeId]]:
        """The directions that are cut just now."""
        return frozenset(self.cut_links)

    def channel(self, source: NodeId, destination: NodeId) -> Channel:
        """The channel between two nodes, made when it is first used."""
        ends = source, destination
        found = self.channels.get(ends)
        if found is None:
            stream = Stream(self._seed, f"{source}>{destination}")
            found = self.channels[ends] = Channel(stream, self._link(ends), ends in self.cut_links)
        return found

    def delays_us(self, source: NodeId, destination: NodeId) -> tuple[int, ...]:
        """When copies of one message sent now arrive, in microseconds from now; empty if it is lost."""
        return tuple(delay for delay, _ in self.arrivals(self.channel(source, destination), None))

    def arrivals(self, channel: Channel, message: Any) -> list[tuple[int, Any]]:
        """Copies of a message sent now, as (microseconds from now, content); empty if it is lost."""
        link, stream = channel.link, channel.stream
        if channel.is_cut:
            self.faults["cut"] += 1
            return []
        if stream.chance(link.loss):
            self.faults["loss"] += 1
            return []
        copies = 1
        if stream.chance(link.duplication):
            self.faults["duplication"] += 1
            copies = 2
        return [self._arrival(channel, message) for _ in range(copies)]

    def _arrival(self, channel: Channel, message: Any) -> tuple[int, Any]:
        link, stream = channel.link, channel.stream
        if stream.chance(link.corruption):
            self.faults["corruption"] += 1
            message = corrupted(message, stream)
        if not stream.chance(link.tail):
            return channel.delay_us(), message
        self.faults["late"] += 1
        return stream.between(channel.most_us, channel.tail_us), message

    def _link(self, ends: tuple[NodeId, NodeId]) -> Link:
        if ends[0] == ends[1]:
            return Link((0, 0))
        link = self._links.get(ends, self._default)
        slow = [self._slow[id] for id in ends if id in self._slow]
        return replace(link, delay_ms=max(slow)) if slow else link

    def _retune(self) -> None:
        for ends, channel in self.channels.items():
            channel.tune(self._link(ends))

    def _recut(self) -> None:
        for ends, channel in self.channels.items():
            channel.is_cut = ends in self.cut_links


def corrupted(value: Any, stream: Stream, names: Sequence[NodeId] = ()) -> Any:
    """`value` with one part changed to another of its type, and one of `names` to another of them."""
    kind = type(value)
    if is_message(value):
        return _with_one_changed(value, stream, names)
    if kind is bool:
        return not value
    if kind is int:
        return max(0, value + stream.choice((-1, 1))) if value else 1
    if kind is float:
        return value + 1
    if kind is str:
        others = [name for name in names if name != value] if value in names else []
        return stream.choice(others) if others else value + "?"
    if kind is bytes:
        return bytes([value[0] ^ 1, *value[1:]]) if value else b"?"
    if kind is tuple and value:
        at = stream.below(len(value))
        return (*value[:at], corrupted(value[at], stream, names), *value[at + 1 :])
    return stream.choice(list(type(value))) if isinstance(value, Enum) else value


def _with_one_changed(message: Any, stream: Stream, names: Sequence[NodeId]) -> Any:
    options = [f.name for f in fields(message) if getattr(message, f.name) not in (None, ())]
    if not options:
        return message
    name = stream.choice(options)
    return replace(message, **{name: corrupted(getattr(message, name), stream, names)})
