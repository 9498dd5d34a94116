"""Describes a function: its source, defaults and wrapped function, and what its names stand for."""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from afml_cache.keys.lookup import Found, class_name, part_name
from afml_cache.keys.parts import Edge, Part, label_of
from afml_cache.keys.projects import Kind as Whose
from afml_cache.keys.projects import file_of, home_of
from afml_cache.keys.reach import Reach
from afml_cache.keys.source import Found as Kind
from afml_cache.keys.source import source_of
from afml_cache.keys.texts import of_source
from afml_cache.keys.watch import File, Function, Items

if TYPE_CHECKING:
    from afml_cache.keys.walk import Walk


def describe_wrapped(
    walk: Walk, part: Part, function: types.FunctionType, owner: type | None
) -> None:
    """What a wrapper, whoever wrote it, has in ``__wrapped__``, and singledispatch's table."""
    space = function.__dict__
    if "__wrapped__" in space:
        found = Found(name=f"{part_name(function)}.__wrapped__", owner=owner)
        found.see(id(space), space, "__wrapped__", space["__wrapped__"])
        part.edges.append(walk.edge("wrapped", found))
    table = space.get("registry")
    if isinstance(table, types.MappingProxyType):
        part.looks.append(Items.of(table))
        for cls, implementation in table.items():
            entry = Part("", label_of("case"))
            walk.add(entry, "class", cls, class_name(cls))
            walk.add(entry, "function", implementation, class_name(cls), owner=owner)
            part.edges.append(Edge("case", entry))


def describe_function(
    walk: Walk, part: Part, function: types.FunctionType, owner: type | None
) -> None:
    name = part.name
    source = source_of(function.__code__, function.__globals__)
    part.label = label_of("function", source.form)
    part.shown = of_source(source)
    part.looks.append(Function.of(function))
    if source.found is Kind.EDITED and source.file not in walk.edited:
        walk.edited[source.file] = File(Path(source.file))
    elif source.found is Kind.BYTECODE:
        version = ".".join(map(str, sys.version_info[:2]))
        why = f"its source is not available: its bytecode counts, good for Python {version}"
        part.left_out.append((name, why))
    _describe_defaults(walk, part, function)
    describe_wrapped(walk, part, function, owner)
    reach = source.reach
    for chain in sorted(reach.outside):
        found = walk.lookup.outside(function, chain)
        label = "name " + ".".join(chain)
        installed = _as_imported(walk, found, chain[0], source.imports)
        if installed is not None:
            part.edges.append(Edge(label, installed, found.looks, found.sites))
        else:
            walk.add_found(part, label, found)
    for what, chain in sorted(reach.imported, key=repr):
        label = f"import {'.' * what.level}{what.module} {what.name} {'.'.join(chain)}"
        walk.add_found(part, label, walk.lookup.imported(function, what, chain))
    if reach.own or reach.above:
        _describe_own(walk, part, function, reach, owner)
    for chain in reach.rebound:
        walk.rebound.update(walk.lookup.rebound_sites(function, chain))


def _describe_defaults(walk: Walk, part: Part, function: types.FunctionType) -> None:
    code, defaults = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount][code.co_argcount - len(defaults) :]
    for argument, value in zip(names, defaults, strict=False):
        walk.add(part, f"default {argument}", value, f"{part.name}({argument}=)")
    keywords = function.__kwdefaults__ or {}
    for argument, value in sorted(keywords.items()):
        found = Found(name=f"{part.name}({argument}=)")
        found.see(id(keywords), keywords, argument, value)
        part.edges.append(walk.edge(f"default {argument}", found))


def _describe_own(
    walk: Walk, part: Part, function: types.FunctionType, reach: Reach, owner: type | None
) -> None:
    """What a method asks of ``self`` (or ``cls``), and of ``super()``."""
    home = walk.lookup.owner_of(function)
    part.looks += home.looks
    defined_in = home.value if isinstance(home.value, type) else None
    cls = owner or defined_in
    if cls is None:
        if home.why:
            asked = [".".join(("self", *chain)) for chain in reach.own if chain]
            asked += [".".join(("super()", *chain)) for chain in reach.above if chain]
            part.left_out += [(f"{part.name}: {text}", home.why) for text in sorted(asked)]
        return
    for chain in sorted(reach.own):
        found = walk.lookup.own_attribute(cls, chain)
        walk.add_found(part, "own " + ".".join(chain), found)
    for chain in sorted(reach.above):
        found = walk.lookup.own_attribute(cls, chain, above=defined_in or cls)
        walk.add_found(part, "above " + ".".join(chain), found)


def _as_imported(
    walk: Walk, found: Found, name: str, imports: Mapping[str, tuple[str, str]]
) -> Part | None:
    """What ``from package import name`` at the top of a file brought in from a stranger.

    Objects of other packages (a logger, a distribution of scipy) count by package and name:
    their content is that package's business, and often has no key.
    """
    if name not in imports or len(found.sites) != 1:
        return None
    origin, original = imports[name]
    module = sys.modules.get(origin)
    if module is None or vars(module).get(original) is not found.value:
        return None
    home = home_of(origin, file_of(module))
    if walk.lookup.is_project(home) or home.kind is Whose.OURS:
        return None
    return walk.foreign(home, origin, original)
