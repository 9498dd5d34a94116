"""What cached calls give back, told to whoever watches."""

from __future__ import annotations

import asyncio
import threading

import pytest

import afml_cache
from afml_cache import cacheable, robust_cacheable, watch_returns


@robust_cacheable
def double(x):
    return 2 * x


@cacheable
def old_double(x):
    return 2 * x


@robust_cacheable
def outer(x):
    return double(x) + 1


@robust_cacheable
def fails(x):
    raise ValueError(x)


@robust_cacheable
async def later(x):
    await asyncio.sleep(0)
    return await inner(x) + 1


@robust_cacheable
async def inner(x):
    await asyncio.sleep(0)
    return x


def told(calls):
    return [
        (call.function.rpartition(".")[2], call.value, call.outcome and str(call.outcome.outcome))
        for call in calls
    ]


@pytest.mark.parametrize("function", [double, old_double])
def test_a_call_is_told_with_its_value_and_what_became_of_it(store, function):
    calls = []
    with watch_returns(calls.append):
        assert function(3) == function(3) == 6
    assert [(c.value, str(c.outcome.outcome)) for c in calls] == [(6, "computed"), (6, "hit")]
    assert all(call.seconds > 0 and call.error is None for call in calls)


def test_calls_inside_of_calls_are_told_each_with_its_own_outcome(store):
    double(3)
    calls = []
    with watch_returns(calls.append):
        outer(3)
    assert told(calls) == [("double", 6, "hit"), ("outer", 7, "computed")]


def test_an_exception_is_told_and_reaches_the_caller(store):
    calls = []
    with watch_returns(calls.append), pytest.raises(ValueError, match="3"):
        fails(3)
    (call,) = calls
    assert isinstance(call.error, ValueError) and call.outcome.reason == "first_call"


def test_tasks_that_run_at_once_are_told_apart(store):
    async def both():
        return await asyncio.gather(*(later(x) for x in range(5)))

    calls = []
    with watch_returns(calls.append):
        assert asyncio.run(both()) == [1, 2, 3, 4, 5]
    assert sorted(c.value for c in calls if c.function.endswith("later")) == [1, 2, 3, 4, 5]
    assert all(call.outcome.function == call.function for call in calls)


def test_calls_of_all_threads_are_told(store):
    calls = []
    with watch_returns(calls.append):
        threads = [threading.Thread(target=double, args=(x,)) for x in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(call.value for call in calls) == [0, 2, 4, 6, 8, 10, 12, 14]


def test_what_watching_takes_is_in_no_callers_seconds(store):
    clock = threading.Event()
    calls = []

    def slowly(call):
        calls.append(call)
        clock.wait(0.2)

    with watch_returns(slowly):
        outer(4)
    assert {call.function.rpartition(".")[2]: call.seconds < 0.2 for call in calls} == {
        "double": True,
        "outer": True,
    }


def test_a_method_is_told(store):
    class Labels:
        def __afml_key__(self):
            return 1

        @robust_cacheable
        def of(self, x):
            return x

    calls = []
    with watch_returns(calls.append):
        Labels().of(1)
    assert calls[0].value == 1


def test_while_nobody_watches_the_call_path_is_the_plain_one(store):
    from afml_cache.legacy import JoblibCachedFunction
    from afml_cache.memo import CachedFunction

    plain = CachedFunction.__call__, JoblibCachedFunction.__call__
    first, second = watch_returns(print), watch_returns(print)
    assert CachedFunction.__call__ is not plain[0]
    first.close()
    assert CachedFunction.__call__ is not plain[0]
    second.close()
    second.close()
    assert (CachedFunction.__call__, JoblibCachedFunction.__call__) == plain


def test_descriptions_tell_what_differs():
    import pandas as pd

    days = pd.date_range("2024-01-01", periods=4)
    before = pd.DataFrame({"close": [1.0, 2.0, 3.0, 4.0]}, index=days)
    describe = afml_cache.describe_value
    assert describe(before)["digest"] == afml_cache.content_key(before)
    assert afml_cache.compare_descriptions(describe(before), describe(before.copy())) == []
    narrow = before.astype("float32")
    assert afml_cache.compare_descriptions(describe(before), describe(narrow), "the result") == [
        "the result, column close: dtype was float64, is float32"
    ]
    assert afml_cache.value_in_words(describe(before["close"])).startswith("pandas.Series of float")
