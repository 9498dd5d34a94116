"""One call on its way through :class:`joblib.Memory`, and what joblib did with it."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable
from typing import Any

from afml_cache import notices
from afml_cache.outcomes import Reason


class JoblibCall:
    """Watches joblib decide about one call.

    Parameters
    ----------
    memorized : MemorizedFunc
        joblib's function; shared by all calls and not touched.

    Attributes
    ----------
    function : callable
        What to call (or await) in its place, once.
    memorized : MemorizedFunc
        As given.
    arguments : str or None
        joblib's hash of the arguments; None: it could not make one.
    ran, seconds : bool, float
        Whether the user's function was run, and how long.
    missed : Reason or None
        Why the entry that was there was not used.
    refused : Reason or None
        Why the result was not stored.
    error : BaseException or None
        What went wrong in storing it.
    was_cleared : bool
        Whether somebody had taken the function's folder away.
    """

    __slots__ = (
        "_made",
        "_started",
        "arguments",
        "error",
        "function",
        "memorized",
        "missed",
        "ran",
        "refused",
        "seconds",
        "was_cleared",
    )

    def __init__(self, memorized: Any) -> None:
        self.memorized = memorized
        self._made = time.perf_counter()
        self._started = 0.0
        self.arguments: str | None = None
        self.ran = False
        self.seconds = 0.0
        self.missed: Reason | None = None
        self.refused: Reason | None = None
        self.error: BaseException | None = None
        self.was_cleared = False
        # Calls overlap in threads and tasks, and nest: each asks a copy that knows its call.
        own = object.__new__(type(memorized))
        own.__dict__.update(memorized.__dict__)
        own._get_args_id = self._hash
        own._load_item = self._load
        own._before_call = self._start
        own._after_call = self._store
        own._persist_input = self._describe
        self.function: Callable[..., Any] = own

    def took(self) -> float:
        """Seconds since the call was made: of a hit, what joblib's key and loading took."""
        return time.perf_counter() - self._made

    @property
    def asked(self) -> float:
        """Seconds that joblib took until it ran the user's function."""
        return max(0.0, self._started - self._made)

    def stop(self) -> None:
        """The user's function has ended, if it was run."""
        if self.ran and not self.seconds:
            self.seconds = time.perf_counter() - self._started

    def _hash(self, *args: Any, **kwargs: Any) -> str:
        self.arguments = self.memorized._get_args_id(*args, **kwargs)
        return self.arguments

    def _load(self, call_id: tuple[str, str], metadata: Any = None) -> Any:
        try:
            return self.memorized._load_item(call_id, metadata)
        except Exception:  # joblib itself decides what follows: it computes
            place = os.path.join(self.memorized.store_backend.location, *call_id)  # noqa: PTH118
            is_there = os.path.exists(os.path.join(place, "output.pkl"))  # noqa: PTH110, PTH118
            self.missed = Reason.UNREADABLE if is_there else Reason.CLEARED
            raise

    def _describe(self, duration: float, *call: Any) -> Any:
        """Note what the computation took; ``duration`` is with writing the result."""
        return self.memorized._persist_input(self.seconds or duration, *call)

    def _start(self, args: Any, kwargs: Any) -> None:
        self.ran = True
        self._started = time.perf_counter()
        self.memorized._before_call(args, kwargs)

    def _store(
        self, call_id: Any, args: Any, kwargs: Any, shelving: bool, output: Any, start: float
    ) -> Any:
        from afml_cache.joblib_memory.folder import NotStoredError, record_source

        self.stop()
        memorized = self.memorized
        try:
            # Before the result: a process that dies in between leaves no result of unknown code.
            self.was_cleared = record_source(memorized)
            stored = type(memorized)._after_call(
                self.function, call_id, args, kwargs, shelving, output, start
            )
            with contextlib.suppress(OSError):  # cleared meanwhile, and once more
                record_source(memorized)
        except NotStoredError as error:
            self.refused, self.error = error.reason, error.__cause__
        except OSError as error:
            self.refused, self.error = Reason.STORE_UNAVAILABLE, error
        except Exception as error:  # noqa: BLE001 - the repr of an argument may raise anything
            notices.say(
                logging.DEBUG,
                "%s stored, but not described by joblib: %r",
                memorized.func_id,
                error,
            )
        else:
            return stored
        return output, {}
