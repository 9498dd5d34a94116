"""A first look at features, before any model: what is noise, and what is comparable.

Nothing of the pipeline uses it any more; the tests do, and a notebook or two may.
"""

import numpy as np
import pandas as pd

from afml.cache import cacheable

_RANDOM = np.random.default_rng(17)


@cacheable
def noise_threshold(returns: pd.Series, draws: int = 200) -> float:
    """The mean return that random signs would reach once in twenty times.

    Parameters
    ----------
    returns : Series
        Returns of bars.
    draws : int
        How many times signs are drawn.
    """
    values = returns.dropna().to_numpy()
    signs = _RANDOM.choice([-1.0, 1.0], size=(draws, len(values)))
    return float(np.quantile(np.abs(signs @ values) / len(values), 0.95))


@cacheable
def standardised(features: pd.DataFrame) -> pd.DataFrame:
    """Features with mean 0 and deviation 1, column by column.

    Parameters
    ----------
    features : DataFrame
        One column a feature.
    """
    for column in features.columns:
        features[column] = (features[column] - features[column].mean()) / features[column].std()
    return features.dropna()
