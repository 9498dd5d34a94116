"""joblib's part of a cache directory: ``<base>/joblib_cache``, which ``@cacheable`` fills.

:mod:`layout` knows where its entries lie, without importing joblib; :mod:`folder` writes them,
:mod:`call` watches joblib decide about one call, and :mod:`cleared` counts them and brings cleared
ones back. Nothing is imported here.
"""
