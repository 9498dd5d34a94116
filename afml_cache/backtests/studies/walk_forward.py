"""``walk_forward``: each fold is a call of its own, so a new month computes only itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from afml_cache.backtests.span import Length
from afml_cache.backtests.splits import Split, sorted_stamps, walk_forward_splits
from afml_cache.backtests.studies.equity import join_equity
from afml_cache.backtests.studies.run_study import Wanted, Workers, run_study
from afml_cache.backtests.studies.study import study_of
from afml_cache.backtests.studies.sweep import MLFLOW_RUN_ID, study_run
from afml_cache.backtests.studies.table import table_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class WalkForward:
    """What a walk-forward study found.

    Attributes
    ----------
    folds : DataFrame
        A row a fold: ``fold``, ``train_start``, ``train_end``, ``test_start``, ``test_end``, then
        parameters, metrics, ``run_id``, ``outcome``, ``seconds`` and ``error`` as from
        :func:`sweep`.
    equity : Series or None
        The equity curves of all test windows joined into one; None where no fold has a curve. See
        :func:`join_equity`.
    """

    folds: pd.DataFrame
    equity: pd.Series[float] | None


def walk_forward(
    run: Any,
    data: Any,
    *,
    train: Length,
    test: Length,
    step: Length | None = None,
    embargo: Length | None = None,
    anchored: bool = False,
    params: Mapping[str, Any] | None = None,
    starting_capital: float | None = None,
    n_jobs: int | None = None,
    backend: str | None = None,
    progress: bool = True,
    resume: bool = True,
    mlflow: bool = False,
    **fixed: Any,
) -> WalkForward:
    """Train on the past, test on what comes after, step on; only new folds are computed.

    Each fold is a call of its own, ``run(train, test, params, **fixed)``, with the rows of the data
    that it may see and no others; ``run(train, test, **fixed)`` where ``params`` is None. Rows that
    are added at the end leave the earlier folds as they are: they are hits.

    Parameters
    ----------
    run : callable
        As for :func:`sweep`, but called with two windows of the data.
    data : DataFrame, Series or array
        In time order.
    train, test, step, embargo, anchored
        The folds, in rows or in time: see :func:`walk_forward_splits`.
    params : dict, optional
        The parameters, as one combination of :func:`sweep`.
    starting_capital : float, optional
        What the equity curve of each fold began with. None: its first value, which is right where
        nothing is earned at the first bar.
    n_jobs, backend, progress, resume, mlflow, **fixed
        As for :func:`sweep`. The run of the study has the joined equity as an artefact.

    Returns
    -------
    WalkForward
        The folds as a frame, and the joined equity of all tests.

    Raises
    ------
    ConfigurationError
        The folds do not fit the data, or as for :func:`sweep`.
    StudyInterrupted
        As for :func:`sweep`.

    Warns
    -----
    CacheWarning
        Some folds failed, as for :func:`sweep`; or an equity curve cannot be joined to the others,
        as for :func:`join_equity`.

    Examples
    --------
    >>> import pandas as pd
    >>> from afml_cache import cached_backtest, use_store, walk_forward
    >>> @cached_backtest("follow the sign")
    ... def run(train, test):
    ...     side = 1 if train.iloc[-1] > train.iloc[0] else -1
    ...     equity = 1 + side * (test / test.iloc[0] - 1)
    ...     return {"return": round(float(equity.iloc[-1] - 1), 3)}, None, equity
    >>> index = pd.date_range("2024-01-01", periods=6)
    >>> prices = pd.Series([10.0, 11.0, 12.0, 11.0, 12.0, 15.0], index=index)
    >>> with use_store(tmp_path / "walk"):
    ...     _ = walk_forward(run, prices.iloc[:4], train=2, test=2, n_jobs=1)
    ...     found = walk_forward(run, prices, train=2, test=2, n_jobs=1)
    >>> found.folds[["fold", "return", "outcome"]].values.tolist()
    [[0, -0.083, 'hit'], [1, -0.25, 'computed']]
    >>> found.equity.round(3).tolist()
    [1.0, 0.917, 0.917, 0.688]
    """
    index = stamps_of(data)
    splits = walk_forward_splits(
        index, train, test, step, embargo=0 if embargo is None else embargo, anchored=anchored
    )
    study = study_of(run, data, fixed, windows=2, wants_equity=True)
    with study_run(study, "walk_forward") if mlflow else nullcontext() as of_study:
        if of_study is not None:
            study = dataclasses.replace(study, tracking=of_study.tracking)
        rows = run_study(
            study,
            [Wanted(params, (_rows(split.train), _rows(split.test))) for split in splits],
            len(splits),
            workers=Workers(n_jobs, backend),
            progress=progress,
            resume=resume,
        )
        for row, split in zip(rows, splits, strict=True):
            row.parameters = {**_fold(split), **(params or {})}
        windows = [index[split.test] for split in splits]
        equity = join_equity(
            [row.equity for row in rows], windows, starting_capital=starting_capital
        )
        if of_study is not None:
            lengths = {"train": train, "test": test, "step": step, "embargo": embargo}
            settings = {name: length for name, length in lengths.items() if length is not None}
            of_study.sum_up(
                study, rows, {**settings, "anchored": anchored, **(params or {})}, equity
            )
    ids = None if of_study is None else {MLFLOW_RUN_ID: of_study.run_ids(rows)}
    return WalkForward(table_of(rows, ids), equity)


def stamps_of(data: Any) -> pd.Index[Any]:
    """When each row is of; an array has rows and no labels."""
    import pandas as pd

    return sorted_stamps(data if hasattr(data, "iloc") else pd.RangeIndex(len(data)))


def _rows(positions: Any) -> tuple[int, int]:
    """From the first row on, up to the one after the last: training and test have no holes."""
    return int(positions[0]), int(positions[-1]) + 1


def _fold(split: Split) -> dict[str, Any]:
    ends = ("train_start", "train_end", "test_start", "test_end")
    return {"fold": split.number} | {name: getattr(split, name) for name in ends}
