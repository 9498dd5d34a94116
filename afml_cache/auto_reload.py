"""Modules that are saved are loaded again, and what was cached of unchanged code stays valid.

Needs `watchfiles <https://watchfiles.helpmanual.io>`_ (``pip install "afml-cache[reload]"``).
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, overload

from afml_cache.cacheable_functions import decorated_functions
from afml_cache.errors import ConfigurationError
from afml_cache.memo import CachedFunction
from afml_cache.notebook_cells import running_shell
from afml_cache.reload.automatic import AutoCache, Reloaded, root_of
from afml_cache.robust_cache_keys import robust_cacheable

__all__ = [
    "AutoCache",
    "Reloaded",
    "auto_cacheable",
    "get_auto_cache",
    "jupyter_auto_setup",
    "setup_auto_reloading",
]

P = ParamSpec("P")
R = TypeVar("R")

_auto = AutoCache()
atexit.register(_auto.stop)
os.register_at_fork(after_in_child=_auto.after_fork)


def get_auto_cache() -> AutoCache:
    """What reloads saved modules in this process, whether it is running or not."""
    return _auto


def setup_auto_reloading(paths: Any = None) -> AutoCache:
    """Reload modules of the project as soon as they are saved, until :meth:`AutoCache.stop`.

    A saved module is executed again, once for each text it has had, after which its functions and
    those of all modules that import them are the new ones. Keys are made of the code that is
    loaded: what was cached of code that has not changed still hits. In IPython it is done between
    cells, before ``%autoreload``, which then has nothing left to do.

    Parameters
    ----------
    paths : path or list of paths, optional
        Folders, with all below them, and files. Installed packages in them are left alone.
        None: the working directory, and where decorated functions were imported from.

    Returns
    -------
    AutoCache
        Its ``stop()`` ends it; so does the end of a ``with`` block.

    Raises
    ------
    ConfigurationError
        A path does not exist, or watchfiles is not installed.

    Notes
    -----
    Outside of IPython, a module is executed in a thread of its own while the program runs. A call
    under way then returns what it computes, and stores nothing if its code was replaced.
    """
    _auto.start(_default_paths() if paths is None else _paths(paths))
    return _auto


def jupyter_auto_setup(paths: Any = None) -> AutoCache:
    """Reload modules as they are saved, in the first cell of a notebook.

    Parameters
    ----------
    paths : path or list of paths, optional
        As for :func:`setup_auto_reloading`.

    Returns
    -------
    AutoCache

    Raises
    ------
    ConfigurationError
        This is no notebook and no IPython; or as for :func:`setup_auto_reloading`.
    """
    if running_shell() is None:
        raise ConfigurationError(
            "jupyter_auto_setup() is for notebooks and IPython, and this process is neither; "
            "call setup_auto_reloading(paths)"
        )
    return setup_auto_reloading(paths)


def _paths(given: Any) -> list[Path]:
    several = [given] if isinstance(given, str | os.PathLike) else given
    if not isinstance(several, list | tuple | set | frozenset) or not all(
        isinstance(one, str | os.PathLike) for one in several
    ):
        raise ConfigurationError(f"paths is {given!r}; it has to be a path, or a list of paths")
    if not several:
        raise ConfigurationError("paths is empty; name what to watch, or leave it out")
    return [Path(one) for one in several]


def _default_paths() -> set[Path]:
    modules = {sys.modules.get(cached.__module__) for cached in decorated_functions()}
    roots = {root_of(module) for module in modules}
    return {Path.cwd(), *(root for root in roots if root is not None)}


@overload
def auto_cacheable(function: Callable[P, R], /) -> CachedFunction[P, R]: ...
@overload
def auto_cacheable(
    *,
    ignore: str | Iterable[str] = (),
    version: object = None,
    ttl: float | str | timedelta | None = None,
    depends_on: object | Sequence[object] = (),
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]: ...
def auto_cacheable(function: Any = None, /, **options: Any) -> Any:
    """Keep the results of a function whose module is reloaded when it is saved.

    All that :func:`~afml_cache.robust_cacheable` does, with the same options; and while reloading
    is on, the folder that the function was imported from is watched, too. Reloading is turned on
    with :func:`setup_auto_reloading` or :func:`jupyter_auto_setup`; the decorator starts no thread.
    """

    def wrap(target: Any) -> Any:
        cached = robust_cacheable(**options)(target)
        _auto.follow(cached)
        return cached

    return wrap if function is None else wrap(function)
