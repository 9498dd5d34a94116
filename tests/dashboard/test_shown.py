"""What the dashboard shows is what the monitor says, chosen and sorted."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import pytest

from afml_cache import (
    cacheable,
    clear_afml_cache,
    get_cache_monitor,
    get_comprehensive_cache_status,
    robust_cacheable,
    use_settings,
)
from afml_cache.cache_monitoring import get_cache_summary
from afml_cache.dashboard.look import look
from afml_cache.dashboard.shown import LISTED, MEANING, TOP
from afml_cache.outcomes import Reason
from afml_cache.store.foresight import first_to_go
from afml_cache.store.store import Store


@robust_cacheable
def labels(number):
    return [number] * 100


@robust_cacheable(ttl=1e-9)
def short(number):
    return number


@cacheable
def legacy(number):
    return number


def test_every_figure_of_a_function_is_the_monitors(store, with_a_past, shown):
    with_a_past(store)
    page = shown()
    stats = get_cache_monitor().get_all_function_stats()
    assert len(page.functions) == len(stats) == 9
    for ours, theirs in zip(page.functions, stats, strict=True):
        assert ours.name == theirs.function_name
        assert (ours.calls, ours.hits, ours.misses) == (
            *(theirs.total_calls, theirs.cache_hits, theirs.cache_misses),
        )
        for field in (
            *("hit_rate", "seconds_computed", "avg_compute_s", "avg_hit_s", "saved_s"),
            *("entries", "size_bytes"),
        ):
            assert getattr(ours, field) == getattr(theirs, field)
        assert ours.last_access is not None
        assert datetime.fromisoformat(ours.last_access) == theirs.last_access


def test_the_totals_are_those_of_the_health_report(store, with_a_past, shown):
    with_a_past(store)
    page, health = shown(), get_cache_monitor().generate_health_report()
    assert (page.calls, page.hits, page.misses) == (
        *(health["total_calls"], health["hits"], health["misses"]),
    )
    for field in ("status", "hit_rate", "saved_s", "entries", "size_bytes", "size_limit"):
        assert getattr(page, field) == health[field]
    assert {one.reason: one.times for one in page.reasons} == health["miss_reasons"]
    *recommended, unused = [(one.what, one.function) for one in page.recommendations]
    assert recommended == [(one["what"], one["function"]) for one in health["findings"]]
    assert unused[0].startswith("1 result was not used for 30 days")
    assert page.directory == str(store.directory)


def test_rankings_begin_with_what_matters_most(store, with_a_past, shown):
    page = shown() if with_a_past(store) else None
    for ranked, weight in (
        (page.by_saved, [one.saved_s for one in page.by_saved]),
        (page.by_cost, [one.seconds_computed for one in page.by_cost]),
        (page.by_size, [one.size_bytes for one in page.by_size]),
    ):
        assert len(ranked) == 9 and weight == sorted(weight, reverse=True)
    rates = [one.hit_rate for one in page.by_hit_rate]
    assert len(rates) == 9 and rates == sorted(rates)


def test_of_three_hundred_functions_the_plots_have_the_first_and_the_table_has_all(
    store, plant, shown
):
    for number in range(300):
        plant(store, f"research.module_{number:03}.f", hits=number + 1, misses=1, seconds=number)
    page = shown()
    assert len(page.functions) == 300 < LISTED
    assert len(page.by_saved) == len(page.by_cost) == len(page.by_hit_rate) == TOP
    assert page.by_saved[0].name == page.by_cost[0].name == "research.module_299.f"
    assert {one.name for one in page.by_hit_rate} == {one.name for one in page.functions[:TOP]}


@pytest.mark.parametrize(("ago", "hours"), [(0, 24), (23, 24), (24, 168), (167, 168), (168, 744)])
def test_the_hours_are_the_fewest_that_hold_every_call(store, plant, shown, ago, hours):
    plant(store, "m.f", hits=3, misses=1, ago=ago)
    page = shown()
    frame = get_cache_monitor().get_time_series_analysis(None, hours)
    assert len(page.hours) == len(frame) == hours
    assert [one.start for one in page.hours] == [start.isoformat() for start in frame.index]
    for name in ("calls", "hits", "misses"):
        assert [getattr(one, name) for one in page.hours] == frame[name].tolist()
    (busy,) = [one for one in page.hours if one.calls]
    assert busy.hit_rate == 0.75 and page.hours[hours - 1 - ago] == busy
    assert {one.hit_rate for one in page.hours if one is not busy} == {None}


def test_what_goes_first_is_told_by_function_and_together(store, with_a_past, shown):
    with_a_past(store)
    page, (_, going) = shown(), first_to_go(store, None)
    assert page.first_to_go == (going.entries, going.bytes) and going.entries > 0
    told = {o.name: (o.first_to_go, o.first_to_go_bytes) for o in page.functions if o.first_to_go}
    assert told == going.functions


def test_a_function_that_was_not_called_for_long_is_stale(store, with_a_past, shown):
    with_a_past(store)
    (one,) = shown().stale
    assert one.name == "research.old.study" and one.size_bytes > 50_000
    assert one.command is not None
    # Wherever it is pasted, it is about the cache that the page shows.
    assert one.command.text == f"afml-cache clear --directory {store.directory} research.old.study"


def test_what_has_expired_is_told_with_the_command_that_removes_it(store, plant, shown):
    short(1)
    plant(store, "m.f", hits=1)
    page = shown()
    assert page.expired == (1, store.sizes()[short.identity][1])
    (one,) = page.recommendations
    assert (one.kind, one.function) == ("expired", None) and "1 result has expired" in one.what
    assert one.command is not None
    assert one.command.text == f"afml-cache prune --directory {store.directory}"


def test_old_results_of_a_function_that_is_called_are_counted_with_the_command(store, plant, shown):
    plant(store, "m.f", hits=3, sizes=(700, 800, 900))
    old = "UPDATE claim SET used = used - 40 * 86400 WHERE size < 900"
    store._index.write(lambda cursor: cursor.execute(old))
    page = shown()
    assert page.unused[0] == 2 and page.stale == ()
    (one,) = page.recommendations
    assert (one.kind, one.function) == ("unused", None)
    assert "2 results were not used for 30 days" in one.what
    assert one.command is not None
    assert one.command.text == f"afml-cache prune --max-age 30d --directory {store.directory}"


def test_an_empty_cache_has_nothing_to_show(store, shown):
    store._index.write(lambda cursor: None)  # makes it
    page = shown()
    assert page.status == "empty" and page.calls == page.entries == 0
    assert not any((page.functions, page.hours, page.reasons, page.stale, page.recommendations))


def test_results_of_joblib_are_among_the_sizes(store, shown):
    legacy(1), legacy(1)
    (one,) = shown().functions
    assert one.size_bytes > 0 and (one.entries, one.hits, one.first_to_go) == (1, 1, 0)


def test_where_there_are_results_of_joblib_alone_no_index_is_made(store):
    legacy(1)
    store.close()
    for path in store.directory.glob("index.sqlite*"):
        path.unlink()
    before = sorted(store.directory.rglob("*"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (one,) = look(store.directory).functions
    assert (one.entries, one.calls) == (1, 0) and one.size_bytes > 0
    assert sorted(store.directory.rglob("*")) == before


def test_what_was_cleared_is_told(store, shown):
    labels(1)
    clear_afml_cache(warn=False)
    page = shown()
    assert page.cleared_bytes == get_cache_summary()["cleared_bytes"] > 0


def test_looking_writes_nothing_and_makes_nothing(store, with_a_past):
    with_a_past(store).close()
    before = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in store.directory.rglob("*")}
    assert look(store.directory).calls
    after = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in store.directory.rglob("*")}
    assert after == before


@contextmanager
def reading_only(folder: Path) -> Iterator[None]:
    """Be somebody who may read in a folder and not write; root is nobody meanwhile."""
    everything = [folder, *folder.rglob("*")]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    me = os.geteuid()
    if me == 0:
        os.seteuid(65_534)
    try:
        assert not os.access(folder, os.W_OK, effective_ids=True)
        yield
    finally:
        os.seteuid(me)
        for path in everything:
            path.chmod(0o700 if path.is_dir() else 0o600)


def test_a_cache_that_cannot_be_written_to_is_shown_as_any_other(with_a_past):
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to others
        place = Path(folder) / "cache"
        with Store(place) as store:
            with_a_past(store)
        plain = look(place)
        Path(folder).chmod(0o755)
        with reading_only(place):
            assert look(place) == plain
    assert plain.calls and plain.entries


def test_a_program_that_only_reads_is_told_so(store, with_a_past, shown):
    with_a_past(store)
    plain = shown()
    with use_settings(mode="readonly"):
        readonly = look(store.directory)
    assert readonly.functions == plain.functions
    assert readonly.recommendations[0].kind == "readonly"


def test_calls_of_another_process_are_seen_at_the_next_look(store, shown, run_python):
    labels(1)
    assert shown().calls == 1
    run_python("""
        from afml_cache import robust_cacheable
        @robust_cacheable
        def features(number):
            return number
        for _ in range(5):
            features(1)
    """)
    page = shown()
    assert page.calls == 6
    assert {one.name for one in page.functions} >= {labels.identity}


def test_a_writer_in_the_middle_of_its_work_keeps_nobody_from_looking(store, with_a_past):
    with_a_past(store)
    calls = look(store.directory).calls

    def write(cursor):
        cursor.execute("DELETE FROM counter")
        assert look(store.directory).calls == calls  # what was written before

    store._index.write(write)
    assert look(store.directory).calls == 0


def test_it_is_fit_for_json_whatever_the_names_are(store, plant, shown):
    for name in ("m.\n\x1b[31mf", "m.\u202e.f", "m.ümläut.f"):
        plant(store, name, hits=1)
    names = {
        one["name"] for one in json.loads(json.dumps(asdict(shown()), allow_nan=False))["functions"]
    }
    assert names == {r"m.\n\x1b[31mf", r"m.\u202e.f", "m.ümläut.f"}


def test_every_reason_has_its_words():
    assert MEANING.keys() == {str(reason) for reason in Reason}
    assert max(map(len, MEANING.values())) <= 44


def test_the_status_it_is_made_of_is_one_look(store, with_a_past):
    with_a_past(store)
    status = get_comprehensive_cache_status()
    assert status["health"]["total_calls"] == sum(o["total_calls"] for o in status["functions"])
