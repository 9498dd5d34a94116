"""The numbers that the cache tells of itself are true."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from afml_cache import (
    CacheMonitor,
    FunctionCacheStats,
    cacheable,
    clear_afml_cache,
    configure,
    get_cache_monitor,
    get_cache_stats,
    get_cache_summary,
    robust_cacheable,
)
from afml_cache.joblib_memory.cleared import forget_checked_functions, stored_folders_of


@robust_cacheable
def labels(number):
    return np.arange(10_000) * number


@cacheable
def features(number):
    return np.arange(1_000) * number


@pytest.fixture(autouse=True)
def fresh():
    forget_checked_functions()


def stats_of(name: str) -> FunctionCacheStats:
    found = get_cache_monitor().get_all_function_stats()
    (stats,) = [one for one in found if one.function_name.endswith("." + name)]
    return stats


def test_each_function_has_its_counts_and_sizes(store):
    for number in (1, 1, 2, 1):
        labels(number)
        features(number)
    stats = stats_of("labels")
    assert (stats.total_calls, stats.cache_hits, stats.cache_misses, stats.adopted) == (4, 2, 2, 0)
    assert stats.hit_rate == 0.5 and stats.reasons == {"first_call": 1, "argument": 1}
    assert stats.entries == 2
    assert stats.cache_size_mb == sum(entry.size for entry in store.entries()) / 1e6
    assert stats.seconds_computed > 0.0 and stats.seconds_saved > 0.0
    of_joblib = stats_of("features")
    assert (of_joblib.total_calls, of_joblib.cache_hits, of_joblib.entries) == (4, 2, 2)
    files = [*(store.directory / "joblib_cache").rglob("*/output.pkl")]
    files += [file.with_name("metadata.json") for file in files]
    assert of_joblib.cache_size_mb == sum(file.stat().st_size for file in files) / 1e6 > 0.016
    assert of_joblib.cache_size_mb == features.cache_info().size / 1e6


def test_the_most_called_function_comes_first():
    labels(1)
    for _ in range(3):
        features(1)
    names = [one.function_name for one in get_cache_monitor().get_all_function_stats()]
    assert [name.rpartition(".")[2] for name in names] == ["features", "labels"]


def test_what_is_stored_of_functions_that_were_not_called_is_told_too(store):
    labels(1)
    features(1)
    store.flush()
    store._index.write(lambda cursor: cursor.execute("DELETE FROM counter").rowcount)
    for name in ("labels", "features"):
        stats = stats_of(name)
        assert (stats.total_calls, stats.hit_rate, stats.entries) == (0, None, 1)


def test_statistics_cannot_be_changed_by_accident():
    labels(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        stats_of("labels").total_calls = 5


def test_a_monitor_watches_the_store_that_is_in_use(store):
    monitor = get_cache_monitor()
    assert isinstance(monitor, CacheMonitor) and str(store.directory) in repr(monitor)
    assert monitor.get_all_function_stats() == []


def test_functions_of_a_program_have_their_joblib_sizes(run_python):
    out = run_python("""
        from afml_cache import cacheable, get_cache_monitor, robust_cacheable

        def factory():
            @cacheable
            def inner(x):
                return x
            return inner

        @cacheable
        def outer(x):
            return x

        factory()(1), outer(1), outer(2)
        for stats in get_cache_monitor().get_all_function_stats():
            print(stats.function_name, stats.total_calls, stats.entries, stats.cache_size_mb > 0)
    """)
    assert out.splitlines() == ["script.outer 2 2 True", "script.factory.<locals>.inner 1 1 True"]


@pytest.mark.parametrize(
    ("function", "folder"),
    [
        ("pkg.mod.f", ("pkg", "mod", "f")),
        ("pkg.mod.Class.f", ("pkg", "mod", "Class", "f")),
        ("script.f", ("__main__--home-me-script", "f")),
        ("my-script.f", ("__main__--home-me-my-script", "f")),
        ("script.f", ("__main__--home-me", "v1-script", "f")),  # /home/me.v1/script.py
        ("pkg.run.f", ("__main__--home-me-pkg-run", "f")),  # python -m pkg.run
        ("__main__.f", ("__main__--tmp-ipykernel-3721", "f")),
    ],
)
def test_a_function_is_known_by_its_joblib_folder(function, folder):
    others = [("other", "f"), ("__main__--home-me-other", "f"), ("pkg", "mod", "g")]
    assert stored_folders_of(function, [*others, folder]) == [folder]


def test_the_summary_adds_up(store):
    nothing = get_cache_summary()
    assert (nothing["hit_rate"], nothing["total_calls"], nothing["functions_tracked"]) == (
        0.0,
        0,
        0,
    )
    for number in (1, 1, 2, 1):
        labels(number)
        features(number)
    labels(3)
    labels(3)
    summary = get_cache_summary()
    assert summary["directory"] == str(store.directory)
    assert (summary["total_calls"], summary["functions_tracked"]) == (10, 2)
    assert (summary["hits"], summary["adopted"], summary["misses"]) == (5, 0, 5)
    assert summary["hit_rate"] == 0.5
    assert (summary["entries"], summary["joblib_entries"]) == (3, 2)
    assert summary["size_bytes"] == sum(entry.size for entry in store.entries())
    assert summary["joblib_size_bytes"] == features.cache_info().size
    assert summary["seconds_saved"] == sum(s["seconds_saved"] for s in get_cache_stats().values())
    assert summary["cleared_bytes"] == 0
    cleared = clear_afml_cache(warn=False)
    after = get_cache_summary()
    assert after["cleared_bytes"] == cleared.bytes
    assert cleared.bytes == summary["size_bytes"] + summary["joblib_size_bytes"]
    assert (nothing["exists"], after["exists"]) == (False, True)  # what was cleared is there
    kept = nothing.keys() - {"cleared_bytes", "exists"}
    assert {name: after[name] for name in kept} == {name: nothing[name] for name in kept}


def test_switched_off_nothing_is_read():
    labels(1)
    configure(mode="off")
    labels(1)
    summary = get_cache_summary()
    assert (summary["total_calls"], summary["misses"], summary["entries"]) == (1, 1, 0)
    assert stats_of("labels").reasons == {"mode_off": 1}
