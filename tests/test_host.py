"""One real node's parts: its clock, its log, its connections, its client's calls."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgpack
import pytest

from labkit.history import Operation
from labkit.host.clients import Calls
from labkit.host.machine import is_alive, started
from labkit.host.record import Clock, Log, pack, pack_message, parse, unpack
from labkit.host.wire import FRAME_BYTES_MAX, Incoming, Outgoing, proof
from labkit.message import encode
from tests.conformance.programs import EVERYTHING, Colour, Got, Put

CLASSES = {"Put": Put, "Got": Got, "Colour": Colour}
SECRET = b"between the two of us"


@pytest.mark.parametrize("value", [*EVERYTHING, EVERYTHING], ids=lambda value: type(value).__name__)
def test_what_is_packed_comes_back_the_same(value: Any) -> None:
    for packed in (pack(Put(value)), pack_message(Put(value))):
        back = unpack(packed, CLASSES)
        assert back == Put(value)
        assert encode(back) == encode(Put(value)), "the types too, and the sign of zero"
    assert pack(Put(value)) == pack_message(Put(value))


@pytest.mark.parametrize(
    "encoded",
    [b"\xc1", {"message": ["Node"]}, {"message": ["Put"]}, {"message": []},
     {"message": ["Colour", "RED"]}, 0.5, {"message": ["Put", 1], "more": 1},
     {"message": ["Put", b"raw"]}, [1, {"float": "nan"}]],
    ids=repr,
)  # fmt: skip
def test_bytes_that_nobody_packed_are_refused(encoded: Any) -> None:
    data = encoded if isinstance(encoded, bytes) else msgpack.packb(encoded)
    with pytest.raises(ValueError, match=r"no|not"):
        unpack(data, CLASSES)


def test_time_is_later_than_every_cause_and_never_stands_still() -> None:
    clock = Clock(0)
    far = clock.now_us() + 10**9
    times = [clock.tick(), clock.tick(), clock.tick(far), clock.tick(), clock.tick(5)]
    assert times == sorted(set(times))
    assert times[2] == far + 1


def test_a_torn_tail_is_cut_off_and_the_storage_before_it_is_kept(tmp_path: Path) -> None:
    log = Log(tmp_path / "n1.log")
    for term in (1, 2):
        log.add(term, "save", "n1", None, pack({"term": term, "vote": f"n{term}"}), 0)
    log.write()
    whole = log.path.read_bytes()
    log.path.write_bytes(whole + msgpack.packb([3, "save", "n1", None, pack({"term": 3}), 0])[:-4])
    reopened = Log(log.path)
    assert reopened.recover(CLASSES) == {"term": 2, "vote": "n2"}
    reopened.add(4, "save", "n1", None, pack({"term": 4}), 0)
    reopened.write()
    assert [row[0] for row in parse(log.path.read_bytes())[0]] == [1, 2, 4]


class Member:
    """The end of a connection, without a node behind it."""

    def __init__(self, id: str, secret: bytes = SECRET) -> None:
        self.id, self.secret = id, secret
        self.got: asyncio.Queue[Any] = asyncio.Queue()
        self.lost: asyncio.Queue[Any] = asyncio.Queue()

    def knows(self, peer: Any) -> bool:
        return peer in ("n1", "n2")

    def arrived(self, source: str, frames: list[Any]) -> None:
        for frame in frames:
            self.got.put_nowait((source, frame))


@asynccontextmanager
async def listening(member: Member) -> AsyncIterator[tuple[str, int]]:
    """A server for `member`; at the end nothing is left open."""
    loop, made = asyncio.get_running_loop(), list[Incoming]()

    def incoming() -> Incoming:
        made.append(Incoming(member))
        return made[-1]

    server = await loop.create_server(incoming, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()
    server.close()
    for connection in made:
        connection._transport.abort()


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `main`, and give the loop some turns to close what was closed."""

    async def whole() -> None:
        await main()
        for _ in range(10):
            await asyncio.sleep(0)

    asyncio.run(whole())


