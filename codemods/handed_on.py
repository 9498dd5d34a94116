"""Names that files take from each other: who reaches ``cacheable`` through another module.

A name that one file imports from the cache may be used by another as ``pkg.a.cacheable``, by
``from pkg.a import cacheable``, or as the string ``"pkg.a.cacheable"``. Such a name has to
stay where it is; where it cannot be told which module is meant, it stays in all of them.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from codemods.files import NOTEBOOK
from codemods.findings import Code, Finding, place
from codemods.notebook import Notebook
from codemods.re_exports import ReExports
from codemods.resolve import Names
from codemods.rules import Rules
from codemods.run_files import run_files
from codemods.source import Source, Unreadable

_FROM = re.compile(
    rb"\bfrom[ \t]++([.\w]++)[ \t]*+import[ \t]*+"
    rb"(\((?:#[^\r\n]*+|[^)#])*+\)|(?:\\\r?\n|[^\r\n])*+)"
)
_STAR = re.compile(rb"import[ \t]*\*")
_RENAMED = re.compile(r"(\w+)\s+as\s+(\w+)")
_BY_NAME = frozenset({"getattr", "hasattr", "setattr", "delattr", "object"})  # patch.object


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """One place that reaches a name through a module."""

    cell: int = field(default=0, kw_only=True)  #: of a notebook, from 1
    line: int
    column: int
    name: str
    module: str | None  #: dotted, as far as it can be told
    shown: str  #: as it is written
    decorates: bool = False
    imports: bool = False  #: ``from module import name``
    local: str = ""  #: what it is called after ``as``
    idle: bool = False  #: it comes with ``import *``, and is not mentioned
    doubtful: bool = False  #: where no module fits, it may be any


@dataclass(slots=True)
class HandedOn:
    """The answer for a whole repository, by file."""

    #: name -> where it was seen; for files that import the name from the cache
    names: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    #: the places that reach them, each with the files that it may mean
    references: dict[str, list[tuple[Reference, list[str]]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    #: names that a file imports from these, as it calls them: it may hand them on in its turn
    through: dict[str, frozenset[str]] = field(default_factory=dict)

    def takers(self) -> Iterator[str]:
        """Files that import a name, or decorate with it, through another."""
        for file, there in self.references.items():
            if any(reference.imports or reference.decorates for reference, _ in there):
                yield file

    def findings(
        self, file: str, package: tuple[str, ...], rules: Rules, re_exports: ReExports
    ) -> list[Finding]:
        """What is to be said about the places in ``file``, where they are not followed."""
        return [
            _finding(reference, there)
            for reference, there in self.references.get(file, [])
            if not _is_followed(reference, package, rules, re_exports)
        ]


def handed_on(
    takers: Mapping[str, tuple[str, ...]],
    contents: Mapping[str, bytes],
    everything: Iterable[tuple[str, tuple[str, ...], bytes]],
    rules: Rules,
    through: Mapping[str, frozenset[str]] | None = None,
) -> HandedOn:
    """Which names of which files are reached from other files, one step far.

    With ``through`` of the answer, it is asked again until that does not change any more.

    Parameters
    ----------
    takers : mapping of str to tuple of str
        The files that may be migrated, and the packages they lie in.
    contents : mapping of str to bytes
        Their bytes.
    everything : iterable of (file, package, bytes)
        All files of the repository: also those that are not migrated reach names.
    rules : Rules
        What is looked for.
    through : mapping of str to frozenset of str, optional
        What is known already to be imported from these files.
    """
    through = through or {}
    bound = {
        file: _bound(contents[file], takers[file], rules) | through.get(file, frozenset())
        for file in takers
    }
    modules = {file: _module(file, takers[file]) for file in takers if bound[file]}
    found = HandedOn()
    watched = frozenset().union(*bound.values())
    if not watched:
        return found
    mentions = _mentions(watched)
    words = [word.encode() for word in watched]
    for file, package, data in everything:
        notebook = _notebook(data, watched) if file.endswith(NOTEBOOK) else None
        if file.endswith(NOTEBOOK):
            data = notebook.written if notebook is not None else b""
        if not any(word in data for word in words) and _STAR.search(data) is None:
            continue  # quicker than one pattern for all of it
        if mentions.search(data) is None:
            continue
        parsed = notebook.python if notebook is not None else data
        mentioned = [name for name in watched if _mentions([name], star=False).search(data)]
        for line, shown, run in run_files(data):
            for other in (o for o in modules if o != file and Path(o).name == run):
                for name in sorted(bound[other].intersection(mentioned)):
                    inside = notebook.place(line) if notebook is not None else (0, line)
                    seen = f"{file}:{place(inside[1], inside[0])}: {shown}"
                    found.names[other].setdefault(name, seen)
                    reached = Reference(
                        inside[1], 1, name, None, shown, imports=True, cell=inside[0]
                    )
                    found.references[file].append((reached, [other]))
        for reference in references(data, package, watched, rules, parsed=parsed):
            if notebook is not None:
                cell, line = notebook.place(reference.line)
                reference = replace(reference, cell=cell, line=line)
            there = [
                other
                for other in _meant(reference, {f: m for f, m in modules.items() if f != file})
                if reference.name in bound[other]
                and (reference.name in rules.old or not reference.doubtful)
            ]
            if not there:
                continue
            for other in there:
                at = place(reference.line, reference.cell)
                seen = f"{file}:{at}: {reference.shown}"
                found.names[other].setdefault(reference.name, seen)
            found.references[file].append((reference, there))
    for file, places in found.references.items():
        names = frozenset(r.local or r.name for r, _ in places if r.imports)
        if names:
            found.through[file] = names
    return found


def _is_followed(
    reference: Reference, package: tuple[str, ...], rules: Rules, re_exports: ReExports
) -> bool:
    """Whether the file that contains the reference is planned with its meaning known."""
    if not (reference.imports or reference.decorates):
        return False
    every = rules.old | rules.new
    if reference.shown.endswith("*"):
        return reference.idle or reference.name in every  # these are followed, the others never
    if reference.module is None:
        return False
    # A relative import has been made absolute: by the folders, or as far as the file tells.
    return any(
        re_exports.offer(f"{dot}{reference.module}.{reference.name}", package, every) is not None
        for dot in (".", "")
    )


def references(
    data: bytes,
    package: tuple[str, ...],
    watched: frozenset[str],
    rules: Rules,
    *,
    parsed: bytes | None = None,
) -> list[Reference]:
    """The places of one file that reach one of ``watched`` through a module that is no source.

    ``parsed``: what of it can be parsed, where that is not all; every place is the same there.
    """
    found = list(_from_imports(data, package, watched, rules))
    words = b"|".join(re.escape(name.encode()) for name in sorted(watched))
    # A dot, a quote: only then it is worth parsing. Possessive, or a line of # takes for ever.
    after = rb"(?:\.(?:\s|\\|#[^\r\n]*+)*+|[\"':])"
    if re.search(after + rb"(?:" + words + rb")(?!\w)", data) is None:
        return found
    try:
        source = Source(data if parsed is None else parsed)
        reader = _Reader(source, Names(source, package, rules), watched, rules)
        found += reader.attributes()
    except (Unreadable, RecursionError):  # it is reported elsewhere; its names count all the same
        for match in re.finditer(rb"(?<![\w.])([\w.]*)\.\s*+(" + words + rb")(?!\w)", data):
            module, name = match[1].decode("utf-8", "replace"), match[2].decode()
            if rules.offer(f"{module}.{name}", frozenset({name})) is None:
                line = data.count(b"\n", 0, match.start()) + 1
                shown = f"{module}.{name}"
                found.append(Reference(line, 1, name, module or None, shown, doubtful=True))
    return sorted(set(found), key=lambda reference: (reference.line, reference.column))


class _Reader:
    """Attributes and strings of one file that has been parsed."""

    def __init__(self, source: Source, names: Names, watched: frozenset[str], rules: Rules) -> None:
        self.source = source
        self.imported = names.imported
        self.watched = watched
        self.rules = rules

    def attributes(self) -> Iterator[Reference]:
        decorators: set[ast.AST] = set()
        for node in ast.walk(self.source.tree):
            for decorator in getattr(node, "decorator_list", ()):
                decorators.add(decorator.func if isinstance(decorator, ast.Call) else decorator)
            match node:
                case ast.Attribute(value=base, attr=name) if name in self.watched:
                    yield from self.reached(node, base, name, node in decorators)
                case ast.Subscript(value=held, slice=ast.Constant(value=str(text))):
                    if text in self.watched:
                        for base in _namespace(held):
                            yield from self.reached(node, base, text, False)
                case ast.Constant(value=str(text)):
                    yield from self.spelled(node, text)
                case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=args):
                    if called in _BY_NAME:
                        for base, named in pairwise(args):
                            if isinstance(named, ast.Constant) and named.value in self.watched:
                                yield from self.reached(node, base, str(named.value), False)

    def reached(
        self, node: ast.expr, base: ast.expr, name: str, decorates: bool
    ) -> Iterator[Reference]:
        """``base.name``, where ``base`` is anything at all."""
        for module, doubtful in self.modules(base):
            if module is None or self.rules.offer(f"{module}.{name}", frozenset({name})) is None:
                shown = " ".join(self.source.segment(node).decode("utf-8", "replace").split())
                yield self.at(node, name, module, shown, decorates, doubtful)

    def modules(self, base: ast.expr) -> Iterator[tuple[str | None, bool]]:
        """What ``base`` may be, and whether it may be anything else too."""
        rest: list[str] = []
        while isinstance(base, ast.Attribute):
            rest.insert(0, base.attr)
            base = base.value
        if isinstance(base, ast.Constant):
            return
        if isinstance(base, ast.Call) and len(base.args) == 1 and not rest:
            named = base.args[0]  # import_module("pkg.a").cacheable
            if isinstance(named, ast.Constant) and isinstance(named.value, str):
                yield named.value.lstrip("."), True
                return
        if not isinstance(base, ast.Name):
            yield (rest[-1] if rest else None), True
        elif base.id in self.imported:
            for target in sorted(self.imported[base.id]):
                relative = target.startswith(".")
                yield ".".join((target.lstrip("."), *rest)), relative
        elif rest or base.id not in ("self", "cls"):  # an attribute of an object of one's own
            yield ".".join((base.id, *rest)), True

    def spelled(self, node: ast.Constant, text: str) -> Iterator[Reference]:
        """``"pkg.a.cacheable"``, as for ``mock.patch``; ``"pkg.a:cacheable"`` too."""
        name = next((word for word in self.watched if text.endswith(word)), "")
        before = text.removesuffix(name)
        if name and before.endswith((".", ":")):
            backwards = re.match(r"[\w.]*", before[-2::-1])
            assert backwards is not None
            dotted = backwards[0][::-1].strip(".")
            if self.rules.offer(f"{dotted}.{name}", frozenset({name})) is None:
                tail = f'"{dotted}{before[-1]}{name}"'
                yield self.at(node, name, dotted or None, tail, False, not dotted)

    def at(
        self,
        node: ast.expr,
        name: str,
        module: str | None,
        shown: str,
        decorates: bool,
        doubtful: bool,
    ) -> Reference:
        column = self.source.column(node.lineno, node.col_offset)
        return Reference(
            node.lineno, column, name, module, shown, decorates=decorates, doubtful=doubtful
        )


def _namespace(held: ast.expr) -> Iterator[ast.expr]:
    """The module of ``vars(module)`` and of ``module.__dict__``."""
    match held:
        case ast.Call(func=ast.Name(id="vars"), args=[base]):
            yield base
        case ast.Attribute(value=base, attr="__dict__"):
            yield base


def _from_imports(
    data: bytes, package: tuple[str, ...], watched: frozenset[str], rules: Rules
) -> Iterator[Reference]:
    for match in _FROM.finditer(data):
        listed = match[2].decode("utf-8", "replace")
        star = listed.lstrip().startswith("*")
        words = set(re.findall(r"\w+", listed))
        renamed = dict(_RENAMED.findall(listed))
        names = (name for name in sorted(watched) if star or name in words)
        module = _absolute(match[1].decode("utf-8", "replace"), package)
        if _is_source(match[1].decode("utf-8", "replace"), package, rules):
            continue
        line = data.count(b"\n", 0, match.start()) + 1
        for name in names:
            shown = f"from {match[1].decode('utf-8', 'replace')} import {'*' if star else name}"
            local = renamed.get(name, "")
            idle = star and _mentions([name], star=False).search(data) is None
            yield Reference(line, 1, name, module, shown, imports=True, local=local, idle=idle)


def _bound(data: bytes, package: tuple[str, ...], rules: Rules) -> frozenset[str]:
    """The names under which a file imports legacy decorators from a source."""
    found: set[str] = set()
    for match in _FROM.finditer(data):
        if _is_source(match[1].decode("utf-8", "replace"), package, rules):
            listed = match[2].decode("utf-8", "replace")
            renamed = dict(_RENAMED.findall(listed))
            for name in rules.old.intersection(re.findall(r"\w+", listed)):
                found |= {name, renamed.get(name, name)}
    return frozenset(found)


def _absolute(module: str, package: tuple[str, ...]) -> str:
    bare = module.lstrip(".")
    level = len(module) - len(bare)
    if not level:
        return bare
    above = package[: len(package) - (level - 1)]
    return ".".join((*above, bare) if bare else above)


def _is_source(module: str, package: tuple[str, ...], rules: Rules) -> bool:
    if module.startswith("."):
        above = len(package) - (len(module) - len(module.lstrip(".")) - 1)
        return rules.canonical(_absolute(module, package), above) is not None
    return any(module == s or module.startswith(s + ".") for s in rules.sources)


def _module(file: str, package: tuple[str, ...]) -> str:
    stem = Path(file).stem
    return ".".join(package if stem == "__init__" else (*package, stem))


def _meant(reference: Reference, modules: Mapping[str, str]) -> list[str]:
    """The files that a reference can mean."""
    wanted = reference.module
    if wanted is None:
        return list(modules)
    fitting = [f for f, own in modules.items() if own == wanted or own.endswith("." + wanted)]
    if fitting or reference.imports:
        return fitting
    last = wanted.rpartition(".")[2]
    fitting = [f for f, own in modules.items() if own.rpartition(".")[2] == last]
    return fitting or (list(modules) if reference.doubtful else [])


def _notebook(data: bytes, watched: frozenset[str]) -> Notebook | None:
    """A notebook that may reach one of the names."""
    if not any(name.encode() in data for name in watched) and _STAR.search(data) is None:
        return None
    try:
        return Notebook(data)
    except Unreadable:  # it is reported where it is one to migrate
        return None


def _mentions(watched: Collection[str], *, star: bool = True) -> re.Pattern[bytes]:
    words = b"|".join(re.escape(name.encode()) for name in sorted(watched))
    or_star = rb"|import[ \t]*\*" if star else b""
    return re.compile(rb"(?<!\w)(?:" + words + rb")(?!\w)" + or_star)


def _finding(reference: Reference, there: list[str]) -> Finding:
    through = there[0] if len(there) == 1 else f"one of {len(there)} files"
    what = f"{reference.shown} reaches {reference.name} through {through}"
    if reference.doubtful and len(there) > 1:
        what = f"{reference.shown} may reach {reference.name} through {through}"
    code = Code.UNRESOLVED_IMPORT if reference.decorates or reference.imports else Code.VALUE_USE
    text = f"{what}, which keeps it"
    return Finding(reference.line, reference.column, code, text, cell=reference.cell)
