"""Trades and equity curves on disk: they come back as they were, and other programs open them."""

from __future__ import annotations

import decimal
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    BacktestRecordError,
    cached_backtest,
    content_key,
    get_backtest_cache,
    use_store,
)
from afml_cache.backtests import kept_frames
from tests.backtests.strategies import by_hand, with_engine

pytest.importorskip("pyarrow")

DAYS = pd.date_range("2024-01-01", periods=3, freq="D", tz="America/New_York")
TWO = pd.MultiIndex.from_product([["AAPL", "MSFT"], [1, 2]], names=["symbol", "lot"])

FRAMES: dict[str, Callable[[], Any]] = {
    "plain": lambda: pd.DataFrame({"price": [1.5, 2.5], "size": [1, -1], "tag": ["a", None]}),
    "aware index with a frequency": lambda: pd.DataFrame({"equity": [1.0, 2.0, 3.0]}, index=DAYS),
    "naive days": lambda: pd.Series(
        [1.0, 2.0], index=pd.DatetimeIndex(["2024-01-01", "2024-01-05"], name="Date"), name="equity"
    ),
    "seconds": lambda: pd.Series([1.0, 2.0], index=pd.date_range("2024", periods=2).as_unit("s")),
    "times that are missing": lambda: pd.DataFrame(
        {"exit": pd.to_datetime(["2024-01-01", None]), "held": pd.to_timedelta([None, "1 day"])}
    ),
    "names that are numbers": lambda: pd.DataFrame(np.eye(2), columns=[0, 1]),
    "names that are dates": lambda: pd.DataFrame(np.eye(2), columns=DAYS[:2]),
    "names of two levels": lambda: pd.DataFrame(np.eye(4), columns=TWO, index=TWO),
    "an index of two levels": lambda: pd.DataFrame({"pnl": [1.0, 2, 3, 4]}, index=TWO),
    "no rows": lambda: pd.DataFrame({"price": pd.Series([], dtype="float64")}),
    "no columns": lambda: pd.DataFrame(index=pd.RangeIndex(3)),
    "categories": lambda: pd.DataFrame({"side": pd.Categorical(["buy", "sell"], ["sell", "buy"])}),
    "numbers that may be missing": lambda: pd.DataFrame({"n": pd.array([1, None], dtype="Int64")}),
    "decimals": lambda: pd.DataFrame({"fee": [decimal.Decimal("1.10"), None]}, dtype=object),
    "objects that are missing": lambda: pd.DataFrame({"SL": [None, None]}, dtype=object),
    "attributes": lambda: _with_attributes(),
    "a series without a name": lambda: pd.Series([1.0, 2.0]),
    "a series named by a number": lambda: pd.Series([1.0, 2.0], name=7),
    "an array": lambda: np.array([1.0, 2.0, np.nan]),
    "a matrix": lambda: np.arange(6, dtype="int32").reshape(3, 2),
    "an array of three dimensions": lambda: np.zeros((2, 2, 2)),
    "dates in an array": lambda: np.array(["2024-01-01"], dtype="M8[D]"),
    "records": lambda: np.array([(1, 2.0)], dtype=[("n", "i8"), ("x", "f8")]),
    "objects of several types": lambda: pd.DataFrame({"tag": ["a", 1, None]}),
    "one name twice": lambda: pd.DataFrame(np.eye(2), columns=["a", "a"]),
    "names equal as text": lambda: pd.DataFrame(np.eye(2), columns=[1, "1"]),
}


def _with_attributes() -> pd.DataFrame:
    frame = pd.DataFrame({"price": [1.0]})
    frame.attrs["source"] = "exchange"
    return frame


@pytest.mark.filterwarnings("ignore::afml_cache.CacheWarning")
@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_comes_back_as_it_was(name: str, store: Any) -> None:
    value = FRAMES[name]()
    forms = kept_frames.keep(store, "s", "s-1", "trades", value)
    again = kept_frames.load(store, "s", "s-1", "trades", forms)
    assert type(again) is type(value) and content_key(again) == content_key(value)
    assert content_key(value) == content_key(FRAMES[name]())  # and it was left as it is


def test_most_frames_need_no_sealed_form(store: Any) -> None:
    """What others cannot open is the exception."""
    with pytest.warns(UserWarning, match="cannot be written as Parquet"):
        forms = {
            name: kept_frames.keep(store, "s", f"s-{number}", "trades", make())
            for number, (name, make) in enumerate(FRAMES.items())
        }
    sealed = {name for name, form in forms.items() if form != "parquet"}
    # Arrow before version 17 does not bring attributes back.
    assert sealed - {"attributes"} == {
        *("an array of three dimensions", "records", "objects of several types", "one name twice"),
        *("names equal as text", "names that are dates", "no columns"),
    }


