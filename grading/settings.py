"""``course.toml``: the secret behind the seeds, due dates, scales, the late policy."""

from __future__ import annotations

import hashlib
import hmac
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labkit.lab import CourseError

NO_SECRET = b"this course has no secret"
LATE = ("none", "zero")


@dataclass(frozen=True, slots=True)
class Settings:
    """How submissions are seeded, dated and scaled."""

    secret: bytes = NO_SECRET
    late: str = "none"
    labs: tuple[tuple[str, dict[str, Any]], ...] = ()

    @property
    def is_secret(self) -> bool:
        """Do the seeds come from a secret, or could a student compute them?"""
        return self.secret != NO_SECRET

    def seed(self, *names: str) -> str:
        """The seed for one check of one submission: the same each time, and nobody else's."""
        return hmac.new(self.secret, "/".join(names).encode(), hashlib.sha256).hexdigest()[:16]

    def scale(self, lab: str) -> float:
        """What a lab's points are multiplied with."""
        return float(dict(self.labs).get(lab, {}).get("scale", 1))

    def due(self, lab: str) -> datetime | None:
        """When a lab has to be handed in, if there is a date."""
        due = dict(self.labs).get(lab, {}).get("due")
        return due if due is None or due.tzinfo else due.replace(tzinfo=UTC)

    def penalty(self, lab: str, handed_in: datetime | None, score: float) -> float:
        """What is taken off `score` for being late."""
        due = self.due(lab)
        is_late = due is not None and handed_in is not None and handed_in > due
        return score if is_late and self.late == "zero" else 0.0


def read_settings(root: Path, seed_file: Path | None = None) -> Settings:
    """The settings of a course; `seed_file` takes the place of the secret that it names.

    CourseError if a file is not what it should be.
    """
    path = root / "grading" / "course.toml"
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except tomllib.TOMLDecodeError as error:
        raise CourseError(f"{path.name} is not TOML: {error}") from error
    grading = raw.get("grading", {})
    late = grading.get("late", "none")
    if late not in LATE:
        raise CourseError(f"{path.name}: late is {late!r}; it is one of {', '.join(LATE)}")
    labs = tuple((f"{int(id):02d}", about) for id, about in raw.get("labs", {}).items())
    return Settings(_secret(root, grading.get("secret", ""), seed_file), late, labs)


def _secret(root: Path, named: str, seed_file: Path | None) -> bytes:
    if seed_file is not None:
        try:
            return seed_file.read_bytes().strip()
        except OSError as error:
            raise CourseError(
                f"the seed file {seed_file} cannot be read: {error.strerror}"
            ) from error
    path = root / named
    return path.read_bytes().strip() if named and path.is_file() else NO_SECRET
