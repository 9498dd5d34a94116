"""Which rule turns a value of a given type into a stream.

Rules for exact types are found in one dictionary look-up. Everything else is resolved once a type
by walking its MRO, and remembered weakly. Rooms for numpy, pandas, pyarrow, scipy and
scikit-learn are entered when the first value of theirs shows up, so nothing imports them.
"""

from __future__ import annotations

import importlib
import sys
import threading
import weakref
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final, TypeVar

from afml_cache.keys.atoms import ATOMS, text
from afml_cache.keys.met import note
from afml_cache.keys.stream import Node, Refused, Rule, Stream, compose, tag

T = TypeVar("T")

#: Exact type -> rule. An instance of a subclass is keyed by its class, its state and this rule.
RULES: Final[dict[type, Rule]] = {**ATOMS, Node: lambda node: node}

#: ``module.qualname`` -> rule, for types of the standard library that need not be imported.
NAMED: Final[dict[str, Rule]] = {}

#: Type -> rule for it and all its subclasses; such a rule counts the class itself.
FAMILIES: Final[dict[type, Rule]] = {}

#: ``module.qualname`` -> family rule, for classes that need not be imported.
NAMED_FAMILIES: Final[dict[str, Rule]] = {}

#: ``module.qualname`` of a class -> (what it is, remedy): refused, and so are its subclasses.
REFUSED: Final[dict[str, tuple[str, str]]] = {}

#: Base type -> state of a subclass instance that the base's rule does not see.
STATES: Final[dict[type, Callable[[Any], dict[str, object]]]] = {}

#: What :func:`register` was given.
_registered: dict[type, Callable[[Any], object]] = {}

_resolved: weakref.WeakKeyDictionary[type, Rule] = weakref.WeakKeyDictionary()
_lock = threading.RLock()

_STANDARD_ROOMS: Final = ("containers", "standard", "callables", "refused")
_ROOMS: Final = {
    "numpy": ("arrays",),
    "pandas": ("arrays", "frames"),
    "pyarrow": ("arrays", "arrow"),
    "scipy": ("arrays", "sparse"),
    "sklearn": ("arrays", "estimators"),
}
#: Their versions differ in the modules that their classes say they are from.
_PACKAGES_THAT_MOVE_CLASSES: Final = frozenset({"numpy", "pandas", "pathlib"})

_entered: set[str] = set()


def rule_for(cls: type) -> Rule:
    """The rule for values of exactly this type."""
    rule = RULES.get(cls) or _resolved.get(cls)
    if rule is None:
        with _lock:
            _enter_rooms(cls)
            rule = RULES.get(cls)
            if rule is None:
                rule = _resolve(cls)
                if _may_be_followed(cls):
                    rule = _noted(rule)
                _resolved[cls] = rule
    return rule


def register(cls: type[T], function: Callable[[T], object]) -> None:
    """Key instances of ``cls`` and its subclasses by what ``function(value)`` returns."""
    if not isinstance(cls, type):
        raise TypeError(f"register_key takes a class, not {cls!r}")
    if not callable(function):
        raise TypeError(f"register_key takes a function of one value, not {function!r}")
    if cls in ATOMS or cls is object:
        raise TypeError(f"the key of {cls.__name__} is fixed; register a class of your own")
    with _lock:
        _enter_rooms(cls)
        RULES.pop(cls, None)
        _registered[cls] = function
        _resolved.clear()


def class_name(cls: type) -> str:
    """``module.qualname``; a class of the main program has one name in all its processes."""
    module: object = cls.__module__
    if not isinstance(module, str):  # a class can set it to anything
        module = "?"
    root = module.partition(".")[0]
    if root in _PACKAGES_THAT_MOVE_CLASSES:
        return f"{root}.{cls.__qualname__}"
    return f"{module_name(module)}.{cls.__qualname__}"


def module_name(module: str) -> str:
    """The name of a module; the main program has the name it would be imported by."""
    if module not in ("__main__", "__mp_main__"):
        return module
    from afml_cache.keys import lookup

    main = sys.modules.get("__main__")
    return lookup.module_name(vars(main)) if main is not None else "__main__"


