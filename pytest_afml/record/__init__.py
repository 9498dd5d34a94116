"""Recordings of a test run: what every test got from every cached function, to compare later.

Everything here but ``run`` and ``plugin`` works without pytest:

>>> from pytest_afml.record import Recording, compare
>>> compare(Recording(), Recording()).matters
False
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_afml.record.comparison import Change as Change
    from pytest_afml.record.comparison import Comparison as Comparison
    from pytest_afml.record.comparison import compare as compare
    from pytest_afml.record.recording import Recording as Recording
    from pytest_afml.record.recording import RecordingError as RecordingError
    from pytest_afml.record.recording import read as read
    from pytest_afml.record.recording import write as write

#: Public name -> the module that defines it.
_HOMES = {
    "Change": "comparison",
    "Comparison": "comparison",
    "compare": "comparison",
    "Recording": "recording",
    "RecordingError": "recording",
    "read": "recording",
    "write": "recording",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
