"""``report``: the functions with their numbers, and the evidence that the codemods read."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from afml_cache.cli.place import on_a_cache

if TYPE_CHECKING:
    from afml_cache.monitoring.figures import FunctionCacheStats
    from afml_cache.store.store import Store

_NOTHING = float("-inf")
#: So many columns of the terminal are for the numbers.
_NUMBERS = 60
#: What can be sorted by: the largest first, and what is not known last.
_SORTS: dict[str, Callable[[FunctionCacheStats], Any]] = {
    "calls": lambda one: one.total_calls,
    "hits": lambda one: one.cache_hits,
    "misses": lambda one: one.cache_misses,
    "hit_rate": lambda one: _NOTHING if one.hit_rate is None else one.hit_rate,
    "avg_compute_s": lambda one: _NOTHING if one.avg_compute_s is None else one.avg_compute_s,
    "avg_hit_s": lambda one: _NOTHING if one.avg_hit_s is None else one.avg_hit_s,
    "saved_s": lambda one: _NOTHING if one.saved_s is None else one.saved_s,
    "size_bytes": lambda one: one.size_bytes,
    "entries": lambda one: one.entries,
    "last_access": lambda one: _NOTHING if one.last_access is None else one.last_access.timestamp(),
}


@click.command()
@click.option(
    "--sort",
    type=click.Choice([*_SORTS, "function"]),
    default="calls",
    show_default=True,
    help="The largest first; by function: in the order of their names.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The first N functions.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="For people, for programs, for spreadsheets.",
)
@click.option(
    "--evidence",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write what `afml-codemod plan --evidence FILE` reads.",
)
@on_a_cache
def report(
    store: Store,
    as_json: bool,
    sort: str,
    limit: int | None,
    style: str,
    evidence: Path | None,
) -> None:
    """The functions, with calls, hit rates, times, sizes."""
    from afml_cache.cache_monitoring import export_evidence
    from afml_cache.monitoring.figures import all_figures

    stats = all_figures()
    if sort == "function":
        stats.sort(key=lambda one: one.function_name)
    else:
        stats.sort(key=_SORTS[sort], reverse=True)
    shown = stats[:limit]
    if as_json or style == "json":
        _print_json(store, shown, len(stats))
    elif style == "csv":
        _print_csv(shown)
    else:
        _print_table(shown, len(stats))
    if evidence is not None:
        click.echo(f"Evidence written to {export_evidence(evidence)}.", err=True)


def _print_json(store: Store, shown: Sequence[FunctionCacheStats], total: int) -> None:
    from afml_cache.cli.document import print_json
    from afml_cache.monitoring.frames import efficiency_row

    functions = [efficiency_row(one) for one in shown]
    print_json(
        "report",
        {"directory": str(store.directory), "total_functions": total, "functions": functions},
    )


def _print_csv(shown: Sequence[FunctionCacheStats]) -> None:
    from afml_cache.monitoring.frames import columns_of_a_row, efficiency_row

    writer = csv.DictWriter(sys.stdout, columns_of_a_row(), lineterminator="\n")
    writer.writeheader()
    for one in shown:
        row = efficiency_row(one)
        last = row["last_access"]
        row["last_access"] = None if last is None else last.isoformat(timespec="seconds")
        writer.writerow(row)


def _print_table(shown: Sequence[FunctionCacheStats], total: int) -> None:
    from afml_cache.cli.screen import add_row, console, folded, line, table
    from afml_cache.monitoring.words import bytes_in_words, percent, seconds_in_words

    def worded(value: float | None, words: Callable[[float], str]) -> str:
        return "–" if value is None else words(value)

    out = console()
    if not shown:
        line(out, "No function was called yet, and nothing is stored.")
        return
    numbers = ("Calls", "Hits", "Computed", "Hit", "Saved", "Size")
    rows = table("Function", *numbers, numbers=numbers)
    for one in shown:
        add_row(
            rows,
            folded(one.function_name, max(out.width - _NUMBERS, 20)),
            f"{one.total_calls:,}",
            worded(one.hit_rate, percent),
            worded(one.avg_compute_s, seconds_in_words),
            worded(one.avg_hit_s, seconds_in_words),
            worded(one.saved_s, seconds_in_words),
            bytes_in_words(one.size_bytes),
        )
    out.print(rows)
    if total > len(shown):
        line(out, f"{total - len(shown):,} more functions: raise --limit.")
