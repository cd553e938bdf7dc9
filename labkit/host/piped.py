"""A host as a plain process: commands on standard input, answers on standard output.

Run as ``python -m labkit.host.piped FOLDER`` by the subprocess launcher; FOLDER only marks
the process as belonging to a session.  Both streams are msgpack: ``[number, command, given]``
in, ``[number, error or None, answer]`` out.  The end of the input is the end of the process,
so a host never outlives its controller by more than it takes to notice.
"""

from __future__ import annotations

import asyncio
import os
import signal
import traceback
from typing import Any

from labkit.host import Host


class _Pipe(asyncio.Protocol):
    def __init__(self, host: Host, out: int) -> None:
        import msgpack

        self._host, self._out, self._unpacker = host, out, msgpack.Unpacker(max_buffer_size=0)
        self._pack = msgpack.packb
        self._answering: set[asyncio.Task[None]] = set()

    def data_received(self, data: bytes) -> None:
        self._unpacker.feed(data)
        for request in self._unpacker:
            task = asyncio.ensure_future(self._answer(*request))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    def connection_lost(self, error: Exception | None) -> None:
        os._exit(0)

    async def _answer(self, number: int, command: str, given: list[Any]) -> None:
        try:
            answer = [number, None, await self._host.ask(command, given)]
        except BaseException as error:  # travels to the controller, which raises it
            answer = [number, "".join(traceback.format_exception_only(error)).strip(), None]
        block = memoryview(self._pack(answer))
        while block:
            block = block[os.write(self._out, block) :]


async def _serve() -> None:
    out = os.dup(1)
    os.dup2(2, 1)  # a stray write to standard output must not look like an answer
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: _Pipe(Host(), out), os.fdopen(0, "rb"))
    await loop.create_future()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupted cell is no crash
    asyncio.run(_serve())
