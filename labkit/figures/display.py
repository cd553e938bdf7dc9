"""How a figure reaches the reader: as an interactive view, a picture and text, in one bundle.

The interactive view is one ``text/html`` output: a picture which, where scripts run, is
replaced by the view.  It needs no kernel, no widget state and no network, so it works in a
saved notebook and an exported page; where scripts are refused the picture stays.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from labkit.figures.theme import clean

_HERE = Path(__file__).parent


class Figure:
    """A picture with words: subclasses give svg, text, alt, data and scripts."""

    scripts: ClassVar[tuple[str, ...]] = ()

    def svg(self) -> str:
        """The static picture, complete in itself."""
        raise NotImplementedError

    def text(self) -> str:
        """The same content in lines of text."""
        raise NotImplementedError

    def alt(self) -> str:
        """One sentence for those who cannot see the picture."""
        raise NotImplementedError

    def data(self) -> dict[str, Any]:
        """All that the interactive view needs, as plain JSON."""
        raise NotImplementedError

    def html(self) -> str:
        """The picture, and the script that puts the interactive view in its place."""
        return embedded(self.scripts, self.data(), self.svg(), self.alt())

    def save(self, path: str | Path) -> Path:
        """Write the picture as an SVG file, or, with the suffix .html, the interactive view."""
        target = Path(path)
        target.write_text(
            page(self.html()) if target.suffix == ".html" else self.svg(), encoding="utf-8"
        )
        return target

    def widget(self) -> Any:
        """The view linked to Python: ``chosen`` follows the reader's choice.  Needs anywidget."""
        from labkit.figures.live import linked

        return linked(self)

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"text/html": self.html(), "image/svg+xml": self.svg(), "text/plain": self.text()}


@cache
def module(scripts: tuple[str, ...]) -> str:
    """The plain ES source of a view: its files, one after the other.  They share one scope."""
    return "\n".join((_HERE / "js" / f"{name}.js").read_text(encoding="utf-8") for name in scripts)


@cache
def stylesheet() -> str:
    """The style of all views."""
    return (_HERE / "figures.css").read_text(encoding="utf-8")


def embedded(scripts: tuple[str, ...], data: Mapping[str, Any], svg: str, alt: str) -> str:
    """HTML that shows `svg`, or the view of `data` where scripts run.  Equal data, equal bytes."""
    name = hashlib.sha256(script_text(data).encode()).hexdigest()[:12]
    picture = base64.b64encode(svg.encode()).decode()
    given = f"{script_text(name)}, {script_text(data)}, {script_text(stylesheet())}"
    return (
        f'<div class="lk-figure" data-lk="{name}">'
        f'<img alt="{clean(alt)}" src="data:image/svg+xml;base64,{picture}"></div>\n'
        f'<script type="module">\n{module(scripts)}\nmount({given}, render);\n</script>'
    )


def script_text(value: Any) -> str:
    """JSON that may stand inside a script element, whatever a learner wrote into it."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, default=str)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def page(body: str) -> str:
    """A whole HTML page around a figure."""
    head = '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>labkit</title>'
    return f"{head}\n<body>\n{body}\n</body></html>\n"
