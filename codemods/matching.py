"""Which functions of a repository recorded statistics are about.

A record names a function as Python imported it: by a module path of which only the end is
certain (``src/quant/labels.py`` may be ``quant.labels`` or ``labels``), or as ``__main__``. A
record that can mean two functions is a guess about both, and counts for neither.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from codemods.evidence import Recorded
from codemods.patterns import module_of

#: A function: the file it is in, relative to the root, and its qualified name.
Key = tuple[str, str]

MAIN = "__main__"


@dataclass(frozen=True, slots=True)
class Matched:
    """What the records say about the functions of a repository."""

    recorded: Mapping[Key, Recorded] = field(default_factory=dict)
    #: functions that a record may be about or not, and how these records name them
    undecided: Mapping[Key, str] = field(default_factory=dict)
    #: records of nothing that was asked for
    strangers: tuple[str, ...] = ()


def unit(path: str, function: str) -> Key:
    """One function in the module's file and in its stub: the same key."""
    return path.removesuffix(".pyi").removesuffix(".py"), function


def match(
    records: Iterable[Recorded],
    functions: Mapping[str, Collection[str]],
    paths: Iterable[str],
    cached_in: Callable[[str, str], Collection[str]],
) -> Matched:
    """Find the function that each record means, where there is just one.

    Parameters
    ----------
    records : iterable of Recorded
        What was recorded.
    functions : mapping of str to collection of str
        The functions that are asked about, by file.
    paths : iterable of str
        All files of the repository: what is not asked about may be meant too.
    cached_in : callable
        Given a file and the plain name of a function, the qualified names of functions in it
        that bear a decorator of the cache, old or new. Only asked where that may matter.
    """
    by_name: dict[str, list[str]] = defaultdict(list)
    everything = sorted({*paths, *functions})
    for path in everything:
        by_name[module_of(path)[-1] if module_of(path) else ""].append(path)
    recorded: dict[Key, Recorded] = {}
    undecided: dict[Key, str] = {}
    strangers = []
    for record in records:
        possible = _possible(record.function, everything, by_name)
        plain = record.function.rpartition(".")[2]
        alone = len({unit(path, "") for path, _ in possible}) == 1
        meant = [
            (path, function)
            for path, function in possible
            if function in functions.get(path, ())
            or (not alone and function in cached_in(path, plain))
        ]
        asked = [key for key in meant if key[1] in functions.get(key[0], ())]
        if not asked:
            strangers.append(record.function)
        elif len({unit(*key) for key in meant}) > 1:
            undecided |= dict.fromkeys(asked, record.function)
        else:
            for key in asked:
                recorded[key] = recorded[key] + record if key in recorded else record
    unsure = {key: name for key, name in undecided.items() if key not in recorded}
    return Matched(recorded, unsure, tuple(strangers))


def _possible(name: str, everything: list[str], by_name: Mapping[str, list[str]]) -> list[Key]:
    """The functions that a recorded name can mean, going by the names of files alone."""
    parts = name.split(".")
    if parts[0] == MAIN and len(parts) > 1:
        return [(path, ".".join(parts[1:])) for path in everything]
    found = []
    for split in range(1, len(parts)):
        module = tuple(parts[:split])
        for path in by_name.get(module[-1], ()):
            if module_of(path)[-split:] == module:
                found.append((path, ".".join(parts[split:])))
    return found
