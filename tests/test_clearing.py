"""Clearing empties the cache and loses nothing: all of it can be restored for seven days."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import tempfile
import warnings
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from afml_cache import (
    CacheWarning,
    ClearingError,
    cacheable,
    clear_afml_cache,
    configure,
    get_cache_stats,
    get_cache_summary,
    initialize_cache_system,
    list_cleared,
    restore_cleared,
    robust_cacheable,
    use_store,
)
from afml_cache.joblib_memory.cleared import forget_checked_functions
from afml_cache.store import cleared as aside
from afml_cache.store import rows
from afml_cache.store.cleared import KEPT_FOR
from afml_cache.store.store import Claim, Store

RAN: list[object] = []


@robust_cacheable
def labels(close, horizon):
    """Large enough for a file of its own."""
    RAN.append(("labels", horizon))
    return np.sign(close.shift(-horizon) - close)


@robust_cacheable
def sharpe(number):
    """Small enough for a row of the index."""
    RAN.append(("sharpe", number))
    return number / 2


@cacheable
def legacy_features(number):
    RAN.append(("legacy", number))
    return np.arange(number)


CLOSE = pd.Series(np.sin(np.arange(5_000) / 50), index=pd.RangeIndex(5_000))


def call_all(number: int = 1) -> list[object]:
    """Call each kind of function; returns what ran."""
    RAN.clear()
    assert labels(CLOSE, number).equals(np.sign(CLOSE.shift(-number) - CLOSE))
    assert sharpe(number) == number / 2
    assert legacy_features(number).tolist() == list(range(number))
    return list(RAN)


ALL = [("labels", 1), ("sharpe", 1), ("legacy", 1)]


@pytest.fixture(autouse=True)
def filled(store):
    forget_checked_functions()  # joblib writes the source of a function down once a process
    assert call_all() == ALL
    assert call_all() == []


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def age(cleared, days: float) -> Path:
    """Give a cleared folder the name that it would have, had it been made earlier."""
    earlier = datetime.strptime(cleared.path.name[:23], aside._STAMP) - timedelta(days=days)
    return cleared.path.rename(
        cleared.path.with_name(earlier.strftime(aside._STAMP) + cleared.path.name[23:])
    )


# -- clearing ------------------------------------------------------------------------


def test_a_cleared_cache_is_empty_and_what_it_held_lies_aside(store):
    cleared = clear_afml_cache(warn=False)
    assert (cleared.entries, cleared.joblib_entries) == (2, 1)
    assert cleared.bytes > CLOSE.size * 8
    assert cleared.path.parent == store.directory / "cleared"
    assert call_all() == ALL
    assert call_all() == []


def test_everything_is_as_before_after_a_restoration(store):
    before = {path for path in everything(store.directory) if path.startswith(("values", "job"))}
    cleared = clear_afml_cache(warn=False)
    restored = restore_cleared()
    assert (restored.entries, restored.joblib_entries) == (2, 1)
    assert (restored.present, restored.unreadable, restored.conflicts) == (0, 0, ())
    assert call_all() == []
    after = {path for path in everything(store.directory) if path.startswith(("values", "job"))}
    assert after == before
    assert not cleared.path.exists() and not cleared.path.parent.exists()
    assert store.verify() == []


SCRIPT = """
    import sys
    import numpy as np
    import afml_cache
    from afml_cache import cacheable, robust_cacheable

    ran = []

    @robust_cacheable
    def large(n):
        ran.append("large")
        return np.arange(n)

    @robust_cacheable
    def small(n):
        ran.append("small")
        return n

    @cacheable
    def old(n):
        ran.append("old")
        return n

    def call():
        ran.clear()
        assert large(10_000).sum() == 49995000 and small(1) == 1 and old(1) == 1
        print(*ran or ["all hit"])

    for step in sys.argv[1:]:
        globals().get(step, getattr(afml_cache, step, None))()
