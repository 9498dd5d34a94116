"""Recorded cache statistics: what was called how often, and how often the cache helped.

Two formats are read: the ``cache_stats.json`` of the original system, and our own export,
which is versioned and may hold more than is read here. Nothing is repaired or guessed: what
cannot be understood is an error that says where it stands.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMAT = "afml-cache evidence"
VERSION = 1


class EvidenceError(Exception):
    """A file is no evidence; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded of one function.

    Attributes
    ----------
    function : str
        As it was recorded: ``quant.labels.entropy``, ``__main__.f``, ``m.outer.<locals>.f``.
    calls, hits, misses : int
        Calls that passed the cache by are neither hits nor misses.
    compute_seconds : float or None
        What all the misses took together; None where that was not recorded.
    robust_hit_rate : float or None
        The hit rate that exact keys would have had, from 0 to 1; None where it is not known.
    """

    function: str
    calls: int
    hits: int
    misses: int
    compute_seconds: float | None = None
    robust_hit_rate: float | None = None

    @property
    def asked(self) -> int:
        """Calls that asked the cache."""
        return self.hits + self.misses

    @property
    def hit_rate(self) -> float:
        """Hits among the calls that asked the cache, from 0 to 1; 0 where there were none."""
        return self.hits / self.asked if self.asked else 0.0

    @property
    def cost(self) -> float:
        """Misses times the mean seconds of one; where these are not known, 1 second each."""
        return float(self.misses) if self.compute_seconds is None else self.compute_seconds

    def __add__(self, other: Recorded) -> Recorded:
        """Two records of one function, which ran under two names."""
        known = (self.compute_seconds, other.compute_seconds)
        seconds = None if None in known else sum(s for s in known if s is not None)
        calls = self.calls + other.calls
        names = f"{self.function}, {other.function}"
        return Recorded(names, calls, self.hits + other.hits, self.misses + other.misses, seconds)

    def in_words(self) -> str:
        """``120 calls, 31 % hits``, and what else is known.

        >>> Recorded("m.f", 120, 37, 83, compute_seconds=950.0).in_words()
        '120 calls, 31 % hits, 950 s computing'
        """
        words = f"{self.calls} call{'' if self.calls == 1 else 's'}, {percent(self.hit_rate)} hits"
        if self.compute_seconds is not None:
            words += f", {self.compute_seconds:.3g} s computing"
        if self.robust_hit_rate is not None:
            words += f", {percent(self.robust_hit_rate)} with exact keys"
        return words


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file of recorded statistics, understood."""

    path: str  #: as the person gave it
    functions: tuple[Recorded, ...]


def read_evidence(path: Path) -> Evidence:
    """Read one file, in whichever of the two formats it is.

    Raises
    ------
    EvidenceError
        It cannot be read, or is not in one of the formats.
    """
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise EvidenceError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise EvidenceError(
            f"{path} is no JSON ({error}); give the cache_stats.json that the cache has written"
        ) from error
    if not isinstance(found, dict):
        raise EvidenceError(f"{path} holds no JSON object at its top; {_EXPECTED}")
    if isinstance(found.get("format"), str):
        return Evidence(str(path), _exported(path, found))
    return Evidence(
        str(path),
        tuple(
            _recorded(f"{path}: {name}", name, entry, calls=None) for name, entry in found.items()
        ),
    )


def percent(share: float) -> str:
    """A share of 1 in whole per cent, which never rounds to all or to nothing.

    >>> percent(0.31), percent(0.999), percent(1.0)
    ('31 %', '99 %', '100 %')
    """
    whole = round(share * 100)
    if 0 < share < 1:
        whole = min(max(whole, 1), 99)
    return f"{whole} %"


_EXPECTED = (
    'expected is {"module.function": {"hits": 3, "misses": 9}}, as cache_stats.json holds it,'
    f' or the export with "format": "{FORMAT}"'
)


def _exported(path: Path, found: Mapping[str, Any]) -> tuple[Recorded, ...]:
    if found["format"] != FORMAT:
        raise EvidenceError(f"{path} has the format {found['format']!r}; {_EXPECTED}")
    if found.get("version") != VERSION:
        raise EvidenceError(
            f"{path} has version {found.get('version')!r}; this program reads version {VERSION}."
            " Export it again, or update afml-cache"
        )
    entries = found.get("functions")
    if not isinstance(entries, list):
        raise EvidenceError(f'{path} has no list of "functions"; export it again')
    functions: dict[str, Recorded] = {}
    for number, entry in enumerate(entries, start=1):
        name = entry.get("function") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            raise EvidenceError(
                f'{path}: entry {number} of "functions" names no "function"; export it again'
            )
        if name in functions:
            raise EvidenceError(f"{path} has two entries for {name}; leave one, or export it again")
        where = f"{path}: {name}"
        functions[name] = _recorded(where, name, entry, calls=entry.get("calls"))
    return tuple(functions.values())


def _recorded(where: str, name: str, entry: object, calls: object) -> Recorded:
    if not isinstance(entry, dict) or not {"hits", "misses"} <= entry.keys():
        raise EvidenceError(f"{where} does not tell hits and misses; {_EXPECTED}")
    hits = _count(where, "hits", entry["hits"])
    misses = _count(where, "misses", entry["misses"])
    asked = hits + misses
    total = asked if calls is None else _count(where, "calls", calls)
    if total < asked:
        raise EvidenceError(
            f"{where} has {total} calls, fewer than its hits and misses ({asked}); record it again,"
            " or take the entry out"
        )
    seconds = _number(where, "compute_seconds", entry.get("compute_seconds"), math.inf)
    rate = _number(where, "robust_hit_rate", entry.get("robust_hit_rate"), 1)
    return Recorded(name, total, hits, misses, seconds, rate)


def _count(where: str, field: str, value: object) -> int:
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(whole, bool) or not isinstance(whole, int) or whole < 0:
        raise EvidenceError(
            f"{where}: {field} is {json.dumps(value)}, and not a count; record it again, or take"
            " the entry out"
        )
    return whole


def _number(where: str, field: str, value: object, most: float) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        wanted = "a number of seconds" if most > 1 else "a share from 0 to 1"
        raise EvidenceError(
            f"{where}: {field} is {json.dumps(value)}, and not {wanted} or null; record it again,"
            " or take the entry out"
        )
    return float(value)
