"""``start_cluster(...)``: real processes from one line of a notebook, or the recorded run of them.

The program is the notebook's own, as it stands.  Where Ray is not installed (a browser, a hub
without memory), the cell shows the run that was recorded when the lab was made, and says so.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from labkit.bundle import Bundle
from labkit.exercise import current_bundle
from labkit.lab import CourseError, course_root, load_lab
from labkit.network import Link, Network
from labkit.node import Client, Node
from labkit.system import System


def start_cluster(
    node: type[Node],
    nodes: int | Mapping[str, str] = 5,
    *,
    client: type[Client] | None = None,
    workload: Mapping[str, Sequence[Sequence[Any]]] | None = None,
    gap_ms: float = 5,
    seed: int = 0,
    time_scale: float = 1.0,
    recorded: str = "",
    **link: Any,
) -> Any:
    """Start one process for each node of class `node` and each client; `link` sets every link.

    The cluster runs at once; ``close`` it, or let the next one take its place.  `recorded` names
    the run to show where there is no Ray.
    """
    name = "" if client is None else client.__name__
    system = System.of(nodes, node.__name__, client=name, workload=workload, gap_ms=gap_ms)
    path = Path("recorded") / f"{recorded}.json"
    if importlib.util.find_spec("ray") is None or os.environ.get("LABKIT_CLUSTER") == "recorded":
        return _recorded(path)
    from labkit.cluster import Cluster

    _close_last()
    cluster = Cluster(_program(node), system, seed=seed, time_scale=time_scale, link=Link(**link),
                      launcher=os.environ.get("LABKIT_CLUSTER", "ray"))  # fmt: skip
    _last.append(cluster)
    if recorded and os.environ.get("LABKIT_RECORD") == "1":
        _save_at_end(cluster, path)
    return cluster


_last: list[Any] = []


def _close_last() -> None:
    """A notebook has one cluster at a time: a student's share of a machine is small."""
    while _last:
        _last.pop().close()


def _program(node: type[Node]) -> Bundle | type[Node]:
    """The notebook's program as it stands; outside a lab, the class itself."""
    try:
        folder = Path.cwd().resolve()
        lab = load_lab(folder.name[:2], course_root())
        return current_bundle(lab)
    except CourseError:
        return node


def _save_at_end(cluster: Any, path: Path) -> None:
    close: Callable[[], None] = cluster.close

    def save_and_close() -> None:
        path.parent.mkdir(exist_ok=True)
        cluster.save_recording(path)
        raw = json.loads(path.read_text(encoding="utf-8"))
        raw["bundle"]["sections"] = []  # what was written in the notebook is nobody else's business
        path.write_text(json.dumps(raw, separators=(",", ":")) + "\n", encoding="utf-8")
        close()

    cluster.close = save_and_close


def _recorded(path: Path) -> Any:
    if not path.is_file():
        raise CourseError(
            "a real cluster needs Ray, which is not here, and this run has not been recorded; "
            "install it (pip install ray), or go on: nothing later depends on this cell"
        )
    from labkit.cluster.recording import load_recording

    print("There is no Ray here: what follows was recorded when this lab was made.")
    return Recorded(load_recording(path))


class Recorded:
    """A finished run in place of a cluster: it can be looked at; what is done to it has been done."""

    def __init__(self, recording: Any) -> None:
        self._recording = recording
        self.system, self.trace, self.history = recording.system, recording.trace, recording.history
        self.violation, self.finished, self.now_ms = recording.violation, True, 0.0
        self.network = Network("recorded")  # nothing is cut any more: a panel asks

    async def until(self, _condition: Callable[[], Any], timeout_s: float = 30) -> bool:
        """Everything has happened already."""
        return True

    async def run(self, _until_ms: float) -> Recorded:
        """Everything has happened already."""
        return self

    def at(self, _time_ms: float, _action: Callable[..., Any], *_given: Any) -> Recorded:
        """Everything has happened already."""
        return self

    def observe(self, id: str) -> dict[str, Any]:
        """The last public view of one node."""
        return self._recording.observations.get(id, {})

    def is_up(self, id: str) -> bool:
        """Was the node running at the end?"""
        return bool(self._recording.observations.get(id))

    def __getattr__(self, name: str) -> Any:
        if name in {"close", "crash", "cut", "heal", "isolate", "partition",
                    "pause", "restart", "resume", "set_clock", "set_link", "slow"}:  # fmt: skip
            return lambda *_, **__: None
        raise AttributeError(name)
