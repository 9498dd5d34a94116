"""Modules that are saved are loaded again, and what was cached of unchanged code stays valid.

Needs `watchfiles <https://watchfiles.helpmanual.io>`_ (``pip install "afml-cache[reload]"``).
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, ParamSpec, TypeVar, overload

from afml_cache import notices
from afml_cache.cacheable_functions import decorated_functions
from afml_cache.errors import ConfigurationError
from afml_cache.memo import CachedFunction
from afml_cache.notebook_cells import BetweenCells, running_shell
from afml_cache.reloading import ReloadError, reload_module
from afml_cache.robust_cache_keys import robust_cacheable
from afml_cache.watched_modules import Saved, WatchedModules, is_below, is_installed

__all__ = [
    "AutoCache",
    "Reloaded",
    "auto_cacheable",
    "get_auto_cache",
    "jupyter_auto_setup",
    "setup_auto_reloading",
]

#: Modules whose reloading is remembered.
REMEMBERED = 1000
#: Milliseconds without a save after which a burst of saves is over, and the longest burst.
_QUIET, _BURST = 50, 500
#: Seconds that starting to watch may take.
_PATIENCE = 30.0

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Reloaded:
    """A module that was saved, and what became of it.

    Parameters
    ----------
    module : str
    path : Path
    error : str
        Why it could not be loaded; the code before is used until it is saved again. Empty where
        it was.
    """

    module: str
    path: Path
    error: str = ""

    def __str__(self) -> str:
        return f"{self.module}: {self.error or 'reloaded'}"


class AutoCache:
    """Watches folders, and reloads the modules in them that are saved.

    There is one in a process, from :func:`get_auto_cache`. As a context manager it stops at the
    end of the block.
    """

    def __init__(self) -> None:
        self._roots: tuple[Path, ...] = ()
        self._modules = WatchedModules()
        self._told: set[Path] = set()
        self._telling = threading.Lock()
        self._reloaded: deque[Reloaded] = deque(maxlen=REMEMBERED)
        self._loading = threading.RLock()  # one reloading at a time
        self._changing = threading.RLock()  # one start or stop at a time
        self._watch: _Watch | None = None
        self._cells: BetweenCells | None = None

    @property
    def is_running(self) -> bool:
        """Whether saved modules are being reloaded."""
        watch = self._watch
        return watch is not None and watch.is_alive

    @property
    def paths(self) -> tuple[Path, ...]:
        """The folders and files that are watched."""
        return self._roots

    @property
    def reloaded(self) -> list[Reloaded]:
        """What has been reloaded, or could not be, since watching began; oldest first."""
        return list(self._reloaded)

    def start(self, paths: Iterable[Path]) -> None:
        """Watch these paths besides those that are watched; returns when that has begun.

        Raises
        ------
        ConfigurationError
            A path does not exist, or watchfiles is not installed. What was watched still is.
        """
        wanted = {Path(path).expanduser().resolve() for path in paths}
        missing = [str(path) for path in sorted(wanted) if not path.exists()]
        if missing:
            raise ConfigurationError(
                f"{', '.join(missing)} cannot be watched, since it does not exist; name folders "
                "or files of your project"
            )
        with self._changing:
            before, self._roots = self._roots, _outermost({*self._roots, *wanted})
            if self.is_running and before == self._roots:
                return
            try:
                watch = _Watch(self._roots, self._on_saved)
            except BaseException:
                self._roots = before
                raise
            if not self.is_running:
                self._reloaded.clear()
            old, self._watch = self._watch, watch
            if old is not None:
                # Not waited for: it may wait itself for the reloading that asks for this.
                old.stop(wait=False)
            shell = running_shell()
            if shell is not None and self._cells is None:
                self._cells = BetweenCells(shell, self.check)
        self.check()  # from here on, what is loaded is known

    def stop(self) -> None:
        """Watch no more; returns when the thread has ended. Stopping twice is stopping once."""
        with self._changing:
            watch, self._watch = self._watch, None
            cells, self._cells = self._cells, None
            if cells is not None:
                cells.close()
        if watch is not None:
            watch.stop()
        with self._changing:
            if self._watch is None:
                self._roots = ()
                self._modules = WatchedModules()

    def check(self) -> list[Reloaded]:
        """Reload what has been saved since it was loaded, without waiting to be told.

        Returns
        -------
        list of Reloaded
            What was reloaded now; empty where nothing is watched.
        """
        with self._loading:
            with self._telling:
                told, self._told = self._told, set()
            saved = self._modules.saved(self._roots, told)
            done = self._load(saved) if saved else []
            self._reloaded.extend(done)
            return done

    def follow(self, function: Any) -> None:
        """Watch the folder that a function's module was imported from, while watching is on."""
        root = root_of(sys.modules.get(getattr(function, "__module__", "")))
        if root is not None and self.is_running and not is_below(root, self._roots):
            self.start([root])

    def _on_saved(self, paths: set[Path]) -> None:
        """Told by the watch, in its thread."""
        with self._telling:
            self._told |= paths
        cells = self._cells
        if cells is not None and cells.is_busy:
            return  # when the cell has run
        while not self._loading.acquire(timeout=0.1):
            if not self.is_running:  # stopped by what is being loaded
                return
        try:
            self.check()
        finally:
            self._loading.release()

    def _load(self, saved: list[Saved]) -> list[Reloaded]:
        cells = self._cells
        spaces = [cells.shell.user_ns] if cells is not None else []
        done: list[Reloaded] = []
        errors: dict[str, str] = {}
        todo = saved
        while todo:
            failed = []
            for one in todo:
                try:
                    reload_module(one.module, one.data, spaces)
                except ReloadError as error:
                    errors[one.module.__name__] = str(error)
                    failed.append(one)
                else:
                    done.append(Reloaded(one.module.__name__, one.path))
                    notices.say(logging.INFO, "reloaded %s", one.module.__name__)
                if cells is not None:
                    cells.tell_autoreload(one.module.__name__, one.mtime)
            if len(failed) == len(todo):
                break
            todo = failed  # one may have needed what another has by now
        for one in todo:
            name = one.module.__name__
            done.append(Reloaded(name, one.path, errors[name]))
            notices.warn_once(
                ("reload", name, one.data),
                f"{one.path} was saved and cannot be loaded ({errors[name]}); the code before is "
                "used until it is saved again",
            )
        return done

    def after_fork(self) -> None:
        """In a child, which has no such thread."""
        self.__init__()  # type: ignore[misc]

    def __enter__(self) -> AutoCache:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        if not self.is_running:
            return "<AutoCache, not running>"
        watched = ", ".join(map(str, self._roots))
        return f"<AutoCache of {watched}: {len(self._reloaded)} reloaded>"


