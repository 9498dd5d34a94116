"""A function is told of once when its hits cost more than the computations they save."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pandas as pd
import pytest

from afml_cache import CacheWarning, cacheable, get_cache_monitor, robust_cacheable
from afml_cache.store.store import Counters, Store


@robust_cacheable
def rows_of(frame):
    return len(frame)


@robust_cacheable
def slow(number):
    return sum(step * number for step in range(500_000))


def test_a_key_dearer_than_the_computation_is_told_once(store):
    frame = pd.DataFrame(np.zeros((1_000_000, 8)))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(2):
            while store.ledger.worth.accounts[rows_of.identity].spent < 1.0 and not told:
                rows_of(frame)
                store.flush()
        for _ in range(10):
            rows_of(frame)
        store.flush()
    (warning,) = told
    assert warning.category is CacheWarning
    assert f"caching {rows_of.identity}() costs more than it saves" in str(warning.message)
    assert "Do not cache it" in str(warning.message)


@cacheable
def rows_by_joblib(frame):
    return len(frame)


def test_a_key_of_joblib_that_is_dearer_than_the_computation_is_told_too(store):
    frame = pd.DataFrame(np.zeros((1_000_000, 8)))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        while not told and store.counters().get(rows_by_joblib.identity, Counters()).hits < 200:
            rows_by_joblib(frame)
    (warning,) = told
    assert f"caching {rows_by_joblib.identity}() costs more than it saves" in str(warning.message)
    assert warning.filename == __file__


@pytest.mark.parametrize("function", [rows_of, rows_by_joblib])
def test_keys_of_calls_that_never_hit_are_told_of_too(store, function):
    frame = pd.DataFrame(np.zeros((500_000, 8)))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        while not told and len(frame) < 500_200:
            frame.loc[len(frame)] = 1.0  # another frame each time
            function(frame)
    (warning,) = told
    assert f"caching {function.identity}() costs more than it saves" in str(warning.message)
    assert " misses took " in str(warning.message)


def test_first_calls_of_several_threads_at_once_are_no_measure_of_the_others(store):
    def call(first):
        slow_start = 0.3 if first else 0.0001
        store.ledger.miss("m.f", slow_start, 0.001, slow_start)

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for first in (True, False):
            gate = threading.Barrier(8)

            def all_at_once(first=first, gate=gate):
                gate.wait()
                call(first)
                gate.wait()  # until then all threads are there, each with its own identity

            threads = [threading.Thread(target=all_at_once) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        store.flush()
        assert told == []
        for _ in range(400):  # but what goes on losing is
            store.ledger.miss("m.f", 0.03, 0.001, 0.03)
        store.flush()
    assert store.ledger.worth.accounts["m.f"].misses == 416 and len(told) == 1


def test_misses_whose_computation_is_dear_are_not_told_of(store):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for number in range(20):
            slow(number)
        store.flush()
    account = store.ledger.worth.accounts[slow.identity]
    assert account.misses == 19 and account.saved > account.spent and told == []


def test_what_pays_and_what_hardly_costs_is_not_told(store):
    small = pd.DataFrame({"close": np.zeros(10)})
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(50):
            slow(1)
            rows_of(small)  # a loss, of a millisecond or two
        store.flush()
    accounts = store.ledger.worth.accounts
    assert accounts[slow.identity].saved > accounts[slow.identity].spent
    assert accounts[rows_of.identity].spent > accounts[rows_of.identity].saved
    assert told == []


def took(tally, *seconds):
    for each in seconds:
        tally.hits += 1
        tally.seconds += each
        tally.longest = max(tally.longest, each)


def test_many_quick_hits_that_lose_are_told_of_too(store):
    took(store.tally("m.f"), *2_000 * [0.0001])
    with pytest.warns(CacheWarning, match=r"m\.f\(\).*2,000 hits took 0\.2 s"):
        store.flush()


def test_one_hit_that_was_held_up_is_no_measure_of_the_others(store):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        took(store.tally("m.f"), *1_000 * [0.00001], 30.0)  # the machine had other things to do
        store.flush()
        took(store.tally("m.f"), *1_000 * [0.00001])
        store.flush()
    assert store.ledger.worth.accounts["m.f"].hits == 2_001 and told == []
    assert store.counters()["m.f"].hit_seconds > 30.0  # it is counted all the same


def cleared_by_itself(store):
    slow.cache_clear(), rows_of.cache_clear()


def cleared_by_another(store):
    with Store(store.directory) as other:
        other.clear()


@pytest.mark.parametrize("clear", [cleared_by_itself, cleared_by_another])
def test_clearing_a_function_takes_nothing_away_from_what_its_hits_saved(store, clear):
    for _ in range(9):
        slow(2)
    rows_of("a"), rows_of("a")
    store.flush()
    for _ in range(20):
        slow(2), rows_of("a")
    before = store.counters()
    clear(store)
    assert store.counters() == before
    store.flush()
    assert store.counters() == before
    assert before[slow.identity].hits_unpriced == 0
    account = store.ledger.worth.accounts[slow.identity]
    assert account.hits == 28 and account.saved > account.spent


def test_hits_of_an_entry_that_another_process_cleared_at_once_are_not_judged(store):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(8):
            slow(3)
        store.tally(slow.identity).seconds += 40.0
        cleared_by_another(store)
        store.flush()
    counted = store.counters()[slow.identity]
    assert (counted.hits, counted.hits_unpriced, counted.seconds_saved) == (7, 7, 0.0)
    account = store.ledger.worth.accounts[slow.identity]
    assert (account.hits, account.spent) == (0, 0.0) and told == []
    stats = get_cache_monitor().get_function_stats(slow)
    assert stats.saved_s is None  # not 40 seconds lost
