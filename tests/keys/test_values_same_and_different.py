"""Which values share a key and which do not: one row a rule.

A row of ``SAME`` holds values that no pure function could tell apart, a row of ``DIFFERENT``
values of which no two may share a key.
"""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import itertools
import operator
import pathlib
import re
import struct
import types
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from afml_cache.keys.content import content_key, describe

Values = Callable[[], list[Any]]


def row(rule: str, values: Values) -> Any:
    return pytest.param(values, id=rule)


class Plain:
    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)

    @functools.cached_property
    def expensive(self) -> int:
        return 42

    def method(self) -> object:
        return self


class Slotted:
    __slots__ = ("__hidden", "a", "b")

    def __init__(self, a: object, hidden: object = None) -> None:
        self.a = a
        self.__hidden = hidden


class SlottedChild(Slotted):
    __slots__ = ("c",)


class WithKey:
    def __init__(self, name: str, lock: object) -> None:
        self.name, self.lock = name, lock

    def __afml_key__(self) -> object:
        return self.name


class OtherWithKey(WithKey):
    pass


class WithState:
    """Leaves out of its pickles what cannot be pickled."""

    def __init__(self, name: str) -> None:
        self.name, self.handle = name, object()

    def __getstate__(self) -> dict[str, object]:
        return {"name": self.name}


class Reducing:
    def __init__(self, *parts: object) -> None:
        self.parts = parts
        self.scratch = object()

    def __reduce__(self) -> Any:
        return Reducing, self.parts


@dataclasses.dataclass
class Point:
    x: object
    y: object = 0


@dataclasses.dataclass(frozen=True, slots=True)
class FrozenPoint:
    x: object
    y: object = 0


class OtherPoint(Point):
    pass


class Pair(NamedTuple):
    x: object
    y: object


OtherPair = collections.namedtuple("OtherPair", "x y")


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1


class Switch(enum.Flag):
    A = 1
    B = 2


class MyInt(int):
    pass


class MyStr(str):
    pass


class MyList(list):  # type: ignore[type-arg]
    pass


class MyDict(dict):  # type: ignore[type-arg]
    pass


def with_attribute(value: Any, **attributes: object) -> Any:
    value.__dict__.update(attributes)
    return value


def nan_with_payload() -> float:
    return float(struct.unpack("<d", struct.pack("<Q", 0xFFF8_0000_0000_0123))[0])


def looked_at(value: Plain) -> Plain:
    assert value.expensive == 42
    return value


def shared() -> list[Any]:
    part = [1, {"a": 2.5}]
    return [part, part]


def endless() -> list[Any]:
    a: list[Any] = [1]
    a.append(a)
    return a


def mutual() -> Plain:
    parent, child = Plain(name="parent"), Plain(name="child")
    parent.__dict__["children"] = [child]
    child.__dict__["parent"] = parent
    return parent


def adder(amount: object) -> Callable[[Any], Any]:
    return lambda x: x + amount


def with_default(default: object) -> Callable[..., Any]:
    def shift(x: Any, by: Any = default) -> Any:
        return x + by

    return shift


def recursive() -> Callable[[int], int]:
    def factorial(n: int) -> int:
        return 1 if n < 2 else n * factorial(n - 1)

    return factorial


def nest(depth: int, kind: Callable[[Any], Any], core: object = 0) -> Any:
    value = core
    for _ in range(depth):
        value = kind(value)
    return value


