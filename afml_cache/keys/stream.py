"""The grammar of the byte stream that a content key is the hash of.

A value becomes a *stream*: a tag, fixed fields and *parts*. An atom contributes itself as a part,
everything else its digest, so the stream of a container is as short as its list of members.
``docs/key-format.md`` specifies the format; a change here is a new :data:`FORMAT`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from struct import Struct
from typing import Any, Final

from xxhash import xxh3_128_digest

#: The version of the format, and the seed of every hash in it.
FORMAT: Final = 1

#: Rows of a column, elements of an array, items of a list that share one digest.
BLOCK: Final = 65_536

#: How the parts of a node are joined; the byte is part of the stream.
ORDERED: Final = b"o"
UNORDERED: Final = b"u"
PAIRS: Final = b"p"
BLOCKS: Final = b"b"
PACKED: Final = b"k"

u64: Final = Struct("<Q").pack


def tag(name: str) -> bytes:
    """The tag of a kind of value: its length in one byte, then its ASCII name.

    >>> tag("list")
    b'\\x04list'
    """
    return bytes((len(name),)) + name.encode("ascii")


#: Announces a digest where an atom might stand.
REFERENCE: Final = tag("@")

Label = Callable[[int], str]


class Refused(Exception):
    """A value has no key; the driver adds the path and tells the user."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy


class Node:
    """A stream under construction: parts, some of which are still values (holes).

    Parameters
    ----------
    head : bytes
        Tag and fixed fields.
    parts : list of bytes
        In order; the ones named by ``holes`` are filled in later.
    holes : sequence of (int, object)
        Position and value (or :class:`Node`) of every part that is yet to be digested.
    order : bytes
        ``ORDERED``, ``UNORDERED``, ``PAIRS`` or ``BLOCKS``.
    label : callable
        Position -> how the path to that part is written (``"['x']"``, ``".name"``).
    """

    __slots__ = ("head", "holes", "label", "order", "parts")

    def __init__(
        self,
        head: bytes,
        parts: list[bytes],
        holes: Sequence[tuple[int, object]] = (),
        order: bytes = ORDERED,
        label: Label | None = None,
    ) -> None:
        self.head = head
        self.parts = parts
        self.holes = holes
        self.order = order
        self.label = label

    def stream(self) -> bytes:
        """The finished stream; every hole must have been filled."""
        return join(self.head, self.parts, self.order)


Stream = bytes | Node
Rule = Callable[..., Stream]


class Hole:
    """A value that stands in a stream by its own digest."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


def digest_of(stream: Any) -> bytes:
    """The digest (16 bytes) of a finished stream, or of any contiguous buffer."""
    return xxh3_128_digest(stream, FORMAT)


def join(head: bytes, parts: list[bytes], order: bytes = ORDERED) -> bytes:
    """A finished stream of ``parts``. Unordered ones are sorted by digest, never by value."""
    if order is UNORDERED:
        parts = sorted([digest_of(part) for part in parts])
    elif order is PAIRS:
        pairs = zip(parts[::2], parts[1::2], strict=True)
        parts = sorted([digest_of(key + value) for key, value in pairs])
    return b"".join((head, order, u64(len(parts)), *parts))


def reference(stream: Stream) -> bytes | Node:
    """``stream`` as a part: its digest, or the node itself where it still has holes."""
    if isinstance(stream, Node):
        if stream.holes:
            return stream
        stream = join(stream.head, stream.parts, stream.order)
    return REFERENCE + digest_of(stream)


def assemble(
    head: bytes,
    parts: Iterable[bytes | Node | Hole],
    label: Label | None = None,
    order: bytes = ORDERED,
    *,
    keep: bool = False,
) -> Node:
    """A node of parts, of nodes that contribute their digests, and of values.

    With ``keep`` finished nodes stay holes too, so that they can be read afterwards.
    """
    ready: list[bytes] = []
    holes: list[tuple[int, object]] = []
    for part in parts:
        if isinstance(part, bytes):
            ready.append(part)
        elif isinstance(part, Hole):
            holes.append((len(ready), part.value))
            ready.append(b"")
        elif keep or part.holes:
            holes.append((len(ready), part))
            ready.append(b"")
        else:
            ready.append(REFERENCE + digest_of(join(part.head, part.parts, part.order)))
    return Node(head, ready, holes, order, label)


def settle(node: Node) -> Stream:
    """A node as finished bytes, where nothing in it is open."""
    return node if node.holes else join(node.head, node.parts, node.order)


def compose(
    head: bytes, members: Iterable[Stream], label: Label | None = None, order: bytes = ORDERED
) -> Stream:
    """A stream over streams, each of which contributes its digest."""
    return settle(assemble(head, map(reference, members), label, order))
