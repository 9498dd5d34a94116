"""A sweep computes what is new, keeps what is done, and says what failed."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    CacheWarning,
    ConfigurationError,
    cacheable,
    cached_backtest,
    clear_failed_runs,
    failed_runs,
    get_backtest_cache,
    robust_cacheable,
    sweep,
    use_settings,
    watch_calls,
    watch_results,
)
from afml_cache.backtests.studies.grid import combinations_of
from afml_cache.backtests.studies.payload import pack, unpack
from afml_cache.backtests.studies.place import marked
from afml_cache.backtests.studies.study import study_of
from afml_cache.backtests.studies.worker import differences
from afml_cache.keys import content
from afml_cache.keys.code import Fingerprint
from tests.backtests.strategies import SmaCross, by_hand, with_engine

run = cached_backtest("by hand")(by_hand)
calls: list[Any] = []


@cached_backtest("counted")
def counted(data: Any, params: dict[str, Any], fee: float = 0.0) -> dict[str, Any]:
    calls.append(params)
    return {"sum": float(np.sum(data)) * params["a"] - fee}


@cached_backtest("touchy")
def touchy(data: Any, params: dict[str, Any]) -> dict[str, Any]:
    calls.append(params)
    if params["a"] in params["bad"]:
        raise ValueError(f"no {params['a']}")
    return {"a": params["a"]}


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    calls.clear()


PRICES = np.array([1.0, 2.0, 3.0])


# -- only what is new ----------------------------------------------------------------------


def test_each_combination_is_computed_once_and_is_a_hit_from_then_on() -> None:
    first = sweep(counted, PRICES, {"a": [1, 2, 3]}, n_jobs=1)
    again = sweep(counted, PRICES, {"a": [1, 2, 3]}, n_jobs=1)
    assert list(first["outcome"]) == ["computed"] * 3
    assert list(again["outcome"]) == ["hit"] * 3 and len(calls) == 3
    assert again.drop(columns="outcome").equals(first.drop(columns="outcome"))
    assert list(again["sum"]) == [6.0, 12.0, 18.0]


def test_a_further_value_computes_only_itself() -> None:
    sweep(counted, PRICES, {"a": [1, 2]}, n_jobs=1)
    calls.clear()
    table = sweep(counted, PRICES, {"a": [3, 2, 1]}, n_jobs=1)
    assert calls == [{"a": 3}]
    assert list(table["a"]) == [3, 2, 1]
    assert list(table["outcome"]) == ["computed", "hit", "hit"]


def test_a_call_outside_of_a_sweep_and_one_within_are_the_same_call() -> None:
    counted(PRICES, {"a": 1}, fee=0.5)
    table = sweep(counted, PRICES, {"a": [1]}, n_jobs=1, fee=0.5)
    assert table["outcome"][0] == "hit" and table["sum"][0] == 5.5
    assert counted(PRICES, {"a": 1}, fee=0.5) == {"sum": 5.5} and len(calls) == 1
    assert counted.cache_info().hits == 2


@pytest.mark.parametrize("change", ["fee", "one bar"])
def test_another_fee_or_bar_is_another_study(change: str) -> None:
    sweep(counted, PRICES, {"a": [1]}, n_jobs=1)
    data = PRICES.copy()
    if change == "one bar":
        data[1] += 1e-12
        table = sweep(counted, data, {"a": [1]}, n_jobs=1)
    else:
        table = sweep(counted, data, {"a": [1]}, n_jobs=1, fee=0.1)
    assert table["outcome"][0] == "computed"


def test_anew_computes_again_and_replaces() -> None:
    sweep(counted, PRICES, {"a": [1, 2]}, n_jobs=1)
    table = sweep(counted, PRICES, {"a": [1, 2]}, n_jobs=1, resume=False)
    assert list(table["outcome"]) == ["computed"] * 2 and len(calls) == 4
    assert sweep(counted, PRICES, {"a": [1, 2]}, n_jobs=1)["outcome"].eq("hit").all()
    assert get_backtest_cache().trial_count("counted") == 2


def test_the_digest_of_the_data_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sweep(counted, PRICES, {"a": range(20)}, n_jobs=1)
    taken: list[object] = []
    take = content.digest_and_met

    def note(value: object, path: str) -> Any:
        taken.append(value)
        return take(value, path)

    monkeypatch.setattr(content, "digest_and_met", note)
    assert sweep(counted, PRICES, {"a": range(20)}, n_jobs=1)["outcome"].eq("hit").all()
    assert sum(value is PRICES for value in taken) == 1


def test_watchers_are_told_of_every_call() -> None:
    told: list[Any] = []
    results: list[Any] = []
    sweep(counted, PRICES, {"a": [1]}, n_jobs=1)
    with watch_calls(told.append):
        sweep(counted, PRICES, {"a": [1, 2]}, n_jobs=1)
    with watch_results(results.append):
        sweep(counted, PRICES, {"a": [1, 2]}, n_jobs=1)
    assert [str(call.outcome) for call in told] == ["hit", "computed"]
    assert [result.call.outcome for result in results] == ["hit", "hit"]


def test_a_switched_off_cache_computes_everything_and_keeps_nothing() -> None:
    with use_settings(mode="off"):
        table = sweep(counted, PRICES, {"a": [1]}, n_jobs=1)
    assert table["sum"][0] == 6.0 and table["run_id"].isna().all()
    assert sweep(counted, PRICES, {"a": [1]}, n_jobs=1)["outcome"][0] == "computed"


def test_a_read_only_store_serves_and_takes_nothing_in() -> None:
    sweep(counted, PRICES, {"a": [1]}, n_jobs=1)
    with use_settings(mode="readonly"):
        for _ in range(2):
            table = sweep(counted, PRICES, {"a": [1, 2]}, n_jobs=1)
            assert list(table["outcome"]) == ["hit", "computed"]


# -- grids ---------------------------------------------------------------------------------


def test_a_dict_of_lists_varies_its_last_name_fastest() -> None:
    found, count = combinations_of({"a": [1, 2], "b": ["x", "y"]})
    assert count == 4
    assert list(found) == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ]


def test_a_parameter_grid_of_scikit_learn_is_a_grid() -> None:
    selection = pytest.importorskip("sklearn.model_selection")
    grid = selection.ParameterGrid([{"a": [1, 2]}, {"a": [3], "b": [0]}])
    table = sweep(counted, PRICES, grid, n_jobs=1)
    assert list(table["a"]) == [1, 2, 3]


def test_an_iterator_is_consumed_once_and_not_far_ahead() -> None:
    taken = []

    def endless() -> Iterator[dict[str, int]]:
        for number in range(10_000):
            taken.append(number)
            assert number - len(calls) <= 4, "too far ahead"
            if number == 100:
                return
            yield {"a": number}

    table = sweep(counted, PRICES, endless(), n_jobs=2, backend="threading")
    assert list(table["a"]) == list(range(100)) and len(taken) == 101


def test_what_an_iterator_raises_passes_through_and_what_was_done_is_kept() -> None:
    def broken() -> Iterator[dict[str, int]]:
        yield {"a": 1}
        yield {"a": 2}
        raise RuntimeError("no more")

    for backend in (None, "threading"):
        with pytest.raises(RuntimeError, match="no more"):
            sweep(counted, PRICES, broken(), n_jobs=2 if backend else 1, backend=backend)
    assert len(calls) == 2 and counted.cache_contains(PRICES, {"a": 2})


@pytest.mark.parametrize(
    ("grid", "told"),
    [
        (5, "the grid is 5"),
        ("ab", "the grid is 'ab'"),
        ({"window": 5}, "'window': \\[5\\]"),
        ({"window": "abc"}, "give its values as a list"),
        ([{"a": 1}, 5], "yields 5"),
    ],
)
def test_what_is_no_grid_says_so(grid: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        sweep(counted, PRICES, grid, n_jobs=1)


def test_an_empty_grid_is_an_empty_table() -> None:
    assert len(sweep(counted, PRICES, {"a": []}, n_jobs=1)) == 0
    assert list(sweep(counted, PRICES, [])) == ["run_id", "outcome", "seconds", "error"]


# -- what a run may be ---------------------------------------------------------------------


def plain(data: Any, params: dict[str, Any]) -> dict[str, Any]:
    calls.append(params)
    return {"a": params["a"]}


def test_a_plain_function_is_cached_under_its_name() -> None:
    sweep(plain, PRICES, {"a": [1]}, n_jobs=1)
    table = sweep(plain, PRICES, {"a": [1]}, n_jobs=1)
    assert table["outcome"][0] == "hit" and table["run_id"][0].startswith("plain-")
    assert len(get_backtest_cache().runs("plain")) == 1 and len(calls) == 1


@robust_cacheable
def by_name(data: Any, fast: int, slow: int = 30) -> float:
    calls.append(fast)
    return float(fast - slow)


def test_parameters_of_the_function_itself_are_given_by_name() -> None:
    table = sweep(by_name, PRICES, {"fast": [1, 2]}, n_jobs=1, slow=10)
    assert list(table["result"]) == [-9.0, -8.0]
    assert list(table["run_id"]) == [None, None]  # of a function whose runs are not recorded
    assert (
        sweep(by_name, PRICES, {"fast": [1, 2], "slow": [10]}, n_jobs=1)["outcome"].eq("hit").all()
    )


@cached_backtest("mixed")
def mixed(data: Any, params: dict[str, Any], fee: float = 0.002) -> dict[str, Any]:
    return {"used": fee, "sum": sum(params.values())}


def test_a_name_that_is_a_parameter_of_the_function_is_given_to_it() -> None:
    table = sweep(mixed, None, {"fast": [1, 2], "fee": [0.0, 0.01]}, n_jobs=1)
    assert list(table["used"]) == list(table["fee"]) == [0.0, 0.01] * 2
    assert list(table["sum"]) == [1, 1, 2, 2]
    assert sweep(mixed, None, {"fast": [2]}, fee=0.01, n_jobs=1)["outcome"][0] == "hit"
    only = sweep(mixed, None, {"fee": [0.5]}, params={"fast": 3}, n_jobs=1)
    assert only["used"][0] == 0.5 and only["sum"][0] == 3


def any_names(data: Any, **params: Any) -> dict[str, Any]:
    return dict(params)


def params_last(data: Any, fee: float, params: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"used": fee, "size": len(params or {})}


def test_parameters_find_their_place_in_any_signature() -> None:
    table = sweep(any_names, None, {"fast": [1], "slow": [3]}, n_jobs=1, fee=5)
    assert table["fee"][0] == 5 and table["fast"][0] == 1 and table["params.slow"][0] == 3
    table = sweep(params_last, None, {"fast": [1], "slow": [3], "fee": [0.1]}, n_jobs=1)
    assert table["used"][0] == 0.1 and table["size"][0] == 2


def own(data: Any, fast: int = 5, slow: int = 30) -> dict[str, Any]:
    calls.append(fast)
    return {"d": slow - fast}


@pytest.mark.parametrize(
    ("function", "grid", "fixed", "told"),
    [
        (own, {"fast": [1], "slwo": [3]}, {}, r"of own\(data, fast=5, slow=30\) takes 'slwo'"),
        (own, {"slwo": [3]}, {}, "takes 'slwo'"),
        (own, {"fast": [1]}, {"fast": 9}, r"'fast' stands among .* \(fast=9\)"),
        (own, {"fast": [1]}, {"fsat": 9}, "cannot be called with 'fast', 'fsat': .*'fsat'"),
        (mixed, {"fee": [1]}, {}, "cannot be called with 'fee': .*'params'"),
        (own, [{"fast": 1}, {"fast": 2, "slwo": 3}], {}, "takes 'slwo'"),
    ],
)
def test_what_cannot_be_called_says_so_before_anything_is_computed(
    function: Any, grid: Any, fixed: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        sweep(function, PRICES, grid, n_jobs=1, **fixed)
    assert calls == [] and len(failed_runs()) == 0


class Desk:
    @cached_backtest("desk")
    def run(self, data: Any, params: dict[str, Any]) -> dict[str, Any]:
        return {"a": params["a"] * self.size}

    size = 2


def test_a_method_is_a_run() -> None:
    sweep(Desk().run, PRICES, {"a": [3]}, n_jobs=1)
    table = sweep(Desk().run, PRICES, {"a": [3]}, n_jobs=1)
    assert table["outcome"][0] == "hit" and table["a"][0] == 6 and table["params.a"][0] == 3


@pytest.mark.parametrize("what", [lambda data, params: {}, 5, print])
def test_what_has_no_name_of_its_own_says_what_to_do(what: Any) -> None:
    with pytest.raises(ConfigurationError, match="@cached_backtest"):
        sweep(what, PRICES, {"a": [1]}, n_jobs=1)


@cached_backtest("waiting")
async def waiting(data: Any, params: dict[str, Any]) -> None:
    """Nobody awaits it."""


def test_an_async_function_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="async def"):
        sweep(waiting, PRICES, {"a": [1]}, n_jobs=1)


# -- the table -----------------------------------------------------------------------------


@cached_backtest("shown")
def shown(data: Any, params: dict[str, Any]) -> dict[str, Any]:
    number = params["n"]
    return {
        "n": np.float32(number),
        "whole": number,
        "sometimes": 1 if number == 1 else None,
        "text": "left out",
        "nan": float("nan"),
        "outcome": 7.5,
    }


def test_numbers_are_columns_of_numbers_and_names_do_not_collide() -> None:
    table = sweep(shown, None, [{"n": 1, "how": (1, 2)}, {"n": 2, "how": SmaCross}], n_jobs=1)
    assert list(table) == [
        "params.n", "how", "n", "whole", "sometimes", "nan", "metrics.outcome",
        "run_id", "outcome", "seconds", "error",
    ]  # fmt: skip
    assert table["whole"].dtype == "int64" and table["n"].dtype == "float64"
    assert table["sometimes"].tolist()[0] == 1.0 and np.isnan(table["sometimes"][1])
    assert list(table["how"]) == [(1, 2), SmaCross]
    assert len(table.query("whole > 1 and outcome == 'computed'")) == 1
    pd.testing.assert_frame_equal(
        table.drop(columns="outcome"),
        sweep(shown, None, [{"n": 1, "how": (1, 2)}, {"n": 2, "how": SmaCross}], n_jobs=1).drop(
            columns="outcome"
        ),
    )


def test_the_engine_is_swept_on_real_prices(goog: Any) -> None:
    engine = cached_backtest("sma cross")(with_engine)
    grid = {"fast": [5, 10], "slow": [30]}
    first = sweep(engine, goog, grid, n_jobs=1)
    again = sweep(engine, goog, grid, n_jobs=1)
    assert again["outcome"].eq("hit").all()
    assert again["Sharpe Ratio"].equals(first["Sharpe Ratio"])
    runs = get_backtest_cache().runs("sma cross").set_index("run_id")
    assert list(runs.loc[first["run_id"], "Sharpe Ratio"]) == list(first["Sharpe Ratio"])
    assert list(runs.loc[first["run_id"], "seconds"]) == list(again["seconds"])


# -- what fails ----------------------------------------------------------------------------


def test_a_failing_combination_is_recorded_and_does_not_stop_the_rest() -> None:
    with pytest.warns(CacheWarning, match=r"1 of 3 combinations of touchy failed \(ValueError 1\)"):
        table = sweep(touchy, PRICES, {"a": [1, 2, 3], "bad": [(2,)]}, n_jobs=1)
    assert list(table["outcome"]) == ["computed", "failed", "computed"]
    assert table["error"][1] == "ValueError: no 2" and np.isnan(table["a"][1])
    failed = failed_runs("touchy")
    assert list(failed["run_id"]) == [table["run_id"][1]]
    assert failed["params"][0] == {"a": 2, "bad": (2,)} and failed["type"][0] == "ValueError"
    assert failed["message"][0] == "no 2" and "in touchy" in failed["traceback"][0]
    assert get_backtest_cache().trial_count("touchy") == 2
    assert len(failed_runs("another")) == 0 and len(failed_runs()) == 1


@cached_backtest("flaky")
def flaky(data: Any, params: dict[str, Any]) -> dict[str, Any]:
    if os.environ.get("FLAKY") == "fails":
        raise OSError("no data today")
    return {"a": 1.0}


def test_what_failed_is_tried_again_and_taken_off_once_it_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLAKY", "fails")
    for _ in range(2):
        with pytest.warns(CacheWarning, match="OSError"):
            assert sweep(flaky, None, [{}], n_jobs=1)["outcome"][0] == "failed"
    assert len(failed_runs()) == 1
    monkeypatch.delenv("FLAKY")
    assert sweep(flaky, None, [{}], n_jobs=1)["outcome"][0] == "computed"
    assert len(failed_runs()) == 0


@pytest.mark.filterwarnings("ignore")
def test_what_has_passed_elsewhere_or_under_other_code_is_taken_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLAKY", "fails")
    sweep(flaky, None, [{"a": 1}, {"a": 2}, {"a": 3}], n_jobs=1)
    sweep(flaky, PRICES, [{"a": 1}], n_jobs=1)
    monkeypatch.delenv("FLAKY")
    flaky(None, {"a": 1})  # outside of any study
    assert sweep(flaky, None, [{"a": 1}], n_jobs=1)["outcome"][0] == "hit"
    assert [params["a"] for params in failed_runs("flaky")["params"]] == [2, 3, 1]
    code = "def mended(data, params):\n    return {'a': 2.0}\n"
    space: dict[str, Any] = {"__name__": __name__}
    exec(compile(code, "<mended>", "exec"), space)
    mended = space["mended"]
    mended.__qualname__ = "flaky"  # the same function, edited
    sweep(cached_backtest("flaky")(mended), None, [{"a": 2}], n_jobs=1)
    assert [params["a"] for params in failed_runs("flaky")["params"]] == [3, 1]
    assert clear_failed_runs("another") == 0 and clear_failed_runs("flaky") == 2
    assert len(failed_runs()) == 0 and clear_failed_runs() == 0


@pytest.mark.filterwarnings("ignore")
def test_failures_that_an_older_version_recorded_are_read_and_kept(store: Any) -> None:
    sweep(touchy, PRICES, {"a": [2], "bad": [(2,)]}, n_jobs=1)
    path = store.directory / "records" / "backtests.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("DROP INDEX failure_call")
        database.execute("ALTER TABLE failure DROP COLUMN call")
    assert len(failed_runs()) == 1
    sweep(touchy, PRICES, {"a": [3], "bad": [(3,)]}, n_jobs=1)
    assert list(failed_runs()["message"]) == ["no 2", "no 3"]


@cached_backtest("leaving")
def leaving(data: Any, params: dict[str, Any]) -> dict[str, Any]:
    if params["a"] == 2:
        sys.exit(0)
    return {"a": params["a"]}


@pytest.mark.parametrize("backend", [None, "threading"])
def test_sys_exit_ends_a_combination_and_not_the_program(backend: str | None) -> None:
    jobs = 2 if backend else 1
    with pytest.warns(CacheWarning, match="SystemExit"):
        table = sweep(leaving, None, {"a": [1, 2, 3]}, n_jobs=jobs, backend=backend)
    assert list(table["outcome"]) == ["computed", "failed", "computed"]
    assert list(failed_runs()["type"]) == ["SystemExit"]


def test_where_failures_cannot_be_recorded_the_table_has_them(store: Any) -> None:
    records = store.directory / "records"
    records.mkdir(parents=True)
    (records / "backtests.sqlite").mkdir()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        table = sweep(touchy, PRICES, {"a": [1, 2], "bad": [(2,)]}, n_jobs=1)
    assert table["error"][1] == "ValueError: no 2"
    assert any("failed runs" in str(one.message) for one in told)
    (records / "backtests.sqlite").rmdir()
    assert len(get_backtest_cache().runs("touchy")) == 1  # it was held until it could be written


@cached_backtest("changing")
def changing(data: Any, params: dict[str, Any]) -> dict[str, Any]:
    data[0] += 1
    return {"sum": float(data.sum())}


def test_a_function_that_changes_the_data_is_told_of() -> None:
    told = "4 results of .* are not stored, since the function changes its arguments"
    with pytest.warns(CacheWarning, match=told):
        sweep(changing, PRICES.copy(), {"a": range(4)}, n_jobs=1)


@cached_backtest("dropping")
def dropping(data: pd.DataFrame, params: dict[str, Any], bench: Any = None) -> dict[str, Any]:
    data.drop(data.index[: params["w"]], inplace=True)
    data["x"] += 1.0
    params["more"].append(1)
    if bench is not None:
        bench += 1
    if params["w"] == 30:
        raise ValueError("too few")
    got = 0.0 if bench is None else float(bench.sum())
    return {"n": len(data), "sum": float(data["x"].sum()), "met": len(params["more"]), "got": got}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mode", ["on", "readonly", "off"])
@pytest.mark.parametrize("backend", [None, "threading"])
def test_a_function_that_changes_what_it_is_given_gets_it_as_it_was(
    backend: str | None, mode: Any
) -> None:
    data, bench = pd.DataFrame({"x": np.arange(100.0)}), np.zeros(5)
    grid = {"w": [30, 5, 10, 20, 30, 40], "more": [[]]}
    jobs = 1 if backend is None else 3
    for resume in (True, False):
        with use_settings(mode=mode):
            given = {"n_jobs": jobs, "backend": backend, "resume": resume, "bench": bench}
            table = sweep(dropping, data, grid, **given)
        done = table[table["outcome"] == "computed"]
        assert list(done["w"]) == [5, 10, 20, 40] and list(done["n"]) == [95, 90, 80, 60]
        assert list(done["sum"]) == [sum(range(w, 100)) + 100 - w for w in done["w"]]
        assert done["met"].eq(1).all() and done["got"].eq(5.0).all()
    assert len(data) == 100 and data["x"].equals(pd.Series(np.arange(100.0), name="x"))
    assert bench.sum() == 0.0 and grid["more"] == [[]]
    assert dropping.cache_info().entries == 0
    recorded = set(get_backtest_cache().runs("dropping")["run_id"]) if mode == "on" else set()
    assert set(done["run_id"].dropna()) == recorded
    assert get_backtest_cache().trial_count("dropping") == len(recorded)


class Fixed:
    """What cannot be copied."""

    def __init__(self) -> None:
        self.values = [1.0]

    def __afml_key__(self) -> object:
        return self.values

    def __deepcopy__(self, memo: object) -> Any:
        raise TypeError("it holds a connection")


@cached_backtest("appending")
def appending(data: Fixed, params: dict[str, Any]) -> dict[str, Any]:
    if params["a"] == 2:
        data.values.append(1.0)
    return {"n": len(data.values)}


def test_each_thread_of_a_worker_has_data_of_its_own(store: Any) -> None:
    study = study_of(counted, PRICES, {})
    with marked(store) as place:
        payload = pack(study, place, counted.fingerprint())
    both = threading.Barrier(2)

    def data() -> tuple[Any, Any]:
        first = unpack(payload).study.data
        both.wait(timeout=30)  # the other has its own by now
        return first, unpack(payload).study.data

    with ThreadPoolExecutor(2) as threads:
        (mine, again), (other, _) = (task.result() for task in [threads.submit(data) for _ in "ab"])
    assert mine is again and mine is not other and (mine == PRICES).all()


def test_where_changed_data_cannot_be_had_again_the_study_ends_and_says_why() -> None:
    told = "changes its data.*Fixed.*cannot be copied.*it holds a connection"
    with pytest.raises(ConfigurationError, match=told):
        sweep(appending, Fixed(), {"a": [1, 2, 3]}, n_jobs=1)
    assert sweep(appending, Fixed(), {"a": [1]}, n_jobs=1)["outcome"][0] == "hit"


# -- over processes and threads ------------------------------------------------------------

Run = Callable[..., str]


def test_threads_share_the_data_and_the_store() -> None:
    table = sweep(counted, PRICES, {"a": range(10)}, n_jobs=2, backend="threading")
    assert list(table["sum"]) == [6.0 * a for a in range(10)]
    assert len(calls) == 10 and table["outcome"].eq("computed").all()


def test_what_is_active_in_joblib_is_used() -> None:
    with joblib.parallel_config("threading", n_jobs=3):
        table = sweep(where, None, {"a": range(6)})
        one = sweep(where, None, {"a": [10, 11]}, n_jobs=1)
    assert table["thread"].nunique() > 1 and one["thread"].nunique() == 1


@cached_backtest("where")
def where(data: Any, params: dict[str, Any]) -> dict[str, Any]:
    if params["a"] < 10:
        met.wait(timeout=30)
    return {"thread": threading.get_ident()}


met = threading.Barrier(2)  # passes only who is not alone


@pytest.mark.parametrize("jobs", [0, "2", 1.5])
def test_what_is_no_number_of_workers_says_so(jobs: Any) -> None:
    with pytest.raises(ConfigurationError, match="whole number of workers"):
        sweep(counted, PRICES, {"a": [1]}, n_jobs=jobs)


@cacheable
def by_joblib(data: Any, params: dict[str, Any]) -> dict[str, Any]:
    return {}


def test_a_function_under_the_old_decorator_is_told_which_to_take() -> None:
    with pytest.raises(ConfigurationError, match=r"kept by joblib.*@cached_backtest"):
        sweep(by_joblib, PRICES, {"a": [1]}, n_jobs=1)


def test_an_unknown_backend_says_which_there_are() -> None:
    with pytest.raises(ConfigurationError, match="'loky', 'threading', 'dask'"):
        sweep(counted, PRICES, {"a": [1]}, backend="carrier pigeons")


STUDY = """
    import os
    import sys
    import warnings
    import numpy as np
    import pandas as pd
    from afml_cache import cached_backtest, failed_runs, get_backtest_cache, sweep, use_settings

    warnings.filterwarnings("ignore", "caching .* costs more than it saves")

    @cached_backtest("study")
    def run(data, params):
        if params["size"] == 7:
            raise ValueError("no seven")
        if params["size"] == 9 and os.getpid() != {caller}:
            os.kill(os.getpid(), 9)
        equity = (1 + data.pct_change().fillna(0.0) * params["size"]).cumprod()
        trades = pd.DataFrame({{"price": data.iloc[:3].to_numpy(), "size": params["size"]}})
        return {{"total": float(equity.iloc[-1]), "pid": os.getpid()}}, trades, equity

    index = pd.date_range("2020-01-01", periods=250)
    prices = pd.Series(np.linspace(100.0, 120.0, 250), index=index)
