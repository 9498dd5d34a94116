"""The same sweep on dask and ray: workers that see the store use it, the others hand back.

The workers are processes. Those that do not see the store run in a mount namespace where its
directory is another, empty one, with a home and a cache directory of their own.
"""

from __future__ import annotations

import importlib
import os
import signal
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    CacheWarning,
    ConfigurationError,
    WorkersLostError,
    cached_backtest,
    content_key,
    failed_runs,
    get_backtest_cache,
    sweep,
    use_store,
)
from afml_cache.store.store import Store
from tests.backtests.cluster import ROOT, can_hide, dask_cluster, ray_cluster

pytestmark = pytest.mark.slow


class Prices:
    """Prices that note in which processes they arrive."""

    def __init__(self, values: pd.Series, folder: str) -> None:
        self.values = values
        self.folder = folder

    def __afml_key__(self) -> object:
        return self.values

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        with (Path(self.folder) / "arrivals").open("a") as file:
            file.write(f"{os.getpid()}\n")


@cached_backtest("on a cluster")
def run(data: Prices, params: dict[str, Any], fee: float = 0.0) -> Any:
    size = params["size"]
    if size == 5:
        raise ValueError("no five")
    equity = (1 + data.values.pct_change().fillna(0.0) * size).cumprod() - fee
    trades = pd.DataFrame({"price": data.values.iloc[:3].to_numpy(), "size": size})
    return {"total": float(equity.iloc[-1]), "pid": os.getpid()}, trades, equity


@pytest.fixture
def prices(tmp_path: Path) -> Prices:
    index = pd.date_range("2020-01-01", periods=500)
    return Prices(pd.Series(np.linspace(100.0, 120.0, 500), index=index), str(tmp_path))


@pytest.fixture(params=["workers see the store", "workers do not see the store"])
def sees_store(request: pytest.FixtureRequest, store: Store, tmp_path: Path) -> bool:
    sees = request.param == "workers see the store"
    store.directory.mkdir(parents=True)
    if not sees and not can_hide(store.directory):
        pytest.skip("no mount namespaces can be made here")
    return sees


def check(prices: Prices, tmp_path: Path, backend: str) -> None:
    """Results land in the caller's store, under the keys and with the values of plain calls."""
    sizes = [1, 2, 3, 4, 5, 6, 7, 8]
    with pytest.warns(CacheWarning, match=r"1 of 8 .* failed \(ValueError 1\)"):
        table = sweep(run, prices, {"size": sizes}, backend=backend, fee=0.5)
    wanted = ["computed"] * 8
    wanted[4] = "failed"
    assert list(table["outcome"]) == wanted, table["error"].tolist()
    pids = set(table["pid"].dropna().astype(int))
    assert os.getpid() not in pids
    # The data was sent once to each worker, however many tasks it had.
    arrivals = (tmp_path / "arrivals").read_text().split()
    assert len(arrivals) == len(set(arrivals)) and pids <= set(map(int, arrivals))
    # Every result is in the caller's store: nothing runs again, here or there.
    with pytest.warns(CacheWarning, match="1 of 8"):
        again = sweep(run, prices, {"size": sizes}, backend="threading", n_jobs=2, fee=0.5)
    assert again["outcome"].eq("hit").sum() == 7
    metrics, trades, equity = run(prices, {"size": 3}, fee=0.5)
    assert metrics["pid"] in pids and trades["size"].tolist() == [3, 3, 3]
    assert run.cache_info().computed == 7 + 2  # and twice the one that fails
    # What is kept is what a call here would have kept.
    with use_store(tmp_path / "another store"):
        mine = run(prices, {"size": 3}, fee=0.5)
    assert content_key(mine[1:]) == content_key((trades, equity))
    # Runs, trials and failures are recorded.
    cache = get_backtest_cache()
    runs = cache.runs("on a cluster").set_index("run_id")
    assert len(runs) == cache.trial_count("on a cluster") == 7
    done = table[table["outcome"] == "computed"]
    assert runs.loc[done["run_id"], "total"].tolist() == done["total"].tolist()
    assert content_key(cache.get_cached_equity(table["run_id"][2])) == content_key(equity)
    assert failed_runs()["message"].tolist() == ["no five"]
    assert "in run" in failed_runs()["traceback"][0]


def test_dask(sees_store: bool, prices: Prices, tmp_path: Path, store: Store) -> None:
    with dask_cluster(tmp_path, store.directory, sees_store=sees_store):
        check(prices, tmp_path, "dask")
        homes = [home for home in tmp_path.glob("home-*") if (home / "cache").exists()]
        assert homes == []  # who has no store keeps nothing


