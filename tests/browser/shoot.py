"""Look at a notebook: python -m tests.browser.shoot NOTEBOOK OUTDIR [--run] [--width N] [--dark]

Writes the pictures of a copy of the notebook, page by page, into OUTDIR, prints their names,
and says which cells failed, what the page asked of other hosts, and what its console said.
The notebook's whole folder is copied, so that the files beside it are found.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.browser.course import copy_beside
from tests.browser.harness import Notebook, chromium, jupyterlab, open_notebook


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.shoot")
    parser.add_argument("notebook", type=Path)
    parser.add_argument("outdir", type=Path)
    parser.add_argument("--run", action="store_true", help="run all cells first")
    parser.add_argument("--width", type=int, default=1280, help="of the window, in pixels")
    parser.add_argument("--dark", action="store_true", help="JupyterLab's dark theme")
    parser.add_argument("--timeout-s", type=float, default=300, help="for running all cells")
    asked = parser.parse_args()
    if not asked.notebook.is_file():
        parser.error(f"there is no notebook {asked.notebook}")
    return asked


def complaints(notebook: Notebook) -> list[str]:
    """All that should not have happened in the page."""
    return [
        *notebook.errors(),
        *(f"asked another host: {url}" for url in notebook.foreign_requests),
        *(f"console: {text}" for text in notebook.console_errors),
    ]


def main() -> int:
    """Shoot, report, and return 1 if there was anything to complain about."""
    asked = arguments()
    with TemporaryDirectory(prefix="course-") as folder:
        root, path = copy_beside(asked.notebook, Path(folder))
        with jupyterlab(root, asked.dark) as lab, chromium() as browser:
            notebook = open_notebook(browser, lab, path, asked.width)
            if asked.run:
                notebook.run_all(asked.timeout_s)
            for picture in notebook.screenshots(asked.outdir, asked.notebook.stem):
                print(picture)
            found = complaints(notebook)
            notebook.close()
    print(*found, sep="\n", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
