"""A thread that tells which Python files are saved, on watchfiles."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from afml_cache import notices
from afml_cache.errors import ConfigurationError

#: Milliseconds without a save after which a burst of saves is over, and the longest burst.
_QUIET, _BURST = 50, 500
#: Seconds that beginning to watch may take.
_PATIENCE = 30.0


class SaveWatch:
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
