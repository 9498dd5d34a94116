# Add to your startup script or notebook
from afml.cache import print_cache_health

# Check cache health anytime
print_cache_health()
