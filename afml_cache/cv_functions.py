"""A cached function that cross-validates: it works on estimators of its own.

Cross-validation fits what it is given. So the function gets a copy of each estimator, and the
key is made of another: neither does a fit in place change the key, nor does it depend on whether
the call was a hit what has become of the caller's estimator.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar

from afml_cache import notices
from afml_cache.attempt import Options
from afml_cache.cacheable_functions import reduce_cached
from afml_cache.cv_entries import note_entry
from afml_cache.errors import UncacheableFunctionError
from afml_cache.keys.call import Binder, CallKey
from afml_cache.memo import CachedFunction
from afml_cache.store.store import Store

__all__ = ["CrossValidatedFunction"]

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)

#: Solvers that draw no random numbers, whatever ``random_state`` is.
_EXACT_SOLVERS = frozenset(
    {"lbfgs", "newton-cg", "newton-cholesky", "cholesky", "svd", "lsqr", "sparse_cg"}
)


class CrossValidatedFunction(CachedFunction[P, R_co]):
    """A cached function whose estimators count by their parameters, or with their fitted state.

    Parameters
    ----------
    function : callable
        No ``async def`` function.
    options : Options
    counts_state : bool
        Whether the fitted state of estimators is part of the key, and seen by the function.
    called : str
        How the user knows the function, where that is not its name.
    """

    __slots__ = ("_called", "_counts_state", "_defaults", "_signature")

    def __init__(
        self,
        function: Callable[P, R_co],
        options: Options,
        counts_state: bool = False,
        called: str = "",
    ) -> None:
        super().__init__(function, options)
        if inspect.iscoroutinefunction(function):
            raise UncacheableFunctionError(
                f"{function.__qualname__} is an async function; cross-validation computes and does "
                "not wait, so write it with a plain def, or use @robust_cacheable"
            )
        self._counts_state = counts_state
        self._called = called or self._identity
        self._binder = _CopyingBinder(function, options.ignore, counts_state)
        self._signature = inspect.signature(function)
        #: Estimators that every call would share, and find as the call before has fitted them.
        self._defaults = {
            name: one.default
            for name, one in self._signature.parameters.items()
            if _may_hold_estimators(one.default) and one.kind is not one.POSITIONAL_ONLY
        }

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        own_args, own_kwargs = self._as_called(args, kwargs)
        return super().__call__(*own_args, **own_kwargs)

    def _as_called(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        own_args = tuple(own_copy(value, self._counts_state) for value in args)
        if self._defaults:
            try:
                given = self._signature.bind_partial(*args, **kwargs).arguments
            except TypeError:  # the function itself says what is wrong
                given = {}
            left_out = {name: one for name, one in self._defaults.items() if name not in given}
            kwargs = {**left_out, **kwargs}
        return own_args, {k: own_copy(v, self._counts_state) for k, v in kwargs.items()}

    def _miss(
        self, store: Store, key: CallKey, found: object, args: Any, kwargs: Any, started: float
    ) -> R_co:
        if not store.read_only:
            note_entry(store, key.digest, self._called)
        say_unseeded(self._called, self._binder.bind(args, kwargs))
        return super()._miss(store, key, found, args, kwargs, started)

    def __reduce__(self) -> str | tuple[Any, ...]:
        parts = (self._wrapped, self._options, self._counts_state, self._called)
        return reduce_cached(self, CrossValidatedFunction, parts)


class _CopyingBinder(Binder):
    """Binds copies of estimators, so that nobody fits what a key was made of."""

    __slots__ = ("_counts_state",)

    def __init__(
        self, function: Callable[..., Any], ignore: Iterable[str], counts_state: bool
    ) -> None:
        super().__init__(function, ignore)
        self._counts_state = counts_state

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        bound = super().bind(args, kwargs)
        own = {name: own_copy(value, self._counts_state) for name, value in bound.items()}
        if self._counts_state:
            for value in own.values():
                _forget_times(value)
        return own


def _forget_times(estimator: Any) -> None:
    """Take out of a copy how long a search over parameters took: it is not what was fitted."""
    state = getattr(estimator, "__dict__", {}) if is_estimator(estimator) else {}
    if "refit_time_" in state:
        estimator.refit_time_ = 0.0
    if isinstance(results := state.get("cv_results_"), dict):
        kept = {name: one for name, one in results.items() if not name.endswith("_time")}
        estimator.cv_results_ = kept


def own_copy(value: Any, counts_state: bool) -> Any:
    """A copy of an estimator, unfitted unless its state counts; of those in plain containers, too.

    Everything else is given back as it is.
    """
    if type(value) in (list, tuple):
        if any(map(_may_hold_estimators, value)):
            return type(value)(own_copy(item, counts_state) for item in value)
        return value
    if type(value) is dict:
        if any(map(_may_hold_estimators, value.values())):
            return {key: own_copy(item, counts_state) for key, item in value.items()}
        return value
    if not is_estimator(value):
        return value
    from sklearn.base import clone

    try:
        return copy.deepcopy(value) if counts_state else clone(value)
    except Exception as error:  # noqa: BLE001 - foreign constructors may raise anything
        name = type(value).__qualname__
        notices.warn_once(
            ("no_clone", name),
            f"{name} cannot be copied ({type(error).__name__}: {error}), so it is used as it is: "
            "its fitted state counts, and where a call fits it, the result is not cached. Its "
            "__init__ has to set its parameters as they are given and do nothing else",
        )
        return value


def is_estimator(value: object) -> bool:
    """Whether a value can be fitted and cloned as scikit-learn does it."""
    cls = type(value)
    return cls is not type and hasattr(cls, "fit") and hasattr(cls, "get_params")


def _may_hold_estimators(value: object) -> bool:
    return type(value) in (list, tuple, dict) or is_estimator(value)


# -- what is not reproducible ------------------------------------------------------------


def say_unseeded(function: str, values: Mapping[str, Any]) -> None:
    """Warn once a function of what draws other random numbers at each run."""
    unseeded = sorted({told for name, value in values.items() for told in _unseeded(value, name)})
    if not unseeded:
        return
    notices.warn_once(
        ("unseeded", function, tuple(unseeded)),
        f"{function}() is not reproducible, since {', '.join(unseeded)} is None: what this run "
        "happens to find is cached and served from now on; give it a number to know that it can "
        "be found again",
    )


def _unseeded(value: Any, name: str) -> Iterator[str]:
    if type(value) in (list, tuple):
        for position, item in enumerate(value):
            yield from _unseeded(item, f"{name}[{position}]")
    elif type(value) is dict:
        for key, item in value.items():
            yield from _unseeded(item, f"{name}[{key!r}]")
    elif is_estimator(value):
        parameters: dict[str, Any] = {}
        with contextlib.suppress(Exception):  # foreign estimators: nothing can be said of them
            parameters = value.get_params(deep=True)
        for parameter, given in parameters.items():
            owner = parameter.removesuffix("random_state")
            if _draws(given):  # the splitter of a search over parameters
                yield f"{name}.{parameter}.random_state"
            if owner == parameter or given is not None or (owner and not owner.endswith("__")):
                continue
            solver = parameters.get(f"{owner}solver")
            is_network = f"{owner}hidden_layer_sizes" in parameters  # starts at random weights
            if solver not in _EXACT_SOLVERS or is_network:
                yield f"{name}.{parameter}"
    elif _draws(value):
        yield f"{name}.random_state"


def _draws(splitter: Any) -> bool:
    """Whether it is a splitter that shuffles in another way each time."""
    return (
        hasattr(type(splitter), "split")
        and type(splitter) is not str
        and getattr(splitter, "random_state", 0) is None
        and bool(getattr(splitter, "shuffle", True))  # without this switch they always shuffle
    )
