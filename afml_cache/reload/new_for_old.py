"""After a module was executed again: everybody who holds its old definitions gets the new ones.

Names in other modules are bound anew; what is held elsewhere (in a list, a partial, a closure, as
a default) is made the new definition in place, as far as Python lets one do that.
"""

from __future__ import annotations

import ast
import enum
import gc
import importlib.util
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from afml_cache import notices
from afml_cache.cacheable_functions import decorated_functions
from afml_cache.keys.memoized import empty_if_outdated, kinds_of_memoized
from afml_cache.keys.parsing import syntax_tree
from afml_cache.keys.source import text_of
from afml_cache.keys.superseded import supersede
from afml_cache.legacy import JoblibCachedFunction
from afml_cache.memo import CachedFunction
from afml_cache.reload.classes import SameClasses
from afml_cache.reload.definitions import (
    become,
    bound_by,
    definitions,
    doubt_what_is_old,
    found_at,
    pairs,
)
from afml_cache.reload.whose import is_installed, is_ours
from afml_cache.taken_over import take_over


class Before:
    """What a module defines, taken before it is executed again.

    Parameters
    ----------
    module : module
    """

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._names = dict(vars(module))
        self._definitions = definitions(module)
        self.classes = SameClasses(
            vars(module),
            {place: old for place, old in self._definitions.items() if isinstance(old, type)},
        )
        for memoized in _memoized():
            empty_if_outdated(memoized)  # so that its code before is known
        self._decorated = [
            cached
            for cached in decorated_functions()
            if cached.__module__ == module.__name__ and "<locals>" not in cached.__qualname__
        ]

    def put_back(self) -> None:
        """The module as it was: executing it has failed half way."""
        self.classes.put_back()
        space = vars(self._module)
        space.update(self._names)
        for name in [name for name in space if name not in self._names]:
            del space[name]

    def carry_over(self, code: CodeType | None, more_spaces: Iterable[dict[str, Any]] = ()) -> None:
        """Give the new definitions to all who hold the old ones.

        Parameters
        ----------
        code : code or None
            What was executed, where it is known.
        more_spaces : iterable of dict, optional
            Namespaces that belong to no module: a notebook's.
        """
        space = vars(self._module)
        if code is not None:
            self._remove_what_is_gone(code)
        self.classes.take(definitions(self._module).values())
        name_of = self._module.__name__
        moved: dict[int, tuple[Any, Any]] = {}
        constants: dict[str, tuple[Any, Any]] = {}
        # A second name for a function (`g = f`) says less of what it is than its own.
        for name, old in sorted(self._names.items(), key=lambda item: not _is_own(*item)):
            if name not in space or space[name] is old or name.startswith("__"):
                continue
            if _is_definition(old, name_of) and id(old) not in moved:
                moved[id(old)] = old, space[name]
            elif id(old) not in moved or moved[id(old)][1] is not space[name]:
                constants[name] = old, space[name]
        if constants:
            _bind_constants(name_of, constants)
        for other in [*_spaces(), *more_spaces]:
            if other is not space:
                _bind_anew(other, moved)
        classes = []
        after = definitions(self._module)
        for old, new in pairs(name_of, self._definitions, after):
            if isinstance(old, FunctionType) and isinstance(new, FunctionType):
                become(old, new)
            elif isinstance(old, type) and isinstance(new, type):
                classes.append((old, new))
                supersede(old)
        _move_classes(classes)
        for cached in self._decorated:
            new = found_at(self._module, cached.__qualname__)
            if type(new) is type(cached) and new is not cached:
                take_over(cached, new)
        doubt_what_is_old(space, code)
        for memoized in _memoized():
            empty_if_outdated(memoized)

    def _remove_what_is_gone(self, code: CodeType) -> None:
        """Functions and classes that the source does not define any more, nor binds at all."""
        bound = bound_by(code)
        space = vars(self._module)
        for place, old in self._definitions.items():
            is_its_own = getattr(old, "__qualname__", "") == place
            if is_its_own and space.get(place) is old and not {place, "*"} & bound:
                del space[place]


