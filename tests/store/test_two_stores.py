"""Several stores of one process on one directory, beside other processes.

A POSIX process loses all its locks on a file when it closes any descriptor of it; SQLite takes
care of its own, so nothing else may open and close an index that is in use.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from afml_cache.store.header import check_header
from afml_cache.store.index import Index
from afml_cache.store.schema import DamagedIndexError

OTHER = """
    import sys
    from afml_cache.store.store import Store
    with Store(sys.argv[1], secret=b"a secret of at least thirty-two bytes") as store:
        print(sum(count for count, _ in store.sizes().values()))
"""


@pytest.mark.parametrize("read_only", [False, True], ids=["writes", "read-only"])
def test_what_the_first_store_puts_after_a_second_was_opened_is_not_lost(
    open_store, digest, claim, base, run_python, read_only
):
    first = open_store()
    assert first.put(digest(1), 1, claim()) is None
    second = open_store(read_only=read_only)
    assert second.get(digest(1)) == 1
    # Whoever believes that nobody else has the index open tidies its log away at the end.
    assert run_python(OTHER, str(base)).strip() == "1"
    assert first.put(digest(2), 2, claim()) is None
    assert run_python(OTHER, str(base)).strip() == "2"
    assert second.get(digest(2)) == 2


def test_preparing_an_index_anew_keeps_the_locks_of_the_connections_in_use(
    open_store, digest, claim, base, run_python
):
    store = open_store()
    assert store.put(digest(1), 1, claim()) is None
    index = store._index

    def while_one_is_in_use(cursor: sqlite3.Cursor) -> None:
        cursor.execute("BEGIN")
        cursor.execute("SELECT count(*) FROM entry").fetchone()
        index.close()  # the next use prepares anew
        assert store.get(digest(1)) == 1
        assert run_python(OTHER, str(base)).strip() == "1"
        assert (base / "index.sqlite-wal").exists()
        cursor.execute("COMMIT")

    index.read(while_one_is_in_use)


def test_a_header_is_checked_once_nobody_has_the_index_open(base: Path):
    index = Index(base)
    index.read(lambda cursor: cursor.execute("SELECT 1").fetchone())
    index.close()
    with index.path.open("r+b") as file:
        file.write(b"SQLite format 4\0")
    with pytest.raises(DamagedIndexError):
        check_header(index.path)
