"""Records are read whole where nothing can be written: what a killed process committed, too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from afml_cache.store.store import Store

ROOT = Path(__file__).resolve().parents[2]

#: A process that ends as it should, and one that is killed: its log is left.
LOG = """
    import os, sys
    from afml_cache import get_backtest_cache, log_data_access
    purpose, window = sys.argv[1:]
    log_data_access("prices", "2020", "2020", purpose)
    get_backtest_cache().cache_backtest("sma", {"window": int(window)}, None, {"sharpe": 1.0})
    if purpose == "train":
        log_data_access("prices", "2020", "2020", "test")
        os.kill(os.getpid(), 9)
"""
READ = """
from afml_cache import DataAccessTracker, get_backtest_cache
print(DataAccessTracker().accesses()["count"].sum())
print(DataAccessTracker().contamination()["order"].tolist())
print(get_backtest_cache().trial_count("sma"))
"""


@pytest.fixture
def read_without_writing(store: Store) -> Iterator[Callable[[], list[str]]]:
    """Read as somebody who may not write there: root may, but for the capability to."""
    command = [sys.executable, "-c", READ]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may write everywhere")
        sets = "-dac_override,-dac_read_search"
        command = ["setpriv", f"--bounding-set={sets}", "--inh-caps=-all", *command]
    folders = [store.directory / "records", store.directory]

    def read() -> list[str]:
        for folder in folders:
            folder.chmod(0o555)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    yield read
    for folder in reversed(folders):
        folder.chmod(0o755)


@pytest.mark.slow
@pytest.mark.parametrize("shared_memory", [True, False])
def test_what_a_killed_process_committed_is_read(
    shared_memory: bool,
    store: Store,
    start_python: Callable[..., subprocess.Popen[str]],
    read_without_writing: Callable[[], list[str]],
) -> None:
    assert start_python(LOG, "test", "1").wait(60) == 0
    assert start_python(LOG, "train", "2").wait(60) == -9
    if not shared_memory:  # as after a copy, or a restart of the machine
        for file in (store.directory / "records").glob("*-shm"):
            file.unlink()
    counted, order, trials = read_without_writing()
    assert (counted, order, trials) == ("3", "['between tests']", "2")


def test_what_only_a_killed_process_committed_is_read(
    start_python: Callable[..., subprocess.Popen[str]],
    read_without_writing: Callable[[], list[str]],
) -> None:
    assert start_python(LOG, "train", "2").wait(60) == -9
    assert read_without_writing() == ["2", "['before the first test']", "1"]


def test_where_nobody_was_killed_it_is_read_and_nothing_is_left_beside_it(
    store: Store,
    start_python: Callable[..., subprocess.Popen[str]],
    read_without_writing: Callable[[], list[str]],
) -> None:
    assert start_python(LOG, "test", "1").wait(60) == 0
    before = sorted(store.directory.rglob("*"))
    assert read_without_writing() == ["1", "[]", "1"]
    assert sorted(store.directory.rglob("*")) == before
