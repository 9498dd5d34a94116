"""What cannot be sent waits in the queue, and is sent once."""

from __future__ import annotations

import os
import socket
import sqlite3

import pytest

from afml_cache import (
    CacheWarning,
    TrackingError,
    get_mlflow_cache,
    mlflow_cached,
    setup_mlflow_cache,
)
from afml_cache.tracking import send as sending
from afml_cache.tracking.outbox import READY, REFUSED, SENT, Outbox
from tests.mlflow_tracking.queued import record_of

mlflow = pytest.importorskip("mlflow")


@mlflow_cached
def scored(x):
    return {"score": x}


@pytest.fixture
def nobody():
    """An address where nobody listens, nor will."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{one.getsockname()[1]}"


@pytest.fixture
def silent():
    """A server that takes calls and never says a word."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen(64)
        yield f"http://127.0.0.1:{one.getsockname()[1]}"


def test_where_nobody_listens_the_result_arrives_and_is_cached_and_the_run_waits(nobody, store):
    setup_mlflow_cache("x", nobody)
    with pytest.warns(CacheWarning, match="the runs wait in the queue") as told:
        assert scored(1) == {"score": 1}
    assert told[0].filename == __file__
    assert scored.cache_contains(1)
    assert scored(1) == {"score": 1} and scored.cache_info().hits == 1
    (kept,) = Outbox(store.directory).every(READY)
    assert kept.tries == 1 and "does not answer" in kept.error
    with pytest.raises(TrackingError, match="waits in the queue"):
        scored.run_for(1)


def test_a_call_does_not_wait_for_a_silent_server_longer_than_it_was_told(silent, store):
    setup_mlflow_cache("x", silent, patience=0.2)
    with pytest.warns(CacheWarning, match="no answer within 0.2 seconds"):
        assert scored(1) == {"score": 1}
    for x in range(2, 5):  # these do not even wait so long: the first is still being waited for
        assert scored(x) == {"score": x}
    assert len(Outbox(store.directory).every(READY)) == 4


def test_what_was_queued_is_sent_by_sync(store, runs, client):
    box = Outbox(store.directory)
    record = record_of(store, box)
    assert get_mlflow_cache().sync() == (1, 0)
    (run,) = runs()
    assert (run.info.start_time, run.info.end_time, run.info.status) == (1000, 2000, "FINISHED")
    assert run.data.params == {"window": "2"} and run.data.metrics == {"score": 1.5}
    assert [one.path for one in client.list_artifacts(run.info.run_id)] == ["note.txt"]
    assert not box.files(record.record).exists()
    assert get_mlflow_cache().sync() == (0, 0) and len(runs()) == 1
    assert get_mlflow_cache().run_for_key("ab" * 16).info.run_id == run.info.run_id


STEPS = ["create_run", "log_batch", "log_artifacts", "update_run_info"]


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_nothing_is_logged_twice_wherever_sending_was_cut_short(
    step, moment, store, runs, client, start_python
):
    box = Outbox(store.directory)
    record = record_of(store, box)
    # A process that kills itself before, or after, one of the things that it tells MLflow.
    killed = start_python(
        f"""
        import os, signal
        import mlflow
        from afml_cache import get_mlflow_cache
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
        owner = SqlAlchemyStore if "{step}" == "update_run_info" else mlflow.MlflowClient
        real = owner.{step}
        def cut(*args, **kwargs):
            if {moment == "after"}:
                real(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)
        owner.{step} = cut
        get_mlflow_cache().sync()
        """
    )
    assert killed.wait() == -9
    assert [one.record for one in box.every(READY)] == [record.record]
    assert get_mlflow_cache().sync() == (1, 0)
    (run,) = runs()
    assert run.info.status == "FINISHED" and run.info.end_time == 2000
    assert run.data.params == {"window": "2"}
    history = client.get_metric_history(run.info.run_id, "score")
    assert [one.value for one in history] == [1.5]
    assert [one.path for one in client.list_artifacts(run.info.run_id)] == ["note.txt"]


def test_a_run_that_was_made_twice_by_a_late_server_is_one_in_the_end(store, runs):
    box = Outbox(store.directory)
    record = record_of(store, box)
    sending.begin(record, again=False)
    sending.begin(record, again=False)
    box.trying(record.record)
    assert len(runs()) == 2
    assert get_mlflow_cache().sync() == (1, 0)
    assert [run.info.status for run in runs()] == ["FINISHED"]


def test_a_record_that_was_tampered_with_is_not_sent(store, runs):
    box = Outbox(store.directory)
    forged, damaged = record_of(store, box), record_of(store, box)
    with sqlite3.connect(box.path) as db:
        db.execute("UPDATE run SET body=replace(body, 'rf', 'xx') WHERE record=?", (forged.record,))
    db.close()
    (box.files(damaged.record) / "artifacts" / "note.txt").write_text("jello")
    with pytest.warns(CacheWarning, match="does not fit its seal|not what was written"):
        assert get_mlflow_cache().sync() == (0, 2)
    assert runs() == []
    assert {one.error for one in box.every(REFUSED)} == {
        "it does not fit its seal",
        "its file artifacts/note.txt is not what was written",
    }


def test_records_of_another_secret_are_left_to_its_owner(store, runs):
    from afml_cache.store.seal import Sealer

    box = Outbox(store.directory)
    made = record_of(store, box)
    with sqlite3.connect(box.path) as db:
        db.execute("UPDATE run SET sealer=?", (Sealer(b"another" * 8).id,))
    db.close()
    assert get_mlflow_cache().sync() == (0, 0)
    assert [one.record for one in box.every(READY)] == [made.record] and runs() == []


