"""One computation a key, across threads and processes.

A flight is held by one thread of one process. Between processes it is a kernel lock on
a file: when the holder dies, the kernel lets the next one in at once. Who waits for a holder
that waits for him gives up after a while (see :mod:`afml_cache.store.prospect`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from afml_cache.notices import warn_once
from afml_cache.store import location, prospect
from afml_cache.store.claims import UnavailableError

#: Seconds between two looks at the lock of a parent process, at first and at most.
_FIRST_PAUSE, _LAST_PAUSE = 0.001, 0.05


class FileLock:
    """A kernel lock on a file that exists only while it is of use.

    Raises ``OSError`` from every method that takes it, where the file cannot be made.
    """

    __slots__ = ("_descriptor", "_process", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._process = 0

    def acquire(self, *, blocking: bool = True) -> bool:
        """Take the lock; wait for it in the kernel when ``blocking``."""
        while True:
            taken = self.attempt(blocking=blocking)
            if taken is not None:
                return taken

    def attempt(self, *, blocking: bool) -> bool | None:
        """As :meth:`acquire`; None when the file was removed meanwhile, to be tried again."""
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if blocking else fcntl.LOCK_NB))
            # The holder before us may have removed the file that we waited on.
            taken = _same_file(descriptor, self.path)
        except BlockingIOError:
            _close(descriptor)
            return False
        except BaseException:
            _close(descriptor)
            raise
        if not taken:
            _close(descriptor)
            return None
        self._descriptor, self._process = descriptor, os.getpid()
        with contextlib.suppress(OSError):  # another user's file, or no room: it stays a lock
            os.pwrite(descriptor, prospect.process_card() + b"\n", 0)
        return True

    def holder(self) -> bytes:
        """What the process that holds the lock, or held it last, has said of itself."""
        try:
            return self.path.read_bytes().partition(b"\n")[0]
        except OSError:
            return b""

    def release(self) -> None:
        """Remove the file while nobody else can hold its lock, then let go."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None or self._process != os.getpid():
            return  # a forked child holds nothing, whatever its copy of us says
        with contextlib.suppress(OSError):
            self.path.unlink()
        _close(descriptor)

    @contextlib.contextmanager
    def held(self, patience: float) -> Iterator[None]:
        """Hold the lock, if it can be had within ``patience`` seconds."""
        deadline = time.monotonic() + patience
        while not self.acquire(blocking=False):
            if time.monotonic() > deadline:
                raise UnavailableError(
                    "locked",
                    f"Another process is making the index of the cache {self.path.parent.parent} "
                    "anew. Results are computed and not stored until it is done.",
                )
            time.sleep(0.005)
        try:
            yield
        finally:
            self.release()

    def _open(self) -> int:
        with _descriptors_guard:
            try:
                descriptor = self._open_file()
            except FileNotFoundError:
                location.make_folder(self.path.parent.parent, self.path.parent)
                descriptor = self._open_file()
            _descriptors.add(descriptor)
            return descriptor

    def _open_file(self) -> int:
        flags = os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(self.path, flags | os.O_RDWR, 0o666)
        except PermissionError:  # another user's: reading is enough to lock it
            return os.open(self.path, flags | os.O_RDONLY, 0o666)


#: Every open lock file, also those still waited for. A forked child shares the locks of the
#: descriptors it inherits; it closes them, so that a killed parent does hold none.
_descriptors: set[int] = set()
_descriptors_guard = threading.Lock()


def _close(descriptor: int) -> None:
    _descriptors.discard(descriptor)
    os.close(descriptor)


