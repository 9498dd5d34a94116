"""The accesses that were logged below a cache directory, as tables and in words."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from afml_cache import notices, settings
from afml_cache.data_access import report
from afml_cache.data_access.caller import Caller, user_frame
from afml_cache.data_access.overlaps import Dataset, datasets
from afml_cache.data_access.purposes import checked_name, is_known, use_of
from afml_cache.data_access.records import Access, AccessRecords, Judged
from afml_cache.errors import ConfigurationError, ReportError
from afml_cache.keys.dates import HIGHEST, LOWEST, Dated, clamped, is_missing, read_date
from afml_cache.keys.extent import Extent
from afml_cache.store.active import active

if TYPE_CHECKING:
    import pandas as pd


class DataAccessTracker:
    """The accesses to data sets that were logged below a cache directory, by any process.

    Parameters
    ----------
    directory : path, optional
        The cache directory; that of the active store by default, whichever that is at the time.

    Examples
    --------
    >>> from afml_cache import DataAccessTracker
    >>> tracker = DataAccessTracker(tmp_path / "tracked")
    >>> tracker.log_data_access("prices", "2020", "2022", "train")
    >>> tracker.log_data_access("prices", "2022-07", "2023", "test")
    >>> tracker.contamination()[["purpose", "overlap_start", "order"]].values.tolist()
    [['train', Timestamp('2022-07-01 00:00:00'), 'before the first test']]
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        self._directory = None if directory is None else Path(directory)

    @property
    def path(self) -> Path:
        """The file of the records, which may not exist yet."""
        return self._records().path

    def _records(self) -> AccessRecords:
        directory = active().directory if self._directory is None else self._directory
        return AccessRecords(directory)

    def log_data_access(self, dataset: str, start: object, end: object, purpose: str) -> None:
        """As :func:`log_data_access`, below this tracker's directory."""
        extent = _extent(start, end)
        names = checked_name("dataset", dataset), checked_name("purpose", purpose).lower()
        self.count(*names, [extent], user_frame())

    def count(self, dataset: str, purpose: str, extents: list[Extent], by: Caller) -> None:
        """Count an access to each; where that cannot be done, it costs a warning, no result."""
        if settings.current.mode == "readonly":
            notices.warn_once(
                ("access_readonly", dataset),
                f"accesses to {dataset} are not recorded, since the cache is used in mode "
                "'readonly', which writes nothing",
            )
            return
        if not is_known(purpose):
            notices.warn_once(
                ("access_purpose", purpose),
                f"the purpose {purpose!r} (of {dataset}) counts as none of training, tuning and "
                "testing, so the contamination report draws no conclusion from it; say 'train', "
                "'optimize' or 'test', or 'other' if it is none",
            )
        try:
            records = self._records()
            for extent in extents:
                records.count(dataset, purpose, extent, by)
        except (OSError, sqlite3.Error) as error:
            notices.warn_once(
                ("access_records", dataset, type(error)),
                f"an access to {dataset} ({purpose}) could not be recorded ({error}), so the "
                "contamination report will lack it; see that records/data_access.sqlite in the "
                "cache directory can be written to; where it is damaged, "
                "DataAccessTracker().begin_anew() moves it aside",
            )

    def accesses(self) -> pd.DataFrame:
        """Everything that was logged, one row a data set, purpose, range and line of code.

        Returns
        -------
        DataFrame
            ``dataset``, ``purpose``, ``use`` (training, tuning, testing, other), ``start``,
            ``end`` (both included; NaT: open), ``count``, ``first_use``, ``last_use`` (UTC),
            ``file``, ``line``, ``function``.

        Raises
        ------
        ReportError
            The records cannot be read.
        """
        import pandas as pd

        rows = [
            {
                "dataset": one.dataset,
                "purpose": one.purpose,
                "use": str(use_of(one.purpose)),
                "start": _stamp(one.extent.first),
                "end": _stamp(one.extent.last),
                "count": one.count,
                "first_use": _moment(one.first_use),
                "last_use": _moment(one.last_use),
                "file": one.by.file,
                "line": one.by.line,
                "function": one.by.function,
            }
            for one in self._read()[0]
        ]
        columns = ["dataset", "purpose", "use", "start", "end", "count", "first_use", "last_use"]
        return pd.DataFrame(rows, columns=[*columns, "file", "line", "function"])

    def test_ranges(self) -> pd.DataFrame:
        """The ranges that were tested on, and what they are worth.

        Returns
        -------
        DataFrame
            One row a range: ``dataset``, ``start``, ``end``, ``touches``, ``touches_of_any_part``
            (by tests of ranges that overlap it, its own included), ``first_use``, ``last_use``,
            and ``contaminated_by``: how many ranges that overlap it had been trained or tuned on
            by what was tested.

        Raises
        ------
        ReportError
            The records cannot be read.
        """
        import pandas as pd

        rows = [
            {
                "dataset": one.test.dataset,
                "start": _stamp(one.test.extent.first),
                "end": _stamp(one.test.extent.last),
                "touches": one.test.count,
                "touches_of_any_part": one.touches,
                "first_use": _moment(one.test.first_use),
                "last_use": _moment(one.test.last_use),
                "contaminated_by": len(one.contaminated_by),
            }
            for dataset in self._datasets()
            for one in dataset.verdicts()
        ]
        columns = ["dataset", "start", "end", "touches", "touches_of_any_part"]
        return pd.DataFrame(rows, columns=[*columns, "first_use", "last_use", "contaminated_by"])

    def contamination(self) -> pd.DataFrame:
        """Every tested range with every range of the same data that was trained or tuned on.

        Returns
        -------
        DataFrame
            One row an overlap: ``dataset``, ``test_start``, ``test_end``, ``purpose``, ``start``,
            ``end``, ``overlap_start``, ``overlap_end``, ``order`` (``"before the first test"``,
            ``"between tests"``, ``"after the last test"``), ``contaminates`` (the process that
            tested had trained on it since the test before, or, having trained on nothing itself,
            tested after anybody had), ``count``, ``first_use``, and ``by``.

        Raises
        ------
        ReportError
            The records cannot be read.
        """
        import pandas as pd

        rows = [
            {
                "dataset": one.test.dataset,
                "test_start": _stamp(one.test.extent.first),
                "test_end": _stamp(one.test.extent.last),
                "purpose": one.other.purpose,
                "start": _stamp(one.other.extent.first),
                "end": _stamp(one.other.extent.last),
                "overlap_start": _stamp(one.extent.first),
                "overlap_end": _stamp(one.extent.last),
                "order": str(one.order),
                "contaminates": one.contaminates,
                "count": one.other.count,
                "first_use": _moment(one.other.first_use),
                "by": ", ".join(dict.fromkeys(map(str, one.other.by))),
            }
            for dataset in self._datasets()
            for one in dataset.overlaps()
        ]
        columns = ["dataset", "test_start", "test_end", "purpose", "start", "end"]
        columns += ["overlap_start", "overlap_end", "order", "contaminates", "count", "first_use"]
        return pd.DataFrame(rows, columns=[*columns, "by"])

    def report(self) -> str:
        """What was touched, in words of 80 columns.

        Raises
        ------
        ReportError
            The records cannot be read.
        """
        found = self._datasets()
        return report.in_words(found) if found else f"no access to data is logged in {self.path}"

    def begin_anew(self) -> Path | None:
        """Begin with no accesses; those so far move to an archive beside the file.

        Also while other processes log: each access is in the archive or in the new records.
        Moving the file by hand instead would leave behind what lies in its write-ahead log.

        Returns
        -------
        Path or None
            The archive, an SQLite file ``data_access.until-<time>.sqlite``; a damaged file is
            itself moved, to ``data_access.sqlite.corrupt-<time>``. None where nothing is logged.

        Raises
        ------
        ReportError
            They cannot be moved; the records are as they were.
        """
        if settings.current.mode == "readonly":
            raise ReportError("in mode 'readonly' nothing is moved; configure(mode='on') first")
        try:
            return self._records().begin_anew()
        except (OSError, sqlite3.Error) as error:
            raise ReportError(
                f"the accesses to data in {self.path} cannot be moved ({error}); they are as they "
                "were: see that its folder can be written to"
            ) from error

    def _datasets(self) -> list[Dataset]:
        return datasets(*self._read())

    def _read(self) -> tuple[list[Access], Judged]:
        try:
            return self._records().judged()
        except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
            raise ReportError(
                f"the accesses to data in {self.path} cannot be read ({error}); if the file is "
                "damaged, DataAccessTracker().begin_anew() moves it aside"
            ) from error


#: That of the active store, whichever that is.
tracker = DataAccessTracker()


def _extent(start: object, end: object) -> Extent:
    first, last = _bound("start", start), _bound("end", end)
    aware = any(date is not None and date.aware for date in (first, last))
    extent = Extent(
        LOWEST if first is None else clamped(first.first),
        HIGHEST if last is None else clamped(last.last),
        aware,
    )
    if extent.first > extent.last:
        raise ConfigurationError(f"start={start!r} lies after end={end!r}")
    return extent


def _bound(name: str, given: object) -> Dated | None:
    if is_missing(given):
        return None
    date = read_date(given)
    if date is None:
        raise ConfigurationError(
            f"{name}={given!r} is not read as a date; give '2024-03-01', a date, a Timestamp, or "
            "None for an open end"
        )
    return date


def _stamp(nanoseconds: int) -> Any:
    """A Timestamp; NaT where the side is open."""
    import pandas as pd

    if nanoseconds in (LOWEST, HIGHEST):
        return pd.NaT
    return pd.Timestamp(nanoseconds)


def _moment(seconds: float) -> Any:
    import pandas as pd

    return pd.Timestamp(seconds, unit="s", tz="UTC")