""".format(caller="0")


def test_processes_store_what_they_compute_where_the_caller_finds_it(run_python: Run) -> None:
    script = """
    if __name__ == "__main__":
        table = sweep(run, prices, {"size": [1, 2, 3, 4]}, n_jobs=2)
        again = sweep(run, prices, {"size": [4, 3, 2, 1]}, n_jobs=2)
        print(set(table["outcome"]), set(again["outcome"]), os.getpid() in set(table["pid"]))
        print(run(prices, {"size": 3})[1]["size"].tolist(), run.cache_info().computed)
        anew = sweep(run, prices, {"size": [1, 2]}, n_jobs=2, resume=False)
        print(set(anew["outcome"]), run.cache_info().computed)
    """
    assert run_python(STUDY + script).splitlines() == [
        "{'computed'} {'hit'} False",
        "[3, 3, 3] 4",
        "{'computed'} 6",
    ]
    runs = get_backtest_cache().runs("study")
    assert sorted(runs["params.size"]) == [1, 2, 3, 4]
    assert get_backtest_cache().get_cached_equity(runs["run_id"][0]).size == 250


CHANGING = """
    import numpy as np
    from afml_cache import cached_backtest, sweep, use_settings

    @cached_backtest("changing")
    def run(data, params):
        data[0] += 1
        return {"sum": float(data.sum())}

    if __name__ == "__main__":
        import warnings

        warnings.simplefilter("ignore")
        prices = np.arange(300.0)
        for mode in ("on", "off"):
            with use_settings(mode=mode):
                table = sweep(run, prices, {"n": range(6)}, n_jobs=2)
                print(set(table["sum"] - prices.sum()), run.cache_info().entries, prices[0])
