"""What all calls of a study share, lent to each thread as a copy of its own.

A function may write into its data. The caller's own is never handed out, so a call that did is
followed by one with the data as it was, as in a worker that is sent it anew. Frames of a pandas
that copies on write cost nothing to copy.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from afml_cache.backtests.studies.outcome import Outcome
from afml_cache.backtests.studies.study import Study
from afml_cache.errors import ConfigurationError
from afml_cache.keys.call import is_simple
from afml_cache.keys.content import digest


class Copies:
    """The copies of one study, a thread each."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._expected = shared_digest(study)
        self._own = threading.local()
        self._refused = ""  #: what cannot be copied, and why
        self._is_faithful = True

    def lend(self) -> Study:
        """The study with what is this thread's, as the caller's was when the study began."""
        own = getattr(self._own, "study", None)
        if own is None:
            own = self._own.study = self._made()
        assert isinstance(own, Study)
        return own

    def tracked(self) -> AbstractContextManager[object]:
        """As of the study itself, also before anything is lent."""
        return self._study.tracked()

    def take_back(self, outcome: Outcome) -> None:
        """After a call: what it has changed is not lent again.

        Raises
        ------
        ConfigurationError
            It has changed what cannot be had again.
        """
        if outcome.left_alone:
            return
        if self._expected is not None and shared_digest(self._own.study) == self._expected:
            return
        del self._own.study
        if self._expected is not None and shared_digest(self._study) != self._expected:
            raise ConfigurationError(
                f"{self._study.function.identity}() changes its data, or what else all calls are "
                f"given, and {self._refused or 'copies of it share what was changed'}: further "
                "calls would be of other data. Nothing of what it changed is stored. Let it work "
                "on a copy of its own (data = data.copy()), or use backend='loky'"
            )

    def _made(self) -> Study:
        study = self._study
        own = replace(
            study,
            first=tuple(map(self._copied, study.first)),
            data=self._copied(study.data),
            fixed={name: self._copied(value) for name, value in study.fixed.items()},
        )
        # A copy that is another to the cache would make other keys.
        if not self._is_faithful or shared_digest(own) == self._expected:
            return own
        self._is_faithful = False
        self._refused = "its copies have other digests"
        return study

    def _copied(self, value: Any) -> Any:
        if not self._is_faithful:
            return value
        try:
            return copied(value)
        except Exception as error:  # noqa: BLE001 - what the user's own copying raises
            self._refused = f"its {type(value).__name__} cannot be copied ({error})"
            return value


def shared_digest(study: Study) -> bytes | None:
    """The digest of what all calls are given; None where it has none."""
    try:
        return digest([*study.first, study.data, *study.fixed.values()])
    except Exception:  # noqa: BLE001 - it has no key, or raises when asked; the look-up says so
        return None


def copied(value: Any) -> Any:
    """A deep copy; frames share their memory with it, where pandas copies what is written to."""
    within = value.values() if type(value) is dict else value
    parts = [value, *(within if type(value) in (dict, list, tuple) else ())]
    # What deepcopy() finds there it takes as copied.
    memo = {id(part): part.copy(deep=False) for part in parts if _copies_on_write(part)}
    return copy.deepcopy(value, memo)


def copied_combination(combination: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The parameters of one call; the values that a grid shares among calls are copied, too."""
    if combination is None or is_simple(tuple(combination.values())):
        return combination
    try:
        return {name: copied(value) for name, value in combination.items()}
    except Exception:  # noqa: BLE001 - what cannot be copied is handed on as it is
        return combination


def _copies_on_write(value: object) -> bool:
    if type(value).__module__.partition(".")[0] != "pandas":
        return False
    import pandas as pd

    if not isinstance(value, pd.DataFrame | pd.Series):
        return False
    return int(pd.__version__.partition(".")[0]) >= 3
