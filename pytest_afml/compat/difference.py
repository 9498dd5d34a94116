"""One difference between two values, and how a value is shown: plain data, compared nowhere."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from dataclasses import dataclass

#: So many differences of one container are listed; the others are counted.
LISTED = 5

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60
_short.maxlist = _short.maxtuple = _short.maxdict = _short.maxset = 8


@dataclass(frozen=True, slots=True)
class Difference:
    """What is different, and where.

    Attributes
    ----------
    place : str
        Where in the value, as one would write it (``['close'].index.freq``); empty: the value.
    kind : str
        ``"type"``, ``"value"``, ``"dtype"``, ``"shape"``, ``"freq"``, ``"tz"``, ``"order"``, ...
    was, now : str
        What is expected, and what there is instead, as text.
    count, total : int
        Of ``kind="values"``: how many of how many values differ.
    at : str
        The place of the first of them.
    """

    place: str
    kind: str
    was: str
    now: str
    count: int = 0
    total: int = 0
    at: str = ""


#: Compares two values that lie at a place within others.
Compare = Callable[[object, object, str], list[Difference]]


def shown(value: object) -> str:
    """A value as a short text on one line."""
    text = " ".join(_short.repr(value).split())
    return text if len(text) <= 120 else f"{text[:117]}..."


def below(place: str, name: str) -> str:
    """The place of an attribute.

    >>> below("", "index"), below("['close']", "dtype")
    ('index', "['close'].dtype")
    """
    return f"{place}.{name}" if place else name


def listed(found: list[Difference], place: str) -> list[Difference]:
    """The first differences of a container's items, and the number of the others."""
    if len(found) <= LISTED:
        return found
    more = len(found) - LISTED
    return [*found[:LISTED], Difference(place, "more", "", "", count=more)]
