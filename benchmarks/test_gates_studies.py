"""A gate of studies: a finished sweep is there at once. The limit is in pyproject.toml.

That two workers halve the time is measured by ``studies.py``, which takes a minute.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from afml_cache import cached_backtest, sweep, use_store
from pytest_afml import AfmlGate

pytest.importorskip("backtesting")

#: Seconds of one run: what the engine takes for ten years of daily bars.
RUN = 0.08


def takes_its_time(data: pd.DataFrame, params: dict[str, Any]) -> Any:
    """Waits as long as a run takes: what is left is what the study adds, on any machine."""
    time.sleep(RUN)
    return metrics_and_equity(data, params)


def metrics_and_equity(data: pd.DataFrame, params: dict[str, Any]) -> Any:
    equity = (1 + data["Close"].pct_change().fillna(0.0) * (params["size"] % 7)).cumprod()
    metrics = {f"metric {number}": float(number) for number in range(15)}
    return {"total": float(equity.iloc[-1]), **metrics}, data.iloc[:100], equity


def test_resuming_against_one_run(afml_gate: AfmlGate, tmp_path: Path) -> None:
    """The promise is a second for a thousand combinations, which is 12.5 runs."""
    from backtesting.test import GOOG

    run = cached_backtest("quick")(metrics_and_equity)

    def resume() -> pd.DataFrame:
        return sweep(run, GOOG, {"size": range(1000)}, progress=False)

    with use_store(tmp_path, durable=False):
        resume()
        afml_gate(
            "finished sweep of 1,000, against one run",
            candidate=resume,
            baseline=lambda: takes_its_time(GOOG, {"size": 1}),
            same=lambda table, _: bool(table["outcome"].eq("hit").all()),
        )
