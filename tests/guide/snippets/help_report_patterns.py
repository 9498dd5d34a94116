from afml.cache import analyze_cache_patterns
patterns = analyze_cache_patterns()
print(patterns)
