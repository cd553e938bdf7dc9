"""Facts: how safety is stated.  A key, once stated anywhere, keeps its value for ever.

"Leader of term 5" is n3; "entry committed at index 7" is x.  Two values for one key are a
violation, found at the moment when the second is stated, in every runtime.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labkit.message import NodeId
from labkit.plain import words


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule, what broke it, and the place in the trace (an index) where it showed."""

    rule: str
    what: str
    at: int = 0

    @property
    def is_unwritten(self) -> bool:
        """Did the run end because an exercise is not written yet?"""
        return self.rule == UNWRITTEN


UNWRITTEN = "unwritten"
RAISED = "a handler raised an exception"
STORM = "a run comes to rest"


class FactBook:
    """Everything that was stated so far, by whom, and where in the trace."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[Any, tuple[Any, NodeId, int]] = {}

    def state(self, key: Any, value: Any, node: NodeId, at: int) -> Violation | None:
        """Remember that `node` stated `key` to be `value`; the violation, if it was something else before."""
        known = self._known.setdefault(key, (value, node, at))
        if known[0] == value:
            return None
        rule, subject = _words(key)
        first, by, _ = known
        return Violation(
            rule, f"{subject} is {_show(first)} (said {by}) and {_show(value)} (said {node})", at
        )

    def value(self, key: Any) -> Any:
        """What `key` was stated to be, or None."""
        known = self._known.get(key)
        return None if known is None else known[0]

    def items(self) -> list[tuple[Any, Any]]:
        """All facts, in the order in which they were first stated."""
        return [(key, known[0]) for key, known in self._known.items()]

    def __len__(self) -> int:
        return len(self._known)


def _words(key: Any) -> tuple[str, str]:
    if isinstance(key, tuple) and key and isinstance(key[0], str):
        about = " ".join(str(part) for part in key[1:])
        return f"there is one {key[0]}", f"{key[0]} {about}".strip()
    return f"there is one {key}", str(key)


def _show(value: Any) -> str:
    return value if isinstance(value, str) else words(value)
