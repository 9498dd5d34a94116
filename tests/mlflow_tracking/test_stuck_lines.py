"""What is said and counted while somebody is sending and takes his time."""

from __future__ import annotations

import threading

import pytest

from afml_cache import CacheWarning, get_mlflow_cache, mlflow_cached, setup_mlflow_cache
from afml_cache.tracking import deliver
from afml_cache.tracking.outbox import Outbox
from afml_cache.tracking.sender import Line, _Job, sender
from tests.mlflow_tracking.queued import record_of

pytest.importorskip("mlflow")


@mlflow_cached
def scored(x):
    return {"score": x}


@pytest.fixture
def busy():
    """Work that takes until the test is over."""
    over = threading.Event()
    yield _Job(over.wait)
    over.set()


def test_what_is_said_is_how_long_was_waited(busy, store):
    uri = "http://127.0.0.1:9"
    setup_mlflow_cache("x", uri, patience=30)
    sender._line(uri).do(busy, 0.05)  # as the run is begun in a part of the patience
    with pytest.warns(CacheWarning, match=r"no answer within 0\.05 seconds"):
        scored(1)
    (kept,) = Outbox(store.directory).every("ready")
    assert kept.error == "no answer within 0.05 seconds"


def test_a_line_tells_what_was_waited_for_in_vain(busy):
    line = Line()
    assert line.do(busy, 0.05) == 0.05
    assert line.do(_Job(lambda: None), 30) == 0.05  # it is behind, and not waited for
    assert Line().do(_Job(lambda: None), 30) == 0


def test_sync_counts_what_another_thread_is_sending(client, store, monkeypatch):
    monkeypatch.setattr(deliver, "_PATIENCE", 0.05)
    box = Outbox(store.directory)
    held, free = record_of(store, box), record_of(store, box, key="cd" * 16)
    lock = box.lock(held.record)
    assert lock.acquire(blocking=False)
    try:
        assert get_mlflow_cache().sync() == (1, 1)
        assert box.kept(free.record).state == "sent" and box.kept(held.record).state == "ready"
    finally:
        lock.release()
    assert get_mlflow_cache().sync() == (1, 0)
