"""Figures: what is drawn is the data, in the units of the labels, and nothing else is touched."""

from __future__ import annotations

import io
import itertools
import sys

import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    ConfigurationError,
    UnknownRunError,
    cached_backtest,
    get_backtest_cache,
    plot_drawdown,
    plot_equity,
    plot_sweep,
    sweep,
)

matplotlib = pytest.importorskip("matplotlib")
prices = pytest.importorskip("backtesting.test")
GOOG, EURUSD = prices.GOOG, prices.EURUSD

from matplotlib.colors import to_rgba  # noqa: E402
from matplotlib.dates import num2date  # noqa: E402

EQUITY = 10_000 * GOOG.Close / GOOG.Close.iloc[0]
CURVES = {"all in": EQUITY, "half": 5_000 + EQUITY / 2}


def drawn(figure):
    """The figure as a picture: labels are laid out, and whatever is wrong with it raises."""
    figure.savefig(io.BytesIO(), format="png")
    return figure.axes[0]


def texts(axes):
    return [label.get_text() for label in axes.get_xticklabels() if label.get_text()]


def test_equity_is_drawn_as_it_is_at_its_dates() -> None:
    axes = drawn(plot_equity(CURVES, unit="USD", title="GOOG"))
    for line, (name, curve) in zip(axes.get_lines(), CURVES.items(), strict=True):
        assert line.get_label() == name
        np.testing.assert_array_equal(line.get_ydata(), curve)
        first, last = num2date(line.get_xdata()[[0, -1]])
        assert first.date() == GOOG.index[0].date()
        assert last.date() == GOOG.index[-1].date()
    assert axes.get_ylabel() == "equity (USD)"
    assert axes.get_xlabel() == "date"
    assert axes.get_title() == "GOOG"
    assert [text.get_text() for text in axes.figure.legends[0].get_texts()] == list(CURVES)


def test_multiples_of_the_start_begin_at_one() -> None:
    late = {**CURVES, "late": EQUITY.where(EQUITY.index > "2010")}
    axes = drawn(plot_equity(late, relative=True, log=True))
    for line in axes.get_lines():
        values = line.get_ydata()
        assert values[~np.isnan(values)][0] == 1.0
    assert axes.get_yscale() == "log"
    assert axes.get_ylabel() == "equity (multiple of the start)"
    assert any("5" in label.get_text() for label in axes.get_yticklabels(which="minor"))


def test_drawdown_is_the_percentage_below_the_highest_so_far() -> None:
    curve = pd.Series([100.0, 120.0, 90.0, 60.0, 130.0], pd.bdate_range("2024-01-01", periods=5))
    axes = drawn(plot_drawdown({"run": curve}))
    np.testing.assert_allclose(axes.get_lines()[0].get_ydata(), [0, 0, -25, -50, 0])
    assert axes.get_ylim()[1] == 0
    assert axes.get_ylabel() == "drawdown (%)"
    [told] = axes.figure.legends[0].get_texts()
    assert told.get_text() == "run (deepest \N{MINUS SIGN}50.0 %)"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*dayofweek")
def test_the_curves_of_the_library_backtesting_are_taken_as_they_are() -> None:
    from backtesting import Backtest, Strategy

    class Crossover(Strategy):
        def init(self) -> None:
            self.fast = self.I(prices.SMA, self.data.Close, 10)
            self.slow = self.I(prices.SMA, self.data.Close, 40)

        def next(self) -> None:
            if self.fast[-1] > self.slow[-1] and not self.position:
                self.buy()
            elif self.fast[-1] < self.slow[-1] and self.position:
                self.position.close()

    stats = Backtest(GOOG, Crossover, commission=0.002, finalize_trades=True).run()
    axes = drawn(plot_drawdown({"crossover": stats["_equity_curve"]}))
    deepest = axes.get_lines()[0].get_ydata().min()
    assert deepest == pytest.approx(stats["Max. Drawdown [%]"])
    single = drawn(plot_equity(stats["_equity_curve"]))
    np.testing.assert_array_equal(single.get_lines()[0].get_ydata(), stats["_equity_curve"].Equity)