def _memoized() -> list[Any]:
    """The functions of the project of which something is kept in memory."""
    kinds = kinds_of_memoized()
    found = []
    for value in gc.get_objects():
        if type(value) in kinds and not is_ours(str(value.__module__)):
            file = getattr(sys.modules.get(value.__module__), "__file__", None)
            if not isinstance(file, str) or not is_installed(Path(file)):
                found.append(value)
    return found


def _is_own(name: str, value: Any) -> bool:
    return getattr(value, "__qualname__", None) == name


def _is_definition(value: Any, module: str) -> bool:
    kinds = (FunctionType, type, CachedFunction, JoblibCachedFunction)
    return (isinstance(value, kinds) or hasattr(value, "__wrapped__")) and (
        getattr(value, "__module__", None) == module
    )


def _spaces() -> Iterator[dict[str, Any]]:
    for module in list(sys.modules.values()):
        # Not vars(): it would load a lazy module.
        if isinstance(module, ModuleType):
            yield object.__getattribute__(module, "__dict__")


def _bind_anew(space: dict[str, Any], moved: Mapping[int, tuple[Any, Any]]) -> None:
    for name, value in list(space.items()):
        pair = moved.get(id(value))
        if pair is not None and pair[0] is value:
            space[name] = pair[1]


# -- constants: found by the import statements, since equal numbers are one object --------


def _bind_constants(module: str, constants: Mapping[str, tuple[Any, Any]]) -> None:
    last = module.rpartition(".")[2]
    for importer in list(sys.modules.values()):
        if not isinstance(importer, ModuleType) or importer.__name__ == module:
            continue
        space = object.__getattribute__(importer, "__dict__")
        file = space.get("__file__")
        if not isinstance(file, str) or not file.endswith(".py") or is_installed(Path(file)):
            continue
        text = text_of(file, space)
        if text is not None and last in text:
            _bind_imported(space, text, module, constants)


def _bind_imported(
    space: dict[str, Any], text: str, module: str, constants: Mapping[str, tuple[Any, Any]]
) -> None:
    try:
        tree = syntax_tree(text)
    except (SyntaxError, ValueError):
        return  # half saved: it will be loaded anew itself
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or _imported(node, space) != module:
            continue
        for given in node.names:
            names = [*constants] if given.name == "*" else [given.name]
            for name in names:
                bound = name if given.name == "*" else given.asname or name
                if name in constants and space.get(bound) is constants[name][0]:
                    space[bound] = constants[name][1]


def _imported(node: ast.ImportFrom, space: Mapping[str, Any]) -> str | None:
    if not node.level:
        return node.module
    package = space.get("__package__")
    if not isinstance(package, str) or not package:
        return None
    try:
        return importlib.util.resolve_name("." * node.level + (node.module or ""), package)
    except ImportError:
        return None


# -- in place ------------------------------------------------------------------------


def _move_classes(classes: list[tuple[type, type]]) -> None:
    """Have instances and subclasses of old classes be those of the new ones."""
    # The members of an enumeration are looked for by identity: moved, they would be nobody's.
    moved = {id(old): (old, new) for old, new in classes if not isinstance(old, enum.EnumMeta)}
    if not moved:
        return
    for old, _ in moved.values():
        below: type
        for below in type.__subclasses__(old):
            bases = tuple(
                moved[id(base)][1] if id(base) in moved else base for base in below.__bases__
            )
            if id(below) not in moved and bases != below.__bases__:
                _assign(type.__setattr__, below, "__bases__", bases)
    for holder in gc.get_referrers(*(old for old, _ in moved.values())):
        pair = moved.get(id(type(holder)))
        if pair is not None and not _is_tuple_of_other_fields(*pair):
            # Not its own: that of a frozen dataclass refuses.
            _assign(object.__setattr__, holder, "__class__", pair[1])


def _is_tuple_of_other_fields(old: type, new: type) -> bool:
    return vars(old).get("_fields") != vars(new).get("_fields")


def _assign(assign: Callable[..., None], target: Any, name: str, value: object) -> None:
    try:
        assign(target, name, value)
    except (TypeError, AttributeError) as error:  # another layout
        notices.say(
            logging.INFO,
            "a %s keeps its old code, since its class cannot be replaced: %s",
            type(target).__name__,
            error,
        )
