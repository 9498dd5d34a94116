"""Following the imports of a project to the modules that hand on the cache's decorators.

Only modules that some file imports from are read, and only those that lie in the project. What a
module hands on is what each of its top-level imports agrees on; anything else that binds the name
there, or an import that depends on something, makes it nobody's.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from codemods.re_exports import Handed, Module, Parts, ReExports
from codemods.resolve import Names
from codemods.rules import Rules
from codemods.scopes import Binding
from codemods.source import Source, Unreadable

_FROM = re.compile(
    rb"(?:^|;)[ \t\f]*+from[ \t]*+"
    rb"(\.[. \t]*+(?:(?!import\b)\w++(?:\.\w++)*+)?+|(?<=[ \t])\w++(?:\.\w++)*+)[ \t]*+"
    rb"import\b[ \t]*+(\((?:#[^\r\n]*+|[^)#])*+\)|(?:\\\r?\n|[^\r\n])*+)",
    re.M,
)
_STAR = re.compile(rb"\bimport[ \t(]*+\*")
_IMPORT = re.compile(rb"(?:^|;)[ \t\f]*+import[ \t]++([^\r\n;#]++)", re.M)


def find_re_exports(
    root: Path,
    files: Mapping[str, tuple[Parts, bytes]],
    rules: Rules,
    suspects: Collection[str] = (),
) -> ReExports:
    """Follow the imports of ``files`` through the modules of the project.

    Parameters
    ----------
    root : Path
        The repository.
    files : mapping of str to (packages, bytes)
        The files that mention a decorator.
    rules : Rules
        What is looked for.
    suspects : collection of str
        The files among these that may take a decorator by a name that does not show what it is:
        all that they import is looked at.
    """
    search = _Search(root.absolute(), rules)
    words = rules.old | rules.new
    by_attribute = re.compile(
        rb"\.\s*+(?:" + b"|".join(w.encode() for w in sorted(words)) + rb")\b"
    )
    for file in sorted(files, key=lambda file: file not in suspects):
        package, data = files[file]
        everything = file in suspects or by_attribute.search(data) is not None
        for level, module, listed in imported_modules(data):
            if everything or "*" in listed or words.intersection(listed):
                search.follow(level, module, listed, package, file in suspects)
    return search.known()


def imported_modules(data: bytes) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Every import of a file as its bytes show it: level, module, the names that are taken.

    It is quick and sees too much rather than too little: imports in strings, for one.
    """
    for match in _FROM.finditer(data):
        module = re.sub(r"\s", "", match[1].decode("utf-8", "replace"))
        bare = module.lstrip(".")
        listed = re.sub(r"#[^\r\n]*", "", match[2].decode("utf-8", "replace"))
        names = re.findall(r"(?:^|,)[\s(\\]*+(\w++|\*)", listed)
        yield len(module) - len(bare), bare, tuple(names)
    for match in _IMPORT.finditer(data):
        for part in match[1].decode("utf-8", "replace").split(","):
            words = part.split()
            if words:
                yield 0, words[0], ()


