"""A program: the classes and functions that a learner wrote, as a check sees them.

A check never touches a class.  It asks the program for a handle on a node of some role, or
calls an exercise that is a plain function.  ``LocalProgram`` answers from this process;
the grader's program answers from another one, over the same calls.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from labkit.handle import Handle, LocalHandle, explain, view
from labkit.message import NodeId, classes_of
from labkit.node import Node


class ProgramError(Exception):
    """The program has no such class or function, or its function raised: the learner's finding."""


class Unwritten(ProgramError):
    """The function is an exercise that is not written yet."""


class Program(Protocol):
    """What a check is given."""

    classes: Mapping[str, type]
    """The message and Enum classes that cross the boundary, by name."""

    def handle(
        self, role: str, id: NodeId, peers: Iterable[NodeId], system: Iterable[NodeId], seed: str
    ) -> Handle:
        """A handle on a node of class `role`, not yet started."""

    def call(self, function: str, *given: Any) -> Any:
        """Call a plain function with plain data; Unwritten or ProgramError tells what went wrong."""


class LocalProgram:
    """A program in this process, looked up in `namespace`."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self.classes: Mapping[str, type] = classes_of(namespace)

    @classmethod
    def of(cls, *roles: type[Node]) -> LocalProgram:
        """The program made of these node classes and the messages defined beside them."""
        namespace: dict[str, Any] = {}
        for role in roles:
            namespace |= vars(sys.modules[role.__module__]) if role.__module__ in sys.modules else {}
        namespace |= {role.__name__: role for role in roles}
        return cls(namespace)

    def handle(
        self, role: str, id: NodeId, peers: Iterable[NodeId], system: Iterable[NodeId], seed: str
    ) -> LocalHandle:
        return LocalHandle(self.role(role), id, peers, system, seed)

    def call(self, function: str, *given: Any) -> Any:
        found = self._namespace.get(function)
        if not callable(found):
            raise ProgramError(f"there is no function {function!r}; define it in its exercise's cell")
        try:
            return view(found(*given))
        except NotImplementedError as error:
            raise Unwritten(str(error)) from error
        except Exception as error:
            raise ProgramError(explain(error)) from error

    def role(self, name: str) -> type[Node]:
        """The node class called `name`."""
        found = self._namespace.get(name)
        if not (inspect.isclass(found) and issubclass(found, Node)):
            nodes = sorted(
                n for n, c in self._namespace.items() if inspect.isclass(c) and issubclass(c, Node)
            )
            raise ProgramError(
                f"there is no node class {name!r}; the program has {', '.join(nodes) or 'none'}"
            )
        return found
