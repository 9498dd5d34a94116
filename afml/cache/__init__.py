"""The import name that existing code uses: ``afml.cache`` is ``afml_cache``.

Every ``afml.cache.X`` and ``afml_cache.X`` are one and the same module object. ``afml`` itself
is a namespace package: where a repository has an ``afml`` package of its own, that one wins.
"""

import sys

import afml_cache

sys.modules[__name__] = afml_cache
