import numpy as np
import pytest

from legacy_quant.loader import SOURCES, bars_per_year, load_bars


@pytest.mark.parametrize("instrument", SOURCES)
def test_bars_are_complete_ordered_and_consistent(instrument):
    bars = load_bars(instrument)
    assert len(bars) > 2000
    assert bars.index.is_monotonic_increasing
    assert bars.index.is_unique
    assert np.isfinite(bars.to_numpy()).all()
    assert (bars["high"] >= bars["low"]).all()


def test_the_latest_bars_are_the_end_of_all_bars():
    assert load_bars("GOOG", last=10).equals(load_bars("GOOG").iloc[-10:])


def test_daily_bars_have_about_252_a_year():
    assert bars_per_year(load_bars("SP500").index) == pytest.approx(252, abs=1)


def test_an_unknown_instrument_is_named_with_those_that_exist():
    with pytest.raises(KeyError, match=r"TSLA.*GOOG"):
        load_bars("TSLA")