"""


@pytest.mark.slow
def test_a_function_that_changes_the_data_of_its_worker_leaves_the_next_call_its_own(
    run_python: Run,
) -> None:
    assert run_python(CHANGING).splitlines() == ["{1.0} 0 0.0"] * 2


@pytest.mark.slow
def test_a_combination_that_kills_its_worker_fails_alone(run_python: Run) -> None:
    script = """
    if __name__ == "__main__":
        warnings.simplefilter("ignore")
        table = sweep(run, prices, {"size": range(5, 13)}, n_jobs=2)
        print(table["outcome"].tolist())
        print(table["error"][4], "|", sorted(failed_runs()["type"]))
    """
    out = run_python(STUDY + script).splitlines()
    wanted = ["computed"] * 8
    wanted[2] = wanted[4] = "failed"
    assert out[0] == str(wanted)
    assert out[1] == (
        "WorkerDied: its worker process was killed or crashed (exit code SIGKILL(-9)) | "
        "['ValueError', 'WorkerDied']"
    )


@pytest.mark.slow
def test_a_secret_that_only_the_caller_has_is_not_sent(run_python: Run, store: Any) -> None:
    """Workers hand their results back, and what the store keeps is the same."""
    script = """
    from afml_cache import configure

    if __name__ == "__main__":
        configure(secret="known to the caller only")
        table = sweep(run, prices, {"size": [1, 2]}, n_jobs=2)
        again = sweep(run, prices, {"size": [1, 2]}, n_jobs=2)
        print(set(table["outcome"]), set(again["outcome"]), os.getpid() in set(table["pid"]))
        print(run(prices, {"size": 2})[1]["size"].tolist(), run.cache_info().computed)
        print(get_backtest_cache().trial_count("study"))
    """
    assert run_python(STUDY + script).splitlines() == [
        "{'computed'} {'hit'} False",
        "[2, 2, 2] 2",
        "2",
    ]


EDITED = """
    import sys
    from pathlib import Path
    import strategy
    from afml_cache import sweep

    if __name__ == "__main__":
        source = Path(strategy.__file__)
        source.write_text(source.read_text().replace("1.0", "2.0"))
        table = sweep(strategy.run, None, {"a": [1, 2]}, n_jobs=int(sys.argv[1]))
        print(table["outcome"].tolist(), table.get("a1", [None])[0])
        print(table["error"][0])
