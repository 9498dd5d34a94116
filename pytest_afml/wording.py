"""Everything that the plugin says about calls, in words. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_afml.calls import Calls
from pytest_afml.judge import Broken
from pytest_afml.limits import Limits

if TYPE_CHECKING:
    from afml_cache import WatchedCall

#: How many calls one message shows.
SHOWN = 10

#: What each reason means, as the end of "it was computed, since ...".
REASONS = {
    "first_call": "nothing of this function had been stored",
    "argument": "the function has entries, none for these arguments",
    "code": "an entry for these arguments exists, of other code",
    "environment": "an entry of this code exists, made under other package versions",
    "expired": "the entry was too old",
    "evicted": "the entry had made room for others",
    "cleared": "the entry had been cleared",
    "unreadable": "the entry could not be read back",
    "tampered": "the bytes of the entry do not match its seal",
    "other_secret": "the entry was sealed with another secret (AFML_CACHE_SECRET)",
    "source_changed": "the source file was edited since it was imported",
    "adoption_refused": "what @cacheable has stored of it may not be used",
    "argument_mutated": "the function changes one of its arguments, so it is never stored",
    "result_unpicklable": "the result cannot be pickled, so it is never stored",
    "unkeyable": "an argument has no key",
    "store_unavailable": "the store could not be used",
    "mode_off": "the cache is switched off",
}


def broken_expectation(broken: Sequence[Broken], calls: Calls, limits: Limits) -> str:
    """Why a block, or a test, did not meet its limits: first what, then why."""
    counted = calls.named(limits.only)
    lines = [_what(one, counted) for one in broken]
    if not counted:
        return "\n".join([*lines, *_nothing_was_counted(calls, limits)])
    missed = [call for call in counted if not call.was_served]
    wants_misses = any(
        one.limit == "misses" and one.found is not None and one.found < one.expected
        for one in broken
    )
    if wants_misses:
        lines += _served([call for call in counted if call.was_served])
    if missed:
        lines += _each(missed)
    return "\n".join(lines)


def _what(broken: Broken, calls: Calls) -> str:
    if broken.limit == "min_hit_rate":
        expected = f"a hit rate of at least {percent(broken.expected)}"
    elif broken.limit == "max_misses":
        number = int(broken.expected)
        expected = f"at most {number} {'miss' if number == 1 else 'misses'}"
    elif broken.limit == "misses":
        expected = plural(int(broken.expected), "miss", "misses")
    else:
        expected = plural(int(broken.expected), "hit", "hits")
    if broken.found is None:
        return f"expected {expected}, but no cached call was made"
    return f"expected {expected}, but there were {_counts(calls)}"


def _counts(calls: Calls) -> str:
    hits, misses = plural(calls.hits, "hit", "hits"), plural(calls.misses, "miss", "misses")
    adopted = f" ({calls.adopted} adopted)" if calls.adopted else ""
    return f"{hits}{adopted} and {misses} ({percent(calls.hits / len(calls))} served)"


def _nothing_was_counted(calls: Calls, limits: Limits) -> list[str]:
    if limits.only is not None and calls:
        others = ", ".join(sorted({call.function for call in calls})[:SHOWN])
        return [f"  of {', '.join(sorted(limits.only))}; called were {others}"]
    return ["  a block without calls proves nothing; call a decorated function in it"]


def _served(calls: Sequence[WatchedCall]) -> list[str]:
    return _shortened([f"  {call.function}: {call.outcome}, key {call.key}" for call in calls])


def _each(calls: Sequence[WatchedCall]) -> list[str]:
    lines = [line for call in calls[:SHOWN] for line in missed_call(call)]
    return lines + _more(len(calls) - SHOWN)


def missed_call(call: WatchedCall) -> list[str]:
    """One computed call: the reason, and what differs from the closest entry."""
    reason = str(call.reason)
    lines = [f"  {call.function}() was computed ({reason}): {REASONS[reason]}"]
    lines += [f"      {difference}" for difference in call.differences]
    if call.closest is not None:
        lines.append(f"      compared with the closest entry, {call.closest}")
    return lines


def _shortened(lines: list[str]) -> list[str]:
    return lines[:SHOWN] + _more(len(lines) - SHOWN)


def _more(number: int) -> list[str]:
    return [f"  ... and {number} more"] if number > 0 else []


def frozen_miss(call: WatchedCall, place: str) -> str:
    """Why a test in mode frozen fails at a call."""
    return "\n".join(
        [
            f"{place}: a cached call would be computed, which mode 'frozen' forbids",
            *missed_call(call),
            "  fill the store first: run the same tests with --afml-cache-mode=shared",
        ]
    )


def plural(number: int, one: str, many: str) -> str:
    """``1 hit``, ``2 hits``, ``no hits``.

    >>> plural(0, "miss", "misses")
    'no misses'
    """
    return f"{number or 'no'} {one if number == 1 else many}"


def duration(seconds: float) -> str:
    """A duration to two digits.

    >>> duration(0.00002), duration(0.25), duration(75.3)
    ('0.02 ms', '250 ms', '75.3 s')
    """
    return f"{seconds * 1e3:.3g} ms" if seconds < 1.0 else f"{seconds:.1f} s"


def percent(share: float) -> str:
    """A share in per cent, never rounded up to a whole that it is not.

    >>> percent(0.9999), percent(1.0), percent(0.5)
    ('99.9 %', '100 %', '50 %')
    """
    tenths = int(share * 1000 + 1e-9) / 10
    return f"{tenths:g} %"
