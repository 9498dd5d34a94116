"""Tells whether two code objects of one Python do the same, whatever their line numbers.

Constants are compared where an instruction loads them, not by their place in a table, so an
edited docstring or comment makes no difference. Good for one version of Python only: what has
source is never keyed by its instructions.
"""

from __future__ import annotations

import dis
import inspect
import re
from collections.abc import Iterable, Iterator
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
_MERGED = re.compile(r"((?:LOAD|STORE)_FAST(?:_BORROW)?)_((?:LOAD|STORE)_FAST(?:_BORROW)?)")
_JUMPS = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)


def instructions_digest(code: CodeType) -> bytes:
    """Digest of what the code does; equal for code that differs in its layout only."""
    steps, handlers = _steps(code)
    return _join([_signature(code), handlers, *(step.text for step in steps)])


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


def _steps(code: CodeType) -> tuple[list[_Step], bytes]:
    """The instructions as if each stood on a line of its own, and which handlers cover them.

    Which ones Python 3.13 merges into one (``LOAD_FAST_LOAD_FAST``), and where it leaves a NOP
    behind, depends on line breaks.
    """
    found: list[tuple[dis.Instruction, str, object]] = []
    place: dict[int, int] = {}  # offset -> number of the step
    for step in dis.get_instructions(code):
        place[step.offset] = len(found)
        merged = _MERGED.fullmatch(step.opname)
        if merged is not None and isinstance(step.argval, tuple):
            found += [(step, *pair) for pair in zip(merged.groups(), step.argval, strict=True)]
        elif step.opname not in ("EXTENDED_ARG", "NOP"):
            found.append((step, step.opname, step.argval))
    steps = []
    for step, name, value in found:
        is_jump = step.opcode in _JUMPS
        if step.opcode in _CONSTANT:
            argument = _constant(value)
        elif is_jump:
            argument = str(place.get(step.argval, step.argval)).encode()
        else:
            argument = repr(step.arg if value is None else value).encode()
        line = step.positions.lineno if step.positions else None
        inner = value if isinstance(value, CodeType) else None
        steps.append(_Step(_join([name.encode(), argument]), line, is_jump, inner))
    handlers = [
        (place.get(start), place.get(end, len(found)), place.get(target), depth)
        for start, end, target, depth in _handlers(code.co_exceptiontable)
    ]
    return steps, repr(handlers).encode()


def _handlers(table: bytes) -> Iterator[tuple[int, int, int, int]]:
    """First and last offset, handler and stack depth of every entry of an exception table."""
    numbers: list[int] = []
    for byte in table:
        # Six bits a byte, the highest first; bit 6 announces more, bit 7 begins an entry.
        if numbers and numbers[-1] < 0:
            numbers[-1] = ~numbers[-1] << 6 | byte & 63
        else:
            numbers.append(byte & 63)
        if byte & 64:
            numbers[-1] = ~numbers[-1]
    for start, length, target, depth in zip(*[iter(numbers)] * 4, strict=True):
        yield 2 * start, 2 * (start + length), 2 * target, depth


def _outside(code: CodeType, spans: list[tuple[int, int]], shift: int) -> bytes:
    """What the code does outside some lines."""
    parts = [_signature(code, with_cells=False)]
    for step in _steps(code)[0]:
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
