"""The normal form of source code: the bytes that stand for what a piece of source does.

Comments, formatting, docstrings, annotations, and the decorators and default values of the
function itself leave no trace in it (defaults count by value, elsewhere). The form is written
by hand from the syntax tree rather than by :func:`ast.dump`, whose text differs between
versions of Python.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

#: Fields that say how code is written or typed, not what it does.
_SILENT_FIELDS = frozenset({"annotation", "ctx", "kind", "returns", "type_comment", "type_params"})


def normal_form(
    root: ast.AST, ignores_decorator: Callable[[ast.expr], bool] = lambda _: False
) -> bytes:
    """Bytes that are equal for two functions (or modules) whose source does the same.

    Parameters
    ----------
    root : ast.AST
        A function definition, a lambda or a module.
    ignores_decorator : callable
        Says of the decorator of a *nested* definition whether it is to leave no trace.
    """
    out = bytearray()
    # An explicit stack: a sum of thousands of terms is a tree thousands of levels deep.
    stack: list[object] = [root]
    while stack:
        item = stack.pop()
        if isinstance(item, ast.AST):
            if isinstance(item, ast.Constant):
                _write_constant(out, item.value)
                continue
            fields = list(_fields(item, item is root, ignores_decorator))
            _write(out, b"N", type(item).__name__.encode())
            out += len(fields).to_bytes(2, "little")
            for name, value in reversed(fields):
                stack += (value, _FieldName(name))
        elif isinstance(item, list):
            _write(out, b"L", str(len(item)).encode())
            stack += reversed(item)
        elif isinstance(item, _FieldName):
            _write(out, b"F", item.encode())
        elif item is None:
            out += b"-"  # no expression, as in {**mapping}; not the constant None
        else:
            _write_constant(out, item)
    return bytes(out)


class _FieldName(str):
    __slots__ = ()


def _fields(
    node: ast.AST, is_root: bool, ignores_decorator: Callable[[ast.expr], bool]
) -> Iterable[tuple[str, object]]:
    """The fields of a node that say what it does; empty ones are as good as absent."""
    for name in node._fields:
        value = getattr(node, name, None)
        if name in _SILENT_FIELDS or value is None or value == []:
            continue
        if name == "decorator_list":
            value = [] if is_root else [d for d in value if not ignores_decorator(d)]
        elif name in ("body", "orelse", "finalbody") and isinstance(value, list):
            value = list(_statements(value, isinstance(node, ast.ClassDef)))
        elif name == "args" and is_root and isinstance(value, ast.arguments):
            value = ast.arguments(
                posonlyargs=value.posonlyargs,
                args=value.args,
                vararg=value.vararg,
                kwonlyargs=value.kwonlyargs,
                kwarg=value.kwarg,
                defaults=[],
                kw_defaults=[],
            )
        elif isinstance(node, ast.JoinedStr):
            value = list(_joined(value))
        if value != []:
            yield name, value


def _statements(body: list[ast.stmt], in_class: bool) -> Iterable[ast.stmt]:
    for statement in body:
        if isinstance(statement, ast.Pass):
            continue
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue  # a docstring, or a string used as a comment
        if isinstance(statement, ast.AnnAssign) and not in_class:
            if statement.value is not None:
                yield ast.Assign(targets=[statement.target], value=statement.value)
            continue
        yield statement


def _joined(values: list[ast.expr]) -> Iterable[ast.expr]:
    """The parts of an f-string, which Python 3.12 cuts at other places than 3.11."""
    text = ""
    for value in values:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            text += value.value
            continue
        if text:
            yield ast.Constant(text)
            text = ""
        yield value
    if text:
        yield ast.Constant(text)


def _write(out: bytearray, tag: bytes, data: bytes) -> None:
    out += tag
    out += len(data).to_bytes(4, "little")
    out += data


def _write_constant(out: bytearray, value: object) -> None:
    if isinstance(value, str):
        _write(out, b"s", value.encode("utf-8", "surrogatepass"))
    elif isinstance(value, bytes):
        _write(out, b"b", value)
    elif isinstance(value, bool) or value is None or value is ...:
        _write(out, b"k", repr(value).encode())
    elif isinstance(value, int):
        _write(out, b"i", hex(value).encode())  # hex: no limit on the number of digits
    elif isinstance(value, float):
        _write(out, b"f", value.hex().encode())
    elif isinstance(value, complex):
        _write(out, b"c", f"{value.real.hex()} {value.imag.hex()}".encode())
    else:
        raise TypeError(f"{type(value).__name__} is no constant of Python source")
