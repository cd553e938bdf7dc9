"""The judge's side of the pipe: programs and handles whose nodes live in other processes.

``RemoteProgram`` and ``RemoteHandle`` answer labkit's checks like the local ones, and believe
nothing: a reply is data about a node, read by ``wire`` within limits.  A node that dies or
answers nonsense has raised an error, like a handler that raises; one that does not come to an
end fails the check that asked it.  Nothing here is ever unpickled, and no class of a learner's
is ever loaded: what only the learner's program knows is represented by stand-ins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from grading import wire
from grading.channel import CALL_S, Channel, Host, HostGone, Zygote
from labkit.bundle import Bundle
from labkit.handle import hashed
from labkit.history import Operation
from labkit.message import NodeId, decode, encode
from labkit.node import Effect
from labkit.program import ProgramError, Unwritten

LOST_MAX = 20
"""How many zygotes may be killed by their own nodes in one check."""


class RemoteProgram:
    """A bundle, loaded in processes of their own; `given` are the judge's own classes."""

    def __init__(self, host: Host, bundle: Bundle, given: Mapping[str, type]) -> None:
        self._host, self._bundle = host, bundle
        self._zygotes: dict[str, Zygote] = {}
        self._open: list[RemoteNode] = []
        self._functions: RemoteNode | None = None
        self._lost = 0
        contents = self._zygote("").contents
        try:
            self.classes: Mapping[str, type] = {
                **wire.read_classes(contents.get("classes"), given),
                **given,
            }
            self.problems = wire.read_texts(contents.get("problems"))
        except ValueError as error:
            raise ProgramError(f"the program cannot be loaded: it {error}") from error

    def handle(
        self, role: str, id: NodeId, peers: Iterable[NodeId], system: Iterable[NodeId], seed: str
    ) -> RemoteHandle:
        """A handle on a node, not yet started.  The node's dice come from a hash of `seed`."""
        fixed = {"role": role, "id": id, "peers": list(peers), "system": sorted(system)}
        return RemoteHandle(self, fixed | {"seed": hashed(seed)})

    def call(self, function: str, *given: Any) -> Any:
        """Call a plain function; Unwritten or ProgramError tells what went wrong."""
        if self._functions is None:
            self._functions = self.node("")
        try:
            reply = self._functions.ask(
                {"op": "call", "function": function, "given": encode(given)}
            )
            return decode(reply.get("result"), self.classes)
        except (NodeFailed, ValueError) as error:
            self._functions = None
            raise ProgramError(f"{function} gave no answer that can be read: {error}") from error

    def node(self, slot: str) -> RemoteNode:
        """A new incarnation in this slot."""
        try:
            channel = self._zygote(slot).fork()
        except HostGone:
            self._lose(slot)
            channel = self._zygote(slot).fork()
        node = RemoteNode(self, slot, channel)
        self._open.append(node)
        return node

    def reset(self) -> None:
        """Let go of all incarnations: between checks."""
        for node in self._open:
            node.close()
        self._open, self._functions, self._lost = [], None, 0

    def close(self) -> None:
        """Let go of all processes of this program."""
        self.reset()
        for zygote in self._zygotes.values():
            zygote.kill()
        self._zygotes = {}

    def kill(self, slot: str) -> None:
        """End the slot's zygote and every incarnation in it."""
        self._zygotes.pop(slot).kill()

    def _lose(self, slot: str) -> None:
        self._lost += 1
        if self._lost > LOST_MAX:
            raise ProgramError(
                f"{slot}'s program ended its process again and again ({LOST_MAX} times)"
            )
        self._zygotes.pop(slot).kill()

    def _zygote(self, slot: str) -> Zygote:
        if slot not in self._zygotes:
            self._zygotes[slot] = self._hatch()
        return self._zygotes[slot]

    def _hatch(self) -> Zygote:
        try:
            return Zygote(self._host, self._bundle)
        except HostGone:  # a node killed the template: the submission's own doing
            self._zygotes = {}
            self._host.restart()
            return Zygote(self._host, self._bundle)


class NodeFailed(Exception):
    """An incarnation is gone or answers nonsense; the text goes after its name."""


