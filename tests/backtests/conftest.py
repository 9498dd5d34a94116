"""Real prices, and a strategy of the library backtesting on them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

#: The engine is an extra; without it there are no real backtests to test with.
collect_ignore_glob = [] if find_spec("backtesting") else ["*.py"]


@pytest.fixture(autouse=True)
def _engine_talks() -> Iterator[None]:
    """The engine warns of orders that it cancels, and of what pandas will drop."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="backtesting")
        warnings.filterwarnings("ignore", "DatetimeIndex.dayofweek is deprecated")
        yield


@pytest.fixture(scope="session")
def goog() -> Any:
    """Eight and a half years of daily bars of Google: 2148 x 5."""
    from backtesting.test import GOOG

    return GOOG


@pytest.fixture(scope="session")
def eurusd() -> Any:
    """5000 hourly bars of EUR/USD: 5000 x 5."""
    from backtesting.test import EURUSD

    return EURUSD
