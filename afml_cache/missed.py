"""``explain_last_miss()``: why the last computed call of this process was computed."""

from __future__ import annotations

from afml_cache import last_miss
from afml_cache.diagnosis import Explanation, differences_to_closest
from afml_cache.keys.explain import Difference, Kind

__all__ = ["explain_last_miss"]


def explain_last_miss() -> Explanation | None:
    """Why the last call that ran its function was not served, in whichever thread it was made.

    Nothing is computed, and no argument is held for it: the description that the call's own entry
    keeps is compared with the closest entry that was there before. A call whose result was not
    stored (it raised, say, or the store is read-only) has a reason but nothing to compare;
    ``fn.explain(...)`` with the same arguments tells more. So it is for ``@cacheable``, where
    joblib keeps no such description.

    Returns
    -------
    Explanation or None
        None where every call of this process was served, or none was made.

    Examples
    --------
    >>> from afml_cache import explain_last_miss, robust_cacheable, use_store
    >>> @robust_cacheable
    ... def scaled(x, by):
    ...     return x * by
    >>> with use_store(tmp_path / "explained"):
    ...     _ = scaled(2, by=3), scaled(2, by=4)
    ...     explanation = explain_last_miss()
    >>> str(explanation.reason), [str(difference) for difference in explanation.differences]
    ('argument', ['by was 3, is 4'])
    """
    missed = last_miss.latest
    if missed is None:
        return None
    told = tuple(Difference(Kind.ARGUMENT, missed.function, text) for text in missed.why)
    key, store = missed.key, missed.store
    if key is None or store is None:
        return Explanation(missed.function, None, missed.reason, told, made=True)
    found, closest = differences_to_closest(store, missed.function, key, missed.started)
    return Explanation(
        missed.function,
        key.digest.hex(),
        missed.reason,
        tuple(dict.fromkeys([*told, *found])),
        closest,
        key.fingerprint.left_out,
        made=True,
        details=missed.details,
    )
