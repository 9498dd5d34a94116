"""The object of the fixture, for tests that need no pytest inside of pytest."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pytest_afml.compat.fixture import AfmlCompat
from pytest_afml.compat.snapshots import Snapshots


@pytest.fixture
def afml_compat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AfmlCompat:
    """As users have it; a store that is not to be touched is in force."""
    monkeypatch.setenv("AFML_CACHE", str(tmp_path / "users-own"))
    yield AfmlCompat(Snapshots(tmp_path, update=False, told=lambda text: None))
    assert not (tmp_path / "users-own").exists()


@pytest.fixture(scope="session")
def goog() -> pd.DataFrame:
    """Daily bars of GOOG, real ones."""
    return pytest.importorskip("backtesting.test").GOOG


@pytest.fixture(scope="session")
def sp500() -> pd.DataFrame:
    """Daily bars of the S&P 500, real ones."""
    return pytest.importorskip("arch.data.sp500").load()
