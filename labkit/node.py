"""The programming model: a node is a deterministic state machine.

A node is told what happened (``on_start``, ``on_message``, ``on_timer``) and answers by
calling its services (``send``, ``set_timer``, ``storage.save``, ...).  Nothing happens at
the call: each one appends an effect to a list, and whoever runs the node empties the list,
in order, after the handler returns.  A crash may cut the list at any point, so "sent before
saved" is a difference that schedules can show.

A node reads no clock but ``now_ms``, rolls no dice but ``random``, and touches no socket,
file or thread.  Its state is its attributes, lost in a crash, and ``storage``, which is not.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from labkit.history import Operation
from labkit.message import NodeId, NotPlainData, is_message, plain

Effect = tuple[Any, ...]
"""What a handler asks for, in program order; the first item says what:

- ``("send", peer, message)``, ``("save", {name: value})``, ``("sync",)``
- ``("set_timer", name, least_us, most_us)``, ``("cancel_timer", name)``
- ``("ok", operation_id, result)``, ``("fail", operation_id)``, ``("info", operation_id)``
- ``("fact", key, value)``, ``("print", text)``, and, last if at all, ``("error", text)`` when the
  handler raised, or ``("unwritten", text)`` when it raised NotImplementedError
"""

TIMER_MS_MAX = 10_000_000


class NodeRandom(random.Random):
    """Dice whose whole state is a seed and a counter, so that a node's state can be compared.

    The same seed gives the same draws in every process and on every machine.
    """

    def __init__(self, seed: str, count: int = 0) -> None:
        super().__init__(0)
        self.seed_text, self.count = seed, count

    def getrandbits(self, k: int, /) -> int:
        bits, value = 0, 0
        while bits < k:
            self.count += 1
            digest = hashlib.blake2b(f"{self.seed_text}/{self.count}".encode(), digest_size=32).digest()
            value, bits = value << 256 | int.from_bytes(digest), bits + 256
        return value >> (bits - k)

    def random(self) -> float:
        return self.getrandbits(53) / (1 << 53)


class Storage:
    """What survives a crash: named values, saved in the order of the effects around them."""

    __slots__ = ("_effects", "_fields")

    def __init__(self, fields: Mapping[str, Any], effects: list[Effect]) -> None:
        self._fields, self._effects = dict(fields), effects

    def save(self, **fields: Any) -> None:
        """Keep plain `fields` over a crash; they are durable before the node's next effect."""
        for name, value in fields.items():
            self._fields[name] = plain(value, f"storage.save({name}=...)")
        self._effects.append(("save", fields))

    def sync(self) -> None:
        """Force what was saved to the disk: needed only where a lab says that its disk has a cache."""
        self._effects.append(("sync",))

    def get(self, name: str, default: Any = None) -> Any:
        """The value last saved under `name`, in this life or an earlier one, else `default`."""
        return self._fields.get(name, default)