class _Watch:
    """A thread that tells which Python files are saved; watching when this returns."""

    def __init__(self, roots: Sequence[Path], on_saved: Callable[[set[Path]], None]) -> None:
        try:
            import watchfiles
        except ImportError as error:
            raise ConfigurationError(
                "reloading saved modules needs the package watchfiles, which is not installed: "
                'pip install "afml-cache[reload]"'
            ) from error
        self._watchfiles = watchfiles
        self._roots = roots
        self._on_saved = on_saved
        self._stopped = False
        self._begun = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="afml-cache reload", daemon=True)
        self._thread.start()
        if not self._begun.wait(_PATIENCE):
            self.stop()
            raise ConfigurationError(f"watching {roots} has not begun for {_PATIENCE:.0f} seconds")
        if self._error is not None:
            raise ConfigurationError(
                f"{', '.join(map(str, roots))} cannot be watched ({self._error}); name fewer or "
                "smaller folders, or set WATCHFILES_FORCE_POLLING=true"
            ) from self._error

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive() and not self._stopped

    def is_set(self) -> bool:
        """Whether to stop; asked by watchfiles, first when it has begun to watch."""
        self._begun.set()
        return self._stopped

    def stop(self, *, wait: bool = True) -> None:
        """Stop, and wait for it; from the thread itself, stop when it is done."""
        self._stopped = True
        if wait and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            for changes in self._watchfiles.watch(
                *self._roots,
                watch_filter=self._watchfiles.PythonFilter(),
                stop_event=self,
                step=_QUIET,
                debounce=_BURST,
                raise_interrupt=False,
            ):
                if not self._stopped:
                    self._on_saved({Path(path).resolve() for _, path in changes})
        except Exception as error:  # noqa: BLE001 - told to whoever waits, or to the user
            if self._begun.is_set():
                notices.warn_once(
                    ("watching", self._roots),
                    f"saved modules are not reloaded any more ({type(error).__name__}: {error}); "
                    "call setup_auto_reloading() again",
                )
            self._error = error
        finally:
            self._begun.set()


def _outermost(paths: set[Path]) -> tuple[Path, ...]:
    """The paths that lie in no other of them."""
    return tuple(
        sorted(path for path in paths if not any(other in path.parents for other in paths))
    )


def root_of(module: ModuleType | None) -> Path | None:
    """The folder that a module of the project was imported from; None where there is none."""
    file = getattr(module, "__file__", None)
    if module is None or not isinstance(file, str) or module.__name__ == "__main__":
        return None
    path = Path(file).resolve()
    levels = module.__name__.count(".") + (path.name == "__init__.py")
    root = path.parents[min(levels, len(path.parents) - 1)]
    return None if is_installed(path) else root


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