def test_plain_readers_open_the_trades_of_an_engine(goog: Any, store: Any) -> None:
    import pyarrow.parquet as pq

    stats = cached_backtest("sma")(with_engine)(goog, {"fast": 5, "slow": 20})
    folder = store.directory / "records" / "backtests" / "sma"
    trades, equity = (next(folder.glob(f"*.{part}.parquet")) for part in ("trades", "equity"))
    table = pq.read_table(trades)
    assert table.num_rows == len(stats._trades)
    assert table["PnL"].to_pylist() == list(stats._trades["PnL"])
    assert pq.read_table(equity)["Equity"].to_pylist() == list(stats._equity_curve["Equity"])


def test_duckdb_opens_them(goog: Any, store: Any) -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    _, trades, equity = cached_backtest("sma")(by_hand)(goog, {"window": 20})
    folder = store.directory / "records" / "backtests" / "sma"
    counted = duckdb.sql(f"SELECT side, count(*) FROM '{folder}/*.trades.parquet' GROUP BY side")
    assert dict(counted.fetchall()) == trades["side"].value_counts().to_dict()
    most = duckdb.sql(f"SELECT max(equity) FROM '{folder}/*.equity.parquet'").fetchall()
    assert most == [(equity.max(),)]


def test_polars_opens_them(goog: Any, store: Any) -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    _, trades, _ = cached_backtest("sma")(by_hand)(goog, {"window": 20})
    folder = store.directory / "records" / "backtests" / "sma"
    frame = polars.read_parquet(next(folder.glob("*.trades.parquet")))
    assert frame["price"].to_list() == trades["price"].tolist()


def test_frames_of_polars_and_arrow_are_kept_as_such(store: Any) -> None:
    import pyarrow as pa

    table = pa.table({"price": [1.0, 2.0]})
    forms = kept_frames.keep(store, "s", "s-1", "trades", table)
    assert kept_frames.load(store, "s", "s-1", "trades", forms).equals(table)
    polars = pytest.importorskip("polars", reason="polars is not installed")
    frame = polars.DataFrame({"price": [1.0, 2.0]})
    forms = kept_frames.keep(store, "s", "s-2", "trades", frame)
    assert kept_frames.load(store, "s", "s-2", "trades", forms).equals(frame)


def test_trades_are_left_out_where_nobody_wants_them(goog: Any, store: Any) -> None:
    run = cached_backtest("sma", save_trades=False)(by_hand)
    assert len(run(goog, {"window": 20})[1]) == len(run(goog, {"window": 20})[1]) > 0
    assert not (store.directory / "records" / "backtests").exists()
    cache = get_backtest_cache()
    (run_id,) = cache.runs()["run_id"]
    assert cache.get_cached_trades(run_id) is None and cache.get_cached_equity(run_id) is None


def test_a_strategy_may_be_called_anything(goog: Any, store: Any) -> None:
    names = ["a/b", "../../etc", "Ä ß", "", "x" * 300, "SMA", "sma", "con", ".", "a\nb", "\udc80"]
    cache = get_backtest_cache()
    for name in filter(None, names):
        cached_backtest(name)(by_hand)(goog, {"window": 20})
    folders = list((store.directory / "records" / "backtests").iterdir())
    assert len({folder.name.casefold() for folder in folders}) == len(names) - 1
    for run_id in cache.runs()["run_id"]:
        assert len(cache.get_cached_trades(run_id)) > 0
    assert cache.get_cached_backtest("a/b", {"window": 20, "fee": 0.001}, goog) is not None


def test_what_is_gone_or_damaged_is_told_and_the_metrics_are_there(goog: Any, store: Any) -> None:
    run, cache = cached_backtest("sma")(by_hand), get_backtest_cache()
    metrics, trades, _ = run(goog, {"window": 20})
    (run_id,) = cache.runs()["run_id"]
    folder = store.directory / "records" / "backtests" / "sma"
    (folder / f"{run_id}.trades.parquet").unlink()
    (folder / f"{run_id}.equity.parquet").write_bytes(b"no Parquet at all")
    with pytest.raises(BacktestRecordError, match=r"trades of sma-.*the file is gone"):
        cache.get_cached_trades(run_id)
    with pytest.raises(BacktestRecordError, match=r"equity of sma-"):
        cache.get_cached_equity(run_id)
    with pytest.warns(UserWarning, match="cannot be read from"):
        result = cache.get_cached_backtest("sma", run_id=run_id)
    assert result is not None and content_key(result.metrics) == content_key(metrics)
    with use_store(store.directory):  # as a new process
        run(goog, {"window": 20})
        assert content_key(cache.get_cached_trades(run_id)) == content_key(trades)


