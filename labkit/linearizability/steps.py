"""The steps of one object, each computed once: states and calls become small integers.

A search visits the same few states again and again.  With integers its memory is small,
its comparisons are fast, and a model's states need not be hashable.
"""

from __future__ import annotations

from typing import Any

from labkit.history import Operation
from labkit.models import ANYTHING, ILLEGAL, Model, canonical

NOT_LEGAL = -1
_OPEN_ENDED = ("any result",)


class Steps:
    """``rows[state][call]`` is the next state, or `NOT_LEGAL`; both are counted from 0."""

    def __init__(self, model: Model, initial: Any) -> None:
        self.model = model
        self.states: list[Any] = []
        self.rows: list[_Row] = []
        self._state_ids: dict[Any, int] = {}
        self._calls: list[tuple[Operation, Any, bool]] = []
        self._call_ids: dict[Any, int] = {}
        self._matters: dict[tuple[int, int], bool] = {}
        self.state_id(initial)

    def state_id(self, state: Any) -> int:
        """The number of this state, a new one if it was never seen."""
        key = canonical(state)
        found = self._state_ids.get(key)
        if found is None:
            found = self._state_ids[key] = len(self.states)
            self.states.append(state)
            self.rows.append(_Row(self, state))
        return found

    def call_id(self, operation: Operation) -> int:
        """The number of this call with its answer; equal calls do the same in every state."""
        read = self.model.is_read(operation)
        result = _OPEN_ENDED
        if operation.outcome == "ok":
            result = canonical(self.model.seen(operation.f, operation.result))
        key = (operation.f, canonical(operation.value), result)
        found = self._call_ids.get(key)
        if found is None:
            found = self._call_ids[key] = len(self._calls)
            self._calls.append((operation, result, read))
        return found

    def step(self, state: Any, call: int) -> int:
        """The state after this call, if its recorded answer is what the model says."""
        operation, recorded, read = self._calls[call]
        outcome = self.model.apply(state, operation.f, operation.value)
        if outcome is ILLEGAL:
            return NOT_LEGAL
        after, result = outcome
        free = result is ANYTHING or recorded is _OPEN_ENDED
        if not free and canonical(result) != recorded:
            return NOT_LEGAL
        if read and canonical(after) != canonical(state):
            raise ValueError(
                f"{type(self.model).__name__} says that {operation.f!r} is a read, but it turned "
                f"{state!r} into {after!r}; take it out of `reads`"
            )
        return self.state_id(after)

    def matters(self, state: int, call: int) -> bool:
        """Whether any call of this history could tell that this one was made in this state.

        If not, then whatever follows it ends in the same state without it.
        """
        found = self._matters.get((state, call))
        if found is None:
            found = self._matters[state, call] = self._distinguished(state, call)
        return found

    def _distinguished(self, state: int, call: int) -> bool:
        after = self.rows[state][call]
        if after in (NOT_LEGAL, state):
            return False
        here, there = self.rows[state], self.rows[after]
        return any(
            there[c] not in (NOT_LEGAL, here[c]) and (there[c], here[c]) != (after, state)
            for c in range(len(self._calls))
        )


class _Row(dict[int, int]):
    """What each call does in one state, computed when first asked for."""

    def __init__(self, steps: Steps, state: Any) -> None:
        super().__init__()
        self._steps = steps
        self._state = state

    def __missing__(self, call: int) -> int:
        after = self[call] = self._steps.step(self._state, call)
        return after
