"""``explain()`` names the argument that changed and how: each change planted by itself."""

from __future__ import annotations

import joblib
import numpy as np
import pandas as pd
import pytest

from afml_cache import Reason, explain_last_miss, robust_cacheable


@robust_cacheable
def summed(price, window=20):
    return float(price.select_dtypes("number").sum().sum()) if price.ndim == 2 else window


def prices(rows=250, start="2023-06-27"):
    index = pd.date_range(start, periods=rows, freq="D")
    numbers = np.arange(rows, dtype=float)
    return pd.DataFrame({"open": numbers, "close": numbers + 1}, index=index)


def long(rows=200_000):
    index = pd.date_range("2024-01-01", periods=rows, freq="min")
    return pd.DataFrame({"open": np.zeros(rows), "close": np.ones(rows)}, index=index)


def placed(frame, row, column, value):
    changed = frame.copy()
    changed.iloc[row, column] = value
    return changed


def with_attrs(frame):
    changed = frame.copy()
    changed.attrs["source"] = "a vendor"
    return changed


def first_row_later(frame):
    index = frame.index.to_series()
    index.iloc[0] += pd.Timedelta("1h")
    return frame.set_axis(pd.DatetimeIndex(index.to_numpy(), freq=None))


#: What is stored, what is asked of it, and exactly what is told.
FRAMES = {
    "rows at the end": (
        prices(),
        lambda f: prices(253),
        [
            "price: 3 new rows at the end, from 2024-03-03 to 2024-03-05; "
            "the 250 rows before are the same"
        ],
    ),
    "one row at the end": (
        prices(),
        lambda f: prices(251),
        ["price: 1 new row at the end, at 2024-03-03; the 250 rows before are the same"],
    ),
    "rows at the beginning": (
        prices(250),
        lambda f: pd.concat([prices(2, "2023-06-25") - 9, f]).asfreq("D"),
        [
            "price: 2 new rows at the beginning, from 2023-06-25 to 2023-06-26; "
            "the 250 rows after are the same"
        ],
    ),
    "rows at the end of others": (
        prices(),
        lambda f: placed(prices(253), 0, 0, -1.0),
        [
            "price had 250 rows, has 253; it reached from 2023-06-27 to 2024-03-02, "
            "reaches from 2023-06-27 to 2024-03-05"
        ],
    ),
    "fewer rows": (
        prices(),
        lambda f: prices(249),
        [
            "price had 250 rows, has 249; it reached from 2023-06-27 to 2024-03-02, "
            "reaches from 2023-06-27 to 2024-03-01"
        ],
    ),
    "fewer rows of many": (
        long(),
        lambda f: f.iloc[:150_000],
        [
            "price had 200,000 rows, has 150,000; it reached from 2024-01-01T00:00:00 to "
            "2024-05-18T21:19:00, reaches from 2024-01-01T00:00:00 to 2024-04-14T03:59:00; "
            "the first 131,072 rows are the same"
        ],
    ),
    "one value": (
        prices(),
        lambda f: placed(f, 4, 1, -1.0),
        ["price, column close: values differ"],
    ),
    "one value of many rows": (
        long(),
        lambda f: placed(f, 70_000, 1, -1.0),
        [
            "price, column close: values differ within rows 65536 to 131071, "
            "from 2024-02-15T12:16:00 to 2024-04-01T00:31:00"
        ],
    ),
    "a column more": (
        prices(),
        lambda f: f.assign(volume=1.0),
        ["price has a new column volume"],
    ),
    "a column less": (
        prices(),
        lambda f: f[["close"]],
        ["price has lost its column open"],
    ),
    "columns in another order": (
        prices(),
        lambda f: f[["close", "open"]],
        ["price has its columns in another order"],
    ),
    "a dtype": (
        prices(),
        lambda f: f.astype({"close": "float32"}),
        ["price, column close: dtype was float64, is float32"],
    ),
    "the zone": (
        prices(),
        lambda f: f.tz_localize("UTC"),
        ["the index of price: tz was None, is UTC"],
    ),
    "the frequency": (
        prices().asfreq("D"),
        lambda f: f.set_axis(pd.DatetimeIndex(f.index.to_numpy()).as_unit(f.index.unit)),
        ["the index of price: freq was D, is None"],
    ),
    "the name of the index": (
        prices(),
        lambda f: f.rename_axis("time"),
        ["the index of price: name was None, is time"],
    ),
    "the attrs": (prices(), with_attrs, ["the attrs of price differ"]),
    "all columns": (
        pd.DataFrame({f"c{n}": [1.0, 2.0] for n in range(9)}),
        lambda f: f + 1,
        ["price: values differ in 9 of 9 columns: c0, c1, c2, c3, c4, ..."],
    ),
    "the name of a Series": (
        prices()["close"],
        lambda s: s.rename("open"),
        ["price: name was close, is open"],
    ),
    "the rows of a Series": (
        prices()["close"],
        lambda s: prices(252)["close"],
        [
            "price: 2 new rows at the end, from 2024-03-03 to 2024-03-04; "
            "the 250 rows before are the same"
        ],
    ),
    "an array with rows more": (
        np.zeros(3),
        lambda _: np.zeros(5),
        [
            "price was numpy.ndarray of float64 of shape (3,), "
            "is numpy.ndarray of float64 of shape (5,)"
        ],
    ),
}


