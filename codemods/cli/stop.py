"""How a command ends that cannot go on: a sentence on standard error, and an exit code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import click

FOUND, USAGE, FAILED = 1, 2, 3


def stop(text: str, code: int) -> NoReturn:
    click.echo(text, err=True)
    sys.exit(code)


def journal_trouble(root: Path, error: OSError) -> str:
    return (
        f"The journal {root / '.afml-codemod'} cannot be written: {error}. Make room, or make it"
        " writable, and run again; `afml-codemod status` tells what stands."
    )
