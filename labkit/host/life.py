"""One life of a node, from boot to kill, in real time: handlers in, effects out, in order.

A handler's effects are emptied as the simulator does it: a row in the log, then the effect.
Rows are written before the messages that they tell of leave, and messages have left before
the next save is written; so SIGKILL can fall between any two effects, and leaves what a
crash there leaves.

Link faults are applied by the sender, from the simulator's own ``Network``.  Cuts are looked
at again when a delayed message leaves, and by the receiver.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from labkit.history import Operation
from labkit.host.clients import Calls
from labkit.host.machine import TaggedOutput
from labkit.host.record import LOG_BYTES_MAX, Clock, Log, pack, pack_message, unpack
from labkit.host.wire import FRAME_BYTES_MAX, Frame, Outgoing
from labkit.message import NodeId
from labkit.network import Network, Stream
from labkit.node import Effect
from labkit.program import Program
from labkit.system import System

LAG_EVERY_S = 0.1
LAG_NOTED_S = 0.05


class Life:
    """The member `id` of `system`, living on `storage` and writing to `log`.

    `sent` counts the messages of its earlier lives, so that numbers are not given twice.
    """

    def __init__(
        self, program: Program, system: System, id: NodeId, *,
        number: int, seed: str, secret: bytes, folder: str, epoch_us: int, time_scale: float,
        sent: int, network: Network,
    ) -> None:  # fmt: skip
        import msgpack

        members = [member for member, _ in system.members]
        place, calls = members.index(id), system.calls(id) if number == 1 else ()
        self.id, self.secret, self.number, self.network = id, secret, number, network
        self.clock, self._scale = Clock(epoch_us), time_scale
        self.skew_us = self.drift_ppm = 0
        self._classes, self._gap_ms = program.classes, system.gap_ms
        self.handle = program.handle(dict(system.members)[id], id, system.node_ids, members, seed)
        self._log = Log(Path(folder) / f"{id}.log")
        self._storage = self._log.recover(program.classes)
        self._chance = Stream(f"{seed}/{number}", f"timers of {id}")
        self._calls = Calls(id, calls, place - len(system.nodes), max(1, len(system.clients)))
        self._serial, self._step = sent * len(members) + place, len(members)
        self._channels = {peer: Outgoing(self, peer, self._undeliverable) for peer in members if peer != id}
        self._busy: dict[Outgoing, None] = {}
        self._timers: dict[Any, asyncio.TimerHandle] = {}
        self._early: list[tuple[NodeId, list[Any]]] = []
        self.running = False
        self.crash_after: int | None = None
        self._pack = msgpack.Packer().pack
        self._last, self._body = None, b""
        self._loop = asyncio.get_running_loop()

    # -- what it is told ------------------------------------------------------------------------

    def start(self) -> None:
        """Run ``on_start``, then what came too early; begin to make calls."""
        sys.stdout = TaggedOutput(lambda line: self._add("print", line))
        time_us = self.clock.tick()
        effects = self.handle.start(self._storage, self.number, self._own_us())
        self.running = True
        self._apply(time_us, "start", None, pack(None), self.number, effects)
        for source, frames in self._early:
            self.arrived(source, frames)
        self._early.clear()
        self._flush()
        self._call_after(0)
        self._watch_lag(self._loop.time())

    def knows(self, peer: Any) -> bool:
        """Is there a member of this name, other than this one?"""
        return peer in self._channels

    def locate(self, peer: NodeId, address: tuple[str, int]) -> None:
        """`peer` now listens at `address`."""
        self._channels[peer].locate(address)

    def arrived(self, source: NodeId, frames: list[list[Any]]) -> None:
        """Frames came from `source`: their handlers run now, one after the other."""
        if not self.running:
            self._early.append((source, frames))
            return
        for sent_us, number, body in frames:
            time_us = self.clock.tick(sent_us)
            if self.network.is_cut(source, self.id):
                self._log.add(time_us, "drop", self.id, source, body, number)
            else:
                self._deliver(time_us, source, number, body)
        self._flush()

    def _deliver(self, time_us: int, source: NodeId, number: int, body: bytes) -> None:
        try:
            message = unpack(body, self._classes)
        except ValueError as error:
            self._add("error", f"{source} sent {self.id} what is no message of this program: {error}")
            return
        effects = self.handle.deliver(source, message, self._own_us())
        self._apply(time_us, "deliver", source, body, number, effects)

    def _fire(self, name: Any) -> None:
        del self._timers[name]
        time_us = self.clock.tick()
        effects = self.handle.fire(name, self._own_us())
        self._apply(time_us, "timer", None, pack(name), 0, effects)
        self._flush()

    def _invoke(self, operation: Operation, machine_ns: int) -> None:
        time_us = self.clock.tick()
        effects = self.handle.invoke(operation, self._own_us())
        call = pack((operation.f, operation.key, operation.value))
        self._apply(time_us, "invoke", None, call, operation.id, effects, machine_ns)
        self._flush()

    # -- what it does ---------------------------------------------------------------------------

    def _apply(
        self,
        time_us: int,
        kind: str,
        peer: Any,
        body: bytes,
        id: int,
        effects: list[Effect],
        *machine_ns: int,
    ) -> None:
        self._log.add(time_us, kind, self.id, peer, body, id, len(effects), *machine_ns)
        for effect in effects[: self.crash_after]:
            self._effect(effect)
        if self.crash_after is not None:
            self._add("crash", "within", min(self.crash_after, len(effects)))
            self._flush()
            os.kill(os.getpid(), signal.SIGKILL)

    def _effect(self, effect: Effect) -> None:
        kind = effect[0]
        if kind == "send":
            self._send(effect[1], effect[2])
        elif kind in ("ok", "fail", "info"):
            self._end(*effect)
        else:
            if kind == "save" and self._busy:
                self._flush()  # what was sent before has left before this is durable
            self._add(kind, effect[1] if len(effect) == 2 else effect[1:] or None)
            if kind == "set_timer":
                self._set_timer(*effect[1:])
            elif kind == "cancel_timer" and effect[1] in self._timers:
                self._timers.pop(effect[1]).cancel()

    def _set_timer(self, name: Any, least_us: int, most_us: int) -> None:
        if name in self._timers:
            self._timers[name].cancel()
        after_us = self._chance.between(least_us, most_us) * 1_000_000 // (1_000_000 + self.drift_ppm)
        self._timers[name] = self._loop.call_later(after_us * self._scale / 1e6, self._fire, name)

    def _end(self, kind: str, id: int, result: Any = None) -> None:
        try:
            self._add(kind, result, id, None, self._calls.end(kind, id, result))
        except ValueError as error:
            self._add("error", f"{self.id}: {error}")
        self._call_after(self._gap_ms * self._scale / 1000)

    def _call_after(self, seconds: float) -> None:
        if self._calls.left:
            self._loop.call_later(seconds, self._calls.begin, self._invoke)

    def _send(self, peer: NodeId, message: Any) -> None:
        if message is not self._last:  # a broadcast packs its message once
            self._last, self._body = message, pack_message(message)
        body, time_us = self._body, self.clock.tick()
        self._serial += self._step
        self._log.add(time_us, "send", self.id, peer, body, self._serial)
        if len(body) > FRAME_BYTES_MAX:
            limit = f"the limit is {FRAME_BYTES_MAX}. Send it in parts."
            self._add("error", f"{self.id} sent {peer} a message of {len(body)} bytes; {limit}")
            return
        channel = self.network.channel(self.id, peer)
        if channel.is_plain and not channel.is_cut and not channel.most_us:
            self._travel(peer, [time_us, self._serial, body], 0)
            return
        arrivals = self.network.arrivals(channel, message)
        if not arrivals:
            self._undeliverable(peer, [(b"", self._serial, body)])
        for delay_us, content in arrivals:
            travelling = [time_us, self._serial, body if content is message else pack(content)]
            self._travel(peer, travelling, delay_us * self._scale / 1e6)

    def _travel(self, peer: NodeId, content: list[Any], delay_s: float) -> None:
        if peer == self.id:
            self._loop.call_later(delay_s, self.arrived, peer, [content])
            return
        frame = self._pack(content), content[1], content[2]
        if delay_s:
            self._loop.call_later(delay_s, self._leave_late, peer, frame)
        else:
            self._leave(peer, frame)

    def _leave(self, peer: NodeId, frame: Frame) -> None:
        channel = self._channels[peer]
        channel.send(frame)
        self._busy[channel] = None

    def _leave_late(self, peer: NodeId, frame: Frame) -> None:
        if self.network.is_cut(self.id, peer):
            self._undeliverable(peer, [frame])
        else:
            self._leave(peer, frame)
        self._flush()

    def _undeliverable(self, peer: NodeId, frames: list[Frame]) -> None:
        for _, number, body in frames:
            self._log.add(self.clock.tick(), "drop", peer, self.id, body, number)

    # -- what it writes -------------------------------------------------------------------------

    def _add(self, kind: str, data: Any, id: int = 0, *rest: Any) -> None:
        self._log.add(self.clock.tick(), kind, self.id, None, pack(data), id, *rest)

    def _flush(self) -> None:
        """Rows to the file, then messages to the kernel."""
        self._log.write()
        busy, self._busy = self._busy, {}
        for channel in busy:
            channel.push()
        if self._log.full and self.running:
            self._storm()

    def _storm(self) -> None:
        """Stop for good: nothing is told to the node any more."""
        what = f"{self.id} filled {LOG_BYTES_MAX >> 20} MB of trace: probably a message storm"
        self._add("storm", what)
        self._log.write()
        self.running = False
        for timer in self._timers.values():
            timer.cancel()

    def _watch_lag(self, due: float) -> None:
        late_s = self._loop.time() - due
        if late_s > LAG_NOTED_S:
            self._add(
                "note", f"{self.id} was {late_s * 1000:.0f} ms late: stopped, or starved", round(late_s * 1e6)
            )
        self._log.write()
        self._loop.call_later(LAG_EVERY_S, self._watch_lag, self._loop.time() + LAG_EVERY_S)

    def _own_us(self) -> int:
        now_us = int(self.clock.read_us / self._scale)
        return now_us + self.skew_us + now_us * self.drift_ppm // 1_000_000
