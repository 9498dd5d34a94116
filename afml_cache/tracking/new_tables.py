"""A tracking database whose tables are just being made: MLflow does so in every process that looks.

Of several that begin at once only one may; where another cache, or MLflow itself, is the other one,
its errors say that it is to be tried again.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from afml_cache.store.active import active
from afml_cache.store.flight import FileLock
from afml_cache.store.location import RECORDS

_SAYS_SO = ("already exists", "duplicate column name", "expected to match one row")


@contextlib.contextmanager
def one_at_a_time(database: Path) -> Iterator[None]:
    """Let one process of this cache at a time make the tables of a database of the user's.

    The lock lies among the cache's records: beside the database nothing of ours is to lie.
    """
    store = active()
    if store.read_only:
        yield
        return
    named = hashlib.blake2b(str(database.resolve()).encode(), digest_size=8).hexdigest()
    lock = FileLock(store.directory / RECORDS / f"mlflow-tables-{named}.lock")
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def is_being_made(error: BaseException) -> bool:
    """Whether an error says that another process was making the tables at the same time."""
    return type(error).__module__.partition(".")[0] in ("sqlalchemy", "alembic") and any(
        one in str(error) for one in _SAYS_SO
    )


def told_so(error: BaseException) -> str:
    """Such an error in words, without its SQL."""
    why = str(error).partition("\n")[0]
    return f"another program seems to be making the tables of this database just now ({why})"
