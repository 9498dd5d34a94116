"""Waiting for others who use an index, which our connections do not do by themselves."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

from afml_cache.store.claims import UnavailableError
from afml_cache.store.schema import LOCKED, cause_of

T = TypeVar("T")

#: Seconds to wait for those who read and write an index that is cleared or restored.
PATIENCE = 10.0


def patiently(path: Path, work: Callable[[], T | None]) -> T:
    """Try until it works; SQLite tells in two ways that others are in the way.

    Parameters
    ----------
    path : Path
        The index.
    work : callable
        Raises that the index is locked, or gives None, while it does not work.

    Raises
    ------
    UnavailableError
        Others use the index all the time.
    sqlite3.Error
        Something else is wrong.
    """
    deadline, pause = monotonic() + PATIENCE, 0.001
    while True:
        try:
            done = work()
        except sqlite3.Error as error:
            if cause_of(error) != LOCKED:
                raise
        else:
            if done is not None:
                return done
        if monotonic() > deadline:
            raise UnavailableError(
                LOCKED,
                f"Another program keeps the index {path} open in one long transaction; let it "
                "end, and try again.",
            )
        sleep(pause)
        pause = min(2 * pause, 0.025)
