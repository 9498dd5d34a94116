"""``@cacheable`` and its relatives, each to the decorator that fits the function.

Before::

    from afml.cache import cacheable

    @cacheable
    def labels(close: pd.Series, barriers): ...

    @cacheable
    def entropy(message, letters): ...

After::

    from afml.cache import robust_cacheable, time_aware_cacheable

    @time_aware_cacheable
    def labels(close: pd.Series, barriers): ...

    @robust_cacheable
    def entropy(message, letters): ...
"""

from __future__ import annotations

from codemods.libcst_command import PlannedCommand


class MigrateCacheable(PlannedCommand):
    """Chooses function by function, by the table in :mod:`codemods.choose`."""

    DESCRIPTION = "Migrate @cacheable to @robust_cacheable or @time_aware_cacheable."
    TO = None
