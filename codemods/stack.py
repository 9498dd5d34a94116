"""Whether a function can get a caching decorator, and at which place among those it has.

The cache belongs next to the function: below ``@property``, ``@staticmethod`` and everything
that is done at every call (logging, say), which a hit must not skip. Compilers of numba go
between, since they want the function itself.
"""

from __future__ import annotations

import ast

from codemods.below import Below
from codemods.decorated import Refusal, asks_to_be_kept, is_generator
from codemods.definitions import Definition, last_name
from codemods.findings import Code
from codemods.rules import CACHING
from codemods.scopes import Function
from codemods.source import Source

_OTHER_CACHES = frozenset({"cache", "lru_cache", "cached_property", "cached", "memoize"})
_OVERLOAD = "overload"


class Stack:
    """Answers for the functions of one file.

    Parameters
    ----------
    source : Source
        The file.
    below : Below
        Knows which decorators hand on functions.
    """

    def __init__(self, source: Source, below: Below) -> None:
        self.source = source
        self.below = below

    def place(self, definition: Definition, decorator: str) -> int | Refusal | None:
        """Where ``decorator`` goes in the list of decorators; None: it is there already."""
        function = definition.node
        if isinstance(function, ast.ClassDef):
            return Code.VALUE_USE, f"{definition.name} is a class; only functions can be cached"
        for there in function.decorator_list:
            name = self._meant(there)
            if name == decorator:
                return None
            if name in CACHING or name in _OTHER_CACHES:
                text = f"{definition.name} has @{ast.unparse(there)} already; take that off first"
                return Code.ALREADY_CACHED, text
        refusal = self._unfit(function, definition.name)
        if refusal is not None:
            return refusal
        place = len(function.decorator_list)
        while place and self._compiles(function.decorator_list[place - 1]):
            place -= 1
        for there in function.decorator_list[:place]:
            if not (self._is_property(there) or self.below.known(there)):
                text = f"it cannot be told whether @{ast.unparse(there)} takes a cached function"
                return Code.VALUE_USE, f"{text}; decorate {definition.name} by hand"
        return place

    def _meant(self, decorator: ast.expr) -> str:
        """The name that a decorator has where it comes from; an alias is followed."""
        named = decorator.func if isinstance(decorator, ast.Call) else decorator
        root, _, rest = ast.unparse(named).partition(".")
        for target in sorted(self.below.imported.get(root, ())):
            offer = self.below.rules.offer(f"{target}.{rest}" if rest else target, CACHING)
            if offer is not None:
                return offer.name
        return last_name(decorator)

    def _unfit(self, function: Function, name: str) -> Refusal | None:
        special = function.name.startswith("__") and function.name.endswith("__")
        if is_generator(function):
            return Code.VALUE_USE, f"{name} is a generator function; those cannot be cached"
        if special and function.name != "__call__":
            return Code.VALUE_USE, f"{name} is called by Python for what it does, not for a result"
        if any(last_name(there) == _OVERLOAD for there in function.decorator_list):
            return Code.VALUE_USE, f"{name} is an @overload, which is never called"
        if asks_to_be_kept(self.source, function):
            return Code.OPTED_OUT, f"{name} asks to be kept"
        return None

    def _compiles(self, decorator: ast.expr) -> bool:
        """Whether it is one of numba's, by its import."""
        named = decorator.func if isinstance(decorator, ast.Call) else decorator
        root = ast.unparse(named).partition(".")[0]
        targets = self.below.imported.get(root, set())
        return bool(targets) and all(target.split(".")[0] == "numba" for target in targets)

    def _is_property(self, decorator: ast.expr) -> bool:
        plain = isinstance(decorator, ast.Name) and decorator.id == "property"
        return plain and "property" not in {*self.below.imported, *self.below.defined}
