"""What all tests share: the same Hypothesis examples each time, and skips that name what lacks."""

from __future__ import annotations

import importlib.util
import shutil

import hypothesis
import pytest

hypothesis.settings.register_profile("labkit", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("labkit")


def _missing(marker: str) -> str | None:
    """The tool that tests with this marker need and this machine lacks, if any."""
    if marker == "ray" and importlib.util.find_spec("ray") is None:
        return "needs Ray, which is not installed"
    if marker == "browser" and importlib.util.find_spec("playwright") is None:
        return "needs Playwright, which is not installed"
    if marker == "browser" and shutil.which("chromium") is None:
        return "needs chromium, which is not on the path"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what cannot run here; the closing line counts it."""
    reasons = {marker: _missing(marker) for marker in ("ray", "browser")}
    for item in items:
        for marker, reason in reasons.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))
        if item.get_closest_marker("ray"):
            item.add_marker(pytest.mark.xdist_group("ray"))  # one Ray at a time
