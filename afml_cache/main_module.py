"""The running program, by the name under which other programs import it.

Python calls whatever it runs ``__main__``, so that name means something else in every process.
Keys and stored results name a program by its file or its ``-m`` name instead; here that name is
told, and followed back to the classes and functions of the program.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import operator
import os
import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["MAIN_NAMES", "main_global", "main_name", "program_name", "stands_for_main"]

#: What Python calls the program itself, and its copy in a worker that multiprocessing spawned.
MAIN_NAMES = ("__main__", "__mp_main__")


def main_name() -> str:
    """The stable name of the running program; ``"__main__"`` where it has none (a notebook)."""
    return program_name(vars(sys.modules["__main__"]))


def program_name(space: Mapping[str, Any]) -> str:
    """The stable name of the program whose module has this namespace."""
    spec = space.get("__spec__")
    if spec is not None and isinstance(getattr(spec, "name", None), str):
        return str(spec.name)
    file = space.get("__file__")
    if isinstance(file, str):
        return file.replace("\\", "/").rpartition("/")[2].removesuffix(".py") or "__main__"
    return "__main__"


def main_global(module: str, qualname: str) -> Any:
    """What a program defines at its top. Stored streams name this function: never move it.

    Parameters
    ----------
    module : str
        The stable name of the program that stored the value.
    qualname : str
        The name of the class or function in it, with dots for nested classes.

    Raises
    ------
    ImportError, AttributeError
        It is not the running program and cannot be imported, or has no such name.
    """
    if module == main_name():
        found = sys.modules["__main__"]
    elif module not in sys.modules and module.endswith(".__main__"):
        raise ImportError(f"{module} is a program: to import it would run it")
    else:
        found = importlib.import_module(module)
    return operator.attrgetter(qualname)(found)


def stands_for_main(module: str) -> bool:
    """Whether an importer's name for a module means the running program.

    It does not where the program itself has imported that module: then it has both, and the
    names tell them apart.
    """
    if module != main_name() or module in sys.modules:
        return False
    file = getattr(sys.modules["__main__"], "__file__", None)
    return isinstance(file, str) and _imports(module, os.path.realpath(file))


@functools.cache
def _imports(module: str, file: str) -> bool:
    """Whether importing ``module`` would load ``file``, or nothing at all."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return True
    return spec is None or (spec.origin is not None and os.path.realpath(spec.origin) == file)
