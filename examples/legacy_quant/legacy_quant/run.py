"""The whole pipeline: ``python -m legacy_quant.run`` prints a short table of results.

Forests are chosen on the first half of each history, by purged cross-validation, and trade
the second half walk-forward.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from afml.structural_breaks.explosiveness import sadf

from legacy_quant.backtest import walk_forward
from legacy_quant.features import entropy_rate, price_features
from legacy_quant.fracdiff import fractional_difference, minimum_order
from legacy_quant.labels import cusum_events, triple_barrier_labels
from legacy_quant.loader import SOURCES, bars_per_year, load_bars
from legacy_quant.model import Samples, feature_importance, purged_cv_scores
from legacy_quant.performance import (
    maximum_drawdown,
    probabilistic_sharpe_ratio,
    sharpe_ratio,
)
from legacy_quant.weights import average_uniqueness, return_attribution, sequential_bootstrap

STAGES = (
    "events", "labels", "weights", "memory", "features", "validation", "importance", "backtest",
)  # fmt: skip
ORDERS = tuple(round(0.1 * step, 1) for step in range(11))
GRID = tuple(
    {"n_estimators": 150, "max_depth": depth, "min_samples_leaf": leaf, "max_features": 0.5}
    for depth in (2, 4, 8)
    for leaf in (5, 20)
)
FEWEST_BARS = 1000
BOOTSTRAP_SEEDS = tuple(range(10))

Report = Callable[[str, str], None]


def research(
    instrument: str, bars: pd.DataFrame, report: Report, grid: Sequence[dict] = GRID
) -> dict[str, object]:
    """Everything from the bars of one instrument to the figures of its backtest.

    ``report`` is told the name of each stage of ``STAGES`` when it is done, and its outcome;
    ``grid`` holds the parameters of the forests to choose from.
    """
    close = bars["close"]
    half = len(close) // 2

    events = cusum_events(close)
    report("events", f"{len(events)} events on {len(close)} bars")

    labels = triple_barrier_labels(close, events, profit_taking=1.5, stop_loss=1.5)
    starts, ends = labels["start"].to_numpy(), labels["end"].to_numpy()
    report("labels", f"{(labels['label'] > 0).mean():.0%} of {len(labels)} went up")

    uniqueness = average_uniqueness(starts, ends, len(close))
    logs = np.log(close.to_numpy())
    attributed = return_attribution(starts, ends, np.diff(logs, prepend=logs[0]))
    draws = [sequential_bootstrap(starts, ends, len(close), seed) for seed in BOOTSTRAP_SEEDS]
    frequency = np.bincount(np.concatenate(draws), minlength=len(labels)) / len(draws)
    weights = pd.Series(attributed * frequency, index=labels.index)
    report("weights", f"labels are {uniqueness.mean():.0%} unique")

    order = minimum_order(close.iloc[:half], ORDERS)
    memory = fractional_difference(close, order)
    report("memory", f"stationary at order {order}")

    table = price_features(close).reindex(labels.index)
    table["fracdiff"] = memory.reindex(labels.index)
    table["entropy"] = entropy_rate(close, labels.index)
    table["explosiveness"] = sadf(close).reindex(labels.index)
    complete = table.notna().all(axis=1)
    samples = Samples(
        table[complete],
        labels.loc[complete, "label"],
        weights[complete],
        labels.loc[complete, ["start", "end"]],
    )
    report("features", f"{table.shape[1]} features of {len(samples)} events")

    past = samples.take(np.flatnonzero(samples.spans["end"].to_numpy() < half))
    scores = [float(purged_cv_scores(past, params).mean()) for params in grid]
    best = int(np.argmax(scores))
    report("validation", f"best of {len(grid)} forests scores {scores[best]:.4f}")

    importance = feature_importance(past, grid[best])
    leading = str(importance["mean"].idxmax())
    report("importance", f"{leading} matters most")

    traded = walk_forward(close, samples, grid[best], half)
    returns = traded["return"]
    result = {
        "instrument": instrument,
        "bars": len(close),
        "events": len(labels),
        "order": order,
        "cv_score": scores[best],
        "leading_feature": leading,
        "sharpe": sharpe_ratio(returns, bars_per_year(close.index)),
        "probabilistic_sharpe": probabilistic_sharpe_ratio(returns),
        "drawdown": maximum_drawdown(returns),
        "turnover": float(traded["position"].diff().abs().mean()),
    }
    report("backtest", f"Sharpe ratio {result['sharpe']:.2f}")
    return result


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m legacy_quant.run", description=__doc__)
    parser.add_argument(
        "--instruments",
        nargs="+",
        metavar="NAME",
        default=os.environ.get("LEGACY_QUANT_INSTRUMENTS", " ".join(SOURCES)).split(),
        help=f"of {', '.join(SOURCES)} (default: $LEGACY_QUANT_INSTRUMENTS, else all)",
    )
    parser.add_argument(
        "--bars",
        type=int,
        default=os.environ.get("LEGACY_QUANT_BARS"),
        help="only this many of the latest bars (default: $LEGACY_QUANT_BARS, else all)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results there")
    options = parser.parse_args(arguments)
    for unknown in set(options.instruments) - set(SOURCES):
        parser.error(f"no bars for {unknown!r}; there are {', '.join(SOURCES)}")
    if options.bars is not None and options.bars < FEWEST_BARS:
        parser.error(f"{options.bars} bars are too few to learn from; give {FEWEST_BARS} or more")

    total = len(options.instruments) * len(STAGES)
    done = 0
    began = last = time.perf_counter()
    results = []
    for instrument in options.instruments:

        def report(stage: str, outcome: str, instrument: str = instrument) -> None:
            nonlocal done, last
            done += 1
            now = time.perf_counter()
            taken, last = now - last, now
            print(
                f"[{done:2}/{total}] {instrument:6} {stage:10} {taken:6.2f} s  {outcome}",
                flush=True,
            )

        results.append(research(instrument, load_bars(instrument, options.bars), report))
    print_table(results)
    print(f"{time.perf_counter() - began:.1f} s")
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


def print_table(results: list[dict]) -> None:
    """One row an instrument, at most 80 columns wide."""
    print(f"\n{'':8}{'bars':>6}{'events':>8}{'order':>7}{'CV score':>10}", end="")
    print(f"{'Sharpe':>8}{'P(SR>0)':>9}{'drawdown':>10}{'turnover':>10}")
    for row in results:
        print(
            f"{row['instrument']:8}{row['bars']:6}{row['events']:8}{row['order']:7.1f}"
            f"{row['cv_score']:10.4f}{row['sharpe']:8.2f}{row['probabilistic_sharpe']:9.0%}"
            f"{row['drawdown']:10.1%}{row['turnover']:10.4f}"
        )


if __name__ == "__main__":
    sys.exit(main())
