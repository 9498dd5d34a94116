"""Many processes record at once, some are killed: no run that was stored is without a record."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from afml_cache import get_backtest_cache

#: A worker of a study: says each run that it has made, and how many of them it had to compute.
WORKER = """
    import os
    import sys
    import warnings
    import numpy as np
    import pandas as pd
    from afml_cache import cached_backtest, watch_calls

    warnings.filterwarnings("ignore", "caching .* costs more than it saves")

    @cached_backtest("study")
    def run(data, params):
        equity = (1 + data.pct_change().fillna(0.0) * params["size"]).cumprod()
        trades = pd.DataFrame({"price": data.iloc[:3].to_numpy(), "size": params["size"]})
        return {"sharpe": float(equity.iloc[-1]), "worker": params["worker"]}, trades, equity

    index = pd.date_range("2020-01-01", periods=250)
    prices = pd.Series(np.linspace(100.0, 120.0, 250), index=index)


    def work(worker, runs):
        calls = []
        with watch_calls(calls.append):
            for number in range(runs):
                run(prices, {"size": number + 1, "worker": worker})
                print(number, flush=True)
        print("computed", sum(not call.was_served for call in calls))
"""
ONE = (
    WORKER
    + """
    work(int(sys.argv[1]), int(sys.argv[2]))
"""
)
FOUR = (
    WORKER
    + """
    children = []
    for worker in range(4):
        child = os.fork()
        if child == 0:
            work(worker, 10)
            os._exit(0)
        children.append(child)
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)
"""
)

Start = Callable[..., Any]


def check(workers: int, runs: int) -> None:
    """Every run is there, once, and can be read with its trades and its equity curve."""
    cache = get_backtest_cache()
    found = cache.runs("study")
    assert len(found) == workers * runs == cache.trial_count("study") == len(cache.trials("study"))
    wanted = {(worker, size) for worker in range(workers) for size in range(1, runs + 1)}
    assert set(zip(found["params.worker"], found["params.size"], strict=True)) == wanted
    for run_id, size in zip(found["run_id"], found["params.size"], strict=True):
        result = cache.get_cached_backtest("study", run_id=run_id)
        assert result is not None and (result.trades["size"] == size).all()
        assert result.metrics["sharpe"] == float(result.equity.iloc[-1])


def test_four_writers_lose_no_run(run_python: Callable[..., str]) -> None:
    """The old system's index lost 60 of 80."""
    assert run_python(FOUR).count("computed 10") == 4
    check(4, 10)


@pytest.mark.slow
def test_four_times_two_hundred_runs_with_two_writers_killed(start_python: Start) -> None:
    workers = [start_python(ONE, str(worker), "200") for worker in range(4)]
    for number, worker in enumerate(workers[:2]):  # killed in the middle, at some instant
        for _ in range(60 + 37 * number):
            assert worker.stdout.readline()
        os.kill(worker.pid, signal.SIGKILL)
    for worker in workers[2:]:
        out, errors = worker.communicate(timeout=100)
        assert worker.returncode == 0 and errors == "", errors
    for number, killed in enumerate(workers[:2]):
        killed.wait()
        again = start_python(ONE, str(number), "200")
        out, errors = again.communicate(timeout=100)
        assert again.returncode == 0 and errors == "", errors
        made = 60 + 37 * number  # what was stored is not computed again
        assert int(out.split()[-1]) <= 200 - made
    check(4, 200)


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 1, 5])
def test_whenever_a_writer_is_killed_the_next_one_goes_on(
    after: int, start_python: Start, store: Any
) -> None:
    worker = start_python(ONE, "0", "15")
    for _ in range(after + 1):
        worker.stdout.readline()
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    again = start_python(ONE, "0", "15")
    _, errors = again.communicate(timeout=100)
    assert again.returncode == 0 and errors == "", errors
    check(1, 15)
    assert not [path for path in (store.directory / "records").rglob("*") if path.suffix == ".lock"]


FORKS = """
    import os
    import pandas as pd
    from afml_cache import cached_backtest, get_backtest_cache

    @cached_backtest("forked")
    def run(data, params):
        return {"sharpe": params["a"]}

    run(None, {"a": 0})
    children = []
    for number in (1, 2, 3):
        child = os.fork()
        if child == 0:
            run(None, {"a": number})
            os._exit(0)
        children.append(child)
    run(None, {"a": 4})
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)
    print(sorted(get_backtest_cache().runs("forked")["sharpe"]))
"""


def test_forked_children_record_beside_their_parent(run_python: Callable[..., str]) -> None:
    assert run_python(FORKS) == "[0, 1, 2, 3, 4]"


POOL = """
    import joblib
    import pandas as pd
    from afml_cache import cached_backtest, get_backtest_cache

    @cached_backtest("pool")
    def run(data, params):
        return {"sharpe": float(data.mean()) * params["a"]}

    if __name__ == "__main__":
        prices = pd.Series([1.0, 3.0])
        calls = (joblib.delayed(run)(prices, {"a": a}) for a in (1, 2, 3, 1))
        results = joblib.Parallel(n_jobs=2)(calls)
        print([result["sharpe"] for result in results], get_backtest_cache().trial_count("pool"))
"""


@pytest.mark.slow
def test_workers_of_joblib_record_their_runs(run_python: Callable[..., str]) -> None:
    assert run_python(POOL) == "[2.0, 4.0, 6.0, 2.0] 3"