def test_ray(
    sees_store: bool,
    prices: Prices,
    tmp_path: Path,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # ray keeps a token in the user's
    with ray_cluster(tmp_path, store.directory, sees_store=sees_store):
        check(prices, tmp_path, "ray")
        assert not (tmp_path / "home-ray" / "cache").exists()


@cached_backtest("killing")
def killing(data: Any, params: dict[str, Any]) -> dict[str, Any]:
    if params["a"] == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"result": params["a"]}


def check_killed(backend: str) -> None:
    """The run that kills its workers fails alone."""
    with pytest.warns(CacheWarning, match=r"1 of 12 .* failed \(WorkerDied 1\)"):
        table = sweep(killing, None, {"a": range(12)}, backend=backend)
    failed = table["outcome"] == "failed"
    assert list(table["a"][failed]) == [3] and list(failed_runs()["type"]) == ["WorkerDied"]
    assert table["outcome"][~failed].eq("computed").all()
    again = sweep(killing, None, [{"a": a} for a in range(12) if a != 3], n_jobs=1)
    assert again["outcome"].eq("hit").all()


@cached_backtest("where")
def where(data: Any, params: dict[str, Any]) -> dict[str, Any]:
    return {"pid": os.getpid()}


def test_a_cluster_of_one_worker_is_used(tmp_path: Path, store: Store) -> None:
    with dask_cluster(tmp_path, store.directory, sees_store=True, workers=1):
        table = sweep(where, None, {"a": range(4)}, backend="dask")
    assert table["pid"].nunique() == 1 and table["pid"][0] != os.getpid()


def test_dask_goes_on_after_a_run_that_kills_its_worker(tmp_path: Path, store: Store) -> None:
    with dask_cluster(tmp_path, store.directory, sees_store=True, restarts=True):
        check_killed("dask")


@pytest.mark.whole
def test_ray_goes_on_after_a_run_that_kills_its_worker(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # ray keeps a token in the user's
    with ray_cluster(tmp_path, store.directory, sees_store=True):
        check_killed("ray")


def test_where_no_worker_is_left_the_study_says_so(tmp_path: Path, store: Store) -> None:
    with (
        dask_cluster(tmp_path, store.directory, sees_store=True),
        joblib.parallel_config("dask", n_jobs=-1, wait_for_workers_timeout=2),
        pytest.raises(WorkersLostError, match=r"under way .*'a': 3.*the same call goes on"),
    ):
        sweep(killing, None, {"a": range(12)})
    assert sweep(killing, None, {"a": [0, 1]}, n_jobs=1)["outcome"].eq("hit").all()


def test_a_worker_with_other_code_computes_nothing_and_says_what_differs(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, fee in (("mine", "0.1"), ("theirs", "0.2")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "costs.py").write_text(f"def fee():\n    return {fee}\n")
        (tmp_path / place / "desk.py").write_text(
            "from afml_cache import cached_backtest\n"
            "from costs import fee\n"
            "@cached_backtest('desk')\n"
            "def run(data, params):\n"
            "    return {'fee': fee() + params['a']}\n"
        )
    monkeypatch.syspath_prepend(str(tmp_path / "mine"))
    desk = importlib.import_module("desk")
    theirs = f"{ROOT}{os.pathsep}{tmp_path / 'theirs'}"
    with dask_cluster(tmp_path, store.directory, sees_store=True, PYTHONPATH=theirs):
        with pytest.warns(CacheWarning, match="2 of 2"):
            table = sweep(desk.run, None, {"a": [1, 2]}, backend="dask")
        assert table["outcome"].eq("failed").all()
        assert "does not have what the caller has: the code of costs.fee." in table["error"][0]
        assert desk.run.cache_info().entries == 0
        # A decorated function goes by its name, whatever cloudpickle was told of its module.
        cloudpickle = importlib.import_module("cloudpickle")
        cloudpickle.register_pickle_by_value(desk)
        try:
            with pytest.warns(CacheWarning, match="2 of 2"):
                sweep(desk.run, None, {"a": [1, 2]}, backend="dask")
        finally:
            cloudpickle.unregister_pickle_by_value(desk)
        assert desk.run.cache_info().entries == 0


def test_a_module_that_workers_do_not_have_ends_the_study_with_its_name(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "only_here.py").write_text("def run(data, params):\n    return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path / "mine"))
    only_here = importlib.import_module("only_here")
    with (
        dask_cluster(tmp_path, store.directory, sees_store=True),
        pytest.raises(ConfigurationError, match="No module named 'only_here'"),
    ):
        sweep(only_here.run, None, {"a": [1, 2]}, backend="dask")
