"""Places of a file that reach a name by its text: a string, a doctest, an attribute of a class.

``globals()["cacheable"]``, ``eval("cacheable(f)")`` and an example in a docstring are no uses that
scopes could tell of. What they name has to stay where it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from codemods.source import Source

_EVALUATED = frozenset({"eval", "exec", "compile"})
_BY_NAME = frozenset({"getattr", "hasattr", "setattr", "delattr"})
_PROMPT = re.compile(r"^\s*(?:>>>|\.\.\.) .*", re.MULTILINE)


def reached_by_name(source: Source, name: str, *, attribute: bool) -> Iterator[ast.expr]:
    """The expressions that reach ``name`` by its text.

    Parameters
    ----------
    source : Source
        The file.
    name : str
        What a scope of it binds.
    attribute : bool
        The scope is a class, so that ``anything.name`` may mean it too.
    """
    word = re.escape(name)
    quoted = rb"[\"']" + word.encode() + rb"[\"']"
    code = rb"\b(?:eval|exec|compile)\b|>>>"
    dotted = rb"\.\s*+" + word.encode() + rb"\b"
    if not any(
        re.search(pattern, source.utf8) for pattern in (quoted, code, *([dotted] * attribute))
    ):
        return  # nearly always: there is nothing to look for in the tree
    inside = re.compile(rf"(?<!\w){word}(?!\w)")
    for node in ast.walk(source.tree):
        match node:
            case ast.Constant(value=str(text)) if ">>>" in text:
                if any(inside.search(line) for line in _PROMPT.findall(text)):
                    yield node
            case ast.Subscript(value=held, slice=ast.Constant(value=text) as given):
                if text == name and _is_namespace(held):
                    yield given
            case ast.Call(func=ast.Attribute(value=held), args=[ast.Constant(value=text), *_]) if (
                text == name and _is_namespace(held)
            ):
                yield node.args[0]
            case ast.Call(
                func=ast.Name(id=called), args=[_, ast.Constant(value=text) as given, *_]
            ):
                if called in _BY_NAME and text == name:
                    yield given
            case ast.Call(func=ast.Name(id=called), args=[ast.Constant(value=str(text)), *_]):
                if called in _EVALUATED and inside.search(text):
                    yield node.args[0]
            case ast.Attribute(attr=attr) if attribute and attr == name:
                yield node


def _is_namespace(held: ast.expr) -> bool:
    """``globals()``, ``vars(module)``, ``module.__dict__``: what maps names to what they bind."""
    match held:
        case ast.Call(func=ast.Name(id="globals" | "locals" | "vars")):
            return True
        case ast.Attribute(attr="__dict__"):
            return True
    return False
