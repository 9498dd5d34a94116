"""Modules of the project that take the cache's decorators and hand them on.

``from quant.caching import cacheable`` leads to the cache where ``quant/caching.py`` does nothing
with the name but import it. Such modules are followed, through as many files as it takes, before
planning; what they hand on counts as the cache's, and its successor is taken from where they
take it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from codemods.rules import Offer

Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Handed:
    """A decorator of the cache, as a module of the project hands it on."""

    name: str  #: what the cache calls it
    home: str  #: the source it comes from
    place: Parts | None = None  #: where that source lies, if it was reached by its place


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the project, and the decorators that can be taken from it."""

    path: str  #: relative to the root
    place: Parts
    names: Mapping[str, Handed]
    does_more: bool = False  #: importing it has effects beyond binding names


@dataclass(frozen=True)
class ReExports:
    """The modules that files of the project import names from, by their place on the disk.

    A place is written as a relative import's target is, with dots between the folders.
    """

    root: Parts = ()
    modules: Mapping[str, Module] = field(default_factory=dict)

    @cached_property
    def aliases(self) -> frozenset[str]:
        """The names that decorators are handed on under, where these are not their own."""
        return frozenset(
            name
            for module in self.modules.values()
            for name, what in module.names.items()
            if name != what.name
        )

    def mentioned(self, data: bytes) -> bool:
        """Whether a file may use a decorator under another name than its own."""
        return any(name.encode() in data for name in self.aliases)

    def offer(self, target: str, package: Parts, names: frozenset[str]) -> Offer | None:
        """The decorator that a qualified name stands for, if project modules hand it on.

        Parameters
        ----------
        target : str
            Dotted, as an import binds it; with a dot in front, the place of a relative import.
        package : tuple of str
            The folders that the importing file lies in, outermost first.
        names : frozenset of str
            The decorators that are meant.
        """
        found = self.handed(target, package)
        if found is None or found[1].name not in names:
            return None
        there, handed = found
        module = target.lstrip(".").rpartition(".")[0]
        instead = self._home(handed, there.place, module, package, target.startswith("."))
        if instead is None:
            return None
        own = frozenset(name for name, what in there.names.items() if what.name == name)
        around = package[: len(there.place)] == there.place  # it is imported anyway
        effects = there.path if there.does_more and not around else ""
        return Offer(handed.home, module, handed.name, instead, own, effects)

    def handed(self, target: str, package: Parts) -> tuple[Module, Handed] | None:
        """What a qualified name stands for, and the module that hands it on."""
        if not self.modules:
            return None
        module, _, name = target.rpartition(".")
        there = [self.modules[p] for p in self.places(module, package) if p in self.modules]
        found = {module.names.get(name) for module in there}
        handed = found.pop() if len(found) == 1 else None
        return (there[0], handed) if handed is not None else None

    def leads_to(self, target: str, package: Parts) -> bool:
        """Whether decorators can be reached through the module ``target`` by attributes."""
        if not self.modules:
            return False
        return any(
            place == wanted or place.startswith(f"{wanted}.")
            for wanted in self.places(target, package)
            for place, module in self.modules.items()
            if module.names
        )

    def places(self, module: str, package: Parts) -> Iterator[str]:
        """Where a module may lie that a file imports: its own place, or where Python looks."""
        if module.startswith("."):
            yield module[1:]
            return
        for length in range(len(package), len(self.root) - 1, -1):
            yield ".".join((*package[:length], module))
        yield ".".join((*self.root, "src", module))

    def _home(
        self, handed: Handed, place: Parts, module: str, package: Parts, relative: bool
    ) -> tuple[int, str] | None:
        """Level and module of the import that takes the successor from the cache."""
        if handed.place is None:
            return 0, handed.home
        if not relative:
            base = place[: len(place) - len(module.split("."))]
            if handed.place[: len(base)] != base:
                return None
            return 0, ".".join(handed.place[len(base) :])
        common = 0
        while common < min(len(package), len(handed.place)) and (
            package[common] == handed.place[common]
        ):
            common += 1
        if common < len(self.root):
            return None
        return len(package) - common + 1, ".".join(handed.place[common:])
