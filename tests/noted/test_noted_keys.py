"""While asked, calls under ``@cacheable`` note their exact keys, which predict a migration."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as hypothesis_settings

from afml_cache import (
    CacheWarning,
    cacheable,
    configure,
    robust_cacheable,
    use_store,
)
from afml_cache.keys.code import function_identity
from afml_cache.noted import keys as noted_keys
from afml_cache.noted.keys import NotedFunction, noted_entries, noted_functions


@pytest.fixture(autouse=True)
def noting(store):
    configure(note_exact_keys=True)
    yield
    close_notes()


def close_notes():
    """As at the end of a process."""
    if noted_keys._book is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CacheWarning)
            noted_keys._book.close()
        noted_keys._book = None


def double(x, verbose=False):
    return x * 2


NAME = function_identity(double)


def noted(store, function=double):
    return noted_functions(store)[function_identity(function)]


def in_notes(store, statement):
    with sqlite3.connect(store.directory / "records" / "noted_keys.sqlite") as connection:
        rows = connection.execute(statement).fetchall()
    connection.close()
    return rows


# -- what is noted -----------------------------------------------------------------------


def test_calls_and_joblibs_answers_are_noted(store):
    legacy = cacheable(double)
    legacy(1), legacy(1), legacy(2), legacy(1)
    assert noted(store) == NotedFunction(calls=4, joblib_hits=2, distinct=2, unkeyable=0)
    assert noted(store).joblib_hit_rate == noted(store).robust_hit_rate == 0.5


def test_the_key_is_that_of_the_robust_decorator(store):
    frame = pd.DataFrame({"close": np.arange(5.0)})
    legacy, robust = cacheable(double), robust_cacheable(double)
    legacy(frame), legacy(3)
    digests = {digest.hex() for (digest,) in in_notes(store, "SELECT digest FROM noted")}
    assert digests == {robust.cache_key(frame), robust.cache_key(3)}


def test_what_is_ignored_does_not_count(store):
    legacy = cacheable(ignore="verbose")(double)
    robust = robust_cacheable(ignore="verbose")(double)
    legacy(1, verbose=True), legacy(1)
    ((digest,),) = in_notes(store, "SELECT digest FROM noted")
    assert digest.hex() == robust.cache_key(1)
    assert noted(store) == NotedFunction(calls=2, joblib_hits=1, distinct=1, unkeyable=0)


def test_joblibs_own_names_of_star_parameters_can_be_ignored(store):
    def f(x, *rest, **options):
        return x

    legacy = cacheable(ignore=["*", "**"])(f)
    legacy(1, 2, a=3), legacy(1, 5, b=6)
    assert noted(store, f) == NotedFunction(calls=2, joblib_hits=1, distinct=1, unkeyable=0)


class Model:
    def __init__(self, alpha):
        self.alpha = alpha

    @cacheable
    def predict(self, x):
        return self.alpha * x


def test_methods_have_the_keys_of_methods(store):
    Model(1).predict(1), Model(1).predict(1), Model(2).predict(1)
    (found,) = noted_functions(store).values()
    assert (found.calls, found.joblib_hits, found.distinct) == (3, 1, 2)


def test_joblibs_entry_is_found_by_the_exact_arguments(store):
    frame = pd.DataFrame({"close": np.arange(5.0)})
    cacheable(double)(frame)
    binder_key = key_of(double, frame.copy())
    (entry,) = noted_entries(store, NAME, binder_key.arguments_digest)
    assert (entry.digest, entry.calls, entry.hits) == (binder_key.digest, 1, 0)
    assert entry.code == binder_key.fingerprint.code
    assert entry.environment == binder_key.fingerprint.environment
    assert 0 < entry.first <= entry.last
    (output,) = (store.directory / "joblib_cache").rglob("output.pkl")
    assert output.parent.name == entry.joblib_hash
    assert noted_entries(store, NAME, b"\0" * 16) == []
    assert noted_entries(store, "nobody.f", binder_key.arguments_digest) == []


def key_of(function, *args):
    robust = robust_cacheable(function)
    return robust._key_of(robust._values(args, {}))


def test_a_call_without_an_exact_key_is_counted_as_such(store):
    def f(x):
        return 1

    legacy = cacheable(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        legacy(threading.Lock()), legacy(1)
    assert noted(store, f) == NotedFunction(calls=2, joblib_hits=0, distinct=1, unkeyable=1)
    assert noted(store, f).robust_hit_rate == 0.0


def test_a_call_that_only_joblib_cannot_hash_is_noted_without_its_hash(store):
    class Connection:
        def __reduce__(self):
            raise TypeError("not to be pickled")

        def __afml_key__(self):
            return "db"

    def f(connection):
        return 1

    with pytest.warns(CacheWarning, match="could not hash"):
        cacheable(f)(Connection()), cacheable(f)(Connection())
    assert noted(store, f) == NotedFunction(calls=2, joblib_hits=0, distinct=1, unkeyable=0)
    assert in_notes(store, "SELECT DISTINCT joblib_hash FROM noted") == [("",)]
    arguments = key_of(f, Connection()).arguments_digest
    assert [e.joblib_hash for e in noted_entries(store, function_identity(f), arguments)] == [None]


def test_async_functions_are_noted(store):
    async def f(x):
        return x

    legacy = cacheable(f)
    assert [asyncio.run(legacy(1)) for _ in range(3)] == [1, 1, 1]
    assert noted(store, f) == NotedFunction(calls=3, joblib_hits=2, distinct=1, unkeyable=0)


def test_nothing_is_noted_or_imported_unless_asked(store, run_python):
    configure(note_exact_keys=False)
    cacheable(double)(1)
    assert noted_functions(store) == {}
    assert noted_entries(store, NAME, b"\0" * 16) == []
    assert not (store.directory / "records").exists()
    script = """
        import sys
        from afml_cache import cacheable
        @cacheable
        def f(x):
            return x
        f(1), f(1)
        print({"afml_cache.noted.call", "afml_cache.noted.keys"} & set(sys.modules))
    """
    assert run_python(script) == "set()"


def test_notes_belong_to_the_store_in_use(store, tmp_path):
    legacy = cacheable(double)
    legacy(1)
    with use_store(tmp_path / "other") as other:
        legacy(1), legacy(1)
        assert noted(other).calls == 2
    legacy(1)
    assert noted(store).calls == 2


def test_no_call_is_no_rate():
    nothing = NotedFunction(calls=0, joblib_hits=0, distinct=0, unkeyable=0)
    assert nothing.robust_hit_rate is nothing.joblib_hit_rate is None


# -- the prediction ----------------------------------------------------------------------


def spread(frame, window):
    return (frame - frame.rolling(window, min_periods=1).mean()).sum().sum()


def prices(rows, seed=0):
    walk = np.random.default_rng(seed).normal(0, 0.01, (rows, 3)).cumsum(axis=0)
    index = pd.bdate_range("2024-01-01", periods=rows)
    return pd.DataFrame(100 * np.exp(walk), index=index, columns=["a", "b", "c"])


#: Ways for an equal frame to be another object, in another hidden state.
DISGUISES = {
    "itself": lambda frame: frame,
    "copied": lambda frame: frame.copy(),
    "shown": lambda frame: (frame := frame.copy(), repr(frame), frame.index.is_unique)[0],
    "sliced": lambda frame: pd.concat([frame, frame])[: len(frame)].set_axis(frame.index),
    "fragmented": lambda frame: pd.DataFrame({c: frame[c].to_numpy() for c in frame}, frame.index),
    "transposed": lambda frame: frame.T.copy().T,
}
CALLS = strategies.lists(
    strategies.tuples(
        strategies.integers(0, 2),
        strategies.sampled_from(sorted(DISGUISES)),
        strategies.integers(2, 3),
    ),
    min_size=1,
    max_size=12,
)


def play(function, calls):
    frames = {seed: prices(30, seed) for seed in range(3)}
    return [function(DISGUISES[how](frames[seed]), window) for seed, how, window in calls]


def rates(function, calls, folder, play=play):
    """joblib's hit rate, what was predicted from its run, and what then came: three runs."""
    with use_store(folder / "legacy") as store:
        legacy = cacheable(function)
        results = play(legacy, calls)
        joblibs = legacy.cache_info().hit_rate
        found = noted(store, function)
    with use_store(folder / "robust"):
        robust = robust_cacheable(function)
        assert play(robust, calls) == results
        came = robust.cache_info().hit_rate
    assert found.joblib_hit_rate == joblibs
    assert found.robust_hit_rate == came
    return joblibs, came


