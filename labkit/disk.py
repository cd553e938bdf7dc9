"""A node's disk: what survives a crash, and what a crash may do to it.

By default every save is on the disk at once.  A lab may say that its disk has a cache: then
only what was saved before the last ``sync`` is certain, and a crash loses or tears the rest.
"""

from __future__ import annotations

from typing import Any, Literal

from labkit.network import Stream

Damage = Literal["kept", "lost", "torn", "wiped"]
"""What a crash does: nothing; the last unsynced saves are gone; the first of those is half
there; all is gone."""


class Disk:
    """The stored fields of one node, in the order in which they were saved."""

    __slots__ = ("_synced", "_unsynced", "fields")

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self._synced: dict[str, Any] = {}
        self._unsynced: list[dict[str, Any]] = []

    def save(self, fields: dict[str, Any]) -> None:
        """Keep `fields`, in the cache."""
        self.fields.update(fields)
        self._unsynced.append(fields)

    def sync(self) -> None:
        """Force the cache to the disk."""
        for fields in self._unsynced:
            self._synced.update(fields)
        self._unsynced.clear()

    def crash(self, damage: Damage, chance: Stream) -> str:
        """Suffer a crash; what was lost, in words, or nothing if nothing was."""
        unsynced = self._unsynced
        if damage == "wiped":
            self.fields, self._synced = {}, {}
            unsynced.clear()
            return "its disk is wiped"
        if damage == "kept" or not unsynced:
            self.sync()  # the cache got to the disk in time
            return ""
        left = chance.below(len(unsynced))
        first, count = unsynced[left], len(unsynced) - left
        del unsynced[left:]
        if damage == "torn":
            unsynced.append(_torn(first))
        self.sync()
        self.fields = dict(self._synced)
        return f"its last {count} unsynced saves are {damage}"


def _torn(fields: dict[str, Any]) -> dict[str, Any]:
    """Half of a save: its first fields, or the first half of its only value, if that can be halved."""
    names = list(fields)
    if len(names) > 1:
        return {name: fields[name] for name in names[: len(names) // 2]}
    return {n: v[: len(v) // 2] for n, v in fields.items() if isinstance(v, str | bytes | tuple)}
