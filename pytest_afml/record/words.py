"""A comparison in words: a table of functions, and a sentence on each result that changed.

Nothing is decided here.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pytest_afml.numbers import Counts
from pytest_afml.record.compare import ChangedResult, ComparedFunction, Comparison, Failure
from pytest_afml.record.recording import Recording, Result
from pytest_afml.wording import percent, plural

#: Every line but a function's or a test's long name keeps within it.
WIDTH = 80

#: How many changed results, and how many names in a note, are shown.
SHOWN = 10
NAMES = 3

_HEADS = ("function", "calls", "hit rate", "compute", "hit", "results")


@dataclass(frozen=True, slots=True)
class Told:
    """A comparison, and the two recordings that it is of."""

    comparison: Comparison
    before: Recording
    after: Recording


def lines_of(told: Told, file: str) -> list[str]:
    """The whole account, a line each."""
    found = told.comparison
    lines = [
        f"with {file}: {plural(found.tests, 'test', 'tests')}, "
        f"{plural(len(found.functions), 'function', 'functions')}, "
        f"{plural(found.compared, 'different result', 'different results')} compared"
    ]
    if found.functions:
        lines += ["", *table(found.functions)]
    if found.changed:
        lines += ["", *_changed(told)]
    notes = [line for note in _notes(found) for line in _wrapped(note, "")]
    return [*lines, "", *notes] if notes else lines


def failure(found: Comparison, file: str) -> str | None:
    """Why the comparison fails, as one sentence; None: it does not."""
    parts = []
    if Failure.RESULTS in found.failures:
        functions = {one.function for one in found.changed}
        number = sum(one.changed for one in found.functions)
        parts.append(
            f"{plural(number, 'result', 'results')} of "
            f"{plural(len(functions), 'function', 'functions')} changed"
        )
    if Failure.LOST in found.failures:
        lost = [one.name for one in found.functions if one.is_lost]
        parts.append(
            f"{_names(lost)} {'is' if len(lost) == 1 else 'are'} not called any more: not cached, "
            "or renamed (record again if that is meant)"
        )
    if Failure.HIT_RATE in found.failures:
        fallen = [one for one in found.functions if one.rate_fell]
        parts.append(
            f"the hit rate of {plural(len(fallen), 'function', 'functions')} fell "
            "(--afml-compare-tolerance)"
        )
    if Failure.NOTHING in found.failures:
        parts.append("no result could be compared, which proves nothing")
    return f"since {file}, {'; '.join(parts)}" if parts else None


def sentences(told: Told) -> list[dict[str, str]]:
    """A sentence on every result that changed, with its test and its function."""
    return [
        {"test": one.test, "function": one.function, "sentence": _sentence(one, told)}
        for one in told.comparison.changed
    ]


def table(functions: Iterable[ComparedFunction]) -> list[str]:
    """A row a function. ``compute`` and ``hit`` are how many times as long a call took."""
    rows = [_HEADS, *map(_cells, functions)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[3:5] = [7, 6]  # what differs from run to run moves nothing
    width = min(widths[0], max(WIDTH - sum(widths[1:]) - 2 * len(widths[1:]), len(_HEADS[0])))
    return [line for row in rows for line in _row(row, (width, *widths[1:]))]


def _row(cells: tuple[str, ...], widths: tuple[int, ...]) -> Iterator[str]:
    """One line, or two where the name is too long for its column."""
    name, *rest = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    if len(name) > widths[0]:
        yield name
        name = " " * widths[0]
    yield "  ".join((name, *rest)).rstrip()


def _cells(one: ComparedFunction) -> tuple[str, ...]:
    before, after = one.before, one.after
    return (
        one.name,
        _change(str(before.calls), str(after.calls)),
        _change(_rate(before), _rate(after)),
        _ratio((before.seconds, before.computed), (after.seconds, after.computed)),
        _ratio((one.hit_seconds[0], before.served), (one.hit_seconds[1], after.served)),
        _verdict(one),
    )


def _verdict(one: ComparedFunction) -> str:
    if one.is_gone:
        return "gone"
    if one.changed:
        return f"{one.changed} CHANGED"
    if one.is_new:
        return "new"
    return "same" if one.compared else "unknown"


def _change(before: str, after: str) -> str:
    return before if before == after else f"{before} -> {after}"


def _rate(counts: Counts) -> str:
    return "-" if counts.hit_rate is None else percent(counts.hit_rate)


def _ratio(before: tuple[float, int], after: tuple[float, int]) -> str:
    """How many times as long a call took on average."""
    if not before[1] or not after[1] or before[0] <= 0.0:
        return "-"
    ratio = min(max(after[0] / after[1] / (before[0] / before[1]), 0.01), 9999.0)
    return f"x {ratio:.0f}" if ratio >= 10 else f"x {ratio:.2g}"


def _changed(told: Told) -> Iterator[str]:
    test = None
    for one in told.comparison.changed[:SHOWN]:
        if one.test != test:
            test = one.test
            yield test
        yield from _wrapped(_sentence(one, told), "  ")
    more = len(told.comparison.changed) - SHOWN
    if more > 0:
        yield f"... and {more} more"


def _sentence(one: ChangedResult, told: Told) -> str:
    """What one call gave, and gives now."""
    called = next((result.called_with for result in (*one.after, *one.before)), "")
    if one.arguments is None:
        called = "..."
    return f"{one.function}({called}): {'; '.join(_what(one, told))}"


def _what(one: ChangedResult, told: Told) -> Iterator[str]:
    if one.arguments is None:
        yield "with other arguments, or arguments without a digest"
    if len(one.before) == len(one.after) == 1:
        before, after = one.before[0], one.after[0]
        if before.digest is not None and after.digest is not None:
            yield from _differences(before.digest, after.digest, told)
            return
    gave = " and ".join(_gave(result, told.before) for result in one.before[:NAMES])
    gives = " and ".join(_gave(result, told.after) for result in one.after[:NAMES])
    if one.before and one.after:
        yield f"gave {gave}, gives {gives}"
    elif one.after:
        yield f"gives {gives} besides"
    else:
        yield f"gave {gave} besides, for the same arguments"


def _differences(before: str, after: str, told: Told) -> Iterator[str]:
    from afml_cache import value_differences

    was, now = told.before.values.get(before), told.after.values.get(after)
    if was is None or now is None:
        yield "the result is another"
        return
    summaries = {"digest": before, **was}, {"digest": after, **now}
    yield from value_differences("the result", *summaries)


def _gave(result: Result, recording: Recording) -> str:
    if result.raised is not None:
        return result.raised.removeprefix("builtins.")
    if result.digest is None:
        return f"what has no digest ({result.undigested})"
    summary = recording.values.get(result.digest, {})
    return str(summary.get("repr") or summary.get("type") or "a value")


def _notes(found: Comparison) -> Iterator[str]:
    gone = [one.name for one in found.functions if one.is_gone and not one.is_lost]
    if gone:
        yield (
            f"not called any more, since what called it is served now: {_names(gone)}; their "
            "results are not compared"
        )
    unknown = {f"{one.function}: {one.why}" for one in found.uncompared}
    if unknown:
        yield f"without a digest, so not compared: {_names(sorted(unknown))}"
    for test, before, after in found.outcomes[:NAMES]:
        yield f"{test} was {before}, is {after}"
    if len(found.outcomes) > NAMES:
        yield f"... and {len(found.outcomes) - NAMES} tests more ended in another way"
    for names, what in (
        (found.crashed_tests, "not compared, since their worker died"),
        (found.new_tests, "not in the recording"),
        (found.missing_tests, "in the recording, and not run now"),
    ):
        if names:
            yield f"{plural(len(names), 'test', 'tests')} {what}: {_names(names)}"
    for package, before, after in found.versions:
        yield f"{package} was {before or 'not there'}, is {after or 'not there'}"
    if found.modes[0] != found.modes[1]:
        yield (
            f"hit rates are not judged: recorded in mode {found.modes[0]}, run in mode "
            f"{found.modes[1]}"
        )
    elif not found.judges_rates:
        yield "hit rates are not judged: tests that did not run may have filled a cache for others"


def _names(names: Iterable[str]) -> str:
    every = list(names)
    more = f", and {len(every) - NAMES} more" if len(every) > NAMES else ""
    return ", ".join(every[:NAMES]) + more


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
