"""A comparison in words: the table and the sentences of the terminal, 80 columns wide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pytest_afml.record.comparison import Change, Comparison
from pytest_afml.record.recording import Seen
from pytest_afml.wording import duration, percent, plural

#: How many changes of one kind are shown.
SHOWN = 20

_WIDTH = 80


def lines_of(comparison: Comparison, path: str) -> Iterator[str]:
    """The section at the end of a run, a line each."""
    tests = plural(comparison.compared, "test", "tests")
    left = f"; {comparison.not_run} of it did not run" if comparison.not_run else ""
    yield f"{tests} compared with {path}{left}"
    yield from table(comparison.functions)
    shown: dict[str, int] = {}
    for change in comparison.changes:
        shown[change.kind] = shown.get(change.kind, 0) + 1
        if shown[change.kind] <= SHOWN:
            yield from sentences(change)
    for kind, number in shown.items():
        if number > SHOWN:
            yield f"... and {number - SHOWN} more of {kind}"
    if not comparison.changes and comparison.compared:
        yield "nothing changed"


def table(functions: Mapping[str, tuple[Seen, Seen]]) -> Iterator[str]:
    """Each function: calls, hit rate, seconds a computed call and a hit took; before and now."""
    if not functions:
        return
    room = _WIDTH - 52
    head = f"{'':{room}} {'calls':>11} {'hit rate':>13} {'a miss takes':>12} {'a hit takes':>12}"
    yield head.rstrip()
    for function, (was, now) in functions.items():
        name = function if len(function) <= room else f"...{function[3 - room :]}"
        cells = (
            f"{_both(was.calls, now.calls):>11}",
            f"{_both(_rate(was), _rate(now)):>13}",
            f"{_ratio(_computed(was), _computed(now)):>12}",
            f"{_ratio(_hit(was), _hit(now)):>12}",
        )
        yield f"{name:{room}} {' '.join(cells)}"


def sentences(change: Change) -> Iterator[str]:
    """One change; what differs, below it."""
    mark = "CHANGED" if change.matters else "note"
    where = f" in {change.test}" if change.test and change.function else ""
    yield f"{mark}: {change.function or change.test}{_what(change)}{where}"
    yield from (f"    {difference}" for difference in change.differences)


def verdict(comparison: Comparison) -> str:
    """Why the run fails."""
    kinds = {
        "results": "results of {} changed",
        "uncached": "{} not cached any more",
        "hit_rate": "the hit rate of {} fell",
    }
    told = []
    for kind, text in kinds.items():
        functions = sorted({c.function for c in comparison.changes if c.kind == kind})
        if functions:
            names = ", ".join(functions[:3]) + (", ..." if len(functions) > 3 else "")
            verb = " is" if kind == "uncached" and len(functions) == 1 else ""
            verb = " are" if kind == "uncached" and len(functions) > 1 else verb
            told.append(text.format(names + verb))
    return "; ".join(told)


def _what(change: Change) -> str:
    match change.kind:
        case "results":
            number = int(change.now)
            return f": {number} {'result differs' if number == 1 else 'results differ'}"
        case "uncached":
            calls = plural(int(change.was), "call", "calls")
            return f": {calls} before, and no cached call now; is its decorator gone?"
        case "hit_rate":
            return f": hit rate {percent(change.was)} before, {percent(change.now)} now"
        case "calls":
            return f": {int(change.was)} cached calls before, {int(change.now)} now"
        case "undigested":
            results = plural(int(change.now), "result has", "results have")
            return f": {results} no digest and could not be compared"
        case "new_function":
            return f": was not cached before ({plural(int(change.now), 'call', 'calls')} now)"
        case _:
            return ": is not in the recording"


def _both(was: object, now: object) -> str:
    return f"{was}" if was == now else f"{was} > {now}"


def _rate(seen: Seen) -> str:
    return percent(seen.served / seen.calls).replace(" ", "") if seen.calls else "-"


def _computed(seen: Seen) -> float | None:
    return seen.computed_seconds / seen.computed if seen.computed else None


def _hit(seen: Seen) -> float | None:
    return seen.hit_seconds / seen.hits if seen.hits else None


def _ratio(was: float | None, now: float | None) -> str:
    """What it takes now, and how many times of before; a clock, so nothing is judged by it."""
    if now is None:
        return "-"
    took = duration(now).replace(" ", "")
    return f"{took} x{now / was:.2g}" if was else took
