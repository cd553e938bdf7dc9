"""Pictures of values: what happened in a run, what clients saw, what a cluster does just now.

Each figure is a function of a value.  It shows itself as an interactive view, as a static
picture and as text, so a notebook is complete without a kernel, scripts or eyes.

Importing this package imports no plotting library; ``charts`` and ``panel`` do so when called.
"""

from __future__ import annotations

from labkit.figures import charts, widgets
from labkit.figures.display import Figure
from labkit.figures.history import history_figure
from labkit.figures.panel import panel
from labkit.figures.spacetime import spacetime
from labkit.figures.widgets import predict_view

__all__ = ["Figure", "charts", "history_figure", "panel", "predict_view", "spacetime", "widgets"]
