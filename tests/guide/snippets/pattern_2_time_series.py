# BEFORE (caches all date ranges together)
@cacheable
def compute_indicators(prices, window):
    return prices.rolling(window).mean()

# AFTER (date-range aware)
@time_aware_cacheable
def compute_indicators(prices, window):
    return prices.rolling(window).mean()

# Different date ranges = different cache entries
