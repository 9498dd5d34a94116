"""Which stored entries belong to code that has changed since, and nothing but that.

An entry keeps a digest of every function, class and constant that its function reached. Held
against what is loaded now, that tells an edited function from a touched file, a comment, another
closure or a dictionary that was filled meanwhile. What this process has not loaded it cannot
judge, and leaves alone.
"""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from afml_cache.cacheable_functions import decorated_functions
from afml_cache.errors import UnkeyableArgumentError
from afml_cache.function_names import names_given
from afml_cache.keys.code import Fingerprint
from afml_cache.keys.source import text_of
from afml_cache.memo import CachedFunction
from afml_cache.miss import is_state
from afml_cache.store.active import active
from afml_cache.store.claims import Entry

#: Constants whose value a literal in the source can give.
_CONSTANTS = (int, float, complex, str, bytes, tuple, frozenset, type(None))


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
        Why it cannot be told what has changed; empty where it can.
    """

    name: str
    entries: int = 0
    bytes: int = 0
    changed_entries: int = 0
    changed_bytes: int = 0
    changed: tuple[str, ...] = ()
    unsure: str = ""

    def __str__(self) -> str:
        if self.unsure:
            return f"{self.name}: {self.entries:,} entries; {self.unsure}"
        if not self.changed_entries:
            return f"{self.name}: {self.entries:,} entries"
        return (
            f"{self.name}: {self.changed_entries:,} of {self.entries:,} entries are of other code "
            f"({', '.join(self.changed)} changed)"
        )


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
    fingerprints = []
    for cached in loaded:
        try:
            fingerprint = cached.fingerprint()
        except UnkeyableArgumentError as error:
            return Found(_unsure(held, f"its code has no fingerprint ({error})"))
        if fingerprint.edited:
            files = ", ".join(fingerprint.edited)
            told = f"{files} was edited since it was imported: reload it to tell"
            return Found(_unsure(held, told))
        fingerprints.append(fingerprint)
    current = {fingerprint.code for fingerprint in fingerprints}
    outdated: list[Entry] = []
    names: set[str] = set()
    for entry in entries:
        if entry.code in current:
            continue
        parts = store.description(entry.digest).get("parts")
        against = [_changed(parts, fingerprint) for fingerprint in fingerprints]
        if all(against):
            outdated.append(entry)
            names.update(*against)
    size = sum(entry.size for entry in outdated)
    told_names = tuple(sorted(names))
    tracked = TrackedFunction(name, held.entries, held.bytes, len(outdated), size, told_names)
    return Found(tracked, tuple(outdated))


def _unsure(held: TrackedFunction, why: str) -> TrackedFunction:
    return TrackedFunction(held.name, held.entries, held.bytes, unsure=why)


def _changed(parts: object, now: Fingerprint) -> set[str]:
    """The names of what has changed; empty where nothing has, or it cannot be told."""
    if not isinstance(parts, Mapping) or not parts:
        return set()
    if parts == now.parts:
        return {"version= or depends_on="}
    # A name on one side only is no change by itself: arguments bring code along. Of what is made
    # inside of a function there are many variants, and this process may know others.
    common = parts.keys() & now.parts.keys()
    differing = {name for name in common if parts[name] != now.parts[name]}
    return {name for name in differing if "<locals>" not in name and _is_code(name)}


def _is_code(name: str) -> bool:
    """Whether a part that differs is code, or a constant as the source of its module has it."""
    module, _, rest = name.rpartition(".")
    space = vars(sys.modules[module]) if module in sys.modules else {}
    if rest not in space:
        return not is_state(name)  # a method, or what the decorator was given
    if isinstance(space[rest], _CONSTANTS):
        # One that a program has set, or computed at the import, is nothing that was edited.
        return _is_written(space, rest, space[rest])
    return not is_state(name)


def _is_written(space: dict[str, Any], name: str, value: object) -> bool:
    text = text_of(str(space.get("__file__", "<none>")), space)
    if text is None:
        return True  # a notebook's: there, setting a name is editing it
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return False
    for statement in reversed(body):
        match statement:
            case ast.Assign(targets=[ast.Name(id=target)], value=given) if target == name:
                return _is_literal(given, value)
            case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as given):
                if target == name:
                    return _is_literal(given, value)
    return False


def _is_literal(given: ast.expr, value: object) -> bool:
    try:
        written = ast.literal_eval(given)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return type(written) is type(value) and bool(written == value)
