"""Asking before something is written into a git tree that has changes already."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from codemods.cli.stop import USAGE, stop


def ask_if_dirty(root: Path, planned: Iterable[str], question: str) -> None:
    """Go on only where git could give back all that is there, or a person says so.

    Parameters
    ----------
    root : Path
        The repository.
    planned : iterable of str
        The files that will be written, relative to it.
    question : str
        What a person on a terminal is asked.
    """
    from codemods.files import uncommitted

    dirty = uncommitted(root, planned)
    if not dirty:
        return
    files = "1 file has" if len(dirty) == 1 else f"{len(dirty)} files have"
    text = f"{files} changes that git does not hold yet ({', '.join(dirty[:3])}"
    text += ", ...)" if len(dirty) > 3 else ")"
    if not sys.stdin.isatty():
        stop(f"{text}. Commit or stash them first, or run again with --yes.", USAGE)
    if not click.confirm(f"{text}. {question}"):
        stop("Nothing was changed.", USAGE)
