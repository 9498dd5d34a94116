"""Data hygiene: who touched which dates for what, on hits and computed calls, in every process."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import signal
import sqlite3
import stat
import subprocess
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    CacheWarning,
    ConfigurationError,
    DataAccessTracker,
    ReportError,
    clear_afml_cache,
    configure,
    data_tracking_cacheable,
    log_data_access,
    print_contamination_report,
    robust_cacheable,
)
from afml_cache.data_access import report
from afml_cache.store.store import Store

DAYS = pd.bdate_range("2020-01-01", "2023-12-29")
PRICES = pd.DataFrame({"close": np.linspace(10, 20, len(DAYS))}, DAYS)
RAN: list[str] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    RAN.clear()


def accesses() -> pd.DataFrame:
    return DataAccessTracker().accesses()


def ranges_of(table: pd.DataFrame) -> list[tuple[str, str]]:
    return [(f"{s:%Y-%m-%d}", f"{e:%Y-%m-%d}") for s, e in zip(table.start, table.end, strict=True)]


@data_tracking_cacheable("prices", "train")
def training(end: str) -> pd.DataFrame:
    RAN.append("training")
    return PRICES.loc[:end]


@data_tracking_cacheable("prices/{symbol}", "{purpose}")
def load(symbol: str, start: str, end: str, purpose: str = "test") -> list[float]:
    return [1.0, 2.0]


# -- what is noted -----------------------------------------------------------------------


def test_hits_count_as_computed_calls_do() -> None:
    for _ in range(3):
        training("2021-12-31")
    assert RAN == ["training"]
    table = accesses()
    assert table["count"].sum() == 3
    assert ranges_of(table) == [("2020-01-01", "2021-12-31")]
    assert set(table.use) == {"training"}


def test_the_dates_are_those_of_the_data_that_came_back() -> None:
    training("2020-06")
    assert ranges_of(accesses()) == [("2020-01-01", "2020-06-30")]


def test_where_the_data_has_no_dates_those_of_the_arguments_count() -> None:
    load("GOOG", "2020-03", "2020-05-15")
    table = accesses()
    assert ranges_of(table) == [("2020-03-01", "2020-05-15")]
    assert table.end[0] == pd.Timestamp("2020-05-15 23:59:59.999999999")
    assert table.dataset.tolist() == ["prices/GOOG"]
    assert table.purpose.tolist() == ["test"]


def test_several_frames_at_once_and_aware_ones_are_noted() -> None:
    @data_tracking_cacheable("pair", "optimize")
    def pair() -> dict[str, pd.Series]:
        aware = pd.date_range("2024-01-01", periods=3, tz="Asia/Tokyo")
        return {"x": pd.Series(1.0, aware), "y": pd.Series(1.0, aware + pd.Timedelta("9D"))}

    pair()
    table = accesses()
    assert table.start[0] == pd.Timestamp("2023-12-31 15:00")  # UTC
    assert table.end[0] == pd.Timestamp("2024-01-11 15:00")
    assert table.use.tolist() == ["tuning"]


@data_tracking_cacheable("folds", "train")
def rows_of(index: pd.Index, kept: list[tuple[str, str]]) -> pd.Series:
    parts = [pd.Series(1.0, index)[first:last] for first, last in kept]
    return pd.concat(parts) if parts else pd.Series(1.0, index)


@pytest.mark.parametrize("freq", ["B", "h", "W", "MS", "QS"])
@pytest.mark.parametrize("zone", [None, "US/Eastern"])
def test_what_a_fold_leaves_out_was_not_touched(freq: str, zone: str | None) -> None:
    index = pd.date_range("2018-01-01", "2021-12-31", freq=freq, tz=zone)
    rows_of(index, [("2018", "2018"), ("2020", "2021")])
    log_data_access("folds", "2019-02", "2019-09", "test")
    assert len(accesses()) == 3
    assert DataAccessTracker().contamination().empty
    rows_of(index, [])
    assert len(accesses()) == 4
    assert len(DataAccessTracker().contamination()) == 1


def test_frames_of_panels_and_of_parts_are_taken_together() -> None:
    @data_tracking_cacheable("parts", "train")
    def parts(kind: str) -> object:
        left, right = PRICES[:"2020-06-30"], PRICES["2020-07-01":"2020-12-31"]
        panel = pd.concat({"A": left, "B": right})
        return {"dict": {"A": left, "B": right}, "list": [right, left], "panel": panel}[kind]

    for kind in ("dict", "list", "panel"):
        parts(kind)
    assert ranges_of(accesses()) == [("2020-01-01", "2020-12-31")]


def test_weeks_without_trading_and_rare_events_are_no_holes() -> None:
    @data_tracking_cacheable("events", "train")
    def events(kind: str) -> pd.Series:
        if kind == "holidays":
            index = PRICES.index[(PRICES.index < "2021-10-01") | (PRICES.index > "2021-10-08")]
        else:
            index = pd.DatetimeIndex(["2020-01-01", "2020-02-20", "2020-03-31", "2020-05-30"])
        return pd.Series(1.0, index)

    events("holidays"), events("rare")
    assert len(accesses()) == 2


def test_of_many_holes_the_longest_are_told() -> None:
    @data_tracking_cacheable("sparse", "train")
    def sparse() -> pd.Series:
        starts = pd.date_range("2000-01-01", periods=60, freq="60D")
        days = [start + pd.Timedelta(days=n) for start in starts for n in range(20)]
        return pd.Series(1.0, days)[lambda s: (s.index < "2005-03") | (s.index > "2006-03")]

    sparse()
    table = accesses()
    assert len(table) == 20
    log_data_access("sparse", "2005-06", "2005-12", "test")
    assert DataAccessTracker().contamination().empty


def test_without_any_dates_it_is_told_once_and_the_result_comes_back() -> None:
    @data_tracking_cacheable("numbers", "train")
    def numbers(count: int) -> list[int]:
        return list(range(count))

    with pytest.warns(CacheWarning, match=r"numbers\(\) shows no dates.*log_data_access") as caught:
        assert numbers(2) == [0, 1]
        assert numbers(3) == [0, 1, 2]
    assert len(caught) == 1
    assert accesses().empty


@pytest.mark.parametrize(
    ("dataset", "purpose", "told"),
    [
        ("prices/{ticker}", "train", r"names 'ticker', but .*wrong\(\) has the parameters symbol"),
        ("prices/{symbol", "train", "dataset_name='prices/{symbol'"),
        ("prices/{}", "train", "names ''"),
        ("prices", "{use}", "purpose='{use}' names 'use'"),
    ],
)
def test_a_placeholder_that_is_no_parameter_is_refused(
    dataset: str, purpose: str, told: str
) -> None:
    def wrong(symbol: str) -> pd.DataFrame:
        return PRICES

    with pytest.raises(ConfigurationError, match=told):
        data_tracking_cacheable(dataset, purpose)(wrong)


def test_a_name_that_cannot_be_filled_in_is_told_and_costs_no_result() -> None:
    @data_tracking_cacheable("prices/{symbol.name}", "train")
    def wrong(symbol: str) -> pd.DataFrame:
        return PRICES

    with pytest.warns(CacheWarning, match="is not noted .AttributeError"):
        assert len(wrong("GOOG")) == len(PRICES)


def test_a_call_that_raises_touches_nothing() -> None:
    @data_tracking_cacheable("prices", "train")
    def broken(start: str, end: str) -> None:
        raise LookupError(start)

    with pytest.raises(LookupError, match="2020"):
        broken("2020", "2021")
    assert accesses().empty


def test_methods_and_awaited_loaders_are_tracked() -> None:
    class Feed:
        @data_tracking_cacheable("feed", "train")
        def read(self, start: str, end: str) -> pd.DataFrame:
            return PRICES.loc[start:end]

        @data_tracking_cacheable("feed", "test")
        async def fetch(self, start: str, end: str) -> pd.DataFrame:
            return PRICES.loc[start:end]

    feed = Feed()
    feed.read("2020", "2020")
    assert len(asyncio.run(feed.fetch("2021", "2021"))) == 261
    table = accesses()
    assert sorted(table.purpose) == ["test", "train"]
    assert set(table.function) == {"test_methods_and_awaited_loaders_are_tracked"}


def test_whoever_called_is_named_and_neither_we_nor_pandas() -> None:
    def study(row: pd.Series) -> float:
        return float(training("2021").close.iloc[0])

    pd.DataFrame({"x": [1]}).apply(study, axis=1)
    log_data_access("prices", "2020", "2020", "train")
    table = accesses().sort_values("line")
    here = str(Path(__file__).absolute())
    assert table.file.tolist() == [here, here]
    outer = "test_whoever_called_is_named_and_neither_we_nor_pandas"
    assert table.function.tolist() == [f"{outer}.<locals>.study", outer]
    source = Path(__file__).read_text().splitlines()
    assert "training(" in source[table.line.iloc[0] - 1]
    assert "log_data_access(" in source[table.line.iloc[1] - 1]


def test_in_the_worker_of_a_pool_the_loader_itself_is_named() -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(training, ["2020", "2021"]))
    table = accesses()
    assert set(table.file) == {str(Path(__file__).absolute())}
    assert set(table.function) == {"training"}
    source = Path(__file__).read_text().splitlines()
    assert "@data_tracking_cacheable" in source[table.line.iloc[0] - 1]


def test_code_in_a_notebook_is_called_one() -> None:
    space = {"log_data_access": log_data_access}
    code = "def explore():\n    log_data_access('prices', '2020', '2021', 'plots')\nexplore()"
    exec(compile(code, "/tmp/ipykernel_4711/123.py", "exec"), space)
    assert accesses()[["file", "line", "function", "use"]].values.tolist() == [
        ["a notebook", 2, "explore", "other"]
    ]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2024-03", "2024-03"),
        (dt.date(2024, 3, 1), dt.date(2024, 3, 31)),
        (pd.Timestamp("2024-03-01"), pd.Period("2024-03", "M")),
        (np.datetime64("2024-03-01"), np.datetime64("2024-03-31")),
    ],
)
def test_dates_may_be_spelled_in_any_way(start: object, end: object) -> None:
    log_data_access("prices", start, end, "TRAIN ")
    table = accesses()
    assert ranges_of(table) == [("2024-03-01", "2024-03-31")]
    assert table.purpose.tolist() == ["train"]


@pytest.mark.parametrize(
    ("use", "purposes"),
    [
        ("training", ["train", "trained", "train_set", "Training", "in-sample", "FIT"]),
        ("tuning", ["val", "cv", "cross-validation", "Cross Validation", "hyperopt", "tuned"]),
        ("testing", ["eval", "tests", "Tested", "out of sample", "out_of_sample", "backtest"]),
        ("other", ["plots", "live", "other"]),
    ],
)
def test_purposes_count_in_all_their_forms(use: str, purposes: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for purpose in purposes:
            log_data_access("prices", "2020", "2020", purpose)
    assert set(accesses().use) == {use}


def test_a_word_that_counts_as_nothing_is_told_once() -> None:
    with pytest.warns(CacheWarning, match="'fianl' .*none of training, tuning and") as caught:
        log_data_access("prices", "2020", "2020", "fianl")
        log_data_access("prices", "2021", "2021", "fianl")
    assert len(caught) == 1
    report = " ".join(DataAccessTracker().report().split())
    assert "fianl: 2020-01-01 to 2021-12-31, twice in 2 ranges (counts as none of" in report


def test_an_open_end_is_open() -> None:
    log_data_access("prices", None, "2024", "train")
    log_data_access("prices", "2024-12", None, "test")
    table = accesses()
    assert table.start.isna().tolist() == [True, False]
    assert table.end.isna().tolist() == [False, True]
    assert len(DataAccessTracker().contamination()) == 1
    assert "up to 2024-12-31" in DataAccessTracker().report()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: log_data_access("", "2020", "2021", "train"), "dataset=''"),
        (lambda: log_data_access("x", "2020", "2021", None), "purpose=None"),
        (lambda: log_data_access("x", "soon", "2021", "train"), "start='soon' is not read"),
        (lambda: log_data_access("x", "2021", "2020", "train"), "lies after"),
        (lambda: data_tracking_cacheable("", "train"), "dataset_name=''"),
        (
            lambda: data_tracking_cacheable("x", "train")(robust_cacheable(len)),
            "is cached already",
        ),
    ],
)
def test_what_cannot_be_meant_says_why(call: Callable[[], object], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        call()


# -- what it means -----------------------------------------------------------------------


def test_a_test_on_what_was_trained_on_is_contaminated() -> None:
    log_data_access("prices", "2020", "2022", "train")
    log_data_access("prices", "2022-07", "2023", "test")
    log_data_access("other", "2022-07", "2023", "test")
    [overlap] = DataAccessTracker().contamination().to_dict("records")
    assert overlap["dataset"] == "prices"
    assert overlap["overlap_start"] == pd.Timestamp("2022-07-01")
    assert overlap["overlap_end"] == pd.Timestamp("2022-12-31 23:59:59.999999999")
    assert overlap["order"] == "before the first test"
    assert overlap["contaminates"]
    tests = DataAccessTracker().test_ranges().set_index("dataset")
    assert tests.contaminated_by.to_dict() == {"prices": 1, "other": 0}


WALK = """
from afml_cache import log_data_access

