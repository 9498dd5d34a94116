"""Finds the source of the code that is loaded, and notices when the file holds other code.

A function's source is looked up by what its code object says (file, qualified name, first
line) and accepted only if compiling the file gives the same instructions. A file that was
edited elsewhere still matches; one whose function changed since the import does not.
"""

from __future__ import annotations
import __future__

import ast
import importlib.machinery
import inspect
import linecache
import sys
import textwrap
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import CodeType
from typing import Any

from xxhash import xxh3_128_digest

from afml_cache.keys.instructions import instructions_digest, same_but_for
from afml_cache.keys.normal import FunctionNode, normal_form
from afml_cache.keys.parsing import syntax_tree
from afml_cache.keys.qualnames import is_put_in, names_like
from afml_cache.keys.reach import Reach, chain_of, reach_of, reach_of_bytecode

#: ``from __future__ import annotations`` where the code inherited it, as doctests do.
_FUTURES = __future__.annotations.compiler_flag
_PLAIN_LOADERS = (
    importlib.machinery.SourceFileLoader,
    importlib.machinery.SourcelessFileLoader,
    type(None),
)

#: Parsed files that are kept; functions are fingerprinted a module at a time.
PARSED_FILES = 16


#: What cloudpickle writes, from 3.1.3 on, in the place of the file of code that it sends to
#: another process; the file of the module that it was defined in travels along.
_TRAVELLED = "<dynamic-code>"


class Found(Enum):
    """Where the description of a piece of code comes from."""

    SOURCE = "source"  #: from its source, which matches the loaded code
    BYTECODE = "bytecode"  #: there is no source; good for one version of Python only
    EDITED = "edited"  #: the file holds other code than the one that was loaded from it


@dataclass(frozen=True, slots=True)
class Source:
    """What the source of one code object says."""

    found: Found
    file: str
    form: bytes  #: digest of the normal form
    reach: Reach
    imports: Mapping[str, tuple[str, str]]  #: name -> (module, name there), of the whole file
    text: str = ""  #: its lines as the file has them; of bytecode there are none
    line: int = 0  #: where it begins, counted from 1


@dataclass(frozen=True, slots=True)
class _Definition:
    node: FunctionNode
    code: CodeType


@dataclass(frozen=True, slots=True)
class _Parsed:
    definitions: Mapping[str, list[_Definition]]  # by qualified name
    imports: Mapping[str, tuple[str, str]]
    lines: list[str]


#: id(code) -> its source. A code object never changes, so what once matched stays true, whatever
#: becomes of the file. Keyed by identity: equal code objects may come from different files.
_remembered: dict[int, tuple[weakref.ref[CodeType], Source]] = {}
_parsed: OrderedDict[tuple[str, bytes, int], _Parsed | None] = OrderedDict()
_parsed_lock = threading.Lock()


def source_of(code: CodeType, namespace: Mapping[str, Any]) -> Source:
    """Describe a code object that runs in the global ``namespace``."""
    known = _remembered.get(id(code))
    if known is not None and known[0]() is code:
        return known[1]
    file = code.co_filename
    if file == _TRAVELLED or is_put_in(code):
        file = str(namespace.get("__file__", file))
    text = text_of(file, namespace)
    flags = code.co_flags & _FUTURES
    parsed = _parse(file, text, flags) if text is not None else None
    if parsed is None and text is not None and not file.endswith((".py", ".pyw")):
        # A document with code blocks that something runs: only the function's own lines are Python.
        parsed = _parse(file, _lines_from(text, code.co_firstlineno), flags)
    definition = _matching(code, parsed, namespace) if parsed is not None else None
    if parsed is not None and definition is not None:
        source = _described(definition.node, file, parsed, namespace)
        identity = id(code)
        # The weak reference frees the slot when the code object goes (a reload, a re-run cell).
        ref = weakref.ref(code, lambda _: _remembered.pop(identity, None))
        _remembered[identity] = (ref, source)
        return source
    # Of code that has travelled nobody knows whether it ever was in that file.
    is_edited = text is not None and file == code.co_filename and Path(file).is_file()
    form = xxh3_128_digest(b"%d.%d " % sys.version_info[:2] + instructions_digest(code))
    imports = parsed.imports if parsed is not None else {}
    found = Found.EDITED if is_edited else Found.BYTECODE
    return Source(found, file, form, reach_of_bytecode(code), imports)


