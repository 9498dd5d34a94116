"""Over its limits the store drops what is cheapest to compute again, a megabyte."""

from __future__ import annotations

import time

import numpy as np
import pytest

from afml_cache.outcomes import Reason
from afml_cache.store import evict, rows
from afml_cache.store.store import Missing

SIZE = 100_000  # bytes of one value, about
VALUE = np.zeros(SIZE // 8)


def present(store, digest, names) -> list[object]:
    return [name for name in names if store.contains(digest(name))]


def disk_use(base) -> int:
    return sum(path.stat().st_size for path in base.glob("values/*/*"))


def test_the_store_stays_under_its_limit(open_store, base, digest, claim):
    store = open_store(size_limit=10 * SIZE)
    for number in range(50):
        store.put(digest(number), VALUE, claim())
        assert disk_use(base) <= 10 * SIZE
    assert 8 <= len(present(store, digest, range(50))) <= 10
    assert store.verify() == []


def test_what_is_dear_a_megabyte_stays(open_store, digest, claim):
    store = open_store(size_limit=10 * SIZE)
    store.put(digest("dear"), VALUE, claim(seconds=500.0))
    store.put(digest("dear but large"), np.zeros(4 * len(VALUE)), claim(seconds=20.0))
    for number in range(20):
        store.put(digest(number), VALUE, claim(seconds=10.0))
    assert store.contains(digest("dear"))
    assert store.get(digest("dear but large")) == Missing(Reason.EVICTED)


def test_what_is_used_outlives_what_is_not(open_store, digest, claim):
    store = open_store(size_limit=10 * SIZE)
    for name in ("used", "unused"):
        store.put(digest(name), VALUE, claim(seconds=10.0))
    for number in range(30):
        store.put(digest(number), VALUE, claim(seconds=6.0))
        if store.contains(digest("used")):
            store.get(digest("used"))
    # "unused" outranked its neighbours at first, and was overtaken as they came and went.
    assert store.contains(digest("used"))
    assert store.get(digest("unused")) == Missing(Reason.EVICTED)


def test_an_evicted_entry_says_so_and_a_value_in_hand_survives(open_store, base, digest, claim):
    store = open_store(size_limit=4 * 8 * SIZE)
    store.put(digest("held"), np.arange(SIZE, dtype="f8"), claim(seconds=0.0))
    held = store.get(digest("held"))
    for number in range(8):
        store.put(digest(number), np.zeros(SIZE), claim())
    assert store.get(digest("held")) == Missing(Reason.EVICTED)
    assert held.sum() == SIZE * (SIZE - 1) / 2
    assert store.counters() == {} or "module.function" in store.counters()


def test_a_value_larger_than_the_limit_does_not_sweep_out_the_others(
    open_store, digest, claim, told
):
    store = open_store(size_limit=5 * SIZE)
    for number in range(4):
        store.put(digest(number), VALUE, claim(seconds=0.0))
    assert store.put(digest("huge"), np.zeros(SIZE), claim("g", seconds=1e6)) is None
    assert store.get(digest("huge")) == Missing(Reason.EVICTED)
    assert len(present(store, digest, range(4))) == 4
    (message,) = told()
    assert "A result of g takes 800," in message and "500,000" in message


def test_expired_entries_go_before_any_other(open_store, digest, claim):
    store = open_store(size_limit=10 * SIZE)
    store.put(digest("over"), VALUE, claim(seconds=1e6, expires=time.time() - 1))
    for number in range(10):
        store.put(digest(number), VALUE, claim())
    assert store.entry(digest("over")) is None
    assert store.get(digest("over")) == Missing(Reason.EXPIRED)
    assert len(present(store, digest, range(10))) >= 9


def test_small_values_in_rows_count_too(open_store, digest, claim):
    store = open_store(size_limit=50_000)
    for number in range(200):
        store.put(digest(number), "x" * 1_000, claim())
    assert 30 <= sum(1 for _ in store.entries()) <= 50
    assert sum(entry.size for entry in store.entries()) <= 50_000


def test_the_total_is_kept_exactly(open_store, digest, claim):
    store = open_store(size_limit=30 * SIZE)
    for number in range(60):
        value = np.zeros(number * 300) if number % 2 else "x" * number
        store.put(digest(number % 40), value, claim())
    store.delete([digest(3), digest(4), digest(3)])
    expected = sum(entry.size for entry in store.entries())
    assert store._index.read(rows.total_size) == expected


def test_removals_are_remembered_up_to_a_bound(open_store, digest, claim, monkeypatch):
    monkeypatch.setattr(rows, "TOMBSTONES", 100)
    store = open_store()
    for number in range(150):
        store.put(digest(number), number, claim())
    store.delete([digest(number) for number in range(50)])
    store.delete([digest(number) for number in range(50, 150)])
    assert store.get(digest(149)) == Missing(Reason.CLEARED)
    assert store.get(digest(0)) == Missing(None)
    count = "SELECT count(*) FROM tombstone"
    assert store._index.read(lambda cursor: cursor.execute(count).fetchone()) == (100,)


def test_an_age_limit_removes_what_was_not_used(open_store, base, digest, claim):
    with open_store() as store:
        store.put(digest("old"), VALUE, claim())
        age = "UPDATE claim SET used = used - 7200"
        store._index.write(lambda cursor: cursor.execute(age).rowcount)
        store._index.write(lambda c: c.execute("DELETE FROM meta WHERE name='expired_dropped'"))
    store = open_store(age_limit=3600.0)
    assert store.get(digest("old")) == Missing(Reason.EXPIRED)
    store.put(digest("new"), VALUE, claim())
    assert len(list(base.glob("values/*/*"))) == 1
    assert store.get(digest("old")) == Missing(Reason.EXPIRED)


def aged(store, seconds):
    """Let the time pass since every entry was used, and since expired ones were last dropped."""
    for change in (
        "UPDATE claim SET used = used - ?",
        "UPDATE meta SET value = value - ? WHERE name = 'expired_dropped'",
    ):
        store._index.write(lambda cursor: cursor.execute(change, (seconds,)).rowcount)  # noqa: B023


def test_a_put_keeps_to_the_age_limit_within_a_tenth_of_it(open_store, digest, claim):
    store = open_store(age_limit=1_000.0)
    for number in range(5):
        store.put(digest(number), VALUE, claim())
    aged(store, 1_099.0)
    store.put(digest("new"), VALUE, claim())
    assert store.sizes() == {claim().function: (1, store.entry(digest("new")).size)}
    aged(store, 90.0)
    store.put(digest("newer"), VALUE, claim())  # looked at so short a time ago
    aged(store, 950.0)
    store.put(digest("newest"), VALUE, claim())
    assert [store.contains(digest(name)) for name in ("new", "newer", "newest")] == [
        *(False, True, True)
    ]


def test_what_one_put_leaves_of_the_expired_the_next_one_drops(
    open_store, digest, claim, monkeypatch
):
    monkeypatch.setattr(evict, "_EXPIRED_AT_ONCE", 4)
    store = open_store(age_limit=1_000.0)
    for number in range(10):
        store.put(digest(number), VALUE, claim())
    aged(store, 1_500.0)
    left = []
    for name in ("a", "b", "c", "d"):
        store.put(digest(name), VALUE, claim())
        left.append(store.sizes()[claim().function][0])
    assert left == [10 - 4 + 1, 10 - 8 + 2, 3, 4]


@pytest.mark.parametrize("limit", [None, 10**12])
def test_without_need_nothing_is_evicted(limit, open_store, digest, claim):
    store = open_store(size_limit=limit)
    for number in range(30):
        store.put(digest(number), VALUE, claim(seconds=0.0))
    assert len(present(store, digest, range(30))) == 30
