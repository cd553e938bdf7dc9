"""Hosts as plain child processes of this one: for tests, grading, and wherever Ray is not.

Ready in a third of a second, and light; on this machine only.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from labkit.cluster.process import HostError, ProcessDied, Spares
from labkit.cluster.session import Session
from labkit.handle import KIT
from labkit.host.machine import remove, started, strike
from labkit.host.record import read

END_S = 5
ERRORS_SHOWN = 3


class Piped:
    """A child process, spoken to through its standard input and output."""

    place = ""

    def __init__(self, session: Session) -> None:
        import msgpack

        self._errors = session.folder / "errors"
        path = [str(Path(KIT).parent), os.environ.get("PYTHONPATH", "")]
        with self._errors.open("ab") as errors:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", "labkit.host.piped", str(session.folder)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=session.folder,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path)}, start_new_session=True,
            )  # fmt: skip
        session.belongs(self._child.pid, started(self._child.pid))
        self.dead = threading.Event()
        self._pack, self._unpacker = msgpack.packb, msgpack.Unpacker(max_buffer_size=0)
        self._numbers, self._pending = itertools.count(), dict[int, Future[Any]]()
        self._reader = threading.Thread(target=self._listen, name="labkit answers", daemon=True)
        self._reader.start()

    def ask(self, command: str, *given: Any) -> Future[Any]:
        number, future = next(self._numbers), Future[Any]()
        self._pending[number] = future
        stdin = self._child.stdin
        assert stdin is not None
        try:
            stdin.write(self._pack([number, command, given]))
            stdin.flush()
        except (OSError, ValueError):  # a broken pipe, or one that is closed
            self._fail(number)
        if self.dead.is_set():
            self._fail(number)
        return future

    def strike(self, pid: int, signal_name: str) -> None:
        strike(pid, signal_name)

    def read(self, path: str, offset: int) -> bytes:
        return read(path, offset)

    def end(self) -> None:
        self._child.kill()
        self._child.wait(END_S)
        self._reader.join(END_S)
        for pipe in (self._child.stdin, self._child.stdout):
            with contextlib.suppress(OSError):  # what could not be written before it died
                pipe.close()  # type: ignore[union-attr]

    def _listen(self) -> None:
        stdout = self._child.stdout
        while data := os.read(stdout.fileno(), 1 << 16):  # type: ignore[union-attr]
            self._unpacker.feed(data)
            for number, error, answer in self._unpacker:
                self._answered(number, error, answer)
        self.dead.set()
        for number in list(self._pending):
            self._fail(number)

    def _answered(self, number: int, error: str | None, answer: Any) -> None:
        future = self._pending.pop(number)
        if error is None:
            future.set_result(answer)
        else:
            future.set_exception(HostError(error))

    def _fail(self, number: int) -> None:
        future = self._pending.pop(number, None)
        if future is not None:
            last = self._errors.read_text(errors="replace").splitlines()[-ERRORS_SHOWN:]
            future.set_exception(ProcessDied(" / ".join(last) or "it was killed"))


class SubprocessLauncher:
    """Makes child processes."""

    def __init__(self, session: Session) -> None:
        self._spares = Spares(lambda _place: Piped(session))
        self.take, self.warm, self.close = self._spares.take, self._spares.warm, self._spares.close

    def places(self) -> list[str]:
        return [""]

    def is_alive(self) -> bool:
        return True

    def forget(self, folder: str) -> None:
        remove(folder)
