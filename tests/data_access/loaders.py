"""Loaders of data whose accesses are tracked, and what was tracked of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from afml_cache import (
    DataAccessTracker,
    data_tracking_cacheable,
)

DAYS = pd.bdate_range("2020-01-01", "2023-12-29")
PRICES = pd.DataFrame({"close": np.linspace(10, 20, len(DAYS))}, DAYS)
RAN: list[str] = []


def accesses() -> pd.DataFrame:
    return DataAccessTracker().accesses()


def ranges_of(table: pd.DataFrame) -> list[tuple[str, str]]:
    return [(f"{s:%Y-%m-%d}", f"{e:%Y-%m-%d}") for s, e in zip(table.start, table.end, strict=True)]


@data_tracking_cacheable("prices", "train")
def training(end: str) -> pd.DataFrame:
    RAN.append("training")
    return PRICES.loc[:end]


@data_tracking_cacheable("prices/{symbol}", "{purpose}")
def load(symbol: str, start: str, end: str, purpose: str = "test") -> list[float]:
    return [1.0, 2.0]
