import numpy as np

from legacy_quant.labels import cusum_events, triple_barrier_labels
from legacy_quant.volatility import daily_volatility


def test_a_higher_threshold_makes_fewer_events(close):
    assert 10 < len(cusum_events(close, multiple=2.0)) < len(cusum_events(close, multiple=1.0))


def test_events_do_not_depend_on_later_prices(google):
    early = cusum_events(google.iloc[:400])
    assert early.equals(cusum_events(google)[: len(early)])


def test_every_label_ends_at_the_first_barrier_it_touches(close):
    labels = triple_barrier_labels(
        close, cusum_events(close), profit_taking=1.0, stop_loss=1.0, holding_days=5
    )
    width = daily_volatility(close)
    for time, row in labels.iterrows():
        path = close.iloc[int(row["start"]) : int(row["end"]) + 1] / close[time] - 1.0
        assert (path.iloc[:-1].abs() < width[time]).all()
        reached = abs(path.iloc[-1]) >= width[time]
        waited = path.index[-1] >= time + np.timedelta64(5, "D")
        assert reached or waited


def test_a_label_is_the_sign_of_its_return(labels):
    assert (np.sign(labels["return"]) == labels["label"]).all()


def test_no_label_looks_past_the_data(google):
    events = google.index[-3:]
    assert len(triple_barrier_labels(google, events, holding_days=30)) == 0
