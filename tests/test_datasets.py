"""Every data set has a complete card, the right checksum, and a script that makes it again."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from labkit.datasets import dataset, dataset_path
from labkit.lab import CourseError

ROOT = Path(__file__).parent.parent
NAMES = sorted(path.parent.name for path in (ROOT / "datasets").glob("*/README.md"))


@pytest.mark.parametrize("name", NAMES)
def test_a_card_tells_columns_source_licence_flaws_and_checksum(name):
    card = (ROOT / "datasets" / name / "README.md").read_text()
    header = (ROOT / "datasets" / name / f"{name}.csv").read_text().splitlines()[0]
    assert all(f"| {column} |" in card for column in header.split(","))
    assert all(word in card for word in ("Source", "Licence", "Known flaws", "SHA-256", "Used in"))


@pytest.mark.parametrize("name", NAMES)
def test_its_script_makes_the_file_again_byte_for_byte(name):
    spec = importlib.util.spec_from_file_location("make", ROOT / "datasets" / name / "make.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    assert make.text() == dataset_path(name).read_text()


def test_a_data_set_comes_as_a_frame():
    assert len(dataset("cafe_orders")) == 120


def test_an_unknown_name_is_answered_with_those_that_exist():
    with pytest.raises(CourseError, match="there are: .*cafe_orders"):
        dataset("no_such_thing")


def test_a_changed_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "labs" / "01_x").mkdir(parents=True)
    shutil.copytree(ROOT / "datasets", tmp_path / "datasets")
    with (tmp_path / "datasets/cafe_orders/cafe_orders.csv").open("a") as file:
        file.write("121,200,1,tea,280\n")
    monkeypatch.setenv("LABKIT_ROOT", str(tmp_path))
    with pytest.raises(CourseError, match="not the file that its card describes"):
        dataset_path("cafe_orders")
