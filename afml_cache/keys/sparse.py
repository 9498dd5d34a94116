"""scipy's sparse matrices and arrays: format, shape, dtype and the stored elements.

The order in which elements are stored, duplicates that have not been added up yet and the width
of the indices do not count: scipy itself changes them while it works. Stored zeros do.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import scipy.sparse

from afml_cache.keys.arrays import array, dtype_stream, shape_bytes
from afml_cache.keys.atoms import no_label, text
from afml_cache.keys.stream import Rule, Stream, compose, tag


def sparse(value: Any) -> Stream:
    """Any sparse matrix or array; the class, and with it the format, counts."""
    head = b"".join(
        (
            tag("sparse matrix"),
            text(type(value).__name__),
            dtype_stream(value.dtype),
            shape_bytes(value.shape),
        )
    )
    return compose(head, [array(part) for part in _canonical(value)], no_label)


def _canonical(value: Any) -> list[Any]:
    if value.format in ("csr", "csc", "bsr"):
        if not _is_canonical(value):
            value = value.copy()  # never in place: it is the user's
            value.sum_duplicates()
        return [_wide(value.indptr), _wide(value.indices), value.data]
    own = []
    if value.format == "dia":
        own = [np.sort(_wide(value.offsets))]
    coordinates = value.tocoo(copy=True)
    coordinates.sum_duplicates()
    places = getattr(coordinates, "coords", None)
    if places is None:  # before scipy 1.13
        places = (coordinates.row, coordinates.col)
    return [*own, *(_wide(axis) for axis in places), coordinates.data]


def _is_canonical(value: Any) -> bool:
    """Sorted and without duplicates, found out without touching the value's own flags."""
    if value.format == "bsr":
        return False
    probe = type(value)((value.data, value.indices, value.indptr), value.shape, copy=False)
    return bool(probe.has_canonical_format)


def _wide(indices: Any) -> Any:
    return np.asarray(indices).astype(np.int64, copy=False)


EXACT: Final[dict[type, Rule]] = {}
FAMILY: Final[dict[type, Rule]] = {
    cls: sparse
    for cls in vars(scipy.sparse).values()
    if isinstance(cls, type)
    and cls.__name__.endswith(("_matrix", "_array"))
    and hasattr(cls, "nnz")
}
