"""The numbers of each function are true, typed, and honest about what a hit costs."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

import afml_cache
from afml_cache import (
    Reason,
    UnknownFunctionError,
    analyze_cache_patterns,
    cacheable,
    configure,
    get_cache_efficiency_report,
    get_cache_hit_rate,
    get_cache_monitor,
    get_cache_stats,
    get_cache_summary,
    get_comprehensive_cache_status,
    robust_cacheable,
)

BUSY = 20_000


@robust_cacheable
def busy(number):
    total = 0
    for step in range(BUSY):
        total += step * number
    return total


@robust_cacheable
def plain(number):
    return number


@robust_cacheable
def rows_of(frame):
    return len(frame)


@robust_cacheable
def failing(number):
    raise ZeroDivisionError


@cacheable
def features(number):
    return sum(step * number for step in range(BUSY))


def report() -> pd.DataFrame:
    return get_cache_efficiency_report().set_index("function")


def test_the_report_has_a_row_a_function_and_numbers_in_every_column():
    for number in (1, 1, 2, 1):
        busy(number)
    busy.cache_clear()
    busy(1)
    frame = get_cache_efficiency_report()
    assert list(frame.columns[:11]) == [
        *("function", "calls", "hits", "misses", "hit_rate", "avg_compute_s", "avg_hit_s"),
        *("saved_s", "size_bytes", "entries", "adopted"),
    ]
    (row,) = frame.to_dict("records")
    assert row["function"] == f"{__name__}.busy"
    assert (row["calls"], row["hits"], row["misses"]) == (5, 2, 3)
    assert f"{row['hit_rate']:.1%}" == "40.0%"
    assert (row["misses_first_call"], row["misses_argument"], row["misses_cleared"]) == (1, 1, 1)
    assert sum(row[f"misses_{reason}"] for reason in Reason) == row["misses"]
    assert (row["entries"], row["size_bytes"]) == (1, busy.cache_info().size)


def test_columns_keep_their_types_whatever_is_in_them():
    empty = get_cache_efficiency_report()
    assert len(empty) == 0
    plain(1)
    with afml_cache.use_settings(mode="off"):
        features(1)  # a function without any time
    filled = get_cache_efficiency_report()
    assert (empty.dtypes == filled.dtypes).all()
    for frame in (empty, filled):
        kinds = {name: str(kind) for name, kind in frame.dtypes.items()}
        assert str(kinds.pop("last_access")) == "datetime64[us, UTC]"
        assert kinds.pop("function") in ("str", "object")
        shares = {"hit_rate", "avg_compute_s", "avg_hit_s", "saved_s", "robust_hit_rate"}
        shares.add("overhead_s")
        assert {name for name, kind in kinds.items() if kind == "float64"} == shares
        assert {kind for name, kind in kinds.items() if name not in shares} == {"int64"}
    assert np.isnan(filled["avg_hit_s"]).all()


def test_the_guide_sorts_by_calls():
    plain(1)
    for _ in range(4):
        busy(1)
    frame = get_cache_efficiency_report().sort_values("calls", ascending=False).head(10)
    assert list(frame["calls"]) == [4, 1]


def test_the_last_access_is_the_last_call_of_either_decorator():
    before = datetime.now(UTC) - timedelta(seconds=0.001)
    busy(1), features(1)
    first = report()["last_access"]
    busy(1), features(1)
    second = report()["last_access"]
    assert (first >= before).all() and (second <= datetime.now(UTC)).all()
    # A hit of ours is dated by the last writing before it, which is seconds off at most.
    assert (second >= first).all() and second[features.identity] > first[features.identity]


# -- what a hit costs, and what was saved


def test_saved_is_what_computing_took_less_what_the_hits_took():
    busy(3)
    for _ in range(200):
        busy(3)
    stats = get_cache_stats()[f"{__name__}.busy"]
    assert stats["avg_hit_s"] > 0.0
    assert stats["seconds_saved"] == pytest.approx(200 * stats["avg_compute_s"])
    assert stats["saved_s"] == pytest.approx(stats["seconds_saved"] - 200 * stats["avg_hit_s"])
    assert 0.0 < stats["saved_s"] < stats["seconds_saved"]
    summary = get_cache_summary()
    assert summary["saved_s"] == stats["saved_s"] < summary["seconds_saved"]


def test_what_costs_more_than_it_saves_has_saved_less_than_nothing():
    frame = pd.DataFrame({"close": np.arange(400_000.0)})
    for _ in range(6):
        rows_of(frame)
    stats = get_cache_stats()[f"{__name__}.rows_of"]
    assert stats["avg_hit_s"] > stats["avg_compute_s"]
    assert stats["saved_s"] < 0.0 < stats["seconds_saved"]


def test_each_hit_is_timed(store):
    plain(1)
    for _ in range(3_000):
        plain(1)
    counted = store.counters()[f"{__name__}.plain"]
    assert counted.hits == counted.hits_timed == 3_000
    assert counted.hit_seconds > 0.0


def test_slow_hits_among_quick_ones_are_not_taken_for_quick(store):
    frame = pd.DataFrame({"close": np.arange(1_000_000.0)})
    rows_of(frame), rows_of("GOOG")
    own = 0.0
    for number in range(200):
        asked = "GOOG" if number % 4 else frame
        started = time.perf_counter()
        rows_of(asked)
        own += time.perf_counter() - started
    counted = store.counters()[f"{__name__}.rows_of"]
    assert counted.hits == 200
    assert 0.7 * own < counted.hit_seconds <= own


def test_waiting_for_anothers_computation_saves_nothing_that_was_waited(store):
    began, done = threading.Event(), threading.Event()
    own = []

    @robust_cacheable
    def awaited(number):
        began.set()
        done.wait(30.0)
        time.sleep(0.1)  # the computation
        return number

    def wait_for_it():
        started = time.perf_counter()
        awaited(1)
        own.append(time.perf_counter() - started)

    first = threading.Thread(target=awaited, args=(1,))
    first.start()
    assert began.wait(30.0)
    others = [threading.Thread(target=wait_for_it) for _ in range(3)]
    for thread in others:
        thread.start()
    (seat,) = store._flights._seats.values()
    while seat.wanted < 4 and others[0].is_alive():
        time.sleep(0.001)
    done.set()
    for thread in (first, *others):
        thread.join()
    stats = get_cache_stats()[awaited.identity]
    assert (stats["hits"], stats["misses"], len(own)) == (3, 1, 3)
    assert 0.7 * sum(own) < 3 * stats["avg_hit_s"] <= sum(own)
    assert 0.0 <= stats["saved_s"] < stats["seconds_saved"]


def test_a_coroutine_that_waits_for_another_task_saves_nothing_either(store):
    import asyncio

    @robust_cacheable
    async def awaited(number):
        await asyncio.sleep(0.05)
        return number

    async def main():
        await asyncio.gather(*(awaited(1) for _ in range(3)))

    asyncio.run(main())
    stats = get_cache_stats()[awaited.identity]
    assert (stats["hits"], stats["misses"]) == (2, 1)
    assert stats["avg_hit_s"] > 0.5 * stats["avg_compute_s"]
    assert 0.0 <= stats["saved_s"] < 0.5 * stats["seconds_saved"]


def test_hits_of_coroutines_are_timed(store):
    import asyncio

    @robust_cacheable
    async def later(number):
        return number

    async def main():
        for _ in range(5):
            await later(1)

    asyncio.run(main())
    assert store.counters()[later.identity].hits_timed == 4


@cacheable
def dear_or_cheap(steps):
    if steps < 0:
        raise ValueError
    return sum(step * steps for step in range(steps))


def uncounted_result_of(function, store):
    """A result of `function(1)` as an installation that counted nothing had left it."""
    function(1)
    store.flush()
    store._index.write(lambda cursor: cursor.execute("DELETE FROM counter").rowcount)
    for file in store.directory.rglob("metadata.json"):  # joblib did not always say the duration
        file.write_text('{"input_args": {"number": "1"}}')
    if function is features:
        features._memorized = (None, None)  # as in a process that has not computed it


DEAR, CHEAP = 1_000_000, 1


def other_process_reads():
    """Forget what this process knows of joblib's results."""
    dear_or_cheap._memorized = (None, None)


