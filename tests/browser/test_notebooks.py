"""Each notebook in a real JupyterLab: as it is handed out, and with the course's answers.

It runs from top to bottom, no cell ends in an error, the page asks nothing of another host,
and the console has nothing to say.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("playwright.sync_api", reason="needs Playwright, which is not installed")

from playwright.sync_api import Browser

from grading.build import solved_notebook
from grading.course import all_labs, open_lab
from tests.browser.course import LABS, copy_course
from tests.browser.harness import Lab, chromium, jupyterlab, open_notebook

pytestmark = [pytest.mark.browser]

NOTEBOOKS = sorted(str(path.relative_to(LABS)) for path in LABS.glob("[0-9]*/*.ipynb"))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    labs = copy_course(tmp_path_factory.mktemp("course"))
    for id in all_labs():
        open_lab(id).release_answers(labs.parent)  # for later notebooks to build on
    with jupyterlab(labs) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def solved(request: pytest.FixtureRequest, lab: Lab) -> str:
    """The path below the server's root of a lab's notebook with the course's answers in it."""
    source = next(p for p in solved_notebook(request.param[:2]) if p.stem == Path(request.param).stem)
    folder = Path(request.param).parent
    copy = lab.root / folder / f"solved_{source.name}"
    copy.write_bytes(source.read_bytes())
    return f"{folder}/{copy.name}"


def assert_runs_clean(browser: Browser, lab: Lab, path: str) -> None:
    notebook = open_notebook(browser, lab, path)
    ran = notebook.run_all()
    assert notebook.errors() == []
    assert ran, "not all cells ran"
    assert notebook.foreign_requests == []
    assert notebook.console_errors == []
    notebook.close()


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_a_notebook_runs_as_it_is_handed_out(browser: Browser, lab: Lab, path: str) -> None:
    assert_runs_clean(browser, lab, path)


@pytest.mark.parametrize("solved", NOTEBOOKS, indirect=True)
def test_a_notebook_runs_with_the_answers(browser: Browser, lab: Lab, solved: str) -> None:
    assert_runs_clean(browser, lab, solved)


def write_notebook(path: Path, *sources: str) -> None:
    """A notebook of code cells only."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, path)


def test_the_harness_sees_what_goes_wrong(browser: Browser, lab: Lab) -> None:
    """A cell that raises, text on stderr, a request to another host, an error in the console."""
    script = "fetch('http://example.invalid/news').catch(() => 0); console.error('broken')"
    write_notebook(
        lab.root / "wrong.ipynb",
        "import sys; print('careful', file=sys.stderr)",
        f"from IPython.display import HTML; HTML({f'<script>{script}</script>'!r})",
        "1 / 0",
        "'not run'",
    )
    notebook = open_notebook(browser, lab, "wrong.ipynb")
    assert not notebook.run_all()
    assert notebook.errors() == [
        "cell 0: on stderr: careful\n",
        "cell 2: ZeroDivisionError: division by zero",
    ]
    assert notebook.foreign_requests == ["http://example.invalid/news"]
    assert any("broken" in text for text in notebook.console_errors)
    notebook.close()


def test_a_widget_and_a_long_page_are_drawn(browser: Browser, lab: Lab, tmp_path: Path) -> None:
    """Live widgets come up without a network; a page longer than the window is shot whole."""
    write_notebook(
        lab.root / "long.ipynb",
        "import ipywidgets; ipywidgets.IntSlider(description='loss')",
        "import sys; sys.executable",
        *("print('\\n' * 30)" for _ in range(6)),
        "'the end'",
    )
    notebook = open_notebook(browser, lab, "long.ipynb")
    assert notebook.run_all()
    assert notebook.page.get_by_text("loss", exact=True).is_visible()
    assert repr(sys.executable) in notebook.cells()[1]["outputs"][0]["data"]["text/plain"]
    pictures = notebook.screenshots(tmp_path)
    assert len(pictures) >= 2
    assert notebook.page.get_by_text("'the end'").last.is_visible()
    assert (notebook.errors(), notebook.foreign_requests) == ([], [])
    assert notebook.console_errors == []
    notebook.close()
