# benchmark_migration.py

import time
import pandas as pd
import numpy as np
from afml.cache import (
    cacheable,
    robust_cacheable,
    clear_afml_cache,
)

def benchmark_decorator(decorator_name, decorator, func, args):
    """Benchmark a specific decorator."""
    # Clear cache
    clear_afml_cache(warn=False)
    
    # Apply decorator
    cached_func = decorator(func)
    
    # First call (cache miss)
    start = time.time()
    result1 = cached_func(*args)
    first_call_time = time.time() - start
    
    # Second call (cache hit)
    start = time.time()
    result2 = cached_func(*args)
    second_call_time = time.time() - start
    
    speedup = first_call_time / second_call_time if second_call_time > 0 else float('inf')
    
    return {
        'decorator': decorator_name,
        'first_call_ms': first_call_time * 1000,
        'second_call_ms': second_call_time * 1000,
        'speedup': f"{speedup:.0f}x",
    }

# Test function
def expensive_computation(df):
    """Simulate expensive computation."""
    time.sleep(0.1)  # Simulate work
    return df.sum().sum()

# Create test data
test_df = pd.DataFrame(np.random.randn(1000, 10))

# Benchmark
results = []

results.append(benchmark_decorator(
    "cacheable (original)",
    cacheable,
    expensive_computation,
    (test_df,)
))

results.append(benchmark_decorator(
    "robust_cacheable (new)",
    robust_cacheable,
    expensive_computation,
    (test_df,)
))

# Print results
print("\n" + "=" * 70)
print("CACHE DECORATOR BENCHMARK")
print("=" * 70)
for r in results:
    print(f"\n{r['decorator']}:")
    print(f"  First call:  {r['first_call_ms']:.1f} ms")
    print(f"  Second call: {r['second_call_ms']:.1f} ms")
    print(f"  Speedup:     {r['speedup']}")
print("\n" + "=" * 70)