@pytest.mark.parametrize("size", [0, 4, 2_000])
@pytest.mark.parametrize("form", ["parquet", "sealed"])
def test_a_file_that_was_cut_is_written_anew_by_a_new_process(
    form: str, size: int, store: Any
) -> None:
    trades: Any = pd.DataFrame({"size": np.arange(500.0)})
    if form == "sealed":
        trades = [{"size": size} for size in range(500)]

    @cached_backtest("cut")
    def run(data: Any, params: Any) -> Any:
        return {"s": 1.0}, trades, None

    cache = get_backtest_cache()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the sealed form
        run(None, {})
        (run_id,) = cache.runs()["run_id"]
        path = kept_frames.place_of(store.directory, "cut", run_id, "trades", form)
        assert path.stat().st_size > size
        os.truncate(path, size)
        with use_store(store.directory):
            with pytest.raises(BacktestRecordError, match="new process records them anew"):
                cache.get_cached_trades(run_id)
            run(None, {})
            assert run.cache_info().computed == 1
            assert content_key(cache.get_cached_trades(run_id)) == content_key(trades)


def test_a_file_that_is_damaged_within_is_written_anew_once_it_is_removed(store: Any) -> None:
    trades = pd.DataFrame({"size": np.arange(500.0)})

    @cached_backtest("damaged")
    def run(data: Any, params: Any) -> Any:
        return {"s": 1.0}, trades, None

    run(None, {})
    cache = get_backtest_cache()
    (run_id,) = cache.runs()["run_id"]
    path = kept_frames.place_of(store.directory, "damaged", run_id, "trades", "parquet")
    content = bytearray(path.read_bytes())
    content[4:-8] = bytes(len(content) - 12)
    path.write_bytes(content)
    with pytest.raises(BacktestRecordError, match="Remove the file: a call of the backtest"):
        cache.get_cached_trades(run_id)
    path.unlink()
    with use_store(store.directory):
        run(None, {})
        assert cache.get_cached_trades(run_id).equals(trades)


def test_trades_that_were_not_saved_are_once_they_are_asked_for(goog: Any, store: Any) -> None:
    without = cached_backtest("sma", save_trades=False)(by_hand)
    result = without(goog, {"window": 20})
    (run_id,) = get_backtest_cache().runs()["run_id"]
    assert get_backtest_cache().get_cached_trades(run_id) is None
    run = cached_backtest("sma")(by_hand)
    with use_store(store.directory):  # as after an edit, in a new process
        run(goog, {"window": 20})
        assert run.cache_info().computed == 1  # by the other one
        assert content_key(get_backtest_cache().get_cached_trades(run_id)) == content_key(result[1])
    with use_store(store.directory):
        without(goog, {"window": 20})
        assert content_key(get_backtest_cache().get_cached_trades(run_id)) == content_key(result[1])


def test_a_sealed_file_of_another_secret_or_another_run_is_not_opened(store: Any) -> None:
    value = np.zeros((2, 2, 2))
    with pytest.warns(UserWarning, match="cannot be written as Parquet"):
        kept_frames.keep(store, "s", "s-1", "trades", value)
        kept_frames.keep(store, "s", "s-2", "trades", value + 1)
    with use_store(store.directory) as other:
        other._secret = b"another secret of 32 bytes, or so"
        with pytest.raises(BacktestRecordError, match="another secret"):
            kept_frames.load(other, "s", "s-1", "trades", "sealed")
    places = [
        kept_frames.place_of(store.directory, "s", run_id, "trades", "sealed")
        for run_id in ("s-1", "s-2")
    ]
    places[1].replace(places[0])
    with pytest.raises(BacktestRecordError, match="does not fit its seal"):
        kept_frames.load(store, "s", "s-1", "trades", "sealed")


def test_without_pyarrow_frames_are_kept_sealed(tmp_path: Path, run_python: Any) -> None:
    program = """
        import sys
        from importlib.abc import MetaPathFinder
        class Without(MetaPathFinder):
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] == "pyarrow":
                    raise ModuleNotFoundError(name)
        import importlib.util
        find = importlib.util.find_spec
        importlib.util.find_spec = lambda name, *a: None if name == "pyarrow" else find(name, *a)
        sys.meta_path.insert(0, Without())
        import pandas as pd
        from afml_cache import cached_backtest, get_backtest_cache
        @cached_backtest("sealed")
        def run(data, params):
            return {"sharpe": 1.0}, pd.DataFrame({"price": [1.5, 2.5]}), None
        run(None, {})
        cache = get_backtest_cache()
        (run_id,) = cache.runs()["run_id"]
        print(cache.get_run_metadata(run_id).kept, cache.get_cached_trades(run_id)["price"].sum())
    """
    assert run_python(program) == "{'trades': 'sealed', 'equity': ''} 4.0"
    assert not list((tmp_path / "cache" / "records").rglob("*.parquet"))
    done = subprocess.run([sys.executable, "-c", "import pyarrow"], check=False)
    assert done.returncode == 0  # it is there, and was only hidden
