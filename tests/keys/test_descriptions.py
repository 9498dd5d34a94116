"""What is kept of a key beside the digest: shape, span, and the digests of columns and blocks."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pandas as pd

from afml_cache.keys.content import describe, digest
from afml_cache.keys.stream import BLOCK

HAS_ARROW = importlib.util.find_spec("pyarrow") is not None


def days(n: int, start: str = "2024-01-01", unit: str = "ns", **options: Any) -> pd.DatetimeIndex:
    return pd.date_range(start, periods=n, freq="D", **options).as_unit(unit)


def prices(n: int = 6) -> pd.DataFrame:
    values = np.random.default_rng(0).standard_normal((n, 3))
    return pd.DataFrame({c: values[:, i].copy() for i, c in enumerate("abc")}, index=days(n))


def _long(place: int | None) -> pd.DataFrame:
    frame = pd.DataFrame({"a": np.zeros(140_000), "b": np.ones(140_000, "i4")})
    if place is not None:
        frame.iloc[place, 1] = 5
    return frame


def test_the_summary_of_a_frame() -> None:
    summary = describe(_long(None).assign(when=np.arange(140_000).astype("M8[s]"))).summary
    assert summary["type"] == "pandas.DataFrame"
    assert summary["shape"] == [140_000, 3]
    assert summary["row_block"] == BLOCK
    assert list(summary["columns"]) == ["a", "b", "when"]
    assert [c["dtype"] for c in summary["columns"].values()] == [
        "float64",
        "int32",
        "datetime64[s]",
    ]
    assert [len(c["blocks"]) for c in summary["columns"].values()] == [3, 3, 3]
    assert len(summary["index"]["blocks"]) == 3 and summary["index"]["dtype"] == "int64"


def test_the_summary_tells_which_rows_changed() -> None:
    before, after = (describe(_long(place)).summary["columns"] for place in (None, 70_000))
    assert before["a"] == after["a"]
    changed_blocks = [
        x != y for x, y in zip(before["b"]["blocks"], after["b"]["blocks"], strict=True)
    ]
    assert changed_blocks == [False, True, False]
    assert before["b"]["digest"] != after["b"]["digest"]


def test_equal_first_rows_have_equal_first_blocks_in_every_kind_of_column() -> None:
    def frame(n: int) -> pd.DataFrame:
        numbers = np.arange(n)
        text = pd.Series([f"s{i % 90_000}" for i in range(n)], dtype=object)
        made = pd.DataFrame(
            {
                "number": numbers,
                "time": pd.to_datetime(numbers, unit="s"),
                "text": text,
                "maybe": pd.array(numbers, dtype="Int64"),
                "string": text.astype(pd.StringDtype("python")),
                "sparse": pd.arrays.SparseArray(numbers % 5),
                "interval": pd.arrays.IntervalArray.from_arrays(numbers, numbers + 1),
            },
            index=pd.MultiIndex.from_arrays([text, numbers], names=["text", None]),
        )
        return made.assign(arrow=text.astype("string[pyarrow]")) if HAS_ARROW else made

    short, long = (describe(frame(n)).summary for n in (BLOCK + 10, 2 * BLOCK + 10))
    assert short["index"]["blocks"][0] == long["index"]["blocks"][0]
    assert short["index"]["blocks"][1] != long["index"]["blocks"][1]
    for label in short["columns"]:
        blocks = short["columns"][label]["blocks"], long["columns"][label]["blocks"]
        assert (len(blocks[0]), len(blocks[1])) == (2, 3), label
        assert blocks[0][0] == blocks[1][0] and blocks[0][1] != blocks[1][1], label


def test_the_summary_of_a_series_and_of_scalars() -> None:
    summary = describe(pd.Series([1.0, 2.0], index=days(2))).summary
    assert summary["type"] == "pandas.Series" and summary["shape"] == [2]
    assert summary["span"] == ["2024-01-01T00:00:00", "2024-01-02T00:00:00"]
    assert len(summary["values"]["blocks"]) == 1
    assert describe(20).summary == {"type": "int", "repr": "20"}
    assert describe("close").summary == {"type": "str", "length": 5}  # never the text
    assert "repr" not in describe("x" * 500).summary
    assert describe(pd.Timestamp("2024-01-01")).summary["repr"] == "2024-01-01 00:00:00"


def test_the_items_of_a_small_container_are_listed_by_their_digests() -> None:
    frame = prices()
    summary = describe({"window": 20, "prices": frame, 3: [1]}).summary
    assert summary["items"] == {
        "window": digest(20).hex(),
        "prices": digest(frame).hex(),
        "3": digest([1]).hex(),
    }
    assert describe([frame, 1]).summary["items"] == {"0": digest(frame).hex(), "1": digest(1).hex()}
    assert "items" not in describe(list(range(1000))).summary


def test_labels_that_look_alike_keep_their_own_entries() -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=pd.Index(["1", 1, 1], dtype=object))
    assert list(describe(frame).summary["columns"]) == ["1", "1 #2", "1 #3"]


def test_a_summary_holds_no_data() -> None:
    secret = "secret-" * 20
    value = {"a": secret, "f": pd.DataFrame({"x": pd.Series([secret], dtype=object)})}
    assert secret not in str(describe(value).summary)
    assert secret not in str(describe(value["f"]).summary)
