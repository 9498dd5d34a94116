"""The stretches of time that data covers: what a fold leaves out in the middle was not touched."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from afml_cache.keys.dates import DAY
from afml_cache.keys.extent import Extent, dated_index, extent_of, of_one_kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: A container of more is no collection of frames, and looking through it would slow down hits.
_MOST_FRAMES = 10_000

#: Markets close for a week and more (Chinese New Year of 2020: eleven days): that is no hole.
_HOLE = 14 * DAY

#: A gap is a hole where it is so many times as long as nine of ten gaps are.
_TIMES = 2

#: Of so many rows the usual gap is looked at: months and quarters are never more.
_FEW = 4096

#: So many stretches of one result are told apart; after that the shortest holes are filled.
_MOST = 20


def stretches_of(data: object) -> list[Extent]:
    """The stretches that a Series, a frame, or a list, tuple or dict of them covers.

    Two stretches are told apart where no row lies for two weeks and for twice the usual step.
    """
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return []
    found: dict[Extent, None] = {}
    for item in _items(data):
        found.update(dict.fromkeys(_of_one(pandas, item)))
    extents = of_one_kind(found)
    return _joined(extents, _HOLE) if len(extents) > 1 and _is_container(data) else extents


def _is_container(data: object) -> bool:
    return isinstance(data, dict | list | tuple)


def _items(data: Any) -> Iterable[object]:
    if not _is_container(data):
        return (data,)
    if len(data) > _MOST_FRAMES:
        return ()
    return data.values() if isinstance(data, dict) else data


def _of_one(pandas: Any, item: object) -> list[Extent]:
    whole = extent_of(pandas, item)
    if whole is None or whole.last - whole.first <= _HOLE:
        return [] if whole is None else [whole]
    index = dated_index(pandas, item)
    if isinstance(index, pandas.DatetimeIndex):
        starts = ends = _nanoseconds(index)
    elif isinstance(index, pandas.PeriodIndex):
        starts, ends = (_nanoseconds(index.to_timestamp(how=how)) for how in ("start", "end"))
    else:
        return [whole]
    if len(starts) < 3:
        return [whole]
    firsts = [0, *(hole + 1 for hole in _holes(starts))]
    lasts = [*(first - 1 for first in firsts[1:]), len(starts) - 1]
    return [
        Extent(int(starts[first]), int(ends[last]), whole.aware)
        for first, last in zip(firsts, lasts, strict=True)
    ]


def _nanoseconds(index: Any) -> NDArray[np.int64]:
    """In ascending order, without what is missing."""
    import numpy as np

    values: NDArray[np.int64] = index[:].as_unit("ns").asi8
    if index.hasnans:
        values = values[values != np.iinfo(np.int64).min]
    return values if bool((values[1:] >= values[:-1]).all()) else np.sort(values)


def _holes(starts: NDArray[np.int64]) -> list[int]:
    """Positions of the rows after which there is a hole, ascending."""
    import numpy as np

    if len(starts) <= _FEW:
        gaps = np.diff(starts)
        if gaps.max() <= _HOLE:  # as nearly always, and hits have no time to lose
            return []
        usual = np.quantile(gaps[gaps > 0], 0.9)
        before = np.flatnonzero(gaps > max(_HOLE, _TIMES * usual))
    else:  # looked up on a grid that every hole contains a cell of
        grid = np.arange(starts[0], starts[-1], _HOLE // 2)
        places = np.searchsorted(starts, grid)
        empty = places[1:][places[1:] == places[:-1]]
        before = np.unique(empty) - 1
        before = before[starts[before + 1] - starts[before] > _HOLE]
    if len(before) >= _MOST:
        longest = np.argsort(starts[before] - starts[before + 1], kind="stable")[: _MOST - 1]
        before = np.sort(before[longest])
    return before.tolist()


def _joined(extents: Iterable[Extent], hole: int) -> list[Extent]:
    """Disjoint stretches; what several items cover together is one."""
    ordered = sorted(extents, key=lambda one: one.first)
    joined = list(_runs(ordered, hole))
    while len(joined) > _MOST:
        hole = sorted(b.first - a.last for a, b in itertools.pairwise(joined))[-_MOST]
        joined = list(_runs(joined, hole))
    return joined


def _runs(ordered: Iterable[Extent], hole: int) -> Iterator[Extent]:
    run: Extent | None = None
    for one in ordered:
        if run is None:
            run = one
        elif one.first - run.last > hole:
            yield run
            run = one
        else:
            run = Extent(run.first, max(run.last, one.last), run.aware)
    if run is not None:
        yield run
