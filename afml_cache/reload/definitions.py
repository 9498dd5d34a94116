"""The functions and classes that a module defined before it was executed again.

All versions that somebody still holds are known, by the name and the place that they had in the
module, so that each save reaches them: the object that a dict holds is often the first of many.
"""

from __future__ import annotations

import dis
import functools
import gc
import sys
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

from afml_cache.keys.memoized import LRU_CACHED
from afml_cache.keys.source import code_objects
from afml_cache.legacy import JoblibCachedFunction
from afml_cache.memo import CachedFunction
from afml_cache.reload.whose import is_installed

#: What a caller of it would call, too. A function that numba has compiled is not among them: its
#: machine code stays what it was, whatever becomes of the Python function.
_WRAPPERS = (FunctionType, LRU_CACHED, CachedFunction, JoblibCachedFunction)
_WRAPPED = ".__wrapped__"

#: (module, place in it) -> the functions and classes that stood there, those still in use.
_versions: dict[tuple[str, str], list[weakref.ref[Any]]] = {}


def definitions(module: ModuleType) -> dict[str, Any]:
    """The functions and classes that a module defines, by their place: ``"Model.fit"``.

    Parameters
    ----------
    module : module

    Returns
    -------
    dict
        What is decorated has its wrapper at its own place, and the function at
        ``place.__wrapped__``; a property has ``place.fget`` and its like.
    """
    found: dict[str, Any] = {}
    todo: list[tuple[str, Any]] = list(vars(module).items())
    seen: set[int] = set()
    while todo:
        place, value = todo.pop()
        if isinstance(value, type):
            if value.__module__ == module.__name__ and value.__qualname__ == place:
                found[place] = value
                todo += [(f"{place}.{name}", member) for name, member in vars(value).items()]
        elif isinstance(value, _WRAPPERS):
            if not is_defined_by(module, value):
                continue
            found[place] = value
            inner = getattr(value, "__wrapped__", None)
            if inner is not None and id(inner) not in seen:
                seen.add(id(inner))  # somebody may have wrapped a function in itself
                todo.append((place + _WRAPPED, inner))
        else:
            todo += _inside(place, value)
    return found


def _inside(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What the descriptors of a class stand for."""
    if isinstance(value, staticmethod | classmethod):
        yield place, value.__func__
    elif isinstance(value, property):
        for role in ("fget", "fset", "fdel"):
            if (function := getattr(value, role)) is not None:
                yield f"{place}.{role}", function
    elif isinstance(value, functools.cached_property | functools.partialmethod):
        yield f"{place}.func", value.func


def is_defined_by(module: ModuleType, value: Any) -> bool:
    """Whether a value that a module holds came about there, rather than being imported."""
    of = getattr(value, "__module__", None)
    if of == module.__name__:
        return True
    # What a decorator of another module of the project has returned bears that module's name, and
    # is not found there.
    home = sys.modules.get(of) if isinstance(of, str) else None
    file = getattr(home, "__file__", None)
    if home is None or not isinstance(file, str) or is_installed(Path(file)):
        return False
    is_there = found_at(home, getattr(value, "__qualname__", "")) is value
    return not is_there and all(value is not held for held in list(vars(home).values()))


def found_at(module: ModuleType, qualname: str) -> Any:
    """What a qualified name leads to, without asking descriptors; None where it leads nowhere."""
    found: Any = module
    for part in qualname.split("."):
        try:
            found = object.__getattribute__(found, "__dict__").get(part)
        except AttributeError:
            return None
        found = getattr(found, "__func__", found)  # of a staticmethod or classmethod
    return found


def pairs(
    module: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[Any, Any]]:
    """Each old version that is in use, of every save, with what stands in its place now.

    Parameters
    ----------
    module : str
    before, after : mapping
        The :func:`definitions` of the module before and after it was executed.
    """
    seen: set[int] = set()
    # A second name for a function (`g = f`) says less of what it is than its own.
    own_first = sorted(
        before, key=lambda place: getattr(before[place], "__qualname__", "") != place
    )
    for place in own_first:
        if id(before[place]) not in seen:
            seen.add(id(before[place]))
            _versions.setdefault((module, place), []).append(weakref.ref(before[place]))
    for of, place in [key for key in _versions if key[0] == module]:
        current = after.get(place)
        alive = [(ref, old) for ref in _versions[of, place] if (old := ref()) is not None]
        _versions[of, place] = [ref for ref, old in alive if old is not current]
        for _, old in alive:
            new = current if isinstance(old, type) else _function_at(place, after)
            if new is not None and new is not old:
                yield old, new
        if not _versions[of, place]:
            del _versions[of, place]


def _function_at(place: str, after: Mapping[str, Any]) -> Any:
    """The function at a place, whether it got or lost a cache around it."""
    found = after.get(place)
    if found is None and place.endswith(_WRAPPED):
        found = after.get(place.removesuffix(_WRAPPED))
    while isinstance(found, _WRAPPERS) and not isinstance(found, FunctionType):
        found = getattr(found, "__wrapped__", None)
    return found


def become(old: FunctionType, new: FunctionType) -> None:
    """Make an old function the new one, for those who hold it where no name leads.

    A closure cannot be exchanged: where other variables are closed over, it stays.
    """
    if old.__code__.co_freevars != new.__code__.co_freevars:
        return
    for mine, other in zip(old.__closure__ or (), new.__closure__ or (), strict=True):
        try:
            mine.cell_contents = other.cell_contents
        except ValueError:  # an empty cell
            continue
    old.__code__ = new.__code__
    old.__defaults__ = new.__defaults__
    old.__kwdefaults__ = new.__kwdefaults__
    old.__doc__ = new.__doc__
    if sys.version_info >= (3, 14):
        old.__annotate__ = new.__annotate__  # asking for what it makes may raise
    else:
        old.__annotations__ = new.__annotations__
    old.__dict__.update(new.__dict__)


def doubt_what_is_old(space: Mapping[str, Any], code: CodeType | None) -> None:
    """Have each function with older code be held against the file again, before it is cached.

    What could not be made the new one (a closure, a function that a factory had returned, one
    in whose place there is a class) still runs. Its source was read when it was loaded; as
    another code object it has to match the file as it is now, or nothing of it is stored.

    Parameters
    ----------
    space : mapping
        The namespace of the module.
    code : code or None
        What was executed, where it is known.
    """
    new = set() if code is None else {id(part) for part in code_objects(code)}
    for function in gc.get_objects():
        if type(function) is FunctionType and function.__globals__ is space:
            old: CodeType = function.__code__
            if id(old) not in new:
                function.__code__ = old.replace()


def bound_by(code: CodeType) -> set[str]:
    """The names that a module's code binds at its top, itself or from inside a function.

    ``"*"`` is among them where it imports all that another module has.
    """
    names: set[str] = set()
    for part in [code, *code_objects(code)]:
        binds = {"STORE_GLOBAL"} if part is not code else {"STORE_NAME", "STORE_GLOBAL"}
        for step in dis.get_instructions(part):
            if step.opname in binds:
                names.add(step.argval)
            elif step.opname == "IMPORT_STAR" or step.argrepr == "INTRINSIC_IMPORT_STAR":
                names.add("*")
    return names


def closed_over(value: Any) -> Iterator[CellType]:
    """The cells of a function, and of those that it wraps or stands for."""
    todo = [value]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        todo += [inner for _, inner in _inside("", one)]
        if isinstance(one, FunctionType):
            yield from one.__closure__ or ()
        if isinstance(one, _WRAPPERS):
            todo.append(getattr(one, "__wrapped__", None))
