"""Everything that the compatibility checks say, in words. Nothing is decided here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pytest_afml.compat.difference import Difference, shown
from pytest_afml.wording import REASONS

if TYPE_CHECKING:
    from afml_cache import WatchedCall

__all__ = ["difference_text", "shown"]

UNSTEADY = (
    "so there is nothing to compare; make the function depend on its arguments only (a seed, a "
    "clock, and what an earlier call leaves behind are to be arguments)"
)
LEAKED = "changing what the {} call returned changes what the next call returns"
SHARES = "the result shares memory with an argument, which it did not: changing one changes both"
SERVED_OTHERS = "it was served what {} had stored, so both have one key"
NO_SHARE = "the result does not share memory with an argument any more"


def difference_text(difference: Difference) -> str:
    """One difference as a sentence.

    >>> difference_text(Difference("index.freq", "freq", "<Day>", "None"))
    'index.freq is None, was <Day>'
    """
    place, was, now = difference.place, difference.was, difference.now
    if difference.kind == "type":
        return f"{_the_type(place)} is {now}, was {was}"
    if difference.kind == "values":
        of = f" of {place}" if place else ""
        verb = "differs" if difference.count == 1 else "differ"
        return (
            f"{difference.count:,} of {difference.total:,} values{of} {verb}, the first at "
            f"[{difference.at}]: {now}, was {was}"
        )
    if difference.kind == "length":
        return f"{place or 'the result'} has {now} items, had {was}"
    if difference.kind == "order":
        return f"the order of {place or 'the keys'} is {now}, was {was}"
    if difference.kind == "missing":
        return f"{place} is gone, was {was}"
    if difference.kind == "extra":
        return f"{place} is {now}, was not there"
    if difference.kind == "incomparable":
        return (
            f"{place or 'the value'} is {now}, which cannot be compared: it says only which object "
            "it is; compare what it gives"
        )
    if difference.kind == "more":
        return f"{difference.count} more differences in {place or 'the result'}"
    return f"{place or 'the value'} is {now}, was {was}"


def argument_text(difference: Difference) -> str:
    """A difference within the arguments of a call, which are named by position or name.

    >>> argument_text(Difference("['prices'].shape", "shape", "(3, 1)", "(3, 2)"))
    'prices.shape is (3, 2), was (3, 1)'
    """
    text = difference_text(difference)
    return re.sub(r"^((?:the \w+ of )?)\['?(\w+)'?\]", r"\1\2", text)


def runs_text(now: int, was: int | None, call: WatchedCall | None) -> str:
    """How often the body ran, and why the cache did not help."""
    under = "" if was is None else f", under old {times(was)}"
    why = ""
    if call is not None and call.reason is not None and (was is None or now > was):
        why = f" ({call.reason}: {REASONS[str(call.reason)]})"
    return f"the body ran {times(now)}{under}{why}"


def _the_type(place: str) -> str:
    return f"the type of {place}" if place else "the type"


class Finding(NamedTuple):
    """What an arm of a case does otherwise."""

    temperature: str  #: plain, cold, warm or together
    side: str  #: old or new
    text: str


def case_texts(case: str, findings: Iterable[Finding]) -> list[str]:
    """What was found of a case, a line each; what several arms of a side do alike, once.

    >>> case_texts("case 2", [Finding("cold", "new", "it is 1"), Finding("warm", "new", "it is 1")])
    ['case 2, cold and warm, new: it is 1']
    """
    arms: dict[tuple[str, str], list[str]] = {}
    for temperature, side, text in findings:
        known = arms.setdefault((side, text), [])
        if temperature not in known:
            known.append(temperature)
    return [f"{case}, {_joined(named)}, {side}: {text}" for (side, text), named in arms.items()]


def _joined(names: Sequence[str]) -> str:
    """``cold``, ``cold and warm``, ``plain, cold and warm``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def times(number: int) -> str:
    """``1 time``, ``2 times``."""
    return f"{number} {'time' if number == 1 else 'times'}"


def listed_findings(title: str, findings: Sequence[str]) -> str:
    """A title, and what was found, a line each."""
    return "\n".join([title, *(f"  {finding}" for finding in findings)])
