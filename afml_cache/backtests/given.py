"""Runs that a user hands over, instead of having a decorated function record them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from xxhash import xxh3_128_digest

from afml_cache.backtests import kept_frames
from afml_cache.backtests.arguments import Arguments, arguments_of
from afml_cache.backtests.book import book_of
from afml_cache.backtests.origin import origin_of
from afml_cache.backtests.parts import Parts, parts_of, tell_omitted
from afml_cache.backtests.plain import to_plain
from afml_cache.backtests.run import Run, run_id_of
from afml_cache.errors import BacktestRecordError
from afml_cache.store.store import Store


def arguments_given(params: Any, data: Any) -> Arguments:
    """The arguments of a run by its parameters and data, as a call of it would have them.

    Raises
    ------
    UnkeyableArgumentError
        A part of them has no content key.
    """
    values = {"params": {} if params is None else params}
    if data is not None:
        values["data"] = data
    return arguments_of(values)


def possible_arguments(params: Any, data: Any) -> Iterator[Arguments]:
    """As :func:`arguments_given`; a dict may also name several arguments that are data."""
    yield arguments_given(params, data)
    if type(data) is dict and "params" not in data and all(type(name) is str for name in data):
        yield arguments_of({"params": {} if params is None else params, **data})


def record_given(
    store: Store,
    strategy: str,
    params: Any,
    data: Any,
    results: tuple[Any, Any, Any],
    *,
    seconds: float = 0.0,
    split: int | None = None,
) -> str:
    """Record a run; the same strategy, parameters and data give the same id.

    Parameters
    ----------
    store : Store
        Beside which it is recorded.
    results : tuple
        Metrics, trades, equity; where the last two are None, those that the metrics bring along.

    Raises
    ------
    UnkeyableArgumentError
        Parameters or data have no content key.
    BacktestRecordError
        It cannot be recorded now.
    """
    if store.read_only:
        raise BacktestRecordError(
            f"nothing is recorded in {store.directory} in mode 'readonly'; configure(mode='on') "
            "first"
        )
    metrics, trades, equity = results
    # Of a dict that is given as metrics, a member `trades` is a metric like any other.
    brought = parts_of({"metrics": metrics} if isinstance(metrics, Mapping) else metrics)
    parts = Parts(
        brought.metrics,
        brought.trades if trades is None else trades,
        brought.equity if equity is None else equity,
        brought.omitted,
    )
    tell_omitted(strategy, parts)
    arguments = arguments_given(params, data)
    trial = xxh3_128_digest(
        b"given"
        + arguments.parameters_digest
        + arguments.data_digest
        + strategy.encode("utf-8", "surrogatepass")
    )
    run_id = run_id_of(
        strategy, trial if split is None else xxh3_128_digest(trial + str(split).encode())
    )
    kept = kept_frames.keep_both(store, strategy, run_id, parts)
    run = Run(
        id=run_id,
        strategy=strategy,
        function="",
        code=b"",
        trial=trial,
        arguments=arguments,
        metrics={name: to_plain(value) for name, value in parts.metrics.items()},
        seconds=seconds,
        created=time.time(),
        origin=origin_of(None),
        trades=kept[0],
        equity=kept[1],
        split=split,
    )
    book = book_of(store)
    if not book.add(run):
        raise BacktestRecordError(
            f"the run {run_id} cannot be written to {book.path} now; it is held in memory, and "
            "written with the next run or when this program ends, if it can be by then"
        )
    return run_id