SAME = [
    row("equal strings that are other objects", lambda: ["window", "".join(["win", "dow"])]),
    row("big integers", lambda: [10**40, 10**39 * 10]),
    row("any NaN", lambda: [float("nan"), -float("nan"), nan_with_payload()]),
    row("any NaN in a packed list", lambda: [[float("nan")] * 20, [nan_with_payload()] * 20]),
    row("any NaN in a complex", lambda: [complex(float("nan"), 1), complex(nan_with_payload(), 1)]),
    row(
        "any NaN in array.array",
        lambda: [array.array("d", [v]) for v in (float("nan"), nan_with_payload())],
    ),
    row("dicts in any order", lambda: [{"a": 1, "b": 2}, {"b": 2, "a": 1}]),
    row(
        "dicts with keys that do not sort",
        lambda: [{1: "a", "1": 2, None: 3}, {None: 3, "1": 2, 1: "a"}],
    ),
    row(
        "keyword defaults in any order",
        lambda: [collections.defaultdict(list, a=1, b=2), collections.defaultdict(list, b=2, a=1)],
    ),
    row("sets in any order", lambda: [set("abcdefgh"), set("hgfedcba")]),
    row(
        "sets of frozensets, which are only partly ordered",
        lambda: [
            set(map(frozenset, order))
            for order in itertools.permutations([(1,), (2,), (1, 2), (3, 1)])
        ],
    ),
    row("views of dicts", lambda: [{"a": 1, "b": 2}.keys(), {"b": 1, "a": 2}.keys()]),
    row("shared parts and their copies", lambda: [shared(), [[1, {"a": 2.5}], [1, {"a": 2.5}]]]),
    row("values that contain themselves", lambda: [endless(), endless()]),
    row("objects that refer to each other", lambda: [mutual(), mutual()]),
    row("objects of one class and state", lambda: [Plain(a=1, b=[2]), Plain(b=[2], a=1)]),
    row("an object whose cached property was used", lambda: [Plain(a=1), looked_at(Plain(a=1))]),
    row("objects with slots", lambda: [Slotted(1, 2), Slotted(1, 2)]),
    row("objects that say their key", lambda: [WithKey("a", object()), WithKey("a", object())]),
    row("objects that say their state", lambda: [WithState("a"), WithState("a")]),
    row("objects that say how they are made", lambda: [Reducing(1, [2]), Reducing(1, [2])]),
    row("dataclasses", lambda: [Point(1), Point(1, 0)]),
    row("frozen dataclasses with slots", lambda: [FrozenPoint(1), FrozenPoint(1, 0)]),
    row(
        "time zones by name", lambda: [zoneinfo.ZoneInfo("UTC"), zoneinfo.ZoneInfo.no_cache("UTC")]
    ),
    row("timezone.utc", lambda: [dt.UTC, dt.timezone(dt.timedelta(0))]),
    row("patterns", lambda: [re.compile("a+", re.IGNORECASE), re.compile("(?i:)a+"[5:], re.I)]),
    row("lambdas with equal code and closure", lambda: [adder(1), adder(1)]),
    row("functions with equal defaults", lambda: [with_default([1]), with_default([1])]),
    row("a function that closes over itself", lambda: [recursive(), recursive()]),
    row("partials", lambda: [functools.partial(int, base=2), functools.partial(int, base=2)]),
    row(
        "partials of partials",
        lambda: [functools.partial(functools.partial(pow, 2), 3), functools.partial(pow, 2, 3)],
    ),
    row("bound methods of equal objects", lambda: [Plain(a=1).method, Plain(a=1).method]),
    row("item getters", lambda: [operator.itemgetter(1, 2), operator.itemgetter(1, 2)]),
    row("memoryviews", lambda: [memoryview(b"abc"), memoryview(b"xabc")[1:]]),
    row("5,000 levels of lists", lambda: [nest(5000, lambda v: [v]), nest(5000, lambda v: [v])]),
]

