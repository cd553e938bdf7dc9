"""The processes of one cluster: how they are made, told, hurt, read and ended.

Nothing here waits for ever: each call to a process has a time-out.  Links are changed by
numbered changes, sent to all with a time a little ahead, so that all apply it together.
"""

from __future__ import annotations

import inspect
import secrets
import sys
import time
import weakref
from collections.abc import Iterable, Mapping
from concurrent.futures import wait
from dataclasses import asdict
from typing import Any

from labkit.bundle import Bundle, Section
from labkit.cluster.launchers import launcher_for
from labkit.cluster.members import Member
from labkit.cluster.process import ClusterError, Launcher, Process, answers, clock_offset
from labkit.cluster.session import session
from labkit.host.machine import machine_name
from labkit.host.record import Clock, Row, unpack
from labkit.message import NodeId
from labkit.network import Link, Network
from labkit.node import Node
from labkit.program import LocalProgram, ProgramError
from labkit.system import System

BOOT_S = 60
ANSWER_S = 2
OBSERVE_S = 0.5
LEAD_US = 50_000


class Fleet:
    """One process for each member of `system`, and what was last known of it."""

    def __init__(
        self, bundle: Bundle, system: System, launcher: str, address: str | None, *,
        seed: str, link: Link, time_scale: float, classes: Mapping[str, type],
    ) -> None:  # fmt: skip
        self._launcher = launcher_for(launcher, address)
        self._classes, self._folder = classes, str(session().cluster_folder())
        self.clock = Clock(time.monotonic_ns() // 1000)
        self.network, self._changes = Network(), list[tuple[Any, ...]]()
        self.skew_us = self.late_us = 0
        self._program = {
            "bundle": bundle.encoded(), "system": system.encoded(), "link": asdict(link),
        }  # fmt: skip
        self._life = {
            "seed": seed, "secret": secrets.token_bytes(32),
            "folder": self._folder, "time_scale": time_scale,
        }  # fmt: skip
        self.members = {id: self._member(system, id, n) for n, (id, _) in enumerate(system.members)}
        self._processes: dict[NodeId, Process] = {}
        self._finish = weakref.finalize(self, _end, self._processes, self._launcher, self._folder)
        try:
            self._boot(self.members.values())
        except BaseException:
            self._finish()
            raise

    def _member(self, system: System, id: NodeId, number: int) -> Member:
        """Nodes go round the machines; clients all to the first, so that one clock orders them."""
        places = self._launcher.places()
        place = places[number % len(places)] if id in system.node_ids else places[0]
        return Member(id, place, f"{self._folder}/{id}.log")

    # -- life and death -------------------------------------------------------------------------

    def _boot(self, members: Iterable[Member]) -> None:
        """Give each a process, tell everybody where they are, and start them."""
        born = {member.id: member for member in members}
        for id, member in born.items():
            member.process = self._processes[id] = self._launcher.take(member.place)
        hellos = self._ask(born, "hello", within_s=BOOT_S)
        for id, member in born.items():
            member.life, member.asked = member.life + 1, None
            member.pid = hellos[id]["pid"]
            session().belongs(member.pid, hellos[id]["started"])
        configs = {id: self._config(member, hellos[id]["machine"]) for id, member in born.items()}
        asked = {id: member.process.ask("prepare", configs[id]) for id, member in born.items()}
        for id, address in answers(asked, BOOT_S, "prepare").items():
            born[id].address = tuple(address)
        running = {id for id, member in self.members.items() if member.up} | born.keys()
        addresses = {id: self.members[id].address for id in running}
        paused = [id for id in running if self.members[id].paused]
        self._ask({id: self.members[id] for id in running}, "locate", addresses, late=paused)
        self._ask(born, "start")
        for member in born.values():
            member.up = True
        self._launcher.warm(next(iter(self.members.values())).place)

    def _config(self, member: Member, machine: str) -> dict[str, Any]:
        epoch_us = self.clock.epoch_us
        if machine != machine_name():
            offset_us, error_us = clock_offset(member.process, self.clock.now_us)
            epoch_us, self.skew_us = offset_us, max(self.skew_us, error_us)
        life = {
            **self._life,
            "id": member.id,
            "number": member.life,
            "sent": member.sent,
            "epoch_us": epoch_us,
        }
        return {**self._program, "changes": self._changes, "life": life}

    def kill(self, id: NodeId) -> list[Row]:
        """SIGKILL, and what the log still had to tell."""
        member = self.members[id]
        member.process.strike(member.pid, "SIGKILL")
        if not member.process.dead.wait(ANSWER_S):
            raise ClusterError(f"{id} (process {member.pid}) did not die of SIGKILL within {ANSWER_S} s.")
        return self._bury(member)

    def restart(self, id: NodeId) -> list[Row]:
        """A new process, on the storage that the last one left; what that one still had to tell."""
        rows = self.kill(id) if id in self._processes else []
        self._boot([self.members[id]])
        return rows

    def stop(self, id: NodeId, signal_name: str) -> None:
        """SIGSTOP or SIGCONT."""
        member = self.members[id]
        member.process.strike(member.pid, signal_name)
        member.paused = signal_name == "SIGSTOP"

    def read(self) -> list[Row]:
        """Rows that are new in any log; members whose processes died by themselves are buried."""
        found: list[Row] = []
        for member in self.members.values():
            if member.life:
                found += member.read()
            if member.id in self._processes and member.process.dead.is_set():
                found += self._bury(member)
        return found

    def _bury(self, member: Member) -> list[Row]:
        self._processes.pop(member.id, None)
        return member.bury(self.clock.now_us())

    def close(self) -> list[Row]:
        """End all processes: what their logs still had to tell."""
        for process in self._processes.values():
            process.end()
        rows = [row for member in self.members.values() if member.life for row in member.read()]
        self._finish()
        return rows

    # -- commands -------------------------------------------------------------------------------

    def change_links(self, method: str, *given: Any, **named: Any) -> int:
        """Change all members' links at one time, which is returned; at worst ``late_us`` later."""
        getattr(self.network, method)(*given, **named)
        change = (method, list(given), named)
        self._changes.append(change)
        at_us = self.clock.now_us() + LEAD_US
        up = {id: member for id, member in self.members.items() if member.up}
        late = [id for id, member in up.items() if member.paused]
        done = self._ask(up, "change_links", len(self._changes), change, at_us, late=late)
        self.late_us = max([self.late_us, *(there_us - at_us for there_us in done.values())])
        return at_us

    def tell(self, id: NodeId, command: str, *given: Any) -> None:
        """One command to one member that is up."""
        self._ask({id: self.members[id]}, command, *given)

    def observe(self, ids: Iterable[NodeId]) -> dict[NodeId, dict[str, Any]]:
        """The public view of each: empty if down, as last seen if it does not answer."""
        members = [self.members[id] for id in ids]
        for member in members if self._finish.alive else ():
            if member.up and (member.asked is None or member.asked.done()):
                member.asked = member.process.ask("observe")
        wait([m.asked for m in members if m.asked and m.up and not m.paused], OBSERVE_S)
        for member in members:
            if member.asked and member.asked.done():
                answer, member.asked = member.asked, None
                if not answer.exception():
                    member.seen = dict(unpack(answer.result(), self._classes))
        return {member.id: member.seen if member.up else {} for member in members}

    def _ask(
        self, members: Mapping[NodeId, Member], command: str, *given: Any,
        within_s: float = ANSWER_S, late: Iterable[NodeId] = (),
    ) -> dict[NodeId, Any]:  # fmt: skip
        asked = {id: member.process.ask(command, *given) for id, member in members.items()}
        return answers(asked, within_s, command, late)


def _end(processes: dict[NodeId, Process], launcher: Launcher, folder: str) -> None:
    for process in processes.values():
        process.end()
    processes.clear()
    launcher.forget(folder)


def program_of(program: Bundle | type[Node], system: System) -> tuple[Bundle, Mapping[str, type]]:
    """`program` as a bundle, and its message classes; ProgramError if it lacks a role."""
    bundle = program if isinstance(program, Bundle) else _bundle_of(program)
    loaded = bundle.load()
    here = LocalProgram(loaded.namespace)
    for id, role in system.members:
        try:
            here.handle(role, id, (), (), "")
        except ProgramError as error:
            raise ProgramError("; ".join([str(error), *loaded.problems])) from None
    return bundle, here.classes if isinstance(program, Bundle) else LocalProgram.of(program).classes


def _bundle_of(role: type[Node]) -> Bundle:
    try:
        source = inspect.getsource(sys.modules[role.__module__])
    except (KeyError, OSError, TypeError):
        raise ClusterError(
            f"{role.__name__} was defined at a prompt or in a notebook, but a process of its own "
            "needs the whole text that defines it. Give Cluster a Bundle, or a class from a module."
        ) from None
    return Bundle(sections=(Section(role.__module__, source),))
