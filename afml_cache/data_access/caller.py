"""Whose code touches the data: the user's frame, not ours nor that of a library between."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

_PACKAGE = str(Path(__file__).parent.parent) + os.sep

#: What code in a notebook is said to lie in; its file is another one in each process.
NOTEBOOK = "a notebook"


@dataclass(frozen=True, slots=True)
class Caller:
    """A line of code, and the function that it stands in (``<module>`` outside of any)."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        inside = "" if self.function == "<module>" else f" in {self.function}"
        return f"{self.file}:{self.line}{inside}"


def user_frame(function: Callable[..., object] | None = None) -> Caller:
    """The innermost line of project code that led here.

    Where there is none, as in a worker of a pool that was given ``function`` itself, that is the
    function's own definition; without one, the first line outside this package.
    """
    from afml_cache.keys.projects import Kind, home_of

    frame: FrameType | None = inspect.currentframe()
    outside: Caller | None = None
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_PACKAGE):
            if _is_cell(file):
                return Caller(NOTEBOOK, frame.f_lineno, frame.f_code.co_qualname)
            caller = Caller(
                os.path.abspath(file) if not file.startswith("<") else file,  # noqa: PTH100 - keeps symlinks
                frame.f_lineno,
                frame.f_code.co_qualname,
            )
            module = str(frame.f_globals.get("__name__", ""))
            if not file.startswith("<frozen") and home_of(module, file).kind is Kind.PROJECT:
                return caller
            outside = outside or caller
        frame = frame.f_back
    code = getattr(inspect.unwrap(function), "__code__", None) if function is not None else None
    if code is not None:
        file = NOTEBOOK if _is_cell(code.co_filename) else os.path.abspath(code.co_filename)  # noqa: PTH100 - as above
        return Caller(file, code.co_firstlineno, code.co_qualname)
    return outside or Caller("?", 0, "?")


def _is_cell(file: str) -> bool:
    return file.startswith("<ipython-input") or f"{os.sep}ipykernel_" in file
