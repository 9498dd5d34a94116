"""Walks from a function to everything of the project that it reaches, and describes it.

The result is a graph of parts with the looks it rests on, the installed packages that were met,
what had to be left out, and the files that no longer hold the code that is loaded.
"""

from __future__ import annotations

import logging
import sys
import types
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from afml_cache.errors import UnkeyableArgumentError
from afml_cache.keys.function import describe_function, describe_wrapped
from afml_cache.keys.holders import (
    Held,
    bears_code,
    held_by,
    is_immutable,
    plain_containers,
)
from afml_cache.keys.lookup import Found, Lookup, class_name, module_name, part_name
from afml_cache.keys.members import class_members, defining
from afml_cache.keys.memoized import is_memoized
from afml_cache.keys.parts import Edge, Part, Site, label_of
from afml_cache.keys.projects import Home, Kind, file_of, home_of
from afml_cache.keys.qualnames import qualname_of
from afml_cache.keys.superseded import is_superseded
from afml_cache.keys.texts import Shown, of_value
from afml_cache.keys.watch import Content, File, Items, Name, Size

_BUILT_IN = (
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
    types.MethodWrapperType,
)

_CODE = (types.FunctionType, types.ModuleType, type, *_BUILT_IN)

Digest = Callable[[object, str], tuple[bytes, list[Any], list[object]]]


