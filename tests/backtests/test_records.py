"""What is recorded of a run, and that it is there whatever happened in between."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    BacktestRecordError,
    ClearingError,
    cached_backtest,
    clear_afml_cache,
    content_key,
    get_backtest_cache,
    use_settings,
    use_store,
)
from afml_cache.backtests.run import run_id_of
from tests.backtests.strategies import by_hand, with_engine


def the_run(strategy: str | None = None) -> Any:
    """The only run there is."""
    cache = get_backtest_cache()
    (run_id,) = cache.runs(strategy)["run_id"]
    return cache.get_cached_backtest(
        strategy or cache.get_run_metadata(run_id).strategy, run_id=run_id
    )


def test_a_run_says_what_made_it(goog: Any) -> None:
    run = cached_backtest("sma")(by_hand)
    before = dt.datetime.now(dt.UTC)
    run(goog, {"window": 20})
    result = the_run("sma")
    told = result.metadata
    assert told.run_id == run_id_of("sma", run.cache_key(goog, {"window": 20}))
    assert told.strategy == "sma" and told.function == "tests.backtests.strategies.by_hand"
    assert told.parameters == {"fee": 0.001, "window": 20}
    assert told.code == run.fingerprint().code.hex()
    (window,) = told.data
    assert (window.name, window.kind, window.rows) == ("data", "DataFrame", 2148)
    assert (window.first, window.last) == (goog.index[0], goog.index[-1])
    assert window.digest == content_key(goog)
    assert before <= told.created <= dt.datetime.now(dt.UTC) and told.seconds > 0
    assert told.pid == os.getpid() and told.host and told.user
    metrics, trades, equity = by_hand(goog, {"window": 20})
    assert content_key(result.metrics) == content_key(dict(metrics))
    assert content_key(result.trades) == content_key(trades)
    assert content_key(result.equity) == content_key(equity)


def test_the_commit_of_the_strategys_repository_is_recorded(
    tmp_path: Path, run_python: Callable[..., str]
) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=q", "-c", "user.email=q@example.org"]
    program = """
        from afml_cache import cached_backtest, get_backtest_cache
        @cached_backtest("committed")
        def run(data, params):
            return {"sharpe": params["a"]}
        import sys
        run(None, {"a": int(sys.argv[1])})
        cache = get_backtest_cache()
        print(*(cache.get_run_metadata(i).commit for i in cache.runs()["run_id"]))
    """
    assert run_python(program, "1") == "None"
    commits = []
    subprocess.run([*git, "init", "-q"], check=True)
    for number in (2, 3):
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
        rev = subprocess.run(
            [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
        )
        commits.append(rev.stdout.strip())
        assert run_python(program, str(number)).split() == ["None", *commits]
        subprocess.run([*git, "pack-refs", "--all"], check=True)


VALUES: list[Any] = [
    *(None, True, 0, -7, 2**70, 1.5, float("nan"), float("inf"), -0.0, "text", "", "\udc80"),
    *(np.int8(3), np.uint64(2**64 - 1), np.float32(0.1), np.float64("nan"), np.bool_(True)),
    *(np.datetime64("2024-01-01T12", "s"), np.timedelta64(3, "D"), np.float16(-np.inf)),
    *(Decimal("1.10"), Decimal("NaN"), dt.date(2024, 2, 29), dt.time(9, 30), dt.timedelta(1, 2, 3)),
    *(dt.datetime(2024, 1, 2, 3, 4, 5), dt.datetime(2024, 1, 2, tzinfo=dt.UTC)),
    *(pd.Timestamp("2024-01-02 03:04:05.000000001"), pd.Timedelta("1 day 2 h"), pd.NaT),
    pd.Timestamp("2024-07-01 09:30", tz="America/New_York"),
    *([1, 2.0, "a"], (1, (2, None)), {1, 2}, frozenset({"a"}), [np.float64(1), {"a": (1,)}]),
    {1: "a", "b": 2},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_parameters_and_metrics_come_back_with_their_types(value: Any) -> None:
    @cached_backtest("typed")
    def run(data: Any, params: dict[str, Any]) -> Any:
        return {"metric": params["p"]}

    run(None, {"p": value})
    result = the_run("typed")
    assert content_key(result.parameters["p"]) == content_key(value)
    if not isinstance(value, dict):  # whose members are metrics themselves
        assert content_key(result.metrics["metric"]) == content_key(value)


class Loss:
    """A class as a parameter."""


def some_rule(x: float) -> float:
    return x + 1


def test_what_cannot_be_written_out_leaves_an_account_of_itself() -> None:
    from sklearn.linear_model import LogisticRegression

    def run_(data: Any, params: dict[str, Any]) -> Any:
        return {"sharpe": 1.0}

    run = cached_backtest("accounts")(run_)
    circle: list[Any] = [1]
    circle.append(circle)
    ring: dict[str, Any] = {"a": 1}
    ring["ring"] = ring
    params = {
        "class": Loss,
        "function": some_rule,
        "model": LogisticRegression(C=0.5),
        "weights": pd.Series([0.5, 0.5]),
        "circle": circle,
        "ring": ring,
        "long": list(range(5_000)),
        "huge": 10**5000,
        "fraction": Fraction(1, 3),
        "object": Plain(),
    }
    assert run(None, params) == {"sharpe": 1.0}
    told = the_run("accounts").parameters
    assert told["class"].text == f"{__name__}.Loss"
    assert told["function"].text == f"{__name__}.some_rule"
    assert told["model"].text == "LogisticRegression(C=0.5)"
    assert told["model"].digest == content_key(LogisticRegression(C=0.5))
    assert told["weights"].text == "Series 2"
    assert told["circle"].digest == content_key(circle) and "..." in told["circle"].text
    assert told["long"].digest == content_key(list(range(5_000)))
    assert len(told["long"].text) <= 120 and told["huge"].type == "builtins.int"
    assert told["fraction"].text == "Fraction(1, 3)"
    assert told["object"].text == "a Plain"
    frame = get_backtest_cache().runs("accounts")
    assert frame["params.model"].tolist() == ["LogisticRegression(C=0.5)"]


class Plain:
    """Without a repr of its own."""


class Rude:
    """Its repr raises."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_a_metric_that_misbehaves_costs_neither_the_result_nor_the_other_metrics() -> None:
    @cached_backtest("rude")
    def run(data: Any, params: Any) -> Any:
        return {"rude": Rude(), "sharpe": 2.0, "generator": None}

    assert run(None, {})["sharpe"] == 2.0
    metrics = the_run("rude").metrics
    assert metrics["rude"].text == "a Rude" and metrics["sharpe"] == 2.0


