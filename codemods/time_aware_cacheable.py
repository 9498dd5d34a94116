"""``@cacheable`` and its relatives to ``@time_aware_cacheable``, whatever the function takes.

Before::

    import afml.cache as c

    @c.cacheable
    def indicators(prices, window): ...

After::

    import afml.cache as c

    @c.time_aware_cacheable
    def indicators(prices, window): ...
"""

from __future__ import annotations

from codemods.libcst_command import PlannedCommand
from codemods.rules import TIME_AWARE


class TimeAwareCacheable(PlannedCommand):
    """Every decorator becomes ``@time_aware_cacheable``."""

    DESCRIPTION = "Migrate @cacheable to @time_aware_cacheable."
    TO = TIME_AWARE
