# BEFORE (weak cache keys)
@cacheable
def process_dataframe(df, window):
    return df.rolling(window).mean()

# Different DataFrame objects = cache miss even with same data

# AFTER (robust cache keys)
@robust_cacheable
def process_dataframe(df, window):
    return df.rolling(window).mean()

# Same data = cache hit, even if different objects
