"""``@cached_backtest``: never the same run twice, whatever it returns, and every bar counts."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    CachedFunction,
    ConfigurationError,
    Outcome,
    cached_backtest,
    content_key,
    get_backtest_cache,
    robust_cacheable,
    watch_calls,
)
from tests.backtests.strategies import by_hand, with_engine


def test_a_backtest_runs_once_and_comes_back_as_it_was(goog: Any) -> None:
    run = cached_backtest("sma")(by_hand)
    first, again = run(goog, {"window": 20}), run(goog.copy(), {"window": 20})
    assert (run.cache_info().computed, run.cache_info().hits) == (1, 1)
    assert content_key(first) == content_key(again) == content_key(by_hand(goog, {"window": 20}))
    assert type(again) is tuple and type(again[0]) is dict


@pytest.mark.parametrize(
    "result",
    [
        ({"sharpe": 1.0}, pd.DataFrame({"pnl": [1.0]}), pd.Series([1.0, 1.1])),
        ({"sharpe": 1.0}, None, None),
        ({"sharpe": 1.0}, [1, 2], "a comment", {"more": 4}),
        ({"sharpe": 1.0},),
        {"sharpe": np.float64(1.5), "equity": pd.Series([1.0])},
        (),
        None,
        1.25,
        np.float32(0.5),
        [1, 2],
        "no metrics at all",
        {"sharpe": float("nan"), "fee": Decimal("0.10"), 3: True, "inf": np.inf},
    ],
    ids=lambda result: type(result).__name__,
)
def test_whatever_it_returns_comes_back_and_is_a_run(result: Any) -> None:
    @cached_backtest("any")
    def run(data: pd.Series, params: dict[str, Any]) -> Any:
        return result

    prices = pd.Series([1.0, 2.0])
    returned = [run(prices, {"a": 1}), run(prices, {"a": 1})]
    assert [content_key(one) for one in returned] == [content_key(result)] * 2
    assert [type(one) for one in returned] == [type(result)] * 2
    assert run.cache_info().hits == 1
    assert len(get_backtest_cache().runs("any")) == 1


# -- what the system that users come from got wrong, one by one


def test_another_fee_is_another_run(goog: Any) -> None:
    run = cached_backtest("sma")(by_hand)
    cheap, dear = run(goog, {"window": 20}, fee=0.0), run(goog, {"window": 20}, fee=0.01)
    assert run.cache_info().computed == 2
    assert cheap[0]["return"] > dear[0]["return"]
    assert run(goog, {"window": 20}, 0.01)[0] == dear[0] and run.cache_info().hits == 1


def test_one_changed_bar_among_thousands_is_another_run(eurusd: Any) -> None:
    run = cached_backtest("sma")(by_hand)
    run(eurusd, {"window": 20})
    for row in (1, 37, 2_501, 4_998):
        changed = eurusd.copy()
        changed.iloc[row, 3] *= 1.001
        run(changed, {"window": 20})
    assert run.cache_info().computed == 5 and run.cache_info().hits == 0


def test_all_bars_but_the_first_and_last_changed_is_another_run(goog: Any) -> None:
    run = cached_backtest("sma")(by_hand)
    changed = goog.copy()
    changed.iloc[10:-10, :] *= 1.5
    first, second = run(goog, {"window": 20}), run(changed, {"window": 20})
    assert run.cache_info().computed == 2 and first[0] != second[0]


def test_an_argument_more_is_another_run() -> None:
    @cached_backtest("model")
    def run(
        data: pd.Series, model: dict[str, Any], params: dict[str, Any], *, seed: int = 0
    ) -> Any:
        return {"sharpe": len(model) + params["a"] + seed}

    prices = pd.Series([1.0])
    values = [
        run(prices, {"kind": "rf"}, {"a": 1}),
        run(prices, {"kind": "rf", "n": 2}, {"a": 1}),
        run(prices, {"kind": "rf"}, {"a": 2}),
        run(prices, {"kind": "rf"}, {"a": 1}, seed=5),
    ]
    assert [one["sharpe"] for one in values] == [2, 3, 3, 7]


def test_changed_code_of_a_strategy_is_another_run_and_another_trial(run_python: Any) -> None:
    program = """
        import pandas as pd
        from afml_cache import cached_backtest, get_backtest_cache
        def signal(prices, window):
            return prices.rolling(window).mean(){edit}
        @cached_backtest("sma")
        def run(data, params):
            {comment}
            return {{"last": float(signal(data, params["window"]).iloc[-1])}}
        print(run(pd.Series([1.0, 2.0, 3.0]), {{"window": 2}})["last"],
              run.cache_info().computed, get_backtest_cache().trial_count("sma"))
    """
    first = run_python(program.format(edit="", comment="pass"))
    told = run_python(program.format(edit="", comment="pass  # nothing new"))
    edited = run_python(program.format(edit=" + 1", comment="pass"))
    assert (first, told, edited) == ("2.5 1 1", "2.5 1 1", "3.5 2 2")


def test_one_code_under_two_names_is_two_strategies(goog: Any) -> None:
    one, other = cached_backtest("one")(by_hand), cached_backtest("other")(by_hand)
    one(goog, {"window": 20})
    other(goog, {"window": 20})
    cache = get_backtest_cache()
    assert one.cache_key(goog, {"window": 20}) != other.cache_key(goog, {"window": 20})
    assert (cache.trial_count("one"), cache.trial_count("other")) == (1, 1)


# -- it is a cached function, with all that these offer


def test_it_is_a_cached_function(goog: Any) -> None:
    run = cached_backtest("sma", ignore="fee")(by_hand)
    assert isinstance(run, CachedFunction) and run.strategy == "sma"
    assert inspect.signature(run) == inspect.signature(by_hand) and run.__doc__ == by_hand.__doc__
    assert not run.cache_contains(goog, {"window": 5})
    run(goog, {"window": 5})
    assert run.cache_contains(goog, {"window": 5}, fee=9.0)
    assert "window" in str(run.explain(goog, {"window": 6}))
    assert run.cache_clear() == 1
    assert len(get_backtest_cache().runs()) == 1  # a record is no cache


def test_an_async_backtest_is_awaited_and_recorded() -> None:
    @cached_backtest("async")
    async def run(data: pd.Series, params: dict[str, Any]) -> Any:
        await asyncio.sleep(0)
        return {"sharpe": params["a"]}

    async def study() -> list[Any]:
        prices = pd.Series([1.0])
        return [await run(prices, {"a": a}) for a in (1, 2, 1)]

    assert [one["sharpe"] for one in asyncio.run(study())] == [1, 2, 1]
    assert get_backtest_cache().trial_count("async") == 2


class Desk:
    """A strategy whose parameters are its own."""

    def __init__(self, window: int) -> None:
        self.window = window

    @cached_backtest("desk")
    def run(self, data: pd.Series, stop: float = 0.1) -> Any:
        return {"last": float(data.rolling(self.window).mean().iloc[-1])}


def test_a_method_is_keyed_by_its_instance(goog: Any) -> None:
    values = [Desk(window).run(goog["Close"])["last"] for window in (2, 3, 2)]
    assert values[0] == values[2] != values[1]
    runs = get_backtest_cache().runs("desk")
    assert list(runs["params.stop"]) == [0.1, 0.1] and Desk.run.strategy == "desk"


@cached_backtest("by name", save_trades=False)
def module_level(data: Any, params: Any) -> Any:
    return {"sharpe": params}


def test_it_pickles_and_keeps_its_strategy() -> None:
    again = pickle.loads(pickle.dumps(module_level))
    assert again.strategy == "by name"
    has_own = find_spec("cloudpickle") is not None  # joblib brought its own until 1.6
    cloudpickle = import_module("cloudpickle" if has_own else "joblib.externals.cloudpickle")
    local = cached_backtest("local")(lambda data, params: {"sharpe": params})
    carried = pickle.loads(cloudpickle.dumps(local))
    assert carried.strategy == "local" and carried(None, 2) == {"sharpe": 2}
    assert get_backtest_cache().trial_count("local") == 1


def test_a_nameless_strategy_is_refused() -> None:
    for name in ("", "  ", by_hand, None):
        with pytest.raises(ConfigurationError, match=r"give a text, as in @cached_backtest"):
            cached_backtest(name)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="ignore= names seed"):
        cached_backtest("x", ignore="seed")(by_hand)


def test_what_it_raises_passes_through_and_is_no_run() -> None:
    @cached_backtest("fails")
    def run(data: Any, params: Any) -> Any:
        raise ZeroDivisionError("no trades")

    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="no trades"):
            run(None, {})
    assert run.cache_info().computed == 2 and get_backtest_cache().trial_count() == 0


def test_results_of_the_old_decorators_are_adopted_and_recorded(run_python: Any) -> None:
    """Migrating a backtest costs no run."""
    program = """
        import pandas as pd
        from afml_cache import cacheable, cached_backtest, get_backtest_cache
        @{decorator}
        def run(data, params):
            print("ran")
            return {{"sharpe": params["a"] / len(data)}}
        print(run(pd.Series([1.0, 2.0]), {{"a": 3}}), get_backtest_cache().trial_count())
    """
    assert run_python(program.format(decorator="cacheable")) == "ran\n{'sharpe': 1.5} 0"
    new = program.format(decorator="cached_backtest('old')")
    assert run_python(new) == "{'sharpe': 1.5} 1"
    assert run_python(new) == "{'sharpe': 1.5} 1"


def test_watchers_are_told_of_runs_as_of_other_calls(goog: Any) -> None:
    run, calls = cached_backtest("sma")(by_hand), []
    with watch_calls(calls.append):
        run(goog, {"window": 3})
        run(goog, {"window": 3})
    assert [call.outcome for call in calls] == [Outcome.COMPUTED, Outcome.HIT]


@pytest.mark.parametrize("rate", [0.0, 0.002])
def test_a_cached_run_of_an_engine_equals_a_live_one(goog: Any, rate: float) -> None:
    run = cached_backtest("engine")(with_engine)
    live = with_engine(goog, {"fast": 5, "slow": 20}, rate)
    run(goog, {"fast": 5, "slow": 20}, rate)
    cached = run(goog, {"fast": 5, "slow": 20}, rate)
    assert run.cache_info().hits == 1 and type(cached) is type(live)
    shown = [name for name in live.index if not name.startswith("_")]
    assert content_key(dict(cached[shown])) == content_key(dict(live[shown]))
    assert content_key(cached._trades) == content_key(live._trades)
    assert content_key(cached._equity_curve) == content_key(live._equity_curve)
    assert cached._strategy.fast == 5


def test_a_backtest_of_its_own_is_another_function_than_a_robust_one(goog: Any) -> None:
    """A trial is counted where it was computed: no other decorator's entry is a run."""
    robust_cacheable(by_hand)(goog, {"window": 20})
    run = cached_backtest("sma")(by_hand)
    run(goog, {"window": 20})
    assert get_backtest_cache().trial_count("sma") == 1


def test_parentheses_that_are_missing_are_told() -> None:
    with pytest.raises(ConfigurationError, match=r"by_hand is decorated without a strategy; give"):
        cached_backtest(by_hand)  # type: ignore[arg-type]