def text_of(file: str, namespace: Mapping[str, Any]) -> str | None:
    """The text of a file as it is now, or of a notebook cell or doctest as it was entered."""
    if not file.startswith("<"):
        try:
            # Not through linecache, which may hold an older text.
            with open(file, "rb") as stream:
                return _decoded(stream.read())
        except (OSError, SyntaxError, UnicodeDecodeError, ValueError):
            pass  # a notebook's cell has the name of a file that does not exist
    lines = linecache.getlines(file, dict(namespace))
    return "".join(lines) or None


def _decoded(data: bytes) -> str:
    import io
    import tokenize

    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return io.TextIOWrapper(io.BytesIO(data), encoding).read()  # universal newlines


def _described(
    node: FunctionNode,
    file: str,
    parsed: _Parsed,
    namespace: Mapping[str, Any],
) -> Source:
    def is_ours(decorator: ast.expr) -> bool:
        return _is_cache_decorator(decorator, namespace)

    form = xxh3_128_digest(normal_form(node, is_ours))
    text = _text_of_node(node, parsed.lines)
    reach = reach_of(node, is_ours)
    return Source(Found.SOURCE, file, form, reach, parsed.imports, text, node.lineno)


def _text_of_node(node: FunctionNode, lines: list[str]) -> str:
    """The lines of a function from its first decorator on; of a lambda, the lambda alone."""
    if isinstance(node, ast.Lambda):
        segment = ast.get_source_segment("\n".join(lines), node)
        return f"({segment})" if segment else ""
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    return "\n".join(lines[first - 1 : node.end_lineno])


def _is_cache_decorator(decorator: ast.expr, namespace: Mapping[str, Any]) -> bool:
    """Whether a nested function is decorated with this cache: replacing ``@cacheable`` by
    another of its decorators must not change what the function around it is."""
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    chain = chain_of(decorator)
    if chain is None:
        return False
    value = namespace.get(chain[0])
    module = getattr(value, "__module__", None) or getattr(value, "__name__", None)
    return isinstance(module, str) and (module + ".").startswith(("afml_cache.", "afml.cache."))


# --- the file ---