@pytest.mark.parametrize(("stored", "change", "sentences"), FRAMES.values(), ids=FRAMES)
def test_exactly_what_changed_is_told(stored, change, sentences):
    summed(stored)
    told = summed.explain(change(stored))
    assert told.reason is Reason.ARGUMENT
    assert [difference.text for difference in told.differences] == sentences


def test_zone_and_new_rows_are_told_apart():
    summed(prices())
    told = summed.explain(prices(253).tz_localize("UTC"), window=5)
    texts = [difference.text for difference in told.differences]
    assert texts[0] == "the index of price: tz was None, is UTC"
    assert texts[1].startswith("price had 250 rows, has 253")
    assert "are the same" not in texts[1]
    assert texts[2] == "window was 20, is 5"


def test_a_result_says_of_its_frame_no_more_than_was_kept():
    summed(prices())
    summed(prices(253))
    (difference,) = explain_last_miss().differences
    assert difference.text == (
        "price had 250 rows, has 253; it reached from 2023-06-27 to 2024-03-02, "
        "reaches from 2023-06-27 to 2024-03-05"
    )


def test_explaining_runs_counts_and_changes_nothing(store):
    frame = prices(253)
    frame.index.is_monotonic_increasing  # noqa: B018 - it remembers that it was asked
    summed(prices())
    store.flush()
    before = summed.cache_info(), joblib.hash(frame), store.counters(), list(store.entries())
    for _ in range(3):
        summed.explain(frame), summed.explain(prices())
    store.flush()
    after = summed.cache_info(), joblib.hash(frame), store.counters(), list(store.entries())
    assert before == after  # the entries with the times of their last use


def test_descriptions_of_older_entries_can_still_be_compared(store, monkeypatch):
    """Without what is kept since: names, frequency, ends of blocks, attrs."""
    from afml_cache.keys import summary

    monkeypatch.setattr(summary, "_index", lambda _: {})
    kept = summary.described

    def as_before(value, finish):
        digest, found = kept(value, finish)
        return digest, {k: v for k, v in found.items() if k not in ("attrs", "name")}

    with monkeypatch.context() as older:
        older.setattr(summary, "described", as_before)
        summed(prices())
    monkeypatch.undo()
    assert "3 new rows at the end" in str(summed.explain(prices(253)))
    (difference,) = summed.explain(prices().rename_axis("time")).differences
    assert difference.text == "the index of price: values are the same, its name or freq differs"
    (difference,) = summed.explain(placed(prices(), 4, 1, -1.0)).differences
    assert difference.text == "price, column close: values differ"
