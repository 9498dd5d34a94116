"""What users of other caches lost time or money to, one by one: none of it happens here."""

from __future__ import annotations

import pickle
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    cacheable,
    content_key,
    get_cache_stats,
    robust_cacheable,
    time_aware_cacheable,
    use_store,
)

RUNS: list[object] = []
DECORATORS = pytest.mark.parametrize("decorate", [robust_cacheable, time_aware_cacheable])


def ran(*what: object) -> None:
    globals()["RUNS"].append(what)


@pytest.fixture(autouse=True)
def no_runs() -> None:
    RUNS.clear()


def prices(n: int = 300, seed: int = 0) -> pd.DataFrame:
    steps = np.random.default_rng(seed).normal(0, 0.01, (n, 2))
    return pd.DataFrame(
        100 * np.exp(steps.cumsum(axis=0)),
        index=pd.bdate_range("2020-01-01", periods=n),
        columns=["open", "close"],
    )


# --- equal frames must hit ---------------------------------------------------------------------

EQUAL_FRAMES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "displayed": lambda f: (repr(f), f._repr_html_(), f)[2],
    "copied": lambda f: f.copy(),
    "sliced whole": lambda f: f.iloc[:],
    "pickled": lambda f: pickle.loads(pickle.dumps(f)),
    "fragmented": lambda f: pd.concat([f[[c]] for c in f], axis=1),
    "built column by column": lambda f: pd.DataFrame({c: f[c].to_numpy() for c in f}, f.index),
    "in Fortran order": lambda f: pd.DataFrame(np.asfortranarray(f), f.index, f.columns),
    "looked up and added to": lambda f: (f.index.get_loc(f.index[3]), f + f, f)[2],
    "filtered by nothing": lambda f: f[f["close"] > 0].set_axis(f.index),
}


