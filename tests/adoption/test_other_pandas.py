"""Entries that pandas 2.2.3 and joblib 1.4.2 have really written, whatever runs now."""

from __future__ import annotations

import importlib
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import joblib
import pandas as pd
import pytest

from afml_cache import CacheWarning, time_aware_cacheable
from afml_cache.adoption import other_pandas
from afml_cache.joblib_memory.layout import FunctionFolder
from afml_cache.store.store import Store

DATA = Path(__file__).parent.parent / "data" / "joblib_of_pandas_2"
MAJOR = int(pd.__version__.partition(".")[0])
CLOSE = pd.Series([100.0, 101.0, 99.0, 104.0], index=pd.date_range("2024-01-01", periods=4))


@pytest.fixture
def module(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module that the entries are of, beside a copy of them in the store's own place."""
    shutil.copytree(DATA / "joblib", store.directory / "joblib_cache" / "joblib")
    (store.directory / "joblib_cache").chmod(0o700)
    shutil.copy(DATA / "momentum_t_pandas.py", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    other_pandas._looked_through.clear()
    yield importlib.import_module("momentum_t_pandas")
    sys.modules.pop("momentum_t_pandas")


def test_a_call_without_frames_is_adopted_whatever_pandas_wrote_it(module: ModuleType) -> None:
    horizon = time_aware_cacheable(module.horizon.__wrapped__)
    assert horizon(5) == 10
    assert horizon.cache_info().adopted == 1


@pytest.mark.skipif(MAJOR < 3, reason="its own major wrote them")
def test_of_frames_it_is_said_once_that_another_major_wrote_them_and_what_to_do(
    module: ModuleType,
) -> None:
    momentum = time_aware_cacheable(module.momentum.__wrapped__)
    with pytest.warns(CacheWarning, match=r"under pandas 2 is out of\s+reach") as told:
        first = momentum(CLOSE, 1)
        momentum(CLOSE, 2)
    assert first.equals(CLOSE.pct_change(1))
    assert len(told) == 1
    assert "package_versions='ignore'" in str(told[0].message)
    info = momentum.cache_info()
    assert (info.adopted, info.computed, info.reasons) == (0, 2, {"first_call": 1, "argument": 1})


@pytest.mark.skipif(MAJOR != 2, reason="they are out of reach")
def test_under_their_own_major_nothing_is_said(module: ModuleType) -> None:
    momentum = time_aware_cacheable(module.momentum.__wrapped__)
    with warnings.catch_warnings():
        warnings.simplefilter("error", CacheWarning)
        assert momentum(CLOSE, 1).equals(CLOSE.pct_change(1))


@pytest.mark.parametrize(
    "value",
    [
        pd.DataFrame({"a": [1.0]}),
        {"prices": pd.Series([1.0])},
        pd.date_range("2024-01-01", periods=3),
        pd.Timestamp("2024-01-01"),
        b"pandas",
        3.5,
    ],
    ids=["a frame", "a Series inside", "an index", "a Timestamp", "bytes", "a number"],
)
def test_what_this_pandas_wrote_is_never_taken_for_another_majors(
    value: object, tmp_path: Path
) -> None:
    entry = tmp_path / "root" / "hash"
    entry.mkdir(parents=True)
    joblib.dump(value, entry / "output.pkl")
    folder = FunctionFolder(tmp_path, tmp_path / "root")
    assert other_pandas._other_major(folder, MAJOR) is None


def test_the_old_entries_are_as_they_were(module: ModuleType, store: Store) -> None:
    momentum = time_aware_cacheable(module.momentum.__wrapped__)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheWarning)
        momentum(CLOSE, 1), time_aware_cacheable(module.horizon.__wrapped__)(5)

    def files(root: Path) -> dict[str, bytes]:
        found = (path for path in root.rglob("*") if path.is_file())
        return {str(path.relative_to(root)): path.read_bytes() for path in found}

    assert files(store.directory / "joblib_cache" / "joblib") == files(DATA / "joblib")
