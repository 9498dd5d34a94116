"""What is put comes back equal, as an object of the caller's own."""

from __future__ import annotations

import datetime
import decimal
import math
import os
import pickle
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from afml_cache.outcomes import Reason
from afml_cache.store.store import Entry, Missing

MINUTES = pd.date_range("2020-01-01", periods=50_000, freq="min", tz="UTC", name="t")
FRAME = pd.DataFrame(
    {
        "close": np.linspace(1.0, 2.0, 50_000),
        "side": pd.array([1, None] * 25_000, dtype="Int8"),
        "label": ["up", "down"] * 25_000,
        "kind": pd.Categorical(["a", "b"] * 25_000),
        "end": MINUTES + pd.Timedelta("1h"),
        "held": MINUTES - MINUTES[0],
    },
    index=MINUTES,
)

VALUES = {
    "none": None,
    "int": 7,
    "huge_int": 10**500,
    "bool": True,
    "float": 0.1,
    "negative_zero": -0.0,
    "str": "naïve ☃",
    "lone_surrogate": "\ud800",
    "bytes": b"\0\xff",
    "long_bytes": b"x" * 50_000,
    "complex": 1 + 2j,
    "decimal": decimal.Decimal("1.10"),
    "date": datetime.date(2020, 2, 29),
    "aware_time": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
    "tuple": (1, "a", (2.0, None)),
    "dict": {"a": [1, {2, 3}]},
    "long_list": list(range(20_000)),
    "numpy_scalar": np.float64(1.5),
    "small_array": np.arange(5.0),
    "array": np.arange(100_000.0),
    "fortran": np.asfortranarray(np.arange(60_000.0).reshape(300, 200)),
    "strided": np.arange(300_000.0)[::3],
    "read_only": np.broadcast_to(np.arange(500.0), (100, 500)),
    "dates": np.arange(20_000).astype("M8[us]"),
    "durations": np.arange(20_000).astype("m8[ns]"),
    "records": np.zeros(5_000, dtype=[("a", "i4"), ("t", "M8[ns]")]),
    "big_endian": np.arange(5_000, dtype=">i4"),
    "empty": np.zeros((0, 3)),
    "no_dimension": np.array(3.0),
    "objects": np.array(["a", None, 1.0], dtype=object),
    "masked": np.ma.masked_array([1.0, 2.0], [True, False]),
    "index": MINUTES,
    "frame": FRAME,
    "slice_of_a_frame": FRAME.iloc[::2],
    "small_frame": FRAME.head(3),
    "empty_frame": pd.DataFrame({"a": []}),
    "multi_index": FRAME.head(100).set_index("label", append=True),
    "periods": pd.Series(pd.period_range("2020", periods=10_000, freq="D")),
    "list_of_arrays": [np.arange(3), np.arange(3000.0), {"x": np.arange(9000)}],
}


def same(left: object, right: object) -> bool:
    assert type(left) is type(right)
    if isinstance(left, pd.DataFrame):
        pd.testing.assert_frame_equal(left, right)
    elif isinstance(left, pd.Series):
        pd.testing.assert_series_equal(left, right)
    elif isinstance(left, pd.Index):
        pd.testing.assert_index_equal(left, right)
    elif isinstance(left, np.ndarray):
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right, strict=True)
    elif isinstance(left, list):
        assert len(left) == len(right) and all(map(same, left, right))
    elif isinstance(left, dict):
        assert left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    elif isinstance(left, float):
        assert left == right and math.copysign(1, left) == math.copysign(1, right)
    else:
        assert left == right
    return True


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_a_value_comes_back_equal_now_and_in_another_process(value, open_store, digest, claim):
    store = open_store()
    assert store.put(digest(1), value, claim()) is None
    assert same(store.get(digest(1)), value)
    assert same(store.get(digest(1)), value)
    store.close()
    assert same(open_store().get(digest(1)), value)


def test_a_digest_that_was_never_stored_is_missing_without_a_reason(open_store, digest):
    assert open_store().get(digest(1)) == Missing(None)
    assert not open_store().contains(digest(1))


def test_a_missing_value_can_be_told_from_a_stored_none(open_store, digest, claim):
    store = open_store()
    store.put(digest(1), None, claim())
    assert store.get(digest(1)) is None
    assert type(store.get(digest(2))) is Missing


@pytest.mark.parametrize("name", ["array", "frame", "dates", "strided", "read_only", "small_array"])
def test_what_the_caller_does_to_a_value_does_not_show_in_the_next_hit(
    name, open_store, digest, claim
):
    store = open_store()
    store.put(digest(1), VALUES[name], claim())
    first = store.get(digest(1))
    if isinstance(first, pd.DataFrame):
        first["close"] = 9.0
        first.iloc[0, 1] = 3
    else:
        first[...] = first.flat[-1]
    assert same(store.get(digest(1)), VALUES[name])
    assert store.verify() == []


