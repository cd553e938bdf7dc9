"""From a trace or a counterexample to the scene that is drawn of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from labkit.counterexample import Counterexample, Step, Told, brief
from labkit.figures.scene import Arrow, Change, Moment, Scene, Span
from labkit.history import Annotation
from labkit.message import is_message
from labkit.plain import words
from labkit.trace import Event, Trace

TEXT_MAX, TEXT_MAX_LONG, LONG_FROM = 400, 120, 2_000
"""Characters of one message or value; fewer in a trace with that many events."""


def scene_of(source: Any, title: str | None = None) -> Scene:
    """The scene of a counterexample, a trace, or anything that has a ``trace`` (a run).

    TypeError if `source` is none of these.
    """
    if isinstance(source, Counterexample):
        return _scene_of_steps(source, title)
    trace = source if isinstance(source, Trace) else getattr(source, "trace", None)
    if not isinstance(trace, Trace):
        raise TypeError(
            f"a space-time diagram was asked of {type(source).__name__}, which has no trace. "
            "Give a run, a trace or a counterexample."
        )
    spans = getattr(getattr(source, "history", None), "annotations", ())
    violation = getattr(source, "violation", None)
    reader = _TraceReader(trace)
    reader.read(getattr(violation, "at", None) if violation else None)
    broken = getattr(violation, "what", None)
    return reader.finish(
        title if title is not None else broken or "What happened, node by node", spans
    )


class _TraceReader:
    """Goes through a trace once, keeping what each node stored and which messages are under way."""

    def __init__(self, trace: Trace) -> None:
        self.trace, self.nodes = trace, trace.nodes
        self.limit = TEXT_MAX if len(trace) < LONG_FROM else TEXT_MAX_LONG
        self.place = {name: place for place, name in enumerate(trace.nodes)}
        self.moments: list[Moment] = []
        self.arrows: list[Arrow] = []
        self.spans: list[Span] = []
        self._open: dict[tuple[str | None, int], int] = {}
        self._stored: dict[str, dict[str, str]] = {name: {} for name in trace.nodes}
        self._latest: dict[str, int] = {}
        self._since: dict[tuple[str, str], float] = {}
        self._now = 0.0
        self._cut = ""

    def read(self, violated_at: int | None) -> None:
        for index, event in enumerate(self.trace):
            if event.time_us is not None:
                self._now = event.time_us / 1000
            elif event.kind in _BEGINNINGS:
                self._now = float(len(self.moments))
            self._event(event)
            if index == violated_at and self.moments:
                self.moments[-1].marks += "V"

    def finish(self, title: str, annotations: Iterable[Annotation]) -> Scene:
        for kind, name in list(self._since):
            self._close(kind, name)
        given = [_span_of(note, self._now) for note in annotations]
        if given:
            self.spans = [span for span in self.spans if span.node >= 0] + given
        return Scene(title, "ms", self.nodes, self.moments, self.arrows, self.spans)

    def _event(self, event: Event) -> None:
        if event.kind in _BEGINNINGS:
            _BEGINNINGS[event.kind](self, event)
            return
        if event.node not in self._latest:  # its beginning is not in this trace
            self._begin(event)
        latest = self._latest[event.node]
        if event.kind == "send":
            self._send(event, latest)
        else:
            self._effect(event, self.moments[latest])

    def _begin(self, event: Event, marks: str = "") -> None:
        place = self.place.get(event.node, -1)
        self._latest[event.node] = len(self.moments)
        self.moments.append(
            Moment(self._now, place, event.kind, _sentence(event)[: self.limit], marks)
        )

    def _effect(self, event: Event, moment: Moment) -> None:
        moment.marks += _EFFECT_MARKS.get(event.kind, "")
        if event.kind == "save":
            stored = self._stored.setdefault(event.node, {})
            for name, value in event.data.items():
                moment.changes.append((name, stored.get(name, "∅"), _value(value)[: self.limit]))
                stored[name] = _value(value)[: self.limit]
        elif event.kind not in ("set_timer", "cancel_timer"):
            moment.effects.append(_sentence(event)[: self.limit])

    def _send(self, event: Event, start: int) -> None:
        self._open[event.node, event.id] = len(self.arrows)
        ends = self.place.get(event.node, -1), self.place.get(event.peer or "", -1)
        what = _type(event.data), _value(event.data)[: self.limit]
        self.arrows.append(Arrow(start, -1, *ends, self._now, self._now, *what, "open"))

    def _deliver(self, event: Event) -> None:
        self._begin(event)
        self._arrive(event, len(self.moments) - 1, "arrived")

    def _drop(self, event: Event) -> None:
        self._arrive(event, -1, "lost")

    def _arrive(self, event: Event, end: int, fate: str) -> None:
        index = self._open.get((event.peer, event.id))
        if index is None:
            return  # sent before the trace begins
        arrow = self.arrows[index]
        if arrow.fate != "open":  # a copy
            fate = "again" if fate == "arrived" else fate
            index = len(self.arrows)
            self.arrows.append(arrow)
        self.arrows[index] = arrow._replace(end=end, received=self._now, fate=fate)

    def _start(self, event: Event) -> None:
        self._close("down", event.node)
        self._close("paused", event.node)
        self._begin(event, "R" if event.id > 1 else "")

    def _crash(self, event: Event) -> None:
        self._begin(event, "C")
        self._since.setdefault(("down", event.node), self._now)

    def _pause(self, event: Event) -> None:
        self._begin(event, "n")
        self._since.setdefault(("paused", event.node), self._now)

    def _resume(self, event: Event) -> None:
        self._close("paused", event.node)
        self._begin(event, "n")

    def _net(self, event: Event) -> None:
        """Links changed: the band so far ends, and another begins if something is still cut."""
        self._begin(event, "n")
        text, cut = str(event.data), self._cut
        if text == "healed":
            cut = ""
        elif any(sign in text for sign in (" | ", " ✗ ", " takes ")):
            cut = f"{cut}, {text}" if cut else text
        if cut != self._cut:
            self._close("cut", self._cut)
            self._cut = cut
            if cut:
                self._since["cut", cut] = self._now

    def _close(self, kind: str, name: str) -> None:
        start = self._since.pop((kind, name), None)
        if start is not None:
            text = name if kind == "cut" else f"{name} is {kind}"
            self.spans.append(Span(kind, self.place.get(name, -1), start, self._now, text))


_BEGINNINGS: Mapping[str, Any] = {
    "start": _TraceReader._start,
    "deliver": _TraceReader._deliver,
    "drop": _TraceReader._drop,
    "crash": _TraceReader._crash,
    "pause": _TraceReader._pause,
    "resume": _TraceReader._resume,
    "net": _TraceReader._net,
    "timer": lambda reader, event: reader._begin(event, "t"),
    "invoke": lambda reader, event: reader._begin(event, "i"),
    "note": lambda reader, event: reader._begin(event, "n"),
}
_EFFECTS = ("save", "ok", "fail", "info", "fact", "error", "print")
_EFFECT_MARKS = dict(zip(_EFFECTS, "soxufEp", strict=True))


def _span_of(note: Annotation, until: float) -> Span:
    end = until if note.end_us is None else note.end_us / 1000
    return Span("cut", -1, note.start_us / 1000, end, note.text)


def _sentence(event: Event) -> str:
    return str(event._replace(time_us=None)).strip()


def _value(data: Any) -> str:
    return words(data)


def _type(data: Any) -> str:
    return type(data).__name__ if is_message(data) else "message"


def _scene_of_steps(found: Counterexample, title: str | None) -> Scene:
    steps = [told.step for told in found.steps]
    seen = {name for step in steps for name in (step.node, step.source) if name}
    nodes = tuple(sorted(seen, key=lambda name: (name.startswith("c"), name)))
    scene = Scene(found.what if title is None else title, "step", nodes)
    for number, told in enumerate(found.steps, 1):
        _add_step(scene, number, told)
    if scene.moments:
        scene.moments[-1].marks += "V"
    return scene


def _add_step(scene: Scene, number: int, told: Told) -> None:
    step, at = told.step, float(number)
    place = scene.nodes.index(step.node)
    changes: list[Change] = [(name, was, now) for name, was, now in told.changes]
    effects = [*told.sent, *([told.note] if told.note else [])]
    crash, changed = step.cut is not None, bool(changes) and step.kind != "start"
    marks = _STEP_MARKS.get(step.kind, "") + "d" * changed + "C" * crash
    if step.kind == "start":
        scene.spans.append(Span("down", place, number - 0.7, number - 0.1, f"{step.node} is down"))
    if step.source is not None:
        source = scene.nodes.index(step.source)
        start = _sending_step(scene, source, step)
        sent = scene.moments[start].at if start >= 0 else at - 0.8
        ends = start, number - 1, source, place, sent, at
        scene.arrows.append(Arrow(*ends, _type(step.data), _value(step.data), "arrived"))
    scene.moments.append(Moment(at, place, step.kind, str(step), marks, changes, effects))


_STEP_MARKS = {"start": "R", "timer": "t", "invoke": "i"}


def _sending_step(scene: Scene, source: int, delivery: Step) -> int:
    """The latest step at the source that sent this; -1 if none did: the boot sent it."""
    message = f" {brief(delivery.data)}"
    for index in range(len(scene.moments) - 1, -1, -1):
        moment = scene.moments[index]
        sent = [effect for effect in moment.effects if effect.endswith(message)]
        peers = ", ".join(e.removeprefix("sends ").removesuffix(message) for e in sent)
        if moment.node == source and delivery.node in peers.split(", "):
            return index
    return -1
