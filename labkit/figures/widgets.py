"""What a learner answers by clicking: views of a prediction, of hints and of progress.

They hold no logic and keep nothing: each gets what to show, and what to call.  Without
ipywidgets, or where nobody can click, all of it is text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labkit.figures.theme import NODE_COLOURS, clean, tag

Bundle = dict[str, Any]


def predict_view(asked: Any) -> Bundle:
    """The mime bundle of a question with its options; ``asked.keep`` is called with the guess.

    Options become buttons; without any, a field takes a number or free text.
    """
    text = {"text/plain": repr(asked)}
    try:
        import ipywidgets
    except ImportError:
        return text
    said = ipywidgets.HTML(_said(asked.before))
    question = ipywidgets.HTML(f"<b>{clean(asked.question)}</b>")

    def keep(guess: Any) -> None:
        asked.keep(guess)
        said.value = _said(guess)

    inputs = _buttons(ipywidgets, asked.options, keep) or [_field(ipywidgets, keep)]
    row = ipywidgets.HBox(inputs, layout=ipywidgets.Layout(flex_flow="row wrap"))
    return {**ipywidgets.VBox([question, row, said])._repr_mimebundle_(), **text}


def _buttons(ipywidgets: Any, options: Sequence[Any], keep: Callable[[Any], None]) -> list[Any]:
    buttons = []
    for option in options:
        button = ipywidgets.Button(description=str(option), layout=ipywidgets.Layout(width="auto"))
        button.on_click(lambda _button, option=option: keep(option))
        buttons.append(button)
    return buttons


def _field(ipywidgets: Any, keep: Callable[[Any], None]) -> Any:
    field = ipywidgets.Text(placeholder="your guess, then Enter", continuous_update=False)
    field.observe(lambda change: keep(change["new"]), "value")
    return field


def _said(guess: Any) -> str:
    return "no guess yet" if guess is None else f"your guess: <b>{clean(guess)}</b>"


def hint_view(steps: Sequence[tuple[str, str]], shown: int) -> Bundle:
    """Hints as (name, text), folded; only the first `shown` can be opened, and are in the text."""
    seen = steps[:shown]
    folds = [
        tag("details", [tag("summary", clean(name)), tag("p", clean(text))]) for name, text in seen
    ]
    left = f"{shown} of {len(steps)} hints" if shown < len(steps) else ""
    lines = [f"{number}. {name}: {text}" for number, (name, text) in enumerate(seen, 1)]
    return {
        "text/html": "".join([*folds, tag("p", left) if left else ""]),
        "text/plain": "\n".join([*lines, *([left] if left else [])]),
    }


def progress_view(labs: Mapping[str, Mapping[str, bool]]) -> Bundle:
    """What has been passed: for each lab, each exercise and whether it has."""
    rows = [_progress_row(name, exercises) for name, exercises in labs.items()]
    lines = [
        f"{name:<32} {_dots(done)} {sum(done.values())} of {len(done)}"
        for name, done in labs.items()
    ]
    return {"text/html": tag("table", rows), "text/plain": "\n".join(lines) or "no labs here"}


def _progress_row(name: str, exercises: Mapping[str, bool]) -> str:
    cells = [
        tag(
            "span",
            "●" if done else "○",
            title=f"{exercise}: {'passed' if done else 'open'}",
            style=_STYLES[done],
        )
        for exercise, done in exercises.items()
    ]
    count = f"{sum(exercises.values())} of {len(exercises)}"
    return tag("tr", [tag("th", clean(name), scope="row"), tag("td", cells), tag("td", count)])


def _dots(exercises: Mapping[str, bool]) -> str:
    return "".join("●" if done else "○" for done in exercises.values())


_STYLES = {True: f"color:{NODE_COLOURS[2]}", False: ""}
