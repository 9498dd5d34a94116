"""scikit-learn: estimators, pipelines, transformers by class, parameters and fitted state.

They keep both in their attributes. What they pickle besides, the version of scikit-learn, belongs
to the environment of a call and not to the value.
"""

from __future__ import annotations

from typing import Any, Final

import sklearn.base

from afml_cache.keys.objects import attributes, instance
from afml_cache.keys.stream import Rule, Stream


def estimator(value: Any) -> Stream:
    """An estimator: two have one key when they were made and fitted alike."""
    return instance(type(value), attributes(value))


FAMILY: Final[dict[type, Rule]] = {sklearn.base.BaseEstimator: estimator}
