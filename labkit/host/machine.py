"""What a host knows of its machine: its name, its processes, and where ``print`` goes."""

from __future__ import annotations

import contextlib
import io
import os
import platform
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from labkit import handle
from labkit.host.record import read


def machine_name() -> str:
    """Equal for two processes exactly if they share pids, files and the monotonic clock."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = ""
    return f"{platform.node()} {boot}"


def started(pid: int) -> str:
    """When process `pid` was started, in the system's own unit; "" if it has ended or who knows.

    A pid alone names nobody: it is given to another process later.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def is_alive(pid: int, since: str) -> bool:
    """Does the process that was started then still run?  Without /proc, any of that pid counts."""
    if Path("/proc/self/stat").exists():
        return started(pid) == since
    try:
        os.kill(pid, 0)
    except OSError as error:
        return isinstance(error, PermissionError)
    return True


def strike(pid: int, signal_name: str) -> None:
    """Send a signal by its name; a process that has ended feels nothing."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.Signals[signal_name])


def remove(folder: str) -> None:
    """Delete a cluster's files on this machine."""
    shutil.rmtree(folder, ignore_errors=True)


SERVICES = {"read": read, "strike": strike, "remove": remove}
"""What any host does for a controller on another machine."""


class TaggedOutput(io.TextIOBase):
    """A standard output whose lines go into the trace, as effects of the running handler."""

    def __init__(self, outside: Callable[[str], None]) -> None:
        self._outside, self._line = outside, ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            if handle.running is not None:
                handle.running._effects.append(("print", line))
            else:
                self._outside(line)
        return len(text)
