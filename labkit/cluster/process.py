"""What a cluster needs of the processes that it runs on, whoever launches them.

A launcher makes processes, each with a host in it, and knows the machines they may live on.
A process is asked (the answer is a future), struck by signals, and ended.  Its files are read
past it, so that one that is stopped, busy or dead hides nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, wait
from typing import Any, Protocol


class ClusterError(RuntimeError):
    """A cluster cannot be started, or cannot do what was asked: a sentence that says what to do."""


class ProcessDied(Exception):
    """The process ended before it answered."""


class HostError(Exception):
    """The host could not do what it was asked for."""


class Process(Protocol):
    """A host in a process of its own.  ``place`` is the machine's name for the launcher."""

    place: str
    dead: threading.Event

    def ask(self, command: str, *given: Any) -> Future[Any]:
        """Send the host a command; ProcessDied, in the future, if it ends first."""

    def strike(self, pid: int, signal_name: str) -> None:
        """Send a signal to process `pid` on this process's machine."""

    def read(self, path: str, offset: int) -> bytes:
        """Part of a file on this process's machine."""

    def end(self) -> None:
        """Kill it, if it lives, and wait until it is gone."""


class Launcher(Protocol):
    """Makes processes."""

    def places(self) -> list[str]:
        """The machines on which processes may live; at least one."""

    def take(self, place: str) -> Process:
        """A process on that machine: a spare one if there is one."""

    def warm(self, place: str) -> None:
        """Begin to make a spare process there, if there is none."""

    def is_alive(self) -> bool:
        """Can it still make processes?"""

    def forget(self, folder: str) -> None:
        """Remove a cluster's folder from every machine."""

    def close(self) -> None:
        """End everything."""


class Spares:
    """At most one process that waits for work: it makes a restart quick."""

    def __init__(self, spawn: Callable[[str], Any]) -> None:
        self._spawn, self._spare = spawn, None

    def take(self, place: str) -> Any:
        """The spare, if it lives there and is well; else a new process."""
        spare, self._spare = self._spare, None
        if spare is not None and spare.place == place and not spare.dead.is_set():
            return spare
        return self._spawn(place)

    def warm(self, place: str) -> None:
        """Begin to make a spare, if there is none."""
        if self._spare is None:
            self._spare = self._spawn(place)

    def close(self) -> None:
        """End the spare."""
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.end()


def answers(
    asked: Mapping[str, Future[Any]], timeout_s: float, doing: str, late: Iterable[str] = ()
) -> dict[str, Any]:
    """What each answered.  ClusterError if one does not in time, unless it is in `late`."""
    wait(asked.values(), timeout_s)
    found = {}
    for id, future in asked.items():
        if future.done():
            found[id] = _result(id, future, doing)
        elif id not in late:
            raise ClusterError(
                f"{id} was asked to {doing}, but did not answer within {timeout_s:g} s: it is "
                "stopped, or in a handler that does not end. Crash it, or close the cluster."
            )
    return found


def _result(id: str, future: Future[Any], doing: str) -> Any:
    try:
        return future.result()
    except ProcessDied as error:
        raise ClusterError(f"{id}'s process ended when it was asked to {doing}: {error}.") from None
    except HostError as error:
        raise ClusterError(f"{id} could not {doing}: {error}") from None


def clock_offset(process: Process, now_us: Callable[[], int]) -> tuple[int, int]:
    """How far its machine's clock is ahead of ours, and how wrong that may be; microseconds."""
    best = (1 << 60, 0)
    for _ in range(5):
        asked_us = now_us()
        there_us = answers({"": process.ask("hello")}, 10, "tell the time")[""]["now_us"]
        round_us = now_us() - asked_us
        best = min(best, (round_us, there_us - asked_us - round_us // 2))
    return best[1], best[0] // 2 + 1
