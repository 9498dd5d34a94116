"""Which stored entries belong to code that has changed since, and nothing but that.

An entry keeps a digest of every function, class and constant that its function reached. Held
against what is loaded now, that tells an edited function from a touched file, a comment, another
closure or a dictionary that was filled meanwhile. What this process has not loaded it cannot
judge, and leaves alone.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from afml_cache.cacheable_functions import decorated_functions
from afml_cache.changed_code import compare
from afml_cache.errors import UnkeyableArgumentError
from afml_cache.function_names import names_given
from afml_cache.keys.code import Fingerprint
from afml_cache.keys.origin import origin_of
from afml_cache.memo import CachedFunction
from afml_cache.store.active import active
from afml_cache.store.claims import Entry


@dataclass(frozen=True, slots=True)
class TrackedFunction:
    """A decorated function of this process, and what the store has of it.

    Parameters
    ----------
    name : str
        ``module.qualname``.
    entries, bytes : int
        What is stored, of all versions of its code.
    changed_entries, changed_bytes : int
        Of these, what belongs to code that has changed since.
    changed : tuple of str
        The functions, classes and constants whose code differs from that of some entry.
    unsure : str
        Of which entries it cannot be told whether their code has changed, and why; empty where it
        can be told of all.
    """

    name: str
    entries: int = 0
    bytes: int = 0
    changed_entries: int = 0
    changed_bytes: int = 0
    changed: tuple[str, ...] = ()
    unsure: str = ""

    def __str__(self) -> str:
        told = f"{self.name}: {self.entries:,} entries"
        if self.changed_entries:
            told = (
                f"{self.name}: {self.changed_entries:,} of {self.entries:,} entries are of other "
                f"code ({', '.join(self.changed)} changed)"
            )
        return f"{told}; {self.unsure}" if self.unsure else told


@dataclass(frozen=True, slots=True)
class Found:
    """A tracked function with its outdated entries."""

    tracked: TrackedFunction
    outdated: tuple[Entry, ...] = ()


class FunctionTracker:
    """The functions under the exact decorators that this process has loaded.

    Made by :func:`get_function_tracker`. Every question is answered anew, from what is loaded and
    stored at that moment.
    """

    def names(self) -> list[str]:
        """The functions, as ``module.qualname``, sorted."""
        return sorted(_loaded())

    def functions(self) -> list[TrackedFunction]:
        """Every function with what is stored of it, by name."""
        return [found.tracked for found in self.look()]

    def changed(self) -> list[TrackedFunction]:
        """The functions with entries of code that has changed since."""
        return [tracked for tracked in self.functions() if tracked.changed_entries]

    def has_changed(self, function: object) -> bool:
        """Whether any entry of a function is of code that has changed since.

        Parameters
        ----------
        function : callable or str
            A decorated function, or its ``module.qualname``. One that was never seen has not
            changed.

        Raises
        ------
        ConfigurationError
            It is neither.
        """
        names = names_given("function", function)
        return any(found.outdated for found in self.look(names.__contains__))

    def look(self, wanted: Callable[[str], bool] = lambda _: True) -> list[Found]:
        """The functions that are wanted by name, with their outdated entries."""
        return [_look(name, loaded) for name, loaded in sorted(_loaded().items()) if wanted(name)]

    def __repr__(self) -> str:
        lines = [str(tracked) for tracked in self.functions()]
        return "\n".join([f"<FunctionTracker of {len(lines)} functions>", *lines])


def get_function_tracker() -> FunctionTracker:
    """The functions that this process has decorated, and which of their entries are outdated.

    Examples
    --------
    >>> from afml_cache import get_function_tracker, robust_cacheable, use_store
    >>> @robust_cacheable
    ... def tracked(x):
    ...     return x
    >>> with use_store(tmp_path / "tracker"):
    ...     _ = tracked(1)
    ...     get_function_tracker().has_changed(tracked)
    False
    """
    return FunctionTracker()


def _loaded() -> dict[str, list[CachedFunction[..., Any]]]:
    found = _by_name()
    if any(len(loaded) > 1 for loaded in found.values()):
        # A version that was replaced lingers in a cycle until it is collected; one that somebody
        # still holds and may call counts.
        del found
        gc.collect()
        found = _by_name()
    return found


def _by_name() -> dict[str, list[CachedFunction[..., Any]]]:
    found: dict[str, list[CachedFunction[..., Any]]] = {}
    for cached in decorated_functions():
        if isinstance(cached, CachedFunction):
            found.setdefault(cached.identity, []).append(cached)
    return found


def _look(name: str, loaded: Sequence[CachedFunction[..., Any]]) -> Found:
    store = active()
    entries = list(store.entries(name))
    held = TrackedFunction(name, len(entries), sum(entry.size for entry in entries))
    if not entries:
        return Found(held)
    versions: list[tuple[str, Fingerprint]] = []
    for cached in loaded:
        try:
            fingerprint = cached.fingerprint()
        except UnkeyableArgumentError as error:
            return Found(replace(held, unsure=f"its code has no fingerprint ({error})"))
        if fingerprint.edited:
            files = ", ".join(fingerprint.edited)
            told = f"{files} was edited since it was imported: reload it to tell"
            return Found(replace(held, unsure=told))
        versions.append((origin_of(cached.__wrapped__).home, fingerprint))
    current = {fingerprint.code for _, fingerprint in versions}
    outdated: list[Entry] = []
    changed: set[str] = set()
    undecided: Counter[str] = Counter()
    for entry in entries:
        if entry.code in current:
            continue
        said = compare(store.description(entry.digest), versions)
        if said.changed:
            outdated.append(entry)
            changed |= said.changed
        elif said.undecided:
            undecided[said.undecided] += 1
    tracked = replace(
        held,
        changed_entries=len(outdated),
        changed_bytes=sum(entry.size for entry in outdated),
        changed=tuple(sorted(changed)),
        unsure="; ".join(
            f"{count:,} of {held.entries:,} entries: {why}"
            for why, count in sorted(undecided.items())
        ),
    )
    return Found(tracked, tuple(outdated))
