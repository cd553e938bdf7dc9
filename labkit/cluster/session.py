"""This kernel's private folder, and the removal of what killed kernels left behind.

All files of labkit's clusters, sockets of Ray included, lie below one folder of mode 0700:
Ray makes its own folders readable and writable by everybody.  Its path is short, because a
socket's path must be.  A session's folder names its owner and lists the processes that belong
to it, by pid and start time; a later session ends them once the owner is gone.
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from labkit.cluster.process import ClusterError
from labkit.host.machine import is_alive, started, strike

SESSION_BYTES_MAX = 41
"""Ray's sockets add 62 bytes to ``<session>/r``, and the system's limit is 107."""


class Session:
    """The folder of one controller process, from its first cluster to its end."""

    def __init__(self) -> None:
        root = _root()
        clean(root)
        self._owner = os.getpid()
        self.folder = root / _name(self._owner, started(self._owner))
        self.folder.mkdir(mode=0o700)
        self._clusters = 0
        atexit.register(self.close)

    def cluster_folder(self) -> Path:
        """A new folder for the logs of one cluster."""
        self._clusters += 1
        folder = self.folder / f"c{self._clusters}"
        folder.mkdir(mode=0o700)
        return folder

    def belongs(self, pid: int, since: str) -> None:
        """Remember that this process is to end with the session."""
        with (self.folder / "processes").open("a") as file:
            file.write(f"{pid} {since}\n")

    def close(self) -> None:
        """Remove the folder; in a fork of the owner, do nothing."""
        if os.getpid() == self._owner:
            shutil.rmtree(self.folder, ignore_errors=True)


@cache
def session() -> Session:
    """The session of this process, made when first asked for."""
    return Session()


def clean(root: Path) -> None:
    """End the processes and remove the folders of sessions whose owner is gone."""
    for folder in root.iterdir():
        if _is_abandoned(folder.name):
            end([*_recorded(folder), *named_after(folder)])
            shutil.rmtree(folder, ignore_errors=True)


def end(processes: Iterable[tuple[int, str]]) -> None:
    """End these processes, given by pid and start time; a pid that has a new owner is left alone."""
    for pid, since in processes:
        if since and started(pid) == since:
            strike(pid, "SIGKILL")


def _name(pid: int, since: str) -> str:
    """A folder's name says whose it is: pid, start time, and the space in which the pid counts."""
    return f"{pid:06x}{int(since or 0):08x}{_pid_space():04x}"


def _pid_space() -> int:
    try:
        return os.stat("/proc/self/ns/pid").st_ino & 0xFFFF
    except OSError:
        return 0


def _is_abandoned(name: str) -> bool:
    try:
        pid, since, space = int(name[:6], 16), int(name[6:14], 16), int(name[14:], 16)
    except ValueError:
        return False
    return space == _pid_space() and not is_alive(pid, str(since))


def _root() -> Path:
    name = f"labkit-{os.getuid()}"
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    choices = [Path(runtime, "labkit")] if runtime else []
    choices += [Path(tempfile.gettempdir(), name), Path("/tmp", name)]
    for root in choices:
        if len(os.fsencode(root / _name(0, ""))) <= SESSION_BYTES_MAX and _private(root):
            return root
    tried = ", ".join(map(str, choices))
    raise ClusterError(
        f"labkit tried {tried} for its files, but none is a short path that only you can write. "
        "Set XDG_RUNTIME_DIR to a short folder of your own."
    )


def _private(root: Path) -> bool:
    """Make sure of a folder of our own, mode 0700, that is not a link to somewhere else."""
    try:
        root.mkdir(mode=0o700, exist_ok=True)
        found = root.lstat()
        return (
            stat.S_ISDIR(found.st_mode)
            and found.st_uid == os.getuid()
            and not found.st_mode & 0o077
            and os.access(root, os.W_OK)
        )
    except OSError:
        return False


def _recorded(folder: Path) -> list[tuple[int, str]]:
    try:
        lines = (folder / "processes").read_text().splitlines()
    except OSError:
        return []
    pairs = (line.partition(" ") for line in lines)
    return [(int(pid), since) for pid, _, since in pairs if pid.isdecimal()]


def named_after(folder: Path) -> Iterator[tuple[int, str]]:
    """Our own processes whose command line names `folder`, where the system can list them."""
    mark = os.fsencode(folder)
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            ours = entry.stat().st_uid == os.getuid() and mark in (entry / "cmdline").read_bytes()
        except OSError:  # it ended meanwhile
            continue
        if ours:
            yield int(entry.name), started(int(entry.name))
