"""What data is touched for: training, tuning, testing, or something else."""

from __future__ import annotations

from enum import StrEnum

from afml_cache.errors import ConfigurationError


class Use(StrEnum):
    """What a purpose amounts to."""

    TRAINING = "training"
    TUNING = "tuning"
    TESTING = "testing"
    OTHER = "other"


_WORDS = {
    Use.TRAINING: ("train", "training", "fit", "fitting"),
    Use.TUNING: (
        *("optimize", "optimise", "optimization", "optimisation", "tune", "tuning"),
        *("validate", "validation", "valid", "select", "selection"),
    ),
    Use.TESTING: (
        *("test", "testing", "evaluate", "evaluation", "holdout", "hold-out"),
        *("oos", "out-of-sample", "out_of_sample"),
    ),
}
_USES = {word: use for use, words in _WORDS.items() for word in words}


def use_of(purpose: str) -> Use:
    """What a purpose amounts to; of an unknown one, nothing can be said.

    >>> use_of("validate"), use_of("plots")
    (<Use.TUNING: 'tuning'>, <Use.OTHER: 'other'>)
    """
    return _USES.get(purpose, Use.OTHER)


def checked_name(what: str, name: object) -> str:
    """A data set's or a purpose's name, without blanks around it.

    Raises
    ------
    ConfigurationError
        It is no text, or an empty one.
    """
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError(f"{what}={name!r}: give a name, such as 'prices' or 'train'")
    return name.strip()
