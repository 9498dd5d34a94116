"""Judging and wording, without pytest."""

from __future__ import annotations

import pytest

from afml_cache import Outcome, Reason, WatchedCall
from pytest_afml.calls import Calls
from pytest_afml.judge import judge
from pytest_afml.limits import LimitError, identity, limits
from pytest_afml.numbers import Numbers
from pytest_afml.wording import REASONS, broken_expectation, percent

HIT = WatchedCall("m.f", Outcome.HIT)
ADOPTED = WatchedCall("m.f", Outcome.ADOPTED)
MISS = WatchedCall("m.f", Outcome.COMPUTED, Reason.ARGUMENT, "ab", 0.5, ("x was 1, is 2",), "cd")


@pytest.mark.parametrize(
    ("calls", "asked", "broken"),
    [
        ([HIT, ADOPTED, MISS], {"hits": 2, "misses": 1}, []),
        ([HIT, ADOPTED, MISS], {"hits": 3}, ["hits"]),
        ([HIT, MISS], {"max_misses": 0, "min_hit_rate": 0.6}, ["min_hit_rate", "max_misses"]),
        ([HIT, MISS], {"max_misses": 1, "min_hit_rate": 0.5}, []),
        ([], {"hits": 0, "misses": 0}, []),
        ([], {"misses": 0}, ["misses"]),
        ([], {"min_hit_rate": 0.1, "max_misses": 4}, ["min_hit_rate"]),
        ([MISS], {"misses": 0, "only": "m.g"}, ["misses"]),
        ([MISS], {"hits": 0, "misses": 0, "only": "m.g"}, []),
    ],
)
def test_limits_are_broken_or_not(calls, asked, broken):
    assert [one.limit for one in judge(Calls(calls), limits(**asked))] == broken


def test_every_reason_has_its_words():
    assert set(REASONS) == {str(reason) for reason in Reason}


def text(calls, **asked):
    held, wanted = Calls(calls), limits(**asked)
    return broken_expectation(judge(held, wanted), held, wanted)


def test_a_miss_that_should_not_have_been_is_explained():
    assert text([HIT, MISS], misses=0).splitlines() == [
        "expected no misses, but there were 1 hit and 1 miss (50 % served)",
        "  m.f() was computed (argument): the function has entries, none for these arguments",
        "      x was 1, is 2",
        "      compared with the closest entry, cd",
    ]


def test_hits_that_should_have_been_misses_are_listed():
    assert text([HIT, ADOPTED], misses=2).splitlines() == [
        "expected 2 misses, but there were 2 hits (1 adopted) and no misses (100 % served)",
        "  m.f: hit, key None",
        "  m.f: adopted, key None",
    ]


def test_a_long_list_is_cut_and_says_so():
    assert text([MISS] * 12, misses=0).splitlines()[-1] == "  ... and 2 more"


def test_a_share_is_never_rounded_up():
    assert percent(89.96 / 100) == "89.9 %" and percent(0.9) == "90 %"


@pytest.mark.parametrize("wrong", [True, 1.0, "1", -1])
def test_a_count_is_a_whole_number(wrong):
    with pytest.raises(LimitError, match="has to be a whole number from 0"):
        limits(hits=wrong)


@pytest.mark.parametrize("wrong", [True, 0, 1.01, "0.9"])
def test_a_rate_is_a_share(wrong):
    with pytest.raises(LimitError, match="has to be a share above 0, at most 1"):
        limits(min_hit_rate=wrong)


def test_a_function_that_answers_to_every_name_is_not_taken_for_a_cached_one():
    class Anything:
        def __getattr__(self, name):
            return self

    with pytest.raises(LimitError, match="is not cached"):
        identity(Anything())


def test_numbers_of_phases_add_up_to_those_of_the_whole():
    whole, parts = Numbers(), Numbers()
    for call in (HIT, MISS, ADOPTED, MISS):
        whole.count(call)
        phase = Numbers()
        phase.count(call)
        parts.add_plain(phase.take())
        assert phase.take() == {}
    assert whole.of().plain() == parts.of("m.f").plain()
    assert whole.of().reasons == {"argument": 2} and whole.of().seconds == 1.0
    assert whole.of().hit_rate == 0.5
