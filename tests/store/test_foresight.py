"""What would go first is what goes, and looking at it changes nothing."""

from __future__ import annotations

import random
import time

import pytest

from afml_cache.store import upkeep
from afml_cache.store.foresight import first_to_go, would_free
from afml_cache.store.store import Claim, Store


@pytest.fixture
def filled(open_store, digest):
    def fill(**options) -> Store:
        store = open_store(**options)
        drawn = random.Random(7)
        for number in range(60):
            claim = Claim(
                f"m.f{number % 5}",
                b"c",
                b"e",
                digest(number),
                seconds=drawn.choice([0.01, 1.0, 60.0, 3_600.0]),
                expires=time.time() - 1 if number % 12 == 0 else None,
            )
            assert (
                store.put(digest(number), drawn.randbytes(drawn.randint(10, 9_000)), claim) is None
            )
        return store

    return fill


def total(store: Store) -> int:
    return sum(size for _, size in store.sizes().values())


@pytest.mark.parametrize("part", [0.8, 0.5, 0.01])
def test_it_is_what_eviction_then_takes(filled, part):
    store = filled()
    limit = int(total(store) * part)
    looked = first_to_go(store, limit)
    foreseen = would_free(store, limit, None)
    assert looked == (foreseen.expired, foreseen.evicted)
    assert (upkeep.drop_expired(store, None), upkeep.make_room(store, limit)) == looked
    assert looked[0].entries == 5 and looked[1].entries > 0


@pytest.mark.parametrize("limit", [None, 10**12])
def test_far_from_a_limit_it_is_a_tenth_of_what_is_stored(filled, limit):
    store = filled()
    expired, evicted = first_to_go(store, limit)
    going = expired.bytes + evicted.bytes
    assert 0.1 * total(store) <= going < 0.1 * total(store) + 9_500


def test_looking_takes_no_lock_and_writes_nothing(filled, base, open_store):
    filled().close()
    before = {path: path.stat().st_mtime_ns for path in base.rglob("*")}
    with open_store(read_only=True) as reader:
        assert first_to_go(reader, None)[1].entries
    assert {path: path.stat().st_mtime_ns for path in base.rglob("*")} == before


def test_an_empty_store_has_nothing_to_give(open_store):
    expired, evicted = first_to_go(open_store(), None)
    assert not expired and not evicted
