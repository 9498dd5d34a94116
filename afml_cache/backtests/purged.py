"""Cross-validation whose training labels know nothing of the test: purged and embargoed.

A label of a triple barrier spans from its bar to the bar where it was decided. Lopez de Prado,
*Advances in Financial Machine Learning* (Wiley 2018), chapter 7 removes from training whatever
overlaps the test in time (purging) and what follows it closely (embargo); chapter 12 tests
combinations of groups in place of single folds.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from afml_cache.backtests.span import Length, Span
from afml_cache.backtests.splits import Split, sorted_stamps, split_at
from afml_cache.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["combinatorial_paths", "combinatorial_purged_splits", "purged_kfold"]


def purged_kfold(
    t1: pd.Series[Any], n_splits: int = 5, embargo: Length | float | None = 0.0
) -> list[Split]:
    """K folds in time order, none of whose training labels overlaps a test label.

    A label spans ``[start, t1]``, both included. With ``a`` the first start and ``b`` the last end
    among the labels of the test block, training keeps those with

        ``t1 < a``   or   ``start > b``, and further from ``b`` than the embargo.

    This is the purging of snippet 7.1, where a training label that starts in, ends in or envelops
    the test is dropped, the embargo of snippet 7.2 and the folds of snippet 7.3 (Lopez de Prado
    2018, ch. 7). A label that ends on the very bar where the test begins goes, too, as in 7.1
    (7.3 keeps it).

    Parameters
    ----------
    t1 : Series of datetime64
        When each label ended, indexed by when it began, in ascending order of the beginnings;
        beginnings may repeat.
    n_splits : int
        How many folds, 2 at least. They differ in size by one beginning at most: labels that
        begin at once (a panel of assets) are never divided.
    embargo : float, int, str, timedelta, offset or None
        After the last end of a test block: a share of all rows below 1 (``0.01``, rounded down,
        as in the book), so many rows (an int), where labels that begin at once are one row; or a
        stretch of time (``"5D"``: calendar days, as for :func:`walk_forward_splits`). None: none.

    Returns
    -------
    list of Split
        The test blocks are disjoint and cover all labels.

    Raises
    ------
    ConfigurationError
        ``t1`` is no such series, ``n_splits`` or ``embargo`` does not fit it, or a fold has
        nothing left to train on.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.bdate_range("2024-01-01", periods=9)
    >>> t1 = pd.Series(days.shift(1), index=days)
    >>> for split in purged_kfold(t1, n_splits=3):
    ...     print(split.train.tolist(), split.test.tolist())
    [4, 5, 6, 7, 8] [0, 1, 2]
    [0, 1, 7, 8] [3, 4, 5]
    [0, 1, 2, 3, 4] [6, 7, 8]
    """
    labels = _Labels.of(t1, embargo)
    groups = _groups("n_splits", n_splits, labels)
    return [
        _split(labels, number, [group], (), "labels span too much time for so many folds")
        for number, group in enumerate(groups)
    ]


def combinatorial_purged_splits(
    t1: pd.Series[Any],
    n_groups: int = 6,
    n_test_groups: int = 2,
    embargo: Length | float | None = 0.0,
) -> list[Split]:
    """Every choice of ``n_test_groups`` of ``n_groups`` blocks as a test, the rest to train on.

    Combinatorial purged cross-validation (Lopez de Prado 2018, ch. 12): with N groups and k of
    them tested there are ``C(N, k)`` splits, which make ``k / N * C(N, k)`` paths through the
    whole history (:func:`combinatorial_paths`). Purging and embargo as in :func:`purged_kfold`,
    around each block that is tested.

    Parameters
    ----------
    t1, embargo
        As for :func:`purged_kfold`.
    n_groups, n_test_groups : int
        N, 2 at least, and k, from 1 to N - 1.

    Returns
    -------
    list of Split
        ``C(N, k)`` of them, in the order of :func:`itertools.combinations`; ``test_groups`` says
        which groups each tests.

    Raises
    ------
    ConfigurationError
        As for :func:`purged_kfold`.
    """
    labels = _Labels.of(t1, embargo)
    groups = _groups("n_groups", n_groups, labels)
    n_groups, n_test_groups = _checked_groups(n_groups, n_test_groups)
    return [
        _split(
            labels,
            number,
            [groups[group] for group in chosen],
            chosen,
            "test fewer groups, or make more of them",
        )
        for number, chosen in enumerate(itertools.combinations(range(n_groups), n_test_groups))
    ]


def combinatorial_paths(n_groups: int, n_test_groups: int) -> NDArray[np.intp]:
    """Which split tests which group on each path through the whole history.

    Returns
    -------
    ndarray of intp, shape (n_paths, n_groups)
        With ``n_paths = n_test_groups / n_groups * C(n_groups, n_test_groups)``. The entry in row
        ``p`` and column ``g`` is the number of the split whose predictions for group ``g`` belong
        to path ``p``. Each (split, tested group) occurs on exactly one path.

    Examples
    --------
    >>> combinatorial_paths(4, 2).tolist()
    [[0, 0, 1, 2], [1, 3, 3, 4], [2, 4, 5, 5]]
    """
    import numpy as np

    n_groups, n_test_groups = _checked_groups(n_groups, n_test_groups)
    testing: list[list[int]] = [[] for _ in range(n_groups)]
    for number, chosen in enumerate(itertools.combinations(range(n_groups), n_test_groups)):
        for group in chosen:
            testing[group].append(number)
    return np.array(testing, dtype=np.intp).T


@dataclass(frozen=True, slots=True)
class _Labels:
    """Labels in the order of their starts, and how long an embargo is."""

    index: pd.Index[Any]
    starts: NDArray[Any]
    ends: NDArray[Any]
    begins: NDArray[np.intp]  #: where each distinct start has its first label, and the end of all
    embargo_rows: int
    embargo_span: Span | None

    @classmethod
    def of(cls, t1: pd.Series[Any], embargo: Length | float | None) -> _Labels:
        import numpy as np
        import pandas as pd

        if not isinstance(t1, pd.Series):
            raise ConfigurationError(
                f"t1 has to be a Series of the ends of labels, indexed by their starts; it is "
                f"of type {type(t1).__name__}"
            )
        index = sorted_stamps(t1)
        if t1.isna().any():
            first = index[int(t1.isna().to_numpy().argmax())]
            raise ConfigurationError(f"the label that starts at {first} has no end; drop it first")
        if isinstance(index, pd.PeriodIndex):
            raise ConfigurationError(
                "the labels begin at periods; give the instants: "
                "t1.set_axis(t1.index.to_timestamp())"
            )
        ends = pd.Index(t1)
        try:
            index, ends = _instants(index), _instants(ends)
            if isinstance(ends, pd.DatetimeIndex) != isinstance(index, pd.DatetimeIndex):
                raise TypeError("one holds dates, the other none")  # texts compare with dates
            backwards = np.asarray(ends < index)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"starts of {index.dtype} and ends of {t1.dtype} cannot be compared; give both as "
                "dates, and both with a time zone or both without"
            ) from error
        if backwards.any():
            first = int(backwards.argmax())
            raise ConfigurationError(
                f"the label that starts at {index[first]} ends before, at {t1.iloc[first]}"
            )
        begins = np.append(np.flatnonzero(~index.duplicated()), len(index))
        rows, span = _embargo(embargo, len(begins) - 1)
        if span is not None and not isinstance(index, pd.DatetimeIndex):
            raise ConfigurationError(
                f"embargo={embargo!r} is a stretch of time, which needs that labels have dates; "
                f"they begin at {index.dtype}, so give rows or a share of them"
            )
        return cls(index, _plain(index), _plain(ends), begins, rows, span)

    def last_embargoed(self, end: Any) -> Any:
        """The instant up to which, included, no training label may start after a test."""
        if self.embargo_span is None:
            return end
        import pandas as pd

        zone = getattr(self.index.dtype, "tz", None)
        stamp = pd.Timestamp(end) if zone is None else pd.Timestamp(end, tz="UTC").tz_convert(zone)
        after = self.embargo_span.all_after(stamp)
        if zone is not None:
            after = after.tz_convert("UTC").tz_localize(None)
        return after.as_unit("ns").to_datetime64()


def _instants(dates: pd.Index[Any]) -> pd.Index[Any]:
    """As a DatetimeIndex where they are dates in a column of objects; else as they are."""
    import pandas as pd

    if dates.dtype == object and dates.inferred_type in ("date", "datetime", "datetime64"):
        return pd.DatetimeIndex(dates)
    return dates


def _plain(index: pd.Index[Any]) -> NDArray[Any]:
    """As an array that compares fast: dates in nanoseconds, aware ones in UTC."""
    import pandas as pd

    if isinstance(index, pd.DatetimeIndex):
        naive = index if index.tz is None else index.tz_convert("UTC").tz_localize(None)
        return naive.to_numpy().astype("datetime64[ns]")
    return index.to_numpy()


def _embargo(embargo: Any, n_rows: int) -> tuple[int, Span | None]:
    """The embargo as rows and as a span; one of them is nothing."""
    import numpy as np
    import pandas as pd

    if embargo is None:
        return 0, None
    if isinstance(embargo, bool):
        raise ConfigurationError(f"embargo={embargo}: give rows, a share of them, or a span")
    if isinstance(embargo, np.timedelta64):
        embargo = pd.Timedelta(embargo)
    if isinstance(embargo, str | dt.timedelta | pd.offsets.BaseOffset):
        return 0, Span.or_none("embargo", embargo, "rows, a share of them (0.01)")
    try:
        rows = operator.index(embargo)
    except TypeError:
        rows = _share(embargo, n_rows)
    if rows < 0:
        raise ConfigurationError(f"embargo={embargo}: it cannot be negative")
    return rows, None


def _share(embargo: Any, n_rows: int) -> int:
    try:
        share = float(embargo)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"embargo={embargo!r} is not understood; give rows, a share of them (0.01), or a "
            "stretch of time ('5D')"
        ) from error
    if not 0 <= share < 1:
        raise ConfigurationError(
            f"embargo={embargo}: a share of the rows lies between 0 and 1; for so many rows give "
            "an int"
        )
    return int(n_rows * share)


def _groups(name: str, count: int, labels: _Labels) -> list[NDArray[np.intp]]:
    """The positions of all labels in so many blocks."""
    import numpy as np

    count, size = _checked_int(name, count), len(labels.begins) - 1
    if not 2 <= count <= size:
        raise ConfigurationError(
            f"{name}={count}: labels that begin at {size:,} instants make 2 blocks at least and "
            f"{size:,} at most"
        )
    parts = np.array_split(np.arange(size), count)
    return [np.arange(labels.begins[part[0]], labels.begins[part[-1] + 1]) for part in parts]


def _checked_int(name: str, count: Any) -> int:
    try:
        return operator.index(count)
    except TypeError as error:
        raise ConfigurationError(f"{name}={count!r}: give an int") from error


def _checked_groups(n_groups: Any, n_test_groups: Any) -> tuple[int, int]:
    n_groups = _checked_int("n_groups", n_groups)
    n_test_groups = _checked_int("n_test_groups", n_test_groups)
    if not 1 <= n_test_groups < n_groups:
        raise ConfigurationError(
            f"n_test_groups={n_test_groups}: of {n_groups} groups, 1 to {n_groups - 1} are tested"
        )
    if math.comb(n_groups, n_test_groups) > 1_000_000:
        raise ConfigurationError(
            f"{n_test_groups} of {n_groups} groups make "
            f"{math.comb(n_groups, n_test_groups):,} splits; make fewer groups"
        )
    return n_groups, n_test_groups


def _split(
    labels: _Labels,
    number: int,
    blocks: Sequence[NDArray[np.intp]],
    test_groups: tuple[int, ...],
    remedy: str,
) -> Split:
    import numpy as np

    keep = np.ones(len(labels.index), dtype=bool)
    for block in blocks:
        first, last = labels.starts[block[0]], labels.ends[block].max()
        # The first position that starts after everything in the block has ended.
        after = int(np.searchsorted(labels.starts, labels.last_embargoed(last), side="right"))
        if labels.embargo_rows:
            place = int(np.searchsorted(labels.begins, after)) + labels.embargo_rows
            after = int(labels.begins[min(place, len(labels.begins) - 1)])
        keep[block[0] : after] = False
        keep[: block[0]] &= labels.ends[: block[0]] < first
    test = np.concatenate(blocks)
    keep[test] = False
    train = np.flatnonzero(keep)
    if not train.size:
        raise ConfigurationError(
            f"fold {number} (test {labels.index[test[0]]} to {labels.index[test[-1]]}) has no "
            f"label left to train on once those are purged that overlap it: {remedy}"
        )
    return split_at(number, train, test, labels.index, test_groups)
