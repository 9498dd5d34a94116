"""Its entries in joblib_of_pandas_2/ were written under pandas 2.2.3 and joblib 1.4.2."""

import pandas as pd

from afml_cache import cacheable


@cacheable
def momentum(close: pd.Series, window: int) -> pd.Series:
    return close.pct_change(window)


@cacheable
def horizon(window: int) -> int:
    return 2 * window
