"""The course's data sets, by name, with their checksums verified.

A data set is a folder under ``datasets/`` with a card, ``README.md``, that holds the checksum.
Nothing is ever fetched.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from labkit.lab import CourseError, course_root


def dataset(name: str) -> Any:
    """The data set as a pandas frame.  CourseError if it is missing, or not what its card says."""
    import pandas

    return pandas.read_csv(dataset_path(name))


def dataset_path(name: str) -> Path:
    """The file of a data set, after its checksum was verified."""
    folder = course_root() / "datasets" / name
    if not re.fullmatch(r"\w+", name) or not folder.is_dir():
        have = ", ".join(sorted(p.parent.name for p in folder.parent.glob("*/README.md"))) or "none"
        raise CourseError(f"there is no data set {name!r}; there are: {have}")
    path = folder / f"{name}.csv"
    found = re.search(r"SHA-256 \| `([0-9a-f]{64})`", (folder / "README.md").read_text(encoding="utf-8"))
    if found is None:
        raise CourseError(
            f"the card of data set {name!r} has no SHA-256 line; restore datasets/{name}/README.md"
        )
    if hashlib.sha256(path.read_bytes()).hexdigest() != found[1]:
        raise CourseError(
            f"{path.name} is not the file that its card describes; restore it: git checkout datasets/{name}"
        )
    return path
