"""Portfolios of vectorbt: pickle does not take them, but they have a way of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def reducers() -> dict[type, Callable[[Any], Any]]:
    """How a pickler takes them, where vectorbt is in use."""
    portfolio = getattr(sys.modules.get("vectorbt"), "Portfolio", None)
    return {portfolio: _reduced} if isinstance(portfolio, type) else {}


def _reduced(portfolio: Any) -> tuple[Any, ...]:
    return load, (portfolio.dumps(),)


def load(data: bytes) -> Any:
    """The portfolio again; its bytes are part of a stream whose seal was checked."""
    import vectorbt

    return vectorbt.Portfolio.loads(data)