@pytest.mark.parametrize(
    "index",
    [GOOG.index, GOOG.index[:40], EURUSD.index, EURUSD.index[:30], GOOG.index[:2]],
    ids=["years", "weeks", "months", "hours", "days"],
)
def test_dates_on_the_axis_do_not_overlap(index: pd.DatetimeIndex) -> None:
    axes = drawn(plot_equity(pd.Series(np.linspace(1, 2, len(index)), index)))
    boxes = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]
    boxes = [box for box in boxes if box.width]
    assert len(boxes) >= 2
    for one, other in itertools.pairwise(boxes):
        assert one.x1 < other.x0


def test_the_clock_is_that_of_the_curves_or_utc_where_they_differ() -> None:
    york = EQUITY.tz_localize("US/Eastern")
    axes = drawn(plot_equity({"a": york, "b": york}))
    assert axes.get_xlabel() == "time (US/Eastern)"
    assert num2date(axes.get_lines()[0].get_xdata()[0]).hour == 0
    axes = drawn(plot_equity({"a": york, "b": EQUITY.tz_localize("Asia/Tokyo")}))
    assert axes.get_xlabel() == "time (UTC)"
    assert num2date(axes.get_lines()[0].get_xdata()[0]).hour == 4


def test_bars_take_the_place_of_dates() -> None:
    axes = drawn(plot_equity({"run": [1.0, 1.1, 1.2]}))
    assert axes.get_xlabel() == "bar"
    assert axes.get_lines()[0].get_xdata().tolist() == [0, 1, 2]


def test_many_curves_can_be_told_apart() -> None:
    many = pd.DataFrame({f"run {n}": EQUITY * n for n in range(1, 22)})
    axes = drawn(plot_equity(many))
    looks = {(line.get_color(), line.get_linestyle()) for line in axes.get_lines()}
    assert len(looks) == 21
    legend = axes.figure.legends[0].get_window_extent()
    assert axes.get_window_extent().height > 200  # the legend has not eaten the curves
    assert legend.x0 >= 0
    assert legend.x1 <= axes.figure.bbox.x1


def test_nothing_of_pyplot_and_no_setting_is_touched(run_python) -> None:
    script = """
        import matplotlib
        from afml_cache.backtests.plots import plot_drawdown, plot_equity, plot_sweep
        before = dict(matplotlib.rcParams)
        import pandas as pd
        plot_equity({"a": [1, 2]}).savefig("a.png")
        plot_drawdown({"a": [1, 2]}).savefig("b.png")
        table = pd.DataFrame({"x": [1, 2], "y": [1, 2], "m": [1, 2]})
        plot_sweep("m", "x", "y", table).savefig("c.png")
        import matplotlib.pyplot as plt
        print(plt.get_fignums(), dict(matplotlib.rcParams) == before)
    """
    assert run_python(script) == "[] True"


def test_the_module_is_light_until_something_is_drawn(run_python) -> None:
    script = """
        import sys
        import afml_cache.backtests.plots
        print({"matplotlib", "pandas", "numpy"} & set(sys.modules))
    """
    assert run_python(script) == "set()"


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"afml-cache\[plots\]"):
        plot_equity(CURVES)


def test_curves_of_other_dates_in_one_frame_are_lines() -> None:
    monthly = GOOG.Close.resample("ME").last()
    frame = pd.DataFrame({"daily": GOOG.Close, "monthly": monthly})
    for plot in (plot_equity, plot_drawdown):
        daily, other = drawn(plot(frame)).get_lines()
        assert len(daily.get_ydata()) == len(GOOG)
        assert len(other.get_ydata()) == len(monthly)
        assert not np.isnan(other.get_ydata()).any()


def test_a_frame_with_a_column_equity_keeps_its_other_curves() -> None:
    classes = pd.DataFrame({"Equity": GOOG.Close, "Bonds": GOOG.Open})
    lines = drawn(plot_equity(classes)).get_lines()
    assert [line.get_label() for line in lines] == ["Equity", "Bonds"]


