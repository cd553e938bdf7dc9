"""Links in numbers: their bounds, their streams, and how corruption changes a message."""

from __future__ import annotations

from enum import Enum

import pytest

from labkit import Link, message
from labkit.network import Network, Stream, corrupted
from labkit.workload import reads_and_writes, writes


class Colour(Enum):
    RED = 1
    BLUE = 2


@message
class Parcel:
    number: int
    flag: bool
    name: str
    body: bytes
    colour: Colour
    parts: tuple[int, ...]
    maybe: int | None = None


@pytest.mark.parametrize("wrong", [{"delay_ms": (5, 1)}, {"loss": 1.5}, {"tail": -0.1}, {"corruption": 2}])
def test_a_link_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Link(**wrong)


def test_delays_lie_within_the_link():
    network = Network(1, Link(delay_ms=(2, 4)))
    delays = [network.delays_us("a", "b")[0] for _ in range(300)]
    assert 2_000 <= min(delays) < 2_100 < 3_900 < max(delays) <= 4_000


def test_a_tail_goes_beyond_the_link():
    network = Network(1, Link(delay_ms=(2, 4), tail=0.5, tail_ms=100))
    delays = [network.delays_us("a", "b")[0] for _ in range(300)]
    assert max(delays) > 90_000
    assert network.faults["late"] == sum(delay >= 4_000 for delay in delays)


def test_a_message_to_oneself_is_never_hurt():
    network = Network(1, Link(loss=1))
    network.set_link(loss=1)
    assert network.delays_us("a", "a") == (0,)
    assert network.delays_us("a", "b") == ()


def test_one_link_can_differ_from_all_others_and_follow_them_in_the_rest():
    network = Network(1)
    network.set_link("a", "b", delay_ms=(70, 70))
    network.set_link(loss=0.0, delay_ms=(3, 3))
    network.set_link("a", "b", delay_ms=(70, 70))
    assert network.delays_us("a", "b") == (70_000,)
    assert network.delays_us("b", "a") == (3_000,)


def test_a_cut_is_one_way():
    network = Network(1)
    network.cut("a", "b")
    assert network.delays_us("a", "b") == ()
    assert network.delays_us("b", "a") != ()
    network.heal("a", "b")
    assert network.delays_us("a", "b") != ()


def test_a_stream_is_its_seed_and_its_name():
    def draws(seed, name):
        stream = Stream(seed, name)
        return [stream.below(1000) for _ in range(5)]

    assert draws(1, "x") == draws(1, "x") != draws(1, "y")
    assert draws(1, "x") != draws(2, "x")
    assert draws(7, "known") == draws("7", "known")


def test_corruption_changes_one_field_to_another_value_of_its_type():
    parcel = Parcel(5, True, "n1", b"abc", Colour.RED, (1, 2))
    stream, changed = Stream(0, "c"), set()
    for _ in range(200):
        other = corrupted(parcel, stream, ("n1", "n2"))
        fields = [name for name in Parcel.__slots__ if getattr(other, name) != getattr(parcel, name)]
        assert len(fields) <= 1
        changed.update(fields)
        assert other.name in ("n1", "n2")
    assert changed == {"number", "flag", "name", "body", "colour", "parts"}


def test_written_values_are_all_different():
    assert writes(2, 2) == {
        "c1": [("append", None, "c1-1"), ("append", None, "c1-2")],
        "c2": [("append", None, "c2-1"), ("append", None, "c2-2")],
    }
    work = reads_and_writes(3, 20, keys=("x", "y"), seed=4)
    written = [value for calls in work.values() for f, _, value in calls if f == "write"]
    assert len(written) == len(set(written)) > 15
    assert {f for calls in work.values() for f, _, _ in calls} == {"read", "write"}
    assert work == reads_and_writes(3, 20, keys=("x", "y"), seed=4)
