"""The syntax tree of a source, also where several threads ask for one at once.

Until Python 3.13 the interpreter counts the depth of a tree that it makes in one place for all
threads (python/cpython#106905): two that parse at a time may each end in a ``SystemError`` about
sources that have nothing wrong with them. Ours take turns; a thread of somebody else may still
come in between, so a tree is tried for again.
"""

from __future__ import annotations

import ast
import threading

#: Turns that somebody else's parsing may spoil before it is taken for an error of the source.
_TURNS = 50

_one_at_a_time = threading.Lock()


def syntax_tree(text: str | bytes, file: str = "<unknown>", flags: int = 0) -> ast.Module:
    """Parse the source of a module.

    Parameters
    ----------
    text : str or bytes
        The source; bytes are decoded as Python decodes a file.
    file : str, optional
        What errors call it.
    flags : int, optional
        Flags of :func:`compile` (``from __future__`` imports, top-level ``await``).

    Raises
    ------
    SyntaxError, ValueError
        It is no Python.
    RecursionError, MemoryError
        It is nested deeper than the interpreter can follow.
    """
    for turn in range(1, _TURNS + 1):
        try:
            with _one_at_a_time:
                tree: ast.Module = compile(
                    text, file, "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True
                )
            return tree
        except SystemError:
            if turn == _TURNS:
                raise
    raise AssertionError("unreachable")
