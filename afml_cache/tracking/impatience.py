"""How long mlflow tries one request to a server: in a command, where a person waits for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

#: mlflow itself tries for two minutes, seven times over.
_SHORT = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "30", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}


@contextmanager
def short_of_patience() -> Iterator[None]:
    """Have mlflow try a request twice and for half a minute, unless the environment says more.

    For a process that does nothing else meanwhile: the environment is all of its threads'.
    """
    ours = {name: value for name, value in _SHORT.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)
