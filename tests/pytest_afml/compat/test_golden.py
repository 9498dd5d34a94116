"""Golden stores: entries that this version, and joblib under pandas 2, have really written."""

from __future__ import annotations

import hashlib
import importlib
import shutil
import sqlite3
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import joblib
import pandas as pd
import pytest

from afml_cache import cacheable, robust_cacheable, use_store
from pytest_afml.compat import PANDAS_3, args
from pytest_afml.limits import LimitError

DATA = Path(__file__).parents[2] / "data"
OURS = DATA / "golden_0_1" / "store"
JOBLIBS = DATA / "joblib_of_pandas_2"
CLOSE = pd.Series([100.0, 101.0, 99.0, 104.0], index=pd.date_range("2024-01-01", periods=4))
SEALED = {"secret": "golden", "package_versions": "ignore"}

needs_pandas_3 = pytest.mark.skipif(
    int(pd.__version__.partition(".")[0]) < 3, reason="pandas 3 wrote, or reads, it"
)


def digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        found.update(str(path.relative_to(folder)).encode())
        found.update(str(path.lstat().st_mtime_ns).encode())
        found.update(path.read_bytes() if path.is_file() else b"")
    return found.hexdigest()


def load(folder: Path, name: str) -> Iterator[ModuleType]:
    sys.path.insert(0, str(folder))
    yield importlib.import_module(name)
    sys.modules.pop(name)
    sys.path.remove(str(folder))


@pytest.fixture
def features() -> Iterator[ModuleType]:
    """The functions of our own golden store; neither it nor joblib's changes."""
    before = digest(OURS)
    yield from load(OURS.parent, "golden_t_features")
    assert digest(OURS) == before


@pytest.fixture
def legacy() -> Iterator[ModuleType]:
    """The functions of joblib's."""
    before = digest(JOBLIBS / "joblib")
    yield from load(JOBLIBS, "momentum_t_pandas")
    assert digest(JOBLIBS / "joblib") == before


def kinds(verdicts) -> list[str]:
    return [verdict.verdict for verdict in verdicts]


@needs_pandas_3
def test_what_an_older_version_wrote_is_hit(afml_compat, features):
    calls = [(features.momentum, (CLOSE, 1)), (features.horizon, args(window=5))]
    verdicts = afml_compat.reads_store(OURS, calls, **SEALED)
    assert kinds(verdicts) == ["hit", "hit", "readable"]
    assert str(verdicts[0]).startswith("golden_t_features.momentum of args(")
    assert verdicts[2].name.startswith("golden_t_features.momentum, key ")


def test_without_calls_each_entry_is_opened(afml_compat, features):
    assert kinds(afml_compat.reads_store(OURS, **SEALED)) == ["readable"] * 3


def test_a_call_that_was_not_stored_fails_with_the_reason(afml_compat, features):
    with pytest.raises(AssertionError) as caught:
        afml_compat.reads_store(OURS, [(features.horizon, (6,))], **SEALED)
    message = str(caught.value)
    assert "golden_t_features.horizon of args(6): miss (argument)" in message
    assert "    window was 5, is 6" in message


def test_an_edited_function_misses(afml_compat, features):
    def horizon(window):
        return 3 * window

    horizon.__module__, horizon.__qualname__ = "golden_t_features", "horizon"
    with pytest.raises(AssertionError, match=r"miss \(code\)"):
        afml_compat.reads_store(OURS, [(robust_cacheable(horizon), (5,))], **SEALED)


def test_a_store_of_another_secret_is_told_as_such(afml_compat, features):
    with pytest.raises(AssertionError, match=r"miss \(other_secret\)"):
        afml_compat.reads_store(
            OURS, [(features.horizon, (5,))], secret="another", package_versions="ignore"
        )


@needs_pandas_3
def test_a_damaged_entry_is_told_as_such(afml_compat, features, tmp_path):
    damaged = tmp_path / "damaged"
    shutil.copytree(OURS, damaged)
    connection = sqlite3.connect(damaged / "index.sqlite")
    connection.execute("UPDATE entry SET body = zeroblob(length(body))")
    connection.commit()
    connection.close()
    with pytest.raises(AssertionError, match=r"3 of 3 verdicts(.|\n)*key \w+: unreadable"):
        afml_compat.reads_store(damaged, **SEALED)


