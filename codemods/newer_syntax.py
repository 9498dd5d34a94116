"""Syntax that is newer than the running interpreter, lowered to older syntax in place.

LibCST knows grammars that ``ast`` of an older Python refuses. It is asked where type
parameters, ``type`` statements and f-strings lie, and these are painted over with older
syntax of the same length and the same names, so that every position stays true. The result
is only looked at, never written. LibCST runs in a process of its own, because a deeply
nested file can kill it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst


class ParserDiedError(Exception):
    """The parser took its process down: the file is nested too deeply."""


class ShadowedError(Exception):
    """A type parameter is called like a decorator, and would be painted over with the rest."""


def lowered(text: str) -> str | None:
    """``text`` in older syntax, each name at its place; None where LibCST refuses it too.

    Raises
    ------
    ParserDiedError
        The file is nested too deeply.
    ShadowedError
        A type parameter is called like a decorator.
    """
    # As a script and with -P: neither the working directory nor this folder may shadow modules.
    done = subprocess.run(
        [sys.executable, "-P", str(Path(__file__))],
        input=text.encode("utf-8"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode < 0 or done.returncode == _TOO_DEEP:
        raise ParserDiedError
    if done.returncode == _SHADOWED:
        raise ShadowedError
    return done.stdout.decode("utf-8") if done.returncode == 0 else None


_REFUSED, _TOO_DEEP, _SHADOWED = 4, 5, 6


def lower(text: str) -> str | None:
    """What :func:`lowered` does, in this process.

    >>> lower("type X[T] = list[T]")
    'X         = list[T]'
    >>> lower('f"{names["a"]!r} of" " it"')
    '( (names["a"])     ) (   )'
    """
    import libcst
    from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper

    try:
        module = libcst.parse_module(text)
    except libcst.ParserSyntaxError:
        return None
    if module.code != text:
        return None
    wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
    spans = {
        node: (span.start, span.start + span.length)
        for node, span in wrapper.resolve(ByteSpanPositionProvider).items()
    }
    data = bytearray(text.encode("utf-8"))
    pending: list[libcst.CSTNode] = [module]
    while pending:  # parents first, so that what they leave is painted over by their children
        node = pending.pop()
        pending.extend(node.children)
        parameter = isinstance(node, libcst.TypeVar | libcst.ParamSpec | libcst.TypeVarTuple)
        if parameter and node.name.value.endswith("cacheable"):  # type: ignore[attr-defined]
            raise ShadowedError
        if isinstance(node, libcst.TypeParameters):
            _blank(data, *spans[node])
        elif isinstance(node, libcst.TypeAlias):
            start, end = spans[node][0], spans[node.name][1]
            data[start:end] = node.name.value.encode("utf-8").ljust(end - start)
        elif isinstance(node, libcst.ConcatenatedString):
            for part in (node.left, node.right):
                if isinstance(part, libcst.SimpleString):
                    _paint(data, *spans[part], ())
        elif type(node).__name__ in ("FormattedString", "TemplatedString"):
            parts = node.parts  # type: ignore[attr-defined]
            _paint(data, *spans[node], [spans[expression] for expression in _expressions(parts)])
    return data.decode("utf-8")


def _expressions(parts: Iterable[libcst.CSTNode]) -> Iterator[libcst.CSTNode]:
    """The expressions of a formatted string, those in its format specifications too."""
    for part in parts:
        if hasattr(part, "expression"):
            yield part.expression
            yield from _expressions(part.format_spec or ())  # type: ignore[attr-defined]


def _paint(data: bytearray, start: int, end: int, kept: Iterable[tuple[int, int]]) -> None:
    """Make a string a call of nothing: its text blank, its expressions in brackets."""
    whole = bytes(data[start:end])
    data[start:end] = re.sub(rb"[^\r\n]", b" ", whole)
    data[start], data[end - 1] = b"()"
    for first, last in kept:
        data[first:last] = whole[first - start : last - start]
        data[last : last + 1] = b")"
        opening = whole.rindex(b"{", 0, first - start)
        data[start + opening : start + opening + 1] = b"("


def _blank(data: bytearray, start: int, end: int) -> None:
    """Paint over with spaces; lines that ended inside of brackets are joined again."""
    painted = re.sub(rb"[^\r\n]", b" ", bytes(data[start:end]))
    data[start:end] = re.sub(rb" (?=[\r\n])", rb"\\", painted)


if __name__ == "__main__":
    try:
        _answer = lower(sys.stdin.buffer.read().decode("utf-8"))
    except RecursionError:
        sys.exit(_TOO_DEEP)
    except ShadowedError:
        sys.exit(_SHADOWED)
    if _answer is None:
        sys.exit(_REFUSED)
    sys.stdout.buffer.write(_answer.encode("utf-8"))