"""


@pytest.mark.slow
def test_workers_do_not_run_newer_code_than_the_caller(run_python: Run, tmp_path: Any) -> None:
    for jobs in ("2", "1"):
        (tmp_path / "strategy.py").write_text(
            "from afml_cache import cached_backtest\n"
            "@cached_backtest('edited')\n"
            "def run(data, params):\n"
            "    return {'a1': 1.0}\n"
        )
        out = run_python(EDITED, jobs).splitlines()
        if jobs == "2":
            assert out[0] == "['failed', 'failed'] None"
            assert "strategy.py as it was imported (it was edited since)" in out[1]
        else:  # here the code is the one that was imported
            assert out == ["['computed', 'computed'] 1.0", "None"]


RELOADED = """
    import importlib
    from pathlib import Path
    import costs
    import strategy
    from afml_cache import failed_runs, sweep

    def edit(module, old, new):
        source = Path(module.__file__)
        source.write_text(source.read_text().replace(old, new))
        importlib.reload(module)

    if __name__ == "__main__":
        grid = {"a": [1, 2]}
        tables = [sweep(strategy.run, None, grid, n_jobs=2)]
        edit(costs, "0.1 ", "0.25 ")  # a helper
        tables.append(sweep(strategy.run, None, grid, n_jobs=2))
        edit(strategy, "# more", "def another(data, params): return {'fee': 3.0}")
        tables.append(sweep(strategy.another, None, grid, n_jobs=2))
        for table in tables:
            print(table["outcome"].tolist(), table["fee"].tolist())
        print(len(failed_runs()))