@pytest.mark.parametrize("same_process", [True, False])
def test_a_hit_of_joblib_saves_what_its_own_result_had_taken(same_process):
    for steps in (DEAR, CHEAP):
        dear_or_cheap(steps)
    computed = get_cache_stats()[dear_or_cheap.identity]["seconds_computed"]
    if not same_process:
        other_process_reads()
    for _ in range(20):
        dear_or_cheap(CHEAP)
    cheap = get_cache_stats()[dear_or_cheap.identity]
    assert 0.0 < cheap["seconds_saved"] < 20 * 0.1 * computed
    for _ in range(2):
        dear_or_cheap(DEAR)
    stats = get_cache_stats()[dear_or_cheap.identity]
    assert stats["seconds_saved"] == pytest.approx(2 * computed, rel=0.2)
    spent = stats["hits"] * stats["avg_hit_s"]
    assert stats["saved_s"] == pytest.approx(stats["seconds_saved"] - spent)
    hour = get_cache_monitor().get_time_series_analysis(dear_or_cheap, hours=2)
    assert hour["seconds_saved"].sum() == pytest.approx(stats["seconds_saved"])


def test_calls_that_raise_do_not_make_hits_of_joblib_cheap():
    for _ in range(50):
        with pytest.raises(ValueError):
            dear_or_cheap(-1)
    for _ in range(7):
        dear_or_cheap(DEAR)
    stats = get_cache_monitor().get_function_stats(dear_or_cheap)
    assert stats.saved_s > 0.5 * stats.seconds_computed
    assert analyze_cache_patterns()["costly_hit_functions"] == []


