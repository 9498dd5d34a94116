"""Calls held against limits: which limits they break. Nothing is put into words here."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_afml.calls import Calls
from pytest_afml.limits import Limits


@dataclass(frozen=True, slots=True)
class Broken:
    """One limit that was broken: its name, what was expected and what it was.

    ``found`` is None where there was no call, and so nothing to hold against the limit.
    """

    limit: str
    expected: float
    found: float | None


def judge(calls: Calls, limits: Limits) -> list[Broken]:
    """The limits that ``calls`` break; those of other functions than ``limits.only`` are ignored.

    No call at all passes no limit, unless no hits and no misses are just what is expected.
    """
    counted = calls.named(limits.only)
    if not counted:
        if limits.hits == 0 and limits.misses == 0:
            return []
        return [Broken(name, value, None) for name, value in _asked(limits)][:1]
    found = {
        "hits": counted.hits,
        "misses": counted.misses,
        "min_hit_rate": counted.hits / len(counted),
        "max_misses": counted.misses,
    }
    return [
        Broken(name, value, found[name])
        for name, value in _asked(limits)
        if not _holds(name, value, found[name])
    ]


def _asked(limits: Limits) -> list[tuple[str, float]]:
    asked = (
        ("hits", limits.hits),
        ("misses", limits.misses),
        ("min_hit_rate", limits.min_hit_rate),
        ("max_misses", limits.max_misses),
    )
    return [(name, value) for name, value in asked if value is not None]


def _holds(name: str, expected: float, found: float) -> bool:
    if name == "min_hit_rate":
        return found >= expected
    return found <= expected if name == "max_misses" else found == expected
