"""The proof for what is only put in: taken out of the new syntax tree, it leaves the old one."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from codemods.edits import Edit, splice
from codemods.findings import Code
from codemods.source import Source, Unreadable


def proved(
    source: Source, edits: Sequence[Edit], take_back: Callable[[ast.Module], None]
) -> tuple[Edit, ...]:
    """The edits, placed in the file's own bytes, after the proof that they only add.

    Parameters
    ----------
    source : Source
        The file.
    edits : sequence of Edit
        Placed in its UTF-8 bytes.
    take_back : callable
        Removes from the new tree what was added to it; what is not there as planned is an
        ``IndexError``, a ``LookupError`` or a ``ValueError``.

    Raises
    ------
    Unreadable
        Anything else would have changed as well.
    """
    try:
        placed = source.placed(edits)
        after = Source(splice(source.data, placed))
        if after.utf8 != splice(source.utf8, edits):
            raise ValueError("the encoding of the file has a memory")
        take_back(after.tree)
        if ast.dump(after.tree) != ast.dump(source.tree):
            raise ValueError("it would have changed more than what is added")
    except (LookupError, ValueError, Unreadable) as error:
        # What cannot be proved right is not done; the person still hears of it.
        raise Unreadable(Code.NOT_LOSSLESS, f"cannot be rewritten safely: {error}") from error
    return placed
