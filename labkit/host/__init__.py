"""One node as a real process: real time, real sockets, a real file, the same handlers.

A host is a process that a controller tells what to be (``prepare``), where its peers are
(``locate``), and when to ``start``.  What a node does then is in ``life``; how it talks to
its peers in ``wire``; what is kept of it in ``record``.

Knows no Ray: ``ask`` is called by whatever brings commands, a pipe or a Ray actor.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labkit.bundle import Bundle
from labkit.host.life import Life
from labkit.host.machine import SERVICES, machine_name, started
from labkit.host.record import pack
from labkit.host.wire import Incoming
from labkit.message import NodeId
from labkit.network import Link, Network
from labkit.program import LocalProgram
from labkit.system import System

Change = tuple[str, list[Any], dict[str, Any]]
"""A call of ``Network``: method, arguments, named arguments."""

GC_ALLOCATIONS = 20_000
CHANGES = ("cut", "partition", "heal", "set_link", "slow")


class Host:
    """A process that may become one member of a system, once."""

    def __init__(self, bind: str = "127.0.0.1") -> None:
        self._bind = bind
        self._life: Life
        self._epoch = 0
        self._ahead: dict[int, Change] = {}

    async def ask(self, command: str, given: list[Any]) -> Any:
        """Do one thing for the controller; the answer is plain enough for msgpack."""
        service: Any = SERVICES.get(command)
        answer = service(*given) if service else COMMANDS[command](self, *given)
        return await answer if asyncio.iscoroutine(answer) else answer

    async def live(self) -> None:
        """Never return: whoever waits for it learns of the end of the process."""
        await asyncio.Event().wait()

    def _hello(self) -> dict[str, Any]:
        pid = os.getpid()
        now_us = time.monotonic_ns() // 1000
        return {"pid": pid, "started": started(pid), "machine": machine_name(), "now_us": now_us}

    async def _prepare(self, config: Mapping[str, Any]) -> tuple[str, int]:
        """Become a member without starting it; the address at which it listens."""
        program = LocalProgram(Bundle.from_encoded(config["bundle"]).load().namespace)
        system = System.from_encoded(config["system"], program.classes)
        given = dict(config["life"])
        network = Network(f"{given['seed']}/{given['id']}/{given['number']}", Link(**_named(config["link"])))
        Path(given["folder"]).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._life = Life(program, system, given.pop("id"), network=network, **given)
        gc.freeze()  # what is loaded by now stays; messages come and go without circles
        gc.set_threshold(GC_ALLOCATIONS)
        for change in config["changes"]:
            self._change(self._epoch + 1, change)
        server = await asyncio.get_running_loop().create_server(lambda: Incoming(self._life), self._bind, 0)
        address: tuple[str, int] = server.sockets[0].getsockname()[:2]
        return address

    def _locate(self, addresses: Mapping[NodeId, tuple[str, int]]) -> None:
        for id, (name, port) in addresses.items():
            if self._life.knows(id):
                self._life.locate(id, (name, port))

    def _start(self) -> None:
        self._life.start()

    async def _change_links(self, epoch: int, change: Change, at_us: int) -> int:
        """Change the links at `at_us`; when it was really done."""
        clock = self._life.clock
        await asyncio.sleep((at_us - clock.now_us()) / 1e6)
        self._change(epoch, change)
        return clock.now_us()

    def _change(self, epoch: int, change: Change) -> None:
        """Apply `change` as the one numbered `epoch`: after all earlier ones."""
        self._ahead[epoch] = change
        while self._epoch + 1 in self._ahead:
            self._epoch += 1
            method, given, named = self._ahead.pop(self._epoch)
            if method not in CHANGES:
                raise ValueError(f"links cannot {method!r}")
            getattr(self._life.network, method)(*given, **_named(named))

    def _observe(self) -> bytes:
        return pack(self._life.handle.observe() if self._life.running else {})

    def _crash_within(self, effects: int) -> None:
        self._life.crash_after = effects

    def _set_clock(self, skew_us: int, drift_ppm: int) -> None:
        self._life.skew_us, self._life.drift_ppm = skew_us, drift_ppm


COMMANDS: dict[str, Any] = {
    "hello": Host._hello,
    "prepare": Host._prepare,
    "locate": Host._locate,
    "start": Host._start,
    "change_links": Host._change_links,
    "observe": Host._observe,
    "crash_within": Host._crash_within,
    "set_clock": Host._set_clock,
}


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