@pytest.mark.parametrize(
    "index",
    [
        pd.period_range("2024-01", periods=3, freq="M"),
        pd.Index([stamp.date() for stamp in pd.date_range("2024-01-31", periods=3, freq="ME")]),
        pd.Index(["2024-01-31", "2024-02-29", "2024-03-31"]),
    ],
    ids=["periods", "dates", "texts"],
)
def test_dates_may_be_spelled_in_any_way(index: pd.Index) -> None:
    axes = drawn(plot_equity(pd.Series([1.0, 2.0, 3.0], index)))
    dates = [num2date(place).date().isoformat() for place in axes.get_lines()[0].get_xdata()]
    assert dates == ["2024-01-31", "2024-02-29", "2024-03-31"]


def test_a_single_point_is_a_mark() -> None:
    line = drawn(plot_drawdown({"a": pd.Series([100.0], GOOG.index[:1])})).get_lines()[0]
    assert line.get_marker() == "o"


@pytest.mark.parametrize(
    ("curves", "told"),
    [
        ({}, "no curve"),
        ({"a": EQUITY[::-1]}, "'a' is not in order"),
        ({"a": GOOG}, "'a' is a frame with the columns Open"),
        ({"a": pd.Series(["x", "y"])}, "'a' is no curve of numbers"),
        ({"a": pd.Series([np.nan, np.nan])}, "or none at all"),
        ({"a": pd.Series([1.0, np.inf])}, "infinite"),
        ({"a": EQUITY, "b": EQUITY.tz_localize("UTC")}, "cannot share an axis"),
        ({"a": EQUITY, "b": pd.Series([1.0])}, "cannot share an axis"),
        ({"a": GOOG.Close.pct_change() * 0}, "begins at 0"),
        (pd.concat([EQUITY, EQUITY], axis=1), "several curves are called 'Close'"),
        (pd.DataFrame({1: EQUITY, "1": EQUITY}), "several curves are called '1'"),
        ({"a": pd.DataFrame([[1, 2]], columns=["Equity"] * 2)}, "several curves are called"),
        ({"a": pd.Series([1.0, 2.0], ["x", "y"])}, "neither dates nor bars"),
        (np.arange(5.0), "float64 is no run id"),
    ],
)
def test_what_cannot_be_drawn_says_why(curves: object, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        plot_drawdown(curves)


def test_returns_have_no_logarithm() -> None:
    with pytest.raises(ConfigurationError, match="does not stay above zero"):
        plot_equity({"returns": GOOG.Close.pct_change()}, log=True)


# -- heat maps ---------------------------------------------------------------------------

RUNS = pd.DataFrame(
    {
        "fast": [5, 5, 10, 10, 20, 20],
        "slow": [60, 120, 60, 120, 60, 120],
        "sharpe": [0.5, 0.7, -0.2, np.nan, 0.1, 0.3],
        "stop": [1, 1, 1, 1, 1, 1],
    }
)


def cells(axes) -> np.ndarray:
    return np.ma.filled(axes.get_images()[0].get_array().astype(float), np.nan)


def test_each_cell_is_the_metric_of_its_run() -> None:
    shuffled = RUNS.sample(frac=1, random_state=0)
    axes = drawn(plot_sweep("sharpe", "fast", "slow", shuffled, title="GOOG"))
    np.testing.assert_array_equal(cells(axes), [[0.5, -0.2, 0.1], [0.7, np.nan, 0.3]])
    assert texts(axes) == ["5", "10", "20"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["60", "120"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("fast", "slow")
    assert axes.figure.axes[1].get_ylabel() == "sharpe"
    written = sorted(text.get_text() for text in axes.texts)
    assert written == sorted(["0.5", "\N{MINUS SIGN}0.2", "0.1", "0.7", "0.3"])


def test_missing_cells_are_hatched_and_named() -> None:
    without = RUNS[~((RUNS.fast == 20) & (RUNS.slow == 60))]  # one was never run, one has no metric
    axes = drawn(plot_sweep("sharpe", "fast", "slow", without))
    places = {(patch.get_x() + 0.5, patch.get_y() + 0.5) for patch in axes.patches}
    assert places == {(1, 1), (2, 0)}
    assert all(patch.get_hatch() for patch in axes.patches)
    assert [text.get_text() for text in axes.figure.legends[0].get_texts()] == ["missing"]
    assert not drawn(plot_sweep("sharpe", "fast", "slow", RUNS.fillna(0))).figure.legends


def test_runs_that_share_a_cell_are_aggregated_by_name() -> None:
    twice = pd.concat([RUNS, RUNS.assign(sharpe=RUNS.sharpe + 1, stop=2)])
    axes = drawn(plot_sweep("sharpe", "fast", "slow", twice, aggregate="max"))
    np.testing.assert_allclose(cells(axes), [[1.5, 0.8, 1.1], [1.7, np.nan, 1.3]])
    assert axes.figure.axes[1].get_ylabel() == "max sharpe"
    axes = drawn(plot_sweep("sharpe", "fast", "slow", twice))
    np.testing.assert_allclose(cells(axes)[0], [1.0, 0.3, 0.6])
    assert axes.figure.axes[1].get_ylabel() == "mean sharpe"


def test_a_metric_on_both_sides_of_zero_is_white_at_zero() -> None:
    image = drawn(plot_sweep("sharpe", "fast", "slow", RUNS)).get_images()[0]
    assert (image.norm.vmin, image.norm.vmax) == (-0.7, 0.7)
    assert min(image.cmap(image.norm(0.0))[:3]) > 0.95
    positive = drawn(plot_sweep("sharpe", "fast", "slow", RUNS.assign(sharpe=RUNS.sharpe + 1)))
    assert positive.get_images()[0].norm.vmin == pytest.approx(0.8)


def test_values_can_be_read_on_their_colours() -> None:
    axes = drawn(plot_sweep("sharpe", "fast", "slow", RUNS))
    image = axes.get_images()[0]
    for text in axes.texts:
        value = float(text.get_text().replace("\N{MINUS SIGN}", "-"))
        background = np.dot(image.cmap(image.norm(value))[:3], [0.299, 0.587, 0.114])
        letters = np.dot(to_rgba(text.get_color())[:3], [0.299, 0.587, 0.114])
        assert abs(background - letters) >= 0.45


def test_any_parameters_make_an_axis() -> None:
    table = pd.DataFrame(
        {
            "since": pd.to_datetime(["2020-01-01", "2021-01-01"]).repeat(2),
            "exit": ["stop", None, "stop", 5],
            "growth": [1.0, 2.0, 3.0, 4.0],
        }
    )
    axes = drawn(plot_sweep("growth", "since", "exit", table))
    assert texts(axes) == ["2020-01-01", "2021-01-01"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["5", "stop", "none"]


def test_runs_without_a_parameter_have_a_place_of_their_own() -> None:
    table = pd.DataFrame({"stop": [0.1, 0.2, None], "fast": 5, "sharpe": [1.0, 2.0, 3.0]})
    axes = drawn(plot_sweep("sharpe", "stop", "fast", table))
    assert texts(axes) == ["0.1", "0.2", "none"]
    np.testing.assert_array_equal(cells(axes), [[1.0, 2.0, 3.0]])
    # A run that failed before it had one is no place.
    failed = pd.DataFrame({"stop": [0.1, None], "fast": 5, "sharpe": [1.0, np.nan]})
    assert texts(drawn(plot_sweep("sharpe", "stop", "fast", failed))) == ["0.1"]


def test_a_parameter_may_be_a_list() -> None:
    table = pd.DataFrame({"windows": [[1, 2], [3, 4]], "fast": 5, "sharpe": [1.0, 2.0]})
    assert texts(drawn(plot_sweep("sharpe", "windows", "fast", table))) == ["[1, 2]", "[3, 4]"]


def test_the_scale_says_that_runs_were_counted_or_left_out() -> None:
    table = pd.DataFrame({"x": [1, 1, 2], "y": 1, "m": [1.0, np.nan, 3.0]})
    drawing = drawn(plot_sweep("m", "x", "y", table))
    assert drawing.figure.axes[1].get_ylabel() == "mean m (of runs that have it)"
    drawing = drawn(plot_sweep("m", "x", "y", table[[True, False, True]], aggregate="count"))
    assert drawing.figure.axes[1].get_ylabel() == "count m"


def test_an_outlier_need_not_wash_out_the_colours() -> None:
    table = RUNS.assign(sharpe=[1.0, -0.1, 0.2, 0.3, -50.0, 1.0])
    axes = drawn(plot_sweep("sharpe", "fast", "slow", table, limits=(-1, 1)))
    image = axes.get_images()[0]
    assert (image.norm.vmin, image.norm.vmax) == (-1, 1)
    assert axes.figure.axes[1].get_ylabel() == "sharpe"
    assert "−50" in [text.get_text() for text in axes.texts]
    with pytest.raises(ConfigurationError, match="give the lower first"):
        plot_sweep("sharpe", "fast", "slow", table, limits=(1, -1))


def test_numbers_that_have_no_room_in_their_cells_are_left_out() -> None:
    table = pd.DataFrame(
        [{"x": x, "y": y, "m": 1234.5 * x * y} for x in range(1, 16) for y in range(1, 11)]
    )
    assert not drawn(plot_sweep("m", "x", "y", table.assign(m=-table.m / 7e9))).texts
    axes = drawn(plot_sweep("m", "x", "y", table[table.x < 6]))
    assert "1.23k" in [text.get_text() for text in axes.texts]
    boxes = sorted((text.get_window_extent() for text in axes.texts), key=lambda b: (b.y0, b.x0))
    for one, other in itertools.pairwise(boxes):
        assert one.y0 != other.y0 or one.x1 < other.x0


def test_numbers_are_short() -> None:
    table = pd.DataFrame({"x": range(6), "y": 1, "m": [999.6, 999_600, 1e9, 2.5e13, 5e-4, 950]})
    axes = drawn(plot_sweep("m", "x", "y", table))
    assert [text.get_text() for text in axes.texts] == [
        "1k",
        "1M",
        "1G",
        "2.5e+13",
        "0.0005",
        "950",
    ]


def test_large_parameters_are_told_apart() -> None:
    table = pd.DataFrame({"x": [1_000_000.0, 1_000_001.0], "y": 1, "m": [1.0, 2.0]})
    assert texts(drawn(plot_sweep("m", "x", "y", table))) == ["1000000", "1000001"]


def test_a_dollar_is_a_dollar() -> None:
    names = {"cost $3 vs $5": EQUITY, "_own": EQUITY / 2}
    axes = drawn(plot_drawdown(names, title="a $1 and $2"))
    legend = axes.figure.legends[0].get_texts()
    assert len(legend) == 2
    assert not any(text.get_parse_math() for text in (axes.title, *legend))
    table = pd.DataFrame({"$x$": ["$1$", "$2$"], "y": 1, "m": [1.0, 2.0]})
    heat = drawn(plot_sweep("m", "$x$", "y", table))
    assert not heat.xaxis.label.get_parse_math()
    assert not any(label.get_parse_math() for label in heat.get_xticklabels())


def test_long_names_of_parameters_do_not_overlap() -> None:
    names = ["momentum_long_only", "mean_reversion", "breakout"]
    table = pd.DataFrame({"rule": names, "stop": 1, "growth": [1.0, 2.0, 3.0]})
    axes = drawn(plot_sweep("growth", "rule", "stop", table))
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {45.0}
    axes = drawn(plot_sweep("growth", "rule", "stop", table.assign(rule=["a", "b", "c"])))
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {0.0}


def test_many_values_thin_out_the_labels() -> None:
    table = pd.DataFrame([{"x": x / 7, "y": y, "m": x * y} for x in range(60) for y in range(50)])
    axes = drawn(plot_sweep("m", "x", "y", table))
    assert len(texts(axes)) <= 16
    assert cells(axes).shape == (50, 60)
    assert not axes.texts


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("calmar", "fast", "slow"), "no column 'calmar'; there are fast, slow, sharpe, stop"),
        (("sharpe", "fast", "fast"), "three columns"),
        (("name", "fast", "slow"), "not numeric"),
        (("empty", "fast", "slow"), "no run has a value"),
        (("sharpe", "fast", "slow", "best"), "aggregate='best'"),
        (("stop", "fast", "slow", "std"), "missing in every cell"),
    ],
)
def test_what_makes_no_map_says_why(given, told) -> None:
    table = RUNS.assign(name="x", empty=np.nan)
    if "name" not in given:
        table = table.drop(columns=["name", "empty"] if "empty" not in given else ["name"])
    metric, x, y, *aggregate = given
    with pytest.raises(ConfigurationError, match=told):
        plot_sweep(metric, x, y, table, **({"aggregate": aggregate[0]} if aggregate else {}))


# -- recorded runs -----------------------------------------------------------------------


@cached_backtest("crossing")
def crossing(data, fast=5, slow=20):
    above = data["Close"].rolling(fast).mean() > data["Close"].rolling(slow).mean()
    returns = data["Close"].pct_change().fillna(0) * above.shift(1, fill_value=False)
    equity = 10_000 * (1 + returns).cumprod()
    return {"growth": equity.iloc[-1] / 10_000 - 1}, None, equity


def made(*calls):
    """The runs of these calls, by their ids."""
    for call in calls:
        crossing(GOOG, **call)
    return get_backtest_cache().runs("crossing")


def test_runs_are_drawn_by_their_ids_and_named_by_what_differs() -> None:
    runs = made({"fast": 5}, {"fast": 10})
    for given in (list(runs["run_id"]), runs["run_id"], tuple(runs["run_id"])):
        lines = drawn(plot_equity(given)).get_lines()
        assert [line.get_label() for line in lines] == ["fast=5", "fast=10"]
        np.testing.assert_allclose(lines[1].get_ydata(), crossing(GOOG, fast=10)[2])
    below = drawn(plot_drawdown(list(runs["run_id"]))).get_lines()[0].get_ydata()
    equity = crossing(GOOG, fast=5)[2]
    np.testing.assert_allclose(below, 100 * (equity / equity.cummax() - 1))


def test_a_single_run_is_named_by_its_strategy() -> None:
    axes = drawn(plot_equity(made({})["run_id"].iloc[0]))
    assert axes.get_title() == "crossing"


def test_runs_of_one_name_are_told_apart_by_their_ids() -> None:
    crossing(GOOG)
    crossing(GOOG.iloc[:500])
    ids = list(get_backtest_cache().runs("crossing")["run_id"])
    labels = [line.get_label() for line in drawn(plot_equity(ids)).get_lines()]
    assert labels == [f"crossing ({run_id[-6:]})" for run_id in ids]


def test_a_sweep_is_drawn_from_its_table_or_from_the_records() -> None:
    grid = {"fast": [5, 10], "slow": [20, 40, 60]}
    table = sweep(crossing, GOOG, grid, n_jobs=1, progress=False)
    expected = [
        [crossing(GOOG, fast=f, slow=s)[0]["growth"] for f in (5, 10)] for s in (20, 40, 60)
    ]
    for given in ({"table": table}, {}, {"strategy": "crossing"}):
        axes = drawn(plot_sweep("growth", "fast", "slow", **given))
        np.testing.assert_allclose(cells(axes), expected)
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("fast", "slow")


def test_of_several_strategies_with_a_metric_one_has_to_be_named() -> None:
    made({"fast": 5}, {"fast": 10})
    get_backtest_cache().cache_backtest("other", {"fast": 5, "slow": 20}, None, {"growth": 1.0})
    with pytest.raises(ConfigurationError, match="several strategies have 'growth': crossing, oth"):
        plot_sweep("growth", "fast", "slow")
    assert cells(drawn(plot_sweep("growth", "fast", "slow", strategy="crossing"))).shape == (1, 2)


def test_what_is_not_recorded_says_why() -> None:
    with pytest.raises(ConfigurationError, match="no run is recorded"):
        plot_sweep("growth", "fast", "slow")
    with pytest.raises(UnknownRunError, match="no run 'crossing-0' is recorded"):
        plot_equity("crossing-0")
    bare = get_backtest_cache().cache_backtest("bare", {}, None, {"growth": 1.0})
    with pytest.raises(ConfigurationError, match="has no equity curve"):
        plot_equity([bare])
    with pytest.raises(ConfigurationError, match="Series is no run id; give curves by name"):
        plot_equity([EQUITY])
    with pytest.raises(ConfigurationError, match="choose its rows"):
        plot_sweep("sharpe", "fast", "slow", RUNS, strategy="crossing")
