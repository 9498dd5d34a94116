"""The blocks that are open around what is being done, in this thread or task.

Several tasks of one loop share their thread, and mlflow's list of its runs, but not their blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

#: The block that was entered last in this thread or task, an ``around.Block``; ``outer`` is the one
#: around it. It may be left: by another task, or, as with a generator, before those within it.
block: ContextVar[Any] = ContextVar("afml_cache_mlflow_block", default=None)


def blocks_here() -> Iterator[Any]:
    """The open blocks of this thread or task, the innermost first."""
    one = open_block(block.get())
    while one is not None:
        yield one
        one = open_block(one.outer)


def open_block(one: Any) -> Any:
    """A block, or the first around it that is not left; None where all are."""
    while one is not None and one.is_left:
        one = one.outer
    return one


def block_here() -> Any:
    """The innermost open block of this thread or task; None where none is."""
    return open_block(block.get())
