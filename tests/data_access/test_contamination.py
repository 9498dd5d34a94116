"""What accesses mean: which tests were of what had been trained on them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from afml_cache import (
    DataAccessTracker,
    log_data_access,
    print_contamination_report,
)
from afml_cache.data_access import report


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
    # ... and nothing that was tested before.
    log_data_access("third", "2020", "2020", "train")
    log_data_access("third", "2021", "2021", "test")
    log_data_access("third", "2019", "2019", "train")
    in_a_thread(("third", "2020", "2020", "test"))()
    table = DataAccessTracker().contamination()
    assert table[table.dataset == "third"].contaminates.tolist() == [False]


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
