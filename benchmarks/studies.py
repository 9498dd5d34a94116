"""What a sweep adds to its runs: 200 of 80 ms each by two workers, against half of their time.

    python benchmarks/studies.py

Both arms are measured in one run. A run waits for 80 ms, so that what is left is what the study
adds: with metrics only, and with trades and an equity curve, which are kept as Parquet.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable
from typing import Any

from backtesting.test import GOOG
from test_gates_studies import RUN, metrics_and_equity, takes_its_time

from afml_cache import cached_backtest, sweep, use_store

RUNS = 200
number = itertools.count()


def metrics_only(data: Any, params: dict[str, Any]) -> Any:
    """As :func:`takes_its_time`, without trades and equity."""
    time.sleep(RUN)
    return metrics_and_equity(data, params)[0]


def seconds(work: Callable[[], object]) -> float:
    """What some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Print a line an arm."""
    with tempfile.TemporaryDirectory() as folder, use_store(folder):
        for told, function in (
            ("metrics only", metrics_only),
            ("with trades and equity", takes_its_time),
        ):
            run = cached_backtest(told)(function)

            def study(runs: int, run: Any = run) -> Any:
                sizes = [next(number) for _ in range(runs)]
                return sweep(run, GOOG, {"size": sizes}, n_jobs=2, progress=False)

            study(4)  # the workers are started
            half = seconds(lambda f=function: [f(GOOG, {"size": n}) for n in range(RUNS // 2)])  # type: ignore[misc]
            took = seconds(lambda: study(RUNS))
            added = 1000 * (took - half) / (RUNS / 2)
            print(f"{told}: {took / half:.3f} x half of the runs, {added:.1f} ms a run")


if __name__ == "__main__":
    main()
