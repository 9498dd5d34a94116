"""Differences as the command tells them: sentences with their diffs, or objects for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from afml_cache.keys.difference import Difference

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def tell(out: Console, differences: Iterable[Difference]) -> None:
    """Print differences, a sentence each; the diffs coloured where that is a terminal."""
    from afml_cache.cli.screen import line

    told: set[str] = set()
    for one in differences:
        if one.text in told:
            continue
        told.add(one.text)
        line(out, f"  {one}")
        for text in one.short_diff():
            line(out, f"    {text}", _STYLES.get(text[:1], "dim" if text[:3] == "..." else ""))
        if one.diff and len(one.diff) > len(one.short_diff()):
            line(out, "    (--json has the whole diff)", "dim")


def documents(differences: Iterable[Difference]) -> list[dict[str, Any]]:
    """Differences for programs; ``file``, ``line`` and ``diff`` where code was edited."""
    return [
        {
            "kind": one.kind,
            "name": one.name,
            "text": str(one),
            "file": one.file,
            "line": one.line,
            "diff": list(one.diff),
        }
        for one in differences
    ]
