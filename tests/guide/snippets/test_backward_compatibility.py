# test_backward_compatibility.py

from afml.cache import cacheable, get_cache_stats

# Your existing cached function
@cacheable
def my_existing_function(x, y):
    return x + y

# Test it still works
result1 = my_existing_function(5, 10)
result2 = my_existing_function(5, 10)  # Should use cache

assert result1 == result2 == 15

# Verify cache is working
stats = get_cache_stats()
assert 'my_existing_function' in str(stats)

print("✅ Backward compatibility verified")
