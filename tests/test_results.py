"""What cached calls return can be watched: a digest each, the same under every decorator."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time

import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    cacheable,
    configure,
    content_key,
    robust_cacheable,
    time_aware_cacheable,
    value_differences,
    watch_calls,
    watch_results,
)


def frame(rows=3):
    index = pd.date_range("2024-01-01", periods=rows, tz="UTC")
    return pd.DataFrame({"close": np.arange(rows, dtype=float)}, index=index)


@cacheable
def old(rows, verbose=False):
    return frame(rows)


@robust_cacheable
def new(rows, verbose=False):
    return frame(rows)


@robust_cacheable(ignore="verbose")
def quiet(rows, verbose=False):
    return rows


@cacheable(ignore=["verbose"])
def old_quiet(rows, verbose=False):
    return rows


@robust_cacheable
def one(value):
    return 1


@time_aware_cacheable
def aware(rows, verbose=False):
    return frame(rows)


@robust_cacheable
def failing(number):
    raise ValueError(number)


@robust_cacheable
def refuses(value):
    return (n for n in range(3))


@robust_cacheable
async def later(number):
    await asyncio.sleep(0)
    return [number]


@robust_cacheable
def inner(number):
    return number + 1


@robust_cacheable
def outer(number):
    return inner(number) * 2


class Model:
    def __init__(self, alpha):
        self.alpha = alpha

    @robust_cacheable
    def fit(self, number):
        return self.alpha * number

    @cacheable
    def fit_old(self, number):
        return self.alpha * number


def told(make_calls):
    results = []
    with watch_results(results.append):
        make_calls()
    return results


def in_short(results):
    return [
        (result.call.function.rpartition(".")[2], str(result.call.outcome)) for result in results
    ]


def test_a_digest_is_the_same_computed_served_and_under_every_decorator(store):
    results = told(lambda: [f(3) for f in (old, new, aware) for _ in range(2)])
    assert in_short(results) == [
        ("old", "computed"),
        ("old", "hit"),
        ("new", "computed"),
        ("new", "hit"),
        ("aware", "computed"),
        ("aware", "hit"),
    ]
    assert {result.digest for result in results} == {content_key(frame())}
    assert {result.arguments for result in results} == {results[0].arguments}
    assert results[0].summary["columns"]["close"]["dtype"] == "float64"


def test_arguments_are_bound_and_those_that_are_ignored_do_not_count(store):
    for function in (quiet, old_quiet):
        results = told(lambda f=function: [f(3), f(rows=3, verbose=True), f(4)])
        first, second, third = (result.arguments for result in results)
        assert first == second != third
    assert told(lambda: quiet(3))[0].arguments == told(lambda: old_quiet(3))[0].arguments


def test_arguments_are_told_in_words_and_texts_by_their_length(store):
    first, second = told(lambda: [new(3), one("a secret")])
    assert first.called_with == "rows=3, verbose=False"
    assert second.called_with == "value=str of length 8"


def test_arguments_without_a_digest_are_none(store):
    with pytest.warns(match="no content key"):
        (result,) = told(lambda: one(object()))
    assert (result.arguments, result.called_with) == (None, "")
    assert result.digest == content_key(1)


def test_the_digest_is_that_of_the_moment_of_the_return(store):
    found = []

    def calls():
        for _ in range(2):
            value = new(3)
            value.loc[:, "close"] = 7.0
            found.append(value)

    results = told(calls)
    assert [result.digest for result in results] == [content_key(frame())] * 2
    assert content_key(found[0]) != content_key(frame())


def test_what_has_no_digest_says_so(store):
    with pytest.warns(match="cannot be"):
        (result,) = told(lambda: refuses(1))
    assert result.digest is None
    assert result.undigested == "result is a generator"
    assert result.raised is None


def test_an_exception_is_told_by_its_type_and_passes_unchanged(store):
    results = []
    with watch_results(results.append), pytest.raises(ValueError, match="5"):
        failing(5)
    (result,) = results
    assert (result.raised, result.digest, result.undigested) == ("builtins.ValueError", None, "")
    assert result.call.outcome == "computed"


def test_calls_within_calls_are_told_each_as_it_ends(store):
    results = told(lambda: [outer(1), outer(1)])
    assert in_short(results) == [("inner", "computed"), ("outer", "computed"), ("outer", "hit")]
    assert [result.digest for result in results] == [content_key(n) for n in (2, 4, 4)]


def test_methods_are_told_with_what_they_return(store):
    model = Model(3)
    results = told(lambda: [model.fit(2), model.fit(2), model.fit_old(2)])
    assert in_short(results) == [("fit", "computed"), ("fit", "hit"), ("fit_old", "computed")]
    assert {result.digest for result in results} == {content_key(6)}
    assert len({result.arguments for result in results}) == 1


def test_an_async_call_is_told_once_it_was_awaited(store):
    async def together():
        return await asyncio.gather(later(1), later(2), later(1))

    results = told(lambda: asyncio.run(together()))
    digests = sorted(result.digest for result in results)
    assert digests == sorted(content_key([n]) for n in (1, 1, 2))
    assert sorted(str(result.call.outcome) for result in results) == ["computed", "computed", "hit"]


def test_calls_of_all_threads_are_told(store):
    def calls():
        threads = [threading.Thread(target=inner, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    results = told(calls)
    assert {result.digest for result in results} == {content_key(n + 1) for n in range(4)}


class SlowToDigest:
    def __afml_key__(self):
        time.sleep(0.2)
        return 1


@robust_cacheable
def slow_to_digest(number):
    return SlowToDigest()


@robust_cacheable
def around(number):
    slow_to_digest(number)
    return number


def test_what_watching_takes_is_no_part_of_the_seconds(store):
    within, whole = told(lambda: around(1))
    assert within.digest is not None
    assert within.seconds <= whole.seconds < 0.1


def test_a_coroutine_that_is_closed_in_another_context_does_no_harm(store):
    results = []
    with watch_results(results.append):
        coroutine = later(1)
        contextvars.copy_context().run(coroutine.send, None)
        coroutine.close()
        assert inner(1) == 2
    assert [result.raised for result in results] == ["builtins.GeneratorExit", None]


def test_dates_are_normalised_once(store):
    results = told(lambda: [normalised("2021-01", "2021-02"), normalised("2021-01", "2021-02")])
    assert in_short(results) == [("normalised", "computed"), ("normalised", "hit")]
    (called_with,) = {result.called_with for result in results}
    assert called_with.startswith("start=2021-01-01 00:00:00, end=2021-02-28 23:59:59")


@time_aware_cacheable(dates="normalise")
def normalised(start, end):
    return str(start), str(end)


@pytest.mark.filterwarnings("ignore:There is no cache in")
@pytest.mark.parametrize("mode", ["off", "readonly"])
def test_results_are_told_where_nothing_is_stored(store, mode):
    configure(mode=mode)
    results = told(lambda: [new(3), old(3)])
    assert [str(result.call.outcome) for result in results] == ["computed"] * 2
    assert {result.digest for result in results} == {content_key(frame())}
    assert all(result.seconds > 0 for result in results)


def test_watching_results_changes_nothing_for_who_watches_calls(store):
    calls = []
    with watch_calls(calls.append):
        results = told(lambda: [outer(1), outer(1)])
    assert [result.call for result in results] == calls
    assert not told(lambda: None)
    outer(1)
    assert len(results) == 3, "nothing is told after the watch was closed"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda f: f.astype("float32"), "the result, column close: dtype was float64, is float32"),
        (lambda f: f + 1, "the result, column close: values differ"),
        (lambda f: f.rename(columns={"close": "c"}), "the result has a new column c"),
        (lambda f: f.iloc[:2], "the result had 3 rows, has 2; it reached from "),
        (lambda f: f["close"], "the result was pandas.DataFrame of shape (3, 1) from"),
        (lambda f: f.tz_convert(None), "the index of the result: tz was UTC, is None"),
        (
            lambda f: f.set_axis(list(f.index)),
            "the index of the result: freq was D, is None",
        ),
        (lambda f: f.rename_axis("time"), "the index of the result: name was None, is time"),
        (lambda f: f.set_flags(allows_duplicate_labels=False), "the result has equal values; its"),
        (lambda f: f["close"].to_numpy(), "the result was pandas.DataFrame of shape"),
    ],
)
def test_the_difference_of_two_results_is_told_from_their_summaries(store, change, text):
    before, after = told(lambda: [identical(frame()), identical(change(frame()))])
    assert before.digest != after.digest
    told_first, *_ = value_differences("the result", *map(summary_of, (before, after)))
    assert told_first.startswith(text)


def test_columns_in_another_order_are_told(store):
    two = frame().assign(open=1.0)
    before, after = told(lambda: [identical(two), identical(two[["open", "close"]])])
    (only,) = value_differences("the result", summary_of(before), summary_of(after))
    assert only == "the result has its columns in another order"


@robust_cacheable
def identical(value):
    return value


def summary_of(result):
    return {"digest": result.digest, **result.summary}
