"""Objects that no other rule knows: by their class and what describes their state.

What an object says of itself comes first (``__reduce__``, ``__getstate__``), else its attributes
count, in ``__dict__`` and in slots. An object that nothing describes has no key.
"""

from __future__ import annotations

import copyreg
import functools
import types
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from afml_cache.keys import resolve
from afml_cache.keys.atoms import ATOMS, gather, text
from afml_cache.keys.stream import (
    PAIRS,
    UNORDERED,
    Node,
    Refused,
    Rule,
    Stream,
    compose,
    join,
    tag,
)

_OBJECT = tag("object")
_REDUCED = tag("reduced")
_MAPPING = tag("dict")
_GIVEN = tag("keyed")
_GLOBAL = tag("global")

REMEDY = (
    "Pass the data it is made from instead, define __afml_key__() on its class, "
    "or register_key() the class."
)


def by_function(cls: type, function: Callable[[Any], object], said_by: str) -> Rule:
    """The rule of a class that says itself, or of which was said, what its key is."""
    head = _GIVEN + text(resolve.class_name(cls))

    def given(value: object) -> Stream:
        try:
            content = function(value)
        except Exception as error:  # foreign code may raise anything
            raise Refused(
                f"{named_instance(value)} and {said_by} raised {type(error).__name__}: {error}",
                "Correct it: it has to return a value that has a key.",
            ) from error
        return gather(head, (content,), label=_same_place)

    return given


def _same_place(_: int) -> str:
    return ""


def named_instance(value: object) -> str:
    """``an object of class package.Name``, for messages."""
    cls = type(value)
    return f"an object of class {cls.__module__}.{cls.__qualname__}"


def mapping(content: Mapping[Any, object], head: bytes = _MAPPING) -> Stream:
    """The stream of a mapping, whose order does not count.

    Attributes and the items of a ``dict`` differ in how the path to them is written.
    """
    return _pairs(head, content, _item_path)


