# Diagnose the issue
from afml.cache import analyze_cache_patterns

patterns = analyze_cache_patterns()

if patterns['high_miss_rate_functions']:
    print("Functions with low hit rates:")
    for func in patterns['high_miss_rate_functions']:
        print(f"  {func['function']}: {func['hit_rate']:.1%}")
        
# Fix by using robust_cacheable for these functions
