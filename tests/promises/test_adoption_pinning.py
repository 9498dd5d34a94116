"""joblib knows only a function's own source: its entries count under the code that is pinned.

The first adoption of a function pins the code that the function reaches. Under any other, joblib's
entries of it are refused; under the pinned one they are served again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import afml_cache
from afml_cache import configure, use_store

MAIN = """
    from afml.cache import cacheable
    from desk.helpers import scale
    from desk.noting import note

    @cacheable
    def f(x):
        note("f", x)
        return scale(x)

    @cacheable
    def g(x):
        note("g", x)
        return x + 1
"""
HELPERS = """
    from desk.deeper import RATE, inner

    def scale(x):
        return inner(x) * RATE
"""
DEEPER = """
    RATE = 2

    def inner(x):
        return x
"""


@pytest.fixture(params=["robust_cacheable", "time_aware_cacheable"])
def desk(repo: Any, request: pytest.FixtureRequest) -> Any:
    """The repository, warm under the old decorator and then migrated."""
    repo.write("main.py", MAIN)
    repo.write("helpers.py", HELPERS)
    repo.write("deeper.py", DEEPER)
    repo.warm(lambda main: [main.f(x) for x in range(6)] + [main.g(1)])
    repo.migrate(decorator=request.param)
    return repo


EDITS = [
    pytest.param("helpers.py", "* RATE", "* RATE + 1", id="a helper"),
    pytest.param("deeper.py", "return x", "return x + 1", id="a helper's helper"),
    pytest.param("deeper.py", "RATE = 2", "RATE = 3", id="a constant"),
]


@pytest.mark.parametrize(("name", "old", "new"), EDITS)
def test_after_an_edit_of_reached_code_nothing_of_joblib_is_served(
    desk: Any, name: str, old: str, new: str
) -> None:
    assert desk.load().f(1) == 2
    assert desk.ran() == [], "adopted"
    desk.edit(name, old, new)
    f = desk.load().f
    with desk.counting(f) as told:
        assert f(1) == f.__wrapped__(1) != 2
        desk.ran()
    assert (told.adopted, told.computed) == (0, 1)
    assert told.reasons == {"code": 1}, "the store itself knows these arguments"
    with desk.counting(f) as told:
        assert f(2) == f.__wrapped__(2) != 4
    assert (told.adopted, told.computed) == (0, 1)
    assert told.reasons == {"adoption_refused": 1}
    with desk.counting(f) as told:
        f(1), f(2)
    assert told.hits == 2, "what was computed is kept"


@pytest.mark.parametrize(("name", "old", "new"), EDITS)
def test_when_the_edit_is_undone_everything_is_served_again(
    desk: Any, name: str, old: str, new: str
) -> None:
    desk.load().f(1)
    desk.edit(name, old, new)
    main = desk.load()
    main.f(1), main.f(2)
    desk.ran()
    desk.edit(name, new, old)
    f = desk.load().f
    with desk.counting(f) as told:
        assert [f(1), f(2), f(3)] == [2, 4, 6]
    assert (told.hits, told.adopted, told.computed) == (1, 2, 0)
    assert desk.ran() == []


def test_an_edit_that_changes_no_result_refuses_nothing(desk: Any) -> None:
    desk.load().f(1)
    desk.edit("helpers.py", "def scale(x):", 'def scale(x):\n    """Scale."""  # a word')
    f = desk.load().f
    with desk.counting(f) as told:
        assert [f(1), f(2)] == [2, 4]
    assert (told.hits, told.adopted, told.computed) == (1, 1, 0)


@pytest.mark.parametrize(("name", "old", "new"), EDITS)
def test_a_module_that_is_reloaded_is_judged_by_its_new_code(
    desk: Any, name: str, old: str, new: str
) -> None:
    f = desk.load().f
    f(1)
    desk.edit(name, old, new)
    f = desk.load().f
    assert f(2) == f.__wrapped__(2) != 4
    assert f(1) == f.__wrapped__(1) != 2
    desk.edit(name, new, old)
    assert desk.load().f(3) == 6
    assert desk.ran().count("f 3") == 0


CALL = """
    import sys
    from desk.main import f
    before = f.cache_info()
    print(f(int(sys.argv[1])))
    after = f.cache_info()
    print(after.adopted - before.adopted, after.computed - before.computed)
    print(after.reasons.get("adoption_refused", 0))
