"""The README shows and names what is there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_its_picture_is_what_the_kit_draws_today():
    spec = importlib.util.spec_from_file_location("make", ROOT / "labs" / "figures" / "make.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    assert (ROOT / "labs" / "figures" / "two_espressos.svg").read_text() == make.picture() + "\n"


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)]+)\)", README))
def test_its_links_lead_to_files(target):
    assert (ROOT / target).is_file()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\bmake ([a-z-]+)", README))))
def test_its_make_targets_exist(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


def test_every_notebook_is_in_its_list():
    notebooks = {str(path.relative_to(ROOT)) for path in ROOT.glob("labs/*/*.ipynb")}
    assert notebooks == set(re.findall(r"\]\((labs/[^)]+\.ipynb)\)", README))
