"""A function behind a decorator with ``functools.wraps``, of which joblib has recorded the wrapper.

joblib's record is the wrapper's source: neither the function's own body nor what the wrapper
closes over is in it. They are code that the recorded function reaches, as a helper is: pinned when
the migration is applied, else by the first adoption.
"""

from __future__ import annotations

from typing import Any

import pytest

from afml_cache.pin_applied import pin_applied

MAIN = """
    from afml.cache import cacheable
    from desk.decoration import timed, times
    from desk.noting import note

    @cacheable
    @timed
    def f(x):
        note("f", x)
        return x + 7

    @cacheable
    @times(2)
    def g(x):
        note("g", x)
        return x + 8

    @cacheable
    @timed
    @times(4)
    def h(x):
        note("h", x)
        return x + 9
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
                return function(*args, **kwargs) * factor

            return wrapper

        return decorate
"""


@pytest.fixture
def desk(repo: Any) -> Any:
    repo.write("main.py", MAIN)
    repo.write("decoration.py", DECORATION)
    repo.warm(lambda main: [main.f(1), main.g(1), main.h(1)])
    repo.migrate()
    return repo


EDITS = pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        pytest.param("f", "x + 7", "x + 70", id="the body"),
        pytest.param("g", "x + 8", "x + 80", id="the body, a decorator with a parameter"),
        pytest.param("h", "x + 9", "x + 90", id="the body, two decorators"),
        pytest.param("g", "times(2)", "times(3)", id="the parameter of the decorator"),
        pytest.param("h", "times(4)", "times(5)", id="the parameter of the inner decorator"),
    ],
)


def expect_computed(desk: Any, name: str) -> None:
    function = getattr(desk.load(), name)
    right = function.__wrapped__(1)
    desk.ran()
    with desk.counting(function) as told:
        assert function(1) == right
    assert desk.ran() == [f"{name} 1"]
    assert (told.adopted, told.computed) == (0, 1)


@EDITS
def test_an_edit_after_the_migration_was_applied_is_not_answered_with_an_old_result(
    desk: Any, name: str, old: str, new: str
) -> None:
    desk.load()  # the migrated module
    report = pin_applied(desk.folder, [], {"desk/main.py": ["f", "g", "h"]})
    assert report.pinned == ["desk.main.f", "desk.main.g", "desk.main.h"]
    desk.edit("main.py", old, new)
    expect_computed(desk, name)


@EDITS
def test_an_edit_after_the_first_adoption_is_not_answered_with_an_old_result(
    desk: Any, name: str, old: str, new: str
) -> None:
    main = desk.load()
    assert [main.f(1), main.g(1), main.h(1)] == [8, 18, 40]
    assert desk.ran() == []
    desk.edit("main.py", old, new)
    expect_computed(desk, name)


@pytest.mark.xfail(
    strict=True,
    reason="joblib records nothing that could tell of an edit before anything was pinned",
)
@EDITS
def test_an_edit_before_anything_was_pinned_is_not_answered_with_an_old_result(
    desk: Any, name: str, old: str, new: str
) -> None:
    desk.edit("main.py", old, new)
    expect_computed(desk, name)
