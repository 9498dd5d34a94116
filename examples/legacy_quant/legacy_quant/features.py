"""What a model may know at an event: trend, volatility, memory and disorder of prices.

Every feature of a bar is made of that bar and earlier ones alone.
"""

from afml.cache import cacheable
import numpy as np
import pandas as pd

from legacy_quant import volatility


@cacheable
def price_features(close: pd.Series, windows: tuple[int, ...] = (5, 21, 63)) -> pd.DataFrame:
    """Momentum, relative strength, volatility and serial correlation of each bar.

    Parameters
    ----------
    close : Series
        Closing prices on a DatetimeIndex.
    windows : tuple of int
        Look-backs in bars, shortest first.

    Returns
    -------
    DataFrame
        A row a bar; NaN where a look-back is not full.
    """
    returns = volatility.bar_returns(close)
    current = volatility.daily_volatility(close)
    columns = {"volatility": current, "volatility_ratio": current / current.rolling(252).mean()}
    for window in windows:
        columns[f"momentum_{window}"] = close / close.shift(window) - 1.0
        columns[f"strength_{window}"] = relative_strength(returns, window)
    for lag in (1, 2):
        columns[f"autocorrelation_{lag}"] = returns.rolling(windows[-1]).apply(
            serial_correlation, raw=True, args=(lag,)
        )
    return pd.DataFrame(columns)


@cacheable
def entropy_rate(close, events, window=100, letters=6):
    """Kontoyiannis' estimate of the entropy rate of returns before each event (AFML, 18.4).

    Returns are written as letters, by their quantile within the window; the estimate rests
    on the lengths of the shortest substrings that have not been seen before.

    Parameters
    ----------
    close : Series
        Closing prices on a DatetimeIndex.
    events : DatetimeIndex
        Bars of ``close`` at which the estimate is wanted.
    window : int
        Returns before each event that are looked at.
    letters : int
        Size of the alphabet.

    Returns
    -------
    Series
        Bits a bar, one value an event; NaN where the window is not full.
    """
    returns = volatility.bar_returns(close).to_numpy()
    rates = []
    for bar in close.index.get_indexer(events).tolist():
        if bar < window:
            rates.append(np.nan)
        else:
            rates.append(kontoyiannis(in_letters(returns[bar - window + 1 : bar + 1], letters)))
    return pd.Series(rates, index=events, name="entropy_rate")


def relative_strength(returns: pd.Series, window: int) -> pd.Series:
    """Share of the gains in all absolute returns of the window, between 0 and 1."""
    gains = returns.clip(lower=0.0).rolling(window).sum()
    return gains / returns.abs().rolling(window).sum()


def serial_correlation(returns: np.ndarray, lag: int) -> float:
    """Correlation of returns with those ``lag`` bars before."""
    late = returns[lag:] - returns[lag:].mean()
    early = returns[:-lag] - returns[:-lag].mean()
    scale = np.sqrt((late @ late) * (early @ early))
    return float(late @ early / scale) if scale > 0.0 else 0.0


def in_letters(returns: np.ndarray, letters: int) -> str:
    """Write returns as letters of equal frequency."""
    edges = np.quantile(returns, np.linspace(0.0, 1.0, letters + 1)[1:-1])
    return "".join(chr(ord("a") + int(letter)) for letter in np.searchsorted(edges, returns))


def kontoyiannis(message: str) -> float:
    """Entropy rate of ``message`` in bits a letter, with a window that grows (AFML, 18.4)."""
    total = 0.0
    places = range(1, len(message) // 2 + 1)
    for place in places:
        known = message[:place]
        length = 1
        while length <= place and message[place : place + length] in known:
            length += 1
        total += np.log2(place + 1) / length
    return total / len(places)
