"""What the clients saw: operations, each with an invocation and perhaps a response.

A history is the only evidence that a consistency checker looks at.  Its order is the
order in which events were recorded, never a clock: two events at the same (virtual)
instant are still one before the other in the record, and nothing else is known.

How an operation ended (Jepsen's words):

- ``ok``    it took effect, and the client got ``result``;
- ``fail``  it certainly did not take effect, and never will;
- ``info``  unknown: it may have happened, may still happen, or may never.

Does not judge anything: see ``linearizability`` and ``consistency``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Outcome = Literal["ok", "fail", "info"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One call by a client, from its invocation to its response, if there was one.

    ``invoked`` and ``returned`` are positions in the history, not times; ``returned``
    is None for an operation that was never answered.  ``invoked_us`` and
    ``returned_us`` are (virtual) microseconds, for pictures and latency only.
    """

    id: int
    client: str
    process: Any
    f: str
    key: Any = None
    value: Any = None
    result: Any = None
    outcome: Outcome = "info"
    invoked: int = 0
    returned: int | None = None
    invoked_us: int | None = None
    returned_us: int | None = None

    def __str__(self) -> str:
        given = [repr(part) for part in (self.key, self.value) if part is not None]
        call = f"{self.process}: {self.f}({', '.join(given)})"
        if self.outcome == "ok":
            return f"{call} -> {self.result!r}"
        return f"{call} {'failed' if self.outcome == 'fail' else '(unknown)'}"


@dataclass(frozen=True, slots=True)
class Annotation:
    """A span of the run worth shading in a picture, such as a partition; times in microseconds."""

    start_us: int
    end_us: int | None
    text: str
    nodes: tuple[str, ...] = ()


@dataclass(slots=True)
class History:
    """The operations of one run, recorded as they happen, in order of invocation.

    A client whose operation ended in ``info`` may go on, but as a new process: the
    unknown operation stays open, and a process has one operation at a time.
    """

    operations: list[Operation] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)
    _position: int = 0
    _lives: dict[str, int] = field(default_factory=dict)
    _given_up: set[int] = field(default_factory=set)

    def invoke(
        self,
        client: str,
        f: str,
        key: Any = None,
        value: Any = None,
        *,
        process: Any = None,
        time_us: int | None = None,
    ) -> Operation:
        """Record an invocation; give the returned operation's ``id`` to the response."""
        if process is None:
            life = self._lives.get(client, 1)
            process = client if life == 1 else f"{client}/{life}"
        operation = Operation(
            id=len(self.operations),
            client=client,
            process=process,
            f=f,
            key=key,
            value=value,
            invoked=self._tick(),
            invoked_us=time_us,
        )
        self.operations.append(operation)
        return operation

    def ok(self, id: int, result: Any = None, *, time_us: int | None = None) -> None:
        """The operation took effect and the client received `result`."""
        self._respond(id, "ok", result, time_us)

    def fail(self, id: int, *, time_us: int | None = None) -> None:
        """The operation certainly did not take effect."""
        self._respond(id, "fail", None, time_us)

    def info(self, id: int, *, time_us: int | None = None) -> None:
        """Nobody knows; the client's next operation belongs to a new process."""
        operation = self._open(id)
        self._given_up.add(id)
        self.operations[id] = replace(operation, returned_us=time_us)
        self._lives[operation.client] = self._lives.get(operation.client, 1) + 1

    def annotate(self, start_us: int, end_us: int | None, text: str, nodes: Iterable[str] = ()) -> None:
        """Remember a span of time, such as a partition, for the pictures."""
        self.annotations.append(Annotation(start_us, end_us, text, tuple(nodes)))

    def by_key(self) -> dict[Any, list[Operation]]:
        """The operations on each key, keys in order of first use."""
        return _grouped(self.operations, lambda operation: operation.key)

    def by_process(self) -> dict[Any, list[Operation]]:
        """The operations of each process, processes in order of first use."""
        return _grouped(self.operations, lambda operation: operation.process)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations)

    def __len__(self) -> int:
        return len(self.operations)

    def to_frame(self) -> Any:
        """One row an operation, as a pandas frame; times in milliseconds."""
        import pandas

        rows = [
            {
                "client": op.client,
                "process": op.process,
                "f": op.f,
                "key": op.key,
                "value": op.value,
                "result": op.result,
                "outcome": op.outcome,
                "invoked_ms": None if op.invoked_us is None else op.invoked_us / 1000,
                "returned_ms": None if op.returned_us is None else op.returned_us / 1000,
            }
            for op in self.operations
        ]
        return pandas.DataFrame(rows)

    def to_lines(self) -> str:
        """JSON lines, one an event, in order: what ``labkit check-history`` reads."""
        events = sorted(self._events(), key=lambda numbered: numbered[0])
        return "".join(json.dumps(event, default=sorted) + "\n" for _, event in events)

    def _events(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for op in self.operations:
            common = {"process": op.process, "f": op.f, "key": op.key}
            yield op.invoked, {**common, "type": "invoke", "value": op.value, "time": op.invoked_us}
            if op.returned is not None:
                yield (
                    op.returned,
                    {**common, "type": op.outcome, "value": _answer(op), "time": op.returned_us},
                )

    def _respond(self, id: int, outcome: Outcome, result: Any, time_us: int | None) -> None:
        self.operations[id] = replace(
            self._open(id),
            outcome=outcome,
            result=result,
            returned=self._tick(),
            returned_us=time_us,
        )

    def _open(self, id: int) -> Operation:
        operation = self.operations[id] if 0 <= id < len(self.operations) else None
        if operation is None:
            raise ValueError(f"operation {id} was never invoked; its response cannot be recorded")
        if operation.outcome != "info" or id in self._given_up:
            raise ValueError(f"operation {operation} has already ended; answer each operation once")
        return operation

    def _tick(self) -> int:
        self._position += 1
        return self._position


def _answer(operation: Operation) -> Any:
    """The value of the response in a file: what was read, or what was asked for."""
    if operation.f == "cas":
        refused = operation.outcome == "ok" and operation.result is False
        return [*operation.value, False] if refused else operation.value
    return operation.result if operation.outcome == "ok" else operation.value


def _grouped(operations: Iterable[Operation], name: Any) -> dict[Any, list[Operation]]:
    groups: dict[Any, list[Operation]] = {}
    for operation in operations:
        groups.setdefault(name(operation), []).append(operation)
    return groups
