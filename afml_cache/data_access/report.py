"""From accesses to what they mean: which test ranges were trained on, and how often tested."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from afml_cache.data_access.caller import Caller
from afml_cache.data_access.purposes import Use, use_of
from afml_cache.data_access.records import Access
from afml_cache.keys.dates import DAY, HIGHEST, LOWEST
from afml_cache.keys.extent import Extent

WIDTH = 80

#: So many touches of a test range are worth a word.
MANY = 10

#: So many ranges that contaminate one test are spelled out.
SHOWN = 3


class Order(StrEnum):
    """When a range was trained or tuned on, held against the tests that overlap it."""

    BEFORE = "before the first test"
    BETWEEN = "between tests"
    AFTER = "after the last test"


@dataclass(slots=True)
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


@dataclass(frozen=True, slots=True)
class Overlap:
    """A tested range, and a range of the same data that was trained or tuned on."""

    test: Touched
    other: Touched
    order: Order

    @property
    def extent(self) -> Extent:
        """What they share."""
        one, two = self.test.extent, self.other.extent
        return Extent(max(one.first, two.first), min(one.last, two.last), one.aware or two.aware)

    @property
    def contaminates(self) -> bool:
        """Whether a test came after it: training on it later, walking forward, does no harm."""
        return self.order is not Order.AFTER


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


def overlaps(ranges: Sequence[Touched]) -> list[Overlap]:
    """Every tested range with every range of its data set that was trained or tuned on.

    Where one knows its time zone and the other does not, the latter is read as UTC.
    """
    others: dict[str, list[Touched]] = {}
    for one in ranges:
        if one.use in (Use.TRAINING, Use.TUNING):
            others.setdefault(one.dataset, []).append(one)
    return [
        Overlap(test, other, _order(test, other))
        for test in ranges
        if test.use is Use.TESTING
        for other in others.get(test.dataset, ())
        if _meet(test.extent, other.extent)
    ]


def touches_of_any_part(test: Touched, ranges: Iterable[Touched]) -> int:
    """How often any part of a tested range was touched for testing."""
    return sum(
        one.count
        for one in ranges
        if one.use is Use.TESTING and one.dataset == test.dataset and _meet(one.extent, test.extent)
    )


def _meet(one: Extent, other: Extent) -> bool:
    return one.first <= other.last and other.first <= one.last


def _order(test: Touched, other: Touched) -> Order:
    if other.first_use < test.first_use:
        return Order.BEFORE
    return Order.BETWEEN if other.first_use < test.last_use else Order.AFTER


# -- words -------------------------------------------------------------------------------


def in_words(ranges: Sequence[Touched]) -> str:
    """The report, in lines of 80 columns."""
    found = overlaps(ranges)
    datasets = list(dict.fromkeys(one.dataset for one in ranges))
    lines: list[str] = []
    for dataset in datasets:
        own = [one for one in ranges if one.dataset == dataset]
        lines += [*_of_dataset(dataset, own, [o for o in found if o.test.dataset == dataset]), ""]
    return "\n".join(lines).rstrip()


def _of_dataset(dataset: str, ranges: list[Touched], found: list[Overlap]) -> list[str]:
    since = _moment(min(one.first_use for one in ranges))
    lines = _wrapped(f"{dataset}: first touched {since}", "")
    for use in (Use.TRAINING, Use.TUNING, Use.OTHER):
        of_use = [one for one in ranges if one.use is use]
        if of_use:
            hull = Extent(
                min(one.extent.first for one in of_use),
                max(one.extent.last for one in of_use),
                any(one.extent.aware for one in of_use),
            )
            name = use if use is not Use.OTHER else ", ".join(sorted({o.purpose for o in of_use}))
            count = sum(one.count for one in of_use)
            told = f"{name}: {span(hull)}, {_times(count)} in {_ranges(len(of_use))}"
            lines += _wrapped(told, "  ")
    tests = [one for one in ranges if one.use is Use.TESTING]
    if not tests:
        return [*lines, "  testing: never"]
    for test in tests:
        lines += _of_test(test, ranges, [overlap for overlap in found if overlap.test is test])
    return lines


def _of_test(test: Touched, ranges: list[Touched], found: list[Overlap]) -> list[str]:
    told = f"testing: {span(test.extent)}, {_times(test.count)} since {_moment(test.first_use)}"
    lines = _wrapped(told, "  ")
    lines += _wrapped(f"by {_callers(test.by)}", "    ")
    any_part = touches_of_any_part(test, ranges)
    if any_part >= MANY:
        lines += _wrapped(
            f"! parts of it were tested {_times(any_part)}: what is looked at so often is chosen "
            "by it, and is no test set any more",
            "    ",
        )
    bad = [overlap for overlap in found if overlap.contaminates]
    for overlap in bad[:SHOWN]:
        verb = "trained on" if overlap.other.use is Use.TRAINING else "tuned on"
        lines += _wrapped(
            f"! {span(overlap.extent)} was {verb} {overlap.order}, {_times(overlap.other.count)} "
            f"({overlap.other.purpose} on {span(overlap.other.extent)}) "
            f"by {_callers(overlap.other.by)}",
            "    ",
        )
    if len(bad) > SHOWN:
        lines.append(f"    ! and {len(bad) - SHOWN:,} more such ranges; contamination() lists them")
    if not bad:
        lines += _wrapped("no test of it came after training or tuning on any of it", "    ")
    return lines


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False
    )


def _callers(callers: list[Caller]) -> str:
    shown = [str(replace(one, file=_short(one.file))) for one in dict.fromkeys(callers)]
    more = f" and {len(shown) - 2:,} more" if len(shown) > 2 else ""
    return ", ".join(shown[:2]) + more


def _short(file: str) -> str:
    """A path as one would write it here; of a distant one, its end."""
    path = Path(file)
    if not path.is_absolute():
        return file
    try:
        here = Path.cwd()
    except OSError:  # the working directory was removed
        return file
    if path.is_relative_to(here):
        return str(path.relative_to(here))
    return file if len(path.parts) <= 4 else str(Path("...", *path.parts[-3:]))


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def _ranges(count: int) -> str:
    return "one range" if count == 1 else f"{count:,} ranges"


def span(extent: Extent) -> str:
    """A stretch of time in words; whole days without their hours.

    >>> span(Extent(0, 86_400 * 10**9 * 31 - 1, False))
    '1970-01-01 to 1970-01-31'
    """
    if extent.first == LOWEST and extent.last == HIGHEST:
        return "all dates"
    if extent.first == LOWEST:
        return f"up to {_date(extent.last)}"
    if extent.last == HIGHEST:
        return f"from {_date(extent.first)}"
    return f"{_date(extent.first)} to {_date(extent.last)}"


def _date(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 10**9)
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):  # beyond what the platform's clock can hold
        return f"{nanoseconds} ns"
    whole = nanoseconds % DAY == 0 or (nanoseconds + 1) % DAY == 0
    if whole:
        return f"{moment:%Y-%m-%d}"
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment.second or rest else f"{moment:%Y-%m-%d %H:%M}"


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
