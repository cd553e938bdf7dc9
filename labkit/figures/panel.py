"""The cluster panel: look at a running cluster, and hurt it, by clicks or keys.

Made for anything with the vocabulary of ``Simulation`` and ``Cluster``: ``observe``,
``crash``, ``restart``, ``pause``, ``resume``, ``cut``, ``heal``, ``set_link`` (its own, or its
``network``'s), ``network.cuts``, ``trace`` and ``history``; with ``invoke``, the reader can be
a client too.  A simulation is played in slow motion.  Each click is a line in ``actions`` too.

Runs on the event loop of the notebook, without threads: cells that wait must ``await``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from labkit.figures.display import Figure
from labkit.figures.presets import cuts_of_ring, groups_of
from labkit.figures.ring import as_table, ring
from labkit.figures.theme import brief, node_colours
from labkit.plain import words

ERAS = ("current_term", "term", "view", "ballot")
VALUES_MAX, LINES_MAX, ANSWERS_MAX, FLIGHTS_MAX = 8, 30, 6, 40
SILENCE_MAX = 40
"""Ticks without a sign of a view after which the panel stops by itself."""


def panel(cluster: Any, *, speed: float = 0.1, tick_s: float = 0.2) -> Panel:
    """A live panel of `cluster`; `speed` is virtual time to real time, for a simulation."""
    return Panel(cluster, speed, tick_s)


class Panel:
    """What a reader sees of a cluster and may do to it.  Shown as a widget, else as a picture."""

    def __init__(self, cluster: Any, speed: float = 0.1, tick_s: float = 0.2) -> None:
        self.cluster, self.speed, self.tick_s = cluster, speed, tick_s
        system = getattr(cluster, "system", None)
        self.members = tuple(cluster.trace.nodes)
        self.nodes = tuple(getattr(system, "node_ids", self.members))
        self.clients = tuple(name for name in self.members if name not in self.nodes)
        self.is_simulation = hasattr(cluster, "run") and hasattr(cluster, "now_us")
        self.playing = True
        self.actions: list[str] = []
        self.link = {"delay_ms": 10.0, "loss": 0.0}
        self.down: set[str] = set()
        self.paused: set[str] = set()
        has_own = hasattr(cluster, "set_link")
        self._links, self._links_name = (cluster, "") if has_own else (cluster.network, "network.")
        self._read, self._silence = 0, 0
        self._lines: list[str] = []
        self._flights: list[tuple[str, str, str, bool]] = []
        self._widget: Any = None
        self._task: asyncio.Task[None] | None = None

    # -- looking ------------------------------------------------------------------------------

    def look(self) -> dict[str, Any]:
        """All nodes just now, and what has happened since the last look, as plain JSON."""
        self._read_trace()
        seen = self._seen()
        flights, self._flights = self._flights[-FLIGHTS_MAX:], []
        violation = getattr(self.cluster, "violation", None)
        return {
            "now": getattr(self.cluster, "now_ms", None),
            "nodes": [self._node(name, seen.get(name) or {}) for name in self.nodes],
            "clients": list(self.clients),
            "colours": node_colours(self.members),
            "cuts": sorted(self.cuts),
            "flights": flights,
            "lines": self._lines,
            "answers": [str(operation) for operation in self._operations()[-ANSWERS_MAX:]],
            "link": self.link,
            "violation": getattr(violation, "what", "") if violation else "",
            "canInvoke": hasattr(self.cluster, "invoke"),
            "isSimulation": self.is_simulation,
            "playing": self.playing,
            "speed": self.speed,
            "actions": self.actions,
        }

    @property
    def cuts(self) -> frozenset[tuple[str, str]]:
        """The directions that are cut just now."""
        return frozenset(self.cluster.network.cuts)

    def _seen(self) -> dict[str, dict[str, Any]]:
        up = [name for name in self.nodes if name not in self.down]
        if hasattr(self.cluster, "observations"):  # all at once: each may take a while to answer
            return dict(self.cluster.observations(*up))
        return {name: self.cluster.observe(name) for name in up}

    def _node(self, name: str, seen: dict[str, Any]) -> dict[str, Any]:
        status = "down" if name in self.down else "paused" if name in self.paused else "up"
        role = next((_plain(seen[key]) for key in ("role", "state") if key in seen), "")
        era = next((str(seen[key]) for key in ERAS if key in seen), "")
        log = seen.get("log")
        values = {key: _plain(value) for key, value in seen.items() if key not in ("log", "role")}
        return {
            "name": name, "status": status, "role": role, "era": era,
            "values": dict(list(values.items())[:VALUES_MAX]),
            "log": [_plain(entry) for entry in log] if isinstance(log, tuple | list) else None,
            "committed": seen.get("commit_index"),
        }  # fmt: skip

    def _read_trace(self) -> None:
        getattr(self.cluster, "pull", bool)()  # a real cluster's trace is fetched
        trace = self.cluster.trace
        for index in range(self._read, len(trace)):
            event = trace[index]
            if event.kind in ("deliver", "drop") and event.peer:
                lost = event.kind == "drop"
                self._flights.append((event.peer, event.node, type(event.data).__name__, lost))
            changes = _STATUS.get(event.kind)
            if changes:
                changes(self, event.node)
            if event.kind not in ("send", "set_timer", "cancel_timer"):
                self._lines = [*self._lines[1 - LINES_MAX :], brief(str(event), 120)]
        self._read = len(trace)

    def _operations(self) -> list[Any]:
        return list(getattr(getattr(self.cluster, "history", None), "operations", ()))

    # -- acting -------------------------------------------------------------------------------

    def apply(self, command: dict[str, Any]) -> None:
        """Do what a click asks for; a command that does not fit the cluster is ignored."""
        act = getattr(self, f"_do_{command.get('do')}", None)
        if act is not None:
            act(*command.get("given", ()))

    def _do_alive(self) -> None:
        self._silence = 0

    def _do_play(self, on: bool) -> None:
        self.playing = bool(on)

    def _do_speed(self, speed: float) -> None:
        self.speed = float(speed)

    def _do_node(self, act: str, name: str) -> None:
        if act in ("crash", "restart", "pause", "resume") and name in self.members:
            getattr(self.cluster, act)(name)
            self._record(f"{act}({name!r})")

    def _do_link(self, a: str, b: str) -> None:
        """The next of four states: whole, cut both ways, cut from a to b, cut from b to a."""
        there, back = (a, b) in self.cuts, (b, a) in self.cuts
        wanted = {(False, False): {(a, b), (b, a)}, (True, True): {(a, b)}, (True, False): {(b, a)}}
        self._set_cuts((self.cuts - {(a, b), (b, a)}) | wanted.get((there, back), set()))

    def _do_heal(self) -> None:
        self._set_cuts(())

    def _do_preset(self, name: str) -> None:
        if name == "ring":
            self._set_cuts(cuts_of_ring(self.nodes))
        elif name in ("isolate", "split", "bridge"):
            self._set_cuts(())
            groups = groups_of(name, self.nodes, self._leader())
            self.cluster.partition(*groups)
            self._record("partition(" + ", ".join(map(str, groups)) + ")")

    def _do_tune(self, name: str, value: float) -> None:
        if name not in self.link:
            return
        self.link[name] = float(value)
        given = f"{name}={value:g}"
        if name == "delay_ms":
            given = f"delay_ms=({value * 0.5:g}, {value * 1.5:g})"
            self._links.set_link(delay_ms=(value * 0.5, value * 1.5))
        else:
            self._links.set_link(**{name: float(value)})
        self._record(f"{self._links_name}set_link({given})")

    def _do_invoke(self, client: str, f: str, key: str, value: str) -> None:
        given = [f, key or None, value or None]
        self.cluster.invoke(client, *given)
        self._record(f"invoke({client!r}, " + ", ".join(map(repr, given)) + ")")

    def _set_cuts(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Make exactly these directions cut: what is to stay cut is cut again after the healing."""
        wanted, before = frozenset(wanted), self.cuts
        if before - wanted:
            self.cluster.heal()
            self._record("heal()")
            before = frozenset()
        for source, destination in sorted(wanted - before):
            self.cluster.cut(source, destination)
            self._record(f"cut({source!r}, {destination!r})")

    def _leader(self) -> str:
        roles = {name: self._node(name, seen)["role"] for name, seen in self._seen().items()}
        leaders = [name for name, role in roles.items() if role in ("leader", "primary")]
        return leaders[-1] if leaders else self.nodes[0]

    def _record(self, call: str) -> None:
        now = getattr(self.cluster, "now_ms", None)
        self.actions.append(f"run.{call}" + ("" if now is None else f"  # at {now:.0f} ms"))

    # -- living -------------------------------------------------------------------------------

    def step(self) -> dict[str, Any]:
        """Let a simulation go on by one tick in slow motion; what there is to see then."""
        if self.is_simulation and self.playing and not self.cluster.violation:
            self.cluster.run(self.cluster.now_ms + self.tick_s * 1000 * self.speed)
        return self.look()

    async def _live(self) -> None:
        while self._silence < SILENCE_MAX:
            self._silence += 1
            self._widget.state = self.step()
            await asyncio.sleep(self.tick_s)

    def start(self) -> Panel:
        """Begin to live, if the notebook has an event loop; returns itself."""
        loop = asyncio.get_running_loop()
        from labkit.figures.live import panel_view

        if self._widget is None:
            self._widget = panel_view(self)
        if self._task is None or self._task.done():
            self._silence, self._task = 0, loop.create_task(self._live())
        return self

    def stop(self) -> Snapshot:
        """Stop watching; the picture that is returned is what stays in the saved notebook."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        return Snapshot(self.look())

    def _repr_mimebundle_(self, **given: Any) -> Any:
        picture = Snapshot(self.look())
        try:
            bundle = self.start()._widget._repr_mimebundle_(**given)
        except (ImportError, RuntimeError):  # no anywidget, or no event loop: nobody could click
            return picture._repr_mimebundle_()
        from labkit.figures.live import with_fallback

        return with_fallback(bundle, picture)

    def __repr__(self) -> str:
        return Snapshot(self.look()).text()


class Snapshot(Figure):
    """A cluster as it was at one moment: nodes on a ring, cut links dashed, and a table in text."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def svg(self) -> str:
        return ring(self.state)

    def text(self) -> str:
        return as_table(self.state)

    def alt(self) -> str:
        return f"Cluster of {len(self.state['nodes'])} nodes, {len(self.state['cuts'])} links cut"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"image/svg+xml": self.svg(), "text/plain": self.text()}


_STATUS: dict[str, Any] = {
    "crash": lambda panel, node: panel.down.add(node),
    "start": lambda panel, node: (panel.down.discard(node), panel.paused.discard(node)),
    "pause": lambda panel, node: panel.paused.add(node),
    "resume": lambda panel, node: panel.paused.discard(node),
}


def _plain(value: Any) -> str:
    name = getattr(value, "name", None)  # an Enum's member
    if isinstance(name, str):
        return name.lower()
    return brief(value if isinstance(value, str) else words(value), 60)
