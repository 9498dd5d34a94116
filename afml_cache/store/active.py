"""Which store is in use now; asked at every call, never when a function is decorated."""

from __future__ import annotations

import os
import threading
from types import TracebackType

from afml_cache import settings
from afml_cache.store.store import Store

__all__ = ["UseStore", "active", "use_store"]

#: The store in use; None until a call needs one, and after the settings have changed.
_active: Store | None = None
_in_use: list[UseStore] = []
_default: Store | None = None
_guard = threading.RLock()


def active() -> Store:
    """The store in use, made from the settings in force when there is none."""
    store = _active
    return _choose() if store is None else store


class UseStore:
    """A store in use until :meth:`close`; what :func:`use_store` returns.

    As a context manager it gives the :class:`~afml_cache.store.store.Store`.
    """

    def __init__(self, place: Store | str | os.PathLike[str], durable: bool = True) -> None:
        self._durable = durable
        self._given = place if isinstance(place, Store) else None
        self._directory = None if isinstance(place, Store) else os.fspath(place)
        self._made: Store | None = None
        with _guard:
            _in_use.append(self)
            _forget_choice()

    @property
    def store(self) -> Store:
        """The store itself; one named by its path follows the settings."""
        if self._given is not None:
            return self._given
        assert self._directory is not None
        with _guard:
            self._made = _with_settings(self._made, self._directory, self._durable)
            return self._made

    def close(self) -> None:
        """Go back to the store that was in use before; closing twice is closing once."""
        with _guard:
            if self not in _in_use:
                return
            _in_use.remove(self)
            _forget_choice()
        if self._made is not None:
            self._made.close()
        elif self._given is not None:
            self._given.flush()

    def __enter__(self) -> Store:
        return self.store

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def use_store(place: Store | str | os.PathLike[str], *, durable: bool = True) -> UseStore:
    """Use the store at ``place`` for everything decorated, in all threads.

    Parameters
    ----------
    place : path or Store
        A directory, with limits and secret from the settings; or a store of your own.
    durable : bool, optional
        False: do not wait for the disk, for a directory that is thrown away soon, as in tests;
        after a power cut it may be damaged.

    Returns
    -------
    UseStore
        ``with use_store(path) as store:`` goes back at the end of the block; without
        ``with``, the store stays in use until ``close()`` or the end of the process.
    """
    return UseStore(place, durable)


def _choose() -> Store:
    global _active, _default
    with _guard:
        if _in_use:
            _active = _in_use[-1].store
        else:
            _default = _with_settings(_default, settings.cache_directory())
            _active = _default
        return _active


def _with_settings(
    store: Store | None, directory: str | os.PathLike[str], durable: bool = True
) -> Store:
    """``store`` while it agrees with the settings, else a new one in its place."""
    now = settings.current
    wanted = Store(
        directory,
        secret=now.secret,
        size_limit=now.size_limit,
        age_limit=now.age_limit,
        read_only=now.mode == "readonly",
        durable=durable,
    )
    if store is not None:
        if store.same_as(wanted):
            return store
        store.close()
    return wanted


def _forget_choice() -> None:
    global _active
    _active = None


def _after_fork() -> None:
    global _guard
    _guard = threading.RLock()  # another thread of the parent may have held it


settings.on_change.append(_forget_choice)
os.register_at_fork(after_in_child=_after_fork)
