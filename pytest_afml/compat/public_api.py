"""The public names of a module as text, one a line, to be kept as a snapshot and compared.

What stands in it is what callers rely on: names, signatures, bases, methods. A cached function is
shown as the function itself: a decorator does not change what callers see.
"""

from __future__ import annotations

import difflib
import enum
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
#: Dunder methods that a class's callers use as such.
_CALLED = ("__init__", "__call__", "__enter__", "__exit__", "__iter__", "__len__", "__getitem__")


def api_text(module: ModuleType) -> str:
    """The public names of a module: ``__all__``, else all that it defines without an underscore."""
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
        if not name.startswith("_")
        and not inspect.ismodule(value)
        and getattr(value, "__module__", module.__name__) == module.__name__
    )


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
        kind = "async def" if inspect.iscoroutinefunction(value) else "def"
        yield f"{kind} {name}{_signature(value)}"
    else:
        yield f"{name}: {type(value).__qualname__}{_constant(value)}"


def _of_class(name: str, value: type) -> Iterator[str]:
    bases = ", ".join(base.__qualname__ for base in value.__bases__ if base is not object)
    yield f"class {name}({bases})" if bases else f"class {name}"
    if issubclass(value, enum.Enum):
        yield from (f"    {one} = {member.value!r}" for one, member in value.__members__.items())
    for attribute in sorted({*vars(value), *_annotated(value)}):
        if attribute.startswith("_") and attribute not in _CALLED:
            continue
        found = vars(value).get(attribute)
        if issubclass(value, enum.Enum) and attribute in value.__members__:
            continue
        if isinstance(found, property):
            yield f"    property {attribute}"
        elif isinstance(found, classmethod | staticmethod):
            kind = type(found).__name__
            yield f"    {kind} {attribute}{_signature(getattr(value, attribute))}"
        elif callable(found):
            yield f"    def {attribute}{_signature(found)}"
        else:
            yield f"    {attribute}"


def _annotated(value: type) -> list[str]:
    try:
        return list(inspect.get_annotations(value))
    except NameError:  # of a type that is imported for type checkers only
        return []


def _signature(value: Any) -> str:
    try:
        return _ADDRESS.sub("", str(inspect.signature(value)))
    except (TypeError, ValueError):  # some functions written in C do not say
        return "(...)"


def _constant(value: object) -> str:
    """The value of a constant, of the kinds that are written as one."""
    return f" = {value!r}" if isinstance(value, str | int | float | bool | None) else ""
