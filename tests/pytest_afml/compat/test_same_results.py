"""A function under two decorators: what is compared, and what a failure says."""

from __future__ import annotations

import cProfile
import datetime as dt
import functools
import inspect
import pickle
import re
import threading
import types
import warnings
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from afml_cache import cache_directory, cacheable, robust_cacheable, time_aware_cacheable
from pytest_afml.compat import args

PRICES = pd.Series(
    [100.0, 101.0, 99.5, 103.0], index=pd.date_range("2024-01-01", periods=4), name="close"
)


def lines(caught: pytest.ExceptionInfo[AssertionError]) -> list[str]:
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


def told(afml_compat, old, new, cases) -> list[str]:
    """What a failure lists."""
    with pytest.raises(AssertionError) as caught:
        afml_compat.same_results(old, new, cases)
    return lines(caught)


# -- functions that do the same ---------------------------------------------------------


def volatility(bars: pd.DataFrame, window: int = 20) -> pd.Series:
    """Realised volatility a year."""
    if window < 2:
        raise ValueError("the window is too short", window)
    returns = np.log(bars["Close"]).diff()
    if returns.isna().sum() > 1:
        warnings.warn("there are gaps", stacklevel=2)
    return returns.rolling(window).std().mul(252**0.5).rename("volatility")


def report(bars: pd.DataFrame) -> tuple[dict[str, float], list[pd.DataFrame]]:
    monthly = bars.resample("MS").agg({"Close": "last", "Volume": "sum"})
    monthly.attrs["source"] = "bars"
    return {"last": float(bars["Close"].iloc[-1]), "days": len(bars)}, [monthly]


@pytest.mark.slow
@pytest.mark.parametrize("new", [robust_cacheable, time_aware_cacheable])
def test_real_features_do_the_same_under_both_decorators(afml_compat, goog, sp500, new):
    gaps = goog.copy()
    gaps.loc[gaps.index[100:110], "Close"] = np.nan
    afml_compat.same_results(
        cacheable(volatility),
        new(volatility),
        {
            "Google": args(goog),
            "the index": args(sp500, window=60),
            "gaps": args(gaps, 5),
            "too short": (goog, 1),
            "by name": {"bars": sp500, "window": 5},
        },
    )
    afml_compat.same_results(cacheable(report), new(report), [args(goog), args(sp500)])


def fitted(bars: pd.DataFrame, depth: int) -> object:
    from sklearn.ensemble import RandomForestClassifier

    returns = bars["Close"].pct_change().dropna()
    rows = np.column_stack([returns.shift(n).fillna(0) for n in (1, 2, 3)])
    return RandomForestClassifier(5, max_depth=depth, random_state=7).fit(rows, returns > 0)


def test_fitted_models_do_the_same(afml_compat, goog):
    pytest.importorskip("sklearn")
    afml_compat.same_results(
        cacheable(fitted), robust_cacheable(fitted), [args(goog.iloc[:300], depth=3)]
    )


def test_a_function_without_a_decorator_may_be_held_against_one_with(afml_compat):
    def doubled(x):
        return [2 * x]

    afml_compat.same_results(doubled, robust_cacheable(doubled), [args(1), args(1), args(2)])
    afml_compat.same_results(doubled, doubled, [args(1)])


class Strategy:
    def __init__(self, fee):
        self.fee = fee

    @cacheable
    def old(self, price):
        return price * (1 - self.fee)

    @robust_cacheable
    def new(self, price):
        return price * (1 - self.fee)


def test_bound_methods_can_be_compared(afml_compat):
    strategy = Strategy(0.25)
    afml_compat.same_results(strategy.old, strategy.new, [args(100.0)])


@cacheable
async def old_quote(symbol):
    """A quote."""
    return [symbol, 1.5]


@robust_cacheable
async def new_quote(symbol):
    """A quote."""
    return [symbol, 1.5]


def test_coroutine_functions_are_awaited(afml_compat):
    afml_compat.same_results(old_quote, new_quote, [args("ES")])


async def plain_quote(symbol):
    """A quote."""
    return [symbol, 1.5]


def test_a_coroutine_function_stays_one_under_a_decorator(afml_compat):
    afml_compat.same_results(plain_quote, new_quote, [args("ES")])
    afml_compat.same_results(plain_quote, old_quote, [args("ES")])

    def quote(symbol):
        """A quote."""
        return [symbol, 1.5]

    assert "new: it is a plain function, was a coroutine function" in told(
        afml_compat, plain_quote, robust_cacheable(quote), [args("ES")]
    )


