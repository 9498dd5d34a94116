"""An adopted result is the one that joblib holds, to the last dtype, and the caller's own."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afml_cache import content_key

VALUES = """
    import collections
    import dataclasses
    import datetime
    import decimal
    import enum

    import numpy as np
    import pandas as pd


    class Side(enum.Enum):
        LONG = 1


    @dataclasses.dataclass
    class Trade:
        side: Side
        prices: list


    def days(**options):
        return pd.date_range("2024-01-01", periods=4, **options)


    def frame():
        made = pd.DataFrame(
            {
                "open": np.arange(4.0),
                "volume": np.arange(4, dtype="int32"),
                "side": pd.Categorical(["b", "s", "b", None], categories=["s", "b"], ordered=True),
                "word": ["a", "b", None, "d"],
                "whole": pd.array([1, None, 3, 4], dtype="Int64"),
                "till": days(tz="Europe/Paris"),
                "took": pd.to_timedelta([1, 2, 3, 4], unit="h"),
                "any": pd.Series([1, "a", None, (1,)], dtype=object).array,
            },
            index=days(tz="America/New_York", freq="D", name="time"),
        )
        made.attrs["source"] = {"name": "exchange", "fees": [1, 2]}
        return made


    def wide():
        columns = pd.MultiIndex.from_product([["a", "b"], ["x", "y"]], names=["one", "two"])
        return pd.DataFrame(np.arange(16.0).reshape(4, 4), index=days(freq="D"), columns=columns)


    def fitted():
        from sklearn.ensemble import RandomForestClassifier

        values = np.arange(40.0).reshape(20, 2)
        return RandomForestClassifier(3, random_state=0).fit(values, np.arange(20) % 2)


    MAKE = {
        "None": lambda: None,
        "True": lambda: True,
        "an int": lambda: 10**30,
        "nan": lambda: float("nan"),
        "minus zero": lambda: -0.0,
        "a complex number": lambda: 1 + 2j,
        "text": lambda: "é" * 5,
        "bytes": lambda: bytes(range(256)),
        "a list": lambda: [1, [2, "a"], None],
        "a tuple": lambda: (1, (2, "a"), [3]),
        "a set": lambda: {1, "a", (2, 3)},
        "a dict": lambda: {"b": 1, "a": {"c": [1, 2]}, 3: None},
        "an ordered dict": lambda: collections.OrderedDict([("b", 1), ("a", 2)]),
        "a default dict": lambda: collections.defaultdict(list, a=[1]),
        "a decimal": lambda: decimal.Decimal("1.10"),
        "a date": lambda: datetime.date(2024, 1, 2),
        "a timestamp": lambda: pd.Timestamp("2024-01-01", tz="Asia/Tokyo"),
        "NaT": lambda: pd.NaT,
        "NA": lambda: pd.NA,
        "a member of an enum": lambda: Side.LONG,
        "a dataclass": lambda: Trade(Side.LONG, [1.0, 2.0]),
        "an array": lambda: np.arange(6, dtype="float32").reshape(2, 3),
        "an array in Fortran's order": lambda: np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "an array of dates": lambda: np.array(["2024-01-01", "NaT"], dtype="datetime64[s]"),
        "an array of text": lambda: np.array(["a", "bcd"]),
        "an array of objects": lambda: np.array([1, "a", None, [2]], dtype=object),
        "a structured array": lambda: np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        "an empty array": lambda: np.empty((0, 3), dtype="int8"),
        "a masked array": lambda: np.ma.masked_array([1, 2, 3], mask=[0, 1, 0]),
        "a number of numpy's": lambda: np.float32(1.5),
        "a large array": lambda: np.arange(200_000.0),
        "a series": lambda: pd.Series([1.0, 2.0, None, 4.0], index=days(freq="D"), name="close"),
        "a series of text": lambda: pd.Series(["a", None, "b"]),
        "an index": lambda: days(freq="D", tz="UTC", name="t"),
        "a frame": frame,
        "a frame with levels": wide,
        "a slice of a frame": lambda: frame().iloc[1:3, :2],
        "an empty frame": lambda: frame().iloc[:0],
        "a large frame": lambda: pd.DataFrame(np.arange(400_000.0).reshape(-1, 4)),
        "frames in a dict": lambda: {"train": frame(), "test": [frame().iloc[2:], wide()]},
        "one array twice": lambda: (lambda a: [a, a])(np.arange(4.0)),
        "an estimator": fitted,
    }
"""
MAIN = """
    from afml.cache import cacheable
    from desk.noting import note
    from desk.values import MAKE

    @cacheable
    def f(kind):
        note("f", kind)
        return MAKE[kind]()
