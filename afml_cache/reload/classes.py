"""A class statement that is executed again changes the class that there is, if Python lets it.

So everybody who holds the class (a registry, a tuple of an ``isinstance``, a bound method, an
instance) has the new one, and it is one class. Where the bases or the layout of its instances were
edited there is a new class, as Python would have it.
"""

from __future__ import annotations

import ast
import builtins
import enum
import gc
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import CellType, FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any

from afml_cache.errors import UnkeyableArgumentError
from afml_cache.keys.parsing import syntax_tree
from afml_cache.reload.definitions import closed_over
from afml_cache.reload.whose import is_installed

#: What belongs to a class as an object, rather than to its definition.
_ITS_OWN = frozenset({"__dict__", "__weakref__", "_abc_impl"})
_DESCRIPTORS = (MemberDescriptorType, GetSetDescriptorType)

_METHODS = (FunctionType, staticmethod, classmethod, property)
_OF_MEMBERS = frozenset({"__new__", "__new_member__", "_generate_next_value_"})

#: Metaclasses that keep nothing of a class but what its namespace holds.
_PLAIN = frozenset({"builtins", "abc", "typing"})


class SameClasses:
    """The classes of a module, each of which outlives the module's being executed again.

    Parameters
    ----------
    space : dict
        The namespace of the module.
    classes : mapping
        What it has defined so far, by qualified name.
    """

    def __init__(self, space: dict[str, Any], classes: Mapping[str, type]) -> None:
        self._space = space
        self._classes = classes
        self._before: list[tuple[type, dict[str, Any]]] = []
        self._made: list[tuple[type, type]] = []  # what a statement made, and what it changed

    @contextmanager
    def kept(self, data: bytes) -> Iterator[None]:
        """Within, the class statements of the module change its classes.

        Parameters
        ----------
        data : bytes
            The source of the module. What it defines in two places is not told apart, and is made
            anew.
        """
        repeated = {name for name, times in _class_statements(data).items() if times > 1}
        thread = threading.get_ident()
        build = builtins.__build_class__

        # Python asks the builtins for what a class statement does. Changed here rather than in a
        # copy for this module, which its functions would keep for good.
        def build_or_change(body: Any, name: str, /, *bases: Any, **options: Any) -> Any:
            new = build(body, name, *bases, **options)
            if (
                isinstance(new, type)
                and type(body) is FunctionType
                and body.__globals__ is self._space
                and threading.get_ident() == thread
                and new.__qualname__ not in repeated
            ):
                old = self.instead_of(new, body)
                if old is not new:
                    self._made.append((new, old))
                return old
            return new

        builtins.__build_class__ = build_or_change
        try:
            yield
        finally:
            builtins.__build_class__ = build

    def instead_of(self, new: type, body: FunctionType | None = None) -> type:
        """The class that there was, with all that a new one has; the new one if that cannot be."""
        old = self._classes.get(new.__qualname__)
        if old is None or old is new or not _fits(old, new):
            return new
        if all(old is not known for known, _ in self._before):
            self._before.append((old, dict(vars(old))))
        _fill(old, vars(new))
        _point_to(old, new, body)
        return old

    def put_back(self) -> None:
        """Each class as it was: executing the module has failed half way."""
        for old, space in self._before:
            _fill(old, space)

    def take(self, definitions: Iterable[Any]) -> None:
        """All that was defined has been: what a decorator has made anew is taken over, too.

        Whoever has got hold of a new class meanwhile gets the one that there is.
        """
        self._made += [
            (new, old)
            for new in definitions
            if isinstance(new, type) and (old := self.instead_of(new)) is not new
        ]
        is_below_another = any(new.__bases__ != (object,) for new, _ in self._made)
        _hand_over(self._made)
        self._made.clear()
        if is_below_another:
            gc.collect()  # else it would go on being one of `Base.__subclasses__()` for a while


def _hand_over(made: list[tuple[type, type]]) -> None:
    olds = {id(new): (new, old) for new, old in made}
    if olds:
        for holder in gc.get_referrers(*(new for new, _ in made)):
            _exchange(holder, olds)


def _class_statements(data: bytes) -> Counter[str]:
    """How often a source defines each class, by qualified name."""
    found: Counter[str] = Counter()
    try:
        todo: list[tuple[str, ast.AST]] = [("", syntax_tree(data))]
    except (SyntaxError, ValueError):  # a loader makes Python of it; executing it will tell
        return found
    while todo:
        within, node = todo.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                found[within + child.name] += 1
                todo.append((f"{within}{child.name}.", child))
            elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                todo.append((within, child))
    return found


