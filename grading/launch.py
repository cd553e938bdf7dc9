"""Starting a process that is not trusted, and ending it with everything that it started.

``launch`` is the one place where a submission's process begins: a sandbox is an argv and an
environment more, here.  Without one, what holds is: a session and a clean environment of its
own, an empty scratch folder, no inherited files, resource limits (``host.limit``), and a kill
that finds descendants by a mark in their environment, also those that left the session.

This keeps accidents apart.  It does not keep a hostile program from reading files.
"""

from __future__ import annotations

import functools
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MARK = "LABKIT_SUBMISSION"
OUTPUT_BYTES_MAX = 64 << 10
PROCESSES_MORE = 64


@dataclass(frozen=True, slots=True)
class Launched:
    """A running process, its scratch folder, and the mark that its descendants carry."""

    process: subprocess.Popen[bytes]
    scratch: Path
    mark: str

    def output(self) -> str:
        """The beginning of what it wrote to stdout and stderr; the rest is not kept."""
        with (self.scratch / "output").open("rb") as file:
            return file.read(OUTPUT_BYTES_MAX).decode(errors="replace")

    def kill(self) -> None:
        """End the process and all that it started, and remove its scratch folder."""
        if self.process.poll() is None:
            kill_group(self.process.pid)
        self.process.wait()
        while stragglers := _marked(self.mark):
            for pid in stragglers:
                _kill(pid)
        shutil.rmtree(self.scratch, ignore_errors=True)


def launch(argv: Sequence[str], *, sockets: Sequence[int] = (), hash_seed: int = 0) -> Launched:
    """Start `argv` as a submission's process; of the judge's files it gets only `sockets`.

    What it prints goes to a file in its scratch folder, whose size its own limits bound.
    """
    scratch = Path(tempfile.mkdtemp(prefix="labkit-"))
    mark = secrets.token_hex(8)
    with (scratch / "output").open("wb") as output:
        process = subprocess.Popen(
            argv,
            cwd=scratch,
            env=_environment(scratch, hash_seed) | {MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=sockets,
            start_new_session=True,
        )
    return Launched(process, scratch, mark)


def kill_group(pid: int) -> None:
    """Kill a process group whose leader has not been waited for."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        _kill(pid)


@functools.cache
def processes_allowed() -> int:
    """How many processes and threads this user may have: those of today, and some.

    The limit counts per user, not per submission, so it has to leave room for what runs already.
    """
    mine = (path for path in Path("/proc").glob("[0-9]*/task") if _owner(path) == os.getuid())
    return sum(_count(path) for path in mine) + PROCESSES_MORE


def _environment(scratch: Path, hash_seed: int) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": str(hash_seed),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _marked(mark: str) -> list[int]:
    """Live processes that carry the mark, wherever they hide in the process tree."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:  # it ended just now, or is another user's
            continue
    return found


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _owner(path: Path) -> int:
    try:
        return path.stat().st_uid
    except OSError:
        return -1


def _count(path: Path) -> int:
    try:
        return sum(1 for _ in path.iterdir())
    except OSError:
        return 0
