"""One node in the hand: tell it what happened, look at what it does.  No network, no clock.

What a step check is made of.  Every step is noted, so that a check that fails can show how it
came there.  Steps are what the network or the clock could do: any peer may have sent anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from labkit.counterexample import Step, Told, changes, sendings
from labkit.history import Operation
from labkit.message import NodeId
from labkit.node import Effect
from labkit.program import Program, Unwritten
from labkit.verdict import Broken, trial


class ByHand:
    """A started node of one role, and everything that it has done so far."""

    def __init__(
        self,
        program: Program,
        role: str,
        id: NodeId,
        peers: Iterable[NodeId],
        clients: Iterable[NodeId],
        storage: Mapping[str, Any],
    ):
        self.id = id
        self.system = (id, *peers, *clients)
        self._handle = program.handle(role, id, tuple(peers), self.system, "by hand")
        self.storage: dict[str, Any] = dict(storage)
        self.timers: dict[Any, tuple[int, int]] = {}
        self.sent: list[tuple[NodeId, Any]] = []
        self.effects: list[Effect] = []
        self.ended: dict[int, tuple[str, Any]] = {}
        self.now_us = 0
        self._life, self._calls = 0, 0
        self.restart()

    def deliver(self, source: NodeId, message: Any) -> list[Any]:
        """`message` arrives from `source`; the messages that the node sends, in order."""
        step = Step("deliver", self.id, source, message)
        return self._tell(step, lambda: self._handle.deliver(source, message, self.now_us))

    def fire(self, timer: Any = None) -> list[Any]:
        """The timer fires (the only one that is set, if none is named); the messages that the node sends."""
        if timer is None and len(self.timers) == 1:
            timer = next(iter(self.timers))
        if timer not in self.timers:
            named = "any timer" if timer is None else f"the timer {timer!r}"
            raise Broken(
                f"{self.id} has not set {named}; set are: {', '.join(map(str, self.timers)) or 'none'}"
            )
        del self.timers[timer]
        step = Step("timer", self.id, None, timer)
        return self._tell(step, lambda: self._handle.fire(timer, self.now_us))

    def invoke(self, f: str, key: Any = None, value: Any = None) -> Operation:
        """Ask the client for an operation; its outcome, once there, is ``outcome(operation)``."""
        operation = Operation(self._calls, self.id, self.id, f, key, value)
        self._calls += 1
        step = Step("invoke", self.id, None, (f, key, value))
        self._tell(step, lambda: self._handle.invoke(operation, self.now_us))
        return operation

    def restart(self) -> list[Any]:
        """Crash and boot again: attributes and timers are gone, storage is kept."""
        self._life += 1
        self.timers = {}
        step = Step("start", self.id)
        return self._tell(step, lambda: self._handle.start(dict(self.storage), self._life, self.now_us))

    def pass_ms(self, time_ms: float) -> None:
        """Let the node's clock go on; no timer fires by itself."""
        self.now_us += round(time_ms * 1000)

    def outcome(self, operation: Operation) -> tuple[str, Any] | None:
        """How it ended, as ("ok", result), ("fail", None) or ("info", None); None while it is open."""
        return self.ended.get(operation.id)

    def all_sent_to(self, peer: NodeId, kind: type | None = None) -> list[Any]:
        """All messages to `peer` so far (of one class, if given), in order."""
        return [m for to, m in self.sent if to == peer and (kind is None or isinstance(m, kind))]

    def sent_to(self, peer: NodeId, kind: type | None = None) -> Any:
        """The last message to `peer` (of one class, if given); the check fails if there is none."""
        found = self.all_sent_to(peer, kind)
        if not found:
            raise Broken(f"{self.id} sent {peer} no {kind.__name__ if kind else 'message'}")
        return found[-1]

    def observe(self) -> dict[str, Any]:
        """The node's public view."""
        return self._handle.observe()

    def attributes(self) -> dict[str, Any]:
        """All the node's attributes, private ones too."""
        return self._handle.attributes()

    def _tell(self, step: Step, handler: Any) -> list[Any]:
        before = self._handle.attributes() if self._life > 1 or step.kind != "start" else {}
        self.effects = handler()
        sent = [effect[1:] for effect in self.effects if effect[0] == "send"]
        notes = [
            _note(effect) for effect in self.effects if effect[0] in ("save", "ok", "fail", "info", "error")
        ]
        if not (step.kind == "start" and self._life == 1):
            trial().told.append(
                Told(step, changes(before, self._handle.attributes()), sendings(sent), "; ".join(notes))
            )
        for effect in self.effects:
            self._note_effect(effect)
        return [message for _, message in sent]

    def _note_effect(self, effect: Effect) -> None:
        kind = effect[0]
        if kind == "send":
            self.sent.append((effect[1], effect[2]))
        elif kind == "save":
            self.storage.update(effect[1])
        elif kind == "set_timer":
            self.timers[effect[1]] = effect[2:]
        elif kind == "cancel_timer":
            self.timers.pop(effect[1], None)
        elif kind in ("ok", "fail", "info"):
            self._end(kind, *effect[1:])
        elif kind == "unwritten":
            raise Unwritten(effect[1])
        elif kind == "error":
            raise Broken(f"{self.id} raised {effect[1]}")

    def _end(self, kind: str, operation: int, result: Any = None) -> None:
        if operation in self.ended:
            raise Broken(f"{self.id} ended operation {operation} twice; an operation ends once")
        self.ended[operation] = (kind, result)


def by_hand(
    program: Program,
    role: str,
    id: NodeId = "n1",
    *,
    peers: Iterable[NodeId] = (),
    clients: Iterable[NodeId] = (),
    storage: Mapping[str, Any] | None = None,
) -> ByHand:
    """A node of class `role`, started and waiting: ``by_hand(program, "Raft", "n1", peers=("n2", "n3"))``.

    `storage` is what it finds there, as if an earlier life had saved it.
    """
    return ByHand(program, role, id, tuple(peers), tuple(clients), storage or {})


def _note(effect: Effect) -> str:
    if effect[0] == "save":
        return "saves " + ", ".join(f"{name}={value!r}" for name, value in effect[1].items())
    if effect[0] == "error":
        return f"raises {effect[1]}"
    outcome = {"ok": "completes", "fail": "fails", "info": "gives up"}[effect[0]]
    result = f" with {effect[2]!r}" if effect[0] == "ok" else ""
    return f"{outcome} operation {effect[1]}{result}"