def _fits(old: type, new: type) -> bool:
    """Whether a class can be made another one, instances and all."""
    if type(old) is not type(new) or old.__bases__ != new.__bases__:
        return False
    mine, other = vars(old), vars(new)
    if isinstance(old, enum.EnumMeta):
        # Members are looked for by identity: they stay, or none does.
        try:
            return _members(old) == _members(new)  # type: ignore[arg-type]  # of one metaclass
        except UnkeyableArgumentError:  # who knows what they are
            return False
    return (
        _is_plain(type(old))
        and _layout(mine) == _layout(other)
        and mine.get("_fields") == other.get("_fields")  # places in a tuple
        # Python does not undo what a `__new__` of its own has done to a class.
        and ("__new__" in mine) == ("__new__" in other)
    )


def _members(cls: enum.EnumMeta) -> list[tuple[str, bytes]]:
    """The members of an enumeration, with the content of all that each of them has."""
    from afml_cache.keys.content import digest

    found = []
    members: Mapping[str, Any] = cls.__members__
    for name, member in members.items():
        state = {key: value for key, value in vars(member).items() if key != "__objclass__"}
        found.append((name, digest(state)))
    return found


def _is_plain(kind: type) -> bool:
    if kind.__module__ in _PLAIN:
        return True
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return isinstance(file, str) and not is_installed(Path(file))


def _layout(space: Mapping[str, Any]) -> tuple[object, ...]:
    slots = sorted(name for name, value in space.items() if type(value) is MemberDescriptorType)
    return slots, "__dict__" in space, "__weakref__" in space


def _fill(old: type, space: Mapping[str, Any]) -> None:
    """Give a class a namespace."""
    is_of = _is_method if isinstance(old, enum.EnumMeta) else _is_definition
    given = {name: value for name, value in space.items() if is_of(name, value)}
    for name, value in list(vars(old).items()):
        if name not in given and is_of(name, value):
            type.__delattr__(old, name)
    for name, value in given.items():
        if vars(old).get(name, old) is not value:
            type.__setattr__(old, name, value)


def _is_definition(name: str, value: object) -> bool:
    return name not in _ITS_OWN and not isinstance(value, _DESCRIPTORS)


def _is_method(name: str, value: object) -> bool:
    """Of an enumeration; what has made its members is left as it is."""
    return name not in _OF_MEMBERS and isinstance(value, _METHODS)


def _point_to(old: type, new: type, body: FunctionType | None) -> None:
    """Have the ``super()`` of new methods mean the class that there is."""
    is_asked = body is None or "__class__" in body.__code__.co_cellvars
    if not is_asked:
        return
    cells = [cell for member in vars(new).values() for cell in closed_over(member)]
    if not _turn(cells, new, old) and body is not None:
        # In a method behind a decorator that does not say what it wraps.
        _turn([one for one in gc.get_referrers(new) if isinstance(one, CellType)], new, old)


def _turn(cells: list[CellType], new: type, old: type) -> bool:
    is_turned = False
    for cell in cells:
        try:
            if cell.cell_contents is new:
                cell.cell_contents = old
                is_turned = True
        except ValueError:  # an empty cell
            continue
    return is_turned


def _exchange(holder: Any, olds: Mapping[int, tuple[type, type]]) -> None:
    """Put the old class where a new one is, in what can be changed."""

    def old_of(value: Any) -> Any:
        pair = olds.get(id(value))
        return value if pair is None or pair[0] is not value else pair[1]

    if isinstance(holder, CellType):
        holder.cell_contents = old_of(holder.cell_contents)
    elif type(holder) is list:
        holder[:] = [old_of(value) for value in holder]
    elif isinstance(holder, dict):
        owner = next((one for one in gc.get_referrers(holder) if isinstance(one, type)), None)
        if owner is not None:  # a class remembers what it has looked up: it has to be told
            for name, value in list(vars(owner).items()):
                if old_of(value) is not value:
                    type.__setattr__(owner, name, old_of(value))
        elif any(old_of(key) is not key for key in holder):
            items = [(old_of(key), old_of(value)) for key, value in holder.items()]
            holder.clear()
            holder.update(items)
        else:
            for key, value in list(holder.items()):
                if old_of(value) is not value:
                    holder[key] = old_of(value)
    elif type(holder) is set:
        for value in [value for value in holder if old_of(value) is not value]:
            holder.remove(value)
            holder.add(old_of(value))
    elif id(type(holder)) in olds:
        # Not its own way of setting: that of a frozen dataclass refuses.
        object.__setattr__(holder, "__class__", old_of(type(holder)))
    elif not isinstance(holder, type):
        for name, value in _attributes(holder).items():
            if old_of(value) is not value:
                object.__setattr__(holder, name, old_of(value))


def _attributes(holder: Any) -> dict[str, Any]:
    """An object's own, as they are now; without asking a proxy for what it stands for."""
    try:
        return dict(object.__getattribute__(holder, "__dict__"))
    except AttributeError:
        return {}