def test_a_damaged_index_is_told_as_such(afml_compat, features, tmp_path):
    damaged = tmp_path / "damaged"
    shutil.copytree(OURS, damaged)
    (damaged / "index.sqlite").write_bytes(b"garbage" * 2000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(AssertionError) as caught:
            afml_compat.reads_store(damaged, **SEALED)
    assert "index.sqlite: unreadable\n" in str(caught.value)
    assert "it is damaged; which entries it held is not known" in str(caught.value)


@robust_cacheable
def table(rows):
    return list(range(rows))


def test_an_index_that_is_gone_is_told_as_such(afml_compat, tmp_path):
    with use_store(tmp_path / "store"):
        table(50_000)
    assert kinds(afml_compat.reads_store(tmp_path / "store")) == ["readable"]
    (tmp_path / "store" / "index.sqlite").unlink()
    with pytest.raises(AssertionError, match="it is gone, though there is a folder values"):
        afml_compat.reads_store(tmp_path / "store", [(table, (50_000,))])


def test_what_joblib_wrote_is_adopted_and_under_the_old_decorator_hit(afml_compat, legacy):
    horizon = robust_cacheable(legacy.horizon.__wrapped__)
    calls = [(horizon, (5,)), (legacy.horizon, (5,))]
    verdicts = afml_compat.reads_store(JOBLIBS, calls, accept=("adopted", "hit", "readable"))
    assert kinds(verdicts) == ["adopted", "hit", "readable", "readable"]
    assert "momentum_t_pandas.momentum, joblib's" in verdicts[2].name


@needs_pandas_3
def test_frames_that_joblib_hashed_under_pandas_2_miss_and_it_is_said_why(afml_compat, legacy):
    momentum = robust_cacheable(legacy.momentum.__wrapped__)
    with pytest.raises(AssertionError, match=r"miss \(first_call\)(.|\n)*under pandas 2 is out of"):
        afml_compat.reads_store(JOBLIBS, [(momentum, (CLOSE, 1))])
    verdicts = afml_compat.reads_store(
        JOBLIBS, [(momentum, (CLOSE, 1))], accept=("miss", "readable")
    )
    assert kinds(verdicts) == ["miss", "readable"]


# -- served, and another value than is computed today --------------------------------------


DTYPE = "datetime64[ns]"


def stamps(number):
    return pd.DataFrame({"at": pd.date_range("2024-01-01", periods=number).astype(DTYPE)})


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What joblib keeps of a function whose library gives other dtypes today."""
    place = tmp_path / "written"
    module = tmp_path / "stamps_t.py"
    module.write_text(
        "import pandas as pd\n"
        "import library_t\n\n"
        "def stamps(number):\n"
        "    return library_t.stamps(number)\n"
    )
    (tmp_path / "library_t.py").write_text("stamps = None\n")
    monkeypatch.syspath_prepend(tmp_path)
    library, functions = map(importlib.import_module, ("library_t", "stamps_t"))
    library.stamps = stamps
    joblib.Memory(str(place), verbose=0).cache(functions.stamps)(3)
    yield place
    for name in ("library_t", "stamps_t"):
        sys.modules.pop(name)


def test_another_dtype_is_a_difference_and_a_declared_one_a_verdict_of_its_own(
    afml_compat, written, monkeypatch
):
    function = cacheable(sys.modules["stamps_t"].stamps)
    assert kinds(afml_compat.reads_store(written, [(function, (3,))])) == ["hit"]
    monkeypatch.setitem(globals(), "DTYPE", "datetime64[us]")
    with pytest.raises(AssertionError) as caught:
        afml_compat.reads_store(written, [(function, (3,))])
    assert "stamps_t.stamps of args(3): differs" in str(caught.value)
    (verdict,) = afml_compat.reads_store(written, [(function, (3,))], upgrades=PANDAS_3)
    assert verdict.verdict == "upgraded"
    assert verdict.details == ("computed now, ['at'].dtype is datetime64[us], was datetime64[ns]",)


def test_declared_dtypes_do_not_excuse_other_values(afml_compat, written, monkeypatch):
    function = cacheable(sys.modules["stamps_t"].stamps)
    later = lambda number: stamps(number) + pd.Timedelta("1D")
    monkeypatch.setitem(globals(), "DTYPE", "datetime64[us]")
    monkeypatch.setattr(sys.modules["library_t"], "stamps", later)
    with pytest.raises(AssertionError, match=r"differs(.|\n)*3 of 3 values of \['at'\] differ"):
        afml_compat.reads_store(written, [(function, (3,))], upgrades=PANDAS_3)


# -- mistakes ------------------------------------------------------------------------------


def test_a_path_without_a_store_is_refused(afml_compat, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no golden store"):
        afml_compat.reads_store(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(AssertionError, match="there is no entry"):
        afml_compat.reads_store(tmp_path / "empty")


def test_an_unknown_verdict_and_a_function_that_is_not_cached_are_refused(afml_compat, tmp_path):
    with pytest.raises(ValueError, match="it can hold hit, adopted, upgraded"):
        afml_compat.reads_store(tmp_path, accept=("hits",))
    with pytest.raises(LimitError, match="is not cached"):
        afml_compat.reads_store(tmp_path, [(len, ([],))])
