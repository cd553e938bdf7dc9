"""A history file, read into a `History` and the model that it is to be judged by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labkit.history import History
from labkit.history_formats.calls import CALLS, INITIAL
from labkit.history_formats.lines import numbered_lines, read_porcupine, reader_for
from labkit.history_formats.recording import BadInput, Recording, shown
from labkit.models import Model

ABSENT: Any = object()


def read_history(path: Path, model: str, initial: Any = ABSENT) -> tuple[History, Model]:
    """The history in a file, and the model of that name; `BadInput` says in which line it is wrong.

    `initial` is the state in which each object begins; for kv a dict gives it key by key.
    In Porcupine's logs a key that was never written reads as "".
    """
    recording, reader = Recording(model), None
    for number, line in numbered_lines(path):
        reader = reader or reader_for(line)
        try:
            event = reader(line)
            if event is not None:
                recording.add(event)
        except BadInput as error:
            raise BadInput(f"line {number}: {error}") from None
    if initial is ABSENT and model == "kv" and reader is read_porcupine:
        initial = ""
    return recording.history, _model(model, initial)


def _model(name: str, initial: Any) -> Model:
    kind = CALLS[name][0]
    if initial is ABSENT:
        return kind()
    fits, words = INITIAL.get(name, (None, ""))
    if fits is not None and not fits(initial):
        raise BadInput(f"the initial state is {shown(initial)}, but that of a {name} is {words}")
    return kind(initial)