def test_equal_frames_that_joblib_misses_are_predicted_to_hit(tmp_path):
    calls = [(0, how, 5) for how in DISGUISES for _ in range(2)]
    joblibs, came = rates(spread, calls, tmp_path)
    assert joblibs < came == 11 / 12


@given(calls=CALLS)
@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_predicted_hit_rate_is_the_one_that_comes(tmp_path_factory, calls):
    rates(spread, calls, tmp_path_factory.mktemp("workload"))


def add_column(frame):
    frame["x"] = 1.0
    return len(frame.columns)


def unstable(x):
    if x < 0:
        raise ValueError(x)
    return (lambda: x) if x == 0 else x


def outcomes(function, calls):
    """Results, or the errors in their place; a lambda is as good as any other."""
    results = []
    for value in calls:
        try:
            result = function(value() if callable(value) else value)
        except ValueError as error:
            result = str(error)
        results.append("a function" if callable(result) else result)
    return results


@pytest.mark.filterwarnings("ignore::afml_cache.CacheWarning")
def test_what_the_robust_decorator_would_not_store_is_predicted_to_miss(tmp_path):
    _, came = rates(add_column, [lambda: prices(5)] * 3, tmp_path / "changed", outcomes)
    assert came == 0.0
    _, came = rates(unstable, [-1, -1, 0, 0, 0, 1, 1, 1, 1, -1], tmp_path / "failed", outcomes)
    assert came == 0.3


