"""Values of Python itself: which share a key, and which never do.

Two values have the same key exactly when no pure function could tell them apart. The first table
lists two ways to make one value; the second lists families of values that are easily confused, of
which no two may share a key.
"""

from __future__ import annotations

import array
import collections
import datetime as dt
import decimal
import enum
import fractions
import functools
import itertools
import math
import operator
import os
import pathlib
import re
import struct
import sys
import types
import typing
import uuid
import zoneinfo
from collections.abc import Callable

import pytest

from afml_cache import content_key

Make = Callable[[], object]


def nan_with_bits(bits: int) -> float:
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


class Colour(enum.Enum):
    RED = 1
    CRIMSON = 1  # noqa: PIE796 - an alias is meant
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Side(enum.StrEnum):
    BUY = "buy"
    SELL = "sell"


class Access(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()


class Text(str):
    pass


class Whole(int):
    pass


class Real(float):
    pass


class Bag(list):
    pass


class Pair(tuple):
    pass


class Table(dict):
    pass


class Group(set):
    pass


class Upper(dict):
    """A mapping that shows other items than it has."""

    def items(self):
        return [("same", "same")]

    def __iter__(self):
        return iter(["same"])

    def __len__(self):
        return 1


Point = collections.namedtuple("Point", "x y")
Vector = collections.namedtuple("Vector", "x y")


class Typed(typing.NamedTuple):
    x: int
    y: int = 0


def with_attribute(value: object, **attributes: object) -> object:
    for name, each in attributes.items():
        setattr(value, name, each)
    return value


def shared_twice() -> object:
    one = [1, 2]
    return [one, one]


def advanced(iterable: object) -> object:
    return iterable


def reversed_insertion(pairs: list[tuple[object, object]]) -> dict[object, object]:
    return dict(reversed(pairs))


def grown_and_shrunk() -> set[int]:
    """{1, 2} in a table that has seen a thousand others: another iteration order."""
    numbers = set(range(1000))
    numbers.difference_update(range(3, 1000))
    numbers.discard(0)
    return numbers


def collider(order: list[int]) -> set[int]:
    """Members whose hashes collide iterate in the order of their insertion."""
    return {n * (2**61 - 1) + 1 for n in order}


SAME: list[tuple[str, Make, Make]] = [
    ("an int, computed", lambda: 10**30, lambda: int("1" + "0" * 30)),
    ("a str, not interned", lambda: "window", lambda: "".join(["win", "dow"])),
    ("a str, latin-1 or sliced from a wider one", lambda: "abc", lambda: "abc😀"[:3]),
    ("a str with a lone surrogate", lambda: "a\ud800b", lambda: "a" + chr(0xD800) + "b"),
    ("bytes", lambda: b"ab", lambda: bytes([97, 98])),
    ("NaN of any payload", lambda: math.nan, lambda: nan_with_bits(0x7FF8000000001234)),
    ("NaN of any sign", lambda: math.nan, lambda: -math.nan),
    ("a signalling NaN", lambda: math.nan, lambda: nan_with_bits(0x7FF0000000000001)),
    (
        "NaN inside a complex",
        lambda: complex(math.nan, 1),
        lambda: complex(nan_with_bits(0x7FF8000000000009), 1),
    ),
    ("NaN in a list", lambda: [math.nan], lambda: [float("nan")]),
    ("NaN as a key", lambda: {math.nan: 1}, lambda: {float("nan"): 1}),
    ("a dict in another order", lambda: {"a": 1, "b": 2}, lambda: {"b": 2, "a": 1}),
    (
        "a nested dict in another order",
        lambda: {"p": {"a": 1, "b": 2}, "q": 3},
        lambda: {"q": 3, "p": {"b": 2, "a": 1}},
    ),
    (
        "a dict with keys that have no order",
        lambda: {1: "i", "1": "s", None: "n", (1,): "t", 1.5: "f"},
        lambda: reversed_insertion([(1, "i"), ("1", "s"), (None, "n"), ((1,), "t"), (1.5, "f")]),
    ),
    ("a set with members of many types", lambda: {1, "1", None}, lambda: {None, "1", 1}),
    ("a set that was larger", lambda: {1, 2}, grown_and_shrunk),
    (
        "a set whose members collide",
        lambda: collider(list(range(8))),
        lambda: collider(list(range(7, -1, -1))),
    ),
    (
        "a set of frozensets",
        lambda: {frozenset({1}), frozenset({2, 3}), frozenset({2}), frozenset()},
        lambda: {frozenset(), frozenset({2}), frozenset({3, 2}), frozenset({1})},
    ),
    (
        "a dict keyed by frozensets",
        lambda: {frozenset({1, 2}): 1, frozenset({3}): 2},
        lambda: {frozenset({3}): 2, frozenset({2, 1}): 1},
    ),
    (
        "a defaultdict in another order",
        lambda: collections.defaultdict(list, a=[1], b=[2]),
        lambda: collections.defaultdict(list, b=[2], a=[1]),
    ),
    (
        "a Counter in another order",
        lambda: collections.Counter("ab"),
        lambda: collections.Counter("ba"),
    ),
    ("a part that is one object or two", shared_twice, lambda: [[1, 2], [1, 2]]),
    (
        "a string that is one object or two",
        lambda: ["abc", "abc"],
        lambda: ["abc", "".join("abc")],
    ),
    ("an alias of an enum member", lambda: Colour.RED, lambda: Colour.CRIMSON),
    (
        "flags joined in another order",
        lambda: Access.READ | Access.WRITE,
        lambda: Access.WRITE | Access.READ,
    ),
    ("a decimal", lambda: decimal.Decimal("1.10"), lambda: decimal.Decimal((0, (1, 1, 0), -2))),
    ("a fraction, reduced", lambda: fractions.Fraction(2, 4), lambda: fractions.Fraction(1, 2)),
    ("a uuid", lambda: uuid.UUID(int=5), lambda: uuid.UUID("00000000-0000-0000-0000-000000000005")),
    (
        "a zone, cached or not",
        lambda: zoneinfo.ZoneInfo("Europe/Rome"),
        lambda: zoneinfo.ZoneInfo.no_cache("Europe/Rome"),
    ),
    (
        "a pattern, compiled again",
        lambda: re.compile("a+", re.I),
        lambda: (re.purge(), re.compile("a+", re.I))[1],
    ),
    ("a path", lambda: pathlib.Path("a") / "b", lambda: pathlib.Path("a/b")),
    ("a path that was shown", lambda: pathlib.Path("a/b"), lambda: shown(pathlib.Path("a/b"))),
    ("a date", lambda: dt.date(2024, 1, 2), lambda: dt.date.fromisoformat("2024-01-02")),
    (
        "a time in a zone",
        lambda: dt.datetime(2024, 1, 2, tzinfo=dt.UTC),
        lambda: dt.datetime.fromisoformat("2024-01-02T00:00:00+00:00"),
    ),
    ("a timedelta", lambda: dt.timedelta(days=1), lambda: dt.timedelta(hours=24)),
    (
        "a partial of a builtin",
        lambda: functools.partial(round, ndigits=2),
        lambda: functools.partial(round, ndigits=2),
    ),
    (
        "a partial with keywords in another order",
        lambda: functools.partial(dict, a=1, b=2),
        lambda: functools.partial(dict, b=2, a=1),
    ),
    ("an itemgetter", lambda: operator.itemgetter(1, "a"), lambda: operator.itemgetter(1, "a")),
    ("an attrgetter", lambda: operator.attrgetter("a.b"), lambda: operator.attrgetter("a.b")),
    (
        "a methodcaller",
        lambda: operator.methodcaller("f", 1),
        lambda: operator.methodcaller("f", 1),
    ),
    ("an array.array", lambda: array.array("d", [1, 2]), lambda: array.array("d", (1.0, 2.0))),
    (
        "a deque",
        lambda: collections.deque([1, 2], 3),
        lambda: collections.deque([0, 1, 2][1:], maxlen=3),
    ),
    (
        "a SimpleNamespace",
        lambda: types.SimpleNamespace(a=1, b=2),
        lambda: types.SimpleNamespace(b=2, a=1),
    ),
    (
        "an instance, attributes in another order",
        lambda: with_attribute(Bag(), a=1, b=2),
        lambda: with_attribute(Bag(), b=2, a=1),
    ),
]


def shown(value: object) -> object:
    repr(value), str(value), hash(value)
    if isinstance(value, pathlib.Path):
        _ = value.parts, value.name, value == value, value < value
    return value


def counted_to(n: int) -> object:
    counter = collections.Counter()
    counter["a"] = n
    return counter


def local_function(number: int) -> Callable[..., object]:
    def function(x: int) -> int:
        return x + number

    return function


def defaulted(number: int) -> Callable[..., object]:
    def function(x: int = number) -> int:
        return x

    return function


def keyword_defaulted(number: int) -> Callable[..., object]:
    def function(*, x: int = number) -> int:
        return x

    return function


FAMILIES: dict[str, list[Make]] = {
    "ones and zeros": [
        lambda: 1,
        lambda: 1.0,
        lambda: True,
        lambda: 1 + 0j,
        lambda: decimal.Decimal(1),
        lambda: fractions.Fraction(1),
        lambda: "1",
        lambda: b"1",
        lambda: Whole(1),
        lambda: Real(1),
        lambda: Level.LOW,
        lambda: Colour.RED,
        lambda: [1],
        lambda: (1,),
        lambda: {1},
        lambda: 0,
        lambda: False,
        lambda: 0.0,
        lambda: -0.0,
        lambda: 0j,
        lambda: complex(-0.0, 0.0),
        lambda: complex(0.0, -0.0),
        lambda: complex(-0.0, -0.0),
        lambda: None,
        lambda: "",
        lambda: b"",
        lambda: Ellipsis,
        lambda: NotImplemented,
    ],
    "integers of many sizes": [
        lambda: -1,
        lambda: 255,
        lambda: -255,
        lambda: 256,
        lambda: 2**31,
        lambda: -(2**31),
        lambda: 2**63 - 1,
        lambda: 2**63,
        lambda: -(2**63),
        lambda: -(2**63) - 1,
        lambda: 2**64 - 1,
        lambda: 2**64,
        lambda: -(2**64),
        lambda: 2**4096,
        lambda: 2**4096 + 1,
        lambda: -(2**4096),
        lambda: float(2**63),
    ],
    "floats": [
        lambda: math.inf,
        lambda: -math.inf,
        lambda: math.nan,
        lambda: 5e-324,
        lambda: -5e-324,
        lambda: 0.1,
        lambda: 0.1 + 1e-17 + 1.4e-17,
        lambda: 0.1 + 0.2,
        lambda: 0.3,
        lambda: sys.float_info.max,
        lambda: complex(math.nan, 0),
        lambda: complex(0, math.nan),
        lambda: complex(math.nan, math.nan),
        lambda: "nan",
    ],
    "texts": [
        lambda: "a",
        lambda: b"a",
        lambda: bytearray(b"a"),
        lambda: memoryview(b"a"),
        lambda: array.array("b", b"a"),
        lambda: Text("a"),
        lambda: Side.BUY,
        lambda: "buy",
        lambda: "A",
        lambda: "a\0",
        lambda: "\0a",
        lambda: b"a\0",
        lambda: "a ",
        lambda: "é",
        lambda: "e\u0301",
        lambda: "é".encode(),
        lambda: "é".encode("latin-1"),
        lambda: "\ud800",
        lambda: "\udc00",
        lambda: "\ufffd",
        lambda: "?",
        lambda: "\\ud800",
        lambda: "\ud83d\ude00",
        lambda: "😀",
        lambda: pathlib.PurePosixPath("a"),
        lambda: pathlib.PureWindowsPath("a"),
        lambda: pathlib.Path("a"),
        lambda: re.compile("a"),
        lambda: collections.UserString("a"),
    ],
    "where one part ends and the next begins": [
        lambda: ["ab", "c"],
        lambda: ["a", "bc"],
        lambda: ["abc"],
        lambda: ["a", "b", "c"],
        lambda: list("cba"),
        lambda: ["abc", ""],
        lambda: ["", "abc"],
        lambda: [["a"], "b", "c"],
        lambda: [["a", "b"], "c"],
        lambda: [["a"], ["b"], "c"],
        lambda: [["a", "b", "c"]],
        lambda: [[], "a", "b", "c"],
        lambda: [b"ab", b"c"],
        lambda: [b"a", b"bc"],
        lambda: {"a": "bc"},
        lambda: {"ab": "c"},
        lambda: {"a": "b", "c": ""},
        lambda: {"a", "b", "c"},
        lambda: {"a": 1, "b": 2},
        lambda: {"a": 2, "b": 1},
        lambda: {"a": "b", "b": "a"},
        lambda: {"a": "a", "b": "b"},
    ],
    "sequences": [
        list,
        lambda: (),
        dict,
        lambda: set(),
        lambda: frozenset(),
        lambda: collections.deque(),
        lambda: collections.deque(maxlen=3),
        lambda: collections.deque(maxlen=0),
        lambda: collections.OrderedDict(),
        lambda: collections.defaultdict(),
        lambda: collections.defaultdict(list),
        lambda: collections.defaultdict(int),
        lambda: collections.Counter(),
        lambda: collections.ChainMap(),
        lambda: collections.ChainMap({}, {}),
        lambda: collections.UserDict(),
        lambda: collections.UserList(),
        lambda: types.MappingProxyType({}),
        lambda: types.SimpleNamespace(),
        lambda: Bag(),
        lambda: Pair(),
        lambda: Table(),
        lambda: Group(),
        lambda: range(0),
        lambda: array.array("d"),
        lambda: array.array("f"),
        lambda: [[]],
        lambda: [()],
        lambda: ([],),
        lambda: [[], []],
        lambda: [None],
        lambda: {None: None},
        lambda: {None},
    ],
    "items in and out of order": [
        lambda: [1, 2],
        lambda: [2, 1],
        lambda: (1, 2),
        lambda: {1, 2},
        lambda: frozenset({1, 2}),
        lambda: {1.0, 2.0},
        lambda: {True, 2},
        lambda: {1: 2},
        lambda: {2: 1},
        lambda: {1.0: 2},
        lambda: {True: 2},
        lambda: [(1, 2)],
        lambda: Point(1, 2),
        lambda: Vector(1, 2),
        lambda: Typed(1, 2),
        lambda: Point(2, 1),
        lambda: Pair((1, 2)),
        lambda: Bag([1, 2]),
        lambda: with_attribute(Bag([1, 2]), label="x"),
        lambda: with_attribute(Bag([1, 2]), label="y"),
        lambda: with_attribute(Table({1: 2}), label="x"),
        lambda: Table({1: 2}),
        lambda: collections.deque([1, 2]),
        lambda: collections.deque([1, 2], 2),
        lambda: collections.OrderedDict({1: 2}),
        lambda: collections.OrderedDict([(1, 2), (3, 4)]),
        lambda: collections.OrderedDict([(3, 4), (1, 2)]),
        lambda: collections.Counter({1: 2}),
        lambda: collections.defaultdict(int, {1: 2}),
        lambda: types.MappingProxyType({1: 2}),
        lambda: collections.ChainMap({1: 2}),
        lambda: collections.ChainMap({1: 2}, {1: 3}),
        lambda: collections.ChainMap({1: 2}, {1: 4}),
        lambda: collections.UserDict({1: 2}),
        lambda: types.SimpleNamespace(a=1),
        lambda: types.SimpleNamespace(a=2),
        lambda: array.array("i", [1, 2]),
        lambda: array.array("l", [1, 2]),
        lambda: array.array("d", [1, 2]),
    ],
    "a mapping that hides what it holds": [
        lambda: Upper({"a": 1}),
        lambda: Upper({"a": 2}),
        lambda: Upper({"same": "same"}),
    ],
    "sets of sets": [
        lambda: {frozenset({1}), frozenset({2})},
        lambda: {frozenset({1, 2})},
        lambda: {frozenset({1, 2}), frozenset()},
        lambda: {frozenset({frozenset({1}), frozenset({2})})},
        lambda: {1, frozenset({2})},
        lambda: {(1, 2)},
    ],
    "ranges and slices": [
        lambda: range(3),
        lambda: range(4),
        lambda: range(1, 3),
        lambda: range(0, 3, 2),
        lambda: range(0, 4, 2),
        lambda: range(2, -1, -1),
        lambda: [0, 1, 2],
        lambda: slice(3),
        lambda: slice(0, 3),
        lambda: slice(3, None),
        lambda: slice(None, None, 3),
        lambda: slice(None),
        lambda: slice("a", "b"),
    ],
    "exact numbers": [
        lambda: decimal.Decimal("1.0"),
        lambda: decimal.Decimal("1.00"),
        lambda: decimal.Decimal("1E+1"),
        lambda: decimal.Decimal("10"),
        lambda: decimal.Decimal("0"),
        lambda: decimal.Decimal("-0"),
        lambda: decimal.Decimal("NaN"),
        lambda: decimal.Decimal("sNaN"),
        lambda: decimal.Decimal("NaN123"),
        lambda: decimal.Decimal("Infinity"),
        lambda: decimal.Decimal.from_float(0.1),
        lambda: decimal.Decimal("0.1"),
        lambda: fractions.Fraction(1, 10),
        lambda: fractions.Fraction(-1, 10),
        lambda: fractions.Fraction(10, 1),
        lambda: 10,
    ],
    "times": [
        lambda: dt.date(2024, 10, 27),
        lambda: dt.datetime(2024, 10, 27),
        lambda: dt.datetime(2024, 10, 27, 2, 30),
        lambda: dt.datetime(2024, 10, 27, 2, 30, fold=1),
        lambda: dt.datetime(2024, 10, 27, 2, 30, 0, 1),
        lambda: dt.datetime(2024, 10, 27, 2, 30, tzinfo=dt.UTC),
        lambda: dt.datetime(2024, 10, 27, 3, 30, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        lambda: dt.datetime(2024, 10, 27, 3, 30, tzinfo=dt.timezone(dt.timedelta(hours=1), "CET")),
        lambda: dt.datetime(2024, 10, 27, 2, 30, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")),
        lambda: dt.datetime(2024, 10, 27, 2, 30, tzinfo=zoneinfo.ZoneInfo("Europe/Paris"), fold=1),
        lambda: dt.datetime(2024, 10, 27, 2, 30, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
        lambda: dt.time(2, 30),
        lambda: dt.time(2, 30, fold=1),
        lambda: dt.time(2, 30, tzinfo=dt.UTC),
        lambda: dt.timedelta(1),
        lambda: dt.timedelta(0, 1),
        lambda: dt.timedelta(0, 0, 1),
        lambda: dt.timedelta(-1),
        lambda: dt.UTC,
        lambda: dt.timezone(dt.timedelta(hours=1)),
        lambda: zoneinfo.ZoneInfo("Europe/Paris"),
        lambda: zoneinfo.ZoneInfo("Europe/Berlin"),
        lambda: "2024-10-27",
    ],
    "patterns": [
        lambda: re.compile("a"),
        lambda: re.compile("a", re.I),
        lambda: re.compile("a", re.M),
        lambda: re.compile(b"a"),
        lambda: re.compile("a "),
        lambda: "a",
    ],
    "paths": [
        lambda: pathlib.Path("a/b"),
        lambda: pathlib.Path("/a/b"),
        lambda: pathlib.Path("a"),
        lambda: pathlib.PurePath("a/b"),
        lambda: pathlib.PureWindowsPath("a/b"),
        lambda: "a/b",
    ],
    "identifiers": [
        lambda: uuid.UUID(int=1),
        lambda: uuid.UUID(int=2),
        lambda: str(uuid.UUID(int=1)),
        lambda: uuid.UUID(int=1).bytes,
    ],
    "enums": [
        lambda: Colour.RED,
        lambda: Colour.BLUE,
        lambda: Level.LOW,
        lambda: Level.HIGH,
        lambda: Access.READ,
        lambda: Access.WRITE,
        lambda: Access.READ | Access.WRITE,
        lambda: Access(0),
        lambda: Side.BUY,
        lambda: Side.SELL,
        lambda: Colour,
        lambda: 1,
        lambda: "RED",
    ],
    "things named": [
        lambda: int,
        lambda: float,
        lambda: bool,
        lambda: list,
        lambda: list[int],
        lambda: list[str],
        lambda: typing.Optional[int],  # noqa: UP045 - the typing form is meant
        lambda: int | str,
        lambda: Point,
        lambda: Vector,
        lambda: type(None),
        lambda: type,
        lambda: math,
        lambda: os,
        lambda: "math",
        lambda: ValueError,
        lambda: typing.Any,
    ],
    "callables of others": [
        lambda: len,
        lambda: max,
        lambda: math.sin,
        lambda: math.cos,
        lambda: str.upper,
        lambda: str.lower,
        lambda: "a".upper,
        lambda: "b".upper,
        lambda: "a".lower,
        lambda: dict.fromkeys,
        lambda: operator.add,
        lambda: operator.mul,
        lambda: operator.itemgetter(0),
        lambda: operator.itemgetter(1),
        lambda: operator.itemgetter(0, 1),
        lambda: operator.itemgetter((0, 1)),
        lambda: operator.itemgetter("0"),
        lambda: operator.attrgetter("a"),
        lambda: operator.attrgetter("b"),
        lambda: operator.attrgetter("a", "b"),
        lambda: operator.attrgetter("a.b"),
        lambda: operator.methodcaller("a"),
        lambda: operator.methodcaller("a", 1),
        lambda: operator.methodcaller("a", x=1),
        lambda: functools.partial(max),
        lambda: functools.partial(min),
        lambda: functools.partial(max, 1),
        lambda: functools.partial(max, 2),
        lambda: functools.partial(max, 1, 2),
        lambda: functools.partial(max, (1, 2)),
        lambda: functools.partial(max, key=1),
        lambda: functools.partial(max, default=1),
    ],
    "functions": [
        lambda: local_function(1),
        lambda: local_function(2),
        lambda: local_function(1.0),
        lambda: local_function(True),
        lambda: defaulted(1),
        lambda: defaulted(2),
        lambda: keyword_defaulted(1),
        lambda: keyword_defaulted(2),
        lambda: lambda x: x + 1,
        lambda: lambda x: x + 2,
        lambda: lambda x: x - 1,
        lambda: lambda y: y.real,
        lambda: lambda y: y.imag,
        lambda: lambda x, y: x,
        lambda: lambda *x: x,
        lambda: lambda **x: x,
        lambda: functools.partial(local_function(1), 2),
        lambda: functools.partial(local_function(2), 2),
        lambda: functools.partial(local_function(1), 3),
        lambda: [local_function(1), local_function(2)],
        lambda: [local_function(2), local_function(1)],
    ],
    "bound methods": [
        lambda: Real(1).__add__,
        lambda: [1].append,
        lambda: [2].append,
        lambda: [1].extend,
        lambda: Typed(1, 2)._asdict,
        lambda: Typed(1, 3)._asdict,
        lambda: Typed(1, 2)._replace,
        lambda: Point(1, 2)._asdict,
        lambda: fractions.Fraction(1, 2).limit_denominator,
        lambda: fractions.Fraction(1, 3).limit_denominator,
        lambda: dt.date(2024, 1, 1).isoformat,
        lambda: dt.date(2024, 1, 2).isoformat,
        lambda: dt.date(2024, 1, 1).weekday,
    ],
    "buffers": [
        lambda: bytearray(b"\x01\x02\x03\x04"),
        lambda: b"\x01\x02\x03\x04",
        lambda: memoryview(b"\x01\x02\x03\x04"),
        lambda: memoryview(b"\x01\x02\x03\x04").cast("H"),
        lambda: memoryview(b"\x01\x02\x03\x04").cast("B", (2, 2)),
        lambda: memoryview(b"\x01\x02\x03\x04")[::-1],
        lambda: array.array("B", b"\x01\x02\x03\x04"),
        lambda: array.array("H", b"\x01\x02\x03\x04"),
    ],
    "exceptions": [
        lambda: ValueError("a"),
        lambda: ValueError("b"),
        lambda: TypeError("a"),
        lambda: ValueError("a", "b"),
        lambda: ValueError(),
    ],
}


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_equal_content_shares_a_key(one: Make, other: Make) -> None:
    assert content_key(one()) == content_key(other())


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
def test_each_member_of_a_family_keeps_its_key_and_shares_it_with_no_other(
    family: list[Make],
) -> None:
    keys = [content_key(make()) for make in family]
    assert keys == [content_key(make()) for make in family], "made again, another key"
    shared = [
        (repr(one()), repr(other()))
        for (one, a), (other, b) in itertools.combinations(zip(family, keys, strict=True), 2)
        if a == b
    ]
    assert not shared


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda v: [v], id="in a list"),
        pytest.param(lambda v: {"k": v}, id="as a dict's value"),
        pytest.param(lambda v: functools.partial(max, v), id="in a partial"),
        pytest.param(lambda v: types.SimpleNamespace(a=v), id="as an attribute"),
        pytest.param(lambda v: collections.deque([v]), id="in a deque"),
        pytest.param(lambda v: Point(v, 0), id="in a named tuple"),
    ],
)
def test_what_differs_alone_differs_inside_another_value(wrap: Callable[[object], object]) -> None:
    makers = [make for family in FAMILIES.values() for make in family]
    alone = {content_key(make()) for make in makers}
    inside = {content_key(wrap(make())) for make in makers}
    assert len(alone) == len(inside)


def test_a_key_is_32_hexadecimal_digits() -> None:
    assert re.fullmatch("[0-9a-f]{32}", content_key("anything"))
