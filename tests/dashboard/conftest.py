"""A cache with a past: functions that were called for days, and have results stored."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from afml_cache.dashboard.look import look
from afml_cache.dashboard.shown import Shown
from afml_cache.store.hours import hour_name, hour_of
from afml_cache.store.rows import LAST, add_counter
from afml_cache.store.store import Claim, Store

Plant = Callable[..., None]

#: Names of a repository of research, as they really are, and one that wants to be HTML.
EVIL = "research.<script>alert(1)</script>&<b>.f"
NAMES = (
    "research.labels.triple_barrier.apply_barriers_on_vertical_and_horizontal_limits",
    "research.features.volatility.garman_klass",
    "research.features.microstructure.entropy_of_encoded_ticks",
    "research.models.cross_validation.PurgedKFold.fit_predict",
    "research.data.bars.dollar_bars",
    "research.backtest.walk_forward.run",
    EVIL,
)


@pytest.fixture(scope="session")
def plant() -> Plant:
    """Put a function into a store as if it had been called, some hours ago."""

    def put(
        store: Store,
        name: str,
        *,
        hits: int = 0,
        misses: int = 0,
        seconds: float = 1.0,
        reason: str = "argument",
        ago: int = 0,
        sizes: tuple[int, ...] = (),
        last_days: float = 0.0,
    ) -> None:
        hourly = {
            "hits": hits,
            "computed": misses,
            "seconds_computed": misses * seconds,
            "seconds_saved": hits * seconds,
        }
        more = {
            f"reason:{reason}": misses,
            "hits_timed": hits,
            "hit_seconds": hits * 0.002,
            LAST: time.time() - last_days * 86_400,
        }

        def write(cursor: Any) -> None:
            for what, value in (hourly | more).items():
                if value:
                    add_counter(cursor, name, what, value)
            for what, value in hourly.items():
                if value:
                    add_counter(cursor, name, hour_name(hour_of(time.time()) - ago, what), value)

        store._index.write(write)
        for number, size in enumerate(sizes):
            digest = hashlib.blake2b(f"{name}{number}{ago}".encode(), digest_size=16).digest()
            claim = Claim(name, b"code", b"environment", digest, seconds=seconds)
            assert store.put(digest, os.urandom(size), claim) is None
        store.flush()
        used = "UPDATE claim SET used = ? WHERE function = ?"
        store._index.write(lambda cursor: cursor.execute(used, (more[LAST], name)))

    return put


@pytest.fixture(scope="session")
def with_a_past(plant: Plant) -> Callable[[Store], Store]:
    """Fill a store with a week of seven functions, one of them stale."""

    def fill(store: Store) -> Store:
        reasons = ("first_call", "argument", "code", "evicted")
        for number, name in enumerate(NAMES):
            for day in range(7):
                plant(
                    store,
                    name,
                    hits=3 * number + (7 - day),
                    misses=2 + (6 - number) * day % 5,
                    seconds=30.0 / (number + 1),
                    reason=reasons[(number + day) % 4],
                    ago=24 * day + 2 * number,
                    sizes=((number + 1) * 9_000,) if day < 3 else (),
                )
        plant(store, "research.old.study", hits=2, misses=1, sizes=(50_000,), last_days=70, ago=700)
        plant(store, "research.seldom.hits", hits=2, misses=20, seconds=3, sizes=(700, 800))
        return store

    return fill


@pytest.fixture
def shown(store: Store) -> Callable[[], Shown]:
    """What the dashboard shows of this test's store."""

    def now() -> Shown:
        store.close()  # the dashboard is a process of its own
        return look(store.directory)

    return now


@pytest.fixture
def environment() -> dict[str, str]:
    """For processes that have to find what is tested here."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