def channel(sender: Member, address: tuple[str, int]) -> Outgoing:
    made = Outgoing(
        sender, "n2", lambda _peer, frames: sender.lost.put_nowait([n for _, n, _ in frames])
    )
    for number in (1, 2):
        made.send((msgpack.packb([0, number, b"x"]), number, b"x"))
    made.locate(address)
    return made


def test_members_that_share_the_secret_exchange_frames_in_order() -> None:
    async def main() -> None:
        receiver = Member("n2")
        async with listening(receiver) as address:
            made = channel(Member("n1"), address)
            got = [await receiver.got.get() for _ in range(2)]
            assert got == [("n1", [0, 1, b"x"]), ("n1", [0, 2, b"x"])]
            made.close()

    run(main)


@pytest.mark.parametrize("sender", [Member("n1", b"a guess"), Member("n7")], ids=["secret", "name"])
def test_a_stranger_gets_nothing_through_and_learns_it(sender: Member) -> None:
    async def main() -> None:
        sender.lost, receiver = asyncio.Queue(), Member("n2")
        async with listening(receiver) as address:
            channel(sender, address)
            assert await sender.lost.get() == [1, 2]
            assert receiver.got.empty()

    run(main)


def test_an_impostor_that_listens_is_sent_nothing() -> None:
    """It cannot prove the secret; giving back the caller's own proof does not help."""

    async def main() -> None:
        sender = Member("n1")

        async def parrot(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(bytes(32))
            _, _, proven = msgpack.unpackb(await reader.read(1024))
            writer.write(proven)
            assert await reader.read() == b""
            writer.close()

        async with await asyncio.start_server(parrot, "127.0.0.1", 0) as server:
            channel(sender, server.sockets[0].getsockname())
            assert await sender.lost.get() == [1, 2]

    run(main)


@pytest.mark.parametrize(
    "garbage", [b"\xc1" * 9, msgpack.packb([1, 2]), msgpack.packb([0, "1", b""]),
                msgpack.packb([0, 1, bytes(FRAME_BYTES_MAX + (1 << 20))])],
    ids=["no msgpack", "no frame", "wrong types", "too big"],
)  # fmt: skip
def test_a_member_that_sends_no_frames_is_cut_off(garbage: bytes) -> None:
    async def main() -> None:
        receiver = Member("n2")
        async with listening(receiver) as address:
            reader, writer = await asyncio.open_connection(*address)
            nonce = await reader.readexactly(32)
            writer.write(msgpack.packb(["n1", b"mine", proof(SECRET, b"to n2", nonce, b"mine")]))
            await reader.readexactly(32)
            writer.write(garbage)
            with contextlib.suppress(ConnectionError):  # cut off before all of it was sent
                assert await reader.read() == b""
            assert receiver.got.empty()
            writer.close()

    run(main)


def test_a_stranger_may_not_fill_the_memory() -> None:
    async def main() -> None:
        async with listening(Member("n2")) as address:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(msgpack.packb(["n1", bytes(1 << 20), b""]))
            await reader.readexactly(32)
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await reader.readexactly(1)
            writer.close()

    run(main)


def test_an_operation_begins_after_the_one_before_has_ended() -> None:
    calls = Calls("c2", (("put", "x", 1), ("get", "x", None)), first=1, step=2)
    seen: list[tuple[Operation, int]] = []
    calls.begin(lambda *given: seen.append(given))
    ended_ns = calls.end("info", seen[0][0].id)
    calls.begin(lambda *given: seen.append(given))
    (one, began_ns), (two, again_ns) = seen
    assert began_ns < ended_ns < again_ns
    assert (one.id, two.id) == (1, 3), "the other client has 0 and 2"
    assert (one.process, two.process) == ("c2", "c2/2"), (
        "after an unknown end it goes on as another process"
    )
    assert not calls.left
    calls.end("ok", two.id)
    with pytest.raises(ValueError, match="already ended"):
        calls.end("ok", two.id)


def test_a_pid_alone_names_nobody() -> None:
    me = os.getpid()
    assert is_alive(me, started(me))
    assert not is_alive(me, "1")
