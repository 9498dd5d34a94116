"""What the project's own source modules offer: its ``afml/cache``, where it carries one.

A repository may hold the module that its decorators come from, and that one need not have the
new ones yet. Such files are read once, before planning; an import is only rewritten where the
module that it leads to binds the name that is wanted.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from codemods.module_names import ModuleNames
from codemods.rules import CACHING, DECORATORS, SOURCES, Offer, Rules
from codemods.scopes import Binding
from codemods.source import Source, Unreadable

Parts = tuple[str, ...]

#: What the installed package offers to an ``import *`` in a module of the project.
_OFFERED = DECORATORS | {"cacheable"}


@dataclass(frozen=True, slots=True)
class Carried:
    """A source module that is a file of the project."""

    path: str  #: relative to the root
    names: frozenset[str]  #: the decorators that it binds
    doubt: str = ""  #: why that is not all that can be said about it


@dataclass(frozen=True)
class InTree:
    """The source modules among the project's own files, by their place on the disk."""

    root: Parts = ()
    modules: Mapping[Parts, Carried] = field(default_factory=dict)

    def refusal(self, binding: Binding, offer: Offer, package: Parts, name: str) -> str | None:
        """Why ``name`` cannot be taken from where ``binding`` comes from; None where it can."""
        if not self.modules or name in offer.own:
            return None
        for place in self._places(binding, offer, package):
            carried = self.modules.get(place)
            if carried is None or name in carried.names:
                continue
            what = f"{carried.path} does not offer {name}"
            if carried.doubt:
                what = f"it cannot be told whether {carried.path} offers {name} ({carried.doubt})"
            if offer.home == "afml_cache":
                return f"{what}; export it there"
            return f"{what}; add `from afml_cache import {name}` there (`afml-codemod adopt-init`)"
        return None

    def _places(self, binding: Binding, offer: Offer, package: Parts) -> Iterator[Parts]:
        home = tuple(offer.home.split("."))
        statement = binding.statement
        if offer.instead is not None:
            level, module = offer.instead
            home = tuple(module.split(".")) if module else ()
            if level:
                yield package[: len(package) - (level - 1)] + home
                return
        elif isinstance(statement, ast.ImportFrom) and statement.level:
            assert binding.alias is not None
            assert binding.target is not None
            above = package[: len(package) - (statement.level - 1)]
            named = statement.module.split(".") if statement.module else []
            full = (*above, *named, binding.alias.name)
            yield full[: len(full) - len(binding.target.split("."))] + home
            return
        for length in range(len(package), len(self.root) - 1, -1):
            yield package[:length] + home
        yield (*self.root, "src", *home)


def find_in_tree(root: Path, packages: Iterable[Parts], rules: Rules) -> InTree:
    """Look for source modules at ``root``, in its ``src``, and above the files.

    Parameters
    ----------
    root : Path
        The repository.
    packages : iterable of tuple of str
        The folders that the files lie in, outermost first.
    rules : Rules
        Which modules are sources.
    """
    top = root.absolute().parts[1:]
    folders = {top, (*top, "src")}
    for package in set(packages):
        if package[: len(top)] == top:
            folders |= {package[:length] for length in range(len(top), len(package) + 1)}
    return _Search(root.absolute(), rules).all(folders)


class _Search:
    def __init__(self, root: Path, rules: Rules) -> None:
        self.root = root
        self.rules = rules
        self.found: dict[Parts, Carried] = {}

    def all(self, folders: Iterable[Parts]) -> InTree:
        for folder in folders:
            for source in self.rules.sources:
                place = (*folder, *source.split("."))
                carried = self.carried(place, frozenset())
                if carried is not None:
                    self.found[place] = carried
        return InTree(self.root.parts[1:], self.found)

    def carried(self, place: Parts, seen: frozenset[Path]) -> Carried | None:
        folder = Path(self.root.anchor, *place)
        for file in (folder / "__init__.py", folder.with_name(f"{folder.name}.py")):
            if file.is_file() and file not in seen:
                shown = file.relative_to(self.root).as_posix()
                try:
                    body = ModuleNames(Source(file.read_bytes()).tree)
                except OSError as error:
                    return Carried(shown, frozenset(), error.strerror or "unreadable")
                except Unreadable as error:
                    return Carried(shown, frozenset(), error.finding.text)
                names = set(body.names)
                if shown == self.rules.adopting:
                    names |= self.rules.adopted
                for module in body.stands_for:
                    names |= self.source_names(module, seen | {file})
                return Carried(shown, frozenset(CACHING & names), body.doubt)
        return None

    def source_names(self, module: str, seen: frozenset[Path]) -> frozenset[str]:
        """The decorators that come with all of an absolute module."""
        if module not in SOURCES:
            return frozenset()
        for folder in (self.root, self.root / "src"):
            carried = self.carried((*folder.parts[1:], *module.split(".")), seen)
            if carried is not None:
                return carried.names
        return _OFFERED if module == "afml_cache" else frozenset()
