"""What ``--json`` prints: one object, which says what it is and in which version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from afml_cache.store.store import Entry

#: Goes up when a key changes its meaning or goes; new keys may come without.
VERSION = 1


def print_json(command: str, content: Mapping[str, Any]) -> None:
    """Print the document of a command."""
    document = {"format": f"afml-cache {command}", "version": VERSION, **content}
    click.echo(json.dumps(document, indent=1, allow_nan=False, default=_plain))


def iso(when: float | None) -> str | None:
    """Seconds since the epoch as a time in UTC."""
    if when is None:
        return None
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds")


def entry_fields(entry: Entry) -> dict[str, Any]:
    """What each command tells of a stored result."""
    return {
        "key": entry.digest.hex(),
        "function": entry.function,
        "size_bytes": entry.size,
        "seconds": entry.seconds,
        "created": iso(entry.created),
        "used": iso(entry.used),
        "expires": iso(entry.expires),
    }


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return str(value)
