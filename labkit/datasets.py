"""The course's data sets, by name, with their checksums verified.

A data set is a folder under ``datasets/`` with a card, ``README.md``, that holds the checksum.
Nothing is ever fetched.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Mapping
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


def one_way_ms(places: Mapping[str, str]) -> dict[tuple[str, str], float]:
    """Link delays between members of a system, from the region of each: half of the measured round trip.

    Halves, because nobody has measured the ways apart.  Two members in one region have no entry.
    """
    with dataset_path("region_round_trips").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    trips = {(row["source"], row["destination"]): int(row["round_trip_ms"]) for row in rows}
    unknown = sorted(set(places.values()) - {region for region, _ in trips})
    if unknown:
        raise CourseError(f"no round trips are known for the region {unknown[0]!r}; see its data set's card")
    return {
        (one, other): trips[here, there] / 2
        for one, here in places.items()
        for other, there in places.items()
        if here != there
    }
