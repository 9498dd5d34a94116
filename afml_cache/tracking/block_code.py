"""The code that results of an ``experiment_run`` block come from: it counts in their keys.

Within a function that is the function, as for any cached one: its text and the project code that
it reaches, with the class it is a method of and the functions that it was given. At the top of a
program, or in a cell of a notebook, it is the text of the ``with`` block and the functions, classes
and modules that it names; not the values of variables, of which most change from pass to pass.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import linecache
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from afml_cache.keys.code import Fingerprint, FunctionCode, function_identity
from afml_cache.main_module import MAIN_NAMES, program_name
from afml_cache.tracking.block_given import given, is_function, is_ours

#: Blocks whose code is remembered, so that a pass over one again costs a look.
_REMEMBERED = 256


class BlockCode:
    """The code of the block that is begun in a frame.

    Parameters
    ----------
    frame : frame
        Of the function that has asked for the block, or of the module.

    Attributes
    ----------
    identity : str
        ``module.qualname`` of the function, or the module.
    """

    def __init__(self, frame: types.FrameType) -> None:
        code, space = frame.f_code, frame.f_globals
        self._space: dict[str, Any] = space
        self._function: _Function | None = None
        if code.co_flags & _IS_FUNCTION:
            found = self._function = _function(frame)
            self.identity = function_identity(found.of)
        else:
            self._code, self._line = code, frame.f_lineno
            module = str(space.get("__name__", ""))
            self.identity = program_name(space) if module in MAIN_NAMES else module

    def fingerprint(self) -> Fingerprint:
        """The code as it is loaded now."""
        if self._function is not None:
            return self._function.code.current()
        file = self._code.co_filename
        linecache.checkcache(file)
        lines = tuple(linecache.getlines(file, self._space))
        text, names = _block_at(lines, self._line)
        named = [self._space[one] for one in names or self._code.co_names if one in self._space]
        found = FunctionCode(
            _nothing,
            depends_on=[one for one in named if _is_code(one)],
            version=text,
            own_package=False,
        ).current()
        if Path(file).is_file() and not _is_of(lines, self._code):
            return dataclasses.replace(found, edited=(*found.edited, file))
        return found


#: Of code objects: what has local variables of its own.
_IS_FUNCTION = 0x02  # inspect.CO_NEWLOCALS, without loading `inspect`


class _Function:
    """A function made anew of its code, which is all that a frame has of it."""

    __slots__ = ("code", "of")

    def __init__(
        self,
        code: types.CodeType,
        space: dict[str, Any],
        cells: tuple[types.CellType, ...] = (),
        depends_on: Sequence[object] = (),
    ) -> None:
        self.of = types.FunctionType(code, space, code.co_name, None, cells)
        self.of.__qualname__ = code.co_qualname
        self.code = FunctionCode(self.of, depends_on=depends_on)


_functions: dict[tuple[types.CodeType, int, type | None], _Function] = {}


def _function(frame: types.FrameType) -> _Function:
    code, space = frame.f_code, frame.f_globals
    kind, given_functions = given(frame)
    depends_on = given_functions if kind is None else [kind, *given_functions]
    if code.co_freevars or given_functions:  # these may be others every time
        within = frame.f_locals
        cells = (
            types.CellType(within[name]) if name in within else types.CellType()
            for name in code.co_freevars
        )
        return _Function(code, space, tuple(cells), depends_on)
    found = _functions.get((code, id(space), kind))
    if found is None:
        if len(_functions) >= _REMEMBERED:
            _functions.clear()
        found = _Function(code, space, depends_on=depends_on)
        _functions[code, id(space), kind] = found
    return found


@functools.lru_cache(maxsize=_REMEMBERED)
def _block_at(lines: tuple[str, ...], line: int) -> tuple[str, tuple[str, ...]]:
    """The ``with`` statement that begins at a line: its text, normalised, and what it names.

    Nothing of either where there is no text to be had, as of ``python -c``.
    """
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:
        return "", ()
    for node in _blocks(tree):
        last = max(one.context_expr.end_lineno or 0 for one in node.items)
        if node.lineno <= line <= last:
            names = (one.id for one in ast.walk(node) if isinstance(one, ast.Name))
            return ast.dump(node), tuple(sorted(set(names)))
    return "", ()


@functools.lru_cache(maxsize=_REMEMBERED)
def _is_of(lines: tuple[str, ...], code: types.CodeType) -> bool:
    """Whether the text is still the one that the running code was made of."""
    try:
        return bool(compile("".join(lines), code.co_filename, "exec", dont_inherit=True) == code)
    except (SyntaxError, ValueError):
        return False


def _blocks(tree: ast.AST) -> Iterator[ast.With | ast.AsyncWith]:
    for node in ast.walk(tree):
        if isinstance(node, ast.With | ast.AsyncWith):
            yield node


def _is_code(value: object) -> bool:
    """Whether it is code, of somebody else than this package."""
    if isinstance(value, types.ModuleType):
        return not is_ours(getattr(value, "__name__", ""))
    is_code = isinstance(value, types.FunctionType | type)
    return (is_code or hasattr(value, "__wrapped__")) and is_function(value)


def _nothing() -> None:
    """What a block at the top of a program is in the place of a function."""
