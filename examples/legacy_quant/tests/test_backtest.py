import numpy as np
import pandas as pd
import pytest

from legacy_quant.backtest import average_active_bet, bet_size
from legacy_quant.loader import load_bars
from legacy_quant.performance import (
    maximum_drawdown,
    probabilistic_sharpe_ratio,
    sharpe_ratio,
)
from legacy_quant.run import STAGES, main, research


def test_a_bet_grows_with_conviction_and_is_nought_at_even_odds():
    assert bet_size(0.5) == pytest.approx(0.0)
    assert 0.0 < bet_size(0.6) < bet_size(0.9) <= 1.0
    assert bet_size(0.2) == pytest.approx(-bet_size(0.8))


def test_active_bets_are_averaged_from_their_start_to_the_bar_before_their_end():
    size = average_active_bet(np.array([0, 1]), np.array([2, 4]), np.array([1.0, 0.5]), 5)
    assert size.tolist() == [1.0, 0.75, 0.5, 0.5, 0.0]


def test_drawdown_is_measured_from_the_highest_peak():
    assert maximum_drawdown(pd.Series([0.1, -0.5, 0.2])) == pytest.approx(0.5)
    assert maximum_drawdown(pd.Series([-0.1, 0.05])) == pytest.approx(0.1)


def test_a_strategy_that_never_traded_has_no_sharpe_ratio():
    idle = pd.Series(np.zeros(100))
    assert sharpe_ratio(idle, 252) == 0.0
    assert probabilistic_sharpe_ratio(idle) == 0.5


def test_the_pipeline_reports_every_stage_and_ends_in_plausible_figures():
    told = []
    forest = {"n_estimators": 20, "max_depth": 3, "min_samples_leaf": 5}
    bars = load_bars("GOOG", last=1000)
    result = research("GOOG", bars, lambda stage, _: told.append(stage), grid=[forest])
    assert tuple(told) == STAGES
    assert -1.0 < result["cv_score"] < -0.5
    assert abs(result["sharpe"]) < 4.0
    assert 0.0 <= result["drawdown"] < 0.5


def test_too_few_bars_are_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--bars", "10"])
    assert "too few" in capsys.readouterr().err
