"""What a call's arguments bring along besides their content: the code of their classes.

A content key counts a class by its name. A strategy that is passed in has methods, though, and a
frame is as good as the pandas that computes with it. So the project's classes among the
arguments count with all the code that they reach, and the packages that the arguments come from
count by version.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_128_digest

from afml_cache import settings
from afml_cache.keys.code import Fingerprint, code_of, is_followed
from afml_cache.keys.qualnames import qualname_of

if TYPE_CHECKING:
    from afml_cache.keys.texts import PartText

#: Combinations of code and arguments that are kept ready.
REMEMBERED = 512

_Reached = tuple[Fingerprint, ...]
_merged: dict[tuple[Any, ...], tuple[_Reached, Fingerprint]] = {}


def with_arguments(
    fingerprint: Fingerprint,
    values: Mapping[str, object],
    met: Sequence[object],
    owner: Owner | None = None,
) -> Fingerprint:
    """The fingerprint of a function together with what its arguments bring along.

    Parameters
    ----------
    fingerprint : Fingerprint
        Of the function.
    values : mapping
        The bound arguments.
    met : sequence of object
        The classes and modules that digesting all of them met.
    owner : Owner, optional
        Of a method, the class that it belongs to. Of ``self`` the fingerprint already has what the
        method reaches; the rest of that class is left out, unless another instance was met.

    Returns
    -------
    Fingerprint
        ``fingerprint`` itself where the arguments bring nothing; else the same object again for
        the same code.
    """
    packages: dict[str, str] = {}
    for value in values.values():
        kind: Any = type(value)
        if kind.__module__ == "builtins":
            continue
        package = _package(kind, settings.current.package_versions)
        if package is not None:
            packages[package[0]] = package[1]
    reached: _Reached = (fingerprint,)
    if met:
        unique = {id(code): code for code in met}
        if owner is not None:
            covered = owner.covered(values)
            if covered is not None and sum(code is covered for code in met) == 1:
                del unique[id(covered)]
        reached += tuple(code_of(c).current() for c in unique.values() if is_followed(c))
    if len(reached) == 1 and packages.items() <= fingerprint.packages.items():
        return fingerprint
    key = (*map(id, reached), *sorted(packages.items()))
    known = _merged.get(key)
    # The fingerprints are kept beside the result, so their ids cannot have come back as others'.
    if known is not None:
        return known[1]
    if len(_merged) >= REMEMBERED:
        _merged.clear()
    merged = _merge(reached, packages)
    _merged[key] = reached, merged
    return merged


def _merge(reached: _Reached, packages: Mapping[str, str]) -> Fingerprint:
    from afml_cache.keys.parts import label_of

    first, others = reached[0], reached[1:]
    versions = dict(packages)
    parts: dict[str, str] = {}
    texts: dict[str, PartText] = {}
    for fingerprint in reversed(reached):
        parts |= fingerprint.parts
        texts |= fingerprint.texts
        versions |= fingerprint.packages
    environments = [first.environment, *sorted(f.environment for f in others)]
    named = label_of("packages", *(f"{k} {v}" for k, v in sorted(packages.items())))
    code = first.code
    if others:
        code = xxh3_128_digest(first.code + b"".join(sorted(f.code for f in others)))
    return Fingerprint(
        code=code,
        environment=xxh3_128_digest(b"".join([*environments, named])),
        parts=parts,
        packages=versions,
        left_out=tuple(dict.fromkeys(item for f in reached for item in f.left_out)),
        edited=tuple(dict.fromkeys(path for f in reached for path in f.edited)),
        texts=texts,
    )


@functools.lru_cache(maxsize=1024)
def _package(kind: Any, how_much: settings.PackageVersions) -> tuple[str, str] | None:
    """The distribution that a class comes from, and its version as far as it counts."""
    if how_much == "ignore" or _is_of_another_program(kind):
        return None
    from afml_cache.keys.projects import Kind, counted_version, home_of

    home = home_of(kind.__module__, None)
    if home.kind is not Kind.INSTALLED:
        return None
    return home.distribution, counted_version(home.version, how_much)


def _is_of_another_program(kind: Any) -> bool:
    """Whether a class came from the ``__main__`` of another process, as in a worker's argument."""
    if kind.__module__ not in ("__main__", "__mp_main__"):
        return False
    name = kind.__qualname__.partition(".")[0]
    return vars(sys.modules["__main__"]).get(name) is None


class Owner:
    """The class in whose body a function was defined, as far as it is found when asked."""

    __slots__ = ("_first", "_function")

    def __init__(self, function: FunctionType, first: str) -> None:
        self._function = function
        self._first = first

    def covered(self, values: Mapping[str, object]) -> type | None:
        """The class of ``self`` (or ``cls`` itself) where the fingerprint follows what it is asked.

        It does not where the function is a static method, or where its class is another one by
        now; and another parameter than the first is an argument like any other.
        """
        from afml_cache.keys.lookup import Lookup
        from afml_cache.keys.projects import Home, Kind

        if next(iter(values), None) != self._first:  # ``self`` is ignored
            return None
        value = values[self._first]
        cls = Lookup(Home(Kind.PROJECT)).owner_of(self._function).owner
        return cls if cls is not None and (type(value) is cls or value is cls) else None


def owner_of(function: Callable[..., Any]) -> Owner | None:
    """The owner of a method; None of a function outside of classes."""
    if not isinstance(function, FunctionType):
        return None
    head, _, _ = qualname_of(function).rpartition(".")
    if not head or head.endswith("<locals>") or not function.__code__.co_argcount:
        return None
    return Owner(function, function.__code__.co_varnames[0])
