"""A disk without room: the result arrives, and its run is told of when there is some."""

from __future__ import annotations

import contextlib
import resource

import pytest

from afml_cache import CacheWarning, get_mlflow_cache, mlflow_cached
from afml_cache.tracking.outbox import BEGUN, READY, Outbox

pytest.importorskip("mlflow")


@contextlib.contextmanager
def no_file_longer_than(size):
    """Files cannot grow past so many bytes: as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@mlflow_cached
def scored(x, params=None):
    return {"score": x}


def test_a_tracking_store_that_is_full_gets_the_run_when_it_has_room(store, client, runs):
    scored(0)
    database = store.directory / "records" / "mlflow.db"
    many = {f"parameter_{n}": f"{n:0500}" for n in range(400)}
    with (
        no_file_longer_than(database.stat().st_size),
        pytest.warns(CacheWarning, match="(?s)runs cannot be sent .* the runs wait in the queue"),
    ):
        assert scored(1, many) == {"score": 1}
    assert scored.cache_contains(1, many)
    (waits,) = Outbox(store.directory).every(READY)
    assert "full" in waits.error or "I/O error" in waits.error
    assert get_mlflow_cache().sync() == (1, 0)
    assert [run.info.status for run in runs()] == ["FINISHED", "FINISHED"]
    assert len(scored.run_for(1, many).data.params) == 401
    assert get_mlflow_cache().sync() == (0, 0)


def test_where_nothing_can_be_written_the_result_arrives_and_the_next_call_is_tracked(store, runs):
    scored(0)  # makes the tracking store
    with (
        no_file_longer_than(4096),
        pytest.warns(CacheWarning, match="the queue of MLflow runs .* cannot be used"),
    ):
        assert scored(1) == {"score": 1}
    box = Outbox(store.directory)
    assert not box.every(READY, BEGUN)
    assert scored(1) == {"score": 1}
    assert scored.run_for(1).data.metrics["score"] == 1
    assert len(runs()) == 2


def test_a_queue_that_becomes_full_while_the_function_runs_costs_no_result(store, client, runs):
    scored(0)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    @mlflow_cached
    def filling(x):
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        return {"score": x}

    try:
        with pytest.warns(CacheWarning, match="the queue of MLflow runs .* cannot be used"):
            assert filling(1) == {"score": 1}
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    get_mlflow_cache().sync()
    (told,) = [run for run in runs() if run.data.tags["afml.function"] == filling.identity]
    # What it returned could not be written down any more.
    assert told.info.status == "KILLED" and "score" not in told.data.metrics
    assert filling.run_for(1) is None
