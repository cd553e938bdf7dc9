"""Which cells of a notebook are the program, and what a file that is no notebook says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labkit.cells import Cell, kind_of, program_cells, read_notebook


def test_a_helper_in_an_added_cell_is_part_of_the_program() -> None:
    cells = [
        Cell("setup-01-aa", "import math"),
        Cell("9f3c", "def twice(x): return 2 * x"),
        Cell("ex-01-1", "..."),
    ]
    assert [s.name for s in program_cells(cells)] == ["setup", "cell 2", "exercise 1.1"]


@pytest.mark.parametrize("kind", ["check", "hint", "predict", "run", "cluster", "chart", "text"])
def test_released_cells_that_only_show_are_not_part_of_the_program(kind: str) -> None:
    assert kind_of(f"{kind}-01-x") == kind
    assert program_cells([Cell(f"{kind}-01-x", "x = 1")]) == []


def test_text_is_no_code_but_does_not_shift_the_numbers_of_code_cells() -> None:
    cells = [Cell("a", "# Title", "markdown"), Cell("b", "x = 1"), Cell("c", "y = 2")]
    assert [s.name for s in program_cells(cells)] == ["cell 1", "cell 2"]


def test_setup_comes_from_the_release_whatever_the_notebook_says() -> None:
    cells = [Cell("setup-01-aa", "check = print"), Cell("ex-01-1", "mine")]
    released = {"setup-01-aa": "from labkit import check", "ex-01-1": "stub"}
    assert [s.source for s in program_cells(cells, released)] == [
        "from labkit import check",
        "mine",
    ]


def test_an_id_that_was_never_released_is_the_learners_own_cell() -> None:
    assert [s.name for s in program_cells([Cell("run-01-x", "def f(): ...")], {})] == ["cell 1"]


def test_an_exercise_written_twice_stands_twice_under_two_names() -> None:
    cells = [Cell("ex-01-1", "first"), Cell("ex-01-1", "second")]
    assert [(s.name, s.source) for s in program_cells(cells)] == [
        ("exercise 1.1", "first"),
        ("exercise 1.1, cell 2", "second"),
    ]


def _write(path: Path, **raw: Any) -> Path:
    path.write_text(json.dumps(raw))
    return path


def test_sources_are_read_as_lines_or_as_one_text(tmp_path: Path) -> None:
    cells = [
        {"id": "ex-01-1", "cell_type": "code", "source": ["a\n", "b"]},
        {"id": "q", "cell_type": "markdown", "source": "text"},
    ]
    path = _write(tmp_path / "a.ipynb", nbformat=4, cells=cells)
    assert read_notebook(path) == [Cell("ex-01-1", "a\nb"), Cell("q", "text", "markdown")]


def test_a_notebook_saved_without_ids_is_read_by_its_grade_ids(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "source": "x", "metadata": {"nbgrader": {"grade_id": "ex-01-1"}}}
    assert read_notebook(_write(tmp_path / "a.ipynb", nbformat=4, cells=[cell]))[0].id == "ex-01-1"


def test_a_copied_cell_is_the_learners_own_though_its_metadata_came_along(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "source": "x", "metadata": {"nbgrader": {"grade_id": "run-01-1"}}}
    cells = [cell | {"id": "run-01-1"}, cell | {"id": "fresh"}]
    read = read_notebook(_write(tmp_path / "a.ipynb", nbformat=4, cells=cells))
    assert [kind_of(c.id) for c in read] == ["run", "own"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("not json", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("\udcff", "not JSON"),
        ("[]", "not a notebook of format 4"),
        ('{"nbformat": 3, "worksheets": []}', "not a notebook of format 4"),
        ('{"nbformat": 4, "cells": []}', "has no cells"),
        ('{"nbformat": 4, "cells": [{"cell_type": "code"}]}', "cell 1 has no source"),
        ('{"nbformat": 4, "cells": [7]}', "cell 1 has no source"),
    ],
)
def test_a_file_that_is_no_notebook_is_refused_in_one_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    path = tmp_path / "a.ipynb"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match=sentence) as refused:
        read_notebook(path)
    assert str(refused.value).startswith("a.ipynb")
    assert "\n" not in str(refused.value)


def test_a_notebook_that_is_not_there_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        read_notebook(tmp_path / "none.ipynb")


def test_a_notebook_full_of_outputs_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    with pytest.raises(ValueError, match="Clear its outputs"):
        read_notebook(path)
