"""Tests run on the latest real bars, and on the cache of the research: the next run is quick."""

import pytest


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
