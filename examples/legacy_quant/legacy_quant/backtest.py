"""Trade what a model believes, one period after the other, with costs (AFML, chapters 10 to 12)."""

from math import sqrt

from afml.cache import cacheable
import numpy as np
import pandas as pd

from legacy_quant.model import Samples, fit_forest, upward_probability
from legacy_quant.performance import normal_cdf
from legacy_quant.volatility import bar_returns, daily_volatility


@cacheable
def walk_forward(
    close: pd.Series,
    samples: Samples,
    params: dict,
    first_bar: int,
    periods: int = 10,
    cost: float = 1e-4,
    target_volatility: float = 0.01,
) -> pd.DataFrame:
    """Refit before each period on all that was known by then, and trade the period.

    Parameters
    ----------
    close : Series
        Closing prices on a DatetimeIndex.
    samples : Samples
        Labelled events on these bars.
    params : dict
        Parameters of the forest.
    first_bar : int
        Where trading begins; everything before it is for learning only.
    periods : int
        Number of refits, equally far apart.
    cost : float
        Cost of turning over the whole capital once, as a fraction of it.
    target_volatility : float
        Daily volatility that a full bet is scaled to, at most to twice the capital.

    Returns
    -------
    DataFrame
        ``position`` held at the end of each bar from ``first_bar`` on, and the strategy's
        ``return`` in that bar, which the position before it earned.
    """
    starts = samples.spans["start"].to_numpy()
    ends = samples.spans["end"].to_numpy()
    bets = np.zeros(len(samples))
    edges = np.linspace(first_bar, len(close), periods + 1).astype(int)
    for begin, finish in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        known = np.flatnonzero(ends < begin)
        traded = np.flatnonzero((starts >= begin) & (starts < finish))
        if len(known) == 0 or len(traded) == 0:
            continue
        forest = fit_forest(samples.take(known), params)
        upward = upward_probability(forest, samples.features.iloc[traded])
        bets[traded] = [bet_size(chance) for chance in upward.tolist()]
    size = average_active_bet(starts, ends, bets, len(close))
    leverage = (target_volatility / daily_volatility(close)).clip(upper=2.0).to_numpy()
    position = pd.Series(size * leverage, index=close.index).fillna(0.0)
    earned = position.shift(1) * bar_returns(close) - cost * position.diff().abs()
    table = pd.DataFrame({"position": position, "return": earned})
    return table.iloc[first_bar:]


def bet_size(chance: float) -> float:
    """Signed size of a bet that wins with probability ``chance`` (AFML, 10.3)."""
    chance = min(max(chance, 1e-6), 1.0 - 1e-6)
    return 2.0 * normal_cdf((chance - 0.5) / sqrt(chance * (1.0 - chance))) - 1.0


def average_active_bet(
    starts: np.ndarray, ends: np.ndarray, bets: np.ndarray, bars: int
) -> np.ndarray:
    """Mean size of the bets that are alive at each bar, 0 where there is none (AFML, 10.4)."""
    total, alive = np.zeros(bars), np.zeros(bars)
    for start, end, bet in zip(starts.tolist(), ends.tolist(), bets.tolist(), strict=True):
        total[start:end] += bet
        alive[start:end] += 1.0
    return np.divide(total, alive, out=np.zeros(bars), where=alive > 0.0)
