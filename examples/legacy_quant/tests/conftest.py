"""Tests run on the latest real bars, with a cache of their own that is thrown away."""

import os
import shutil
import tempfile

import pytest


def pytest_configure(config):
    """Point the cache at a temporary directory before anything is imported."""
    config.afml_cache = tempfile.mkdtemp(prefix="legacy-quant-tests-")
    os.environ["AFML_CACHE"] = config.afml_cache


def pytest_unconfigure(config):
    """Throw the temporary cache away."""
    shutil.rmtree(config.afml_cache, ignore_errors=True)


@pytest.fixture(scope="session", params=["GOOG", "SP500", "EURUSD"])
def close(request):
    """The latest 700 closing prices of an instrument."""
    from legacy_quant.loader import load_bars

    return load_bars(request.param, last=700)["close"]


@pytest.fixture(scope="session")
def google():
    """The latest 700 closing prices of Google."""
    from legacy_quant.loader import load_bars

    return load_bars("GOOG", last=700)["close"]


@pytest.fixture(scope="session")
def labels(close):
    """Triple-barrier labels on ``close``."""
    from legacy_quant.labels import cusum_events, triple_barrier_labels

    return triple_barrier_labels(close, cusum_events(close))
