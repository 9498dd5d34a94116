"""Every kind of function that ``@cacheable`` takes is adopted, and none gets another's result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from joblib.func_inspect import filter_args

MAIN = """
    import asyncio
    import dataclasses
    import functools

    from afml.cache import cacheable
    from desk.decoration import logged, timed, times
    from desk.noting import note


    class Model:
        def __init__(self, level):
            self.level = level

        @cacheable
        def predict(self, x, *, plus=0):
            note("predict", x)
            return x * self.level + plus

        @cacheable(ignore=["self"])
        def ignoring(self, x):
            note("ignoring", x)
            return x + 1

        @staticmethod
        @cacheable
        def fixed(x):
            note("fixed", x)
            return x + 2

        @classmethod
        @cacheable
        def made(cls, x):
            note("made", x)
            return cls.__name__, x


    class Other:
        @staticmethod
        @cacheable
        def fixed(x):
            note("other fixed", x)
            return x + 3


    @dataclasses.dataclass
    class Params:
        width: int = 16

        @cacheable
        def area(self, height):
            note("area", height)
            return self.width * height


    @cacheable
    async def awaited(x):
        note("awaited", x)
        await asyncio.sleep(0)
        return x + 4


    @cacheable
    def anything(*args, **kwargs):
        note("anything")
        return args, sorted(kwargs.items())


    @cacheable
    def mixed(a, b=2, /, c=3, *rest, d, e=5, **more):
        note("mixed")
        return a, b, c, rest, d, e, sorted(more.items())


    @cacheable
    def only_keywords(*, x, y=1):
        note("only_keywords")
        return x - y


    @cacheable
    def nothing():
        note("nothing")
        return 6


    @cacheable
    def annotated(x: int, y: "float" = 1.0) -> "list[float]":
        note("annotated", x)
        return [x + y]


    @cacheable
    def recursive(n):
        note("recursive", n)
        return 1 if n == 0 else n * recursive(n - 1)


    @cacheable
    @timed
    def wrapped(x):
        note("wrapped", x)
        return x + 7


    @timed
    @cacheable
    def wrapped_outside(x):
        note("wrapped_outside", x)
        return x + 8


    @cacheable
    @times(3)
    @timed
    def twice_wrapped(x, y=1):
        note("twice_wrapped", x)
        return x + y


    def make():
        @cacheable
        def inner(x):
            note("inner", x)
            return x + 9

        return inner


    class Outer:
        class Inner:
            @staticmethod
            @cacheable
            def deep(x):
                note("deep", x)
                return x + 10


    @cacheable
    def of_unicode(größe, naïve="é"):
        note("of_unicode")
        return f"{größe}{naïve}ü"
"""
DECORATION = """
    import functools


    def timed(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)

        return wrapper


    def times(factor):
        def decorate(function):
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                return function(*args, **kwargs) * 3

            return wrapper

        return decorate


    logged = timed
