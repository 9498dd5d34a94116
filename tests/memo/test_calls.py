"""What a person who calls a decorated function can rely on."""

from __future__ import annotations

import functools
import inspect
import logging
import math
import pickle
import threading
import types
import warnings

import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    CacheWarning,
    Reason,
    UncacheableFunctionError,
    UnkeyableArgumentError,
    cacheable,
    configure,
    get_cache_stats,
    robust_cacheable,
    time_aware_cacheable,
    use_store,
)
from afml_cache.errors import ConfigurationError

CALLS: list[object] = []


@pytest.fixture(autouse=True)
def no_calls():
    CALLS.clear()


@pytest.fixture(params=[robust_cacheable, time_aware_cacheable], ids=["robust", "time_aware"])
def decorator(request):
    return request.param


@robust_cacheable
def add(x, y=2):
    """Add two numbers."""
    note(x)
    return x + y


def note(what):
    CALLS.append(what)


def frame(n=4, start="2024-01-01"):
    index = pd.date_range(start, periods=n)
    return pd.DataFrame({"close": np.arange(n, dtype=float)}, index=index)


def test_a_second_call_does_not_run_the_function(decorator):
    @decorator
    def f(x):
        note(x)
        return x * 2

    assert [f(21), f(21)] == [42, 42]
    assert CALLS == [21]
    assert f.cache_info().hits == 1
    assert f.cache_info().computed == f.cache_info().misses == 1
    assert f.cache_info().hit_rate == 0.5


def test_equal_frames_hit_whatever_objects_they_are(decorator):
    @decorator
    def total(df):
        note(1)
        return float(df["close"].sum())

    df = frame()
    displayed = frame()
    repr(displayed)
    assert total(df) == total(df.copy()) == total(displayed) == total(frame(8).iloc[:4]) == 6.0
    assert len(CALLS) == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda: add(1),
        lambda: add(1, 2),
        lambda: add(1, y=2),
        lambda: add(x=1, y=2),
        lambda: add(y=2, x=1),
    ],
    ids=["default", "positional", "keyword", "both keywords", "other order"],
)
def test_spellings_of_one_call_share_an_entry(call):
    add(1)
    CALLS.clear()
    assert call() == 3
    assert CALLS == []


@pytest.mark.parametrize(
    ("a", "b"),
    [(1, True), (1, 1.0), (0.0, -0.0), ("1", 1), (b"a", "a"), (None, False), ((1,), [1])],
    ids=repr,
)
def test_values_that_a_function_could_tell_apart_do_not_share_an_entry(a, b):
    @robust_cacheable
    def tell(value):
        return repr(value)

    assert (tell(a), tell(b)) == (repr(a), repr(b))
    assert (tell(a), tell(b)) == (repr(a), repr(b))
    assert tell.cache_info().hits == 2


def test_variable_arguments_and_keyword_only_ones_are_bound():
    @robust_cacheable
    def f(a, /, b, *rest, c, d=4, **more):
        note(1)
        return (a, b, rest, c, d, sorted(more.items()))

    assert f(1, 2, 3, c=5, z=1, y=2) == (1, 2, (3,), 5, 4, [("y", 2), ("z", 1)])
    assert f(1, 2, 3, y=2, z=1, d=4, c=5) == (1, 2, (3,), 5, 4, [("y", 2), ("z", 1)])
    assert f(1, b=2, c=5)
    assert len(CALLS) == 2


@pytest.mark.parametrize("args", [(), (1, 2, 3)], ids=["too few", "too many"])
def test_a_call_that_does_not_fit_raises_pythons_own_error(args):
    with pytest.raises(TypeError, match=r"add\(\)"):
        add(*args)


def test_the_users_exception_passes_unchanged_and_the_body_ran_once():
    error = ValueError("the user's own")

    @robust_cacheable
    def fails(x):
        note(x)
        raise error

    with pytest.raises(ValueError) as caught:
        fails(1)
    assert caught.value is error
    assert CALLS == [1]
    assert fails.cache_info().entries == 0
    with pytest.raises(ValueError):
        fails(1)
    assert CALLS == [1, 1]
    assert fails.cache_info().computed == 2


