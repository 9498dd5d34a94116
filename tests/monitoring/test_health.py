"""Findings name what is wrong and what to do; nothing is found where nothing is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from afml_cache import (
    analyze_cache_patterns,
    configure,
    get_cache_monitor,
    print_cache_health,
    robust_cacheable,
    use_settings,
    use_store,
)
from afml_cache.monitoring.figures import FunctionCacheStats
from afml_cache.monitoring.health import health_in_words, health_of
from afml_cache.monitoring.patterns import STALE, patterns_of

NOW = datetime(2024, 6, 1, tzinfo=UTC)


def stats(name: str, hits: int, misses: int, **more: object) -> FunctionCacheStats:
    calls = hits + misses
    plain = FunctionCacheStats(
        function_name=name,
        total_calls=calls,
        cache_hits=hits,
        adopted=0,
        cache_misses=misses,
        hit_rate=hits / calls if calls else None,
        reasons={"argument": misses} if misses else {},
        seconds_computed=0.5 * misses,
        seconds_saved=0.5 * hits,
        entries=misses,
        cache_size_mb=misses / 1000,
        size_bytes=misses * 1000,
        avg_compute_s=0.5 if misses else None,
        avg_hit_s=0.001 if hits else None,
        saved_s=0.499 * hits,
        last_access=NOW,
        under_cacheable=False,
        robust_hit_rate=None,
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def health(*each: FunctionCacheStats, **more: object):
    given = {"mode": "on", "size_limit": None, "own_bytes": 0, "absent": False, "faults": {}} | more
    return health_of(each, directory="/c", **given)  # type: ignore[arg-type]


def names(found) -> list[str]:
    return [one["function"] for one in found]


def test_a_cache_that_serves_is_good_and_its_numbers_add_up():
    report = health(stats("a", 90, 10), stats("b", 5, 1))
    assert (report["status"], report["findings"]) == ("good", [])
    assert (report["total_calls"], report["hits"], report["misses"]) == (106, 95, 11)
    assert report["hit_rate"] == 95 / 106 and report["saved_s"] == pytest.approx(0.499 * 95)
    assert report["miss_reasons"] == {"argument": 11}


@pytest.mark.parametrize(
    ("one", "what", "remedy"),
    [
        (stats("f", 2, 8), "20.0 % hits in 10 calls", "explain_last_miss()"),
        (stats("f", 2, 8, reasons={"code": 8}), "20.0 % hits", "its code, or a helper's, changed"),
        (
            stats("f", 2, 8, reasons={"code": 8}),
            "20.0 % hits",
            "or several functions have its name",
        ),
        (stats("f", 0, 20, reasons={"evicted": 20}), "0.0 % hits", "size_limit"),
        (stats("f", 2, 8, under_cacheable=True), "20.0 % hits", "note_exact_keys=True"),
        (
            stats("f", 2, 8, under_cacheable=True, robust_hit_rate=0.8),
            "20.0 % hits",
            "had 80.0 %: upgrade it to @robust_cacheable",
        ),
        (
            stats("f", 2, 8, under_cacheable=True, robust_hit_rate=0.2),
            "20.0 % hits",
            "had 20.0 %: keep it as it is",
        ),
        (  # nine hits of ten in the calls that were noted, fewer in those before
            stats("f", 2, 8, under_cacheable=True, robust_hit_rate=0.8, noted_hit_rate=0.9),
            "20.0 % hits",
            "had 80.0 %: keep it as it is",
        ),
        (
            stats("f", 2, 8, under_cacheable=True, reasons={"store_unavailable": 7, "code": 1}),
            "20.0 % hits",
            "see that the cache directory can be written to",
        ),
        (stats("f", 9, 1, saved_s=-2.0), "hits cost 2.0 s more", "do not cache it"),
        (
            stats("f", 0, 8, overhead_s=2.0, seconds_computed=0.01),
            "misses spent 2.0 s on keys and storing, 10 ms on computing",
            "do not cache it",
        ),
        (stats("f", 9, 3, reasons={"unkeyable": 3}), "3 results could not be kept (unkeyable)", ""),
    ],
)
def test_a_function_that_is_served_badly_is_named_with_a_remedy(one, what, remedy):
    report = health(one, stats("well", 90, 10))
    (finding,) = report["findings"]
    is_fine = remedy.endswith("keep it as it is")
    assert report["status"] == ("good" if is_fine else "attention")
    assert finding["function"] == "f" and what in finding["what"] and remedy in finding["remedy"]
    assert what in health_in_words(report) and finding["remedy"] in health_in_words(report)


@robust_cacheable
def refuses(number):
    raise ValueError(number)


def test_a_function_that_raises_is_said_to_raise_and_not_to_miss_arguments(capsys):
    for _ in range(12):
        with pytest.raises(ValueError):
            refuses(1)
    print_cache_health()
    out = capsys.readouterr().out
    assert "12 of 12 calls raised" in out and "what raises is not stored" in out
    assert "explain_last_miss" not in out and "hits in 12 calls" not in out
    for old in (True, False):
        (finding,) = health(stats("f", 2, 18, raised=10, under_cacheable=old))["findings"]
        assert "10 of 20 calls raised" in finding["what"]
    (finding,) = health(stats("f", 2, 18, raised=5))["findings"]
    assert "10.0 % hits in 20 calls" in finding["what"]


def test_functions_of_one_name_are_not_said_to_have_changed(capsys):
    for name in ("m.<lambda>", "m.factory.<locals>.<lambda>"):
        (finding,) = health(stats(name, 0, 12, reasons={"first_call": 1, "code": 11}))["findings"]
        assert "changed" not in finding["remedy"]
        assert "lambdas have this name" in finding["remedy"] and "def" in finding["remedy"]
    inner = stats("m.factory.<locals>.f", 0, 12, reasons={"first_call": 1, "code": 11})
    (finding,) = health(inner)["findings"]
    assert "what it closes over" in finding["remedy"] and "argument" in finding["remedy"]

    def times(factor):
        return robust_cacheable(lambda number: number * factor)

    for factor in range(12):  # as it happens: twelve functions, none of which was ever edited
        times(factor)(1)
    print_cache_health()
    assert "lambdas have this name" in capsys.readouterr().out


@pytest.mark.parametrize(
    "one",
    [
        stats("f", 0, 9),
        stats("f", 0, 4, overhead_s=9.0),
        stats("f", 0, 9, overhead_s=2.0, seconds_computed=30.0),  # storing, for later
        stats("f", 40, 9, overhead_s=2.0, seconds_computed=0.1),  # hits make up for it
        stats("f", 6, 5),
        stats("f", 4, 0, saved_s=-9),
    ],
)
def test_few_calls_tell_nothing(one):
    assert health(one)["findings"] == []


def test_faults_limits_and_modes_are_found():
    (tampered,) = health(stats("f", 9, 1), faults={"tampered": 2, "locked": 0})["findings"]
    assert "2 times tampered" in tampered["what"] and "seal" in tampered["remedy"]
    (full,) = health(stats("f", 9, 1), size_limit=1000, own_bytes=960)["findings"]
    assert "960 B of 1.0 kB" in full["what"]
    assert health(stats("f", 9, 1), size_limit=1000, own_bytes=900)["findings"] == []
    beside = health(stats("f", 90, 80), size_limit=20_000, own_bytes=3_000)
    (unlimited,) = beside["findings"]
    assert unlimited["what"] == (
        "@cacheable holds 77.0 kB, which the size limit of 20.0 kB does not count"
    )
    assert "selective_cache_clear" in unlimited["remedy"]
    assert "3.0 kB of 20.0 kB, and 77.0 kB of @cacheable, which has no limit" in (
        health_in_words(beside)
    )
    (readonly,) = health(stats("f", 9, 1), mode="readonly")["findings"]
    assert "readonly" in readonly["what"]
    assert health(stats("f", 9, 1), mode="off")["status"] == "off"
    assert health()["status"] == "empty"


def test_savings_that_are_not_known_are_not_called_none():
    unknown = stats("old", 20, 1, under_cacheable=True, saved_s=None, seconds_saved=None)
    idle = stats("idle", 0, 3, saved_s=0.0, seconds_saved=0.0)
    report = health(unknown, idle)
    assert (report["saved_s"], report["saved_unknown"]) == (None, 1)
    assert "\n  what was saved is not known\n" in health_in_words(report)
    report = health(unknown, stats("a", 4, 1, saved_s=2.0))
    assert (report["saved_s"], report["saved_unknown"]) == (2.0, 1)
    assert "\n  2.0 s saved, not counting 1 function of which it is not known\n" in health_in_words(
        report
    )
    assert "\n  0 s saved\n" in health_in_words(health(idle))


def test_results_without_a_counted_call_have_no_rate():
    words = health_in_words(health(stats("old", 0, 0, entries=5, size_bytes=464)))
    assert "\n  no call was counted yet\n  5 results, 464 B" in words
    assert "%" not in words and "saved" not in words


def test_patterns_list_functions_by_what_they_cost():
    found = patterns_of(
        [
            stats("rare", 0, 9),
            stats("quick", 5, 20, avg_compute_s=0.01),
            stats("dear", 5, 20, avg_compute_s=9.0),
            stats("served", 50, 1),
            stats("edited", 30, 3, reasons={"code": 2, "argument": 1}),
            stats("lossy", 30, 1, saved_s=-3.0),
            stats("stale", 30, 2, last_access=NOW - STALE - timedelta(hours=1)),
            stats("unseen", 0, 0, entries=4, size_bytes=9_000_000, last_access=None),
        ],
        NOW,
    )
    assert names(found["high_miss_rate_functions"]) == ["dear", "quick"]
    assert names(found["code_change_functions"]) == ["edited"]
    assert names(found["costly_hit_functions"]) == ["lossy"]
    assert names(found["stale_functions"]) == ["stale"]
    assert names(found["largest_functions"])[0] == "unseen"
    assert names(found["most_saving_functions"])[0] == "served"
    assert found["miss_reasons"]["code"] == 2
    for one in found["high_miss_rate_functions"]:
        assert f"{one['hit_rate']:.1%}" == "20.0%"


@robust_cacheable
def f(number):
    return number


def test_health_is_printed(capsys, store):
    print_cache_health()
    assert "Cache health: absent" in capsys.readouterr().out
    for number in range(12):
        f(number)
    f(1)
    print_cache_health()
    out = capsys.readouterr().out
    assert "Cache health: attention" in out and str(store.directory) in out
    assert f"! {f.identity}: 7.7 % hits in 13 calls" in out
    assert "7.7 % hit rate: 1 hits and 12 misses in 13 calls" in out
    (one,) = analyze_cache_patterns()["high_miss_rate_functions"]
    assert one["function"] == f.identity and f"{one['hit_rate']:.1%}" == "7.7%"


def test_a_store_at_its_limit_is_full(tmp_path):
    with use_settings(size_limit=100_000), use_store(tmp_path / "small"):
        g(1), g(2)
        (full,) = get_cache_monitor().generate_health_report()["findings"]
        assert "the cache is full" in full["what"] and "of 100.0 kB" in full["what"]


def test_calls_with_the_cache_off_are_no_misses_of_the_function(capsys):
    f(0)
    for _ in range(5):
        f(0)
    with use_settings(mode="off"):
        for number in range(20):
            f(number)
        report = get_cache_monitor().generate_health_report()
        assert [one["function"] for one in report["findings"]] == [None]
        assert analyze_cache_patterns()["high_miss_rate_functions"] == []
        print_cache_health()
    out = capsys.readouterr().out
    assert "what is stored is not looked at" in out and "0 results" not in out
    assert "20 calls of this process passed it by" in out and "%" not in out
    # 5 of 6 calls that asked the cache are hits, whatever the 20 others did.
    assert get_cache_monitor().generate_health_report()["findings"] == []
    assert analyze_cache_patterns()["high_miss_rate_functions"] == []


def test_a_rate_is_of_the_calls_that_asked_the_cache():
    (finding,) = health(stats("f", 4, 26, reasons={"argument": 6, "mode_off": 20}))["findings"]
    assert "40.0 % hits in 10 calls" in finding["what"]
    assert "explain_last_miss()" in finding["remedy"]


@robust_cacheable
def g(number):
    return bytes([number]) * 48_000


def test_a_tampered_entry_is_found(store):
    f(1)
    store.flush()
    store._index.write(lambda cursor: cursor.execute("UPDATE entry SET body=x'00ff'").rowcount)
    store.close()
    with pytest.warns(UserWarning):
        f(1)
    report = get_cache_monitor().generate_health_report()
    assert sum(report["faults"].values()) >= 1 and report["findings"]


def test_a_damaged_index_is_found_with_what_is_lost_and_until_it_is_removed(store, capsys):
    for number in range(12):
        f(number), f(number), large(number)
    store.close()
    index = store.directory / "index.sqlite"
    index.write_bytes(b"noise" * 2_000)
    with pytest.warns(UserWarning, match="was damaged"):
        print_cache_health()
    out = capsys.readouterr().out
    (aside,) = store.directory.glob("index.sqlite.corrupt-*")
    assert "Cache health: attention" in out and "12 results" in out
    assert f"the index was damaged and moved aside ({aside.name})" in out
    assert "statistics" in out and "small results" in out and "doctor" in out and "remove" in out
    for beside in ("-wal", "-shm", "-journal"):  # not one more finding each
        aside.with_name(aside.name + beside).write_bytes(b"")
    second = aside.with_name(f"{aside.name}-2")
    second.write_bytes(b"")
    (finding,) = get_cache_monitor().generate_health_report()["findings"]
    assert finding["function"] is None and f"{aside.name}, {second.name}" in finding["what"]
    for file in store.directory.glob("index.sqlite.corrupt-*"):
        file.unlink()
    assert get_cache_monitor().generate_health_report()["findings"] == []


def test_a_cache_that_lost_all_with_its_index_is_not_called_empty(store):
    f(1)
    store.close()
    (store.directory / "index.sqlite").write_bytes(b"noise" * 2_000)
    with pytest.warns(UserWarning, match="was damaged"):
        report = get_cache_monitor().generate_health_report()
    assert (report["status"], report["total_calls"], report["entries"]) == ("attention", 0, 0)


@robust_cacheable
def large(number):
    return bytes([number]) * 500_000


def test_an_off_cache_is_not_read(store):
    f(1)
    with use_settings(mode="off"):
        f(1)
        report = get_cache_monitor().generate_health_report()
    assert (report["status"], report["total_calls"]) == ("off", 1)
    configure(mode="on")
    assert get_cache_monitor().generate_health_report()["total_calls"] == 2


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (stats("f", 2, 20), "misses"),
        (stats("f", 2, 20, under_cacheable=True), "note_exact_keys"),
        (stats("f", 2, 20, under_cacheable=True, robust_hit_rate=0.9), "upgrade"),
        (stats("f", 2, 20, under_cacheable=True, robust_hit_rate=0.01), "keep"),
        (stats("f", 20, 2, saved_s=-3.0), "costly"),
        (stats("f", 20, 2, reasons={"unkeyable": 2}), "unstored"),
    ],
)
def test_a_finding_says_for_programs_of_which_kind_it_is(one, kind):
    assert [found["kind"] for found in health(one)["findings"]] == [kind]


def test_findings_of_the_whole_cache_have_their_kinds_too():
    faults = {"tampered": 1, "unreadable": 1, "other_secret": 1}
    found = health(mode="readonly", size_limit=10, own_bytes=10, faults=faults)["findings"]
    assert [one["kind"] for one in found] == [
        *("readonly", "damaged", "damaged", "unavailable", "full"),
    ]
    assert [one["kind"] for one in health(mode="off")["findings"]] == ["off"]
