"""Events worth a decision, and what became of each: the triple-barrier method.

AFML is M. Lopez de Prado, "Advances in Financial Machine Learning" (Wiley, 2018).
"""

import afml.cache as c
import numpy as np
import pandas as pd

from legacy_quant.volatility import bar_returns, daily_volatility


@c.cacheable
def cusum_events(close: pd.Series, multiple: float = 1.0, span: int = 50) -> pd.DatetimeIndex:
    """Times at which prices have drifted by ``multiple`` daily volatilities (AFML, 2.5.2).

    A symmetric CUSUM filter: the upward and the downward drift since the last event are
    summed apart, never below zero, and either one that passes the threshold makes an event
    and starts again from nothing.
    """
    threshold = (multiple * daily_volatility(close, span)).to_numpy()
    returns = bar_returns(close).to_numpy()
    up = down = 0.0
    events = []
    for bar in range(1, len(returns)):
        if np.isnan(threshold[bar]):
            continue
        up = max(0.0, up + returns[bar])
        down = min(0.0, down + returns[bar])
        if up > threshold[bar]:
            up = 0.0
            events.append(bar)
        elif -down > threshold[bar]:
            down = 0.0
            events.append(bar)
    return close.index[events]


@c.cacheable
def triple_barrier_labels(
    close: pd.Series,
    events: pd.DatetimeIndex,
    profit_taking: float = 1.0,
    stop_loss: float = 1.0,
    holding_days: float = 10.0,
    span: int = 50,
) -> pd.DataFrame:
    """What a long position opened at each event would have met first (AFML, 3.4).

    Parameters
    ----------
    close : Series
        Closing prices on a DatetimeIndex.
    events : DatetimeIndex
        When positions are opened; each one is a bar of ``close``.
    profit_taking, stop_loss : float
        Distance of the horizontal barriers, in daily volatilities at the event.
    holding_days : float
        Distance of the vertical barrier, in calendar days.
    span : int
        Span of the volatility estimate.

    Returns
    -------
    DataFrame
        A row for each event whose vertical barrier lies within the data: ``start`` and
        ``end`` (bar numbers), ``return`` from one to the other, and ``label``, its sign.
    """
    prices = close.to_numpy()
    targets = daily_volatility(close, span).to_numpy()
    starts = close.index.get_indexer(events)
    verticals = close.index.searchsorted(events + pd.Timedelta(days=holding_days))
    rows = []
    for start, vertical in zip(starts.tolist(), verticals.tolist(), strict=True):
        if vertical >= len(prices) or not targets[start] > 0.0:
            continue
        upper = prices[start] * (1.0 + profit_taking * targets[start])
        lower = prices[start] * (1.0 - stop_loss * targets[start])
        end = _first_touch(prices, start, vertical, upper, lower)
        earned = prices[end] / prices[start] - 1.0
        if earned != 0.0:
            rows.append((close.index[start], start, end, earned, 1 if earned > 0.0 else -1))
    labels = pd.DataFrame(rows, columns=["time", "start", "end", "return", "label"])
    return labels.set_index("time")


def _first_touch(prices: np.ndarray, start: int, vertical: int, upper: float, lower: float) -> int:
    for bar in range(start + 1, vertical):
        if prices[bar] >= upper or prices[bar] <= lower:
            return bar
    return vertical
