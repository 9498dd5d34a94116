"""A cached method as an instance (or a class) sees it."""

from __future__ import annotations

import inspect
from typing import Any, Generic, ParamSpec, TypeVar

from afml_cache.diagnosis import Explanation

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class BoundCachedFunction(Generic[P, R_co]):
    """A cached method of one instance (or class)."""

    __slots__ = ("__func__", "__self__")

    def __init__(self, function: Any, instance: object) -> None:
        self.__func__ = function
        self.__self__ = instance

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        return self.__func__(self.__self__, *args, **kwargs)  # type: ignore[no-any-return]

    def cache_key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """As :meth:`CachedFunction.cache_key`, for this instance."""
        return self.__func__.cache_key(self.__self__, *args, **kwargs)  # type: ignore[no-any-return]

    def cache_contains(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """As :meth:`CachedFunction.cache_contains`, for this instance."""
        return self.__func__.cache_contains(self.__self__, *args, **kwargs)  # type: ignore[no-any-return]

    def explain(self, *args: P.args, **kwargs: P.kwargs) -> Explanation:
        """As :meth:`CachedFunction.explain`, for this instance."""
        return self.__func__.explain(self.__self__, *args, **kwargs)  # type: ignore[no-any-return]

    @property
    def __signature__(self) -> inspect.Signature:
        whole = inspect.signature(self.__func__)
        return whole.replace(parameters=list(whole.parameters.values())[1:])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__func__, name)  # cache_info, cache_clear, __name__, __doc__, ...

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BoundCachedFunction):
            return NotImplemented
        return self.__func__ is other.__func__ and self.__self__ is other.__self__

    def __hash__(self) -> int:
        return hash((id(self.__func__), id(self.__self__)))

    def __repr__(self) -> str:
        return f"<cached {self.__func__._identity} of {self.__self__!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self.__self__, self.__func__.__name__)
