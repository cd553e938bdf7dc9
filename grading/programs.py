"""A bundle as a program that checks can judge: in this process, or in processes of its own.

``TrustedProgram`` is for text that is trusted: the course's answers, an author at work.  Student
code is judged through ``remote_program`` only.
"""

from __future__ import annotations

import types

from grading.channel import Host
from grading.remote import RemoteProgram
from labkit.bundle import Bundle
from labkit.message import classes_of
from labkit.program import LocalProgram


class TrustedProgram(LocalProgram):
    """A program in this process, with what loading it found."""

    def __init__(self, bundle: Bundle) -> None:
        loaded = bundle.load()
        super().__init__(loaded.namespace)
        self.given, self.problems = loaded.given, loaded.problems

    def reset(self) -> None:
        """Nothing to let go of."""

    def close(self) -> None:
        """Nothing to let go of."""


def remote_program(host: Host, bundle: Bundle, given: types.ModuleType | None) -> RemoteProgram:
    """The program of a bundle, loaded in forks of `host`; `given` are the judge's own classes.

    Raises ProgramError if it cannot be loaded at all.
    """
    return RemoteProgram(host, bundle, classes_of(vars(given)) if given else {})
