from afml.cache import get_cache_efficiency_report

# Find functions with low hit rates or high call counts
df = get_cache_efficiency_report()
print(df.sort_values('calls', ascending=False).head(10))