def test_a_hit_hands_out_its_own_object():
    @robust_cacheable
    def build(n):
        return frame(n)

    build(3)
    first = build(3)
    first.loc[:, "close"] = 99.0
    first["new"] = 1
    pd.testing.assert_frame_equal(build(3), frame(3))


def test_a_hit_survives_clearing():
    @robust_cacheable
    def build(n):
        return np.arange(n)

    build(200_000)
    held = build(200_000)
    assert build.cache_clear() == 1
    assert held[-1] == 199_999
    held[-1] = 0


def test_a_result_that_cannot_be_pickled_is_returned_and_said_once():
    @robust_cacheable
    def opens(x):
        return (lambda: x) if x else None

    with pytest.warns(CacheWarning, match="cannot be pickled") as told:
        assert opens(1)() == 1
        assert opens(1)() == 1
        assert opens(2)() == 2
    assert len(told) == 1
    assert opens.cache_info().reasons == {Reason.RESULT_UNPICKLABLE: 3}


def test_a_function_that_changes_its_argument_is_not_stored():
    @robust_cacheable
    def spoils(df, window):
        df["new"] = window
        return len(df)

    with pytest.warns(CacheWarning, match=r"changed its argument 'df'"):
        assert spoils(frame(), 3) == 4
    assert spoils.cache_info().entries == 0
    assert spoils.cache_info().reasons == {Reason.ARGUMENT_MUTATED: 1}


def test_an_unkeyable_argument_computes_and_warns_once_a_function():
    @robust_cacheable
    def consume(items):
        return sum(items)

    with pytest.warns(CacheWarning, match=r"items.* is a generator") as told:
        assert consume(i for i in range(4)) == 6
        assert consume(i for i in range(4)) == 6
    assert len(told) == 1
    assert consume.cache_info().reasons == {Reason.UNKEYABLE: 2}


def test_strict_raises_where_the_cache_would_warn():
    configure(strict=True)
    with pytest.raises(UnkeyableArgumentError, match="x"):
        add(i for i in range(3))


def test_mode_off_always_computes_and_writes_nothing(tmp_path):
    configure(mode="off")
    old = cacheable(add.__wrapped__)
    with use_store(tmp_path / "untouched"):
        assert [add(1), add(1), old(1)] == [3, 3, 3]
        assert add.cache_info().reasons["mode_off"] >= 2
        assert old.cache_info().computed == add.cache_info().computed
        assert get_cache_stats()[f"{__name__}.add"]["reasons"]["mode_off"] >= 3
    assert CALLS == [1, 1, 1]
    assert not (tmp_path / "untouched").exists()


def test_use_store_reaches_functions_decorated_long_before(tmp_path):
    add(1)
    with use_store(tmp_path / "other"):
        add(1)
        add(1)
    add(1)
    assert CALLS == [1, 1]


def test_a_store_is_created_at_its_first_call_and_not_before(tmp_path):
    with use_store(tmp_path / "lazy"):

        @robust_cacheable
        def f():
            return 1

        assert not (tmp_path / "lazy").exists()
        f()
        assert (tmp_path / "lazy").is_dir()


@pytest.mark.parametrize(
    ("function", "args", "expected"),
    [
        (functools.partial(max, 3), (5,), 5),
        (np.add, (2, 3), 5),
        (math.hypot, (3.0, 4.0), 5.0),
        (functools.lru_cache(add.__wrapped__), (2, 3), 5),
    ],
    ids=["partial", "ufunc", "builtin", "lru_cache"],
)
def test_callables_that_are_no_plain_functions(function, args, expected):
    cached = robust_cacheable(function)
    assert [cached(*args), cached(*args)] == [expected, expected]
    assert cached.cache_info().hits == 1


def test_a_fault_while_a_key_is_made_never_reaches_the_caller():
    class Awkward:
        def __afml_key__(self):
            raise RuntimeError("the user's own")

    @robust_cacheable
    def f(x):
        return 1

    with pytest.warns(CacheWarning, match="the user's own"):
        assert f(Awkward()) == 1
    assert f.cache_info().reasons == {Reason.UNKEYABLE: 1}


def test_the_time_aware_one_notes_the_stretch_of_time(store):
    @time_aware_cacheable
    def total(df, window):
        return float(df["close"].sum())

    total(frame(), 3)
    (entry,) = store.entries()
    first, last, aware = entry.extent
    assert (pd.Timestamp(first), pd.Timestamp(last), aware) == (
        pd.Timestamp("2024-01-01"),
        pd.Timestamp("2024-01-04"),
        False,
    )


