"""``@cacheable`` is joblib.Memory under the store's folder, and its counts are true."""

from __future__ import annotations

import importlib
import sys
import threading
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest

from afml_cache import CacheWarning, cacheable, get_cache_stats, use_store

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