"""


def test_what_is_restored_is_hit_by_the_same_process_and_by_the_next(run_python):
    clear_afml_cache(warn=False)
    out = run_python(SCRIPT, "call", "clear_afml_cache", "call", "restore_cleared", "call")
    assert out.splitlines() == ["large small old", "large small old", "all hit"]
    assert run_python(SCRIPT, "call") == "all hit"
    run_python(SCRIPT, "clear_afml_cache")
    assert run_python(SCRIPT, "restore_cleared", "call") == "all hit"


def test_what_is_computed_after_a_clearing_is_hit_by_the_next_process(run_python):
    out = run_python(SCRIPT, "call", "clear_afml_cache", "call")
    assert out.splitlines() == ["large small old", "large small old"]
    assert run_python(SCRIPT, "call") == "all hit"


def test_what_is_not_cache_stays(store):
    base = store.directory
    (base / "records" / "runs").mkdir(parents=True)
    (base / "records" / "runs" / "ledger.sqlite").write_text("a run")
    (base / "notes.txt").write_text("mine")
    (base / "cleared").mkdir()
    (base / "cleared" / "mine").mkdir()
    (base / "cleared" / "mine" / "notes.txt").write_text("mine, too")
    cleared = clear_afml_cache(warn=False)
    kept = {"records", "records/runs", "records/runs/ledger.sqlite", "notes.txt", "flights"}
    kept |= {path.name for path in base.glob("index.sqlite*")} | {"values"}  # new, and empty
    kept |= {"cleared", "cleared/mine", "cleared/mine/notes.txt"}
    kept |= {"records/adoption.sqlite"}  # that it was cleared
    aside_and_notes = (f"cleared/{cleared.path.name}", "joblib_cache")
    assert {path for path in everything(base) if not path.startswith(aside_and_notes)} == kept
    restore_cleared()
    assert kept <= everything(base)


def test_where_there_is_nothing_to_clear_no_folder_is_made(tmp_path, store):
    clear_afml_cache(warn=False)
    there = everything(store.directory)
    nothing = clear_afml_cache()
    assert not nothing and str(nothing) == "nothing to clear"
    assert (nothing.path, nothing.entries, nothing.bytes) == (None, 0, 0)
    beside = {"index.sqlite-wal", "index.sqlite-shm"}  # SQLite's own, while the index is in use
    assert everything(store.directory) - beside == there - beside
    with use_store(tmp_path / "never used"):
        assert not clear_afml_cache() and not restore_cleared() and list_cleared() == []
    assert not (tmp_path / "never used").exists()


def test_the_counts_start_anew_and_come_back(store):
    before = sharpe.cache_info()
    assert (before.hits, before.computed) == (1, 1)
    clear_afml_cache(warn=False)
    assert get_cache_stats() == {}
    sharpe(1)
    restore_cleared()
    after = sharpe.cache_info()
    assert (after.hits, after.computed, after.reasons) == (1, 2, {"first_call": 2})


def test_counts_of_joblib_alone_are_cleared_too(store):
    for _ in range(2):
        clear_afml_cache(warn=False)
        assert get_cache_stats() == {}
        for _ in range(3):
            legacy_features(1)
        (counts,) = get_cache_stats().values()
        assert (counts["hits"], counts["misses"]) == (2, 1)


def test_counts_without_an_entry_are_cleared_and_restored(tmp_path):
    @robust_cacheable
    def fails():
        raise ValueError("not today")

    with use_store(tmp_path / "another"):
        with pytest.raises(ValueError):
            fails()
        assert fails.cache_info().computed == 1
        assert clear_afml_cache(warn=False).entries == 0
        assert get_cache_stats() == {}
        restore_cleared()
        assert fails.cache_info().computed == 1


def test_it_says_each_time_what_was_moved_where_and_how_it_comes_back():
    for _ in range(2):
        with pytest.warns(CacheWarning) as told:
            cleared = clear_afml_cache()
        (message,) = [str(item.message) for item in told]
        assert "2 entries and 1 of joblib" in message and str(cleared.path) in message
        assert f"{cleared.restorable_until:%Y-%m-%d}" in message
        assert "afml_cache.restore_cleared()" in message
        call_all()


def test_it_never_raises_what_it_says():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert clear_afml_cache(warn=True)


def test_unasked_it_only_logs(caplog):
    caplog.set_level(logging.INFO, "afml_cache")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clear_afml_cache(warn=False)
    (record,) = caplog.records
    assert record.levelno == logging.INFO and "the cache was cleared: 2 entries" in record.message


@pytest.mark.slow
def test_a_cache_that_cannot_be_cleared_is_left_as_it_is(store, monkeypatch):
    index = store._index
    with index._pool.connect(index.path.as_uri()).connection as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("afml_cache.store.patience.PATIENCE", 0.1)
        with pytest.raises(ClearingError, match="one long transaction; let it end"):
            clear_afml_cache()
        other.execute("ROLLBACK")
    assert list_cleared() == [] and call_all() == []


CLEARED_WHILE_STORING = """
    import sys
    import numpy as np
    from afml_cache import clear_afml_cache, robust_cacheable

    @robust_cacheable
    def large(n):
        return np.arange(n)

    large(10_000)
    cleared = []

    def clear_in_between(event, arguments):
        if not cleared and event == "os.rename" and str(arguments[0]).endswith(".part"):
            cleared.append("now")
            cleared.append(clear_afml_cache(warn=False))

    sys.addaudithook(clear_in_between)
    large(10_001)
    print(bool(cleared[1]), large.cache_contains(10_001), large.cache_info().entries)