# -- many at once ------------------------------------------------------------------------

MANY = """
    import sys, warnings
    from concurrent.futures import ThreadPoolExecutor
    from afml_cache import cacheable, configure

    configure(note_exact_keys=True)

    @cacheable
    def f(x):
        return x

    # Eight threads at once on a busy machine: that is not what this is about.
    warnings.filterwarnings("ignore", "caching .* costs more than it saves")
    sys.stdin.readline()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(f, [x % 5 for x in range(100)])) == [x % 5 for x in range(100)]
    info = f.cache_info()
    print(info.hits, info.computed)
"""


def test_notes_of_threads_and_processes_add_up_exactly(store, start_python):
    processes = [start_python(MANY) for _ in range(4)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
        assert errors == ""
    found = noted_functions(store)["script.f"]
    assert (found.calls, found.distinct, found.unkeyable) == (400, 5, 0)
    hits = store.counters("script.f")["script.f"].hits
    assert found.joblib_hits == hits


def test_a_forked_child_adds_its_own_notes_only(store):
    legacy = cacheable(double)
    legacy(1)
    child = os.fork()
    if child == 0:
        legacy(1), legacy(2)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    legacy(1)
    assert (noted(store).calls, noted(store).distinct) == (4, 2)


# -- faults ------------------------------------------------------------------------------


def told(call):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        result = call()
    return result, [str(w.message) for w in said if issubclass(w.category, CacheWarning)]


def test_a_locked_file_costs_a_warning_and_no_note(store):
    legacy = cacheable(double)
    legacy(1)
    other = sqlite3.connect(store.directory / "records" / "noted_keys.sqlite")
    other.execute("BEGIN EXCLUSIVE")
    results, said = told(lambda: [legacy(1), legacy(1), legacy(5)])
    other.rollback()
    other.close()
    assert results == [2, 2, 10]
    assert len(said) == 1 and "locked" in said[0]
    assert (noted(store).calls, noted(store).joblib_hits) == (4, 2)


def test_a_damaged_file_costs_a_warning_and_stays_as_it_is(store):
    folder = store.directory / "records"
    folder.mkdir(parents=True)
    (folder / "noted_keys.sqlite").write_bytes(b"not a database" * 100)
    legacy = cacheable(double)
    results, said = told(lambda: [legacy(1), legacy(1)])
    assert results == [2, 2]
    assert len(said) == 1 and "move it away" in said[0]
    assert told(lambda: noted_functions(store)) == ({}, [])
    assert (folder / "noted_keys.sqlite").read_bytes() == b"not a database" * 100


def test_a_folder_that_cannot_be_made_costs_a_warning(store):
    store.directory.mkdir(parents=True)
    (store.directory / "records").write_text("a file")
    legacy = cacheable(double)
    results, said = told(lambda: [legacy(1), legacy(1)])
    assert results == [2, 2]
    assert len(said) == 1
    assert noted_functions(store) == {}


def test_a_full_disk_costs_a_warning_and_no_note_once_there_is_room(store, run_python):
    script = """
        import resource, warnings
        from afml_cache import cacheable, configure

        configure(note_exact_keys=True)

        @cacheable
        def f(x):
            return x

        f(0)
        unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, unlimited[1]))
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            assert [f(x) for x in range(100)] == list(range(100))
        print(sum("notes of exact keys" in str(w.message) for w in said))
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    """
    assert run_python(script) == "1"
    found = noted_functions(store)["script.f"]
    assert (found.calls, found.joblib_hits, found.distinct) == (101, 1, 100)


def test_a_newer_file_is_left_alone(store):
    legacy = cacheable(double)
    legacy(1)
    in_notes(store, "PRAGMA user_version=99")
    close_notes()
    results, said = told(lambda: [legacy(1), legacy(1)])
    assert results == [2, 2]
    assert len(said) == 1 and "newer" in said[0]


def test_notes_that_somebody_removed_begin_anew(store):
    legacy = cacheable(double)
    legacy(1)
    for path in (store.directory / "records").iterdir():
        path.unlink()
    legacy(1)
    assert noted(store).calls == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_costs_a_warning_and_can_be_read(store):
    legacy = cacheable(double)
    legacy(1)
    folder = store.directory / "records"
    folder.chmod(0o500)
    (folder / "noted_keys.sqlite").chmod(0o400)
    try:
        results, _ = told(lambda: [legacy(1), legacy(1)])
        assert results == [2, 2]
        assert noted(store).calls >= 1
    finally:
        folder.chmod(0o700)


def test_the_records_folder_is_its_owners_alone(store):
    cacheable(double)(1)
    assert (store.directory / "records").stat().st_mode & 0o777 == 0o700


def test_clearing_clears_no_notes(store):
    legacy = cacheable(double)
    legacy(1)
    legacy.cache_clear()
    store.clear()
    assert noted(store).calls == 1