def same_object(one, other, lock=None):
    return [one is other]


def test_one_object_given_twice_stays_one(afml_compat):
    lock = threading.Lock()
    cases = [args(PRICES, PRICES), args(PRICES, other=PRICES), args(PRICES, PRICES, lock)]
    for case in cases:
        copied = case.copied()
        assert same_object(*copied.args, **copied.kwargs) == [True]
        assert copied.args[0] is not PRICES
    afml_compat.same_results(same_object, same_object, cases)


def test_a_default_that_is_shown_with_its_address_is_no_difference(afml_compat):
    def made():
        def scaled(x, by=object()):  # noqa: B008
            return [x]

        return scaled

    afml_compat.same_results(made(), made(), [args(1)])


@cacheable
def old_count(n):
    return 1 if n < 2 else old_count(n - 1) + old_count(n - 2)


@robust_cacheable
def new_count(n):
    return 1 if n < 2 else new_count(n - 1) + new_count(n - 2)


def test_recursive_functions_can_be_compared(afml_compat):
    afml_compat.same_results(old_count, new_count, [args(8)])


SHARED = pd.DataFrame({"rate": [0.01, 0.02]})


def rates(_day):
    return SHARED


def test_what_belongs_to_the_module_is_not_changed_by_the_check(afml_compat):
    before = SHARED.copy()
    afml_compat.same_results(cacheable(rates), robust_cacheable(rates), [args(1)])
    pd.testing.assert_frame_equal(SHARED, before)


def test_the_arguments_of_the_cases_stay_as_they_are(afml_compat):
    def demeaned(prices):
        prices -= prices.mean()
        prices.index.freq = None
        return prices.sum()

    mine = PRICES.copy()
    told(afml_compat, cacheable(demeaned), robust_cacheable(demeaned), [args(mine)])
    pd.testing.assert_series_equal(mine, PRICES)
    assert mine.index.freq == PRICES.index.freq


# -- what is different ---------------------------------------------------------------------


def smoothed(prices, window=2):
    """Means."""
    return prices.rolling(window).mean()


class Lossy:
    """A cache that loses the freq of what it serves."""

    def __init__(self, function):
        self.__wrapped__, self.__doc__, self.kept = function, function.__doc__, {}

    def __call__(self, prices, window=2):
        key = (str(cache_directory()), window)
        if key not in self.kept:
            self.kept[key] = pickle.loads(pickle.dumps(self.__wrapped__(prices, window)))
            return self.__wrapped__(prices, window)
        found = self.kept[key].copy()
        found.index = pd.DatetimeIndex(found.index, freq=None)
        return found


def test_a_lost_freq_is_told_with_its_case_and_its_arm(afml_compat):
    new = Lossy(smoothed)
    cases = [args(PRICES), args(PRICES, 3)]
    assert told(afml_compat, cacheable(smoothed), new, cases) == [
        "case 1, warm, new: index.freq is None, was <Day>",
        "case 2, warm, new: index.freq is None, was <Day>",
    ]


WINDOWS = [args(PRICES), args(PRICES, window=3)]


def test_a_case_that_is_served_what_another_one_stored_is_told(afml_compat):
    new = robust_cacheable(ignore=["window"])(smoothed)
    assert told(afml_compat, cacheable(smoothed), new, WINDOWS) == [
        "case 2, together, new: it was served what case 1 had stored, so both have one key: 3 of 4 "
        "values differ, the first at [2024-01-02 00:00:00]: 100.5, was nan"
    ]
    assert "case 2, together, old" in told(afml_compat, new, cacheable(smoothed), WINDOWS)[0]


class Contract:
    def __init__(self, name):
        self.name = name

    def __afml_key__(self):
        return "contract"


def margin(contract):
    return [contract.name]


def test_a_key_that_does_not_say_which_object_it_is_is_told(afml_compat):
    cases = {"ES": args(Contract("ES")), "NQ": args(Contract("NQ"))}
    assert told(afml_compat, margin, robust_cacheable(margin), cases) == [
        "case 'NQ', together, new: it was served what case 'ES' had stored, so both have one key: "
        "[0] is 'ES', was 'NQ'"
    ]


def last(n):
    return [n]