def test_results_that_joblib_itself_stored_have_their_price(store):
    import joblib

    memory = joblib.Memory(str(store.directory / "joblib_cache"), verbose=0)
    memory.cache(dear_or_cheap.__wrapped__)(DEAR)
    dear_or_cheap(DEAR)
    stats = get_cache_monitor().get_function_stats(dear_or_cheap)
    assert (stats.cache_hits, stats.cache_misses) == (1, 0) and stats.saved_s > 0.0


def test_a_read_only_cache_prices_the_hits_of_joblib_too(store):
    dear_or_cheap(DEAR)
    before = get_cache_stats()[dear_or_cheap.identity]["seconds_computed"]
    configure(mode="readonly")
    for _ in range(3):
        dear_or_cheap(DEAR)
    stats = get_cache_stats()[dear_or_cheap.identity]
    assert stats["hits"] == 3 and stats["seconds_saved"] == pytest.approx(3 * before)
    assert stats["avg_hit_s"] > 0.0


def test_hits_of_joblib_whose_price_it_has_not_noted_have_none(store):
    uncounted_result_of(features, store)
    features(1)
    stats = get_cache_monitor().get_function_stats(features)
    assert (stats.cache_hits, stats.saved_s, stats.avg_compute_s) == (1, None, None)
    assert stats.under_cacheable and stats.avg_hit_s > 0.0
    assert np.isnan(report()["saved_s"].iloc[0])


def test_the_summary_does_not_take_what_is_not_known_for_nothing(store):
    uncounted_result_of(features, store)
    features(1)
    summary = get_cache_summary()
    assert (summary["saved_s"], summary["seconds_saved"], summary["saved_unknown"]) == (
        None,
        None,
        1,
    )
    assert "what was saved is not known" in get_cache_monitor()._repr_html_()
    busy(1), busy(1)
    summary = get_cache_summary()
    ours = get_cache_stats()[busy.identity]
    assert (summary["saved_s"], summary["seconds_saved"], summary["saved_unknown"]) == (
        ours["saved_s"],
        ours["seconds_saved"],
        1,
    )


def test_saved_is_seconds_saved_less_what_the_hits_took_under_either_decorator():
    ours = robust_cacheable(lambda number: sum(step * number for step in range(BUSY)))
    for _ in range(4):
        features(1), ours(1)
    for name in (features.identity, ours.identity):
        stats = get_cache_stats()[name]
        took = 3 * stats["avg_hit_s"]
        assert stats["saved_s"] == pytest.approx(stats["seconds_saved"] - took)
    assert stats["seconds_saved"] == pytest.approx(
        3 * stats["avg_compute_s"]
    )  # joblib notes its own
    summary = get_cache_summary()
    assert summary["saved_s"] < summary["seconds_saved"] and summary["saved_unknown"] == 0


