"""How the calls of a function went, hour by hour."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from afml_cache import UnknownFunctionError, get_cache_monitor, robust_cacheable, use_settings
from afml_cache.store.hours import hour_name, hour_of
from afml_cache.store.rows import add_counter


@robust_cacheable
def f(number):
    return number


def plant(store, function: str, ago: int, **counts: float) -> None:
    def write(cursor):
        for name, value in counts.items():
            add_counter(cursor, function, hour_name(hour_of(time.time()) - ago, name), value)
            add_counter(cursor, function, name, value)

    store._index.write(write)


def test_every_hour_has_a_row_with_typed_numbers(store):
    f(1)
    store.flush()
    plant(store, f.identity, 3, hits=6, adopted=1, computed=3, seconds_saved=4.5)
    series = get_cache_monitor().get_time_series_analysis("f", 6)
    assert list(series.columns) == [
        *("calls", "hits", "misses", "hit_rate", "adopted", "seconds_computed", "seconds_saved"),
    ]
    assert len(series) == 6 and str(series.index.dtype) == "datetime64[us, UTC]"
    assert (series.index[1:] - series.index[:-1] == pd.Timedelta(hours=1)).all()
    assert (series.index.minute == 0).all()
    busy = series[series["calls"] == 10]
    assert busy[["hits", "misses", "adopted"]].to_numpy().tolist() == [[7, 3, 1]]
    assert busy["hit_rate"].item() == 0.7 and busy["seconds_saved"].item() == 4.5
    assert pd.Timestamp.now("UTC") - busy.index[0] >= pd.Timedelta(hours=3)
    assert series["calls"].sum() == 11
    assert series["hit_rate"].isna().sum() == 4
    kinds = series.dtypes.astype(str).to_dict()
    assert {kinds[name] for name in ("calls", "hits", "misses", "adopted")} == {"int64"}
    assert {kinds[n] for n in ("hit_rate", "seconds_computed", "seconds_saved")} == {"float64"}


def test_hours_before_those_asked_for_are_left_out(store):
    f(1)
    store.flush()
    plant(store, f.identity, 30, hits=6)
    monitor = get_cache_monitor()
    assert monitor.get_time_series_analysis(f)["calls"].sum() == 1
    assert monitor.get_time_series_analysis(f, 48)["calls"].sum() == 7


def test_without_a_name_all_functions_are_added_up(store):
    f(1), f(1)
    store.flush()
    plant(store, "m.g", 1, computed=5)
    whole = get_cache_monitor().get_time_series_analysis(hours=12)
    assert (whole["calls"].sum(), whole["hits"].sum()) == (7, 1)


@pytest.mark.parametrize("hours", [0, -1, 10_000, 1.5, True])
def test_hours_that_are_not_kept_are_refused(hours):
    f(1)
    with pytest.raises(ValueError, match="1 to 744"):
        get_cache_monitor().get_time_series_analysis("f", hours)


def test_an_unknown_function_is_refused():
    with pytest.raises(UnknownFunctionError):
        get_cache_monitor().get_time_series_analysis("nobody", 3)


def test_nothing_is_read_while_the_cache_is_off():
    f(1)
    with use_settings(mode="off"):
        series = get_cache_monitor().get_time_series_analysis(hours=2)
    assert series["calls"].sum() == 0 and np.isnan(series["hit_rate"]).all()
