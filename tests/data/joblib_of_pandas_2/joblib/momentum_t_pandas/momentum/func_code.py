# first line: 8
@cacheable
def momentum(close: pd.Series, window: int) -> pd.Series:
    return close.pct_change(window)
