"""Copies of the course for a browser to open, so that nothing here is changed by looking at it."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LABS = ROOT / "labs"
UNWANTED = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__", ".labkit")


def copy_course(folder: Path) -> Path:
    """Copy what a student has, without answers kept, below `folder`; return its labs."""
    (folder / "labs").mkdir()
    for name in ("labs", "datasets"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=UNWANTED, dirs_exist_ok=True)
    return folder / "labs"


def copy_beside(notebook: Path, folder: Path) -> tuple[Path, str]:
    """Copy the course, and a notebook into its place in it.

    Returns the folder to serve and the notebook's path below it.  A notebook of a lab, or one
    whose folder has a lab's name, takes that lab's place; any other gets its folder copied.
    """
    labs = copy_course(folder)
    home = labs / notebook.resolve().parent.name
    if not home.is_dir():
        home.mkdir(parents=True)
        for beside in notebook.resolve().parent.glob("*.py"):
            shutil.copy(beside, home)
    shutil.copy(notebook, home)
    return labs, f"{home.name}/{notebook.name}"
