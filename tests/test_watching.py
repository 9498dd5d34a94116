"""Cached calls can be watched: each is told once, with its outcome and its reason."""

from __future__ import annotations

import asyncio

import pytest

from afml_cache import cacheable, configure, robust_cacheable, watch_calls


@robust_cacheable
def labels(number, window=20):
    return number * window


@cacheable
def features(number):
    return number + 1


@robust_cacheable
def one(value):
    return 1


@robust_cacheable
def failing(number):
    raise ValueError(number)


@robust_cacheable
async def later(number):
    return number


def told(make_calls, **how):
    calls = []
    with watch_calls(calls.append, **how):
        make_calls()
    return calls


def in_short(calls):
    return [(call.function.rpartition(".")[2], str(call.outcome), call.reason) for call in calls]


def test_each_call_is_told_once_as_it_ends(store):
    def calls():
        labels(1), labels(1), labels(2)
        features(1), features(1)
        asyncio.run(later(1))
        with pytest.raises(ValueError):
            failing(1)
        one(object())

    with pytest.warns(match="no content key"):
        found = told(calls)
    assert in_short(found) == [
        ("labels", "computed", "first_call"),
        ("labels", "hit", None),
        ("labels", "computed", "argument"),
        ("features", "computed", "first_call"),
        ("features", "hit", None),
        ("later", "computed", "first_call"),
        ("failing", "computed", "first_call"),
        ("one", "computed", "unkeyable"),
    ]
    assert found[0].key == labels.cache_key(1)
    assert not told(lambda: None), "nobody is told of calls that were made before"
    assert "object()" in found[-1].differences[0]


def test_the_watched_calls_are_those_that_the_store_counts(store):
    found = told(lambda: [labels(n % 3) for n in range(10)])
    info = labels.cache_info()
    assert sum(call.was_served for call in found) == info.hits == 7
    assert sum(not call.was_served for call in found) == info.misses == 3


def test_a_miss_is_explained_to_whoever_asks(store):
    labels(1, window=20)
    (call,) = told(lambda: labels(1, window=21), explain=True)
    assert call.differences == ("window was 20, is 21",)
    assert call.closest == labels.cache_key(1, window=20)
    (silent,) = told(lambda: labels(1, window=22))
    assert silent.differences == ()


def test_only_so_many_misses_are_explained(store):
    labels(0)
    found = told(lambda: [labels(n) for n in range(1, 61)], explain=True)
    assert [bool(call.differences) for call in found] == [True] * 50 + [False] * 10


def test_calls_while_the_cache_is_off_are_told_too(store):
    configure(mode="off")
    assert in_short(told(lambda: (labels(1), features(1)))) == [
        ("labels", "computed", "mode_off"),
        ("features", "computed", "mode_off"),
    ]


def test_an_adopted_result_is_told_as_adopted(store, run_python):
    script = """
        from afml_cache import {0} as decorate, watch_calls
        @decorate
        def slow(x):
            return x
        calls = []
        with watch_calls(calls.append):
            slow(1), slow(1)
        print([str(call.outcome) for call in calls])
    """
    assert run_python(script.format("cacheable")) == "['computed', 'hit']"
    assert run_python(script.format("robust_cacheable")) == "['adopted', 'hit']"
