"""The public names of a module as text, one a line, to be kept as a snapshot and compared.

What stands in it is what callers rely on: names, signatures, bases, methods. A cached function is
shown as the function itself: a decorator does not change what callers see.
"""

from __future__ import annotations

import datetime
import decimal
import difflib
import enum
import fractions
import functools
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from pytest_afml.compat.bodies import is_coroutine_function, signature_of

#: Dunder methods that a class's callers use as such.
_CALLED = ("__init__", "__call__", "__enter__", "__exit__", "__iter__", "__len__", "__getitem__")
#: Constants that are written as what they are; others (a path, say) may be another on each machine.
_CONSTANTS = (
    *(str, bytes, int, float, complex, type(None), range, re.Pattern),
    *(datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, fractions.Fraction),
)
#: Whose objects are no constants of the module that imports or makes them.
_MEANS = ("typing", "__future__", "logging")


def api_text(module: ModuleType) -> str:
    """The public names of a module: ``__all__``, else all that it defines without an underscore.

    A package defines what its own modules define, too.

    Raises
    ------
    AssertionError
        There are none, which would prove nothing.
    """
    if not public_names(module):
        raise AssertionError(
            f"{module.__name__} has no public name, which proves nothing; list in its __all__ what "
            "callers may use"
        )
    lines = [line for name in public_names(module) for line in _of_name(module, name)]
    return "\n".join([f"# public names of {module.__name__}", *lines, ""])


def public_names(module: ModuleType) -> list[str]:
    """Sorted; what a module without ``__all__`` has imported is not its own."""
    named = getattr(module, "__all__", None)
    if named is not None:
        return sorted(named)
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and _is_own(module.__name__, value)
    )


def _is_own(package: str, value: Any) -> bool:
    """Whether the module, or one below it, defines a value; constants do not say."""
    if inspect.ismodule(value):
        return False
    if isinstance(value, functools.partial):
        return True
    if inspect.isclass(value) or callable(value):
        home = getattr(value, "__module__", None) or package
        return f"{home}.".startswith(f"{package}.")
    return type(value).__module__ not in _MEANS


def api_diff(snapshot: str, now: str, name: str) -> str:
    """A unified diff of two such texts, without its two lines of file names."""
    lines = difflib.unified_diff(snapshot.splitlines(), now.splitlines(), name, "now", lineterm="")
    return "\n".join(lines)


def _of_name(module: ModuleType, name: str) -> Iterator[str]:
    try:
        value = getattr(module, name)
    except AttributeError:  # __all__ promises what is not there
        yield f"{name}: missing"
        return
    yield from _of(name, value)


def _of(name: str, value: Any) -> Iterator[str]:
    if inspect.isclass(value):
        yield from _of_class(name, value)
    elif inspect.ismodule(value):
        yield f"module {name}"
    elif callable(value):
        yield f"{_def(value)} {name}{signature_of(value)}"
    else:
        yield f"{name}: {type(value).__qualname__}{_constant(value)}"


def _def(function: Any) -> str:
    is_async = is_coroutine_function(function) or inspect.isasyncgenfunction(function)
    return "async def" if is_async else "def"


def _of_class(name: str, value: type) -> Iterator[str]:
    bases = ", ".join(base.__qualname__ for base in value.__bases__ if base is not object)
    yield f"class {name}({bases})" if bases else f"class {name}"
    if issubclass(value, enum.Enum):
        yield from (f"    {one} = {member.value!r}" for one, member in value.__members__.items())
    for attribute in sorted({*vars(value), *_annotated(value)}):
        if attribute.startswith("_") and attribute not in _CALLED:
            continue
        found = vars(value).get(attribute, ...)
        if issubclass(value, enum.Enum) and attribute in value.__members__:
            continue
        if isinstance(found, property):
            yield f"    property {attribute}"
        elif isinstance(found, classmethod | staticmethod):
            kind = _def(found.__func__).replace("def", type(found).__name__)
            yield f"    {kind} {attribute}{signature_of(getattr(value, attribute))}"
        elif callable(found):
            yield f"    {_def(found)} {attribute}{signature_of(found)}"
        else:
            constant = _constant(found)
            kind = f": {type(found).__qualname__}" if constant else ""
            yield f"    {attribute}{kind}{constant}"


def _annotated(value: type) -> list[str]:
    try:
        return list(inspect.get_annotations(value))
    except NameError:  # of a type that is imported for type checkers only
        return []


def _constant(value: object) -> str:
    """The value of a constant, of the kinds that are written as one."""
    kinds = (*_CONSTANTS, enum.Enum, list, tuple, dict, set, frozenset)
    return f" = {_text(value)}" if isinstance(value, kinds) else ""


def _text(value: object) -> str:
    """A constant as it is written; of what is none, the type."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__qualname__}.{value.name}"
    if isinstance(value, _CONSTANTS):
        return repr(value)
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_text(key)}: {_text(one)}' for key, one in value.items())}}}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_text, value))}{',' * (len(value) == 1)})"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, set | frozenset):  # whose order is another in each process
        return f"{{{', '.join(sorted(map(_text, value)))}}}"
    if inspect.isclass(value) or inspect.isroutine(value):
        return value.__qualname__
    return f"<{type(value).__qualname__}>"
