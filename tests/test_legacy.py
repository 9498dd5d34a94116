"""``@cacheable`` is joblib.Memory under the store's folder, and its counts are true."""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import pickle
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest

from afml_cache import CacheWarning, cacheable, configure, get_cache_stats, use_store

RAN: list[object] = []


@cacheable
def add(x, y=2):
    RAN.append(x)
    return x + y


def plain(x):
    RAN.append(x)
    return np.arange(x)


@pytest.fixture(autouse=True)
def nothing_ran():
    RAN.clear()


def test_a_second_call_does_not_run_the_function():
    assert [add(1), add(1), add(1, 2), add(5)] == [3, 3, 3, 7]
    assert RAN == [1, 5]
    info = add.cache_info()
    assert (info.hits, info.computed, info.entries) == (2, 2, 2)
    assert {str(k): v for k, v in info.reasons.items()} == {"first_call": 1, "argument": 1}
    assert info.size > 0


def test_entries_that_joblib_itself_wrote_are_hit(store):
    memory = joblib.Memory(str(store.directory / "joblib_cache"), verbose=0)
    memory.cache(plain)(5)
    assert RAN == [5]
    np.testing.assert_array_equal(cacheable(plain)(5), np.arange(5))
    assert RAN == [5]


def test_joblib_itself_hits_our_entries(store):
    cacheable(plain)(6)
    memory = joblib.Memory(str(store.directory / "joblib_cache"), verbose=0)
    memory.cache(plain)(6)
    assert RAN == [6]


def test_the_entries_of_another_store_are_not_seen(tmp_path):
    add(1)
    with use_store(tmp_path / "other"):
        add(1)
    add(1)
    assert RAN == [1, 1]


def test_a_damaged_entry_is_computed_again_and_counted_so(store):
    add(1)
    (output,) = (store.directory / "joblib_cache").rglob("output.pkl")
    output.write_bytes(b"broken")
    assert add(1) == 3  # joblib logs what it could not load
    assert RAN == [1, 1]
    assert add.cache_info().reasons == {"first_call": 1, "unreadable": 1}


def test_a_folder_that_cannot_be_used_costs_no_result(tmp_path):
    (tmp_path / "a file").write_text("")
    with use_store(tmp_path / "a file"), pytest.warns(CacheWarning, match="cannot be used") as told:
        assert [add(1), add(1)] == [3, 3]
    assert RAN == [1, 1]
    assert len(told) == 1


def test_an_argument_that_joblib_cannot_hash_computes_and_is_no_hit():
    @cacheable
    def f(lock):
        RAN.append(1)
        return 1

    with pytest.warns(CacheWarning, match="could not hash its arguments"):
        assert f(threading.Lock()) == 1
    info = f.cache_info()
    assert (info.hits, info.reasons) == (0, {"unkeyable": 1})
    assert RAN == [1]


def test_a_call_that_does_not_fit_raises_pythons_own_error():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheWarning)  # some versions of joblib cannot bind it
        with pytest.raises(TypeError, match=r"add\(\)"):
            add(1, 2, 3)


def test_a_function_that_raises_is_counted_as_computed():
    @cacheable
    def fails(x):
        raise ValueError(x)

    with pytest.raises(ValueError):
        fails(1)
    info = fails.cache_info()
    assert (info.hits, info.computed) == (0, 1)


def test_nested_cached_functions_are_counted_each_on_its_own():
    @cacheable
    def inner(x):
        return x * 2

    @cacheable
    def outer(x):
        return inner(x) + 1

    inner(1)
    outer(1), outer(1)
    assert (inner.cache_info().hits, inner.cache_info().computed) == (1, 1)
    assert (outer.cache_info().hits, outer.cache_info().computed) == (1, 1)


def test_statistics_name_the_function():
    add(1), add(1)
    stats = get_cache_stats()
    (name,) = [n for n in stats if n.endswith("test_legacy.add")]
    assert stats[name]["hits"] == 1
    assert stats[name]["misses"] == stats[name]["computed"] == 1
    assert stats[name]["hit_rate"] == 0.5


def test_a_method_is_bound():
    class Model:
        @cacheable(ignore=["self"])
        def predict(self, x):
            return x + 1

    assert Model().predict(1) == 2


def test_clearing_one_function_leaves_the_others():
    other = cacheable(plain)
    add(1), other(3)
    add.cache_clear()
    add(1), other(3)
    assert RAN == [1, 3, 1]


