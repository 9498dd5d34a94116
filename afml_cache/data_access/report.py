"""The report in words: which test ranges were trained on, and how often they were tested."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from afml_cache.data_access.caller import Caller
from afml_cache.data_access.overlaps import Dataset, Order, Verdict
from afml_cache.data_access.purposes import Use
from afml_cache.keys.dates import DAY, HIGHEST, LOWEST
from afml_cache.keys.extent import Extent

WIDTH = 80

#: So many touches of a test range are worth a word.
MANY = 10

#: So many tested ranges of a data set are spelled out.
MOST_TESTS = 10

#: So many ranges that contaminate one test are spelled out.
SHOWN = 3


def in_words(datasets: Sequence[Dataset]) -> str:
    """The report, in lines of 80 columns."""
    lines: list[str] = []
    for dataset in datasets:
        lines += [*_of_dataset(dataset), ""]
    return "\n".join(lines).rstrip()


def _of_dataset(dataset: Dataset) -> list[str]:
    since = _moment(min(one.first_use for one in dataset.ranges))
    lines = _wrapped(f"{dataset.name}: first touched {since}", "")
    for use in (Use.TRAINING, Use.TUNING, Use.OTHER):
        of_use = [one for one in dataset.ranges if one.use is use]
        if of_use:
            hull = Extent(
                min(one.extent.first for one in of_use),
                max(one.extent.last for one in of_use),
                any(one.extent.aware for one in of_use),
            )
            name = use if use is not Use.OTHER else ", ".join(sorted({o.purpose for o in of_use}))
            count = sum(one.count for one in of_use)
            told = f"{name}: {span(hull)}, {_times(count)} in {_ranges(len(of_use))}"
            if use is Use.OTHER:
                told += " (counts as none of training, tuning and testing)"
            lines += _wrapped(told, "  ")
    verdicts = dataset.verdicts()
    if not verdicts:
        return [*lines, "  testing: never"]
    shown = _worst(verdicts)
    for verdict in shown:
        lines += _of_test(verdict)
    left_out = [verdict for verdict in verdicts if not any(verdict is one for one in shown)]
    if left_out:
        bad = sum(bool(verdict.contaminated_by) for verdict in left_out)
        more = f"{len(left_out):,} more tested ranges, {bad:,} of them trained or tuned on before"
        lines += _wrapped(f"and {more}; DataAccessTracker().test_ranges() lists all", "  ")
    return lines


def _worst(verdicts: list[Verdict]) -> list[Verdict]:
    """Those that a reader has to see, in the order of their first use."""
    if len(verdicts) <= MOST_TESTS:
        return verdicts
    worst = sorted(verdicts, key=lambda one: (-len(one.contaminated_by), -one.touches))
    return sorted(worst[:MOST_TESTS], key=lambda one: one.test.first_use)


def _of_test(verdict: Verdict) -> list[str]:
    test, bad = verdict.test, verdict.contaminated_by
    told = f"testing: {span(test.extent)}, {_times(test.count)} since {_moment(test.first_use)}"
    lines = _wrapped(told, "  ")
    lines += _wrapped(f"by {_callers(test.by)}", "    ")
    if verdict.touches >= MANY:
        lines += _wrapped(
            f"! parts of it were tested {_times(verdict.touches)}: what is looked at so often is "
            "chosen by it, and is no test set any more",
            "    ",
        )
    for overlap in bad[:SHOWN]:
        verb = "trained on" if overlap.other.use is Use.TRAINING else "tuned on"
        when, count = str(overlap.order), _times(overlap.other.count)
        if overlap.other.count > 1:
            when, count = (
                f"{when if overlap.order is Order.BETWEEN else f'first {when}'}",
                (f"{count} in all"),
            )
        lines += _wrapped(
            f"! {span(overlap.extent)} was {verb} {when}, {count} "
            f"({overlap.other.purpose} on {span(overlap.other.extent)}) "
            f"by {_callers(overlap.other.by)}",
            "    ",
        )
    if len(bad) > SHOWN:
        lines.append(f"    ! and {len(bad) - SHOWN:,} more such ranges; contamination() lists them")
    spared = _ranges(verdict.spared)
    if not bad and not verdict.spared:
        lines += _wrapped("no test of it came after training or tuning on any of it", "    ")
    elif not bad:
        told = f"none of its tests was of what had been trained or tuned on it ({spared} that"
        lines += _wrapped(
            f"{told} overlap it came before the last one, for other tests, as when walking "
            "forward again)",
            "    ",
        )
    elif verdict.spared:
        lines += _wrapped(f"({spared} more that overlap it came before, for other tests)", "    ")
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
