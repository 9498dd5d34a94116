"""The records of backtests as a user asks them: runs, their results, the best of so many trials."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from afml_cache import notices, settings
from afml_cache.backtests import cleared_runs, restored_runs
from afml_cache.backtests.asked import (
    count_of_trials,
    figures,
    is_lower_bound,
    part_of,
    replace_trades,
    result_of,
    runs_named,
    tell_near_strategy,
)
from afml_cache.backtests.best import BestRun, Ranking, best_runs, check_metric
from afml_cache.backtests.book import RunBook, book_of
from afml_cache.backtests.cleared_runs import ClearedRuns
from afml_cache.backtests.frames import frame_of, side_by_side
from afml_cache.backtests.given import arguments_given, possible_arguments, record_given
from afml_cache.backtests.rows import BacktestMetadata, BacktestResult, runs_where, trials_of
from afml_cache.backtests.run import as_text
from afml_cache.store.active import active
from afml_cache.store.store import Store

if TYPE_CHECKING:
    import pandas as pd

_LATEST = "ORDER BY created DESC, rowid DESC LIMIT 1"


class BacktestCache:
    """What is recorded of backtests in one cache directory.

    Parameters
    ----------
    directory : path, optional
        None: that of the store which is in use at each call.

    Examples
    --------
    >>> import pandas as pd
    >>> cache, close = BacktestCache(tmp_path / "backtests"), pd.Series([10.0, 11.0, 10.5])
    >>> for window, sharpe in ((10, 0.8), (20, 1.4), (50, float("nan"))):
    ...     _ = cache.cache_backtest("sma", {"window": window}, close, {"sharpe": sharpe})
    >>> cache.runs("sma").query("sharpe > 1")["params.window"].tolist()
    [20]
    >>> print(cache.find_best_parameters("sma", "sharpe")[0])
    sharpe 1.4, the best of 3 trials: window=20, on 3 rows from 0 to 2
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        self._store: Store | None = None
        if directory is not None:
            now = settings.current
            self._store = Store(directory, secret=now.secret, read_only=now.mode == "readonly")

    # -- recording -------------------------------------------------------------------

    def cache_backtest(
        self,
        strategy: str,
        params: Any,
        data: Any,
        metrics: Any,
        trades: Any = None,
        equity: Any = None,
        *,
        seconds: float = 0.0,
    ) -> str:
        """Record a run that was made without :func:`cached_backtest`; it is a trial, too.

        Parameters
        ----------
        strategy : str
        params : dict
            Anything with a content key.
        data : frame, series, array, or dict of them
            What the run saw. None: nothing.
        metrics : dict or Series
            Also the ``Stats`` of the library backtesting or a portfolio of vectorbt, which bring
            their trades and equity curve along.
        trades, equity : frame, series or array, optional
        seconds : float, optional
            What it took.

        Returns
        -------
        str
            The id of the run: the same strategy, parameters and data have the same, and what was
            recorded under it is replaced.

        Raises
        ------
        UnkeyableArgumentError
            Parameters or data have no content key.
        BacktestRecordError
            It cannot be recorded now.
        """
        results = metrics, trades, equity
        return record_given(self._in_use(), strategy, params, data, results, seconds=seconds)

    def cache_walk_forward_split(
        self,
        strategy: str,
        split: int,
        params: Any,
        train: Any,
        test: Any,
        metrics: Any,
        trades: Any = None,
        equity: Any = None,
    ) -> str:
        """Record one split of a walk-forward study: a run that saw two windows of data.

        Parameters
        ----------
        strategy : str
        split : int
            Its number.
        params : dict
            What it was tested with.
        train, test : frame, series or array
            The windows.
        metrics, trades, equity
            Of the test, as for :meth:`cache_backtest`.

        Returns
        -------
        str
            The id of the run.

        Raises
        ------
        UnkeyableArgumentError, BacktestRecordError
            As for :meth:`cache_backtest`.
        """
        data, results = {"train": train, "test": test}, (metrics, trades, equity)
        return record_given(self._in_use(), strategy, params, data, results, split=int(split))

    def cache_trades(self, run_id: str, trades: Any) -> None:
        """Keep the trades of a run, in place of those that it has.

        Raises
        ------
        UnknownRunError
            There is no such run.
        BacktestRecordError
            They cannot be kept.
        """
        replace_trades(self._in_use(), self.get_run_metadata(run_id), trades)

    # -- asking ----------------------------------------------------------------------

    def get_cached_backtest(
        self, strategy: str, params: Any = None, data: Any = None, *, run_id: str | None = None
    ) -> BacktestResult | None:
        """What is recorded of the run with these parameters on this data.

        Parameters
        ----------
        strategy : str
        params : dict
            All parameters by name, as :meth:`runs` shows them. Of a function ``run(data, params,
            fee=0.001)`` the fee is one of them, whether it was given or not.
        data : frame, series, array, or dict of them
            Of a function with several arguments that are data, a dict of them by name.
        run_id : str, optional
            Ask for one run by its id instead.

        Returns
        -------
        BacktestResult or None
            None where there is no such run. Of several, made by different code, the latest.
        """
        name, book = as_text(strategy), self._book()
        if run_id is not None:
            found = runs_where(book, "strategy=? AND id=?", (name, run_id))
        else:
            found = []
            where = f"strategy=? AND parameters_digest=? AND data_digest=? {_LATEST}"
            for one in possible_arguments(params, data):
                found += runs_where(book, where, (name, one.parameters_digest, one.data_digest))
        return result_of(self._in_use(), found[0]) if found else None

    def get_walk_forward_split(
        self, strategy: str, split: int, params: Any = None
    ) -> BacktestResult | None:
        """What is recorded of a split, of several the latest; None where there is none.

        ``params`` asks for those with exactly these parameters.
        """
        where = "strategy=? AND split=?"
        values: tuple[Any, ...] = (as_text(strategy), int(split))
        if params is not None:
            where += " AND parameters_digest=?"
            values += (arguments_given(params, None).parameters_digest,)
        found = runs_where(self._book(), f"{where} {_LATEST}", values)
        return result_of(self._in_use(), found[0]) if found else None

    def get_run_metadata(self, run_id: str) -> BacktestMetadata:
        """What is known of a run besides its results; raises `UnknownRunError`."""
        return runs_named(self._in_use(), [run_id])[0].metadata

    def get_cached_trades(self, run_id: str) -> Any:
        """The trades of a run; None where it had none, or they were not kept.

        Raises
        ------
        UnknownRunError
            There is no such run.
        BacktestRecordError
            They were kept and cannot be read.
        """
        return part_of(self._in_use(), self.get_run_metadata(run_id), "trades")

    def get_cached_equity(self, run_id: str) -> Any:
        """The equity curve of a run, as :meth:`get_cached_trades`."""
        return part_of(self._in_use(), self.get_run_metadata(run_id), "equity")

    def runs(self, strategy: str | None = None) -> pd.DataFrame:
        """The runs of one strategy, or all: a row each, the oldest first.

        Returns
        -------
        DataFrame
            ``run_id``, ``strategy``, ``created`` (UTC), ``seconds``, ``function``, ``code``,
            ``rows``, ``first`` and ``last`` of the data, ``split``; a column ``params.<name>`` for
            each parameter and one for each metric (``metrics.<name>`` where the name is one of
            these), numbers as numbers. In :meth:`~pandas.DataFrame.query`, names that are no
            identifiers stand in backticks: ``"`params.window` > 10 and `Sharpe Ratio` > 1"``.
        """
        where, values = ("1", ()) if strategy is None else ("strategy=?", (as_text(strategy),))
        return frame_of(
            runs_where(self._book(), f"{where} ORDER BY created, rowid", values), "run_id"
        )

    def compare_runs(
        self, run_ids: Sequence[str], metrics: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Runs side by side: a row each, in the order given.

        Parameters
        ----------
        run_ids : sequence of str
        metrics : sequence of str, optional
            None: all.

        Returns
        -------
        DataFrame
            By ``run_id``: ``strategy``, ``code``, ``rows``, ``first`` and ``last`` of the data,
            ``params.<name>`` and the metrics.

        Raises
        ------
        UnknownRunError
            There is no such run.
        ValueError
            None of the runs has a metric of this name.
        """
        ids = [run_ids] if isinstance(run_ids, str) else list(run_ids)
        wanted = [metrics] if isinstance(metrics, str) else metrics
        runs = runs_named(self._in_use(), ids)
        for metric in wanted or ():
            check_metric(runs, metric)
        return side_by_side(runs, wanted)

    def find_best_parameters(
        self,
        strategy: str,
        metric: str,
        maximize: bool = True,
        top_n: int = 1,
        *,
        data: Any = None,
        all_code: bool = False,
    ) -> list[BestRun]:
        """The runs of a strategy that are best by one metric, the best first.

        Parameters
        ----------
        strategy, metric : str
        maximize : bool, optional
            False: the least is the best.
        top_n : int, optional
            How many.
        data : frame, series, array, or dict of them, optional
            Only runs on exactly this data. None: on any; each says on which.
        all_code : bool, optional
            False: only runs by the code of the newest one, since what a corrected error has made
            is no result. True: by any, each of which says whether it has changed since.

        Returns
        -------
        list of BestRun
            Each says how many trials it is the best of, those by other code and on other data
            among them. NaN is never the best; fewer than ``top_n`` where there are no more.

        Raises
        ------
        ValueError
            None of the runs has a metric of this name, or ``top_n`` is less than 1.
        """
        if top_n < 1:
            raise ValueError(f"top_n is {top_n!r}; it can be 1 or more")
        name, book = as_text(strategy), self._book()
        of_data = () if data is None else possible_arguments(None, data)
        digests = tuple(one.data_digest for one in of_data)
        ranking = Ranking(name, metric, maximize, top_n, all_code, digests)
        found = best_runs(book, ranking, count_of_trials(book, name), is_lower_bound(book))
        if not found:
            tell_near_strategy(book, name)
        return found

    # -- the ledger ------------------------------------------------------------------

    def trial_count(self, strategy: str | None = None) -> int:
        """How many trials of a strategy, or of all, there have ever been.

        Every distinct combination of code, parameters and data that was ever computed is one; hits
        are none, and clearing takes none away. ``get_cache_stats()["lower_bound"]`` tells whether
        damage to the records may have.
        """
        return count_of_trials(self._book(), None if strategy is None else as_text(strategy))

    def trials(self, strategy: str | None = None) -> pd.DataFrame:
        """The trials of a strategy, or of all: as :meth:`runs`, with ``trial`` for ``run_id``.

        Metrics are those of the first run of each.
        """
        name = None if strategy is None else as_text(strategy)
        return frame_of(list(trials_of(self._book(), name)), "trial")

    # -- housekeeping ----------------------------------------------------------------

    def clear_old_runs(self, days: float) -> ClearedRuns:
        """Move runs aside that are older than so many days; the ledger of trials stays.

        Returns
        -------
        ClearedRuns
            How many, and where they lie; also logged. :meth:`restore_runs` brings them back.

        Raises
        ------
        ClearingError
            Not all could be moved; nothing is lost.
        """
        if not (isinstance(days, int | float) and days >= 0):
            raise ValueError(f"days is {days!r}; it can be 0 or more")
        cleared = cleared_runs.clear_before(self._book(), time.time() - days * 86_400)
        notices.say(logging.INFO, "%s", cleared)
        return cleared

    def restore_runs(self, *, replace: bool = False) -> int:
        """Bring back all runs that were moved aside; returns how many. Raises `ClearingError`.

        A run that has been recorded again since, with other results, stays as it is now, and what
        was cleared of it stays aside, with a warning; ``replace=True`` changes their places.
        """
        return restored_runs.restore(self._book(), replace=replace)

    def get_cache_stats(self) -> dict[str, Any]:
        """What is recorded: ``runs`` and ``trials``, ``strategies`` (of each both), ``bytes``.

        ``held`` are runs that wait to be written: their trials count, and they are not among the
        runs yet. ``lower_bound`` is true where damage may have cost the ledger trials.
        """
        return figures(self._book())

    # -- inner -----------------------------------------------------------------------

    def _in_use(self) -> Store:
        return active() if self._store is None else self._store

    def _book(self) -> RunBook:
        return book_of(self._in_use())


def get_backtest_cache() -> BacktestCache:
    """The records of backtests beside the store that is in use, whichever that is at each call."""
    return _following


_following = BacktestCache()