def test_warnings_as_errors_cost_no_result():
    @robust_cacheable
    def spoils(items):
        items.append(1)
        return lambda: len(items)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert spoils([])() == 1
    assert spoils.cache_info().computed == 1


def test_a_cache_directory_that_cannot_be_told_costs_no_result(run_python):
    script = """
        import warnings
        from afml_cache import cacheable, robust_cacheable
        warnings.simplefilter("always")

        @robust_cacheable
        def f(x):
            return x

        @cacheable
        def g(x):
            return x

        with warnings.catch_warnings(record=True) as told:
            print(f(1), f(1), g(1))
        print(len(told), "absolute path" in str(told[0].message))
    """
    shown = run_python(script, AFML_CACHE="~nobody-of-this-name/cache").splitlines()
    assert shown == ["1 1 1", "1 True"]


def test_code_that_changes_while_the_function_runs_is_not_stored():
    @robust_cacheable
    def f(x):
        another = threading.Thread(target=globals().update, kwargs={"FACTOR": 2})
        another.start()
        another.join()
        return x * factor()

    try:
        with pytest.warns(CacheWarning, match="changed while it ran"):
            assert f(100) == 200
        assert f.cache_info().reasons == {"source_changed": 1}
        assert f.cache_info().entries == 0
    finally:
        globals()["FACTOR"] = 1


class Loader:
    """Opens what it loads at the first call."""

    def __init__(self):
        self.opened = None

    def load(self):
        if self.opened is None:
            self.opened = [1, 2]
        return self.opened


LOADER = Loader()


def test_a_global_object_that_fills_itself_at_the_first_call_is_no_change_of_code(run_python):
    @robust_cacheable
    def f(x):
        return LOADER.load()[0] * x

    assert f(100) == 100
    assert f.cache_info().entries == 1


def factor():
    return FACTOR


FACTOR = 1


@pytest.mark.parametrize("ask", ["cache_key", "cache_contains", "explain"])
def test_asking_about_a_call_that_python_would_refuse_is_refused(ask):
    with pytest.raises(TypeError, match="missing a required argument: 'x'"):
        getattr(add, ask)()
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        getattr(add, ask)(1, z=3)


def test_strict_errors_show_no_internal_frames():
    configure(strict=True)
    with pytest.raises(UnkeyableArgumentError) as caught:
        add(i for i in range(3))
    inside = [entry for entry in caught.traceback if "keys" in str(entry.path)]
    assert inside == []


class TestOptions:
    def test_ignored_parameters_do_not_count(self):
        @robust_cacheable(ignore=["verbose", "n_jobs"])
        def f(x, verbose=False, n_jobs=1):
            note(x)
            return x

        f(1), f(1, verbose=True), f(1, n_jobs=4)
        assert CALLS == [1]

    def test_ignoring_an_unknown_parameter_is_refused_at_once(self):
        with pytest.raises(ConfigurationError, match=r"verbos, but .*parameters x, verbose"):

            @robust_cacheable(ignore="verbos")
            def f(x, verbose=False): ...

    def test_another_version_leaves_the_older_entries_behind(self):
        def body(x):
            note(x)
            return x

        one = robust_cacheable(version=1)(body)
        two = robust_cacheable(version=2)(body)
        one(5), two(5), one(5), two(5)
        assert CALLS == [5, 5]

    def test_an_entry_expires_after_its_ttl(self):
        @robust_cacheable(ttl=1e-9)
        def f(x):
            note(x)
            return x

        f(1), f(1)
        assert CALLS == [1, 1]
        assert f.cache_info().reasons[Reason.EXPIRED] == 1

    def test_a_shorter_ttl_counts_for_what_was_stored_under_a_longer_one(self):
        def body(x):
            note(x)
            return x

        robust_cacheable(ttl="1 h")(body)(5)
        shorter = robust_cacheable(ttl=1e-9)(body)
        shorter(5)
        assert CALLS == [5, 5]
        assert shorter.cache_info().reasons["expired"] == 1

    def test_a_file_that_the_function_depends_on_counts_by_its_content(self, tmp_path):
        fees = tmp_path / "fees.txt"
        fees.write_text("1")

        @robust_cacheable(depends_on=fees)
        def f(x):
            note(x)
            return x + int(fees.read_text())

        assert f(1) == 2
        fees.write_text("20")
        assert f(1) == 21
        fees.write_text("1")
        assert f(1) == 2
        assert CALLS == [1, 1]


