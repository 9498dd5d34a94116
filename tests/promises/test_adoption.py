"""A function that moves from ``@cacheable`` keeps what joblib stored of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from afml_cache import configure, get_cache_stats

MAIN = """
    from afml.cache import cacheable
    from desk.helpers import scale
    from desk.noting import note

    @cacheable
    def f(x, y=1):
        note("f", x)
        return scale(x) + y

    @cacheable
    def g(x):
        note("g", x)
        return x

    @cacheable
    def h(x, change=abs):
        note("h", x)
        return change(x)
"""
HELPERS = """
    def scale(x):
        return x * 2
"""


@pytest.fixture
def desk(repo: Any) -> Any:
    """The repository after f(1) and f(2) have been computed under the old decorator."""
    repo.write("main.py", MAIN)
    repo.write("helpers.py", HELPERS)
    repo.warm(lambda main: [main.f(1), main.f(2), main.h(-1)])
    return repo


@pytest.fixture(params=["robust_cacheable", "time_aware_cacheable"])
def migrated(desk: Any, request: pytest.FixtureRequest) -> Any:
    """The repository after the decorator has been renamed."""
    desk.migrate(decorator=request.param)
    return desk


def test_a_result_of_the_old_decorator_is_served_without_computing(migrated: Any) -> None:
    f = migrated.load().f
    with migrated.counting(f) as told:
        assert f(1) == 3
    assert migrated.ran() == []
    assert (told.hits, told.adopted, told.computed, told.reasons) == (0, 1, 0, {})


def test_the_next_call_is_a_hit(migrated: Any) -> None:
    f = migrated.load().f
    with migrated.counting(f) as told:
        assert [f(1), f(1), f(x=1, y=1), f(2)] == [3, 3, 3, 5]
    assert (told.hits, told.adopted, told.computed) == (2, 2, 0)
    assert migrated.ran() == []


def test_an_adopted_result_is_an_entry_of_the_store(migrated: Any) -> None:
    f = migrated.load().f
    assert not f.cache_contains(1)
    f(1)
    assert f.cache_contains(1)
    assert f.cache_info().entries == 1


def test_an_adopted_result_outlives_joblibs_folder(migrated: Any) -> None:
    migrated.load().f(1)
    shutil.rmtree(migrated.joblib)
    f = migrated.load().f
    with migrated.counting(f) as told:
        assert f(1) == 3
        assert f(2) == 5, "what was not adopted in time is computed"
    assert (told.hits, told.adopted, told.computed) == (1, 0, 1)
    assert migrated.ran() == ["f 2"]


CALL_F = """
    from desk.main import f
    before = f.cache_info()
    print(f(1), f(2))
    after = f.cache_info()
    print(*(getattr(after, n) - getattr(before, n) for n in ("hits", "adopted", "computed")))
