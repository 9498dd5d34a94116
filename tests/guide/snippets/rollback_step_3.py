from afml.cache import clear_afml_cache
clear_afml_cache(warn=True)
