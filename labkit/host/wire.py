"""Connections between nodes: TCP, a challenge, then frames of packed plain data.

Each node opens one connection to each peer and sends on it; a connection carries messages
one way.  Both ends prove that they know the cluster's secret before a frame is read (HMAC
over both ends' nonces, one label each way, so that a proof cannot be sent back).  A frame is
``[time_us, number, message]``, with the message as packed encoded data: bytes from a stranger
can build nothing but the program's own messages, and only up to a size.

Does not encrypt, retry or acknowledge: whatever is under way when a connection breaks is lost.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Callable
from typing import Any, Protocol

from labkit.message import NodeId

FRAME_BYTES_MAX = 8 << 20
BUFFER_BYTES_MAX = 64 << 20
GREETING_BYTES_MAX = 1024
HANDSHAKE_S = 5
RETRY_S = 0.1
NONCE_BYTES = 32

Frame = tuple[bytes, int, bytes]
"""(what travels, the message's number, the packed message)."""


class Receiver(Protocol):
    """Who is behind a listening socket."""

    secret: bytes
    id: NodeId

    def knows(self, peer: Any) -> bool:
        """Is there a member of this name?"""

    def arrived(self, source: NodeId, frames: list[list[Any]]) -> None:
        """These frames came from `source`, in this order."""


def proof(secret: bytes, label: bytes, *parts: bytes) -> bytes:
    """What only a holder of `secret` can say about these nonces."""
    return hmac.digest(secret, b"|".join([label, *parts]), "sha256")


class Incoming(asyncio.Protocol):
    """A connection that a peer opened to us."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver, self._source, self._nonce = receiver, "", secrets.token_bytes(NONCE_BYTES)
        self._unpacker = _unpacker(GREETING_BYTES_MAX)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._deadline = asyncio.get_running_loop().call_later(HANDSHAKE_S, transport.abort)
        transport.write(self._nonce)

    def connection_lost(self, error: Exception | None) -> None:
        self._deadline.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            frames = _unpacked(self._unpacker, data)
            if frames and not self._source:
                self._greet(frames.pop(0))
            if not all(map(_is_frame, frames)):
                raise ValueError("not frames")
        except (ValueError, TypeError):
            self._transport.abort()
            return
        if frames:
            self._receiver.arrived(self._source, frames)

    def _greet(self, greeting: Any) -> None:
        """Check who calls; ValueError if it cannot prove to be a member."""
        source, nonce, proven = greeting
        expected = proof(self._receiver.secret, b"to " + self._receiver.id.encode(), self._nonce, nonce)
        if not hmac.compare_digest(proven, expected) or not self._receiver.knows(source):
            raise ValueError("a stranger")
        self._source, self._unpacker = source, _unpacker(FRAME_BYTES_MAX)
        self._deadline.cancel()
        self._transport.write(proof(self._receiver.secret, b"back", nonce, self._nonce))


class Outgoing(asyncio.Protocol):
    """Our connection to one peer.  Frames wait while it is being made, and are lost if it fails."""

    def __init__(self, sender: Receiver, peer: NodeId, lost: Callable[[NodeId, list[Frame]], None]) -> None:
        self._sender, self._peer, self._lost = sender, peer, lost
        self._address: tuple[str, int] | None = None
        self._waiting: list[Frame] = []
        self._transport: Any = None
        self._connecting: asyncio.Task[None] | None = None
        self._ready, self._retry_at = False, 0.0

    def locate(self, address: tuple[str, int]) -> None:
        """The peer now listens there; what is under way to its earlier life is lost."""
        if address != self._address:
            self.close()
            self._address, self._retry_at = address, 0.0
            self._connect()

    def close(self) -> None:
        """Break the connection, if there is one."""
        if self._connecting:
            self._connecting.cancel()
        if self._transport:
            self._transport.abort()
        self._transport, self._connecting, self._ready = None, None, False

    def send(self, frame: Frame) -> None:
        """Let `frame` leave with the next ``push``."""
        self._waiting.append(frame)

    def push(self) -> None:
        """Hand what waits to the kernel; if there is no connection, begin to make one."""
        if not self._ready:
            self._connect()
        elif self._transport.get_write_buffer_size() > BUFFER_BYTES_MAX:
            self._drop()
        else:
            self._transport.write(b"".join([frame for frame, _, _ in self._waiting]))
            self._waiting.clear()

    def _drop(self) -> None:
        frames, self._waiting = self._waiting, []
        if frames:
            self._lost(self._peer, frames)

    def _connect(self) -> None:
        if self._connecting:
            return
        loop = asyncio.get_running_loop()
        if self._address is None or loop.time() < self._retry_at:
            self._drop()
        else:
            self._connecting = loop.create_task(self._make(self._address))

    async def _make(self, address: tuple[str, int]) -> None:
        self._greeted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._received, self._nonce = b"", secrets.token_bytes(NONCE_BYTES)
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                await asyncio.get_running_loop().create_connection(lambda: self, *address)
                self._ready = await self._greeted
        except OSError:  # a time-out is one too
            self._ready = False
        self._connecting = None
        if self._ready:
            self.push()
        else:
            self._fail()

    def _fail(self) -> None:
        if self._transport:
            self._transport.abort()
        self._transport, self._ready = None, False
        self._retry_at = asyncio.get_running_loop().time() + RETRY_S
        self._drop()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """First the peer's nonce, then its proof; nothing after that."""
        import msgpack

        self._received += data
        theirs, proven = self._received[:NONCE_BYTES], self._received[NONCE_BYTES:]
        if len(self._received) == NONCE_BYTES:
            mine = proof(self._sender.secret, b"to " + self._peer.encode(), theirs, self._nonce)
            self._transport.write(msgpack.packb([self._sender.id, self._nonce, mine]))
        elif len(self._received) >= 2 * NONCE_BYTES and not self._greeted.done():
            expected = proof(self._sender.secret, b"back", self._nonce, theirs)
            self._greeted.set_result(hmac.compare_digest(proven, expected))

    def connection_lost(self, error: Exception | None) -> None:
        if not self._greeted.done():
            self._greeted.set_result(False)
        elif self._ready:
            self._transport, self._ready = None, False
            self._drop()


def _unpacker(bytes_max: int) -> Any:
    import msgpack

    return msgpack.Unpacker(max_buffer_size=bytes_max + (256 << 10), max_bin_len=bytes_max, max_str_len=1024)


def _unpacked(unpacker: Any, data: bytes) -> list[Any]:
    import msgpack

    try:
        unpacker.feed(data)
        return list(unpacker)
    except msgpack.UnpackException as error:
        raise ValueError(f"not msgpack, or too much of it: {error}") from error


def _is_frame(frame: Any) -> bool:
    return type(frame) is list and len(frame) == 3 and [type(part) for part in frame] == [int, int, bytes]
