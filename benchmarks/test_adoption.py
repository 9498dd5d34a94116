"""What adopting joblib's entries costs, against joblib's own hits on them and against none."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import arms
import joblib
import pandas as pd
import pytest

from afml_cache import configure, robust_cacheable, use_store
from afml_cache.settings import reset

#: Calls that are adopted in one measured round.
CALLS = 100


@pytest.fixture
def adopt_from(tmp_path: Path) -> Iterator[Path]:
    """A folder of joblib's that is adopted from, whatever store is in use."""
    place = tmp_path / "joblib"
    configure(adopt_from=place)
    yield place
    reset()


def warm(place: Path, function: Callable[..., Any], calls: list[tuple[Any, ...]]) -> Any:
    """``function`` under joblib, with the results of the calls stored."""
    memorized = joblib.Memory(str(place), verbose=0).cache(function)
    for call in calls:
        memorized(*call)
    return memorized


def adopt_all(place: Path, function: Callable[..., Any], calls: list[tuple[Any, ...]]) -> None:
    """Adopt every call into a new store."""
    migrated = robust_cacheable(function)
    with use_store(place):
        for call in calls:
            migrated(*call)
        info = migrated.cache_info()
    assert (info.adopted, info.computed) == (len(calls), 0)


@pytest.mark.parametrize("kind", ["scalars", "1000 x 10"])
@pytest.mark.parametrize("arm", ["afml_cache", "joblib"])
def test_adopted_calls(
    benchmark: Any, tmp_path: Path, adopt_from: Path, arm: str, kind: str
) -> None:
    benchmark.group = f"adopt {kind}"
    benchmark.extra_info["arm"] = arm
    frame = arms.middle_frame()
    function: Callable[..., Any] = arms.add if kind == "scalars" else arms.total
    calls: list[tuple[Any, ...]] = (
        [(i, i + 1) for i in range(CALLS)]
        if kind == "scalars"
        else [(frame + i,) for i in range(CALLS)]
    )
    memorized = warm(adopt_from, function, calls)
    if arm == "joblib":

        def hit_all() -> None:
            for call in calls:
                memorized(*call)

        benchmark.pedantic(hit_all, rounds=10, iterations=1, warmup_rounds=1)
        return
    places = (tmp_path / f"store {number}" for number in itertools.count())
    benchmark.pedantic(
        adopt_all,
        setup=lambda: ((next(places), function, calls), {}),
        rounds=10,
        warmup_rounds=1,
    )


@pytest.mark.parametrize("arm", ["10,000 entries", "none"])
def test_a_miss_beside_entries_that_do_not_fit(
    benchmark: Any, tmp_path: Path, adopt_from: Path, arm: str
) -> None:
    """An 80 MB argument that the old decorator never saw."""
    benchmark.group = "miss beside entries"
    benchmark.extra_info["arm"] = arm
    if arm != "none":
        memorized = warm(adopt_from, arms.total, [(pd.DataFrame({"a": [1.0]}),)])
        (entry,) = Path(memorized.store_backend.location, memorized.func_id).glob("*/output.pkl")
        for number in range(10_000):
            other = entry.parent.with_name(f"{number:032x}")
            other.mkdir()
            (other / "output.pkl").write_bytes(entry.read_bytes())
    frame = arms.big_frame()
    places = (tmp_path / f"store {number}" for number in itertools.count())
    migrated = robust_cacheable(arms.total)

    def miss(place: Path) -> None:
        with use_store(place):
            migrated(frame)

    benchmark.pedantic(miss, setup=lambda: ((next(places),), {}), rounds=7, warmup_rounds=1)
