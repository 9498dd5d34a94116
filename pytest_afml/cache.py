"""The object behind the fixtures: the cache that a test runs on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from pytest_afml.expect import Expect, Record
from pytest_afml.limits import LimitError, identity, limits
from pytest_afml.numbers import Counts, Numbers

#: One cached function, or several.
Functions = Callable[..., Any] | str | Sequence[Callable[..., Any] | str]


class AfmlCache:
    """The cache of a test, a module or a session: what was called, and what is stored.

    ``hits`` count the calls whose function did not have to run, adopted results among them;
    ``misses`` those that ran it. All of them are calls of this process.
    """

    def __init__(self, folder: Path | None, mode: str) -> None:
        self._folder = folder
        self._mode = mode
        self._numbers = Numbers()

    @property
    def path(self) -> Path:
        """The directory of the store; it is there from the first cached call on."""
        if self._folder is not None:
            return self._folder
        from afml_cache import cache_directory

        return cache_directory()

    def record(self) -> Record:
        """Record the cached calls of a ``with`` block.

        >>> with afml_cache.record() as calls:  # doctest: +SKIP
        ...     labels(prices)
        >>> calls.hits, calls.misses  # doctest: +SKIP
        (0, 1)
        """
        return Record()

    def expect(
        self,
        hits: int | None = None,
        misses: int | None = None,
        min_hit_rate: float | None = None,
        max_misses: int | None = None,
        only: Functions | None = None,
    ) -> Expect:
        """Fail unless the cached calls of a ``with`` block keep within limits; it says why.

        Parameters
        ----------
        hits, misses : int, optional
            Just so many calls that were served, and that ran their function.
        min_hit_rate : float, optional
            At least this share of the calls was served, above 0 and at most 1.
        max_misses : int, optional
            At most so many ran their function.
        only : cached function or list of them, optional
            Which calls count; None: all.

        Returns
        -------
        context manager
            It gives the recorded :class:`~pytest_afml.Calls`. A block without calls keeps within
            no limits, but for ``hits=0, misses=0``.

        Raises
        ------
        ValueError
            Nothing is expected, or a limit is out of its range.
        """
        asked = limits(
            hits=hits, misses=misses, min_hit_rate=min_hit_rate, max_misses=max_misses, only=only
        )
        if not asked:
            raise LimitError(
                "afml_cache.expect() expects nothing; give hits, misses, min_hit_rate or "
                "max_misses, or use afml_cache.record()"
            )
        return Expect(asked)

    def hits(self, function: Callable[..., Any] | None = None) -> int:
        """Calls of a function (None: of all) that were served since the cache was new."""
        return self._of(function).served

    def misses(self, function: Callable[..., Any] | None = None) -> int:
        """Calls of a function (None: of all) that ran it since the cache was new."""
        return self._of(function).computed

    def hit_rate(self, function: Callable[..., Any] | None = None) -> float | None:
        """The share of the calls that were served; None when there was no call."""
        return self._of(function).hit_rate

    def entries(self, function: Callable[..., Any] | None = None) -> int:
        """How many results of a function (None: of all) the store holds now."""
        name = None if function is None else identity(function)
        if not self.path.exists():
            return 0
        from afml_cache import get_cache_monitor, get_cache_summary, use_store

        there: AbstractContextManager[object] = nullcontext()
        if not self._is_in_force():
            there = use_store(self.path)
        with there:
            if name is None:
                summary = get_cache_summary()
                return summary["entries"] + summary["joblib_entries"]
            stats = get_cache_monitor().get_all_function_stats()
        return sum(one.entries for one in stats if one.function_name == name)

    def clear(self) -> None:
        """Forget everything that is stored; the next calls are computed, the counts stay.

        Raises
        ------
        RuntimeError
            The store is kept, which a test should not empty; or another one is in force.
        """
        if self._mode != "isolated":
            raise RuntimeError(
                f"afml_cache.clear() would empty {self.path}, which this test does not own (mode "
                f"{self._mode!r}); leave the mode out, or call afml_cache.clear_afml_cache()"
            )
        from afml_cache import clear_afml_cache

        if not self._is_in_force():
            raise RuntimeError(
                f"afml_cache.clear() is about {self.path}, and the test has put another store in "
                "force; leave its use_store() first"
            )
        clear_afml_cache(warn=False)

    def _is_in_force(self) -> bool:
        """Whether the test has not put another store in force meanwhile."""
        from afml_cache import get_cache_summary

        return self._folder is None or get_cache_summary()["directory"] == str(self._folder)

    def count(self, call: Any) -> None:
        """Count a call; the plugin does it."""
        self._numbers.count(call)

    def _of(self, function: Callable[..., Any] | None) -> Counts:
        return self._numbers.of(None if function is None else identity(function))

    def __repr__(self) -> str:
        return f"<AfmlCache {self.path}, mode {self._mode}>"
