"""Triple-barrier research on real prices, from bars to a walk-forward backtest."""