def test_a_mutable_value_in_a_row_is_a_new_object_each_time(open_store, digest, claim):
    store = open_store()
    store.put(digest(1), {"a": [1]}, claim())
    store.get(digest(1))["a"].append(2)
    assert store.get(digest(1)) == {"a": [1]}


@pytest.mark.parametrize("rows", [1_000, 100_000], ids=["read", "mapped"])
def test_a_value_in_hand_survives_replacement_and_clearing(rows, open_store, digest, claim):
    store = open_store()
    store.put(digest(1), np.arange(float(rows)), claim())
    held = store.get(digest(1))
    store.put(digest(1), np.zeros(rows), claim())
    replaced = store.get(digest(1))
    assert store.clear() == 1
    assert held[-1] == rows - 1 and held.sum() == rows * (rows - 1) / 2
    assert not replaced.any()


def test_large_buffers_are_aligned_and_a_stream_stays_small(open_store, base, digest, claim):
    store = open_store()
    store.put(digest(1), FRAME[["close", "end", "held"]], claim())
    value = store.get(digest(1))
    assert value["close"].to_numpy().ctypes.data % 64 == 0
    (file,) = base.glob("values/*/*")
    data = value["close"].nbytes + 3 * 8 * len(value)
    assert data <= file.stat().st_size < data + 4_000


def test_more_values_can_be_held_than_files_opened(open_store, digest, claim, run_python, base):
    store = open_store(secret=b"x" * 32)
    store.put(digest(1), np.arange(40_000.0), claim())
    store.close()
    script = """
        import resource, sys
        resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))
        from afml_cache.store.store import Store
        store = Store(sys.argv[1], secret=b"x" * 32)
        held = [store.get(bytes.fromhex(sys.argv[2])) for _ in range(600)]
        print(sum(value[-1] for value in held))
    """
    assert float(run_python(script, str(base), digest(1).hex())) == 600 * 39_999


def test_an_entry_says_what_was_claimed(open_store, digest, claim):
    store = open_store()
    before = time.time()
    stated = claim("f", extent=(-1, 2**62, True), seconds=2.5, expires=before + 60)
    store.put(digest(1), "value", stated)
    entry = store.entry(digest(1))
    assert entry is not None
    assert (entry.function, entry.code, entry.environment, entry.arguments, entry.extent) == (
        ("f", stated.code, stated.environment, stated.arguments, stated.extent)
    )
    assert (entry.seconds, entry.expires) == (2.5, before + 60)
    assert before <= entry.created <= time.time() and entry.size > 0
    assert store.description(digest(1)) == stated.description
    assert store.entry(digest(2)) is None and store.description(digest(2)) == {}


def test_entries_are_found_by_function_and_by_arguments(open_store, digest, claim):
    store = open_store()
    for number in range(1_200):  # more than are read at once
        store.put(digest(number), number, claim("f" if number % 3 else "g"))
    other = claim("f", code=b"C" * 16, arguments=b"A" * 16)
    store.put(digest("other"), 1, other)
    assert {entry.digest for entry in store.entries()} == {
        *map(digest, range(1_200)),
        digest("other"),
    }
    assert sum(1 for _ in store.entries("g")) == 400
    assert [e.digest for e in store.siblings("f", b"A" * 16)] == [digest("other")]
    assert len(store.siblings("f", b"a" * 16)) == 800 and store.siblings("h", b"a" * 16) == []
    assert store.known("f") and not store.known("h")
    assert all(isinstance(entry, Entry) for entry in store.entries())


def test_a_value_past_its_time_is_expired_whether_in_a_row_or_a_file(open_store, digest, claim):
    store = open_store()
    for name, value in (("row", 1), ("file", np.arange(10_000))):
        store.put(digest(name), value, claim(expires=time.time() - 1))
        assert store.get(digest(name)) == Missing(Reason.EXPIRED)
        assert store.get(digest(name)) == Missing(Reason.EXPIRED)
        assert not store.contains(digest(name))
        store.put(digest(name), value, claim(expires=time.time() + 3600))
        assert type(store.get(digest(name))) is not Missing
        assert store.contains(digest(name))


def test_a_value_expires_while_it_is_remembered(open_store, digest, claim):
    store = open_store()
    ends = time.time() + 0.2
    store.put(digest(1), 5, claim(expires=ends))
    assert store.get(digest(1)) == 5
    while time.time() < ends:
        os.sched_yield()
    assert store.get(digest(1)) == Missing(Reason.EXPIRED)


