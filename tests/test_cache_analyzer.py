"""A ``CacheAnalyzer`` counts what happened inside its block, and nothing else."""

from __future__ import annotations

import threading

import pytest

from afml_cache import CacheAnalyzer, cacheable, robust_cacheable


@robust_cacheable
def f(number):
    return number


@cacheable
def g(number):
    return number


def test_calls_inside_the_block_are_counted_and_others_are_not():
    f(1)
    with CacheAnalyzer() as analyzer:
        f(1), f(2), g(1), g(1), g(1)
    f(3)
    assert (analyzer.calls, analyzer.hits, analyzer.misses) == (5, 3, 2)
    assert f"{analyzer.hit_rate:.1%}" == "60.0%"
    ours, joblibs = analyzer.functions[f.identity], analyzer.functions[g.identity]
    assert (ours.hits, ours.misses, dict(ours.reasons)) == (1, 1, {"argument": 1})
    assert (joblibs.hits, joblibs.misses, dict(joblibs.reasons)) == (2, 1, {"first_call": 1})
    assert ours.hit_rate == 0.5 and ours.seconds_computed > 0.0
    assert analyzer.seconds > ours.seconds_computed
    assert f"{g.identity}: 3 calls, 2 hits, 1 misses (1 first_call)" in str(analyzer)


def test_a_block_without_calls_has_a_rate_of_zero():
    with CacheAnalyzer() as analyzer:
        pass
    assert (analyzer.calls, analyzer.hit_rate, analyzer.functions) == (0, 0.0, {})


def test_misses_are_explained_on_request():
    f(1)
    with CacheAnalyzer(explain=True) as analyzer:
        f(2)
    (text,) = analyzer.explained
    assert text == f"{f.identity}: number was 1, is 2" and text in str(analyzer)


def test_what_a_block_raises_passes_through_and_ends_it():
    analyzer = CacheAnalyzer()

    def block():
        with analyzer:
            f(1)
            raise KeyError

    with pytest.raises(KeyError):
        block()
    f(1)
    assert analyzer.calls == 1


def test_blocks_nest_but_one_analyzer_does_not():
    with CacheAnalyzer() as outer:
        f(1)
        with CacheAnalyzer() as inner:
            f(1)
        with pytest.raises(RuntimeError, match="make another one"), outer:
            pass
        f(1)
    assert (outer.calls, inner.calls) == (3, 1)


def test_all_threads_are_counted():
    f(1)
    with CacheAnalyzer() as analyzer:
        threads = [threading.Thread(target=lambda: [f(1) for _ in range(200)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (analyzer.calls, analyzer.hits) == (800, 800)
