"""``sweep``: a backtest over a grid of parameters; only what is new is computed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from afml_cache.backtests import tracked
from afml_cache.backtests.studies.grid import Grid, combinations_of
from afml_cache.backtests.studies.run_study import Wanted, Workers, run_study
from afml_cache.backtests.studies.study import Study, study_of
from afml_cache.backtests.studies.table import Row, table_of
from afml_cache.backtests.tracked import StudyRun
from afml_cache.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

#: The column that the table of a tracked study has beside the others.
MLFLOW_RUN_ID = "mlflow_run_id"


def sweep(
    run: Any,
    data: Any,
    grid: Grid,
    *,
    n_jobs: int | None = None,
    backend: str | None = None,
    progress: bool = True,
    resume: bool = True,
    mlflow: bool = False,
    **fixed: Any,
) -> pd.DataFrame:
    """Run a backtest with every combination of parameters, and compute only those that are new.

    Each combination is a call of its own: ``run(data, params, **fixed)``. What the function has as
    a parameter of its own is given by name: ``run(data, fast=5)``, ``run(data, params, fee=0.1)``.
    Whatever stops the study, the same call goes on where it was.

    Parameters
    ----------
    run : callable
        Made by :func:`cached_backtest` or another decorator of this cache. A plain function is
        cached under its own name.
    data : object
        What every call is given first: a frame, say. It is sent to each worker once, and its
        digest is taken once.
    grid : mapping, ParameterGrid or iterable of dict
        Name -> values, of which all combinations are tried; or the combinations. An iterator is
        consumed once, a few combinations ahead of the workers.
    n_jobs : int, optional
        Workers. None: as :class:`joblib.parallel_config` has it, else all cores.
    backend : {"loky", "threading", "dask", "ray"}, optional
        None: the one that is active in :class:`joblib.parallel_config`, else processes on this
        machine (``"loky"``). On a cluster, workers that see the store store their results
        themselves; the others hand them back.
    progress : bool, optional
        Show on a terminal how far it is.
    resume : bool, optional
        False: compute everything anew. A stored result is replaced once the new one is there.
    mlflow : bool, optional
        True: the study is a run of MLflow, and each combination that is computed one under it.
        Where all are there already, no run is made; the hits are counted on the runs that
        computed the results.
    **fixed
        Further arguments of every call, by name.

    Returns
    -------
    DataFrame
        A row a combination, in the order of the grid: the parameters, the metrics that are
        numbers, ``run_id``, ``outcome`` (``"hit"``, ``"computed"``, ``"failed"``), ``seconds``
        that the function took, ``error``; with ``mlflow=True`` also ``mlflow_run_id``, the id in
        MLflow of the run that computed the row, None where there is none (yet). A parameter
        that bears the name of a metric is called ``params.<name>``.

    Raises
    ------
    ConfigurationError
        The function, the grid or the backend cannot be used, or the function cannot be called with
        the parameters of the grid.
    StudyInterrupted
        By SIGINT (Ctrl-C), which is a KeyboardInterrupt. What is done is kept.

    Warns
    -----
    CacheWarning
        Some combinations failed. They are recorded (:func:`failed_runs`), do not stop the others,
        and are tried again by the next call.

    Examples
    --------
    >>> import pandas as pd
    >>> from afml_cache import cached_backtest, sweep, use_store
    >>> @cached_backtest("momentum")
    ... def run(data, params):
    ...     held = data.diff(params["window"]).gt(0).shift(1, fill_value=False)
    ...     return {"return": round(float((data.pct_change() * held).sum()), 3)}
    >>> prices = pd.Series([10.0, 11.0, 12.0, 11.0, 12.0, 13.0])
    >>> with use_store(tmp_path / "sweep"):
    ...     _ = sweep(run, prices, {"window": [1, 2]}, n_jobs=1)
    ...     table = sweep(run, prices, {"window": [1, 2, 3]}, n_jobs=1)
    >>> table[["window", "return", "outcome"]].values.tolist()
    [[1, 0.091, 'hit'], [2, -0.083, 'hit'], [3, 0.174, 'computed']]
    """
    study = study_of(run, data, fixed)
    combinations, total = combinations_of(grid)
    if isinstance(grid, list | tuple):  # what cannot be called is found before anything is computed
        known = list(combinations)
        for one in {frozenset(one): one for one in known}.values():
            study.check(one)
        combinations = iter(known)
    wanted = map(Wanted, combinations)
    workers = Workers(n_jobs, backend)
    if not mlflow:
        rows = run_study(study, wanted, total, workers=workers, progress=progress, resume=resume)
        return table_of(rows)
    with study_run(study, "sweep") as of_study:
        study = dataclasses.replace(study, tracking=of_study.tracking)
        rows = run_study(study, wanted, total, workers=workers, progress=progress, resume=resume)
        of_study.sum_up(study, rows, _tried(rows))
    return table_of(rows, {MLFLOW_RUN_ID: of_study.run_ids(rows)})


def _tried(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Name -> the values that a parameter had, in their order."""
    tried: dict[str, dict[object, Any]] = {}
    for row in rows:
        for name, value in row.parameters.items():
            try:
                tried.setdefault(f"grid.{name}", {}).setdefault((type(value), value), value)
            except TypeError:  # a list, a dict: most combinations share the grid's own
                tried[f"grid.{name}"].setdefault(id(value), value)
    return {name: list(values.values()) for name, values in tried.items()}


def study_run(study: Study, kind: str) -> StudyRun:
    """The run of a study in MLflow, about to begin.

    Raises
    ------
    ConfigurationError
        Nothing is told of the runs of its function.
    """
    recorder = study.function._recorder
    if recorder is None:
        raise ConfigurationError(
            f"the runs of {study.strategy} cannot be tracked, since they are not recorded: "
            "decorate it with @cached_backtest('my_strategy'), or give the plain function"
        )
    save_trades = getattr(recorder, "save_trades", True)
    return tracked.tracker().study(study.strategy, save_trades, kind)
