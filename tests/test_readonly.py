"""Mode "readonly": what is stored is served, and not a byte is written."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from afml_cache import (
    ClearingError,
    cacheable,
    clear_afml_cache,
    configure,
    robust_cacheable,
    use_settings,
    use_store,
    watch_calls,
)
from afml_cache import settings as settings_module

ran = []


@robust_cacheable
def labels(number):
    ran.append(number)
    return [number]


@cacheable
def features(number):
    ran.append(number)
    return [number]


@robust_cacheable
async def later(number):
    return number


@pytest.fixture(autouse=True)
def fresh_counts():
    ran.clear()


def files(folder: Path) -> dict[Path, tuple[int, int]]:
    return {
        path: (path.stat().st_size, path.stat().st_mtime_ns) if path.is_file() else (0, 0)
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("function", [labels, features], ids=["robust_cacheable", "cacheable"])
def test_hits_are_served_and_nothing_is_written(store, function):
    assert function(1) == [1]
    store.close()
    before = files(store.directory)
    with use_settings(mode="readonly"):
        assert (function(1), function(2), function(2)) == ([1], [2], [2])
        assert function.cache_info().hits == 1
    assert files(store.directory) == before
    assert ran == [1, 2, 2]


@pytest.mark.filterwarnings("ignore:There is no cache:afml_cache.CacheWarning")
@pytest.mark.parametrize("function", [labels, features], ids=["robust_cacheable", "cacheable"])
def test_a_cache_that_is_not_there_is_not_made(tmp_path, function):
    configure(mode="readonly")
    with use_store(tmp_path / "nowhere"):
        assert function(1) == [1]
    assert not (tmp_path / "nowhere").exists()


def test_a_coroutine_hits(store):
    asyncio.run(later(1))
    with use_settings(mode="readonly"):
        assert asyncio.run(later(1)) == 1
        assert later.cache_info().hits == 1


@pytest.mark.parametrize("function", [labels, features], ids=["robust_cacheable", "cacheable"])
def test_a_watcher_can_refuse_a_miss_before_the_function_runs(store, function):
    class RefusedError(BaseException):
        pass

    def refuse(call):
        if not call.was_served:
            raise RefusedError(call.reason)

    function(1)
    with use_settings(mode="readonly"), watch_calls(refuse):
        assert function(1) == [1]
        with pytest.raises(RefusedError, match="argument"):
            function(2)
    assert ran == [1]


def test_nothing_is_cleared(store):
    labels(1)
    with use_settings(mode="readonly"):
        with pytest.raises(ClearingError, match="readonly"):
            clear_afml_cache()
        with pytest.warns(match="cannot be written to"):
            labels.cache_clear()
    labels(1)
    assert ran == [1]


def test_settings_for_a_while_give_way_to_those_from_before(store):
    configure(strict=True)
    with use_settings(mode="off", strict=False) as inside:
        assert (inside.mode, inside.strict) == ("off", False)
        configure(mode="readonly", size_limit="2 GB")
    assert (settings_module.current.mode, settings_module.current.strict) == ("on", True)
    assert settings_module.current.size_limit == 2_000_000_000, "which was not set for a while"
