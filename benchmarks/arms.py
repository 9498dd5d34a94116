"""The inputs of the benchmarks, and one function under each cache that is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROWS = 1_000_000


def big_frame() -> pd.DataFrame:
    """1e6 x 10 floats (80 MB) in one block whose columns are contiguous, minutes as index."""
    values = np.random.default_rng(7).standard_normal((10, ROWS))
    index = pd.date_range("2000-01-03", periods=ROWS, freq="min")
    return pd.DataFrame(values.T, index=index, columns=[f"f{i}" for i in range(10)], copy=False)


def strided_frame() -> pd.DataFrame:
    """The same values in one block whose rows are contiguous: every column is strided."""
    values = np.ascontiguousarray(np.random.default_rng(7).standard_normal((10, ROWS)).T)
    index = pd.date_range("2000-01-03", periods=ROWS, freq="min")
    return pd.DataFrame(values, index=index, columns=[f"f{i}" for i in range(10)], copy=False)


def small_frame() -> pd.DataFrame:
    """A year of daily bars: 252 x 5."""
    values = np.random.default_rng(7).standard_normal((252, 5))
    index = pd.bdate_range("2023-01-02", periods=252)
    return pd.DataFrame(values, index=index, columns=["open", "high", "low", "close", "volume"])


def middle_frame() -> pd.DataFrame:
    """1000 x 10 floats."""
    values = np.random.default_rng(7).standard_normal((1000, 10))
    index = pd.date_range("2023-01-02", periods=1000, freq="h")
    return pd.DataFrame(values, index=index, columns=[f"f{i}" for i in range(10)])


def strings() -> list[str]:
    """1e6 strings as tickers and identifiers are: 4 to 16 characters, most of them distinct."""
    numbers = np.random.default_rng(7).integers(0, 10**12, ROWS)
    return [f"AB{n}" for n in numbers]


def object_strings() -> pd.Series:
    """1e6 strings as Python objects."""
    return pd.Series(strings(), dtype=object)


def arrow_strings() -> pd.Series:
    """1e6 strings in Arrow memory."""
    return pd.Series(strings(), dtype="string[pyarrow]")


def add(x: int, y: int) -> int:
    """The cheapest function there is: all that is measured is the cache."""
    return x + y


def total(frame: pd.DataFrame) -> float:
    """A frame in, a number out."""
    return float(frame.iloc[0, 0])


def build(seed: int) -> pd.DataFrame:
    """A number in, an 80 MB frame out, in as little time as that takes."""
    values = np.arange(seed, seed + 10.0 * ROWS).reshape(10, ROWS)
    index = pd.date_range("2000-01-03", periods=ROWS, freq="min")
    return pd.DataFrame(values.T, index=index, columns=[f"f{i}" for i in range(10)], copy=False)


def tiny(rows: int) -> pd.DataFrame:
    """A small frame, of the same packages as :func:`build`."""
    return pd.DataFrame(np.arange(float(rows)), index=pd.date_range("2000-01-03", periods=rows))


@contextmanager
def cached_by(peer: str, function: Callable[..., Any], folder: Path) -> Iterator[Any]:
    """``function`` under one of the caches, kept in ``folder``."""
    if peer == "afml_cache":
        from afml_cache import robust_cacheable, use_store

        with use_store(folder / "afml"):
            yield robust_cacheable(function)
    elif peer == "joblib":
        from joblib import Memory

        yield Memory(folder / "joblib", verbose=0).cache(function)
    elif peer == "diskcache":
        import diskcache

        with diskcache.Cache(str(folder / "diskcache"), size_limit=2**34) as cache:
            yield cache.memoize()(function)
    elif peer == "cachier":
        import cachier

        yield cachier.cachier(cache_dir=str(folder / "cachier"), separate_files=True)(function)
    elif peer == "mandala":
        # As it is quickest: without versions of code, one block for all calls.
        from mandala.imports import Storage, op

        storage = Storage(str(folder / "mandala.db"), overflow_dir=str(folder / "mandala"))
        operation = op(function)
        with storage:
            yield lambda *arguments: storage.unwrap(operation(*arguments))
    else:
        raise ValueError(f"no peer is called {peer!r}")
