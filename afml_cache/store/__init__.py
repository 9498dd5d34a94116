"""The durable store: from the digest of a call to its result, and back.

It knows nothing of functions or keys. :mod:`afml_cache.store.store` is the way in;
:mod:`afml_cache.store.active` says which store is in use. Nothing is imported here, so
that reaching one part does not load the others.
"""