class _Search:
    def __init__(self, root: Path, rules: Rules) -> None:
        self.root = root
        self.top: Parts = root.parts[1:]
        self.rules = rules
        self.found: dict[Parts, Module | None] = {}

    def known(self) -> ReExports:
        """What has been found so far."""
        modules = (module for module in self.found.values() if module is not None)
        return ReExports(self.top, {".".join(module.place): module for module in modules})

    def follow(
        self, level: int, module: str, listed: Iterable[str], package: Parts, everything: bool
    ) -> None:
        """Look at the modules that one import may lead to."""
        parts = tuple(module.split(".")) if module else ()
        if level:
            above = package[: len(package) - (level - 1)]
            places = [(*above, *parts)] if len(package) >= level else []
        elif _is_of(module, self.rules.sources):
            return
        else:
            depths = range(len(package), len(self.top) - 1, -1)
            places = [package[:depth] + parts for depth in depths] + [(*self.top, "src", *parts)]
        for place in places:
            self.module(place, everything)
            for name in listed:
                if name != "*":
                    self.module((*place, name), everything)

    def module(self, place: Parts, everything: bool) -> None:
        """Read the module at ``place``, if there is one of the project's."""
        if place in self.found or place[: len(self.top)] != self.top or place == self.top:
            return
        self.found[place] = None  # whoever comes back here by a circle finds nothing
        if any(self._is_source(place, source) for source in self.rules.sources):
            return
        folder = Path(self.root.anchor, *place)
        for file in (folder / "__init__.py", folder.with_name(f"{folder.name}.py")):
            try:
                data = file.read_bytes()
            except OSError:  # it is not there, mostly; what cannot be read hands nothing on
                continue
            package = place if file.name == "__init__.py" else place[:-1]
            self.found[place] = self._read(file, data, place, package, everything)
            break

    def _is_source(self, place: Parts, source: str) -> bool:
        parts = tuple(source.split("."))
        return any(
            place[start : start + len(parts)] == parts
            for start in range(len(self.top), len(place) - len(parts) + 1)
        )

    def _read(
        self, file: Path, data: bytes, place: Parts, package: Parts, everything: bool
    ) -> Module:
        shown = file.relative_to(self.root).as_posix()
        words = self.rules.old | self.rules.new
        spelled = any(word.encode() in data for word in words) or _STAR.search(data) is not None
        if not spelled and not everything:
            return Module(shown, place, {})  # it binds none of the names, or makes them itself
        for level, module, listed in imported_modules(data):
            if everything or "*" in listed or words.intersection(listed):
                self.follow(level, module, listed, package, everything)
        known = self.known()
        try:
            source = Source(data)
            names = Names(source, package, self.rules, always=True, re_exports=known)
        except (Unreadable, RecursionError):  # it is reported where it is one to migrate
            return Module(shown, place, {})
        handed: dict[str, Handed] = {}
        for statement in names.stars:
            handed |= self._all_of(statement, package, known)
        for name, bindings in names.module.bindings.items():
            ways = {self._handed(binding, names, package) for binding in bindings}
            way = ways.pop() if len(ways) == 1 else None
            handed.pop(name, None)
            if way is not None:
                handed[name] = way
        return Module(shown, place, handed, _does_more(source.tree, names))

    def _handed(self, binding: Binding, names: Names, package: Parts) -> Handed | None:
        if binding.elsewhere or binding.target is None or binding.alias is None:
            return None
        if not _runs_always(binding):
            return None
        offer = names.offer(binding.target, self.rules.old | self.rules.new)
        if offer is None:
            return None
        further = names.re_exports.handed(binding.target, package)
        if offer.instead is not None and further is not None:
            return further[1]
        place: Parts | None = None
        statement = binding.statement
        if isinstance(statement, ast.ImportFrom) and statement.level:
            suffix = offer.module[len(offer.home) :]
            module = (statement.module or "").removesuffix(suffix)
            above = package[: len(package) - (statement.level - 1)]
            place = (*above, *(module.split(".") if module else ()))
        return Handed(offer.name, offer.home, place)

    def _all_of(
        self, statement: ast.ImportFrom, package: Parts, known: ReExports
    ) -> dict[str, Handed]:
        """What ``from module import *`` brings from a module of the project that hands on."""
        target = statement.module or ""
        if statement.level:
            above = package[: len(package) - (statement.level - 1)]
            target = "." + ".".join((*above, target) if target else above)
        there = [known.modules[p] for p in known.places(target, package) if p in known.modules]
        if len(there) != 1:
            return {}
        return {name: what for name, what in there[0].names.items() if not name.startswith("_")}


def _runs_always(binding: Binding) -> bool:
    """Whether the import stands at the top level, and does not depend on anything."""
    return binding.block.owner is None


_HARMLESS = frozenset({"staticmethod", "classmethod", "property"})


def _does_more(tree: ast.Module, names: Names) -> bool:
    """Whether importing a module may have effects beyond the names that it binds.

    Functions, classes, constants, and imports of the standard library and of the cache have
    none. Any other import may lead to code that has some.
    """
    ours = names.rules.old | names.rules.new
    called = ours | {
        name
        for name, bindings in names.module.bindings.items()
        if all(names.offer(binding.target, ours) is not None for binding in bindings)
    }

    def harmless(statement: ast.stmt) -> bool:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return all(
                    _named(decorator) in called | _HARMLESS
                    for decorator in statement.decorator_list
                )
            case ast.Expr(value=ast.Constant()):
                return True
            case ast.Assign(value=value) | ast.AnnAssign(value=value):
                return value is None or not any(
                    isinstance(node, ast.Call | ast.Await | ast.Yield | ast.YieldFrom)
                    for node in ast.walk(value)
                )
            case ast.AugAssign(target=ast.Name(id="__all__")):
                return True
            case ast.Import(names=aliases):
                return all(_is_plain(alias.name, names) for alias in aliases)
            case ast.ImportFrom(level=level, module=module):
                if not level and _is_plain(module or "", names):
                    return True
                targets = [names.target(statement, alias) for alias in statement.names]
                offers = [names.offer(target, ours) for target in targets]
                return all(offer is not None and not offer.effects for offer in offers)
            case ast.Pass():
                return True
        return False

    return not all(harmless(statement) for statement in tree.body)


def _is_plain(module: str, names: Names) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names or _is_of(
        module, names.rules.sources
    )


def _is_of(module: str, sources: Iterable[str]) -> bool:
    return any(module == source or module.startswith(source + ".") for source in sources)


def _named(decorator: ast.expr) -> str:
    named = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(named, ast.Attribute):
        return named.attr
    return named.id if isinstance(named, ast.Name) else ""
