"""How a command ends: the exit codes, and a sentence on standard error where it cannot go on."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

#: What each exit code says; docs/command.md has the same table.
DONE, FOUND, USAGE, FAILED = 0, 1, 2, 3
#: Of `verify`, added up.
CORRUPT, UNTRUSTED, UNREADABLE = 4, 8, 16
#: As a shell gives them.
INTERRUPTED, BROKEN_PIPE = 130, 141


def stop(text: str, code: int) -> NoReturn:
    """Say why on standard error, and end with a code."""
    click.echo(text, err=True)
    sys.exit(code)
