# BEFORE (no caching)
def triple_barrier_labels(prices, barriers):
    # 2 hours of computation
    return labels

# AFTER (add caching with one line)
@robust_cacheable
def triple_barrier_labels(prices, barriers):
    # First call: 2 hours
    # Subsequent calls: <1 second
    return labels
