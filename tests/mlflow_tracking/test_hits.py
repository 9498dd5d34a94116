"""Hits make no run: they are counted on the run that computed the result, and not on their way."""

from __future__ import annotations

import re

import pytest

from afml_cache import get_mlflow_cache, mlflow_cached

pytest.importorskip("mlflow")


@mlflow_cached
def scored(x):
    return {"score": x}


def test_hits_are_counted_on_the_run_of_the_result(runs):
    for x in (1, 1, 1, 2):
        scored(x)
    get_mlflow_cache().sync()
    first, second = runs()
    assert first.data.tags["afml.hits"] == "2"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", first.data.tags["afml.last_hit"])
    assert "afml.hits" not in second.data.tags
    scored(1)
    get_mlflow_cache().sync()
    assert runs()[0].data.tags["afml.hits"] == "3"


@pytest.mark.slow
def test_hits_of_other_processes_add_up(run_python, runs, store):
    script = """
        import sys
        from afml_cache import mlflow_cached
        @mlflow_cached
        def scored(x):
            return {"score": x}
        for _ in range(3):
            scored(1)
        print("mlflow" in sys.modules)
    """
    assert [run_python(script) for _ in range(3)] == ["True", "False", "False"]
    get_mlflow_cache().sync()
    (run,) = runs()
    assert run.data.tags["afml.hits"] == "8"


@pytest.mark.slow
def test_a_process_that_only_hits_loads_no_mlflow_and_writes_to_no_tracking_store(
    run_python, runs, client
):
    script = """
        import sys
        from afml_cache import mlflow_cached
        @mlflow_cached
        def scored(x):
            return {"score": x}
        scored(1)
        print("mlflow" in sys.modules)
    """
    run_python(script)
    before = client.get_run(runs()[0].info.run_id)
    assert run_python(script) == "False"
    assert client.get_run(before.info.run_id).data.tags == before.data.tags


def test_counts_wait_while_the_queue_cannot_be_written(store, runs):
    import sqlite3

    from afml_cache.tracking.hits import write_hits

    scored(1)
    scored(1)
    path = store.directory / "records" / "mlflow-queue.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            write_hits(store.directory)
        other.rollback()
    other.close()
    get_mlflow_cache().sync()
    assert runs()[0].data.tags["afml.hits"] == "1"


def test_a_run_that_somebody_deleted_is_none_and_keeps_no_other_from_its_hits(runs, client):
    for x in (1, 1, 2, 2):
        scored(x)
    first, second = runs()
    client.delete_run(first.info.run_id)
    assert scored.run_for(1) is None
    get_mlflow_cache().sync()
    assert client.get_run(second.info.run_id).data.tags["afml.hits"] == "1"


def test_where_no_run_was_recorded_hits_leave_no_queue(store):
    from afml_cache import robust_cacheable
    from afml_cache.tracking.hits import write_hits

    robust_cacheable(scored.__wrapped__)(1)
    assert scored(1) == {"score": 1} and scored.cache_info().hits == 1
    write_hits(store.directory)
    assert not (store.directory / "records" / "mlflow-queue.sqlite").exists()