"""


def test_what_one_process_pinned_another_knows(desk: Any, run_python: Callable[..., str]) -> None:
    assert run_python(CALL, "1").split() == ["2", "1", "0", "0"]
    desk.edit("deeper.py", "RATE = 2", "RATE = 3")
    assert run_python(CALL, "2").split() == ["6", "0", "1", "1"]
    desk.edit("deeper.py", "RATE = 3", "RATE = 2")
    assert run_python(CALL, "3").split() == ["6", "1", "0", "1"]


def test_one_function_is_pinned_and_not_its_neighbour(desk: Any) -> None:
    desk.load().f(1)
    desk.edit("helpers.py", "* RATE", "* RATE + 1")
    g = desk.load().g
    with desk.counting(g) as told:
        assert g(1) == 2
    assert (told.adopted, told.computed) == (1, 0)


def test_the_functions_own_edit_is_no_reason_to_serve_what_joblib_has(desk: Any) -> None:
    desk.load().f(1)
    desk.edit("main.py", "return scale(x)", "return -scale(x)")
    f = desk.load().f
    assert [f(1), f(2)] == [-2, -4]
    assert sorted(desk.ran()) == ["f 1", "f 2"]
    desk.edit("main.py", "return -scale(x)", "return scale(x)")
    f = desk.load().f
    assert [f(1), f(2)] == [2, 4]
    assert desk.ran() == []


def test_the_present_code_can_be_pinned_by_hand(desk: Any) -> None:
    f = desk.load().f
    afml_cache.pin_adoption(f)
    assert desk.ran() == []
    desk.edit("deeper.py", "RATE = 2", "RATE = 3")
    f = desk.load().f
    with desk.counting(f) as told:
        assert f(1) == 3
    assert told.reasons == {"adoption_refused": 1}
    desk.edit("deeper.py", "RATE = 3", "RATE = 2")
    f = desk.load().f
    with desk.counting(f) as told:
        assert f(1) == 2
    assert told.adopted == 1


def test_pinning_by_hand_serves_what_was_refused(desk: Any) -> None:
    desk.load().f(1)
    desk.edit("helpers.py", "inner(x) * RATE", "RATE * inner(x)")
    f = desk.load().f
    with desk.counting(f) as told:
        assert f(2) == 4
    assert told.reasons == {"adoption_refused": 1}
    afml_cache.pin_adoption(f)  # "these entries are right under the present code"
    with desk.counting(f) as told:
        assert [f(3), f(4)] == [6, 8]
    assert (told.adopted, told.computed) == (2, 0)
    desk.edit("helpers.py", "RATE * inner(x)", "RATE * inner(x) + 1")
    f = desk.load().f
    with desk.counting(f) as told:
        assert f(5) == 11
    assert told.reasons == {"adoption_refused": 1}, "pinned again, and to this code only"


def test_a_pin_made_by_hand_holds_in_other_processes(
    desk: Any, run_python: Callable[..., str]
) -> None:
    run_python("from afml_cache import pin_adoption\nfrom desk.main import f\npin_adoption(f)")
    desk.edit("deeper.py", "RATE = 2", "RATE = 3")
    assert run_python(CALL, "2").split() == ["6", "0", "1", "1"]


def test_every_store_has_its_own_pins(desk: Any, tmp_path: Any) -> None:
    desk.load().f(1)
    desk.edit("deeper.py", "RATE = 2", "RATE = 3")
    configure(adopt_from=desk.joblib.parent)
    with use_store(tmp_path / "another"):
        f = desk.load().f
        assert f(2) == 4, "the first adoption into this store, under the code of today"
        assert f.cache_info().adopted == 1


def test_what_was_cleared_is_computed(desk: Any) -> None:
    f = desk.load().f
    f(1)
    f.cache_clear()
    with desk.counting(f) as told:
        assert [f(1), f(2)] == [2, 4]
    assert (told.adopted, told.computed) == (0, 2)
    assert set(told.reasons) <= {"cleared", "adoption_refused"}
    assert desk.ran() == ["f 1", "f 2"]
    with desk.counting(f) as told:
        f(1), f(2)
    assert told.hits == 2


def test_what_was_cleared_before_anything_was_adopted_is_computed(desk: Any) -> None:
    desk.load().f.cache_clear()
    f = desk.load().f
    with desk.counting(f) as told:
        assert f(1) == 2
    assert (told.adopted, told.computed) == (0, 1)


def test_clearing_one_function_leaves_the_others_entries(
    desk: Any, run_python: Callable[..., str]
) -> None:
    run_python("from desk.main import f\nf.cache_clear()")
    assert run_python(CALL, "1").split()[:3] == ["2", "0", "1"], "another process knows"
    g = desk.load().g
    with desk.counting(g) as told:
        assert g(1) == 2
    assert told.adopted == 1
