"""Where a function was defined: what an entry keeps of it, so that it can be judged later.

Two projects may each have a ``features.momentum``, and every notebook has a ``__main__``. An entry
is held against changed code only where it is known to come from the same file.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from xxhash import xxh3_64_hexdigest

from afml_cache.keys.code import function_identity, innermost

#: Stands for the file of what has none: a notebook, a prompt. What this process forks shares it.
_SESSION = secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a function was defined.

    Parameters
    ----------
    module, qualname : str
        The two parts of its identity, which alone does not tell a class from a module.
    home : str
        A digest (16 hex digits) of the path of its file; of a notebook or prompt one of the
        session, since there is no telling whether the next one is the same notebook.
    """

    module: str
    qualname: str
    home: str

    def described(self) -> dict[str, str]:
        """As an entry keeps it in its description."""
        return {"module": self.module, "qualname": self.qualname, "home": self.home}


def origin_of(function: Any) -> Origin:
    """Where a function, method or partial was defined."""
    inner = innermost(function)
    identity = function_identity(function)
    qualname = getattr(inner, "__qualname__", None) or type(inner).__qualname__
    space = _space_of(inner)
    # In Visual Studio Code a notebook knows its own file.
    file = space.get("__file__") or space.get("__vsc_ipynb_file__")
    home = _home_of(file) if isinstance(file, str) else _SESSION
    return Origin(identity.removesuffix(f".{qualname}"), qualname, home)


def _space_of(function: Any) -> Mapping[str, Any]:
    """The namespace that a function was written in; of a wrapper, what it wraps was."""
    inner, seen = function, set[int]()
    while "__wrapped__" in getattr(inner, "__dict__", {}) and id(inner) not in seen:
        seen.add(id(inner))
        inner = innermost(inner.__dict__["__wrapped__"])
    space: Mapping[str, Any] | None = getattr(inner, "__globals__", None)
    if space is None:  # an object that can be called
        module = sys.modules.get(getattr(inner, "__module__", None) or "")
        space = {} if module is None else vars(module)
    return space


@lru_cache(maxsize=1024)
def _home_of(file: str) -> str:
    return xxh3_64_hexdigest(os.path.realpath(file).encode("utf-8", "surrogateescape"))
