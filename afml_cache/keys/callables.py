"""Functions, classes and modules as values.

Python functions count by the code they reach, their defaults and what they close over, so that a
lambda has the same key in every process; what is compiled counts by its name.
"""

from __future__ import annotations

import functools
import sys
import types
from typing import Any, Final

from afml_cache.keys import resolve
from afml_cache.keys.atoms import gather, no_label, text
from afml_cache.keys.met import note
from afml_cache.keys.objects import instance, mapping
from afml_cache.keys.resolve import NAMED_FAMILIES
from afml_cache.keys.stream import Refused, Rule, Stream, compose, tag


def function(value: types.FunctionType) -> Stream:
    """A Python function: its code and all that it reaches, defaults, closure and attributes.

    Functions of installed packages that their module offers by name are what that name says.
    """
    from afml_cache.keys.code import code_of

    fingerprint = code_of(value).current()
    if fingerprint.edited:
        raise Refused(
            f"the function {value.__qualname__}, edited since it was imported "
            f"({', '.join(fingerprint.edited)})",
            "Reload its module.",
        )
    head = tag("function") + fingerprint.code + fingerprint.environment
    if value.__code__ is _SINGLE_DISPATCH:
        table = mapping(dict(value.registry))  # type: ignore[attr-defined]
        return compose(head, (table,), lambda _: ".registry")
    if not (value.__closure__ or value.__defaults__ or value.__kwdefaults__ or value.__dict__):
        return head
    if _is_installed(value):
        return head
    state = {
        "__defaults__": value.__defaults__,
        "__kwdefaults__": value.__kwdefaults__,
        "__dict__": {name: v for name, v in value.__dict__.items() if name != "__wrapped__"},
    }
    return compose(head, (instance(types.FunctionType, state), _closure(value)), no_label)


def _is_installed(value: types.FunctionType) -> bool:
    """Whether an installed package or the standard library offers this very function by name."""
    from afml_cache.keys.projects import Kind, file_of, home_of

    module = sys.modules.get(value.__module__)
    found: object = module
    for name in value.__qualname__.split("."):
        found = getattr(found, name, None)
    if module is None or found is not value:
        return False
    return home_of(value.__module__, file_of(module)).kind in (Kind.INSTALLED, Kind.STANDARD)


def _closure(value: types.FunctionType) -> Stream:
    names = value.__code__.co_freevars
    content: list[object] = []
    for name, cell in zip(names, value.__closure__ or (), strict=True):
        content += [name, cell]
    return gather(
        tag("closure"), content, label=lambda position: f".<closure {names[position // 2]}>"
    )


def _cell(value: types.CellType) -> Stream:
    try:
        content = value.cell_contents
    except ValueError:  # not assigned yet
        return tag("empty cell")
    return gather(tag("cell"), (content,), label=no_label)


def _method(value: Any) -> Stream:
    """A bound method, cached or not."""
    return gather(
        tag("method"),
        (value.__func__, value.__self__),
        label=lambda i: (".__func__", ".__self__")[i],
    )


def _builtin(value: types.BuiltinFunctionType) -> Stream:
    owner = value.__self__
    if owner is None or isinstance(owner, types.ModuleType):
        return tag("builtin") + text(f"{value.__module__}.{value.__qualname__}")
    return gather(
        tag("builtin method") + text(value.__name__), (owner,), label=lambda _: ".__self__"
    )


def _descriptor(value: Any) -> Stream:
    """``str.upper`` and its like: what a class written in C offers."""
    note(value.__objclass__)
    name = f"{resolve.class_name(value.__objclass__)}.{value.__name__}"
    return tag("descriptor") + text(name)


def _module(value: types.ModuleType) -> Stream:
    note(value)
    return tag("module") + text(resolve.module_name(value.__name__))


def _class(value: type) -> Stream:
    note(value)
    return tag("class") + text(resolve.class_name(value))


def _partial(value: functools.partial[Any]) -> Stream:
    state = {"func": value.func, "args": value.args, "keywords": value.keywords}
    if value.__dict__:
        state["__dict__"] = value.__dict__
    return instance(functools.partial, state)


def _lru_cache(value: Any) -> Stream:
    return gather(tag("lru_cache"), (value.__wrapped__,), label=lambda _: ".__wrapped__")


def _wrapper(value: Any) -> Stream:
    return gather(
        tag("wrapper") + text(type(value).__name__), (value.__func__,), label=lambda _: ".__func__"
    )


def _property(value: property) -> Stream:
    return gather(tag("property"), (value.fget, value.fset, value.fdel))


def _code(value: types.CodeType) -> Stream:
    """Bytecode, which differs between versions of Python: of use within one version only."""
    members = (
        value.co_code,
        value.co_consts,
        value.co_names,
        value.co_varnames,
        value.co_freevars,
        value.co_cellvars,
        value.co_argcount,
        value.co_posonlyargcount,
        value.co_kwonlyargcount,
        value.co_flags,
    )
    return gather(tag("code"), members)


def _numba(value: Any) -> Stream:
    head = tag("numba") + text(type(value).__name__)
    options = mapping(dict(value.targetoptions))
    return compose(
        head,
        (options, gather(tag("function"), (value.py_func,), label=lambda _: ".py_func")),
        no_label,
    )


def _numba_ufunc(value: Any) -> Stream:
    return _numba(value._dispatcher)


def _cached(name: str) -> Rule:
    """A function behind a cache does what it does without."""
    return lambda value: gather(tag("cached"), (getattr(value, name),), label=lambda _: f".{name}")


NAMED_FAMILIES["afml_cache.memo.CachedFunction"] = _cached("__wrapped__")
NAMED_FAMILIES["afml_cache.bound.BoundCachedFunction"] = _method
NAMED_FAMILIES["afml_cache.legacy.JoblibCachedFunction"] = _cached("__wrapped__")
NAMED_FAMILIES["joblib.memory.MemorizedFunc"] = _cached("func")
NAMED_FAMILIES["joblib.memory.NotMemorizedFunc"] = _cached("func")
NAMED_FAMILIES["numba.core.dispatcher.Dispatcher"] = _numba
NAMED_FAMILIES["numba.np.ufunc.dufunc.DUFunc"] = _numba_ufunc


def _nothing() -> None: ...


#: All functions that ``functools.singledispatch`` makes are one piece of code.
_SINGLE_DISPATCH: Final = functools.singledispatch(lambda _: None).__code__  # type: ignore[attr-defined]

EXACT: Final[dict[type, Rule]] = {
    types.FunctionType: function,
    types.MethodType: _method,
    types.BuiltinFunctionType: _builtin,
    types.MethodDescriptorType: _descriptor,
    types.WrapperDescriptorType: _descriptor,
    types.ClassMethodDescriptorType: _descriptor,
    types.GetSetDescriptorType: _descriptor,
    types.MemberDescriptorType: _descriptor,
    types.MethodWrapperType: _builtin,
    types.ModuleType: _module,
    types.CellType: _cell,
    types.CodeType: _code,
    functools.partial: _partial,
    type(functools.lru_cache(_nothing)): _lru_cache,
    staticmethod: _wrapper,
    classmethod: _wrapper,
    property: _property,
}
FAMILY: Final[dict[type, Rule]] = {type: _class}
