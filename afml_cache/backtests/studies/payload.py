"""A study on its way to workers: pickled once, sent once, unpickled once a thread of theirs.

What it travels by is the backend's: joblib maps the bytes into the memory of loky's workers, dask
scatters the object, ray keeps it in its object store.
"""

from __future__ import annotations

import importlib
import pickle
import secrets
import sys
import threading
from dataclasses import dataclass
from typing import Any

from afml_cache.backtests.studies.copies import shared_digest
from afml_cache.backtests.studies.outcome import Task
from afml_cache.backtests.studies.place import Place
from afml_cache.backtests.studies.study import Study
from afml_cache.keys.code import Fingerprint

#: Studies that one worker keeps unpickled.
_KEPT = 2


@dataclass(frozen=True, slots=True)
class Sent:
    """What a worker needs to know.

    Attributes
    ----------
    study : Study
    place : Place
    fingerprint : Fingerprint
        Of the code that the caller has loaded, with what the arguments bring along.
    own : Fingerprint
        Of the function alone.
    by_value : tuple of str
        Modules whose functions are sent along rather than imported by the worker.
    program : str
        The file of the running program, whose functions are sent along, too.
    """

    study: Study
    place: Place
    fingerprint: Fingerprint
    own: Fingerprint
    by_value: tuple[str, ...]
    program: str


class Payload:
    """A pickled :class:`Sent`."""

    def __init__(self, content: Any, name: str) -> None:
        self.content = content  #: uint8, for arrays are what backends know how to share
        self.name = name

    def __sizeof__(self) -> int:  # dask scatters by it
        return int(self.content.nbytes)


def pack(study: Study, place: Place, fingerprint: Fingerprint) -> Payload:
    """Pickle a study; raises what its function or its data raise when they are pickled."""
    import numpy as np

    program = getattr(sys.modules["__main__"], "__file__", None) or ""
    own = study.function.fingerprint()
    packed = pickled(Sent(study, place, fingerprint, own, _by_value(study), program))
    return Payload(np.frombuffer(packed, dtype=np.uint8), secrets.token_hex(8))


def pickled(value: object) -> bytes:
    """A value as bytes, also a function or an object of a class that a notebook defines."""
    stream: bytes = _cloudpickle().dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    return stream


def combination_of(task: Task) -> Any:
    """The parameters of a call, which travel pickled."""
    packed = task.combination
    return pickle.loads(packed) if isinstance(packed, bytes) else packed


def _by_value(study: Study) -> tuple[str, ...]:
    """Modules that no worker imports: the running program, and one that cannot be imported."""
    from afml_cache.main_module import MAIN_NAMES, main_name

    # Not what cloudpickle is told to pickle by value: decorated functions go by name all the same.
    named = (main_name(), *MAIN_NAMES)
    own = study.function.__module__
    return named if own in sys.modules else (*named, own)


def _cloudpickle() -> Any:
    try:
        return importlib.import_module("cloudpickle")
    except ImportError:  # joblib before 1.6 brings its own
        return importlib.import_module("joblib.externals.cloudpickle")


class _Unpacked(threading.local):
    """What this thread has unpacked: calls of another must not find data that this one changes."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[Sent, bytes | None]] = {}


_unpacked = _Unpacked()


def unpack(payload: Payload, *, again: bool = False) -> Sent:
    """What was sent; the same object for all calls of this thread.

    ``again``: a new one, since a function has changed its data.
    """
    kept = _unpacked.known
    known = None if again else kept.get(payload.name)
    if known is None:
        sent = pickle.loads(memoryview(payload.content))
        assert isinstance(sent, Sent)
        while len(kept) >= _KEPT and payload.name not in kept:
            del kept[next(iter(kept))]
        known = kept[payload.name] = sent, shared_digest(sent.study)
    return known[0]


def has_changed(payload: Payload) -> bool:
    """Whether what the calls of this thread share is not what was sent any more."""
    known = _unpacked.known.get(payload.name)
    return known is None or known[1] is None or shared_digest(known[0].study) != known[1]
