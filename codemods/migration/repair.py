"""Which functions have to go back, so that the criteria hold for the rest.

What the recordings name goes back at once. Where they cannot tell, such as for a test that fails,
halves of the functions are tried: those under which the same criterion breaks again are halved
further, down to single ones. What breaks only together goes back together, if it breaks again when
it is tried again together: what does not is nobody's fault.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from codemods.matching import Key
from codemods.migration.judge import Criterion, Fault, Holds, Name

#: Whether one of these criteria breaks where only some functions are migrated.
Probe = Callable[[frozenset[Key], frozenset[Name]], bool]


@dataclass(frozen=True, slots=True)
class Blame:
    """Who is at fault: functions with sentences, and what nobody could be blamed for."""

    guilty: dict[Key, tuple[str, ...]]
    unclear: tuple[tuple[Name, Fault], ...] = ()


def blame(criteria: Iterable[Criterion], keys_of: Callable[[str], Collection[Key]]) -> Blame:
    """Who is at fault as far as the recordings tell.

    Parameters
    ----------
    criteria : iterable of Criterion
        Those that were judged.
    keys_of : callable
        A function as recordings name it -> where it stands, among those that were migrated.
    """
    guilty: dict[Key, list[str]] = {}
    unclear = []
    for one in criteria:
        if one.holds is not Holds.NO:
            continue
        for fault in one.faults:
            keys = keys_of(fault.function) if fault.function else ()
            if not keys:
                unclear.append((one.name, fault))
            for key in keys:
                guilty.setdefault(key, []).append(f"{one.name}: {fault.what}")
    told = {key: tuple(dict.fromkeys(what)) for key, what in guilty.items()}
    return Blame(told, tuple(unclear))


def bisect(
    unclear: Iterable[tuple[Name, Fault]],
    keys: Collection[Key],
    keys_of: Callable[[str], Collection[Key]],
    probe: Probe,
) -> dict[Key, tuple[str, ...]]:
    """Who is at fault for what the recordings could not tell, by trying.

    Parameters
    ----------
    unclear : iterable of (Name, Fault)
        What is broken.
    keys : collection of Key
        The functions that are migrated, in an order that stays.
    keys_of : callable
        As for :func:`blame`.
    probe : callable
        Tries a part of them.

    Returns
    -------
    dict
        Each function at fault, and why; empty where the same breaks with nothing migrated, or where
        it does not come again.
    """
    found = list(unclear)
    names = frozenset(name for name, _ in found)
    if probe(frozenset(), names):  # it breaks with nothing migrated: nobody here is at fault
        return {}
    suspects = {key for _, fault in found for one in fault.suspects for key in keys_of(one)}
    ordered = [key for key in keys if not suspects or key in suspects]
    # That all of them together break it is known.
    is_known = len(ordered) == len(keys)
    culprits = _within(ordered, names, probe) if is_known else _culprits(ordered, names, probe)
    if not culprits and suspects:  # a test may break by what it does not call itself
        culprits = _culprits([key for key in keys if key not in suspects], names, probe)
    why = tuple(f"{name}: {fault.what}" for name, fault in found)
    return dict.fromkeys(culprits, why)


def _culprits(ordered: list[Key], names: frozenset[Name], probe: Probe) -> list[Key]:
    """Those of ``ordered`` under which something breaks; each group has to break by itself."""
    if not ordered or not probe(frozenset(ordered), names):
        return []
    return _within(ordered, names, probe)


def _within(broken: list[Key], names: frozenset[Name], probe: Probe) -> list[Key]:
    if len(broken) == 1:
        return broken
    middle = len(broken) // 2
    halves = broken[:middle], broken[middle:]
    found = [
        key
        for half in halves
        if probe(frozenset(half), names)
        for key in _within(half, names, probe)
    ]
    if found:
        return found
    # Neither breaks alone: it takes functions of both, or it was chance.
    return broken if probe(frozenset(broken), names) else []
