"""Price bars of three instruments, read from files that installed packages ship.

Reading takes milliseconds, so nothing here is cached. The packages are located but not
imported: importing them to reach a CSV file would load plotting and econometrics.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class Source:
    """Where the bars of an instrument lie and how their dates are written."""

    package: str
    file: str
    date_format: str
    description: str


SOURCES = {
    "GOOG": Source("backtesting", "test/GOOG.csv", "%Y-%m-%d", "Google, daily, 2004-2013"),
    "SP500": Source("arch", "data/sp500/sp500.csv.gz", "%m/%d/%Y", "S&P 500, daily, 1999-2018"),
    "EURUSD": Source("backtesting", "test/EURUSD.csv", "%Y-%m-%d %H:%M:%S", "hourly, 2017-2018"),
}


def load_bars(instrument: str, last: int | None = None) -> pd.DataFrame:
    """Open, high, low, close and volume of ``instrument``, oldest bar first.

    Parameters
    ----------
    instrument : str
        A key of ``SOURCES``.
    last : int, optional
        Keep only this many of the latest bars.

    Returns
    -------
    DataFrame
        float64 columns ``open, high, low, close, volume``, indexed by time (ns, no zone).
    """
    source = SOURCES.get(instrument)
    if source is None:
        raise KeyError(f"no bars for {instrument!r}; there are {', '.join(SOURCES)}")
    spec = find_spec(source.package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            f"the bars of {instrument} come with the package {source.package!r}, which is not"
            f" installed; run: pip install {source.package}"
        )
    table = pd.read_csv(Path(spec.submodule_search_locations[0]) / source.file, index_col=0)
    table.columns = table.columns.str.lower()
    # One unit and one order whichever pandas reads the file.
    table.index = pd.to_datetime(table.index, format=source.date_format).as_unit("ns")
    table.index.name = "time"
    bars = table[["open", "high", "low", "close", "volume"]].astype("float64").sort_index()
    return bars if last is None else bars.iloc[-last:]


def bars_per_year(index: pd.DatetimeIndex) -> float:
    """How many bars of ``index`` make up a calendar year, for annualising."""
    years = (index[-1] - index[0]) / pd.Timedelta(days=365.25)
    return (len(index) - 1) / years
