"""What reloads saved modules in a process: which folders, when, and what came of it."""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from afml_cache import notices
from afml_cache.errors import ConfigurationError
from afml_cache.notebook_cells import BetweenCells, running_shell
from afml_cache.reload.one_module import ReloadError, reload_module
from afml_cache.reload.save_watch import SaveWatch
from afml_cache.reload.saved_modules import Saved, WatchedModules
from afml_cache.reload.whose import is_below, is_installed

#: Modules whose reloading is remembered.
REMEMBERED = 1000


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
        self._watch: SaveWatch | None = None
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
                watch = SaveWatch(self._roots, self._on_saved)
            except BaseException:  # an interrupt, too, must not leave roots that nobody watches
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
            saved = self._modules.saved(self._roots, told, self._on_touched)
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

    def _on_touched(self, module: str, mtime: float) -> None:
        cells = self._cells
        if cells is not None:
            cells.tell_autoreload(module, mtime)

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
                    is_loaded = not failed or failed[-1] is not one
                    data = one.data if is_loaded else None
                    cells.tell_autoreload(one.module.__name__, one.mtime, data)
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
