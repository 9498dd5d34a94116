"""An argument whose class came from the ``__main__`` of another process, as in a worker."""

from __future__ import annotations

from afml_cache import robust_cacheable


class Bars:
    """As cloudpickle makes it in a worker: of ``__main__``, but not of the worker's."""


Bars.__module__ = "__main__"


@robust_cacheable
def rows(bars: Bars) -> int:
    return 1


def test_it_does_not_come_from_the_package_that_runs_the_worker() -> None:
    # Here ``__main__`` is pytest (in a worker of joblib, joblib), which has not made the class.
    assert rows._key_of({"bars": Bars()}).fingerprint.packages == rows.fingerprint().packages
