"""Gates of cached backtests: a cached call against the engine, and records that stay quick.

The engine is the library backtesting on ten years of real daily bars; the limits are in
pyproject.toml.
"""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from afml_cache import cached_backtest, get_backtest_cache, use_store
from pytest_afml import AfmlGate

pytest.importorskip("backtesting")

RUNS = 100_000


@pytest.fixture(autouse=True)
def _engine_talks() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def ten_years() -> pd.DataFrame:
    """Daily bars of Google, 2148 of them, and the first of them once more: 2520 x 5."""
    from backtesting.test import GOOG

    more = GOOG.iloc[:372].copy()
    more.index = pd.bdate_range(GOOG.index[-1] + pd.offsets.BDay(), periods=len(more))
    return pd.concat([GOOG, more])


def sma_cross(data: pd.DataFrame, params: dict[str, int]) -> Any:
    from backtesting import Backtest, Strategy
    from backtesting.lib import crossover
    from backtesting.test import SMA

    class SmaCross(Strategy):
        def init(self) -> None:
            self.short = self.I(SMA, self.data.Close, params["fast"])
            self.long = self.I(SMA, self.data.Close, params["slow"])

        def next(self) -> None:
            if crossover(self.short, self.long):
                self.buy(size=0.5)
            elif crossover(self.long, self.short):
                self.position.close()

    stats = Backtest(data, SmaCross, commission=0.001, finalize_trades=True).run()
    metrics = {name: value for name, value in stats.items() if not name.startswith("_")}
    return metrics, stats._trades, stats._equity_curve


def test_a_cached_run_against_the_engine(afml_gate: AfmlGate, tmp_path: Path) -> None:
    data, params = ten_years(), {"fast": 10, "slow": 30}
    with use_store(tmp_path):
        run = cached_backtest("sma")(sma_cross)
        run(data, params)
        afml_gate(
            "cached backtest, against the engine",
            candidate=lambda: run(data, params),
            baseline=lambda: sma_cross(data, params),
            same=lambda cached, live: cached[0]["# Trades"] == live[0]["# Trades"] > 10,
        )
        assert run.cache_info().computed == 1


def score(data: pd.Series, params: dict[str, Any]) -> dict[str, float]:
    return {"sharpe": float(data.mean()) * params["a"], "trades": params["a"]}


@pytest.fixture
def large_and_small(tmp_path: Path) -> tuple[Path, Path]:
    """Two directories of records, of 100,000 runs and of one."""
    for name in ("large", "small"):
        with use_store(tmp_path / name):
            cached_backtest("study", save_trades=False)(score)(PRICES, {"a": 0})
    _fill(tmp_path / "large" / "records" / "backtests.sqlite", RUNS)
    return tmp_path / "large", tmp_path / "small"


PRICES = pd.Series([1.0, 2.0, 3.0])

#: What is asked of the records by what it costs.
QUESTIONS: dict[str, Callable[[int], object]] = {
    "count of trials": lambda _: get_backtest_cache().trial_count("study"),
    "one run": lambda _: get_backtest_cache().get_cached_backtest("study", {"a": 0}, PRICES),
    "recording a run": lambda number: get_backtest_cache().cache_backtest(
        "by hand", {"n": number}, PRICES, {"sharpe": 1.0}
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_records_of_a_hundred_thousand_runs(
    afml_gate: AfmlGate, large_and_small: tuple[Path, Path], question: str
) -> None:
    numbers = iter(range(10**9))

    def asked(place: Path) -> Callable[[], Any]:
        stack = use_store(place)
        store = stack.store
        stack.close()

        def ask() -> None:
            with use_store(store):
                for _ in range(50):
                    assert QUESTIONS[question](next(numbers)) is not None

        return ask

    large, small = map(asked, large_and_small)
    afml_gate(f"{question} of 100,000, against one", candidate=large, baseline=small)
    with use_store(large_and_small[0]):
        assert get_backtest_cache().trial_count("study") == RUNS


def test_five_hundred_runs_compared(afml_gate: AfmlGate, tmp_path: Path) -> None:
    """The promise is 0.3 s, where a run of the engine takes 80 ms."""
    with use_store(tmp_path):
        run, cache = cached_backtest("study", save_trades=False)(score), get_backtest_cache()
        run(PRICES, {"a": 0})
    _fill(tmp_path / "records" / "backtests.sqlite", 500)
    with use_store(tmp_path):
        ids, data = cache.runs("study")["run_id"].tolist(), ten_years()
        afml_gate(
            "500 runs compared, against one run of the engine",
            candidate=lambda: cache.compare_runs(ids),
            baseline=lambda: sma_cross(data, {"fast": 10, "slow": 30}),
            same=lambda table, _: len(table) == 500,
        )


def _fill(records: Path, runs: int) -> None:
    """Rows as that of the one run, under other ids: making so many takes minutes."""
    with sqlite3.connect(records) as db:
        for table, new in (("run", "'study-' || printf('%016x', i)"), ("trial", "randomblob(16)")):
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            others = {"id": new, "parameters_digest": "randomblob(16)", "created": "created + i"}
            values = ", ".join(others.get(name, name) for name in columns)
            db.execute(
                f"WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
                f"INSERT INTO {table} ({', '.join(columns)}) "
                f"SELECT {values} FROM n, (SELECT * FROM {table} LIMIT 1)",
                (runs,),
            )
    db.close()
