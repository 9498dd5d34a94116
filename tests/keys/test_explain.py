"""From two key descriptions to the differences, in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from afml_cache.keys import content
from afml_cache.keys.explain import Kind, differences


def described(*, parts=None, packages=None, **values):
    return {
        "version": 1,
        "parts": parts or {},
        "packages": packages or {},
        "arguments": {
            name: {"digest": d.digest.hex(), **d.summary}
            for name, d in ((n, content.describe(v, n)) for n, v in values.items())
        },
    }


def prices(n=5, start="2024-01-01"):
    return pd.DataFrame(
        {"open": np.arange(n, dtype=float), "close": np.arange(n, dtype=float)},
        index=pd.date_range(start, periods=n, freq="D" if n < 1000 else "min"),
    )


def long_prices(change=None):
    frame = prices(200_000)
    if change is not None:
        frame.iloc[change, 1] = -1.0
    return frame


CASES = {
    "nothing": (described(x=1), described(x=1), []),
    "a scalar": (described(window=10), described(window=20), ["window was 10, is 20"]),
    "a text": (
        described(by="abc"),
        described(by="abcde"),
        ["by was str of length 3, is str of length 5"],
    ),
    "a text of the same length": (
        described(by="a"),
        described(by="b"),
        ["by was str of length 1, is str of length 1, with other contents"],
    ),
    "a type": (described(x=1), described(x=1.0), ["x was 1, is 1.0"]),
    "two arguments": (
        described(a=1, b=2),
        described(a=3, b=4),
        ["a was 1, is 3", "b was 2, is 4"],
    ),
    "a new parameter": (described(a=1), described(a=1, b=2), ["parameter b is new"]),
    "a parameter that is gone": (described(a=1, b=2), described(a=1), ["parameter b is gone"]),
    "an item of a dictionary": (
        described(params={"n": 1, "m": 2}),
        described(params={"n": 1, "m": 3}),
        ["params differs at m"],
    ),
    "a column": (
        described(df=prices()),
        described(df=prices().assign(close=0.0)),
        ["df, column close: values differ"],
    ),
    "a new column": (
        described(df=prices()),
        described(df=prices().assign(volume=1)),
        ["df has a new column volume"],
    ),
    "a dtype": (
        described(df=prices()),
        described(df=prices().astype({"open": "float32"})),
        ["df, column open: dtype was float64, is float32"],
    ),
    "an index": (
        described(df=prices()),
        described(df=prices(start="2024-02-01")),
        [
            "the index of df: values differ: it reached from 2024-01-01 to 2024-01-05, "
            "reaches from 2024-02-01 to 2024-02-05"
        ],
    ),
    "rows within a block": (
        described(df=long_prices()),
        described(df=long_prices(change=70_000)),
        [
            "df, column close: values differ within rows 65536 to 131071, "
            "from 2024-02-15T12:16:00 to 2024-04-01T00:31:00"
        ],
    ),
    "a code part": (
        described(parts={"m.f": "aa", "m.helper": "bb"}),
        described(parts={"m.f": "aa", "m.helper": "cc"}),
        ["m.helper was edited"],
    ),
    "a code part more and one less": (
        described(parts={"m.old": "aa"}),
        described(parts={"m.new": "aa"}),
        ["m.new is reached now and was not before", "m.old was reached before and is not any more"],
    ),
    "a package": (
        described(packages={"numpy": "1.26"}),
        described(packages={"numpy": "2.0"}),
        ["numpy was 1.26, is 2.0"],
    ),
}


@pytest.mark.parametrize(("stored", "present", "expected"), CASES.values(), ids=CASES)
def test_differences(stored, present, expected):
    assert [str(difference) for difference in differences(stored, present)] == expected


def test_a_longer_frame_is_told_by_its_rows_and_span():
    (difference,) = differences(described(df=prices(5)), described(df=prices(8)))
    assert difference.kind is Kind.ROWS
    assert "had 5 rows, has 8" in difference.text
    assert "2024-01-08" in difference.text


def test_descriptions_of_another_format_are_not_compared():
    (difference,) = differences({"version": 0}, described(x=1))
    assert difference.kind is Kind.FORMAT


def test_a_description_holds_no_text_of_an_argument():
    secret = "hunter2"
    values = {"a": secret, "b": secret.encode(), "c": [secret], "d": np.str_(secret)}
    assert secret not in str(described(**values))
