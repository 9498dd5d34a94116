"""``explain()`` says when a result expired, went, was cleared or spoilt: each planted by itself."""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np
import pytest

from afml_cache import (
    CacheWarning,
    Reason,
    cache_maintenance,
    clear_afml_cache,
    configure,
    explain_last_miss,
    robust_cacheable,
    use_settings,
)

pytestmark = pytest.mark.usefixtures("only_functions_of_this_module")

MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


@robust_cacheable
def ramp(size, step=1):
    return np.arange(size) * step


def until(holds) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def detail(explanation) -> str:
    (text,) = explanation.details
    assert text in str(explanation)
    return text


def value_file(store) -> Path:
    (path,) = (path for path in (store.directory / "values").glob("*/*-*"))
    return path


def test_what_expired_says_when_and_after_how_long():
    @robust_cacheable(ttl=0.05)
    def brief(x):
        return x

    brief(1)
    until(lambda: brief.explain(1).reason is Reason.EXPIRED)
    expected = rf"its result of {MOMENT} expired at {MOMENT}, \S+ s ago \(ttl 0\.05 s\)"
    assert re.fullmatch(expected, detail(brief.explain(1)))
    assert brief.explain(1).differences == ()
    brief(1)
    assert re.fullmatch(expected, detail(explain_last_miss()))


def test_a_shorter_ttl_than_that_of_the_entry_counts():
    def plain(x):
        return x

    robust_cacheable(ttl=3600)(plain)(1)
    today = robust_cacheable(ttl=0.05)(plain)
    until(lambda: today.explain(1).reason is Reason.EXPIRED)
    assert "(ttl 0.05 s)" in detail(today.explain(1))


def test_what_was_not_used_for_too_long_says_since_when(store):
    ramp(3)
    store.close()
    store.age_limit = store._lookup._age_limit = 0.05
    until(lambda: ramp.explain(3).reason is Reason.EXPIRED)
    expected = rf"its result was last used at {MOMENT}, .* ago; the age limit is 0\.05 s"
    assert re.fullmatch(expected, detail(ramp.explain(3)))


def test_what_expired_and_was_removed_says_when():
    @robust_cacheable(ttl=0.05)
    def brief(x):
        return x

    brief(1)
    until(lambda: brief.explain(1).reason is Reason.EXPIRED)
    cache_maintenance()
    assert brief.explain(1).reason is Reason.EXPIRED
    expected = rf"its result had expired and was removed at {MOMENT}, \S+ s ago"
    assert re.fullmatch(expected, detail(brief.explain(1)))


def test_what_was_evicted_says_when_and_over_which_limit():
    ramp(100_000)
    ramp(3)
    cache_maintenance(max_cache_size_mb=0.5)
    told = ramp.explain(100_000)
    assert told.reason is Reason.EVICTED
    expected = rf"its result went at {MOMENT}, \S+ s ago, to keep the cache within .* of 500 kB"
    assert re.fullmatch(expected, detail(told))
    assert ramp.explain(3).reason is None
    ramp(100_000)
    assert re.fullmatch(expected, detail(explain_last_miss()))


def test_what_is_larger_than_the_limit_names_the_limit(tmp_path):
    with use_settings(directory=tmp_path / "small", size_limit="100 kB"):
        from afml_cache.store.active import use_store
        from afml_cache.store.store import Store

        with use_store(Store(tmp_path / "small", size_limit=100_000)):
            with pytest.warns(CacheWarning, match="size limit"):
                ramp(100_000)
            told = ramp.explain(100_000)
    assert told.reason is Reason.EVICTED and "100 kB" in detail(told)


def test_what_was_removed_by_an_older_version_says_that_it_does_not_know(store):
    ramp(100_000)
    cache_maintenance(max_cache_size_mb=0.5)
    store._index.write(
        lambda cursor: cursor.execute("DELETE FROM description WHERE slot = ?", (b"removals",))
    )
    assert detail(ramp.explain(100_000)).endswith("when is not known any more")


def test_what_was_cleared_for_good_says_when():
    ramp(3)
    ramp.cache_clear()
    told = ramp.explain(3)
    assert told.reason is Reason.CLEARED
    expected = rf"its result was cleared at {MOMENT}, \S+ s ago, for good"
    assert re.fullmatch(expected, detail(told))


@pytest.mark.filterwarnings("ignore:the cache was cleared")
def test_what_was_cleared_and_can_be_restored_says_by_whom_and_how(store):
    import os
    import platform

    ramp(3)
    clear_afml_cache()
    told = ramp.explain(3)
    group = f"process {os.getpgid(0)} on {platform.node()}"
    assert re.fullmatch(
        rf"its result was cleared at {MOMENT}, \S+ s ago by {re.escape(group)}; until {MOMENT} "
        "`afml-cache restore` brings it back",
        detail(told),
    )
    assert ramp.explain(4).details == ()


def test_bytes_that_were_changed_are_told(store):
    ramp(100_000)
    path = value_file(store)
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.unlink()
    path.write_bytes(data)
    with pytest.warns(CacheWarning):
        told = ramp.explain(100_000)
    assert told.reason is Reason.TAMPERED
    expected = rf"its result of {MOMENT} does not fit its seal, and is not used: .*verify.*"
    assert re.fullmatch(expected, detail(told))
    assert told.differences == ()
    ramp(100_000)
    assert re.fullmatch(expected, detail(explain_last_miss()))


def test_a_file_that_is_gone_is_told(store):
    ramp(100_000)
    value_file(store).unlink()
    with pytest.warns(CacheWarning):
        told = ramp.explain(100_000)
    assert told.reason is Reason.UNREADABLE and "cannot be read back" in detail(told)


def test_a_result_of_another_secret_says_when_it_was_stored(tmp_path):
    from afml_cache.store.active import use_store

    configure(secret="one")
    with use_store(tmp_path / "shared"):
        ramp(3)
    configure(secret="two")
    with use_store(tmp_path / "shared"), pytest.warns(CacheWarning, match="another secret"):
        told = ramp.explain(3)
    assert told.reason is Reason.OTHER_SECRET
    expected = rf"it was stored under another secret, at {MOMENT}: set AFML_CACHE_SECRET to .*"
    assert re.fullmatch(expected, detail(told))


def test_a_call_that_merely_has_other_arguments_has_no_more_to_tell():
    ramp(3)
    assert ramp.explain(3, step=2).details == ()
    ramp(3, step=2)
    assert explain_last_miss().details == ()


def test_removals_that_follow_each_other_are_told_apart(store):
    ramp(100_000)
    ramp(3)
    ramp.cache_clear()
    ramp(100_000)
    cache_maintenance(max_cache_size_mb=0.5)
    assert ramp.explain(3).reason is Reason.CLEARED and "cleared at" in detail(ramp.explain(3))
    assert "500 kB" in detail(ramp.explain(100_000))
