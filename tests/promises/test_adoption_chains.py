"""A whole study is carried over: no step computes, whoever interrupts it and however often.

joblib's key of a frame depends on its hidden state, so the legacy runs are repeated until none
misses; what the old decorator would then have hit is what the new one has to serve, also where a
step gets its argument from the new store instead of from joblib.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow  # it starts, or kills, many processes

MAIN = """
    import numpy as np
    import pandas as pd
    from afml.cache import cacheable
    from desk.noting import note


    @cacheable
    def load(symbol):
        note("load", symbol)
        index = pd.date_range("2024-01-01", periods=300, freq="h", tz="UTC", name="time")
        rows = np.random.default_rng(7).normal(size=(300, 3)).cumsum(axis=0)
        frame = pd.DataFrame(rows, index=index, columns=["open", "close", "volume"])
        frame["word"] = symbol
        return frame


    @cacheable
    def returns(prices, column="close"):
        note("returns", column)
        return prices[column].pct_change()


    @cacheable
    def features(prices, series, *, windows=(3, 5)):
        note("features", windows)
        made = {f"mean{w}": series.rolling(w).mean() for w in windows}
        return pd.DataFrame(made).assign(close=prices["close"])


    @cacheable
    def labels(table):
        note("labels")
        return np.sign(table["mean3"]).fillna(0).astype("int8")


    @cacheable
    def score(table, target, params):
        note("score", params)
        picked = table.loc[target.index[target == 1]]
        return {"mean": float(picked["close"].mean()), "n": len(picked), **params}


    def study(symbol):
        prices = load(symbol)
        series = returns(prices)
        table = features(prices, series)
        target = labels(table)
        first = score(table, target, {"depth": 3})
        return [first, score(table.iloc[:150], target.iloc[:150], {"depth": first["n"]})]


    def displayed(symbol):
        prices = load(symbol)
        repr(prices), prices.head(), prices.describe(), prices.values
        series = returns(prices)
        repr(series), series.to_numpy(), series.index.is_unique
        return score(features(prices, series), labels(features(prices, series)), {"depth": 4})


    def sliced(symbol):
        prices = load(symbol).iloc[10:200][["open", "close"]]
        part = prices[prices["close"] > prices["close"].median()]
        table = features(part, returns(part.loc["2024-01-02":]))
        return [labels(table).tolist(), labels(table.copy()).tolist(), labels(table[:]).tolist()]


    def mutated(symbol):
        prices = load(symbol)
        prices["extra"] = prices["close"] * 2
        return score(features(prices, returns(prices, "extra")), labels(
            features(prices, returns(prices))), {"depth": 5})
"""
RUN = """
    import sys
    from desk import main
    print([getattr(main, name)("ABC") for name in sys.argv[1:]])
"""
STUDIES = ["study", "displayed", "sliced", "mutated"]


#: What joblib had stored, and what was printed, when a study was warm.
WARM: dict[tuple[str, ...], tuple[Path, str]] = {}


@pytest.fixture(scope="module", autouse=True)
def warm_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("warm")
    WARM.clear()


@pytest.fixture
def legacy_until_warm(
    repo: Any, run_python: Callable[..., str], warm_folders: Path
) -> Callable[..., str]:
    """Run under the old decorator, a process a run, until no function is computed."""

    def run(*studies: str) -> str:
        if studies not in WARM:
            for _ in range(6):
                repo.ran()
                printed = run_python(RUN, *studies)
                if not repo.ran():
                    break
            else:
                raise AssertionError("the old decorator misses every time")
            kept = warm_folders / "-".join(studies)
            shutil.copytree(repo.joblib.parent, kept)
            WARM[studies] = kept, printed
        kept, printed = WARM[studies]
        shutil.copytree(kept, repo.joblib.parent, dirs_exist_ok=True)
        return printed

    return run


@pytest.fixture
def desk(repo: Any) -> Any:
    repo.write("main.py", MAIN)
    return repo


@pytest.mark.parametrize(
    ("study", "decorator"),
    [*((study, "robust_cacheable") for study in STUDIES), ("study", "time_aware_cacheable")],
)
def test_a_study_that_was_warm_computes_nothing_after_migrating(
    desk: Any,
    legacy_until_warm: Callable[..., str],
    run_python: Callable[..., str],
    study: str,
    decorator: str,
) -> None:
    expected = legacy_until_warm(study)
    desk.migrate(decorator=decorator)
    for _ in range(2):
        assert run_python(RUN, study) == expected
        assert desk.ran() == []


def test_all_studies_together_compute_nothing_after_migrating(
    desk: Any, legacy_until_warm: Callable[..., str], run_python: Callable[..., str]
) -> None:
    expected = legacy_until_warm(*STUDIES)
    desk.migrate()
    assert run_python(RUN, *STUDIES) == expected
    assert run_python(RUN, *reversed(STUDIES)).count("mean") == expected.count("mean")
    assert desk.ran() == []


STEPS = """
    import sys
    from desk import main

    def told(function, name):
        def call(*args, **kwargs):
            result = function(*args, **kwargs)
            print("did", name, flush=True)
            if name == sys.argv[1]:
                sys.stdin.readline()
            return result
        return call

    for name in ("load", "returns", "features", "labels", "score"):
        setattr(main, name, told(getattr(main, name), name))
    main.study("ABC")
