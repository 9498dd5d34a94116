"""Mode "readonly": what is stored is served, and not a byte is written."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import textwrap
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


# -- a directory that cannot be written to, in mode "on" -------------------------------


UNWRITABLE = """
    import sys, warnings
    from afml_cache import cacheable, get_cache_stats, robust_cacheable
    from afml_cache.joblib_memory.folder import origin_of
    from afml_cache.legacy import JoblibCachedFunction

    @robust_cacheable
    def r(x):
        return [x]

    @cacheable
    def c(x):
        return [x]

    def of_a_notebook(x):
        return [x]

    @cacheable
    def new(x):
        return [x]

    # In a worker, a function of a notebook is known by another name than its results are.
    arrived = JoblibCachedFunction(of_a_notebook, (), origin_of(c.__wrapped__))
    r(1), c(1)
    if "read" in sys.argv:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            print(r(1), c(1), arrived(1), new(1), new(1), r(2), c(2))
        for name, one in get_cache_stats().items():
            reasons = sorted(one["reasons"].items())
            print(name.partition(".")[2], one["hits"], one["misses"], *reasons)
        print(*(one.message for one in told), sep="\\n")
"""


def test_what_an_unwritable_directory_holds_is_served_by_every_decorator(store, tmp_path):
    """As a user who may not write there: root may, but for the capability to."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(UNWRITABLE))
    command = [sys.executable, str(script)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run(command, check=True, timeout=60, env=environment)
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may write everywhere")
        sets = "-dac_override,-dac_read_search"
        command = ["setpriv", f"--bounding-set={sets}", "--inh-caps=-all", *command]
    paths = [store.directory, *store.directory.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = files(store.directory)
    try:
        done = subprocess.run(
            [*command, "read"], capture_output=True, text=True, timeout=60, env=environment
        )
    finally:
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert files(store.directory) == before
    values, *counts = done.stdout.splitlines()[:5]
    assert values == "[1] [1] [1] [1] [1] [2] [2]", done.stderr
    assert counts == [
        "c 2 2 ('first_call', 1) ('store_unavailable', 1)",
        "new 0 2 ('store_unavailable', 2)",
        "of_a_notebook 1 0",
        "r 2 2 ('first_call', 1) ('store_unavailable', 1)",
    ]
    told = done.stdout.splitlines()[5:]
    assert all("written" in one for one in told) and 1 <= len(told) <= 4
