"""What somebody could trip over when results of the old decorator are adopted."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    CacheWarning,
    ConfigurationError,
    Reason,
    cacheable,
    configure,
    invalidate,
    robust_cacheable,
    time_aware_cacheable,
)
from afml_cache.store.store import Store

ROOT = Path(__file__).resolve().parent.parent.parent
RAN: list[object] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    RAN.clear()


def apply_to(function: Any, values: Any) -> Any:
    RAN.append(function)
    return function(values)


def described(frame: Any, label: str) -> int:
    RAN.append(label)
    return len(frame)


def between(symbol: str, start: Any, end: Any) -> list[Any]:
    RAN.append(start)
    return [symbol, str(start), str(end)]


# -- closures --------------------------------------------------------------------------


class Scale:
    def __init__(self, by: int) -> None:
        self.by = by

    def __call__(self, x: int) -> int:
        return x * self.by


def scaled(by: int, x: int) -> int:
    return x * by


def twice(x: int) -> int:
    return 2 * x


def factory(transform: Callable[[int], int], decorator: Any) -> Any:
    @decorator
    def transformed(x: int) -> int:
        RAN.append(x)
        return transform(x)

    return transformed


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (twice, functools.partial(scaled, 3)),
        (Scale(2), Scale(7)),
        (functools.partial(scaled, 2), functools.partial(scaled, 7)),
        (twice, lambda x: x * 3),
        (int, float),
    ],
    ids=["another function", "another instance", "another partial", "a lambda", "another class"],
)
def test_what_a_factory_is_given_is_not_in_joblibs_key(before: Any, after: Any) -> None:
    factory(before, cacheable)(5)
    RAN.clear()
    migrated = factory(after, robust_cacheable)
    assert migrated(5) == after(5)
    assert RAN == [5]
    assert migrated.cache_info().reasons["adoption_refused"] == 1


def nest(decorator: Any) -> Any:
    def inner(x: int) -> int:
        return x + 1

    @decorator
    def outer(x: int) -> int:
        RAN.append(x)
        return np.int64(inner(x)).item()

    return outer


def test_what_the_factory_itself_defines_is_the_same_for_all_its_functions() -> None:
    nest(cacheable)(5)
    RAN.clear()
    assert nest(robust_cacheable)(5) == 6
    assert RAN == []


# -- arguments whose key leaves a trace ------------------------------------------------


ARGUMENTS: dict[str, Callable[[], Any]] = {
    "periods in the index": lambda: pd.DataFrame(
        {"v": range(4)}, index=pd.period_range("2024-01", periods=4, freq="M")
    ),
    "periods in a column": lambda: pd.DataFrame(
        {"v": pd.period_range("2024-01", periods=4, freq="M")}
    ),
    "periods made from times": lambda: pd.Series(
        range(4), index=pd.date_range("2024-01-31", periods=4, freq="ME").to_period("M")
    ),
    "times with a zone": lambda: pd.Series(
        range(4), index=pd.date_range("2024-01-01", periods=4, tz="UTC")
    ),
    "categories": lambda: pd.Series(pd.Categorical(["a", "b"])),
    "intervals": lambda: pd.Series(range(2), index=pd.interval_range(0, 2)),
    "a list of frames": lambda: [pd.DataFrame({"t": pd.date_range("2024", periods=2)})],
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_one_argument_is_adopted_by_several_functions_one_after_the_other(name: str) -> None:
    """The first key or description must not hide the entry of the second call."""
    for label in "abc":
        cacheable(described)(ARGUMENTS[name](), label)
    RAN.clear()
    value, migrated = ARGUMENTS[name](), time_aware_cacheable(described)
    for label in "abc":
        migrated(value, label)
    assert RAN == []
    assert migrated.cache_info().adopted == 3


@pytest.mark.parametrize(
    "function",
    [functools.partial(scaled, 2), np.sum, np.negative, np.vectorize(abs), np.poly1d([1, 2])],
    ids=["a partial", "np.sum", "np.negative", "np.vectorize", "np.poly1d"],
)
def test_functions_as_arguments_are_adopted_once_and_hit_from_then_on(function: Any) -> None:
    cacheable(apply_to)(function, 3)
    RAN.clear()
    migrated = robust_cacheable(apply_to)
    assert [migrated(function, 3), migrated(function, 3)] == [function(3)] * 2
    assert RAN == []
    info = migrated.cache_info()
    assert (info.adopted, info.hits, info.entries) == (1, 1, 1)
    assert migrated.explain(function, 3).reason is None


# -- clearing --------------------------------------------------------------------------


def test_what_was_cleared_while_nothing_was_adopted_stays_cleared() -> None:
    cacheable(twice)(4)
    migrated = robust_cacheable(twice)
    configure(adopt=False)
    migrated.cache_clear()
    configure(adopt=True)
    assert migrated(4) == 8
    assert migrated.cache_info().adopted == 0


def test_a_period_is_barred_under_the_other_decorator_too() -> None:
    cacheable(between)("A", "2024-03-01", "2024-03-31")
    cacheable(between)("A", "2023-03-01", "2023-03-31")
    invalidate(time_aware_cacheable(between), since="2024-03")
    RAN.clear()
    migrated = robust_cacheable(between)
    migrated("A", "2024-03-01", "2024-03-31")
    assert RAN == ["2024-03-01"]


# -- words and settings ----------------------------------------------------------------


def test_explain_tells_of_the_call_that_normalised_dates_make() -> None:
    cacheable(between)("A", "2024-03-01", "2024-03-31")
    normal = time_aware_cacheable(dates="normalise")(between)
    told = normal.explain("A", "2024-03-01", "2024-03-31")
    assert told.reason is Reason.FIRST_CALL
    RAN.clear()
    normal("A", "2024-03-01", "2024-03-31")
    assert [pd.Timestamp("2024-03-01")] == RAN


@pytest.mark.parametrize("value", [5, 1.5, [1], [None], object()])
def test_a_place_that_is_no_path_is_refused_in_words(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="adopt_from"):
        configure(adopt_from=value)


def test_a_place_that_is_not_there_is_told_once(tmp_path: Path) -> None:
    configure(adopt_from=tmp_path / "a typo")
    migrated = robust_cacheable(twice)
    with pytest.warns(CacheWarning, match="a typo") as told:
        assert [migrated(1), migrated(2)] == [2, 4]
    assert len(told) == 1


def test_the_environment_switches_adoption_off(
    store: Store, run_python: Callable[..., str]
) -> None:
    script = """
        from afml_cache import {name}

        @{name}
        def f(x):
            print("computed")
            return x

        f(1)
    """
    run_python(script.format(name="cacheable"), name="study.py")
    new = script.format(name="robust_cacheable")
    assert run_python(new, name="study.py", AFML_CACHE_ADOPT="off") == "computed"


# -- faults ----------------------------------------------------------------------------


def test_a_program_with_a_very_long_path_computes(tmp_path: Path, store: Store) -> None:
    (store.directory / "joblib_cache").mkdir(parents=True)
    folder = tmp_path.joinpath(*["a folder with a rather long name"] * 8)
    folder.mkdir(parents=True)
    script = folder / "study.py"
    script.write_text(
        "from afml_cache import robust_cacheable\n\n\n@robust_cacheable\ndef f(x):\n"
        "    return x\n\n\nprint(f(1), f.cache_clear(), f.explain(2).reason)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert done.stdout.split() == ["1", "1", "first_call"], done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
@pytest.mark.parametrize("closed", ["", "joblib_cache", "joblib_cache/joblib"])
def test_folders_that_may_not_be_entered_cost_no_result(tmp_path: Path, closed: str) -> None:
    base = tmp_path / "shared"
    (base / "joblib_cache" / "joblib").mkdir(parents=True)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    base.chmod(0o777)
    (base / closed).chmod(0o700)
    script = tmp_path / "study.py"
    # Everything is imported before this process becomes somebody who may not read it.
    script.write_text(
        f"import os, sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from afml_cache import cacheable, robust_cacheable, use_store\n"
        "@robust_cacheable\ndef f(x):\n    return x\n"
        f"with use_store({str(tmp_path / 'warm')!r}):\n"
        "    cacheable(f.__wrapped__)(0), f(0), f(2), f.explain(3)\n"
        "os.setgid(65534)\nos.setuid(65534)\nprint(f(1))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-B", str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "AFML_CACHE": str(base), "HOME": str(tmp_path)},
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
