"""Reloading one module from a text that is known, all of it or nothing."""

from __future__ import annotations

import importlib
import linecache
from collections.abc import Iterable
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import Any

from afml_cache.reload.new_for_old import Before


class ReloadError(Exception):
    """A module could not be executed again; it is as it was. The cause is chained."""


def reload_module(
    module: ModuleType, data: bytes, more_spaces: Iterable[dict[str, Any]] = ()
) -> None:
    """Execute a module again, and give its new definitions to all who hold the old ones.

    Parameters
    ----------
    module : module
        Loaded from a file of Python source.
    data : bytes
        What that file holds. The bytecode that Python has cached is not asked: two saves within a
        second can have the same time and size there.
    more_spaces : iterable of dict, optional
        Namespaces that belong to no module: a notebook's.

    Raises
    ------
    ReloadError
        The source cannot be compiled, or raised.
    """
    file = str(module.__file__)
    loader = module.__spec__.loader if module.__spec__ is not None else None
    before = Before(module)
    linecache.checkcache(file)
    code = None
    try:
        if isinstance(loader, SourceFileLoader):
            code = loader.source_to_code(data, file)  # import hooks transform it here
        with before.classes.kept(data):
            if code is not None:
                exec(code, vars(module))
            else:
                importlib.reload(module)
    except BaseException as error:  # whatever ended it, half a module must not stay
        before.put_back()
        if isinstance(error, Exception | SystemExit):
            raise ReloadError(f"{type(error).__name__}: {error}") from error
        raise
    before.carry_over(code, more_spaces)