def walk():
    for year in (2020, 2021, 2022):
        log_data_access("prices", "2018", str(year - 1), "train")
        log_data_access("prices", str(year - 1), str(year - 1), "validate")
        log_data_access("prices", str(year), str(year), "test")

walk()
walk()
"""


def test_walking_forward_is_clean_however_often(run_python: Callable[..., str]) -> None:
    run_python(WALK)
    run_python(WALK)
    table = DataAccessTracker().contamination()
    assert set(table.order) == {"between tests"}
    assert not table.contaminates.any()
    tests = DataAccessTracker().test_ranges()
    assert tests.touches.tolist() == [4, 4, 4]
    assert tests.contaminated_by.tolist() == [0, 0, 0]
    said = " ".join(DataAccessTracker().report().split())
    assert "!" not in said
    # 2020 was trained on for 2021 and 2022, and validated on for 2021.
    assert "(3 ranges that overlap it came before the last one, for other tests" in said


def test_training_on_the_test_before_testing_again_is_not_clean() -> None:
    log_data_access("prices", "2019", "2019", "train")
    log_data_access("prices", "2020", "2020", "test")
    log_data_access("prices", "2019", "2020", "train")
    assert not DataAccessTracker().contamination().contaminates.any()
    log_data_access("prices", "2020", "2020", "test")
    [overlap] = DataAccessTracker().contamination().to_dict("records")
    assert (overlap["order"], overlap["contaminates"]) == ("between tests", True)
    assert "! 2020-01-01 to 2020-12-31 was trained on between tests, once" in " ".join(
        DataAccessTracker().report().split()
    )


def test_who_only_tests_is_held_against_all_that_was_trained_before(
    run_python: Callable[..., str],
) -> None:
    log = "import sys; from afml_cache import log_data_access; log_data_access(*sys.argv[1:])"
    run_python(log, "prices", "2019", "2020", "train")
    run_python(log, "prices", "2020", "2020", "test")
    run_python(log, "prices", "2020", "2021", "train")
    table = DataAccessTracker().contamination()
    assert table.contaminates.tolist() == [True, False]
    run_python(log, "prices", "2020", "2020", "test")
    assert DataAccessTracker().contamination().contaminates.tolist() == [True, True]


def test_folds_in_threads_are_held_against_their_own_training() -> None:
    def in_a_thread(*calls: tuple[str, str, str, str]) -> Callable[[], None]:
        """Make the calls one after the other, each when it is asked for, in one new thread."""
        turn, made = threading.Semaphore(0), threading.Semaphore(0)

        def work() -> None:
            for call in calls:
                turn.acquire()
                log_data_access(*call)
                made.release()

        threading.Thread(target=work, daemon=True).start()

        def next_call() -> None:
            turn.release()
            assert made.acquire(timeout=30)

        return next_call

    first = in_a_thread(("own", "2019", "2019", "train"), ("own", "2020", "2020", "test"))
    second = in_a_thread(("own", "2020", "2020", "train"), ("own", "2021", "2021", "test"))
    first(), second(), first(), second()
    [overlap] = DataAccessTracker().contamination().to_dict("records")
    assert (overlap["order"], overlap["contaminates"]) == ("before the first test", False)
    # A thread that has trained on nothing tests what the others have.
    log_data_access("other", "2020", "2020", "train")
    in_a_thread(("other", "2020", "2020", "test"))()
    table = DataAccessTracker().contamination()
    assert table[table.dataset == "other"].contaminates.tolist() == [True]


def test_the_report_of_many_folds_shows_the_worst_and_counts_the_rest() -> None:
    for day in range(40):
        date = f"{pd.Timestamp('2021-01-01') + pd.Timedelta(days=day):%Y-%m-%d}"
        log_data_access("prices", "2020", "2020", "train")
        if day == 33:
            log_data_access("prices", date, date, "tune")
        log_data_access("prices", date, date, "test")
    report = DataAccessTracker().report()
    assert len(report.splitlines()) < 60
    said = " ".join(report.split())
    assert "! 2021-02-03 to 2021-02-03 was tuned on before the first test, once" in said
    assert "and 30 more tested ranges, 0 of them trained or tuned on before" in said


def test_ranges_that_only_meet_at_their_ends_do_not_overlap() -> None:
    log_data_access("prices", "2020", "2021-12-31", "train")
    log_data_access("prices", "2022-01-01", "2022", "test")
    assert DataAccessTracker().contamination().empty


def test_a_test_set_that_was_looked_at_fifty_times_is_told() -> None:
    for day in range(1, 26):
        log_data_access("prices", "2022", f"2022-12-{day:02}", "test")
        log_data_access("prices", "2022", "2022", "test")
    tests = DataAccessTracker().test_ranges()
    assert tests.touches.max() == 25
    assert (tests.touches_of_any_part == 50).all()
    assert "parts of it were tested 50 times" in " ".join(DataAccessTracker().report().split())


def test_the_report_can_be_read_in_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    print_contamination_report()
    assert "no access to data is logged in" in capsys.readouterr().out
    log_data_access("prices", "2020", "2022", "train")
    log_data_access("prices", "2021", "2022", "validate")
    log_data_access("prices", "2021", "2022", "validate")
    log_data_access("prices", "2020", "2023", "charts")
    for _ in range(12):
        log_data_access("prices", "2022-07", "2023", "test")
    print_contamination_report()
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    said = " ".join(text.split())
    assert "training: 2020-01-01 to 2022-12-31, once in one range" in said
    assert "charts: 2020-01-01 to 2023-12-31, once in one range" in said
    assert "testing: 2022-07-01 to 2023-12-31, 12 times since 20" in said
    assert "2022-07-01 to 2022-12-31 was trained on before the first test, once (train on" in said
    assert "was tuned on first before the first test, twice in all" in said
    assert "is no test set any more" in said
    assert f"{Path(__file__).name}:" in said


def test_hours_are_shown_where_they_matter() -> None:
    hour = 3600 * 10**9
    assert report.span(report.Extent(0, hour, False)) == "1970-01-01 to 1970-01-01 01:00"
    assert report.span(report.Extent(hour // 3600, 2 * hour, False)).startswith(
        "1970-01-01 00:00:01 to"
    )


# -- records -----------------------------------------------------------------------------


def test_they_are_saved_without_being_asked_and_never_cleared(store: Store) -> None:
    training("2021")
    clear_afml_cache(warn=False)
    assert accesses()["count"].tolist() == [1]
    path = store.directory / "records" / "data_access.sqlite"
    assert DataAccessTracker().path == path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_threads_lose_no_count() -> None:
    def log() -> None:
        for _ in range(50):
            log_data_access("prices", "2020", "2021", "test")

    threads = [threading.Thread(target=log) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert accesses()["count"].sum() == 200


WRITER = """
import sys
from afml_cache import log_data_access
for number in range(int(sys.argv[1])):
    log_data_access("prices", "2020", f"20{20 + number % 7}", "test")
    print(number, flush=True)
