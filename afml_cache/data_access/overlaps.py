"""From accesses to what they mean: which tested ranges were trained on before they were tested.

A test is one of what its process has trained on since the test before: whoever walks forward trains
on what earlier folds have tested, and doing so a second time harms no test. A process that has
trained on nothing itself tests what others have made, and is held against all of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from afml_cache.data_access.caller import Caller
from afml_cache.data_access.purposes import Use, use_of
from afml_cache.data_access.records import Access, Judged
from afml_cache.keys.extent import Extent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Order(StrEnum):
    """When a range was first trained or tuned on, held against the tests that overlap it."""

    BEFORE = "before the first test"
    BETWEEN = "between tests"
    AFTER = "after the last test"


@dataclass(slots=True, eq=False)
class Touched:
    """One stretch of a data set, touched for one purpose, by any line of code."""

    dataset: str
    purpose: str
    extent: Extent
    count: int = 0
    first_use: float = float("inf")
    last_use: float = 0.0
    by: list[Caller] = field(default_factory=list)

    @property
    def use(self) -> Use:
        """What the purpose amounts to."""
        return use_of(self.purpose)

    @property
    def key(self) -> tuple[str, str, Extent]:
        """What it is known by in the records."""
        return self.dataset, self.purpose, self.extent


@dataclass(frozen=True, slots=True)
class Overlap:
    """A tested range, and a range of the same data that was trained or tuned on.

    ``contaminates``: what was tested had been trained on it.
    """

    test: Touched
    other: Touched
    contaminates: bool

    @property
    def extent(self) -> Extent:
        """What they share."""
        one, two = self.test.extent, self.other.extent
        return Extent(max(one.first, two.first), min(one.last, two.last), one.aware or two.aware)

    @property
    def order(self) -> Order:
        """When the other was first touched."""
        if self.other.first_use < self.test.first_use:
            return Order.BEFORE
        return Order.BETWEEN if self.other.first_use < self.test.last_use else Order.AFTER


def touched(accesses: Iterable[Access]) -> list[Touched]:
    """Accesses put together by data set, purpose and range, in the order of their first use."""
    found: dict[tuple[str, str, Extent], Touched] = {}
    for access in accesses:
        key = (access.dataset, access.purpose, access.extent)
        one = found.setdefault(key, Touched(*key))
        one.count += access.count
        one.first_use = min(one.first_use, access.first_use)
        one.last_use = max(one.last_use, access.last_use)
        one.by.append(access.by)
    return sorted(found.values(), key=lambda one: (one.dataset, one.first_use))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a tested range is worth.

    Parameters
    ----------
    test : Touched
    touches : int
        How often any part of it was touched for testing.
    contaminated_by : list of Overlap
        In the order of their first use.
    spared : int
        How many ranges overlap it and were trained or tuned on before its last test, though not
        by what was tested.
    """

    test: Touched
    touches: int
    contaminated_by: list[Overlap]
    spared: int


class Dataset:
    """The touched ranges of one data set."""

    def __init__(self, name: str, ranges: Sequence[Touched], judged: Judged) -> None:
        self.name = name
        self.ranges = ranges
        self._judged = judged
        self._tests = _Stretches([one for one in ranges if one.use is Use.TESTING])
        learned = (Use.TRAINING, Use.TUNING)
        self._others = _Stretches([one for one in ranges if one.use in learned])
        self._place = {(one.purpose, one.extent): n for n, one in enumerate(self._others.ranges)}

    @property
    def tests(self) -> Sequence[Touched]:
        """The tested ranges."""
        return self._tests.ranges

    def verdicts(self) -> list[Verdict]:
        """Of each tested range, in the order of their first use."""
        return [self._verdict(test) for test in self.tests]

    def overlaps(self) -> Iterator[Overlap]:
        """Every tested range with every range that was trained or tuned on.

        Where one knows its time zone and the other does not, the latter is read as UTC.
        """
        for test in self.tests:
            met = self._others.meet(test.extent)
            harmful = self._harmful(test, met)
            for place in met.nonzero()[0].tolist():
                yield Overlap(test, self._others.ranges[place], bool(harmful[place]))

    def _verdict(self, test: Touched) -> Verdict:
        met = self._others.meet(test.extent)
        harmful = self._harmful(test, met)
        bad = [
            Overlap(test, self._others.ranges[place], True)
            for place in harmful.nonzero()[0].tolist()
        ]
        spared = met & ~harmful & (self._others.first_use < test.last_use)
        touches = self._tests.count[self._tests.meet(test.extent)].sum()
        return Verdict(test, int(touches), bad, int(spared.sum()))

    def _harmful(self, test: Touched, met: NDArray[np.bool_]) -> NDArray[np.bool_]:
        alone = self._judged.alone.get(test.key, test.last_use)
        harmful = met & (self._others.first_use < alone)
        for trained in self._judged.trained.get(test.key, ()):
            if trained in self._place:  # else it is in the archive, and the records begun anew
                harmful[self._place[trained]] = True
        return harmful


class _Stretches:
    """Ranges as arrays: thousands of them meet thousands."""

    def __init__(self, ranges: Sequence[Touched]) -> None:
        import numpy as np

        self.ranges = ranges
        self.first = np.array([one.extent.first for one in ranges], dtype=np.int64)
        self.last = np.array([one.extent.last for one in ranges], dtype=np.int64)
        self.first_use = np.array([one.first_use for one in ranges], dtype=float)
        self.count = np.array([one.count for one in ranges], dtype=np.int64)

    def meet(self, extent: Extent) -> NDArray[np.bool_]:
        """Which of them overlap."""
        return (self.first <= extent.last) & (self.last >= extent.first)


def datasets(accesses: Iterable[Access], judged: Judged) -> list[Dataset]:
    """The data sets, by name."""
    found: dict[str, list[Touched]] = {}
    for one in touched(accesses):
        found.setdefault(one.dataset, []).append(one)
    return [Dataset(name, ranges, judged) for name, ranges in found.items()]
