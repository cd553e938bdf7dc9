"""Who causes faults in a simulation: focused ones, and a random choice of them a seed (swarm).

Delays alone find almost no bug, and everything at once hides most of them, so a run gets a few
kinds of fault (Groce et al. 2012, "Swarm Testing"), and some runs aim at whoever leads.  All
choices come from the run's own seed.  Faults end when the nemesis is told to, so that liveness
can be asked for afterwards: ``calm`` mends everything, ``recovers`` waits for a goal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from labkit.message import NodeId
from labkit.network import Stream
from labkit.simulation import Simulation

Target = Callable[[Simulation], NodeId | None]
"""Whom to aim at just now: the leader, the primary, the coordinator."""

RECENT = 80


def busiest(run: Simulation) -> NodeId | None:
    """The node that sent most lately: leaders, primaries and coordinators give themselves away so."""
    nodes = set(run.system.node_ids)
    sent = Counter(row[2] for row in run.trace.rows[-RECENT:] if row[1] == "send" and row[2] in nodes)
    return max(sorted(sent), key=lambda id: sent[id]) if sent else None


class Nemesis:
    """Strikes again and again, each time with one of `kinds`, until `until_ms`; then call ``calm``.

    ``aim`` is the probability that a strike meets the target, and not just anyone.
    """

    def __init__(
        self,
        run: Simulation,
        kinds: Sequence[str],
        *,
        until_ms: float,
        every_ms: tuple[int, int] = (40, 250),
        lasting_ms: tuple[int, int] = (20, 400),
        aim: float = 0.5,
        target: Target = busiest,
    ) -> None:
        unknown = [kind for kind in kinds if kind not in KINDS]
        if unknown:
            raise ValueError(f"there is no fault {unknown[0]!r}; there are {', '.join(sorted(KINDS))}")
        self.run, self.kinds, self.target, self.aim = run, sorted(kinds), target, aim
        self.chance = Stream(run.seed, "nemesis")
        self._every, self._lasting, self._until_ms = every_ms, lasting_ms, until_ms
        self._later(self.chance.between(*every_ms), self._strike)

    def _strike(self) -> None:
        KINDS[self.chance.choice(self.kinds)](self)
        self._later(self.chance.between(*self._every), self._strike)

    def _later(self, after_ms: float, action: Callable[..., object], *given: object) -> None:
        self.run.at(self.run.now_ms + after_ms, self._act, action, *given)

    def _act(self, action: Callable[..., object], *given: object) -> None:
        if self.run.now_ms < self._until_ms:
            action(*given)

    def _mend_later(self, action: Callable[..., object], *given: object) -> None:
        self._later(self.chance.between(*self._lasting), action, *given)

    def _victim(self) -> NodeId:
        aimed = self.target(self.run) if self.chance.chance(self.aim) else None
        return aimed or self.chance.choice(self.run.system.node_ids)

    def _others(self, id: NodeId) -> list[NodeId]:
        return [other for other in self.run.system.node_ids if other != id]

    # -- links ----------------------------------------------------------------------------------

    def _partition(self) -> None:
        side = self.chance.some(self.run.system.node_ids)
        self.run.partition(side, [id for id in self.run.system.node_ids if id not in side])
        self._mend_later(self.run.heal)

    def _isolate(self) -> None:
        """Cut one node off from the others; in half of the cases clients still reach it."""
        id = self._victim()
        if self.chance.chance(0.5):
            self.run.isolate(id)
        else:
            self.run.partition((id,), self._others(id))
        self._mend_later(self.run.heal)

    def _one_way(self) -> None:
        id = self._victim()
        outwards = self.chance.chance(0.5)
        for other in self.chance.some(self._others(id) or [id]):
            self.run.cut(*((id, other) if outwards else (other, id)))
        self._mend_later(self.run.heal)

    def _bridge(self) -> None:
        """Two halves that only one node can reach both of."""
        nodes = self.chance.some(self.run.system.node_ids)
        nodes += [id for id in self.run.system.node_ids if id not in nodes]
        half = len(nodes) // 2
        self.run.partition(nodes[:half], nodes[half + 1 :])
        self._mend_later(self.run.heal)

    def _swizzle(self) -> None:
        """Stop the links of some nodes one by one, and mend them in another order (FoundationDB)."""
        stopped = self.chance.some(self.run.system.node_ids)
        for place, id in enumerate(stopped):
            self._later(place * 15, self.run.isolate, id)
        for place, id in enumerate(sorted(stopped)):
            self._later(len(stopped) * 15 + (place + 1) * self.chance.between(10, 90), self.run.heal, id)

    def _slow(self) -> None:
        self.run.slow(self._victim(), (50, self.chance.between(100, 500)))
        self._mend_later(self.run.heal)

    # -- nodes ----------------------------------------------------------------------------------

    def _crash(self) -> None:
        self._kill(self._victim())

    def _crash_within(self) -> None:
        id = self._victim()
        self.run.crash_within(id, self.chance.below(6))
        self._mend_later(self.run.restart, id)

    def _kill_after_accepting(self) -> None:
        """Crash the target soon after it has next saved something: what it took is on few disks yet."""
        id = self._victim()
        saved = len(self.run.trace)
        self._watch(id, saved, 40)

    def _watch(self, id: NodeId, seen: int, patience: int) -> None:
        rows = self.run.trace.rows
        if any(row[1] == "save" and row[2] == id for row in rows[seen:]):
            self._later(self.chance.between(0, 8), self._kill, id)
        elif patience:
            self._later(2, self._watch, id, len(rows), patience - 1)

    def _churn(self) -> None:
        for place, id in enumerate(self.chance.some(self.run.system.node_ids)):
            self._later(place * 30, self.run.crash, id)
            self._later(place * 30 + self.chance.between(1, 60), self.run.restart, id)

    def _pause(self) -> None:
        id = self._victim()
        self.run.pause(id)
        self._mend_later(self.run.resume, id)

    def _kill(self, id: NodeId) -> None:
        self.run.crash(id)
        self._mend_later(self.run.restart, id)

    def _clock(self) -> None:
        skew_ms, drift = self.chance.between(-200, 200), self.chance.between(-100_000, 100_000)
        self.run.set_clock(self._victim(), skew_ms=skew_ms, drift_ppm=drift)

    # -- disks ----------------------------------------------------------------------------------

    def _lose_writes(self) -> None:
        id = self._victim()
        self.run.crash(id, disk="torn" if self.chance.chance(0.3) else "lost")
        self._mend_later(self.run.restart, id)


KINDS: dict[str, Callable[[Nemesis], None]] = {
    "partition": Nemesis._partition,
    "isolate": Nemesis._isolate,
    "one way": Nemesis._one_way,
    "bridge": Nemesis._bridge,
    "swizzle": Nemesis._swizzle,
    "slow": Nemesis._slow,
    "crash": Nemesis._crash,
    "crash within": Nemesis._crash_within,
    "kill after accepting": Nemesis._kill_after_accepting,
    "churn": Nemesis._churn,
    "pause": Nemesis._pause,
    "clock": Nemesis._clock,
    "lose writes": Nemesis._lose_writes,
}
"""What a nemesis can do, by name."""

LINKS = ("partition", "isolate", "one way", "bridge", "swizzle", "slow")
NODES = ("crash", "crash within", "kill after accepting", "churn", "pause")
ON_LEADERS = ("isolate", "one way", "crash within", "kill after accepting")


def swarm(
    run: Simulation, until_ms: float, *, kinds: Sequence[str] = LINKS + NODES, target: Target = busiest
) -> Nemesis:
    """Faults of a few random kinds, at random rates: another mixture for each seed."""
    chance = Stream(run.seed, "swarm")
    few = chance.some(kinds)[: chance.between(1, 4)]
    rates: dict[str, Any] = {
        name: chance.choice((0, 0, 0.05, 0.2)) for name in ("loss", "duplication", "tail")
    }
    run.network.set_link(**rates)
    least = chance.choice((20, 60, 200))
    every_ms, lasting_ms = (least, 4 * least), chance.choice(((10, 60), (50, 400)))
    return Nemesis(
        run, few, until_ms=until_ms, every_ms=every_ms, lasting_ms=lasting_ms, aim=0.4, target=target
    )


def on_leaders(run: Simulation, until_ms: float, *, target: Target = busiest) -> Nemesis:
    """Partitions and crashes of whoever leads, again and again, on links that lose a little."""
    chance = Stream(run.seed, "on leaders")
    run.network.set_link(loss=chance.choice((0, 0.05)), tail=chance.choice((0, 0.1)))
    few = chance.some(ON_LEADERS)
    return Nemesis(run, few, until_ms=until_ms, every_ms=(60, 300), aim=0.9, target=target)


def calm(run: Simulation, only: Sequence[NodeId] = ()) -> None:
    """Mend everything: links, rates, pauses and crashes; with `only`, just these nodes, for good.

    With `only`, the others stay down: a system must live on with a majority.
    """
    nodes = only or run.system.node_ids
    run.network.set_link(loss=0, duplication=0, tail=0, corruption=0)
    run.heal()
    for id in run.system.node_ids:
        run.crash_within(id, None)
        if id in nodes:
            run.resume(id)
            run.restart(id)
        else:
            run.crash(id)


def recovers(
    run: Simulation, goal: Callable[[], bool], within_ms: float, *, only: Sequence[NodeId] = ()
) -> bool:
    """After all faults have ended: is `goal` reached within so much virtual time?"""
    calm(run, only)
    run.run_until(goal, run.now_ms + within_ms)
    return run.violation is not None or goal()
