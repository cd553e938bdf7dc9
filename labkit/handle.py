"""A handle on one node: the only way in which runtimes and checks touch learners' code.

A handle is told what happened and answers with the ordered effects of the handler that ran.
``LocalHandle`` holds the node in this process; in grading the same calls travel over a
pipe to a process that holds nothing else (``grading/PROTOCOL.md``).  What comes back is data
about a node, never a verdict.

An exception in a handler is an effect like any other, ``("error", text)``: a violation with a
traceback into the learner's cell, not a crash of the check.
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from labkit.history import Operation
from labkit.message import NodeId, canonical, encode, is_message
from labkit.node import Client, Effect, Node, make_node, newly_stated

KIT = __file__.rpartition("/")[0]


class Handle(Protocol):
    """One node of a running system.  Times are microseconds on the node's own clock, or None for no time."""

    def start(self, storage: Mapping[str, Any], incarnation: int, now_us: int | None) -> list[Effect]:
        """Make a fresh node from `storage` and run ``on_start``; `incarnation` counts from 1."""

    def deliver(self, source: NodeId, message: Any, now_us: int | None) -> list[Effect]:
        """Run ``on_message``."""

    def fire(self, timer: Any, now_us: int | None) -> list[Effect]:
        """Run ``on_timer``."""

    def invoke(self, operation: Operation, now_us: int | None) -> list[Effect]:
        """Run a client's ``on_invoke``."""

    def observe(self) -> dict[str, Any]:
        """The node's public view, as plain data."""

    def attributes(self) -> dict[str, Any]:
        """All its attributes, private ones too, as plain data: for the state differences of a picture."""

    def close(self) -> None:
        """Let go of whatever holds the node."""


class LocalHandle:
    """A node in this process."""

    __slots__ = ("_id", "_peers", "_role", "_seed", "_stated", "_system", "node")

    def __init__(
        self, role: type[Node], id: NodeId, peers: Iterable[NodeId], system: Iterable[NodeId], seed: str
    ) -> None:
        self._role, self._id, self._seed = role, id, seed
        self._peers, self._system = tuple(peers), frozenset(system)
        self._stated: dict[Any, Any] = {}
        self.node: Node

    def start(self, storage: Mapping[str, Any], incarnation: int, now_us: int | None) -> list[Effect]:
        seed = f"{hashed(self._seed)}/{self._id}/{incarnation}"
        self.node = make_node(
            self._role, self._id, self._peers, system=self._system, storage=storage, seed=seed
        )
        return self._run(now_us, self.node.on_start)

    def deliver(self, source: NodeId, message: Any, now_us: int | None) -> list[Effect]:
        return self._run(now_us, self.node.on_message, source, message)

    def fire(self, timer: Any, now_us: int | None) -> list[Effect]:
        return self._run(now_us, self.node.on_timer, timer)

    def invoke(self, operation: Operation, now_us: int | None) -> list[Effect]:
        if not isinstance(self.node, Client):
            return [("error", f"{self._id} is not a Client, so it cannot be asked for {operation.f}.")]
        return self._run(now_us, self.node.on_invoke, operation)

    def observe(self) -> dict[str, Any]:
        return {str(name): view(value) for name, value in self.node.observe().items()}

    def attributes(self) -> dict[str, Any]:
        return {name: view(value) for name, value in sorted(self.node.__dict__.items())}

    def close(self) -> None:
        pass

    def _run(self, now_us: int | None, handler: Any, *given: Any) -> list[Effect]:
        node = self.node
        effects = node._effects
        effects.clear()  # whatever was asked for outside a handler never happens
        node._now_us = now_us
        global running
        running = node
        try:
            handler(*given)
            if node._states_facts:
                effects.extend(newly_stated(node, self._stated))
        except KeyboardInterrupt:
            raise
        except NotImplementedError as error:
            effects.append(("unwritten", str(error) or "a handler is not written yet"))
        except BaseException as error:  # whatever learners raise is a finding
            effects.append(("error", explain(error)))
        running = None
        return effects.copy()


running: Node | None = None
"""The node whose handler is running in this process, so that a ``print`` in it can be traced to it."""


def capture_print(*values: Any, sep: str | None = " ", end: str | None = "\n", **stream: Any) -> None:
    """The ``print`` that learners' programs get: in a handler it becomes an effect, elsewhere it prints."""
    if running is None or stream.get("file") is not None:
        print(*values, sep=sep, end=end, **stream)
    else:
        joint = " " if sep is None else sep
        running._effects.append(("print", joint.join(map(str, values))))


def hashed(seed: str) -> str:
    """A run's seed as its nodes get it: the seed itself would tell what the network is going to do.

    Hashing again changes nothing, so a seed may cross to another process hashed.
    """
    return seed if seed.startswith("#") else f"#{hashlib.sha256(seed.encode()).hexdigest()[:16]}"


def explain(error: BaseException) -> str:
    """An exception in learners' code as text: what, and the lines of theirs that led there."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(KIT)]
    where = [f"  {f.filename}, line {f.lineno}, in {f.name}: {f.line}" for f in frames[-6:]]
    return "\n".join([f"{type(error).__name__}: {error}", *where])


def view(value: Any) -> Any:
    """`value` as plain data: lists become tuples, dicts sorted pairs, anything unknown its repr."""
    if isinstance(value, list | tuple):
        return tuple(view(item) for item in value)
    if isinstance(value, set | frozenset):
        return frozenset(view(item) for item in value)
    if isinstance(value, dict):
        pairs = ((view(key), view(item)) for key, item in value.items())
        return tuple(sorted(pairs, key=lambda pair: canonical(encode(pair[0]))))
    if isinstance(value, Operation):
        return str(value)
    if isinstance(value, type(None) | bool | int | float | str | bytes) or is_message(value):
        return value
    return value if hasattr(type(value), "__members__") else repr(value)
