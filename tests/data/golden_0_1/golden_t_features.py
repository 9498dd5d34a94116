"""Its entries in store/ were written by afml-cache 0.1 under pandas 3.1.1 (secret: golden)."""

import pandas as pd

from afml_cache import robust_cacheable


@robust_cacheable
def momentum(close: pd.Series, window: int) -> pd.Series:
    return close.pct_change(window)


@robust_cacheable
def horizon(window: int) -> int:
    return 2 * window
