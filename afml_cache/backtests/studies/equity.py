"""The equity curves of several test windows, joined into one; what cannot be joined is told."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from afml_cache.backtests.studies.warned import warn

if TYPE_CHECKING:
    import pandas as pd

#: First values this near to a power of ten, and not all the same, hold what the first bar earned.
_NEAR = 0.1
#: Frames from a warning here up to who called the study.
_LEVEL = 3


def join_equity(
    curves: Iterable[Any],
    windows: Sequence[Any] | None = None,
    *,
    starting_capital: float | None = None,
) -> pd.Series[float] | None:
    """Equity curves one after the other, as if what one leaves were put into the next.

    Of curve k, ``E(t) = E(last of curve k - 1) * e_k(t) / capital``. Where a curve begins before
    the one before it ends (test windows that overlap), it goes on from the last instant that both
    have.

    Parameters
    ----------
    curves : iterable of Series, DataFrame or array
        By time; None where there is none. Of a frame, the column ``Equity`` or ``equity``, else
        the first one of numbers. Values that are missing or infinite are left out.
    windows : sequence of Index, optional
        The labels of the test window of each curve. A curve of the same length with labels of its
        own (0, 1, 2 ...) is given these.
    starting_capital : float, optional
        What each curve began with. None: its first value.

    Returns
    -------
    Series or None
        Begins with 1.0, or with what the first bar made of the starting capital; None where there
        is no curve.

    Warns
    -----
    CacheWarning
        A curve is left out, since it is none of capital over its window; or the curves seem not to
        begin with their capital.

    Examples
    --------
    >>> import pandas as pd
    >>> one = pd.Series([100.0, 110.0], index=[1, 2])
    >>> join_equity([one, pd.Series([50.0, 25.0], index=[3, 4])]).tolist()
    [1.0, 1.1, 1.1, 0.55]
    """
    import pandas as pd

    left_out: dict[str, list[int]] = {}
    pieces: list[Any] = []
    firsts: list[float] = []
    for number, curve in enumerate(curves):
        if curve is None:
            continue
        try:
            values = _values(curve, None if windows is None else windows[number])
            if values.empty:
                continue
            first = float(values.iloc[0])
            if first <= 0:
                raise _NoCurveError(f"it begins with {first}, which is no capital")
            piece = _continued(pieces, values / (starting_capital or first))
        except Exception as error:  # noqa: BLE001 - what a study found is not lost for its curve
            told = isinstance(error, _NoCurveError)
            why = str(error) if told else f"{type(error).__name__}: {error}"
            left_out.setdefault(why, []).append(number)
            continue
        pieces.append(piece)
        firsts.append(first)
    for why, numbers in left_out.items():
        warn(f"{_named(numbers)} left out of the joined equity: {why}", _LEVEL)
    capital = _capital_of(firsts)
    if starting_capital is None and capital:
        warn(
            f"the equity curves begin with {min(firsts):.6g} to {max(firsts):.6g}, not all with "
            "the same capital. The first value of each is taken as its starting capital; if it "
            "holds what the first bar earned, that is missing from the joined equity: say "
            f"starting_capital={capital:g}",
            _LEVEL,
        )
    return pd.concat(pieces).rename("equity") if pieces else None


class _NoCurveError(Exception):
    """It is no equity curve, for a reason that the message tells."""


def _values(curve: Any, window: Any) -> Any:
    """The finite values of a curve, at the labels of its window."""
    import numpy as np
    import pandas as pd

    if isinstance(curve, pd.DataFrame):
        curve = curve[_column(curve)]
    elif not isinstance(curve, pd.Series):
        numbers = np.asarray(curve)
        if numbers.ndim != 1 or window is None:
            raise _NoCurveError(f"a {type(curve).__name__} has no labels to join it by")
        curve = pd.Series(numbers)
    try:
        values = curve.astype("float64")
    except (TypeError, ValueError) as error:
        raise _NoCurveError("its values are no numbers") from error
    if window is not None and len(values) and not _is_within(values.index, window):
        if len(values) != len(window):
            raise _NoCurveError(
                "its labels are not those of its test window, nor is its length: return it with "
                "the index of the test rows"
            )
        values = values.set_axis(window)
    found = values[np.isfinite(values.to_numpy())]
    if found.empty and len(values):
        raise _NoCurveError("it has no values but missing ones")
    return found if found.index.is_monotonic_increasing else found.sort_index(kind="stable")


def _column(curve: pd.DataFrame) -> Any:
    named = [name for name in ("Equity", "equity") if name in curve.columns]
    found = [*named, *curve.select_dtypes("number").columns]
    if not found:
        raise _NoCurveError("it has no column of numbers")
    return found[0]


def _is_within(labels: Any, window: Any) -> bool:
    """Whether a curve is labelled as its window is; the capital it began with may come before."""
    try:
        before = int((labels < window[0]).sum())
        return before <= 1 and before < len(labels) and bool((labels <= window[-1]).all())
    except TypeError:  # labels of another kind
        return False


def _continued(pieces: list[Any], growth: Any) -> Any:
    """What a curve adds to those before it."""
    if not pieces:
        return growth
    last, level = pieces[-1].index[-1], float(pieces[-1].iloc[-1])
    try:
        before = growth[growth.index <= last]
        after = growth[growth.index > last]
    except TypeError as error:
        raise _NoCurveError("its labels are of another kind than those before") from error
    if after.empty:
        raise _NoCurveError("its labels do not go on after those of the curve before")
    return level * after / (before.iloc[-1] if len(before) else 1.0)


def _capital_of(firsts: list[float]) -> float:
    """The capital that curves of returns seem to have begun with; 0.0: there is no sign of it."""
    if len(firsts) < 2 or math.isclose(min(firsts), max(firsts), rel_tol=1e-9):
        return 0.0
    capital = 10.0 ** round(math.log10(firsts[0]))
    return capital if all(abs(one / capital - 1) < _NEAR for one in firsts) else 0.0


def _named(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"curve {numbers[0]} is"
    shown = ", ".join(map(str, numbers[:5]))
    return f"curves {shown}{', ...' if len(numbers) > 5 else ''} are"