class KeepsTheLast:
    """A cache of one entry, which it takes for that of every call but the first of each."""

    def __init__(self, function):
        self.__wrapped__, self.met, self.kept = function, set(), None

    def __call__(self, n):
        store = str(cache_directory())
        if (store, n) not in self.met:
            self.met.add((store, n))
            self.kept = n
        return [self.kept]


def test_an_entry_that_another_case_replaced_is_told(afml_compat):
    found = told(afml_compat, last, KeepsTheLast(last), [args(1), args(2)])
    assert "case 1, together, new: [0] is 2, was 1" in found


def test_equal_cases_may_share_an_entry(afml_compat):
    afml_compat.same_results(cacheable(last), robust_cacheable(last), [args(1), args(1)])


def counted(n):
    return {"rows": list(range(n))}


def test_a_cache_that_hands_out_one_object_twice_is_caught(afml_compat):
    leaky = functools.lru_cache(counted)
    found = told(afml_compat, cacheable(counted), leaky, [args(2)])
    assert [line for line in found if line.startswith("case")] == [
        f"case 1, warm, new: changing what the {arm} call returned changes what the next call "
        f"returns: {text}"
        for arm, items in (("cold", 3), ("warm", 4))
        for text in (
            "['changed'] is 'changed', was not there",
            f"['rows'] has {items} items, had 2",
        )
    ]


def table(n):
    return pd.DataFrame({"close": np.arange(float(n)), "flat": 1.0})


def column(n):
    return pd.Series(np.arange(float(n)), name="close")


def values(n):
    return np.arange(n)


def model(n):
    found = Strategy(0.25)
    found.side, found.weights = inspect.Parameter.empty, [n]
    return found


def pair(n):
    return n, (np.arange(n), {"kind": inspect._ParameterKind.VAR_KEYWORD})


@dataclass(slots=True)
class Fit:
    path: list[int]


@dataclass(slots=True, frozen=True)
class Frozen:
    path: list[int]


class Called:
    def __init__(self, n):
        self.n = n

    def __call__(self):
        return self.n


SINCE = dt.date(2024, 1, 1)
ZONE = ZoneInfo("Asia/Tokyo")
PART = [0]

#: Results that changes of the check would not reach if they had another form, or if one part of
#: them that is never changed, or is the module's, were taken for a reason to change nothing.
REACHED = {
    "beside NaT": lambda n: {"rows": [n], "last": pd.NaT},
    "beside NA": lambda n: [n, pd.NA],
    "beside a date": lambda n: {"rows": [n], "since": SINCE},
    "beside a zone": lambda n: [pd.Series([n]), dt.timezone.utc, ZONE],  # noqa: UP017
    "beside a Decimal": lambda n: [n, ONE],
    "beside a dtype": lambda n: [n, np.dtype("float64"), np.float64],
    "beside a path, a pattern": lambda n: [n, HERE, PATTERN, UNIT],
    "beside what is the module's": lambda n: {"shared": PART, "own": [n]},
    "NaT in a column": lambda n: pd.DataFrame({"at": pd.Series([pd.NaT, n], dtype=object)}),
    "slots": lambda n: Fit([n]),
    "frozen": lambda n: Frozen([n]),
    "deque": lambda n: deque([n], 1),
    "index": lambda n: pd.Index([n]),
    "levels": lambda n: pd.MultiIndex.from_tuples([(n, n)]),
    "records": lambda n: np.array([(n, 1.0)], dtype=[("a", int), ("b", float)]),
    "records of objects": lambda n: np.array([(n, "x")], dtype=[("a", int), ("b", object)]),
    "categories": lambda n: pd.Categorical([n, n]),
    "categories of two rows": lambda n: pd.Categorical(["a", "b"]),
    "masked": lambda n: pd.array([n, None]),
    "callable": Called,
    "column of lists": lambda n: pd.DataFrame({"rows": [[n], [n]]}),
    "array of lists": lambda n: np.array([[n], None], dtype=object),
    "strided": lambda n: np.arange(9.0)[::2],
    "mapping proxy": lambda n: types.MappingProxyType({"rows": [n]}),
    "partial": lambda n: functools.partial(max, [n]),
}
ONE, HERE, PATTERN, UNIT = Decimal(1), Path("x"), re.compile("x"), pd.offsets.BDay()


