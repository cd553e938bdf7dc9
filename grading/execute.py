"""Executing a notebook from top to bottom in a real kernel, in a copy of the course.

The copy has what a student has (``labs/``, ``datasets/``) and nothing kept, so that a run neither
finds answers nor leaves any, but for those of earlier notebooks and labs, which the instructor has
released.  Executed notebooks are kept below ``build/executed/``.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grading.course import CourseLab, open_lab
from labkit.answers import earlier_labs

CELL_TIMEOUT_S = 300
UNWANTED = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__", ".labkit")
KIT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Executed:
    """What became of one code cell: outputs as text, what it raised, what it wrote to stderr."""

    id: str
    text: str
    error: str
    stderr: str


def execute(
    lab: CourseLab,
    name: str,
    text: str,
    keep: str,
    *,
    strict: bool,
    cluster: str,
    bring_back: str = "",
) -> list[Executed]:
    """Execute a notebook given as text, as `name` in its lab's folder; cell by cell what came out.

    With `strict`, a check that does not pass raises.  A cell that raises does not stop the run.
    `cluster` says what clusters run on: "ray", "subprocess", or only "recorded" runs are shown.
    The executed notebook is kept as ``build/executed/<keep>/<name>``; the folder `bring_back`,
    if the run made one, is copied back into the lab.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.reads(text, as_version=4)
    with (
        course_copy(lab, name) as folder,
        environment(strict=strict, cluster=cluster, record=bool(bring_back)),
    ):
        client = NotebookClient(
            notebook,
            timeout=CELL_TIMEOUT_S,
            allow_errors=True,
            kernel_name="python3",
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": str(folder)}},
        )
        client.execute()
        if bring_back and (folder / bring_back).is_dir():
            shutil.copytree(folder / bring_back, lab.lab.folder / bring_back, dirs_exist_ok=True)
    kept = lab.lab.root / "build" / "executed" / keep
    kept.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, kept / name)
    return [_executed(cell) for cell in notebook.cells if cell.cell_type == "code"]


@contextmanager
def course_copy(lab: CourseLab, notebook: str) -> Iterator[Path]:
    """A fresh copy of what a student has at a `notebook` (its file name); yields the lab's folder in it.

    The answers of earlier labs and notebooks have been released, and never this notebook's own.
    """
    with tempfile.TemporaryDirectory(prefix="labkit-course-") as folder:
        for name in ("labs", "datasets"):
            if (lab.lab.root / name).is_dir():
                shutil.copytree(lab.lab.root / name, Path(folder) / name, ignore=UNWANTED)
        lab.release_answers(Path(folder), before=notebook)
        for id in earlier_labs(lab.lab.given_source):
            open_lab(id, lab.lab.root).release_answers(Path(folder))
        yield Path(folder) / "labs" / lab.name


@contextmanager
def environment(
    *, strict: bool, cluster: str, record: bool = False, budget: str = "small"
) -> Iterator[None]:
    """What a kernel that is started within inherits: the kit on its path, nobody's answers."""
    wanted = {
        "LABKIT_STRICT": str(int(strict)),
        "LABKIT_RECORD": str(int(record)),
        "LABKIT_BUDGET": budget,
        "LABKIT_CLUSTER": cluster,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(KIT), os.environ.get("PYTHONPATH")])),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
    before = {name: os.environ.get(name) for name in [*wanted, "LABKIT_ROOT"]}
    os.environ.pop("LABKIT_ROOT", None)
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _executed(cell: Any) -> Executed:
    outputs = cell.outputs
    errors = [f"{o.ename}: {o.evalue}" for o in outputs if o.output_type == "error"]
    streams = [o for o in outputs if o.output_type == "stream"]
    shown = [o.data.get("text/plain", "") for o in outputs if "data" in o]
    printed = [o.text for o in streams if o.name == "stdout"]
    stderr = [o.text for o in streams if o.name == "stderr"]
    return Executed(cell.id, "\n".join([*printed, *shown]), "\n".join(errors), "\n".join(stderr))
