"""Tracking with MLflow: the public names of :mod:`afml_cache.tracking`.

Importing this imports no mlflow, and contacts nobody; nor does decorating a function.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from afml_cache.errors import ConfigurationError
from afml_cache.store.active import active
from afml_cache.tracking import client, place, runs
from afml_cache.tracking.block_code import BlockCode
from afml_cache.tracking.deliver import drain
from afml_cache.tracking.experiment_run import ExperimentRun
from afml_cache.tracking.function import MlflowCachedFunction, mlflow_cached
from afml_cache.tracking.given import check_text, checked_tags
from afml_cache.tracking.hits import write_hits
from afml_cache.tracking.outbox import Outbox
from afml_cache.tracking.run_ids import key_of, mlflow_id_of

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import Run

__all__ = [
    "MLFLOW_AVAILABLE",
    "ExperimentRun",
    "MLflowCacheIntegration",
    "MlflowCachedFunction",
    "get_mlflow_cache",
    "mlflow_cached",
    "setup_mlflow_cache",
]

#: Whether MLflow is installed.
MLFLOW_AVAILABLE: bool = client.is_installed()


def setup_mlflow_cache(
    experiment_name: str,
    tracking_uri: str | os.PathLike[str] | None = None,
    *,
    tags: Mapping[str, object] | None = None,
    log_models: bool = True,
    artifact_location: str | None = None,
    patience: float = 5.0,
) -> MLflowCacheIntegration:
    """Say where the runs of tracked functions go, once where a program starts.

    Nothing is contacted now; the first computed call makes the experiment where there is none.

    Parameters
    ----------
    experiment_name : str
    tracking_uri : str or path, optional
        The address of a server, or the path of a SQLite database. None: what the program has told
        ``mlflow.set_tracking_uri``, else ``$MLFLOW_TRACKING_URI``, else a database among the
        records of the cache.
    tags : mapping, optional
        Tags of every run.
    log_models : bool, optional
        False: log no models, whatever the decorators say.
    artifact_location : str, optional
        Where artefacts of the experiment lie, if it has to be made.
    patience : float, optional
        Seconds that a computed call waits for its run to reach a server; what takes longer is sent
        beside the program, or waits in the queue.

    Returns
    -------
    MLflowCacheIntegration

    Raises
    ------
    ConfigurationError
        An argument cannot be used; nothing has been changed.
    """
    if not isinstance(experiment_name, str) or not experiment_name.strip():
        raise ConfigurationError(
            f"experiment_name is {experiment_name!r}; give a text, as in "
            "setup_mlflow_cache('my_project')"
        )
    if (
        type(patience) is bool
        or not isinstance(patience, int | float)
        or not 0 <= patience < float("inf")
    ):
        raise ConfigurationError(f"patience is {patience!r}; give a number of seconds")
    if not isinstance(log_models, bool):
        raise ConfigurationError(f"log_models is {log_models!r}; give True or False")
    check_text("artifact_location", artifact_location, "as the tracking store has it")
    named = checked_tags(tags)
    uri = place.checked_uri(tracking_uri)
    place.configure(
        place.Configured(experiment_name, uri, artifact_location, named, log_models, patience)
    )
    if not client.is_installed():
        client.tell_missing()
    return MLflowCacheIntegration()


def get_mlflow_cache() -> MLflowCacheIntegration:
    """Runs, models and comparisons, at the place that :func:`setup_mlflow_cache` has named."""
    return MLflowCacheIntegration()


class MLflowCacheIntegration:
    """Asks MLflow about tracked runs; made by :func:`get_mlflow_cache`.

    It has no state of its own: what is configured, and which cache is in use, is looked up when
    it is asked.
    """

    __slots__ = ()

    @property
    def tracking_uri(self) -> str:
        """Where runs go now."""
        return self._place().uri

    @property
    def experiment_name(self) -> str:
        """The experiment that they go to; empty where the environment gives only its number."""
        return self._place().experiment

    def get_best_run(
        self, metric: str, maximize: bool = True, filter_string: str = ""
    ) -> Run | None:
        """The finished run of the experiment with the best value of a metric.

        Parameters
        ----------
        metric : str
        maximize : bool, optional
            False: the least value is the best.
        filter_string : str, optional
            A further condition, as MLflow's ``search_runs`` has it.

        Returns
        -------
        mlflow.entities.Run or None
            None where no run has the metric.

        Raises
        ------
        TrackingError
            MLflow does not answer.
        """
        return runs.best_run(self._place(), metric, maximize, filter_string)

    def load_model_from_run(self, run_id: str, name: str | None = None) -> Any:
        """The model of a run, by default the (first) one that its function returned.

        MLflow unpickles it: load only what you trust. ``run_id`` is MLflow's, or the ``run_id``
        that a tracked backtest has in the table of a study or in our records.

        Raises
        ------
        TrackingError
            There is no such run or model, or MLflow does not answer.
        """
        store = active()
        return runs.model_of_run(store, self._place(), mlflow_id_of(store, run_id), name)

    def compare_runs(
        self, run_ids: Sequence[str], metrics: Iterable[str] | None = None
    ) -> pd.DataFrame:
        """Runs side by side.

        Parameters
        ----------
        run_ids : sequence of str
            MLflow's, or ours, as for :meth:`load_model_from_run`.
        metrics : iterable of str, optional
            None: all that any of them has.

        Returns
        -------
        DataFrame
            A row a run, in the order given: its name, status and metrics, and as ``params.<name>``
            the parameters in which they differ.

        Raises
        ------
        TrackingError
            One of them does not exist, or MLflow does not answer.
        """
        store = active()
        ids = [mlflow_id_of(store, run_id) for run_id in run_ids]
        return runs.compared(self._place(), ids, metrics, labels=run_ids)

    def experiment_run(self, name: str, tags: Mapping[str, object] | None = None) -> ExperimentRun:
        """A block of code as one run: ``with cache.experiment_run("tune") as run:``.

        ``run.get_cached(key)`` gives what ``run.cache_result(key, value)`` has cached before,
        ``run.log_metric(name, value)`` and ``run.log_param(name, value)`` log. A block that got all
        it asked for out of the cache, and logs nothing new, makes no run; one that raises makes one
        that failed. Results belong to the code that calls this: see ``docs/mlflow.md``.

        Raises
        ------
        ConfigurationError
            The name is no text, or empty.
        """
        return ExperimentRun(name, BlockCode(sys._getframe(1)), tags)

    def run_for_key(self, key: str) -> Run | None:
        """The run that computed the result of a key, as from ``cache_key(...)``.

        None where there is none. Our own id of a tracked backtest is taken, too.
        """
        store = active()
        found = key_of(store, key)
        return None if found is None else runs.run_of_key(store, found)

    def sync(self) -> tuple[int, int]:
        """Send what waits in the queue: how many runs were sent, and how many wait still.

        Those wait, too, that another thread or process is about to send.
        """
        client.require()
        store = active()
        write_hits(store.directory)
        return drain(Outbox(store.directory), store.sealer())

    def _place(self) -> place.Place:
        return place.place_for(active().directory)