def test_a_queue_that_cannot_be_written_costs_a_warning(store, client):
    path = store.directory / "records" / "mlflow-queue.sqlite"
    path.write_bytes(b"no database" * 1000)
    with pytest.warns(CacheWarning, match="the queue of MLflow runs .* cannot be used"):
        assert scored(1) == {"score": 1}
    assert scored.cache_contains(1)


@pytest.mark.slow
def test_many_processes_that_compute_at_once_lose_and_double_nothing(start_python, runs):
    script = """
        import sys
        from afml_cache import mlflow_cached
        @mlflow_cached
        def scored(x):
            return {"score": x}
        import mlflow
        print("ready", flush=True)
        sys.stdin.readline()
        for x in range(4):
            scored(x)
            scored(100 * int(sys.argv[1]) + x)
    """
    started = [start_python(script, str(number)) for number in (1, 2)]
    for one in started:
        assert one.stdout.readline() == "ready\n"
    for one in started:
        one.stdin.write("go\n")
        one.stdin.flush()
    for one in started:
        _, errors = one.communicate(timeout=100)
        assert one.returncode == 0, errors
    get_mlflow_cache().sync()
    found = sorted(run.data.metrics["score"] for run in runs())
    assert found == [0, 1, 2, 3, 100, 101, 102, 103, 200, 201, 202, 203]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_connections_of_its_own(runs):
    scored(0)
    child = os.fork()
    if child == 0:
        try:
            scored(1)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    scored(2)
    assert sorted(run.data.metrics["score"] for run in runs()) == [0, 1, 2]


def test_the_queue_and_the_database_are_for_their_owner(store, runs):
    scored(1)
    box = Outbox(store.directory)
    assert box.path.stat().st_mode & 0o077 == 0
    assert len(box.every(SENT)) == 1


def test_files_that_find_no_room_cost_no_more_than_themselves(store, runs):
    import resource

    import numpy as np

    @mlflow_cached
    def large(x):
        # From here on no file may grow larger: as on a disk that is full.
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
        return {"score": x, "weights": np.zeros(1_000_000)}

    scored(0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.warns(CacheWarning):  # the result itself finds no room either
            assert large(1)["score"] == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (run,) = [one for one in runs() if one.data.tags["afml.function"] == large.identity]
    assert run.data.metrics["score"] == 1 and run.info.status == "FINISHED"
    assert run.data.tags["afml.left_out"].startswith("files: ")
    (kept,) = [
        one for one in Outbox(store.directory).every(SENT) if one.function != scored.identity
    ]
    assert not Outbox(store.directory).files(kept.record).exists()


def test_what_was_written_and_not_written_down_is_not_sent(store, runs, client):
    box = Outbox(store.directory)
    record = record_of(store, box)
    (box.files(record.record) / "artifacts" / "half.npy").write_bytes(b"half of it")
    assert get_mlflow_cache().sync() == (1, 0)
    (run,) = runs()
    assert [one.path for one in client.list_artifacts(run.info.run_id)] == ["note.txt"]


@pytest.mark.slow
def test_processes_that_make_the_database_at_once_get_in_no_ones_way(start_python, store):
    script = """
        import sys
        from afml_cache import mlflow_cached
        @mlflow_cached
        def scored(x):
            return {"score": x}
        import mlflow
        print("ready", flush=True)
        sys.stdin.readline()
        scored(int(sys.argv[1]))
    """
    started = [start_python(script, str(number)) for number in range(3)]
    for one in started:
        assert one.stdout.readline() == "ready\n"
    for one in started:
        one.stdin.write("go\n")
        one.stdin.flush()
    for one in started:
        _, errors = one.communicate(timeout=100)
        assert one.returncode == 0 and "cannot be sent" not in errors, errors
    assert len(Outbox(store.directory).every(SENT)) == 3


def test_who_waits_for_the_result_does_not_wait_for_the_server(silent, store):
    import threading

    setup_mlflow_cache("x", silent, patience=60)
    computing, go = threading.Event(), threading.Event()

    @mlflow_cached
    def slow(x):
        computing.set()
        assert go.wait(60)
        return {"score": x}

    first = threading.Thread(target=slow, args=(1,), daemon=True)
    first.start()
    assert computing.wait(60)
    got = []
    second = threading.Thread(target=lambda: got.append(slow(1)), daemon=True)
    second.start()
    go.set()
    second.join(30)
    assert got == [{"score": 1}] and first.is_alive()  # which still waits for the server


def test_an_event_loop_does_not_wait_for_the_server(silent, store):
    import asyncio

    setup_mlflow_cache("x", silent, patience=60)

    @mlflow_cached
    async def score(x):
        return {"score": x}

    assert asyncio.run(asyncio.wait_for(score(1), 30)) == {"score": 1}
    assert len(Outbox(store.directory).every(READY)) == 1


@pytest.mark.slow
def test_a_database_that_another_program_writes_to_is_tried_again(store, runs, client):
    import threading

    scored(0)
    path = store.directory / "records" / "mlflow.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(6.0, lambda: other.execute("ROLLBACK"))
    release.start()
    try:
        scored(1)  # SQLite itself waits five seconds
    finally:
        release.join()
        other.close()
    assert sorted(run.data.metrics["score"] for run in runs()) == [0, 1]
    assert {run.info.status for run in runs()} == {"FINISHED"}
