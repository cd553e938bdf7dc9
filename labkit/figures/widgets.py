"""What a learner answers by clicking: the view of a prediction.

It holds no logic and keeps nothing: it gets what to show, and what to call.  Without
ipywidgets, or where nobody can click, it is text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from labkit.figures.theme import clean

Bundle = dict[str, Any]


def predict_view(asked: Any) -> Bundle:
    """The mime bundle of a question with its options; ``asked.keep`` is called with the guess.

    Options become buttons; without any, a field takes a number or free text.
    """
    text = {"text/plain": repr(asked)}
    try:
        import ipywidgets  # type: ignore[import-untyped]
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
