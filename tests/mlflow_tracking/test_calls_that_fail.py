"""A call that raises, or whose process is killed, leaves a run that says so, and no entry."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from afml_cache import get_mlflow_cache, mlflow_cached

pytest.importorskip("mlflow")


@mlflow_cached
def fails(x):
    raise ValueError(f"no {x} today")


def test_the_run_of_a_call_that_raises_failed_and_nothing_is_cached(runs, client):
    for _ in range(2):
        with pytest.raises(ValueError, match="no 1 today"):
            fails(1)
    first, second = runs()
    assert (first.info.status, second.info.status) == ("FAILED", "FAILED")
    assert first.data.tags["afml.error"] == "ValueError: no 1 today"
    assert first.data.params == {"x": "1"}
    path = client.download_artifacts(first.info.run_id, "traceback.txt")
    assert "raise ValueError" in Path(path).read_text()
    assert not fails.cache_contains(1)
    assert fails.run_for(1) is None


def test_an_interrupted_call_was_killed(runs):
    @mlflow_cached
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [run.info.status for run in runs()] == ["KILLED"]


def test_a_call_whose_process_is_killed_is_told_by_the_next_sync(start_python, runs):
    process = start_python(
        """
        import time
        from afml_cache import mlflow_cached
        @mlflow_cached
        def slow(x):
            print("running", flush=True)
            time.sleep(60)
        slow(7)
        """
    )
    assert process.stdout.readline() == "running\n"
    assert get_mlflow_cache().sync() == (0, 0)  # it is running
    assert runs() == []
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert get_mlflow_cache().sync() == (1, 0)
    (run,) = runs()
    assert run.info.status == "KILLED" and run.data.params == {"x": "7"}
    assert get_mlflow_cache().sync() == (0, 0)


def test_the_exception_is_the_users_own_object(runs):
    error = RuntimeError("mine")

    @mlflow_cached
    def give():
        raise error

    with pytest.raises(RuntimeError) as caught:
        give()
    assert caught.value is error
