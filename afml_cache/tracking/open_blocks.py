"""The blocks that are open around what is being done, in this thread or task.

Several tasks of one loop share their thread, and mlflow's list of its runs, but not their blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

#: The innermost block of this thread or task, an ``around.Block``; ``outer`` is the one around it.
block: ContextVar[Any] = ContextVar("afml_cache_mlflow_block", default=None)


def blocks_here() -> Iterator[Any]:
    """The blocks of this thread or task, the innermost first."""
    one = block.get()
    while one is not None:
        yield one
        one = one.outer