def test_parameters_are_named_as_a_person_would() -> None:
    @cached_backtest("names")
    def run(data: Any, model: Any, params: Any, *rest: Any, seed: int = 1, **options: Any) -> Any:
        return None

    prices = pd.Series([1.0])
    run(prices, {"kind": "rf", "n": 3}, {"n": 5, "risk": {"stop": 2, "take": 4}}, 7, extra=True)
    assert the_run("names").parameters == {
        "kind": "rf",
        "model.n": 3,
        "params.n": 5,
        "risk.stop": 2,
        "risk.take": 4,
        "rest": (7,),
        "seed": 1,
        "extra": True,
    }


def test_every_data_argument_has_its_window(goog: Any, eurusd: Any) -> None:
    @cached_backtest("pairs")
    def run(data: Any, volume: Any, benchmark: Any) -> Any:
        return None

    run({"GOOG": goog, "EURUSD": eurusd}, goog["Volume"], goog["Close"].to_numpy())
    pair, volume, benchmark = the_run("pairs").metadata.data
    assert (pair.name, pair.kind, pair.rows) == ("data", "2 x DataFrame", 2148 + 5000)
    assert (pair.first, pair.last) == (goog.index[0], eurusd.index[-1])
    assert (volume.kind, volume.first) == ("Series", goog.index[0])
    assert (benchmark.kind, benchmark.rows, benchmark.first) == ("ndarray", 2148, None)


def test_the_metrics_of_an_engine_are_columns(goog: Any) -> None:
    run = cached_backtest("engine")(with_engine)
    stats = run(goog, {"fast": 5, "slow": 20})
    result = the_run("engine")
    assert not any(name.startswith("_") for name in result.metrics)
    assert result.metrics["Sharpe Ratio"] == stats["Sharpe Ratio"]
    assert result.metrics["Duration"] == stats["Duration"]
    assert content_key(result.trades) == content_key(stats._trades)
    assert content_key(result.equity) == content_key(stats._equity_curve)
    runs = get_backtest_cache().runs("engine")
    assert runs["Return [%]"].dtype == "float64" and runs["# Trades"].dtype == "int64"
    assert len(runs.query("`Sharpe Ratio` > -9 and `params.fast` == 5")) == 1


KILLED = """
    import os, signal
    import pandas as pd
    from afml_cache import cached_backtest, get_backtest_cache
    class Note:
        def __repr__(self):
            if "KILL" in os.environ:  # asked for once the entry is stored
                os.kill(os.getpid(), signal.SIGKILL)
            return "a note"
    @cached_backtest("killed")
    def run(data, params):
        return {"sharpe": params["a"], "note": Note()}
    result = run(pd.Series([1.0]), {"a": 2})
    cache = get_backtest_cache()
    told = cache.runs("killed")
    info = run.cache_info()
    print(result["sharpe"], info.computed, info.hits, cache.trial_count("killed"),
          told["sharpe"].tolist(), told["seconds"].tolist()[0] > 0)
"""


def test_a_process_that_is_killed_between_entry_and_run_leaves_no_run_out(
    tmp_path: Path, run_python: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AssertionError):
        run_python(KILLED, KILL="1")
    assert not (tmp_path / "cache" / "records" / "backtests.sqlite").exists()
    assert run_python(KILLED) == "2 1 1 1 [2] True"  # a hit, recorded by whoever met it
    assert run_python(KILLED) == "2 1 2 1 [2] True"


