"""The parts that a function is made of, as a graph, and the digest of such a graph.

A part is a function, class, module or value; an edge says under which name one part uses
another. The digest depends on what can be told by following names from the root, and on nothing
else: not on the order in which parts were found, nor on whether equal parts are one object.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xxhash import xxh3_128_digest

from afml_cache.keys.watch import Look

if TYPE_CHECKING:
    from afml_cache.keys.texts import Shown

#: A namespace (or cell), by identity, and a name in it.
Site = tuple[int, str]


@dataclass(slots=True, eq=False)
class Part:
    """One part: its ``label`` says what it is by itself, its edges what it uses.

    ``name`` is what ``explain()`` calls it; empty for what has no name of its own (the entries
    of a dict, an installed function). ``called`` and ``shown`` are for people, and count nowhere.
    """

    name: str
    label: bytes
    edges: list[Edge] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    called: str = ""
    shown: Shown | None = None


@dataclass(slots=True, eq=False)
class Edge:
    """Under which name a part uses another.

    ``sites`` are the names that were looked up on the way; if the code itself rebinds one of
    them, the edge does not count. No ``target``: the value has no key, and ``left_out`` says
    why.
    """

    label: str
    target: Part | None
    looks: list[Look] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def label_of(*words: str | bytes) -> bytes:
    """A label from words."""
    return _join(
        word.encode("utf-8", "surrogatepass") if isinstance(word, str) else word for word in words
    )


def without_rebound(root: Part, rebound: frozenset[Site]) -> list[Part]:
    """The parts that can be reached from the root; edges over rebound names are taken out."""
    reached: dict[int, Part] = {id(root): root}
    todo = [root]
    while todo:
        part = todo.pop()
        kept = []
        for edge in part.edges:
            gone = [site for site in edge.sites if site in rebound]
            if gone:
                name = edge.target.name if edge.target is not None else ""
                why = "the code that reads it also changes it"
                part.left_out.append((name or edge.label.removeprefix("name "), why))
                continue
            kept.append(edge)
            target = edge.target
            if target is not None and id(target) not in reached:
                reached[id(target)] = target
                todo.append(target)
        part.edges = kept
    return list(reached.values())


def graph_digest(root: Part, parts: list[Part]) -> bytes:
    """Digest of everything that can be told of a graph from its root.

    Every part gets a colour, first its label, then its label and the colours of what it uses,
    until no more parts can be told apart. The colours then describe the graph completely, also
    where functions call each other in a circle.
    """
    colours = {id(part): part.label for part in parts}
    count = len(set(colours.values()))
    while True:
        colours = {id(part): _coloured(part, colours) for part in parts}
        distinct = len(set(colours.values()))
        if distinct == count:
            break
        count = distinct
    return _join([b"afml code 1", colours[id(root)], *sorted(set(colours.values()))])


def _coloured(part: Part, colours: dict[int, bytes]) -> bytes:
    used = sorted(
        label_of(edge.label, colours[id(edge.target)])
        for edge in part.edges
        if edge.target is not None
    )
    return _join([part.label, *used])


def named_digests(parts: Iterable[Part]) -> dict[str, str]:
    """Name -> hex digest of a part by itself: its own source and what it calls its parts.

    An edited function changes its own digest and not the digests of those that call it.
    """
    found: dict[str, set[bytes]] = {}
    for part in parts:
        if part.name:
            found.setdefault(part.name, set()).add(_alone(part))
    # Several functions of one name (made by one factory) share an entry.
    return {
        name: (next(iter(digests)) if len(digests) == 1 else _join(sorted(digests))).hex()
        for name, digests in sorted(found.items())
    }


def _alone(part: Part) -> bytes:
    return _join([part.label, *sorted(_uses(part, {id(part)}))])


def _uses(part: Part, above: set[int]) -> Iterator[bytes]:
    for edge in part.edges:
        target = edge.target
        if target is None:
            continue
        if target.name:
            yield label_of(edge.label, target.name)
        elif id(target) not in above:
            nested = _uses(target, above | {id(target)})
            yield label_of(edge.label, target.label, *sorted(nested))


def left_out_of(parts: Iterable[Part]) -> tuple[tuple[str, str], ...]:
    """What is reached and not part of the key, and why, without repetition."""
    found = set()
    for part in parts:
        found.update(part.left_out)
        for edge in part.edges:
            found.update(edge.left_out)
    return tuple(sorted(found))


def looks_of(parts: Iterable[Part]) -> list[Look]:
    """Everything that the description of the parts rests on."""
    looks: list[Look] = []
    for part in parts:
        looks += part.looks
        for edge in part.edges:
            looks += edge.looks
    return looks


def _join(parts: Iterable[bytes]) -> bytes:
    return xxh3_128_digest(b"".join(len(part).to_bytes(8, "little") + part for part in parts))
