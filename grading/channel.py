"""Processes that hold a submission: the template, its zygotes, and the sockets to them.

A ``Host`` is one template process for a submission; a ``Zygote`` is a fork of it that has loaded
a bundle; each of its forks is an incarnation of a node, at the other end of a ``Channel``.
What comes out of a channel is bytes from a stranger: whole lines, within a size and a time.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

from grading import wire
from grading.launch import Launched, kill_group, launch, processes_allowed
from labkit.bundle import Bundle
from labkit.program import ProgramError

CALL_S = 10.0
"""How long one answer may take by the wall clock; ``host.CPU_S`` stops most loops before."""


COMPUTED_S = 3.0
"""How much a late process may still compute: on a busy machine it only waits for its turn."""


class HostGone(Exception):
    """The process at the other end has ended, or does not answer."""


class Channel:
    """One end of a socket to a process that is not trusted: whole lines, within a time."""

    def __init__(self, own: socket.socket, pid: int = 0) -> None:
        self._socket, self._buffer, self._pid = own, bytearray(), pid

    def send(self, value: Any) -> None:
        """Send one JSON line; HostGone if nobody takes it."""
        try:
            self._socket.settimeout(CALL_S)
            self._socket.sendall(wire.to_line(value))
        except OSError as error:
            raise HostGone(str(error)) from error

    def receive(self, allowed_s: float = CALL_S) -> dict[str, Any]:
        """The next line; TimeoutError if late, HostGone at the end, ValueError if not JSON."""
        line = self._until(lambda buffer: buffer.find(b"\n") + 1, allowed_s)
        return wire.from_line(line)

    def hand_over(self, theirs: socket.socket) -> int:
        """Give the other process a socket to fork with; the fork's id, as it says."""
        try:
            with theirs:
                socket.send_fds(self._socket, [b"f"], [theirs.fileno()])
            return int.from_bytes(self._until(lambda buffer: 8 * (len(buffer) >= 8), CALL_S), "big")
        except (OSError, TimeoutError) as error:
            raise HostGone(str(error)) from error

    def close(self) -> None:
        """Hang up; the process ends."""
        self._socket.close()

    def _until(self, end: Any, allowed_s: float) -> bytes:
        deadline, computed_s = time.monotonic() + allowed_s, None
        while not (size := end(self._buffer)):
            if len(self._buffer) > wire.LINE_BYTES_MAX:
                raise ValueError(f"it is longer than {wire.LINE_BYTES_MAX:,} bytes")
            try:
                self._fill(deadline)
            except TimeoutError:
                now_s = _computing_s(self._pid)
                computed_s = now_s if computed_s is None else computed_s
                if now_s is None or now_s - computed_s > COMPUTED_S:
                    raise
                deadline = time.monotonic() + 1  # it waits for its turn
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _fill(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        try:
            more = self._socket.recv(1 << 16)
        except TimeoutError:
            raise
        except OSError as error:
            raise HostGone(str(error)) from error
        if not more:
            raise HostGone("it ended")
        self._buffer += more


class Host:
    """A template process for one submission; everything of the submission runs in its forks."""

    def __init__(self, *, hash_seed: int = 0) -> None:
        self._hash_seed = hash_seed
        self._launched: Launched | None = None
        self._control: Channel

    def fork(self) -> tuple[Channel, int]:
        """A channel to a new fork of the template, and its process id."""
        if self._launched is None:
            self._start()
        own, theirs = socket.socketpair()
        return Channel(own), self._control.hand_over(theirs)

    def restart(self) -> None:
        """End everything; the next fork begins with a new template."""
        if self._launched is not None:
            self._control.close()
            self._launched.kill()
            self._launched = None

    def output(self) -> str:
        """What the submission wrote to stdout and stderr, the beginning of it."""
        return self._launched.output() if self._launched else ""

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: object) -> None:
        self.restart()

    def _start(self) -> None:
        own, theirs = socket.socketpair()
        with theirs:
            # -I would be shorter, but it ignores PYTHONHASHSEED; the environment is our own anyway.
            argv = [sys.executable, "-s", "-P", str(Path(__file__).with_name("host.py"))]
            argv += [str(theirs.fileno()), str(processes_allowed())]
            self._launched = launch(argv, sockets=[theirs.fileno()], hash_seed=self._hash_seed)
        self._control = Channel(own)


class Zygote:
    """A process that has loaded a bundle, for one slot (a node's name), and forks incarnations."""

    def __init__(self, host: Host, bundle: Bundle) -> None:
        self._channel, self._pid = host.fork()
        try:
            self._channel.send({"bundle": bundle.encoded()})
            self.contents = self._channel.receive(3 * CALL_S)
        except (HostGone, TimeoutError, ValueError) as error:
            self.kill()
            raise ProgramError(
                f"the program cannot be loaded: its process did not say what is in it ({error})"
            ) from error

    def fork(self) -> Channel:
        """A channel to a new incarnation; HostGone if the zygote is dead."""
        own, theirs = socket.socketpair()
        return Channel(own, pid=self._channel.hand_over(theirs))

    def kill(self) -> None:
        """End it, and every incarnation."""
        self._channel.close()
        kill_group(self._pid)


def _computing_s(pid: int) -> float | None:
    """The processor time of a process that computes, or waits for its turn; else None."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    ticks = int(fields[10]) + int(fields[11])
    return ticks / os.sysconf("SC_CLK_TCK") if state == "R" else None
