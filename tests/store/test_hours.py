"""Counters by the hour: in the table that is there, told from others, forgotten after a month."""

from __future__ import annotations

import time

import pytest

from afml_cache.outcomes import Outcome, Reason
from afml_cache.store.hours import HOUR, KEPT, HourCounters, by_hour, hour_name, hour_of
from afml_cache.store.rows import add_counter


def test_calls_are_counted_in_their_hour_before_and_after_they_are_written(
    open_store, digest, claim
):
    store = open_store()
    store.put(digest(1), 1, claim("f", seconds=2.0), missed=Reason.FIRST_CALL)
    for _ in range(3):
        store.get(digest(1))
        store.tally("f").hits += 1
    store.count("f", Outcome.COMPUTED, Reason.CODE, seconds=0.5)
    store.count("f", Outcome.ADOPTED, seconds=4.0)
    store.count("g", Outcome.HIT)
    expected = HourCounters(3, 1, 2, 2.5, 3 * 2.0 + 4.0)

    def together(found: dict[int, HourCounters]) -> HourCounters:
        whole = HourCounters()
        for hour, counters in found.items():  # two, when the clock strikes while this runs
            assert hour_of(time.time()) - hour in (0, 1)
            whole.add(counters)
        return whole

    assert together(store.ledger.hours("f")) == expected
    store.close()
    assert together(open_store().ledger.hours("f")) == expected
    assert together(open_store().ledger.hours("g")) == HourCounters(hits=1)
    assert open_store().ledger.hours("h") == {}


def test_hits_before_a_pause_belong_to_the_hour_in_which_they_came(open_store, digest, claim):
    store = open_store()
    store.put(digest(1), 1, claim("f", seconds=2.0))
    store.get(digest(1))
    store.tally("f").hits += 1
    then = store.ledger._since = time.time() - 5 * HOUR  # as if the process had paused since
    expected = {hour_of(then): HourCounters(hits=1, seconds_saved=2.0)}
    assert store.ledger.hours("f") == expected
    store.flush()
    assert store.ledger.hours("f") == expected
    store.tally("f").hits += 1
    assert set(store.ledger.hours("f")) != set(expected)


def test_hours_that_are_too_old_are_forgotten_and_nothing_else(open_store):
    store = open_store()
    store.count("f", Outcome.COMPUTED, Reason.CODE)
    store.flush()
    now = hour_of(time.time())

    def plant(cursor):
        for ago in (1, KEPT - 1, KEPT + 1, 10 * KEPT):
            add_counter(cursor, "f", hour_name(now - ago, "hits"), 1)

    store._index.write(plant)
    store.close()
    again = open_store()
    again.count("f", Outcome.COMPUTED, Reason.CODE)
    again.flush()
    assert {now - hour for hour in again.ledger.hours("f")} - {0} == {1, KEPT - 1}
    assert again.counters()["f"].computed == 2
    assert again.counters()["f"].hits == 0  # an hour's counters are not all counters


def test_the_last_call_is_the_later_one_whoever_writes_it(open_store):
    first, second = open_store(), open_store()
    first.count("f", Outcome.COMPUTED, Reason.CODE)
    time.sleep(0.002)
    second.count("f", Outcome.COMPUTED, Reason.CODE)
    latest = second.counters()["f"].last
    second.flush()
    first.flush()
    assert open_store().counters()["f"].last == latest


OLD = ["hits", "adopted", "computed", "seconds_computed", "seconds_saved", "reason:argument"]


def test_a_store_of_before_opens_and_goes_on(open_store):
    """It has none of the newer counters; the tables are the same."""
    store = open_store()

    def plant(cursor):
        for name, value in zip(OLD, (7, 1, 3, 6.0, 14.0, 3), strict=True):
            add_counter(cursor, "f", name, value)

    store._index.write(plant)
    store.close()
    counted = open_store().counters()["f"]
    assert (counted.hits, counted.computed, counted.seconds_saved) == (7, 3, 14.0)
    assert (counted.hits_timed, counted.last) == (0, None)
    assert open_store().ledger.hours("f") == {}
    again = open_store()
    again.count("f", Outcome.COMPUTED, Reason.ARGUMENT, seconds=1.0)
    assert again.counters()["f"].computed == 4 and len(again.ledger.hours("f")) == 1


@pytest.mark.parametrize(
    "name", ["hour:", "hour:abc:hits", "hour:00000001:unknown", "hits", "hour:1", "reason:code"]
)
def test_other_names_are_no_hours(name):
    assert by_hour([(name, 1.0)]) == {}