def test_what_misses_spent_beside_computing_is_told_without_the_first():
    frames = [pd.DataFrame({"close": np.arange(500_000.0) + i}) for i in range(4)]
    rows_of(frames[0]), rows_of(frames[0])
    assert report()["overhead_s"].iloc[0] == 0.0  # the first reads the sources, too
    own = 0.0
    for frame in frames[1:]:
        started = time.perf_counter()
        rows_of(frame)
        own += time.perf_counter() - started
    stats = get_cache_monitor().get_function_stats(rows_of)
    assert 0.5 * own < stats.overhead_s <= own
    assert get_cache_stats()[rows_of.identity]["overhead_s"] == stats.overhead_s


def test_what_misses_of_joblib_spent_is_told_too():
    for number in range(1, 5):
        features(number)
    assert report()["overhead_s"].iloc[0] > 0.0


def test_calls_that_were_not_timed_do_not_lower_the_mean():
    plain(1)
    mean = get_cache_stats()[f"{__name__}.plain"]["avg_compute_s"]
    plain(number for number in "no key, no time")
    stats = get_cache_stats()[f"{__name__}.plain"]
    assert (stats["computed"], stats["avg_compute_s"]) == (2, mean)
    assert stats["reasons"]["unkeyable"] == 1


def test_a_call_that_raises_is_a_miss_with_its_time():
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            failing(1)
    stats = get_cache_monitor().get_function_stats("failing")
    assert (stats.cache_misses, stats.entries) == (2, 0) and stats.avg_compute_s > 0.0


@pytest.mark.parametrize("decorator", [robust_cacheable, cacheable])
def test_calls_that_raised_are_counted_beside_their_reasons(decorator, store):
    @decorator
    def half(number):
        if number % 2:
            raise ZeroDivisionError
        return number

    for number in (1, 2, 1, 2, 3):
        with contextlib.suppress(ZeroDivisionError):
            half(number)
    store.close()
    stats = get_cache_monitor().get_function_stats(half)
    assert (stats.total_calls, stats.cache_hits, stats.cache_misses, stats.raised) == (5, 1, 4, 3)
    assert sum(stats.reasons.values()) == 4
    assert report()["raised"].iloc[0] == get_cache_stats()[half.identity]["raised"] == 3


def test_coroutines_that_raised_are_counted_too():
    import asyncio

    @robust_cacheable
    async def later(number):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(later(1))
    assert get_cache_monitor().get_function_stats(later).raised == 1


# -- one function


def test_a_function_is_found_by_its_name_its_end_or_itself():
    busy(1)
    monitor = get_cache_monitor()
    whole = monitor.get_function_stats(f"{__name__}.busy")
    assert whole == monitor.get_function_stats("busy") == monitor.get_function_stats(busy)
    assert get_cache_hit_rate("busy") == 0.0


class Desk:
    @robust_cacheable
    def ours(self, number):
        return number

    @cacheable
    def old(self, number):
        return number

    @staticmethod
    @cacheable
    def still(number):
        return number

    @classmethod
    @robust_cacheable
    def made(cls, number):
        return number

    @property
    @robust_cacheable
    def derived(self):
        return 1

    def __afml_key__(self):
        return "desk"


def wrapped(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)

    return wrapper


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda: Desk().ours, "Desk.ours"),
        (lambda: Desk.ours, "Desk.ours"),
        (lambda: Desk().old, "Desk.old"),
        (lambda: Desk.old, "Desk.old"),
        (lambda: Desk.still, "Desk.still"),
        (lambda: vars(Desk)["still"], "Desk.still"),
        (lambda: vars(Desk)["made"], "Desk.made"),
        (lambda: Desk.made, "Desk.made"),
        (lambda: Desk.derived, "Desk.derived"),
        (lambda: wrapped(busy), "busy"),
        (lambda: functools.partial(wrapped(wrapped(features)), 1), "features"),
    ],
)
def test_a_function_is_meant_by_whatever_it_is_called_through(function, name):
    # Before its first call, too: a program may ask at its start.
    before = get_cache_monitor().get_function_stats(function())
    assert (before.function_name, before.total_calls) == (f"{__name__}.{name}", 0)
    assert before.hit_rate is None and get_cache_hit_rate(function()) == 0.0
    assert get_cache_monitor().get_time_series_analysis(function(), 1)["calls"].sum() == 0
    busy(1), features(1), Desk().derived, Desk().ours(1), Desk().old(1), Desk.still(1), Desk.made(1)
    after = get_cache_monitor().get_function_stats(function())
    assert (after.function_name, after.total_calls) == (f"{__name__}.{name}", 1)
    assert get_cache_monitor().get_time_series_analysis(function(), 1)["calls"].sum() == 1


