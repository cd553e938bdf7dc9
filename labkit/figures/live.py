"""Views that are linked to Python, by anywidget.  Imported only when one is asked for."""

from __future__ import annotations

from functools import cache
from typing import Any

import anywidget
import traitlets

from labkit.figures.display import Figure, module, stylesheet


class View(anywidget.AnyWidget):
    """A figure in a notebook; ``chosen`` is the place in its data that was chosen, or -1."""

    data = traitlets.Dict().tag(sync=True)
    chosen = traitlets.Int(-1).tag(sync=True)
    picture: Figure

    def _repr_mimebundle_(self, **given: Any) -> Any:
        return with_fallback(super()._repr_mimebundle_(**given), self.picture)


def linked(figure: Figure) -> View:
    """The view of `figure`, with its picture and text where widgets do not run."""
    view = _view_of(figure.scripts)(data=figure.data())
    view.picture = figure
    return view


@cache
def _view_of(scripts: tuple[str, ...]) -> type[View]:
    return type("View", (View,), {"_esm": source(scripts), "_css": stylesheet()})


def source(scripts: tuple[str, ...]) -> str:
    """The module that anywidget loads."""
    return module(scripts) + "\nexport default { render };\n"


def with_fallback(bundle: Any, picture: Figure) -> tuple[dict[str, Any], dict[str, Any]]:
    """The widget's bundle, and beside it a picture and text for where widgets do not run."""
    data, about = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
    return {**data, "image/svg+xml": picture.svg(), "text/plain": picture.text()}, about


class PanelView(anywidget.AnyWidget):
    """The panel in a notebook: its state comes ten times a second at most, its clicks go back."""

    _esm, _css = source(("core", "panel")), stylesheet()
    state = traitlets.Dict().tag(sync=True)


def panel_view(panel: Any) -> PanelView:
    """The view of a panel; a click is applied at once, and seen at the next tick."""
    view = PanelView(state=panel.look())
    view.on_msg(lambda _view, command, _buffers: panel.apply(command))
    return view