"""


def test_a_result_that_is_being_stored_while_the_cache_is_cleared_is_stored(run_python):
    assert run_python(CLEARED_WHILE_STORING) == "True True 1"


def test_where_a_part_cannot_be_moved_the_others_are_moved_back(store, run_python):
    said = run_python("""
        import sys
        from pathlib import Path
        import afml_cache

        def get_in_the_way(event, arguments):
            if event == "os.rename" and str(arguments[0]).endswith("/cache/values"):
                Path(arguments[1]).write_text("in the way of a folder")

        sys.addaudithook(get_in_the_way)
        try:
            afml_cache.clear_afml_cache()
        except afml_cache.ClearingError as error:
            print(error)
    """)
    assert "so nothing was cleared" in said and "clear again" in said
    assert list_cleared() == [] and call_all() == []


# -- restoring -----------------------------------------------------------------------


def test_what_was_computed_since_stays_and_the_rest_comes_back(store):
    call_all(2)
    clear_afml_cache(warn=False)
    call_all(1)
    kept = {path for path in everything(store.directory) if path.startswith("values/")}
    restored = restore_cleared()
    assert (restored.entries, restored.joblib_entries, restored.present) == (2, 1, 3)
    assert not restored.conflicts and restored.left == ()
    assert kept < everything(store.directory)
    assert call_all(1) == [] and call_all(2) == []
    assert store.verify() == []


def test_the_total_size_stays_right(store):
    call_all(2)
    clear_afml_cache(warn=False)
    call_all(1)
    restore_cleared()
    expected = sum(entry.size for entry in store.entries())
    assert store._index.read(rows.total_size) == expected > 0


def test_what_one_run_cleared_comes_back_together(store):
    clear_afml_cache(warn=False)
    call_all(2)
    clear_afml_cache(warn=False)
    assert len(list_cleared()) == 2
    restored = restore_cleared()
    assert len(restored.paths) == 2 and list_cleared() == []
    assert call_all(1) == [] and call_all(2) == []


def test_what_an_earlier_run_cleared_is_named_and_comes_back_when_asked_for(store, run_python):
    clear_afml_cache(warn=False)
    # A shell gives every job a process group of its own; so does this.
    script = "import os; os.setpgrp(); import afml_cache; afml_cache.clear_afml_cache()"
    call_all(2)
    run_python(script)
    first, second = list_cleared()
    restored = restore_cleared()
    assert restored.paths == (second.path,) and restored.left == (first,)
    assert "1 more can be restored" in str(restored)
    assert call_all(2) == []
    restore_cleared(first.path.name)
    assert call_all(1) == []


def test_one_folder_is_chosen_by_name_or_path(store):
    clear_afml_cache(warn=False)
    call_all(2)
    clear_afml_cache(warn=False)
    first, second = list_cleared()
    assert first.cleared_at < second.cleared_at
    restore_cleared(first.path)
    assert list_cleared() == [second]
    assert call_all(1) == []
    restore_cleared(second.path.name)
    assert call_all(2) == [] and list_cleared() == []


def test_a_name_that_is_none_is_refused_and_the_others_are_named(store):
    cleared = clear_afml_cache(warn=False)
    with pytest.raises(ClearingError, match=f"no cleared folder 'yesterday'.*{cleared.path.name}"):
        restore_cleared("yesterday")
    assert list_cleared() == [cleared]


LEGACY_SCRIPT = """
    import sys
    import afml_cache
    from afml_cache import cacheable

    ran = []

    @cacheable
    def feature(x):
        ran.append(x)
        return x * {factor}

    for number in map(int, sys.argv[1:]):
        assert feature(number) == number * {factor}, feature(number)
    print(ran)