class RemoteNode:
    """One incarnation: asks, and reads one answer to each question."""

    def __init__(self, program: RemoteProgram, slot: str, channel: Channel) -> None:
        self._program, self._slot, self._channel = program, slot, channel
        self._count, self._failed = 0, ""

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply; NodeFailed if there is none, Unwritten or ProgramError if it says that.

        An answer that takes too long is a ProgramError too: the check ends, nothing is shrunk.
        """
        if self._failed:
            raise NodeFailed(self._failed)
        self._count += 1
        try:
            self._channel.send(request | {"n": self._count})
            reply = self._channel.receive()
        except TimeoutError:
            self._program.kill(self._slot)
            self._fail("was killed")
            raise ProgramError(f"{self._named(request)} did not end within {CALL_S:g} s") from None
        except HostGone as gone:
            raise self._fail("ended its process, so it cannot answer") from gone
        except ValueError as error:
            raise self._fail(f"answered in a form that cannot be read: {error}") from error
        return self._read(request, reply)

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    def _read(self, request: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if reply.get("re") != self._count or type(reply["re"]) is not int:
            raise self._fail("answered what was not asked")
        text = next(
            (wire.read_text(reply[key]) for key in ("unwritten", "error") if key in reply), ""
        )
        if "late" in reply:
            raise ProgramError(
                f"{self._named(request)} went on and on: {text or _last_error(reply)}"
            )
        if "unwritten" in reply:
            raise Unwritten(text)
        if "error" in reply:
            raise ProgramError(text)
        return reply

    def _named(self, request: dict[str, Any]) -> str:
        if request["op"] == "call":
            return str(request["function"])
        return f"{self._slot}'s {_HANDLERS.get(request['op'], request['op'])}"

    def _fail(self, text: str) -> NodeFailed:
        self._failed = text
        self._channel.close()
        return NodeFailed(text)


class RemoteHandle:
    """labkit's Handle on a node in another process."""

    def __init__(self, program: RemoteProgram, fixed: dict[str, Any]) -> None:
        self._program, self._fixed = program, fixed
        self._node: RemoteNode | None = None
        self._invoked: set[int] = set()
        self._expected = wire.Expected(program.classes, frozenset(fixed["system"]), self._invoked)
        self._stated: dict[Any, Any] = {}

    def start(
        self, storage: Mapping[str, Any], incarnation: int, now_us: int | None
    ) -> list[Effect]:
        self.close()
        self._node = self._program.node(self._fixed["id"])
        kept = wire.write_pairs(storage)
        return self._tell(
            op="start", storage=kept, incarnation=incarnation, now=now_us, **self._fixed
        )

    def deliver(self, source: NodeId, message: Any, now_us: int | None) -> list[Effect]:
        return self._tell(op="deliver", source=source, message=encode(message), now=now_us)

    def fire(self, timer: Any, now_us: int | None) -> list[Effect]:
        return self._tell(op="fire", timer=encode(timer), now=now_us)

    def invoke(self, operation: Operation, now_us: int | None) -> list[Effect]:
        self._invoked.add(operation.id)
        return self._tell(op="invoke", operation=wire.write_operation(operation), now=now_us)

    def observe(self) -> dict[str, Any]:
        return self._look("observe")

    def attributes(self) -> dict[str, Any]:
        return self._look("attributes")

    def close(self) -> None:
        if self._node is not None:
            self._node.close()

    def _tell(self, **request: Any) -> list[Effect]:
        assert self._node is not None, "a handle is started before it is told anything"
        try:
            effects = wire.read_effects(self._node.ask(request).get("effects"), self._expected)
        except (NodeFailed, ValueError) as failed:
            return [("error", f"{self._fixed['id']} {failed}")]
        return [effect for effect in effects if effect[0] != "fact" or self._is_new(*effect[1:])]

    def _is_new(self, key: Any, value: Any) -> bool:
        """Is this fact a new one?  An incarnation does not know what an earlier one has stated."""
        if key in self._stated and self._stated[key] == value:
            return False
        self._stated[key] = value
        return True

    def _look(self, op: str) -> dict[str, Any]:
        assert self._node is not None, "a handle is started before it is looked at"
        try:
            return wire.read_pairs(self._node.ask({"op": op}).get("view"), self._program.classes)
        except NodeFailed:
            return {}
        except ValueError as error:
            raise ProgramError(f"{self._fixed['id']} {error}") from error


_HANDLERS = {
    "start": "on_start", "deliver": "on_message", "fire": "on_timer", "invoke": "on_invoke",
}  # fmt: skip


def _last_error(reply: dict[str, Any]) -> str:
    effects = reply.get("effects")
    last = effects[-1] if type(effects) is list and effects else None
    is_error = type(last) is list and len(last) == 2 and last[0] == "error"
    return wire.read_text(last[1]) if is_error else ""