"""


def test_killed_processes_lose_nothing_that_they_logged(
    start_python: Callable[..., subprocess.Popen[str]],
) -> None:
    killed = start_python(WRITER, "1000000", name="writer.py")
    other = start_python(WRITER, "40", name="writer.py")
    assert killed.stdout is not None
    logged = 0
    while logged < 25:
        logged = int(killed.stdout.readline()) + 1
    killed.send_signal(signal.SIGKILL)
    logged += len(killed.stdout.read().split())
    assert other.wait(60) == 0
    counted = accesses()["count"].sum() - 40
    # It may have been killed between the log and the word of it.
    assert logged <= counted <= logged + 1


@pytest.mark.slow
def test_four_processes_of_which_two_are_killed_count_exactly(
    start_python: Callable[..., subprocess.Popen[str]],
) -> None:
    steady = [start_python(WRITER, "200", name="writer.py") for _ in range(2)]
    killed = [start_python(WRITER, "1000000", name="writer.py") for _ in range(2)]
    logged = 0
    for process in killed:
        assert process.stdout is not None
        for _ in range(100):
            process.stdout.readline()
            logged += 1
    for process in killed:
        process.kill()
        assert process.stdout is not None
        logged += len(process.stdout.read().split())
    assert [process.wait(60) for process in steady] == [0, 0]
    counted = accesses()["count"].sum() - 400
    assert logged <= counted <= logged + 2


@pytest.mark.slow
def test_processes_that_begin_the_records_at_once_lose_no_count(
    start_python: Callable[..., subprocess.Popen[str]],
) -> None:
    script = """
        from afml_cache import log_data_access
        import afml_cache.data_access.records
        print("ready", flush=True)
        input()
        log_data_access("prices", "2020", "2021", "test")
    """
    begun = [start_python(script, name="beginner.py") for _ in range(8)]
    for process in begun:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in begun:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait(60) for process in begun] == [0] * 8
    assert accesses()["count"].sum() == 8


def test_a_long_list_is_not_searched_for_frames() -> None:
    @data_tracking_cacheable("ticks", "train")
    def ticks(start: str, end: str) -> list[pd.Series]:
        return [PRICES.close[:1]] * 20_000

    ticks("2024", "2024")
    assert ranges_of(accesses()) == [("2024-01-01", "2024-12-31")]


def test_a_forked_process_counts_by_itself() -> None:
    log_data_access("prices", "2020", "2021", "train")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads about
        child = os.fork()
    if child == 0:
        log_data_access("prices", "2020", "2022", "train")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    log_data_access("prices", "2020", "2021", "train")
    assert accesses()["count"].tolist() == [1, 1, 1]


def test_records_that_were_moved_away_are_begun_anew() -> None:
    log_data_access("prices", "2020", "2021", "train")
    path = DataAccessTracker().path
    for file in path.parent.glob("data_access*"):
        file.rename(file.with_name(f"old_{file.name}"))
    log_data_access("prices", "2020", "2021", "train")
    assert accesses()["count"].tolist() == [1]


def counted_in(archive: Path | None) -> int:
    assert archive is not None
    with contextlib.closing(sqlite3.connect(archive)) as db:
        return int(db.execute("SELECT sum(count) FROM access").fetchone()[0])


def test_beginning_anew_takes_all_along(
    start_python: Callable[..., subprocess.Popen[str]],
) -> None:
    assert DataAccessTracker().begin_anew() is None
    killed = start_python(WRITER, "1000000", name="writer.py")
    assert killed.stdout is not None
    for _ in range(20):
        killed.stdout.readline()
    killed.kill()
    logged = 20 + len(killed.stdout.read().split())
    log_data_access("prices", "2020", "2021", "train")
    archive = DataAccessTracker().begin_anew()
    assert logged + 1 <= counted_in(archive) <= logged + 2
    assert accesses().empty
    log_data_access("prices", "2020", "2021", "train")  # by the connection that was open
    assert accesses()["count"].tolist() == [1]
    assert counted_in(DataAccessTracker().begin_anew()) == 1  # in the same second, maybe


def test_beginning_anew_loses_no_access_of_those_who_log_meanwhile() -> None:
    done = threading.Event()

    def log() -> None:
        for _ in range(200):
            log_data_access("prices", "2020", "2021", "test")
        done.set()

    thread = threading.Thread(target=log)
    thread.start()
    archived = 0
    while not done.is_set():
        archive = DataAccessTracker().begin_anew()
        archived += counted_in(archive) if archive and not is_empty(archive) else 0
    thread.join()
    assert archived + accesses()["count"].sum() == 200


def is_empty(archive: Path) -> bool:
    with contextlib.closing(sqlite3.connect(archive)) as db:
        return not db.execute("SELECT count(*) FROM access").fetchone()[0]


def test_the_log_of_records_that_were_moved_by_hand_is_kept_and_told(
    start_python: Callable[..., subprocess.Popen[str]],
) -> None:
    killed = start_python(WRITER, "1000000", name="writer.py")
    assert killed.stdout is not None
    for _ in range(20):
        killed.stdout.readline()
    killed.kill()
    logged = 20 + len(killed.stdout.read().split())
    path = DataAccessTracker().path
    moved = path.with_name("old.sqlite")
    path.rename(moved)
    with pytest.warns(CacheWarning, match="moved away without its write-ahead log") as told:
        log_data_access("prices", "2020", "2021", "train")
    assert accesses()["count"].tolist() == [1]
    (log,) = path.parent.glob("*.left-*-wal")
    assert log.name in str(told[0].message)
    log.rename(moved.with_name("old.sqlite-wal"))
    assert logged <= counted_in(moved) <= logged + 1


def test_damaged_records_cost_a_warning_and_no_result(store: Store) -> None:
    path = store.directory / "records" / "data_access.sqlite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database at all " * 500)
    with pytest.warns(CacheWarning, match="could not be recorded .*begin_anew") as caught:
        assert len(training("2021")) == len(PRICES.loc[:"2021"])
        training("2021")
    assert len(caught) == 1
    with pytest.raises(ReportError, match="begin_anew"):
        accesses()
    assert path.read_bytes().startswith(b"no database")
    aside = DataAccessTracker().begin_anew()
    assert aside is not None
    assert aside.read_bytes().startswith(b"no database")
    training("2021")
    assert accesses()["count"].tolist() == [1]


def test_records_from_before_tests_were_judged_are_read() -> None:
    log_data_access("prices", "2020", "2021", "train")
    log_data_access("prices", "2020", "2020", "test")
    path = DataAccessTracker().path
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript("DROP TABLE tested; DROP TABLE trained")
    assert DataAccessTracker().contamination().contaminates.tolist() == [True]


def test_records_of_another_shape_are_told_not_touched(store: Store) -> None:
    path = store.directory / "records" / "data_access.sqlite"
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE access (something TEXT)")
    with pytest.warns(CacheWarning, match="could not be recorded"):
        training("2021")


def test_in_mode_readonly_nothing_is_written(store: Store) -> None:
    training("2021")
    configure(mode="readonly")
    with pytest.warns(CacheWarning, match="are not recorded, since .* 'readonly'"):
        training("2021")
    assert accesses()["count"].tolist() == [1]


def test_with_the_cache_switched_off_accesses_still_count() -> None:
    configure(mode="off")
    training("2021"), training("2021")
    assert RAN == ["training"] * 2
    assert accesses()["count"].sum() == 2


def test_a_directory_can_be_named(tmp_path: Path) -> None:
    tracker = DataAccessTracker(tmp_path / "shared")
    tracker.log_data_access("prices", "2020", "2021", "train")
    assert len(tracker.accesses()) == 1
    assert accesses().empty
    assert tracker.test_ranges().empty
    assert "testing: never" in tracker.report()