"""


def _binds_them_all() -> bool:
    def mixed(a, b=2, /, c=3, *rest, d, e=5, **more):
        pass

    try:
        filter_args(mixed, [], (1, 2, 3, 4, 5), {"d": 6, "z": 7})
    except ValueError:
        return False
    return True


JOBLIB_BINDS_THEM_ALL = _binds_them_all()

CALLS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "a method": (lambda main: main.Model(2).predict(5), 10),
    "a method with a keyword": (lambda main: main.Model(2).predict(5, plus=1), 11),
    "a method by its class": (lambda main: main.Model.predict(main.Model(3), x=5), 15),
    "a method that ignores self": (lambda main: main.Model(2).ignoring(5), 6),
    "a staticmethod": (lambda main: main.Model.fixed(5), 7),
    "a staticmethod of an instance": (lambda main: main.Model(1).fixed(5), 7),
    "a staticmethod of another class": (lambda main: main.Other.fixed(5), 8),
    "a classmethod": (lambda main: main.Model.made(5), ("Model", 5)),
    "a method of a dataclass": (lambda main: main.Params(4).area(5), 20),
    "a coroutine function": (lambda main: asyncio.run(main.awaited(5)), 9),
    "any arguments": (
        lambda main: main.anything(1, "a", b=2, a=[3]),
        ((1, "a"), [("a", [3]), ("b", 2)]),
    ),
    "any arguments, none": (lambda main: main.anything(), ((), [])),
    "every kind of parameter": (
        lambda main: main.mixed(1, 2, 3, 4, 5, d=6, z=7),
        (1, 2, 3, (4, 5), 6, 5, [("z", 7)]),
    ),
    "every kind, few given": (lambda main: main.mixed(1, d=6), (1, 2, 3, (), 6, 5, [])),
    "keyword-only": (lambda main: main.only_keywords(x=3), 2),
    "no parameters": (lambda main: main.nothing(), 6),
    "annotations": (lambda main: main.annotated(1), [2.0]),
    "recursion": (lambda main: main.recursive(4), 24),
    "a decorator with wraps below": (lambda main: main.wrapped(1), 8),
    "a decorator with wraps above": (lambda main: main.wrapped_outside(1), 9),
    "two decorators with wraps below": (lambda main: main.twice_wrapped(1), 6),
    "a nested function": (lambda main: main.make()(1), 10),
    "a method of a nested class": (lambda main: main.Outer.Inner.deep(1), 11),
    "names beyond ASCII": (lambda main: main.of_unicode("ß"), "ßéü"),
}


@pytest.fixture
def desk(repo: Any) -> Any:
    repo.write("main.py", MAIN)
    repo.write("decoration.py", DECORATION)
    return repo


@pytest.mark.parametrize("decorator", ["robust_cacheable", "time_aware_cacheable"])
@pytest.mark.parametrize(("call", "result"), CALLS.values(), ids=CALLS.keys())
def test_every_kind_of_function_is_adopted(
    desk: Any, call: Callable[[Any], Any], result: Any, decorator: str
) -> None:
    if call is CALLS["every kind of parameter"][0] and not JOBLIB_BINDS_THEM_ALL:
        pytest.skip("this version of joblib cannot bind such a call, so nothing is stored of it")
    assert desk.warm(call) == result
    desk.migrate(decorator=decorator)
    assert call(desk.load()) == result
    assert desk.ran() == [], "adopted"
    assert call(desk.load()) == result
    assert desk.ran() == [], "a hit"


def test_a_method_of_an_instance_in_another_state_is_computed(desk: Any) -> None:
    desk.warm(lambda main: main.Model(2).predict(5))
    desk.migrate()
    assert desk.load().Model(3).predict(5) == 15
    assert desk.ran() == ["predict 5"]


def test_a_classmethod_of_a_subclass_is_computed(desk: Any) -> None:
    desk.warm(lambda main: main.Model.made(5))
    desk.migrate()
    main = desk.load()

    class Special(main.Model):
        pass

    assert Special.made(5) == ("Special", 5)
    assert desk.ran() == ["made 5"]


def test_a_recursive_function_is_adopted_at_every_depth(desk: Any) -> None:
    desk.warm(lambda main: main.recursive(4))
    desk.migrate()
    assert desk.load().recursive(6) == 720
    assert desk.ran() == ["recursive 6", "recursive 5"]


CLOSING = """
    from afml.cache import cacheable
    from desk.noting import note

    def make(n):
        @cacheable
        def add(x):
            note("add", x, n)
            return x + n

        return add

    class Maker:
        def __init__(self, n):
            self.n = n

        def make(self):
            @cacheable
            def add(x):
                note("add", x, self.n)
                return x + self.n

            return add
"""


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize(
    "make",
    [lambda main, n: main.make(n), lambda main, n: main.Maker(n).make()],
    ids=["a number", "self"],
)
def test_a_function_with_closed_over_data_is_refused(
    repo: Any, n: int, make: Callable[[Any, int], Any]
) -> None:
    """joblib's key does not contain it, so nobody can tell whose result it kept."""
    repo.write("main.py", CLOSING)
    repo.warm(lambda main: make(main, 1)(5))
    repo.migrate()
    add = make(repo.load(), n)
    with repo.counting(add) as told:
        assert add(5) == 5 + n
    assert repo.ran() == [f"add 5 {n}"]
    assert (told.adopted, told.computed) == (0, 1)
    assert told.reasons == {"adoption_refused": 1}


SCRIPT = """
    from afml.cache import cacheable
    from desk.noting import note

    class Model:
        @cacheable
        def predict(self, x):
            note("predict", x)
            return x * 2

    @cacheable
    def f(x):
        note("f", x)
        return x + 1

    print(f(1), f(2), Model().predict(3))
    info = f.cache_info()
    print(info.hits, info.adopted, info.computed)
"""


@pytest.mark.slow
def test_functions_of_a_script_are_adopted(repo: Any, run_python: Callable[..., str]) -> None:
    for _ in range(2):
        old = run_python(SCRIPT).splitlines()
    assert old == ["2 3 6", "2 0 2"]
    repo.ran()
    new = SCRIPT.replace("cacheable", "robust_cacheable")
    assert run_python(new).splitlines() == ["2 3 6", "2 2 2"]
    assert run_python(new).splitlines() == ["2 3 6", "4 2 2"]
    assert repo.ran() == []


@pytest.mark.slow
def test_a_script_of_another_name_computes(repo: Any, run_python: Callable[..., str]) -> None:
    for _ in range(2):
        run_python(SCRIPT)
    repo.ran()
    run_python(SCRIPT.replace("cacheable", "robust_cacheable"), name="other.py")
    assert sorted(repo.ran()) == ["f 1", "f 2", "predict 3"]
