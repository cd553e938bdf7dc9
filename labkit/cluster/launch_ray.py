"""Hosts as Ray actors: on this machine by default, or on as many as a Ray at `address` has.

Ray places, starts and kills processes, and carries the controller's commands; nothing that
nodes say to each other goes through it.  One actor is one process is one member; Ray's own
restarts and retries are off, and its failure detection never reaches a node.

A local Ray is started when the first cluster is made, and kept until this process ends.  It
listens on the loopback only, asks for a token made for it alone, and keeps its files where
nobody else can look (``session``).  Some of that depends on Ray's version: see
``tests/test_ray_assumptions.py``.
"""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import threading
import time
from concurrent.futures import Future
from typing import Any

from labkit.cluster.process import HostError, ProcessDied, Spares, answers
from labkit.cluster.ray_refusals import explained, look_before
from labkit.cluster.session import Session, end, named_after
from labkit.host import Host
from labkit.host.machine import remove, strike
from labkit.host.record import read

END_S = 6
LOOPBACK = "127.0.0.1"

LOCAL_SETTINGS = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # listen on the loopback only, as on those systems
    "RAY_worker_niceness": "0",  # the default of 15 starves timers
    "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
LOCAL_OPTIONS: dict[str, Any] = {
    "include_dashboard": False,
    "num_cpus": 2,
    "object_store_memory": 80_000_000,
    "log_to_driver": False,
    "logging_level": logging.ERROR,
}
ACTOR = {"num_cpus": 0, "max_restarts": 0, "max_task_retries": 0}


class RayLauncher:
    """Makes actors: in a Ray of our own, or in the one at `address`."""

    def __init__(self, session: Session, address: str | None) -> None:
        look_before(address)
        print("starting Ray (once a notebook, about 6 s) ...", end="", flush=True)
        began = time.monotonic()
        try:
            ray = _joined(address) if address else _started(session)
        except BaseException:
            print(" failed")
            raise
        print(f" ready in {time.monotonic() - began:.1f} s", flush=True)
        atexit.register(self.close)  # runs before Ray's own, which was registered by the import
        self._actor = ray.remote(Host)
        nodes = [node for node in ray.nodes() if node["Alive"]] if address else []
        self._binds = {node["NodeID"]: node["NodeManagerAddress"] for node in nodes} or {"": LOOPBACK}
        self._agents: dict[str, RayProcess] = {}
        self._spares = Spares(self._spawn)
        self.take, self.warm = self._spares.take, self._spares.warm

    def places(self) -> list[str]:
        return list(self._binds)

    def is_alive(self) -> bool:
        import ray

        return bool(ray.is_initialized())

    def forget(self, folder: str) -> None:
        remove(folder)
        asked = {place: agent.ask("remove", folder) for place, agent in self._agents.items()}
        answers(asked, END_S, "remove its files", late=asked)

    def close(self) -> None:
        import ray

        self._spares.close()
        ray.shutdown()

    def _spawn(self, place: str) -> RayProcess:
        return RayProcess(self._make(place), place, self._agent(place))

    def _agent(self, place: str) -> RayProcess | None:
        """One more process on another machine, for signals and files there."""
        if place and place not in self._agents:
            self._agents[place] = RayProcess(self._make(place), place, None)
        return self._agents.get(place)

    def _make(self, place: str) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        there = {"scheduling_strategy": NodeAffinitySchedulingStrategy(place, soft=False)} if place else {}
        return self._actor.options(**ACTOR, **there).remote(self._binds[place])


class RayProcess:
    """An actor; `agent` serves what is asked of its machine, unless that is this one."""

    def __init__(self, actor: Any, place: str, agent: RayProcess | None) -> None:
        self._actor, self.place, self._agent = actor, place, agent
        self.dead = threading.Event()
        self._hello = self.ask("hello")
        # Never answered: it fails when the process ends, within some 15 ms.
        _settle(actor.live.remote(), Future()).add_done_callback(lambda _: self.dead.set())

    def ask(self, command: str, *given: Any) -> Future[Any]:
        return _settle(self._actor.ask.remote(command, list(given)), Future())

    def strike(self, pid: int, signal_name: str) -> None:
        if self._agent is None:
            strike(pid, signal_name)
        else:
            self._serve("strike", pid, signal_name)

    def read(self, path: str, offset: int) -> bytes:
        return read(path, offset) if self._agent is None else self._serve("read", path, offset)

    def end(self) -> None:
        import ray

        if not ray.is_initialized():
            return  # and so nothing lives; Ray would start anew to be asked
        if not self.dead.is_set() and self._hello.done() and not self._hello.exception():
            self.strike(self._hello.result()["pid"], "SIGKILL")  # Ray alone takes 5 s to kill a stopped one
        ray.kill(self._actor)
        self.dead.wait(END_S)

    def _serve(self, command: str, *given: Any) -> Any:
        assert self._agent is not None
        return answers({self.place: self._agent.ask(command, *given)}, END_S, command)[self.place]


def _settle(ref: Any, future: Future[Any]) -> Future[Any]:
    """Let `future` end as `ref` does, with our own words for what went wrong."""

    def ended(theirs: Future[Any]) -> None:
        from ray.exceptions import RayActorError, RayTaskError

        error = theirs.exception()
        if error is None:
            future.set_result(theirs.result())
        elif isinstance(error, RayActorError):
            future.set_exception(ProcessDied("it was killed"))
        else:
            cause = error.cause if isinstance(error, RayTaskError) else error
            future.set_exception(HostError(f"{type(cause).__name__}: {cause}"))

    ref.future().add_done_callback(ended)
    return future


def _started(session: Session) -> Any:
    """A Ray of our own on this machine."""
    os.environ.update(LOCAL_SETTINGS)
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    os.environ.pop("RAY_ADDRESS", None)
    with explained():
        import ray

        _silence_deaths()
        try:
            ray.init(address="local", _temp_dir=str(session.folder / "r"), **LOCAL_OPTIONS)
        except Exception as error:
            if "timed out" not in str(error):
                raise
            print(" this machine is busy; once more ...", end="", flush=True)
            ray.shutdown()
            end([*named_after(session.folder / "r")])  # Ray leaves what it had begun to our own end
            ray.init(address="local", _temp_dir=str(session.folder / "s"), **LOCAL_OPTIONS)
    return ray


def _joined(address: str) -> Any:
    """The Ray at `address`, which somebody else started."""
    if {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys():
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    with explained():
        import ray

        _silence_deaths()
        if not ray.is_initialized():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    return ray


def _silence_deaths() -> None:
    """Ray reports each worker that dies, whatever the log level; here that is the lesson."""
    from ray._private import worker

    if hasattr(worker, "listen_error_messages"):
        worker.listen_error_messages = lambda *_given: None
