"""A failure made small: which rule broke, and the shortest schedule found that breaks it.

A schedule is a list of steps, each one thing that a node was told: ``start`` (a restart),
``deliver``, ``timer`` or ``invoke``.  It has no times: what was lost is only never delivered.
The value is canonical JSON, so its hash names it: replay it on today's code, send it with a
grade, or draw it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.message import NodeId, canonical, decode, encode


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that `node` was told; `cut` says after how many effects it then crashed, if it did."""

    kind: str
    node: NodeId
    source: NodeId | None = None
    data: Any = None
    cut: int | None = None

    def __str__(self) -> str:
        crash = "" if self.cut is None else ", crashes at once" if self.cut == 0 else f", crashes after {self.cut} effects"
        if self.kind == "start":
            return f"{self.node} crashes, restarts{crash}"
        if self.kind == "deliver":
            return f"{self.source} → {self.node}  {self.data}{crash}"
        if self.kind == "invoke":
            f, *given = self.data
            return f"{self.node} {f}({', '.join(repr(v) for v in given if v is not None)}){crash}"
        return f"{self.node}  timer {self.data}{crash}"


@dataclass(frozen=True, slots=True)
class Told:
    """A step as it went: what changed in the node, what it sent, and what it said for itself."""

    step: Step
    changes: tuple[tuple[str, str, str], ...] = ()
    sent: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A broken rule and the shrunk schedule that shows it.

    ``events`` is how long the schedule was when it was found; ``setup`` is what a replay
    needs to build the same system (nodes, clients, options), as plain JSON.
    """

    check: str
    rule: str
    what: str
    steps: tuple[Told, ...]
    events: int
    seed: str
    setup: Mapping[str, Any]

    @property
    def schedule(self) -> tuple[Step, ...]:
        """The steps alone, for a replay."""
        return tuple(told.step for told in self.steps)

    @property
    def name(self) -> str:
        """The first 8 hex digits of its hash: what ``replay`` is given."""
        return hashlib.sha256(canonical(self.encoded()).encode()).hexdigest()[:8]

    def encoded(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        steps = [
            [t.step.kind, t.step.node, t.step.source, encode(t.step.data), t.step.cut,
             [list(change) for change in t.changes], list(t.sent), t.note]
            for t in self.steps
        ]  # fmt: skip
        return {
            "check": self.check, "rule": self.rule, "what": self.what, "events": self.events,
            "seed": self.seed, "setup": dict(self.setup), "steps": steps,
        }  # fmt: skip

    @classmethod
    def from_encoded(cls, raw: Any, classes: Mapping[str, type]) -> Counterexample:
        """The inverse of ``encoded``; ValueError with a sentence if `raw` is something else."""
        try:
            steps = tuple(
                Told(Step(kind, node, source, decode(data, classes), cut),
                     tuple((a, b, c) for a, b, c in changes), tuple(sent), note)
                for kind, node, source, data, cut, changes, sent, note in raw["steps"]
            )  # fmt: skip
            rest = {name: raw[name] for name in ("check", "rule", "what", "events", "seed", "setup")}
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this is not a counterexample of this lab: {error}") from error
        return cls(steps=steps, **rest)

    def save(self, folder: Path) -> Path:
        """Write it to `folder` under its name, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        draft = path.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(json.dumps(self.encoded(), indent=1, sort_keys=True), encoding="utf-8")
        draft.replace(path)
        return path

    def text(self) -> str:
        """Numbered steps, a line each: what the node was told, what changed, what it sent."""
        lines = [self._heading()]
        told = [str(t.step) for t in self.steps]
        width = min(46, max(map(len, told), default=0))
        for number, (t, head) in enumerate(zip(self.steps, told, strict=True), 1):
            changed = ", ".join(f"{name} {before}→{after}" for name, before, after in t.changes)
            rest = "   ".join(part for part in (changed, " ".join(t.sent), t.note) if part)
            lines.append(f"  {number:>3}  {head:<{width}}  {rest}".rstrip())
        return "\n".join(lines)

    def _heading(self) -> str:
        length = len(self.steps)
        if length < self.events:
            return f"  the shortest way there we found, {length} of {self.events} events"
        return f"  how it went, in {length} steps"
