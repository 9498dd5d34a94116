"""A record is read by whoever asks for its run, while others write and send it."""

from __future__ import annotations

import sqlite3

import pytest

from afml_cache import TrackingError, get_mlflow_cache
from afml_cache.store.seal import Sealer
from afml_cache.tracking.deliver import deliver
from afml_cache.tracking.outbox import BEGUN, READY, Outbox
from tests.mlflow_tracking.queued import record_of

pytest.importorskip("mlflow")
KEY = "ab" * 16


def changed(box, column, value):
    with sqlite3.connect(box.path) as db:
        db.execute(f"UPDATE run SET {column}=?", (value,))
    db.close()


def test_files_that_an_open_block_is_writing_stay_when_what_is_under_it_is_sent(
    store, runs, client
):
    box, sealer = Outbox(store.directory), store.sealer()
    parent = record_of(store, box, key="", name="block")
    lock = box.lock(parent.record)
    lock.acquire()
    try:
        box.put(parent, BEGUN, sealer)
        half = box.files(parent.record) / "artifacts" / "half.npy"
        half.write_bytes(b"half of it")
        child = record_of(store, box, parent=parent.record)
        assert deliver(box, sealer, child.record) is None
        assert half.read_bytes() == b"half of it"
        box.put(parent, READY, sealer)
    finally:
        lock.release()
    assert get_mlflow_cache().sync() == (1, 0)
    block, under = sorted(runs(), key=lambda run: run.info.run_name != "block")
    assert under.data.tags["mlflow.parentRunId"] == block.info.run_id
    assert "half.npy" in [one.path for one in client.list_artifacts(block.info.run_id)]


def test_a_run_is_put_under_one_whose_files_are_gone(store, runs):
    box, sealer = Outbox(store.directory), store.sealer()
    parent = record_of(store, box, key="", name="block")
    box.without_files(parent.record)  # as who sends it does, a moment before he notes it
    child = record_of(store, box, parent=parent.record)
    assert deliver(box, sealer, child.record) is None


def test_a_damaged_record_is_a_tracking_error_also_after_sync(store, client):
    box = Outbox(store.directory)
    made = record_of(store, box)
    changed(box, "body", made.to_json().replace("rf", "xx"))
    with pytest.raises(TrackingError, match=r"will not be sent.* seal.* --drop"):
        get_mlflow_cache().run_for_key(KEY)
    with pytest.warns(match="does not fit its seal"):
        assert get_mlflow_cache().sync() == (0, 1)
    with pytest.raises(TrackingError, match=r"will not be sent.* seal.* --drop"):
        get_mlflow_cache().run_for_key(KEY)


def test_the_record_of_another_secret_is_his_who_has_it(store, client):
    box = Outbox(store.directory)
    record_of(store, box)
    other = Sealer(b"another" * 8)
    changed(box, "sealer", other.id)
    with pytest.raises(TrackingError, match=r"another secret \(AFML_CACHE_SECRET\)") as caught:
        get_mlflow_cache().run_for_key(KEY)
    assert "--drop" not in str(caught.value)
    assert [one.state for one in box.every(READY)] == [READY]


def test_a_record_that_is_sent_while_it_is_looked_for_is_found(store, runs, monkeypatch):
    record_of(store, Outbox(store.directory))
    said = Outbox.said

    def too_late(box, record, sealer):
        monkeypatch.setattr(Outbox, "said", said)
        assert deliver(box, sealer, record) is None
        return said(box, record, sealer)

    monkeypatch.setattr(Outbox, "said", too_late)
    found = get_mlflow_cache().run_for_key(KEY)
    assert [found.info.run_id] == [run.info.run_id for run in runs()]