def test_an_edited_function_is_computed_again(tmp_path, monkeypatch):
    path = tmp_path / "afml_t_legacy.py"
    path.write_text("from afml.cache import cacheable\n@cacheable\ndef f(x):\n    return x + 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = importlib.import_module("afml_t_legacy")
    assert module.f(pd.Series([1])).tolist() == [2]
    path.write_text(path.read_text().replace("x + 1", "x + 10"))
    importlib.invalidate_caches()
    module = importlib.reload(module)
    assert module.f(pd.Series([1])).tolist() == [11]
    assert module.f.cache_info().reasons == {"first_call": 1, "code": 1}
    sys.modules.pop("afml_t_legacy")


# -- true numbers ------------------------------------------------------------------------


class CannotBePickled:
    def __init__(self, error):
        self.error = error

    def __reduce__(self):
        raise self.error("no way")


@pytest.mark.parametrize("error", [pickle.PicklingError, TypeError, RecursionError])
def test_a_result_that_cannot_be_pickled_is_told_once_and_leaves_nothing(store, error):
    @cacheable
    def f(x):
        RAN.append(x)
        return [np.arange(5), CannotBePickled(error)]

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        f(1), f(1), f(2)
    assert RAN == [1, 1, 2]
    (warning,) = told
    assert issubclass(warning.category, CacheWarning)
    assert "cannot be pickled (no way)" in str(warning.message)
    info = f.cache_info()
    assert info.reasons == {"result_unpicklable": 3}
    assert (info.hits, info.entries, info.size) == (0, 0, 0)
    left = {path.name for path in joblib_files(store)}
    assert left == {".gitignore", "func_code.py"} or left == {"func_code.py"}


def joblib_files(store):
    return [path for path in (store.directory / "joblib_cache").rglob("*") if path.is_file()]


def test_half_a_pickle_that_joblib_left_is_no_entry(store):
    def f(x):
        return [x, CannotBePickled(pickle.PicklingError)]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        joblib.Memory(str(store.directory / "joblib_cache"), verbose=0).cache(f)(1)
    info = cacheable(f).cache_info()
    assert (info.entries, info.size) == (0, 0)


def test_size_is_what_the_entries_take_on_disk(store):
    add(1), add(2)
    folders = {path.parent for path in joblib_files(store) if path.name == "output.pkl"}
    on_disk = sum(path.stat().st_size for folder in folders for path in folder.iterdir())
    assert len(folders) == add.cache_info().entries == 2
    assert add.cache_info().size == on_disk


def test_asking_counts_nothing_and_makes_nothing(store, tmp_path):
    assert add.cache_info().entries == 0
    assert not (store.directory / "joblib_cache").exists()
    (tmp_path / "a file").write_text("")
    with use_store(tmp_path / "a file"), warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheWarning)
        assert add.cache_info().computed == 0
        add.cache_clear()
        assert add.cache_info().computed == 0


def test_clearing_while_switched_off_is_no_call():
    configure(mode="off")
    add.cache_clear()
    assert add.cache_info().computed == 0


class Shy:
    def __repr__(self):
        raise ValueError("not telling")


def test_a_result_whose_arguments_cannot_be_shown_is_stored_and_counted_so():
    @cacheable
    def f(shy):
        RAN.append(1)
        return 1

    f(Shy()), f(Shy())
    info = f.cache_info()
    assert (info.hits, info.reasons, info.entries) == (1, {"first_call": 1}, 1)
    assert RAN == [1]