@pytest.mark.parametrize("name", REACHED)
def test_changes_reach_every_part_that_is_not_the_modules(afml_compat, name):
    function = REACHED[name]
    found = told(afml_compat, function, functools.lru_cache(function), [args(3)])
    for arm in ("cold", "warm"):
        assert any(f"changing what the {arm} call returned" in line for line in found)
    afml_compat.same_results(function, function, [args(3)])
    assert PART == [0]


def test_memory_of_the_module_is_not_changed_by_the_check(afml_compat):
    kept = np.arange(4.0)

    def views(n):
        frame = pd.DataFrame({"a": kept}, copy=False)
        return {"rows": [n], "half": kept[::2], "series": pd.Series(kept, copy=False), "all": frame}

    leaky = functools.lru_cache(views)
    assert any("['rows'] has 2 items" in line for line in told(afml_compat, views, leaky, [(1,)]))
    assert kept.tolist() == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("beside", [pd.NaT, dt.date(2024, 1, 1), Decimal(1)], ids=repr)
def test_what_is_never_changed_is_no_memory_that_is_shared(afml_compat, beside):
    def old(rows, since):
        return [*rows], since

    def new(rows, since):
        return rows, since

    assert told(afml_compat, old, new, [args([1], beside)]) == [
        "case 1, plain and cold, new: the result shares memory with an argument, which it did "
        "not: changing one changes both"
    ]


@pytest.mark.parametrize("function", [table, column, values, model, pair])
def test_every_kind_of_result_is_watched_for_leaks(afml_compat, function):
    found = told(afml_compat, cacheable(function), functools.lru_cache(function), [args(3)])
    for arm in ("cold", "warm"):
        assert any(f"changing what the {arm} call returned" in line for line in found)
    afml_compat.same_results(cacheable(function), robust_cacheable(function), [args(3)])


def other(prices, window=3):
    """Other means."""
    found = prices.rolling(window).mean().astype("float32").to_frame()
    return found.reset_index(drop=True)


def test_all_differences_are_listed(afml_compat):
    found = told(afml_compat, cacheable(smoothed), robust_cacheable(other), {"a": args(PRICES)})
    assert found == [
        "new: the signature is (prices, window=3), was (prices, window=2)",
        "new: the docstring is 'Other means.', was 'Means.'",
        "case 'a', plain, cold and warm, new: the type is DataFrame, was Series",
    ]


def test_what_cannot_be_pickled_any_more_is_told(afml_compat):
    def local(prices, window=2):
        """Means."""
        return smoothed(prices, window)

    found = told(afml_compat, cacheable(smoothed), robust_cacheable(local), [args(PRICES)])
    assert len(found) == 1
    assert found[0].startswith("new: the function cannot be pickled any more (AttributeError")


def raises(error):
    def checked(x):
        raise error

    return checked


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            raises(ValueError("short", 1)),
            raises(ValueError("short", 2)),
            "the exception's args: [1] is 2, was 1",
        ),
        (
            raises(ValueError("short")),
            raises(KeyError("short")),
            "raised KeyError('short'), was ValueError('short')",
        ),
        (raises(ValueError("short")), lambda x: 1, "returned 1, raised ValueError('short') before"),
        (lambda x: 1, raises(ValueError("short")), "raised ValueError('short'), returned 1 before"),
        (raises(SystemExit(1)), raises(SystemExit(2)), "the exception's args: [0] is 2, was 1"),
    ],
)
def test_exceptions_are_compared_with_their_arguments(afml_compat, old, new, words):
    found = told(afml_compat, cacheable(old), robust_cacheable(new), [args(1)])
    assert f"case 1, plain, cold and warm, new: {words}" in found


def test_warnings_are_compared(afml_compat):
    def old(x):
        warnings.warn("few rows", stacklevel=2)
        return x

    def new(x):
        warnings.warn("no rows", RuntimeWarning, stacklevel=2)
        return x

    assert told(afml_compat, cacheable(old), robust_cacheable(new), [args(1)]) == [
        f"case 1, plain and cold, new: {text}"
        for text in ("warned RuntimeWarning: no rows", "did not warn UserWarning: few rows")
    ]


def test_warnings_of_two_classes_with_one_name_are_told_apart(afml_compat):
    def warner(module):
        category = type("GapWarning", (UserWarning,), {"__module__": module})

        def warned(x):
            warnings.warn("few rows", category, stacklevel=2)
            return x

        return warned

    assert told(afml_compat, warner("feeds"), warner("bars"), [args(1)]) == [
        f"case 1, plain and cold, new: {text}"
        for text in ("warned bars.GapWarning: few rows", "did not warn feeds.GapWarning: few rows")
    ]
    afml_compat.same_results(warner("feeds"), warner("feeds"), [args(1)])