def _parse(file: str, text: str, flags: int) -> _Parsed | None:
    """The functions that a text defines; None where it is no Python (any more)."""
    key = (file, xxh3_128_digest(text.encode("utf-8", "surrogatepass")), flags)
    with _parsed_lock:
        if key in _parsed:
            _parsed.move_to_end(key)
            return _parsed[key]
    try:
        # IPython lets cells await at their top level.
        flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        tree = syntax_tree(text, file, flags)
        code = compile(tree, file, "exec", flags, dont_inherit=True)
        # Not splitlines(), which takes form feeds, too, for ends of lines.
        parsed = _Parsed(_definitions(tree, code), dict(_from_imports(tree)), text.split("\n"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        parsed = None  # half-saved, or beyond the compiler: it cannot be what was loaded
    with _parsed_lock:
        _parsed[key] = parsed
        while len(_parsed) > PARSED_FILES:
            _parsed.popitem(last=False)
    return parsed


def _lines_from(text: str, first: int) -> str:
    """The definition that begins on line ``first``, on that line of an otherwise empty text."""
    try:
        block = inspect.getblock(text.splitlines(keepends=True)[first - 1 :])
    except (SyntaxError, IndentationError, IndexError):
        return ""
    return "\n" * (first - 1) + textwrap.dedent("".join(block))


def _from_imports(tree: ast.AST) -> Iterator[tuple[str, tuple[str, str]]]:
    """``from module import name`` statements of the module itself, also under if and try."""
    todo = list(ast.iter_child_nodes(tree))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            for alias in node.names:
                yield alias.asname or alias.name, (node.module, alias.name)
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.ExceptHandler):
            todo += ast.iter_child_nodes(node)


def _definitions(tree: ast.AST, code: CodeType) -> dict[str, list[_Definition]]:
    """Pair every function node with the code object that it compiles to."""
    nodes: dict[tuple[str, int], list[FunctionNode]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            nodes.setdefault((node.name, first), []).append(node)
        elif isinstance(node, ast.Lambda):
            nodes.setdefault(("<lambda>", node.lineno), []).append(node)
    definitions: dict[str, list[_Definition]] = {}
    for part in code_objects(code):
        candidates = nodes.get((part.co_name, part.co_firstlineno), [])
        found = candidates[0] if len(candidates) == 1 else _lambda_at(part, candidates)
        if found is not None:
            definitions.setdefault(part.co_qualname, []).append(_Definition(found, part))
    return definitions


def code_objects(code: CodeType) -> Iterator[CodeType]:
    """The code of all functions, classes and lambdas inside a piece of code."""
    todo = [code]
    while todo:
        part = todo.pop()
        for const in part.co_consts:
            if isinstance(const, CodeType):
                todo.append(const)
                yield const


def _lambda_at(code: CodeType, candidates: Iterable[FunctionNode]) -> FunctionNode | None:
    """Of several lambdas on a line the one whose body holds the code's instructions."""
    spans = _spans(code)
    if spans is None:
        return None
    first, last = spans
    around = [
        node
        for node in candidates
        if isinstance(node, ast.Lambda)
        and (node.body.lineno, node.body.col_offset) <= first
        and last <= (node.body.end_lineno or 0, node.body.end_col_offset or 0)
    ]
    # Nested lambdas: the innermost begins last.
    return max(around, key=lambda n: (n.body.lineno, n.body.col_offset), default=None)


def _spans(code: CodeType) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Where the instructions of a lambda begin and end; None without column numbers."""
    first: tuple[int, int] | None = None
    last: tuple[int, int] | None = None
    for line, end_line, column, end_column in code.co_positions():
        if line is None or end_line is None or column is None or end_column is None:
            continue
        if column == end_column:
            continue  # the prologue
        begin, end = (line, column), (end_line, end_column)
        first = begin if first is None else min(first, begin)
        last = end if last is None else max(last, end)
    return (first, last) if first is not None and last is not None else None


# --- is it the same code? ---


def _matching(code: CodeType, parsed: _Parsed, namespace: Mapping[str, Any]) -> _Definition | None:
    candidates = sorted(
        (
            definition
            for name in names_like(code, parsed.definitions)
            for definition in parsed.definitions.get(name, ())
        ),
        key=lambda d: abs(d.code.co_firstlineno - code.co_firstlineno),
    )
    for candidate in candidates:
        if candidate.code == code:  # the usual case: nothing at all was edited
            return candidate
    digest = instructions_digest(code)
    for candidate in candidates:
        if instructions_digest(candidate.code) == digest:
            return candidate
    if any(name.startswith("@py") for part in (code, *code_objects(code)) for name in _names(part)):
        for candidate in candidates:
            if same_but_for(code, candidate.code, _asserts(candidate.node)):
                return candidate
    return _as_its_loader_makes_it(digest, candidates, namespace)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    yield from code.co_varnames


def _asserts(node: ast.AST) -> list[tuple[int, int]]:
    """The lines of the asserts, which pytest rewrites."""
    return [
        (part.lineno, part.end_lineno or part.lineno)
        for part in ast.walk(node)
        if isinstance(part, ast.Assert)
    ]


def _as_its_loader_makes_it(
    digest: bytes, candidates: list[_Definition], namespace: Mapping[str, Any]
) -> _Definition | None:
    """Ask an import hook that transforms code (beartype, say) what it now makes of the file."""
    loader = namespace.get("__loader__")
    get_code = getattr(loader, "get_code", None)
    if not candidates or get_code is None or type(loader) in _PLAIN_LOADERS:
        return None
    try:
        whole = get_code(namespace.get("__name__"))
    except Exception:  # noqa: BLE001 - a stranger's import hook; without its answer we say "edited"
        return None
    if not isinstance(whole, CodeType):
        return None
    for part in code_objects(whole):
        if part.co_qualname == candidates[0].code.co_qualname:
            for candidate in candidates:
                if (
                    candidate.code.co_firstlineno == part.co_firstlineno
                    and instructions_digest(part) == digest
                ):
                    return candidate
    return None