def test_an_interrupted_call_is_counted_as_computed():
    @cacheable
    def f(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        f(1)
    info = f.cache_info()
    assert (info.hits, info.computed) == (0, 1)


def test_only_the_function_itself_counts_as_computing_time():
    add(1)
    entry = get_cache_stats()[add._identity]
    assert 0 < entry["seconds_computed"] < 0.01


def test_after_clearing_only_what_was_cleared_is_said_to_be():
    add(1), add(2)
    add.cache_clear()
    add(1), add(3), add(1), add(2)
    info = add.cache_info()
    assert info.reasons == {"first_call": 1, "argument": 2, "cleared": 2}
    assert info.hits == 1


def test_clearing_what_was_never_called_is_no_reason():
    add.cache_clear()
    add(1)
    assert add.cache_info().reasons == {"first_call": 1}


def test_a_function_that_calls_itself_is_counted_call_by_call():
    @cacheable
    def factorial(n):
        RAN.append(n)
        return 1 if n == 0 else n * factorial(n - 1)

    assert factorial(5) == 120
    assert factorial(6) == 720
    info = factorial.cache_info()
    assert (info.hits, info.computed, info.entries) == (1, 7, 7)
    assert RAN == [5, 4, 3, 2, 1, 0, 6]


def test_threads_that_overlap_are_counted_each_on_its_own():
    inside = threading.Barrier(4)

    @cacheable
    def f(x):
        inside.wait()
        return x

    f_hit = cacheable(plain)
    f_hit(3)
    with ThreadPoolExecutor(8) as pool:
        computing = [pool.submit(f, x) for x in range(4)]
        hitting = [pool.submit(f_hit, 3) for _ in range(50)]
        assert [one.result() for one in computing] == [0, 1, 2, 3]
        assert all(len(one.result()) == 3 for one in hitting)
    assert (f.cache_info().hits, f.cache_info().computed) == (0, 4)
    assert (f_hit.cache_info().hits, f_hit.cache_info().computed) == (50, 1)


def test_tasks_that_overlap_are_counted_each_on_its_own():
    @cacheable
    async def f(x, gate):
        RAN.append(x)
        await gates[gate].wait()
        if x < 0:
            raise ValueError(x)
        return x

    gates = {}

    async def main():
        gates["shut"] = asyncio.Event()
        gates["open"] = asyncio.Event()
        gates["open"].set()
        waiting = asyncio.create_task(f(1, "shut"))
        failing = asyncio.create_task(f(-1, "shut"))
        cancelled = asyncio.create_task(f(2, "shut"))
        while len(RAN) < 3:
            await asyncio.sleep(0)
        assert await f(3, "open") == 3
        assert await f(3, "open") == 3
        cancelled.cancel()
        gates["shut"].set()
        return await asyncio.gather(waiting, failing, cancelled, return_exceptions=True)

    one, failed, gone = asyncio.run(main())
    assert one == 1 and isinstance(failed, ValueError)
    assert isinstance(gone, asyncio.CancelledError)
    info = f.cache_info()
    assert (info.hits, info.computed, info.entries) == (1, 4, 2)


def test_a_coroutine_that_is_closed_from_elsewhere_closes_quietly():
    @cacheable
    async def f(x):
        await asyncio.sleep(0)

    call = f(1)
    contextvars.copy_context().run(call.send, None)
    contextvars.copy_context().run(call.close)
    assert f.cache_info().computed == 1


POOLS = """
    import multiprocessing, pathlib, sys
    from afml_cache import cacheable

    @cacheable
    def double(x):
        with open("runs", "a") as runs:
            runs.write("x")
        return 2 * x

    if __name__ == "__main__":
        double(1)
        if sys.argv[1] == "loky":
            from joblib import Parallel, delayed
            print(Parallel(n_jobs=2)(delayed(double)(x) for x in [1, 1, 2, 3]))
        else:
            with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
                print(pool.map(double, [1, 1, 2, 3]))
                pool.close()
                pool.join()
"""


@pytest.mark.parametrize("kind", ["loky", "spawn", "fork"])
def test_calls_in_worker_processes_are_counted(run_python, tmp_path, kind):
    assert run_python(POOLS, kind) == "[2, 2, 4, 6]"
    counted = get_cache_stats()["script.double"]
    assert counted["computed"] == len((tmp_path / "runs").read_text())
    assert counted["hits"] + counted["computed"] == 5
    if kind != "spawn":  # where joblib knows a script by another name
        assert counted["hits"] == 2


def test_a_notebooks_function_hits_in_workers_what_the_notebook_stored(run_python):
    pytest.importorskip("IPython", reason="notebook cells are run by IPython itself")
    script = """
        from IPython.core.interactiveshell import InteractiveShell

        shell = InteractiveShell.instance(colors="NoColor")
        for cell in (
            "from afml_cache import cacheable\\nfrom joblib import Parallel, delayed",
            "@cacheable\\ndef feature(x):\\n    return x + 1",
            "feature(1); feature(2);",
            "Parallel(n_jobs=2)(delayed(feature)(x) for x in [1, 2, 3])",
            "feature(1), feature(3)",
            "info = feature.cache_info()\\nprint(info.entries)",
        ):
            shell.run_cell(cell, store_history=True).raise_error()
    """
    assert run_python(script).splitlines()[-1] == "3"
    (name,) = [name for name in get_cache_stats() if name.endswith("feature")]
    counted = get_cache_stats()[name]
    assert (counted["hits"], counted["computed"]) == (4, 3)


# -- other processes ---------------------------------------------------------------------

STEPS = """
    import sys
    from afml_cache import cacheable

    @cacheable
    def f(x):
        print("ran", x, flush=True)
        return x

    for line in sys.stdin:
        word, _, x = line.strip().partition(" ")
        f.cache_clear() if word == "clear" else f(int(x))
        print("done", f.cache_info().reasons, flush=True)
"""


def ask(process, line):
    """What a process printed on its way through one step."""
    process.stdin.write(line + "\n")
    process.stdin.flush()
    said = []
    while not said or not said[-1].startswith("done"):
        said.append(process.stdout.readline().strip())
    return said[:-1]


def take_away(store):
    (store.directory / "joblib_cache").rename(store.directory / "aside")


def test_the_source_is_recorded_again_where_somebody_took_the_folder_away(store, start_python):
    first = start_python(STEPS)
    assert ask(first, "call 1") == ["ran 1"]
    take_away(store)
    assert ask(first, "call 1") == ["ran 1"]
    assert ask(first, "call 2") == ["ran 2"]
    assert (store.directory / "joblib_cache").stat().st_mode & 0o777 == 0o700
    second = start_python(STEPS)
    assert ask(second, "call 1") == []
    assert ask(second, "call 2") == []


def test_what_an_edited_function_finds_is_never_of_the_older_one(store, start_python):
    old = start_python(STEPS)
    assert ask(old, "call 1") == ["ran 1"]
    take_away(store)
    assert ask(old, "call 1") == ["ran 1"]
    assert ask(old, "call 2") == ["ran 2"]
    script = Path(old.args[1])  # joblib knows it by its path: it is edited in place
    script.write_text(script.read_text().replace("return x", "return x + 1"))
    new = start_python(STEPS)
    assert ask(new, "call 1") == ["ran 1"]
    assert ask(new, "call 2") == ["ran 2"]


def test_one_process_clears_while_another_goes_on(store, start_python):
    one, other = start_python(STEPS), start_python(STEPS)
    assert ask(one, "call 1") == ["ran 1"]
    assert ask(other, "call 1") == []
    ask(one, "clear")
    assert ask(other, "call 1") == ["ran 1"]
    assert ask(one, "call 1") == []
    third = start_python(STEPS)
    assert ask(third, "call 1") == []
    assert not list((store.directory / "joblib_cache").glob(".cleared-*"))


WORKING = """
    import sys
    from afml_cache import cacheable

    @cacheable
    def f(x):
        return [x] * 100

    if sys.argv[1] == "work":
        assert all(f(x % 7) == [x % 7] * 100 for x in range(400))
        info = f.cache_info()
        assert info.hits + info.computed == 400
        print(set(info.reasons) - {"first_call", "argument", "cleared"})
    else:
        while sys.stdin.readline():
            f.cache_clear()
            print("cleared", flush=True)
"""


def test_clearing_again_and_again_breaks_no_call_of_others(start_python):
    clearing = start_python(WORKING, "clear")
    working = start_python(WORKING, "work")
    while working.poll() is None:
        clearing.stdin.write("go on\n")
        clearing.stdin.flush()
        assert clearing.stdout.readline() == "cleared\n"
    said, errors = working.communicate()
    assert said == "set()\n", errors


# -- the folder --------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o022, 0o077])
def test_the_folder_is_for_its_owner_alone_whatever_the_umask(tmp_path, run_python, mask):
    script = f"""
        import os
        os.umask({mask})
        from afml_cache import cacheable
        @cacheable
        def f(x):
            return x
        f(1)
    """
    run_python(script, AFML_CACHE=str(tmp_path / "new" / "base"))
    for folder in (tmp_path / "new" / "base", tmp_path / "new" / "base" / "joblib_cache"):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_folders_that_are_there_keep_their_mode(store):
    folder = store.directory / "joblib_cache"
    folder.mkdir(parents=True)
    for place in (store.directory, folder):
        place.chmod(0o750)
    add(1)
    assert [p.stat().st_mode & 0o777 for p in (store.directory, folder)] == [0o750, 0o750]
