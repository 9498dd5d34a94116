"""A study that is interrupted or killed keeps what is done, leaves nobody behind, and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from afml_cache import StudyInterrupted, cached_backtest, get_backtest_cache, sweep

ROOT = Path(__file__).resolve().parents[2]


@cached_backtest("interrupting")
def interrupting(data: Any, params: dict[str, Any]) -> dict[str, Any]:
    if str(params["a"]) == os.environ.get("INTERRUPTED_AT"):
        signal.raise_signal(signal.SIGINT)
    return {"result": params["a"]}


def test_an_interrupted_study_says_so_and_goes_on_where_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("INTERRUPTED_AT", "3")
    with pytest.raises(StudyInterrupted) as stopped:
        sweep(interrupting, None, {"a": [1, 2, 3, 4]}, n_jobs=1)
    assert "2 of 4, 0 hits, 2 computed" in str(stopped.value)
    assert "the same call goes on" in str(stopped.value)
    monkeypatch.delenv("INTERRUPTED_AT")
    table = sweep(interrupting, None, {"a": [1, 2, 3, 4]}, n_jobs=1)
    assert list(table["outcome"]) == ["hit", "hit", "computed", "computed"]


def test_an_interrupt_is_no_exception_that_a_loop_would_swallow() -> None:
    assert issubclass(StudyInterrupted, KeyboardInterrupt)
    assert not issubclass(StudyInterrupted, Exception)


STUDY = """
    import sys
    import time
    from pathlib import Path
    import pandas as pd
    from afml_cache import cached_backtest, sweep

    folder = Path(sys.argv[1])

    @cached_backtest("long")
    def run(data, params):
        number = params["n"]
        (folder / f"begun-{number}").touch()
        while number >= 3 and (folder / "slow").exists():
            time.sleep(0.01)
        (folder / f"ended-{number}").touch()
        return {"n": number}

    if __name__ == "__main__":
        table = sweep(run, pd.Series([1.0, 2.0]), {"n": range(8)}, n_jobs=2)
        print(table["outcome"].tolist())
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start the study in a process group of its own, as a shell does."""
    script = tmp_path / "study.py"
    script.write_text(textwrap.dedent(STUDY))
    started: list[subprocess.Popen[str]] = []

    def begin() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(script), str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def wait_for(*paths: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 90
    while not all(path.exists() for path in paths):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"{paths} are not there"
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["Ctrl-C", "SIGKILL"])
def test_who_is_stopped_leaves_no_worker_behind_and_loses_nothing_finished(
    how: str, start: Callable[[], subprocess.Popen[str]], tmp_path: Path
) -> None:
    (tmp_path / "slow").touch()
    process = start()
    files = [f"ended-{n}" for n in range(3)] + ["begun-3", "begun-4"]
    wait_for(*(tmp_path / name for name in files), process=process)
    others = psutil.Process(process.pid).children(recursive=True)
    assert len(others) >= 2
    if how == "Ctrl-C":  # a terminal sends it to the whole group
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.kill()
    _, errors = process.communicate(timeout=60)
    _, alive = psutil.wait_procs(others, timeout=30)
    assert alive == []
    if how == "Ctrl-C":
        assert "StudyInterrupted: the study of long was interrupted: 3 of 8" in errors, errors
    (tmp_path / "slow").unlink()
    out, errors = start().communicate(timeout=100)
    assert out == f"{['hit'] * 3 + ['computed'] * 5}\n" and errors == ""
    assert len(get_backtest_cache().runs("long")) == 8
