"""``must_hit`` and ``must_miss``, and that the shipped pairs are what the keys really promise."""

from __future__ import annotations

import pytest

from afml_cache import cacheable, robust_cacheable, time_aware_cacheable
from pytest_afml.compat import HITS, MISSES, args
from pytest_afml.limits import LimitError


@robust_cacheable
def robust(value, window=20):
    return 1


@time_aware_cacheable
def time_aware(value, window=20):
    return 1


@cacheable
def old(value, window=20):
    return [value]


@pytest.mark.parametrize("function", [robust, time_aware], ids=repr)
@pytest.mark.parametrize("pair", HITS, ids=str)
def test_every_pair_of_hits_hits(afml_compat, function, pair):
    afml_compat.must_hit(function, pair.a, pair.b)
    afml_compat.must_hit(function, pair.b, pair.a)


@pytest.mark.parametrize("function", [robust, time_aware], ids=repr)
@pytest.mark.parametrize("pair", MISSES, ids=str)
def test_every_pair_of_misses_misses(afml_compat, function, pair):
    afml_compat.must_miss(function, pair.a, pair.b)
    afml_compat.must_miss(function, pair.b, pair.a)


def test_each_pair_has_a_name_of_its_own():
    names = [str(pair) for pair in HITS], [str(pair) for pair in MISSES]
    assert all(len(set(one)) == len(one) for one in names)


@pytest.mark.parametrize("pair", HITS, ids=str)
def test_a_pair_of_hits_does_not_miss(afml_compat, pair):
    with pytest.raises(AssertionError, match=r"it was served \(hit\), so both calls have one key"):
        afml_compat.must_miss(robust, pair.a, pair.b)


@pytest.mark.parametrize("pair", MISSES, ids=str)
def test_a_pair_of_misses_does_not_hit(afml_compat, pair):
    with pytest.raises(AssertionError, match=r"but it was not:\n  .* was computed \(argument\)"):
        afml_compat.must_hit(robust, pair.a, pair.b)


def test_the_calls_may_be_tuples_and_dicts(afml_compat):
    afml_compat.must_hit(robust, (1.5,), {"value": 1.5, "window": 20})
    afml_compat.must_miss(robust, (1.5,), {"value": 1.5, "window": 21})


def test_functions_under_the_old_decorator_can_be_asked_too(afml_compat):
    afml_compat.must_hit(old, args(1), args(value=1))
    afml_compat.must_miss(old, args(1), args(2))


def test_a_miss_says_why(afml_compat):
    with pytest.raises(AssertionError) as caught:
        afml_compat.must_hit(robust, args(1.5), args(1.5, window=21))
    message = str(caught.value)
    assert "robust was called with args(1.5); then args(1.5, window=21) should be served" in message
    assert "      window was 20, is 21\n" in message


@robust_cacheable
def sorts(value):
    value.sort()
    return value


@robust_cacheable
def raises(value):
    raise ValueError("no prices")


@robust_cacheable
def one_shot(value):
    return sum(value)


def test_a_miss_of_what_is_never_cached_proves_nothing(afml_compat):
    with pytest.raises(AssertionError, match=r"proves nothing.*\n.*\(argument_mutated\)"):
        afml_compat.must_miss(sorts, ([2, 1],), ([3, 1],))
    with pytest.raises(AssertionError, match=r"proves nothing.*raised ValueError\('no prices'\)"):
        afml_compat.must_miss(raises, (1,), (2,))
    with pytest.raises(AssertionError, match=r"proves nothing.*\n.*\(unkeyable\)"):
        afml_compat.must_miss(one_shot, (iter([1]),), (iter([2]),))
    with pytest.raises(AssertionError, match="nothing was stored, since the first call raised"):
        afml_compat.must_hit(raises, (1,), (1,))


def test_a_call_that_the_function_does_not_take_proves_nothing(afml_compat):
    with pytest.raises(AssertionError, match=r"raised TypeError"):
        afml_compat.must_miss(robust, args(1), args(1, windw=2))
    with pytest.raises(AssertionError, match=r"raised TypeError"):
        afml_compat.must_hit(robust, args(1), args(1, windw=2))


def test_a_function_that_is_not_cached_is_refused(afml_compat):
    with pytest.raises(LimitError, match="is not cached"):
        afml_compat.must_hit(len, ([1],), ([1],))


def test_a_call_that_is_none_is_refused(afml_compat):
    with pytest.raises(TypeError, match="write a call as"):
        afml_compat.must_hit(robust, [1], [1])
