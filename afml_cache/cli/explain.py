"""``explain``: why a result had to be computed, or whether a call would be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from afml_cache.cli.place import on_a_cache
from afml_cache.cli.stop import USAGE, stop

if TYPE_CHECKING:
    from afml_cache.diagnosis import Explanation
    from afml_cache.store.store import Entry, Store


@click.command(context_settings={"ignore_unknown_options": True})  # -1 is an argument, too
@click.argument("what", required=False)
@click.argument("arguments", nargs=-1, metavar="[ARGUMENT]...")
@on_a_cache
def explain(store: Store, as_json: bool, what: str | None, arguments: tuple[str, ...]) -> None:
    """Why a result had to be computed: what differs from the closest result before it.

    WHAT is a key, or a function: its newest result. Without it, the newest result of all.
    With ARGUMENTS (3, 0.5, name=20; anything else is text), whether that call of the function
    would be served, and why not; this imports the function's module and runs nothing of it.
    """
    if arguments:
        assert what is not None
        _told(_of_call(store, what, arguments), as_json)
        return
    if what is not None and _is_gone(store, what, as_json):
        return
    entry = _newest(store, what)
    from afml_cache.cli.document import iso, print_json
    from afml_cache.cli.screen import ago, console, line
    from afml_cache.cli.told import documents, tell
    from afml_cache.diagnosis import closest_before

    found, closest = closest_before(
        store, entry.function, entry.digest, entry.arguments, entry.created
    )
    if as_json:
        content = {
            "function": entry.function,
            "key": entry.digest.hex(),
            "created": iso(entry.created),
            "closest": closest,
            "differences": documents(found),
        }
        print_json("explain", content)
        return
    out = console()
    line(out, f"{entry.function}: key {entry.digest.hex()}, computed {ago(entry.created)} ago")
    if closest is None:
        line(out, "  no earlier result of this function is stored that it could be held against")
        return
    line(out, f"  held against {closest[:12]}, the closest result before it:")
    tell(out, found)


def _is_gone(store: Store, what: str, as_json: bool) -> bool:
    """Tell what became of a result that is not there any more; False where nothing is known."""
    from afml_cache import circumstances
    from afml_cache.cli.document import print_json
    from afml_cache.cli.find import is_key
    from afml_cache.cli.screen import console, line
    from afml_cache.outcomes import Reason
    from afml_cache.store.store import Missing
    from afml_cache.store.whereabouts import look

    if len(what) != 32 or not is_key(what):
        return False
    digest = bytes.fromhex(what)
    if store.entry(digest) is not None:
        return False
    answer = look(store, digest)
    reason = answer.reason if type(answer) is Missing else None
    details = circumstances.details(store, digest, reason or Reason.FIRST_CALL, None)
    if not details:
        return False
    if as_json:
        print_json("explain", {"key": what.lower(), "reason": reason, "details": details})
        return True
    out = console()
    line(out, f"key {what.lower()}: no result{f' ({reason})' if reason else ''}")
    for detail in details:
        line(out, f"  {detail}")
    return True


def _newest(store: Store, what: str | None) -> Entry:
    """The entry that is meant."""
    from afml_cache.cli.find import entry_of, is_key
    from afml_cache.monitoring.figures import identity_among

    function = None
    if what is not None:
        known = store.sizes()
        if what not in known and is_key(what) and not any(n.endswith(f".{what}") for n in known):
            return entry_of(store, what)
        counted = store.counters()
        function = identity_among(what, known | counted)
        if function not in known:
            reasons = counted[function].reasons
            told = ", ".join(f"{times:,} {reason}" for reason, times in sorted(reasons.items()))
            stop(
                f"{function} has no result stored ({told or 'no call was counted'}), so there is "
                "nothing to hold a call against. The warning at its first such call says why.",
                USAGE,
            )
    newest = max(store.entries(function), key=lambda entry: entry.created, default=None)
    if newest is None:
        stop(f"The store {store.directory} holds no result that could be explained.", USAGE)
    return newest


def _of_call(store: Store, what: str, arguments: tuple[str, ...]) -> Explanation:
    function = _imported(store, what)
    positional, named = [], dict[str, Any]()
    for text in arguments:
        name, equals, value = text.partition("=")
        if equals and name.isidentifier():
            named[name] = _value(value)
        else:
            positional.append(_value(text))
    try:
        found: Explanation = function.explain(*positional, **named)
    except TypeError as error:  # the arguments do not fit the signature
        stop(f"{what} cannot be called so: {error}", USAGE)
    return found


def _value(text: str) -> Any:
    import ast

    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def _imported(store: Store, what: str) -> Any:
    """The decorated function that is meant; ends the command where there is none."""
    from afml_cache.errors import UnknownFunctionError
    from afml_cache.function_names import module_of
    from afml_cache.monitoring.figures import identity_among
    from afml_cache.project_imports import ProjectImportError, import_project_module
    from afml_cache.store.homes import modules_of

    try:
        name = identity_among(what, store.sizes())
    except UnknownFunctionError:
        name = what  # nothing is stored of it yet
    module = modules_of(store, [name]).get(name) or module_of(name)
    if not module:
        stop(f"Nothing is stored of {what}: give its whole name, package.module.function.", USAGE)
    found: Any = None
    try:
        found = import_project_module(module)
        for part in name.removeprefix(f"{module}.").split("."):
            found = getattr(found, part)
    except (ProjectImportError, AttributeError) as error:
        stop(
            f"{name} cannot be imported ({error}). Give the whole name, package.module.function, "
            "and start where its package can be imported from.",
            USAGE,
        )
    if not hasattr(found, "explain"):
        stop(
            f"{name} has no explain(): it is not under @robust_cacheable or "
            "@time_aware_cacheable. Without arguments, its stored results are explained.",
            USAGE,
        )
    return found


def _told(found: Explanation, as_json: bool) -> None:
    from dataclasses import replace

    from afml_cache.cli.document import print_json
    from afml_cache.cli.screen import console, line
    from afml_cache.cli.told import documents, tell

    if not as_json:
        out = console()
        for text in str(replace(found, differences=(), left_out=())).splitlines():
            line(out, text)
        tell(out, found.differences)
        for text in found.not_counted():
            line(out, f"  {text}")
        return
    content = {
        "function": found.function,
        "key": found.key,
        "would_hit": found.reason is None,
        "reason": found.reason,
        "details": found.details,
        "closest": found.closest,
        "differences": documents(found.differences),
    }
    print_json("explain", content)
