"""Entries that are found, or refused, by the notes of exact keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest

from afml_cache import cacheable, configure, robust_cacheable
from afml_cache.store.store import Store

RAN: list[int] = []
STAMPS = np.arange("2024-01-01", "2024-01-09", dtype="datetime64[h]")


def total(prices: pd.DataFrame) -> float:
    RAN.append(len(prices))
    return float(prices["close"].sum())


def prices() -> pd.DataFrame:
    close = np.arange(len(STAMPS), dtype=float)
    return pd.DataFrame({"close": close}, index=pd.DatetimeIndex(STAMPS.copy()))


def used() -> pd.DataFrame:
    """Equal prices whose index remembers more than one that was asked for an element."""
    frame = prices()
    frame.index[0], frame.index.unit
    return frame


@pytest.mark.parametrize("noting", [True, False])
def test_a_call_is_found_by_what_its_arguments_are(noting: bool) -> None:
    """Stored with a used frame and asked for with an unused one: joblib hashes them otherwise."""
    RAN.clear()
    configure(note_exact_keys=noting)
    cacheable(total)(used())
    assert joblib.hash(used()) != joblib.hash(prices())  # else this would show nothing
    migrated = robust_cacheable(total)
    assert migrated(prices()) == float(np.arange(len(STAMPS)).sum())
    assert len(RAN) == (1 if noting else 2)
    assert migrated.cache_info().adopted == (1 if noting else 0)


MODULE = """
from afml_cache import {decorator}
from helpers_t_noted import scale

@{decorator}
def f(x):
    print("computed")
    return scale(x)
"""


def test_an_entry_of_a_helper_that_was_edited_before_the_migration_is_refused(
    store: Store, tmp_path: Path, run_python: Callable[..., str]
) -> None:
    """The edit shows in the notes alone: nothing had been pinned by then."""
    helpers = tmp_path / "helpers_t_noted.py"
    helpers.write_text("def scale(x):\n    return x * 2\n")
    (tmp_path / "module_t_noted.py").write_text(MODULE.format(decorator="cacheable"))
    legacy = "import sys; sys.dont_write_bytecode = True; import afml_cache; "
    legacy += "afml_cache.configure(note_exact_keys=True); "
    legacy += "from module_t_noted import f; print(f(3))"
    assert run_python(legacy).split() == ["computed", "6"]
    helpers.write_text("def scale(x):\n    return x * 100\n")
    assert run_python(legacy).split() == ["6"]  # joblib does not notice
    (tmp_path / "module_t_noted.py").write_text(MODULE.format(decorator="robust_cacheable"))
    migrated = "import sys; sys.dont_write_bytecode = True; from module_t_noted import f; "
    migrated += "print(f(3), *sorted(f.cache_info().reasons))"
    assert run_python(migrated).split() == ["computed", "300", "adoption_refused", "first_call"]
