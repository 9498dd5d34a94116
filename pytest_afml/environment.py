"""Environment variables changed for a while: how a test's processes find its store."""

from __future__ import annotations

import os
from collections.abc import Mapping


class Environment:
    """Variables in force until :meth:`close`; None takes one away."""

    def __init__(self, changes: Mapping[str, str | None]) -> None:
        self.before = {name: os.environ.get(name) for name in changes}
        _apply(changes)

    def close(self) -> None:
        """Put back what was there."""
        _apply(self.before)


def _apply(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