def test_a_key_that_is_pressed_ends_the_check(afml_compat):
    with pytest.raises(KeyboardInterrupt):
        afml_compat.same_results(raises(KeyboardInterrupt()), raises(KeyboardInterrupt()), [(1,)])


def test_a_body_that_exits_may_do_so_under_both(afml_compat):
    afml_compat.same_results(
        cacheable(raises(SystemExit("no feed"))),
        robust_cacheable(raises(SystemExit("no feed"))),
        [args(1)],
    )


def test_the_check_works_while_a_profile_is_taken(afml_compat):
    def ranked(prices):
        prices.sort()
        return prices[-1]

    profile = cProfile.Profile()
    profile.enable()
    try:
        found = told(afml_compat, cacheable(ranked), robust_cacheable(ranked), [args([2, 1])])
        last(1)
    finally:
        profile.disable()
    assert "case 1, warm, new: the body ran 1 time, under old 0 times" in "\n".join(found)
    # What comes after the check is in the profile.
    assert any(getattr(entry.code, "co_name", "") == "last" for entry in profile.getstats())


@pytest.mark.parametrize(("old", "new", "name"), [([1], last, "old"), (last, None, "new")])
def test_what_cannot_be_called_is_refused(afml_compat, old, new, name):
    with pytest.raises(TypeError, match=rf"{name} is .*, which is no function"):
        afml_compat.same_results(old, new, [args(1)])


def test_more_runs_of_the_body_are_told_with_the_reason(afml_compat):
    def ranked(prices):
        prices.sort()
        return prices[-1]

    found = told(afml_compat, cacheable(ranked), robust_cacheable(ranked), [args([2, 1])])
    assert (
        "case 1, warm, new: the body ran 1 time, under old 0 times (argument_mutated: the "
        "function changes one of its arguments, so it is never stored)"
    ) in found


def test_what_becomes_of_the_arguments_is_compared(afml_compat):
    def new(prices, window=2):
        """Means."""
        prices.name = "changed"
        return smoothed(prices, window).rename("close")

    found = told(afml_compat, cacheable(smoothed), robust_cacheable(new), [args(PRICES)])
    assert (
        "case 1, plain and cold, new: it left its argument otherwise: prices.name is 'changed', "
        "was 'close'"
    ) in found


def test_a_function_that_never_does_the_same_is_told_as_such(afml_compat):
    calls = []

    def noisy(x):
        calls.append(x)
        return len(calls)

    found = told(afml_compat, cacheable(noisy), robust_cacheable(noisy), [args(1)])
    assert found[0] == "case 1, plain, old: a second call does otherwise: the value is 2, was 1"
    assert found[1].startswith("case 1, plain, old: so there is nothing to compare")
    assert len(found) == 2


def test_results_that_cannot_be_compared_are_told(afml_compat):
    def opened(x):
        return {"at": x, "how": (n for n in range(x))}

    found = told(afml_compat, cacheable(opened), robust_cacheable(opened), [args(1)])
    assert len(found) == 1
    assert re.match(
        r"case 1, plain, old: \['how'\] is <generator .*>, which cannot be compared: it says only "
        "which object it is; compare what it gives",
        found[0],
    )


@pytest.mark.parametrize(
    ("cases", "error", "words"),
    [
        ([], ValueError, "proves nothing"),
        ([PRICES], TypeError, r"write a call as args\(prices, window=20\)"),
        (PRICES.to_frame(), TypeError, "give a list of calls|write a call as"),
        (args(1), TypeError, "give a list of calls"),
    ],
)
def test_cases_that_are_no_calls_are_refused(afml_compat, cases, error, words):
    with pytest.raises(error, match=words):
        afml_compat.same_results(smoothed, smoothed, cases)


def test_a_cold_call_that_shares_memory_with_an_argument_otherwise_is_told(afml_compat):
    def old(values):
        return values

    def new(values):
        return values.copy()

    found = told(afml_compat, cacheable(old), robust_cacheable(new), [args(np.ones(2))])
    assert found == [
        "case 1, plain and cold, new: the result does not share memory with an argument any more",
    ]
    assert not re.search("warm", "\n".join(found))
