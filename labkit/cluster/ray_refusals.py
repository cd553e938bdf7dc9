"""Why Ray cannot start here, in one sentence with what to do, before or after it was tried."""

from __future__ import annotations

import importlib.util
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labkit.cluster.process import ClusterError

MEMORY_BYTES_MIN = 700 << 20
KNOCK_S = 5
WITHOUT = 'Or go without it: launcher="subprocess".'

_BUSY = "Stop what else is running, and try again."
_KNOWN = (
    (r"Version mismatch: ?(.*?)This process",
     "runs other versions than this one ({0}). Install the same ones here."),
    (r"(?i)failed to connect|auth\w* token|unauthenticated",
     "does not let us in at that address. Set RAY_AUTH_TOKEN to its token, and restart the kernel."),
    (r"(?i)could not find any running ray", "does not run here. Start it, or give no address."),
    (r"(?i)permission denied|read-only file",
     "may not write where it wants to ({0}). Make that folder writable."),
    (r"(?i)no space left|shared memory|/dev/shm",
     "needs 80 MB of shared memory. Free some in /dev/shm, or give the container --shm-size=256m."),
    (r"(?i)timed out during startup", f"was not ready within 30 s, twice: this machine is busy. {_BUSY}"),
    (r"(?i)cannot allocate memory|out of memory", f"needs about 0.6 GB of memory. {_BUSY}"),
)  # fmt: skip


def look_before(address: str | None) -> None:
    """ClusterError if Ray cannot start here, or not safely, as far as one can see beforehand."""
    if importlib.util.find_spec("ray") is None:
        raise ClusterError(f"Ray is not installed here. Install it: pip install 'ray>=2.59,<3'. {WITHOUT}")
    if address is not None:
        _refuse_silence(address)
    else:
        _refuse_foreign_ray()
        free = free_bytes()
        if free < MEMORY_BYTES_MIN:
            raise ClusterError(
                f"Ray needs about 0.6 GB of memory, but {free >> 20} MB are free. "
                f"Close other notebooks. {WITHOUT}"
            )


def _refuse_silence(address: str) -> None:
    """Ray itself would knock for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        if port.isdecimal():
            socket.create_connection((host, int(port)), KNOCK_S).close()
    except OSError as error:
        raise ClusterError(
            f"Nothing answers at {address} ({error.strerror or error}). Is that Ray running, "
            f"and is the address right? {WITHOUT}"
        ) from None


def _refuse_foreign_ray() -> None:
    ray = sys.modules.get("ray")
    if ray is None:
        return
    if ray.is_initialized():
        raise ClusterError(
            "Ray already runs in this kernel, started by other code with settings of its own. "
            f"Restart the kernel and make the cluster first. {WITHOUT}"
        )
    constants = sys.modules.get("ray._private.ray_constants")
    if getattr(constants, "ENABLE_RAY_CLUSTER", False):
        raise ClusterError(
            "ray was imported before labkit set it up, so it would listen to the whole network. "
            f"Restart the kernel and make the cluster before the import. {WITHOUT}"
        )


def free_bytes() -> int:
    """Memory that this process may still use, of the machine or of its container."""
    found = re.search(r"MemAvailable: *(\d+)", _text("/proc/meminfo"))
    free = int(found[1]) << 10 if found else 1 << 60
    limit, used = _text("/sys/fs/cgroup/memory.max"), _text("/sys/fs/cgroup/memory.current")
    cache = re.search(r"^inactive_file (\d+)", _text("/sys/fs/cgroup/memory.stat"), re.MULTILINE)
    if limit.strip().isdecimal() and used.strip().isdecimal():
        free = min(free, int(limit) - int(used) + (int(cache[1]) if cache else 0))
    return free


@contextmanager
def explained() -> Iterator[None]:
    """Turn what Ray raises while it starts into one sentence; stop what it had begun."""
    try:
        yield
    except BaseException as error:
        _stop()
        if not isinstance(error, Exception):
            raise
        raise ClusterError(f"Ray {_why(error)} {WITHOUT}") from error


def _why(error: Exception) -> str:
    text = " ".join(str(error).split())
    for pattern, sentence in _KNOWN:
        found = re.search(pattern, text)
        if found:
            about = found[1].strip() if found.groups() and found[1] else text[:120]
            return sentence.format(about)
    return f"could not start ({type(error).__name__}: {text[:200]})."


def _stop() -> None:
    ray = sys.modules.get("ray")
    if ray is not None:
        ray.shutdown()


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
