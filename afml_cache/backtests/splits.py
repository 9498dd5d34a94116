"""Walk-forward splits: train on the past, test on what comes after, step on.

Folds are laid out from the first row on, and only whole test blocks are folds. So rows that are
added at the end leave every earlier fold as it was, and a cached study computes only the new one.
"""

from __future__ import annotations

import datetime as dt
import itertools
import operator
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from afml_cache.backtests.span import Length, Span
from afml_cache.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Split", "sorted_stamps", "walk_forward_splits"]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """One fold: which rows to train on, and which to test on.

    It unpacks into ``train, test``, so a list of splits is what scikit-learn takes as ``cv=``.

    Parameters
    ----------
    number : int
        The fold, from 0.
    train, test : ndarray of intp
        Positions of rows, ascending.
    train_start, train_end, test_start, test_end : Timestamp or index value
        The labels of the first and the last row of each, both included.
    test_groups : tuple of int
        Of a combinatorial split, which groups are tested; else empty.
    """

    number: int
    train: NDArray[np.intp]
    test: NDArray[np.intp]
    train_start: Any
    train_end: Any
    test_start: Any
    test_end: Any
    test_groups: tuple[int, ...] = field(default=())

    def __iter__(self) -> Iterator[NDArray[np.intp]]:
        return iter((self.train, self.test))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Split):
            return NotImplemented
        import numpy as np

        return (
            self.number == other.number
            and self.test_groups == other.test_groups
            and np.array_equal(self.train, other.train)
            and np.array_equal(self.test, other.test)
            and self._ends() == other._ends()
        )

    def __hash__(self) -> int:
        return hash((self.number, self.test_groups, self.train.tobytes(), self.test.tobytes()))

    def _ends(self) -> tuple[Any, ...]:
        return (self.train_start, self.train_end, self.test_start, self.test_end)

    def __str__(self) -> str:
        return (
            f"fold {self.number}: train {_shown(self.train_start)} to {_shown(self.train_end)} "
            f"({self.train.size:,} rows), test {_shown(self.test_start)} to "
            f"{_shown(self.test_end)} ({self.test.size:,} rows)"
        )


def split_at(
    number: int,
    train: NDArray[np.intp],
    test: NDArray[np.intp],
    index: pd.Index[Any],
    test_groups: tuple[int, ...] = (),
) -> Split:
    """The split of these positions, labelled by the index."""
    return Split(
        number,
        train,
        test,
        train_start=index[train[0]],
        train_end=index[train[-1]],
        test_start=index[test[0]],
        test_end=index[test[-1]],
        test_groups=test_groups,
    )


def walk_forward_splits(
    index: object,
    train: Length,
    test: Length,
    step: Length | None = None,
    *,
    embargo: Length = 0,
    anchored: bool = False,
) -> list[Split]:
    """Split rows in time order, always training on what lies before the test.

    With lengths in time, fold ``k`` is tested on ``[t_k, t_k + test)`` with
    ``t_k = first stamp + train + embargo + k * step``, and trained on
    ``[t_k - embargo - train, t_k - embargo)``, or from the first row on where ``anchored``. All
    intervals are half-open. A fold exists once the index reaches the end of its test block;
    windows that hold no row (a weekend, a holiday) are no folds.

    With lengths in rows the same is counted in distinct stamps: rows that share a stamp, as in a
    panel of assets, are never divided. A weekend is no gap.

    Parameters
    ----------
    index : Index, Series, DataFrame or sequence
        Ascending; may be irregular, have duplicates and know its time zone. Lengths in time need
        dates.
    train, test : int, str, timedelta or offset
        All in rows, or all in time. ``"6ME"`` is six months that end with their last day,
        ``"1YE"`` a year, and days are calendar days, also where the clocks change. Training is
        always whole: a year before February 1 begins on February 1, and the first test is the
        first before which the data reach so far back.
    step : optional
        From one test block to the next; as long as ``test`` by default.
    embargo : optional
        Left out between training and test; 0 or None: nothing. Make it as long as labels look
        ahead.
    anchored : bool
        Train on all rows since the first.

    Returns
    -------
    list of Split
        In time order. Test blocks are disjoint unless ``step`` is shorter than ``test``. Rows
        that are added later, with later stamps, leave these splits as they are.

    Raises
    ------
    ConfigurationError
        The index is not ascending or has missing dates, the lengths do not fit each other, or
        there are too few rows for one fold.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.bdate_range("2024-01-01", "2024-04-30")
    >>> for split in walk_forward_splits(days, "2ME", "1ME"):
    ...     print(split)
    fold 0: train 2024-01-01 to 2024-02-29 (44 rows), test 2024-03-01 to 2024-03-29 (21 rows)
    """
    stamps = sorted_stamps(index)
    step = test if step is None else step
    embargo = 0 if embargo is None else embargo
    given = {"train": train, "test": test, "step": step, "embargo": embargo}
    in_rows = [_is_count(length) for length in (train, test, step)]
    if all(in_rows) and _is_count(embargo):
        return _by_rows(stamps, **given, anchored=anchored)
    if any(in_rows) or (_is_count(embargo) and embargo != 0):
        told = ", ".join(f"{name}={length!r}" for name, length in given.items())
        raise ConfigurationError(
            f"{told}: give all lengths in rows (integers) or all in time ('365D', '6ME')"
        )
    return _by_time(stamps, given, anchored)


def _by_rows(
    stamps: pd.Index[Any], *, train: int, test: int, step: int, embargo: int, anchored: bool
) -> list[Split]:
    import numpy as np

    for name, length in (("train", train), ("test", test), ("step", step)):
        if length < 1:
            raise ConfigurationError(f"{name}={length}: it has to be one row at least")
    if embargo < 0:
        raise ConfigurationError(f"embargo={embargo}: it cannot be negative")
    # Where each distinct stamp begins, and the end of the last.
    begins = np.append(np.flatnonzero(~stamps.duplicated()), len(stamps))
    count = len(begins) - 1
    splits = []
    for number, start in enumerate(range(train + embargo, count - test + 1, step)):
        first = 0 if anchored else start - embargo - train
        trained = np.arange(begins[first], begins[start - embargo])
        tested = np.arange(begins[start], begins[start + test])
        splits.append(split_at(number, trained, tested, stamps))
    if not splits:
        raise ConfigurationError(
            f"train={train}, embargo={embargo} and test={test} need {train + embargo + test:,} "
            f"rows with stamps of their own, but there are {count:,}; make them shorter"
        )
    return splits


def _by_time(stamps: pd.Index[Any], given: dict[str, Length], anchored: bool) -> list[Split]:
    import numpy as np
    import pandas as pd

    if not isinstance(stamps, pd.DatetimeIndex):
        raise ConfigurationError(
            f"lengths in time need dates, but the index is of {stamps.dtype}; give a "
            "DatetimeIndex, or lengths in rows"
        )
    train, test, step = (
        Span.forward(name, given[name], stamps[0]) for name in ("train", "test", "step")
    )
    embargo = None if _is_count(given["embargo"]) else Span.or_none("embargo", given["embargo"])
    first_test = train.after(stamps[0])
    earliest = _earliest(stamps, first_test)
    if embargo is not None:
        first_test = embargo.after(first_test)
    splits: list[Split] = []
    for number in itertools.count():
        start = step.after(first_test, number)
        # The end of one block is the beginning of the next, also where months are clipped.
        is_next = given["step"] == given["test"]
        end = step.after(first_test, number + 1) if is_next else test.all_after(start)
        train_end = start if embargo is None else embargo.all_before(start)
        train_start = train.all_before(train_end)
        if train_start < earliest:  # of a year that ends with December, only a part is there
            continue
        if end > stamps[-1]:
            break
        if anchored:
            train_start = stamps[0]
        rows = stamps.searchsorted(pd.DatetimeIndex([train_start, train_end, start, end]))
        trained, tested = np.arange(rows[0], rows[1]), np.arange(rows[2], rows[3])
        if trained.size and tested.size:
            splits.append(split_at(len(splits), trained, tested, stamps))
    if not splits:
        needed = ", ".join(f"{name}={given[name]!r}" for name in ("train", "embargo", "test"))
        raise ConfigurationError(
            f"{needed} make no fold of {_shown(stamps[0])} to {_shown(stamps[-1])}: the first "
            f"test block is whole once there is a row at or after {_shown(end)}; make them shorter"
        )
    return splits


def _earliest(stamps: pd.Index[Any], first_end: pd.Timestamp) -> pd.Timestamp:
    """From when on a training window counts as whole.

    The first row of a year may be that of January 2, or of the first month's end: what is missing
    before it may be as long as the longest gap up to the end of the first window.
    """
    import pandas as pd

    inside = stamps[stamps < first_end]
    if len(inside) < 2:
        return stamps[0]  # type: ignore[no-any-return]
    return stamps[0] - pd.Timedelta((inside[1:] - inside[:-1]).max())  # type: ignore[no-any-return]


def sorted_stamps(index: object) -> pd.Index[Any]:
    """The index of something in time order.

    Raises
    ------
    ConfigurationError
        It is empty, has missing values, or is not ascending.
    """
    import pandas as pd

    if isinstance(index, pd.Series | pd.DataFrame):
        index = index.index
    elif len(getattr(index, "shape", ())) > 1:  # a matrix has rows and no labels
        index = pd.RangeIndex(index.shape[0])  # type: ignore[attr-defined]
    stamps: pd.Index[Any] = index if isinstance(index, pd.Index) else pd.Index(index)  # type: ignore[call-overload]
    remedy = "sort_index()"
    if isinstance(stamps, pd.MultiIndex):  # a panel of dates and assets
        dated = (n for n, level in enumerate(stamps.levels) if isinstance(level, pd.DatetimeIndex))
        level = next(dated, 0)
        if level:  # sorting would put the assets first
            remedy = f"put the dates first, swaplevel(0, {level}).sort_index()"
        stamps = stamps.get_level_values(level)
    if not len(stamps):
        raise ConfigurationError("there are no rows to split")
    if stamps.hasnans:
        missing = int(stamps.isna().argmax())
        raise ConfigurationError(f"row {missing:,} has no date; drop such rows before splitting")
    if not stamps.is_monotonic_increasing:
        later = next(n for n, (a, b) in enumerate(itertools.pairwise(stamps), 1) if b < a)
        raise ConfigurationError(
            f"the index is not in time order: row {later:,} ({_shown(stamps[later])}) comes after "
            f"{_shown(stamps[later - 1])}; {remedy} first"
        )
    return stamps


def _is_count(length: object) -> bool:
    if isinstance(length, bool | str | dt.timedelta):
        return False
    try:
        operator.index(length)  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


def _shown(stamp: object) -> str:
    if isinstance(stamp, dt.datetime) and stamp.time() == dt.time():
        return f"{stamp:%Y-%m-%d}"
    return str(stamp)
