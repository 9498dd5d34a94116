"""An index that is moved away takes nothing with it that is written after."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import numpy as np

from afml_cache.store import rows
from afml_cache.store.repair import BESIDE


def move_away(base, to) -> None:
    to.mkdir()
    for name in ("index.sqlite", *("index.sqlite" + suffix for suffix in BESIDE)):
        if (base / name).exists():
            (base / name).rename(to / name)


def test_a_writer_that_waited_for_the_moved_index_writes_to_the_new_one(
    open_store, base, digest, claim, tmp_path
):
    store = open_store()
    store.put(digest("before"), 1, claim())
    with closing(sqlite3.connect(base / "index.sqlite", isolation_level=None)) as mover:
        mover.execute("BEGIN IMMEDIATE")
        putting = threading.Thread(target=store.put, args=(digest("after"), 2, claim()))
        putting.start()  # it waits now, or comes when all is over: both must end well
        move_away(base, tmp_path / "away")
        mover.execute("ROLLBACK")
        putting.join()
    assert store.get(digest("after")) == 2
    assert not store.contains(digest("before"))
    with open_store(tmp_path / "away") as away:
        assert away.get(digest("before")) == 1 and not away.contains(digest("after"))


def test_a_log_without_its_index_is_not_taken_for_that_of_a_new_one(
    open_store, base, digest, claim, tmp_path
):
    with open_store() as store:
        for number in range(20):
            store.put(digest(number), number, claim())
        log = (base / "index.sqlite-wal").read_bytes()
        assert log
        (base / "index.sqlite").rename(tmp_path / "away.sqlite")
        with open_store() as new:
            assert not new.contains(digest(1))
            assert new.put(digest(1), "new", claim()) is None
            assert new.get(digest(1)) == "new" and new.verify() == []


def test_a_file_that_a_new_index_has_taken_up_survives_its_own_row(open_store, base, digest, claim):
    store = open_store()
    value = np.arange(50_000)
    store.put(digest("large"), value, claim())
    (file,) = base.glob("values/*/*")
    row = store._index.read(lambda cursor: cursor.execute("SELECT body FROM entry").fetchone())
    assert row == (file.name,)
    entry = rows.Row(
        *(digest("large") + store._ready().id, file.name, "f", b"c", b"e", b"a"),
        *(None, None, None, 1.0, 10, 0.0, 0.0, None, b""),
    )
    assert store._index.write(lambda cursor: rows.insert(cursor, entry)) == []
    np.testing.assert_array_equal(store.get(digest("large")), value)
