"""``demo``: all of it on a small repository."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from codemods.cli.selection import PATH


@click.command()
@click.option("--directory", type=PATH, help="Where to work; default: a temporary folder.")
@click.option("--keep", is_flag=True, help="Keep the folder afterwards.")
def demo(directory: Path | None, keep: bool) -> None:
    """Migrate a small repository before your eyes: real prices, real numbers, and back."""
    import codemods.demo

    sys.exit(codemods.demo.run(directory, keep))