class Flight:
    """The right to compute one key. Made by :meth:`Flights.flight`, used once."""

    __slots__ = ("_file", "_flights", "_key", "_prospect", "_seat")

    def __init__(self, flights: Flights, key: bytes) -> None:
        self._flights = flights
        self._key = key
        self._seat: _Seat | None = None
        self._file: FileLock | None = None
        self._prospect = prospect.Prospect()

    def acquire(self) -> bool:
        """Wait until nobody else computes this key. Never raises for a fault of the disk.

        Returns
        -------
        bool
            True: the flight is held. False: it is not, and waiting would probably never end,
            because its holder waits for us; that is told once.
        """
        seat = self._flights.sit(self._key)
        try:
            taken = self._wait(seat)
        except BaseException:
            self._flights.leave(self._key, seat)
            raise
        if not taken:
            self._flights.leave(self._key, seat)
            _tell()
        return taken

    def try_acquire(self) -> bool:
        """Take the flight if nobody holds it."""
        seat = self._flights.sit(self._key)
        taken = False
        try:
            if seat.lock.acquire(blocking=False):
                taken = self._take_file(seat, lambda file: file.acquire(blocking=False))
        finally:
            if not taken:
                self._flights.leave(self._key, seat)
        return taken

    def hopeless(self) -> bool:
        """Whether to give up, for a caller that polls :meth:`try_acquire`; told once if so."""
        seat = self._flights.sit(self._key)
        try:
            hopeless = self._hopeless(seat)
        finally:
            self._flights.leave(self._key, seat)
        if hopeless:
            _tell()
        return hopeless

    def release(self) -> None:
        """Let the next one in; any thread may do it. Twice is once."""
        seat, self._seat = self._seat, None
        if seat is None:
            return
        if self._file is not None:
            self._file.release()
            self._file = None
        seat.holder = None
        seat.lock.release()
        self._flights.leave(self._key, seat)

    def _wait(self, seat: _Seat) -> bool:
        while not seat.lock.acquire(timeout=prospect.PATIENCE / prospect.LOOKS):
            if self._hopeless(seat):
                return False
        return self._take_file(seat, lambda file: self._wait_for(file, seat))

    def _wait_for(self, file: FileLock, seat: _Seat) -> bool:
        pause = _FIRST_PAUSE
        while not file.acquire(blocking=False):
            if prospect.is_ancestor(file.holder()):
                if self._hopeless(seat):
                    return False
                time.sleep(pause)
                pause = min(2 * pause, _LAST_PAUSE)
            elif file.attempt(blocking=True):  # in the kernel, which wakes us at once
                return True
        return True

    def _hopeless(self, seat: _Seat) -> bool:
        """Whether whoever holds the flight has long been waiting for us, as it seems."""
        holder = seat.holder
        if holder is not None:
            return self._prospect.hopeless(holder, lambda: prospect.thread_waits(holder))
        card = self._lock_file().holder()
        return self._prospect.hopeless(card, lambda: prospect.is_ancestor(card))

    def _lock_file(self) -> FileLock:
        return FileLock(self._flights.directory / self._key.hex())

    def _take_file(self, seat: _Seat, take: Callable[[FileLock], bool]) -> bool:
        """With the lock of the seat in hand: take the file too, or let go of the seat."""
        file = self._lock_file()
        taken = False
        try:
            taken = take(file)
            self._file = file if taken else None
        except OSError:
            # A directory that cannot hold locks: threads of this process still take turns.
            taken, self._file = True, None
        finally:  # also at an interrupt while waiting
            if not taken:
                seat.lock.release()
        if taken:
            self._seat, seat.holder = seat, threading.get_ident()
        return taken


def _tell() -> None:
    warn_once(
        "a flight that waits for itself",
        f"A cached call has waited {prospect.PATIENCE:g} seconds for another thread or a parent "
        "process that computes the same call but only waits itself, probably for this one: a "
        "cached function that maps itself over a pool does so. It is computed here, without "
        "waiting any longer. Give the pool a function that is not cached.",
    )


class _Seat:
    """The turn of the threads of this process at one key."""

    __slots__ = ("holder", "lock", "wanted")

    def __init__(self) -> None:
        self.holder: int | None = None  #: the thread that took the flight, once it has it
        self.lock = threading.Lock()
        self.wanted = 0


class Flights:
    """All flights of one store.

    Parameters
    ----------
    directory : Path
        Where the lock files lie; made when first needed.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._guard = threading.Lock()
        self._seats: dict[bytes, _Seat] = {}
        _live.add(self)

    def flight(self, key: bytes) -> Flight:
        """A flight for ``key``, not yet taken."""
        return Flight(self, key)

    def sit(self, key: bytes) -> _Seat:
        """Have a seat for ``key``, shared with the other threads that want it."""
        with self._guard:
            seat = self._seats.get(key)
            if seat is None:
                seat = self._seats[key] = _Seat()
            seat.wanted += 1
            return seat

    def leave(self, key: bytes, seat: _Seat) -> None:
        """Give the seat back."""
        with self._guard:
            seat.wanted -= 1
            if not seat.wanted and self._seats.get(key) is seat:
                del self._seats[key]

    def sweep(self, older_than: float) -> None:
        """Remove the lock files that killed processes left behind before this time."""
        with contextlib.suppress(OSError):
            for item in os.scandir(self.directory):
                if item.stat(follow_symlinks=False).st_mtime < older_than:
                    lock = FileLock(Path(item.path))
                    if lock.acquire(blocking=False):
                        lock.release()

    def after_fork(self) -> None:
        """In a child: the threads that held or wanted a seat do not exist here."""
        self._guard = threading.Lock()
        self._seats = {}


_live: weakref.WeakSet[Flights] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for flights in list(_live):
        flights.after_fork()
    for descriptor in _descriptors:
        os.close(descriptor)
    _descriptors.clear()
    _descriptors_guard.release()


os.register_at_fork(
    before=_descriptors_guard.acquire,
    after_in_parent=_descriptors_guard.release,
    after_in_child=_after_fork_in_child,
)


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)
