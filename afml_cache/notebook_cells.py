"""Reloading between the cells of a notebook, and never while one runs; beside %autoreload."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import decode_source
from typing import Any


def running_shell() -> Any:
    """The IPython that this process is, or None."""
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    return get_ipython()


class BetweenCells:
    """Calls ``check`` before and after each cell that is run.

    Parameters
    ----------
    shell : InteractiveShell
    check : callable
    """

    def __init__(self, shell: Any, check: Callable[[], object]) -> None:
        self.shell = shell
        self.is_busy = True  # it is a cell that makes this
        self._check = check
        shell.events.register("pre_run_cell", self.before)
        shell.events.register("post_run_cell", self.after)
        # Before %autoreload, however long that has been on: what is loaded by then it leaves alone.
        callbacks = shell.events.callbacks["pre_run_cell"]
        callbacks.remove(self.before)
        callbacks.insert(0, self.before)

    def before(self, _: object = None) -> None:
        """A cell is about to run: what has been saved is loaded, however lately."""
        try:
            self._check()
        finally:
            self.is_busy = True

    def after(self, _: object = None) -> None:
        """A cell has run: what was saved meanwhile is loaded."""
        self.is_busy = False
        self._check()

    def close(self) -> None:
        """Be called no more; closing twice is closing once."""
        for event, callback in (("pre_run_cell", self.before), ("post_run_cell", self.after)):
            if callback in self.shell.events.callbacks[event]:
                self.shell.events.unregister(event, callback)

    def tell_autoreload(self, module: str, mtime: float, data: bytes | None = None) -> None:
        """Have IPython's own %autoreload know what has been saved, and is loaded.

        Parameters
        ----------
        module : str
        mtime : float
            Of the file, which it need not look into.
        data : bytes, optional
            What was loaded, if anything was: the next save is compared with it.
        """
        magics = self.shell.magics_manager.registry.get("AutoreloadMagics")
        reloader = getattr(magics, "_reloader", None)
        if reloader is None:
            return
        reloader.modules_mtimes[module] = mtime
        texts = getattr(getattr(reloader, "deduper_reloader", None), "source_by_modname", None)
        if isinstance(texts, dict) and data is not None:
            try:
                texts[module] = decode_source(data)
            except (SyntaxError, UnicodeDecodeError):  # an import hook made Python of it
                texts.pop(module, None)