def named(name: str) -> Callable[[Rule], Rule]:
    """Enter a rule for the class ``name`` (``module.qualname``)."""

    def enter(rule: Rule) -> Rule:
        NAMED[name] = rule
        return rule

    return enter


def _enter_rooms(cls: type) -> None:
    rooms = list(_STANDARD_ROOMS)
    for base in cls.__mro__:
        rooms += _ROOMS.get(str(base.__module__).partition(".")[0], ())
    for room in rooms:
        if room in _entered:
            continue
        module = importlib.import_module(f"afml_cache.keys.{room}")
        for target, source in (
            (RULES, getattr(module, "EXACT", {})),
            (FAMILIES, getattr(module, "FAMILY", {})),
            (STATES, getattr(module, "STATE", {})),
        ):
            for key, rule in source.items():
                if key not in _registered:
                    target.setdefault(key, rule)
        _entered.add(room)


def _resolve(cls: type) -> Rule:
    from afml_cache.keys import objects

    for base in cls.__mro__:  # what a person said comes first
        if base in _registered:
            return objects.by_function(cls, _registered[base], "the function of register_key")
        if "__afml_key__" in vars(base):
            return objects.by_function(cls, _say_key, "its __afml_key__")
    for base in cls.__mro__:
        rule = FAMILIES.get(base) or NAMED_FAMILIES.get(f"{base.__module__}.{base.__qualname__}")
        if rule is not None:
            return rule
    for place, base in enumerate(cls.__mro__):
        rule = RULES.get(base) or _by_name(base)
        if rule is not None:
            return rule if base is cls else _subclass(cls, base, rule)
        refusal = _refusal_of(base)
        if refusal is not None:
            return _refusal(*refusal)
        if objects.reduces_itself(base) and _may_say_for(base, cls.__mro__[place:]):
            break
    return objects.rule_for_objects(cls)


def _may_say_for(cls: type, bases: tuple[type, ...]) -> bool:
    """Whether what a class pickles to is what counts, rather than what its bases are.

    Of arrays and frames it depends on how they lie in memory; and classes written in C say how
    they are pickled only to say that they cannot be.
    """
    if any(base in RULES and base.__module__ != "builtins" for base in bases):
        return False
    is_python = any(isinstance(vars(cls).get(name), FunctionType) for name in _REDUCERS)
    return is_python or not any(_refusal_of(base) for base in bases)


def _may_be_followed(cls: type) -> bool:
    """Whether the code of a class may count besides its name: it is not Python's nor ours."""
    from afml_cache.keys.projects import Kind, home_of

    module: object = cls.__module__
    home = home_of(module if isinstance(module, str) else "", None)
    return home.kind in (Kind.PROJECT, Kind.INSTALLED)


def _noted(rule: Rule) -> Rule:
    def noted(value: object) -> Stream:
        note(type(value))
        return rule(value)

    return noted


def _say_key(value: Any) -> object:
    return value.__afml_key__()


def _by_name(cls: type) -> Rule | None:
    rule = NAMED.get(f"{cls.__module__}.{cls.__qualname__}")
    if rule is None:
        return None
    found: object = sys.modules.get(cls.__module__)
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    return rule if found is cls else None  # another class that bears the name is not it


def _subclass(cls: type, base: type, rule: Rule) -> Rule:
    from afml_cache.keys import objects

    head = tag("subclass") + text(class_name(cls))
    state_of = STATES.get(base, objects.attributes)

    def subclass(value: object) -> Stream:
        return compose(head, (rule(value), objects.mapping(state_of(value))), _subclass_label)

    return subclass


def _subclass_label(_: int) -> str:
    return ""


_REDUCERS: Final = ("__reduce_ex__", "__reduce__", "__getstate__")


def _refusal_of(cls: type) -> tuple[str, str] | None:
    return REFUSED.get(f"{cls.__module__}.{cls.__qualname__}")


def _refusal(what: str, remedy: str) -> Rule:
    def refuse(_: object) -> Stream:
        raise Refused(what, remedy)

    return refuse
