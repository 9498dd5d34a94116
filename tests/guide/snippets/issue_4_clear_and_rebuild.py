# Clear and rebuild
from afml.cache import clear_afml_cache, initialize_cache_system

clear_afml_cache(warn=True)
initialize_cache_system()

# Verify clean state
from afml.cache import get_cache_summary
print(get_cache_summary())