class Walk:
    """One walk.

    ``digest(value, name)`` gives the content digest of a value, and the functions, the classes
    and the modules inside it, which the walk then follows.
    """

    def __init__(self, own: Home, digest: Digest) -> None:
        self.lookup = Lookup(own)
        self.digest = digest
        self.rebound: set[Site] = set()
        self.edited: dict[str, File] = {}
        self.packages: dict[str, Home] = {}
        self.memoized: list[Any] = []  #: functions that keep what was made of their code
        self._parts: dict[tuple[int, int], Part] = {}
        self._alive: list[object] = []  # ids are good for as long as their objects live
        self._todo: deque[tuple[Part, Callable[[], None]]] = deque()

    def walk(self) -> None:
        """Describe all that has been reached so far, and all that that reaches."""
        while self._todo:
            part, describe = self._todo.popleft()
            try:
                describe()
            except (SystemError, MemoryError):
                raise  # of the interpreter, and it passes; without this part nobody knew of edits
            except Exception as error:  # noqa: BLE001 - a stranger's object may answer anything
                part.left_out.append((part.name, f"looking into it raised {error!r}"))

    def add(
        self, part: Part, label: str, value: object, name: str, *, owner: type | None = None
    ) -> None:
        """Let ``part`` use ``value``, which nothing can rebind."""
        part.edges.append(self.edge(label, Found(value, True, name, owner)))

    def add_found(self, part: Part, label: str, found: Found) -> None:
        if found.is_value:
            part.edges.append(self.edge(label, found))
            return
        if found.foreign is not None:
            target = self.foreign(found.foreign, found.name, found.name)
            part.edges.append(Edge(label, target, found.looks, found.sites))
            return
        left_out = [(found.name, found.why)] if found.why else []
        part.edges.append(Edge(label, None, found.looks, found.sites, left_out))

    def edge(self, label: str, found: Found) -> Edge:
        edge = Edge(label, None, found.looks, found.sites)
        if isinstance(found.value, logging.Logger | logging.LoggerAdapter):
            edge.left_out.append((found.name, "a logger does not change results"))
            return edge
        try:
            edge.target = self.part(found.value, found.name, found.owner)
        except UnkeyableArgumentError as error:
            narrower = self._narrower(found)
            if narrower is not None:
                return self.edge(label, narrower)
            edge.left_out.append((found.name, f"it is {error.what}, which has no content key"))
            kind = type(found.value)
            if self.lookup.is_project(self.lookup.home_of_class(kind)):
                edge.target = self.part(kind, class_name(kind))
        except Exception as error:  # noqa: BLE001 - asking a stranger's object may raise anything
            edge.left_out.append((found.name, f"asking for its content raised {error!r}"))
        return edge

    def _narrower(self, found: Found) -> Found | None:
        """Of an object without a key the one attribute that is asked for."""
        space = getattr(found.value, "__dict__", None)
        if not found.rest or type(space) is not dict or found.rest[0] not in space:
            return None
        name = found.rest[0]
        narrower = Found(name=f"{found.name}.{name}", rest=found.rest[1:])
        narrower.looks, narrower.sites = [*found.looks], [*found.sites]
        narrower.see(id(space), space, name, space[name])
        return narrower

    def part(self, value: Any, name: str, owner: type | None = None) -> Part:
        """The part that a value is. Raises UnkeyableArgumentError where it has no key."""
        if is_immutable(value) and not bears_code((value,), self._is_code):
            label = label_of("value", self.digest(value, name)[0])
            return Part(name, label, shown=Shown(constant=(value,)))
        key = (id(value), id(owner) if owner is not None else 0)
        part = self._parts.get(key)
        if part is None:
            part = self._parts[key] = self._made(value, name, owner)
            self._alive.append(value)
        return part

    def _later(self, part: Part, describe: Callable[[], None]) -> Part:
        # A queue instead of recursion: long call chains are deep, and circles have no end.
        self._todo.append((part, describe))
        return part

    def _made(self, value: Any, name: str, owner: type | None) -> Part:
        if isinstance(value, types.FunctionType):
            return self._function(value, owner)
        if isinstance(value, types.ModuleType):
            return self._module(value)
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, _BUILT_IN):
            return self._built_in(value, name)
        held = held_by(value, owner)
        if held is not None:
            return self._holder(value, held)
        if bears_code(value, self._is_code):
            return self._container(value, name)
        return self._object(value, name)

    def _is_code(self, value: object) -> bool:
        if isinstance(value, _CODE) or held_by(value, None) is not None:
            return True
        return self._is_project_class(type(value))

    def foreign(self, home: Home, module: str, name: str) -> Part:
        """Code that is not followed: its name counts here, its version in the environment."""
        if home.kind is Kind.INSTALLED:
            self.packages[home.distribution] = home
        label = label_of("installed", module.partition(".")[0], name)
        return Part("", label, called=f"{module}.{name}" if module != name else name)

    def _function(self, function: types.FunctionType, owner: type | None) -> Part:
        module = str(function.__globals__.get("__name__", ""))
        home = home_of(module, function.__code__.co_filename)
        wrapped = function.__dict__.get("__wrapped__")
        if home.kind is Kind.OURS and wrapped is not None:
            return self.part(wrapped, function.__qualname__, owner)
        if self.lookup.is_project(home):
            part = Part(part_name(function), b"")
            return self._later(part, lambda: describe_function(self, part, function, owner))
        part = self.foreign(home, module, qualname_of(function))
        if wrapped is not None:
            return self._later(part, lambda: describe_wrapped(self, part, function, owner))
        return part

    def _module(self, module: types.ModuleType) -> Part:
        """A module that is used as a whole: everything that its namespace holds."""
        home = home_of(module.__name__, file_of(module))
        if not self.lookup.is_project(home):
            return self.foreign(home, module.__name__, module.__name__)
        part = Part(module_name(vars(module)), label_of("module", module.__name__))

        def describe() -> None:
            space = vars(module)
            part.looks.append(Size(space, len(space)))
            for name in sorted(name for name in space if not name.startswith("__")):
                value = space[name]
                if isinstance(value, types.ModuleType):
                    inside = value.__name__.startswith(module.__name__ + ".")
                    if not inside:
                        continue
                found = Found(name=f"{part.name}.{name}")
                found.see(id(space), space, name, value)
                part.edges.append(self.edge(f"name {name}", found))

        return self._later(part, describe)

    def _class(self, cls: type) -> Part:
        home = self.lookup.home_of_class(cls)
        if not self.lookup.is_project(home):
            return self.foreign(home, cls.__module__, cls.__qualname__)
        part = Part(class_name(cls), label_of("class", cls.__qualname__))
        return self._later(part, lambda: self._describe_class(part, cls))

    def _describe_class(self, part: Part, cls: type) -> None:
        members = class_members(cls)
        if is_superseded(cls):
            self._note_superseded(cls)
        part.looks.append(Size(vars(cls), len(vars(cls))))
        part.looks += [Name(id(cls), vars(cls), name, value) for name, value in defining(cls)]
        part.label = label_of("class", cls.__qualname__, *members.words)
        part.shown = Shown(words=tuple(members.words))
        space = vars(cls)
        for number, base in enumerate(cls.__bases__):
            if base is not object:
                self.add(part, f"base {number}", base, class_name(base))
        if type(cls) is not type:
            self.add(part, "metaclass", type(cls), class_name(type(cls)))
            if self.lookup.home_of_class(type(cls)).kind is Kind.INSTALLED:
                why = f"what {type(cls).__qualname__} makes of its annotations cannot be seen"
                part.left_out.append((part.name, why))
        for name, value in members.described.items():
            self.add(part, f"described {name}", value, f"{part.name}.{name}")
        for name, value in members.attributes.items():
            found = Found(name=f"{part.name}.{name}", owner=cls)
            found.see(id(cls), space, name, value)
            part.edges.append(self.edge(f"attribute {name}", found))

    def _note_superseded(self, cls: type) -> None:
        module = sys.modules.get(cls.__module__)
        file = file_of(module) if module is not None else None
        if file is not None and file not in self.edited:
            self.edited[file] = File(Path(file))

    def _holder(self, value: Any, held: Held) -> Part:
        """An object that stands for a function: what is inside, and what holds it."""
        kind = type(value)
        if is_memoized(value) and self.lookup.is_project(home_of(str(value.__module__), None)):
            self.memoized.append(value)
        home = self.lookup.home_of_class(kind)
        if home.kind is Kind.OURS or kind.__module__.startswith("joblib."):
            return self._cached(value, held)
        part = Part("", label_of("holder", kind.__qualname__))
        for role, item in held.items.items():
            if item is not None:
                self.add(part, role, item, _name_of(item), owner=held.owner)
        if home.kind is Kind.INSTALLED:
            self.packages[home.distribution] = home
        elif self.lookup.is_project(home):
            self.add(part, "class", kind, class_name(kind))
        return part

    def _cached(self, value: object, held: Held) -> Part:
        """A function of this or another cache: the function itself, and what was declared of it."""
        inner = held.items["function"]
        target = self.part(inner, _name_of(inner), held.owner)
        declared = getattr(getattr(value, "_code", None), "declared", None)
        if not declared:
            return target
        part = Part("", label_of("cached"))
        part.edges.append(Edge("function", target))
        for label, item in declared:
            self.add(part, label, item, f"{_name_of(inner)}({label})")
        return part

    def _built_in(self, value: Any, name: str) -> Part:
        bound = getattr(value, "__self__", None)
        if bound is not None and not isinstance(bound, types.ModuleType | type):
            part = Part("", label_of("bound", value.__name__))
            self.add(part, "self", bound, name)
            return part
        module = value.__module__ if isinstance(value.__module__, str) else ""
        if not module and (of := getattr(value, "__objclass__", bound)) is not None:
            module = getattr(of, "__module__", "")
        loaded = sys.modules.get(module)
        home = home_of(module, file_of(loaded) if loaded is not None else None)
        if loaded is not None and self.lookup.is_project(home):
            file = file_of(loaded)
            if file is not None and Path(file).is_file():
                return self.file(Path(file), module)  # an extension module of the project
        return self.foreign(home, module, value.__qualname__)

    def file(self, path: Path, name: str) -> Part:
        """A file or folder, by its content."""
        look = File(path)
        return Part(name, label_of("file", look.digest), looks=[look])

    def _object(self, value: object, name: str) -> Part:
        """A value that can change: by content, asked again at every call."""
        kind = type(value)
        is_ufunc = kind.__name__ == "ufunc" and kind.__module__ == "numpy"
        if is_ufunc:
            module = sys.modules["numpy"]
            return self.foreign(home_of("numpy", file_of(module)), "numpy", value.__name__)  # type: ignore[attr-defined]
        part = Part(name, b"")
        snapshots = [Items.of(item) for item in plain_containers(value)]  # before the digest
        digest, functions, met = self.digest(value, name)
        for code in {id(code): code for code in met}.values():
            if self.lookup.is_followed(code):
                self.add(part, f"of {_name_of(code)}", code, _name_of(code))
        for function in {id(f): f for f in functions}.values():
            self.add(part, "function", function, _name_of(function))
        part.label = label_of("value", digest)
        part.shown = of_value(value)
        if snapshots:
            part.looks += snapshots
        elif not is_immutable(value):
            ids = set(map(id, met))  # of classes and modules that the part keeps alive

            def holds() -> bool:
                now = self.digest(value, name)
                return now[0] == digest and set(map(id, now[2])) == ids

            part.looks.append(Content(holds))
            self._alive += met
        return part

    def _is_project_class(self, cls: type) -> bool:
        return self.lookup.is_project(self.lookup.home_of_class(cls))

    def _container(self, value: Any, name: str) -> Part:
        """A builtin container with functions or classes inside: member by member."""
        part = Part(name, label_of("container", type(value).__name__))
        part.looks.append(Items.of(value))

        def describe() -> None:
            if isinstance(value, Mapping):
                for number, (key, item) in enumerate(list(value.items())):
                    if is_immutable(key):
                        entry = Part("", label_of("entry", self.digest(key, name)[0]))
                    else:
                        entry = Part("", label_of("entry"))
                        self.add(entry, "key", key, f"{name} key {number}")
                    shown = repr(key) if isinstance(key, str | int) else f"#{number}"
                    self.add(entry, "value", item, f"{name}[{shown}]")
                    part.edges.append(Edge("entry", entry))
                return
            is_ordered = isinstance(value, list | tuple)
            for number, item in enumerate(list(value)):
                label = f"item {number}" if is_ordered else "item"
                self.add(part, label, item, f"{name}[{number}]")

        return self._later(part, describe)


def _name_of(value: object) -> str:
    if isinstance(value, types.FunctionType):
        return part_name(value)
    if isinstance(value, type):
        return class_name(value)
    if isinstance(value, types.ModuleType):
        return module_name(vars(value))
    return str(getattr(value, "__qualname__", type(value).__qualname__))
