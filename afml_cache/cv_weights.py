"""Where the weights of rows go: to the last step of a pipeline, and to scorers that take them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from afml_cache import notices


def weighted_step(estimator: Any) -> str:
    """The step of a pipeline that is fitted with weights, as in its parameters; "" of no pipeline.

    Also of a pipeline within a search over its parameters, and of one within a pipeline.
    """
    inner = getattr(estimator, "estimator", None)
    if inner is not None and hasattr(estimator, "refit"):
        return weighted_step(inner)
    steps = getattr(estimator, "steps", None)
    if not isinstance(steps, list) or not steps:
        return ""
    name, last = steps[-1]
    return "__".join(filter(None, (str(name), weighted_step(last))))


def with_weights(name: str, scorer: Any, estimator: Any) -> Any:
    """The scorer, in a form that takes weights; one that has no use for them is told once.

    None is the estimator's own ``score``.
    """
    if scorer is None:
        own = getattr(type(estimator), "score", None)
        if own is None or "sample_weight" in inspect.signature(own).parameters:
            return scorer
        called, scorer = own.__qualname__, own_score  # that of a search over parameters, say
    elif isinstance(scorer, str) or _takes_weights(scorer):
        return scorer
    else:
        called = getattr(scorer, "__qualname__", type(scorer).__qualname__)
    notices.warn_once(
        ("unweighted_scorer", called),
        f"the scorer {called}() takes no sample_weight, so {name!r} is scored without weights; "
        "name one of scikit-learn's, or give yours a parameter sample_weight=None, to have them",
    )
    return Unweighted(scorer)


@dataclass(frozen=True, slots=True)
class Unweighted:
    """A scorer that is given weights and leaves them out."""

    scorer: Callable[..., Any]

    def __call__(
        self,
        estimator: Any,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,  # noqa: ARG002 - that is what it is for
    ) -> Any:
        return self.scorer(estimator, X, y)


def own_score(estimator: Any, X: Any, y: Any = None) -> Any:
    """What the estimator scores itself by."""
    return estimator.score(X, y)


def _takes_weights(scorer: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(scorer).parameters
    except (TypeError, ValueError):  # one that does not say
        return True
    return "sample_weight" in parameters or any(
        one.kind is one.VAR_KEYWORD for one in parameters.values()
    )
