"""``clear``: move results aside, restorable for seven days."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from afml_cache.cli.place import on_a_cache
from afml_cache.cli.stop import FAILED, USAGE, stop

if TYPE_CHECKING:
    from afml_cache.cleaned import Cleaning
    from afml_cache.store.store import Store

_KEPT = "They can be restored for seven days."


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--changed",
    is_flag=True,
    help="Only results of code that has changed; imports the modules to compare.",
)
@click.option(
    "--sealed",
    is_flag=True,
    help="Only entries of the functions NAME; what @cacheable has stored of them stays, and is"
    " adopted again.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be cleared; clear nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_a_cache
def clear(
    store: Store,
    as_json: bool,
    names: tuple[str, ...],
    changed: bool,
    sealed: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Clear the results of functions or modules, or without NAME all; asks first.

    NAME is package.module.function, package.module, or package.* for all in a package; it is
    matched exactly. What is cleared can be restored for seven days: `afml-cache restore`.
    """
    from afml_cache.cli.ask import agreed
    from afml_cache.cli.screen import waiting

    if sealed and (changed or not names):
        stop("--sealed is about functions: name them, without --changed", USAGE)
    failed = _load(store, names) if changed else []
    functions, modules = _sorted(store, names) if names else (None, None)
    if changed:
        which = "of code that has changed"
    else:
        which = f"of {', '.join(names)}" if names else "of the whole cache"

    def run(dry_run: bool) -> Cleaning:
        from afml_cache.selective_cleaner import clear_changed_functions, selective_cache_clear

        if changed:
            return clear_changed_functions(modules, functions, dry_run=dry_run)
        if sealed:
            return _sealed(store, functions or [], modules or [], dry_run)
        if names:
            return selective_cache_clear(modules, functions, dry_run=dry_run)
        return _all(store, dry_run)

    found = run(dry_run=True)
    if dry_run or not found:
        _tell(found, as_json, failed)
        return
    size = f"{found.entries:,} results ({found.bytes / 1e6:,.1f} MB)"
    if not agreed(f"Clear {size} {which} in {store.directory}? {_KEPT}", yes=yes):
        click.echo("Nothing was cleared.", err=True)
        return
    before = _aside(store)
    try:
        with waiting("Moving aside"):
            done = run(dry_run=False)
    except KeyboardInterrupt:
        for name, results in _aside(store).items() - before.items():
            told = f"{results:,} results had been moved aside by then; to bring them back: "
            click.echo(f"{told}afml-cache restore {name}", err=True)
        raise
    _tell(done, as_json, failed)


def _aside(store: Store) -> dict[str, int]:
    """The cleared folders that are there, and how many results each holds."""
    from afml_cache.store.cleared import folders

    found = folders(store.directory)
    return {one.path.name: one.entries + one.joblib_entries for one in found if one.path}


def _all(store: Store, dry_run: bool) -> Cleaning:
    from afml_cache.cleaned import Cleaning
    from afml_cache.clearing import clear_afml_cache
    from afml_cache.stored_functions import cleared_functions, stored_functions

    stored = stored_functions(store)
    if dry_run:
        return Cleaning({name: one.size for name, one in sorted(stored.items())}, dry_run=True)
    cleared = clear_afml_cache(warn=False)
    return Cleaning(cleared_functions(cleared, stored), cleared)


def _sealed(
    store: Store, functions: Iterable[str], modules: Iterable[str], dry_run: bool
) -> Cleaning:
    """The store's own entries of functions, and not what joblib has of them."""
    from afml_cache.cleaned import Cleaning
    from afml_cache.store.setaside import set_aside

    if other := ", ".join(modules):
        stop(f"--sealed is about functions, and {other} is none that has entries", USAGE)
    sizes = store.sizes()
    found = {name: sizes[name] for name in functions if name in sizes}
    if dry_run or not found:
        return Cleaning(found, dry_run=dry_run)
    # What joblib has was not cleared, so it may be adopted again.
    return Cleaning(found, set_aside(store, functions=found, remembered=False))


def _sorted(store: Store, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Which names are functions, and which are modules; ends the command where one is neither."""
    from afml_cache.function_names import in_modules, perhaps_in_modules, suggestion
    from afml_cache.function_tracker import get_function_tracker
    from afml_cache.store.homes import modules_of
    from afml_cache.stored_functions import stored_functions

    known = {*stored_functions(store), *get_function_tracker().names()}
    functions = [name for name in names if name in known]
    modules = [name for name in names if name not in known]
    homes = modules_of(store, known) if modules else {}
    unknown = [
        name
        for name in modules
        if not (in_modules(known, [name], homes) or perhaps_in_modules(known, [name], homes))
    ]
    if unknown:
        told = "; ".join(f"{name!r}{suggestion(name, known)}" for name in unknown)
        stop(
            f"Nothing is stored of {told}. Nothing was cleared; `afml-cache ls` lists functions.",
            USAGE,
        )
    return functions, modules


def _load(store: Store, names: Iterable[str]) -> list[str]:
    """Import the modules of the stored functions that are meant; returns why some failed."""
    from afml_cache.function_names import in_modules, module_of
    from afml_cache.project_imports import ProjectImportError, import_project_module
    from afml_cache.store.homes import modules_of

    stored = set(store.sizes())
    homes = modules_of(store, stored)
    meant = stored
    if names := list(names):
        meant = stored & {*names} | in_modules(stored, names, homes)
    failed = []
    for module in sorted({homes.get(name) or module_of(name) for name in meant}):
        if module == "__main__":
            failed.append("functions of a program or notebook are left alone: it is not running")
            continue
        try:
            import_project_module(module)
        except ProjectImportError as error:
            failed.append(f"{module} cannot be imported ({error})")
    return failed


def _tell(done: Cleaning, as_json: bool, failed: list[str]) -> None:
    from afml_cache.cli.document import print_json
    from afml_cache.cli.screen import console, line

    if as_json:
        listed = [
            {"function": name, "entries": entries, "size_bytes": size}
            for name, (entries, size) in sorted(done.functions.items())
        ]
        content = {
            "dry_run": done.dry_run,
            "entries": done.entries,
            "size_bytes": done.bytes,
            "functions": listed,
            "path": done.cleared.path,
            "restorable_until": done.cleared.restorable_until,
            "left_alone": [*done.unsure, *failed],
        }
        print_json("clear", content)
    else:
        out = console()
        for text in str(done).splitlines():
            line(out, text)
        for why in failed:
            line(out, f"  left alone: {why}")
        if done.cleared:
            line(out, "Bring it back with: afml-cache restore")
    if failed:
        stop("Not every module could be compared.", FAILED)
