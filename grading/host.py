"""The student's side of the judge: a program of its own, which holds learners' nodes.

Started by ``launch``, with one end of a socket.  It is a *template* that has imported the kit
and nothing of a learner's: for each slot (a node's name in a bundle) it forks a *zygote*, which
loads the bundle once; the zygote forks one *incarnation* for each life of a node, so that
globals never survive a crash.  Each fork talks to the judge over a socket of its own, in JSON
lines: see ``PROTOCOL.md``.

Knows no checks, no seeds of runs, no expected values.  Limits itself; does not isolate itself.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, NoReturn

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]  # started without the folder of the script and without the site's

from grading import wire  # noqa: E402
from labkit.bundle import Bundle, Loaded  # noqa: E402
from labkit.handle import explain, view  # noqa: E402
from labkit.message import NotPlainData, decode, encode  # noqa: E402
from labkit.program import LocalProgram, ProgramError, Unwritten  # noqa: E402

CPU_S = 2.0
"""Processor time for one answer; the clock on the wall is the judge's."""

MEMORY_BYTES = 768 << 20
FILE_BYTES = 16 << 20
FILES_MAX = 128
PROCESS_CPU_S = 120


class TooLong(BaseException):
    """The processor time for one answer is used up; ``except Exception`` does not stop it."""


class Node:
    """One incarnation: a handle, or the program's plain functions, behind a pipe."""

    def __init__(self, program: LocalProgram) -> None:
        self.program, self.handle = program, None
        self.too_long = False

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply to one request, without its number."""
        self.too_long = False
        signal.setitimer(signal.ITIMER_PROF, CPU_S, CPU_S)
        try:
            reply = self._answers[request["op"]](self, request)
        except Unwritten as unwritten:
            reply = {"unwritten": str(unwritten)}
        except ProgramError as error:
            reply = {"error": str(error)}
        except BaseException as error:  # whatever learners raise is a finding
            reply = {"error": explain(error)}
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        return reply | {"late": True} if self.too_long else reply

    def stop(self, _signal: int, _frame: FrameType | None) -> NoReturn:
        """Called when the processor time for one answer is used up."""
        self.too_long = True
        raise TooLong(f"{CPU_S:g} seconds of computing, and no end")

    def _start(self, r: dict[str, Any]) -> dict[str, Any]:
        self.handle = self.program.handle(r["role"], r["id"], r["peers"], r["system"], r["seed"])
        storage = {name: self._decode(value) for name, value in r["storage"]}
        return _effects(self.handle.start(storage, r["incarnation"], r["now"]))

    def _deliver(self, r: dict[str, Any]) -> dict[str, Any]:
        return _effects(self.handle.deliver(r["source"], self._decode(r["message"]), r["now"]))

    def _fire(self, r: dict[str, Any]) -> dict[str, Any]:
        return _effects(self.handle.fire(self._decode(r["timer"]), r["now"]))

    def _invoke(self, r: dict[str, Any]) -> dict[str, Any]:
        operation = wire.read_operation(r["operation"], self.program.classes)
        return _effects(self.handle.invoke(operation, r["now"]))

    def _observe(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"view": [[name, _shown(v)] for name, v in self.handle.observe().items()]}

    def _attributes(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"view": [[name, _shown(v)] for name, v in self.handle.attributes().items()]}

    def _call(self, r: dict[str, Any]) -> dict[str, Any]:
        return {"result": _shown(self.program.call(r["function"], *self._decode(r["given"])))}

    def _decode(self, raw: Any) -> Any:
        return decode(raw, self.program.classes)

    _answers: ClassVar[dict[str, Callable[[Any, dict[str, Any]], dict[str, Any]]]] = {
        "start": _start, "deliver": _deliver, "fire": _fire, "invoke": _invoke,
        "observe": _observe, "attributes": _attributes, "call": _call,
    }  # fmt: skip


def _effects(effects: list[Any]) -> dict[str, Any]:
    return {"effects": [wire.write_effect(effect) for effect in effects]}


def _shown(value: Any) -> Any:
    try:
        return encode(view(value))
    except NotPlainData:
        return encode(repr(value))


def serve(channel: socket.socket, program: LocalProgram) -> NoReturn:
    """Answer requests until the judge hangs up."""
    node = Node(program)
    signal.signal(signal.SIGPROF, node.stop)
    with channel.makefile("rb") as lines:
        for line in lines:
            request = wire.from_line(line)
            channel.sendall(wire.to_line(node.answer(request) | {"re": request["n"]}))
    os._exit(0)


def load(channel: socket.socket) -> NoReturn:
    """A zygote: load the bundle that the judge sends, say what is in it, fork on request."""
    os.setsid()
    with channel.makefile("rb") as lines:
        bundle = Bundle.from_encoded(wire.from_line(lines.readline())["bundle"])
    signal.signal(signal.SIGPROF, _stop_loading)
    signal.setitimer(signal.ITIMER_PROF, CPU_S, CPU_S)
    loaded = bundle.load()
    signal.setitimer(signal.ITIMER_PROF, 0)
    program = LocalProgram(loaded.namespace)
    channel.sendall(wire.to_line(_contents(loaded, program)))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for incarnations
    gc.collect()
    gc.freeze()
    fork_on_request(channel, lambda own: serve(own, program))


def _stop_loading(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise TooLong(f"{CPU_S:g} seconds of computing at the top level, and no end")


def _contents(loaded: Loaded, program: LocalProgram) -> dict[str, Any]:
    return {
        "exercises": loaded.exercises,
        "problems": loaded.problems,
        "classes": wire.write_classes(program.classes),
    }


def fork_on_request(control: socket.socket, then: Callable[[socket.socket], NoReturn]) -> NoReturn:
    """For each socket that comes over `control`, fork a process that goes on with it alone."""
    while True:
        _, received, _, _ = socket.recv_fds(control, 1, 1)
        if not received:
            os._exit(0)
        pid = os.fork()
        if pid == 0:
            control.close()
            then(socket.socket(fileno=received[0]))
        os.close(received[0])
        control.sendall(pid.to_bytes(8, "big"))


def limit(processes: int) -> None:
    """Lower what this process and its children may use, for good; the judge's machine is shared."""
    limits = {
        "RLIMIT_AS": MEMORY_BYTES, "RLIMIT_FSIZE": FILE_BYTES, "RLIMIT_NOFILE": FILES_MAX,
        "RLIMIT_CPU": PROCESS_CPU_S, "RLIMIT_CORE": 0, "RLIMIT_NPROC": processes,
    }  # fmt: skip
    for name, wanted in limits.items():
        kind = getattr(resource, name, None)
        if kind is not None:
            _, most = resource.getrlimit(kind)
            wanted = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
            resource.setrlimit(kind, (wanted, wanted))


def main() -> NoReturn:
    """``host.py FD PROCESSES``: be a template on the socket FD."""
    limit(int(sys.argv[2]))
    fork_on_request(socket.socket(fileno=int(sys.argv[1])), load)


if __name__ == "__main__":
    main()