def _pairs(head: bytes, content: Mapping[Any, object], path: Callable[[object], str]) -> Stream:
    parts: list[bytes] = []
    holes: list[tuple[int, object]] = []
    for pair in dict.items(content) if isinstance(content, dict) else content.items():
        for value in pair:
            atom = ATOMS.get(type(value))
            if atom is not None:
                parts.append(atom(value))
            else:
                holes.append((len(parts), value))
                parts.append(b"")
    if not holes:
        return join(head, parts, PAIRS)
    keys = list(dict.keys(content) if isinstance(content, dict) else content)

    def label(position: int) -> str:
        key = keys[position // 2]
        return path(key) if position % 2 else f".<key {literal(key)}>"

    return Node(head, parts, holes, PAIRS, label)


def _item_path(key: object) -> str:
    return f"[{literal(key)}]"


def _attribute_path(key: object) -> str:
    return f".{key}" if isinstance(key, str) else f"[{literal(key)}]"


def literal(value: object) -> str:
    """A key as one would write it, where it is short; never the ``repr`` of something large."""
    if type(value) is str:
        return repr(value if len(value) <= 40 else value[:37] + "...")
    if type(value) in (int, float, bool, bytes, type(None)):
        shown = repr(value) if not isinstance(value, int) or abs(value) < 10**18 else "an integer"
        return shown if len(shown) <= 40 else shown[:37] + "..."
    if type(value) is tuple and len(value) <= 4:
        return "(" + ", ".join(map(literal, value)) + ("," if len(value) == 1 else "") + ")"
    return f"<{type(value).__name__}>"


def instance(cls: type, state: Mapping[str, object]) -> Stream:
    """The stream of an object of ``cls`` with these attributes."""
    return _pairs(_OBJECT + text(resolve.class_name(cls)), state, _attribute_path)


def attributes(value: object) -> dict[str, object]:
    """The attributes that an instance itself holds, in ``__dict__`` and in slots.

    What a ``functools.cached_property`` has left behind does not count: it follows from the
    rest, and an object must not change its key by being looked at.
    """
    skipped, slots = _layout(type(value))
    held = getattr(value, "__dict__", None) or {}
    held = {name: item for name, item in held.items() if name not in skipped}
    for name, stored_as in slots:
        try:
            held[name] = object.__getattribute__(value, stored_as)
        except AttributeError:  # a slot that was never set
            continue
    return held


_layouts: weakref.WeakKeyDictionary[type, tuple[frozenset[str], tuple[tuple[str, str], ...]]] = (
    weakref.WeakKeyDictionary()
)


def _layout(cls: type) -> tuple[frozenset[str], tuple[tuple[str, str], ...]]:
    """The attributes of a class that do not count, and its slots (name, as it is stored)."""
    layout = _layouts.get(cls)
    if layout is None:
        skipped = {"_attrs_cached_hash", "__weakref__", "__dict__"}
        slots: list[tuple[str, str]] = []
        for base in cls.__mro__:
            if base.__module__.partition(".")[0] in _KEEP_THEIR_CACHE_IN_IT:
                skipped.add("_cache")
            for name, member in vars(base).items():
                if isinstance(member, functools.cached_property):
                    skipped.add(name)
            names = vars(base).get("__slots__", ())
            for name in (names,) if isinstance(names, str) else tuple(names):
                if name not in skipped:
                    slots.append((name, _mangled(base, name)))
        layout = _layouts[cls] = (frozenset(skipped), tuple(slots))
    return layout


#: Packages whose own kind of cached property keeps its results in an attribute ``_cache``.
_KEEP_THEIR_CACHE_IN_IT = frozenset({"pandas", "statsmodels"})


def _mangled(owner: type, name: str) -> str:
    if name.startswith("__") and not name.endswith("__"):
        return f"_{owner.__name__.lstrip('_')}{name}"
    return name


def reduces_itself(cls: type) -> bool:
    """Whether this very class says how its instances are described."""
    members = vars(cls)
    return cls is not object and (
        "__reduce_ex__" in members
        or "__reduce__" in members
        or "__getstate__" in members
        or cls in copyreg.dispatch_table
    )


def rule_for_objects(cls: type) -> Rule:
    """The rule for instances of a class that no other rule knows."""
    if _is_iterator(cls):

        def refuse(_: object) -> Stream:
            raise Refused(
                f"an iterator ({cls.__module__}.{cls.__qualname__})",
                "It can be read only once: pass a list or a tuple of its items.",
            )

        return refuse
    return _plain if _leaves_it_to_python(cls) else _reduced


def _is_iterator(cls: type) -> bool:
    names = {name for base in cls.__mro__ for name in vars(base)}
    return "__next__" in names or "__anext__" in names


def _leaves_it_to_python(cls: type) -> bool:
    """Classes that do not say themselves how they are copied and pickled."""
    for base in cls.__mro__[:-1]:
        members = vars(base)
        if base in copyreg.dispatch_table or not members.keys().isdisjoint(_REDUCERS):
            return False
        own = members.get("__getstate__")
        # What dataclasses and attrs define for classes with slots says no more than the slots.
        if own is not None and getattr(own, "__module__", "").partition(".")[0] not in _GENERATORS:
            return False
    return True


_REDUCERS = frozenset({"__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__"})
_GENERATORS = frozenset({"dataclasses", "attr", "attrs"})


def _plain(value: object) -> Stream:
    cls = type(value)
    if cls is object:
        raise Refused(
            "a bare object()", "Nothing tells it from another one: pass a named value instead."
        )
    try:
        object.__reduce_ex__(value, 4)  # fails where a class in C holds what cannot be seen
    except Exception as error:  # foreign code may raise anything
        raise _indescribable(value, error) from error
    state = attributes(value)
    if not state and not any("__slots__" in vars(c) or "__dict__" in vars(c) for c in cls.__mro__):
        raise Refused(f"{named_instance(value)}, which shows nothing of itself", REMEDY)
    return instance(cls, state)


def _indescribable(value: object, error: Exception) -> Refused:
    why = str(error) or type(error).__name__
    return Refused(f"{named_instance(value)} that cannot be described ({why})", REMEDY)


def _reduced(value: object) -> Stream:
    cls = type(value)
    reducer = copyreg.dispatch_table.get(cls)
    try:
        said: Any = reducer(value) if reducer is not None else value.__reduce_ex__(4)
    except Exception as error:  # foreign code may raise anything
        raise _indescribable(value, error) from error
    if isinstance(said, str):
        module = getattr(value, "__module__", None)
        module = module if isinstance(module, str) else cls.__module__
        return _GLOBAL + text(f"{resolve.module_name(module)}.{said}")
    return _from_reduction(cls, *said)


def _from_reduction(
    cls: type,
    function: Any,
    args: tuple[Any, ...],
    state: Any = None,
    items: Iterator[Any] | None = None,
    pairs: Iterator[tuple[Any, Any]] | None = None,
    _setter: object = None,
) -> Stream:
    """What ``__reduce_ex__`` returned; the function is counted by its name."""
    if getattr(function, "__module__", None) == "copyreg" and args and args[0] is cls:
        args = args[1:]
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):
        state = {**(state[0] or {}), **state[1]}  # (__dict__, slots)
    if isinstance(state, dict):
        skipped = _layout(cls)[0]
        kept = {name: item for name, item in state.items() if name not in skipped}
        content = _pairs(_MAPPING, kept, _attribute_path)
    else:
        content = gather(tag("state"), (state,), label=_same_place)
    members = (
        _maker(function),
        gather(tag("tuple"), args, label=_argument_path),
        content,
        gather(tag("list"), () if items is None else items),
        _pairs(_MAPPING, dict(pairs or ()), _item_path),
    )
    return compose(_REDUCED + text(resolve.class_name(cls)), members, _same_place)


def _maker(function: Any) -> Stream:
    bound_to = getattr(function, "__self__", None)
    if bound_to is None or isinstance(bound_to, type | types.ModuleType):
        name = getattr(function, "__qualname__", None)
        if isinstance(name, str):
            return text(f"{resolve.module_name(str(function.__module__))}.{name}")
    return gather(tag("maker"), (function,), label=_same_place)


def _argument_path(position: int) -> str:
    return f".<argument {position}>"


def unordered(head: bytes, values: Any) -> Stream:
    """The stream of a collection whose order does not count."""
    return gather(head, values, UNORDERED, lambda position: f".<member {position}>")