"""


def test_joblibs_results_of_another_source_stay_aside_until_that_is_back(store, run_python):
    old, new = LEGACY_SCRIPT.format(factor=2), LEGACY_SCRIPT.format(factor=3)
    assert run_python(old, "1", "2") == "[1, 2]"
    clear_afml_cache(warn=False)
    assert run_python(new, "1", "2") == "[1, 2]"
    with pytest.warns(CacheWarning, match=r"script\.feature stay aside") as told:
        restored = restore_cleared()
    (conflict,) = restored.conflicts
    assert conflict.endswith("script.feature")
    assert restored.joblib_entries == 1  # that of this module
    assert run_python(new, "1", "2") == "[]"
    (left,) = list_cleared()
    assert (left.entries, left.joblib_entries) == (0, 2)
    assert f"restore_cleared({left.path.name!r})" in str(told[0].message)
    # What had to stay is not in the way of what is cleared after it, and is kept.
    cleared = clear_afml_cache(warn=False)
    assert restore_cleared().paths == (cleared.path,)
    assert run_python(old, "2") == "[2]"
    assert restore_cleared(left.path).conflicts == ()
    assert run_python(old, "1", "2") == "[]"


def test_what_running_processes_store_under_joblib_is_still_known_by_its_source(
    start_python, run_python
):
    running = start_python("""
        from afml_cache import cacheable

        @cacheable
        def feature(x):
            return x * 2

        feature(1)
        print("called", flush=True)
        input()
        feature(2)
    """)
    assert running.stdout.readline() == "called\n"
    clear_afml_cache(warn=False)
    running.communicate("\n")
    assert restore_cleared().conflicts == ()
    hits = """
        from afml_cache import cacheable

        @cacheable
        def feature(x):
            return x * 2

        print(feature(1), feature(2), feature.cache_info().hits)
    """
    assert run_python(hits) == "2 4 2"


def test_joblibs_results_of_an_unknown_source_are_not_mixed_with_known_ones(store):
    (code,) = (store.directory / "joblib_cache").rglob("func_code.py")
    code.unlink()
    clear_afml_cache(warn=False)
    legacy_features(7)
    with pytest.warns(CacheWarning, match="legacy_features stay aside"):
        restored = restore_cleared()
    assert restored.joblib_entries == 0 and len(restored.conflicts) == 1
    assert list_cleared()[0].joblib_entries == 1


def test_an_unfinished_result_of_joblib_is_replaced_by_the_cleared_one(store):
    legacy_features(7)
    clear_afml_cache(warn=False)
    legacy_features(7)
    (output,) = (store.directory / "joblib_cache").rglob("output.pkl")
    output.unlink()
    restored = restore_cleared()
    assert (restored.joblib_entries, restored.conflicts) == (2, ())
    RAN.clear()
    legacy_features(7)
    assert RAN == []


def test_a_damaged_index_gives_back_what_can_be_read(store):
    cleared = clear_afml_cache(warn=False)
    (cleared.path / "index.sqlite").write_bytes(b"not an index" * 1000)
    restored = restore_cleared()
    assert restored.entries == 1  # a value file says itself what it is
    assert call_all() == [("sharpe", 1)]


def test_what_a_newer_version_cleared_is_left_as_it_is(store):
    cleared = clear_afml_cache(warn=False)
    with closing(sqlite3.connect(cleared.path / "index.sqlite")) as index, index:
        index.execute("UPDATE meta SET value='afml-cache index 99' WHERE name='format'")
    with pytest.raises(ClearingError, match=r"newer version.*upgrade afml-cache"):
        restore_cleared()
    assert list_cleared() == [cleared]


def test_values_without_an_index_come_back(store):
    cleared = clear_afml_cache(warn=False)
    (cleared.path / "index.sqlite").unlink()
    assert restore_cleared().entries == 1
    assert call_all() == [("sharpe", 1)]


def test_an_entry_whose_file_is_gone_is_counted_as_unreadable(store):
    cleared = clear_afml_cache(warn=False)
    shutil.rmtree(cleared.path / "values")
    restored = restore_cleared()
    assert (restored.entries, restored.unreadable) == (1, 1)
    assert call_all() == [("labels", 1)]


def test_an_index_cannot_name_a_file_elsewhere(store, tmp_path):
    cleared = clear_afml_cache(warn=False)
    (tmp_path / "mine").write_text("mine")
    with closing(sqlite3.connect(cleared.path / "index.sqlite")) as index, index:
        index.execute("UPDATE entry SET body='../../../../mine'")
    assert restore_cleared().unreadable == 2
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_forged_value_is_not_given_out_after_it_was_restored(store, recwarn):
    cleared = clear_afml_cache(warn=False)
    (file,) = (cleared.path / "values").rglob("*-*")
    data = bytearray(file.read_bytes())
    data[140] ^= 1
    file.write_bytes(data)
    restore_cleared()
    assert call_all() == [("labels", 1)]
    assert labels.cache_info().reasons == {"first_call": 1, "tampered": 1}


@hypothesis_settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.sampled_from([1, 2, 3, "clear", "restore"]), max_size=8))
def test_nothing_is_ever_lost(tmp_path, steps):
    called = set()
    shutil.rmtree(tmp_path / "law", ignore_errors=True)
    forget_checked_functions()
    with use_store(tmp_path / "law"):
        for step in steps:
            if step == "clear":
                clear_afml_cache(warn=False)
            elif step == "restore":
                restore_cleared()
            else:
                call_all(step)
                called.add(step)
        restore_cleared("all")
        assert [call_all(number) for number in called] == [[]] * len(called)
        assert list_cleared() == []


# -- for how long, and how much ------------------------------------------------------


def test_what_is_older_than_seven_days_goes_at_the_next_clearing(store):
    assert timedelta(days=7) == KEPT_FOR
    old = age(clear_afml_cache(warn=False), days=7.01)
    call_all()
    younger = age(clear_afml_cache(warn=False), days=6.9)
    assert [cleared.path for cleared in list_cleared()] == [younger]
    assert not old.exists()


def test_it_goes_when_the_cache_is_initialised_and_not_before(store, run_python, caplog):
    old = age(clear_afml_cache(warn=False), days=8)
    run_python(SCRIPT, "call")
    call_all()
    assert old.exists()
    caplog.set_level(logging.INFO, "afml_cache")
    initialize_cache_system()
    assert not old.exists() and not old.parent.exists()
    assert "removed 1 cleared more than a week ago" in caplog.text


def test_what_is_restorable_says_until_when():
    before = datetime.now(UTC)
    cleared = clear_afml_cache(warn=False)
    assert before + KEPT_FOR <= cleared.restorable_until <= datetime.now(UTC) + KEPT_FOR
    assert list_cleared() == [cleared]
    assert f"restorable until {cleared.restorable_until:%Y-%m-%d %H:%M} UTC" in str(cleared)


@robust_cacheable
def megabyte(number):
    RAN.append(number)
    return np.full(125_000, number, dtype="f8")


def test_what_is_aside_counts_and_goes_before_what_is_cached(store):
    clear_afml_cache(warn=False)
    configure(size_limit="6 MB")
    for start in (0, 10):
        for number in range(start, start + 2):
            megabyte(number)
        clear_afml_cache(warn=False)
    _, older, newer = list_cleared()
    assert older.bytes == pytest.approx(2e6, rel=0.01)
    megabyte(20)
    assert len(list_cleared()) == 3  # 0.04 + 2 + 2 + 1 MB
    with pytest.warns(CacheWarning, match="over its size limit, so the oldest"):
        megabyte(21)  # the first is removed, too, but is not enough
    assert list_cleared() == [newer]
    megabyte(22)
    megabyte(23)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it was told
        megabyte(24)
    assert list_cleared() == []
    RAN.clear()
    for number in range(20, 25):
        megabyte(number)
    assert RAN == []  # nothing that is in use had to go


def test_a_removal_waits_for_a_restoration(store, start_python):
    clear_afml_cache(warn=False)
    configure(size_limit="3 MB")
    megabyte(0)
    megabyte(1)
    clear_afml_cache(warn=False)
    restoring = start_python("""
        import os
        from pathlib import Path
        from afml_cache.store import cleared

        with cleared.held(Path(os.environ["AFML_CACHE"])):
            print("held", flush=True)
            input()
    """)
    assert restoring.stdout.readline() == "held\n"
    megabyte(2)
    megabyte(3)
    assert len(list_cleared()) == 2
    restoring.communicate("\n")
    with pytest.warns(CacheWarning, match="over its size limit"):
        megabyte(2.5)
    assert list_cleared() == []


def test_a_folder_without_an_account_is_counted_once(store):
    cleared = clear_afml_cache(warn=False)
    (cleared.path / aside._ACCOUNT).unlink()
    (again,) = list_cleared()
    assert (again.entries, again.joblib_entries) == (2, 1)
    assert again.bytes == cleared.bytes
    assert not (cleared.path / aside._ACCOUNT).exists()  # who lists does not write
    configure(size_limit="1 GB")
    sharpe(5)
    assert (cleared.path / aside._ACCOUNT).exists()


def test_another_store_object_notices_at_once(store):
    with Store(store.directory, secret=b"the tests' secret") as other:
        key = next(iter(store.entries("tests.test_clearing.sharpe"))).digest
        assert other.get(key) == 0.5
        clear_afml_cache(warn=False)
        claim = Claim("module.function", code=b"c", environment=b"e", arguments=b"a")
        assert other.put(key, "stored since", claim) is None
    assert store.get(key) == "stored since"


def double_for_adoption(x):
    return 2 * x


def test_what_lies_in_folders_of_the_users_own_is_not_adopted_until_it_is_restored(tmp_path):
    joblib.Memory(str(tmp_path / "own"), verbose=0).cache(double_for_adoption)(4)
    configure(adopt_from=tmp_path / "own")
    migrated = robust_cacheable(double_for_adoption)
    assert migrated(4) == 8
    assert migrated.cache_info().adopted == 1
    clear_afml_cache(warn=False)
    assert migrated(4) == 8
    assert (migrated.cache_info().adopted, migrated.cache_info().computed) == (0, 1)
    migrated.cache_clear()
    restore_cleared()
    assert migrated(4) == 8
    assert migrated.cache_info().computed == 1


def test_clearing_an_empty_cache_keeps_them_out_as_well(tmp_path):
    memorized = joblib.Memory(str(tmp_path / "own"), verbose=0).cache(double_for_adoption)
    memorized(5), memorized(6)
    clear_afml_cache(warn=False)
    configure(adopt_from=tmp_path / "own")
    assert not clear_afml_cache(warn=False)
    migrated = robust_cacheable(double_for_adoption)
    assert migrated(5) == 10
    assert migrated.cache_info().reasons == {"cleared": 1}
    restore_cleared()
    assert migrated(6) == 12
    assert migrated.cache_info().adopted == 1


def other_disk(tmp_path):
    """A folder on another file system, or None."""
    place = Path("/dev/shm")
    if not place.is_dir() or place.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    return Path(tempfile.mkdtemp(dir=place))


def test_joblibs_folder_may_be_a_link_to_another_disk(store, tmp_path):
    place, far = store.directory / "joblib_cache", other_disk(tmp_path)
    try:
        shutil.copytree(place, far / "joblib_cache")
        shutil.rmtree(place)
        place.symlink_to(far / "joblib_cache")
        assert call_all() == []
        clear_afml_cache(warn=False)
        assert call_all() != []
        clear_afml_cache(warn=False)
        assert restore_cleared("all")
        assert call_all() == []
    finally:
        shutil.rmtree(far)


def test_damaged_records_do_not_keep_a_restoration_from_its_end(store):
    records = store.directory / "records" / "adoption.sqlite"
    clear_afml_cache(warn=False)
    records.write_bytes(b"no database" * 100)
    with pytest.warns(CacheWarning, match="cannot be used"):
        assert restore_cleared()
    assert list_cleared() == []
    assert call_all() == []


def test_a_folder_with_an_impossible_date_is_not_taken_for_a_cleared_one(store):
    odd = store.directory / "cleared" / "20240231T000000.000000Z-abcd"
    odd.mkdir(parents=True)
    assert list_cleared() == []
    assert get_cache_summary()["cleared_bytes"] == 0
    clear_afml_cache(warn=False)
    assert odd.is_dir()


@pytest.mark.parametrize(("limit", "said"), [("20 KB", True), ("1 GB", False), (None, False)])
def test_what_would_soon_make_room_under_the_size_limit_is_said(limit, said):
    configure(size_limit=limit)
    robust_cacheable(np.zeros)(5_000)
    with pytest.warns(CacheWarning, match="brings it back") as told:
        assert clear_afml_cache().bytes > 10_000
    assert ("goes first where room is needed" in str(told[0].message)) is said
