"""What the settings refuse of the environment: for a program an error, here something to name.

Whoever imports the settings through this module gets them without what they refuse; a command can
then say in words what is wrong, and `doctor` go on to look at the rest.
"""

from __future__ import annotations

import os

from afml_cache.errors import ConfigurationError

__all__ = ["REFUSED"]

_VARIABLES = ("AFML_CACHE_MODE", "AFML_CACHE_ADOPT")


def _refused() -> tuple[str, ...]:
    told: list[str] = []
    for _ in (*_VARIABLES, None):
        try:
            from afml_cache import settings  # noqa: F401 - they read the environment

            break
        except ConfigurationError as error:
            name = next(name for name in _VARIABLES if str(error).startswith(f"{name} "))
            told.append(str(error))
            del os.environ[name]
    return tuple(told)


#: Sentences on what was refused, the name of the variable first.
REFUSED = _refused()