class Node:
    """One member of a system.  Subclass it, and write handlers; the runtime does the rest.

    Given: ``id``, ``peers`` (the other nodes, sorted), ``storage`` and ``random``.  A node is
    made by the runtime, at boot and again after every restart; its attributes are set in
    ``on_start``, never in ``__init__``, so that a restart cannot leak state.
    """

    __slots__ = ("_effects", "_now_us", "_system", "id", "peers", "random", "storage")
    _states_facts: ClassVar[bool] = False

    id: NodeId
    peers: tuple[NodeId, ...]
    storage: Storage
    random: random.Random
    _effects: list[Effect]
    _now_us: int | None
    _system: frozenset[NodeId]

    def __init_subclass__(cls) -> None:
        if "__init__" in cls.__dict__ or "__new__" in cls.__dict__:
            raise TypeError(
                f"{cls.__name__} defines __init__, but nodes are made by the runtime. "
                "Set the attributes in on_start(self), which runs at boot and after every restart."
            )
        cls._states_facts = cls.facts is not Node.facts

    # -- handlers, written by the learner ---------------------------------------------------

    def on_start(self) -> None:
        """At boot and after every restart: set the attributes, rebuilding from ``self.storage``."""

    def on_message(self, source: NodeId, message: Any) -> None:
        """`message` arrived from `source`; end the ``match`` with a call of this method, which raises."""
        raise TypeError(
            f"{self.id} got {message} from {source}, but its on_message has no case for "
            f"{type(message).__name__}. Add one."
        )

    def on_timer(self, name: Any) -> None:
        """The timer `name` fired; it is no longer set."""
        raise TypeError(f"{self.id}'s timer {name!r} fired, but its on_timer does not handle it. Add a case.")

    def observe(self) -> Mapping[str, Any]:
        """The public view, for panels and checks: by default all attributes without a leading underscore."""
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}

    def facts(self) -> Iterable[tuple[Any, Any]]:
        """Claims: a key, once stated by any node, must keep its value for ever.  Asked after every event."""
        return ()

    # -- services ---------------------------------------------------------------------------

    def send(self, peer: NodeId, message: Any) -> None:
        """Send `message` to `peer`: it may be lost, late, doubled or overtaken."""
        if peer not in self._system:
            raise ValueError(
                f"{self.id} tried to send {type(message).__name__} to {peer!r}, but its peers are "
                f"{', '.join(self.peers) or '(none)'}. Send to a peer, or to the source of a message."
            )
        if not is_message(message):
            raise NotPlainData(
                f"{self.id} tried to send a {type(message).__name__} to {peer}. "
                "Send a message: an instance of a class made with @message."
            )
        self._effects.append(("send", peer, message))

    def broadcast(self, message: Any) -> None:
        """Send `message` to every peer, in the order of ``peers``; not to oneself."""
        for peer in self.peers:
            self.send(peer, message)

    def set_timer(self, name: Any, after_ms: float, or_up_to_ms: float | None = None) -> None:
        """Fire ``on_timer(name)`` once, `after_ms` from now, or when the runtime likes within the range.

        A timer of the same name is replaced.  Timers die with the node in a crash.
        """
        most_ms = after_ms if or_up_to_ms is None else or_up_to_ms
        for limit in (after_ms, most_ms):
            if not isinstance(limit, (int, float)) or not 0 <= limit <= TIMER_MS_MAX:
                raise ValueError(
                    f"{self.id} set timer {name!r} to {limit!r} ms, but a timer fires in the future. "
                    f"Give a number from 0 to {TIMER_MS_MAX}."
                )
        if most_ms < after_ms:
            raise ValueError(
                f"{self.id} set timer {name!r} to between {after_ms} and {most_ms} ms. Swap them."
            )
        plain(name, "a timer's name")
        self._effects.append(("set_timer", name, round(after_ms * 1000), round(most_ms * 1000)))

    def cancel_timer(self, name: Any) -> None:
        """Forget the timer `name`, if it is set."""
        self._effects.append(("cancel_timer", plain(name, "a timer's name")))

    @property
    def now_ms(self) -> float:
        """Milliseconds on this node's own clock, which may be skewed and may drift."""
        if self._now_us is None:
            raise RuntimeError(
                f"{self.id} read now_ms, but this check tries schedules without any time. "
                "Decide by messages and timers."
            )
        return self._now_us / 1000


class Client(Node):
    """A node outside the system that asks it: operations in, outcomes out.  Its peers are the servers."""

    __slots__ = ()

    def on_invoke(self, operation: Operation) -> None:
        """Begin `operation` (``f``, ``key``, ``value``); end it later with complete, fail or give_up."""
        raise TypeError(
            f"{self.id} was asked for {operation.f}, but its on_invoke does not handle it. Add a case."
        )

    def complete(self, operation: Operation, result: Any = None) -> None:
        """`operation` took effect, with this `result`."""
        id = _ended(self, operation)
        self._effects.append(("ok", id, plain(result, f"the result of {operation.f}")))

    def fail(self, operation: Operation) -> None:
        """`operation` certainly did not happen, and never will."""
        self._effects.append(("fail", _ended(self, operation)))

    def give_up(self, operation: Operation) -> None:
        """`operation` may or may not have happened: the honest end of a time-out."""
        self._effects.append(("info", _ended(self, operation)))


def _ended(client: Client, operation: Any) -> int:
    if not isinstance(operation, Operation):
        raise TypeError(
            f"{client.id} ended {operation!r}, which is not an operation. "
            "Keep the one that on_invoke was given, and end that."
        )
    return operation.id


def make_node(
    cls: type[Node],
    id: NodeId,
    peers: Iterable[NodeId],
    *,
    system: Iterable[NodeId],
    storage: Mapping[str, Any],
    seed: str,
) -> Node:
    """A fresh incarnation of a node, before its ``on_start``; `system` is everyone it may send to."""
    node = cls.__new__(cls)
    node._effects = []
    node._now_us = None
    node.id = id
    node.peers = tuple(sorted(peer for peer in peers if peer != id))
    node._system = frozenset(system)
    node.storage = Storage(storage, node._effects)
    node.random = NodeRandom(seed)
    return node


def newly_stated(node: Node, stated: dict[Any, Any]) -> list[Effect]:
    """The facts that `node` states and has not stated before with that value; remembers them in `stated`."""
    effects: list[Effect] = []
    for key, value in node.facts():
        known = stated.get(key, stated)  # `stated` itself is no value, so it stands for none
        if known is not value and known != value:
            stated[plain(key, "a fact's key")] = plain(value, "a fact's value")
            effects.append(("fact", key, value))
    return effects
