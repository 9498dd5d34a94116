"""From the names that a person gives to the functions they mean: exactly, never by likeness."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from importlib.machinery import PathFinder
from typing import Any

from afml_cache.cacheable_functions import decorated_functions
from afml_cache.errors import ConfigurationError

#: Ends a name that stands for a package and all that is in it.
_ALL_IN = ".*"


def names_given(name: str, given: object) -> list[str]:
    """The names in an argument ``name``: one or several texts, modules or decorated functions.

    Raises
    ------
    ConfigurationError
        Something in it is none of these.
    """
    several: Iterable[object]
    if given is None:
        return []
    several = given if isinstance(given, list | tuple | set | frozenset) else [given]
    found = []
    for one in several:
        text = one if isinstance(one, str) else _name_of(one)
        if not text:
            raise ConfigurationError(
                f"{name} has {one!r} in it; give names ('package.module', "
                "'package.module.function'), modules or decorated functions"
            )
        found.append(text)
    return found


def _name_of(one: Any) -> str:
    for attribute in ("identity", "__name__"):  # a decorated function; a module
        text = getattr(one, attribute, None)
        if isinstance(text, str) and (attribute == "identity" or type(one) is type(sys)):
            return text
    # A method: its function is what is decorated.
    inner = one.func if isinstance(one, functools.partial) else getattr(one, "__func__", None)
    return "" if inner is None else _name_of(inner)


def in_modules(
    functions: Collection[str], modules: Iterable[str], known: Mapping[str, str] | None = None
) -> set[str]:
    """The functions (``module.qualname``) that are defined in one of the modules.

    ``"package.module"`` is this module alone, ``"package.*"`` the package with all that is in it.

    Parameters
    ----------
    functions : collection of str
    modules : iterable of str
    known : mapping, optional
        The modules of some of the functions, for those that are not loaded.
    """
    return _sorted_out(functions, modules, known)[0]


def perhaps_in_modules(
    functions: Collection[str], modules: Iterable[str], known: Mapping[str, str] | None = None
) -> set[str]:
    """The functions of which nobody can tell whether they are defined in one of the modules.

    Of ``package.part.function``, ``part`` may be a module or a class.
    """
    return _sorted_out(functions, modules, known)[1]


def _sorted_out(
    functions: Collection[str], modules: Iterable[str], known: Mapping[str, str] | None
) -> tuple[set[str], set[str]]:
    homes = {**(known or {}), **{one.identity: _home(one) for one in decorated_functions()}}
    modules_known = set(homes.values())
    wanted = set(modules)
    found, perhaps = set(), set()
    for function in functions:
        before = function.split(".<locals>")[0].rpartition(".")[0]
        home = homes.get(function) or (before if before in modules_known else None)
        home = home or _module_if_certain(function)
        parts = (home or before).split(".")
        above = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
        if home in wanted or any(package + _ALL_IN in wanted for package in above):
            found.add(function)
        elif home is None and not wanted.isdisjoint(above):
            perhaps.add(function)
    return found, perhaps


def _home(cached: Any) -> str:
    identity: str = cached.identity
    return identity.removesuffix("." + cached.__qualname__)


def _module_if_certain(function: str) -> str | None:
    """The module of a function, where what is loaded or lies on the path leaves no doubt."""
    name = module_of(function)
    parts = function.split(".<locals>")[0].split(".")
    inner = parts[name.count(".") + 1 :]
    if len(parts) == 2:
        return name  # a name begins with a module
    if name in sys.modules:
        within = vars(sys.modules[name]).get(inner[0]) if inner else None
        return name if len(inner) == 1 or isinstance(within, type) else None
    # A class of this module, or a module that is not there any more.
    return name if len(inner) == 1 and _is_on_disk(name.split(".")) else None


def module_of(function: str) -> str:
    """The module of a ``module.qualname``: the longest beginning that is a module.

    Nothing is imported to find out. Where none is found, the last part is taken for the function.
    """
    parts = function.split(".<locals>")[0].split(".")[:-1]
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in sys.modules or _is_on_disk(parts[:length]):
            return name
    return ".".join(parts)


def _is_on_disk(parts: list[str]) -> bool:
    places: list[str] | None = None
    for length, part in enumerate(parts, 1):
        inside = [os.path.join(place, part) for place in (places or sys.path)]  # noqa: PTH118
        try:
            spec = PathFinder.find_spec(".".join(parts[:length]), places)
            if spec is None:
                return False
            is_namespace = spec.submodule_search_locations is not None and not spec.has_location
        except KeyError:  # a namespace package in one that is not loaded
            is_namespace = True
        if is_namespace:
            places = [place for place in inside if os.path.isdir(place)]  # noqa: PTH112
        elif spec is None or spec.submodule_search_locations is None:
            return length == len(parts)
        else:
            places = list(spec.submodule_search_locations)
    return True


def suggestion(name: str, known: Iterable[str]) -> str:
    """What may have been meant by a name that nothing bears, as the end of a sentence."""
    known = list(known)
    last = name.rpartition(".")[2]
    meant = [one for one in known if one.rpartition(".")[2] == last]
    meant = meant or get_close_matches(name, known, n=1)
    return f" (is it {' or '.join(sorted(meant)[:3])}?)" if meant else ""
