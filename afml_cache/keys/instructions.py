"""Tells whether two code objects of one Python do the same, whatever their line numbers.

Constants are compared where an instruction loads them, not by their place in a table, so an
edited docstring or comment makes no difference. Good for one version of Python only: what has
source is never keyed by its instructions.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterable
from types import CodeType
from typing import NamedTuple

from xxhash import xxh3_128_digest

_COUNTED_FLAGS = (
    inspect.CO_VARARGS
    | inspect.CO_VARKEYWORDS
    | inspect.CO_GENERATOR
    | inspect.CO_COROUTINE
    | inspect.CO_ASYNC_GENERATOR
)
_CONSTANT = frozenset(dis.hasconst)
_JUMPS = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)


def instructions_digest(code: CodeType) -> bytes:
    """Digest of what the code does; equal for code that differs in its layout only."""
    parts = [_signature(code), code.co_exceptiontable]
    parts += [step.text for step in _steps(code)]
    return _join(parts)


def same_but_for(code: CodeType, other: CodeType, lines: Iterable[tuple[int, int]]) -> bool:
    """Whether two code objects do the same outside the given lines (of ``other``).

    For the asserts that pytest rewrites: ``code`` may have more names and constants there, but
    has to have those of ``other``.
    """
    spans = list(lines)
    shift = code.co_firstlineno - other.co_firstlineno
    if _outside(code, spans, shift) != _outside(other, spans, 0):
        return False
    return _vocabulary(other) <= _vocabulary(code)


class _Step(NamedTuple):
    text: bytes
    line: int | None
    is_jump: bool
    inner: CodeType | None  #: the code of a nested function


def _steps(code: CodeType) -> list[_Step]:
    found = [s for s in dis.get_instructions(code) if s.opname != "EXTENDED_ARG"]
    place = {step.offset: number for number, step in enumerate(found)}
    steps = []
    for step in found:
        is_jump = step.opcode in _JUMPS
        if step.opcode in _CONSTANT:
            argument = _constant(step.argval)
        elif is_jump:
            argument = str(place.get(step.argval, step.argval)).encode()
        else:
            argument = repr(step.arg if step.argval is None else step.argval).encode()
        line = step.positions.lineno if step.positions else None
        inner = step.argval if isinstance(step.argval, CodeType) else None
        steps.append(_Step(_join([step.opname.encode(), argument]), line, is_jump, inner))
    return steps


def _outside(code: CodeType, spans: list[tuple[int, int]], shift: int) -> bytes:
    """What the code does outside some lines."""
    parts = [_signature(code, with_cells=False)]
    for step in _steps(code):
        # Where jumps lead depends on the code in between: they are left to the rest.
        if step.is_jump or step.line is None:
            continue
        if any(first <= step.line - shift <= last for first, last in spans):
            continue
        parts.append(_outside(step.inner, spans, shift) if step.inner is not None else step.text)
    return _join(parts)


def _vocabulary(code: CodeType) -> set[bytes]:
    words = {name.encode() for name in code.co_names}
    for const in code.co_consts[1:]:
        if isinstance(const, CodeType):
            words |= _vocabulary(const)
        elif not isinstance(const, tuple):
            words.add(_constant(const))
    return words


def _signature(code: CodeType, *, with_cells: bool = True) -> bytes:
    arguments = code.co_argcount + code.co_kwonlyargcount
    arguments += bool(code.co_flags & inspect.CO_VARARGS)
    arguments += bool(code.co_flags & inspect.CO_VARKEYWORDS)
    described: tuple[object, ...] = (
        code.co_name,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags & _COUNTED_FLAGS,
        code.co_varnames[:arguments],
        code.co_freevars,
    )
    return repr((*described, code.co_cellvars) if with_cells else described).encode()


def _constant(value: object) -> bytes:
    if isinstance(value, CodeType):
        return b"code" + instructions_digest(value)
    if isinstance(value, tuple):
        return _join([b"tuple", *map(_constant, value)])
    if isinstance(value, frozenset):
        return _join([b"frozenset", *sorted(map(_constant, value))])
    if isinstance(value, str):
        return b"str" + value.encode("utf-8", "surrogatepass")
    if isinstance(value, int) and not isinstance(value, bool):
        return b"int" + hex(value).encode()
    return f"{type(value).__name__} {value!r}".encode()


def _join(parts: Iterable[bytes]) -> bytes:
    return xxh3_128_digest(b"".join(len(part).to_bytes(8, "little") + part for part in parts))
