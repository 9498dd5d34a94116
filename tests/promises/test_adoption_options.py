"""The options ``ttl=`` and ``ignore=`` hold for joblib's entries as for the store's own."""

from __future__ import annotations

import time
from typing import Any

import pytest

MAIN = """
    from afml.cache import cacheable
    from desk.noting import note

    @cacheable
    def f(x):
        note("f", x)
        return x + 1

    @cacheable(ignore=["verbose"])
    def quiet(x, verbose=False, *, jobs=1):
        note("quiet", x, verbose, jobs)
        return x + 1
"""


@pytest.fixture
def desk(repo: Any) -> Any:
    repo.write("main.py", MAIN)
    repo.warm(lambda main: [main.f(1), main.quiet(1), main.quiet(2, verbose=True, jobs=3)])
    return repo


def test_an_entry_that_is_older_than_its_time_to_live_is_computed(desk: Any) -> None:
    desk.age(2 * 3600)
    desk.migrate()
    desk.edit("main.py", "robust_cacheable\ndef f", "robust_cacheable(ttl='1 h')\ndef f")
    f = desk.load().f
    with desk.counting(f) as told:
        assert [f(1), f(1)] == [2, 2]
    assert (told.adopted, told.computed, told.hits) == (0, 1, 1)
    assert told.reasons == {"expired": 1}
    assert desk.ran() == ["f 1"]


def test_an_entry_that_is_younger_is_adopted(desk: Any) -> None:
    desk.age(2 * 3600)
    desk.migrate()
    desk.edit("main.py", "robust_cacheable\ndef f", "robust_cacheable(ttl='3 h')\ndef f")
    f = desk.load().f
    with desk.counting(f) as told:
        assert [f(1), f(1)] == [2, 2]
    assert (told.adopted, told.computed, told.hits) == (1, 0, 1)


@pytest.mark.slow
def test_an_adopted_entry_expires_when_joblibs_would_have(desk: Any) -> None:
    desk.age(3600 - 3)
    desk.migrate()
    desk.edit("main.py", "robust_cacheable\ndef f", "robust_cacheable(ttl='1 h')\ndef f")
    f = desk.load().f
    deadline = time.monotonic() + 30
    while not desk.ran():
        assert time.monotonic() < deadline, "it is served as if it had been computed just now"
        assert f(1) == 2
        time.sleep(0.1)
    assert f.cache_info().reasons["expired"] == 1


def test_adoption_does_not_make_a_result_younger(desk: Any) -> None:
    desk.age(2 * 3600)
    desk.migrate()
    assert desk.load().f(1) == 2
    assert desk.ran() == [], "without a time to live"
    desk.edit("main.py", "robust_cacheable\ndef f", "robust_cacheable(ttl='1 h')\ndef f")
    f = desk.load().f
    with desk.counting(f) as told:
        assert f(1) == 2
    assert (told.hits, told.adopted, told.computed) == (0, 0, 1)
    assert desk.ran() == ["f 1"]


def test_what_both_decorators_ignore_does_not_count(desk: Any) -> None:
    desk.migrate()
    quiet = desk.load().quiet
    with desk.counting(quiet) as told:
        assert quiet(1, verbose=True) == 2
        assert quiet(1, verbose=False) == 2
        assert quiet(2, jobs=3) == 3
    assert (told.adopted, told.hits, told.computed) == (2, 1, 0)
    assert desk.ran() == []


@pytest.mark.parametrize("verbose", [False, True])
def test_what_only_the_old_decorator_ignored_is_refused(desk: Any, verbose: bool) -> None:
    desk.migrate()
    desk.edit("main.py", '(ignore=["verbose"])', "")
    quiet = desk.load().quiet
    with desk.counting(quiet) as told:
        assert quiet(1, verbose=verbose) == 2
    assert (told.adopted, told.computed) == (0, 1)
    assert desk.ran() == [f"quiet 1 {verbose} 1"]


def test_ignoring_another_parameter_is_refused(desk: Any) -> None:
    desk.migrate()
    desk.edit("main.py", 'ignore=["verbose"]', 'ignore=["jobs"]')
    quiet = desk.load().quiet
    with desk.counting(quiet) as told:
        assert quiet(1) == 2
    assert (told.adopted, told.computed) == (0, 1)


@pytest.mark.parametrize("spelled", ['"verbose"', '("verbose",)', '{"verbose"}'])
def test_how_the_ignored_parameter_is_written_does_not_matter(desk: Any, spelled: str) -> None:
    desk.migrate()
    desk.edit("main.py", '["verbose"]', spelled)
    quiet = desk.load().quiet
    with desk.counting(quiet) as told:
        assert quiet(1, verbose=True) == 2
    assert (told.adopted, told.computed) == (1, 0)
