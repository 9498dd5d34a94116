"""One run of the records, with its trades and equity curve; figures of them all."""

from __future__ import annotations

import contextlib
import os
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from afml_cache import notices
from afml_cache.backtests import kept_frames, tables
from afml_cache.backtests.book import FAULTS, RunBook, book_of
from afml_cache.backtests.rows import (
    BacktestMetadata,
    BacktestResult,
    Recorded,
    runs_of_ids,
    unwritten_trials,
)
from afml_cache.backtests.run import as_text
from afml_cache.errors import BacktestRecordError, UnknownRunError
from afml_cache.store.claims import UnavailableError
from afml_cache.store.location import RECORDS
from afml_cache.store.store import Store


def runs_named(store: Store, ids: list[str]) -> list[Recorded]:
    """The runs of these ids, in this order; raises `UnknownRunError`."""
    book = book_of(store)
    found = runs_of_ids(book, list(dict.fromkeys(ids)))
    for run_id in ids:
        if run_id not in found:
            raise UnknownRunError(
                f"no run {run_id!r} is recorded in {book.path}; runs() lists those that are"
            )
    return [found[run_id] for run_id in ids]


def result_of(store: Store, run: Recorded) -> BacktestResult:
    """A run with trades and equity curve; where they cannot be read, a warning and None."""
    frames = {}
    for part in ("trades", "equity"):
        try:
            frames[part] = part_of(store, run.metadata, part)
        except BacktestRecordError as error:  # the metrics are there all the same
            notices.warn_once(("backtest_frames", run.metadata.run_id, part), str(error))
            frames[part] = None
    return BacktestResult(run.metadata, run.metrics, **frames)


def part_of(store: Store, run: BacktestMetadata, part: str) -> Any:
    """``"trades"`` or ``"equity"`` of a run; None where none are kept.

    Raises
    ------
    BacktestRecordError
        They were kept and cannot be read.
    """
    return kept_frames.load(store, run.strategy, run.run_id, part, run.kept.get(part, ""))


def replace_trades(store: Store, run: BacktestMetadata, trades: Any) -> None:
    """Keep trades in place of those that a run has; raises `BacktestRecordError`."""
    book, values = book_of(store), (run.run_id,)
    try:
        book.require_writable()
        forms = kept_frames.keep(store, run.strategy, run.run_id, "trades", trades)
        if trades is not None and forms in ("", kept_frames.LOST):
            raise BacktestRecordError(
                f"the trades of {run.run_id} could not be kept; the warning says why"
            )
        book.write(
            lambda cursor: cursor.execute("UPDATE run SET trades=? WHERE id=?", (forms, *values))
        )
    except FAULTS as error:
        why = error.detail if isinstance(error, UnavailableError) else error
        raise BacktestRecordError(
            f"the trades of {run.run_id} cannot be noted in {book.path} ({why}); see that the disk "
            "has room and the file can be written to, and try again"
        ) from error


def count_of_trials(book: RunBook, strategy: str | None) -> int:
    """How many trials a strategy has, or all have, with those that are not written yet."""
    where, values = ("1", ()) if strategy is None else ("name=?", (strategy,))
    ((written,),) = book.ask(
        f"SELECT coalesce(sum(trials), 0) FROM strategy WHERE {where}", values
    ) or [(0,)]
    return int(written) + len(unwritten_trials(book, strategy))


def is_lower_bound(book: RunBook) -> bool:
    """Whether trials may have been lost with records that were damaged."""
    return bool(book.ask(tables.IS_LOWER_BOUND))


def tell_near_strategy(book: RunBook, strategy: str) -> None:
    """Warn where a strategy of which nothing is recorded is called almost as one that is."""
    names = [name for (name,) in book.ask("SELECT name FROM strategy")]
    folded = {name.casefold(): name for name in names}
    near = get_close_matches(strategy.casefold(), folded, n=1)
    if near and strategy not in names:
        notices.warn_once(
            ("backtest_strategy", str(book.directory), strategy),
            f"nothing is recorded of a strategy {strategy!r}; is it {folded[near[0]]!r}?",
        )


def figures(book: RunBook) -> dict[str, Any]:
    """How many runs and trials there are, of which strategies, and their bytes."""
    rows = book.ask("SELECT name, runs, trials FROM strategy ORDER BY name")
    strategies = {name: {"runs": runs, "trials": trials} for name, runs, trials in rows}
    for run in unwritten_trials(book):
        of_it = strategies.setdefault(as_text(run.strategy), {"runs": 0, "trials": 0})
        of_it["trials"] += 1
    return {
        "directory": str(book.directory / RECORDS),
        "runs": sum(one["runs"] for one in strategies.values()),
        "held": len(book.held()),
        "trials": sum(one["trials"] for one in strategies.values()),
        "lower_bound": is_lower_bound(book),
        "strategies": strategies,
        "bytes": _bytes(book),
    }


def _bytes(book: RunBook) -> int:
    paths = [book.path.with_name(book.path.name + suffix) for suffix in ("", "-wal")]
    # A folder that may not be read counts for nothing.
    for folder, _, names in os.walk(kept_frames.folder_of(book.directory)):
        paths += [Path(folder, name) for name in names]
    total = 0
    for path in paths:
        with contextlib.suppress(OSError):  # removed meanwhile
            total += path.stat().st_size
    return total
