"""What a call's arguments bring along besides their content: the code of their classes.

A content key counts a class by its name. A strategy that is passed in has methods, though, and a
frame is as good as the pandas that computes with it. So the project's classes among the
arguments count with all the code that they reach, and the packages that the arguments come from
count by version.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from xxhash import xxh3_128_digest

from afml_cache import settings
from afml_cache.keys.code import Fingerprint, code_of, project_classes

#: Combinations of code and arguments that are kept ready.
REMEMBERED = 512

_Reached = tuple[Fingerprint, ...]
_merged: dict[tuple[Any, ...], tuple[_Reached, Fingerprint]] = {}


def with_arguments(
    fingerprint: Fingerprint, values: Mapping[str, object], owner: str | None = None
) -> Fingerprint:
    """The fingerprint of a function together with what its arguments bring along.

    Parameters
    ----------
    fingerprint : Fingerprint
        Of the function.
    values : mapping
        The bound arguments.
    owner : str, optional
        ``module.qualname`` of the class that the function is a method of. Its code is left out:
        the fingerprint already has what of it the method reaches.

    Returns
    -------
    Fingerprint
        ``fingerprint`` itself where the arguments bring nothing; else the same object again for
        the same code.
    """
    packages: dict[str, str] = {}
    classes: list[type] = []
    for value in values.values():
        kind: Any = type(value)
        if kind.__module__ == "builtins" and kind not in _CONTAINERS:
            continue
        package = _package(kind, settings.current.package_versions)
        if package is not None:
            packages[package[0]] = package[1]
        classes += project_classes(value)
    reached: _Reached = (fingerprint,)
    if classes:
        unique = dict.fromkeys(c for c in classes if _name(c) != owner)
        reached += tuple(code_of(cls).current() for cls in unique)
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


_CONTAINERS = frozenset({tuple, list, dict, set, frozenset, type})


def _merge(reached: _Reached, packages: Mapping[str, str]) -> Fingerprint:
    from afml_cache.keys.parts import label_of

    first, others = reached[0], reached[1:]
    versions = dict(packages)
    parts: dict[str, str] = {}
    for fingerprint in reversed(reached):
        parts |= fingerprint.parts
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
    )


@functools.lru_cache(maxsize=1024)
def _package(kind: Any, how_much: settings.PackageVersions) -> tuple[str, str] | None:
    """The distribution that a class comes from, and its version as far as it counts."""
    if how_much == "ignore":
        return None
    from afml_cache.keys.projects import Kind, counted_version, home_of

    home = home_of(kind.__module__, None)
    if home.kind is not Kind.INSTALLED:
        return None
    return home.distribution, counted_version(home.version, how_much)


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def owner_of(function: Callable[..., Any]) -> str | None:
    """``module.qualname`` of the class in whose body a function was defined, if any."""
    name = getattr(function, "__qualname__", "")
    head, _, _ = name.rpartition(".")
    return f"{function.__module__}.{head}" if head and not head.endswith("<locals>") else None
