"""Asking before something is removed."""

from __future__ import annotations

import sys

import click

from afml_cache.cli.stop import USAGE, stop


def agreed(question: str, *, yes: bool) -> bool:
    """Whether a person agrees; ends the command where there is nobody to ask."""
    if yes:
        return True
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        if sys.stdin.isatty():  # a Ctrl-C
            raise
        stop(f"\n{question}\nThere is nobody to ask: run again with --yes.", USAGE)
