"""Whoever clears or restores waits for others who have the index to themselves for a moment."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from afml_cache import clear_afml_cache, list_cleared, restore_cleared, robust_cacheable
from afml_cache.errors import ClearingError
from afml_cache.store import patience
from afml_cache.store.takeout import writers_kept_off

INDEX = "index.sqlite"


@robust_cacheable
def tripled(n):
    return 3 * n


def taken(path) -> sqlite3.Connection:
    """A connection that lets nobody in, as that of the last process to close an index."""
    only = sqlite3.connect(path, isolation_level=None)
    only.execute("PRAGMA locking_mode=EXCLUSIVE")
    only.execute("BEGIN IMMEDIATE")
    only.execute("INSERT OR REPLACE INTO meta VALUES ('taken', 1)")
    only.execute("COMMIT")
    return only


def test_an_index_that_cannot_even_be_opened_is_waited_for(store, monkeypatch):
    tripled(1)
    store.close()
    path = store.directory / INDEX
    with closing(taken(path)) as only:
        waited = []

        def let_go_at_last(seconds):
            waited.append(seconds)
            if len(waited) == 3:
                only.close()

        monkeypatch.setattr(patience, "sleep", let_go_at_last)
        with writers_kept_off(path) as holds_something:
            assert holds_something
    assert len(waited) >= 3


def test_a_cleared_index_that_stays_in_use_is_restored_later(store, monkeypatch):
    tripled(1)
    folder = clear_afml_cache(warn=False).path
    monkeypatch.setattr(patience, "PATIENCE", 0.05)
    with closing(taken(folder / INDEX)):
        with pytest.raises(ClearingError, match="let it end, and try again"):
            restore_cleared()
        assert [cleared.path for cleared in list_cleared()] == [folder]
    assert restore_cleared().entries == 1
    assert tripled(1) == 3 and tripled.cache_info().hits == 1