class TestMethods:
    def test_instances_of_equal_state_share_entries(self):
        class Model:
            def __init__(self, scale):
                self.scale = scale

            @robust_cacheable
            def predict(self, x):
                note(x)
                return x * self.scale

        assert Model(2).predict(3) == Model(2).predict(3) == 6
        assert Model(5).predict(3) == 15
        assert CALLS == [3, 3]
        model = Model(2)
        assert model.predict.cache_contains(3)
        assert list(inspect.signature(model.predict).parameters) == ["x"]

    def test_a_cached_property_filled_by_the_call_is_no_mutation(self):
        class Model:
            def __init__(self, scale):
                self.scale = scale

            @functools.cached_property
            def squared(self):
                return self.scale**2

            @robust_cacheable
            def predict(self, x):
                note(x)
                return x * self.squared

        model = Model(3)
        assert [model.predict(2), model.predict(2), Model(3).predict(2)] == [18, 18, 18]
        assert CALLS == [2]

    def test_classmethods_and_staticmethods_in_either_order(self):
        class Loader:
            @classmethod
            @robust_cacheable
            def inner(cls, x):
                note(x)
                return (cls.__name__, x)

            @robust_cacheable
            @classmethod
            def outer(cls, x):
                note(x)
                return (cls.__name__, x)

            @staticmethod
            @robust_cacheable
            def plain(x):
                note(x)
                return x

        for call in (Loader.inner, Loader.outer, Loader().inner):
            assert [call(1), call(1)] == [("Loader", 1)] * 2
        assert [Loader.plain(7), Loader().plain(7)] == [7, 7]
        assert CALLS == [1, 1, 7]

    def test_a_method_whose_self_has_no_key_says_what_to_define(self):
        class Holder:
            def __init__(self):
                self.stream = (i for i in range(3))

            @robust_cacheable
            def f(self):
                return 1

        with pytest.warns(CacheWarning, match=r"self\.stream.*__afml_key__"):
            assert Holder().f() == 1


class Desk:
    @classmethod
    @robust_cacheable
    def run(cls, x):
        return (cls.__name__, x)


def test_a_classmethod_can_be_asked_about_its_calls():
    assert not Desk.run.cache_contains(1)
    assert Desk.run(1) == ("Desk", 1)
    assert Desk.run.cache_contains(1)
    assert Desk.run.explain(1).reason is None


class TestTheFunctionsFace:
    def test_it_looks_like_the_function(self):
        assert add.__name__ == "add"
        assert add.__doc__ == "Add two numbers."
        assert add.__module__ == __name__
        assert isinstance(add.__wrapped__, types.FunctionType)
        assert str(inspect.signature(add)) == "(x, y=2)"

    def test_it_pickles_by_name(self):
        assert pickle.loads(pickle.dumps(add)) is add

    @pytest.mark.parametrize(
        "define",
        [
            lambda: robust_cacheable(generator),
            lambda: robust_cacheable(async_generator),
            lambda: robust_cacheable(dict),
            lambda: robust_cacheable(property(generator)),
            lambda: robust_cacheable(3),
        ],
        ids=["generator", "async generator", "class", "property", "number"],
    )
    def test_what_cannot_be_cached_is_refused_when_decorated(self, define):
        with pytest.raises(UncacheableFunctionError):
            define()

    def test_keys_can_be_asked_for(self):
        assert add.cache_key(1) == add.cache_key(x=1, y=2) != add.cache_key(2)
        assert not add.cache_contains(1)
        add(1)
        assert add.cache_contains(1)

    def test_hits_and_misses_are_logged(self, caplog):
        with caplog.at_level(logging.DEBUG, logger="afml_cache"):
            add(1)
            add(1)
        told = [record.getMessage() for record in caplog.records]
        assert any("computed" in line and "test_calls.add (first_call)" in line for line in told)
        assert any(line.startswith("hit ") and "test_calls.add" in line for line in told)


def generator():
    yield 1


async def async_generator():
    yield 1
