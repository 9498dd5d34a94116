"""Value -> digest: two values have one key exactly when no pure function could tell them apart.

:func:`digest` walks a value with plain recursion, which is all that nearly every value needs.
Values that contain themselves or are nested very deeply go through
:mod:`afml_cache.keys.graph`, to the same digest. The bytes that are hashed are specified in
``docs/key-format.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from xxhash import xxh3_128_digest

from afml_cache.keys import resolve
from afml_cache.keys.atoms import ATOMS
from afml_cache.keys.met import begin
from afml_cache.keys.stream import FORMAT, REFERENCE, Node, Refused

__all__ = ["Description", "content_key", "describe", "digest", "register_key"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Description:
    """A digest (16 bytes) and a short account of the value, which never holds its data."""

    digest: bytes
    summary: dict[str, Any]


def content_key(value: object) -> str:
    """The key of a value's content: 32 hexadecimal digits.

    Two values have the same key exactly when no pure function could tell them apart, in this
    and every other process, whatever the version of Python, numpy or pandas.

    Parameters
    ----------
    value : object
        Anything but what has no content: generators, open files, locks, connections.

    Returns
    -------
    str

    Raises
    ------
    UnkeyableArgumentError
        The value or a part of it has no key; the message says where and what to do.

    Examples
    --------
    >>> content_key({"window": 20, "price": "close"}) == content_key(
    ...     {"price": "close", "window": 20}
    ... )
    True
    >>> content_key(1) == content_key(1.0)
    False
    """
    return digest(value).hex()


def digest(value: object, path: str = "value") -> bytes:
    """The digest (16 bytes, XXH3-128) of a value's content.

    Parameters
    ----------
    value : object
    path : str
        How the value is called in an error message.

    Raises
    ------
    UnkeyableArgumentError
        The value or a part of it has no key.
    """
    atom = ATOMS.get(type(value))
    if atom is not None:
        return xxh3_128_digest(atom(value), FORMAT)
    try:
        return _digest(value, {}, _DEPTH)
    except (_TooDeep, Refused, RecursionError):
        from afml_cache.keys import graph

        return graph.digest(value, path)


def digest_and_met(value: object, path: str = "value") -> tuple[bytes, list[object]]:
    """The digest of :func:`digest`, and the classes and modules that it met.

    A class is there once for each of its instances, and once for each time that it is met as
    a value; where the value contains itself or is nested deeply, more often than that. Classes
    that Python comes with may be missing.

    Raises
    ------
    UnkeyableArgumentError
        The value or a part of it has no key.
    """
    atom = ATOMS.get(type(value))
    if atom is not None:
        return xxh3_128_digest(atom(value), FORMAT), []
    met: list[object] = []
    before = begin(met)
    try:
        return digest(value, path), met
    finally:
        begin(before)


def describe(value: object, path: str = "value") -> Description:
    """The digest of :func:`digest` and a summary of the value, in one pass.

    Raises
    ------
    UnkeyableArgumentError
        The value or a part of it has no key.
    """
    from afml_cache.keys import summary

    try:
        return Description(*summary.described(value, _finish))
    except (_TooDeep, Refused, RecursionError):
        from afml_cache.keys import graph

        return Description(graph.digest(value, path), summary.outline(value))


def register_key(type: type[T], function: Callable[[T], object]) -> None:
    """Key the instances of a class, and of its subclasses, by what a function makes of them.

    A class of your own had better define ``__afml_key__(self)``; this is for classes of others.

    Parameters
    ----------
    type : type
        Not a built-in scalar, whose keys are fixed.
    function : callable
        ``function(value)`` returns any value that has a key. The class counts besides.

    Examples
    --------
    >>> class Handle:
    ...     def __init__(self, url):
    ...         self.url, self.socket = url, object()
    >>> register_key(Handle, lambda handle: handle.url)
    >>> content_key(Handle("db://a")) == content_key(Handle("db://a"))
    True
    """
    resolve.register(type, function)


#: Levels that plain recursion follows; past them it is probably a cycle, and costs stack.
_DEPTH = 64

#: Digests remembered within one pass, so that shared parts are walked once.
_REMEMBERED = 65_536


class _TooDeep(Exception):
    """Plain recursion has gone far enough."""


def _digest(value: object, known: dict[int, tuple[object, bytes]], depth: int) -> bytes:
    kind = type(value)
    stream = (resolve.RULES.get(kind) or resolve.rule_for(kind))(value)
    if isinstance(stream, Node):
        _fill(stream, known, depth)
        stream = stream.stream()
    return xxh3_128_digest(stream, FORMAT)


def _fill(node: Node, known: dict[int, tuple[object, bytes]], depth: int) -> None:
    """Digest the holes of a node."""
    if depth == 0:
        raise _TooDeep
    parts = node.parts
    for position, child in node.holes:
        atom = ATOMS.get(type(child))
        if atom is not None:
            parts[position] = atom(child)
            continue
        seen = known.get(id(child))
        if seen is None:
            child_digest = _digest(child, known, depth - 1)
            if len(known) >= _REMEMBERED:
                known.clear()
            # The value is kept with its digest: a freed one's id could come back as another's.
            known[id(child)] = (child, child_digest)
        else:
            child_digest = seen[1]
        parts[position] = REFERENCE + child_digest


def _finish(stream: bytes | Node) -> bytes:
    """Fill what is open in a stream and digest it."""
    if isinstance(stream, Node):
        _fill(stream, {}, _DEPTH)
        stream = stream.stream()
    return xxh3_128_digest(stream, FORMAT)
