"""The code fingerprint of a function: what it and the project code it reaches do.

:class:`FunctionCode` watches one function. :meth:`FunctionCode.current` is asked at every cached
call; while nothing has changed it answers with the same object in a fraction of a microsecond.
``docs/fingerprint.md`` says what counts and what cannot be seen.
"""

from __future__ import annotations

import functools
import threading
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from afml_cache import settings

if TYPE_CHECKING:
    from afml_cache.keys.parts import Part
    from afml_cache.keys.projects import Home
    from afml_cache.keys.texts import PartText
    from afml_cache.keys.walk import Walk

#: Functions used as values whose descriptions are kept.
REMEMBERED_FUNCTIONS = 1024


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a function's results depend on besides its arguments.

    ``code`` (16 bytes) covers the function and the project code that it reaches, ``environment``
    (16 bytes) the versions of the installed packages that this code names.

    ``parts`` maps ``module.qualname`` to the digest (hex) of that part alone, and ``packages`` a
    distribution to its version as far as it counts. ``left_out`` holds pairs of a name and why
    it could not be counted. ``edited`` names files that no longer hold the code that is loaded:
    if there are any, the fingerprint does not describe what runs and nothing may be stored.
    ``texts`` has what can be shown of the parts, by name; it is no part of any key.
    """

    code: bytes
    environment: bytes
    parts: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[tuple[str, str], ...] = ()
    edited: tuple[str, ...] = ()
    texts: Mapping[str, PartText] = field(default_factory=dict, compare=False, repr=False)


class FunctionCode:
    """Keeps the fingerprint of a function up to date.

    Parameters
    ----------
    function : callable
        A function, method, partial, jitted function, or a class.
    depends_on : sequence of object, optional
        More that counts: functions and classes (with all they reach), modules (with all they
        hold), files and folders given as :class:`pathlib.Path` (by content), any other value
        (by content).
    version : object, optional
        Any value with a content key. Another version is another fingerprint.
    own_package : bool, optional
        Whether an installed function's own distribution is followed like project code. False
        for functions that are mere values.

    Raises
    ------
    UnkeyableArgumentError
        ``version``, or a value in ``depends_on``, has no content key.

    Notes
    -----
    Making one reads no file: a function's globals are complete only when it is first called.
    Safe to use from several threads: two that find a change at once both describe it anew, to
    the same effect, and the assignment of the result is atomic.
    """

    __slots__ = ("_function", "_own_package", "_state", "declared")

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        depends_on: Sequence[object] = (),
        version: object = None,
        own_package: bool = True,
    ) -> None:
        declared = [(f"depends_on[{i}]", value) for i, value in enumerate(depends_on)]
        if version is not None:
            declared.append(("version", version))
        for name, value in declared:
            if not isinstance(value, _CODE) and not callable(value):
                _content_digest(value, name)  # to refuse it here rather than at a call
        self._function = function
        self._own_package = own_package
        #: What was given besides the function: (name, value) pairs.
        self.declared: tuple[tuple[str, object], ...] = tuple(declared)
        self._state: tuple[Callable[[], bool], Fingerprint] | None = None

    def current(self) -> Fingerprint:
        """The fingerprint of the code as it is loaded now.

        Returns
        -------
        Fingerprint
            The same object as last time if nothing that it rests on has changed.
        """
        if _walks and _thread.mentioned is not None:
            # Asked for by the digest of a value, in the middle of a walk. The walk follows the
            # function itself, so that circles end and every function is walked once.
            _thread.mentioned.append(self._function)
            return Fingerprint(_mention(self._function), b"")
        state = self._state
        if state is not None and state[0]():
            return state[1]
        return self._renewed()

    def _renewed(self) -> Fingerprint:
        in_force = settings.current
        holds, fingerprint = _described(self._function, self.declared, self._own_package)
        if settings.current is in_force:
            self._state = (holds, fingerprint)
        return fingerprint


def function_identity(function: Any) -> str:
    """``module.qualname`` of a function, the same in every process.

    A function of a program (``__main__``) belongs to the module that the program's file would
    be if it were imported, or the name it was given with ``-m``; one in a notebook to
    ``__main__``.
    """
    from afml_cache.keys.lookup import module_name

    inner = innermost(function)
    name = getattr(inner, "__qualname__", None) or type(inner).__qualname__
    module = getattr(inner, "__module__", None) or type(inner).__module__
    if module in ("__main__", "__mp_main__"):
        import sys

        space = getattr(inner, "__globals__", None)
        if space is None or space.get("__name__") != module:
            space = vars(sys.modules[module]) if module in sys.modules else {"__name__": module}
        module = module_name(space)
    return f"{module}.{name}"


def innermost(function: Any) -> Any:
    """The function inside partials and methods."""
    while isinstance(function, functools.partial | staticmethod | classmethod | types.MethodType):
        function = function.func if isinstance(function, functools.partial) else function.__func__
    return function


@functools.lru_cache(maxsize=REMEMBERED_FUNCTIONS)
def code_of(function: Callable[..., Any]) -> FunctionCode:
    """The code of a function (or class) that is used as a value.

    What is installed counts by its name and package alone.
    """
    return FunctionCode(function, own_package=False)


@functools.lru_cache(maxsize=REMEMBERED_FUNCTIONS)
def is_followed(code: Any) -> bool:
    """Whether a class or module that a value brings along is the project's.

    The content key counts it by name; :func:`code_of` it has to count besides.
    """
    from afml_cache.keys.lookup import Lookup
    from afml_cache.keys.projects import Home, Kind

    return Lookup(Home(Kind.PROJECT)).is_followed(code)


_CODE = (types.FunctionType, types.ModuleType, type, PurePath)


class _Thread(threading.local):
    """Functions that the digest of a value mentioned; None outside of walks."""

    mentioned: list[Any] | None = None


_thread = _Thread()

#: One entry for each walk or check under way in any thread. While there are some, a thread has
#: to find out whether it is in one itself; else it need not, which saves a look-up at each call.
_walks: list[None] = []


def _described(
    function: Any, declared: Sequence[tuple[str, object]], own_package: bool
) -> tuple[Callable[[], bool], Fingerprint]:
    """Walk from a function and make its fingerprint, and the check that it still holds."""
    # Loaded with the first cached call: decorating a function has to stay cheap.
    from afml_cache.keys import parts as graph
    from afml_cache.keys.projects import Home, Kind
    from afml_cache.keys.texts import named_texts
    from afml_cache.keys.walk import Walk
    from afml_cache.keys.watch import compile_looks

    how_much = settings.current.package_versions
    walk = Walk(_home(function) if own_package else Home(Kind.PROJECT), _digest_within_walk)
    root = graph.Part("", graph.label_of("root"))
    walk.add(root, "function", function, function_identity(function))
    for name, value in declared:
        _declare(walk, root, name, value)
    walk.walk()
    if walk.memoized:
        from afml_cache.keys.memoized import empty_if_outdated

        for memoized in walk.memoized:
            empty_if_outdated(memoized)
    reached = graph.without_rebound(root, frozenset(walk.rebound))
    packages = _packages(walk, how_much)
    edited = walk.edited
    fingerprint = Fingerprint(
        code=graph.graph_digest(root, reached),
        environment=graph.label_of("packages", *(f"{k} {v}" for k, v in packages.items())),
        parts=graph.named_digests(reached),
        packages=packages,
        left_out=graph.left_out_of(reached),
        edited=tuple(sorted(edited)),
        texts=named_texts(reached),
    )
    return compile_looks([*graph.looks_of(reached), *edited.values()]), fingerprint


def _declare(walk: Walk, root: Part, name: str, value: object) -> None:
    from pathlib import Path

    from afml_cache.keys.parts import Edge

    if isinstance(value, PurePath):
        root.edges.append(Edge(name, walk.file(Path(value), f"{name} {value}")))
    else:
        walk.add(root, name, value, name)


def _home(function: Any) -> Home:
    """The home of the module that a function was written in."""
    from afml_cache.keys.holders import held_by
    from afml_cache.keys.projects import home_of

    while not isinstance(function, types.FunctionType):
        held = held_by(function, None)
        inner = held.items.get("function") or held.items.get("get") if held is not None else None
        if inner is None:
            break
        function = inner
    while isinstance(function, types.FunctionType) and "__wrapped__" in function.__dict__:
        # `wraps` makes the wrapper look like the function; it is the function that is meant.
        inner = function.__dict__["__wrapped__"]
        if not isinstance(inner, types.FunctionType):
            break
        function = inner
    if isinstance(function, types.FunctionType):
        module = str(function.__globals__.get("__name__", ""))
        return home_of(module, function.__code__.co_filename)
    return home_of(str(getattr(function, "__module__", "")), None)


def _packages(walk: Walk, how_much: settings.PackageVersions) -> dict[str, str]:
    from afml_cache.keys.projects import counted_version

    if how_much == "ignore":
        return {}
    homes = sorted(walk.packages.items())
    return {name: counted_version(home.version, how_much) for name, home in homes}


def _digest_within_walk(value: object, name: str) -> tuple[bytes, list[Any], list[object]]:
    """The content digest of a value, the functions that it mentioned, and what it met."""
    from afml_cache.keys.content import digest_and_met

    before = _thread.mentioned
    mentioned: list[Any] = []
    _thread.mentioned = mentioned
    _walks.append(None)
    try:
        digest, met = digest_and_met(value, name)
        return digest, mentioned, met
    finally:
        _walks.pop()
        _thread.mentioned = before


def _content_digest(value: object, name: str) -> bytes:
    from afml_cache.keys.content import digest

    return digest(value, name)


def _mention(function: Any) -> bytes:
    """What stands for a function inside a value: its own source, not what it reaches."""
    from afml_cache.keys.parts import label_of
    from afml_cache.keys.source import source_of

    if isinstance(function, types.FunctionType):
        form = source_of(function.__code__, function.__globals__).form
        return label_of("function", function.__name__, form)
    return label_of("function", function_identity(function))