"""


def test_a_new_process_adopts_and_the_next_one_hits(
    migrated: Any, run_python: Callable[..., str]
) -> None:
    assert run_python(CALL_F).splitlines() == ["3 5", "0 2 0"]
    assert run_python(CALL_F).splitlines() == ["3 5", "2 0 0"]
    assert migrated.ran() == []


def test_a_call_that_the_old_decorator_never_saw_is_computed(migrated: Any) -> None:
    main = migrated.load()
    with migrated.counting(main.f) as told:
        assert [main.f(3), main.f(1, y=5)] == [7, 7]
    assert migrated.ran() == ["f 3", "f 1"]
    assert (told.adopted, told.computed) == (0, 2)
    assert "adoption_refused" not in told.reasons
    with migrated.counting(main.g) as told:
        assert main.g(1) == 1
    assert told.reasons == {"first_call": 1}


def test_an_argument_of_another_type_is_another_argument(migrated: Any) -> None:
    f = migrated.load().f
    assert [type(f(1.0)), type(f(True)), type(f(1))] == [float, int, int]
    assert migrated.ran() == ["f 1.0", "f True"]


def test_statistics_show_what_was_adopted(migrated: Any) -> None:
    f = migrated.load().f
    stats = get_cache_stats()["desk.main.f"]
    f(1), f(2)
    after = get_cache_stats()["desk.main.f"]
    assert after["adopted"] - stats["adopted"] == 2
    assert after["computed"] == stats["computed"]
    assert after["hits"] == stats["hits"]


def test_joblibs_folder_stays_as_it_is(
    migrated: Any, contents: Callable[[Path], dict[str, tuple[object, ...]]]
) -> None:
    before = contents(migrated.joblib)
    main = migrated.load()
    main.f(1), main.f(1), main.f(3), main.g(1)
    assert contents(migrated.joblib) == before
    migrated.edit("helpers.py", "x * 2", "x * 3")
    main = migrated.load()
    main.f(1), main.f(2)
    assert contents(migrated.joblib) == before
    migrated.edit("main.py", "scale(x) + y", "scale(x) - y")
    main = migrated.load()
    main.f(1), main.f(2)
    main.f.cache_clear()
    main.f(1)
    assert contents(migrated.joblib) == before


def test_after_rolling_back_every_call_of_the_old_decorator_hits(desk: Any) -> None:
    legacy = desk.path("main.py").read_bytes()
    desk.migrate()
    main = desk.load()
    main.f(1), main.f(3)
    desk.edit("helpers.py", "x * 2", "x * 3")
    desk.load().f(2)
    desk.ran()
    desk.path("main.py").write_bytes(legacy)
    f = desk.load().f
    with desk.counting(f) as told:
        assert [f(1), f(2)] == [3, 5], "joblib does not look at helpers"
    assert (told.hits, told.computed) == (2, 0)
    assert desk.ran() == []


def test_migrating_again_after_a_roll_back_computes_nothing(desk: Any) -> None:
    legacy = desk.path("main.py").read_bytes()
    desk.migrate()
    desk.load().f(1)
    desk.path("main.py").write_bytes(legacy)
    desk.warm(lambda main: main.f(4))
    desk.migrate()
    f = desk.load().f
    with desk.counting(f) as told:
        assert [f(1), f(2), f(4)] == [3, 5, 9]
    assert (told.hits, told.adopted, told.computed) == (1, 2, 0)
    assert desk.ran() == []


def test_adoption_can_be_switched_off_and_on(migrated: Any) -> None:
    configure(adopt=False)
    f = migrated.load().f
    with migrated.counting(f) as told:
        assert f(1) == 3
    assert migrated.ran() == ["f 1"]
    assert (told.adopted, told.computed) == (0, 1)
    assert "adoption_refused" not in told.reasons
    configure(adopt=True)
    with migrated.counting(f) as told:
        assert f(2) == 5
    assert (told.adopted, told.computed) == (1, 0)


def test_nothing_is_adopted_where_the_cache_is_off(
    migrated: Any, run_python: Callable[..., str]
) -> None:
    switched_off = "    from afml_cache import configure\n    configure(mode='off')"
    assert run_python(f"{switched_off}{CALL_F}").splitlines() == ["3 5", "0 0 2"]
    assert migrated.ran() == ["f 1", "f 2"]
    assert run_python(CALL_F).splitlines() == ["3 5", "0 2 0"]


IMPORTS = """
    import sys
    from desk.main import f, g
    g(1)
    print("joblib" in sys.modules)
    f(1)
    print("joblib" in sys.modules)
"""


def test_joblib_is_imported_only_where_it_has_a_folder_of_the_function(
    migrated: Any, run_python: Callable[..., str]
) -> None:
    assert not (migrated.joblib / "desk/main/g").exists()
    assert run_python(IMPORTS).split() == ["False", "True"]
    assert migrated.ran() == ["g 1"]


def test_joblib_is_not_imported_where_adoption_is_switched_off(
    migrated: Any, run_python: Callable[..., str]
) -> None:
    switched_off = "    from afml_cache import configure\n    configure(adopt=False)"
    assert run_python(f"{switched_off}{IMPORTS}").split() == ["False", "False"]


def test_an_argument_that_joblib_cannot_hash_is_computed_without_a_fuss(
    migrated: Any, recwarn: pytest.WarningsRecorder
) -> None:
    h = migrated.load().h
    with migrated.counting(h) as told:
        assert [h(-1), h(-1, lambda x: x - 1)] == [1, -2], "joblib cannot pickle a lambda"
    assert migrated.ran() == ["h -1"]
    assert (told.adopted, told.computed) == (1, 1)
    assert list(recwarn) == []