"""
KINDS = [line.split('"')[1] for line in VALUES.partition("MAKE = ")[2].splitlines() if '"' in line]


@pytest.fixture
def desk(repo: Any) -> Any:
    repo.write("main.py", MAIN)
    repo.write("values.py", VALUES)
    return repo


def check_equal(got: Any, expected: Any) -> None:
    assert type(got).__qualname__ == type(expected).__qualname__
    assert content_key(got) == content_key(expected)
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(got, expected, check_exact=True, check_freq=True)
        assert got.attrs == expected.attrs
    elif isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(got, expected, check_exact=True, check_freq=True)
    elif isinstance(expected, np.ndarray):
        assert got.dtype == expected.dtype
        assert got.shape == expected.shape
        assert repr(got) == repr(expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:Pickle, copy")
def test_a_result_of_every_kind_is_served_as_it_was(desk: Any, kind: str) -> None:
    if kind == "an estimator" and find_spec("sklearn") is None:
        pytest.skip("scikit-learn is not installed")
    expected = desk.warm(lambda main: main.f(kind))
    desk.migrate()
    f = desk.load().f
    with desk.counting(f) as told:
        adopted = f(kind)
        check_equal(adopted, expected)
        hit = f(kind)
        check_equal(hit, expected)
    assert (told.adopted, told.hits, told.computed) == (1, 1, 0)
    check_equal(desk.load().f(kind), expected)
    assert desk.ran() == []


def test_the_table_has_its_kinds() -> None:
    assert len(KINDS) > 35
    assert KINDS[0] == "None"


def test_an_adopted_estimator_predicts_as_it_did(desk: Any) -> None:
    pytest.importorskip("sklearn")
    values = np.arange(40.0).reshape(20, 2) + 0.3
    expected = desk.warm(lambda main: main.f("an estimator")).predict_proba(values)
    desk.migrate()
    main = desk.load()
    for _ in range(2):
        assert main.f("an estimator").predict_proba(values).tolist() == expected.tolist()
    assert desk.ran() == []


def rename(frame: pd.DataFrame) -> None:
    frame.columns = [f"{name}!" for name in frame.columns]


MUTATIONS: list[tuple[str, Callable[[Any], object]]] = [
    ("a list", lambda value: value[1].append(9)),
    ("a tuple", lambda value: value[2].append(9)),
    ("a dict", lambda value: value["a"]["c"].clear()),
    ("a set", lambda value: value.add(9)),
    ("a dataclass", lambda value: value.prices.append(9.0)),
    ("an array", lambda value: value.fill(9)),
    ("an array in Fortran's order", lambda value: value.fill(9)),
    ("an array of objects", lambda value: value[3].append(9)),
    ("a large array", lambda value: value.fill(9)),
    ("a masked array", lambda value: value.__setitem__(0, 9)),
    ("a series", lambda value: value.__setitem__("2024-01-02", 9.0)),
    ("a frame", lambda value: value.__setitem__("open", 9.0)),
    ("a frame", lambda value: value.isetitem(0, np.full(4, 9.0))),
    ("a frame", lambda value: value.pop("open")),
    ("a frame", lambda value: value.attrs["source"]["fees"].append(9)),
    ("a frame", rename),
    ("a large frame", lambda value: value.iloc.__setitem__((0, 0), 9.0)),
    ("frames in a dict", lambda value: value["train"].__setitem__("open", 9.0)),
]


@pytest.mark.parametrize(("kind", "mutate"), MUTATIONS)
def test_what_the_caller_does_to_an_adopted_result_reaches_nobody_else(
    desk: Any, kind: str, mutate: Callable[[Any], object]
) -> None:
    expected = content_key(desk.warm(lambda main: main.f(kind)))
    before = [output.read_bytes() for output in desk.outputs()]
    desk.migrate()
    f = desk.load().f
    adopted = f(kind)
    mutate(adopted)
    assert content_key(adopted) != expected, "it can be changed"
    again = f(kind)
    assert again is not adopted
    assert content_key(again) == expected
    mutate(again)
    assert content_key(f(kind)) == expected
    assert content_key(desk.load().f(kind)) == expected
    assert desk.ran() == []
    assert [output.read_bytes() for output in desk.outputs()] == before


@pytest.mark.filterwarnings("ignore::afml_cache.CacheWarning")
def test_a_result_of_a_class_that_is_gone_is_computed(repo: Any) -> None:
    repo.write(
        "main.py",
        """
        import desk.shapes
        from afml.cache import cacheable
        from desk.noting import note

        @cacheable
        def f(x):
            note("f", x)
            return desk.shapes.make(x)
        """,
    )
    repo.write("shapes.py", "class Old(list):\n    pass\n\ndef make(x):\n    return Old([x])\n")
    repo.warm(lambda main: main.f(1))
    repo.migrate()
    repo.write("shapes.py", "class New(list):\n    pass\n\ndef make(x):\n    return New([x])\n")
    f = repo.load().f
    with repo.counting(f) as told:
        assert type(f(1)).__name__ == "New"
    assert told.reasons == {"unreadable": 1}
    assert repo.ran() == ["f 1"]