DIFFERENT = [
    row(
        "numbers of different types",
        lambda: [
            1,
            1.0,
            True,
            1 + 0j,
            decimal.Decimal(1),
            fractions.Fraction(1),
            MyInt(1),
            Level.LOW,
            "1",
            b"1",
        ],
    ),
    row(
        "zero and minus zero",
        lambda: [0.0, -0.0, 0, False, complex(0.0, -0.0), complex(0.0, 0.0), complex(-0.0, 0.0)],
    ),
    row(
        "integers near a power of 256",
        lambda: [255, 256, -256, -255, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64],
    ),
    row(
        "text and bytes",
        lambda: ["a", b"a", bytearray(b"a"), memoryview(b"a"), MyStr("a"), ["a"], ("a",)],
    ),
    row(
        "lone surrogates",
        lambda: ["\ud800", "\ud801", "\udc00", "\ud800\udc00", "\U00010000", "?", ""],
    ),
    row(
        "nothing and its like",
        lambda: [None, False, 0, "", [], (), {}, set(), frozenset(), ..., NotImplemented, b""],
    ),
    row(
        "list and tuple",
        lambda: [
            [1, 2],
            (1, 2),
            [(1, 2)],
            [[1, 2]],
            {1, 2},
            frozenset({1, 2}),
            collections.deque([1, 2]),
            range(1, 3),
            MyList([1, 2]),
            Pair(1, 2),
        ],
    ),
    row(
        "dicts and their like",
        lambda: [
            {"a": 1},
            collections.OrderedDict(a=1),
            collections.defaultdict(int, a=1),
            collections.defaultdict(list, a=1),
            collections.Counter("a"),
            MyDict(a=1),
            types.MappingProxyType({"a": 1}),
            collections.ChainMap({"a": 1}),
            collections.UserDict(a=1),
            types.SimpleNamespace(a=1),
            [("a", 1)],
            {"a": 1}.items(),
            {("a", 1)},
        ],
    ),
    row(
        "the order of an OrderedDict",
        lambda: [collections.OrderedDict(a=1, b=2), collections.OrderedDict(b=2, a=1)],
    ),
    row(
        "where one item ends and the next begins",
        lambda: [
            ["ab", "c"],
            ["a", "bc"],
            ["abc"],
            ["abc", ""],
            ["", "abc"],
            [["ab"], "c"],
            ["ab", ["c"]],
        ],
    ),
    row(
        "the same in a packed list",
        lambda: [["ab", "c"] * 10, ["a", "bc"] * 10, ["abc", ""] * 10, [b"ab", b"c"] * 10],
    ),
    row(
        "kinds within a packed list",
        lambda: [
            [1] * 20,
            [1.0] * 20,
            [True] * 20,
            [None] * 20,
            ["1"] * 20,
            [1] * 19 + [1.0],
            [1.0] + [1] * 19,
            [1] * 19 + [2**70],
            tuple([1] * 20),
        ],
    ),
    row("key and value", lambda: [{"a": "b"}, {"b": "a"}, {"a": "b", "b": "a"}, {"ab": ""}]),
    row(
        "nested sets",
        lambda: [
            {frozenset({1}), frozenset({2})},
            {frozenset({1, 2})},
            {frozenset({1}), frozenset({1, 2})},
            {frozenset({frozenset({1})})},
        ],
    ),
    row(
        "depths of nesting",
        lambda: [nest(n, lambda v: [v]) for n in (0, 1, 63, 64, 65, 66, 200, 5000, 5001)],
    ),
    row(
        "what lies at the bottom",
        lambda: [nest(3000, lambda v: (v,), core) for core in (0, 1, "0")],
    ),
    row(
        "cycles",
        lambda: [
            endless(),
            [1, [1]],
            [endless()],
            [1, endless()[1], 2],
            mutual(),
            mutual().children,
        ],
    ),
    row(
        "deques by length limit",
        lambda: [collections.deque([1]), collections.deque([1], 1), collections.deque([1], 2)],
    ),
    row(
        "ranges and slices",
        lambda: [range(3), range(0, 3, 2), range(1, 3), slice(3), slice(0, 3), slice(0, 3, 1)],
    ),
    row(
        "arrays of the array module",
        lambda: [
            array.array("i", [1]),
            array.array("q", [1]),
            array.array("d", [1]),
            array.array("B", [1]),
        ],
    ),
    row(
        "decimals",
        lambda: [
            decimal.Decimal("1.0"),
            decimal.Decimal("1.00"),
            decimal.Decimal("-1.0"),
            decimal.Decimal("1E+1"),
            decimal.Decimal("10"),
            decimal.Decimal("NaN"),
            decimal.Decimal("sNaN"),
            decimal.Decimal("Infinity"),
        ],
    ),
    row(
        "moments",
        lambda: [
            dt.datetime(2024, 1, 2),
            dt.date(2024, 1, 2),
            dt.datetime(2024, 1, 2, fold=1),
            dt.time(0, 0),
            dt.time(0, 0, fold=1),
            dt.datetime(2024, 1, 2, tzinfo=dt.UTC),
            dt.datetime(2024, 1, 2, tzinfo=zoneinfo.ZoneInfo("UTC")),
            dt.datetime(2024, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
            dt.datetime(2024, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=1))),
            dt.datetime(2024, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=1), "CET")),
            dt.timedelta(days=1),
            dt.timedelta(hours=1),
        ],
    ),
    row(
        "identifiers, paths, patterns",
        lambda: [
            uuid.UUID(int=1),
            1,
            pathlib.Path("a"),
            pathlib.PurePosixPath("a"),
            pathlib.PureWindowsPath("a"),
            "a",
            re.compile("a"),
            re.compile("a", re.I),
            re.compile(b"a"),
        ],
    ),
    row(
        "enum members",
        lambda: [Colour.RED, Colour.BLUE, Level.LOW, Switch.A, Switch.B, Switch.A | Switch.B, 1],
    ),
    row(
        "classes of objects",
        lambda: [
            Point(1),
            OtherPoint(1),
            FrozenPoint(1),
            Pair(1, 0),
            OtherPair(1, 0),
            Plain(x=1, y=0),
            types.SimpleNamespace(x=1, y=0),
            (1, 0),
        ],
    ),
    row(
        "states of objects",
        lambda: [Plain(), Plain(a=1), Plain(a=2), Plain(b=1), Plain(a=1, b=1), Plain(a=[1])],
    ),
    row("slots", lambda: [Slotted(1), Slotted(2), Slotted(1, 2), SlottedChild(1), Slotted(None)]),
    row(
        "what objects say of themselves",
        lambda: [
            WithKey("a", 0),
            WithKey("b", 0),
            OtherWithKey("a", 0),
            "a",
            WithState("a"),
            WithState("b"),
            Reducing(),
            Reducing(1),
        ],
    ),
    row(
        "attributes of container subclasses",
        lambda: [MyList([1]), with_attribute(MyList([1]), a=1), with_attribute(MyList([1]), a=2)],
    ),
    row("closed-over values", lambda: [adder(1), adder(1.0), adder("1"), adder([1])]),
    row(
        "defaults",
        lambda: [with_default(1), with_default(2), functools.partial(with_default(1), by=2)],
    ),
    row("code", lambda: [lambda x: x + 1, lambda x: x + 2, lambda x: x - 1, lambda y=1: y]),
    row(
        "functions by name",
        lambda: [
            len,
            max,
            str.upper,
            str.lower,
            "a".upper,
            "b".upper,
            operator.add,
            math_floor(),
            int,
            str,
            Plain,
            Point,
            re,
            enum,
        ],
    ),
    row(
        "partials and getters",
        lambda: [
            functools.partial(int),
            functools.partial(int, "1"),
            functools.partial(int, base=2),
            functools.partial(float),
            operator.itemgetter(1),
            operator.itemgetter("1"),
            operator.attrgetter("a"),
            operator.methodcaller("a"),
        ],
    ),
    row(
        "methods of different objects",
        lambda: [Plain(a=1).method, Plain(a=2).method, Plain.method, Slotted],
    ),
    row(
        "exceptions",
        lambda: [ValueError("a"), ValueError("b"), TypeError("a"), ValueError(), ValueError],
    ),
    row(
        "types",
        lambda: [list[int], list[str], tuple[int], int | str, int | None, list, dict[str, int]],
    ),
]


