"""Records each run of a cached backtest beside its entry; no fault of it reaches the caller.

A run is recorded after its entry is stored. Who is killed in between leaves an entry without a
run: the next call of it, a hit, finds that out and records it then.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

from xxhash import xxh3_128_digest

from afml_cache import notices
from afml_cache.attempt import Asked, Recorder
from afml_cache.backtests import kept_frames, tracked
from afml_cache.backtests.arguments import Arguments, arguments_of
from afml_cache.backtests.book import book_of
from afml_cache.backtests.origin import origin_of
from afml_cache.backtests.parts import Parts, names_nothing, parts_of, tell_omitted
from afml_cache.backtests.plain import to_plain
from afml_cache.backtests.run import Origin, Run, run_id_of
from afml_cache.keys.call import CallKey
from afml_cache.store.store import Store


@dataclasses.dataclass(frozen=True, slots=True)
class _Begun:
    """What is known of a run before its function runs, which may change its arguments."""

    key: CallKey
    function: str
    arguments: Arguments
    origin: Origin
    created: float


@dataclasses.dataclass(frozen=True, slots=True)
class _Noted:
    """What is noted of a run before it is made, by us and by whoever else is told of it."""

    begun: _Begun | None
    other: Recorder | None
    others: object


@dataclasses.dataclass(frozen=True, slots=True)
class RunRecorder:
    """Records the runs of one strategy.

    Parameters
    ----------
    strategy : str
    save_trades : bool
        Whether trades and equity curves are kept beside the metrics.
    other : Recorder, optional
        Who else is told of the runs.
    """

    strategy: str
    save_trades: bool = True
    other: Recorder | None = None

    # The hot path: a set look-up where the run is known to be recorded.
    def served(
        self, function: Asked, store: Store, key: CallKey, value: object, args: Any, kwargs: Any
    ) -> None:
        """See that the run of a result that is served is recorded."""
        other = self.other or tracked.in_study.get()
        if other is not None:
            other.served(function, store, key, value, args, kwargs)
        book = book_of(store)
        if key.digest in book.known or store.read_only:
            return
        try:
            run_id = run_id_of(self.strategy, key.digest)
            if not book.is_recorded(self.strategy, run_id, with_trades=self.save_trades):
                self._record_again(function, store, key, value, args, kwargs)
            elif not book.in_doubt:
                book.known.add(key.digest)
        except Exception as error:  # noqa: BLE001 - no fault of ours may keep the user's result
            self._tell(error)

    def before(self, function: Asked, key: CallKey, values: Mapping[str, Any]) -> object:
        """Take down what a run is made with."""
        begun: _Begun | None = None
        try:
            begun = self._begun(function, key, values, time.time())
        except Exception as error:  # noqa: BLE001 - no fault of ours may keep the user's result
            self._tell(error)
        other = tracked.in_study.get() or self.other
        noted = None if other is None else other.before(function, key, values)
        return _Noted(begun, other, noted)

    def ran(self, store: Store, before: object, result: object, seconds: float) -> None:
        """Record a run that has been made."""
        assert isinstance(before, _Noted)
        if before.begun is not None:
            try:
                self._record(store, before.begun, result, seconds)
            except Exception as error:  # noqa: BLE001 - no fault of ours may keep the result
                self._tell(error)
        if before.other is not None:
            before.other.ran(store, before.others, result, seconds)

    def over(self, before: object) -> None:
        """Tell whoever else is told."""
        assert isinstance(before, _Noted)
        if before.other is not None:
            before.other.over(before.others)

    def raised(self, store: Store, before: object, error: BaseException, seconds: float) -> None:
        """A run that failed is no trial; a study keeps account of such itself."""
        assert isinstance(before, _Noted)
        if before.other is not None:
            before.other.raised(store, before.others, error, seconds)

    def landed(self, before: object) -> None:
        """Tell whoever else is told."""
        assert isinstance(before, _Noted)
        if before.other is not None:
            before.other.landed(before.others)

    def _begun(
        self, function: Asked, key: CallKey, values: Mapping[str, Any], created: float
    ) -> _Begun:
        arguments = arguments_of(values, key.arguments)
        return _Begun(key, function._identity, arguments, origin_of(function._wrapped), created)

    def _record_again(
        self, function: Asked, store: Store, key: CallKey, value: object, args: Any, kwargs: Any
    ) -> None:
        entry = store.entry(key.digest)
        created, seconds = (time.time(), 0.0) if entry is None else (entry.created, entry.seconds)
        begun = self._begun(function, key, function._binder.bind(args, kwargs), created)
        # Who made it is not known any more.
        unknown = dataclasses.replace(begun, origin=Origin(None, None, None, None))
        self._record(store, unknown, value, seconds)

    def _record(self, store: Store, begun: _Begun, result: object, seconds: float) -> None:
        key = begun.key
        run_id = run_id_of(self.strategy, key.digest)
        parts = self._parts(result)
        trades, equity = (
            kept_frames.keep_both(store, self.strategy, run_id, parts)
            if self.save_trades
            else kept_frames.unsaved(parts)
        )
        run = Run(
            id=run_id,
            strategy=self.strategy,
            function=begun.function,
            code=key.fingerprint.code,
            # Not the key: other versions of the packages make no further trial.
            trial=xxh3_128_digest(
                begun.function.encode("utf-8", "surrogatepass")
                + key.fingerprint.code
                + key.arguments_digest
            ),
            arguments=begun.arguments,
            metrics={name: to_plain(value) for name, value in parts.metrics.items()},
            seconds=seconds,
            created=begun.created,
            origin=begun.origin,
            trades=trades,
            equity=equity,
        )
        book = book_of(store)
        if book.add(run):
            book.known.add(key.digest)

    def _parts(self, result: object) -> Parts:
        try:
            parts = parts_of(result)
            if not parts.metrics and not names_nothing(result):
                notices.warn_once(
                    ("backtest_no_metrics", self.strategy),
                    f"the runs of {self.strategy} are recorded without metrics, since a "
                    f"{type(result).__name__} like theirs names none; return a dict of them, or "
                    "(metrics, trades, equity)",
                )
            tell_omitted(self.strategy, parts)
            return parts
        except Exception as error:  # noqa: BLE001 - what a result of the user's raises
            notices.warn_once(
                ("backtest_parts", self.strategy),
                f"the runs of {self.strategy} are recorded without metrics, since their results "
                f"could not be read ({type(error).__name__}: {error}); they are not affected",
            )
            return Parts()

    def _tell(self, error: Exception) -> None:
        notices.warn_once(
            ("backtest", self.strategy, type(error)),
            f"a run of {self.strategy} could not be recorded ({type(error).__name__}: {error}); "
            "its result is not affected. Please report it",
        )
