"""A cached call gives what the function gives, runs it once, and says what it did."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import inspect
import io
import pathlib
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    CacheWarning,
    Reason,
    cacheable,
    configure,
    content_key,
    get_cache_stats,
    robust_cacheable,
    time_aware_cacheable,
    use_store,
)

RUNS: list[object] = []  # not named by the functions below, which would make it a part of them


def ran(*what: object) -> None:
    globals()["RUNS"].append(what)


@pytest.fixture(autouse=True)
def no_runs() -> None:
    RUNS.clear()


@robust_cacheable
def bound(a, b=2, *rest, c=3, **more):
    ran()
    return a, b, rest, c, sorted(more.items())


SAME_CALLS = [
    (lambda f: f(1), lambda f: f(a=1)),
    (lambda f: f(1), lambda f: f(1, 2)),
    (lambda f: f(1), lambda f: f(1, b=2, c=3)),
    (lambda f: f(1), lambda f: f(c=3, b=2, a=1)),
    (lambda f: f(1), lambda f: f(*[1, 2])),
    (lambda f: f(1, x=1, y=2), lambda f: f(1, y=2, x=1)),
    (lambda f: f(1, 2, 3), lambda f: f(*(1, 2, 3))),
]
OTHER_CALLS = [
    lambda f: f(1),
    lambda f: f(2),
    lambda f: f(1, 3),
    lambda f: f(1, c=4),
    lambda f: f(1, 2, 3),
    lambda f: f(1, 2, (3,)),
    lambda f: f(1, 2, 3, 4),
    lambda f: f(1, 2, 3, c=4),
    lambda f: f(1, d=3),
    lambda f: f(1, d=3, e=4),
    lambda f: f(1, d=4, e=3),
    lambda f: f(1, rest=(3,)),
    lambda f: f(1, more={"d": 3}),
    lambda f: f(1.0),
    lambda f: f(True),
    lambda f: f("1"),
    lambda f: f(None),
    lambda f: f([1]),
    lambda f: f((1,)),
]


@pytest.mark.parametrize(("one", "other"), SAME_CALLS)
def test_ways_to_write_one_call_share_an_entry(one: Any, other: Any) -> None:
    assert one(bound) == other(bound)
    assert (len(RUNS), bound.cache_info().hits) == (1, 1)
    assert one(bound.cache_key) == other(bound.cache_key)


def test_calls_that_differ_share_none() -> None:
    for call in OTHER_CALLS:
        assert call(bound) == call(bound.__wrapped__)
    assert bound.cache_info().hits == 0
    assert len({call(bound.cache_key) for call in OTHER_CALLS}) == len(OTHER_CALLS)


def test_a_keyword_that_is_called_like_a_positional_only_parameter() -> None:
    @robust_cacheable
    def f(a, /, **more):
        return a, more

    assert [f(1, a=2), f(2, a=1), f(1)] == [(1, {"a": 2}), (2, {"a": 1}), (1, {})]


@pytest.mark.parametrize("call", [lambda f: f(), lambda f: f(1, b=2, a=3), lambda f: f(1, a=2)])
def test_a_call_that_does_not_fit_fails_as_without_a_cache(call: Any) -> None:
    with pytest.raises(TypeError):
        call(bound)
    assert not RUNS


@pytest.mark.parametrize("decorate", [robust_cacheable, time_aware_cacheable])
@pytest.mark.parametrize(
    "result",
    [None, False, 0, float("nan"), "", [], b"", (), Ellipsis, NotImplemented, 10**40, -0.0],
    ids=repr,
)
def test_every_result_is_a_result(result: object, decorate: Any) -> None:
    @decorate
    def f(x):
        ran()
        return result

    first, second = f(1), f(1)
    assert len(RUNS) == 1
    assert content_key(first) == content_key(second) == content_key(result)


@pytest.mark.parametrize(
    "error",
    [ValueError, TypeError, KeyError, StopIteration, KeyboardInterrupt, SystemExit, RecursionError,
     OSError, MemoryError, AssertionError, GeneratorExit, PermissionError, CacheWarning],
)  # fmt: skip
def test_the_functions_exception_passes_through_and_the_body_runs_once(error: Any) -> None:
    raised = error("its own")

    @robust_cacheable
    def f(x):
        ran()
        raise globals()["RAISED"]

    globals()["RAISED"] = raised
    with pytest.raises(error) as caught:
        f(1)
    assert caught.value is raised
    assert len(RUNS) == 1
    assert not f.cache_contains(1)
    with pytest.raises(error):
        f(1)
    assert len(RUNS) == 2, "and nothing was stored"


def test_an_exception_while_another_is_handled_keeps_its_context() -> None:
    @robust_cacheable
    def f(x):
        try:
            return 1 / 0
        except ZeroDivisionError as error:
            raise ValueError("outer") from error

    with pytest.raises(ValueError, match="outer") as caught:
        f(1)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


class Account:
    """Something with state."""

    def __init__(self) -> None:
        self.trades: list[int] = []


def drop_first(frame: pd.DataFrame) -> None:
    frame.drop(index=frame.index[0], inplace=True)


MUTATIONS: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "a list": (lambda: [3, 1, 2], lambda v: v.sort()),
    "a list inside a dict": (lambda: {"a": [1]}, lambda v: v["a"].append(2)),
    "a dict": (lambda: {"a": 1}, lambda v: v.pop("a")),
    "a set": (lambda: {1}, lambda v: v.add(2)),
    "an array": (lambda: np.zeros(3), lambda v: v.__setitem__(1, 1.0)),
    "the last of many values": (lambda: np.zeros(300_000), lambda v: v.__setitem__(-1, 1.0)),
    "a frame's value": (lambda: pd.DataFrame({"a": [1, 2]}), lambda v: v.__setitem__("a", 5)),
    "a frame's columns": (lambda: pd.DataFrame({"a": [1, 2]}), lambda v: v.__setitem__("b", 5)),
    "a frame's column": (lambda: pd.DataFrame({"a": [1, 2]}), lambda v: v.pop("a")),
    "a frame's index": (lambda: pd.DataFrame({"a": [1]}), lambda v: setattr(v, "index", ["x"])),
    "a frame's attrs": (lambda: pd.DataFrame({"a": [1]}), lambda v: v.attrs.update(x=1)),
    "a series' name": (lambda: pd.Series([1]), lambda v: setattr(v, "name", "x")),
    "an object": (Account, lambda v: v.trades.append(1)),
    "a generator of random numbers": (lambda: np.random.default_rng(0), lambda v: v.random()),
    "a random state": (lambda: np.random.RandomState(0), lambda v: v.normal()),
}


@pytest.mark.parametrize(("make", "mutate"), MUTATIONS.values(), ids=MUTATIONS.keys())
def test_an_argument_that_is_changed_keeps_the_result_out_and_is_named(
    make: Callable[[], Any], mutate: Callable[[Any], object]
) -> None:
    @robust_cacheable
    def f(x, victim):
        mutate(victim)
        return x

    with pytest.warns(CacheWarning, match="victim"):
        assert f(1, make()) == 1
    assert not f.cache_contains(1, make())
    with warnings.catch_warnings(action="ignore"):
        assert f(1, make()) == 1
    assert f.cache_info().reasons == {"argument_mutated": 2}


def test_looking_at_an_argument_is_no_mutation() -> None:
    @robust_cacheable
    def f(frame, series, array, index):
        repr(frame), frame["a"], frame.values, frame.T, frame.describe(), frame.groupby("a").sum()
        repr(series), series.str.upper(), series.value_counts(), series.is_unique
        array.sum(), array.reshape(-1, 1), np.sort(array)
        index.get_loc(index[0]), index.is_unique, index.is_monotonic_increasing, repr(index)
        return 1

    days = pd.date_range("2024-01-01", periods=3, freq="B")
    f(pd.DataFrame({"a": [1, 2, 3]}, days), pd.Series(["a", "b"]), np.arange(3.0), days)
    assert f.cache_info().reasons == {"first_call": 1}


def test_new_attributes_of_self_are_no_mutation_and_changed_ones_are() -> None:
    class Model:
        def __init__(self, level: int) -> None:
            self.level = level

        @functools.cached_property
        def slow(self) -> int:
            return self.level * 2

        @robust_cacheable
        def lazily(self, x):
            return self.slow + x

        @robust_cacheable
        def grow(self, x):
            self.level += 1
            return x

    assert Model(1).lazily(1) == 3
    assert Model(1).lazily(1) == 3
    assert Model.lazily.cache_info().hits == 1
    with pytest.warns(CacheWarning, match="self"):
        Model(1).grow(1)


RESULTS: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "a list": (lambda: [1, [2]], lambda v: v[1].append(3)),
    "a dict": (lambda: {"a": {}}, lambda v: v["a"].update(b=1)),
    "an array": (lambda: np.zeros(4), lambda v: v.fill(9)),
    "a large array": (lambda: np.zeros(300_000), lambda v: v.fill(9)),
    "a frame": (lambda: pd.DataFrame({"a": [1.0]}), lambda v: v.__setitem__("a", 9.0)),
    "a large frame": (
        lambda: pd.DataFrame(np.zeros((100_000, 3)), columns=list("abc")),
        lambda v: v.iloc.__setitem__((5, 1), 9.0),
    ),
    "a frame's values": (
        lambda: pd.DataFrame(np.zeros((100_000, 2))),
        lambda v: v.loc.__setitem__((slice(None), 0), 1.0),
    ),
    "a frame's index": (
        lambda: pd.Series(1.0, pd.date_range("2000-01-01", periods=50_000, freq="h")),
        lambda v: setattr(v, "index", range(50_000)),
    ),
    "attrs": (lambda: pd.DataFrame({"a": [1]}), lambda v: v.attrs.update(a=1)),
    "an object": (Account, lambda v: v.trades.append(1)),
}


@pytest.mark.parametrize(("make", "spoil"), RESULTS.values(), ids=RESULTS.keys())
def test_what_is_done_to_a_result_never_shows_in_the_next(
    make: Callable[[], Any], spoil: Callable[[Any], object]
) -> None:
    @robust_cacheable
    def f(x):
        return make()

    expected = content_key(make())
    for _ in range(4):
        result = f(1)
        assert content_key(result) == expected
        spoil(result)
        assert content_key(result) != expected, "a hit is writable"
    assert f.cache_info().hits == 3


def test_a_result_survives_clearing_and_the_end_of_its_store(tmp_path: pathlib.Path) -> None:
    @robust_cacheable
    def f(x):
        return np.arange(200_000)

    with use_store(tmp_path / "short-lived"):
        f(1)
        result = f(1)
        assert f.cache_clear() == 1
        assert not f.cache_contains(1)
    assert result.sum() == np.arange(200_000).sum()


@pytest.mark.parametrize(
    "make",
    [
        lambda: (n for n in range(3)),
        threading.Lock,
        lambda: lambda: 1,
        lambda: io.BytesIO(b"a").getbuffer(),
    ],
    ids=["generator", "lock", "lambda", "buffer"],
)
def test_a_result_that_cannot_be_kept_is_returned_and_said_once(make: Any) -> None:
    @robust_cacheable
    def f(x):
        ran()
        return make()

    with pytest.warns(CacheWarning) as warned:
        first, second = f(1), f(1)
    assert first is not None
    assert second is not None
    assert len([w for w in warned if w.category is CacheWarning]) == 1
    if isinstance(first, types.GeneratorType):
        assert list(first) == [0, 1, 2], "nothing was taken from it"
    assert len(RUNS) == 2
    assert f.cache_info().reasons == {"result_unpicklable": 2}


def test_ignored_parameters_may_be_anything() -> None:
    @robust_cacheable(ignore=["feed", "verbose"])
    def f(x, feed=None, verbose=False):
        return x if feed is None else x + sum(feed) * 0

    assert [f(1), f(1, iter([1])), f(1, threading_free(), True)] == [1, 1, 1]
    assert f.cache_info().hits == 2


def threading_free() -> Iterator[int]:
    yield 1


def test_an_ignored_parameter_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Exception, match="speed"):

        @robust_cacheable(ignore="speed")
        def f(x):
            return x


def test_a_file_that_the_function_depends_on_counts_by_its_content(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("1")

    @robust_cacheable(depends_on=file)
    def f(x):
        return x + int(file.read_text())

    assert f(1) == 2
    file.write_text("2")
    assert f(1) == 3
    file.write_text("1")
    assert f(1) == 2
    assert f.cache_info().hits == 1


@dataclasses.dataclass
class Curve:
    rates: list[float]

    @robust_cacheable
    def total(self, scale):
        return sum(self.rates) * scale

    @classmethod
    @robust_cacheable
    def named(cls, x):
        return cls.__name__, x

    @staticmethod
    @robust_cacheable
    def plain(x):
        return x + 1

    @property
    @robust_cacheable
    def first(self):
        return self.rates[0]


class Steeper(Curve):
    pass


def test_methods_are_keyed_by_their_object() -> None:
    assert Curve([1.0, 2.0]).total(2) == 6
    assert Curve([1.0, 2.0]).total(scale=2) == 6
    assert Curve.total(Curve([1.0, 2.0]), 2) == 6
    assert Curve.total.cache_info().hits == 2
    assert Curve([1.0, 3.0]).total(2) == 8
    assert (Curve.named(1), Steeper.named(1)) == (("Curve", 1), ("Steeper", 1))
    assert (Curve.named(1), Steeper.named(1)) == (("Curve", 1), ("Steeper", 1))
    assert (Curve.plain(1), Curve([]).plain(1)) == (2, 2)
    assert (Curve([5.0]).first, Curve([6.0]).first, Curve([5.0]).first) == (5, 6, 5)
    bound_method = Curve([1.0, 2.0]).total
    assert bound_method(2) == 6
    assert bound_method.cache_contains(2)
    assert bound_method.cache_key(2) == Curve.total.cache_key(Curve([1.0, 2.0]), 2)


def test_a_function_that_calls_itself_is_kept_at_every_level() -> None:
    assert fibonacci(60) == 1548008755920
    assert fibonacci.cache_info().computed == 61


@robust_cacheable
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def test_threads_that_meet_compute_once() -> None:
    started = threading.Barrier(8)

    @robust_cacheable
    def f(x):
        ran()
        return x * 2

    def call(x: int) -> int:
        started.wait()
        return f(x)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(call, [7] * 8)) == [14] * 8
    assert len(RUNS) == 1
    assert (f.cache_info().hits, f.cache_info().computed) == (7, 1)


@robust_cacheable
async def awaited(x):
    ran()
    await asyncio.sleep(0)
    if x < 0:
        raise ValueError("negative")
    return [x]


def test_async_functions_are_awaited_and_meet_as_threads_do() -> None:
    async def main() -> list[list[int]]:
        return await asyncio.gather(*(awaited(3) for _ in range(6)))

    results = asyncio.run(main())
    assert results == [[3]] * 6
    assert len(RUNS) == 1
    assert len({id(result) for result in results}) == 6, "each its own object"
    with pytest.raises(ValueError, match="negative"):
        asyncio.run(awaited(-1))
    assert asyncio.iscoroutinefunction(awaited)


def test_a_decorated_function_looks_like_the_function() -> None:
    @robust_cacheable(ttl="1 h")
    def f(a: int, b: str = "x", *, c: float = 1.0) -> bool:
        """What it does."""
        return True

    assert f.__doc__ == "What it does."
    assert f.__name__ == "f"
    assert f.__module__ == __name__
    assert f.__qualname__.endswith("f")
    assert inspect.signature(f) == inspect.signature(f.__wrapped__)
    assert f.__annotations__ == f.__wrapped__.__annotations__
    assert inspect.unwrap(f) is f.__wrapped__
    assert "f" in repr(f)


def test_decorators_take_builtins_and_callables_of_others() -> None:
    f = robust_cacheable(functools.partial(np.power, 2))
    assert (f(3), f(3)) == (8, 8)


def test_every_call_has_one_outcome_and_every_computed_one_a_reason() -> None:
    @robust_cacheable
    def f(x, y=1):
        return x

    f(1), f(1), f(2), f(1, 2)
    with pytest.warns(CacheWarning):
        f(iter([1]))
    configure(mode="off")
    f(1)
    configure(mode="on")
    f.cache_clear()
    f(1)
    info = f.cache_info()
    assert sum(info.reasons.values()) == info.computed
    assert info.reasons == {
        "first_call": 1,
        "argument": 2,
        "unkeyable": 1,
        "mode_off": 1,
        "cleared": 1,
    }
    assert set(info.reasons) <= {reason.value for reason in Reason}
    stats = get_cache_stats()
    (name,) = [name for name in stats if name.endswith(".f")]
    assert stats[name]["hits"] == info.hits == 1


def test_calls_with_the_cache_off_do_not_show_in_another_store(tmp_path: pathlib.Path) -> None:
    @robust_cacheable
    def switched(x):
        return x

    configure(mode="off")
    switched(1)
    configure(mode="on")
    assert switched.cache_info().reasons == {"mode_off": 1}
    with use_store(tmp_path / "other"):
        assert switched.cache_info().computed == 0
        assert not [name for name in get_cache_stats() if name.endswith("switched")]


def test_an_entry_expires(tmp_path: pathlib.Path) -> None:
    @robust_cacheable(ttl=0.05)
    def f(x):
        ran()
        return x

    f(1)
    while f.cache_contains(1):
        pass
    f(1)
    assert len(RUNS) == 2
    assert f.cache_info().reasons == {"first_call": 1, "expired": 1}


def test_the_store_is_looked_up_when_a_function_is_called(tmp_path: pathlib.Path) -> None:
    @robust_cacheable
    def f(x):
        ran()
        return x

    f(1)
    with use_store(tmp_path / "one"):
        f(1)
        with use_store(tmp_path / "two"):
            f(1)
            assert f.cache_info().computed == 1
        f(1)
        assert f.cache_info().hits == 1
    f(1)
    assert len(RUNS) == 3
    assert not (tmp_path / "three").exists()
    use = use_store(tmp_path / "three")
    use.close()


def test_no_store_is_made_before_the_first_call(
    run_python: Callable[..., str], tmp_path: pathlib.Path
) -> None:
    run_python(
        """
        import os
        from afml_cache import robust_cacheable, get_cache_stats, configure

        @robust_cacheable
        def f(x):
            return x

        configure(strict=True)
        print(os.path.exists(os.environ["AFML_CACHE"]))
        """,
        AFML_CACHE=str(tmp_path / "unmade"),
    )
    assert not (tmp_path / "unmade").exists()


def test_the_old_decorator_has_honest_statistics() -> None:
    @cacheable
    def f(x):
        ran()
        return x + 1

    assert [f(1), f(1), f(2)] == [2, 2, 3]
    assert len(RUNS) == 2
    info = f.cache_info()
    assert (info.hits, info.computed) == (1, 2)


def test_explain_names_the_argument_and_what_it_was_and_is() -> None:
    @robust_cacheable
    def f(frame, window=20, *, kind="ewm"):
        return window

    frame = pd.DataFrame(
        {"close": np.arange(6.0), "open": np.arange(6.0)},
        index=pd.date_range("2024-03-01", periods=6),
    )
    assert "first" in str(f.explain(frame)).lower()
    f(frame)
    assert "window was 20, is 50" in str(f.explain(frame, 50))
    assert "kind was" in str(f.explain(frame, kind="sma"))
    changed = frame.copy()
    changed.iloc[2, 0] = 99.0
    told = str(f.explain(changed))
    assert "close" in told
    assert "open" not in told
    renamed = str(f.explain(frame.rename(columns={"open": "Open"})))
    assert "Open" in renamed
    assert "would be computed" in told
    assert "computed" not in str(f.explain(frame)) or "hit" in str(f.explain(frame))