@pytest.mark.parametrize("name", ["usy", "nothing", "monitoring", ""])
def test_a_name_is_matched_whole(name):
    busy(1)
    with pytest.raises(UnknownFunctionError, match="knows no function"):
        get_cache_monitor().get_function_stats(name)


def test_a_name_that_several_functions_have_is_refused_with_their_names(store):
    for module in ("first", "second"):
        store.count(f"{module}.f", afml_cache.Outcome.COMPUTED, Reason.ARGUMENT)
    with pytest.raises(UnknownFunctionError, match=r"first\.f, second\.f"):
        get_cache_monitor().get_function_stats("f")
    assert get_cache_monitor().get_function_stats("first.f").total_calls == 1


class Namesake:
    identity = "quant.labels"


@pytest.mark.parametrize(
    "what", [len, functools.partial(len, "a"), Desk, wrapped(len), 5, Namesake()]
)
def test_what_is_no_cached_function_is_refused(what):
    with pytest.raises(UnknownFunctionError, match="no cached function"):
        get_cache_hit_rate(what)


def test_a_wrapper_that_leads_back_to_itself_is_refused():
    def around():
        return None

    around.__wrapped__ = around
    with pytest.raises(UnknownFunctionError, match="no cached function"):
        get_cache_hit_rate(around)


def test_the_hit_rate_is_of_all_functions_or_of_one():
    assert get_cache_hit_rate() == 0.0
    plain(1), plain(1), busy(1), busy(1), busy(1)
    assert get_cache_hit_rate() == 3 / 5
    assert get_cache_hit_rate("busy") == 2 / 3


def test_the_whole_status_is_fit_for_json():
    busy(1), busy(1), features(1)
    status = json.loads(json.dumps(get_comprehensive_cache_status(), allow_nan=False))
    assert status["summary"] == get_cache_summary()
    assert {one["function_name"] for one in status["functions"]} == {
        busy.identity,
        features.identity,
    }
    assert status["settings"]["mode"] == "on"
    assert status["health"]["hits"] == 1 and set(status["patterns"]) == set(
        analyze_cache_patterns()
    )


def test_every_function_that_has_results_is_known_though_nobody_has_called_it(store):
    uncounted_result_of(features, store)
    uncounted_result_of(busy, store)
    for name in ("features", "busy"):
        assert get_cache_hit_rate(name) == 0.0
    found = get_cache_stats()
    assert set(found) == {features.identity, busy.identity}
    assert {one["hit_rate"] for one in found.values()} == {None}
    assert get_cache_summary()["functions_tracked"] == 2
    assert {s.function_name for s in get_cache_monitor().get_all_function_stats()} == set(found)


def test_results_that_nobody_has_used_for_long_are_stale_without_any_counts(store):
    def stale() -> list[str]:
        return [one["function"] for one in analyze_cache_patterns()["stale_functions"]]

    uncounted_result_of(features, store)
    uncounted_result_of(busy, store)
    plain(1)
    assert stale() == []
    old = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
    for file in (store.directory / "joblib_cache").rglob("output.pkl"):
        os.utime(file, (old, old))
    assert stale() == [features.identity]
    assert get_cache_monitor().get_function_stats("features").last_used == datetime.fromtimestamp(
        old, UTC
    )
    store.flush()
    store._index.write(
        lambda cursor: (
            cursor.execute(
                "UPDATE claim SET used=? WHERE function=?", (old, busy.identity)
            ).rowcount
        )
    )
    assert set(stale()) == {features.identity, busy.identity}
    busy(1), features(1)
    assert stale() == []


# -- exact keys