@DECORATORS
@pytest.mark.parametrize("change", EQUAL_FRAMES.values(), ids=EQUAL_FRAMES.keys())
def test_an_equal_frame_hits(decorate: Any, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    @decorate
    def mean(frame):
        ran()
        return float(frame["close"].mean())

    assert mean(prices()) == mean(change(prices()))
    assert len(RUNS) == 1


# --- nothing is sampled ------------------------------------------------------------------------


@DECORATORS
@pytest.mark.parametrize("row", [0, 1, 99, 100, 12_345, 49_999, 50_001, 119_998, 119_999])
def test_one_row_of_many_counts(decorate: Any, row: int) -> None:
    @decorate
    def total(frame):
        return float(frame["close"].sum())

    frame = pd.DataFrame({"close": np.ones(120_000), "open": np.ones(120_000)})
    total(frame)
    frame = frame.copy()
    frame.iloc[row, 0] = 2.0
    assert total(frame) == 120_001


def test_one_element_of_a_large_array_list_or_text_counts() -> None:
    for make in (np.zeros, lambda n: [0] * n, lambda n: "0" * n, bytes, lambda n: (0,) * n):
        value = make(100_000)
        key = content_key(value)
        for at in (0, 50_000, 99_999):
            if isinstance(value, str):
                changed: Any = value[:at] + "1" + value[at + 1 :]
            elif isinstance(value, bytes):
                changed = value[:at] + b"1" + value[at + 1 :]
            else:
                changed = list(value)
                changed[at] = 1
                changed = np.array(changed, float) if isinstance(value, np.ndarray) else changed
                changed = tuple(changed) if isinstance(value, tuple) else changed
            assert content_key(changed) != key


# --- what counts in a backtest -----------------------------------------------------------------


class Strategy:
    """A crossing of two averages."""

    def __init__(self, fast: int = 5, slow: int = 20) -> None:
        self.fast, self.slow = fast, slow

    def signal(self, close: pd.Series) -> pd.Series:
        return np.sign(close.rolling(self.fast).mean() - close.rolling(self.slow).mean())


def momentum(close: pd.Series) -> pd.Series:
    return np.sign(close.diff(10))


def reversal(close: pd.Series) -> pd.Series:
    return -np.sign(close.diff(10))


@time_aware_cacheable
def backtest(frame, strategy, *, fee=0.0, fill="close", size=1.0):
    ran()
    close = frame["close"]
    position = strategy.signal(close) if hasattr(strategy, "signal") else strategy(close)
    price = frame[fill]
    returns = position.shift(1) * price.pct_change() * size - fee * position.diff().abs()
    return returns.cumsum().fillna(0.0)


BACKTESTS: dict[str, Callable[[], Any]] = {
    "as it is": lambda: ((prices(), Strategy()), {}),
    "another fee": lambda: ((prices(), Strategy()), {"fee": 0.001}),
    "another fill": lambda: ((prices(), Strategy()), {"fill": "open"}),
    "another size": lambda: ((prices(), Strategy()), {"size": 2.0}),
    "another parameter": lambda: ((prices(), Strategy(fast=6)), {}),
    "another strategy": lambda: ((prices(), momentum), {}),
    "its opposite": lambda: ((prices(), reversal), {}),
    "a lambda": lambda: ((prices(), lambda close: close * 0 + 1), {}),
    "another lambda": lambda: ((prices(), lambda close: close * 0 - 1), {}),
    "another market": lambda: ((prices(seed=1), Strategy()), {}),
    "the day before": lambda: ((prices().iloc[:-1], Strategy()), {}),
    "without the first day": lambda: ((prices().iloc[1:], Strategy()), {}),
    "another price in the middle": lambda: ((revised(prices(), 150), Strategy()), {}),
    "other dates": lambda: ((prices().shift(1, freq="B"), Strategy()), {}),
    "columns exchanged": lambda: (
        (prices().set_axis(["close", "open"], axis=1), Strategy()),
        {},
    ),
}


def revised(frame: pd.DataFrame, row: int) -> pd.DataFrame:
    frame.iloc[row, 1] *= 1.01
    return frame


def test_whatever_changes_a_backtest_is_in_its_key_and_the_cached_one_equals_the_live_one() -> None:
    for _ in range(2):
        for name, make in BACKTESTS.items():
            args, options = make()
            live = backtest.__wrapped__(*args, **options)
            pd.testing.assert_series_equal(backtest(*args, **options), live, obj=name)
    assert backtest.cache_info().hits == len(BACKTESTS)
    assert backtest.cache_info().computed == len(BACKTESTS)


def test_a_trimmed_frame_never_gets_the_result_of_the_longer_one() -> None:
    """The look-ahead bias that a cache can bring in: a result that has seen later prices."""

    @time_aware_cacheable
    def scaled(frame):
        return (frame["close"] - frame["close"].mean()) / frame["close"].std()

    full = prices()
    scaled(full)
    for end in (full.index[-2], full.index[100]):
        seen = full.loc[:end]
        pd.testing.assert_series_equal(scaled(seen), scaled.__wrapped__(seen))
        pd.testing.assert_series_equal(scaled(seen.copy()), scaled.__wrapped__(seen))
    late = full.copy()
    late.iloc[-1] = 0.0
    pd.testing.assert_series_equal(scaled(late.iloc[:-1]), scaled.__wrapped__(full.iloc[:-1]))


def test_a_frame_is_not_keyed_by_its_type() -> None:
    @robust_cacheable
    def shape(frame):
        return frame.shape

    assert shape(prices(10)) == (10, 2)
    assert shape(prices(11)) == (11, 2)
    assert shape(pd.DataFrame()) == (0, 0)


@DECORATORS
def test_no_extra_argument_is_overlooked(decorate: Any) -> None:
    @decorate
    def f(frame, *args, **options):
        return len(frame), args, options

    frame = prices(5)
    calls: list[tuple[tuple[object, ...], dict[str, object]]] = [
        ((), {}), ((1,), {}), ((1, 2), {}), ((), {"a": 1}), ((), {"b": 1}), ((1,), {"a": 1}),
    ]  # fmt: skip
    for _ in range(2):
        for args, options in calls:
            assert f(frame, *args, **options) == (5, args, options)
    assert f.cache_info().hits == len(calls)


def test_gaps_and_weekends_are_nothing_but_dates() -> None:
    @time_aware_cacheable
    def last(frame):
        return frame.index[-1]

    weekdays = prices(10)
    daily = weekdays.set_axis(pd.date_range("2020-01-01", periods=10))
    assert last(weekdays) != last(daily)
    unsorted = weekdays.iloc[::-1]
    assert last(unsorted) == weekdays.index[0]
    twice = pd.concat([weekdays, weekdays])
    assert last(twice) == weekdays.index[-1]
    empty = weekdays.iloc[:0]
    assert time_aware_cacheable(len_of)(empty) == 0


def len_of(frame: pd.DataFrame) -> int:
    return len(frame)


TIMELESS: list[Callable[[], Any]] = [
    lambda: None, lambda: 5, lambda: "2024-01-01", lambda: pd.DataFrame(), lambda: pd.Series([1.0]),
    lambda: pd.NaT, lambda: pd.DatetimeIndex([pd.NaT]), lambda: pd.Series([1], [pd.NaT]),
    lambda: pd.Series([1, 2], pd.period_range("2024-01", periods=2, freq="M")),
    lambda: pd.Series([1], pd.DatetimeIndex(["2024-01-01"], tz="Asia/Tokyo")),
    lambda: pd.Series([1], pd.MultiIndex.from_tuples([("a", pd.Timestamp(0))])),
    lambda: pd.Series([1], pd.DatetimeIndex(["1677-09-22"]).as_unit("s")),
    lambda: pd.Series([1], np.array(["9999-12-31"], "M8[s]")),
    lambda: pd.Series([1], pd.TimedeltaIndex(["1D"])),
    lambda: {"a": prices(3)}, lambda: [prices(3), prices(2)], lambda: np.array(["2024"], "M8[D]"),
]  # fmt: skip


@pytest.mark.parametrize("make", TIMELESS)
def test_arguments_with_odd_or_no_dates_are_taken_as_they_are(make: Callable[[], Any]) -> None:
    @time_aware_cacheable
    def f(value):
        ran()
        return 1

    assert (f(make()), f(make())) == (1, 1)
    assert len(RUNS) == 1


# --- counters are honest -----------------------------------------------------------------------


def test_a_hit_is_what_the_store_served_not_what_this_process_has_seen(tmp_path: Path) -> None:
    @robust_cacheable
    def f(x):
        return x

    with use_store(tmp_path / "one"):
        f(1)
    with use_store(tmp_path / "two"):
        f(1)  # seen before in this process, and still no hit
        info = f.cache_info()
        assert (info.hits, info.computed) == (0, 1)


def test_counters_of_many_processes_add_up(run_python: Callable[..., str]) -> None:
    script = """
        from afml_cache import get_cache_stats, robust_cacheable

        @robust_cacheable
        def f(x):
            return x

        for x in range(5):
            f(x)
        info = f.cache_info()
        print(info.hits, info.computed)
    """
    printed = [run_python(script).split() for _ in range(3)]
    assert printed == [["0", "5"], ["5", "5"], ["10", "5"]]
    stats = get_cache_stats()["script.f"]
    assert (stats["hits"], stats["computed"]) == (10, 5)
    assert stats["hit_rate"] == pytest.approx(10 / 15)


def test_no_call_gives_no_rate() -> None:
    @robust_cacheable
    def never(x):
        return x

    assert all(not name.endswith("never") for name in get_cache_stats())
    assert never.cache_info().hits == never.cache_info().computed == 0


def test_an_exception_does_not_make_the_function_run_again() -> None:
    for decorate in (robust_cacheable, time_aware_cacheable, cacheable):
        RUNS.clear()

        @decorate
        def f(x):
            ran()
            raise ValueError("once")

        with pytest.raises(ValueError, match="once"):
            f(1)
        assert len(RUNS) == 1


# --- results of others are left alone ----------------------------------------------------------


def test_clearing_one_function_leaves_the_others_warm() -> None:
    @robust_cacheable
    def one(x):
        return x

    @robust_cacheable
    def other(x):
        return x

    one(1), one(2), other(1)
    assert one.cache_clear() == 2
    assert other.cache_contains(1)
    assert not one.cache_contains(1)
    one(1)
    assert one.cache_info().reasons["cleared"] == 1


def test_entries_of_an_older_version_of_a_function_stay(tmp_path: Path) -> None:
    made = {}
    for text in ("x + 1", "x + 2"):
        space: dict[str, Any] = {"robust_cacheable": robust_cacheable, "__name__": "versions"}
        exec(f"@robust_cacheable\ndef f(x):\n    return {text}\n", space)
        made[text] = space["f"]
    for _ in range(3):
        assert [made["x + 1"](1), made["x + 2"](1)] == [2, 3]
    assert made["x + 1"].cache_contains(1)
    assert made["x + 2"].cache_contains(1)


# --- lambdas, closures, methods, notebooks -----------------------------------------------------


def test_lambdas_and_closures_are_cached() -> None:
    by = {n: robust_cacheable(lambda x, n=n: x * n) for n in (2, 3)}

    def make(n: int) -> Any:
        @robust_cacheable
        def inner(x):
            return x * n

        return inner

    for _ in range(2):
        assert [f(5) for f in by.values()] == [10, 15]
        assert [make(n)(5) for n in (2, 3)] == [10, 15]


CELLS = """
    import sys
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    def cell(text):
        result = shell.run_cell(text)
        result.raise_error()
    cell("from afml_cache import robust_cacheable")
    define = "def helper(x):\\n    return x + {n}\\n\\n"
    define += "@robust_cacheable\\ndef f(x):\\n    return helper(x)"
    cell(define.format(n=1))
    cell("a = f(1)")
    cell(define.format(n=1))  # run again, unchanged
    cell("b = f(1)")
    cell("def helper(x):\\n    return x + 5")  # the helper alone, in another cell
    cell("c = f(1)")
    cell("def helper(x):\\n    return x + 1")
    cell("d = f(1)")
    cell("print(a, b, c, d, f.cache_info().hits, f.cache_info().computed)")
"""


def test_cells_of_a_notebook_hit_when_they_are_run_again(run_python: Callable[..., str]) -> None:
    pytest.importorskip("IPython")
    assert run_python(CELLS).split()[-6:] == ["2", "2", "6", "2", "2", "2"]
    assert run_python(CELLS).split()[-6:] == ["2", "2", "6", "2", "6", "2"]


# --- many at once ------------------------------------------------------------------------------

TOGETHER = """
    import os, sys, pathlib, time
    from afml_cache import robust_cacheable

    @robust_cacheable
    def f(x):
        with open(sys.argv[1], "a") as log:
            log.write("x")
        total = 0
        for i in range(300_000):
            total += i
        return total

    print(f(int(sys.argv[2])))
"""


def test_processes_that_start_together_compute_once(start_python: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"
    (tmp_path / "script.py").write_text(textwrap.dedent(TOGETHER))
    processes = [start_python(TOGETHER, str(log), "1") for _ in range(6)]
    printed = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert printed == {str(sum(range(300_000)))}
    assert log.read_text() == "x"


def test_workers_of_joblib_share_the_store(tmp_path: Path, run_python: Callable[..., str]) -> None:
    printed = run_python(
        """
        import joblib
        from afml_cache import robust_cacheable

        @robust_cacheable
        def f(x):
            return x * 2

        if __name__ == "__main__":
            first = joblib.Parallel(n_jobs=2)(joblib.delayed(f)(x) for x in range(6))
            second = joblib.Parallel(n_jobs=2)(joblib.delayed(f)(x) for x in range(6))
            threads = joblib.Parallel(n_jobs=2, backend="threading")(
                joblib.delayed(f)(x) for x in range(6)
            )
            assert first == second == threads == [0, 2, 4, 6, 8, 10]
            print(*(f.cache_contains(x) for x in range(6)))
        """
    )
    assert printed.split() == ["True"] * 6


def test_threads_never_mix_up_results() -> None:
    @robust_cacheable
    def f(x):
        return {"x": x, "squares": np.arange(200) ** 2 * x}

    def check(x: int) -> bool:
        result = f(x % 7)
        squares = np.arange(200) ** 2 * (x % 7)
        return result["x"] == x % 7 and bool((result["squares"] == squares).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(check, range(280)))
    assert f.cache_info().computed == 7


# --- big inputs are neither copied nor shown ---------------------------------------------------


class Unshown:
    """Counts how often it is shown: metadata is not worth the repr of a big input."""

    def __init__(self) -> None:
        self.content = np.zeros(1000)

    def __repr__(self) -> str:
        raise RuntimeError("shown")

    __str__ = __repr__


def test_arguments_are_not_shown_by_calling_them() -> None:
    @robust_cacheable
    def f(value):
        return 1

    assert (f(Unshown()), f(Unshown())) == (1, 1)
    assert f.cache_info().hits == 1
    f.explain(Unshown())
    f.explain([Unshown()])


def test_a_result_with_another_layout_is_the_same_argument_for_the_next_function() -> None:
    """Chains: what a hit hands out is keyed like what was computed."""

    @robust_cacheable
    def load(n):
        frame = pd.concat([prices(n)[["close"]], prices(n)[["open"]]], axis=1)
        frame["volume"] = np.arange(n)
        frame["side"] = pd.Categorical(["b", "s"] * (n // 2))
        return frame

    @robust_cacheable
    def use(frame):
        ran()
        return len(frame)

    assert [use(load(100)) for _ in range(3)] == [100] * 3
    assert len(RUNS) == 1


def test_an_entry_of_joblib_is_found_by_the_new_decorators(run_python: Callable[..., str]) -> None:
    """Migrate without computing again: only the decorator's name has changed."""
    script = """
        import pandas as pd
        from afml_cache import {name}

        @{name}
        def f(frame, window=3):
            print("computed")
            return frame.rolling(window).mean()

        f(pd.DataFrame({{"a": range(10)}}))
    """
    assert run_python(script.format(name="cacheable"), name="study.py") == "computed"
    for name in ("cacheable", "robust_cacheable", "time_aware_cacheable", "robust_cacheable"):
        assert run_python(script.format(name=name), name="study.py") == ""