def math_floor() -> Any:
    import math

    return math.floor


@pytest.mark.parametrize("values", SAME)
def test_same(values: Values) -> None:
    made = values()
    assert len(made) > 1
    assert len({content_key(value) for value in made}) == 1


@pytest.mark.parametrize("values", DIFFERENT)
def test_different(values: Values) -> None:
    keys = [content_key(value) for value in values()]
    assert len(keys) > 1
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("values", SAME + DIFFERENT)
def test_one_pass_gives_the_digest_and_the_summary(values: Values) -> None:
    for value in values():
        assert describe(value).digest.hex() == content_key(value)


def test_the_key_is_32_hexadecimal_digits() -> None:
    assert re.fullmatch("[0-9a-f]{32}", content_key([1, "a"]))


def test_a_key_does_not_change_when_it_is_asked_for_again() -> None:
    value = {"a": Plain(x=[1, {2}]), "f": adder(3)}
    assert content_key(value) == content_key(value)


def test_a_long_list_is_keyed_in_blocks_and_every_item_counts() -> None:
    items = list(range(200_000))
    key = content_key(items)
    for place in (0, 65_535, 65_536, 131_072, 199_999):
        changed = [*items]
        changed[place] = -1
        assert content_key(changed) != key
    assert content_key(items[:-1]) != key
    assert content_key([*items[:65_536]]) != content_key([items[:65_536]])
