"""Messages are frozen plain data, with one canonical encoding that round-trips."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.message import NodeId, NotPlainData, canonical, classes_of, decode, encode, message, plain


class Colour(Enum):
    RED = 1
    BLUE = 2


@message
class Point:
    x: int
    y: int


@message
class Parcel:
    to: NodeId
    weight: float = 0
    colour: Colour | None = None
    path: tuple[Point, ...] = ()
    tags: frozenset[str] = frozenset()
    content: Any = None


CLASSES = classes_of(globals())

leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**4000), 2**4000), st.text(), st.binary(),
    st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(Colour),
    st.builds(Point, st.integers(), st.integers()),
)  # fmt: skip
values = st.recursive(
    leaves, lambda v: st.lists(v, max_size=4).map(tuple) | st.frozensets(v, max_size=4), max_leaves=12
)


@given(values)
def test_decode_gives_back_what_encode_was_given(value):
    again = decode(encode(value), CLASSES)
    assert again == value
    assert type(again) is type(value)


@given(values)
def test_equal_values_have_one_text(value):
    assert canonical(encode(value)) == canonical(encode(decode(encode(value), CLASSES)))


def test_a_set_has_one_text_whatever_its_order():
    assert encode(frozenset("abc")) == encode(frozenset("cba"))


def test_true_and_one_are_different_texts():
    assert len({canonical(encode(v)) for v in (1, True, 1.0, "1", b"1")}) == 5


def test_messages_compare_and_hash_by_value():
    assert {Point(1, 2), Point(1, 2)} == {Point(1, 2)}
    assert Point(1, 2) != (1, 2)


def test_a_message_cannot_be_changed():
    with pytest.raises(AttributeError):
        Point(1, 2).x = 3


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Point([1], 2), r"Point\.x holds a list.*Use a tuple"),
        (lambda: Parcel("n1", content={"a": 1}), r"holds a dict.*Use a sorted tuple of \(key, value\) pairs"),
        (lambda: Parcel("n1", content={1}), r"Use a frozenset"),
        (lambda: Parcel("n1", content=(1, (2, [3]))), r"Use a tuple"),
        (lambda: Parcel("n1", content=object()), r"holds a object"),
        (lambda: Parcel("n1", content=float("nan")), r"not a finite number"),
        (lambda: Parcel("n1", content=1 << 5000), r"5001 bits; the limit is 4096"),
        (lambda: Point("1", 2), r"Point\.x is '1', but it is declared as int"),
        (lambda: Point(True, 2), r"Point\.x is True, but it is declared as int"),
        (lambda: Parcel(7), r"Parcel\.to is 7, but it is declared as str"),
        (lambda: Parcel("n1", path=(Point(1, 2), 3)), r"Parcel\.path is .* declared as tuple"),
        (lambda: Parcel("n1", colour="red"), r"Parcel\.colour is 'red'"),
        (lambda: plain((1,) and [1], "a fact's key"), r"a fact's key holds a list"),
    ],
)
def test_anything_but_plain_data_of_the_declared_type_is_refused_in_one_sentence(make, sentence):
    with pytest.raises(NotPlainData, match=sentence) as refused:
        make()
    assert "\n" not in str(refused.value)


def test_an_int_is_good_enough_where_a_float_is_declared():
    assert Parcel("n1", weight=2).weight == 2


@pytest.mark.parametrize(
    "raw",
    [
        {"message": ["Nobody", 1]}, {"message": ["Point", 1]}, {"message": ["Point", "x", 2]},
        {"message": []},
        {"message": ["Colour", 1]}, {"enum": ["Point", "x"]}, {"enum": ["Colour", "GREEN"]}, {"float": "nan"},
        {"float": "1e999"}, {"int": "zz"}, {"int": "0x" + "f" * 2000}, {"bytes": "?"}, {"set": 3},
        {"unknown": 1},
        {"a": 1, "b": 2}, {}, 1.5, {"message": "Point"}, {"set": [[{"set": []}], 3, {"x": 1}]},
    ],
)  # fmt: skip
def test_decode_refuses_what_encode_cannot_have_made(raw):
    with pytest.raises(ValueError, match=r"\w"):
        decode(raw, CLASSES)


def test_decode_refuses_what_is_nested_too_deep():
    raw = []
    for _ in range(5_000):
        raw = [raw]
    with pytest.raises(ValueError, match=r"\w"):
        decode(raw, CLASSES)


def test_a_message_with_its_own_post_init_is_refused():
    with pytest.raises(TypeError, match="__post_init__"):

        @message
        class Odd:
            x: int

            def __post_init__(self):
                pass


def test_a_message_says_the_same_in_every_process():
    tags = frozenset({"b", "a", "c"})
    assert str(Parcel("n1", colour=Colour.RED, tags=tags, path=(Point(1, 2),))) == (
        "Parcel(to='n1', weight=0, colour=RED, path=(Point(x=1, y=2),), tags={'a', 'b', 'c'}, content=None)"
    )
