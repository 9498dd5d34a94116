"""Follows a name to what it stands for, noting every namespace that was asked on the way.

``features.scale`` is looked up as Python would do it, but statically: no property runs, no
``__getattr__`` is asked. A chain ends where values begin: of ``CONFIG.window`` it is ``CONFIG``
that counts, with all that it holds.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import EnumMeta
from types import FunctionType, ModuleType
from typing import Any

from afml_cache.keys.parts import Site
from afml_cache.keys.projects import Home, Kind, file_of, home_of
from afml_cache.keys.qualnames import qualname_of
from afml_cache.keys.reach import Chain, Import
from afml_cache.keys.watch import Absent, Cell, Look, Name

#: What a module says of itself: where it lies and how it was loaded, not what it does.
_ABOUT_THE_MODULE = frozenset(
    {
        *("__annotations__", "__builtins__", "__cached__", "__doc__", "__file__", "__loader__"),
        *("__name__", "__package__", "__path__", "__spec__"),
    }
)


@dataclass(slots=True)
class Found:
    """What a name stands for. ``owner`` is the class it was found through.

    Without a ``value`` (``is_value`` false), ``why`` says in words what is missing; empty words
    mean that there is nothing to count (a builtin).
    """

    value: object = None
    is_value: bool = False
    name: str = ""
    owner: type | None = None
    rest: Chain = ()  #: what remains of the chain, to be asked of the value
    looks: list[Look] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    why: str = ""
    foreign: Home | None = None  #: of a module of others that is not loaded yet

    def see(self, place: int, space: Mapping[str, Any], name: str, value: object) -> None:
        """Note that ``space[name]`` is ``value``, and go on from there."""
        self.looks.append(Name(place, space, name, value))
        self.sites.append((place, name))
        self.value, self.is_value = value, True

    def end(self, why: str) -> Found:
        """There is no such value."""
        self.value, self.is_value, self.why = None, False, why
        return self


class Lookup:
    """Lookups on behalf of one fingerprint; ``own`` is the home of the function it is for."""

    def __init__(self, own: Home) -> None:
        self.own = own

    def is_project(self, home: Home) -> bool:
        """Whether such code is followed: the project's, and the function's own distribution."""
        if home.kind is Kind.INSTALLED:
            return self.own.kind is Kind.INSTALLED and home.distribution == self.own.distribution
        return home.kind is Kind.PROJECT

    def home_of_class(self, cls: type) -> Home:
        """The home of the module that defines a class."""
        return home_of(cls.__module__ if isinstance(cls.__module__, str) else "", None)

    def is_followed(self, code: object) -> bool:
        """Whether a class or a module is the project's."""
        if isinstance(code, ModuleType):
            return self.is_project(home_of(code.__name__, file_of(code)))
        return isinstance(code, type) and self.is_project(self.home_of_class(code))

    def outside(self, function: FunctionType, chain: Chain) -> Found:
        """A chain that begins with a free or a global variable of a function."""
        code, space = function.__code__, function.__globals__
        root = chain[0]
        if root in code.co_freevars and function.__closure__ is not None:
            cell = function.__closure__[code.co_freevars.index(root)]
            found = Found(name=f"{part_name(function)}.<closure>.{root}")
            try:
                value = cell.cell_contents
            except ValueError:
                return found.end("the variable has no value yet")
            found.looks.append(Cell(cell, value))
            found.sites.append((id(cell), ""))
            found.value, found.is_value = value, True
            return self.follow(found, chain[1:])
        found = Found(name=f"{module_name(space)}.{root}")
        if root in space:
            if root in _ABOUT_THE_MODULE:
                return found.end("it says where the module lies, not what it does")
            found.see(id(space), space, root, space[root])
            return self.follow(found, chain[1:])
        found.looks.append(Absent(id(space), space, root))
        return found.end("" if hasattr(builtins, root) else "it is not defined")

    def imported(self, function: FunctionType, what: Import, chain: Chain) -> Found:
        """A chain that begins with a name that the function's body imports."""
        found = Found(name=".".join([what.module, *([what.name] if what.name else []), *chain]))
        try:
            package = function.__globals__.get("__package__") or ""
            name = importlib.util.resolve_name("." * what.level + what.module, package)
        except ImportError:
            return found.end("its relative import leads nowhere")
        module = self.module(name)
        if module is None:
            found.foreign = self.foreign_home(name)
            if found.foreign is not None:
                found.name = name
            else:
                found.looks.append(Absent(id(sys.modules), sys.modules, name))
            return found.end(f"the module {name} cannot be found")
        found.see(id(sys.modules), sys.modules, name, module)
        found.name = name
        return self.follow(found, (*([what.name] if what.name else []), *chain))

    def module(self, name: str) -> ModuleType | None:
        """A loaded module, or one of the project that a function's body would import anyway."""
        loaded = sys.modules.get(name)
        if loaded is not None or name in sys.modules:
            return loaded
        if self.foreign_home(name) is not None:
            return None
        try:
            return importlib.import_module(name)
        except Exception:  # noqa: BLE001 - a module may fail in any way; the body may expect that
            return None

    def foreign_home(self, name: str) -> Home | None:
        """The home of a module of others, found without running any of its code."""
        top = name.partition(".")[0]
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            return None
        if spec is None:
            return None
        places = spec.submodule_search_locations or ()
        home = home_of(top, spec.origin if spec.has_location else next(iter(places), None))
        return None if self.is_project(home) else home

    def own_attribute(self, owner: type, chain: Chain, *, above: type | None = None) -> Found:
        """``self.x...`` in a method of ``owner``; ``super().x...`` with ``above`` its class."""
        found = Found(value=owner, is_value=True, name=class_name(owner), owner=owner)
        return self.follow(found, chain, above=above)

    def follow(self, found: Found, chain: Chain, *, above: type | None = None) -> Found:
        """Go from what was found along a chain of attributes, as far as code goes."""
        for position, name in enumerate(chain):
            value = found.value
            found.rest = chain[position:]
            if isinstance(value, ModuleType):
                if not self.is_project(home_of(value.__name__, file_of(value))):
                    return found
                if not self._step_into_module(found, value, name):
                    return found
            elif isinstance(value, type) and not isinstance(value, EnumMeta):
                if not self.is_project(self.home_of_class(value)):
                    return found
                if not self._step_into_class(found, value, name, above):
                    return found
            else:
                return found
            above = None
        found.rest = ()
        return found

    def _step_into_module(self, found: Found, module: ModuleType, name: str) -> bool:
        space = vars(module)
        if name not in space:
            inner = self.module(f"{module.__name__}.{name}") if "__path__" in space else None
            if inner is None or name not in space:
                found.looks.append(Absent(id(space), space, name))
                found.name = f"{module.__name__}.{name}"
                found.end("the module has no such name")
                return False
        found.name = f"{module_name(space)}.{name}"
        if name in _ABOUT_THE_MODULE:
            found.end("it says where the module lies, not what it does")
            return False
        found.see(id(space), space, name, space[name])
        return True

    def _step_into_class(self, found: Found, cls: type, name: str, above: type | None) -> bool:
        """One attribute of a class, by its MRO; of a stranger's class only that it is his."""
        mro = cls.__mro__
        if above is not None and above in mro:
            mro = mro[mro.index(above) + 1 :]
        for base in mro:
            if not self.is_project(self.home_of_class(base)):
                if name in vars(base):
                    # Of an installed package the name alone would depend on its version.
                    found.value = sys.modules.get(base.__module__.partition(".")[0])
                    found.is_value, found.owner = found.value is not None, None
                    return False
                continue
            space = vars(base)
            if name in space:
                found.see(id(base), space, name, space[name])
                found.name, found.owner = f"{class_name(base)}.{name}", cls
                return True
            found.looks.append(Absent(id(base), space, name))
        # Not on the class: the instance's own, which is an argument and counts as one.
        found.end("")
        return False

    def rebound_sites(self, function: FunctionType, chain: Chain) -> list[Site]:
        """The names that an assignment to ``chain``, or a change of what it holds, concerns."""
        *before, last = chain
        if not before:
            found = self.outside(function, chain)
            return found.sites[:1] or [(id(function.__globals__), last)]
        found = self.outside(function, tuple(before))
        value = found.value
        if isinstance(value, ModuleType | type) and not found.rest:
            # An attribute of a module or class is bound; a call of `module.update()` binds none.
            place = id(vars(value)) if isinstance(value, ModuleType) else id(value)
            return [(place, last)] if last else []
        return found.sites[-1:]

    def owner_of(self, function: FunctionType) -> Found:
        """The class in whose body a function was defined; nothing where it is no method."""
        *path, name = qualname_of(function).split(".")
        found = Found(name=part_name(function))
        if not path or path[-1] == "<locals>":
            return found
        if "<locals>" in path:
            cell = self._class_cell(function)
            if cell is None:
                return found.end("its class is defined inside a function and cannot be found")
            found.value, found.is_value = cell, True
        else:
            space = function.__globals__
            if path[0] not in space:
                found.looks.append(Absent(id(space), space, path[0]))
                return found.end("its class is not defined yet")
            found.see(id(space), space, path[0], space[path[0]])
            found = self.follow(found, tuple(path[1:]))
        cls = found.value
        if not isinstance(cls, type) or found.rest:
            return found.end("its class cannot be found by its name")
        raw = inspect.getattr_static(cls, name, None)
        wrapped = raw.__dict__.get("__wrapped__") if hasattr(raw, "__dict__") else None
        if isinstance(raw, staticmethod) or isinstance(wrapped, staticmethod):
            return Found()  # its first parameter is not the instance
        found.owner = cls
        return found

    @staticmethod
    def _class_cell(function: FunctionType) -> type | None:
        """The class that a method using ``super()`` carries along."""
        if "__class__" not in function.__code__.co_freevars or function.__closure__ is None:
            return None
        cell = function.__closure__[function.__code__.co_freevars.index("__class__")]
        try:
            cls = cell.cell_contents
        except ValueError:
            return None
        return cls if isinstance(cls, type) else None


def module_name(space: Mapping[str, Any]) -> str:
    """The name of the module with this namespace; of a program its file's or its ``-m`` name."""
    name = space.get("__name__")
    if name in ("__main__", "__mp_main__"):
        spec = space.get("__spec__")
        if spec is not None and isinstance(getattr(spec, "name", None), str):
            return str(spec.name)
        file = space.get("__file__")
        if isinstance(file, str):
            return file.replace("\\", "/").rpartition("/")[2].removesuffix(".py") or "__main__"
        return "__main__"
    return name if isinstance(name, str) else "<no module>"


def part_name(function: FunctionType) -> str:
    """``module.qualname`` of the code itself: ``functools.wraps`` lends it other names."""
    return f"{module_name(function.__globals__)}.{qualname_of(function)}"


def class_name(cls: type) -> str:
    """``module.qualname`` of a class."""
    module = sys.modules.get(cls.__module__)
    name = module_name(vars(module)) if module is not None else cls.__module__
    return f"{name}.{cls.__qualname__}"
