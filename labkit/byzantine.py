"""Nodes that lie: wrappers that make a right node silent, two-faced, lying or repeating.

The learner's node runs as it is; what it sends is changed on the way out.  So a protocol can be
asked what it endures, without writing a second, wrong, one.  A liar knows the form of messages
and the names of nodes, not what would hurt most; it cannot forge the sender of a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from labkit.handle import Handle
from labkit.history import Operation
from labkit.message import NodeId
from labkit.network import Stream, corrupted
from labkit.node import Effect
from labkit.program import Program

RATE = 0.5


class Byzantine:
    """`program`, with some of its nodes behaving as told: ``Byzantine(program, {"n3": "lying"})``.

    ``silent`` sends nothing.  ``lying`` changes a field of what it sends, for all alike;
    ``equivocating`` for each peer differently.  ``replaying`` sends old messages again.
    """

    def __init__(self, program: Program, behaviours: Mapping[NodeId, str]) -> None:
        unknown = [b for b in behaviours.values() if b not in _BEHAVIOURS]
        if unknown:
            known = ", ".join(sorted(_BEHAVIOURS))
            raise ValueError(f"there is no behaviour {unknown[0]!r}; there are {known}")
        self._program, self._behaviours = program, dict(behaviours)
        self.classes: Mapping[str, type] = program.classes

    def handle(
        self, role: str, id: NodeId, peers: Iterable[NodeId], system: Iterable[NodeId], seed: str
    ) -> Handle:
        """The node's own handle, or one that changes what it sends."""
        right = self._program.handle(role, id, peers, system, seed)
        behaviour = self._behaviours.get(id)
        return right if behaviour is None else _Liar(right, behaviour, Stream(seed, f"{id} lies"), system)

    def call(self, function: str, *given: Any) -> Any:
        """Call a plain function of the program."""
        return self._program.call(function, *given)


class _Liar:
    """A handle whose ``send`` effects go through a behaviour."""

    def __init__(self, right: Handle, behaviour: str, chance: Stream, system: Iterable[NodeId]) -> None:
        self._right, self._behaviour, self.chance = right, _BEHAVIOURS[behaviour], chance
        self.system = tuple(system)
        self.sent: list[Effect] = []
        self.told: dict[Any, Any] = {}

    def start(self, storage: Mapping[str, Any], incarnation: int, now_us: int | None) -> list[Effect]:
        return self._change(self._right.start(storage, incarnation, now_us))

    def deliver(self, source: NodeId, message: Any, now_us: int | None) -> list[Effect]:
        return self._change(self._right.deliver(source, message, now_us))

    def fire(self, timer: Any, now_us: int | None) -> list[Effect]:
        return self._change(self._right.fire(timer, now_us))

    def invoke(self, operation: Operation, now_us: int | None) -> list[Effect]:
        return self._change(self._right.invoke(operation, now_us))

    def observe(self) -> dict[str, Any]:
        return self._right.observe()

    def attributes(self) -> dict[str, Any]:
        return self._right.attributes()

    def close(self) -> None:
        self._right.close()

    def _change(self, effects: list[Effect]) -> list[Effect]:
        self.told = {}
        changed: list[Effect] = []
        for effect in effects:
            if effect[0] == "send":
                changed += self._behaviour(self, effect)
            elif effect[0] != "fact":  # what a liar claims binds nobody
                changed.append(effect)
        return changed


def _silent(_: _Liar, _effect: Effect) -> list[Effect]:
    return [("fault", "byzantine: silent")]


def _lying(liar: _Liar, effect: Effect) -> list[Effect]:
    """One lie about one message, for everyone in the same handler."""
    _, peer, message = effect
    if message not in liar.told:
        lies = liar.chance.chance(RATE)
        liar.told[message] = corrupted(message, liar.chance, liar.system) if lies else message
    return _sending(peer, message, liar.told[message], "lying")


def _equivocating(liar: _Liar, effect: Effect) -> list[Effect]:
    _, peer, message = effect
    told = corrupted(message, liar.chance, liar.system) if liar.chance.chance(RATE) else message
    return _sending(peer, message, told, "equivocating")


def _replaying(liar: _Liar, effect: Effect) -> list[Effect]:
    again = [liar.chance.choice(liar.sent)] if liar.sent and liar.chance.chance(RATE) else []
    liar.sent.append(effect)
    return [effect, *again, *([("fault", "byzantine: replaying")] if again else [])]


def _sending(peer: NodeId, right: Any, told: Any, name: str) -> list[Effect]:
    fault: list[Effect] = [("fault", f"byzantine: {name}")] if told != right else []
    return [("send", peer, told), *fault]


_BEHAVIOURS = {"silent": _silent, "lying": _lying, "equivocating": _equivocating, "replaying": _replaying}
