"""An entry's description held against the code that is loaded: edited, or not, or nobody can tell.

Only an edit counts. A constant that a program has set has changed without one, and an entry from
another file of the same name says nothing about this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from afml_cache.keys.code import Fingerprint
from afml_cache.keys.constants import Kind, kinds_of

_ELSEWHERE = "stored by a function of this name in another file, notebook or session"
_TOO_OLD = "stored before it was noted which file they come from"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The names of what was edited; or why there is no telling. Neither: nothing was."""

    changed: frozenset[str] = field(default_factory=frozenset)
    undecided: str = ""


def compare(
    description: Mapping[str, Any], versions: Sequence[tuple[str, Fingerprint]]
) -> Comparison:
    """Hold an entry against every version of its function that is loaded.

    Parameters
    ----------
    description : mapping
        What the entry says of its key.
    versions : sequence of (str, Fingerprint)
        The home of each version that is loaded, and its fingerprint.

    Returns
    -------
    Comparison
        Changed only where it is from a file that is loaded, and fits no version of it.
    """
    home = description.get("home")
    if not isinstance(home, str):
        return Comparison(undecided=_TOO_OLD)
    here = [fingerprint for where, fingerprint in versions if where == home]
    if not here:
        return Comparison(undecided=_ELSEWHERE)
    against = [_against(description, fingerprint) for fingerprint in here]
    if all(one.changed for one in against):
        return Comparison(frozenset().union(*(one.changed for one in against)))
    if all(one.changed or one.undecided for one in against):
        return next(one for one in against if not one.changed)
    return Comparison()


def _against(description: Mapping[str, Any], now: Fingerprint) -> Comparison:
    parts, was_set = description.get("parts"), description.get("set")
    if not isinstance(parts, Mapping) or not parts or not isinstance(was_set, list):
        return Comparison(undecided=_TOO_OLD)
    if parts == now.parts:
        return Comparison(frozenset({"version= or depends_on"}))
    # A name on one side only is no change by itself: arguments bring code along. Of what is made
    # inside of a function there are many variants, and this process may know others.
    common = parts.keys() & now.parts.keys()
    differing = {name for name in common if parts[name] != now.parts[name]}
    kinds = kinds_of(name for name in differing if "<locals>" not in name)
    edited = {
        name
        for name, kind in kinds.items()
        if kind is Kind.CODE or (kind is Kind.CONSTANT and name not in was_set)
    }
    if edited:
        return Comparison(frozenset(edited))
    by_program = sorted(name for name, kind in kinds.items() if kind in (Kind.CONSTANT, Kind.SET))
    if by_program:
        names = ", ".join(by_program)
        return Comparison(
            undecided=f"stored under another value of {names}, which a program has set or computed"
        )
    return Comparison()