"""


@pytest.mark.slow
def test_workers_of_our_own_are_started_anew_after_a_reload(run_python: Run, tmp_path: Any) -> None:
    (tmp_path / "costs.py").write_text("def fee():\n    return 0.1  # of the trade\n")
    (tmp_path / "strategy.py").write_text(
        "import costs\n"
        "from afml_cache import cached_backtest\n"
        "@cached_backtest('reloaded')\n"
        "def run(data, params):\n"
        "    return {'fee': costs.fee() + params['a']}\n"
        "# more\n"
    )
    assert run_python(RELOADED).splitlines() == [
        "['computed', 'computed'] [1.1, 2.1]",
        "['computed', 'computed'] [1.25, 2.25]",
        "['computed', 'computed'] [3.0, 3.0]",
        "0",
    ]


def test_what_a_worker_has_otherwise_is_named() -> None:
    def fingerprint(code: str, numpy: str) -> Fingerprint:
        parts = {"desk.run": "1", "desk.helper": code, "study.main": code}
        packages = {"numpy": numpy}
        return Fingerprint(code.encode(), numpy.encode(), parts, packages)

    mine, others = fingerprint("a", "2.1"), fingerprint("b", "2.2")
    assert differences(mine, others, ("study",)) == [
        "the code of desk.helper",
        "numpy 2.1 (the worker: 2.2)",
    ]
    assert differences(mine, fingerprint("b", "2.1"), ("study", "desk")) == []


SENT = """
    import os
    import numpy as np
    from afml_cache import cached_backtest, sweep

    class Bars:
        def __init__(self, values):
            self.values = values

        def __afml_key__(self):
            return self.values

        def __setstate__(self, state):
            self.__dict__.update(state)
            with open("arrivals", "a") as file:
                file.write(f"{os.getpid()} ")

    @cached_backtest("sent")
    def run(data, params):
        return {"pid": os.getpid(), "sum": float(data.values.sum()) * params["n"]}

    if __name__ == "__main__":
        table = sweep(run, Bars(np.arange(5000.0)), {"n": range(20)}, n_jobs=2)
        arrivals = open("arrivals").read().split()
        print(len(arrivals) == len(set(arrivals)), set(table["pid"]) <= set(map(int, arrivals)))
        print(sweep(run, Bars(np.arange(5000.0)), {"n": range(20)})["outcome"].unique().tolist())
