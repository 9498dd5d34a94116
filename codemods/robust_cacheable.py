"""``@cacheable`` and its relatives to ``@robust_cacheable``, whatever the function takes.

Before::

    from afml.cache import cacheable, get_cache_stats

    @cacheable
    def fit(features, labels): ...

After::

    from afml.cache import get_cache_stats, robust_cacheable

    @robust_cacheable
    def fit(features, labels): ...
"""

from __future__ import annotations

from codemods.libcst_command import PlannedCommand
from codemods.rules import ROBUST


class RobustCacheable(PlannedCommand):
    """Every decorator becomes ``@robust_cacheable``."""

    DESCRIPTION = "Migrate @cacheable to @robust_cacheable."
    TO = ROBUST
