"""A course of one small lab for tests, and submissions to it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from grading.build import build
from grading.course import CourseLab, open_lab

COURSE = Path(__file__).parent / "data" / "course"

ADD = """@exercise("90.1", into=Counter)
def on_add(self, source, request):
    self.total += request.amount
    self.storage.save(total=self.total)
    self.send(source, Sum(self.total))
"""
DOUBLE = '@exercise("90.2")\ndef double(number):\n    return 2 * number\n'


def copy_course(folder: Path) -> CourseLab:
    """The lab in a copy of the course, built."""
    shutil.copytree(
        COURSE, folder / "course", ignore=shutil.ignore_patterns("build", "__pycache__")
    )
    lab = open_lab("90", folder / "course")
    build(lab)
    return lab


def hand_in(lab: CourseLab, folder: Path, student: str, *own: str, **written: str) -> Path:
    """Hand in the lab's notebook with exercise cells as `written` (ex1=..., ex2=...).

    `own` cells come before the first exercise.
    """
    (name,) = lab.notebooks()
    notebook = json.loads(lab.notebooks()[name])
    for cell in notebook["cells"]:
        number = cell["id"].rpartition("-")[2]
        if cell["id"].startswith("ex-") and f"ex{number}" in written:
            cell["source"] = written[f"ex{number}"]
    more = [
        {"id": f"own{n}", "cell_type": "code", "source": s, "metadata": {}}
        for n, s in enumerate(own)
    ]
    for cell in more:
        cell |= {"outputs": [], "execution_count": None}
    notebook["cells"][2:2] = more
    path = folder / "submitted" / student / lab.name / name
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(notebook))
    return path
