"""How long a hit takes, all in all, against peers."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import arms
import pytest

PEERS = ["afml_cache", "joblib", "diskcache", "cachier"]


@pytest.mark.parametrize("peer", PEERS)
def test_hit_on_two_scalars(benchmark: Any, tmp_path: Path, peer: str) -> None:
    benchmark.group = "hit scalars"
    benchmark.extra_info["arm"] = peer
    with arms.cached_by(peer, arms.add, tmp_path) as cached:
        # A hundred calls in turn: nobody shall be fast by remembering just the last one.
        calls = [(i, i + 1) for i in range(100)]
        for call in calls:
            cached(*call)

        def hit_all() -> None:
            for x, y in calls:
                cached(x, y)

        benchmark.pedantic(hit_all, rounds=60, iterations=1, warmup_rounds=3)


@pytest.mark.parametrize("peer", PEERS)
def test_hit_on_a_frame(benchmark: Any, tmp_path: Path, peer: str) -> None:
    benchmark.group = "hit 1000 x 10"
    benchmark.extra_info["arm"] = peer
    frame = arms.middle_frame()
    with arms.cached_by(peer, arms.total, tmp_path) as cached:
        cached(frame)
        benchmark.pedantic(cached, args=(frame,), rounds=300, iterations=5, warmup_rounds=3)


@pytest.mark.parametrize("peer", ["afml_cache", "joblib"])
def test_hit_on_a_big_argument(benchmark: Any, tmp_path: Path, peer: str) -> None:
    benchmark.group = "hit 80 MB argument"
    benchmark.extra_info["arm"] = peer
    frame = arms.big_frame()
    with arms.cached_by(peer, arms.total, tmp_path) as cached:
        cached(frame)
        benchmark.pedantic(cached, args=(frame,), rounds=15, iterations=1, warmup_rounds=2)


@pytest.mark.parametrize("full_pass", [False, True], ids=["open", "open and read"])
@pytest.mark.parametrize("peer", ["afml_cache", "joblib"])
def test_hit_on_a_big_result(benchmark: Any, tmp_path: Path, peer: str, full_pass: bool) -> None:
    benchmark.group = "hit 80 MB result, read" if full_pass else "hit 80 MB result"
    benchmark.extra_info["arm"] = peer
    with arms.cached_by(peer, arms.build, tmp_path) as cached:
        cached(1)

        def hit() -> float:
            frame = cached(1)
            return float(frame.to_numpy().sum()) if full_pass else float(frame.iloc[0, 0])

        benchmark.pedantic(hit, rounds=15, iterations=1, warmup_rounds=2)


@pytest.mark.parametrize("peer", ["none", "afml_cache", "joblib"])
def test_first_call_with_a_big_result(benchmark: Any, tmp_path: Path, peer: str) -> None:
    benchmark.group = "first call 80 MB result"
    benchmark.extra_info["arm"] = peer
    numbers = itertools.count()
    options = {"setup": lambda: ((next(numbers),), {}), "rounds": 9, "warmup_rounds": 1}
    if peer == "none":
        benchmark.pedantic(arms.build, **options)
        return
    with arms.cached_by(peer, arms.build, tmp_path) as cached:
        benchmark.pedantic(cached, **options)


@pytest.mark.parametrize("entries", [100, 100_000])
def test_hit_among_many_entries(benchmark: Any, tmp_path: Path, entries: int) -> None:
    benchmark.group = "hit among entries"
    benchmark.extra_info["arm"] = str(entries)
    with arms.cached_by("afml_cache", arms.add, tmp_path) as cached:
        for i in range(entries):
            cached(i, 1)
        step = max(1, entries // 100)
        calls = [(i, 1) for i in range(0, entries, step)][:100]

        def hit_all() -> None:
            for x, y in calls:
                cached(x, y)

        benchmark.pedantic(hit_all, rounds=60, iterations=1, warmup_rounds=3)
