"""What data is touched for: training, tuning, testing, or something else."""

from __future__ import annotations

import re
from enum import StrEnum

from afml_cache.errors import ConfigurationError


class Use(StrEnum):
    """What a purpose amounts to."""

    TRAINING = "training"
    TUNING = "tuning"
    TESTING = "testing"
    OTHER = "other"


_WORDS = {
    Use.TRAINING: (
        *("train", "training", "trained", "train set", "training set"),
        *("fit", "fitting", "fitted", "in sample", "insample", "is"),
    ),
    Use.TUNING: (
        *("optimize", "optimise", "optimizing", "optimising", "optimized", "optimised"),
        *("optimization", "optimisation", "tune", "tuning", "tuned", "hyperopt", "grid search"),
        *("validate", "validation", "validated", "valid", "val", "validation set", "val set"),
        *("select", "selection", "model selection", "feature selection", "search"),
        *("cv", "cross validation", "crossvalidation", "cross validate", "dev", "dev set"),
    ),
    Use.TESTING: (
        *("test", "tests", "testing", "tested", "test set", "testset"),
        *("evaluate", "evaluation", "evaluated", "eval", "backtest", "backtesting"),
        *("holdout", "hold out", "holdout set", "oos", "out of sample", "outofsample"),
    ),
    # Nobody is asked what is meant by these.
    Use.OTHER: (
        *("other", "plot", "plots", "plotting", "chart", "charts", "explore", "exploration"),
        *("inspect", "look", "eda", "report", "reporting", "live", "production", "monitoring"),
    ),
}
_USES = {word: use for use, words in _WORDS.items() for word in words}


def use_of(purpose: str) -> Use:
    """What a purpose amounts to; of an unknown one, nothing can be said.

    >>> use_of("validate"), use_of("Out-of-sample"), use_of("plots")
    (<Use.TUNING: 'tuning'>, <Use.TESTING: 'testing'>, <Use.OTHER: 'other'>)
    """
    return _USES.get(_plain(purpose), Use.OTHER)


def is_known(purpose: str) -> bool:
    """Whether a purpose is a word that means something, or is known to mean nothing here."""
    return _plain(purpose) in _USES


def _plain(purpose: str) -> str:
    return " ".join(re.split(r"[\s_-]+", purpose.strip().lower()))


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