"""


@pytest.mark.slow
def test_the_data_reaches_each_worker_process_once(run_python: Run) -> None:
    assert run_python(SENT).splitlines() == ["True True", "['hit']"]


ENGINE = """
    import warnings
    from backtesting import Backtest, Strategy
    from backtesting.test import GOOG
    from afml_cache import cached_backtest, sweep, use_settings

    warnings.filterwarnings("ignore", module="backtesting")

    class BuyAndHold(Strategy):
        size = 0.5

        def init(self):
            pass

        def next(self):
            if not self.position:
                self.buy(size=self.size)

    @cached_backtest("engine")
    def run(data, params):
        return Backtest(data, BuyAndHold, finalize_trades=True).run(**params)

    if __name__ == "__main__":
        for mode in ("on", "readonly"):
            with use_settings(mode=mode):
                table = sweep(run, GOOG, {"size": [0.2, 0.4]}, n_jobs=2)
                print(table["outcome"].tolist(), run.cache_info().computed)
        with use_settings(mode="readonly"):
            print(sweep(run, GOOG, {"size": [0.2, 0.6]}, n_jobs=2)["outcome"].tolist())
        print(run.cache_info().entries)
        stats = run(GOOG, {"size": 0.4})
        print(type(stats._strategy) is BuyAndHold, stats["# Trades"] == table["# Trades"][1])
"""


@pytest.mark.slow
def test_results_of_a_class_that_the_program_defines_are_stored(run_python: Run) -> None:
    """Only the caller can pickle them by name; its workers hand them back."""
    assert run_python(ENGINE).splitlines() == [
        "['computed', 'computed'] 2",
        "['hit', 'hit'] 2",
        "['hit', 'computed']",
        "2",
        "True True",
    ]