def test_records_that_were_removed_are_made_again_from_hits(goog: Any, store: Any) -> None:
    run = cached_backtest("sma")(by_hand)
    run(goog, {"window": 20})
    before = the_run("sma")
    with use_store(store.directory):  # as another process would have it
        for path in (store.directory / "records").glob("backtests.sqlite*"):
            path.unlink()
        run(goog, {"window": 20})
        assert run.cache_info().computed == 1
        again = the_run("sma")
    assert content_key(again.metrics) == content_key(before.metrics)
    assert content_key(again.trades) == content_key(before.trades)
    assert abs(again.metadata.created - before.metadata.created) < dt.timedelta(seconds=5)


def test_clearing_and_eviction_leave_runs_and_the_result_is_computed_again(
    goog: Any, store: Any
) -> None:
    run = cached_backtest("sma")(by_hand)
    first = run(goog, {"window": 20})
    with pytest.warns(UserWarning, match="the cache was cleared"):
        clear_afml_cache()
    assert content_key(the_run("sma").metrics) == content_key(first[0])
    run(goog, {"window": 20})
    assert run.cache_info().computed == 1  # the counts were cleared, too
    store.delete([bytes.fromhex(run.cache_key(goog, {"window": 20}))])
    run(goog, {"window": 20})
    assert run.cache_info().computed == 2
    assert len(get_backtest_cache().runs()) == 1 and get_backtest_cache().trial_count() == 1


def test_nothing_is_recorded_while_the_cache_is_off_or_only_read(goog: Any, store: Any) -> None:
    run = cached_backtest("sma")(by_hand)
    with use_settings(mode="off"):
        assert run(goog, {"window": 20})[0]["trades"] > 0
    assert not (store.directory / "records").exists()
    run(goog, {"window": 20})
    with use_settings(mode="readonly"), use_store(store.directory):
        run(goog, {"window": 20})
        assert run(goog, {"window": 30})[0]["trades"] > 0
        cache = get_backtest_cache()
        assert cache.trial_count("sma") == len(cache.runs("sma")) == 1
        (run_id,) = cache.runs()["run_id"]
        with pytest.raises(BacktestRecordError, match="readonly"):
            cache.cache_trades(run_id, None)
        with pytest.raises(ClearingError, match="readonly"):
            cache.clear_old_runs(0)


def test_a_run_that_changes_its_data_is_recorded_with_what_it_was_given() -> None:
    @cached_backtest("in place")
    def run(data: pd.DataFrame, params: dict[str, Any]) -> Any:
        data["signal"] = 1
        params["seen"] = True
        return {"sharpe": 1.0}

    prices = pd.DataFrame({"close": [1.0, 2.0]})
    digest = content_key(prices)
    with pytest.warns(UserWarning, match="changed its argument"):
        run(prices, {"a": 1})
    result = the_run("in place")
    assert result.parameters == {"a": 1}
    assert result.metadata.data[0].digest == digest
    run(pd.DataFrame({"close": [1.0, 2.0]}), {"a": 1})  # computed again, and the same trial
    assert run.cache_info().computed == 2 and get_backtest_cache().trial_count() == 1


def test_other_versions_of_a_package_make_no_further_trial(goog: Any) -> None:
    run = cached_backtest("sma")(by_hand)
    run(goog, {"window": 20})
    with use_settings(package_versions="ignore"):
        run(goog, {"window": 20})
    assert run.cache_info().computed == 2
    cache = get_backtest_cache()
    assert len(cache.runs("sma")) == 2 and cache.trial_count("sma") == 1


def test_the_records_follow_the_store_in_use(goog: Any, tmp_path: Path) -> None:
    run, cache = cached_backtest("sma")(by_hand), get_backtest_cache()
    run(goog, {"window": 20})
    with use_store(tmp_path / "other"):
        assert cache.trial_count() == 0
        run(goog, {"window": 20})
        run(goog, {"window": 21})
        assert cache.trial_count() == 2
    assert cache.trial_count() == 1 and get_backtest_cache() is cache


def test_plain_sql_reads_parameters_and_metrics(goog: Any, store: Any) -> None:
    cached_backtest("sma")(by_hand)(goog, {"window": 20})
    with sqlite3.connect(store.directory / "records" / "backtests.sqlite") as db:
        row = db.execute(
            "SELECT json_extract(parameters, '$.window'), json_extract(metrics, '$.sharpe') "
            "FROM run"
        ).fetchone()
    db.close()
    assert row == (20, the_run().metrics["sharpe"])


def test_the_records_are_their_owners_alone(goog: Any, store: Any) -> None:
    cached_backtest("sma")(by_hand)(goog, {"window": 20})
    path = store.directory / "records" / "backtests.sqlite"
    assert path.stat().st_mode & 0o777 == 0o600


def test_importing_the_decorator_loads_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from afml.cache.backtest_cache import BacktestCache, cached_backtest, get_backtest_cache\n"
        "import afml_cache\n"
        "assert BacktestCache is afml_cache.BacktestCache\n"
        "cached_backtest('x')(lambda data: None)\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'joblib', 'sklearn', 'backtesting', 'vectorbt'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
