"""What of a class counts besides its bases: its attributes, and the fields a decorator read.

Methods that ``dataclass``, ``attrs`` and ``NamedTuple`` generate have no source; the fields that
they are generated from count instead.
"""

from __future__ import annotations

import types
from dataclasses import MISSING, dataclass, field
from enum import EnumMeta
from typing import Any

_SKIPPED = frozenset(
    {
        *("__annotate__", "__annotate_func__", "__annotations__", "__annotations_cache__"),
        *("__abstractmethods__", "__classcell__", "__dict__", "__doc__", "__firstlineno__"),
        *("__match_args__", "__module__", "__non_callable_proto_members__", "__orig_bases__"),
        *("__parameters__", "__protocol_attrs__", "__qualname__", "__slotnames__"),
        "__static_attributes__",
        *("__type_params__", "__weakref__", "_abc_impl", "_is_protocol", "_is_runtime_protocol"),
        *("__attrs_attrs__", "__attrs_own_setattr__", "__attrs_props__", "__dataclass_fields__"),
        *("__dataclass_params__", "__attrs_post_init__called"),
    }
)
_GENERATED = frozenset(
    {
        *("__delattr__", "__eq__", "__ge__", "__getstate__", "__gt__", "__hash__", "__init__"),
        *("__le__", "__lt__", "__ne__", "__new__", "__replace__", "__repr__", "__setattr__"),
        *("__setstate__", "__attrs_init__"),
    }
)
_OF_A_NAMEDTUPLE = frozenset(
    {
        *("__getnewargs__", "__new__", "__replace__", "__repr__", "__slots__"),
        *("_asdict", "_field_defaults", "_make", "_replace"),
    }
)
_DATACLASS_OPTIONS = ("init", "repr", "eq", "order", "unsafe_hash", "frozen")
_FIELD_OPTIONS = ("init", "repr", "hash", "compare", "kw_only")
_MAKERS = ("dataclasses", "attr", "attrs")
_DESCRIPTORS = (types.MemberDescriptorType, types.GetSetDescriptorType)
_DEFINING = ("__dataclass_fields__", "__dataclass_params__", "__attrs_attrs__", "_field_defaults")
_METHODS = (types.FunctionType, staticmethod, classmethod, property)


@dataclass(slots=True)
class Members:
    """``attributes`` are looked up in the class; ``described`` values follow from its fields."""

    attributes: dict[str, Any] = field(default_factory=dict)
    described: dict[str, Any] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)  #: names and options of the fields, in order


def class_members(cls: type) -> Members:
    """The members of a class that say what it does."""
    members = Members()
    space = vars(cls)
    skipped = _SKIPPED
    if isinstance(cls, EnumMeta):
        for name in cls.__members__:
            members.words.append(name)
            members.described[name] = getattr(cls.__members__[name], "value", None)
        members.attributes = {
            name: value
            for name, value in space.items()
            if isinstance(value, _METHODS) and not _is_made_by(("enum",), value)
        }
        return members
    if issubclass(cls, tuple) and "_fields" in space:
        skipped = skipped | _OF_A_NAMEDTUPLE
        members.described["defaults"] = space.get("_field_defaults")
    if "__dataclass_fields__" in space:
        _describe_dataclass(members, space)
    if "__attrs_attrs__" in space:
        _describe_attrs(members, space["__attrs_attrs__"])
    for name, value in space.items():
        is_slot = isinstance(value, _DESCRIPTORS) or type(value).__name__ == "_tuplegetter"
        if name not in skipped and not is_slot and not _is_generated(name, value, space):
            members.attributes[name] = value
    return members


def defining(cls: type) -> list[tuple[str, Any]]:
    """The attributes of a class whose content is described; another object, another content."""
    space = vars(cls)
    return [(name, space[name]) for name in _DEFINING if name in space]


def _describe_dataclass(members: Members, space: types.MappingProxyType[str, Any]) -> None:
    options = space.get("__dataclass_params__")
    members.words += [f"{name}={getattr(options, name, None)}" for name in _DATACLASS_OPTIONS]
    for name, item in space["__dataclass_fields__"].items():
        settings = [f"{option}={getattr(item, option, None)}" for option in _FIELD_OPTIONS]
        # repr(MISSING) holds an address.
        members.words.append(" ".join([name, *(s for s in settings if "MISSING" not in s)]))
        if item.default is not MISSING:
            members.described[f"{name} default"] = item.default
        if item.default_factory is not MISSING:
            members.described[f"{name} factory"] = item.default_factory


def _describe_attrs(members: Members, attributes: tuple[Any, ...]) -> None:
    for item in attributes:
        members.words.append(f"{item.name} init={item.init} eq={item.eq} kw_only={item.kw_only}")
        default = getattr(item.default, "factory", item.default)
        if type(item.default).__name__ != "_Nothing":
            members.described[f"{item.name} default"] = default
        for role in ("validator", "converter"):
            if getattr(item, role) is not None:
                members.described[f"{item.name} {role}"] = getattr(item, role)


def _is_generated(name: str, value: object, space: types.MappingProxyType[str, Any]) -> bool:
    if name not in _GENERATED:
        return False
    if "__dataclass_fields__" not in space and "__attrs_attrs__" not in space:
        return False
    if value is None:
        return True  # __hash__ of a class with __eq__
    while isinstance(value, types.FunctionType) and "__wrapped__" in value.__dict__:
        value = value.__dict__["__wrapped__"]
    file = value.__code__.co_filename if isinstance(value, types.FunctionType) else ""
    return file == "<string>" or file.startswith("<attrs ") or _is_made_by(_MAKERS, value)


def _is_made_by(modules: tuple[str, ...], value: object) -> bool:
    """Whether a method is one that the module puts into every class of its kind."""
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    space = getattr(value, "__globals__", {})
    return str(space.get("__name__", "")).partition(".")[0] in modules
