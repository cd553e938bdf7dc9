"""The launchers of this process: each started when first asked for, and kept to its end."""

from __future__ import annotations

import atexit

from labkit.cluster.launch_ray import RayLauncher
from labkit.cluster.launch_subprocess import SubprocessLauncher
from labkit.cluster.process import ClusterError, Launcher
from labkit.cluster.session import session

_running: dict[tuple[str, str | None], Launcher] = {}


def launcher_for(name: str, address: str | None) -> Launcher:
    """The launcher of that name, for the Ray at `address` if one is given."""
    if name not in ("ray", "subprocess"):
        raise ValueError(f'launcher is {name!r}, but there are two: give "ray" or "subprocess"')
    running = _running.get((name, address))
    if running is None or not running.is_alive():
        if name == "ray":
            _refuse_a_second_ray()
            _running[name, address] = RayLauncher(session(), address)
        else:
            _running[name, address] = SubprocessLauncher(session())
    return _running[name, address]


def _refuse_a_second_ray() -> None:
    if any(name == "ray" and launcher.is_alive() for (name, _), launcher in _running.items()):
        raise ClusterError(
            "this kernel already uses another Ray, and it can use only one. "
            "Restart the kernel, and give the address to the first cluster."
        )


@atexit.register
def close_all() -> None:
    """End every launcher, and with them every process."""
    while _running:
        _, launcher = _running.popitem()
        launcher.close()
