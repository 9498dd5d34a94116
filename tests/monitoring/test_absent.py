"""Looking at a place makes no cache there, and where there is none it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

import afml_cache
from afml_cache import (
    cacheable,
    get_cache_monitor,
    get_cache_summary,
    initialize_cache_system,
    print_cache_health,
    robust_cacheable,
    time_aware_cacheable,
    use_settings,
    use_store,
)


@robust_cacheable
def f(number):
    return number


@cacheable
def g(number):
    return number


@time_aware_cacheable
def dated(start, end):
    return start


def look_at_everything(folder: Path) -> None:
    monitor = get_cache_monitor()
    assert monitor.get_all_function_stats() == []
    assert len(monitor.get_efficiency_report()) == 0
    assert monitor.get_time_series_analysis(None, 2)["calls"].sum() == 0
    for ending in ("csv", "json", "html", "parquet"):
        monitor.export_report(folder / f"report.{ending}")
    monitor._repr_html_(), repr(monitor)
    assert afml_cache.get_cache_stats() == {} and afml_cache.get_cache_hit_rate() == 0.0
    assert afml_cache.get_comprehensive_cache_status()["functions"] == []
    afml_cache.analyze_cache_patterns()
    afml_cache.export_evidence(folder / "evidence.json")
    assert afml_cache.list_entries(dated) == [] and afml_cache.noted_functions() == {}
    assert (f.cache_info().entries, g.cache_info().entries) == (0, 0)
    assert not f.cache_contains(1)


@pytest.mark.parametrize("mode", ["on", "readonly", "off"])
def test_looking_makes_no_cache(tmp_path, mode):
    nowhere = tmp_path / "mistyped" / "cache"
    (tmp_path / "out").mkdir()
    with use_settings(mode=mode), use_store(nowhere):
        look_at_everything(tmp_path / "out")
    assert not (tmp_path / "mistyped").exists()


def test_looking_at_a_folder_of_other_things_leaves_it_as_it_is(tmp_path, recwarn):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "prices.csv").write_text("")
    with use_store(tmp_path / "data"):
        assert get_cache_summary()["exists"] is False
        look_at_everything(tmp_path)
    assert [one.name for one in (tmp_path / "data").iterdir()] == ["prices.csv"]
    assert [str(one.message) for one in recwarn] == []


def test_what_joblib_has_left_is_read_and_nothing_put_beside_it(store):
    g(1)
    left = store.directory.with_name("left")
    left.mkdir()
    (store.directory / "joblib_cache").rename(left / "joblib_cache")
    with use_store(left):
        (one,) = get_cache_monitor().get_all_function_stats()
        assert (one.function_name, one.entries) == (g.identity, 1)
        assert get_cache_summary()["exists"]
        assert get_cache_monitor().generate_health_report()["status"] == "good"
    assert [one.name for one in left.iterdir()] == ["joblib_cache"]


def test_a_place_without_a_cache_is_called_that(tmp_path, capsys):
    nowhere = tmp_path / "mistyped"
    with use_store(nowhere):
        print_cache_health()
        out = capsys.readouterr().out
        assert "Cache health: absent" in out
        assert f"There is no cache in {nowhere}: it does not exist, and nothing was made." in out
        assert "AFML_CACHE" in out and "0 results" not in out
        assert get_cache_monitor().generate_health_report()["status"] == "absent"
        assert f"there is no cache in {nowhere}" in get_cache_monitor()._repr_html_()
        nowhere.mkdir()
        print_cache_health()
        assert f"There is no cache in {nowhere}: it exists and holds none" in (
            capsys.readouterr().out
        )
        f(1)
        assert get_cache_summary()["exists"]
        print_cache_health()
        assert "Cache health: good" in capsys.readouterr().out


def test_a_cache_that_was_made_and_not_used_is_empty_and_not_absent(tmp_path, capsys):
    with use_store(tmp_path / "made"):
        initialize_cache_system()
        assert (tmp_path / "made" / "index.sqlite").exists()
        print_cache_health()
    assert "Cache health: empty" in capsys.readouterr().out


def test_calls_that_a_place_could_not_keep_are_told_all_the_same(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with use_store(tmp_path / "file"):
        with pytest.warns(afml_cache.CacheWarning):
            f(1)
        report = get_cache_monitor().generate_health_report()
        assert (report["status"], report["total_calls"]) == ("attention", 1)
