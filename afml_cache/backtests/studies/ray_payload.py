"""A study in ray's object store: put there once, read by each worker where it lies."""

from __future__ import annotations

import importlib
from typing import Any

from afml_cache.backtests.studies.payload import Payload


class RayPayload(Payload):
    """A payload whose bytes lie in ray's object store."""

    def __init__(self, reference: Any, name: str) -> None:
        self._reference = reference
        self.name = name

    @classmethod
    def put(cls, payload: Payload) -> RayPayload:
        """Put the bytes of a payload into the object store."""
        return cls(importlib.import_module("ray").put(payload.content), payload.name)

    @property
    def content(self) -> Any:
        """The bytes; mapped, not copied, where they lie on this machine."""
        return importlib.import_module("ray").get(self._reference)

    def __sizeof__(self) -> int:
        return object.__sizeof__(self)
