"""Importing a user's modules from a command: from where it was started, and without a word."""

from __future__ import annotations

import contextlib
import importlib
import sys
from types import ModuleType


class ProjectImportError(Exception):
    """A user's module cannot be imported; the text says why, ``kind`` only the error's type."""

    def __init__(self, error: BaseException) -> None:
        self.kind = type(error).__name__
        super().__init__(f"{self.kind}: {error}")


def import_project_module(name: str) -> ModuleType:
    """Import a module as ``python -m`` would find it; what it prints goes to standard error.

    Raises
    ------
    ProjectImportError
        It raised something, or ended the interpreter.
    """
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        with contextlib.redirect_stdout(sys.stderr):  # ours may be read by a program
            return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # whatever a user's module does
        raise ProjectImportError(error) from error
