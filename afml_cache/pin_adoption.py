"""Pinning by hand: which code the entries of ``@cacheable`` belong to."""

from __future__ import annotations

from typing import Any

from afml_cache.adoption import pins
from afml_cache.adoption.look import roots
from afml_cache.adoption.records import Records
from afml_cache.bound import BoundCachedFunction
from afml_cache.errors import ConfigurationError
from afml_cache.joblib_memory.layout import keys_of
from afml_cache.memo import CachedFunction
from afml_cache.store.active import active


def pin_adoption(function: CachedFunction[..., Any] | BoundCachedFunction[..., Any]) -> None:
    """Vouch that what ``@cacheable`` has stored of a function is right under the present code.

    The first adoption of a function pins the code that it reaches, and under any other code its
    older entries are refused (reason ``adoption_refused``). Call this before the first adoption to
    pin the code as it is loaded now; or after an edit that does not change results, to have the
    older entries adopted under the edited code.

    Parameters
    ----------
    function : callable
        A function under :func:`~afml_cache.robust_cacheable` or
        :func:`~afml_cache.time_aware_cacheable`.

    Raises
    ------
    ConfigurationError
        It is something else.
    OSError, sqlite3.Error
        The pin cannot be written to ``<base>/records/``.
    """
    inner: Any = function.__func__ if isinstance(function, BoundCachedFunction) else function
    if not isinstance(inner, CachedFunction):
        raise ConfigurationError(
            f"{function!r} is not under @robust_cacheable or @time_aware_cacheable, so nothing "
            "will be adopted for it; migrate it first (afml-codemod apply)"
        )
    store = active()
    for key in keys_of(inner.__wrapped__, roots(store)):
        pins.pin_anew(Records(store), key, pins.rows_by_hand(inner.fingerprint()))
