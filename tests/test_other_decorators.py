"""Decorators that are not ours, watched: what is told of their calls, and what stays as it was."""

from __future__ import annotations

import asyncio
import functools
import inspect
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from joblib import Memory

from afml_cache import (
    CallResult,
    content_key,
    robust_cacheable,
    watch_calls,
    watch_results,
    watched_decorator,
)

Told = Callable[..., list[CallResult]]


def told(function: Any, *calls: Any) -> list[CallResult]:
    """What is told of calls with one argument each."""
    found: list[CallResult] = []
    with watch_results(found.append):
        for one in calls:
            function(one)
    return found


def outcomes(found: list[CallResult]) -> list[str]:
    return [str(one.call.outcome) for one in found]


def in_joblib(place: Path) -> Any:
    """As the caches of repositories are made: a wrapper around joblib."""
    memory = Memory(place, verbose=0)

    def cacheable(function: Any) -> Any:
        cached = memory.cache(function)

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return cached(*args, **kwargs)

        wrapper.marked = True  # type: ignore[attr-defined]
        return wrapper

    return cacheable


def double(x: Any) -> Any:
    """Twice as much."""
    return 2 * x


def test_a_call_that_ran_the_function_is_computed_and_any_other_a_hit(tmp_path: Path) -> None:
    function = watched_decorator(in_joblib(tmp_path))(double)
    found = told(function, 1, 2, 1)
    assert outcomes(found) == ["computed", "computed", "hit"]
    assert {one.call.function for one in found} == {f"{__name__}.double"}
    assert [one.digest for one in found] == [content_key(2), content_key(4), content_key(2)]
    assert found[0].arguments == found[2].arguments != found[1].arguments
    assert found[0].called_with == "x=1"
    assert all(one.seconds > 0 for one in found)


def test_entries_from_before_hit_and_those_made_meanwhile_hit_afterwards(tmp_path: Path) -> None:
    plain = in_joblib(tmp_path)(double)
    assert plain(1) == 2
    watched = watched_decorator(in_joblib(tmp_path))(double)
    assert outcomes(told(watched, 1, 2)) == ["hit", "computed"]
    memorized = Memory(tmp_path, verbose=0).cache(double)
    assert memorized.check_call_in_cache(1)
    assert memorized.check_call_in_cache(2), "what joblib reads as the source is the function's"
    assert outcomes(told(watched, 1)) == ["hit"], "and it has thrown nothing away for that"


def test_nothing_but_the_telling_is_different(tmp_path: Path) -> None:
    plain, watched = (
        decorator(double)
        for decorator in (in_joblib(tmp_path), watched_decorator(in_joblib(tmp_path)))
    )
    for name in ("__name__", "__qualname__", "__module__", "__doc__", "marked"):
        assert getattr(watched, name) == getattr(plain, name)
    assert inspect.signature(watched) == inspect.signature(plain)
    assert inspect.getsource(watched) == inspect.getsource(plain)
    assert inspect.isfunction(watched)
    assert watched(3) == plain(3) == 6


def test_a_decorator_within_another_is_told_once(tmp_path: Path) -> None:
    inner = watched_decorator(in_joblib(tmp_path))

    def smart(function: Any) -> Any:
        cached = inner(function)

        @functools.wraps(function)
        def wrapper(*args: Any) -> Any:
            return cached(*args)

        return wrapper

    function = watched_decorator(smart)(double)
    assert outcomes(told(function, 1, 1)) == ["computed", "hit"]


def test_a_function_that_calls_itself_is_told_call_by_call() -> None:
    @watched_decorator(functools.cache)
    def sum_to(n: int) -> int:
        return n + sum_to(n - 1) if n else 0

    assert outcomes(told(sum_to, 2, 3)) == ["computed", "computed", "computed", "hit", "computed"]


def test_a_function_of_ours_tells_for_itself() -> None:
    function = watched_decorator(lambda function: robust_cacheable(function))(double)
    assert function.__wrapped__ is double
    assert outcomes(told(function, 1, 1)) == ["computed", "hit"]


def test_options_of_the_decorator_are_passed_on() -> None:
    seen = []

    def with_options(function: Any = None, *, ignore: str = "") -> Any:
        if function is None:
            return lambda given: with_options(given, ignore=ignore)
        seen.append(ignore)
        return functools.cache(function)

    decorator = watched_decorator(with_options)
    assert watched_decorator(decorator) is decorator
    for function in (decorator(ignore="a")(double), decorator(double, ignore="b")):
        assert outcomes(told(function, 1, 1)) == ["computed", "hit"]
    assert seen == ["a", "b"]


def test_an_object_that_the_decorator_makes_keeps_its_other_sides() -> None:
    class Doubler:
        @watched_decorator(functools.cache)
        def of(self, x: int) -> int:
            return 2 * x

    doubler = Doubler()
    assert outcomes(told(doubler.of, 1, 1)) == ["computed", "hit"]
    assert Doubler.of.cache_info().hits == 1  # type: ignore[attr-defined]


def test_a_call_that_raises_is_told_and_raised() -> None:
    @watched_decorator(functools.cache)
    def refuse(x: int) -> int:
        raise ValueError(x)

    found: list[CallResult] = []
    with watch_results(found.append), pytest.raises(ValueError, match="1"):
        refuse(1)
    assert outcomes(found) == ["computed"]
    assert found[0].raised == "builtins.ValueError"


def test_async_functions_are_told_once_they_were_awaited(tmp_path: Path) -> None:
    @watched_decorator(Memory(tmp_path, verbose=0).cache)
    async def soon(x: int) -> int:
        await asyncio.sleep(0)
        return 2 * x

    found: list[CallResult] = []
    with watch_results(found.append):
        assert [asyncio.run(soon(1)), asyncio.run(soon(1))] == [2, 2]
    assert outcomes(found) == ["computed", "hit"]


def test_calls_are_told_to_those_who_want_no_results_either() -> None:
    function = watched_decorator(functools.cache)(double)
    calls: list[Any] = []
    with watch_calls(calls.append):
        function(1), function(1)
    function(2)
    assert [str(one.outcome) for one in calls] == ["computed", "hit"]


@pytest.mark.parametrize("decorator", [functools.cache, lambda f: functools.wraps(f)(lambda x: x)])
def test_what_was_made_travels_by_its_name(decorator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("of_the_desk")
    monkeypatch.setitem(sys.modules, "of_the_desk", module)
    exec("def triple(x):\n    return 3 * x\n", module.__dict__)
    module.triple = watched_decorator(decorator)(module.triple)  # type: ignore[attr-defined]
    assert pickle.loads(pickle.dumps(module.triple)) is module.triple
