# BEFORE (recomputes everything each time)
for params in param_grid:
    metrics = run_backtest(data, params)
    results.append(metrics)

# AFTER (caches each combination)
@cached_backtest("strategy_name")
def run_backtest(data, params):
    # Backtest logic
    return metrics, trades, equity

# First run: hours
# Adding more parameters: only new ones computed
# Resuming after crash: picks up where left off
