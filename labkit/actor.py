"""One member of a system, set to any state it can be in and told one thing.

What an exhaustive search runs learners' code by: a node is built from a key, the handler runs,
and what came of it is a key again.  Nothing is left behind in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import CodeType
from typing import Any, NamedTuple

from labkit.counterexample import Step
from labkit.frozen import freeze, thaw
from labkit.handle import LocalHandle
from labkit.history import Operation
from labkit.message import NodeId
from labkit.node import Effect, make_node
from labkit.program import Program
from labkit.system import System


class Key(NamedTuple):
    """A local state as a value: equal keys do the same on the same event.

    ``dice`` is the incarnation, if the program rolls any, and how often it has rolled.
    """

    attributes: tuple[Any, ...]
    storage: tuple[tuple[str, Any], ...]
    timers: tuple[Any, ...]
    waiting: int
    free: bool
    dice: tuple[int, int]


class Done(NamedTuple):
    """A handler that ran: the local state after it, its effects, and how many of them took place."""

    key: Key
    view: Mapping[str, Any]
    effects: list[Effect]


class Actor:
    """One member, set to any of its local states and told one thing."""

    def __init__(self, program: Program, system: System, id: NodeId, role: str) -> None:
        self._ids = [member for member, _ in system.members]
        handle = program.handle(role, id, system.node_ids, self._ids, "0")
        if not isinstance(handle, LocalHandle):
            raise TypeError(f"{id} lives in another process; an exhaustive search needs it in this one")
        self.id, self.calls, self._handle = id, system.calls(id), handle
        self.may_crash = id in system.node_ids
        self.asked = 0
        self._peers = system.node_ids
        self._rolls_dice = any("random" in code.co_names for code in _codes(handle._role))

    def run(self, key: Key | None, step: Step) -> Done:
        """Take `step` from the state `key` (None: before the first boot)."""
        draft = _Draft(key, bool(self.calls))
        if step.kind == "timer":
            del draft.timers[step.data]
        elif step.kind == "invoke":
            draft.waiting, draft.free = draft.waiting + 1, False
        done = self._start(draft, key is not None) if step.kind == "start" else self._tell(key, step, draft)
        self.asked = len(done)
        if step.cut is None:
            draft.settle(done, len(self.calls))
        else:
            done = done[: step.cut]
            draft.settle(done, len(self.calls))
            booted = self._start(draft, True)
            draft.settle(booted, len(self.calls))
            done += booted
        return Done(self._key(draft), self._handle.observe(), done)

    def _start(self, draft: _Draft, again: bool) -> list[Effect]:
        draft.timers = {}
        draft.life += again and self._rolls_dice
        self._handle._stated = {}
        return self._handle.start(dict(draft.storage), draft.life, None)

    def _tell(self, key: Any, step: Step, draft: _Draft) -> list[Effect]:
        handle = self._handle
        handle._stated = {}
        seed = f"{handle._seed}/{self.id}/{draft.life}"
        node = handle.node = make_node(
            handle._role, self.id, self._peers, system=self._ids, storage=draft.storage, seed=seed
        )
        node.__dict__.update(thaw(key.attributes))
        node.random.count = key.dice[1]  # type: ignore[attr-defined]
        if step.kind == "deliver":
            return handle.deliver(step.source or "", step.data, None)
        if step.kind == "timer":
            return handle.fire(step.data, None)
        f, about, value = step.data
        return handle.invoke(Operation(draft.waiting, self.id, self.id, f, about, value), None)

    def _key(self, draft: _Draft) -> Key:
        node = self._handle.node
        return Key(
            freeze(node.__dict__, node),
            tuple(sorted(draft.storage.items())),
            tuple(sorted(draft.timers, key=str)),
            draft.waiting,
            draft.free,
            (draft.life, node.random.count),  # type: ignore[attr-defined]
        )


class _Draft:
    """A local state in the making: what is not the node's attributes."""

    def __init__(self, key: Key | None, has_calls: bool) -> None:
        self.storage: dict[str, Any] = dict(key.storage) if key else {}
        self.timers: dict[Any, None] = dict.fromkeys(key.timers) if key else {}
        self.waiting, self.free = (key.waiting, key.free) if key else (0, has_calls)
        self.life = key.dice[0] if key else 1

    def settle(self, effects: list[Effect], calls: int) -> None:
        """Let `effects` happen, in order."""
        for effect in effects:
            kind = effect[0]
            if kind == "save":
                self.storage.update(effect[1])
            elif kind == "set_timer":
                self.timers[effect[1]] = None
            elif kind == "cancel_timer":
                self.timers.pop(effect[1], None)
            elif kind in ("ok", "fail", "info"):
                self.free = self.waiting < calls


def _codes(role: type) -> Iterator[CodeType]:
    for cls in role.__mro__[:-2]:
        for value in vars(cls).values():
            code = getattr(getattr(value, "__func__", value), "__code__", None)
            if code is not None:
                yield code