def test_the_robust_hit_rate_is_what_exact_keys_would_have_had(run_python):
    out = run_python("""
        import numpy as np
        import pandas as pd
        from afml_cache import cacheable, configure, get_cache_efficiency_report

        @cacheable
        def last_close(frame):
            return float(frame["close"].iloc[-1])

        configure(note_exact_keys=True)
        for displayed in (False, True, True):
            frame = pd.DataFrame({"close": np.arange(50.0)})
            if displayed:
                frame["more"] = 1.0  # joblib's hash sees how the frame came about
                del frame["more"]
            last_close(frame)
        (row,) = get_cache_efficiency_report().to_dict("records")
        print(row["function"], row["calls"], f"{row['robust_hit_rate']:.1%}")
    """)
    assert out == "script.last_close 3 66.7%"


def test_without_notes_there_is_no_robust_hit_rate():
    features(1)
    assert get_cache_monitor().get_function_stats(features).robust_hit_rate is None


MIGRATED = """
    import sys
    from afml_cache import {decorator} as decorator, configure, get_cache_monitor

    @decorator
    def feat(number):
        return number

    configure(note_exact_keys=True)
    for number in {calls}:
        feat(number)
    if {calls}:
        sys.exit()
    stats = get_cache_monitor().get_function_stats("feat")
    (finding,) = get_cache_monitor().generate_health_report()["findings"]
    print(stats.under_cacheable, stats.robust_hit_rate, finding["remedy"])
"""


@pytest.mark.slow
def test_a_migrated_function_is_not_told_to_migrate(run_python, tmp_path):
    def run(decorator: str, calls: str) -> str:
        script = MIGRATED.replace("{decorator}", decorator).replace("{calls}", calls)
        return run_python(script, name="quant.py")

    def looked_at_from_outside() -> tuple[bool, float | None, str]:
        stats = get_cache_monitor().get_function_stats("quant.feat")
        (finding,) = get_cache_monitor().generate_health_report()["findings"]
        return stats.under_cacheable, stats.robust_hit_rate, finding["remedy"]

    run("cacheable", "range(9)")
    run("cacheable", "[0]")
    old = (True, 0.1, "exact keys would have had 10.0 %: keep it as it is")
    assert looked_at_from_outside() == old
    run("robust_cacheable", "range(20, 26)")
    why = "explain_last_miss() tells what differed after such a call"
    assert looked_at_from_outside() == (False, None, why)
    # A process that has loaded it knows what it is under now, whatever was stored since or before.
    assert run("robust_cacheable", "[]") == f"False None {why}"
    assert run("cacheable", "[]") == f"True 0.1 {old[2]}"


# -- many processes

WORKER = """
    import sys, threading
    from afml_cache import get_cache_stats, robust_cacheable
    from afml_cache.store.active import active

    @robust_cacheable
    def f(x):
        return x

    ended = threading.Event()

    def read():
        while not ended.is_set():
            get_cache_stats()

    def call():
        for number in range(200):
            f(number % 5)

    reader = threading.Thread(target=read)
    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in (reader, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    ended.set()
    reader.join()
"""


def test_calls_of_threads_and_processes_add_up_while_others_read(start_python, store):
    workers = [start_python(WORKER) for _ in range(3)]
    for worker in workers:
        assert worker.wait() == 0, worker.stderr.read()
    stats = get_cache_stats()["script.f"]
    assert stats["hits"] + stats["computed"] == 3 * 3 * 200
    assert stats["computed"] == 5 == sum(stats["reasons"].values())
    hourly = get_cache_monitor().get_time_series_analysis("script.f", 2)
    assert (hourly["calls"].sum(), hourly["misses"].sum()) == (1_800, 5)


KILLED = """
    import sys
    from afml_cache import robust_cacheable
    from afml_cache.store.active import active

    @robust_cacheable
    def f(x):
        return x

    for _ in range(41):
        f(1)
    active().flush()
    print("written", flush=True)
    f(1)
    sys.stdin.readline()
"""


def test_what_was_written_survives_a_kill(start_python):
    worker = start_python(KILLED)
    assert worker.stdout.readline() == "written\n"
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    stats = get_cache_stats()["script.f"]
    assert (stats["hits"], stats["computed"]) == (40, 1)
    assert get_cache_monitor().get_time_series_analysis("f", 2)["hits"].sum() == 40


def test_threads_have_their_hits_timed_exactly_once(store):
    plain(1)

    def call():
        for _ in range(2_000):
            plain(1)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    counted = store.counters()[f"{__name__}.plain"]
    assert counted.hits == 8_000 >= counted.hits_timed >= 7_900
