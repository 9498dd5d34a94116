# Wrap existing backtest functions
from afml.cache import cached_backtest

@cached_backtest("my_strategy")
def run_my_backtest(data, params):
    # Existing backtest code unchanged
    return metrics, trades, equity
