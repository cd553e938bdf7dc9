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
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from labkit.message import NodeId, canonical, decode, encode, is_message
from labkit.plain import words

LINE_MAX = 100


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that `node` was told; `cut` says after how many effects it then crashed, if it did."""

    kind: str
    node: NodeId
    source: NodeId | None = None
    data: Any = None
    cut: int | None = None

    def __str__(self) -> str:
        crash = "" if self.cut is None else f", crashes after {self.cut} of its effects, restarts"
        if self.kind == "start":
            return f"{self.node} crashes, restarts{crash}"
        if self.kind == "deliver":
            return f"{self.source} → {self.node}  {brief(self.data)}{crash}"
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
        """Numbered steps: what the node was told, then what changed, what it sent, what it said."""
        lines = [self._heading()]
        width = min(40, max((len(str(t.step)) for t in self.steps), default=0))
        for number, told in enumerate(self.steps, 1):
            lines.extend(_lines(number, told, width))
        return "\n".join(lines)

    def _heading(self) -> str:
        length = len(self.steps)
        if length < self.events:
            return f"  the shortest way there we found, {length} of {self.events} events"
        return f"  how it went, in {length} steps"


def brief(value: Any, limit: int = 44) -> str:
    """A value in few characters, cut where it is too long: a message by its class and bare fields."""
    text = value if isinstance(value, str) else _words(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _words(value: Any) -> str:
    if not is_message(value):
        return words(value)
    given = [(getattr(value, f.name), f.default) for f in fields(value)]
    while given and given[-1][0] == given[-1][1]:
        given.pop()  # fields at the end that have their defaults say nothing
    return f"{type(value).__name__}({', '.join(_words(part) for part, _ in given)})"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """The attributes that differ, as (name, before, after) in words; of a map only the keys that differ."""
    found: list[tuple[str, str, str]] = []
    for name in [*after, *(name for name in before if name not in after)]:
        found.extend(_differences(name, before.get(name), after.get(name)))
    return tuple(found)


def sendings(sent: Iterable[tuple[NodeId, Any]]) -> tuple[str, ...]:
    """What was sent, in words, equal messages together: "sends n1, n3 RequestVote(1, 'n2')"."""
    groups: dict[Any, list[NodeId]] = {}
    for peer, message in sent:
        groups.setdefault(message, []).append(peer)
    return tuple(f"sends {', '.join(peers)} {brief(message)}" for message, peers in groups.items())


def _differences(name: str, before: Any, after: Any) -> Iterator[tuple[str, str, str]]:
    if before == after:
        return
    old, new = _as_map(before), _as_map(after)
    if old is None or new is None or _changed_much(old, new):
        yield name, brief(before, 28), brief(after, 28)
        return
    for key in [*new, *(key for key in old if key not in new)]:
        if old.get(key) != new.get(key):
            yield f"{name}[{key}]", brief(old.get(key), 28), brief(new.get(key), 28)


def _changed_much(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> bool:
    """Did so much of a map change that its keys one by one would be longer than the map?"""
    return sum(old.get(key) != new.get(key) for key in {*old, *new}) > 3


def _as_map(value: Any) -> dict[Any, Any] | None:
    """`value` as a dict, if it is a dict in its plain form: pairs with text or number first."""
    if not isinstance(value, tuple) or not all(isinstance(p, tuple) and len(p) == 2 for p in value):
        return None
    return dict(value) if all(isinstance(p[0], str | int) for p in value) else None


def _lines(number: int, told: Told, width: int) -> list[str]:
    """One line for a step if it fits, else the details below it."""
    head = f"  {number:>3}  {told.step}"
    details = [f"{name} {before}→{after}" for name, before, after in told.changes]
    details += [*told.sent, *([told.note] if told.note else [])]
    joined = "  ".join(details)
    if len(head) <= width + 7 and len(joined) + width <= LINE_MAX:
        return [f"{head:<{width + 9}}{joined}".rstrip()]
    return [
        head,
        *textwrap.wrap("; ".join(details), LINE_MAX, initial_indent=" " * 9, subsequent_indent=" " * 9),
    ]
