"""Digests of values that contain themselves or are nested deeper than recursion should go.

The value is laid out as a graph without recursion. Its strongly connected components are
digested children first: a component of one node as anywhere else, a cycle by a listing of its nodes
that begins at a node which no other looks like. What is acyclic gets the digest that
:func:`afml_cache.keys.content.digest` gives it. Errors get their path here too.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator

from afml_cache.errors import UnkeyableArgumentError
from afml_cache.keys import resolve
from afml_cache.keys.atoms import ATOMS
from afml_cache.keys.stream import PAIRS, REFERENCE, UNORDERED, Node, Refused, digest_of, tag, u64

_CYCLE = tag("cycle")
_NUMBER = tag("#")

#: Deeper than this, a value is taken to be without end (an ``__afml_key__`` that returns itself).
_DEEPEST = 100_000

#: Rounds of refinement: enough to find a place to start from that any equal cycle has too.
_ROUNDS = 16


def digest(value: object, path: str) -> bytes:
    """The digest of any value, without recursion.

    Raises
    ------
    UnkeyableArgumentError
        A part of it has no key; ``path`` is where the path to that part begins.
    """
    return _Graph(value, path).digests[0]


class _Graph:
    """The values reachable from one value: a node each, numbered as they are found."""

    def __init__(self, value: object, path: str) -> None:
        self.path = path
        self.values: list[object] = []  # kept: ids stay unique only while the values live
        self.nodes: list[Node | None] = []
        self.children: list[list[tuple[int, int]]] = []  # (position of the part, child)
        self.found_at: list[tuple[int, int]] = []  # (parent, position of the part)
        self.depths: list[int] = []
        self.numbers: dict[int, int] = {}
        self.digests: dict[int, bytes] = {}
        self._lay_out(value)
        for component in self._components():
            self._digest_component(component)

    def _lay_out(self, value: object) -> None:
        self._add(value, -1, 0)
        at = 0
        # Depth first, so that the first refusal met is the first one a reader would meet.
        stack = [at]
        while stack:
            at = stack.pop()
            node = self._expand(at)
            if node is None:
                continue
            new = []
            for position, child in node.holes:
                atom = ATOMS.get(type(child))
                if atom is not None:
                    node.parts[position] = atom(child)
                    continue
                number = self.numbers.get(id(child))
                if number is None:
                    number = self._add(child, at, position)
                    new.append(number)
                self.children[at].append((position, number))
            stack.extend(reversed(new))

    def _add(self, value: object, parent: int, position: int) -> int:
        number = len(self.values)
        self.numbers[id(value)] = number
        self.values.append(value)
        self.nodes.append(None)
        self.children.append([])
        self.found_at.append((parent, position))
        depth = self.depths[parent] + 1 if parent >= 0 else 0
        self.depths.append(depth)
        if depth > _DEEPEST:
            raise UnkeyableArgumentError(
                self._path_to(number),
                f"nested more than {_DEEPEST:,} levels deep",
                "Pass a flatter value, or define __afml_key__() on its class.",
            )
        return number

    def _expand(self, at: int) -> Node | None:
        value = self.values[at]
        try:
            stream = resolve.rule_for(type(value))(value)
        except Refused as refused:
            raise UnkeyableArgumentError(
                self._path_to(at), refused.what, refused.remedy
            ) from refused.__cause__
        if not isinstance(stream, Node):
            self.digests[at] = digest_of(stream)
            return None
        self.nodes[at] = stream
        return stream

    def _path_to(self, at: int) -> str:
        steps = []
        while True:
            parent, position = self.found_at[at]
            if parent < 0:
                break
            node = self.nodes[parent]
            if node is not None and node.label is not None:
                steps.append(node.label(position))
            at = parent
        if len(steps) > 40:
            steps[20:-20] = [f"...({len(steps) - 40} levels)..."]
        return self.path + "".join(reversed(steps))

    def _components(self) -> Iterator[list[int]]:
        """Strongly connected components, children before parents (Tarjan, 1972; iterative)."""
        order: dict[int, int] = {}
        low: dict[int, int] = {}
        open_nodes: list[int] = []
        is_open: set[int] = set()
        work: list[tuple[int, Iterator[tuple[int, int]]]] = []

        def enter(node: int) -> None:
            order[node] = low[node] = len(order)
            open_nodes.append(node)
            is_open.add(node)
            work.append((node, iter(self.children[node])))

        enter(0)
        while work:
            node, children = work[-1]
            for _, child in children:
                if child not in order:
                    enter(child)
                    break
                if child in is_open:
                    low[node] = min(low[node], order[child])
            else:
                work.pop()
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])
                if low[node] == order[node]:
                    component: list[int] = []
                    while not component or component[-1] != node:
                        component.append(open_nodes.pop())
                        is_open.discard(component[-1])
                    yield component

    def _digest_component(self, component: list[int]) -> None:
        node = component[0]
        if len(component) == 1 and all(child != node for _, child in self.children[node]):
            if node not in self.digests:
                self.digests[node] = self._digest_with(node, self.digests)
            return
        colours = self._refined(component)
        repeated = Counter(colours.values())
        distinct = [node for node, colour in colours.items() if repeated[colour] == 1]
        if distinct:
            self.digests.update(self._listed(min(distinct, key=colours.__getitem__), colours))
            return
        for entry in self._entries(set(component)):
            self.digests[entry] = self._listed(entry, colours)[entry]

    def _refined(self, component: list[int]) -> dict[int, bytes]:
        """A colour a node: what can be told of it by looking a few steps around."""
        colours = dict.fromkeys(component, bytes(16))
        classes = 1
        for _ in range(_ROUNDS):
            colours = {
                node: digest_of(_CYCLE + colour + self._digest_with(node, colours))
                for node, colour in colours.items()
            }
            now = len(set(colours.values()))
            if now == classes:
                break
            classes = now
        return colours

    def _listed(self, root: int, colours: dict[int, bytes]) -> dict[int, bytes]:
        """Digests from a listing of the whole cycle, numbered breadth first from ``root``."""
        numbers = {root: 0}
        lines = []
        queue = deque([root])
        while queue:
            at = queue.popleft()
            node = self.nodes[at]
            assert node is not None
            inside = [
                (position, child) for position, child in self.children[at] if child in colours
            ]
            # The parts still hold the colours, by which members without an order are visited.
            if node.order is UNORDERED:
                inside.sort(key=lambda found: node.parts[found[0]])
            elif node.order is PAIRS:
                inside.sort(key=lambda found: (node.parts[found[0] & ~1], found[0] & 1))
            for _, child in inside:
                if child not in numbers:
                    numbers[child] = len(numbers)
                    queue.append(child)
            for position, child in inside:
                node.parts[position] = _NUMBER + u64(numbers[child])
            lines.append(digest_of(node.stream()))
        for at in numbers:
            self._digest_with(at, colours)  # puts the colours back
        whole = digest_of(b"".join(lines))
        return {at: digest_of(_CYCLE + u64(number) + whole) for at, number in numbers.items()}

    def _digest_with(self, at: int, digests: dict[int, bytes]) -> bytes:
        node = self.nodes[at]
        assert node is not None
        for position, child in self.children[at]:
            known = digests.get(child)
            node.parts[position] = REFERENCE + (self.digests[child] if known is None else known)
        return digest_of(node.stream())

    def _entries(self, members: set[int]) -> set[int]:
        """The members of a component that something outside it refers to."""
        entries = {
            child
            for parent, children in enumerate(self.children)
            if parent not in members
            for _, child in children
            if child in members
        }
        return entries | ({0} & members)
