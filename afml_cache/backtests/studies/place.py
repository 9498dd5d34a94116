"""Whether a worker sees the caller's store is found out: it looks for a file that the caller made.

The secret is never sent. A worker that sees the file has to have the same secret by itself (from
its environment, or the user's own file); else it hands its results back to the caller.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afml_cache import settings
from afml_cache.store import location
from afml_cache.store.active import use_store
from afml_cache.store.claims import UnavailableError
from afml_cache.store.store import Store

#: Seconds after which the mark of a study that was killed is swept up.
_STALE = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Place:
    """What a worker is told about the caller's store.

    Attributes
    ----------
    directory : str
    token : str
        The name of a file that is there, which nobody can guess; empty: results are handed back.
    sealer : bytes
        Names the secret without telling it.
    settings : tuple of pairs
        The caller's, as far as keys and entries depend on them.
    pid : int
        The caller's process.
    """

    directory: str
    token: str
    sealer: bytes
    settings: tuple[tuple[str, Any], ...]
    pid: int


_SENT = ("strict", "package_versions", "adopt", "adopt_from", "size_limit", "age_limit")


@contextlib.contextmanager
def marked(store: Store) -> Iterator[Place]:
    """Make the mark of a study in the caller's store, for as long as the study goes on."""
    sent = tuple((name, getattr(settings.current, name)) for name in _SENT)
    mark: Path | None = None
    sealer, token = b"", ""
    if not store.read_only and settings.current.mode == "on":
        folder = store.directory / location.RECORDS / "studies"
        try:
            sealer = store.sealer().id
            location.make_folder(store.directory, folder)
            _sweep(folder)
            token = secrets.token_hex(16)
            mark = folder / token
            mark.touch()
        except (OSError, UnavailableError):  # storing will fail, too, and say so
            mark, token = None, ""
    try:
        yield Place(str(store.directory), token, sealer, sent, os.getpid())
    finally:
        if mark is not None:
            with contextlib.suppress(OSError):
                mark.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    for path in folder.iterdir():
        with contextlib.suppress(OSError):  # another study was faster
            if time.time() - path.stat().st_mtime > _STALE:
                path.unlink()


class _Seat:
    """Whose settings are in force in this worker: one study's at a time."""

    def __init__(self) -> None:
        self.free = threading.Condition()
        self.taken_by: Place | None = None
        self.guests = 0
        self.leave = contextlib.ExitStack()
        self.store: Store | None = None  #: the caller's, where it is seen
        self.kept: tuple[tuple[Any, ...], Store] | None = None  #: opened for the study before


_seat = _Seat()


def _after_fork() -> None:
    global _seat
    _seat = _Seat()


os.register_at_fork(after_in_child=_after_fork)


@contextlib.contextmanager
def taken(place: Place) -> Iterator[Store | None]:
    """Be in the caller's place for the time of one call.

    The settings that keys depend on are the caller's; so is the store, where it is seen: then it
    is the one in use, also for what the function calls. Calls of one study go on side by side;
    those of another wait, since settings hold for all threads of a process.
    """
    seat = _seat
    with seat.free:
        seat.free.wait_for(lambda: seat.taken_by in (None, place))
        if seat.taken_by is None:
            _enter(seat, place)
        seat.guests += 1
        store = seat.store
    try:
        yield store
    finally:
        with seat.free:
            seat.guests -= 1
            if not seat.guests:
                seat.taken_by = None
                seat.leave.close()
                seat.free.notify_all()


def _enter(seat: _Seat, place: Place) -> None:
    changes = dict(place.settings)
    store = _seen(seat, place)
    if store is None:
        # What keys depend on; the rest, and the store of what the function calls, is the worker's.
        changes = {name: changes[name] for name in ("package_versions", "strict")}
        seat.leave.enter_context(settings.use_settings(**changes))
    else:
        seat.leave.enter_context(settings.use_settings(**changes, mode="on"))
        seat.leave.enter_context(use_store(store))
    seat.store, seat.taken_by = store, place


def _seen(seat: _Seat, place: Place) -> Store | None:
    """The caller's store, where it is seen from here, by somebody with the same secret."""
    directory = Path(place.directory)
    mark = directory / location.RECORDS / "studies" / place.token
    try:
        if not place.token or not mark.is_file() or not location.may_write(directory):
            return None
        name = place.directory, place.sealer, place.settings
        if seat.kept is None or seat.kept[0] != name:
            limits = {name: value for name, value in place.settings if name.endswith("_limit")}
            seat.kept = name, Store(directory, **limits)
        store = seat.kept[1]
        return store if store.sealer().id == place.sealer else None
    except (OSError, UnavailableError):
        return None