"""


@pytest.mark.parametrize("step", ["load", "returns", "labels"])
def test_a_run_that_is_killed_halfway_loses_nothing(
    desk: Any,
    legacy_until_warm: Callable[..., str],
    run_python: Callable[..., str],
    start_python: Callable[..., subprocess.Popen[str]],
    step: str,
) -> None:
    expected = legacy_until_warm("study")
    desk.migrate()
    process = start_python(STEPS, step, name="steps.py")
    assert process.stdout is not None
    for line in process.stdout:
        if line.split() == ["did", step]:
            break
    else:
        raise AssertionError(f"it never came to {step}")
    process.kill()
    process.wait()
    for _ in range(2):
        assert run_python(RUN, "study") == expected
        assert desk.ran() == []


def test_runs_that_are_killed_again_and_again_lose_nothing(
    desk: Any,
    legacy_until_warm: Callable[..., str],
    run_python: Callable[..., str],
    start_python: Callable[..., subprocess.Popen[str]],
) -> None:
    expected = legacy_until_warm("study")
    desk.migrate()
    for step in ("load", "returns", "features", "labels"):
        process = start_python(STEPS, step, name="steps.py")
        assert process.stdout is not None
        assert any(line.split() == ["did", step] for line in process.stdout)
        process.kill()
        process.wait()
    assert run_python(RUN, "study") == expected
    assert desk.ran() == []


def test_a_study_migrated_function_by_function_computes_nothing(
    desk: Any, legacy_until_warm: Callable[..., str], run_python: Callable[..., str]
) -> None:
    """The guide's gradual way: old and new decorators side by side for a while."""
    expected = legacy_until_warm("study")
    desk.edit("main.py", "import cacheable", "import cacheable, robust_cacheable")
    for name in ("labels", "load", "features", "score", "returns"):
        desk.edit("main.py", f"@cacheable\ndef {name}", f"@robust_cacheable\ndef {name}")
        assert run_python(RUN, "study") == expected
        assert desk.ran() == [], name


def test_after_rolling_back_the_study_is_still_warm(
    desk: Any, legacy_until_warm: Callable[..., str], run_python: Callable[..., str]
) -> None:
    expected = legacy_until_warm(*STUDIES)
    legacy = desk.path("main.py").read_bytes()
    desk.migrate()
    run_python(RUN, *STUDIES)
    desk.path("main.py").write_bytes(legacy)
    assert run_python(RUN, *STUDIES) == expected
    assert desk.ran() == []


TOGETHER = """
    import sys
    from desk.main import load
    print("ready", flush=True)
    sys.stdin.readline()
    print(len(load("ABC")))
"""


def test_of_four_processes_that_call_at_once_one_adopts(
    desk: Any,
    legacy_until_warm: Callable[..., str],
    run_python: Callable[..., str],
    start_python: Callable[..., subprocess.Popen[str]],
) -> None:
    legacy_until_warm("study")
    desk.migrate()
    load = desk.load().load
    with desk.counting(load) as told:
        started = [start_python(TOGETHER, name="together.py") for _ in range(4)]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline().split() == ["ready"]
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in started:
            printed, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors
            assert printed.split() == ["300"]
    assert (told.adopted, told.hits, told.computed) == (1, 3, 0)
    assert desk.ran() == []


def test_of_eight_threads_that_call_at_once_one_adopts(desk: Any) -> None:
    desk.warm(lambda main: main.load("ABC"))
    desk.migrate()
    load = desk.load().load
    together, lengths = threading.Barrier(8), []

    def call() -> None:
        together.wait()
        lengths.append(len(load("ABC")))

    with desk.counting(load) as told:
        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert lengths == [300] * 8
    assert (told.adopted, told.hits, told.computed) == (1, 7, 0)
    assert desk.ran() == []