def test_an_entry_unused_for_longer_than_the_age_limit_has_expired(open_store, digest, claim):
    store = open_store()
    store.put(digest(1), 5, claim())
    store.close()
    strict = open_store(age_limit=1e-9)
    assert strict.get(digest(1)) == Missing(Reason.EXPIRED)
    assert open_store(age_limit=3600.0).get(digest(1)) == 5


@pytest.mark.parametrize("reason", [Reason.CLEARED, Reason.EVICTED, Reason.EXPIRED])
def test_a_removed_entry_says_why_until_it_is_stored_again(reason, open_store, digest, claim):
    store = open_store()
    store.put(digest(1), 5, claim())
    store.put(digest(2), np.arange(10_000), claim())
    assert store.delete([digest(1), digest(2), digest(3)], reason) == 2
    assert store.get(digest(1)) == store.get(digest(2)) == Missing(reason)
    assert store.get(digest(3)) == Missing(None)
    store.put(digest(1), 6, claim())
    assert store.get(digest(1)) == 6


def test_clearing_a_function_leaves_the_others_and_the_records(open_store, base, digest, claim):
    store = open_store()
    for number in range(10):
        store.put(digest(number), np.arange(2_000.0) + number, claim("fg"[number % 2]))
    ledger = base / "records" / "runs.csv"
    ledger.parent.mkdir()
    ledger.write_text("a run")
    assert store.clear("f") == 5
    assert store.get(digest(0)) == Missing(Reason.CLEARED)
    assert store.get(digest(1))[0] == 1.0
    assert len(list(base.glob("values/*/*"))) == 5
    assert store.clear() == 5 and store.clear() == 0
    assert list(base.glob("values/*/*")) == []
    assert ledger.read_text() == "a run"


def test_a_replaced_value_leaves_no_file_behind(open_store, base, digest, claim):
    store = open_store()
    for number in range(5):
        store.put(digest(1), np.full(5_000, number), claim())
    assert store.get(digest(1))[0] == 4
    assert len(list(base.glob("values/*/*"))) == 1


class Unpicklable:
    def __reduce__(self):
        raise RuntimeError("not today")


@pytest.mark.parametrize(
    "value", [lambda: 1, Unpicklable(), (i for i in ())], ids=["lambda", "raises", "generator"]
)
def test_a_value_that_cannot_be_pickled_is_refused_and_said_once(
    value, open_store, digest, claim, told
):
    store = open_store()
    for _ in range(3):
        assert store.put(digest(1), value, claim("f")) is Reason.RESULT_UNPICKLABLE
    assert store.get(digest(1)) == Missing(None)
    (message,) = told()
    assert "result of f cannot be stored" in message


class Fragile:
    def __setstate__(self, state):
        raise RuntimeError("an older version wrote this")

    def __getstate__(self):
        return {"a": 1}


def test_a_value_that_cannot_be_unpickled_is_missing(open_store, digest, claim, told):
    store = open_store()
    store.put(digest(1), Fragile(), claim())
    store.put(digest(2), [Fragile(), np.arange(9_000)], claim())
    for name in (1, 2, 1):
        assert store.get(digest(name)) == Missing(Reason.UNREADABLE)
    assert store.faults() == {"unreadable": 3}
    (message,) = told()
    assert "an older version wrote this" in message


def test_what_a_process_remembers_is_bounded(open_store, digest, claim, monkeypatch):
    from afml_cache.store import vault

    monkeypatch.setattr(vault, "_ROWS_REMEMBERED", 20_000)
    store = open_store()
    for number in range(100):
        store.put(digest(number), [number] * 100, claim())
    for _ in range(2):
        for number in range(100):
            assert store.get(digest(number)) == [number] * 100
    assert 10 < len(store._vault.opened) < 40


def test_nothing_is_touched_before_the_first_use(open_store, base):
    open_store()
    assert not base.exists()


def test_a_relative_directory_is_where_it_was_when_the_store_was_made(
    open_store, tmp_path, monkeypatch, digest, claim
):
    monkeypatch.chdir(tmp_path)
    store = open_store(Path("here"))
    monkeypatch.chdir("/")
    store.put(digest(1), 1, claim())
    assert (tmp_path / "here" / "index.sqlite").exists()


def test_a_stream_names_nothing_of_numpy_that_another_version_lacks(open_store, digest, claim):
    from afml_cache.store.codec import encode

    stream = bytes(encode(np.arange(10_000).astype("M8[ns]")).stream)
    assert b"numpy" not in stream
    assert b"afml_cache.store.arrays" in stream and pickle.PROTO in stream
