"""The hashes under which joblib may have filed a call."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

from afml_cache.adoption.hashing import argument_hashes, source_text

STAMPS = np.arange("2024-01-01", "2024-01-09", dtype="datetime64[h]")


def prices() -> pd.DataFrame:
    """As it comes out of a cache: its index has not worked anything out yet."""
    return pd.DataFrame({"close": np.arange(len(STAMPS))}, index=pd.DatetimeIndex(STAMPS.copy()))


def mean(frame: Any, window: int = 3, **options: Any) -> float:
    return float(frame.rolling(window).mean().sum().iloc[0])


def hashes(*args: Any, ignore: frozenset[str] = frozenset(), **kwargs: Any) -> list[str]:
    return list(argument_hashes(mean, ignore, args, kwargs))


def test_the_first_hash_is_that_of_the_call_as_it_is(tmp_path: Any) -> None:
    memorized = joblib.Memory(tmp_path, verbose=0).cache(mean)
    for args, kwargs in [((1,), {}), ((prices(), 4), {}), ((prices(),), {"fee": [1.5, "x"]})]:
        assert hashes(*args, **kwargs)[0] == memorized._get_args_id(*args, **kwargs)


def test_what_the_old_decorator_ignored_is_left_out() -> None:
    ignore = frozenset({"window"})
    assert hashes(1, 2, ignore=ignore) == hashes(1, 3, ignore=ignore)
    assert hashes(1, 2) != hashes(1, 3)


@pytest.mark.parametrize(
    "use",
    [lambda frame: frame.index[0], lambda frame: frame.index.min()],
    ids=["an element", "its minimum"],
)
def test_a_frame_that_was_used_has_the_hash_of_the_unused_one_as_well(use: Any) -> None:
    unused = hashes(prices())
    frame = prices()
    use(frame)
    used = hashes(frame)
    assert used[0] != unused[0]  # else this test would show nothing
    assert unused[0] in used[1:]


@pytest.mark.parametrize(
    "made",
    [
        prices,
        lambda: prices()["close"],
        lambda: pd.Series(range(9), index=pd.date_range("2000-01-30", periods=9, freq="D")),
        lambda: pd.Series(range(9), index=pd.date_range("2000-01-30", periods=9, tz="UTC")),
        lambda: pd.DataFrame({"close": range(9)}, index=pd.timedelta_range("1h", periods=9)),
    ],
    ids=["frame", "column", "regular", "with a zone", "time spans"],
)
def test_a_frame_that_was_not_used_has_the_hash_of_the_used_one_as_well(made: Any) -> None:
    used = made()
    used.index.max()
    assert hashes(used)[0] not in hashes(made())[:1]  # else this test would show nothing
    assert hashes(used)[0] in hashes(made())[1:]


def test_a_frame_deep_inside_is_looked_into() -> None:
    params = {"frames": [prices()]}
    unused = hashes(params)
    params["frames"][0].index[0]
    assert unused[0] in hashes(params)[1:]


def test_the_arguments_themselves_stay_as_they_are() -> None:
    frame = prices()
    frame.index[0]
    for one in (frame, prices()):
        before = pickle.dumps(one)
        hashes(one)
        assert pickle.dumps(one) == before


def test_plain_arguments_have_one_hash() -> None:
    assert len(hashes(1, 2)) == len(hashes(np.arange(5))) == 1
    assert len(hashes(pd.DataFrame({"close": [1.0]}))) == 1


def test_a_call_that_joblib_cannot_hash_has_none() -> None:
    assert hashes(threading.Lock()) == []
    assert hashes() == []  # Python's own TypeError follows when the function is called


def test_the_source_is_cut_out_as_joblib_cuts_it_out(tmp_path: Any) -> None:
    memorized = joblib.Memory(tmp_path, verbose=0).cache(mean)
    assert source_text(mean) == memorized.func_code_info[0]
